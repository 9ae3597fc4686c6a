"""Suggestions for a library: places for what is unplaced, parents for what has none of them."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gm_assets.authoring.measures import Ruler
from gm_assets.authoring.parents import Parents, agreements
from gm_assets.authoring.placing import Places
from gm_assets.authoring.rejections import key_of, rejections
from gm_assets.authoring.stock import Stock
from gm_assets.authoring.values import Suggestion, Suggestions
from gm_assets.containers import is_sealed
from gm_assets.errors import NotFound
from gm_assets.library.values import Progress, ProgressFunction
from gm_assets.memory.record import Placement

if TYPE_CHECKING:
    from gm_assets.library import Library

#: Pictures that are opened for their silhouettes unless the caller asks for more.
OUTLINES = 200
_PROGRESS_EVERY = 256


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Attributes:
        places, links: which kinds.
        alternatives: places for one file at most.
        parents: parents for one file at most; ways of whole sets (a hull from all its plates)
            are not counted.
        outlines: pictures that may be opened to compare silhouettes.
        least: suggestions with a lower score are left out.
    """

    places: bool = True
    links: bool = True
    alternatives: int = 2
    parents: int = 4
    outlines: int = OUTLINES
    least: float = 0.0


def suggest(
    library: Library,
    paths: Iterable[str | os.PathLike[str]] | None = None,
    wanted: Wanted = Wanted(),
    *,
    stock: Stock | None = None,
    progress: ProgressFunction | None = None,
) -> Suggestions:
    """Places and parents that files of a library may have, ranked, each with its measures.

    Nothing is written. Files are told by the catalogue; only pictures whose silhouettes are
    compared are opened. What a person rejected before is left out.

    Args:
        paths: files and folders whose suggestions are wanted; patterns are found in the
            whole library all the same.
        stock: what is known instead of the catalogue, for measuring what would be suggested
            if less were.

    Raises:
        NotFound: nothing of one of `paths` is in the catalogue.
        LibraryError: nothing was ever ingested; the store or `authoring/rejected.csv` cannot be
            read; a path lies outside the library.
    """
    started = time.monotonic()
    stock = stock or Stock.of(library)
    chosen = _chosen(library, stock, paths)
    ruler = Ruler(library, stock)
    gone = {one.key for one in rejections(library)}
    tell = _teller(progress, len(stock.unplaced))
    found = _Found(gone, wanted.least)
    standing: dict[int, tuple[Placement, ...]] = {
        index: item.places for index, item in enumerate(stock.items) if item.places
    }
    places = Places(ruler, wanted.alternatives)
    for done, index in enumerate(stock.unplaced):
        kept = [one for one in places.of(index) if found.allows(one)]
        if kept and kept[0].placement is not None:
            standing[index] = (kept[0].placement,)
        if wanted.places and index in chosen and not is_sealed(stock.items[index].format):
            found.places += kept
        tell(done, stock.items[index].path)
    if wanted.links:
        links = Parents(ruler, standing, wanted.parents)
        pairs = [one for one in links.all() if one[1].child in chosen]
        pairs.sort(key=lambda one: (-one[0], stock.items[one[1].child].path, one[1].parent))
        ends = [(pair.child, pair.parent) for _, pair in pairs]
        shapes = agreements(library, stock.items, ends, wanted.outlines)
        possible = [
            (one, end)
            for (_, pair), shape, end in zip(pairs, shapes, ends, strict=True)
            if found.allows(one := links.suggestion(pair, shape))
        ]
        possible.sort(key=lambda one: (-one[0].score, one[0].path, one[0].parent or ""))
        order = _Order(stock)
        found.links = [one for one, (child, parent) in possible if order.takes(child, parent)]
    return Suggestions(
        places=_ranked(found.places),
        links=tuple(found.links),
        documents=len(stock.items),
        unplaced=len(stock.unplaced),
        rejected=found.rejected,
        vectors=ruler.vectors,
        seconds=time.monotonic() - started,
    )


class _Found:
    """What was found so far, without what people rejected."""

    def __init__(self, gone: set[tuple[str, str, str]], least: float) -> None:
        self._gone, self._least = gone, least
        self.places: list[Suggestion] = []
        self.links: list[Suggestion] = []
        self.rejected = 0

    def allows(self, one: Suggestion) -> bool:
        """Whether a suggestion is good enough and nobody rejected it; counts the rejected."""
        if key_of(one) in self._gone:
            self.rejected += 1
            return False
        return one.score >= self._least


class _Order:
    """Keeps suggestions from contradicting each other: no document its own ancestor."""

    def __init__(self, stock: Stock) -> None:
        number = {item.document_id: index for index, item in enumerate(stock.items)}
        self._parents: dict[int, list[int]] = defaultdict(list)
        for child, parent in stock.links:
            if child in number and parent in number:
                self._parents[number[child]].append(number[parent])

    def takes(self, child: int, parent: int) -> bool:
        """Whether the link goes with all before it; then it counts for those after it."""
        seen, waiting = {parent}, [parent]
        while waiting:
            one = waiting.pop()
            if one == child:
                return False
            fresh = [above for above in self._parents[one] if above not in seen]
            seen.update(fresh)
            waiting += fresh
        self._parents[child].append(parent)
        return True


def _ranked(found: list[Suggestion]) -> tuple[Suggestion, ...]:
    return tuple(sorted(found, key=lambda one: (-one.score, one.path, one.parent or "")))


def _chosen(
    library: Library, stock: Stock, paths: Iterable[str | os.PathLike[str]] | None
) -> frozenset[int]:
    """Positions of the items at or below `paths`."""
    if paths is None:
        return frozenset(range(len(stock.items)))
    chosen: set[int] = set()
    for path in paths:
        relative = library.relative(path)
        inside = {
            index
            for index, item in enumerate(stock.items)
            if not relative or item.path == relative or item.path.startswith(f"{relative}/")
        }
        if not inside:
            raise NotFound(
                "nothing of it is in the catalogue",
                where=library.root / relative,
                remedy="`gm ingest` brings files in",
            )
        chosen |= inside
    return frozenset(chosen)


def _teller(progress: ProgressFunction | None, total: int) -> Callable[[int, str], None]:
    def tell(done: int, path: str) -> None:
        if progress is not None and done % _PROGRESS_EVERY == 0:
            progress(Progress(done, total, 0, path, "suggest"))

    return tell
