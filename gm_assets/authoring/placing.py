"""Places that unplaced files may have: by their names, and beside what they look like."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gm_assets.authoring.measures import Measures, Ruler
from gm_assets.authoring.names import words_of
from gm_assets.authoring.near import alike
from gm_assets.authoring.reading import Reading, read_names
from gm_assets.authoring.stock import Stock
from gm_assets.authoring.values import Suggestion
from gm_assets.memory.record import Placement
from gm_assets.words import counted

#: Members of a chain that a file is compared with.
COMPARED = 24
#: A chain in which nothing else stands is worth this much of what its name says.
_ALONE = 0.5
_NONE = np.zeros(0, np.int64)
#: Words of a chain's name that must be in a path for a hint.
_SHARED = 0.67


class Places:
    """Suggests places for the unplaced items of a stock.

    Args:
        ruler: measures its items.
        alternatives: suggestions for one file at most.
    """

    def __init__(self, ruler: Ruler, alternatives: int) -> None:
        self._ruler, self._stock, self._alternatives = ruler, ruler.stock, alternatives
        self._chains = _chains(ruler.stock)
        self._readings = read_names(ruler.stock.items, self._chains)
        self._members = self._standing()
        self._near = _near(ruler.stock)
        self._named = _by_word(self._chains)

    def of(self, index: int) -> list[Suggestion]:
        """Suggestions for one item, best first."""
        found = [self._suggestion(index, *one) for one in self._candidates(index)]
        return sorted(found, key=lambda one: -one.score)[: self._alternatives]

    def _standing(self) -> dict[str, NDArray[np.int64]]:
        """Of each chain the items: those that stand there, then those whose names say so."""
        members: dict[str, list[int]] = defaultdict(list)
        for index, item in enumerate(self._stock.items):
            for chain in {place.chain for place in item.places}:
                members[chain].append(index)
        for index in self._stock.unplaced:
            reading = self._readings[index]
            if reading is not None:
                members[reading.placement.chain].append(index)
        return {chain: np.array(indices, np.int64) for chain, indices in members.items()}

    def _candidates(self, index: int) -> list[tuple[Placement, str]]:
        """Places with the reason for each, one a chain."""
        reading = self._readings[index]
        found: dict[str, tuple[Placement, str]] = {}
        if reading is not None:
            place = reading.placement
            found[place.chain] = (place, f"chain by {reading.by}, stage by {reading.told}")
        like = self._near.get(index)
        if like is not None and (chain := self._worth_joining(index, like)) is not None:
            place = self._in(chain, reading)
            found.setdefault(chain, (place, f"looks like {self._stock.items[like].path}"))
        for chain in self._called(index):
            place = self._in(chain, reading)
            found.setdefault(chain, (place, "the chain's name is in the path"))
        return list(found.values())

    def _in(self, chain: str, reading: Reading | None) -> Placement:
        """The place in another chain that a reading means."""
        generation = self._chains.get(chain, 1)
        if reading is None:
            place = {"chain": chain, "generation": generation, "stage": "S2", "part": "reference"}
            return Placement.model_validate(place)
        return reading.placement.model_copy(update={"chain": chain, "generation": generation})

    def _worth_joining(self, index: int, like: int) -> str | None:
        """The chain of an item that `index` looks like.

        A chain that is itself only a suggestion is none where the item's own name has others.
        """
        if places := self._stock.items[like].places:
            return places[0].chain
        own, other = self._readings[index], self._readings[like]
        alone = own is None or len(self._members[own.placement.chain]) < 2
        return other.placement.chain if alone and other is not None else None

    def _called(self, index: int) -> list[str]:
        """Chains of the library whose names are, nearly, in the item's path."""
        words = frozenset(words_of(self._stock.items[index].path))
        hits: dict[str, int] = defaultdict(int)
        for word in words:
            for chain in self._named.get(word, ()):
                hits[chain] += 1
        return [name for name, count in hits.items() if count >= _SHARED * len(words_of(name))]

    def _suggestion(self, index: int, placement: Placement, because: str) -> Suggestion:
        item = self._stock.items[index]
        members = self._members.get(placement.chain, _NONE)
        others = members[members != index]
        name = _share(words_of(placement.chain), words_of(item.path))
        best, measures, score = None, Measures(name=name), 0.0
        for other in self._compared(index, others):
            found = replace(self._ruler.between(index, other), name=name)
            if (value := self._ruler.score(found)) > score:
                best, measures, score = other, found, value
        if best is None:
            score = _ALONE * self._ruler.score(measures)
            because = f"{because}; nothing else of the chain yet"
        else:
            likeness = self._stock.items[best].path
            because = f"{because}; beside {likeness}, {counted(len(others), 'other')}"
        return Suggestion(
            action="place",
            path=item.path,
            content_id=item.content_id,
            because=because,
            score=round(score, 4),
            measures=measures,
            placement=placement,
        )

    def _compared(self, index: int, others: NDArray[np.int64]) -> list[int]:
        """Of very many members those that look most like it."""
        if len(others) > COMPARED:
            far = np.bitwise_count(self._stock.hashes[others] ^ self._stock.hashes[index])
            others = others[np.argsort(far, kind="stable")[:COMPARED]]
        return [int(one) for one in others]


def _chains(stock: Stock) -> dict[str, int]:
    """The chains of the library with their latest generations."""
    found: dict[str, int] = {}
    for item in stock.items:
        for place in item.places:
            found[place.chain] = max(place.generation, found.get(place.chain, 1))
    return found


def _near(stock: Stock) -> dict[int, int]:
    """Of each item that looks like others the best of them: a placed one, else the largest."""
    items = stock.items
    order = sorted(range(len(items)), key=lambda i: (not items[i].places, -items[i].pixels, i))
    rank = np.empty(len(items), np.int64)
    rank[order] = np.arange(len(items))
    found = {}
    for group in alike(stock.hashes, rank):
        best, second = int(group[0]), int(group[1])
        found[best] = second
        found.update(dict.fromkeys(group[1:].tolist(), best))
    return found


def _by_word(chains: Mapping[str, int]) -> dict[str, list[str]]:
    """The chains in whose names a word is."""
    found: dict[str, list[str]] = defaultdict(list)
    for chain in chains:
        for word in set(words_of(chain)):
            found[word].append(chain)
    return found


def _share(wanted: Sequence[str], held: Sequence[str]) -> float:
    """The share of the words `wanted` that are among `held`."""
    return round(len({*wanted} & {*held}) / len({*wanted}), 3) if wanted else 0.0
