"""Maps of a guide as the pictures that ControlNet-Union was trained on.

The control network takes several pictures at once, each with the number of its kind. What a
picture must look like is decided by the detectors that made its training data:

* depth: near is white, as disparity (what monocular depth networks give), background black;
* normals: blue towards the camera, green up, red to the left, as in NYU-V2's pictures (stated by
  the makers of ControlNet 1.1 for normal maps from rendering engines);
* lines: white on black; pose: coloured limbs on black; segments: flat colours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gm_assets.diffusion.protocol import Guide, Picture

#: Kinds of control of the network `controlnet-union-sdxl-1.0` by map, in the order of its card.
#: Both maps of the last kind are segments: of the parts, or of subject and background.
MODES: Mapping[str, int] = {
    "pose": 0,
    "depth": 1,
    "lines": 3,
    "normal": 4,
    "ids": 5,
    "silhouette": 5,
}
#: The kind that takes a sketch as loose strokes to follow roughly instead of line art.
SCRIBBLE = 2
#: Grey of the farthest point of a subject, so that it differs from the background.
FARTHEST = 32
#: Colour of a surface that faces the camera: nothing is known of the background.
FACING = (128, 128, 255)
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, eq=False)
class Control:
    """One picture for the control network.

    Attributes:
        map: the map it was made of.
        mode: its kind, as the network counts them.
        weight: how strongly it is followed, above 0 to 1.
        picture: (h, w, 3) uint8.
    """

    map: str
    mode: int
    weight: float
    picture: Picture


def controls(
    guide: Guide, weights: Mapping[str, float], *, scribble: bool = False
) -> tuple[Control, ...]:
    """The control pictures of a guide in the order of their kinds, at most one of a kind.

    Args:
        weights: how strongly each map is followed; 0 leaves it out, 1 where it is not named.
        scribble: whether `lines` are loose strokes rather than line art.
    """
    chosen: dict[int, Control] = {}
    for name, mode in MODES.items():
        kind = SCRIBBLE if scribble and name == "lines" else mode
        weight = float(weights.get(name, 1.0))
        if name in guide.maps and weight > 0 and kind not in chosen:
            chosen[kind] = Control(name, kind, weight, PICTURES[name](guide))
    return tuple(chosen[kind] for kind in sorted(chosen))


def depth_picture(guide: Guide) -> Picture:
    """(h, w, 3): disparity over the subject's own range, near white, background black."""
    depth = np.asarray(guide.map("depth"), np.float64)
    there = np.isfinite(depth) & (depth > 0)
    grey = np.zeros(depth.shape, np.float64)
    disparity = 1.0 / depth[there]
    span = float(np.ptp(disparity)) if disparity.size else 0.0
    nearness = (disparity - disparity.min()) / span if span > 0 else np.ones(disparity.shape)
    grey[there] = FARTHEST + (255 - FARTHEST) * nearness
    return _grey(grey)


def normal_picture(guide: Guide) -> Picture:
    """(h, w, 3): camera normals as colours; the background faces the camera."""
    normal = np.asarray(guide.map("normal"), np.float64)
    mirrored = np.clip(normal, -1, 1) * (-1.0, 1.0, 1.0)  # camera +X is right, red is left
    picture: Picture = np.rint((mirrored + 1) * 127.5).astype(np.uint8)
    picture[~normal.any(axis=2)] = FACING
    return picture


def line_picture(guide: Guide) -> Picture:
    """(h, w, 3): ink white on black."""
    return _grey(np.clip(np.asarray(guide.map("lines"), np.float64), 0, 1) * 255)


def pose_picture(guide: Guide) -> Picture:
    """(h, w, 3): the picture of the rig's pose as it is."""
    picture: Picture = guide.map("pose")
    return picture


def silhouette_picture(guide: Guide) -> Picture:
    """(h, w, 3): two segments, the subject white."""
    return _grey(np.where(guide.map("silhouette"), 255.0, 0.0))


def ids_picture(guide: Guide) -> Picture:
    """(h, w, 3): each part in a colour of its own that depends on its number alone."""
    ids = guide.map("ids")
    # Steps of the golden ratio around the circle of hues keep any few numbers apart.
    hue = (ids.astype(np.float64) * _GOLDEN) % 1.0
    wheel = np.abs((hue[..., None] * 6 + (0.0, 4.0, 2.0)) % 6 - 3) - 1
    colours = np.rint(64 + 191 * np.clip(wheel, 0, 1))
    picture: Picture = np.where(ids[..., None] > 0, colours, 0).astype(np.uint8)
    return picture


PICTURES = {
    "pose": pose_picture,
    "depth": depth_picture,
    "lines": line_picture,
    "normal": normal_picture,
    "ids": ids_picture,
    "silhouette": silhouette_picture,
}


def _grey(values: NDArray[np.float64]) -> Picture:
    grey = np.rint(values).astype(np.uint8)
    picture: Picture = np.repeat(grey[..., None], 3, axis=2)
    return picture
