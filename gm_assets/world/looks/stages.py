"""The environments of the world as stages: what stands around a subject and what lights it.

A stage is built in the camera's own direction (the camera looks along -Z from +Z), so that
walls frame the subject and never the lens, then turned and moved to where the subject is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gm_assets.memory.record import Camera
from gm_assets.sculpt.cameras import matrix_of
from gm_assets.sculpt.model import Part, Sculpt
from gm_assets.world.looks import indoors, kit, outdoors
from gm_assets.world.looks.frame import Stage
from gm_assets.world.looks.light import Vector
from gm_assets.world.looks.people import joined_by
from gm_assets.world.looks.place import Place


def environment(
    name: str, subject: Sculpt, camera: Camera, seed: int, *, company: str | None = None
) -> Stage:
    """The stage of an environment around a subject, for one camera.

    Args:
        name: a slug of `gm_assets.world.names.ENVIRONMENTS`.
        company: the people in the picture, a key of `gm_assets.world.looks.people.COMPANIES`.

    Raises:
        KeyError: there is no such environment or company.
    """
    eye = matrix_of(camera)[:3, 3]
    low, high = subject.bounds
    middle = (low + high) / 2
    toward = eye - middle
    turn = float(np.degrees(np.arctan2(toward[0], toward[2])))
    corners = np.array([[x, z] for x in (low[0], high[0]) for z in (low[2], high[2])])
    corners = corners - middle[[0, 2]]
    angle = np.radians(turn)
    right, depth = (
        np.array([np.cos(angle), -np.sin(angle)]),
        np.array([np.sin(angle), np.cos(angle)]),
    )
    width, length = float(np.ptp(corners @ right)), float(np.ptp(corners @ depth))
    height = float(high[1] - low[1])
    size = max(height, 0.45 * max(width, length))
    place = Place(size, width, height, length, float(np.linalg.norm(toward)), seed)
    if name == "subterranean-nave" and any(part.name == "cavern" for part in subject.parts):
        # A citadel below brings its own rock: no nave is built into it.
        stage = indoors.cavern(subject)
        return joined_by(stage, subject, camera, company, seed) if company else stage
    stage = BUILDERS[name](place)
    ground = np.array([middle[0], low[1], middle[2]])
    stage = _moved(stage, ground, turn)
    own = indoors.lights_of(subject, strength=0.55, reach=0.26 * size)
    stage = replace(stage, lamps=(*stage.lamps, *own))
    return joined_by(stage, subject, camera, company, seed) if company else stage


def _moved(stage: Stage, ground: NDArray, turn: float) -> Stage:
    """The stage turned about Y and set on the ground under the subject."""

    def point(at: Vector) -> Vector:
        return _turned(at, ground, turn)

    def way(aim: Vector) -> Vector:
        return _turned(aim, np.zeros(3), turn)

    parts = tuple(
        Part(
            part.name,
            part.semantic,
            part.material,
            *kit.moved((part.vertices, part.faces), ground, turn),
        )
        for part in stage.parts
    )
    lamps = tuple(replace(lamp, at=point(lamp.at), aim=way(lamp.aim)) for lamp in stage.lamps)
    moon = None if stage.air.moon is None else way(stage.air.moon)
    air = replace(stage.air, moon=moon, base=stage.air.base + float(ground[1]))
    return replace(stage, parts=parts, lamps=lamps, air=air)


def _turned(at: Vector, offset: NDArray, turn: float) -> Vector:
    """A point or direction turned about Y and moved."""
    lone = (np.array([at], np.float32), np.zeros((0, 3), np.uint32))
    x, y, z = kit.moved(lone, offset, turn)[0][0]
    return float(x), float(y), float(z)


BUILDERS: dict[str, Callable[[Place], Stage]] = {
    "dry-dock-canal": outdoors.dry_dock_canal,
    "night-city": outdoors.night_city,
    "dunes-under-snow": outdoors.dunes_under_snow,
    "subterranean-nave": indoors.subterranean_nave,
    "storm-at-the-seawall": outdoors.storm_at_the_seawall,
    "ash-plain": outdoors.ash_plain,
    "torch-lit-interior": indoors.torch_lit_interior,
}
