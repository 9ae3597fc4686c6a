"""Where a stage is to be built."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Place:
    """Where a stage is to be built.

    Attributes:
        size: metres by which everything is scaled (the subject's height, or less if it is wide).
        width, height, length: of the subject along the camera's right, up and depth.
        distance: from the camera to the subject; fog goes by it, or long lenses see nothing.
        seed: moves what chance moves.
    """

    size: float
    width: float
    height: float
    length: float
    distance: float
    seed: int

    def chance(self) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(self.seed + 4_211))
