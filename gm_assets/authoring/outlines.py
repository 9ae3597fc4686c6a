"""Silhouettes that are cheap to see: alpha, or an object on a flat ground.

Outlines are coverages on a grid of 48 x 48 cells over the whole picture, so that pictures of
one framing can be compared whatever their size. Pictures without alpha whose border is not of
one colour have none.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

#: Cells on a side.
GRID = 48
#: Pictures beyond this take too long for a hint.
MAX_PIXELS = 16_000_000
#: Two colours (0 to 255 a channel) at most so far apart are one ground.
_GROUND = 14
#: The share of the border that must be ground.
_FLAT = 0.9


def outline(path: Path) -> NDArray[np.bool_] | None:
    """(48, 48) cells that are covered at least by half; None where no outline can be seen."""
    from PIL import Image

    if path.is_symlink():  # it came to be one since it was catalogued
        return None
    try:
        with Image.open(path, formats=("PNG", "JPEG", "WEBP")) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                return None
            # of a JPEG the decoder makes a small picture at once
            picture.draft("RGB", (4 * GRID, 4 * GRID))
            small = picture.convert("RGBA").resize((GRID, GRID), Image.Resampling.BOX)
    except Exception:  # whatever a file holds: a hint less, and what is wrong ingest has said
        return None
    return _covered(np.asarray(small))


def _covered(samples: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
    """The object's cells in RGBA samples; None where everything or nothing is object."""
    alpha = samples[..., 3] >= 128
    if alpha.all():
        colours = samples[..., :3].astype(np.int16)
        border = np.concatenate([colours[0], colours[-1], colours[1:-1, 0], colours[1:-1, -1]])
        ground = np.median(border, axis=0)
        if np.mean(np.abs(border - ground).max(axis=1) <= _GROUND) < _FLAT:
            return None
        alpha = np.abs(colours - ground).max(axis=2) > _GROUND
    share = float(alpha.mean())
    return alpha if 0.01 < share < 0.97 else None


def agreement(one: NDArray[np.bool_] | None, other: NDArray[np.bool_] | None) -> float | None:
    """Intersection over union of two outlines, 0 to 1; None where one is missing."""
    if one is None or other is None:
        return None
    return round(float((one & other).sum() / (one | other).sum()), 3)
