"""Consistency of a turntable: does a place on the subject keep its colour from view to view?

Every pixel of the subject is brought into the next view by its depth and both cameras; where the
next view sees the same place, the two colours are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gm_assets.diffusion.protocol import Guide
from gm_assets.sculpt.cameras import camera_rays, matrix_of, project

Picture = NDArray[np.uint8]

#: Side at which colours are compared: grain and single pixels do not count.
_SIDE = 128
#: Two depths of one place differ by less than this part.
_SAME = 0.01


@dataclass(frozen=True)
class Drift:
    """Mean colour differences in CIELAB (CIE 1976) on the subject.

    Attributes:
        neighbours: of one place in two neighbouring views.
        strangers: of two places chosen at random: what no consistency at all would give.
        pairs: places compared.
    """

    neighbours: float
    strangers: float
    pairs: int


def drift(views: Sequence[tuple[Guide, Picture]]) -> Drift:
    """The drift over the views of a turntable, in their order.

    Args:
        views: guides with camera and depth, all of one size, and the frames made for them.

    Raises:
        ValueError: no place is seen by two neighbours.
    """
    here, there = [], []
    for (guide, picture), (other, next_picture) in pairwise(views):
        places, seen_at = matched(guide, other)
        here.append(_lab(picture)[places])
        there.append(_lab(next_picture)[seen_at])
    first, second = np.concatenate(here), np.concatenate(there)
    if not len(first):
        raise ValueError("no place of the subject is seen by two neighbouring views")
    mixed = np.random.Generator(np.random.PCG64(0)).permutation(len(second))
    return Drift(
        float(np.linalg.norm(first - second, axis=1).mean()),
        float(np.linalg.norm(first - second[mixed], axis=1).mean()),
        len(first),
    )


def matched(guide: Guide, other: Guide) -> tuple[tuple[NDArray, NDArray], tuple[NDArray, NDArray]]:
    """Rows and columns, at `_SIDE`, of the places that two views both see."""
    assert guide.camera is not None and other.camera is not None
    eye, directions = camera_rays(guide.camera, _SIDE, _SIDE)
    depth = _nearest(guide.map("depth"))
    along = directions @ -matrix_of(guide.camera)[:3, 2].astype(np.float32)
    flat = depth.reshape(-1)
    on = np.flatnonzero(np.isfinite(flat))
    points = eye + directions[on] * (flat[on] / along[on])[:, None]
    at, away = project(other.camera, points, _SIDE, _SIDE)
    column, row = np.floor(at).astype(int).T
    inside = (column >= 0) & (column < _SIDE) & (row >= 0) & (row < _SIDE)
    seen = np.full(len(points), np.inf)
    seen[inside] = _nearest(other.map("depth"))[row[inside], column[inside]]
    same = inside & (np.abs(seen - away) < _SAME * away)
    return np.divmod(on[same], _SIDE), (row[same], column[same])


def _nearest(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """A depth pass at `_SIDE`, each pixel that of the pass at its centre."""
    rows, columns = (
        ((np.arange(_SIDE) + 0.5) * extent / _SIDE).astype(int) for extent in depth.shape
    )
    return depth[np.ix_(rows, columns)]


def _lab(picture: Picture) -> NDArray[np.float32]:
    from PIL import Image
    from skimage.color import rgb2lab

    small = Image.fromarray(picture).resize((_SIDE, _SIDE), Image.Resampling.BOX)
    return np.asarray(rgb2lab(np.asarray(small)), np.float32)
