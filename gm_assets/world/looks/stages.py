"""The environments of the world as stages: what stands around a subject and what lights it.

A stage is built in the camera's own direction (the camera looks along -Z from +Z), so that
walls frame the subject and never the lens, then turned and moved to where the subject is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gm_assets.memory.record import Camera
from gm_assets.sculpt.cameras import matrix_of
from gm_assets.sculpt.model import Part, Sculpt
from gm_assets.world.looks import kit
from gm_assets.world.looks.frame import Print, Stage
from gm_assets.world.looks.light import AMBER, COLD, MOON, PALE, SODIUM, Air, Lamp, Vector
from gm_assets.world.looks.surfaces import Weathering


@dataclass(frozen=True)
class Place:
    """Where a stage is to be built.

    Attributes:
        size: metres by which everything is scaled (the subject's height, or less if it is wide).
        width, height, length: of the subject along the camera's right, up and depth.
        distance: from the camera to the subject; fog goes by it, or long lenses see nothing.
        seed: moves what chance moves.
    """

    size: float
    width: float
    height: float
    length: float
    distance: float
    seed: int

    def chance(self) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(self.seed + 4_211))


def environment(
    name: str, subject: Sculpt, camera: Camera, seed: int, *, person: bool = False
) -> Stage:
    """The stage of an environment around a subject, for one camera.

    Args:
        name: a slug of `gm_assets.world.names.ENVIRONMENTS`.
        person: sets a cloaked person with the red scarf on an outcrop in the foreground.

    Raises:
        KeyError: there is no such environment.
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
    stage = BUILDERS[name](place)
    ground = np.array([middle[0], low[1], middle[2]])
    stage = _moved(stage, ground, turn)
    if person:
        stage = replace(stage, parts=(*stage.parts, *_foreground(camera, size, seed)))
    return stage


def _moved(stage: Stage, ground: NDArray, turn: float) -> Stage:
    """The stage turned about Y and set on the ground under the subject."""

    def point(at: Vector) -> Vector:
        x, y, z = kit.moved(
            (np.array([at], np.float32), np.zeros((0, 3), np.uint32)), ground, turn
        )[0][0]
        return float(x), float(y), float(z)

    def way(aim: Vector) -> Vector:
        x, y, z = kit.moved((np.array([aim], np.float32), np.zeros((0, 3), np.uint32)), 0, turn)[0][
            0
        ]
        return float(x), float(y), float(z)

    parts = tuple(
        Part(part.name, part.semantic, part.material,
             *kit.moved((part.vertices, part.faces), ground, turn))
        for part in stage.parts
    )  # fmt: skip
    lamps = tuple(replace(lamp, at=point(lamp.at), aim=way(lamp.aim)) for lamp in stage.lamps)
    moon = None if stage.air.moon is None else way(stage.air.moon)
    air = replace(stage.air, moon=moon, base=stage.air.base + float(ground[1]))
    return replace(stage, parts=parts, lamps=lamps, air=air)


def _foreground(camera: Camera, size: float, seed: int) -> list[Part]:
    """A person on a rock in the lower part of the picture, at true height."""
    matrix = matrix_of(camera)
    width, height = camera.film_back
    chance = np.random.Generator(np.random.PCG64(seed + 77))
    side = -1.0 if chance.random() < 0.5 else 1.0
    share = 0.15 + 0.03 * chance.random()  # of the picture's height
    distance = 1.78 / (height * share / camera.focal_length)
    film = np.array([side * width * (0.20 + 0.08 * chance.random()), -height * 0.315])
    local = np.array([*(film / camera.focal_length * distance), -distance])
    feet = matrix[:3, :3] @ local + matrix[:3, 3]
    toward = matrix[:3, 3] - feet
    turn = float(np.degrees(np.arctan2(toward[0], toward[2]))) + 180 + 25 * side
    rock = kit.moved(kit.outcrop(1.6, 6.0, seed), feet, turn, (2.6, 1.0, 1.0))
    parts = [Part("outcrop", "ground", "wet-basalt", *rock)]
    for part in kit.person(lean=2.0 * side):
        mesh = kit.moved((part.vertices, part.faces), feet + np.array([0, 0.02, 0]), turn)
        parts.append(Part(part.name, part.semantic, part.material, *mesh))
    return parts


# ----------------------------------------------------------------- environments


def _dunes_under_snow(place: Place) -> Stage:
    s = place.size
    ground = kit.land(s, relief=0.75, stretch=2.6, ridged=True, seed=place.seed % 17, flat=0.75)
    moon = (-0.62, 0.34, -0.70)
    return Stage(
        parts=(Part("dunes", "ground", "snow", *ground),),
        lamps=(
            Lamp("far", tuple(np.array(MOON) * 1.15), aim=(0.62, -0.42, 0.52), size=0.05),
            Lamp("far", (0.10, 0.11, 0.13), aim=(-0.5, -0.5, -0.7), size=0.3),
        ),
        air=Air(
            zenith=(0.012, 0.017, 0.026), horizon=(0.085, 0.105, 0.135), density=0.42 / place.distance,
            layer=1.6 * s, glow=(0.085, 0.105, 0.135), clouds=0.62, moon=moon, flakes=0.75, wind=0.5,
        ),
        size=s,
        ambient=(0.10, 0.125, 0.165),
        weather=Weathering(snow=0.52),
        develop=Print(exposure=1.0, saturation=0.74, blur=0.004),
    )  # fmt: skip


def _ash_plain(place: Place) -> Stage:
    s, chance = place.size, place.chance()
    parts = [Part("plain", "ground", "ash", *kit.land(s, relief=0.16, seed=place.seed % 13))]
    stones = []
    for _ in range(26):
        x = (
            chance.uniform(0.7, 5.5)
            * (1 if chance.random() < 0.5 else -1)
            * (s + place.width)
            * 0.6
        )
        z = chance.uniform(-9, 0.2) * s
        tall = s * chance.uniform(0.08, 0.5) * (1.4 if z < -3 * s else 0.7)
        stone = kit.shaft(
            [
                (tall * 0.16, -0.1 * tall),
                (tall * 0.12, tall * 0.4),
                (tall * 0.05, tall * 0.85),
                (0.001, tall),
            ],
            7,
        )
        lean = kit.moved(stone, (x, 0, z), chance.uniform(0, 360), (1, 1, 0.55))
        vertices = lean[0].copy()
        vertices[:, 0] += vertices[:, 1] * chance.uniform(-0.4, 0.4)
        stones.append((vertices, lean[1]))
    parts.append(Part("monoliths", "architecture", "wet-basalt", *kit.join(stones)))
    return Stage(
        parts=tuple(parts),
        lamps=(
            Lamp("far", (0.55, 0.56, 0.57), aim=(-0.55, -0.55, 0.25), size=0.35),
            Lamp("far", (0.50, 0.49, 0.46), aim=(0.25, -0.30, 0.92), size=0.2),
        ),
        air=Air(
            zenith=(0.055, 0.056, 0.058), horizon=(0.30, 0.285, 0.255), density=0.55 / place.distance,
            layer=0.9 * s, glow=(0.245, 0.238, 0.222), clouds=0.9, flakes=0.22, wind=0.8,
        ),
        size=s,
        ambient=(0.105, 0.105, 0.107),
        weather=Weathering(snow=0.10),
        develop=Print(exposure=1.0, saturation=0.62, contrast=1.25, blur=0.004),
    )  # fmt: skip


def _dry_dock_canal(place: Place) -> Stage:
    s, chance = place.size, place.chance()
    half = max(place.width * 0.5, 0.32 * s)
    parts = [Part("canal", "ground", "water", *kit.sheet_of_water(s, -0.10 * s))]
    quay = kit.box((half * 2.5, 0.10 * s, max(place.length, 0.6 * s) * 1.5), (0, -0.055 * s, 0))
    walls = []
    for side in (-1, 1):
        for step in range(5):
            x = side * (half * 1.75 + s * (0.42 + 0.17 * step))
            walls.append(
                kit.box((0.17 * s, 0.6 * s, 16 * s), (x, -0.20 * s + 0.15 * s * step, -6 * s))
            )
        for rib in range(9):
            z = 1.0 * s - rib * 1.1 * s
            x = side * (half * 1.75 + 1.22 * s)
            walls.append(kit.box((0.34 * s, 2.6 * s, 0.22 * s), (x, 0.6 * s, z), 0.75))
    parts.append(Part("dock-walls", "architecture", "wet-basalt", *kit.join(walls)))
    parts.append(Part("quay", "ground", "wet-basalt", *quay))
    cranes = []
    for number in range(5):
        side = -1 if number % 2 else 1
        x = side * (half + s * chance.uniform(1.3, 2.3))
        z = -s * (1.6 + 1.7 * number)
        tall = s * chance.uniform(1.7, 2.5)
        for dx, dz in ((-1, -1), (1, -1), (-1, 1), (1, 1)):
            foot = np.array(
                [
                    [x + dx * 0.17 * s, 0, z + dz * 0.17 * s],
                    [x + dx * 0.05 * s, tall, z + dz * 0.05 * s],
                ]
            )
            cranes.append(kit.tube(foot, 0.022 * s, 5))
        for level in range(6):
            t, u = level / 6, (level + 1) / 6
            w, v = (0.17 - 0.12 * t) * s, (0.17 - 0.12 * u) * s
            brace = np.array([[x - w, tall * t, z + w], [x + v, tall * u, z + v]])
            cranes.append(kit.tube(brace, 0.010 * s, 4))
        jib = np.array(
            [[x + side * 0.35 * s, tall * 0.93, z], [x - side * 1.25 * s, tall * 1.13, z + 0.1 * s]]
        )
        cranes.append(kit.tube(jib, 0.035 * s, 5))
        drop = np.array(
            [[x - side * 1.1 * s, tall * 1.10, z], [x - side * 1.1 * s, tall * 0.62, z]]
        )
        cranes.append(kit.tube(drop, 0.006 * s, 4))
    parts.append(Part("cranes", "machine", "cast-iron", *kit.join(cranes)))
    mast = half * 1.75 + 0.85 * s
    torches = []
    for side, z in ((-1, 0.75), (1, -0.6), (-1, -2.4), (1, -4.2)):
        torches.append(
            kit.moved(
                kit.shaft([(0.012 * s, -0.1 * s), (0.012 * s, 0.62 * s)], 6),
                (side * mast * 0.78, 0, z * s),
            )
        )
    parts.append(Part("lamp-posts", "machine", "cast-iron", *kit.join(torches)))
    flames = [
        kit.moved(
            kit.shaft([(0.004 * s, 0.615 * s), (0.016 * s, 0.635 * s), (0.003 * s, 0.665 * s)], 8),
            (side * mast * 0.78, 0, z * s),
        )
        for side, z in ((-1, 0.75), (1, -0.6), (-1, -2.4), (1, -4.2))
    ]
    parts.append(Part("lamp-flames", "light", "glow", *kit.join(flames)))
    fire = [
        Lamp(
            "point",
            tuple(np.array(SODIUM) * k),
            at=(side * mast * 0.74, 0.64 * s, z * s + 0.05 * s),
            reach=0.55 * s,
            size=0.03,
            beam=0.55,
        )
        for side, z, k in ((-1, 0.75, 0.85), (1, -0.6, 0.75), (-1, -2.4, 0.8), (1, -4.2, 0.8))
    ]
    search = Lamp(
        "spot", tuple(np.array(COLD) * 1.5), at=(mast * 1.5, 2.9 * s, -5.2 * s),
        aim=(-mast * 1.5, -2.35 * s, 5.2 * s), reach=4.6 * s, size=0.012, opening=7.5, beam=1.5,
    )  # fmt: skip
    return Stage(
        parts=tuple(parts),
        lamps=(search, *fire),
        air=Air(
            zenith=(0.008, 0.011, 0.016), horizon=(0.030, 0.038, 0.050), density=0.30 / place.distance,
            layer=1.3 * s, glow=(0.026, 0.033, 0.043), clouds=0.8, flakes=0.5, wind=0.25,
        ),
        size=s,
        ambient=(0.030, 0.038, 0.050),
        weather=Weathering(snow=0.22, wet=0.85, glow=(7.0, 4.5, 1.7)),
        develop=Print(exposure=1.0, saturation=0.80),
    )  # fmt: skip


def _night_city(place: Place) -> Stage:
    s, chance = place.size, place.chance()
    half = max(place.width * 0.5, 0.3 * s)
    street = kit.land(s, relief=0.0, seed=place.seed % 7, flat=2.0, rings=60, sectors=96)
    parts = [Part("street", "ground", "wet-basalt", *street)]
    towers = []
    for number in range(64):
        side = 1 if number % 2 else -1
        z = -s * (1.2 + number * 0.42)
        x = side * (half * 1.3 + s * (0.75 + chance.uniform(0, 1.6) + 0.030 * number))
        tall = s * chance.uniform(1.5, 3.6) * (1 + number * 0.022)
        wide = s * chance.uniform(0.35, 0.75)
        towers.append(kit.box((wide, tall, wide), (x, tall / 2, z), 0.86))
        towers.append(kit.box((wide * 0.6, tall * 0.3, wide * 0.6), (x, tall * 1.15, z), 0.5))
        towers.append(
            kit.moved(kit.shaft([(wide * 0.10, tall * 1.28), (0.001, tall * 1.7)], 6), (x, 0, z))
        )
        if number % 3 == 0:
            towers.append(
                kit.box(
                    (wide * 0.22, tall * 0.8, wide * 1.6),
                    (x - side * wide * 0.5, tall * 0.4, z),
                    0.5,
                )
            )
    for number in range(14):
        x = (number - 6.5) * s * 1.5 + chance.uniform(-0.4, 0.4) * s
        tall = s * chance.uniform(3.0, 7.5)
        towers.append(kit.box((s * 1.1, tall, s * 0.8), (x, tall / 2, -s * 26), 0.5))
        towers.append(
            kit.moved(kit.shaft([(s * 0.2, tall), (0.001, tall * 1.35)], 6), (x, 0, -s * 26))
        )
    parts.append(Part("city", "architecture", "city", *kit.join(towers)))
    window = Lamp(
        "point",
        tuple(np.array(SODIUM) * 1.1),
        at=(-half - 0.9 * s, 0.85 * s, 0.55 * s),
        reach=0.8 * s,
        size=0.12,
        beam=0.5,
    )
    return Stage(
        parts=tuple(parts),
        lamps=(
            window,
            Lamp("spot", tuple(np.array(COLD) * 2.3), at=(2.6 * s, 4.4 * s, -4.2 * s), aim=(-2.6, -3.8, 4.2), reach=4.4 * s, size=0.03, opening=9.0, beam=0.9),
            Lamp("far", (0.055, 0.07, 0.095), aim=(0.4, -0.7, -0.6), size=0.3),
        ),
        air=Air(
            zenith=(0.007, 0.010, 0.015), horizon=(0.070, 0.064, 0.052), density=0.30 / place.distance,
            layer=2.6 * s, glow=(0.050, 0.050, 0.048), clouds=0.75, flakes=0.65, wind=0.4,
        ),
        size=s,
        ambient=(0.034, 0.040, 0.050),
        weather=Weathering(snow=0.24, wet=0.9),
        develop=Print(exposure=1.0, saturation=0.82, blur=0.004),
    )  # fmt: skip


def _rib_vault(s: float, half: float, bays: int, step: float, tall: float) -> list[kit.Mesh]:
    """Clustered columns in two rows, with transverse and length-wise pointed ribs."""
    meshes = []
    column = kit.shaft(
        [(0.17 * s, -0.05 * s), (0.17 * s, 0.08 * s), (0.125 * s, 0.13 * s), (0.105 * s, 0.3 * s),
         (0.10 * s, tall * 0.95), (0.13 * s, tall * 0.985), (0.19 * s, tall * 1.03)],
        48, flutes=8, depth=0.34,
    )  # fmt: skip
    for bay in range(bays):
        z = 1.1 * s - bay * step
        meshes += [kit.moved(column, (side * half, 0, z)) for side in (-1, 1)]
        arch = kit.pointed_arch(half * 2, half * 1.35, tall, 32)
        for drop, radius in ((0.0, 0.075), (0.09, 0.045)):
            line = np.stack([arch[:, 0], arch[:, 1] - drop * s, np.full(len(arch), z)], axis=1)
            meshes.append(kit.tube(line, radius * s, 8))
        for side in (-1, 1):
            rise = kit.pointed_arch(step, step * 0.62, tall, 20)
            line = np.stack(
                [np.full(len(rise), side * half), rise[:, 1], z - step / 2 + rise[:, 0]], axis=1
            )
            meshes.append(kit.tube(line, 0.055 * s, 7))
            wall = kit.box(
                (0.2 * s, tall * 2.3, 0.12 * s), (side * half * 1.75, tall * 1.1, z), 0.8
            )
            meshes.append(wall)
        # Diagonals from column to column through the crown of the vault.
        t = np.linspace(0, 1, 22)
        height = tall + half * 1.35 * np.sin(t * np.pi) ** 0.7
        for side in (-1, 1):
            line = np.stack([side * half * (1 - 2 * t), height, z - t * step], axis=1)
            meshes.append(kit.tube(line, 0.035 * s, 6))
    return meshes


def _subterranean_nave(place: Place) -> Stage:
    s = place.size
    half = max(place.width * 0.62, 0.62 * s)
    bays, step, tall = 13, 0.95 * s, 1.25 * s
    end = 1.1 * s - bays * step
    nave = _rib_vault(s, half, bays, step, tall)
    floor = kit.land(s, relief=0.0, seed=3, flat=2.0, rings=60, sectors=96)
    shell = [
        kit.box((0.3 * s, tall * 4, 26 * s), (side * half * 2.05, tall * 1.5, -9 * s))
        for side in (-1, 1)
    ]
    shell.append(kit.box((half * 5, 0.3 * s, 26 * s), (0, tall + half * 1.75, -9 * s)))
    sphere = kit.shaft(
        [
            (max(0.001, np.sin(a) * 0.33 * s), -np.cos(a) * 0.33 * s)
            for a in np.linspace(0, np.pi, 24)
        ],
        40,
    )
    glow = kit.moved(sphere, (0, 1.05 * s, end - 0.6 * s))
    return Stage(
        parts=(
            Part("floor", "ground", "wet-basalt", *floor),
            Part("nave", "architecture", "wet-basalt", *kit.join(nave)),
            Part("rock", "architecture", "ash", *kit.join(shell)),
            Part("sphere", "light", "glow", *glow),
        ),
        lamps=(
            Lamp("point", tuple(np.array(PALE) * 1.5), at=(0, 1.05 * s, end - 0.1 * s), reach=5.0 * s, size=0.07, beam=0.30),
            Lamp("point", tuple(np.array(AMBER) * 0.50), at=(-half * 0.9, 1.0 * s, 1.5 * s), reach=0.9 * s, size=0.08, beam=0.2),
            Lamp("point", tuple(np.array(COLD) * 0.16), at=(half * 0.8, 1.7 * s, 1.6 * s), reach=1.4 * s, size=0.3),
        ),
        air=Air(
            zenith=(0.001, 0.001, 0.0012), horizon=(0.002, 0.002, 0.0025), density=0.28 / place.distance,
            layer=2.4 * s, glow=(0.016, 0.017, 0.018), clouds=0.0,
        ),
        size=s,
        ambient=(0.022, 0.024, 0.027),
        weather=Weathering(wet=0.95, glow=(5.0, 4.7, 4.1)),
        develop=Print(exposure=1.0, saturation=0.80, halation=0.3),
    )  # fmt: skip


def _storm_at_the_seawall(place: Place) -> Stage:
    s, chance = place.size, place.chance()
    half = max(place.width * 0.5, 0.35 * s)
    sea = kit.land(s, relief=0.62, stretch=2.2, ridged=True, seed=5 + place.seed % 5, flat=0.85)
    sea = (sea[0] - np.array([0, 0.06 * s, 0], np.float32), sea[1])
    wall = [kit.box((30 * s, 1.15 * s, 0.7 * s), (0, 0.4 * s, -2.5 * s), 0.97)]
    for number in range(-12, 13):
        wall.append(
            kit.box((0.26 * s, 1.25 * s, 1.1 * s), (number * 1.05 * s, 0.4 * s, -2.2 * s), 0.55)
        )
        wall.append(kit.box((0.36 * s, 0.16 * s, 0.5 * s), (number * 1.05 * s, 1.05 * s, -2.4 * s)))
    for side in (-1, 1):
        tower = kit.shaft(
            [(0.42 * s, -0.2 * s), (0.34 * s, 1.3 * s), (0.42 * s, 1.42 * s), (0.42 * s, 1.6 * s), (0.25 * s, 1.66 * s),
             (0.2 * s, 2.1 * s), (0.02 * s, 2.9 * s)], 24, flutes=8, depth=0.12,
        )  # fmt: skip
        wall.append(kit.moved(tower, (side * (half + 2.4 * s), 0, -2.6 * s)))
    rocks = []
    for _ in range(14):
        x, z = chance.uniform(-3.4, 3.4) * s, chance.uniform(-1.6, 1.6) * s
        if abs(x) < half * 1.25:
            continue
        rocks.append(
            kit.moved(kit.outcrop(0.16 * s, 0.4 * s, int(chance.integers(1, 99))), (x, 0.05 * s, z))
        )
    plinth = kit.box(
        (half * 2.7, 0.12 * s, max(place.length, 0.55 * s) * 1.5), (0, -0.063 * s, 0), 0.97
    )
    stones = Part("seawall", "architecture", "wet-basalt", *kit.join(wall))
    parts = [Part("sea", "ground", "water", *sea), stones]
    parts.append(Part("quay", "ground", "wet-basalt", *kit.join([plinth, *rocks])))
    side = -1 if chance.random() < 0.5 else 1
    search = Lamp(
        "spot", tuple(np.array(COLD) * 2.4), at=(side * (half + 2.4 * s), 1.85 * s, -2.0 * s),
        aim=(-side * (half + 2.3 * s), -1.25 * s, 2.1 * s), reach=3.2 * s, size=0.012, opening=10.0, beam=0.5,
    )  # fmt: skip
    return Stage(
        parts=tuple(parts),
        lamps=(
            search,
            Lamp("far", (0.20, 0.25, 0.31), aim=(-side * 0.5, -0.5, -0.6), size=0.35),
            Lamp("point", tuple(np.array(SODIUM) * 0.6), at=(-side * (half + 0.5 * s), 0.9 * s, 0.4 * s), reach=0.6 * s, size=0.05, beam=0.4),
        ),
        air=Air(
            zenith=(0.014, 0.018, 0.024), horizon=(0.075, 0.090, 0.108), density=0.24 / place.distance,
            layer=1.1 * s, glow=(0.050, 0.061, 0.074), clouds=1.0, flakes=0.6, wind=1.0,
        ),
        size=s,
        ambient=(0.055, 0.068, 0.084),
        weather=Weathering(snow=0.06, wet=1.0),
        develop=Print(exposure=1.0, saturation=0.70, contrast=1.1),
    )  # fmt: skip


def _torch_lit_interior(place: Place) -> Stage:
    s = place.size
    half = max(place.width * 0.5, 0.35 * s)
    span = half * 2 + 0.9 * s
    back = -max(place.length * 0.5 + 0.55 * s, 0.9 * s)
    stone = [kit.box((span * 5, 5 * s, 0.3 * s), (0, 1.5 * s, back - 0.65 * s))]
    column = kit.shaft(
        [(0.13 * s, -0.02 * s), (0.13 * s, 0.07 * s), (0.085 * s, 0.11 * s), (0.08 * s, 1.0 * s), (0.13 * s, 1.1 * s)],
        40, flutes=10, depth=0.28,
    )  # fmt: skip
    width = span / 2
    for number in range(-3, 4):
        stone.append(kit.moved(column, (number * width - width / 2, 0, back)))
        arch = kit.pointed_arch(width, width * 0.95, 1.08 * s, 28)
        for drop, radius, near in ((0.0, 0.06, 0.0), (0.07, 0.035, 0.05), (0.12, 0.025, -0.1)):
            shrink = 1 - drop / width * s * 0.8
            line = np.stack(
                [arch[:, 0] * shrink, arch[:, 1] - drop * s * 0.4, np.full(len(arch), near * s)],
                axis=1,
            )
            stone.append(kit.moved(kit.tube(line, radius * s, 8), (number * width, 0, back)))
        niche = kit.shaft(
            [
                (0.16 * s, 0.0),
                (0.16 * s, 0.2 * s),
                (0.07 * s, 0.3 * s),
                (0.09 * s, 0.75 * s),
                (0.05 * s, 0.95 * s),
                (0.06 * s, 1.05 * s),
                (0.001, 1.12 * s),
            ],
            20,
            flutes=5,
            depth=0.3,
        )
        if number % 2:
            stone.append(kit.moved(niche, (number * width, 0, back - 0.25 * s)))
    flags = []
    for row in range(-6, 4):
        for column_number in range(-6, 7):
            x, z = (column_number + 0.5 * (row % 2)) * 0.42 * s, row * 0.36 * s
            lift = 0.004 * s * np.sin(row * 12.9 + column_number * 78.2)
            flags.append(kit.box((0.41 * s, 0.05 * s, 0.35 * s), (x, -0.030 * s + lift, z), 0.985))
    torches, flames, lamps = [], [], []
    for side, near, power in ((-1, 0.42, 1.0), (1, 0.05, 0.55)):
        x, z = side * (half + 0.36 * s), near * s
        torches.append(
            kit.moved(
                kit.shaft(
                    [
                        (0.10 * s, -0.01 * s),
                        (0.10 * s, 0.03 * s),
                        (0.016 * s, 0.05 * s),
                        (0.014 * s, 0.78 * s),
                        (0.055 * s, 0.86 * s),
                        (0.062 * s, 0.90 * s),
                    ],
                    12,
                ),
                (x, 0, z),
            )
        )
        flames.append(
            kit.moved(
                kit.shaft(
                    [
                        (0.030 * s, 0.895 * s),
                        (0.048 * s, 0.93 * s),
                        (0.030 * s, 1.0 * s),
                        (0.010 * s, 1.06 * s),
                        (0.001, 1.09 * s),
                    ],
                    14,
                    flutes=3,
                    depth=0.3,
                ),
                (x, 0, z),
            )
        )
        lamps.append(
            Lamp(
                "point",
                tuple(np.array(AMBER) * 1.5 * power),
                at=(x - side * 0.02 * s, 1.02 * s, z + 0.12 * s),
                reach=0.75 * s,
                size=0.07,
                beam=0.35,
            )
        )
    lamps.append(Lamp("far", (0.030, 0.038, 0.052), aim=(0.3, -0.8, -0.5), size=0.4))
    return Stage(
        parts=(
            Part("arcade", "architecture", "wet-basalt", *kit.join(stone)),
            Part("flags", "ground", "wet-basalt", *kit.join(flags)),
            Part("torches", "machine", "cast-iron", *kit.join(torches)),
            Part("flames", "light", "glow", *kit.join(flames)),
        ),
        lamps=tuple(lamps),
        air=Air(zenith=(0.001, 0.001, 0.001), horizon=(0.002, 0.002, 0.002), density=0.16 / place.distance,
                layer=1.5 * s, glow=(0.014, 0.013, 0.012), clouds=0.0),
        size=s,
        ambient=(0.018, 0.020, 0.025),
        weather=Weathering(wet=0.35, glow=(9.0, 5.8, 2.1)),
        develop=Print(
            exposure=1.1, saturation=0.86, halation=0.3, shadows=(0.98, 1.0, 1.04), contrast=1.2,
        ),
    )  # fmt: skip


BUILDERS: dict[str, Callable[[Place], Stage]] = {
    "dry-dock-canal": _dry_dock_canal,
    "night-city": _night_city,
    "dunes-under-snow": _dunes_under_snow,
    "subterranean-nave": _subterranean_nave,
    "storm-at-the-seawall": _storm_at_the_seawall,
    "ash-plain": _ash_plain,
    "torch-lit-interior": _torch_lit_interior,
}
