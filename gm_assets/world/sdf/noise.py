"""Deterministic noise on points: value noise on an integer lattice, and its octaves.

The lattice values come from an integer hash (the finaliser of MurmurHash3), not from a random
generator, so that one point gives one value whatever was asked before it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]
Values = NDArray[np.float32]


def _hash(x: NDArray[np.int64], y: NDArray[np.int64], z: NDArray[np.int64], seed: int) -> Values:
    """Lattice values in [-1, 1)."""
    mixed = x * 374761393 + y * 668265263 + z * 2147483647 + seed * 1274126177
    h = (mixed & 0xFFFFFFFF).astype(np.uint32)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x85EBCA6B)
    h ^= h >> np.uint32(13)
    h *= np.uint32(0xC2B2AE35)
    h ^= h >> np.uint32(16)
    return (h.astype(np.float32) * np.float32(2.0**-31) - np.float32(1.0)).astype(np.float32)


def value_noise(points: Points, frequency: float = 1.0, seed: int = 0) -> Values:
    """Smooth noise in [-1, 1].

    Args:
        points: (3, n) coordinates.
        frequency: lattice cells per unit of length.
        seed: chooses one of 2**32 independent fields.
    """
    scaled = points.astype(np.float64) * frequency
    cell = np.floor(scaled)
    fraction = (scaled - cell).astype(np.float32)
    weight = fraction**3 * (fraction * (fraction * 6.0 - 15.0) + 10.0)
    x0, y0, z0 = cell.astype(np.int64)
    wx, wy, wz = weight
    total = np.zeros(points.shape[1], dtype=np.float32)
    for dx in (0, 1):
        for dy in (0, 1):
            for dz in (0, 1):
                share = (
                    (wx if dx else 1.0 - wx) * (wy if dy else 1.0 - wy) * (wz if dz else 1.0 - wz)
                )
                total += share * _hash(x0 + dx, y0 + dy, z0 + dz, seed)
    return total


def fractal_noise(
    points: Points, frequency: float = 1.0, octaves: int = 3, seed: int = 0, gain: float = 0.5
) -> Values:
    """Octaves of `value_noise`, each of twice the frequency and `gain` times the amplitude.

    The result lies in [-1, 1]: it is divided by the sum of the amplitudes.
    """
    total = np.zeros(points.shape[1], dtype=np.float32)
    amplitude, reach = 1.0, 0.0
    for octave in range(octaves):
        total += np.float32(amplitude) * value_noise(
            points, frequency * 2.0**octave, seed + 7919 * octave
        )
        reach += amplitude
        amplitude *= gain
    return total / np.float32(reach)
