"""Noise for surfaces, paper and clouds: one periodic volume, looked up at any scale.

The volume is Gaussian noise whose spectrum falls with frequency (fractal noise), made once a
process by a seeded generator and a Fourier transform. A look-up costs far less than hashing
lattice corners for every octave.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

Floats = NDArray[np.float32]

#: Edge of the periodic volume and of the periodic sheet, in samples.
VOLUME, SHEET = 96, 1024


@cache
def volume(roughness: float = 1.7) -> Floats:
    """(96, 96, 96) float32 fractal noise in [0, 1], mean 0.5, periodic in all directions."""
    return _fractal((VOLUME,) * 3, roughness, 20_261)


@cache
def sheet(roughness: float = 1.2) -> Floats:
    """(1024, 1024) float32 fractal noise in [0, 1], mean 0.5, periodic."""
    return _fractal((SHEET,) * 2, roughness, 40_427)


def _fractal(shape: tuple[int, ...], roughness: float, seed: int) -> Floats:
    white = np.random.Generator(np.random.PCG64(seed)).standard_normal(shape, np.float32)
    axes = [fft.fftfreq(size) * size for size in shape[:-1]]
    axes.append(fft.rfftfreq(shape[-1]) * shape[-1])
    square = sum(np.square(axis) for axis in np.meshgrid(*axes, indexing="ij", sparse=True))
    square = np.asarray(square, np.float32)
    square[(0,) * len(shape)] = 1
    spectrum = fft.rfftn(white) * square ** np.float32(-roughness / 2)
    spectrum[(0,) * len(shape)] = 0
    noise = fft.irfftn(spectrum, s=shape).astype(np.float32)
    noise /= noise.std() * 5.2
    return np.clip(noise + 0.5, 0, 1)


def at_points(points: NDArray, scale: float | tuple[float, float, float]) -> Floats:
    """Noise in [0, 1] at (n, 3) points; `scale` is periods of the volume a metre."""
    grid = (np.asarray(points, np.float32) * np.asarray(scale, np.float32)).T * VOLUME
    return ndimage.map_coordinates(volume(), grid, order=1, mode="grid-wrap")


def at_plane(x: NDArray, y: NDArray, scale: float, roughness: float = 1.2) -> Floats:
    """Noise in [0, 1] at plane coordinates; `scale` is periods of the sheet a unit.

    Args:
        roughness: how fast the spectrum falls; 1.2 is cloud, 2.6 is rolling land.
    """
    grid = np.stack([np.asarray(y, np.float32), np.asarray(x, np.float32)]) * scale * SHEET
    return ndimage.map_coordinates(sheet(roughness), grid, order=1, mode="grid-wrap")


def picture(height: int, width: int, scale: float, seed: int, roughness: float = 1.2) -> Floats:
    """A (height, width) noise picture in [0, 1]; `scale` is samples of the sheet a pixel."""
    shift = np.random.Generator(np.random.PCG64(seed)).integers(0, SHEET, 2)
    rows = np.arange(height, dtype=np.float32) * scale + shift[0]
    columns = np.arange(width, dtype=np.float32) * scale + shift[1]
    if scale == 1.0:
        return sheet(roughness)[np.ix_(rows.astype(int) % SHEET, columns.astype(int) % SHEET)]
    grid = np.meshgrid(rows, columns, indexing="ij")
    return ndimage.map_coordinates(sheet(roughness), grid, order=1, mode="grid-wrap")


def smoothstep(low: float, high: float, x: NDArray) -> Floats:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)
