"""The Coalition cutter: a narrow warship with gilled prow, stencilled panel and two masts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gm_assets.world.sdf.meshing import Mesh, joined
from gm_assets.world.subjects.forms import (
    block,
    cable,
    circle,
    curve,
    frustum,
    lathe,
    loft,
    prism,
    spike,
    sweep,
)
from gm_assets.world.subjects.kit import (
    archway,
    count,
    pinnacle,
    plated_ring,
    pointed_arch,
    rivet,
    rose,
    studs,
)
from gm_assets.world.subjects.model import Assembly, Subject, View
from gm_assets.world.subjects.stencil import stencil

Array = NDArray[np.float64]


def sculpt(seed: int, detail: float) -> Assembly:
    """A narrow warship of 84 m: gilled prow, stepped citadel, two masts, stencilled bow."""
    rng = np.random.default_rng([seed, 12])
    made = Assembly()
    made.add("hull", "machine", "cast-iron", _hull(detail))
    made.add("plating", "machine", "cast-iron", *_plating(rng, detail))
    made.add("prow", "machine", "oxidised-bronze", *_ram(detail))
    mark = stencil("C-47", 2.7, 0.25)
    panels = []
    for side in (1.0, -1.0):
        panel = joined([block(13.0, 4.4, 0.3, 0.08).moved(0, -2.2, -0.12), mark.moved(z=0.2)])
        z, y = 21.0, 6.0
        swing = np.degrees(np.arctan2(_beam(z - 4, y) - _beam(z + 4, y), 8.0))
        flare = np.degrees(np.arctan2(_beam(z, y + 1.5) - _beam(z, y - 1.5), 3.0))
        x = _beam(z, y + 1.0) + 0.2
        panels.append(
            panel.turned("x", flare).turned("y", side * (90.0 - swing)).moved(side * x, y, z)
        )
    made.add("stencil-panel", "machine", "tarnished-silver", *panels)
    made.add("superstructure", "machine", "tarnished-silver", *_superstructure(detail))
    made.add("turrets", "machine", "cast-iron", *_turrets(detail))
    made.add("masts", "machine", "cast-iron", *_masts(detail))
    made.add(
        "lamps",
        "light",
        "glow",
        *(block(0.5, 0.7, 0.3).moved(x, 13.2, 8.55) for x in (-2.4, -0.8, 0.8, 2.4)),
    )
    cradle = []
    for z in (-30.0, -18.0, -6.0, 7.0, 32.0):
        for side in (1.0, -1.0):
            shore = cable(
                [(side * (_beam(z, 6.0) + 0.2), 6.0, z), (side * (_beam(z, 6.0) + 6.0), -1.2, z)],
                0.35,
                6,
            )
            cradle.append(shore)
        cradle.append(block(2.6, 2.4, 2.0, 0.1).moved(0, -1.4, z))
    made.add("cradle", "prop", "oxidised-bronze", *cradle)
    return made


def _beam(z: float, y: float) -> float:
    """Half breadth of the hull at a station and a height above the keel."""
    t = np.clip((z + 42.0) / 84.0, 0.0, 1.0)
    plan = 5.6 * np.clip(np.sin(np.pi * (0.16 + 0.84 * t**1.25)), 0, 1) ** 0.75
    rise = np.clip(y / 9.0, 0.0, 1.25)
    return float(plan * (0.16 + 0.84 * rise**0.42) * (1.0 - 0.12 * max(0.0, rise - 0.75) / 0.25))


def _deck(z: float) -> float:
    """Height of the deck above the keel: a sheer that rises to the bow."""
    t = (z + 42.0) / 84.0
    return 8.2 + 3.0 * max(0.0, t - 0.45) ** 1.6 * 2.2 + 0.5 * (1 - t)


def _hull(detail: float) -> Mesh:
    stations = np.linspace(-42.0, 42.0, count(70, detail, 24))
    steps = count(14, detail, 7)
    rings = []
    for z in stations:
        deck = _deck(z)
        t = (z + 42.0) / 84.0
        keel = 4.2 * max(0.0, (t - 0.9) / 0.1) ** 2 + 2.2 * max(0.0, (0.12 - t) / 0.12)
        levels = keel + (deck - keel) * np.linspace(0.0, 1.0, steps) ** 1.3
        half = [max(_beam(z, y - keel * 0.6), 0.06) for y in levels]
        rake = 5.5 * (levels / 9.0 - 0.4) * np.clip((t - 0.72) / 0.28, 0, 1) ** 2 * -1.0
        right = [(x, y, z + r) for x, y, r in zip(half, levels, rake, strict=True)]
        left = [(-x, y, w) for x, y, w in right[::-1]]
        rings.append(right + left)
    return loft(np.array(rings))


def _plating(rng: np.random.Generator, detail: float) -> list[Mesh]:
    """Frames, rubbing strakes, rivets, portholes, bilge keels and railings."""
    pieces = []
    for z in np.arange(-36.0, 34.0, 4.0):
        for side in (1.0, -1.0):
            path = [
                (side * (_beam(z, y) + 0.02), y, z) for y in np.linspace(1.2, _deck(z) + 0.4, 9)
            ]
            pieces.append(sweep(path, circle(0.24, 4), up=(0, 0, 1)))
    for level in (3.2, 5.4, 8.0):
        for side in (1.0, -1.0):
            path = [
                (side * (_beam(z, level) + 0.03), level, z)
                for z in np.linspace(-39.5, 36.0, count(40, detail, 14))
            ]
            pieces.append(cable(path, 0.2, 5))
    one = rivet(0.13, 5)
    for z in np.arange(-38.0, 36.0, 1.0 / min(detail, 1.0)):
        for level in (4.4, 6.6):
            x = _beam(z, level)
            pieces.append(one.turned("z", -90.0).moved(x, level, z))
            pieces.append(one.turned("z", 90.0).moved(-x, level, z))
    port = plated_ring(0.38, circle(0.11, 5), 10)
    for z in np.arange(-32.0, 20.0, 3.2):
        pieces.append(port.turned("z", 90.0).moved(_beam(z, 7.2), 7.2, z))
        pieces.append(port.turned("z", 90.0).moved(-_beam(z, 7.2), 7.2, z))
    for side in (1.0, -1.0):
        rail = [
            (side * (_beam(z, 9.0) - 0.2), _deck(z) + 1.15, z) for z in np.linspace(-40, 34, 30)
        ]
        pieces.append(cable(rail, 0.06, 4))
        pieces += [cable([(x, y - 1.2, z), (x, y, z)], 0.05, 4) for x, y, z in rail]
    for _ in range(count(26, detail, 6)):
        z = rng.uniform(-36.0, 8.0)
        size = rng.uniform(0.5, 1.4, 3)
        pieces.append(
            block(size[0], size[1], size[2], 0.06).moved(rng.uniform(-3.0, 3.0), _deck(z) - 0.2, z)
        )
    return pieces


def _ram(detail: float) -> list[Mesh]:
    """The stem: a blade with ribs like gills and a crest of thorns along its edge."""
    outline = np.array(
        [
            (33.0, 2.0),
            (40.0, 3.2),
            (47.0, 5.0),
            (44.5, 8.0),
            (42.0, 12.5),
            (40.2, 16.4),
            (38.6, 13.4),
            (36.0, 12.6),
            (33.0, 11.0),
        ]
    )
    blade = prism([outline], 0.9).turned("y", -90.0)
    pieces = [blade]
    for i in range(7):
        y = 3.6 + 1.15 * i
        for side in (1.0, -1.0):
            path = curve(
                [
                    (side * (_beam(27.0, y) + 0.2), y, 28.0),
                    (side * (_beam(33.0, y) + 0.25), y + 0.25, 34.0),
                    (side * 0.4, y + 0.9, 42.5 - 0.45 * i),
                ],
                8,
            )
            pieces.append(sweep(path, circle(1.0, 5), scale=np.linspace(0.1, 0.36, 8)))
    for i in range(6):
        thorn = spike(0.34, 2.0 - 0.16 * i, 5).turned("x", 66.0)
        pieces.append(thorn.moved(0, 6.2 + 1.5 * i, 45.6 - 0.9 * i))
    pieces.append(spike(0.5, 5.5, 6, 1.3).moved(0, 15.4, 40.0))
    return pieces


def _superstructure(detail: float) -> list[Mesh]:
    """A stepped citadel with gothic bridge windows, flying wings and two raked funnels."""
    steps = count(6, detail, 3)
    pieces = [
        frustum((8.4, 34.0), (7.4, 32.0), 2.6).moved(0, 8.0, -7.0),
        frustum((6.8, 24.0), (6.0, 22.0), 2.6).moved(0, 10.6, -3.0),
        frustum((6.4, 9.0), (5.4, 7.4), 3.2).moved(0, 13.0, 4.0),
        frustum((4.4, 5.6), (3.4, 4.4), 2.8).moved(0, 16.0, 3.0),
        block(9.6, 0.5, 3.2, 0.1).moved(0, 15.6, 5.6),
        block(5.6, 0.4, 6.6, 0.1).moved(0, 18.7, 3.0),
    ]
    pieces += [
        archway(0.9, 0.9, 0.16, 0.4, 1.0, steps).moved(x, 13.3, 8.35)
        for x in (-2.1, -0.7, 0.7, 2.1)
    ]
    for side in (1.0, -1.0):
        for i in range(9):
            frame = archway(1.1, 1.0, 0.18, 0.4, 1.0, steps).turned("y", side * 90.0)
            pieces.append(frame.moved(side * 3.35, 11.0, -12.4 + 2.2 * i))
        pieces += [pinnacle(0.7, 4.4).moved(side * 3.0, 12.9, z) for z in (-13.5, -9.0, -4.5, 0.5)]
        pieces += [pinnacle(0.55, 3.4).moved(side * 2.4, 15.8, z) for z in (0.6, 7.0)]
    for z, rise in ((-5.5, 8.0), (-11.0, 7.0)):
        funnel = lathe(
            [
                (1.7, 0),
                (1.5, rise * 0.8),
                (1.75, rise * 0.82),
                (1.75, rise * 0.9),
                (1.5, rise * 0.92),
                (1.4, rise),
                (1.0, rise * 0.97),
            ],
            count(16, detail, 8),
            lambda a, y: 1.0 + 0.05 * np.abs(np.cos(4 * a)),
        )
        pieces.append(funnel.scaled(0.85, 1.0, 1.25).turned("x", -9.0).moved(0, 12.8, z))
        for k in (-0.7, 0.7):
            pipe = cable(
                curve(
                    [
                        (k * 2.0, 12.6, z + 0.4),
                        (k * 2.0, 15.5, z),
                        (k * 1.6, 18.0 + rise * 0.2, z - 0.7),
                    ],
                    8,
                ),
                0.22,
                6,
            )
            pieces.append(pipe)
    pieces.append(rose(1.5, 0.3, 8).moved(0, 17.4, 5.35))
    return pieces


def _turrets(detail: float) -> list[Mesh]:
    """Three armoured drums with twin barrels; the second stands higher, to fire over the first."""
    turret = _turret(detail)
    pieces = []
    for z, lift, turn in ((22.0, 0.0, 0.0), (15.0, 2.0, 0.0), (-29.0, 0.0, 180.0)):
        y = _deck(z) - 0.3
        drum = lathe([(2.6, 0.0), (2.6, 1.0 + lift), (2.2, 1.2 + lift)], count(16, detail, 8))
        pieces += [drum.moved(0, y, z), turret.turned("y", turn).moved(0, y + 1.2 + lift, z)]
    return pieces


def _turret(detail: float) -> Mesh:
    foot = [(-1.9, 2.4), (1.9, 2.4), (2.3, 0.0), (1.6, -2.8), (-1.6, -2.8), (-2.3, 0.0)]
    roof = [(-1.2, 1.5), (1.2, 1.5), (1.7, -0.4), (1.2, -2.4), (-1.2, -2.4), (-1.7, -0.4)]
    house = loft(np.array([[(x, 0.0, z) for x, z in foot], [(x, 1.9, z) for x, z in roof]]))
    sides = count(8, detail, 5)
    guns = []
    for x in (-0.7, 0.7):
        line = [(x, 1.0, 1.2), (x, 1.5, 4.0), (x, 1.95, 6.6), (x, 2.35, 9.2)]
        guns.append(cable(line, [0.42, 0.34, 0.24, 0.2], sides))
        guns.append(cable([(x, 2.3, 8.9), (x, 2.42, 9.7)], 0.3, sides))
    return joined([house, *guns])


def _masts(detail: float) -> list[Mesh]:
    """Two tripod masts with yards, a crow's nest, stays and ribbed dishes."""
    pieces = []
    for z, base, rise in ((-0.5, 18.5, 17.0), (-17.0, 10.5, 17.0)):
        pieces.append(cable([(0, base - 1, z), (0, base + rise, z - 1.2)], [0.42, 0.1], 7))
        pieces += [
            cable(
                [(side * 1.9, base - 1, z - 3.4), (0, base + rise * 0.62, z - 0.8)],
                [0.26, 0.18],
                6,
            )
            for side in (1.0, -1.0)
        ]
        for k in range(7):
            w = 1.9 * (1 - k / 9.0)
            y = base + rise * 0.62 * k / 8.0
            pieces.append(
                cable([(-w, y, z - 3.0 * (1 - k / 8.5)), (w, y, z - 3.0 * (1 - k / 8.5))], 0.09, 4)
            )
        for level, wide in ((0.58, 5.2), (0.74, 3.8), (0.87, 2.4)):
            y = base + rise * level
            arm = curve([(-wide, y + 0.7, z - 1.0), (0, y, z - 0.9), (wide, y + 0.7, z - 1.0)], 9)
            pieces.append(cable(arm, [0.06, 0.1, 0.13, 0.15, 0.17, 0.15, 0.13, 0.1, 0.06], 5))
            pieces += [
                cable([(x, y + 0.6, z - 1.0), (x, y - 1.4, z - 1.0)], 0.05, 4)
                for x in (-wide, -wide / 2, wide / 2, wide)
            ]
        nest = lathe([(0.5, 0), (1.3, 0.4), (1.4, 1.3), (1.2, 1.3), (0.5, 0.5)], 10).moved(
            0, base + rise * 0.5, z - 0.6
        )
        pieces.append(nest)
    pieces.append(cable([(0, 35.0, -1.6), (0, 16.0, 40.0)], 0.05, 4))
    pieces.append(cable([(0, 35.0, -1.6), (0, 27.0, -18.0)], 0.05, 4))
    pieces.append(cable([(0, 27.0, -18.2), (0, 9.5, -40.0)], 0.05, 4))
    dish = lathe([(0.2, 0.0), (1.0, 0.25), (1.7, 0.8), (1.75, 0.85), (1.0, 0.4), (0.2, 0.15)], 12)
    pieces.append(dish.turned("x", 60.0).moved(0, 21.0, 4.2))
    pieces.append(
        studs(rivet(0.16), np.array([(x, 14.9, 7.6) for x in (-2.0, -1.0, 0.0, 1.0, 2.0)]))
    )
    outline = pointed_arch(2.2, 2.4, 1.0, 5)
    pieces.append(prism([outline], 0.25).moved(0, 8.6, 9.05))
    return pieces


SUBJECT = Subject(
    name="coalition-cutter",
    title="The Coalition cutter",
    domain="hardware",
    description=(
        "A narrow warship shored up in dry-dock: gilled ram bow, stencilled panel, stepped "
        "citadel with gothic lights, two tripod masts."
    ),
    identity_marks=("hull stencil", "prow", "two masts"),
    environment="dry-dock-canal",
    height=(34.0, 42.0),
    view=View(azimuth=46.0, elevation=7.0, focal_length=70.0, aspect=1.5),
    sculptor=sculpt,
)
