"""Lost memories: what the library knew, kept as an offer until a person decides.

A program that saves a file without its XMP takes the memory away. The store still knows
which document the path, or the content, carried; from that ingest makes an offer, and a
person accepts it (`recover`). The offered memory is kept in `.gm/recovery.jsonl`, one JSON
object a line, because the next generation of the store no longer holds it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gm_assets.library.past import PastFile
from gm_assets.library.values import Recovery
from gm_assets.memory.files import write_new
from gm_assets.memory.record import Memory

if TYPE_CHECKING:
    import pyarrow as pa

    from gm_assets.library.library import Library

_ASSET_COLUMNS = (
    *("document_id", "instance_id", "original_document_id", "title", "description", "creators"),
    *("keywords", "rights", "creator_tool", "create_date", "domain", "subject", "environment"),
    *("shot", "digital_source_type", "ai_system", "ai_prompt", "schema_version"),
)
#: Columns of the files table that tell who carries what.
CARRIED = ["path", "document_id", "content_id", "memory"]
_PLACEMENTS = """
select document_id as child, chain, generation, stage, part, "view", frame, variant, "primary"
from placements where document_id in (select unnest(?))"""
_PARENTS = """
select document_id as child, role, parent_document_id as document_id,
       parent_instance_id as instance_id, parent_content_id as content_id,
       parent_stream_hash as stream_hash, parent_stage as stage, basis
from parents where document_id in (select unnest(?)) order by ordinal"""
_EVENTS = """
select document_id as child, action, "time" as "when", software_agent, parameters, changed,
       content_id, note, person
from events where document_id in (select unnest(?)) order by ordinal"""
_GAPS = """
select document_id as child, stage, role, reason
from gaps where document_id in (select unnest(?))"""
_ASSETS = """
select a.*, c.pixel_hash, c.asset_hash, c.width, c.height, c.decoder,
       c.content_id as known_content_id
from assets a left join contents c using (content_id)
where a.document_id in (select unnest(?)) and not a.provisional"""


@dataclass(frozen=True, slots=True)
class Offer:
    """A memory that was lost: what `path` carried with the content `content_id`."""

    path: str
    content_id: str
    memory: Memory


@dataclass(frozen=True)
class Offers:
    """The open offers of a library, by document."""

    by_document: Mapping[str, Offer] = field(default_factory=dict)

    @classmethod
    def load(cls, library: Library) -> Offers:
        """Read `.gm/recovery.jsonl`; lines that cannot be read are passed over."""
        offers = {}
        with suppress(OSError):
            for line in (library.state / "recovery.jsonl").read_text("utf-8").splitlines():
                with suppress(ValueError, KeyError, TypeError):
                    offer = Offer(
                        (row := json.loads(line))["path"],
                        row["content_id"],
                        Memory.model_validate(row["memory"]),
                    )
                    offers[offer.memory.document_id] = offer
        return cls(offers)

    def save(self, library: Library) -> None:
        """Replace `.gm/recovery.jsonl`. Raises WriteRefused where it cannot be written."""
        lines = (
            json.dumps(
                {
                    "path": offer.path,
                    "content_id": offer.content_id,
                    "memory": offer.memory.model_dump(mode="json", exclude_defaults=True),
                }
            )
            for offer in self.by_document.values()
        )
        data = "".join(f"{line}\n" for line in lines).encode()
        write_new(library.state / "recovery.jsonl", data, overwrite=True)

    def changed(self, *, opened: Iterable[Offer] = (), closed: Collection[str] = ()) -> Offers:
        """These offers with others `opened` and those of the documents `closed` gone."""
        offers = {**self.by_document, **{offer.memory.document_id: offer for offer in opened}}
        return Offers({key: offer for key, offer in offers.items() if key not in closed})

    def at(self, path: str) -> Offer | None:
        """The newest offer made for that path."""
        found = [offer for offer in self.by_document.values() if offer.path == path]
        return found[-1] if found else None

    def of_content(self, content_id: str) -> Offer | None:
        """An offer whose memory states that content."""
        for offer in self.by_document.values():
            if offer.content_id == content_id:
                return offer
        return None


@dataclass(frozen=True)
class Lost:
    """Tells whether a file without a memory seems to have lost one.

    `before` are the files that changed, by path; `gone` those that vanished, by content, and
    `gone_documents` the same by document; `offered_paths` and `offered_contents` name the
    documents of open offers.
    """

    before: Mapping[str, PastFile] = field(default_factory=dict)
    gone: Mapping[str, PastFile] = field(default_factory=dict)
    gone_documents: Mapping[str, PastFile] = field(default_factory=dict)
    offered_paths: Mapping[str, str] = field(default_factory=dict)
    offered_contents: Mapping[str, str] = field(default_factory=dict)

    def recovery(self, path: str, content_id: str, stated: str | None = None) -> Recovery | None:
        """The offer for a file without a memory, or None where nothing says it ever had one.

        Args:
            stated: the DocumentID that the file still has: some programs keep the standard
                properties of a packet and drop ours.
        """
        before, gone = self.before.get(path), self.gone.get(content_id)
        if before is not None and before.document_id is not None:
            same = before.content_id == content_id
            reason = "its content is unchanged" if same else "its content was changed as well"
            return Recovery(path, before.document_id, content_id, None, reason)
        if gone is not None and gone.document_id is not None:
            reason = f"its content lay with a memory at {gone.path}"
            return Recovery(path, gone.document_id, content_id, None, reason)
        if (document_id := self.offered_contents.get(content_id)) is not None:
            reason = "its content was known with a memory"
            return Recovery(path, document_id, content_id, None, reason)
        if stated is not None and (gone := self.gone_documents.get(stated)) is not None:
            reason = f"its DocumentID is that of {gone.path}, which vanished"
            return Recovery(path, stated, content_id, None, reason)
        if (document_id := self.offered_paths.get(path)) is not None:
            reason = "a file with a memory lay here; its content was changed as well"
            return Recovery(path, document_id, content_id, None, reason)
        return None


def find_lost(library: Library, past: Mapping[str, PastFile], gone: Collection[str]) -> Lost:
    """What tells lost memories, from the rows of changed and vanished (`gone`) paths."""
    remembered = {path: file for path, file in past.items() if file.remembered}
    offers = Offers.load(library).by_document.values()
    return Lost(
        before={path: file for path, file in remembered.items() if path not in gone},
        gone={
            file.content_id: file
            for path, file in sorted(remembered.items())
            if path in gone and file.content_id
        },
        gone_documents={
            file.document_id: file
            for path, file in sorted(remembered.items())
            if path in gone and file.document_id
        },
        offered_paths={offer.path: offer.memory.document_id for offer in offers},
        offered_contents={offer.content_id: offer.memory.document_id for offer in offers},
    )


def carriers(library: Library, documents: Collection[str]) -> dict[str, str]:
    """For each of the documents a file that carries it now, by the store."""
    rows = _carrying(library.store.read("files", CARRIED), "document_id", documents)
    return {document: path for path, document, _ in reversed(rows)}


def holders(files: pa.Table, contents: Collection[str]) -> dict[str, dict[str, str]]:
    """For each of the contents the documents that files carry it with, each with one path.

    `files` are rows of the files table with at least the columns `CARRIED`.
    """
    found: dict[str, dict[str, str]] = {}
    for path, document, content in _carrying(files, "content_id", contents):
        found.setdefault(content, {}).setdefault(document, path)
    return found


def _carrying(files: pa.Table, column: str, values: Collection[str]) -> list[tuple[str, str, str]]:
    """Path, document and content of files with a memory whose `column` is one of `values`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = pc.is_in(files.column(column), value_set=pa.array(sorted(values), pa.string()))
    files = files.filter(pc.and_(wanted, pc.not_equal(files.column("memory"), "none")))
    columns = (files.column(name).to_pylist() for name in ("path", "document_id", "content_id"))
    return sorted(zip(*columns, strict=True))


def memories_in_store(library: Library, documents: Collection[str]) -> dict[str, Memory]:
    """The memories of documents as far as the store's tables hold them.

    Embeddings, unknown properties and the AI system's version and prompt writer are not in
    the tables, so they are not in these memories.
    """
    if not documents or not library.store.generation:
        return {}
    con = library.store.connect()
    try:
        wanted = sorted(documents)
        parts = {
            "placements": _grouped(con, _PLACEMENTS, wanted),
            "parents": _grouped(con, _PARENTS, wanted),
            "history": _grouped(con, _EVENTS, wanted),
            "gaps": _grouped(con, _GAPS, wanted),
        }
        found = {}
        for asset in _rows(con, _ASSETS, wanted):
            document = asset["document_id"]
            values = {name: asset[name] for name in _ASSET_COLUMNS if asset[name] is not None}
            values |= {name: groups.get(document, []) for name, groups in parts.items()}
            for name in ("recipe", "camera"):
                values[name] = json.loads(asset[name]) if asset[name] else None
            values["written"] = _written(asset)
            with suppress(ValueError):  # a foreign memory that our tables cannot give back
                found[document] = Memory.model_validate(values)
        return found
    finally:
        con.close()


def _rows(con: Any, query: str, documents: list[str]) -> list[dict[str, Any]]:
    cursor = con.execute(query, [documents])
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _grouped(con: Any, query: str, documents: list[str]) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in _rows(con, query, documents):
        groups.setdefault(row.pop("child"), []).append(row)
    return groups


def _written(asset: Mapping[str, Any]) -> dict[str, Any] | None:
    """Identity as the memory stated it; only the content id where the file was altered."""
    stated = asset["stated_content_id"] or asset["content_id"]
    if stated is None or stated != asset["known_content_id"]:
        return None if stated is None else {"content_id": stated}
    from gm_assets.identity import ASSET_SCHEME, PIXEL_SCHEME, STREAM_SCHEME

    hashes = {
        "pixel": (asset["pixel_hash"], PIXEL_SCHEME),
        "stream": (asset["stream_hash"], STREAM_SCHEME),
        "asset": (asset["asset_hash"], ASSET_SCHEME),
    }
    written: dict[str, Any] = {
        "content_id": stated,
        **{name: asset[name] for name in ("width", "height", "decoder")},
    }
    for name, (value, scheme) in hashes.items():
        written[f"{name}_hash"] = value
        written[f"{name}_scheme"] = scheme if value else None
    return written
