"""The subterranean citadel: leaning tiers on a stump of rock under a vault of ribs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gm_assets.world.sdf.meshing import Mesh, joined, simplified
from gm_assets.world.sdf.noise import fractal_noise
from gm_assets.world.subjects.forms import (
    around,
    block,
    circle,
    curve,
    frustum,
    lathe,
    loft,
    prism,
    sweep,
)
from gm_assets.world.subjects.kit import (
    archway,
    buttress,
    count,
    flying_buttress,
    pinnacle,
    pointed_arch,
    stair,
    tiny_figure,
)
from gm_assets.world.subjects.model import Assembly, Subject, View
from gm_assets.world.subjects.terrain import heightfield

Array = NDArray[np.float64]


def sculpt(seed: int, detail: float) -> Assembly:
    """Nine tiers that lean over one another on a pier of rock, under pointed ribs of stone."""
    rng = np.random.default_rng([seed, 32])
    made = Assembly()
    tiers: list[Mesh] = []
    works: list[Mesh] = []
    lamps: list[Mesh] = []
    y, x, lean = 34.0, 0.0, 0.0
    size = 78.0
    for i in range(9):
        height = 21.0 - 1.1 * i + (4.0 if i % 3 == 2 else 0.0)
        lean += (2.6, -1.2, 2.1, 1.5, -0.8, 2.2, 1.6, -2.0, 2.4)[i] * rng.uniform(0.9, 1.1)
        tier, ornament, lamp = _tier(size, height, i, detail)
        for target, mesh in ((tiers, tier), (works, ornament), (lamps, lamp)):
            placed = mesh.turned("y", 9.0 * i).turned("z", -lean).moved(x, y, 0.0)
            target.append(placed)
        x += np.sin(np.radians(lean)) * height + (2.2 if i % 2 else -0.8)
        y += height * np.cos(np.radians(lean)) - 0.6
        size *= 0.855
    crown = joined([pinnacle(9.0, 46.0), around(pinnacle(3.6, 24.0).moved(0, -2.0, 6.0), 6)])
    tiers.append(crown.turned("z", -lean).moved(x, y - 1.0, 0.0))
    made.add("tiers", "architecture", "wet-basalt", *tiers)
    made.add("galleries", "architecture", "bone", *works)
    made.add("windows", "light", "glow", *lamps)
    made.add("rock-pier", "ground", "wet-basalt", _pier(seed, detail))
    made.add("vault-ribs", "architecture", "bone", *_vault(detail))
    made.add("cavern", "ground", "wet-basalt", _cavern(seed, detail), *_teeth(rng, detail))
    made.add("bridge", "architecture", "wet-basalt", *_bridge(detail))
    body, ribbon = tiny_figure(2.2)
    made.add("visitor", "living-body", "waxed-canvas", body.moved(-1.0, 34.6, 92.0))
    made.add("visitor-ribbon", "living-body", "red-cloth", ribbon.moved(-1.0, 34.6, 92.0))
    return made


def _tier(size: float, height: float, index: int, detail: float) -> tuple[Mesh, Mesh, Mesh]:
    """One storey: a battered drum with buttresses, an arcade before it, lit windows within."""
    sides = 12
    half = size / 2
    body = lathe(
        [
            (half * 0.93, -3.0),
            (half * 0.9, height * 0.78),
            (half, height * 0.82),
            (half * 1.03, height * 0.9),
            (half * 1.03, height),
            (half * 0.8, height),
        ],
        sides,
    )
    feet = around(
        buttress(half * 0.08, height * 0.84, half * 0.2).moved(0, -1.0, half * 0.86),
        sides,
        start=15.0,
    )
    merlon = block(half * 0.09, height * 0.1, half * 0.06).moved(0, height, half * 0.97)
    crest = around(merlon, sides * 3)
    side = 2 * half * np.tan(np.pi / sides)
    arcade = archway(side * 0.42, height * 0.38, side * 0.07, half * 0.14, 1.0, count(6, detail, 3))
    ring = around(arcade.moved(0, 0.0, half * 0.93), sides, start=15.0 if index % 2 else 0.0)
    spikes = around(
        pinnacle(half * 0.075, height * 0.7, crockets=2).moved(0, height * 0.8, half * 1.02),
        sides,
        start=15.0,
    )
    pane = prism([pointed_arch(side * 0.1, height * 0.2, 1.0, 3)], 0.6)
    lit = around(
        pane.moved(0, height * 0.08, half * 0.925), sides, start=15.0 if index % 2 else 0.0
    )
    return joined([body, feet, crest]), joined([ring, spikes]), lit


def _pier(seed: int, detail: float) -> Mesh:
    """The stump of rock that carries the citadel."""
    rings, segments = count(26, detail, 10), count(96, detail, 24)
    t = np.linspace(0.0, 1.0, rings)
    line = np.stack([68.0 - 21.0 * np.sin(t * np.pi * 0.62) - 4.0 * t, 38.0 * t], -1)
    mesh = lathe(line, segments)
    probe = (mesh.vertices * [1.0, 0.3, 1.0]).T.astype(np.float32)
    rough = 1.0 + 0.16 * fractal_noise(probe, 0.07, 4, seed + 1)
    return Mesh(mesh.vertices * np.stack([rough, np.ones_like(rough), rough], -1), mesh.faces)


def _cavern(seed: int, detail: float) -> Mesh:
    """The floor of the cavern and its back wall, open to the front."""
    segments, rings = count(120, detail, 32), count(44, detail, 14)
    angle = np.radians(np.linspace(64.0, 296.0, segments))
    way = np.linspace(0.0, 1.0, rings)
    radius = 235.0 * np.cos(way * np.pi / 2 * 0.995) ** 0.62
    level = -12.0 + 312.0 * np.sin(way * np.pi / 2)
    around_ = np.stack([np.sin(angle), np.zeros(segments), np.cos(angle)], -1)[:, None, :]
    inner = around_ * radius[:, None] + np.stack([0 * level, level, 0 * level], -1)
    probe = (inner.reshape(-1, 3) * [1.0, 0.45, 1.0]).T.astype(np.float32)
    rough = fractal_noise(probe, 0.019, 5, seed + 2).reshape(segments, rings, 1)
    # Only the distance from the axis is roughened, so that both end sections stay flat.
    inner = inner * (1.0 + 0.17 * rough * [1.0, 0.0, 1.0])
    outer = inner * [1.12, 1.0, 1.12] + np.stack([0 * level, 14.0 * way, 0 * level], -1)
    shell = loft(np.concatenate([inner, outer[:, ::-1]], axis=1), concave=True)
    number = count(90, detail, 30)
    floor = heightfield(
        (-290.0, 290.0),
        (-240.0, 260.0),
        number,
        lambda x, z: _floor_height(x, z, seed),
        floor=-1.0,
        tolerance=0.8 / detail,
    )
    return joined([simplified(shell, 0.9 / detail), floor])


def _floor_height(x: Array, z: Array, seed: int) -> Array:
    probe = np.stack([x, np.zeros_like(x), z]).astype(np.float32)
    away = np.hypot(x, z) / 150.0
    rock = (
        7.0 + 6.0 * fractal_noise(probe, 0.025, 4, seed + 4) + 9.0 * np.clip(away - 0.5, 0, 1) ** 2
    )
    reach = np.maximum(np.abs(x) / 290.0, np.abs(z - 10.0) / 250.0)
    return rock * np.clip((1.0 - reach) / 0.18, 0.0, 1.0)


def _vault(detail: float) -> list[Mesh]:
    """Ribs that rise from the cavern wall and meet over the citadel, with a hanging boss."""
    ribs = []
    number = count(30, detail, 10)
    lobes = circle(1.0, 10) * (1.0 + 0.22 * np.cos(np.arange(10) * np.pi))[:, None]
    for angle in np.linspace(80.0, 280.0, 11):
        path = curve(
            [
                (0, 0.0, 168.0),
                (0, 84.0, 165.0),
                (0, 172.0, 138.0),
                (0, 240.0, 80.0),
                (0, 272.0, 6.0),
            ],
            number,
        )
        size = np.linspace(7.4, 3.4, number)
        ribs.append(sweep(path, lobes, scale=size, up=(0, 0, -1)).turned("y", angle))
        foot = lathe([(9.0, 0), (9.0, 5), (7.0, 8), (6.4, 20)], 8).scaled(1.35).moved(0, 2.0, 167.0)
        ribs.append(foot.turned("y", angle))
    boss = lathe(
        [(0.5, -34.0), (2.5, -20.0), (4.0, -12.0), (9.0, -3.0), (11.0, 2.0), (6.0, 7.0)], 12
    )
    ribs.append(boss.moved(y=270.0))
    return ribs


def _teeth(rng: np.random.Generator, detail: float) -> list[Mesh]:
    """Stalactites between the ribs and their counterparts on the floor."""
    made = []
    for _ in range(count(70, detail, 20)):
        angle = rng.uniform(95.0, 265.0)
        away = rng.uniform(40.0, 190.0)
        length = rng.uniform(12.0, 52.0)
        tip = lathe(
            [
                (0.001, -length),
                (length * 0.035, -length * 0.6),
                (length * 0.1, 0.0),
                (length * 0.1, 10.0),
            ],
            6,
        )
        y = -12.0 + 312.0 * np.sin(np.arccos(min(0.999, (away / 235.0) ** (1 / 0.62))) / 0.995)
        made.append(tip.moved(0, min(y, 290.0) + 2.0, away).turned("y", angle))
    return made


def _bridge(detail: float) -> list[Mesh]:
    """A thin causeway on tall arches that leads to the citadel's door from the front."""
    pieces = [block(5.0, 1.6, 92.0, 0.2).moved(0, 32.6, 80.0)]
    for i in range(5):
        z = 46.0 + 18.0 * i
        pieces.append(frustum((5.0, 4.6), (3.6, 2.6), 36.0).moved(0, -4.0, z))
        arch = archway(14.5, 22.0, 1.3, 3.0, 0.75, count(8, detail, 4)).turned("y", 90.0)
        pieces.append(arch.moved(0, -2.0, z + 9.0))
        for side in (-1.0, 1.0):
            pieces.append(pinnacle(1.1, 6.0).moved(side * 2.3, 33.6, z))
            pieces.append(
                flying_buttress((0.5, 26.0), (8.0, -2.0), 1.2, 1.2)
                .turned("y", side * 90.0)
                .moved(side * 1.5, 0, z)
            )
    pieces.append(stair(5.0, 8.0, 12.0, 12).moved(0, 33.4, 40.0))
    return pieces


SUBJECT = Subject(
    name="subterranean-citadel",
    title="The subterranean citadel",
    domain="environments",
    description=(
        "Nine tiers lean over one another on a stump of rock under ribs that meet like the "
        "roof of a mouth; a pilgrim crosses the bridge."
    ),
    identity_marks=("leaning tiers", "vault of ribs", "bridge on tall piers"),
    environment="subterranean-nave",
    height=(300.0, 345.0),
    view=View(azimuth=10.0, elevation=3.0, focal_length=35.0, aspect=1.1),
    sculptor=sculpt,
)
