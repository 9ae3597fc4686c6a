"""The breathing engine: two bellows in a cage of ribs under a rocking beam."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gm_assets.world.sdf.meshing import Mesh, joined, mesh_of, with_mirror
from gm_assets.world.sdf.solid import Solid, blend, ellipsoid, tube, union
from gm_assets.world.subjects.forms import (
    around,
    block,
    cable,
    circle,
    curve,
    lathe,
    loft,
    planted,
    prism,
    spike,
    sweep,
)
from gm_assets.world.subjects.kit import (
    archway,
    count,
    fluted_column,
    pinnacle,
    plated_ring,
    pointed_arch,
    rivet,
    rivets_along,
    tiny_figure,
)
from gm_assets.world.subjects.model import Assembly, Subject, View

Array = NDArray[np.float64]


def sculpt(seed: int, detail: float) -> Assembly:
    """Two upright bellows in a cage of ribs under a beam, a flywheel and a spired hood."""
    rng = np.random.default_rng([seed, 14])
    made = Assembly()
    bellows = []
    bellows += [
        _bellows(breath, seed, detail).moved(side * 2.55, 1.5, 0.0)
        for side, breath in ((1.0, 1.0), (-1.0, 0.72))
    ]
    made.add("bellows", "machine", "waxed-canvas", *bellows)
    boards = []
    for side, breath in ((1.0, 1.0), (-1.0, 0.72)):
        top = 1.5 + 6.3 * breath
        for y in (1.25, top):
            plate = lathe([(1.75, 0), (1.95, 0.1), (1.95, 0.3), (1.6, 0.42)], count(28, detail, 12))
            boards.append(plate.moved(side * 2.55, y, 0))
            boards.append(
                around(rivet(0.1, 6).moved(0, y + 0.28, 1.8), 20).moved(side * 2.55, 0, 0)
            )
        boards.append(cable([(side * 2.55, top, 0), (side * 2.55, 11.1 - 1.1 * side, 0)], 0.19, 10))
        boards.append(
            lathe([(0.2, 0), (0.42, 0.15), (0.42, 0.5), (0.2, 0.7)], 12).moved(
                side * 2.55, top + 0.3, 0
            )
        )
    made.add("bellows-boards", "machine", "oxidised-bronze", *boards)
    made.add("ribs", "machine", "bone", *_cage(detail))
    made.add("spine", "machine", "bone", mesh_of(_engine_spine(), 0.055 / detail))
    made.add("beam", "machine", "cast-iron", *_beam_engine(detail))
    made.add("flywheel", "machine", "cast-iron", _flywheel(detail).moved(0, 3.4, -4.3))
    made.add("pipes", "machine", "oxidised-bronze", *_pipes(rng, detail))
    made.add("hood", "machine", "tarnished-silver", *_hood(detail))
    made.add(
        "furnace-light", "light", "glow", prism([pointed_arch(0.95, 1.0)], 0.1).moved(0, 1.45, 2.42)
    )
    base = [
        block(11.4, 0.6, 8.4, 0.12),
        block(10.6, 0.6, 7.6, 0.12).moved(y=0.6),
        rivets_along((-5.0, 0.9, 3.8), (5.0, 0.9, 3.8), 26, 0.12, (0, 0, 1)),
    ]
    made.add("bedplate", "machine", "cast-iron", *base)
    body, ribbon = (mesh.turned("y", 160.0) for mesh in tiny_figure(1.8, 14))
    made.add("visitor", "living-body", "waxed-canvas", body.moved(1.6, 0.0, 5.6))
    made.add("visitor-ribbon", "living-body", "red-cloth", ribbon.moved(1.6, 0.0, 5.6))
    return made


def _bellows(breath: float, seed: int, detail: float) -> Mesh:
    """Twelve pleats of canvas, pulled apart by `breath`; the folds sag between their hoops."""
    pleats, each = 12, count(8, detail, 4)
    t = np.linspace(0.0, 1.0, pleats * each + 1)
    saw = np.abs((t * pleats) % 1.0 * 2.0 - 1.0)
    radius = 1.28 + 0.5 * saw**0.8 + 0.12 * np.sin(np.pi * t)
    profile = np.stack([radius, 6.3 * breath * t], -1)

    def swell(angle: Array, level: Array) -> Array:
        lean = np.cos(angle * 14.0 + seed) * 0.012 + np.cos(angle * 5.0 + 2 * level) * 0.018
        return 1.0 + lean

    return lathe(profile, count(84, detail, 24), swell)


def _cage(detail: float) -> list[Mesh]:
    """Seven pairs of great ribs that rise from the bed, embrace the bellows and meet in front."""
    pieces = []
    number = count(34, detail, 12)
    for i in range(7):
        y = 2.0 + 1.22 * i
        reach = 4.95 - 0.09 * (i - 2.5) ** 2
        path = curve(
            [
                (0.25, y + 0.9, -2.5),
                (reach * 0.62, y + 1.15, -2.35),
                (reach, y + 0.75, -0.6),
                (reach * 0.96, y + 0.1, 1.1),
                (reach * 0.66, y - 0.42, 2.3),
                (0.95, y - 0.62, 2.75 - 0.05 * i),
            ],
            number,
        )
        size = np.interp(
            np.linspace(0, 1, number), [0, 0.12, 0.5, 0.9, 1], [0.3, 0.22, 0.27, 0.16, 0.05]
        )
        rib = sweep(path, circle(1.0, 8) * [0.62, 1.0], scale=size, up=(0, 1, 0))
        pieces.append(with_mirror(rib))
    return pieces


def _engine_spine() -> Solid:
    """Vertebrae behind the bellows, from the bed to the hood."""
    pieces = []
    for i in range(9):
        y = 1.9 + 1.22 * i
        body = blend(
            ellipsoid(0.62, 0.42, 0.52).moved(0, y, -2.75),
            tube([(0, y, -2.9), (0, y - 0.35, -4.0)], [0.26, 0.08]),
            tube([(0.3, y + 0.1, -2.8), (1.25, y + 0.45, -3.1)], [0.26, 0.12]).mirrored(),
            radius=0.25,
        )
        pieces.append(body)
    core = tube([(0, 1.2, -2.75), (0, 12.6, -2.75)], 0.36)
    return blend(core, union(*pieces), radius=0.15)


def _beam_engine(detail: float) -> list[Mesh]:
    """The rocking beam over both bellows, its trunnion frame and the connecting rod."""
    outline = curve(
        [
            (-3.6, -0.25),
            (-1.8, -0.62),
            (0, -0.8),
            (1.8, -0.62),
            (3.6, -0.25),
            (3.75, 0.0),
            (3.6, 0.25),
            (1.8, 0.55),
            (0, 0.72),
            (-1.8, 0.55),
            (-3.6, 0.25),
            (-3.75, 0.0),
        ],
        48,
    )
    holes = [circle(0.26, 14) + np.array([x, -0.03]) for x in (-2.3, -1.3, 1.3, 2.3)]
    beam = prism([outline, *holes], 0.42)
    ends = [cable([(x, 0, -0.4), (x, 0, 0.4)], 0.34, 14) for x in (-3.3, 0.0, 3.3)]
    rocking = joined([beam, *ends]).scaled(0.8, 1.0, 1.0).turned("z", -12.0).moved(0, 11.1, 0)
    frame = []
    for z in (-0.75, 0.75):
        frame += [
            sweep(
                curve([(x * 1.1, 1.1, z * 2.0), (x * 0.75, 6.0, z * 1.4), (0, 11.1, z)], 12),
                circle(0.2, 6),
            )
            for x in (-1.0, 1.0)
        ]
        frame.append(lathe([(0.5, -0.18), (0.5, 0.18)], 16).turned("x", 90.0).moved(0, 11.1, z))
    rod = cable(curve([(-2.6, 10.6, -0.5), (-2.0, 7.5, -3.2), (-1.3, 4.0, -4.55)], 10), 0.17, 8)
    return [rocking, *frame, rod]


def _flywheel(detail: float) -> Mesh:
    """A wheel of 5.6 m with curved spokes, upright behind the engine."""
    rim = plated_ring(
        2.75,
        np.array([(-0.22, -0.26), (0.2, -0.3), (0.26, 0.0), (0.2, 0.3), (-0.22, 0.26)]),
        count(56, detail, 20),
    )
    hub = lathe([(0.2, -0.5), (0.55, -0.4), (0.6, 0.0), (0.55, 0.4), (0.2, 0.5)], 16)
    spoke = sweep(
        curve([(0, 0, 0.4), (0.35, 0, 1.3), (0.2, 0, 2.1), (0, 0, 2.7)], 12),
        circle(1.0, 6) * [1.0, 0.6],
        scale=np.linspace(0.22, 0.13, 12),
    )
    teeth = block(0.16, 0.3, 0.2).moved(0, -0.15, 3.02)
    return joined([rim, hub, around(spoke, 8), around(teeth, 48)]).turned("x", 90.0)


def _pipes(rng: np.random.Generator, detail: float) -> list[Mesh]:
    """Wind trunks from the bellows to the hood, gauges, and a rank of organ pipes at each flank."""
    pieces = []
    number = count(26, detail, 10)
    for side in (1.0, -1.0):
        trunk = curve(
            [
                (side * 2.55, 1.6, 1.9),
                (side * 2.3, 1.7, 3.2),
                (side * 1.1, 2.2, 3.35),
                (side * 0.9, 4.5, 3.05),
                (side * 0.7, 8.5, 2.6),
                (side * 0.75, 12.4, 1.2),
            ],
            number,
        )
        pieces.append(cable(trunk, 0.3, count(14, detail, 8)))
        for t in (0.3, 0.45, 0.6, 0.75, 0.9):
            at = int(t * (number - 1))
            collar = lathe([(0.3, -0.1), (0.4, -0.1), (0.4, 0.1), (0.3, 0.1)], count(14, detail, 8))
            pieces.append(planted(collar, trunk[at], trunk[at + 1] - trunk[at]))
        for k in range(7):
            height = 5.2 + 4.2 * np.sin((k + 1) / 8 * np.pi) + rng.uniform(-0.2, 0.2)
            pipe = lathe(
                [
                    (0.05, 0.0),
                    (0.2, 0.7),
                    (0.2, height),
                    (0.24, height),
                    (0.24, height + 0.1),
                    (0.2, height + 0.1),
                ],
                count(10, detail, 6),
            )
            pieces.append(pipe.moved(side * (4.95 - 0.02 * k), 1.2, -3.0 + 0.46 * k - 0.4))
        gauge = joined(
            [
                lathe([(0.36, 0), (0.36, 0.16), (0.3, 0.18)], 18),
                plated_ring(0.34, circle(0.05, 5), 18).moved(y=0.17),
            ]
        )
        pieces.append(gauge.turned("x", 90.0).moved(side * 0.95, 4.2, 3.25))
    return pieces


def _hood(detail: float) -> list[Mesh]:
    """The cowl over the beam: an octagonal collar, a furnace door below and five vents above."""
    steps = count(8, detail, 4)
    pieces = [
        lathe(
            [(2.6, 0), (2.9, 0.25), (2.9, 0.6), (2.2, 1.1), (1.4, 2.1), (1.15, 3.4), (0.9, 3.5)], 8
        )
        .turned("y", 22.5)
        .moved(y=12.3),
        fluted_column(0.85, 3.2, 8, depth=0.2, taper=0.7, segments=4).moved(y=15.6),
        lathe([(0.6, 0), (1.1, 0.4), (1.1, 0.7), (0.5, 1.1), (0.12, 3.6), (0.02, 4.2)], 8).moved(
            y=18.6
        ),
        around(pinnacle(0.55, 3.8).moved(0, 12.7, 2.75), 8, start=22.5),
        around(spike(0.14, 1.4, 5, 1.3).turned("x", 60.0).moved(0, 14.6, 1.3), 8),
    ]
    for i in range(3):
        frame = archway(0.95 + 0.34 * i, 1.0, 0.17, 0.7 - 0.18 * i, 1.0, steps)
        pieces.append(frame.moved(0, 1.42, 2.5 + 0.16 * i))
    box_body = loft(
        [
            [(-1.0, 1.2, 2.45), (1.0, 1.2, 2.45), (1.0, 1.2, 0.6), (-1.0, 1.2, 0.6)],
            [(-0.7, 4.0, 2.2), (0.7, 4.0, 2.2), (0.7, 4.0, 0.6), (-0.7, 4.0, 0.6)],
        ]
    )
    pieces.append(box_body)
    return pieces


SUBJECT = Subject(
    name="breathing-engine",
    title="The breathing engine",
    domain="hardware",
    description=(
        "Two bellows of waxed canvas breathe in turn inside a cage of ribs, under a rocking "
        "beam and a spired hood; a stoker stands before the furnace door."
    ),
    identity_marks=("pleated bellows", "cage of ribs", "rocking beam"),
    environment="torch-lit-interior",
    height=(20.0, 25.0),
    view=View(azimuth=28.0, elevation=6.0, focal_length=60.0, aspect=0.75),
    sculptor=sculpt,
)
