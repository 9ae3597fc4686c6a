"""Parents that files may come from: along the stages of a chain, and between near-duplicates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from gm_assets.authoring.flows import (
    FLOWS,
    REMADE_ELSEWHERE,
    REMADE_ROLE,
    REMADE_WORTH,
    Flow,
    siblings,
)
from gm_assets.authoring.measures import Ruler
from gm_assets.authoring.near import alike
from gm_assets.authoring.outlines import agreement, outline
from gm_assets.authoring.stock import Item
from gm_assets.authoring.values import Suggestion
from gm_assets.library import Library
from gm_assets.memory.record import Placement, Role

#: Parents of one way that a child is compared with; of more, those that look most like it.
COMPARED = 64
#: Suggestions of one way for one child; a way of sets has `COMPARED`.
EACH = 2

#: Formats that keep every sample: of equal pictures the one that others were made from.
_LOSSLESS = frozenset(("png", "glb", "tiff", "exr"))


@dataclass(frozen=True, slots=True)
class _Pair:
    """A candidate: positions of child and parent, and the way that leads from one to the other."""

    child: int
    parent: int
    role: Role
    worth: float
    because: str
    many: bool = False


class Parents:
    """Suggests parents.

    Args:
        ruler: measures the items of its stock.
        places: of each item where it stands or, unplaced, where it is suggested to stand.
        each: suggestions for one child at most, ways of whole sets aside.
    """

    def __init__(self, ruler: Ruler, places: Mapping[int, Sequence[Placement]], each: int) -> None:
        self._ruler, self._stock, self._places, self._each = ruler, ruler.stock, places, each

    def all(self) -> list[tuple[float, _Pair]]:
        """Candidates with their scores, the best of each child."""
        best: dict[int, list[tuple[float, _Pair]]] = defaultdict(list)
        for pairs in self._ways():
            scored = sorted(
                ((self._score(pair, None), pair) for pair in pairs),
                key=lambda one: (-one[0], one[1].parent),
            )
            if scored:
                limit = COMPARED if scored[0][1].many else EACH
                best[scored[0][1].child] += scored[:limit]
        found: list[tuple[float, _Pair]] = []
        for ranked in best.values():
            ranked.sort(key=lambda one: (-one[0], one[1].parent))
            found += [one for one in ranked if one[1].many]
            found += [one for one in ranked if not one[1].many][: self._each]
        return found

    def suggestion(self, pair: _Pair, silhouette: float | None) -> Suggestion:
        """A candidate as a suggestion."""
        child, parent = self._stock.items[pair.child], self._stock.items[pair.parent]
        return Suggestion(
            action="link",
            path=child.path,
            content_id=child.content_id,
            because=pair.because,
            score=round(self._score(pair, silhouette), 4),
            measures=self._ruler.between(pair.child, pair.parent, silhouette=silhouette),
            parent=parent.path,
            parent_content_id=parent.content_id,
            role=pair.role,
        )

    def _score(self, pair: _Pair, silhouette: float | None) -> float:
        found = self._ruler.between(pair.child, pair.parent, silhouette=silhouette)
        return pair.worth * self._ruler.score(found)

    def _ways(self) -> Iterator[list[_Pair]]:
        """Candidates of one child and one way at a time."""
        chains: dict[str, list[tuple[int, Placement]]] = defaultdict(list)
        for index, places in self._places.items():
            for place in places:
                chains[place.chain].append((index, place))
        for members in chains.values():
            if len(members) > 1:
                for flow in FLOWS:
                    yield from self._along(flow, members)
        yield from self._remade()

    def _along(self, flow: Flow, members: Sequence[tuple[int, Placement]]) -> Iterator[list[_Pair]]:
        children = [one for one in members if one[1].stage == flow.child]
        parents = _Many([one for one in members if one[1].stage == flow.parent])
        for child, place in children:
            if not parents.members or not self._takes(child):
                continue
            fitting = [
                (index, other)
                for index, other in parents.near(child, place, 4 * COMPARED, self._stock.hashes)
                if index != child and flow.leads(other, place) and self._may(child, index)
            ]
            closest = _Many(fitting).near(child, place, COMPARED, self._stock.hashes)
            yield [
                _Pair(child, index, flow.role, flow.worth * _variants(other, place),
                      f"{place.stage} {place.part} from {other.stage} {other.part}", flow.many)
                for index, other in closest
            ]  # fmt: skip

    def _remade(self) -> Iterator[list[_Pair]]:
        """Each picture of a group of near-duplicates from the one that it can come from."""
        items = self._stock.items
        order = sorted(range(len(items)), key=lambda index: _originality(items[index]))
        rank = np.empty(len(items), np.int64)
        rank[order] = np.arange(len(items))
        for group in alike(self._stock.hashes, rank):
            original, *copies = group.tolist()
            for copy in copies:
                worth = self._remade_worth(copy, original)
                if worth and self._takes(copy) and self._may(copy, original):
                    because = f"looks the same, {_difference(items[copy], items[original])}"
                    yield [_Pair(copy, original, REMADE_ROLE, worth, because)]

    def _remade_worth(self, copy: int, original: int) -> float:
        """What it is worth that one looks like the other; 0 for two of one set."""
        pairs = [
            (one, other)
            for one in self._places.get(copy, ())
            for other in self._places.get(original, ())
        ]
        if any(siblings(one, other) for one, other in pairs):
            return 0.0
        same = any(one.chain == other.chain for one, other in pairs)
        return REMADE_WORTH if same else REMADE_ELSEWHERE

    def _takes(self, index: int) -> bool:
        """Whether a link can be written into the item's file."""
        item = self._stock.items[index]
        return item.managed and item.memory == "embedded" and not item.altered

    def _may(self, child: int, parent: int) -> bool:
        """Whether neither names the other yet, and they are not one content."""
        one, other = self._stock.items[child], self._stock.items[parent]
        if one.content_id == other.content_id or other.altered:
            return False
        return one.names(other) is None and other.names(one) is None


class _Many:
    """Members of a chain, of which only some can be compared with each child."""

    def __init__(self, members: list[tuple[int, Placement]]) -> None:
        self.members = members
        self._positions = np.array([index for index, _ in members], np.int64)
        self._same: dict[tuple[object, ...], list[int]] = defaultdict(list)
        for number, (_, place) in enumerate(members):
            self._same[_which(place)].append(number)

    def near(
        self, child: int, place: Placement, count: int, hashes: NDArray[np.uint64]
    ) -> list[tuple[int, Placement]]:
        """At most `count`: those of the same view, frame and variant, then what looks most alike.

        A chain of thousands of frames must not be compared pair by pair.
        """
        if len(self.members) <= count:
            return self.members
        far = np.bitwise_count(hashes[self._positions] ^ hashes[child])
        same = self._same[_which(place)][: count // 2]
        wanted = dict.fromkeys([*same, *np.argsort(far, kind="stable")[:count].tolist()])
        return [self.members[number] for number in list(wanted)[:count]]


def _which(place: Placement) -> tuple[object, ...]:
    return place.view, place.frame, place.variant


def agreements(
    library: Library, items: Sequence[Item], pairs: Sequence[tuple[int, int]], pictures: int
) -> list[float | None]:
    """The silhouette agreement of pairs of items, as far as `pictures` may be opened for it."""
    opened = 0

    @cache
    def seen(index: int) -> object:
        nonlocal opened
        if opened >= pictures or items[index].kind != "image":
            return None
        opened += 1
        return outline(library.root / items[index].path)

    return [agreement(seen(one), seen(other)) for one, other in pairs]  # type: ignore[arg-type]


def _variants(parent: Placement, child: Placement) -> float:
    """Two variants of one subject are rarely made from one another."""
    if parent.variant is None or child.variant is None or parent.variant == child.variant:
        return 1.0
    return 0.6


def _originality(item: Item) -> tuple[object, ...]:
    """Sorts what others can be made from before what is made from others."""
    return (
        -item.pixels,
        item.format not in _LOSSLESS,
        item.created if item.created is not None else float("inf"),
        item.path,
    )


def _difference(copy: Item, original: Item) -> str:
    if copy.pixels < original.pixels:
        return f"{copy.width} x {copy.height} of {original.width} x {original.height} pixels"
    if copy.format != original.format:
        return f"{copy.format} of {original.format}"
    return "other samples"
