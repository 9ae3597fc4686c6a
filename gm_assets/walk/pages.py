"""What the pages show, as values read from one generation of the store.

Nothing here knows of HTTP or HTML: the same values become a page or its JSON twin. Lists are
cut at stated bounds, since one document may declare 10,000 parents.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from gm_assets.errors import NotFound
from gm_assets.lineage.family import Family
from gm_assets.lineage.values import (
    ChainSummary,
    Document,
    Evidence,
    Link,
    StageStrip,
    Strip,
)
from gm_assets.memory.record import CONTENT_ID

if TYPE_CHECKING:
    import duckdb

CHAINS_PER_PAGE = 100
DOCUMENTS_PER_PAGE = 96
#: Documents shown for each stage of a chain, links for each stage, relatives of an asset.
DOCUMENTS_PER_STAGE = 48
LINKS_PER_STAGE = 60
RELATIVES = 60

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Totals:
    """The library in numbers."""

    chains: int
    documents: int
    contents: int
    files: int
    links: int
    proven: int
    absent: int
    altered: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class Page:
    """Where a cut list stands: page `number` of `count`, both from 1."""

    number: int
    count: int


@dataclass(frozen=True, slots=True)
class DomainChains:
    """The chains of one domain; None for those that state none."""

    domain: str | None
    chains: tuple[ChainSummary, ...]


@dataclass(frozen=True, slots=True)
class IndexPage:
    """All chains, by domain."""

    library: str
    generation: int
    totals: Totals
    domains: tuple[DomainChains, ...]
    page: Page


@dataclass(frozen=True, slots=True)
class JudgedLink:
    """A link with the documents at its ends, where they are in the library."""

    link: Link
    child: Document | None
    parent: Document | None


@dataclass(frozen=True, slots=True)
class StageSection:
    """A stage of a chain with the links of its documents (the first `LINKS_PER_STAGE`)."""

    stage: StageStrip
    links: tuple[JudgedLink, ...]


@dataclass(frozen=True, slots=True)
class ChainPage:
    """One turn of a chain and its neighbours in the loop."""

    strip: Strip
    domain: str | None
    sections: tuple[StageSection, ...]
    turns: tuple[ChainSummary, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """A place of a document in a chain."""

    key: str
    stage: str
    part: str
    view: str | None
    frame: int | None
    variant: str | None
    primary: bool


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a document's memory says, as far as a page shows it."""

    original_document_id: str | None
    description: str | None
    creators: Sequence[str]
    keywords: Sequence[str]
    rights: str | None
    creator_tool: str | None
    create_date: str | None
    domain: str | None
    subject: str | None
    environment: str | None
    shot: str | None
    digital_source_type: str | None
    ai_system: str | None
    ai_prompt: str | None
    recipe: str | None
    camera: str | None
    schema_version: int | None


@dataclass(frozen=True, slots=True)
class FileFacts:
    """One file that carries a document."""

    path: str
    format: str | None
    size: int | None
    width: int | None
    height: int | None
    frames: int | None
    orientation: int | None
    pixel_layout: str | None
    file_hash: str | None
    stream_hash: str | None
    perceptual_hash: str | None
    geometry_hash: str | None
    decoder: str | None
    memory: str | None
    verified: bool | None
    altered: bool | None
    stated_content_id: str | None
    managed: bool | None
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One event of a document's history."""

    action: str | None
    time: str | None
    software_agent: str | None
    parameters: str | None
    changed: str | None
    content_id: str | None
    note: str | None
    person: str | None


@dataclass(frozen=True, slots=True)
class StatedGap:
    """A parent or stage that the memory says is missing."""

    stage: str | None
    role: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class AssetPage:
    """One document: its picture, memory, identity, evidence and family."""

    document: Document
    remembered: Remembered
    placements: tuple[Placed, ...]
    files: tuple[FileFacts, ...]
    evidence: Evidence
    parents: tuple[JudgedLink, ...]
    children: tuple[JudgedLink, ...]
    siblings: tuple[Document, ...]
    same_content: tuple[Document, ...]
    ancestors: int
    descendants: int
    history: tuple[HistoryEntry, ...]
    gaps: tuple[StatedGap, ...]


@dataclass(frozen=True, slots=True)
class ChoicePage:
    """Several documents that hold one content."""

    content_id: str
    documents: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class SheetPage:
    """Documents as a contact sheet, by path; `unplaced`: only those in no chain."""

    documents: tuple[Document, ...]
    unplaced: bool
    total: int
    page: Page


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A file that could not be read, and why."""

    path: str
    size: int | None
    error: str | None
    reason: str | None
    remedy: str | None


@dataclass(frozen=True, slots=True)
class QuarantinePage:
    """The files that could not be read."""

    files: tuple[Quarantined, ...]
    total: int
    page: Page


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that the store knows, with what tells whether it is still the one it read."""

    path: str
    format: str
    size: int
    mtime_ns: int


def natural(text: str) -> list[tuple[int, str]]:
    """A sort key that takes numbers as numbers: frame 2 comes before frame 10."""
    words = re.split(r"([0-9]{1,18})", text)
    return [(int(word), "") if word.isdecimal() else (-1, word) for word in words]


class Reader:
    """Reads pages from one catalogue connection; used by one thread at a time."""

    def __init__(self, con: duckdb.DuckDBPyConnection, library: str, generation: int) -> None:
        self._con = con
        self._family = Family(con)
        self._library = library
        self.generation = generation

    def totals(self) -> Totals:
        """Counts over the whole library."""
        row = self._con.execute(
            """select (select count(distinct key) from chains),
                (select count(*) from assets), (select count(*) from contents),
                (select count(*) from files), (select count(*) from links),
                (select count(*) from links where proven),
                (select count(*) from links where resolution = 'absent'),
                (select count(*) from assets where altered),
                (select count(*) from quarantine)"""
        ).fetchone()
        assert row is not None
        return Totals(*row)

    def index(self, number: int = 1) -> IndexPage:
        """All chains, by domain and key, in pages of `CHAINS_PER_PAGE`."""
        totals = self.totals()
        page = _page(number, totals.chains, CHAINS_PER_PAGE)
        chains = self._family.chains(
            limit=CHAINS_PER_PAGE, offset=(page.number - 1) * CHAINS_PER_PAGE
        )
        names = sorted({c.domain for c in chains}, key=lambda name: (name is None, name or ""))
        domains = tuple(
            DomainChains(name, tuple(c for c in chains if c.domain == name)) for name in names
        )
        return IndexPage(self._library, self.generation, totals, domains, page)

    def chain(self, key: str) -> ChainPage:
        """One turn of a chain.

        Raises:
            NotFound: no document is placed in it.
        """
        strip = self._family.strip(key, limit=DOCUMENTS_PER_STAGE)
        links = self._links_by_stage(strip.key)
        judged = self._judged(link for stage in links.values() for link in stage)
        turns = self._family.chains(chain=strip.chain)
        domain = next((turn.domain for turn in turns if turn.key == strip.key), None)
        sections = tuple(
            StageSection(stage, tuple(judged[link] for link in links.get(stage.stage, ())))
            for stage in strip.stages
        )
        return ChainPage(strip, domain, sections, turns)

    def asset(self, name: str) -> AssetPage | ChoicePage:
        """A document by its id, or by the id of its content where only one document holds it.

        Raises:
            NotFound: neither a document nor a content of that name is in the library.
        """
        if CONTENT_ID.match(name):
            documents = self._family.of_content(name, limit=RELATIVES)
            if len(documents) > 1:
                return ChoicePage(name, documents)
            if not documents:
                raise NotFound(
                    "no document in the library holds this content",
                    where=name,
                    remedy="Run `gm ingest` if files are new",
                )
            name = documents[0].document_id
        return self._asset(name)

    def sheet(self, *, unplaced: bool = False, number: int = 1) -> SheetPage:
        """Documents by path in pages of `DOCUMENTS_PER_PAGE`."""
        where = "where document_id not in (select document_id from placements)" if unplaced else ""
        total = self._count(f"select count(*) from assets {where}")
        page = _page(number, total, DOCUMENTS_PER_PAGE)
        rows = self._con.execute(
            f"select document_id from assets {where} order by path limit $limit offset $offset",
            _slice(page, DOCUMENTS_PER_PAGE),
        ).fetchall()
        documents = self._family.documents(row[0] for row in rows)
        return SheetPage(tuple(documents.values()), unplaced, total, page)

    def quarantine(self, number: int = 1) -> QuarantinePage:
        """Files that could not be read, by path."""
        total = self._count("select count(*) from quarantine")
        page = _page(number, total, DOCUMENTS_PER_PAGE)
        rows = self._con.execute(
            """select path, size, error, reason, remedy from quarantine
            order by path limit $limit offset $offset""",
            _slice(page, DOCUMENTS_PER_PAGE),
        ).fetchall()
        return QuarantinePage(tuple(Quarantined(*row) for row in rows), total, page)

    def files_of_content(self, content_id: str) -> tuple[StoredFile, ...]:
        """The files that hold a content, unaltered and verified ones first."""
        rows = self._con.execute(
            """select path, format, size, mtime_ns from files where content_id = $content
            order by verified desc, path limit 20""",
            {"content": content_id},
        ).fetchall()
        return tuple(StoredFile(*row) for row in rows)

    # -- inside --------------------------------------------------------------------------

    def _asset(self, document_id: str) -> AssetPage:
        evidence = self._family.evidence(document_id)
        parents = evidence.parents[:RELATIVES]
        children = self._family.children(document_id, limit=RELATIVES)
        judged = self._judged((*parents, *children))
        siblings = self._family.siblings(document_id, limit=RELATIVES)
        content_id = evidence.document.content_id
        same = self._family.of_content(content_id, limit=RELATIVES) if content_id else ()
        remembered = self._values(Remembered, "assets", "document_id", document_id, "path", 1)
        return AssetPage(
            document=evidence.document,
            remembered=remembered[0],
            placements=self._values(
                Placed, "placements", "document_id", document_id, "key, stage, part", RELATIVES
            ),
            files=self._values(FileFacts, "files", "document_id", document_id, "path", RELATIVES),
            evidence=evidence,
            parents=tuple(judged[link] for link in parents),
            children=tuple(judged[link] for link in children),
            siblings=_by_path(self._family.documents(siblings).values()),
            same_content=_by_path(d for d in same if d.document_id != document_id),
            ancestors=len(self._family.ancestors(document_id)),
            descendants=len(self._family.descendants(document_id)),
            history=self._values(
                HistoryEntry, "events", "document_id", document_id, "ordinal", 500
            ),
            gaps=self._values(StatedGap, "gaps", "document_id", document_id, "reason", RELATIVES),
        )

    def _values(
        self, kind: type[T], table: str, column: str, value: str, order: str, limit: int
    ) -> tuple[T, ...]:
        """Rows of a table as values whose fields are columns of the same names."""
        names: Iterable[str] = kind.__dataclass_fields__  # type: ignore[attr-defined]
        columns = ", ".join(f'"{name}"' for name in names)
        rows = self._con.execute(
            f"select {columns} from {table} where {column} = $value order by {order} limit {limit}",
            {"value": value},
        ).fetchall()
        return tuple(kind(*row) for row in rows)

    def _links_by_stage(self, key: str) -> dict[str, list[Link]]:
        """The first links of each stage's documents, those of primary documents before others."""
        names = list(Link.__dataclass_fields__)
        stored = {"parent_document": "parent", "content_id": "parent_content_id"}
        stored["stage"] = "parent_stage"
        columns = ", ".join(f"l.{stored.get(name, name)}" for name in names)
        rows = self._con.execute(
            f"""with placed as (
                select document_id, stage, bool_or("primary") as first from placements
                where key = $key group by document_id, stage)
            select p.stage, {columns} from links l join placed p on l.child = p.document_id
            qualify row_number() over
                (partition by p.stage order by p.first desc, l.child, l.ordinal) <= $limit
            order by p.stage, p.first desc, l.child, l.ordinal""",
            {"key": key, "limit": LINKS_PER_STAGE},
        ).fetchall()
        found: dict[str, list[Link]] = {}
        for stage, *values in rows:
            found.setdefault(stage, []).append(Link(*values))
        return found

    def _judged(self, links: Iterable[Link]) -> dict[Link, JudgedLink]:
        links = tuple(links)
        ends = [link.child for link in links]
        ends += [link.parent_document for link in links if link.parent_document]
        documents = self._family.documents(ends)
        return {
            link: JudgedLink(
                link, documents.get(link.child), documents.get(link.parent_document or "")
            )
            for link in links
        }

    def _count(self, sql: str) -> int:
        row = self._con.execute(sql).fetchone()
        return int(row[0]) if row else 0


def _by_path(documents: Iterable[Document]) -> tuple[Document, ...]:
    return tuple(sorted(documents, key=lambda document: natural(document.path)))


def _page(number: int, total: int, size: int) -> Page:
    count = max(1, -(-total // size))
    return Page(min(max(number, 1), count), count)


def _slice(page: Page, size: int) -> dict[str, Any]:
    return {"limit": size, "offset": (page.number - 1) * size}
