"""What authoring knows of a library's files: one `Item` a document, from the catalogue alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gm_assets.authoring.near import hash_values
from gm_assets.lineage.graph import Ancestry
from gm_assets.memory.record import Placement, Role

if TYPE_CHECKING:
    from gm_assets.library import Library

#: One file a document (the one that its row in `assets` names), or a content where files have
#: no document. The time of a file that holds a memory is that of the write: it tells nothing.
_ITEMS = """
select f.path, f.document_id, f.content_id, f.kind, f.format, f.width, f.height,
       f.perceptual_hash, f.managed, f.altered, f.memory,
       case when f.memory = 'none' then f.mtime_ns end as mtime_ns, a.create_date,
       coalesce(a.ai_system, a.ai_prompt) is not null
           or coalesce(a.digital_source_type, '') ilike '%trainedalgorithmicmedia' as generated
from files f left join assets a using (document_id)
where f.content_id is not null
qualify row_number() over (
    partition by coalesce(f.document_id, f.content_id)
    order by f.path is not distinct from a.path desc, f.path) = 1
order by f.path"""
_PLACES = """
select document_id, chain, generation, stage, part, "view", frame, variant, "primary"
from placements order by document_id, key, stage, part"""
_PARENTS = """
select document_id, coalesce(parent_document_id, ''), parent_content_id, role
from parents order by document_id, ordinal"""
_LINKS = "select child, parent from links where parent is not null"


@dataclass(frozen=True, slots=True)
class Declared:
    """A parent that a memory names. `document_id` is empty where it names only a content."""

    document_id: str
    content_id: str
    role: Role


@dataclass(frozen=True, slots=True)
class Item:
    """One document, by one of its files.

    Attributes:
        document_id: None for a file without a memory that no rule places.
        memory: `embedded`, `none` or `newer`, as in the store.
        created: POSIX time of its making as its memory says, else of a file without a memory
            the modification time; None where neither tells.
        generated: its memory says that a model made it.
        places: where it stands; empty while it is unplaced.
        parents: those that its memory names.
    """

    path: str
    document_id: str | None
    content_id: str
    kind: str
    format: str
    width: int
    height: int
    perceptual_hash: str | None
    managed: bool
    altered: bool
    memory: str
    created: float | None
    generated: bool
    places: tuple[Placement, ...] = ()
    parents: tuple[Declared, ...] = ()

    @property
    def stem(self) -> str:
        """The file's name without its suffix."""
        return PurePosixPath(self.path).stem

    @property
    def folder(self) -> str:
        """The folder it lies in; empty for the library's root."""
        return self.path.rpartition("/")[0]

    @property
    def pixels(self) -> int:
        """Pixels of a picture; 0 of a model."""
        return self.width * self.height

    def names(self, other: Item) -> Declared | None:
        """The link by which its memory names `other` as a parent, if it does."""
        for parent in self.parents:
            if parent.document_id == other.document_id and parent.document_id:
                return parent
            if not parent.document_id and parent.content_id == other.content_id:
                return parent
        return None


@dataclass(frozen=True)
class Stock:
    """All documents of one generation of a library, by path."""

    items: tuple[Item, ...]
    links: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, library: Library) -> Stock:
        """Read the catalogue.

        Raises:
            LibraryError: nothing was ever ingested, or the store is damaged.
        """
        con = library.catalogue()
        places: dict[str, list[Placement]] = {}
        for document, *values in con.execute(_PLACES).fetchall():
            placement = dict(zip(_PLACE_FIELDS, values, strict=True))
            places.setdefault(document, []).append(Placement.model_validate(placement))
        parents: dict[str, list[Declared]] = {}
        for document, parent, content, role in con.execute(_PARENTS).fetchall():
            parents.setdefault(document, []).append(Declared(parent, content, role))
        cursor = con.execute(_ITEMS)
        names = [column[0] for column in cursor.description or ()]
        items = tuple(
            _item(dict(zip(names, row, strict=True)), places, parents) for row in cursor.fetchall()
        )
        return cls(items, tuple(con.execute(_LINKS).fetchall()))

    @cached_property
    def hashes(self) -> NDArray[np.uint64]:
        """(n,) perceptual hashes; 0 where there is none."""
        return hash_values([item.perceptual_hash for item in self.items])

    @cached_property
    def unplaced(self) -> tuple[int, ...]:
        """Positions of items that stand in no chain."""
        return tuple(index for index, item in enumerate(self.items) if not item.places)

    def cyclic(self, planned: Iterable[tuple[str, str]]) -> list[bool]:
        """For each planned (child, parent) whether it would lie on a cycle with all others."""
        import pyarrow as pa

        planned = list(planned)
        edges = [*self.links, *planned]
        children, parents = (
            pa.chunked_array([pa.array([edge[side] for edge in edges], pa.string())])
            for side in (0, 1)
        )
        found = Ancestry(children, parents).cyclic()
        return [bool(one) for one in found[len(self.links) :]]


_PLACE_FIELDS = (
    "chain", "generation", "stage", "part", "view", "frame", "variant", "primary",
)  # fmt: skip


def _item(
    row: dict[str, Any], places: dict[str, list[Placement]], parents: dict[str, list[Declared]]
) -> Item:
    created = _posix(row.pop("create_date"))
    mtime_ns = row.pop("mtime_ns")
    if created is None and mtime_ns is not None:
        created = mtime_ns / 1e9
    document = row["document_id"] or ""
    row["width"], row["height"] = row["width"] or 0, row["height"] or 0
    return Item(
        **row,
        created=created,
        places=tuple(places.get(document, ())),
        parents=tuple(parents.get(document, ())),
    )


def _posix(text: str | None) -> float | None:
    """A date of XMP (ISO 8601) as POSIX time; without a zone it counts as UTC."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
