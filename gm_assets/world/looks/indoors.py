"""Environments under a roof: the subterranean nave, caverns, the torch-lit interior.

Each function builds a stage around the origin with the camera on +Z.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from gm_assets.sculpt.model import Part, Sculpt
from gm_assets.world.looks import kit
from gm_assets.world.looks.frame import Print, Stage
from gm_assets.world.looks.light import AMBER, COLD, PALE, Air, Lamp
from gm_assets.world.looks.place import Place
from gm_assets.world.looks.surfaces import Weathering


def _rib_vault(s: float, half: float, bays: int, step: float, tall: float) -> list[kit.Mesh]:
    """Clustered columns in two rows, with transverse and length-wise pointed ribs."""
    meshes = []
    column = kit.shaft(
        [
            (0.17 * s, -0.05 * s),
            (0.17 * s, 0.08 * s),
            (0.125 * s, 0.13 * s),
            (0.105 * s, 0.3 * s),
            (0.10 * s, tall * 0.95),
            (0.13 * s, tall * 0.985),
            (0.19 * s, tall * 1.03),
        ],
        48,
        flutes=8,
        depth=0.34,
    )
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


def subterranean_nave(place: Place) -> Stage:
    """A vaulted nave under ground with a luminous sphere at its end."""
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
            Lamp(
                "point",
                tuple(np.array(PALE) * 1.5),
                at=(0, 1.05 * s, end - 0.1 * s),
                reach=5.0 * s,
                size=0.07,
                beam=0.30,
            ),
            Lamp(
                "point",
                tuple(np.array(AMBER) * 0.50),
                at=(-half * 0.9, 1.0 * s, 1.5 * s),
                reach=0.9 * s,
                size=0.08,
                beam=0.2,
            ),
            Lamp(
                "point",
                tuple(np.array(COLD) * 0.16),
                at=(half * 0.8, 1.7 * s, 1.6 * s),
                reach=1.4 * s,
                size=0.3,
            ),
        ),
        air=Air(
            zenith=(0.001, 0.001, 0.0012),
            horizon=(0.002, 0.002, 0.0025),
            density=0.28 / place.distance,
            layer=2.4 * s,
            glow=(0.016, 0.017, 0.018),
            clouds=0.0,
        ),
        size=s,
        ambient=(0.022, 0.024, 0.027),
        weather=Weathering(wet=0.95, glow=(5.0, 4.7, 4.1)),
        develop=Print(exposure=1.0, saturation=0.80, halation=0.3),
    )


def torch_lit_interior(place: Place) -> Stage:
    """An arcade with niches behind flags of stone, two torches."""
    s = place.size
    half = max(place.width * 0.5, 0.35 * s)
    span = half * 2 + 0.9 * s
    back = -max(place.length * 0.5 + 0.55 * s, 0.9 * s)
    stone = [kit.box((span * 5, 5 * s, 0.3 * s), (0, 1.5 * s, back - 0.65 * s))]
    column = kit.shaft(
        [
            (0.13 * s, -0.02 * s),
            (0.13 * s, 0.07 * s),
            (0.085 * s, 0.11 * s),
            (0.08 * s, 1.0 * s),
            (0.13 * s, 1.1 * s),
        ],
        40,
        flutes=10,
        depth=0.28,
    )
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
        air=Air(
            zenith=(0.001, 0.001, 0.001),
            horizon=(0.002, 0.002, 0.002),
            density=0.07 / place.distance,
            layer=1.5 * s,
            glow=(0.006, 0.006, 0.006),
            clouds=0.0,
        ),
        size=s,
        ambient=(0.010, 0.012, 0.016),
        weather=Weathering(wet=0.35, glow=(9.0, 5.8, 2.1)),
        develop=Print(
            exposure=0.50,
            saturation=0.86,
            halation=0.3,
            shadows=(0.98, 1.0, 1.04),
            contrast=1.5,
        ),
    )


def within(subject: Sculpt) -> Stage:
    """No walls but the subject's own: its luminous parts light it from inside."""
    low, high = subject.bounds
    size = float((high - low)[1])
    return Stage(
        parts=(),
        lamps=(
            *lights_of(subject, strength=1.1, reach=1.6 * size, beam=0.5),
            Lamp("far", (0.020, 0.024, 0.030), aim=(0.1, -0.4, -1.0), size=0.5),
        ),
        air=Air(
            zenith=(0.0, 0.0, 0.0),
            horizon=(0.0, 0.0, 0.0),
            density=0.20 / float(np.ptp(subject.bounds[:, 2])),
            layer=3 * size,
            base=float(low[1]),
            glow=(0.010, 0.011, 0.012),
            clouds=0.0,
        ),
        size=size,
        ambient=(0.020, 0.022, 0.025),
        weather=Weathering(wet=0.4, glow=(5.0, 4.7, 4.1)),
        develop=Print(saturation=0.8, halation=0.35, contrast=1.1),
    )


def cavern(subject: Sculpt) -> Stage:
    """A subject in its own cavern: its windows and the torches of its bridge are the light.

    Haze lies at the bottom, the vault is lost in the dark.
    """
    low, high = subject.bounds
    size = float((high - low)[1])
    found = {part.name: part.vertices for part in subject.parts}
    lamps = []
    windows = found["windows"]
    # What the windows of a storey throw out is one lamp before its front.
    edges = np.quantile(windows[:, 1], (0.0, 0.3, 0.55, 0.8, 1.0))
    for bottom, top in pairwise(edges):
        storey = windows[(windows[:, 1] >= bottom) & (windows[:, 1] <= top)]
        x, y, _ = storey.mean(axis=0)
        z = float(storey[:, 2].max()) + 0.05 * size
        colour = tuple(np.array(AMBER) * 0.42)
        at = (float(x) - 0.04 * size, float(y), z)
        lamps.append(Lamp("point", colour, at=at, reach=0.10 * size, size=0.12, beam=0.22))
    torches = []
    deck = found["bridge"]
    for z in np.linspace(float(deck[:, 2].min()) + 18, float(deck[:, 2].max()) - 6, 5):
        for side in (-1, 1):
            at = (side * 3.1, 37.0, float(z))
            torches.append(kit.moved(kit.shaft([(0.001, 0), (0.5, 0.4), (0.1, 1.6)], 8), at))
        glow = (0.0, 40.0, float(z))
        amber = tuple(np.array(AMBER) * 0.8)
        lamps.append(Lamp("point", amber, at=glow, reach=11.0, size=0.08, beam=0.5))
    return Stage(
        parts=(Part("torches", "light", "glow", *kit.join(torches)),),
        lamps=(
            *lamps,
            Lamp("far", (0.010, 0.013, 0.018), aim=(0.35, -0.75, -0.55), size=0.4),
            Lamp(
                "point",
                (0.040, 0.052, 0.068),
                at=(-0.30 * size, 0.22 * size, -0.32 * size),
                reach=0.30 * size,
                size=0.2,
                beam=0.3,
            ),
        ),
        air=Air(
            zenith=(0.0005, 0.0006, 0.0008),
            horizon=(0.001, 0.001, 0.0014),
            density=1.7 / size,
            base=float(low[1]),
            layer=0.13 * size,
            glow=(0.010, 0.012, 0.015),
            clouds=0.0,
        ),
        size=size,
        ambient=(0.0035, 0.0042, 0.0055),
        weather=Weathering(wet=0.7, glow=(6.5, 3.9, 1.5)),
        develop=Print(exposure=0.8, saturation=0.86, halation=0.32, contrast=1.25, haze=0.3),
    )


def lights_of(
    subject: Sculpt, *, strength: float, reach: float, beam: float = 0.1
) -> tuple[Lamp, ...]:
    """A lamp for each compact luminous part of a subject, in its middle.

    A part of several scattered lights has no one place, and gets none.
    """
    size = float(np.linalg.norm(np.ptp(subject.bounds, axis=0)))
    lamps = []
    for part in subject.parts:
        if part.material != "glow" or not len(part.vertices):
            continue
        low, high = part.vertices.min(axis=0), part.vertices.max(axis=0)
        if float(np.linalg.norm(high - low)) > 0.14 * size:
            continue
        x, y, z = (low + high) / 2
        colour = (PALE[0] * strength, PALE[1] * strength, PALE[2] * strength)
        at = (float(x), float(y), float(z))
        lamps.append(Lamp("point", colour, at=at, reach=reach, size=0.05, beam=beam))
    return tuple(lamps)
