"""What must be redone after revisions: which documents, in which order, and why.

A document is stale when a parent's content is no longer the one that its link names, or when a
parent is stale itself. Nothing here changes anything: what is listed is made again by a person
or a plan. Edits that nobody has accepted yet (`gm revise`, `gm recover`) make nothing stale;
they are listed apart, with how many documents they concern.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gm_assets.errors import NotFound
from gm_assets.library.recovery import Offers
from gm_assets.lineage.evidence import Resolution
from gm_assets.lineage.family import Family
from gm_assets.lineage.values import Document, StaleDocument
from gm_assets.stores.catalogue import reading

if TYPE_CHECKING:
    import duckdb

    from gm_assets.library.library import Library

#: Documents that a report lists unless the caller asks for more.
LIMIT = 10_000

_CAUSES = """
with replaced as (
    select document_id, content_id, max("time") as "time",
           arg_max(person, "time") as person, arg_max(note, "time") as note
    from events where content_id is not null group by document_id, content_id
)
select l.child, l.parent, p.path, l.role, l.parent_content_id, p.content_id,
       l.resolution = $superseded, r."time", r.person, r.note
from links l
join assets p on p.document_id = l.parent
left join replaced r on r.document_id = l.parent and r.content_id = l.parent_content_id
where list_contains($listed, l.child)
  and (l.resolution = $superseded or list_contains($because, l.parent))
order by l.child, l.ordinal"""
_PLACES = """
select document_id, key, stage, part, "view", frame from placements
where list_contains($listed, document_id) order by document_id, key, stage, part, "view", frame"""
_STEPS = """
select document_id, json_extract_string(recipe, '$.step') from assets
where list_contains($listed, document_id) and recipe is not null"""
_ALTERED = """
select a.document_id, a.path, (select count(distinct p.document_id) from parents p
                               where p.parent_document_id = a.document_id) as children
from assets a where a.altered order by a.path limit $limit"""
_CHILDREN = """
select parent_document_id, count(distinct document_id) from parents
where list_contains($documents, parent_document_id) group by parent_document_id"""


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason why a document is stale: a parent, and what became of it.

    Attributes:
        parent, path: the parent document and a file that carries it.
        role: what it is to the child.
        used: the content that the child was made from.
        now: the parent's content now; the same as `used` where the parent is not revised
            itself but stale.
        revised: the parent was revised; else it must be redone first.
        when, person, note: of the revision, as the parent's history has them.
    """

    parent: str
    path: str
    role: str
    used: str
    now: str | None
    revised: bool
    when: str | None
    person: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Redo:
    """A document that must be redone.

    Attributes:
        order: 1, 2, 3 …: parents come before their children, through all generations.
        document: the document.
        places: where it stands, in words.
        step: the machine step that made it, as its recipe names it; None for a hand's work.
        causes: why.
        cyclic: it lies on a cycle of declared ancestry, so no order is right for it.
    """

    order: int
    document: Document
    places: tuple[str, ...]
    step: str | None
    causes: tuple[Cause, ...]
    cyclic: bool


@dataclass(frozen=True, slots=True)
class Undecided:
    """A file that was overwritten and that a person has not decided about.

    Attributes:
        path, document_id: the file and the document that it carried.
        reason: what happened to it.
        remedy: the command that decides.
        children: documents that name it as a parent.
    """

    path: str
    document_id: str
    reason: str
    remedy: str
    children: int


@dataclass(frozen=True)
class StaleReport:
    """What must be redone, in order, and what may add to it.

    `redo` holds at most as many documents as were asked for, `total` says how many there are.
    """

    redo: tuple[Redo, ...]
    total: int
    undecided: tuple[Undecided, ...]


def stale(library: Library, chain: str | None = None, limit: int = LIMIT) -> StaleReport:
    """What must be redone in the library, or in one chain of it, by the current catalogue.

    Args:
        chain: the name of a chain, for all its turns, or the key of one. Numbers of order stay
            those of the whole library.
        limit: documents that are listed.

    Raises:
        LibraryError: nothing was ingested yet, or the store is damaged.
        NotFound: no document is placed in that chain.
    """
    with library.store.connect() as con:
        found = list(enumerate(Family(con).stale(limit=2**31), start=1))
        if chain is not None:
            inside = _documents_of(con, chain)
            found = [(n, entry) for n, entry in found if entry.document.document_id in inside]
        redo = _explained(con, found[:limit])
        return StaleReport(redo, len(found), (*_altered(con, limit), *_lost(library, con)))


def _explained(
    con: duckdb.DuckDBPyConnection, found: Sequence[tuple[int, StaleDocument]]
) -> tuple[Redo, ...]:
    listed = [entry.document.document_id for _, entry in found]
    because = sorted({parent for _, entry in found for parent in entry.because})
    causes: dict[str, list[Cause]] = {}
    superseded = str(Resolution.SUPERSEDED)
    for child, *values in _rows(
        con, _CAUSES, listed=listed, because=because, superseded=superseded
    ):
        causes.setdefault(child, []).append(Cause(*values))
    places: dict[str, list[str]] = {}
    for document, *place in _rows(con, _PLACES, listed=listed):
        places.setdefault(document, []).append(" ".join(str(word) for word in place if word))
    steps = dict(_rows(con, _STEPS, listed=listed))
    return tuple(
        Redo(
            order=order,
            document=entry.document,
            places=tuple(places.get(entry.document.document_id, ())),
            step=steps.get(entry.document.document_id),
            causes=tuple(causes.get(entry.document.document_id, ())),
            cyclic=entry.cyclic,
        )
        for order, entry in found
    )


def _documents_of(con: duckdb.DuckDBPyConnection, chain: str) -> set[str]:
    query = "select document_id from placements where $name in (chain, key)"
    inside = {document for (document,) in _rows(con, query, name=chain)}
    if not inside:
        raise NotFound(
            "no document is placed in this chain", where=chain, remedy="`gm chains` lists them"
        )
    return inside


def _altered(con: duckdb.DuckDBPyConnection, limit: int) -> Iterable[Undecided]:
    """Files with a memory that speaks of another content."""
    for document, path, children in _rows(con, _ALTERED, limit=limit):
        yield Undecided(
            path, document, "overwritten, its memory kept", "gm revise, or restore it", children
        )


def _lost(library: Library, con: duckdb.DuckDBPyConnection) -> Iterable[Undecided]:
    """Files that were overwritten without their memory and still wait for `gm recover`."""
    offers = Offers.load(library).by_document.values()
    open_offers = [offer for offer in offers if (library.root / offer.path).exists()]
    documents = [offer.memory.document_id for offer in open_offers]
    children = dict(_rows(con, _CHILDREN, documents=documents))
    for offer in sorted(open_offers, key=lambda offer: offer.path):
        document = offer.memory.document_id
        yield Undecided(
            offer.path, document, "lost its memory", "gm recover", children.get(document, 0)
        )


def _rows(con: duckdb.DuckDBPyConnection, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with reading("catalogue"):
        return con.execute(sql, parameters).fetchall()
