"""The seawall gate and its dry-dock: a pointed gate in a battered wall, a drained basin."""

from __future__ import annotations

import numpy as np

from gm_assets.world.sdf.meshing import Mesh, cut, joined
from gm_assets.world.subjects.forms import (
    along,
    block,
    cable,
    circle,
    curve,
    frustum,
    lathe,
    planted,
    prism,
    spike,
    sweep,
)
from gm_assets.world.subjects.kit import (
    arch_height,
    archway,
    buttress,
    count,
    flying_buttress,
    gable,
    lancet,
    pinnacle,
    plated_ring,
    pointed_arch,
    rivet,
    rose,
    stair,
    studs,
    tapered_tower,
    tiny_figure,
)
from gm_assets.world.subjects.model import Assembly, Subject, View

#: Width of the opening and height of its springing, metres.
GATE, SPRING = 30.0, 26.0
#: The quay lies this high above the floor of the dock.
QUAY = 13.0


def sculpt(seed: int, detail: float) -> Assembly:
    """Wall, orders of the gate, leaves ajar, towers, basin, gantry, chains, two figures."""
    rng = np.random.default_rng([seed, 31])
    made = Assembly()
    made.add("seawall", "architecture", "wet-basalt", *_wall(rng, detail))
    made.add("gate-orders", "architecture", "wet-basalt", *_orders(detail))
    made.add("gate-ribs", "architecture", "bone", *_ribs(detail))
    made.add("lock-leaves", "machine", "oxidised-bronze", *_leaves(detail))
    made.add("towers", "architecture", "wet-basalt", *_towers(detail))
    made.add("buttresses", "architecture", "wet-basalt", *_buttresses(detail))
    made.add("dry-dock", "ground", "wet-basalt", *_basin(rng, detail))
    made.add("keel-blocks", "prop", "cast-iron", *_blocks(rng))
    made.add("gantry", "machine", "cast-iron", *_gantry(detail))
    made.add("chains", "machine", "cast-iron", *_chains(detail))
    made.add("lamps", "light", "glow", *_lamps())
    for name, place, height in (
        ("visitor", (-4.0, 0.6, 44.0), 1.9),
        ("visitor-on-the-quay", (25.0, QUAY, 30.0), 1.8),
    ):
        body, ribbon = tiny_figure(height, 12)
        made.add(name, "living-body", "waxed-canvas", body.moved(*place))
        made.add(f"{name}-ribbon", "living-body", "red-cloth", ribbon.moved(*place))
    return made


def _wall(rng: np.random.Generator, detail: float) -> list[Mesh]:
    """The wall itself, pierced by the gate, coursed, with a parapet and a walk."""
    half, top = 96.0, 52.0
    outline = np.array([(-half, 0.0), (half, 0.0), (half, top), (-half, top)])
    body = prism([outline], 15.0).moved(0, 0, -8.0)
    opening = prism([pointed_arch(GATE, SPRING, 1.05, count(16, detail, 6))], 60.0)
    niches = []
    for side in (-1.0, 1.0):
        for i in range(3):
            niche = lancet(5.0, 17.0, 3.0).moved(side * (41.0 + 19.5 * i), 21.0, -0.8)
            niches.append(niche)
    pieces = [cut(body, [opening, *niches])]
    for level, out in ((0.0, 2.2), (15.0, 1.2), (19.0, 0.7), (43.0, 0.9), (49.0, 1.8)):
        for side in (-1.0, 1.0):
            wide = half - GATE / 2 - 5.0
            course = block(wide, 1.5, 15.0 + 2 * out, 0.25)
            pieces.append(course.moved(side * (GATE / 2 + 5.0 + wide / 2), level, -8.0))
    pieces.append(block(2 * half, 1.2, 18.0, 0.2).moved(0, 52.0, -8.0))
    pieces += [
        block(2.4, 2.6, 1.6, 0.12).moved(x, 53.0, 0.4) for x in np.arange(-half + 2.0, half, 4.0)
    ]
    for side in (-1.0, 1.0):
        for i in range(3):
            x = side * (41.0 + 19.5 * i)
            pieces.append(
                archway(5.0, 12.6, 0.8, 2.4, 1.1, count(7, detail, 4)).moved(x, 21.0, -0.6)
            )
            statue = lathe(
                [
                    (1.5, 0),
                    (1.2, 3.0),
                    (0.9, 6.5),
                    (1.25, 8.6),
                    (0.4, 9.6),
                    (0.62, 10.3),
                    (0.5, 11.2),
                    (0.05, 13.4),
                ],
                9,
                lambda a, y: 1.0 - 0.12 * np.abs(np.sin(4.5 * a)),
            )
            pieces.append(statue.scaled(1.0, rng.uniform(0.95, 1.05), 0.8).moved(x, 21.5, -1.2))
    return pieces


def _orders(detail: float) -> list[Mesh]:
    """Five receding orders, their bases, and a gable with a wheel window and pinnacles."""
    steps = count(16, detail, 6)
    pieces = []
    for i in range(5):
        offset = 1.35 * i
        wide = GATE + 2 * offset
        pieces.append(
            archway(wide, SPRING, 1.45, 17.0 + 1.8 * i, (GATE * 1.05 + offset) / wide, steps).moved(
                0, 0, -8.0 + 0.6 * i
            )
        )
        for side in (-1.0, 1.0):
            foot = block(1.7, 4.0 - 0.4 * i, 1.7, 0.2)
            pieces.append(foot.moved(side * (wide / 2 + 0.7), 0, 0.9 + 1.5 * i))
    height = arch_height(GATE + 13.5, SPRING, (GATE * 1.05 + 6.75) / (GATE + 13.5))
    peak = gable(46.0, 36.0, 3.0, 4.6).moved(0, 46.0, 1.2)
    inner = pointed_arch(GATE + 12.5, SPRING, (GATE * 1.05 + 6.2) / (GATE + 12.5), steps)
    pieces.append(cut(peak, [prism([inner], 20.0)]))
    pieces.append(rose(4.7, 1.2, 10).moved(0, 46.0 + 36.0 * 0.34, 1.4))
    for side in (-1.0, 1.0):
        for t in np.linspace(0.05, 0.92, 9):
            x, y = side * 23.0 * (1 - t), 46.0 + 36.0 * t
            thorn = spike(0.8, 4.4, 5, 1.3).turned("z", -side * 33.0)
            pieces.append(thorn.moved(x, y - 0.4, 1.2))
    pieces.append(pinnacle(3.2, 20.0).moved(0, max(height, 79.0), 1.2))
    return pieces


def _ribs(detail: float) -> list[Mesh]:
    """Bone-like tendons that run up the orders, and the vault ribs in the passage."""
    steps = count(16, detail, 6)
    pieces = []
    for i in range(5):
        offset = 1.35 * i + 0.7
        wide = GATE + 2 * offset
        line = pointed_arch(wide, SPRING, (GATE * 1.05 + offset) / wide, steps)
        line = np.concatenate([line[1:], line[:1]])
        path = np.stack([line[:, 0], line[:, 1], np.full(len(line), 0.7 + 1.5 * i)], -1)
        pieces.append(cable(path, 0.5 + 0.04 * i, count(8, detail, 5)))
    for z in (-3.0, -7.5, -12.0):
        line = pointed_arch(GATE - 0.3, SPRING, 1.05, steps)
        line = np.concatenate([line[1:], line[:1]])
        path = np.stack([line[:, 0], line[:, 1], np.full(len(line), z)], -1)
        pieces.append(cable(path, 0.6, count(8, detail, 5)))
    return pieces


def _leaves(detail: float) -> list[Mesh]:
    """Two riveted leaves of bronze, ajar, each shaped to half the arch."""
    outline = pointed_arch(GATE - 1.2, SPRING, 1.05, count(14, detail, 6))
    half = np.concatenate([[[0.0, 0.0]], _right_half(outline)])
    leaf = prism([half], 1.1)
    pieces = [leaf]
    for y in np.arange(3.0, 44.0, 4.6):
        wide = _reach(outline, y)
        if wide > 2.0:
            pieces.append(block(wide, 0.9, 2.2, 0.15).moved(wide / 2, y, 0.2))
            one = studs(
                rivet(0.24, 5), np.array([(x, y + 0.45, 1.32) for x in np.arange(0.8, wide, 1.3)])
            )
            pieces.append(one)
    for x in (0.6, 5.0, 9.6, 13.6):
        tall = _rise(outline, x) - 0.6
        pieces.append(block(0.8, tall, 1.9, 0.15).moved(x, 0.0, 0.2))
    wheel = plated_ring(2.0, circle(0.3, 6), 20).turned("x", 90.0)
    spokes = [
        cable([(0, 0, 0), (1.9 * np.cos(a), 1.9 * np.sin(a), 0)], 0.17, 5)
        for a in np.linspace(0, 2 * np.pi, 6, endpoint=False)
    ]
    pieces.append(joined([wheel, *spokes]).moved(3.4, 12.5, 1.9))
    right = joined(pieces).moved(-GATE / 2 + 0.6, 0, 0)
    return [_hung(right, 1.0), _hung(right.mirrored(), -1.0)]


def _right_half(outline: np.ndarray) -> np.ndarray:
    """From the right foot of an arch outline to its point."""
    right = outline[1:]
    return right[: int(right[:, 1].argmax()) + 1]


def _reach(outline: np.ndarray, y: float) -> float:
    right = _right_half(outline)
    return float(np.interp(y, right[:, 1], right[:, 0]))


def _rise(outline: np.ndarray, x: float) -> float:
    right = _right_half(outline)
    order = right[:, 0].argsort(kind="stable")
    return float(np.interp(x, right[order, 0][:-1], right[order, 1][:-1]))


def _hung(leaf: Mesh, side: float) -> Mesh:
    """A leaf swung open about its outer edge, into the passage."""
    return leaf.turned("y", side * 58.0).moved(side * (GATE / 2 - 0.6), 0.0, -9.5)


def _towers(detail: float) -> list[Mesh]:
    """Two towers beside the gate and two at the ends of the wall."""
    pieces = []
    for side in (-1.0, 1.0):
        for x, size, height in ((30.5, 13.0, 84.0), (97.0, 11.0, 62.0)):
            body = tapered_tower(size, height, 5, batter=0.72)
            crown = size * 0.72
            top = [
                block(crown * 1.25, 2.0, crown * 1.25, 0.3).moved(y=height),
                lathe([(crown * 0.62, 0), (crown * 0.5, 2.0), (crown * 0.04, height * 0.42)], 8)
                .turned("y", 22.5)
                .moved(y=height + 2.0),
                *(
                    pinnacle(size * 0.17, size * 1.35).moved(
                        u * crown * 0.55, height + 1.0, v * crown * 0.55
                    )
                    for u in (-1, 1)
                    for v in (-1, 1)
                ),
            ]
            slits = [
                archway(1.5, 5.0, 0.4, 0.9, 1.1, count(5, detail, 3)).moved(
                    0, height * t, size * (0.5 - 0.13 * t)
                )
                for t in (0.31, 0.51, 0.71, 0.9)
            ]
            pieces.append(joined([body, *top, *slits]).moved(side * x, 0.0, -4.0))
    return pieces


def _buttresses(detail: float) -> list[Mesh]:
    """Stepped buttresses against the wall, each carrying a pinnacle and a flyer."""
    pieces = []
    for side in (-1.0, 1.0):
        for i in range(4):
            x = side * (31.2 + 19.5 * i)
            deep = 15.0 if i else 12.0
            pier = buttress(5.0, 40.0, deep, 4).moved(x, 0, 0)
            cap = pinnacle(3.0, 22.0).moved(x, 20.0, deep * 0.62)
            flyer = flying_buttress(
                (-1.0, 49.0), (deep * 0.62, 34.0), 1.6, 1.8, count(10, detail, 5)
            )
            pieces += [pier, cap, flyer.moved(x, 0, 0)] if i else [pier.moved(side * 2.0)]
    return pieces


def _basin(rng: np.random.Generator, detail: float) -> list[Mesh]:
    """The drained dock: floor, stepped altars, paved quays with faced ends, stairs."""
    near, far = 4.0, 68.0
    length, middle = far - near, (far + near) / 2
    pieces = [block(46.0, 0.6, length, 0.1).moved(0, 0.0, middle)]
    for side in (-1.0, 1.0):
        for i in range(5):
            inner = 19.0 + 2.4 * i
            wide = 33.0 - 2.4 * i
            step = block(wide, QUAY / 5 + 0.02, length - 1.2 * i, 0.15)
            pieces.append(step.moved(side * (inner + wide / 2), QUAY / 5 * i, middle - 0.6 * i))
        outer = block(44.0, QUAY, length - 18.0, 0.3)
        pieces.append(outer.moved(side * 73.0, 0.0, middle - 9.0))
        flight = stair(3.0, QUAY, 13.0, 20).turned("y", side * -90.0)
        pieces.append(flight.moved(side * 18.2, 0.6, 56.0))
        for z in np.arange(16.0, far, 10.0):
            bollard = lathe([(0.7, 0), (0.45, 0.5), (0.4, 1.2), (0.75, 1.5), (0.6, 1.9)], 9)
            pieces.append(bollard.moved(side * 31.6, QUAY, z))
        for x in np.arange(33.5, 92.0, 6.5):
            last = far - 6.0 if x < 50.0 else far - 24.0
            for z in np.arange(near + 14.0, last, 6.5):
                slab = block(6.2, 0.5 + rng.uniform(0.0, 0.12), 6.2, 0.1)
                pieces.append(slab.moved(side * x, QUAY - 0.3, z))
        for x in (30.0, 38.0, 46.0):
            pier = buttress(2.6, QUAY + 1.2, 4.0, 3).moved(side * x, 0.0, far - 5.6)
            pieces.append(pier)
        for x in (34.0, 42.0):
            arch = archway(4.6, 4.0, 0.8, 1.6, 1.0, count(6, detail, 3))
            pieces.append(arch.moved(side * x, 0.4, far - 5.4))
        for _ in range(9):
            x, z = rng.uniform(36.0, 52.0), rng.uniform(18.0, 50.0)
            size = rng.uniform(1.2, 2.8, 3)
            crate = block(size[0], size[1], size[2], 0.1).turned("y", rng.uniform(0, 90))
            pieces.append(crate.moved(side * x, QUAY + 0.2, z))
    pieces.append(block(GATE + 10.0, 1.4, 5.0, 0.2).moved(0, 0.0, 6.5))
    for x in np.arange(-24.0, 25.0, 6.0):
        pile = lathe([(0.55, 0.0), (0.5, 7.0), (0.62, 7.2), (0.3, 8.0)], 8)
        pieces.append(pile.moved(x + rng.uniform(-0.5, 0.5), 0.0, far + 5.0 + rng.uniform(-1, 1)))
    return pieces


def _blocks(rng: np.random.Generator) -> list[Mesh]:
    """Keel blocks in a line down the floor, and bilge blocks beside them."""
    pieces = []
    for z in np.arange(14.0, 64.0, 4.2):
        pieces.append(block(2.4, 1.6, 1.6, 0.08).moved(rng.uniform(-0.06, 0.06), 0.6, z))
        if int(z) % 3 == 0:
            pieces += [
                frustum((1.6, 2.0), (0.8, 1.4), 2.6).moved(side * 7.5, 0.6, z)
                for side in (-1.0, 1.0)
            ]
    return pieces


def _gantry(detail: float) -> list[Mesh]:
    """A crane on the left quay: lattice tower, jib over the dock, counterweight, hook."""
    pieces = []
    tall, z = 34.0, 40.0
    for u in (-1.0, 1.0):
        pieces += [
            cable([(u * 3.2, 0, v * 3.2), (u * 1.6, tall, v * 1.6)], 0.42, 6) for v in (-1.0, 1.0)
        ]
    for i in range(7):
        y0, y1 = tall * i / 7, tall * (i + 1) / 7
        w0, w1 = 3.2 - 1.6 * i / 7, 3.2 - 1.6 * (i + 1) / 7
        for k in range(4):
            brace = joined(
                [
                    cable([(-w0, y0, w0), (w1, y1, w1)], 0.2, 5),
                    cable([(w0, y0, w0), (-w1, y1, w1)], 0.2, 5),
                    cable([(-w1, y1, w1), (w1, y1, w1)], 0.24, 5),
                ]
            )
            pieces.append(brace.turned("y", 90.0 * k))
    pieces.append(lathe([(2.4, tall), (2.8, tall + 0.6), (2.8, tall + 1.4), (1.8, tall + 2)], 14))
    jib = []
    for i in range(11):
        x0, x1 = -10.0 + 4.0 * i, -6.0 + 4.0 * i
        for v in (-1.2, 1.2):
            jib += [
                cable([(x0, 0, v), (x1, 0, v)], 0.26, 5),
                cable([(x0, 0, v), (x1, 2.6 - 0.045 * x1, v)], 0.15, 4),
                cable([(x0, 2.6 - 0.045 * x0, v), (x1, 2.6 - 0.045 * x1, v)], 0.22, 5),
            ]
        jib.append(cable([(x1, 0, -1.2), (x1, 0, 1.2)], 0.16, 4))
    jib.append(block(5.0, 4.0, 4.0, 0.3).moved(-9.0, -1.6, 0))
    jib.append(block(4.2, 3.2, 3.4, 0.3).moved(1.0, -3.4, 2.6))
    mast = [
        cable([(0, 0, 0), (0, 8.0, 0)], 0.4, 6),
        cable([(0, 8.0, 0), (32.0, 1.2, 0)], 0.12, 4),
        cable([(0, 8.0, 0), (-10.0, 2.4, 0)], 0.12, 4),
    ]
    pieces.append(joined([*jib, *mast]).turned("y", 16.0).moved(y=tall + 2.0))
    fall = cable([(0, 0, 0), (0, -22.0, 0)], 0.1, 4)
    hook = cable(
        curve(
            [
                (0, -22.0, 0),
                (0, -24.0, 0),
                (1.0, -25.2, 0),
                (0.1, -26.6, 0),
                (-1.1, -25.9, 0),
                (-1.2, -25.0, 0),
            ],
            16,
        ),
        np.linspace(0.34, 0.1, 16),
        6,
    )
    pieces.append(
        joined([fall, hook]).moved(
            26.0 * np.cos(np.radians(16)), tall + 2.0, -26.0 * np.sin(np.radians(16))
        )
    )
    return [joined(pieces).moved(-36.0, QUAY, z)]


def _chains(detail: float) -> list[Mesh]:
    """Two slack chains from the towers to the leaves and one across the mouth of the dock."""
    link = sweep(
        np.array(
            [
                (0.62 * np.cos(a), 1.05 * np.sin(a), 0)
                for a in np.linspace(0, 2 * np.pi, 12, endpoint=False)
            ]
        ),
        circle(0.2, 5),
        closed=True,
    )
    pieces = []
    for side in (-1.0, 1.0):
        line = curve(
            [
                (side * 25.5, 44.0, 5.0),
                (side * 21.0, 31.0, 11.0),
                (side * 15.0, 24.0, 7.0),
                (side * 9.0, 22.0, -4.0),
            ],
            26,
        )
        ahead = np.gradient(line, axis=0)
        pieces += [
            planted(link.turned("y", 90.0 * (i % 2)), place, way)
            for i, (place, way) in enumerate(zip(line, ahead, strict=True))
        ]
    line = curve(
        [
            (-30.0, QUAY + 1.0, 62.0),
            (-12.0, 6.0, 63.0),
            (0, 4.0, 63.0),
            (12.0, 6.0, 63.0),
            (30.0, QUAY + 1.0, 62.0),
        ],
        40,
    )
    pieces += [
        planted(link.turned("y", 90.0 * (i % 2)), place, way)
        for i, (place, way) in enumerate(zip(line, np.gradient(line, axis=0), strict=True))
    ]
    return pieces


def _lamps() -> list[Mesh]:
    """Lamps on the quays and beside the gate."""
    lamp = lathe([(0.15, 0), (0.5, 0.4), (0.5, 1.3), (0.1, 1.7)], 6)
    places = [(side * 31.0, QUAY + 5.0, z) for side in (-1, 1) for z in (22.0, 46.0, 70.0)]
    places += [(side * 23.2, 17.0, 9.0) for side in (-1, 1)]
    return [
        along(lamp, np.array(places, dtype=float)),
        *(lamp.scaled(0.8).moved(x, 60.0, 3.8) for x in (-30.5, 30.5)),
    ]


SUBJECT = Subject(
    name="seawall-gate",
    title="The seawall gate",
    domain="environments",
    description=(
        "A pointed gate of five orders in a battered seawall, its bronze leaves ajar over a "
        "drained dock with keel blocks, a crane and slack chains; two figures give the scale."
    ),
    identity_marks=("gate arch", "buttressed seawall", "dry-dock"),
    environment="storm-at-the-seawall",
    height=(90.0, 125.0),
    view=View(azimuth=-16.0, elevation=5.0, focal_length=35.0, aspect=1.6),
    sculptor=sculpt,
)
