"""Frames of a chain (S4) and the id passes that their body masks come from (S3)."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from gm_assets.making.keeping import Kept, Label
from gm_assets.memory.record import Camera, Gap, Parent
from gm_assets.sculpt.cameras import frame as framed
from gm_assets.sculpt.cameras import look_at
from gm_assets.sculpt.maps import png
from gm_assets.sculpt.model import Sculpt
from gm_assets.world.demo.desk import Desk, body
from gm_assets.world.demo.plans import Shot
from gm_assets.world.looks.frame import Frame, Stage, render
from gm_assets.world.looks.indoors import within
from gm_assets.world.looks.light import Colour, Lamp
from gm_assets.world.looks.stages import environment

LOOP_ENDS = "The loop was not turned further."


def make_frame(
    desk: Desk, sculpt: Sculpt, shot: Shot, generation: int = 1, of: Kept | None = None
) -> Kept:
    """S4: a frame, with the id pass that its body mask comes from."""
    mesh = of or desk.mesh
    camera = shot_camera(shot, sculpt)
    width, height = desk.extent(shot.aspect)
    setting = setting_of(shot, sculpt, camera, desk.number)
    styled = generation == 1 and desk.referred is not None
    if desk.referred is not None and styled:
        setting = in_the_style_of(setting, desk.referred)
    frame = render(sculpt, setting, camera, width, height, desk.number)
    folder = "frames" if generation == 1 else f"frames-g{generation:02d}"
    parents: list[Parent] = []
    inputs: list[Kept] = []
    if mesh is not None:
        inputs = [mesh, _ids(desk, frame, shot, camera, mesh, folder, generation)]
        parents = [kept.parent("geometry") for kept in inputs]
    if desk.reference is not None and styled:
        inputs.append(desk.reference)
        parents.append(desk.reference.parent("style"))
    label = Label(
        shot.title,
        f"{shot.description} Rendered by program; no trained model took part.",
        ("frame", shot.light),
        environment=shot.environment,
        shot=shot.shot,
        camera=camera,
        gaps=desk.gaps() if generation == 1 else (Gap(stage="S5", reason=LOOP_ENDS),),
    )
    recipe = desk.recipe(
        "s4.frame",
        inputs,
        shot=dataclasses.asdict(shot),
        width=width,
        height=height,
        generation=generation,
    )
    first = generation > 1 or shot is desk.plan.frames[0]
    placement = desk.place("S4", "frame", primary=first, generation=generation, variant=shot.name)
    return desk.studio.keep(
        f"{folder}/{shot.name}.png", png(frame.picture), placement, label, recipe, parents
    )


def _ids(
    desk: Desk, frame: Frame, shot: Shot, camera: Camera, mesh: Kept, folder: str, generation: int
) -> Kept:
    """The object ids of a frame's camera, stage included; the recipe names every id."""
    table = {
        str(number + 1): {"name": part.name, "semantic": part.semantic}
        for number, part in enumerate(frame.parts)
    }
    height, width = frame.ids.shape
    recipe = desk.recipe(
        "s3.ids",
        [mesh],
        shot=shot.name,
        width=width,
        height=height,
        generation=generation,
        ids=table,
    )
    label = Label(
        f"{shot.title}: ids",
        "Object ids, 0 for sky; the recipe names them.",
        ("ids", "pass"),
        environment=shot.environment,
        camera=camera,
    )
    placement = desk.place("S3", "ids", variant=shot.name, generation=generation)
    return desk.studio.keep(
        f"{folder}/passes/{shot.name}-ids.png",
        png(frame.ids.astype(np.uint8)),
        placement,
        label,
        recipe,
        [mesh.parent("geometry")],
    )


def shot_camera(shot: Shot, sculpt: Sculpt) -> Camera:
    """The camera of a shot: around the subject, or within it."""
    if shot.inside is not None:
        eye, target = shot.inside
        return look_at(eye, target, focal_length=shot.lens, aspect=shot.aspect)
    return framed(
        body(sculpt),
        azimuth=shot.azimuth,
        elevation=shot.elevation,
        focal_length=shot.lens,
        aspect=shot.aspect,
        margin=shot.margin,
        lift=shot.lift,
    )


def in_the_style_of(setting: Stage, reference: NDArray[np.uint8]) -> Stage:
    """The stage, developed toward the reference: its darks and lights lend their tints.

    This is what the link of role `style` records: the mean colours of the reference's darkest
    and lightest fifth, at a third of their strength.
    """
    colour = reference.reshape(-1, 3).astype(np.float32) / 255
    light = colour.mean(axis=1)
    low, high = np.quantile(light, (0.2, 0.8))
    develop = setting.develop

    def lent(chosen: NDArray[np.bool_], own: Colour) -> Colour:
        mean = colour[chosen].mean(axis=0)
        red, green, blue = (mean / max(float(mean.mean()), 1e-3)) ** 0.33 * np.asarray(own)
        return float(red), float(green), float(blue)

    shadows, lights = lent(light <= low, develop.shadows), lent(light >= high, develop.lights)
    return dataclasses.replace(
        setting, develop=dataclasses.replace(develop, shadows=shadows, lights=lights)
    )


def setting_of(shot: Shot, sculpt: Sculpt, camera: Camera, seed: int) -> Stage:
    """The environment of a shot, with its exposure and, against the law, its red beacon."""
    if shot.inside is not None:
        setting = within(sculpt)
    else:
        setting = environment(shot.environment, sculpt, camera, seed, company=shot.company)
    develop = dataclasses.replace(
        setting.develop,
        exposure=setting.develop.exposure * shot.exposure,
        free_red=shot.red_beacon,
    )
    setting = dataclasses.replace(setting, develop=develop)
    if not shot.red_beacon:
        return setting
    points = body(sculpt)
    top = points[int(points[:, 1].argmax())]
    at = (float(top[0]), float(top[1]) * 0.97, float(top[2]))
    beacon = Lamp("point", (4.5, 0.03, 0.04), at=at, reach=0.2 * setting.size, size=0.1, beam=4.0)
    return dataclasses.replace(setting, lamps=(*setting.lamps, beacon))
