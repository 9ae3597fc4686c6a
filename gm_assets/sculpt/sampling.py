"""Directions for shadow and occlusion rays: even, different at each pixel, the same each time.

Points of the R2 sequence (Roberts 2018, the plane's generalisation of the golden ratio) are
shifted at each pixel by a hash of its index, so that neighbours err differently and the eye
sees a fine even grain instead of bands. There is no random generator and so no seed to lose.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

_PLASTIC = 1.32471795724474602596
_STEP = np.array([1 / _PLASTIC, 1 / _PLASTIC**2])

Floats = NDArray[np.float32]


def hashed(index: NDArray, salt: int = 0) -> NDArray[np.float32]:
    """Numbers in [0, 1) that depend on `index` and `salt` alone (an integer finaliser)."""
    x = np.asarray(index).astype(np.uint32) + np.uint32((salt * 0x9E3779B9 + 0x7F4A7C15) % 2**32)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    return (x >> np.uint32(8)).astype(np.float32) * np.float32(2**-24)


class Pixels:
    """The shifts of a set of pixels, hashed once for all their samples.

    Args:
        index: (n,) numbers of the pixels.
        salt: tells one use of the samples from another.
    """

    def __init__(self, index: NDArray, salt: int = 0) -> None:
        self._x, self._y = hashed(index, 2 * salt), hashed(index, 2 * salt + 1)

    def points(self, turn: int) -> tuple[Floats, Floats]:
        """The `turn`-th sample in the unit square of every pixel, two (n,) float32."""
        x = (self._x + np.float32(_STEP[0] * turn % 1)) % 1
        y = (self._y + np.float32(_STEP[1] * turn % 1)) % 1
        return x.astype(np.float32), y.astype(np.float32)


def basis(normals: Floats) -> tuple[Floats, Floats]:
    """Two unit vectors across each unit normal (Duff et al. 2017, JCGT 6 (1))."""
    x, y, z = normals[:, 0], normals[:, 1], normals[:, 2]
    sign = np.where(z >= 0, np.float32(1), np.float32(-1))
    a = -1 / (sign + z)
    b = x * y * a
    tangent = np.stack([1 + sign * x * x * a, sign * b, -sign * x], axis=1)
    across = np.stack([b, sign + y * y * a, -y], axis=1)
    return tangent.astype(np.float32), across.astype(np.float32)


def hemispheres(
    normals: Floats, index: NDArray, turns: Iterable[int], salt: int = 0
) -> Iterator[Floats]:
    """For every turn a cosine-weighted direction about each normal, (n, 3) float32 unit vectors."""
    pixels = Pixels(index, salt)
    tangent, across = basis(normals)
    for turn in turns:
        x, y = pixels.points(turn)
        radius, angle = np.sqrt(x), y * np.float32(2 * np.pi)
        ray = tangent * (radius * np.cos(angle))[:, None]
        ray += across * (radius * np.sin(angle))[:, None]
        ray += normals * np.sqrt(np.maximum(1 - x, 0))[:, None]
        yield ray.astype(np.float32, copy=False)


def cones(
    axis: NDArray, spread: float, index: NDArray, turns: Iterable[int], salt: int = 0
) -> Iterator[Floats]:
    """For every turn a direction near `axis` for each pixel: a light of angular radius `spread`.

    Args:
        axis: (3,) or (n, 3) unit vectors.
        spread: tangent of the light's angular radius.
    """
    axes = np.ascontiguousarray(np.broadcast_to(axis, (len(index), 3)), np.float32)
    pixels = Pixels(index, salt)
    tangent, across = basis(axes)
    for turn in turns:
        x, y = pixels.points(turn)
        radius, angle = np.sqrt(x) * np.float32(spread), y * np.float32(2 * np.pi)
        bent = tangent * (radius * np.cos(angle))[:, None]
        bent += across * (radius * np.sin(angle))[:, None]
        bent += axes
        bent /= np.sqrt(np.einsum("ij,ij->i", bent, bent))[:, None]
        yield bent.astype(np.float32, copy=False)
