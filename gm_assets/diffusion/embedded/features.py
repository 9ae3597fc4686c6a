"""What the embedded leash sees of a guide: its maps as the channels of one array.

Everything is computed from the passes and the camera alone, so that a frame can be made from
the files that its recipe names and from nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gm_assets.diffusion.protocol import Guide, Identified
from gm_assets.memory.record import Camera
from gm_assets.sculpt.cameras import camera_rays, matrix_of
from gm_assets.sculpt.model import MATERIALS

Floats = NDArray[np.float32]

#: Channels before those of the materials.
GEOMETRY: tuple[str, ...] = (
    "silhouette",
    "depth",
    "normal-x",
    "normal-y",
    "normal-z",
    "world-up",
    "ray-up",
    "plane",
    "living-body",
    "ground",
)
#: What a surface may be made of: nothing known, or one of the world's materials.
SUBSTANCES: tuple[str, ...] = ("unknown", *MATERIALS)
#: All channels, in order.
CHANNELS: tuple[str, ...] = (*GEOMETRY, *SUBSTANCES)
#: Channels that a map's weight scales.
CHANNELS_OF: dict[str, slice] = {
    "silhouette": slice(0, 1),
    "depth": slice(1, 2),
    "normal": slice(2, 6),
    "ids": slice(8, len(CHANNELS)),
}
#: Classes whose substance the words may choose; a body, the ground and lamps keep theirs.
_PAINTABLE = ("", "cloth", "armour", "prop", "machine", "architecture")
_FIXED = ("glow", "red-cloth", "skin")


def features(guide: Guide, paint: str | None = None, *, known: bool = True) -> Floats:
    """The channels of a guide.

    Args:
        guide: with depth, normal and silhouette, and a camera; ids where there are any.
        paint: the material that the words ask for, one of `MATERIALS`.
        known: False forgets what the ids stand for.

    Returns:
        (len(CHANNELS), h, w) float32.

    Raises:
        KeyError: a map that is needed is missing.
        ValueError: there is no camera, or nothing is seen.
    """
    if guide.camera is None:
        raise ValueError("a guide without a camera says nothing about the ground and the sky")
    seen = guide.map("silhouette") & np.isfinite(guide.map("depth"))
    if not seen.any():
        raise ValueError(f"nothing is seen in view {guide.view!r}")
    height, width = seen.shape
    depth = np.where(seen, guide.map("depth"), 0).astype(np.float32)
    normal = np.where(seen[..., None], guide.map("normal"), 0).astype(np.float32)
    substance, body, ground = _substances(guide.ids, seen, guide.table if known else {}, paint)
    values = np.zeros((len(CHANNELS), height, width), np.float32)
    values[0] = seen
    near, middle, far = np.percentile(depth[seen], (5, 50, 95))
    values[1] = np.clip((middle - depth) / max(far - near, 1e-3 * middle), -2, 2) * seen
    values[2:5] = normal.transpose(2, 0, 1)
    up = matrix_of(guide.camera)[1, :3].astype(np.float32)
    values[5] = normal @ up
    values[6], values[7] = _ground(guide.camera, depth, seen, float(middle))
    values[8], values[9] = body, ground
    for number in range(len(SUBSTANCES)):
        values[len(GEOMETRY) + number] = substance == number + 1
    return values


def _substances(
    ids: NDArray[np.uint32] | None,
    seen: NDArray[np.bool_],
    table: Mapping[int, Identified],
    paint: str | None,
) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.bool_]]:
    """For every pixel 1 + index into `SUBSTANCES` (0 for nothing), and the masks of two classes."""
    numbers = np.where(seen, 1 if ids is None else ids, 0).astype(np.int64)
    shown, places = np.unique(numbers, return_inverse=True)
    entries = [table.get(int(number), Identified("")) if number else None for number in shown]
    code = np.array([0 if entry is None else _substance(entry, paint) for entry in entries])
    body = np.array([entry is not None and entry.semantic == "living-body" for entry in entries])
    ground = np.array([entry is not None and entry.semantic == "ground" for entry in entries])
    places = places.reshape(seen.shape)
    return code.astype(np.uint8)[places], body[places], ground[places]


def _substance(entry: Identified, paint: str | None) -> int:
    painted = paint and entry.semantic in _PAINTABLE and entry.material not in _FIXED
    material = paint if painted else entry.material
    return 1 + (SUBSTANCES.index(material) if material in MATERIALS else 0)


def _ground(
    camera: Camera, depth: Floats, seen: NDArray[np.bool_], middle: float
) -> tuple[Floats, Floats]:
    """How steeply each ray climbs, and how near the plane is on which the subject stands.

    The plane is as high as the lowest points that are seen. Its nearness is the depth of the
    subject's middle by that of the plane: 1 where the ground is as far as the subject, 0 at the
    horizon and above it.
    """
    height, width = depth.shape
    eye, directions = camera_rays(camera, width, height)
    climb = directions[:, 1].reshape(height, width)
    axis = -matrix_of(camera)[:3, 2].astype(np.float32)
    along = (directions @ axis).reshape(height, width)
    heights = float(eye[1]) + climb * depth / along
    floor = float(np.percentile(heights[seen], 2))
    drop = np.maximum(-climb, 0) / along
    rise = float(eye[1]) - floor
    nearness = middle * drop / rise if rise > 1e-6 * middle else np.zeros_like(drop)
    return climb, np.clip(nearness, 0, 4).astype(np.float32) / 2


def scaled(values: Floats, weights: Mapping[str, float]) -> Floats:
    """The channels with every map at its weight, 0 to 1; maps not named are left as they are."""
    changed = values.copy()
    for name, weight in weights.items():
        if name in CHANNELS_OF:
            changed[CHANNELS_OF[name]] *= np.float32(weight)
    return changed


def flipped(values: Any) -> Any:
    """The channels (…, c, h, w) of the mirrored view, left for right; array or tensor."""
    turned = values[..., ::-1].copy() if isinstance(values, np.ndarray) else values.flip(-1)
    turned[..., 2, :, :] *= -1
    return turned
