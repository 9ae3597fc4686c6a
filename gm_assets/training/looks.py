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

from gm_assets.diffusion.obedience import NOTICEABLE
from gm_assets.memory.record import Camera
from gm_assets.sculpt.cameras import frame as framed
from gm_assets.sculpt.clay import Studio, clay
from gm_assets.training.discernible import least_difference
from gm_assets.training.facts import Facts, held_out, in_held_out_sector
from gm_assets.training.lights import filled
from gm_assets.training.staging import (
    READABLE,
    VISIBLE,
    Chance,
    Sitter,
    apart,
    aspect_of,
    azimuth_of,
    camera_inside,
    developed,
    frame_camera,
    light_on,
    lit_by,
    paint_for,
    painted,
    prevailing,
    share_of,
    side_or_full,
)
from gm_assets.world.demo.desk import PAPERS, body
from gm_assets.world.demo.pictures import INSIDE, WASHES
from gm_assets.world.looks.elevation import ELEVATIONS
from gm_assets.world.looks.frame import Built, Frame, render
from gm_assets.world.looks.indoors import within
from gm_assets.world.looks.people import COMPANIES
from gm_assets.world.looks.reference import archival, wash
from gm_assets.world.looks.sketch import sketch
from gm_assets.world.looks.stages import environment
from gm_assets.world.looks.strokes import Sheet

Picture = NDArray[np.uint8]

_GREY = 128


@dataclass(frozen=True, eq=False)
class Sample:
    """A training picture, (side, side, 3) uint8, and its facts."""

    picture: Picture
    facts: Facts


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
        return camera_inside(chance), "wide"
    # Half of the held-out views come from the sector that no trained view shows.
    apart = not sitter.trained and bool(chance.random() < 0.5)
    azimuth = azimuth_of(sitter, chance, 55)
    while in_held_out_sector(sitter.name, azimuth) != apart:
        azimuth = azimuth_of(sitter, chance, 55)
    camera = framed(
        body(sitter.sculpt),
        azimuth=azimuth,
        elevation=float(chance.uniform(0, 16)),
        focal_length=float(chance.uniform(50, 110)),
        aspect=aspect_of(sitter, chance),
        margin=float(chance.uniform(*margin)),
        lift=float(chance.normal(0, 0.03)),
    )
    return camera, side_or_full(sitter, azimuth)


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
    return Sample(squared(over, sitter.side), facts)


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
            squared((picture * 255 + 0.5).astype(np.uint8), sitter.side),
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
    return Sample(squared(drawing, sitter.side), facts)


def _elevation(sitter: Sitter, chance: Chance) -> Sample:
    aspect = float(chance.uniform(0.62, 1.4))
    large = sitter.side * 3
    width, height = (
        (large, round(large / aspect)) if aspect >= 1 else (round(large * aspect), large)
    )
    drawing = ELEVATIONS[sitter.name](round(width / 2) * 2, round(height / 2) * 2, _sheet(chance))
    return Sample(squared(drawing, sitter.side), Facts("elevation", sitter.name, shot="full"))


def _wash(sitter: Sitter, chance: Chance) -> Sample:
    camera, shot = _view(sitter, chance, (0.06, 0.22))
    large = sitter.side * 2
    palette = WASHES[int(chance.integers(len(WASHES)))]
    picture = wash(sitter.scene, camera, large, large, palette, int(chance.integers(1 << 30)))
    return Sample(squared(picture, sitter.side), Facts("wash", sitter.name, shot=shot))


def squared(picture: Picture, side: int) -> Picture:
    """A picture as a square of the encoder's side, by the processor's own filter."""
    from PIL import Image

    square = Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(square, np.uint8)


# ------------------------------------------------------------------------------------- S4, S2


def frames(
    sitter: Sitter, setting: str, count: int, chance: Chance, *, strict: bool = False
) -> list[Sample]:
    """Frames of a subject in one environment, and prints made of some of them.

    The stage is built once; cameras, materials, light and development differ from frame to
    frame. Frames whose composition belongs to the other split are left out.

    Args:
        count: frames that are tried.
        strict: a material is stated only where another one would look noticeably different;
            costs as much again as the frame. The pictures are the same.
    """
    subject = apart(sitter.sculpt, setting)
    home = azimuth_of(sitter, chance, 40)
    camera, _ = frame_camera(sitter, subject, home, chance)
    number = int(chance.integers(1 << 30))
    if sitter.inside:
        stage = within(subject)
    else:
        company = str(chance.choice(sorted(COMPANIES))) if chance.random() < 0.4 else None
        stage = environment(setting, subject, camera, number, company=company)
    built = Built.of(subject, stage)
    samples = []
    for turn in range(count):
        paint = paint_for(sitter, setting, chance)
        coat = painted(subject, paint) if paint else subject
        azimuth = home + float(chance.uniform(-13, 13))
        camera, shot = frame_camera(sitter, subject, azimuth, chance)
        lit, light = lit_by(sitter, setting, stage, subject, camera, chance)
        shown = developed(filled(lit, camera, chance), chance)
        side = sitter.side
        picture = render(coat, shown, camera, side, side, number + turn, built)
        if share_of(coat.parts, picture.ids) < VISIBLE:
            continue  # people or ground stand before it
        material = prevailing(coat.parts, picture.ids)
        if material and light_on(material, coat.parts, picture) < READABLE:
            material = None  # in the dark nothing tells what it is made of
        if held_out(sitter.name, setting, material, bool(paint)) == sitter.trained:
            continue
        if strict and material:
            change = least_difference(coat, material, shown, camera, number + turn, built)
            material = material if change >= NOTICEABLE else None
        facts = Facts("frame", sitter.name, setting, material, light, shot)
        samples.append(Sample(picture.picture, facts))
        if turn % 5 == 0:
            samples.append(_print(picture, facts, sitter.side, chance))
    return samples


def _print(frame: Frame, facts: Facts, side: int, chance: Chance) -> Sample:
    """A frame as an archival print; the toning hides what things are made of."""
    film = ("silver", "dye", "plate")[int(chance.integers(3))]
    large = Frame(
        np.repeat(np.repeat(frame.picture, 2, 0), 2, 1),
        np.repeat(np.repeat(frame.ids, 2, 0), 2, 1),
        frame.parts,
    )
    picture = archival(large, film, int(chance.integers(1 << 30)))  # type: ignore[arg-type]
    return Sample(squared(picture, side), dataclasses.replace(facts, look=film, material=None))
