"""From files and memories to rows: the table builder.

`TableBuilder.add_file` is called once for every file of a rebuild, so it does no more than
assemble tuples; they become Arrow record batches every few thousand files. Which memory
speaks for a document, and which file for a content, is decided for all of them at once in
`gm_assets.stores.election`.
"""

from __future__ import annotations

import json
import marshal
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import pyarrow as pa
import rfc8785

from gm_assets.containers import is_model, is_sealed
from gm_assets.errors import GmError
from gm_assets.lineage.evidence import is_altered
from gm_assets.memory.record import (
    Event,
    Memory,
    Placement,
    Written,
    mint_document_id,
    mint_instance_id,
)
from gm_assets.stores import election
from gm_assets.stores.schema import QUARANTINE
from gm_assets.stores.spool import Spool
from gm_assets.stores.tables import Change, Tables

if TYPE_CHECKING:
    from gm_assets.identity import Identity
    from gm_assets.stores.catalogue import Generation

#: Files held as Python tuples before they become Arrow batches: few, since the garbage
#: collector walks over them again and again.
BATCH_FILES = 1_024
#: Notes kept for one file.
MAX_NOTES = 32


class Signature(Protocol):
    """What tells that a file is unchanged without reading it."""

    @property
    def size(self) -> int: ...
    @property
    def mtime_ns(self) -> int: ...
    @property
    def ctime_ns(self) -> int: ...
    @property
    def inode(self) -> int: ...


def provisional_document_id(content_id: str, placement: Placement | None) -> str:
    """The id of a document that has no memory yet: the same for the same content and place.

    A file that gets its memory later keeps this id, so nothing that names it breaks.
    """
    if placement is None:
        return mint_document_id(content_id)
    place = placement.model_dump_json(exclude={"primary"}, exclude_none=True)
    return mint_document_id(content_id, place)


class TableBuilder:
    """Collects files and quarantined paths, and builds the tables to commit.

    Without `base` it builds everything from nothing (`build` gives `Tables`). With a
    generation as base it builds an update (`build` gives a `Change`): only documents and
    contents that the given paths touch are decided again.

    Rows that are too many for memory wait in `spill`, a folder for temporary files.

    Each path is given once, either to `add_file` or to `quarantine`; of a file given twice
    the last row stays.
    """

    def __init__(self, base: Generation | None = None, spill: Path | None = None) -> None:
        self._base = base
        self._spill = spill
        self._gone: set[str] = set()
        self._count = 0
        self._pool = {name: _Rows(schema, spill) for name, schema in election.POOL.items()}
        self._quarantine = _Rows(QUARANTINE, spill)

    def __len__(self) -> int:
        """Files and quarantined paths given so far."""
        return self._count + len(self._quarantine)

    def without(self, paths: Iterable[str]) -> TableBuilder:
        """Drop what the base generation says of these paths (vanished or moved files)."""
        self._gone.update(map(storable, paths))
        return self

    def add_file(
        self,
        path: str,
        signature: Signature,
        managed: bool,
        identity: Identity | None,
        memory: Memory | None,
        notes: Sequence[str] = (),
        placement_by_rule: Placement | None = None,
        *,
        format: str | None = None,
    ) -> str | None:
        """Add one readable file; with a base, in place of what it says of this path.

        Args:
            path: relative to the library's root, `/` between the parts.
            signature: size, mtime_ns, ctime_ns and inode, as `stat` gave them.
            managed: whether the path lies below a managed folder.
            identity: what the file is, or None where only its memory was read; the row is
                then unverified and states what the memory states.
            memory: what the file remembers, or None.
            notes: what a reader of the file should know, one sentence each.
            placement_by_rule: where the rules put a file whose memory gives no placement. A
                file without memory becomes a provisional document there; one of a sealed
                format, which never gets a memory, without a placement too, so that links to
                it resolve.
            format: the container's name, needed only where `identity` is None.

        Returns:
            The id of the document that the file carries, or None.
        """
        self._count += 1
        path = storable(path)
        if self._base is not None:
            self._gone.add(path)
        written = None if memory is None else memory.written
        if identity is None:
            file = _FileFacts.remembered(format, written)
        else:
            file = _FileFacts.read(identity, written)
        document_id, voice = None, None
        if memory is not None:
            document_id = memory.document_id
            voice = self._add_memory(memory, placement_by_rule, provisional=False)
        elif file.content_id is not None and (
            placement_by_rule is not None or is_sealed(file.format)
        ):
            memory_to_be = _provisional(file.content_id, placement_by_rule)
            document_id = memory_to_be.document_id
            voice = self._add_memory(memory_to_be, None, provisional=True)
        reason = None if identity is None else identity.no_pixel_reason
        if reason is not None and reason not in notes:
            notes = (*notes, reason)
        self._pool["files"].append(
            (
                path,
                *_signature(signature),
                file.format,
                file.kind,
                file.file_hash,
                file.content_id,
                file.stream_hash,
                document_id,
                None if memory is None else memory.instance_id,
                "none" if memory is None else "newer" if memory.newer else "embedded",
                identity is not None,
                file.stated_content_id is not None,
                file.stated_content_id,
                managed,
                file.width,
                file.height,
                file.orientation,
                file.frames,
                file.pixel_layout,
                file.perceptual_hash,
                file.geometry_hash,
                file.decoder,
                list(notes[:MAX_NOTES]),
                voice,
                self._count,
            )
        )
        if self._count % BATCH_FILES == 0:
            for rows in self._pool.values():
                rows.flush()
        return document_id

    def quarantine(self, path: str, signature: Signature | None, error: GmError) -> None:
        """Add a path that cannot be read, with the reason and what can be done."""
        path = storable(path)
        if self._base is not None:
            self._gone.add(path)
        facts = (None,) * 4 if signature is None else _signature(signature)
        self._quarantine.append((path, *facts, type(error).__name__, error.what, error.remedy))

    def build(self) -> Tables | Change:
        """Decide who speaks for each document and content, and give the rows.

        Returns:
            `Tables` where the builder has no base, else the `Change` against it.
        """
        pool = {name: rows.table() for name, rows in self._pool.items()}
        quarantine = self._quarantine.table()
        if self._base is None:
            return election.elect(pool, quarantine, self._spill)
        gone = sorted(self._gone)
        return election.elect_changes(self._base, gone, pool, quarantine, self._spill)

    def _add_memory(self, memory: Memory, by_rule: Placement | None, *, provisional: bool) -> int:
        """Add the rows of one memory; returns its voice."""
        document = memory.document_id
        times = [time for event in memory.history if (time := utc(event.when)) is not None]
        asset = (
            document,
            memory.instance_id,
            memory.original_document_id,
            provisional,
            memory.title,
            memory.description,
            list(memory.creators),
            list(memory.keywords),
            memory.rights,
            memory.creator_tool,
            memory.create_date,
            memory.domain,
            memory.subject,
            memory.environment,
            memory.shot,
            memory.digital_source_type,
            memory.ai_system,
            memory.ai_prompt,
            None if memory.recipe is None else _canonical(memory.recipe),
            None if memory.camera is None else memory.camera.model_dump_json(),
            list(dict.fromkeys(embedding.model for embedding in memory.embeddings)),
            len(memory.history),
            max(times, default=None),
            _int32(memory.schema_version),
        )
        places = memory.placements or (() if by_rule is None else (by_rule,))
        placements = list(dict.fromkeys(_placement_row(document, place) for place in places))
        parents = [
            (
                document,
                ordinal,
                parent.role,
                parent.document_id,
                parent.instance_id,
                parent.content_id,
                parent.stream_hash,
                parent.stage,
                parent.basis,
            )
            for ordinal, parent in enumerate(memory.parents)
        ]
        events = [_event_row(document, *item) for item in enumerate(memory.history)]
        gaps = list(
            dict.fromkeys((document, gap.stage, gap.role, gap.reason) for gap in memory.gaps)
        )
        # marshal's version 2 is the fastest encoding without references, so equal rows give
        # equal bytes; it is hashed and forgotten
        told = marshal.dumps((asset, placements, parents, events, gaps), 2)
        voice = int.from_bytes(blake2b(told, digest_size=8).digest(), "big", signed=True)
        tail = (voice, self._count)
        self._pool["assets"].append((*asset, *tail))
        for name, rows in (
            ("placements", placements),
            ("parents", parents),
            ("events", events),
            ("gaps", gaps),
        ):
            self._pool[name].extend([(*row, *tail) for row in rows])
        return voice


class _FileFacts(NamedTuple):
    """What a file's row says of its content: read and decoded, or as its memory states."""

    format: str | None
    kind: str | None
    file_hash: str | None = None
    content_id: str | None = None
    stream_hash: str | None = None
    stated_content_id: str | None = None
    width: int | None = None
    height: int | None = None
    orientation: int | None = None
    frames: int | None = None
    pixel_layout: str | None = None
    perceptual_hash: str | None = None
    geometry_hash: str | None = None
    decoder: str | None = None

    @classmethod
    def read(cls, identity: Identity, written: Written | None) -> _FileFacts:
        """Facts of a file that was read and decoded."""
        content_id, stated = identity.content_id, None
        if written is not None:
            if is_altered(identity, written):
                stated = written.content_id
            else:  # the id that links name, also where today's decoder gives other samples
                content_id = written.content_id
        return cls(
            identity.format,
            identity.kind,
            identity.file_hash,
            content_id,
            identity.stream_hash,
            stated,
            _int32(identity.width),
            _int32(identity.height),
            identity.orientation,
            _int32(identity.frames),
            identity.pixel_layout,
            identity.perceptual_hash,
            identity.geometry_hash,
            identity.decoder,
        )

    @classmethod
    def remembered(cls, format: str | None, written: Written | None) -> _FileFacts:
        """Facts of a file of which only the memory was read."""
        kind = None if format is None else "model" if is_model(format) else "image"
        if written is None:
            return cls(format, kind)
        return cls(
            format,
            kind,
            content_id=written.content_id,
            stream_hash=written.stream_hash,
            width=_int32(written.width),
            height=_int32(written.height),
            orientation=written.orientation,
            perceptual_hash=written.perceptual_hash,
            geometry_hash=written.geometry_hash,
            decoder=written.decoder,
        )


class _Rows:
    """Rows of one table: Python tuples that become Arrow batches."""

    def __init__(self, schema: pa.Schema, spill: Path | None) -> None:
        self._schema = schema
        self._pending: list[tuple[Any, ...]] = []
        self._spool = Spool(schema, spill)
        self._flushed = 0
        self.append = self._pending.append
        self.extend = self._pending.extend

    def __len__(self) -> int:
        return self._flushed + len(self._pending)

    def flush(self) -> None:
        if not self._pending:
            return
        columns = zip(*self._pending, strict=True)
        arrays = [
            _array(column, kind) for column, kind in zip(columns, self._schema.types, strict=True)
        ]
        self._spool.add(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._flushed += len(self._pending)
        self._pending.clear()

    def table(self) -> pa.Table:
        self.flush()
        return self._spool.table()


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:  # a lone surrogate, e.g. from a JSON escape in a GLB
        return pa.array([_cleaned(value) for value in values], kind)


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    return [storable(item) for item in value] if isinstance(value, list) else value


def storable(text: str) -> str:
    """`text` as the store keeps it: code points that UTF-8 cannot carry are spelled out.

    File names that are not valid UTF-8 reach Python with lone surrogates; the store keeps
    them as `\\udcXX`.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


@lru_cache(maxsize=8_192)  # files of one run share their times
def utc(when: str) -> str | None:
    """An XMP date (ISO 8601, XMP part 1 section 8.2.1.1) as `YYYY-MM-DDThh:mm:ss.ffffffZ`.

    Times without a zone count as UTC. None where the text is no date.
    """
    text = when.strip()
    if len(text) in (4, 7):  # a year, or a year and a month
        text = f"{text}-01-01"[:10]
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is not None:
            time = time.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    return time.isoformat(timespec="microseconds") + "Z"


def _provisional(content_id: str, placement: Placement | None) -> Memory:
    document_id = provisional_document_id(content_id, placement)
    return Memory.model_construct(
        document_id=document_id,
        instance_id=mint_instance_id(document_id, content_id),
        placements=() if placement is None else (placement,),
    )


def _placement_row(document: str, place: Placement) -> tuple[Any, ...]:
    return (
        document,
        place.chain,
        place.generation,
        place.key,
        place.stage,
        place.part,
        place.view,
        place.frame,
        place.variant,
        place.primary,
    )


def _event_row(document: str, ordinal: int, event: Event) -> tuple[Any, ...]:
    return (
        document,
        ordinal,
        event.action,
        event.when,
        event.software_agent,
        event.parameters,
        event.changed,
        event.content_id,
        event.note,
        event.person,
    )


def _signature(signature: Signature) -> tuple[int, int, int, int]:
    # st_ino may use all 64 bits, the column is signed
    inode = signature.inode & 0x7FFF_FFFF_FFFF_FFFF
    return signature.size, signature.mtime_ns, signature.ctime_ns, inode


def _int32(value: int | None) -> int | None:
    """None for what no sound file states, so that one absurd number spoils no batch."""
    return value if value is not None and abs(value) < 2**31 else None


def _canonical(recipe: dict[str, Any]) -> str | None:
    """The recipe as canonical JSON; as other sound JSON, or None, where it has no such form.

    One malformed recipe must not break a query over all of them.
    """
    try:
        return rfc8785.dumps(recipe).decode()
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError):
        pass  # numbers beyond RFC 8785's range, or lone surrogates, in a foreign recipe
    try:
        text = json.dumps(recipe, sort_keys=True, ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        return None
    return text.encode("utf-8", "replace").decode()
