"""People in a frame: who stands where, at true height, on what ground the picture shows.

A company is staged by the picture: each person stands where the ray through a point of the
film meets the ground, on a ledge that the stage adds for them, or close to the lens. Red is
worn by one of them at most.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gm_assets.memory.record import Camera
from gm_assets.sculpt.cameras import matrix_of
from gm_assets.sculpt.model import Part, Sculpt
from gm_assets.sculpt.rays import Scene
from gm_assets.world.looks import kit
from gm_assets.world.looks.frame import Stage
from gm_assets.world.looks.light import AMBER, Lamp

Floats = NDArray[np.float64]
Footing: TypeAlias = Literal["ground", "rock", "ridge", "bank", "quay", "lens"]
Wear: TypeAlias = Literal["cloak", "coat"]

#: Metres; of a grown person with a hood.
HEIGHT = 1.78


@dataclass(frozen=True)
class Figure:
    """One person.

    Attributes:
        across, up: where the feet are in the picture, -1 left or bottom to 1 right or top.
        turn: degrees to the left of looking straight away from the camera.
        wear: a cloak to the ground with hood and staff, or a coat with boots and cap.
        red: wears the scarf.
        lantern: carries a light.
        height: metres.
    """

    across: float
    up: float
    turn: float = 0.0
    wear: Wear = "cloak"
    red: bool = False
    lantern: bool = False
    height: float = HEIGHT


@dataclass(frozen=True)
class Company:
    """The people of one frame.

    Attributes:
        figures: who they are.
        footing: `ground` sets them on what the picture shows there; `rock`, `ridge`, `bank`
            (of snow) and `quay`
            add ground of their own; `lens` sets them close to the camera and out of focus.
        power: strength of their lanterns and of the light that shows the red.
    share: their height as a part of the picture's, where the ground does not give it.
        tracks: footprints lead from the lower edge of the picture to the first of them.
    """

    figures: tuple[Figure, ...]
    footing: Footing = "ground"
    share: float = 0.15
    tracks: bool = False
    power: float = 0.9


COMPANIES: dict[str, Company] = {
    "threshold": Company(
        (Figure(0.06, -0.74, 6, red=True),), footing="bank", share=0.115, tracks=True
    ),
    "quay": Company(
        (
            Figure(-0.66, -0.70, -52, red=True, height=1.7),
            Figure(-0.60, -0.70, 58, "coat", lantern=True),
        ),
        footing="quay",
        share=0.105,
        power=0.34,
    ),
    "pilgrims": Company(
        (
            Figure(0.30, -0.71, 22, red=True),
            Figure(0.40, -0.75, 20, height=1.72),
            Figure(0.53, -0.80, 16, height=1.84),
        ),
        footing="ridge",
        share=0.10,
    ),
    "crossing": Company(
        (
            Figure(-0.30, -0.66, -70, red=True),
            Figure(-0.44, -0.68, -64, "coat", height=1.86),
        ),
        tracks=True,
    ),
    "beholder": Company((Figure(-0.84, -2.35, -14, red=True),), footing="lens", share=1.25),
    "watcher": Company(
        (Figure(0.46, -0.63, 25, red=True, lantern=True),), "rock", 0.13, power=0.16
    ),
}


def joined_by(stage: Stage, subject: Sculpt, camera: Camera, company: str, seed: int) -> Stage:
    """The stage with a company in it.

    Args:
        company: a key of `COMPANIES`.

    Raises:
        KeyError: there is no such company.
    """
    plan = COMPANIES[company]
    ground = _Ground(stage, subject, camera)
    parts: list[Part] = []
    feet = [_stand(figure, plan, ground) for figure in plan.figures]
    if plan.footing in ("rock", "ridge", "bank", "quay"):
        parts += _footing(plan, feet, ground, seed)
    lamps = list(stage.lamps)
    for number, (figure, at) in enumerate(zip(plan.figures, feet, strict=True)):
        away = at - ground.eye
        heading = float(np.degrees(np.arctan2(-away[0], -away[2]))) + 180 + figure.turn
        for part in dressed(figure):
            mesh = kit.moved((part.vertices, part.faces), at, heading)
            name = f"wanderer-{number + 1}-{part.name}"
            parts.append(Part(name, part.semantic, part.material, *mesh))
        if figure.lantern:
            held = kit.moved((_HELD * figure.height, np.zeros((0, 3), np.uint32)), at, heading)
            lamps.append(_lantern(held[0][0] - away / np.linalg.norm(away) * 0.25, plan.power))
    if plan.tracks:
        ground = _Ground(replace(stage, parts=(*stage.parts, *parts)), subject, camera)
        parts += _tracks(ground, feet[0])
    lamps.append(_kicker(feet, ground, plan))
    develop = replace(stage.develop, near_blur=0.017) if plan.footing == "lens" else stage.develop
    return replace(stage, parts=(*stage.parts, *parts), lamps=tuple(lamps), develop=develop)


class _Ground:
    """Where rays of the film and plumb lines meet the stage and its subject."""

    def __init__(self, stage: Stage, subject: Sculpt, camera: Camera) -> None:
        solid = [part for part in (*subject.parts, *stage.parts) if part.material != "glow"]
        self._scene = Scene(Sculpt("ground", tuple(solid)))
        self.camera = camera
        self.axes = matrix_of(camera)[:3, :3]
        self.eye: Floats = matrix_of(camera)[:3, 3]

    def way(self, across: float, up: float) -> Floats:
        """The ray through a point of the film, one metre deep along the camera's axis."""
        width, height = self.camera.film_back
        film = np.array([across * width / 2, up * height / 2]) / self.camera.focal_length
        return self.axes @ np.array([*film, -1.0])

    def met(self, across: float, up: float) -> Floats:
        """The ground that the picture shows at a point of the film."""
        way = self.way(across, up)
        way /= np.linalg.norm(way)
        hits = self._scene.trace(self.eye, way[None])
        distance = float(hits.distance[0])
        if not np.isfinite(distance):
            distance = float(np.linalg.norm(self._scene.sculpt.bounds.mean(axis=0) - self.eye))
        return self.below(self.eye + way * (distance - 0.4))

    def below(self, point: Floats) -> Floats:
        """What lies under a point, at most two metres above it and as deep as it takes."""
        down = np.array([[0.0, -1.0, 0.0]], np.float32)
        start = point + np.array([0, 0.8, 0])
        fall = float(self._scene.trace(start, down).distance[0])
        return point if not np.isfinite(fall) else start - np.array([0, fall, 0])


def _stand(figure: Figure, plan: Company, ground: _Ground) -> Floats:
    """Where a figure's feet are."""
    if plan.footing == "ground":
        return ground.met(figure.across, figure.up)
    height = ground.camera.film_back[1]
    distance = HEIGHT / (height * plan.share / ground.camera.focal_length)
    return ground.eye + ground.way(figure.across, figure.up) * distance


def _footing(plan: Company, feet: list[Floats], ground: _Ground, seed: int) -> list[Part]:
    """A rock under one person, or a long low ridge under a line of people."""
    away = feet[0] - ground.eye
    turn = float(np.degrees(np.arctan2(-away[0], -away[2])))
    middle = np.mean(feet, axis=0)
    if plan.footing == "rock":
        rock = kit.moved(kit.outcrop(1.5, 6.5, seed, rings=64), middle, turn, (2.3, 1.0, 1.2))
        return [Part("outcrop", "ground", "wet-basalt", *rock)]
    if plan.footing == "quay":
        steps = [
            kit.box((9.0, 0.34, 2.2), (-2.6 + 1.1 * row, -0.17 - 0.34 * row, 1.1 * row))
            for row in range(9)
        ]
        bollards = [
            kit.moved(
                kit.shaft(
                    [(0.16, -0.2), (0.14, 0.4), (0.20, 0.52), (0.17, 0.62), (0.001, 0.66)], 14
                ),
                (x, 0.0, 0.5),
            )
            for x in (-4.4, 1.3)
        ]
        mesh = kit.moved(kit.join([*steps, *bollards]), middle, turn)
        return [Part("quay-steps", "ground", "wet-basalt", *mesh)]
    # The ridge follows the feet: each of its columns has the height that the line has there.
    right = ground.axes[:, 0]
    along = np.array([(one - middle) @ right for one in feet])
    order = np.argsort(along)
    ridge = kit.ridge(60 * HEIGHT, 5 * HEIGHT, 9.0, seed)
    vertices = kit.moved(ridge, (0, 0, 0), turn)[0].astype(np.float64)
    rise = np.interp(vertices @ right, along[order], np.array([one[1] for one in feet])[order])
    vertices[:, 1] += rise - middle[1]
    material = "snow" if plan.footing == "bank" else "wet-basalt"
    return [
        Part(plan.footing, "ground", material, (vertices + middle).astype(np.float32), ridge[1])
    ]


def _tracks(ground: _Ground, feet: Floats) -> list[Part]:
    """Footprints in a slow curve from below the picture to a pair of feet.

    None where the feet stand there already.
    """
    start = ground.met(-0.16, -1.15)
    way = feet - start
    length = float(np.linalg.norm(way))
    steps = min(int(length / 0.72), 220)
    if not steps:
        return []
    side = np.cross(way / length, [0.0, 1.0, 0.0])
    turn = float(np.degrees(np.arctan2(way[0], way[2])))
    shape = kit.moved(kit.dome(0.5, 14), (0, 0, 0), 0, (0.36, 0.05, 0.62))
    prints = []
    for step in range(steps):
        t = (step + 0.5) / steps
        sway = np.sin(t * np.pi) * 0.10 * length + (0.16 if step % 2 else -0.16)
        point = ground.below(start + way * t + side * sway + np.array([0.0, 1.0, 0.0]))
        bend = float(np.degrees(np.cos(t * np.pi) * 0.10 * np.pi))
        prints.append(kit.moved(shape, point, turn - bend))
    return [Part("footprints", "ground", "trodden-snow", *kit.join(prints))]


def _lantern(at: Floats, power: float) -> Lamp:
    x, y, z = (float(value) for value in at)
    colour = (AMBER[0] * power, AMBER[1] * power, AMBER[2] * power)
    return Lamp("point", colour, at=(x, y, z), reach=2.4, size=0.05, beam=0.5)


def _kicker(feet: list[Floats], ground: _Ground, plan: Company) -> Lamp:
    """A light out of frame, or the one red thing in the picture would be black."""
    toward = ground.eye - feet[0]
    toward /= np.linalg.norm(toward)
    side = -1.0 if plan.figures[0].across < 0 else 1.0
    at = feet[0] + toward * 2.6 + ground.axes[:, 0] * 1.7 * side + np.array([0, 2.0, 0])
    strength = 0.35 if plan.footing == "lens" else 0.7 * plan.power
    colour = (0.98 * strength, 0.92 * strength, 0.83 * strength)
    x, y, z = (float(value) for value in at)
    return Lamp("point", colour, at=(x, y, z), reach=1.9, size=0.05)


# -------------------------------------------------------------------- bodies

#: Where a hand holds a lantern, in heights; a person looks along -Z.
_HELD = np.array([[0.20, 0.47, -0.13]], np.float32)


def dressed(figure: Figure) -> list[Part]:
    """A person with the feet at the origin, looking along -Z."""
    body = _cloaked(figure) if figure.wear == "cloak" else _coated(figure)
    if figure.lantern:
        h, (x, y, z) = figure.height, _HELD[0] * figure.height
        frame = kit.shaft([(0.001, 0.0), (0.04, 0.0), (0.04, 0.02), (0.01, 0.03)], 8)
        roof = kit.shaft([(0.05, 0.15), (0.03, 0.18), (0.006, 0.21), (0.004, 0.26)], 8)
        glass = kit.shaft([(0.001, 0.03), (0.034, 0.035), (0.034, 0.145), (0.001, 0.15)], 8)
        low = (x, y - 0.20, z)
        arm = kit.tube([(0.10 * h, 0.76 * h, 0), (0.17 * h, 0.60 * h, -0.03 * h), (x, y, z)], 0.045)
        body += [
            Part("arm", "living-body", "waxed-canvas", *arm),
            Part("lantern", "prop", "cast-iron", *kit.moved(kit.join([frame, roof]), low)),
            Part("lantern-glass", "light", "glow", *kit.moved(glass, low)),
        ]
    return body


def _cloaked(figure: Figure) -> list[Part]:
    """A cloak in folds that opens toward the hem, a hood, a staff."""
    h = figure.height
    coat = kit.shaft(
        [
            (0.001, 0.0), (0.215 * h, 0.0), (0.205 * h, 0.06 * h), (0.15 * h, 0.34 * h),
            (0.128 * h, 0.56 * h), (0.152 * h, 0.68 * h), (0.156 * h, 0.745 * h),
            (0.132 * h, 0.790 * h), (0.085 * h, 0.828 * h), (0.045 * h, 0.86 * h),
        ],
        40, flutes=9, depth=0.16,
    )  # fmt: skip
    hood = kit.shaft(
        [
            (0.090 * h, 0.800 * h), (0.076 * h, 0.85 * h), (0.070 * h, 0.90 * h),
            (0.055 * h, 0.945 * h), (0.030 * h, 0.982 * h), (0.001, 1.0 * h),
        ],
        24,
    )  # fmt: skip
    # A hood hangs back from the brow.
    hood[0][:, 2] += (hood[0][:, 1] - 0.86 * h) * 0.45 + 0.012 * h
    parts = [
        Part("coat", "living-body", "waxed-canvas", *kit.moved(coat, (0, 0, 0), 0, (1, 1, 0.78))),
        Part("hood", "living-body", "waxed-canvas", *hood),
    ]
    if not figure.lantern:
        staff = kit.shaft([(0.011 * h, 0.0), (0.009 * h, 1.12 * h)], 8)
        parts.append(
            Part("staff", "prop", "cast-iron", *kit.moved(staff, (-0.17 * h, 0, -0.05 * h)))
        )
    return parts + (_scarf(h) if figure.red else [])


def _coated(figure: Figure) -> list[Part]:
    """A belted coat to the knee, boots in mid stride, a cap."""
    h = figure.height
    coat = kit.shaft(
        [
            (0.001, 0.27 * h), (0.150 * h, 0.27 * h), (0.118 * h, 0.46 * h), (0.098 * h, 0.57 * h),
            (0.125 * h, 0.70 * h), (0.135 * h, 0.785 * h), (0.085 * h, 0.83 * h),
            (0.042 * h, 0.85 * h), (0.040 * h, 0.87 * h),
        ],
        32, flutes=7, depth=0.10,
    )  # fmt: skip
    head = kit.shaft(
        [
            (0.03 * h, 0.86 * h), (0.050 * h, 0.89 * h), (0.054 * h, 0.93 * h),
            (0.066 * h, 0.945 * h), (0.066 * h, 0.96 * h), (0.050 * h, 0.99 * h), (0.001, h),
        ],
        20,
    )  # fmt: skip
    legs = [
        kit.tube(
            [(side * 0.05 * h, 0.32 * h, 0), (side * 0.055 * h, 0.17 * h, stride * 0.4),
             (side * 0.055 * h, 0.02 * h, stride)],
            np.array([0.058, 0.045, 0.042]) * h, 10,
        )
        for side, stride in ((-1, -0.10 * h), (1, 0.09 * h))
    ]  # fmt: skip
    sleeve = kit.tube(
        [(-0.12 * h, 0.78 * h, 0), (-0.165 * h, 0.60 * h, 0.03 * h), (-0.15 * h, 0.45 * h, -0.03)],
        np.array([0.045, 0.040, 0.032]) * h,
        10,
    )
    coat = kit.join([kit.moved(coat, (0, 0, 0), 0, (1, 1, 0.72)), sleeve])
    parts = [
        Part("coat", "living-body", "waxed-canvas", *coat),
        Part("head", "living-body", "waxed-canvas", *head),
        Part("boots", "living-body", "waxed-canvas", *kit.join(legs)),
    ]
    return parts + (_scarf(h) if figure.red else [])


def _scarf(h: float) -> list[Part]:
    """The one red thing: a scarf round the neck, its end in the wind."""
    ring = kit.shaft(
        [
            (0.05 * h, 0.790 * h), (0.106 * h, 0.798 * h), (0.096 * h, 0.832 * h),
            (0.072 * h, 0.858 * h), (0.05 * h, 0.85 * h),
        ],
        24, flutes=7, depth=0.12,
    )  # fmt: skip
    t = np.linspace(0, 1, 14)
    end = np.stack(
        [0.06 * h + 0.30 * h * t, (0.815 - 0.12 * t**1.6) * h + 0.018 * h * np.sin(t * 8),
         0.08 * h + 0.06 * h * t],
        axis=1,
    )  # fmt: skip
    tail = kit.tube(end, 0.02 * h * (0.55 + 0.9 * t), 8)
    return [Part("scarf", "living-body", "red-cloth", *kit.join([ring, tail]))]
