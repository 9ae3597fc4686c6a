"""What a file must hold before its numbers count as splats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gm_assets.errors import TooLarge, UnreadableFile
from gm_assets.lifting.protocol import Splats
from gm_assets.sculpt.pieces import Where

#: Most splats of one file: about 1 GB of numbers while they are drawn.
MOST_SPLATS = 4_000_000
#: Largest coordinate and scale in metres, and largest coefficient, that are believed.
_FARTHEST, _BRIGHTEST = 1e9, 1e4
#: How far outside 0 to 1 rounding may leave an opacity.
_ROUNDING = 1e-3


def bounded_count(count: int, where: Where) -> int:
    """The number of splats, if it is one that is read.

    Raises:
        UnreadableFile: there are none.
        TooLarge: there are more than `MOST_SPLATS`.
    """
    if count < 1:
        raise UnreadableFile("it holds no splats", where=where, remedy="Export the splats again")
    if count > MOST_SPLATS:
        raise TooLarge(
            f"{count:,} splats; at most {MOST_SPLATS:,} are read",
            where=where,
            remedy="Thin them out",
        )
    return count


def sound_splats(
    positions: NDArray,
    scales: NDArray,
    rotations: NDArray,
    opacities: NDArray,
    sh: NDArray,
    where: Where,
) -> Splats:
    """The splats, checked; rotations (w, x, y, z) are brought to unit length.

    Raises:
        UnreadableFile: a number is not finite or out of its range, or a rotation has no length.
    """

    def broken(what: str) -> UnreadableFile:
        return UnreadableFile(what, where=where, remedy="Export the splats again")

    named = {"a position": positions, "a scale": scales, "a rotation": rotations,
             "an opacity": opacities, "a colour": sh}  # fmt: skip
    for name, values in named.items():
        if not np.isfinite(values).all():
            raise broken(f"{name} is not finite")
    if max(np.abs(positions).max(), np.abs(scales).max()) > _FARTHEST:
        raise broken(f"a splat is farther away or larger than {_FARTHEST:.0e} metres")
    if scales.min() < 0:
        raise broken("a scale is negative")
    if opacities.min() < -_ROUNDING or opacities.max() > 1 + _ROUNDING:
        raise broken("an opacity is not between 0 and 1")
    if np.abs(sh).max() > _BRIGHTEST:
        raise broken(f"a colour is brighter than {_BRIGHTEST:.0e} times white")
    length = np.linalg.norm(rotations.astype(np.float64), axis=1, keepdims=True)
    if not length.min() > 1e-6:
        raise broken("a rotation is a quaternion without length")
    return Splats(
        np.ascontiguousarray(positions, np.float32),
        np.ascontiguousarray(scales, np.float32),
        (rotations / length).astype(np.float32),
        np.clip(opacities, 0, 1).astype(np.float32),
        np.ascontiguousarray(sh, np.float32),
    )
