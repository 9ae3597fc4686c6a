"""The reliquary tower: octagonal lanterns, each in the crown of the one below."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gm_assets.world.sdf.meshing import Mesh, cut, joined
from gm_assets.world.subjects.forms import (
    around,
    block,
    cable,
    circle,
    curve,
    lathe,
    prism,
    spike,
    sweep,
)
from gm_assets.world.subjects.kit import (
    archway,
    buttress,
    count,
    fluted_column,
    gable,
    lancet,
    pinnacle,
    rose,
    stair,
    tiny_figure,
)
from gm_assets.world.subjects.model import Assembly, Subject, View

Array = NDArray[np.float64]


def sculpt(seed: int, detail: float) -> Assembly:
    """Five octagonal lanterns, each in the crown of the one below, under a thorned spire."""
    rng = np.random.default_rng([seed, 23])
    made = Assembly()
    stone: list[Mesh] = []
    metal: list[Mesh] = []
    lamps: list[Mesh] = []
    columns: list[Mesh] = []
    y = 0.0
    stone.append(
        lathe([(15, 0), (15, 1), (13.8, 1), (13.8, 2), (12.6, 2), (12.6, 3)], 8).turned("y", 22.5)
    )
    y += 3.0
    for i, (radius, height) in enumerate(
        ((9.6, 20.0), (7.6, 16.5), (5.9, 14.0), (4.4, 11.5), (3.1, 9.0))
    ):
        _lantern_stage(radius, height, y, i, detail, stone, columns, metal, lamps)
        y += height
    top = spire_crown(3.0, 24.0, detail)
    metal.append(top.moved(y=y))
    stone.append(lathe([(2.6, 0), (3.4, 0.6), (3.4, 1.1), (2.4, 1.6)], 8).moved(y=y - 0.6))
    for i in range(8):
        stone.append(buttress(1.5, 17.0, 4.2, 4).moved(0, 2.0, 9.0).turned("y", 45.0 * i + 22.5))
        metal.append(
            pinnacle(1.5, 8.0 * rng.uniform(0.94, 1.06))
            .moved(0, 17.0, 11.4)
            .turned("y", 45.0 * i + 22.5)
        )
    made.add("stages", "architecture", "wet-basalt", *stone)
    made.add("columns", "architecture", "bone", *columns)
    made.add("crowns", "architecture", "oxidised-bronze", *metal)
    made.add("lamps", "light", "glow", *lamps)
    made.add("steps", "architecture", "wet-basalt", stair(7.0, 3.0, 5.0, 10).moved(0, 0, 18.5))
    body, ribbon = tiny_figure(1.85, count(10, detail, 6))
    made.add("visitor", "living-body", "waxed-canvas", body.moved(4.2, 0.0, 20.0))
    made.add("visitor-ribbon", "living-body", "red-cloth", ribbon.moved(4.2, 0.0, 20.0))
    return made


def _lantern_stage(
    radius: float,
    height: float,
    y: float,
    index: int,
    detail: float,
    stone: list[Mesh],
    columns: list[Mesh],
    metal: list[Mesh],
    lamps: list[Mesh],
) -> None:
    """One octagonal storey: pierced walls, shafts at the corners, gables, cornice, a reliquary."""
    steps = count(8, detail, 4)
    apothem = radius * np.cos(np.pi / 8)
    side = 2 * radius * np.sin(np.pi / 8)
    wall_height = height * 0.8
    panel = prism(
        [
            np.array(
                [(-side / 2, 0), (side / 2, 0), (side / 2, wall_height), (-side / 2, wall_height)]
            )
        ],
        radius * 0.1,
    )
    tall = wall_height * 0.86
    opening = lancet(side * 0.58, tall, radius).moved(0, wall_height * 0.07, 0)
    wall = cut(panel, [opening])
    bars = [
        block(side * 0.035, tall * 0.82, side * 0.05).moved(0, wall_height * 0.07, 0),
        block(side * 0.6, side * 0.035, side * 0.04).moved(0, wall_height * 0.4, 0),
    ]
    wheel = rose(side * 0.15, side * 0.05, 6).moved(0, wall_height * 0.07 + tall * 0.7, 0)
    hood = archway(
        side * 0.58, tall - side * 0.62 + wall_height * 0.07, side * 0.06, radius * 0.17, 1.1, steps
    )
    face = joined([wall, *bars, hood]).moved(0, y, apothem)
    stone.append(around(face, 8))
    metal.append(around(wheel.moved(0, y, apothem), 8))
    peak = gable(side * 0.96, height * 0.34, radius * 0.07, side * 0.1)
    stone.append(around(peak.moved(0, y + wall_height * 0.985, apothem + radius * 0.03), 8))
    shaft = fluted_column(
        radius * 0.085, wall_height * 0.98, 7, depth=0.22, taper=0.92, segments=count(4, detail, 2)
    )
    capital = lathe([(0.085, 0), (0.13, 0.09), (0.15, 0.1), (0.15, 0.16)], 8).scaled(radius)
    corner = joined(
        [
            shaft,
            capital.moved(y=wall_height * 0.95),
            lathe([(0.15, 0), (0.15, 0.1), (0.1, 0.17)], 8).scaled(radius),
        ]
    )
    columns.append(around(corner.moved(0, y, radius * 1.02), 8, start=22.5))
    metal.append(
        around(
            pinnacle(radius * 0.2, height * 0.46).moved(0, y + wall_height, radius * 1.02),
            8,
            start=22.5,
        )
    )
    ring = np.array([(-0.03, 0), (0.07, 0), (0.1, 0.05), (0.1, 0.09), (-0.03, 0.12)]) * radius
    for level in (0.0, wall_height * 0.96):
        cornice = lathe(
            [
                (radius * 0.5, level),
                *((radius * 1.02 + u, level + v) for u, v in ring[1:4]),
                (radius * 0.5, level + radius * 0.12),
            ],
            8,
        )
        stone.append(cornice.turned("y", 22.5).moved(y=y))
    roof = lathe([(radius * 0.95, 0), (radius * 0.72, height * 0.2)], 8).turned("y", 22.5)
    stone.append(roof.moved(y=y + wall_height))
    glow = lathe(
        [(0.06, 0.16), (0.2, 0.28), (0.24, 0.4), (0.2, 0.52), (0.05, 0.68)], count(12, detail, 6)
    ).scaled(radius, wall_height, radius)
    lamps.append(glow.moved(y=y))
    cage = []
    for k in range(6):
        path = curve(
            [(0, 0.1, 0.07), (0, 0.24, 0.27), (0, 0.4, 0.32), (0, 0.56, 0.27), (0, 0.76, 0.03)],
            count(12, detail, 6),
        )
        cage.append(
            cable(path * [radius, wall_height, radius], radius * 0.018, 4).turned(
                "y", 60.0 * k + 30
            )
        )
    metal.append(joined(cage).moved(y=y))
    metal.append(
        lathe(
            [(radius * 0.35, 0.0), (radius * 0.35, radius * 0.2), (radius * 0.2, radius * 0.3)], 8
        ).moved(y=y)
    )
    if index == 0:
        metal.append(
            cable([(0, y + wall_height, 0), (0, y + wall_height * 0.7, 0)], radius * 0.02, 5)
        )


def spire_crown(radius: float, height: float, detail: float) -> Mesh:
    """An openwork spire: eight crocketed ribs drawn together, three hoops and a finial."""
    t = np.linspace(0.0, 1.0, count(16, detail, 6))
    path = np.stack([np.zeros_like(t), height * 0.82 * t, radius * (1 - t) ** 1.25 + 0.12], -1)
    rib = [sweep(path, circle(radius * 0.075, 5), up=(0, 0, 1))]
    thorn = spike(radius * 0.07, radius * 0.34, 4).turned("x", 68.0)
    for way in np.linspace(0.06, 0.86, 9):
        reach = radius * (1 - way) ** 1.25 + 0.12
        rib.append(thorn.scaled(1 - 0.45 * way).moved(0, height * 0.82 * way, reach))
    pieces = [around(joined(rib), 8, start=22.5)]
    for way in (0.18, 0.38, 0.58):
        hoop = circle(radius * (1 - way) ** 1.25 + 0.12, 16)
        line = np.stack([hoop[:, 0], np.full(16, height * 0.82 * way), -hoop[:, 1]], -1)
        pieces.append(cable(line, radius * 0.05, 5, closed=True))
    needle = lathe(
        [(0.16, 0), (0.5, 0.8), (0.14, 1.5), (0.1, 3.2), (0.3, 3.6), (0.08, 4.1), (0.01, 6.4)], 8
    )
    pieces.append(needle.scaled(radius / 3).moved(y=height * 0.8))
    return joined(pieces)


SUBJECT = Subject(
    name="reliquary-tower",
    title="The reliquary tower",
    domain="structures",
    description=(
        "Five octagonal lanterns stand one in the crown of another, each with a caged light, "
        "under an openwork spire."
    ),
    identity_marks=("lantern stages", "caged lights", "openwork spire"),
    environment="night-city",
    height=(90.0, 110.0),
    view=View(azimuth=18.0, elevation=6.0, focal_length=70.0, aspect=0.5),
    sculptor=sculpt,
)
