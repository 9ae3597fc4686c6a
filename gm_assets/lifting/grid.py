"""A box of samples in space: where each one is, and what lies between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

#: Samples of one grid at most: at four bytes each, half a gigabyte.
MOST_SAMPLES = 1 << 27


@dataclass(frozen=True, eq=False)
class Grid:
    """Samples at equal steps along the axes of the world.

    Attributes:
        origin: (3,) float64 metres, where sample (0, 0, 0) is.
        step: metres between two samples.
        counts: of samples along x, y and z.
    """

    origin: Points
    step: float
    counts: tuple[int, int, int]

    @classmethod
    def within(cls, low: Points, high: Points, resolution: int) -> Grid:
        """The grid of the box from `low` to `high`, `resolution` steps along its longest side."""
        step = float((high - low).max()) / resolution
        x, y, z = np.maximum(np.ceil((high - low) / step - 1e-6).astype(int), 1) + 1
        return cls(np.asarray(low, np.float64), step, (int(x), int(y), int(z)))

    @property
    def size(self) -> int:
        """Samples in all."""
        x, y, z = self.counts
        return x * y * z

    def points(self, samples: NDArray[np.int64]) -> Points:
        """(n, 3) metres of samples by their flat (C order) number."""
        return np.stack(np.unravel_index(samples, self.counts), axis=1) * self.step + self.origin

    def corners(self) -> Points:
        """(2, 3) first and last sample, metres."""
        return np.stack([self.origin, self.origin + (np.array(self.counts) - 1) * self.step])
