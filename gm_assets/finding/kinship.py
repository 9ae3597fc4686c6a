"""The families of hits: other stages of their chains, and siblings.

`lineage.family.Family` answers the same questions one query each. A search asks for the
families of twenty hits and is expected within milliseconds, so the few columns that are needed
lie here as sorted arrays, one set for each generation of the catalogue, and are read for all
hits at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gm_assets.finding.values import ChainKin, Kin, Place, Relative, StageKin
from gm_assets.stores.vectors.exact import keys

if TYPE_CHECKING:
    from gm_assets.stores.catalogue import Generation

#: Siblings that a hit lists; the others are counted.
SIBLINGS = 6
#: Siblings that are looked at for the list: one reference may be the parent of thousands.
LOOKED_AT = 256


@dataclass(frozen=True, slots=True)
class Standing:
    """What the catalogue knows of a content: its first document by path, places, family."""

    document_id: str
    path: str
    title: str | None
    places: tuple[Place, ...]
    kin: Kin


class Kinship:
    """Families as one generation of the catalogue tells them.

    Args:
        generation: stays pinned while this object lives.
    """

    def __init__(self, generation: Generation) -> None:
        self.generation = generation
        assets = generation.read("assets", ["document_id", "content_id", "path", "title"])
        assets = assets.filter(pc.is_valid(assets["content_id"]))
        self._assets = assets.sort_by(
            [("content_id", "ascending"), ("path", "ascending")]
        ).combine_chunks()
        self._documents = _whole(self._assets, "document_id")
        self._contents = _whole(self._assets, "content_id")
        self._keys = keys(self._contents)
        self._places, self._place_of = _grouped(
            generation.read("placements", ["document_id", "key", "stage", "part", "primary"]),
            self._documents,
            [("primary", "descending"), ("key", "ascending"), ("stage", "ascending")],
        )
        self._join_links(generation)
        self._join_chains(generation)
        self._strips: dict[str, ChainKin] = {}

    def standings(self, content_ids: Sequence[str]) -> dict[str, Standing]:
        """By content; contents that no file of this generation holds are left out."""
        rows = self._rows_of(content_ids)
        every = np.concatenate([np.arange(*span) for span in rows.values()] or [np.empty(0, int)])
        facts = self._assets.take(pa.array(every, pa.int64())).to_pylist()
        places = self._places_of(every)
        found: dict[str, Standing] = {}
        start = 0
        for content_id, (first, last) in rows.items():
            end = start + last - first
            standing = tuple(dict.fromkeys(place for some in places[start:end] for place in some))
            found[content_id] = Standing(
                document_id=facts[start]["document_id"],
                path=facts[start]["path"],
                title=facts[start]["title"],
                places=standing,
                kin=self._kin(range(first, last), standing),
            )
            start = end
        return found

    def _rows_of(self, content_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Where the documents of each content begin and end."""
        asked = keys(pa.array(content_ids, pa.string()))
        first = np.searchsorted(self._keys, asked, "left").tolist()
        last = np.searchsorted(self._keys, asked, "right").tolist()
        rows = {}
        for content_id, low, high in zip(content_ids, first, last, strict=True):
            same = [row for row in range(low, high) if self._contents[row].as_py() == content_id]
            if same:
                rows[content_id] = (same[0], same[-1] + 1)
        return rows

    def _places_of(self, rows: np.ndarray) -> list[list[Place]]:
        """The places of each document, its primary one first."""
        starts, ends = self._place_of[rows].tolist(), self._place_of[rows + 1].tolist()
        wanted = [row for start, end in zip(starts, ends, strict=True) for row in range(start, end)]
        taken = self._places.take(pa.array(wanted, pa.int64()))
        every = map(Place, *(taken[name].to_pylist() for name in ("key", "stage", "part")))
        return [
            [next(every) for _ in range(end - start)]
            for start, end in zip(starts, ends, strict=True)
        ]

    def _kin(self, rows: range, places: Sequence[Place]) -> Kin:
        names = dict.fromkeys(place.key for place in places)
        near, count = self._siblings(rows)
        return Kin(tuple(map(self._strip, names)), near, count)

    def _join_links(self, generation: Generation) -> None:
        """Which parents a document has, and which documents a parent has, as integers."""
        links = generation.read("links", ["child", "parent", "parent_content_id"])
        shared = pc.coalesce(links["parent"], links["parent_content_id"]).combine_chunks()
        edges = pa.table(
            {"document_id": links["child"], "code": shared.dictionary_encode().indices}
        )
        table, self._parents_of = _grouped(edges, self._documents, [("code", "ascending")])
        self._parents = table["code"].to_numpy()
        order = np.argsort(self._parents, kind="stable")
        self._children = table["row"].to_numpy()[order]
        self._children_of = np.searchsorted(self._parents[order], np.arange(len(shared) + 1))

    def _siblings(self, rows: range) -> tuple[tuple[Relative, ...], int]:
        parts = []
        for row in rows:
            start, end = self._parents_of[row : row + 2]
            for code in set(self._parents[start:end].tolist()):
                first, last = self._children_of[code : code + 2]
                if last - first > 1:
                    parts.append(self._children[first:last])
        if not parts:
            return (), 0
        found = np.unique(np.concatenate(parts))
        found = found[(found < rows.start) | (found >= rows.stop)]
        looked = self._assets.take(pa.array(found[:LOOKED_AT])).to_pylist()
        looked.sort(key=lambda one: one["path"])
        return tuple(
            Relative(one["document_id"], one["content_id"], one["path"])
            for one in looked[:SIBLINGS]
        ), len(found)

    def _join_chains(self, generation: Generation) -> None:
        """The states of all stages, with the row of the document that stands for each."""
        chains = generation.read(
            "chains", ["key", "stage", "state", "reason", "documents", "primary_document"]
        ).sort_by([("key", "ascending"), ("stage", "ascending")])
        row = pc.index_in(chains["primary_document"].combine_chunks(), self._documents)
        self._chains = chains.append_column("row", row).combine_chunks()
        runs = pc.run_end_encode(_whole(self._chains, "key"))
        ends = runs.run_ends.to_pylist()
        spans = zip([0, *ends], ends, strict=False)
        self._turns = dict(zip(runs.values.to_pylist(), spans, strict=True))

    def _strip(self, key: str) -> ChainKin:
        """The stages of one turn of a chain; kept, since hits of one chain come together."""
        kept = self._strips.get(key)
        if kept is None:
            first, last = self._turns.get(key, (0, 0))
            rows = self._chains.slice(first, last - first).to_pylist()
            kept = self._strips[key] = ChainKin(key, tuple(map(self._stage, rows)))
        return kept

    def _stage(self, row: dict[str, Any]) -> StageKin:
        number = row["row"]
        shown = {} if number is None else self._assets.slice(number, 1).to_pylist()[0]
        return StageKin(
            stage=row["stage"],
            state=row["state"],
            reason=row["reason"],
            documents=row["documents"],
            path=shown.get("path"),
            content_id=shown.get("content_id"),
        )


def _whole(table: pa.Table, name: str) -> pa.StringArray:
    """A column of a table of one chunk, or none."""
    column = table[name]
    return column.chunk(0) if column.num_chunks else pa.array([], pa.string())


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
