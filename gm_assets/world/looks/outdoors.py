"""Environments in the open: dunes, ash plain, dry-dock canal, night city, storm.

Each function builds a stage around the origin with the camera on +Z.
"""

from __future__ import annotations

import numpy as np

from gm_assets.sculpt.model import Part
from gm_assets.world.looks import kit
from gm_assets.world.looks.frame import Print, Stage
from gm_assets.world.looks.light import COLD, MOON, SODIUM, Air, Lamp
from gm_assets.world.looks.place import Place
from gm_assets.world.looks.surfaces import Weathering


def dunes_under_snow(place: Place) -> Stage:
    """Ridges of snow under a veiled moon."""
    s = place.size
    ground = kit.land(s, relief=0.9, stretch=2.6, ridged=True, seed=place.seed % 17, flat=0.75)
    moon = (-0.62, 0.34, -0.70)
    return Stage(
        parts=(Part("dunes", "ground", "snow", *ground),),
        lamps=(
            Lamp("far", tuple(np.array(MOON) * 1.15), aim=(0.62, -0.42, 0.52), size=0.05),
            Lamp("far", (0.10, 0.11, 0.13), aim=(-0.5, -0.5, -0.7), size=0.3),
        ),
        air=Air(
            zenith=(0.012, 0.017, 0.026),
            horizon=(0.085, 0.105, 0.135),
            density=0.28 / place.distance,
            layer=1.6 * s,
            glow=(0.085, 0.105, 0.135),
            clouds=0.62,
            moon=moon,
            flakes=0.45,
            wind=0.5,
        ),
        size=s,
        ambient=(0.10, 0.125, 0.165),
        weather=Weathering(snow=0.52),
        develop=Print(exposure=1.0, saturation=0.74, blur=0.004),
    )


def ash_plain(place: Place) -> Stage:
    """A grey plain with leaning monoliths, no sun."""
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
            zenith=(0.055, 0.056, 0.058),
            horizon=(0.30, 0.285, 0.255),
            density=0.42 / place.distance,
            layer=0.9 * s,
            glow=(0.245, 0.238, 0.222),
            clouds=0.9,
            flakes=0.22,
            wind=0.8,
        ),
        size=s,
        ambient=(0.105, 0.105, 0.107),
        weather=Weathering(snow=0.10),
        develop=Print(exposure=1.0, saturation=0.62, contrast=1.25, blur=0.004),
    )


def dry_dock_canal(place: Place) -> Stage:
    """Black water between stepped walls, cranes behind, a searchlight across."""
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
            beam=0.35,
        )
        for side, z, k in ((-1, 0.75, 0.85), (1, -0.6, 0.75), (-1, -2.4, 0.8), (1, -4.2, 0.8))
    ]
    search = Lamp(
        "spot",
        tuple(np.array(COLD) * 1.5),
        at=(mast * 1.5, 2.9 * s, -5.2 * s),
        aim=(-mast * 1.5, -2.35 * s, 5.2 * s),
        reach=4.6 * s,
        size=0.012,
        opening=7.5,
        beam=0.35,
    )
    fill = Lamp("far", (0.15, 0.17, 0.20), aim=(0.6, -0.35, -0.75), size=0.4)
    return Stage(
        parts=tuple(parts),
        lamps=(search, *fire, fill),
        air=Air(
            zenith=(0.008, 0.011, 0.016),
            horizon=(0.030, 0.038, 0.050),
            density=0.13 / place.distance,
            layer=1.3 * s,
            glow=(0.026, 0.033, 0.043),
            clouds=0.8,
            flakes=0.35,
            wind=0.25,
        ),
        size=s,
        ambient=(0.030, 0.038, 0.050),
        weather=Weathering(snow=0.22, wet=0.85, glow=(7.0, 4.5, 1.7)),
        develop=Print(exposure=1.0, saturation=0.80),
    )


def night_city(place: Place) -> Stage:
    """A wet street between towers with few lit windows."""
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
        beam=0.25,
    )
    return Stage(
        parts=tuple(parts),
        lamps=(
            window,
            Lamp(
                "spot",
                tuple(np.array(COLD) * 2.3),
                at=(2.6 * s, 4.4 * s, -4.2 * s),
                aim=(-2.6, -3.8, 4.2),
                reach=4.4 * s,
                size=0.03,
                opening=9.0,
                beam=0.25,
            ),
            Lamp("far", (0.055, 0.07, 0.095), aim=(0.4, -0.7, -0.6), size=0.3),
        ),
        air=Air(
            zenith=(0.007, 0.010, 0.015),
            horizon=(0.070, 0.064, 0.052),
            density=0.15 / place.distance,
            layer=2.6 * s,
            glow=(0.050, 0.050, 0.048),
            clouds=0.75,
            flakes=0.4,
            wind=0.4,
        ),
        size=s,
        ambient=(0.034, 0.040, 0.050),
        weather=Weathering(snow=0.24, wet=0.9),
        develop=Print(exposure=1.0, saturation=0.82),
    )


def storm_at_the_seawall(place: Place) -> Stage:
    """Waves before a buttressed wall, driving snow, a searchlight from its tower."""
    s, chance = place.size, place.chance()
    half = max(place.width * 0.5, 0.35 * s)
    sea = kit.land(s, relief=0.8, stretch=2.2, ridged=True, seed=5 + place.seed % 5, flat=0.85)
    sea = (sea[0] - np.array([0, 0.06 * s, 0], np.float32), sea[1])
    wall = [kit.box((40 * s, 0.9 * s, 0.7 * s), (0, 0.05 * s, -5.2 * s), 0.97)]
    for number in range(-12, 13):
        wall.append(
            kit.box((0.26 * s, 0.95 * s, 1.1 * s), (number * 1.05 * s, 0.05 * s, -4.9 * s), 0.55)
        )
        wall.append(kit.box((0.36 * s, 0.12 * s, 0.5 * s), (number * 1.05 * s, 0.55 * s, -5.1 * s)))
    for side in (-1, 1):
        tower = kit.shaft(
            [
                (0.42 * s, -0.2 * s),
                (0.34 * s, 1.3 * s),
                (0.42 * s, 1.42 * s),
                (0.42 * s, 1.6 * s),
                (0.25 * s, 1.66 * s),
                (0.2 * s, 2.1 * s),
                (0.02 * s, 2.9 * s),
            ],
            24,
            flutes=8,
            depth=0.12,
        )
        wall.append(kit.moved(tower, (side * (half + 2.4 * s), 0, -5.2 * s)))
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
        "spot",
        tuple(np.array(COLD) * 2.4),
        at=(side * (half + 2.4 * s), 1.85 * s, -2.0 * s),
        aim=(-side * (half + 2.3 * s), -1.25 * s, 2.1 * s),
        reach=3.2 * s,
        size=0.012,
        opening=10.0,
        beam=0.12,
    )
    return Stage(
        parts=tuple(parts),
        lamps=(
            search,
            Lamp("far", (0.20, 0.25, 0.31), aim=(-side * 0.5, -0.5, -0.6), size=0.35),
            Lamp(
                "point",
                tuple(np.array(SODIUM) * 0.6),
                at=(-side * (half + 0.5 * s), 0.9 * s, 0.4 * s),
                reach=0.6 * s,
                size=0.05,
                beam=0.12,
            ),
        ),
        air=Air(
            zenith=(0.014, 0.018, 0.024),
            horizon=(0.075, 0.090, 0.108),
            density=0.10 / place.distance,
            layer=1.1 * s,
            glow=(0.050, 0.061, 0.074),
            clouds=1.0,
            flakes=0.4,
            wind=1.0,
        ),
        size=s,
        ambient=(0.055, 0.068, 0.084),
        weather=Weathering(snow=0.06, wet=1.0),
        develop=Print(exposure=1.0, saturation=0.70, contrast=1.1),
    )
