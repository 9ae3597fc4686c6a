"""Hardware that labours: the walker and the breathing engine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gm_assets.world.sdf.meshing import Mesh, joined, mesh_of, with_mirror
from gm_assets.world.sdf.solid import Solid, blend, box, ellipsoid, sphere, tube, union
from gm_assets.world.subjects.anatomy import horn, limb
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
    rose,
    tiny_figure,
)
from gm_assets.world.subjects.model import Assembly, Subject, View

Array = NDArray[np.float64]


def walker(seed: int, detail: float) -> Assembly:
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
    made.add("lamps", "light", "glow",
             *(mesh_of(sphere(0.26), 0.09 / detail).moved(x, 13.1, 8.35) for x in (-0.72, 0.72)))  # fmt: skip
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
        *(blend(sphere(1.25).moved(2.35, 14.5, z),
                tube([(2.0, 14.5, z), (3.5, 14.75, z * 1.04)], [0.95, 0.8]), radius=0.4)
          for z in (3.3, -3.7))
    ).mirrored()  # fmt: skip
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
        path = curve([(0.15, 17.4, z), (w * 0.62, 16.75, z + 0.1), (w * 1.02, 15.2, z + 0.2),
                      (w * 0.98, 13.6, z + 0.3), (w * 0.55, 12.2, z + 0.5), (0.25, 11.75, z + 0.7)], number)  # fmt: skip
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
        *(horn([(x, 14.0, 7.4), (x * 1.5, 14.9 + 0.2 * x, 7.0), (x * 1.7, 16.0 - 0.35 * x, 7.2)], 0.2, 0.03, rings=6, steps=16)
          for x in (0.3, 0.75, 1.15))
    ).mirrored()  # fmt: skip
    slots = union(
        *(box(0.9, 0.09, 0.8).moved(0, 12.35 - 0.2 * i, 9.85 + 0.1 * i) for i in range(4))
    )
    return union(blend(body, jaw, radius=0.15) - slots, tines)


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
        *(tube([p + [0, 0, -0.85], p + [0, 0, 0.85]], r) for p, r in ((knee, 0.82), (ankle, 0.62), (hip, 0.95)))
    )  # fmt: skip
    caps = union(
        *(tube([p + [0, 0, s * 0.8], p + [0, 0, s * 1.02]], r * 0.55)
          for p, r in ((knee, 0.82), (ankle, 0.62)) for s in (-1, 1))
    )  # fmt: skip
    spur = horn(
        [knee + [side * 0.2, 0.4, 0], knee + [side * 0.9, 1.6, 0], knee + [side * 1.0, 3.0, 0]],
        0.42,
        0.04,
        rings=7,
        steps=16,
    )
    pad = ellipsoid(1.35, 0.55, 1.35).moved(*(foot - [0, 0.1, 0]))
    solid = union(blend(thigh, shin, bulge, lower, spur, pad, radius=0.35), joints, caps)
    leg = mesh_of(solid, 0.085 / detail)
    rods = []
    for offset in (-0.5, 0.5):
        shift = np.array([-side * 0.95, -0.2, offset])
        rods.append(cable([hip + [0, -0.9, offset], knee * 0.75 + hip * 0.25 + shift], 0.2, 8))
        rods.append(cable([knee * 0.75 + hip * 0.25 + shift, knee * 0.95 + shift * 0.8], 0.13, 8))
        rods.append(
            cable([knee * 0.86 + ankle * 0.14 + shift, knee * 0.45 + ankle * 0.55 + shift], 0.24, 8)
        )
        rods.append(cable([knee * 0.45 + ankle * 0.55 + shift, ankle + shift * 0.4], 0.14, 8))
    hose = curve([hip + [0, 0.8, 0.6], (hip + knee) / 2 + [0, 1.7, 0.9], knee + [0, 0.9, 1.0],
                  (knee + ankle) / 2 + [side * 1.2, 0, 0.8], ankle + [0, 0.4, 0.6]], count(60, detail, 18))  # fmt: skip
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
    rings = [plated_ring(r, circle(0.1, 5), 16) for r in (0.72, 0.7, 0.74)]
    down = foot - ankle
    for ring, t in zip(rings, (0.35, 0.55, 0.75), strict=True):
        claws.append(planted(ring, ankle + down * t, down))
    return leg, joined(rods), joined(claws)


def _chapel(detail: float) -> list[Mesh]:
    """The pilot house on the back: a small gothic box with pinnacles, a stair and two stacks."""
    steps = count(6, detail, 3)
    pieces = [block(3.0, 2.4, 3.4, 0.12).moved(0, 16.6, -2.6)]
    roof = prism([np.array([(-1.75, 0.0), (1.75, 0.0), (0.0, 2.4)])], 3.7).moved(0, 19.0, -2.6)
    pieces.append(roof)
    for z in (-4.3, -0.9):
        for x in (-1.5, 1.5):
            pieces.append(pinnacle(0.5, 3.6).moved(x, 18.6, z))
    for x in (-0.75, 0.75):
        pieces.append(archway(0.8, 0.8, 0.14, 0.3, 1.0, steps).moved(x, 17.1, -0.85))
    pieces.append(rose(0.42, 0.16, 6).moved(0, 19.9, -0.75))
    for z in (-3.7, -2.6, -1.5):
        for side in (1.0, -1.0):
            pieces.append(
                archway(0.6, 0.9, 0.12, 0.3, 1.0, steps)
                .turned("y", side * 90.0)
                .moved(side * 1.5, 17.0, z)
            )
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


def breathing_engine(seed: int, detail: float) -> Assembly:
    """Two upright bellows in a cage of ribs, driven by a beam and a flywheel, under a spired hood."""
    rng = np.random.default_rng([seed, 14])
    made = Assembly()
    bellows = []
    for side, breath in ((1.0, 1.0), (-1.0, 0.72)):
        bellows.append(_bellows(breath, seed, detail).moved(side * 2.55, 1.5, 0.0))
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
        path = curve([(0.25, y + 0.9, -2.5), (reach * 0.62, y + 1.15, -2.35), (reach, y + 0.75, -0.6),
                      (reach * 0.96, y + 0.1, 1.1), (reach * 0.66, y - 0.42, 2.3), (0.95, y - 0.62, 2.75 - 0.05 * i)], number)  # fmt: skip
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
            tube([(0.3, y + 0.1, -2.8), (1.25, y + 0.45, -3.1)], [0.26, 0.12]).mirrored(), radius=0.25,
        )  # fmt: skip
        pieces.append(body)
    core = tube([(0, 1.2, -2.75), (0, 12.6, -2.75)], 0.36)
    return blend(core, union(*pieces), radius=0.15)


def _beam_engine(detail: float) -> list[Mesh]:
    """The rocking beam over both bellows, its trunnion frame and the connecting rod."""
    outline = curve([(-3.6, -0.25), (-1.8, -0.62), (0, -0.8), (1.8, -0.62), (3.6, -0.25), (3.75, 0.0), (3.6, 0.25),
                     (1.8, 0.55), (0, 0.72), (-1.8, 0.55), (-3.6, 0.25), (-3.75, 0.0)], 48)  # fmt: skip
    holes = [circle(0.26, 14) + [x, -0.03] for x in (-2.3, -1.3, 1.3, 2.3)]
    beam = prism([outline, *holes], 0.42)
    ends = [cable([(x, 0, -0.4), (x, 0, 0.4)], 0.34, 14) for x in (-3.3, 0.0, 3.3)]
    rocking = joined([beam, *ends]).scaled(0.8, 1.0, 1.0).turned("z", -12.0).moved(0, 11.1, 0)
    frame = []
    for z in (-0.75, 0.75):
        for x in (-1.0, 1.0):
            frame.append(
                sweep(
                    curve([(x * 1.1, 1.1, z * 2.0), (x * 0.75, 6.0, z * 1.4), (0, 11.1, z)], 12),
                    circle(0.2, 6),
                )
            )
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
    spoke = sweep(curve([(0, 0, 0.4), (0.35, 0, 1.3), (0.2, 0, 2.1), (0, 0, 2.7)], 12), circle(1.0, 6) * [1.0, 0.6],
                  scale=np.linspace(0.22, 0.13, 12))  # fmt: skip
    teeth = block(0.16, 0.3, 0.2).moved(0, -0.15, 3.02)
    return joined([rim, hub, around(spoke, 8), around(teeth, 48)]).turned("x", 90.0)


def _pipes(rng: np.random.Generator, detail: float) -> list[Mesh]:
    """Wind trunks from the bellows to the hood, gauges, and a rank of organ pipes at each flank."""
    pieces = []
    number = count(26, detail, 10)
    for side in (1.0, -1.0):
        trunk = curve([(side * 2.55, 1.6, 1.9), (side * 2.3, 1.7, 3.2), (side * 1.1, 2.2, 3.35), (side * 0.9, 4.5, 3.05),
                       (side * 0.7, 8.5, 2.6), (side * 0.75, 12.4, 1.2)], number)  # fmt: skip
        pieces.append(cable(trunk, 0.3, count(14, detail, 8)))
        for t in (0.3, 0.45, 0.6, 0.75, 0.9):
            at = int(t * (number - 1))
            collar = lathe([(0.3, -0.1), (0.4, -0.1), (0.4, 0.1), (0.3, 0.1)], count(14, detail, 8))
            pieces.append(planted(collar, trunk[at], trunk[at + 1] - trunk[at]))
        for k in range(7):
            height = 5.2 + 4.2 * np.sin((k + 1) / 8 * np.pi) + rng.uniform(-0.2, 0.2)
            pipe = lathe([(0.05, 0.0), (0.2, 0.7), (0.2, height), (0.24, height), (0.24, height + 0.1), (0.2, height + 0.1)],
                         count(10, detail, 6))  # fmt: skip
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
        [[(-1.0, 1.2, 2.45), (1.0, 1.2, 2.45), (1.0, 1.2, 0.6), (-1.0, 1.2, 0.6)],
         [(-0.7, 4.0, 2.2), (0.7, 4.0, 2.2), (0.7, 4.0, 0.6), (-0.7, 4.0, 0.6)]]
    )  # fmt: skip
    pieces.append(box_body)
    return pieces


SUBJECTS: tuple[Subject, ...] = (
    Subject(
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
        view=View(azimuth=38.0, elevation=3.0, focal_length=50.0, aspect=1.0),
        sculptor=walker,
    ),
    Subject(
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
        sculptor=breathing_engine,
    ),
)
