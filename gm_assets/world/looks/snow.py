"""Falling snow, in layers of depth: a fine far drift, flakes in the middle, a few near the lens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gm_assets.world.looks.light import Air

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Layer:
    """Flakes of one range of depth.

    Attributes:
        near, far: depth, as parts of the subject's.
        count: flakes in an air that is full of them.
        size: radius, as a part of the picture's height.
        streak: way a flake falls during the exposure, as a part of the picture's height.
        shine: brightness of one flake.
    """

    near: float
    far: float
    count: int
    size: float
    streak: float
    shine: float


LAYERS: tuple[Layer, ...] = (
    Layer(0.9, 2.6, 15000, 0.0008, 0.0015, 0.75),
    Layer(0.45, 1.0, 2600, 0.0011, 0.0050, 0.9),
    Layer(0.22, 0.45, 240, 0.0016, 0.0120, 0.95),
    Layer(0.10, 0.18, 30, 0.0048, 0.0200, 0.62),
)


def snowfall(air: Air, depth: Floats, focus: float, seed: int) -> Floats:
    """How much of a flake each sample sees, (h, w), 0 to about 1.

    Args:
        air: how full it is, and its wind.
        depth: (h, w) metres to what stands behind.
        focus: metres to the subject.
        seed: of where the flakes are.
    """
    source = np.random.Generator(np.random.PCG64(seed + 991))
    total = np.zeros(depth.shape, np.float32)
    for layer in LAYERS:
        total += _fallen(layer, air, depth, focus, source)
    return total


def _fallen(
    layer: Layer, air: Air, depth: Floats, focus: float, source: np.random.Generator
) -> Floats:
    high, wide = depth.shape
    count = int(layer.count * air.flakes * min(wide / high, 1.8))
    x, y = source.uniform(0, wide, count), source.uniform(0, high, count)
    away = focus * source.uniform(layer.near, layer.far, count)
    shine = source.uniform(0.35, 1.0, count) * layer.shine
    # Gusts: no two flakes fall quite the same way.
    slant = air.wind * 0.8 + source.normal(0, 0.12, count)
    dots = np.zeros(depth.shape, np.float32)
    sigma = max(layer.size * high, 0.5)
    # In a small picture a flake is smaller than a dot can be: the dot is dimmer by as much.
    dim = min(layer.size * high / sigma, 1.0) ** 2
    length = layer.streak * high
    steps = max(int(np.ceil(length / sigma)), 1)
    for step in range(steps):
        t = (step + 0.5) / steps - 0.5
        row = (y + length * t).astype(np.int64)
        column = (x - length * t * slant).astype(np.int64)
        seen = (row >= 0) & (row < high) & (column >= 0) & (column < wide)
        row, column = row[seen], column[seen]
        free = away[seen] < depth[row, column]
        np.add.at(dots, (row[free], column[free]), shine[seen][free].astype(np.float32))
    # A dot keeps its brightness in the middle, whatever its size.
    soft = ndimage.gaussian_filter(dots, sigma, truncate=3.0)
    return (soft * np.float32(dim * 2 * np.pi * sigma**2 / max(1.0, min(steps, 2.5)))).astype(
        np.float32
    )
