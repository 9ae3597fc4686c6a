"""How much speaks for two files belonging together: measures, and one score to rank by.

The measures are facts about two files; the score is a way to sort and nothing more. It takes
each measure as evidence between 0 and 1 and joins them as if they were independent
(noisy or): `1 - product(1 - weight * evidence)`. What counts as evidence for hashes and
vectors depends on the library: only what 99 of 100 random pairs of it do not reach.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gm_assets.authoring.names import overlap, taken_apart
from gm_assets.authoring.stock import Item, Stock
from gm_assets.errors import GmError

if TYPE_CHECKING:
    from gm_assets.library import Library

#: What each measure is worth where its evidence is full.
WEIGHTS = {
    "hash_distance": 0.8,
    "cosine": 0.4,
    "silhouette": 0.4,
    "name": 0.6,
    "folder": 0.3,
    "days": 0.1,
}
#: Random pairs that tell what hashes and vectors of unrelated files look like.
_SAMPLE = 4_000
#: The share of random pairs that evidence must go beyond.
_BEYOND = 0.01
#: With fewer items the library tells nothing about unrelated ones: then hashes are held against
#: what 99 of 100 pairs of random hashes with 32 bits set lie above, and vectors say nothing.
_FEW, _RANDOM_DISTANCE = 200, 22.0
#: Evidence of time halves with each of these.
_HALF_LIFE_DAYS = 7.0


@dataclass(frozen=True, slots=True)
class Measures:
    """What two files have in common; None where it cannot be told.

    Attributes:
        hash_distance: different bits of 64 of their perceptual hashes.
        silhouette: intersection over union of their outlines, 0 to 1.
        name: shared words of their names, 0 to 1, rare words counting more.
        folder: shared part of their folders' paths, 0 to 1.
        days: between their making.
        cosine: of their vectors, -1 to 1.
    """

    hash_distance: int | None = None
    silhouette: float | None = None
    name: float | None = None
    folder: float | None = None
    days: float | None = None
    cosine: float | None = None


MEASURES: tuple[str, ...] = tuple(field.name for field in fields(Measures))


class Ruler:
    """Measures pairs of one library's items, by their positions in its stock.

    Args:
        library: whose vectors of the active encoder are used, where it has any.
        stock: its items.
    """

    def __init__(self, library: Library, stock: Stock) -> None:
        self.stock = stock
        self._rows, self._row_of = _vectors(library, stock.items)

    @property
    def vectors(self) -> int:
        """How many items have a vector."""
        return len(self._row_of)

    def between(self, one: int, other: int, *, silhouette: float | None = None) -> Measures:
        """What two items have in common."""
        first, second = self.stock.items[one], self.stock.items[other]
        return Measures(
            hash_distance=self._distance(one, other),
            silhouette=silhouette,
            name=round(self._name(one, other), 3),
            folder=round(shared_path(first.folder, second.folder), 3),
            days=_days(first, second),
            cosine=self._cosine(one, other),
        )

    def score(self, found: Measures) -> float:
        """0 to 1: what the measures say together."""
        against = 1.0
        for name, weight in WEIGHTS.items():
            value = getattr(found, name)
            if value is not None:
                against *= 1 - weight * self._evidence(name, value)
        return 1 - against

    def _evidence(self, name: str, value: float) -> float:
        if name == "hash_distance":
            reach = self._usual_distance
            return max(0.0, (reach - value) / reach) if reach else 0.0
        if name == "cosine":
            reach = self._usual_cosine
            return max(0.0, (value - reach) / (1 - reach)) if reach < 1 else 0.0
        if name == "days":
            return float(2 ** (-value / _HALF_LIFE_DAYS))
        if name == "silhouette":
            return max(0.0, 2 * value - 1)  # half is what two blobs in the middle share
        return float(value)

    def _name(self, one: int, other: int) -> float:
        return overlap(self._words[one], self._words[other], self._rarity)

    def _distance(self, one: int, other: int) -> int | None:
        first, second = self.stock.hashes[one], self.stock.hashes[other]
        if not first or not second:
            return None
        return int(first ^ second).bit_count()

    def _cosine(self, one: int, other: int) -> float | None:
        first, second = self._row_of.get(one), self._row_of.get(other)
        if first is None or second is None:
            return None
        return round(float(self._rows[first] @ self._rows[second]), 4)

    @cached_property
    def _words(self) -> list[frozenset[str]]:
        """Of each item the words of its name that are not words of the trade."""
        found = []
        for item in self.stock.items:
            named = taken_apart(item.stem)
            found.append(frozenset((*named.subject, *named.variant)))
        return found

    @cached_property
    def _rarity(self) -> dict[str, float]:
        """Of each word how much it tells: 1 where one file has it, near 0 where all have it."""
        counts = Counter(word for words in self._words for word in words)
        whole = math.log(len(self._words) + 1)
        return {word: 1 - math.log(count) / whole for word, count in counts.items()}

    @cached_property
    def _usual_distance(self) -> float:
        """The distance of hashes that 99 of 100 random pairs lie above."""
        known = np.unique(self.stock.hashes[self.stock.hashes != 0])
        if len(known) < _FEW:
            return _RANDOM_DISTANCE
        first, second = _random_pairs(len(known))
        return float(np.quantile(np.bitwise_count(known[first] ^ known[second]), _BEYOND))

    @cached_property
    def _usual_cosine(self) -> float:
        """The cosine that 99 of 100 random pairs lie below."""
        if len(self._rows) < _FEW:
            return 1.0
        first, second = _random_pairs(len(self._rows))
        cosines = np.einsum("ij,ij->i", self._rows[first], self._rows[second])
        return float(np.quantile(cosines, 1 - _BEYOND))


def shared_path(one: str, other: str) -> float:
    """The part of two folders' paths that is the same from the root on, 0 to 1."""
    if one == other:
        return 1.0
    first, second = one.split("/"), other.split("/")
    same = 0
    for left, right in zip(first, second, strict=False):
        if left != right:
            break
        same += 1
    return 2 * same / (len(first) + len(second))


def _days(one: Item, other: Item) -> float | None:
    if one.created is None or other.created is None:
        return None
    return round(abs(one.created - other.created) / 86_400, 2)


def _random_pairs(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of different items, the same for the same count."""
    draw = np.random.default_rng(0)
    first = draw.integers(0, count, _SAMPLE)
    return first, (first + draw.integers(1, count, _SAMPLE)) % count


def _vectors(library: Library, items: Sequence[Item]) -> tuple[NDArray[np.float32], dict[int, int]]:
    """Unit vectors of the active encoder, and of each item that has one its row."""
    from gm_assets.encoding import active_fingerprint

    nothing = np.zeros((0, 0), np.float32)
    try:
        spec = library.encoder_spec()
        if spec is None:
            return nothing, {}
        contents = [item.content_id for item in items if item.kind == "image"]
        found, rows = library.vectors.units(active_fingerprint(spec), contents)
    except GmError:  # no model, no vectors: the other measures stand without them
        return nothing, {}
    row_of = {content: row for row, content in enumerate(found)}
    return rows, {
        index: row_of[item.content_id]
        for index, item in enumerate(items)
        if item.content_id in row_of
    }
