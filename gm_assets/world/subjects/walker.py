"""The walker: a ribbed hull with a bowed head on four jointed legs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gm_assets.world.sdf.meshing import Mesh, joined, mesh_of, with_mirror
from gm_assets.world.sdf.solid import Solid, blend, box, ellipsoid, sphere, tube, union
from gm_assets.world.subjects.anatomy import horn, limb
from gm_assets.world.subjects.forms import (
    block,
    cable,
    circle,
    curve,
    lathe,
    planted,
    prism,
    sweep,
)
from gm_assets.world.subjects.kit import (
    archway,
    count,
    fluted_column,
    pinnacle,
    plated_ring,
    rose,
)
from gm_assets.world.subjects.model import Assembly, Subject, View

Array = NDArray[np.float64]


def sculpt(seed: int, detail: float) -> Assembly:
    """Four jointed legs carry a ribbed hull with a bowed head, 21 m above the ice."""
    rng = np.random.default_rng([seed, 13])
    made = Assembly()
    made.add("hull", "machine", "cast-iron", mesh_of(_carapace(), 0.085 / detail))
    made.add("hull-ribs", "machine", "bone", *_hull_ribs(detail))
    made.add("head", "machine", "oxidised-bronze", mesh_of(_walker_head(), 0.05 / detail))
    legs, pistons, claws = [], [], []
    for side, fore, stride in ((1, 1, 1.9), (-1, 1, -0.6), (1, -1, 0.3), (-1, -1, -2.2)):
        leg, piston, claw = _leg(side, fore, stride + rng.uniform(-0.25, 0.25), detail)
        legs.append(leg)
        pistons.append(piston)
        claws.append(claw)
    made.add("legs", "machine", "cast-iron", *legs)
    made.add("pistons", "machine", "tarnished-silver", *pistons)
    made.add("claws", "machine", "oxidised-bronze", *claws)
    made.add("chapel", "machine", "oxidised-bronze", *_chapel(detail))
    made.add(
        "lamps",
        "light",
        "glow",
        *(mesh_of(sphere(0.26), 0.09 / detail).moved(x, 13.1, 8.35) for x in (-0.72, 0.72)),
    )
    chains = []
    for x, z, drop in ((1.2, 1.5, 4.5), (-1.4, 0.2, 5.6), (0.6, -3.0, 3.8), (-0.8, 4.2, 3.2)):
        link = plated_ring(0.16, circle(0.05, 4), 8).scaled(0.7, 1.0, 1.3).turned("x", 90.0)
        steps = int(drop / 0.34)
        chains += [
            link.turned("y", 90.0 * (i % 2)).moved(x, 12.4 - 0.34 * i, z) for i in range(steps)
        ]
        chains.append(_load(0.5).moved(x, 12.2 - drop, z))
    made.add("chains", "machine", "cast-iron", *chains)
    return made


def _load(size: float) -> Mesh:
    hook = curve(
        [
            (0, 0.4, 0),
            (0, -0.5, 0),
            (0.5, -1.0, 0),
            (0.1, -1.5, 0),
            (-0.5, -1.2, 0),
            (-0.55, -0.8, 0),
        ],
        14,
    )
    return cable(hook * size, np.linspace(0.17, 0.05, 14) * size, 6)


def _carapace() -> Solid:
    """A long hull like a beetle's back, keeled above and hollow-flanked."""
    back = ellipsoid(3.1, 2.35, 6.4).moved(0, 14.6, -0.6)
    belly = ellipsoid(2.3, 1.5, 5.2).moved(0, 13.4, -0.4)
    neck = limb([(0, 14.4, 4.6), (0, 14.3, 6.4), (0, 13.6, 7.6)], [1.5, 1.15, 0.95])
    tail = limb(
        [(0, 14.6, -6.0), (0, 15.2, -8.2), (0, 16.7, -9.8), (0, 18.6, -10.3)],
        [1.5, 0.95, 0.5, 0.08],
    )
    body = blend(back, belly, neck, tail, radius=1.1)
    body = body.carved(ellipsoid(1.5, 1.15, 4.6).moved(3.3, 14.2, -0.4).mirrored(), 0.5)
    keel = limb(
        [(0, 16.6, 4.4), (0, 17.25, 1.0), (0, 17.3, -2.4), (0, 16.4, -6.2)], [0.3, 0.42, 0.42, 0.25]
    )
    sockets = union(
        *(
            blend(
                sphere(1.25).moved(2.35, 14.5, z),
                tube([(2.0, 14.5, z), (3.5, 14.75, z * 1.04)], [0.95, 0.8]),
                radius=0.4,
            )
            for z in (3.3, -3.7)
        )
    ).mirrored()
    seams = union(*(box(9.0, 9.0, 0.14).moved(0, 14.5, z) for z in (1.9, -1.0, -2.4, -5.2)))
    body = blend(body, keel, radius=0.5)
    groove = (seams & body.grown(0.3)).carved(body.grown(-0.12), 0.02)
    return blend(body - groove, sockets, radius=0.4)


def _hull_ribs(detail: float) -> list[Mesh]:
    """Ribs from the keel down round the flanks, closing under the belly, and the dorsal thorns."""
    pieces = []
    number = count(26, detail, 10)
    for i, z in enumerate((2.6, 1.2, -0.3, -1.7, -4.6, -5.8)):
        w = 3.25 * np.sqrt(max(0.05, 1 - ((z + 0.6) / 6.8) ** 2))
        path = curve(
            [
                (0.15, 17.4, z),
                (w * 0.62, 16.75, z + 0.1),
                (w * 1.02, 15.2, z + 0.2),
                (w * 0.98, 13.6, z + 0.3),
                (w * 0.55, 12.2, z + 0.5),
                (0.25, 11.75, z + 0.7),
            ],
            number,
        )
        size = 0.24 * (0.75 + 0.45 * np.sin(np.linspace(0.3, 2.7, number)))
        rib = sweep(path, circle(1.0, 8) * [1.0, 0.72], scale=size, up=(0, 0, 1))
        pieces.append(with_mirror(rib))
        thorn = lathe([(0.34, -0.3), (0.26, 0.5), (0.02, 2.5 - 0.2 * abs(i - 2))], 7).turned(
            "x", -26.0
        )
        pieces.append(thorn.moved(0, 17.35 - 0.06 * (z + 1) ** 2 * 0.3, z))
    sternum = curve([(0, 12.2, 4.2), (0, 11.75, 2.2), (0, 11.55, -1.4), (0, 11.9, -5.0)], number)
    pieces.append(cable(sternum, 0.3, 8))
    return pieces


def _walker_head() -> Solid:
    """A bowed skull of bronze: brow plate, two lamp sockets, mandibles, a crown of tines."""
    skull = ellipsoid(1.15, 0.95, 1.5).moved(0, 13.25, 7.7)
    snout = limb([(0, 13.0, 8.4), (0, 12.4, 9.5), (0, 11.5, 10.1)], [0.85, 0.58, 0.2])
    brow = limb(
        [(0, 14.05, 8.7), (0.8, 13.85, 8.6), (1.3, 13.25, 7.9), (1.35, 12.6, 7.0)],
        [0.2, 0.26, 0.22, 0.12],
    ).mirrored()
    body = blend(skull, snout, brow, radius=0.4)
    body = body.carved(ellipsoid(0.42, 0.36, 0.6).moved(0.72, 13.1, 8.9).mirrored(), 0.16)
    jaw = horn(
        [(0.85, 12.6, 7.8), (1.05, 11.9, 8.7), (0.75, 11.2, 9.5), (0.3, 10.9, 9.9)],
        0.3,
        0.05,
        rings=7,
        steps=24,
    ).mirrored()
    tines = union(
        *(
            horn(
                [(x, 14.0, 7.4), (x * 1.5, 14.9 + 0.2 * x, 7.0), (x * 1.7, 16.0 - 0.35 * x, 7.2)],
                0.2,
                0.03,
                rings=6,
                steps=16,
            )
            for x in (0.3, 0.75, 1.15)
        )
    ).mirrored()
    slots = union(
        *(box(0.9, 0.09, 0.8).moved(0, 12.35 - 0.2 * i, 9.85 + 0.1 * i) for i in range(4))
    )
    return union(blend(body, jaw, radius=0.15) - slots, tines)


def _shift(x: float, y: float, z: float) -> Array:
    """An offset in metres."""
    return np.array([x, y, z])


def _leg(side: int, fore: int, stride: float, detail: float) -> tuple[Mesh, Mesh, Mesh]:
    """One leg: thigh up and out, shin down to the ground, ribbed foot: (leg, pistons, claws)."""
    z = 3.45 if fore > 0 else -3.85
    hip = np.array([side * 3.4, 14.7, z])
    knee = np.array([side * 7.0, 18.4, z + fore * 2.4 + stride * 0.5])
    ankle = np.array([side * 8.1, 5.6, z + fore * 3.6 + stride])
    foot = np.array([side * 8.9, 0.5, z + fore * 4.0 + stride])
    thigh = limb([hip, hip * 0.45 + knee * 0.55 + [0, 0.4, 0], knee], [0.85, 0.95, 0.62])
    bulge = limb(
        [knee * 0.85 + ankle * 0.15, knee * 0.65 + ankle * 0.35 + [side * 0.3, 0, 0], ankle],
        [0.72, 0.84, 0.46],
    )
    shin = limb([knee, knee * 0.5 + ankle * 0.5, ankle], [0.66, 0.6, 0.42])
    lower = limb([ankle, ankle * 0.4 + foot * 0.6, foot], [0.5, 0.62, 0.72])
    joints = union(
        *(
            tube([p - _shift(0, 0, 0.85), p + _shift(0, 0, 0.85)], r)
            for p, r in ((knee, 0.82), (ankle, 0.62), (hip, 0.95))
        )
    )
    caps = union(
        *(
            tube([p + _shift(0, 0, s * 0.8), p + _shift(0, 0, s * 1.02)], r * 0.55)
            for p, r in ((knee, 0.82), (ankle, 0.62))
            for s in (-1, 1)
        )
    )
    spur = horn(
        [
            knee + _shift(side * 0.2, 0.4, 0),
            knee + _shift(side * 0.9, 1.6, 0),
            knee + _shift(side * 1.0, 3.0, 0),
        ],
        0.42,
        0.04,
        rings=7,
        steps=16,
    )
    pad = ellipsoid(1.35, 0.55, 1.35).moved(*(foot - _shift(0, 0.1, 0)))
    solid = union(blend(thigh, shin, bulge, lower, spur, pad, radius=0.35), joints, caps)
    leg = mesh_of(solid, 0.085 / detail)
    rods = []
    for offset in (-0.5, 0.5):
        shift = np.array([-side * 0.95, -0.2, offset])
        rods.append(
            cable([hip + _shift(0, -0.9, offset), knee * 0.75 + hip * 0.25 + shift], 0.2, 8)
        )
        rods.append(cable([knee * 0.75 + hip * 0.25 + shift, knee * 0.95 + shift * 0.8], 0.13, 8))
        rods.append(
            cable([knee * 0.86 + ankle * 0.14 + shift, knee * 0.45 + ankle * 0.55 + shift], 0.24, 8)
        )
        rods.append(cable([knee * 0.45 + ankle * 0.55 + shift, ankle + shift * 0.4], 0.14, 8))
    hose = curve(
        [
            hip + _shift(0, 0.8, 0.6),
            (hip + knee) / 2 + [0, 1.7, 0.9],
            knee + _shift(0, 0.9, 1.0),
            (knee + ankle) / 2 + [side * 1.2, 0, 0.8],
            ankle + _shift(0, 0.4, 0.6),
        ],
        count(60, detail, 18),
    )
    rods.append(cable(hose, 0.14 + 0.03 * np.sin(np.linspace(0, 160, len(hose))), 7))
    claws = []
    for k in range(5):
        a = np.radians(72.0 * k + (0 if side > 0 else 36))
        out = np.array([np.sin(a), 0.0, np.cos(a)])
        path = curve(
            [
                foot + out * 0.9 + [0, 0.1, 0],
                foot + out * 1.7 + [0, 0.25, 0],
                foot + out * 2.3 - [0, 0.46, 0],
            ],
            9,
        )
        claws.append(cable(path, np.linspace(0.36, 0.05, 9), 7))
    for start, end, girths in (
        (ankle, foot, ((0.35, 0.72), (0.55, 0.7), (0.75, 0.74))),
        (knee, ankle, ((0.16, 0.8), (0.22, 0.86), (0.44, 0.88), (0.5, 0.86), (0.78, 0.66))),
        (hip, knee, ((0.34, 1.0), (0.42, 1.02), (0.68, 0.9))),
    ):
        for way, girth in girths:
            ring = plated_ring(girth, circle(0.1, 5), count(18, detail, 10))
            claws.append(planted(ring, start + (end - start) * way, end - start))
    return leg, joined(rods), joined(claws)


def _chapel(detail: float) -> list[Mesh]:
    """The pilot house on the back: a small gothic box with pinnacles, a stair and two stacks."""
    steps = count(6, detail, 3)
    pieces = [block(3.0, 2.4, 3.4, 0.12).moved(0, 16.6, -2.6)]
    roof = prism([np.array([(-1.75, 0.0), (1.75, 0.0), (0.0, 2.4)])], 3.7).moved(0, 19.0, -2.6)
    pieces.append(roof)
    for z in (-4.3, -0.9):
        pieces += [pinnacle(0.5, 3.6).moved(x, 18.6, z) for x in (-1.5, 1.5)]
    pieces += [
        archway(0.8, 0.8, 0.14, 0.3, 1.0, steps).moved(x, 17.1, -0.85) for x in (-0.75, 0.75)
    ]
    pieces.append(rose(0.42, 0.16, 6).moved(0, 19.9, -0.75))
    for z in (-3.7, -2.6, -1.5):
        pieces += [
            archway(0.6, 0.9, 0.12, 0.3, 1.0, steps)
            .turned("y", side * 90.0)
            .moved(side * 1.5, 17.0, z)
            for side in (1.0, -1.0)
        ]
    for x in (-0.9, 0.9):
        stack = fluted_column(0.34, 4.6, 8, depth=0.15, taper=0.8, segments=4).turned("x", -14.0)
        pieces.append(stack.moved(x, 16.4, -5.0))
        pieces.append(
            lathe([(0.3, 0), (0.5, 0.3), (0.5, 0.5), (0.36, 0.6)], 10)
            .turned("x", -14.0)
            .moved(x, 20.6, -6.1)
        )
    pieces.append(lathe([(0.08, 0), (0.05, 2.4), (0.01, 3.4)], 6).moved(0, 21.2, -2.6))
    return pieces


SUBJECT = Subject(
    name="walker",
    title="The walker",
    domain="hardware",
    description=(
        "A ribbed hull with a bowed bronze head stands on four jointed legs, a chapel for its "
        "crew on its back, chains hanging from its belly."
    ),
    identity_marks=("leg stance", "ribbed hull", "bowed head"),
    environment="ash-plain",
    height=(20.0, 26.0),
    view=View(azimuth=20.0, elevation=2.0, focal_length=60.0, aspect=1.0),
    sculptor=sculpt,
)
