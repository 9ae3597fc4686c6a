"""The pose of a rig as a picture: joints and bones of a GLB's skins, seen by a camera.

Joints come from the document's skins (glTF 2.0, section 3.7.3) where its nodes place them, so
the pose is the one in which the mesh is read. A rig whose joints have the names of a person's
is drawn as the 18 keypoints of COCO in the colours of OpenPose (Cao et al. 2019), which pose
models were trained on; any other rig is drawn bone by bone, in hues that tell bones apart.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gm_assets.memory.record import Camera
from gm_assets.sculpt.cameras import project
from gm_assets.sculpt.gltf import Gltf
from gm_assets.sculpt.pieces import Where, clean_name
from gm_assets.sculpt.skins import joints_of

#: Joints of a person that must be there for a rig to be drawn as one.
LEAST_KEYPOINTS = 8
#: Sub-pixels along each side of a pixel.
_FINE = 4

_RIGHT, _LEFT = frozenset(("right", "r")), frozenset(("left", "l"))
#: Words that name a person's joints in common rigs, in the order of COCO's limbs; the first
#: name of each is that of the joint where the limb begins.
_LIMB: tuple[tuple[frozenset[str], ...], ...] = tuple(
    tuple(frozenset(name.split("-")) for name in names.split())
    for names in (
        "upperarm upper-arm arm",
        "forearm fore-arm lowerarm lower-arm",
        "hand wrist",
        "thigh upleg up-leg upperleg upper-leg",
        "shin calf leg lowerleg lower-leg",
        "foot ankle",
    )
)
#: COCO numbers of the right limbs' joints in the order of `_LIMB`; the left ones are 3 higher.
_KEYPOINTS = (2, 3, 4, 8, 9, 10)
_NOSE, _NECK = 0, 1
#: Bones between keypoints, in OpenPose's order, which gives them their hues.
_BONES = (
    *((1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10)),
    *((1, 11), (11, 12), (12, 13), (1, 0)),
)
_HUES = 18
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@dataclass(frozen=True, eq=False)
class Rig:
    """The joints of a model as it stands.

    Attributes:
        names: of the joints.
        places: (k, 3) metres, in the model's own coordinates.
        above: index of the joint that each hangs on, -1 for a root.
    """

    names: tuple[str, ...]
    places: NDArray[np.float64]
    above: tuple[int, ...]


def rig_of(data: bytes, where: Where = None) -> Rig | None:
    """The joints of a GLB's or glTF's skins; None where it has none, or is another format.

    Raises:
        UnreadableFile, TooLarge: the document is damaged or beyond the bounds of `gltf`.
    """
    from gm_assets.sculpt.reading import format_of, open_document

    kind = format_of(data, Path(where) if where is not None else None)
    if kind not in ("glb", "gltf"):
        return None
    document = open_document(data, kind, Path(where) if where is not None else None)
    joints = _joints(document)
    if not joints:
        return None
    names: list[str] = []
    places: list[NDArray[np.float64]] = []
    above: list[int] = []
    nodes: dict[int, int] = {}  # node to the joint at it, or the nearest one above it
    for placed in document.placed():
        hangs_on = nodes.get(placed.above, -1)
        nodes[placed.number] = hangs_on
        if placed.number in joints:
            nodes[placed.number] = len(names)
            names.append(clean_name(placed.node.get("name"), f"joint {placed.number}"))
            places.append(placed.world[:3, 3])
            above.append(hangs_on)
    if not names or not np.isfinite(places).all():
        return None
    return Rig(tuple(names), np.array(places), tuple(above))


def _joints(document: Gltf) -> set[int]:
    """Numbers of the nodes that are joints of any skin."""
    skins = document.document.get("skins", [])
    found: set[int] = set()
    for skin in skins if isinstance(skins, list) else []:
        found |= set(joints_of(document, skin))
    return found


def keypoints(rig: Rig) -> dict[int, NDArray[np.float64]]:
    """A person's joints by their COCO numbers; empty where the names are not a person's."""
    found: dict[int, NDArray[np.float64]] = {}
    for name, place in zip(rig.names, rig.places, strict=True):
        number = _keypoint(name)
        if number is not None:
            found.setdefault(number, place)
    shoulders = [found[number] for number in (2, 5) if number in found]
    if len(shoulders) == 2:
        # COCO's neck lies between the shoulders, whatever a rig calls its neck.
        found[_NECK] = (shoulders[0] + shoulders[1]) / 2
    return found if len(found) >= LEAST_KEYPOINTS else {}


def _keypoint(name: str) -> int | None:
    """The COCO number of a joint's name."""
    words = {word.lower() for word in _WORD.findall(name)} - {"mixamorig", "bip", "def", "org"}
    sides = words & (_RIGHT | _LEFT)
    rest = frozenset(words - sides)
    if not sides:
        return {"head": _NOSE, "neck": _NECK}.get("".join(rest))
    for number, names in zip(_KEYPOINTS, _LIMB, strict=True):
        if rest in names:
            return number if sides <= _RIGHT else number + 3
    return None


def draw_pose(rig: Rig, camera: Camera, width: int, height: int) -> NDArray[np.uint8]:
    """The pose on black, (height, width, 3) uint8; what lies behind the camera is left out.

    Bones are as wide as a 128th of the picture's shorter side, joints twice that.
    """
    from PIL import Image, ImageDraw

    size = (width * _FINE, height * _FINE)
    picture = Image.new("RGB", size)
    pen = ImageDraw.Draw(picture)
    bone = max(1, round(min(size) / 128))
    for start, end, colour in _bones(rig):
        ends, depth = project(camera, np.stack([start, end]), *size)
        if depth.min() > 0:
            dark = tuple(int(channel * 0.6) for channel in colour)
            pen.line([(float(x), float(y)) for x, y in ends], fill=dark, width=bone)
    for place, colour in _dots(rig):
        (x, y), depth = (one[0] for one in project(camera, place[None], *size))
        if depth > 0:
            pen.ellipse([x - bone, y - bone, x + bone, y + bone], fill=colour)
    return np.asarray(picture.reduce(_FINE))


Colour = tuple[int, int, int]


def _hue(number: int, count: int = _HUES) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(number % count / count, 1.0, 1.0)
    return round(red * 255), round(green * 255), round(blue * 255)


def _bones(rig: Rig) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64], Colour]]:
    """Both ends and the colour of every bone."""
    person = keypoints(rig)
    if person:
        for number, (start, end) in enumerate(_BONES):
            if start in person and end in person:
                yield person[start], person[end], _hue(number)
        return
    for number, above in enumerate(rig.above):
        if above >= 0:
            yield rig.places[above], rig.places[number], _hue(number, len(rig.names))


def _dots(rig: Rig) -> Iterator[tuple[NDArray[np.float64], Colour]]:
    """Place and colour of every joint."""
    person = keypoints(rig)
    if person:
        yield from ((place, _hue(number)) for number, place in sorted(person.items()))
        return
    for number, place in enumerate(rig.places):
        yield place, _hue(number, len(rig.names))
