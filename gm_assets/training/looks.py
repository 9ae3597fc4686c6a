"""Small pictures of the world for training, with what is true of each.

The pictures come from the same programs as those of the demo library, at the size that the
encoder sees. A picture of any aspect is rendered straight into a square, since that is what
the encoder's resize makes of it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gm_assets.memory.record import Camera
from gm_assets.sculpt.cameras import frame as framed
from gm_assets.sculpt.cameras import look_at, matrix_of
from gm_assets.sculpt.clay import Studio, clay
from gm_assets.sculpt.model import Part, Sculpt
from gm_assets.sculpt.rays import Scene
from gm_assets.training.facts import PAINTS, Facts, held_out, in_held_out_sector
from gm_assets.training.lights import CHANGEABLE, NATIVE, filled, relit
from gm_assets.world.demo.desk import PAPERS, body
from gm_assets.world.demo.pictures import INSIDE, WASHES
from gm_assets.world.looks.elevation import ELEVATIONS
from gm_assets.world.looks.frame import Built, Frame, Stage, render
from gm_assets.world.looks.grade import luminance, to_linear
from gm_assets.world.looks.indoors import within
from gm_assets.world.looks.people import COMPANIES
from gm_assets.world.looks.reference import archival, wash
from gm_assets.world.looks.sketch import sketch
from gm_assets.world.looks.stages import environment
from gm_assets.world.looks.strokes import Sheet
from gm_assets.world.looks.surfaces import SUBSTANCES
from gm_assets.world.subjects import SUBJECTS

Picture = NDArray[np.uint8]
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
#: A material is stated where at least this much light falls on it (`_light_on`).
_READABLE = 0.3
#: A frame is kept where the subject fills at least this part of it.
_VISIBLE = 0.012
_GREY = 128


@dataclass(frozen=True, eq=False)
class Sample:
    """A training picture, (side, side, 3) uint8, and its facts."""

    picture: Picture
    facts: Facts


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


# ------------------------------------------------------------------------------- S1, S2, S3


def desk_views(sitter: Sitter, chance: Chance) -> list[Sample]:
    """Drawings, washes, clay and passes of a subject from several sides."""
    samples = [
        *(_clay(sitter, chance) for _ in range(6)),
        *(_study(sitter, chance, fine) for fine in (2.5, 2.5, 4.0)),
        *(_wash(sitter, chance) for _ in range(2)),
    ]
    if sitter.name in ELEVATIONS:
        samples.append(_elevation(sitter, chance))
    if not sitter.inside:
        samples += [_turntable(sitter, chance) for _ in range(5)]
    for _ in range(2):
        samples += _passes(sitter, chance)
    return samples


def drawings(sitter: Sitter, chance: Chance) -> list[Sample]:
    """More of what is cheap: pencil studies above all, clay and turntable views."""
    samples = [_study(sitter, chance, float(chance.uniform(1.8, 2.6))) for _ in range(7)]
    samples += [_clay(sitter, chance) for _ in range(5)]
    samples += [_wash(sitter, chance)]
    if sitter.name in ELEVATIONS:
        samples += [_elevation(sitter, chance) for _ in range(2)]
    if not sitter.inside:
        samples += [_turntable(sitter, chance) for _ in range(4)]
    return samples + _passes(sitter, chance)


def _view(sitter: Sitter, chance: Chance, margin: tuple[float, float]) -> tuple[Camera, str]:
    """A camera for drawings and clay, and the shot it makes."""
    if sitter.inside:
        return _inside(chance), "wide"
    # Half of the held-out views come from the sector that no trained view shows.
    apart = not sitter.trained and bool(chance.random() < 0.5)
    azimuth = _azimuth(sitter, chance, 55)
    while in_held_out_sector(sitter.name, azimuth) != apart:
        azimuth = _azimuth(sitter, chance, 55)
    camera = framed(
        body(sitter.sculpt),
        azimuth=azimuth,
        elevation=float(chance.uniform(0, 16)),
        focal_length=float(chance.uniform(50, 110)),
        aspect=_aspect(sitter, chance),
        margin=float(chance.uniform(*margin)),
        lift=float(chance.normal(0, 0.03)),
    )
    return camera, _side_or_full(sitter, azimuth)


def _azimuth(sitter: Sitter, chance: Chance, spread: float) -> float:
    """Degrees: mostly about the subject's hero view, a third of them from anywhere."""
    if sitter.name == ROOFED:
        return float(chance.normal(SUBJECTS[ROOFED].view.azimuth, 25))
    if chance.random() < 0.35:
        return float(chance.uniform(-180, 180))
    return float(chance.normal(SUBJECTS[sitter.name].view.azimuth, spread))


def _side_or_full(sitter: Sitter, azimuth: float) -> str:
    side = abs(abs((azimuth + 180) % 360 - 180) - 90)
    has_front = SUBJECTS[sitter.name].domain in ("figures", "hardware")
    return "profile" if has_front and side < 14 else "full"


def _aspect(sitter: Sitter, chance: Chance) -> float:
    own = min(max(SUBJECTS[sitter.name].view.aspect, 0.5), 1.9)
    return float(np.clip(own * np.exp(chance.normal(0, 0.28)), 0.5, 2.0))


def _inside(chance: Chance) -> Camera:
    eye = (chance.uniform(-1.4, 1.4), chance.uniform(2.6, 5.2), chance.uniform(-26.0, -2.0))
    target = (chance.normal(0, 1.2), 4.5 + chance.normal(0, 0.8), -60.0)
    aspect = float(chance.uniform(0.75, 1.7))
    return look_at(eye, target, focal_length=float(chance.uniform(22, 36)), aspect=aspect)


def _clay(sitter: Sitter, chance: Chance) -> Sample:
    camera, shot = _view(sitter, chance, (0.02, 0.28))
    studio = INSIDE if sitter.inside else Studio()
    key = np.asarray(studio.key) + chance.normal(0, 0.18, 3)
    studio = dataclasses.replace(
        studio,
        key=(float(key[0]), float(key[1]), float(key[2])),
        samples=2,
        occlusion=2,
        shadows=1,
        exposure=float(chance.uniform(0.8, 1.25)) * studio.exposure,
    )
    picture = clay(sitter.scene, camera, sitter.side, sitter.side, studio)
    return Sample(picture, Facts("clay", sitter.name, shot=shot))


def _turntable(sitter: Sitter, chance: Chance) -> Sample:
    """A turntable view as the encoder sees it: its matte over neutral grey."""
    camera, _ = _view(sitter, chance, (0.05, 0.35))
    studio = Studio(samples=1, occlusion=3, shadows=1, floor=False)
    fine = sitter.side * 2
    picture = clay(sitter.scene, camera, fine, fine, studio)
    seen = sitter.scene.silhouette(camera, fine, fine)
    over = np.where(seen[..., None], picture, np.uint8(_GREY))
    facts = Facts("turntable", sitter.name, shot="turntable")
    return Sample(_smaller(over, sitter.side), facts)


def _passes(sitter: Sitter, chance: Chance) -> list[Sample]:
    """Normals and depth of one view, and now and then the silhouette."""
    camera, _ = _view(sitter, chance, (0.05, 0.25))
    fine = sitter.side * 2
    passes = sitter.scene.passes(camera, fine, fine)
    normal = np.where(passes.silhouette[..., None], passes.normal * 0.5 + 0.5, 0.5)
    pictures = {"normal": normal, "depth": _depth(passes.depth)}
    if chance.random() < 0.3:
        pictures["silhouette"] = np.repeat(passes.silhouette[..., None], 3, 2).astype(np.float32)
    return [
        Sample(
            _smaller((picture * 255 + 0.5).astype(np.uint8), sitter.side),
            Facts(look, sitter.name),
        )
        for look, picture in pictures.items()
    ]


def _depth(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """Near white to far black, 0 where there is nothing, (h, w, 3)."""
    seen = np.isfinite(depth)
    if not seen.any():
        return np.zeros((*depth.shape, 3), np.float32)
    near, far = float(depth[seen].min()), float(depth[seen].max())
    shade = np.where(seen, 1 - (np.where(seen, depth, near) - near) / max(far - near, 1e-9), 0)
    return np.repeat(shade[..., None].astype(np.float32), 3, axis=2)


def _sheet(chance: Chance) -> Sheet:
    paper = np.clip(
        np.asarray(PAPERS[int(chance.integers(len(PAPERS)))]) + chance.normal(0, 0.03), 0.4, 0.95
    )
    return Sheet(
        paper=(float(paper[0]), float(paper[1]), float(paper[2])),
        hatch=float(chance.uniform(36, 72)),
        stains=float(chance.uniform(0.2, 0.8)),
        seed=int(chance.integers(1 << 30)),
    )


def _study(sitter: Sitter, chance: Chance, fine: float) -> Sample:
    """A pencil study, drawn `fine` times as large and reduced, so that its lines are thin."""
    camera, shot = _view(sitter, chance, (0.05, 0.25))
    large = round(sitter.side * fine / 2) * 2
    drawing = sketch(
        sitter.scene,
        camera,
        large,
        large,
        _sheet(chance),
        construction=bool(chance.random() < 0.8),
        chalk=bool(chance.random() < 0.66),
    )
    facts = Facts("study", sitter.name, shot=shot)
    return Sample(_smaller(drawing, sitter.side), facts)


def _elevation(sitter: Sitter, chance: Chance) -> Sample:
    aspect = float(chance.uniform(0.62, 1.4))
    large = sitter.side * 3
    width, height = (
        (large, round(large / aspect)) if aspect >= 1 else (round(large * aspect), large)
    )
    drawing = ELEVATIONS[sitter.name](round(width / 2) * 2, round(height / 2) * 2, _sheet(chance))
    return Sample(_smaller(drawing, sitter.side), Facts("elevation", sitter.name, shot="full"))


def _wash(sitter: Sitter, chance: Chance) -> Sample:
    camera, shot = _view(sitter, chance, (0.06, 0.22))
    large = sitter.side * 2
    palette = WASHES[int(chance.integers(len(WASHES)))]
    picture = wash(sitter.scene, camera, large, large, palette, int(chance.integers(1 << 30)))
    return Sample(_smaller(picture, sitter.side), Facts("wash", sitter.name, shot=shot))


def _smaller(picture: Picture, side: int) -> Picture:
    """A picture as a square of the encoder's side, by the processor's own filter."""
    from PIL import Image

    square = Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(square, np.uint8)


# ------------------------------------------------------------------------------------- S4, S2


def frames(sitter: Sitter, setting: str, count: int, chance: Chance) -> list[Sample]:
    """Frames of a subject in one environment, and prints made of some of them.

    The stage is built once; cameras, materials, light and development differ from frame to
    frame. Frames whose composition belongs to the other split are left out.
    """
    subject = _apart(sitter.sculpt, setting)
    home = _azimuth(sitter, chance, 40)
    camera, _ = _frame_camera(sitter, subject, home, chance)
    number = int(chance.integers(1 << 30))
    if sitter.inside:
        stage = within(subject)
    else:
        company = str(chance.choice(sorted(COMPANIES))) if chance.random() < 0.4 else None
        stage = environment(setting, subject, camera, number, company=company)
    built = Built.of(subject, stage)
    samples = []
    for turn in range(count):
        paint = _paint(sitter, setting, chance)
        coat = painted(subject, paint) if paint else subject
        azimuth = home + float(chance.uniform(-13, 13))
        camera, shot = _frame_camera(sitter, subject, azimuth, chance)
        lit, light = _light(sitter, setting, stage, subject, camera, chance)
        shown = _developed(filled(lit, camera, chance), chance)
        side = sitter.side
        picture = render(coat, shown, camera, side, side, number + turn, built)
        if _share(coat.parts, picture.ids) < _VISIBLE:
            continue  # people or ground stand before it
        material = prevailing(coat.parts, picture.ids)
        if material and _light_on(material, coat.parts, picture) < _READABLE:
            material = None  # in the dark nothing tells what it is made of
        if held_out(sitter.name, setting, material, bool(paint)) == sitter.trained:
            continue
        facts = Facts("frame", sitter.name, setting, material, light, shot)
        samples.append(Sample(picture.picture, facts))
        if turn % 5 == 0:
            samples.append(_print(picture, facts, sitter.side, chance))
    return samples


def _light_on(material: str, parts: tuple[Part, ...], picture: Frame) -> float:
    """How much of the light that would show a white thing as white falls on a material.

    The mean luminance of its pixels by the mean reflectance of the substance: 1 where it looks
    as light as it is, near 0 where it is a shadow.
    """
    own = [number + 1 for number, part in enumerate(parts) if part.material == material]
    here = np.isin(picture.ids, own)
    substance = SUBSTANCES[material]
    albedo = float(np.mean([*substance.light, *substance.dark]))
    return float(luminance(to_linear(picture.picture[here] / np.float32(255))).mean()) / albedo


def _share(parts: tuple[Part, ...], ids: NDArray[np.uint32]) -> float:
    """The part of a picture that shows the subject, its ground left out."""
    own = [number + 1 for number, part in enumerate(parts) if part.semantic != "ground"]
    return float(np.isin(ids, own).mean())


def _apart(sculpt: Sculpt, setting: str) -> Sculpt:
    """The subject without the cavern that it brings for its own environment."""
    if setting == "subterranean-nave":
        return sculpt
    return Sculpt(sculpt.name, tuple(part for part in sculpt.parts if part.name != "cavern"))


def _paint(sitter: Sitter, setting: str, chance: Chance) -> str | None:
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


def _frame_camera(
    sitter: Sitter, subject: Sculpt, azimuth: float, chance: Chance
) -> tuple[Camera, str]:
    """A camera of one of the shots, and which one."""
    if sitter.inside:
        return _inside(chance), "wide"
    kind = str(chance.choice(["full", "wide", "low-angle"], p=[0.5, 0.35, 0.15]))
    aspect = _aspect(sitter, chance)
    if kind == "wide":
        aspect = float(chance.uniform(1.2, 2.0))
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
        return _frame_camera(sitter, subject, azimuth, chance)
    if kind == "full":
        kind = _side_or_full(sitter, azimuth)
    return camera, kind


def _light(
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


def _developed(stage: Stage, chance: Chance) -> Stage:
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


def _print(frame: Frame, facts: Facts, side: int, chance: Chance) -> Sample:
    """A frame as an archival print; the toning hides what things are made of."""
    film = ("silver", "dye", "plate")[int(chance.integers(3))]
    large = Frame(
        np.repeat(np.repeat(frame.picture, 2, 0), 2, 1),
        np.repeat(np.repeat(frame.ids, 2, 0), 2, 1),
        frame.parts,
    )
    picture = archival(large, film, int(chance.integers(1 << 30)))  # type: ignore[arg-type]
    return Sample(_smaller(picture, side), dataclasses.replace(facts, look=film, material=None))
