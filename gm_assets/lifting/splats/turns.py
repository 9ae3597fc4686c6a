"""Rotations of splats: unit quaternions (w, x, y, z) and matrices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def matrices(turns: NDArray) -> NDArray[np.float64]:
    """(n, 3, 3) rotation matrices of (n, 4) unit quaternions."""
    w, x, y, z = np.asarray(turns, np.float64).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.array(rows).transpose(2, 0, 1)


def quaternions(turns: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 4) unit quaternions of (n, 3, 3) rotation matrices."""
    from scipy.spatial.transform import Rotation

    return np.roll(Rotation.from_matrix(turns).as_quat(), 1, axis=1)


def after(last: NDArray, first: NDArray) -> NDArray[np.float64]:
    """(n, 4) quaternions of turning by `first`, then by `last`."""
    from scipy.spatial.transform import Rotation

    both = Rotation.from_quat(np.roll(last, -1, axis=1)) * Rotation.from_quat(
        np.roll(first, -1, axis=1)
    )
    return np.roll(both.as_quat(), 1, axis=1)
