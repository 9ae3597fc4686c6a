"""Other light for a stage: the world's lights where an environment does not bring them.

In the demo each environment has one light. Training turns some of them round, or an encoder
would learn the light for the place.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from gm_assets.memory.record import Camera
from gm_assets.sculpt.cameras import matrix_of
from gm_assets.sculpt.model import Sculpt
from gm_assets.world.looks.frame import Stage
from gm_assets.world.looks.indoors import lights_of
from gm_assets.world.looks.light import AMBER, COLD, MOON, Colour, Lamp, Vector

#: The light that each environment brings.
NATIVE: dict[str, str] = {
    "dry-dock-canal": "searchlight",
    "night-city": "searchlight",
    "dunes-under-snow": "moon-through-snow",
    "subterranean-nave": "sphere-glow",
    "storm-at-the-seawall": "searchlight",
    "ash-plain": "overcast",
    "torch-lit-interior": "torchlight",
}
#: The lights that training also gives to the environments under the open sky.
CHANGEABLE: dict[str, tuple[str, ...]] = {
    "dry-dock-canal": ("moon-through-snow", "overcast", "torchlight"),
    "night-city": ("moon-through-snow", "overcast", "torchlight"),
    "dunes-under-snow": ("searchlight", "overcast", "torchlight"),
    "storm-at-the-seawall": ("moon-through-snow", "overcast", "torchlight"),
    "ash-plain": ("searchlight", "moon-through-snow", "torchlight"),
}


def relit(
    stage: Stage, light: str, subject: Sculpt, camera: Camera, chance: np.random.Generator
) -> Stage:
    """The stage under another of the world's lights.

    Args:
        light: one of `CHANGEABLE`; lamps are placed by the camera's own right, up and back.

    Raises:
        ValueError: there is no such rig.
    """
    axes = matrix_of(camera)[:3, :3]
    right, back = axes[:, 0], axes[:, 2] * np.array([1.0, 0.0, 1.0])
    back = back / np.linalg.norm(back)
    middle = subject.bounds.mean(axis=0)
    side = float(chance.choice([-1.0, 1.0]))
    s = stage.size

    def at(across: float, up: float, toward: float) -> Vector:
        x, y, z = middle + (right * across * side + np.array([0, up, 0]) + back * toward) * s
        return float(x), float(y), float(z)

    def times(colour: Colour, factor: float) -> Colour:
        return colour[0] * factor, colour[1] * factor, colour[2] * factor

    def aimed(place: Vector) -> Vector:
        x, y, z = middle - np.asarray(place)
        return float(x), float(y), float(z)

    own = lights_of(subject, strength=0.55, reach=0.26 * s)
    lamps: tuple[Lamp, ...]
    air = dataclasses.replace(stage.air, moon=None)
    if light == "searchlight":
        high = at(1.3, 1.5, 0.9)
        lamps = (
            Lamp("spot", times(COLD, 2.6), at=high, aim=aimed(high), reach=2.2 * s, size=0.02,
                 opening=17.0, beam=0.5),
            Lamp("far", (0.05, 0.06, 0.08), aim=(0.3, -0.8, -0.4), size=0.3),
        )  # fmt: skip
        ambient: Colour = (0.03, 0.036, 0.045)
    elif light == "overcast":
        lamps = (Lamp("far", (0.34, 0.35, 0.36), aim=(0.15, -1.0, 0.1), size=0.6),)
        ambient = (0.30, 0.31, 0.33)
        air = dataclasses.replace(
            air, zenith=(0.20, 0.205, 0.215), horizon=(0.36, 0.365, 0.37),
            glow=(0.24, 0.245, 0.25), clouds=0.9, flakes=air.flakes * 0.3,
        )  # fmt: skip
    elif light == "moon-through-snow":
        way = at(0.8, 1.0, -1.4)
        aim = aimed(way)
        lamps = (Lamp("far", times(MOON, 0.75), aim=aim, size=0.02, beam=0.1),)
        ambient = (0.055, 0.066, 0.088)
        air = dataclasses.replace(
            air, zenith=(0.012, 0.017, 0.028), horizon=(0.055, 0.068, 0.092),
            glow=(0.05, 0.06, 0.08), flakes=0.75, clouds=0.4, moon=(-aim[0], -aim[1], -aim[2]),
        )  # fmt: skip
    elif light == "torchlight":
        lamps = tuple(
            Lamp("point", times(AMBER, power), at=at(across, up, toward), reach=0.8 * s,
                 size=0.06, beam=0.15)
            for across, up, toward, power in ((0.8, -0.1, 0.7, 1.5), (-0.9, -0.2, 0.35, 0.8))
        )  # fmt: skip
        ambient = (0.018, 0.017, 0.016)
        air = dataclasses.replace(
            air, zenith=(0.004, 0.005, 0.007), horizon=(0.014, 0.014, 0.015),
            glow=(0.012, 0.012, 0.012), flakes=air.flakes * 0.5,
        )  # fmt: skip
    else:
        raise ValueError(f"there is no rig for the light {light!r}")
    return dataclasses.replace(stage, lamps=(*lamps, *own), air=air, ambient=ambient)


def filled(stage: Stage, camera: Camera, chance: np.random.Generator) -> Stage:
    """The stage with a weak light from beside the camera, as a photographer adds one.

    Most stages light their subject from behind; without it a material is a silhouette.
    """
    axes = matrix_of(camera)[:3, :3]
    way = axes @ np.array([chance.uniform(-0.7, 0.7), chance.uniform(0.2, 0.8), 1.0])
    power = float(chance.uniform(0.2, 1.3)) * max(max(lamp.colour) for lamp in stage.lamps)
    power = min(power, 0.9)
    fill = Lamp(
        "far",
        (power, 0.98 * power, 0.95 * power),
        aim=(-float(way[0]), -float(way[1]), -float(way[2])),
        size=0.25,
    )
    return dataclasses.replace(stage, lamps=(*stage.lamps, fill))
