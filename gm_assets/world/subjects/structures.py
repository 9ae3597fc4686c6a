"""Structures that stand alone: the fluted spire, the arch, the reliquary tower."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gm_assets.world.sdf.meshing import Mesh, cut, joined, simplified
from gm_assets.world.sdf.noise import fractal_noise
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
    flying_buttress,
    gable,
    lancet,
    pinnacle,
    plated_ring,
    pointed_arch,
    rose,
    stair,
    tiny_figure,
)
from gm_assets.world.subjects.model import Assembly, Subject, View

Array = NDArray[np.float64]


def fluted_spire(seed: int, detail: float) -> Assembly:
    """A bundle of twisted flutes that tapers from an octagonal base to a needle of 140 m."""
    rng = np.random.default_rng([seed, 21])
    made = Assembly()
    made.add("shaft", "architecture", "wet-basalt", _spire_shaft(seed, detail))
    collars, ribs = [], []
    for level, radius in ((27.0, 9.6), (49.0, 7.3), (68.0, 5.9), (84.0, 4.9), (97.0, 4.1)):
        lip = np.array([(-0.6, -1.2), (0.4, -1.0), (0.9, 0.0), (0.5, 0.5), (-0.6, 0.9)])
        collars.append(plated_ring(radius, lip * radius / 8, count(64, detail, 16)).moved(y=level))
        thorn = spike(0.05 * radius + 0.1, 0.32 * radius + 0.8, 5, 1.4).turned("x", 58.0)
        collars.append(around(thorn.moved(0, level, radius * 1.04), 16))
    made.add("collars", "architecture", "oxidised-bronze", *collars)
    satellites = []
    for i in range(8):
        height = (64.0, 45.0)[i % 2] * rng.uniform(0.93, 1.07)
        radius = (2.5, 1.9)[i % 2]
        pier = fluted_column(radius, height, 9, depth=0.2, taper=0.42, segments=4, rings=5,
                             twist=-60.0)  # fmt: skip
        tip = fluted_column(radius * 0.42, height * 0.42, 6, depth=0.2, taper=0.03, segments=3)
        cap = pinnacle(radius * 0.9, radius * 5.0)
        foot = lathe([(radius * 1.5, 0), (radius * 1.5, 3), (radius * 1.05, 5.5)], 8)
        tower = joined([pier, tip.moved(y=height), foot,
                        around(cap.moved(0, height * 0.82, radius * 0.9), 4, start=45.0)])  # fmt: skip
        satellites.append(tower.moved(0, 0, 16.5).turned("y", 45.0 * i))
        for low, high in ((0.42, 1.0), (0.72, 1.28)):
            y = height * low
            arm = flying_buttress(
                (7.4 - 2.2 * high, y + 9), (16.0, y), 1.3, 0.9, count(12, detail, 6)
            )
            ribs.append(arm.turned("y", 45.0 * i))
    made.add("satellite-spires", "architecture", "wet-basalt", *satellites)
    made.add("flyers", "architecture", "wet-basalt", *ribs)
    base = [
        lathe([(24, 0), (24, 1.2), (22.6, 1.2), (22.6, 2.4), (21.2, 2.4), (21.2, 3.6)], 8)
        .turned("y", 22.5),
        *(buttress(2.2, 15.0, 5.0).moved(0, 0, 18.2).turned("y", 45.0 * i) for i in range(8)),
    ]  # fmt: skip
    for i in range(8):
        if i != 0:
            frame = archway(7.0, 6.0, 0.9, 2.0, 1.0, count(8, detail, 4)).moved(0, 3.4, 14.2)
            base.append(frame.turned("y", 45.0 * i + 22.5))
    portal = [archway(6.4 + 1.7 * i, 7.5 + 0.8 * i, 0.85, 1.4, 1.0, count(10, detail, 5))
              .moved(0, 3.4, 16.2 - 1.2 * (2 - i)) for i in range(3)]  # fmt: skip
    made.add(
        "base", "architecture", "wet-basalt", *base, stair(10.0, 3.6, 5.0, 9).moved(0, 0, 27.0)
    )
    made.add("portal", "architecture", "tarnished-silver",
             *(m.turned("y", 22.5) for m in portal))  # fmt: skip
    body, ribbon = tiny_figure(1.85)
    made.add("visitor", "living-body", "waxed-canvas", body.moved(5.0, 0.0, 31.0))
    made.add("visitor-ribbon", "living-body", "red-cloth", ribbon.moved(5.0, 0.0, 31.0))
    return made


def _spire_shaft(seed: int, detail: float) -> Mesh:
    """Twenty flutes, each a sharp fin, wound by a third of a turn from base to needle."""
    rings, flutes, each = count(150, detail, 24), 20, count(8, detail, 4)
    t = np.linspace(0.0, 1.0, rings)
    height = 140.0 * t
    radius = 12.5 * (1 - t) ** 1.15 * (1 - 0.22 * np.exp(-(((t - 0.1) / 0.09) ** 2))) + 0.12
    radius += 1.1 * np.exp(-(((t - 0.345) / 0.03) ** 2)) + 0.8 * np.exp(-(((t - 0.6) / 0.025) ** 2))

    def swell(angle: Array, level: Array) -> Array:
        way = level / 140.0
        turn = angle + 2.2 * way**1.3
        fin = np.abs(np.sin(turn * flutes / 2))
        deep = 0.30 * (1.0 - 0.45 * way)
        second = np.abs(np.sin(turn * flutes * 1.5))
        return 1.0 - deep * fin**0.75 - 0.05 * second * fin

    shaft = lathe(np.stack([radius, height], axis=-1), flutes * each, swell)
    probe = (shaft.vertices * [1.0, 0.4, 1.0]).T.astype(np.float32)
    worn = 1.0 + 0.02 * fractal_noise(probe, 0.35, 3, seed)[:, None]
    shaft = Mesh(shaft.vertices * np.where([True, False, True], worn, 1.0), shaft.faces)
    return simplified(shaft, 0.02 / detail)


def arch(seed: int, detail: float) -> Assembly:
    """One pointed arch of nested orders, 72 m high, alone on its stylobate."""
    rng = np.random.default_rng([seed, 22])
    made = Assembly()
    steps = count(22, detail, 8)
    width, spring = 26.0, 26.0
    orders = []
    for i, (ring, depth) in enumerate(((1.5, 5.2), (1.5, 7.0), (1.2, 8.4), (1.9, 10.2))):
        offset = sum((1.5, 1.5, 1.2)[:i])
        wide = width + 2 * offset
        sharp = (width * 1.06 + offset) / wide
        orders.append(archway(wide, spring, ring, depth, sharp, steps))
    made.add("orders", "architecture", "wet-basalt", *orders)
    tendons = []
    for offset, thick, depth in ((0.75, 0.42, 2.75), (2.25, 0.42, 3.65), (3.6, 0.34, 4.35),
                                 (4.7, 0.62, 5.2)):  # fmt: skip
        wide = width + 2 * offset
        line = pointed_arch(wide, spring, (width * 1.06 + offset) / wide, steps)
        path = np.concatenate([line[1:], line[:1]])
        path = np.stack([path[:, 0], path[:, 1], np.full(len(path), depth)], axis=-1)
        for side in (1.0, -1.0):
            tendons.append(cable(path * [1, 1, side], thick, count(8, detail, 5)))
    made.add("tendons", "architecture", "bone", *tendons)
    wide = width + 9.0
    line = pointed_arch(wide + 3.4, spring, (width * 1.06 + 6.2) / (wide + 3.4), steps * 2)
    inside = line[2:]
    ahead = np.gradient(inside, axis=0)
    normal = np.stack([ahead[:, 1], -ahead[:, 0]], -1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    vertebrae = []
    segment = _vertebra()
    for i in range(1, len(inside) - 1, 2):
        n = normal[i]
        angle = np.degrees(np.arctan2(-n[0], n[1]))
        if abs(inside[i, 0]) > 0.8:
            vertebrae.append(
                segment.scaled(rng.uniform(0.95, 1.05)).turned("z", angle).moved(*inside[i], 0.0)
            )
    made.add("spine", "architecture", "bone", *vertebrae)
    top = float(inside[:, 1].max())
    crown = joined(
        [pinnacle(2.6, 15.0), lathe([(2.4, -3.0), (3.0, -1), (2.2, 1.5), (1.2, 3.0)], 8)]
    )
    made.add("keystone", "architecture", "bone", crown.moved(y=top))
    feet = []
    for side in (1.0, -1.0):
        x = side * (width / 2 + 3.0)
        feet += [
            block(9.5, 3.2, 14.5, 0.35).moved(x, 0.0, 0),
            block(8.4, 2.4, 13.0, 0.3).moved(x, 3.2, 0),
            block(7.6, 1.2, 11.6, 0.3).moved(x, 5.6, 0),
            buttress(6.0, 30.0, 7.5, 4)
            .turned("y", 90.0 * side)
            .moved(side * (width / 2 + 5.8), 0, 0),
            pinnacle(3.2, 15.0).moved(side * (width / 2 + 9.0), 24.0, 0.0),
        ]
    made.add("piers", "architecture", "wet-basalt", *feet)
    floor = [block(62.0 - 4 * i, 0.6, 34.0 - 4 * i, 0.06).moved(y=-1.8 + 0.6 * i) for i in range(3)]
    made.add("stylobate", "ground", "wet-basalt", *floor)
    body, ribbon = tiny_figure(1.85, count(10, detail, 6))
    made.add("visitor", "living-body", "waxed-canvas", body.moved(-2.5, 0.0, 8.0))
    made.add("visitor-ribbon", "living-body", "red-cloth", ribbon.moved(-2.5, 0.0, 8.0))
    return made


def _vertebra() -> Mesh:
    """One segment of the spine on the arch's back: a saddle, two wings and a thorn, along +Y."""
    saddle = prism([np.array([(-1.15, -0.8), (1.15, -0.8), (0.8, 0.7), (-0.8, 0.7)])], 4.4)
    thorn = spike(0.62, 3.0, 5, 1.35).scaled(1.0, 1.0, 1.4).moved(0, 0.5, 0)
    wing = spike(0.5, 2.6, 5, 1.2).turned("x", 74.0).moved(0, 0.1, 1.6)
    return joined([saddle, thorn, wing, wing.turned("y", 180.0)])


def reliquary_tower(seed: int, detail: float) -> Assembly:
    """Five octagonal lanterns, each standing in the crown of the one below, under a thorned spire."""
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
        metal.append(pinnacle(1.5, 8.0 * rng.uniform(0.94, 1.06)).moved(0, 17.0, 11.4)
                     .turned("y", 45.0 * i + 22.5))  # fmt: skip
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
    radius: float, height: float, y: float, index: int, detail: float,
    stone: list[Mesh], columns: list[Mesh], metal: list[Mesh], lamps: list[Mesh],
) -> None:  # fmt: skip
    """One octagonal storey: pierced walls, shafts at the corners, gables, cornice, a reliquary."""
    steps = count(8, detail, 4)
    apothem = radius * np.cos(np.pi / 8)
    side = 2 * radius * np.sin(np.pi / 8)
    wall_height = height * 0.8
    panel = prism([np.array([(-side / 2, 0), (side / 2, 0), (side / 2, wall_height), (-side / 2, wall_height)])],
                  radius * 0.1)  # fmt: skip
    tall = wall_height * 0.86
    opening = lancet(side * 0.58, tall, radius).moved(0, wall_height * 0.07, 0)
    wall = cut(panel, [opening])
    bars = [block(side * 0.035, tall * 0.82, side * 0.05).moved(0, wall_height * 0.07, 0),
            block(side * 0.6, side * 0.035, side * 0.04).moved(0, wall_height * 0.4, 0)]  # fmt: skip
    wheel = rose(side * 0.15, side * 0.05, 6).moved(0, wall_height * 0.07 + tall * 0.7, 0)
    hood = archway(
        side * 0.58, tall - side * 0.62 + wall_height * 0.07, side * 0.06, radius * 0.17, 1.1, steps
    )
    face = joined([wall, *bars, hood]).moved(0, y, apothem)
    stone.append(around(face, 8))
    metal.append(around(wheel.moved(0, y, apothem), 8))
    peak = gable(side * 0.96, height * 0.34, radius * 0.07, side * 0.1)
    stone.append(around(peak.moved(0, y + wall_height * 0.985, apothem + radius * 0.03), 8))
    shaft = fluted_column(radius * 0.085, wall_height * 0.98, 7, depth=0.22, taper=0.92,
                          segments=count(4, detail, 2))  # fmt: skip
    capital = lathe([(0.085, 0), (0.13, 0.09), (0.15, 0.1), (0.15, 0.16)], 8).scaled(radius)
    corner = joined([shaft, capital.moved(y=wall_height * 0.95),
                     lathe([(0.15, 0), (0.15, 0.1), (0.1, 0.17)], 8).scaled(radius)])  # fmt: skip
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
            [(radius * 0.5, level), *((radius * 1.02 + u, level + v) for u, v in ring[1:4]),
             (radius * 0.5, level + radius * 0.12)], 8,
        )  # fmt: skip
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


SUBJECTS: tuple[Subject, ...] = (
    Subject(
        name="fluted-spire",
        title="The fluted spire",
        domain="structures",
        description=(
            "A needle of twisted flutes rises from a ring of lesser spires and flyers, "
            "collared with thorned bronze; a visitor stands at its portal."
        ),
        identity_marks=("twisted flutes", "thorned collars", "ring of satellite spires"),
        environment="ash-plain",
        height=(130.0, 150.0),
        view=View(azimuth=24.0, elevation=2.0, focal_length=60.0, aspect=0.56),
        sculptor=fluted_spire,
    ),
    Subject(
        name="arch",
        title="The arch",
        domain="structures",
        description=(
            "A single pointed arch of nested orders with tendons of bone and a spine along its "
            "back, standing alone on a stylobate."
        ),
        identity_marks=("clean pointed arch", "nested orders", "spine along the back"),
        environment="dunes-under-snow",
        height=(65.0, 85.0),
        view=View(azimuth=26.0, elevation=3.0, focal_length=50.0, aspect=0.8),
        sculptor=arch,
    ),
    Subject(
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
        sculptor=reliquary_tower,
    ),
)
