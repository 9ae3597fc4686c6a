"""How a subject is staged for a training frame: camera, paint, light, development.

The pictures of the encoder and the frames of the leash are composed by the same hand.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gm_assets.memory.record import Camera
from gm_assets.sculpt.cameras import film_back, look_at, matrix_of
from gm_assets.sculpt.cameras import frame as framed
from gm_assets.sculpt.model import Part, Sculpt
from gm_assets.sculpt.rays import Scene
from gm_assets.training.facts import PAINTS, held_out
from gm_assets.training.lights import CHANGEABLE, NATIVE, relit
from gm_assets.world.demo.desk import body
from gm_assets.world.looks.frame import Frame, Stage
from gm_assets.world.looks.grade import luminance, to_linear
from gm_assets.world.looks.surfaces import SUBSTANCES
from gm_assets.world.subjects import SUBJECTS

Chance = np.random.Generator

#: Classes of parts that may be painted with another material. Living bodies keep theirs, and
#: with it the red; ground and lamps are not the subject's own substance.
PAINTABLE = ("cloth", "armour", "prop", "machine", "architecture")
#: The subject that is seen from within.
INTERIOR = "silver-corridor"
#: The subject whose rock hides it from everywhere but its front.
ROOFED = "subterranean-citadel"
#: A material is stated where at least this part of the subject's pixels shows it ...
_PREVAILS = 0.6
#: ... and at least this part of the picture.
_SHOWN = 0.03
#: A material is stated where at least this much light falls on it (`light_on`).
READABLE = 0.3
#: A frame is kept where the subject fills at least this part of it.
VISIBLE = 0.012


@dataclass(frozen=True, eq=False)
class Sitter:
    """A built subject, ready to be drawn and rendered.

    Attributes:
        sculpt: as its sculptor made it.
        scene: the same, ready for rays.
        side: of the pictures in pixels.
        trained: True for pictures to train on, False for held-out ones.
    """

    sculpt: Sculpt
    scene: Scene
    side: int
    trained: bool

    @classmethod
    def of(cls, subject: str, seed: int, side: int, *, trained: bool, detail: float) -> Sitter:
        sculpt = SUBJECTS[subject].build(seed, detail)
        return cls(sculpt, Scene(sculpt), side, trained)

    @property
    def name(self) -> str:
        """Slug of the subject."""
        return self.sculpt.name

    @property
    def inside(self) -> bool:
        """Whether the camera stands within the subject."""
        return self.name == INTERIOR


def painted(sculpt: Sculpt, material: str) -> Sculpt:
    """The sculpt with all that may be painted made of one material.

    Raises:
        ValueError: the material is not one of `PAINTS`; red cloth never is.
    """
    if material not in PAINTS:
        raise ValueError(f"nothing is painted with {material!r}; there are {', '.join(PAINTS)}")
    return Sculpt(
        sculpt.name,
        tuple(
            dataclasses.replace(part, material=material) if _paintable(part) else part
            for part in sculpt.parts
        ),
    )


def _paintable(part: Part) -> bool:
    return part.semantic in PAINTABLE and part.material not in ("glow", "red-cloth", "skin")


def prevailing(parts: tuple[Part, ...], ids: NDArray[np.uint32]) -> str | None:
    """The material that most of a subject's visible pixels show, if it is one of `PAINTS`.

    Args:
        parts: the subject's parts; ids from 1 on are theirs, higher ones belong to the stage.
        ids: (h, w) part ids, 0 for nothing.
    """
    counts = np.bincount(ids.reshape(-1), minlength=len(parts) + 1)[1 : len(parts) + 1]
    shown: dict[str, int] = {}
    for part, count in zip(parts, counts.tolist(), strict=True):
        if part.semantic != "ground":
            shown[part.material] = shown.get(part.material, 0) + count
    total = sum(shown.values())
    if not total:
        return None
    material = max(shown, key=lambda name: shown[name])
    enough = shown[material] >= max(_PREVAILS * total, _SHOWN * ids.size)
    return material if enough and material in PAINTS else None


def azimuth_of(sitter: Sitter, chance: Chance, spread: float) -> float:
    """Degrees: mostly about the subject's hero view, a third of them from anywhere."""
    if sitter.name == ROOFED:
        return float(chance.normal(SUBJECTS[ROOFED].view.azimuth, 25))
    if chance.random() < 0.35:
        return float(chance.uniform(-180, 180))
    return float(chance.normal(SUBJECTS[sitter.name].view.azimuth, spread))


def side_or_full(sitter: Sitter, azimuth: float) -> str:
    side = abs(abs((azimuth + 180) % 360 - 180) - 90)
    has_front = SUBJECTS[sitter.name].domain in ("figures", "hardware")
    return "profile" if has_front and side < 14 else "full"


def aspect_of(sitter: Sitter, chance: Chance) -> float:
    own = min(max(SUBJECTS[sitter.name].view.aspect, 0.5), 1.9)
    return float(np.clip(own * np.exp(chance.normal(0, 0.28)), 0.5, 2.0))


def camera_inside(chance: Chance) -> Camera:
    eye = (chance.uniform(-1.4, 1.4), chance.uniform(2.6, 5.2), chance.uniform(-26.0, -2.0))
    target = (chance.normal(0, 1.2), 4.5 + chance.normal(0, 0.8), -60.0)
    aspect = float(chance.uniform(0.75, 1.7))
    return look_at(eye, target, focal_length=float(chance.uniform(22, 36)), aspect=aspect)


def light_on(material: str, parts: tuple[Part, ...], picture: Frame) -> float:
    """How much of the light that would show a white thing as white falls on a material.

    The mean luminance of its pixels by the mean reflectance of the substance: 1 where it looks
    as light as it is, near 0 where it is a shadow.
    """
    own = [number + 1 for number, part in enumerate(parts) if part.material == material]
    here = np.isin(picture.ids, own)
    substance = SUBSTANCES[material]
    albedo = float(np.mean([*substance.light, *substance.dark]))
    return float(luminance(to_linear(picture.picture[here] / np.float32(255))).mean()) / albedo


def share_of(parts: tuple[Part, ...], ids: NDArray[np.uint32]) -> float:
    """The part of a picture that shows the subject, its ground left out."""
    own = [number + 1 for number, part in enumerate(parts) if part.semantic != "ground"]
    return float(np.isin(ids, own).mean())


def apart(sculpt: Sculpt, setting: str) -> Sculpt:
    """The subject without the cavern that it brings for its own environment."""
    if setting == "subterranean-nave":
        return sculpt
    return Sculpt(sculpt.name, tuple(part for part in sculpt.parts if part.name != "cavern"))


def paint_for(sitter: Sitter, setting: str, chance: Chance) -> str | None:
    """A material of this split to paint with, or None for the sculptor's own."""
    choices: list[str | None] = [
        material
        for material in PAINTS
        if held_out(sitter.name, setting, material, True) != sitter.trained
    ]
    own = chance.random() < 0.22
    if own or not choices:
        return None
    return choices[int(chance.integers(len(choices)))]


def frame_camera(
    sitter: Sitter,
    subject: Sculpt,
    azimuth: float,
    chance: Chance,
    aspects: Sequence[float] = (),
) -> tuple[Camera, str]:
    """A camera of one of the shots, and which one.

    Args:
        aspects: where there are any, the picture's aspect is the nearest of them.
    """

    def snapped(aspect: float) -> float:
        return min(aspects, key=lambda one: abs(math.log(one / aspect)), default=aspect)

    if sitter.inside:
        camera = camera_inside(chance)
        width, height = camera.film_back
        return camera.model_copy(update={"film_back": film_back(snapped(width / height))}), "wide"
    kind = str(chance.choice(["full", "wide", "low-angle"], p=[0.5, 0.35, 0.15]))
    aspect = aspect_of(sitter, chance)
    if kind == "wide":
        aspect = float(chance.uniform(1.2, 2.0))
    aspect = snapped(aspect)
    margins = {"full": (0.02, 0.22), "wide": (0.30, 0.56), "low-angle": (0.05, 0.25)}
    elevation = chance.uniform(-9, -4) if kind == "low-angle" else chance.uniform(1.0, 9.0)
    lens = chance.uniform(35, 60) if kind == "low-angle" else chance.uniform(55, 135)
    camera = framed(
        body(subject),
        azimuth=azimuth,
        elevation=float(elevation),
        focal_length=float(lens),
        aspect=aspect,
        margin=float(chance.uniform(*margins[kind])),
        lift=float(chance.normal(-0.02, 0.05)),
    )
    low, high = subject.bounds
    if matrix_of(camera)[1, 3] < low[1] + 0.03 * (high[1] - low[1]):
        # Below the ground nothing is seen: the same shot from where a person could stand.
        return frame_camera(sitter, subject, azimuth, chance, aspects)
    if kind == "full":
        kind = side_or_full(sitter, azimuth)
    return camera, kind


def lit_by(
    sitter: Sitter, setting: str, stage: Stage, subject: Sculpt, camera: Camera, chance: Chance
) -> tuple[Stage, str | None]:
    """The stage under its own light or, outdoors, now and then under another."""
    if sitter.inside:
        return stage, "sphere-glow"
    if setting in CHANGEABLE and chance.random() < 0.45:
        light = str(chance.choice(CHANGEABLE[setting]))
        return relit(stage, light, subject, camera, chance), light
    cavern = any(part.name == "cavern" for part in subject.parts)
    return stage, None if cavern else NATIVE[setting]


def developed(stage: Stage, chance: Chance) -> Stage:
    """The stage's film pushed, pulled and tinted a little."""
    develop = stage.develop

    def tinted(own: tuple[float, float, float]) -> tuple[float, float, float]:
        red, green, blue = np.asarray(own) * np.exp(chance.normal(0, 0.05, 3))
        return float(red), float(green), float(blue)

    return dataclasses.replace(
        stage,
        develop=dataclasses.replace(
            develop,
            exposure=develop.exposure * float(np.exp(chance.normal(0.25, 0.3))),
            shadows=tinted(develop.shadows),
            lights=tinted(develop.lights),
            grain=develop.grain * 0.4,  # at this size the grain of a large frame has averaged out
        ),
    )
