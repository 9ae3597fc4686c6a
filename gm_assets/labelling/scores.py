"""What a term scores on a picture: cosine, percentile and z-score against a frozen reference.

A score depends on the picture, the term and the reference alone, never on other pictures or
other terms, and that holds bit for bit: see `cosines`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

#: Knots of the quantile sketch: quantiles at 0/256, 1/256, … 256/256.
KNOTS = 257
#: Below this many reference pictures percentiles are withheld. With 2,000 the sampling error
#: of the reference stays near 2 points.
MINIMUM_PICTURES = 2_000
#: Vectors are exact multiples of 2^-24 (float16 pictures) or rounded to them (terms).
_GRID = float(2**24)
#: Pictures in one matrix product, to bound the memory of float64 rows.
_BLOCK = 8_192


@dataclass(frozen=True, eq=False)
class TermScale:
    """How one term's cosines lie over the reference pictures.

    Attributes:
        pictures: how many there are.
        mean, deviation: of the cosines (population standard deviation).
        maximum: the highest of them.
        knots: (257,) float32, their quantiles at i/256, ascending.
    """

    pictures: int
    mean: float
    deviation: float
    maximum: float
    knots: np.ndarray

    @property
    def speaks(self) -> bool:
        """Whether there are enough reference pictures for percentiles."""
        return self.pictures >= MINIMUM_PICTURES


def fixed(vectors: np.ndarray) -> np.ndarray:
    """Vectors as float64 on the grid on which `cosines` is exact; moves a unit vector by at
    most 3e-8 a component."""
    rounded: np.ndarray = np.rint(np.asarray(vectors, np.float64) * _GRID) / _GRID
    return rounded


def term_vector(prompts: np.ndarray) -> np.ndarray:
    """The vector of a term: the unit mean of its prompts' unit vectors.

    Args:
        prompts: (p, d), not zero.

    Returns:
        (d,) float32 of unit length.

    Raises:
        ValueError: a vector without a direction, or prompts that cancel each other out.
    """
    rows = np.asarray(prompts, np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    mean = (rows / lengths).mean(axis=0) if np.all(lengths > 0) else rows[0] * np.nan
    length = float(np.linalg.norm(mean))
    if not (np.isfinite(length) and length > 1e-6):
        raise ValueError("the prompts' vectors have no common direction")
    return (mean / length).astype(np.float32)


def cosines(terms: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """The cosine of every term with every picture, each independent of all others.

    A float16 component is a multiple of 2^-24, and so is a component of `fixed`. Products of
    the two are multiples of 2^-48, and sums of products of vectors of about unit length stay
    below 2: every partial sum fits into the 53 bits of a float64, so the sum is exact in
    whatever order a matrix product takes it. Neither the shape of the product, nor the number
    of threads, nor the machine can change a bit of a result.

    Args:
        terms: (t, d), `fixed` vectors of unit length.
        pictures: (n, d) float16 vectors of unit length; they are divided by their length,
            which rounding to float16 has moved from 1.

    Returns:
        (t, n) float32.
    """
    found = np.empty((len(terms), len(pictures)), np.float32)
    for start in range(0, len(pictures), _BLOCK):
        block = pictures[start : start + _BLOCK].astype(np.float64)
        lengths = np.sqrt(np.einsum("nd,nd->n", block, block))
        found[:, start : start + _BLOCK] = (terms @ block.T) / lengths
    return found


def scale(cosines: np.ndarray) -> TermScale:
    """The scale of a term from its cosines with the reference pictures.

    Sums are correctly rounded (`math.fsum`), so that the order of the pictures is of no matter.

    Args:
        cosines: (n,) float32, at least one.
    """
    # 0.0 is added because a sort leaves -0.0 and 0.0, which are equal, in any order.
    values = np.sort(np.asarray(cosines, np.float64) + 0.0)
    mean = math.fsum(values) / len(values)
    variance = math.fsum((values - mean) ** 2) / len(values)
    knots = np.quantile(values, np.linspace(0.0, 1.0, KNOTS)).astype(np.float32)
    return TermScale(len(values), mean, math.sqrt(variance), float(values[-1]), knots)


def percentile(cosines: np.ndarray, scale: TermScale) -> np.ndarray:
    """Mid-rank percentiles, 0 to 100, of cosines among those of the reference.

    Half of equal reference pictures count as lower (mid-rank), linear between two knots of the
    sketch; 0 below the lowest and 100 above the highest reference picture. Monotone. Within
    100/256 + 200/n points of the exact mid-rank over n reference pictures.

    Args:
        cosines: any shape, float32.

    Returns:
        float32 of the same shape.
    """
    knots = scale.knots
    rank = np.interp(cosines, knots, np.arange(KNOTS, dtype=np.float64))
    tied = knots[1:][knots[1:] == knots[:-1]]
    if len(tied):
        low, high = (
            np.searchsorted(knots, cosines, "left"),
            np.searchsorted(knots, cosines, "right"),
        )
        rank = np.where(high > low + 1, (low + high - 1) / 2, rank)
    return (rank * (100.0 / (KNOTS - 1))).astype(np.float32)


def z(cosines: np.ndarray, scale: TermScale) -> np.ndarray:
    """Cosines as deviations from the reference's mean; NaN where all of that is equal.

    Returns:
        float32 of the same shape.
    """
    if scale.deviation == 0.0:
        return np.full(np.shape(cosines), np.nan, np.float32)
    return ((cosines - scale.mean) / scale.deviation).astype(np.float32)
