"""Real spherical harmonics to degree 2 with the Condon-Shortley phase, the basis of 3DGS files.

Colour is 0.5 plus the sum of coefficients times harmonics of the direction from the eye to the
splat (KHR_gaussian_splatting, "Calculating color from spherical harmonics").
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gm_assets.lifting.protocol import Floats

#: Constants of degree 0, 1 and 2: the root of 1, 3 and 15, 5/4 and 15/4 over 4 pi.
Y0 = 0.28209479177387814
Y1 = 0.4886025119029199
Y2 = (1.0925484305920792, 0.31539156525252005, 0.5462742152960396)


def harmonics(directions: NDArray, count: int) -> NDArray[np.float64]:
    """(n, count) values of the first 1, 4 or 9 harmonics for (n, 3) unit directions."""
    x, y, z = np.asarray(directions, np.float64).T
    columns = [np.full(len(x), Y0), -Y1 * y, Y1 * z, -Y1 * x]
    columns += [Y2[0] * x * y, -Y2[0] * y * z, Y2[1] * (2 * z * z - x * x - y * y)]
    columns += [-Y2[0] * x * z, Y2[2] * (x * x - y * y)]
    return np.stack(columns[:count], axis=1)


def turned(sh: Floats, turn: NDArray[np.float64]) -> Floats:
    """Coefficients of splats that were turned by a rotation matrix.

    Harmonics of one degree turn among themselves; the matrix that does it is solved from as
    many directions as determine it.

    Args:
        sh: (n, k, 3) coefficients.
        turn: (3, 3) rotation, which takes old directions to new ones.
    """
    count = sh.shape[1]
    grid = np.linspace(0, 1, 50)
    height, angle = 1 - 2 * grid, np.pi * (1 + 5**0.5) * np.arange(50)
    around = np.sqrt(np.maximum(0, 1 - height**2))
    old = np.stack([around * np.cos(angle), around * np.sin(angle), height], axis=1)
    mixed, *_ = np.linalg.lstsq(harmonics(old @ turn.T, count), harmonics(old, count), rcond=None)
    return np.einsum("ij,njc->nic", mixed, sh).astype(np.float32)


def plain_colours(sh: Floats) -> Floats:
    """(n, 3) sRGB, 0 to 1: the mean over all directions."""
    return np.clip(0.5 + Y0 * sh[:, 0], 0, 1).astype(np.float32)
