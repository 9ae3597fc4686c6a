"""Orders of contents, and how they are put together.

Two orders are joined by reciprocal rank fusion: Cormack, Clarke and Buettcher, "Reciprocal
Rank Fusion outperforms Condorcet and individual Rank Learning Methods", SIGIR 2009. It needs
no common scale of cosines and word scores, which have none.

What is to be left out counts against a picture only as far as the picture resembles it more
than an average picture does, in standard deviations of either question (`against`). Taking
the unwanted vector off the question's own (Rocchio's relevance feedback, in Salton's SMART,
1971) would also draw up whatever resembles neither, and texts of one encoder share most of
their direction, so that little would be left of the question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gm_assets.finding.quality import Scale

#: The constant of the paper: it keeps the first ranks of one order from deciding alone.
RRF = 60


@dataclass(frozen=True, slots=True)
class Ranked:
    """A content on its way to a hit: its cosine (None where no vector was asked for), its
    ranks, what speaks against it."""

    content_id: str
    cosine: float | None
    by_picture: int | None = None
    by_words: int | None = None
    against: float | None = None


def by_cosine(content_ids: Sequence[str], cosines: Sequence[float]) -> list[Ranked]:
    """Contents that a vector search gave, best first."""
    pairs = zip(content_ids, cosines, strict=True)
    return [Ranked(name, cosine, rank) for rank, (name, cosine) in enumerate(pairs, start=1)]


def fused(pictures: Sequence[Ranked], words: Sequence[Ranked]) -> list[Ranked]:
    """Both orders as one; equal sums by cosine, then by content id.

    Args:
        pictures: by cosine, with `by_picture`.
        words: by words, with `by_words`.
    """
    joined = {one.content_id: one for one in pictures}
    for one in words:
        known = joined.get(one.content_id)
        joined[one.content_id] = one if known is None else replace(known, by_words=one.by_words)
    return sorted(
        joined.values(), key=lambda one: (-_score(one), -(one.cosine or 0.0), one.content_id)
    )


def _score(one: Ranked) -> float:
    return sum(1.0 / (RRF + rank) for rank in (one.by_picture, one.by_words) if rank is not None)


def without(
    candidates: Sequence[Ranked],
    rows: np.ndarray,
    wanted: Scale,
    unwanted: Sequence[tuple[np.ndarray, Scale]],
) -> list[Ranked]:
    """Candidates in a new order: what resembles the unwanted moves down.

    Args:
        rows: (n, d) float32, the candidates' vectors.
        wanted: how the question's cosines lie.
        unwanted: vector (d,) and scale of each text that is to be left out.
    """
    cosines = np.array([one.cosine for one in candidates], np.float32)
    scores = wanted.z(cosines)
    against = np.full(len(candidates), -np.inf, np.float32)
    for vector, scale in unwanted:
        near = rows @ vector
        against = np.maximum(against, near)
        scores = scores - np.maximum(scale.z(near), 0.0)
    order = sorted(
        range(len(candidates)),
        key=lambda number: (-scores[number], candidates[number].content_id),
    )
    return [
        replace(candidates[number], by_picture=rank, against=float(against[number]))
        for rank, number in enumerate(order, start=1)
    ]
