"""The families of hits: other stages of their chains, and siblings.

`lineage.family.Family` answers the same questions one query each. A search asks for the
families of twenty hits and is expected within milliseconds, so the few columns that are needed
lie here as sorted Arrow arrays, one set for each generation of the catalogue.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gm_assets.finding.values import ChainKin, Kin, Place, Relative, StageKin

if TYPE_CHECKING:
    from gm_assets.stores.catalogue import Generation

#: Siblings that a hit lists; the others are counted.
SIBLINGS = 6
#: Siblings that are looked at for the list: one reference may be the parent of thousands.
LOOKED_AT = 256


@dataclass(frozen=True)
class Member:
    """A document that holds a hit's content."""

    row: int
    document_id: str
    content_id: str
    path: str
    title: str | None


class Kinship:
    """Families as one generation of the catalogue tells them.

    Args:
        generation: stays pinned while this object lives.
    """

    def __init__(self, generation: Generation) -> None:
        self.generation = generation
        assets = generation.read("assets", ["document_id", "content_id", "path", "title"])
        assets = assets.filter(pc.is_valid(assets["content_id"]))
        assets = assets.sort_by([("content_id", "ascending"), ("path", "ascending")])
        self._assets = assets.combine_chunks()
        documents = self._column("document_id")
        self._places, self._place_of = _grouped(
            generation.read("placements", ["document_id", "key", "stage", "part", "primary"]),
            documents,
            [("primary", "descending"), ("key", "ascending"), ("stage", "ascending")],
        )
        self._link_links(generation, documents)
        chains = generation.read(
            "chains", ["key", "stage", "state", "reason", "documents", "primary_document"]
        ).sort_by([("key", "ascending"), ("stage", "ascending")])
        primary = chains["primary_document"].combine_chunks()
        self._chains = chains.append_column("row", pc.index_in(primary, documents)).combine_chunks()
        self._chain_keys = self._chains["key"].combine_chunks()
        self._strips: dict[str, ChainKin] = {}

    def members(self, content_id: str) -> tuple[Member, ...]:
        """The documents that hold a content, by path; none where no file does."""
        first, last = _span(self._column("content_id"), content_id)
        return tuple(
            Member(
                row,
                self._value("document_id", row),
                content_id,
                self._value("path", row),
                self._value("title", row),
            )
            for row in range(first, last)
        )

    def places(self, member: Member) -> tuple[Place, ...]:
        """Where a document stands, its primary place first."""
        rows = self._places.slice(*_extent(self._place_of, member.row))
        return tuple(
            Place(row["key"], row["stage"], row["part"])
            for row in rows.select(["key", "stage", "part"]).to_pylist()
        )

    def kin(self, members: Sequence[Member], places: Sequence[Place]) -> Kin:
        """The family of documents that share a content."""
        keys = dict.fromkeys(place.key for place in places)
        near, count = self._siblings([member.row for member in members])
        return Kin(tuple(map(self._strip, keys)), near, count)

    def _link_links(self, generation: Generation, documents: pa.StringArray) -> None:
        """Which parents a document has, and which documents a parent has, as integers."""
        links = generation.read("links", ["child", "parent", "parent_content_id"])
        shared = pc.coalesce(links["parent"], links["parent_content_id"])
        codes = shared.combine_chunks().dictionary_encode().indices
        edges = pa.table({"document_id": links["child"], "code": codes})
        self._parents, self._parents_of = _grouped(edges, documents, [("code", "ascending")])
        order = np.argsort(self._parents["code"].to_numpy(), kind="stable")
        self._children = self._parents["row"].to_numpy()[order]
        ordered = self._parents["code"].to_numpy()[order]
        self._children_of = np.searchsorted(ordered, np.arange(len(shared) + 1))

    def _siblings(self, rows: list[int]) -> tuple[tuple[Relative, ...], int]:
        parts = [
            self._children[self._children_of[code] : self._children_of[code + 1]]
            for row in rows
            for code in np.unique(
                self._parents["code"].slice(*_extent(self._parents_of, row)).to_numpy()
            )
        ]
        if not parts:
            return (), 0
        found = np.setdiff1d(np.concatenate(parts), rows)
        looked = found[:LOOKED_AT]
        paths = self._column("path").take(pa.array(looked)).to_pylist()
        nearest = sorted(zip(paths, looked.tolist(), strict=True))[:SIBLINGS]
        return tuple(
            Relative(self._value("document_id", row), self._value("content_id", row), path)
            for path, row in nearest
        ), len(found)

    def _strip(self, key: str) -> ChainKin:
        """The stages of one turn of a chain; kept, since hits of one chain come together."""
        kept = self._strips.get(key)
        if kept is None:
            first, last = _span(self._chain_keys, key)
            rows = self._chains.slice(first, last - first).to_pylist()
            kept = self._strips[key] = ChainKin(key, tuple(map(self._stage, rows)))
        return kept

    def _stage(self, row: dict[str, Any]) -> StageKin:
        number = row["row"]
        return StageKin(
            stage=row["stage"],
            state=row["state"],
            reason=row["reason"],
            documents=row["documents"],
            path=None if number is None else self._value("path", number),
            content_id=None if number is None else self._value("content_id", number),
        )

    def _column(self, name: str) -> pa.StringArray:
        column = self._assets[name]
        return column.chunk(0) if column.num_chunks else pa.array([], pa.string())

    def _value(self, name: str, row: int) -> Any:
        return self._column(name)[row].as_py()


def _grouped(
    table: pa.Table, documents: pa.StringArray, order: list[tuple[str, str]]
) -> tuple[pa.Table, np.ndarray]:
    """Rows of documents, sorted by the document's row; where each document's rows begin.

    Rows of documents that are not among `documents` are left out.
    """
    row = pc.index_in(table["document_id"].combine_chunks(), documents)
    table = table.append_column("row", row).filter(pc.is_valid(row))
    table = table.sort_by([("row", "ascending"), *order]).combine_chunks()
    return table, np.searchsorted(table["row"].to_numpy(), np.arange(len(documents) + 1))


def _extent(starts: np.ndarray, row: int) -> tuple[int, int]:
    """Offset and length of a document's rows."""
    return int(starts[row]), int(starts[row + 1] - starts[row])


def _span(names: pa.StringArray, name: str) -> tuple[int, int]:
    """Where `name` begins and ends in a sorted array."""
    read: Callable[[int], Any] = lambda index: names[index].as_py()  # noqa: E731
    numbers = range(len(names))
    return bisect_left(numbers, name, key=read), bisect_right(numbers, name, key=read)
