"""Asking about lineage: parents, children, family, what is stale, and the strip of a chain.

`Family` reads the views of one catalogue connection (`Store.connect`) and so answers about
one generation of the store, whatever is committed meanwhile. Questions about neighbours and
chains are single queries. Questions that follow links any distance load all links once as a
graph of integers, which then serves for as long as the object lives.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from gm_assets.errors import NotFound
from gm_assets.lineage.chains import stale_documents
from gm_assets.lineage.evidence import Basis, Resolution
from gm_assets.lineage.graph import Ancestry
from gm_assets.lineage.values import (
    ChainSummary,
    Document,
    Evidence,
    EvidenceCounts,
    Link,
    StageDocument,
    StageState,
    StageStrip,
    StaleDocument,
    Strip,
)
from gm_assets.memory.record import STAGES, chain_key, parse_chain_key
from gm_assets.stores.catalogue import reading

if TYPE_CHECKING:
    import duckdb

#: Answers are cut here unless the caller asks for more.
LIMIT = 10_000
#: Documents that a strip lists for each stage unless the caller asks for more.
STRIP_LIMIT = 500

_DOCUMENT = """a.document_id, a.instance_id, a.content_id, a.kind, a.path, a.copies, a.title,
    a.altered, a.verified, a.provisional"""
_DOCUMENT_WIDTH = 10
_LINK = """child, ordinal, role, parent, parent_content_id, parent_stage, resolution, basis,
    proven, verified, cyclic, detail"""
_COUNTS = ", ".join(
    [
        "count(*)",
        "count(*) filter (proven)",
        *(f"count(*) filter (resolution = '{resolution}')" for resolution in Resolution),
        "count(*) filter (cyclic)",
        *(f"count(*) filter (basis = '{basis}')" for basis in Basis),
    ]
)


class Family:
    """Questions about the lineage of one generation of a library.

    Args:
        con: a catalogue connection (`Store.connect`), used by one thread at a time.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con

    # -- documents -----------------------------------------------------------------------

    def document(self, document_id: str) -> Document:
        """One document.

        Raises:
            NotFound: it is not in the library.
        """
        found = self.documents([document_id])
        if not found:
            raise NotFound(
                "no such document in the library",
                where=document_id,
                remedy="Ids are those of `gm show FILE --json`; run `gm ingest` if files are new",
            )
        return found[document_id]

    def documents(self, document_ids: Iterable[str]) -> dict[str, Document]:
        """Those of the documents that are in the library, by id, in the order given."""
        wanted = list(dict.fromkeys(document_ids))
        if not wanted:
            return {}
        sql = f"select {_DOCUMENT} from assets a where list_contains($wanted, a.document_id)"
        if len(wanted) > 100:  # a join, where a list would be searched for every row
            sql = f"""select {_DOCUMENT} from assets a
                semi join (select unnest($wanted) as document_id) using (document_id)"""
        found = {row[0]: Document(*row) for row in self._rows(sql, wanted=wanted)}
        return {name: found[name] for name in wanted if name in found}

    def of_content(self, content_id: str, limit: int = LIMIT) -> tuple[Document, ...]:
        """The documents that hold a content."""
        sql = f"""select {_DOCUMENT} from assets a where a.content_id = $content
            order by a.document_id limit $limit"""
        return tuple(Document(*row) for row in self._rows(sql, content=content_id, limit=limit))

    def of_path(self, path: str) -> Document | None:
        """The document that a file carries, or None; `path` is relative to the root."""
        sql = f"""select {_DOCUMENT} from assets a
            join files f using (document_id) where f.path = $path"""
        rows = self._rows(sql, path=path)
        return Document(*rows[0]) if rows else None

    def copies(self, document_id: str, limit: int = LIMIT) -> tuple[str, ...]:
        """The paths of the files that carry a document."""
        sql = "select path from files where document_id = $document order by path limit $limit"
        return tuple(row[0] for row in self._rows(sql, document=document_id, limit=limit))

    # -- neighbours ----------------------------------------------------------------------

    def parents(self, document_id: str, limit: int = LIMIT) -> tuple[Link, ...]:
        """The links to its parents in the order that its memory gives, absent ones included."""
        return self._links("child = $document", document_id, limit)

    def children(self, document_id: str, limit: int = LIMIT) -> tuple[Link, ...]:
        """The links that lead to it, ordered by child."""
        return self._links("parent = $document", document_id, limit)

    def siblings(self, document_id: str, limit: int = LIMIT) -> tuple[str, ...]:
        """Documents that share a parent with it, or wait for the same absent content."""
        sql = """
            with mine as (
                select distinct coalesce(parent, parent_content_id) as shared
                from links where child = $document
            )
            select distinct child from links
            semi join mine on coalesce(parent, parent_content_id) = shared
            where child <> $document order by child limit $limit"""
        return tuple(row[0] for row in self._rows(sql, document=document_id, limit=limit))

    def evidence(self, document_id: str) -> Evidence:
        """All that is known of where a document came from.

        Raises:
            NotFound: it is not in the library.
        """
        document = self.document(document_id)
        counts = self._rows(
            f"select {_COUNTS} from links where child = $document", document=document_id
        )
        children = self._rows(
            "select count(distinct child) from links where parent = $document",
            document=document_id,
        )
        return Evidence(
            document=document,
            parents=self.parents(document_id),
            counts=EvidenceCounts(*counts[0]),
            children=children[0][0],
            stale=document_id in self._stale,
        )

    # -- any distance --------------------------------------------------------------------

    def ancestors(self, document_id: str, limit: int = LIMIT) -> tuple[str, ...]:
        """All documents that it comes from, nearest first, itself left out."""
        return self._reach(document_id, limit, up=True)

    def descendants(self, document_id: str, limit: int = LIMIT) -> tuple[str, ...]:
        """All documents that come from it, nearest first, itself left out."""
        return self._reach(document_id, limit)

    def family(self, document_id: str, limit: int = LIMIT) -> tuple[str, ...]:
        """Everything connected with it by links, nearest first, itself left out."""
        return self._reach(document_id, limit, both=True)

    def stale(self, limit: int = LIMIT) -> tuple[StaleDocument, ...]:
        """What must be redone, in the order in which it must be redone.

        A document is stale when one of its parents was revised, or is stale itself.
        """
        if not self._stale:
            return ()
        graph = self._ancestry
        members = graph.indices(pa.array(sorted(self._stale), pa.string()))
        names = graph.names(graph.topological(members)[:limit])
        documents = self.documents(names)
        stale = pa.table({"document_id": pa.array(names, pa.string())})
        every = pa.table({"document_id": pa.array(sorted(self._stale), pa.string())})
        sql = """
            select child,
                   bool_or(resolution = $superseded),
                   list(distinct parent order by parent)
                       filter (resolution = $superseded
                               or parent in (select document_id from all_stale)),
                   bool_or(cyclic)
            from links semi join stale_documents on child = document_id
            where parent is not null group by child"""
        cursor = self._con.cursor()
        cursor.register("stale_documents", stale)
        cursor.register("all_stale", every)
        with reading("catalogue"):
            rows = cursor.execute(sql, {"superseded": str(Resolution.SUPERSEDED)}).fetchall()
        why = {child: (direct, because, cyclic) for child, direct, because, cyclic in rows}
        return tuple(
            StaleDocument(documents[name], why[name][0], tuple(why[name][1]), why[name][2])
            for name in names
        )

    def cycles(self) -> tuple[tuple[str, ...], ...]:
        """The groups of documents that declare each other as ancestors."""
        return tuple(tuple(names) for names in self._ancestry.cycles())

    # -- chains --------------------------------------------------------------------------

    def strip(self, key: str, limit: int = STRIP_LIMIT) -> Strip:
        """One turn of a chain: its five stages with documents, state and evidence.

        Args:
            key: `seam-keeper.g01`, or a chain's name for its first generation.
            limit: documents listed for each stage, the primary one first.

        Raises:
            NotFound: no document is placed in that chain and generation.
        """
        try:
            chain, generation = parse_chain_key(key)
        except ValueError as error:
            raise NotFound(str(error), remedy="`gm chains` lists the keys") from error
        key = chain_key(chain, generation)
        states = self._states("where c.key = $key", key=key)
        if not states:
            raise NotFound(
                "no document is placed in this chain", where=key, remedy="`gm chains` lists them"
            )
        evidence = self._evidence_by_stage(key)
        documents = self._stage_documents(key, limit)
        stages = tuple(
            StageStrip(
                **_fields(state),
                documents=tuple(documents[state.stage]),
                evidence=evidence.get(state.stage, EvidenceCounts()),
            )
            for state in states[key]
        )
        return Strip(key, chain, generation, stages)

    def chains(
        self, *, chain: str | None = None, limit: int = LIMIT, offset: int = 0
    ) -> tuple[ChainSummary, ...]:
        """The turns of all chains, or of one, by key."""
        sql = """
            with turns as (
                select distinct key, chain, generation from chains
                where $chain is null or chain = $chain
                order by key limit $limit offset $offset
            ), domains as (
                select p.key, mode(a.domain order by a.domain) as domain
                from placements p semi join turns using (key)
                join assets a using (document_id) where a.domain is not null group by p.key
            )
            select key, chain, generation, domain from turns
            left join domains using (key) order by key"""
        rows = self._rows(sql, chain=chain, limit=limit, offset=offset)
        if not rows:
            return ()
        states = self._states(
            "where c.key between $first and $last", first=rows[0][0], last=rows[-1][0]
        )
        return tuple(
            ChainSummary(key, name, generation, domain, tuple(states[key]))
            for key, name, generation, domain in rows
        )

    # -- inside --------------------------------------------------------------------------

    @cached_property
    def _known(self) -> pa.Table:
        """Links that lead to a document, only what graphs need of them."""
        sql = "select child, parent, resolution from links where parent is not null"
        with reading("catalogue"):
            return self._con.sql(sql).to_arrow_table()

    @cached_property
    def _ancestry(self) -> Ancestry:
        return Ancestry(self._known.column("child"), self._known.column("parent"))

    @cached_property
    def _stale(self) -> frozenset[str]:
        superseded = self._rows(
            "select 1 from links where resolution = $superseded limit 1",
            superseded=str(Resolution.SUPERSEDED),
        )
        return frozenset(stale_documents(self._known).to_pylist() if superseded else ())

    def _rows(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        with reading("catalogue"):
            return self._con.execute(sql, parameters).fetchall()

    def _links(self, condition: str, document_id: str, limit: int) -> tuple[Link, ...]:
        sql = f"select {_LINK} from links where {condition} order by child, ordinal limit $limit"
        return tuple(Link(*row) for row in self._rows(sql, document=document_id, limit=limit))

    def _reach(
        self, document_id: str, limit: int, *, up: bool = False, both: bool = False
    ) -> tuple[str, ...]:
        graph = self._ancestry
        start = graph.index(document_id)
        if start is None:
            self.document(document_id)  # raises where it is not here at all
            return ()
        reached = graph.reach(pa.array([start]).to_numpy(), up=up, both=both)
        return tuple(graph.names(reached[reached != start][:limit]))

    def _states(self, where: str, **parameters: Any) -> dict[str, list[StageState]]:
        sql = f"""
            select c.key, c.stage, c.state, c.reason, c.documents, c.primary_document,
                   a.content_id, c.stale, c.altered, c.data_version
            from chains c left join assets a on a.document_id = c.primary_document
            {where} order by c.key, c.stage"""
        found: dict[str, list[StageState]] = {}
        for key, *values in self._rows(sql, **parameters):
            found.setdefault(key, []).append(StageState(*values))
        return found

    def _evidence_by_stage(self, key: str) -> dict[str, EvidenceCounts]:
        sql = f"""
            select stage, {_COUNTS} from links
            join (select distinct document_id, stage from placements where key = $key)
                on child = document_id
            group by stage"""
        return {stage: EvidenceCounts(*counts) for stage, *counts in self._rows(sql, key=key)}

    def _stage_documents(self, key: str, limit: int) -> dict[str, list[StageDocument]]:
        sql = f"""
            select {_DOCUMENT}, p.stage, p.part, p.view, p.frame, p.variant, p.primary
            from placements p join assets a using (document_id) where p.key = $key
            qualify row_number() over (partition by p.stage order by p.primary desc, a.kind,
                a.provisional, p.variant nulls first, p.part, p.view nulls first,
                p.frame nulls first, p.document_id) <= $limit
            order by p.stage, p.primary desc, a.kind, a.provisional, p.variant nulls first,
                p.part, p.view nulls first, p.frame nulls first, p.document_id"""
        found: dict[str, list[StageDocument]] = {stage: [] for stage in STAGES}
        for row in self._rows(sql, key=key, limit=limit):
            document = Document(*row[:_DOCUMENT_WIDTH])
            stage, part, view, frame, variant, primary = row[_DOCUMENT_WIDTH:]
            stale = document.document_id in self._stale
            found[stage].append(StageDocument(document, part, view, frame, variant, primary, stale))
        return found


def _fields(state: StageState) -> dict[str, Any]:
    return {name: getattr(state, name) for name in StageState.__dataclass_fields__}
