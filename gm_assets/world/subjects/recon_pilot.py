"""The recon pilot: visored helmet, stencilled shoulder, harness over a long coat."""

from __future__ import annotations

import numpy as np

from gm_assets.world.sdf.meshing import Mesh, joined, mesh_of
from gm_assets.world.sdf.solid import Solid, blend, box, ellipsoid, sphere, tube, union
from gm_assets.world.subjects.anatomy import (
    Fold,
    Section,
    boot,
    flipped,
    folds,
    hand,
    hanging,
    head,
    on_body,
    sleeve,
)
from gm_assets.world.subjects.forms import block, cable, circle, curve, planted, sheet, sweep
from gm_assets.world.subjects.kit import count, plated_ring, rivet
from gm_assets.world.subjects.model import Assembly, Subject, View
from gm_assets.world.subjects.stencil import stencil

#: The dressed trunk, from the hips to the collar; straps are laid on it.
TRUNK = (
    Section(0.92, 0.205, 0.165, 0.0, -0.005),
    Section(1.08, 0.178, 0.14, 0.0, 0.0),
    Section(1.25, 0.198, 0.155, 0.0, 0.005),
    Section(1.4, 0.215, 0.155, 0.0, 0.0),
    Section(1.5, 0.19, 0.125, 0.0, -0.012),
    Section(1.57, 0.105, 0.095, 0.0, -0.012),
)


def sculpt(seed: int, detail: float) -> Assembly:
    """Boots and trousers, coat, sleeves and gloves, helmet, shoulder plates, harness and pack."""
    rng = np.random.default_rng([seed, 2])
    made = Assembly()
    made.add("head", "living-body", "skin", mesh_of(head().moved(0, 1.63, 0.075), 0.005 / detail))
    made.add("helmet", "armour", "cast-iron", mesh_of(_helmet(), 0.0036 / detail))
    made.add("visor", "armour", "tarnished-silver", mesh_of(_visor(), 0.003 / detail))
    made.add("coat", "cloth", "waxed-canvas", *_coat(rng, seed, detail))
    made.add("trousers", "cloth", "waxed-canvas", *_trousers(seed, detail))
    made.add("boots", "armour", "cast-iron", *_boots(detail))
    left = hand(26.0, glove=0.003).turned("x", -12.0).turned("z", 3.0).moved(0.318, 0.905, 0.085)
    right = flipped(hand(44.0, glove=0.003)).turned("x", -96.0).turned("y", 38.0).turned("z", -18.0)
    made.add("left-glove", "cloth", "waxed-canvas", mesh_of(left, 0.0034 / detail))
    made.add(
        "right-glove",
        "cloth",
        "waxed-canvas",
        mesh_of(right.moved(-0.19, 1.19, 0.235), 0.0034 / detail),
    )
    made.add("pauldron", "armour", "cast-iron", mesh_of(_pauldrons(), 0.0042 / detail))
    mark = stencil("R-09", 0.062, 0.008).turned("y", 90.0).turned("z", 9.0)
    made.add("shoulder-stencil", "armour", "tarnished-silver", mark.moved(0.366, 1.405, -0.01))
    made.add("harness", "prop", "waxed-canvas", *_harness(detail))
    made.add("buckles", "prop", "oxidised-bronze", *_buckles(detail))
    made.add("pack", "prop", "cast-iron", *_pack(detail))
    made.add("breathing-hose", "prop", "cast-iron", _hose(detail))
    made.add("arm-ribbon", "living-body", "red-cloth", *_ribbon(detail))
    return made


def _helmet() -> Solid:
    shell = ellipsoid(0.128, 0.142, 0.155).moved(0, 0.015, -0.012)
    shell = blend(shell, ellipsoid(0.1, 0.08, 0.11).moved(0, -0.075, -0.012), radius=0.06)
    face = box(0.17, 0.21, 0.2, 0.05).moved(0, -0.045, 0.155)
    shell = shell.carved(face, 0.012)
    crest = tube(
        [(0, 0.115, 0.1), (0, 0.165, 0.03), (0, 0.165, -0.06), (0, 0.11, -0.14), (0, 0.0, -0.172)],
        [0.01, 0.017, 0.02, 0.016, 0.012],
    )
    side = tube(
        [(0.06, 0.12, 0.09), (0.078, 0.14, 0.0), (0.066, 0.1, -0.11), (0.05, 0.0, -0.15)], 0.008
    ).mirrored()
    brow = tube(
        [(0, 0.092, 0.135), (0.07, 0.085, 0.11), (0.118, 0.05, 0.03), (0.125, -0.02, 0.0)],
        [0.014, 0.014, 0.012, 0.01],
    ).mirrored()
    cup = blend(
        ellipsoid(0.024, 0.058, 0.052).moved(0.125, -0.03, -0.01),
        tube([(0.14, -0.03, -0.01), (0.158, -0.03, -0.01)], 0.026),
        radius=0.012,
    )
    cup = (cup - tube([(0.15, -0.03, -0.01), (0.18, -0.03, -0.01)], 0.016)).mirrored()
    antenna = tube(
        [(-0.135, 0.0, -0.03), (-0.15, 0.2, -0.055), (-0.15, 0.3, -0.07)], [0.011, 0.006, 0.003]
    )
    guard = tube(
        [(0.0, -0.115, -0.12), (0.09, -0.12, -0.07), (0.105, -0.125, 0.03)], [0.016, 0.016, 0.012]
    ).mirrored()
    mask = blend(
        ellipsoid(0.056, 0.058, 0.06).moved(0, -0.095, 0.098),
        tube([(0, -0.105, 0.12), (0, -0.118, 0.175)], [0.036, 0.03]),
        radius=0.03,
    )
    mask = mask - tube([(0, -0.117, 0.165), (0, -0.13, 0.2)], 0.019)
    filters = tube([(0.05, -0.1, 0.105), (0.095, -0.125, 0.14)], [0.026, 0.029])
    filters = filters - tube([(0.09, -0.122, 0.135), (0.12, -0.14, 0.155)], 0.02)
    vents = union(*(box(0.09, 0.0045, 0.1).moved(0, -0.062 - 0.011 * i, 0.19) for i in range(3)))
    mask = union(mask - vents, filters.mirrored())
    helmet = blend(shell, crest, side, brow, cup, guard, radius=0.01)
    return union(helmet, antenna, mask).moved(0, 1.735, 0.0)


def _visor() -> Solid:
    """A single curved plate across the eyes, split by a vertical bar."""
    plate = ellipsoid(0.118, 0.118, 0.152).moved(0, 0.006, 0.004)
    plate = plate & box(0.215, 0.088, 0.3, 0.012).moved(0, 0.03, 0.14)
    rim = tube([(0, -0.02, 0.153), (0.055, -0.016, 0.136), (0.1, -0.005, 0.075)], 0.009).mirrored()
    bar = tube([(0, 0.075, 0.133), (0, 0.03, 0.158), (0, -0.02, 0.153)], 0.0085)
    return blend(plate, rim, bar, radius=0.006).moved(0, 1.735, 0.0)


def _coat(rng: np.random.Generator, seed: int, detail: float) -> list[Mesh]:
    segments = count(240, detail, 48)
    skirt = hanging(
        [
            Section(0.36, 0.335, 0.3, 0, -0.055),
            Section(0.6, 0.29, 0.245, 0, -0.035),
            Section(0.85, 0.228, 0.188, 0, -0.012),
            Section(1.02, 0.19, 0.15),
            Section(1.1, 0.176, 0.138),
        ],
        [
            *folds(rng, 17, 1.0, 0.032),
            Fold(20.0, 7.0, 0.05, 0.95, 9.0),
            Fold(-20.0, 7.0, 0.045, 0.95, -9.0),
        ],
        segments=segments,
        rings=count(80, detail, 14),
        seed=seed,
        opening=17.0,
        ragged=0.03,
    )
    trunk = hanging(
        list(TRUNK),
        [Fold(4.0, 5.0, 0.012, 1.45, 4.0), *folds(rng, 13, 1.35, 0.008)],
        segments=segments,
        rings=count(60, detail, 12),
        seed=seed + 1,
        crumple=0.006,
    )
    collar_path = [
        (0.112 * np.sin(a), 1.575 + 0.012 * np.cos(a), -0.018 + 0.108 * np.cos(a))
        for a in np.radians(np.linspace(16.0, 344.0, count(40, detail, 14)))
    ]
    collar = sweep(
        collar_path,
        np.array([(-0.016, -0.05), (0.004, -0.05), (0.012, 0.055), (-0.004, 0.06)]),
    )
    left = sleeve(
        [(0.2, 1.455, -0.01), (0.272, 1.3, -0.02), (0.305, 1.13, -0.012), (0.318, 0.93, 0.075)],
        [0.083, 0.076, 0.066, 0.052],
        segments=count(64, detail, 16),
        rings=count(80, detail, 16),
        seed=seed + 2,
        depth=0.1,
    )
    right = sleeve(
        [
            (-0.2, 1.455, -0.01),
            (-0.285, 1.3, -0.03),
            (-0.305, 1.16, 0.0),
            (-0.26, 1.15, 0.12),
            (-0.2, 1.185, 0.215),
        ],
        [0.083, 0.076, 0.07, 0.06, 0.05],
        segments=count(64, detail, 16),
        rings=count(80, detail, 16),
        seed=seed + 3,
        depth=0.1,
    )
    cuffs = [
        cable([(0.314, 0.975, 0.055), (0.318, 0.915, 0.082)], 0.06, count(20, detail, 10)),
        cable([(-0.235, 1.167, 0.168), (-0.2, 1.187, 0.22)], 0.058, count(20, detail, 10)),
    ]
    return [skirt, trunk, collar, left, right, *cuffs]


def _trousers(seed: int, detail: float) -> list[Mesh]:
    legs = []
    legs += [
        sleeve(
            [
                (side * 0.095, 0.98, 0.0),
                (side * 0.115, 0.75, ahead * 0.7),
                (side * 0.125, 0.52, ahead + 0.015),
                (side * 0.132, 0.3, ahead),
            ],
            [0.105, 0.1, 0.085, 0.085],
            segments=count(56, detail, 16),
            rings=count(70, detail, 14),
            seed=seed + 11 + int(side),
            depth=0.11,
            up=(0, 0, 1),
        )
        for side, ahead in ((1.0, 0.05), (-1.0, -0.04))
    ]
    return legs


def _boots(detail: float) -> list[Mesh]:
    left = boot(0.36, 1.08).turned("y", 13.0).moved(0.135, 0.0, 0.05)
    right = flipped(boot(0.36, 1.08)).turned("y", -16.0).moved(-0.135, 0.0, -0.04)
    straps = []
    for side, ahead, turn in ((1.0, 0.05, 13.0), (-1.0, -0.04, -16.0)):
        for y, radius in ((0.33, 0.07), (0.25, 0.066), (0.17, 0.062)):
            ring = plated_ring(radius, circle(1.0, 6) * [0.005, 0.011], count(24, detail, 10))
            straps.append(ring.turned("y", turn).moved(side * 0.135, y, ahead - 0.012))
            straps.append(
                block(0.03, 0.026, 0.012, 0.003).moved(
                    side * 0.135, y - 0.013, ahead + radius - 0.01
                )
            )
    return [mesh_of(left, 0.005 / detail), mesh_of(right, 0.005 / detail), *straps]


def _pauldrons() -> Solid:
    """Two shoulder caps; the left one is deep and flat-sided to carry the stencil."""
    cap = ellipsoid(0.118, 0.098, 0.125).shell(0.013) - box(0.4, 0.3, 0.4).moved(-0.19, -0.04, 0)
    cap = cap - box(0.4, 0.2, 0.4).moved(0, -0.135, 0)
    rim = tube([(0.085, -0.03, 0.09), (0.118, -0.035, 0.0), (0.085, -0.03, -0.09)], 0.011)
    plate = box(0.012, 0.16, 0.19, 0.006).turned("z", 9.0).moved(0.122, -0.082, -0.005)
    edge = (box(0.02, 0.172, 0.202, 0.008) - box(0.1, 0.146, 0.176, 0.01)).turned("z", 9.0)
    left = union(blend(cap, rim, radius=0.012), plate, edge.moved(0.122, -0.082, -0.005))
    bands = union(
        *(
            ellipsoid(0.112 - 0.006 * i, 0.09, 0.118 - 0.006 * i)
            .shell(0.011)
            .moved(0.01 * i, -0.035 * i, 0)
            for i in range(3)
        )
    )
    lower = bands - box(0.4, 0.5, 0.4).moved(-0.2, -0.04, 0)
    right = flipped(lower - box(0.4, 0.2, 0.4).moved(0, -0.165, 0))
    return union(
        left.turned("z", -6.0).moved(0.235, 1.478, -0.012),
        right.turned("z", 8.0).moved(-0.225, 1.475, -0.012),
    )


def _harness(detail: float) -> list[Mesh]:
    """Shoulder straps, a breast strap, belt, thigh straps, pouches and a map case."""
    number = count(30, detail, 12)
    straps = []
    for side in (1.0, -1.0):
        path, normal = on_body(
            TRUNK,
            [(side * 24, 1.07), (side * 26, 1.22), (side * 32, 1.38), (side * 44, 1.5)],
            0.016,
            number,
        )
        top = np.array([[side * 0.105, 1.565, -0.03], [side * 0.1, 1.53, -0.125]])
        line = curve(np.concatenate([path[::3], top]), number)
        ups = np.concatenate([normal[::3], [[0, 1, 0.1], [0, 0.4, -1]]])
        straps.append(sheet(line, 0.042, 0.007, up=curve(ups, number), across=3))
    breast, out = on_body(TRUNK, [(-58, 1.345), (-20, 1.33), (20, 1.33), (58, 1.345)], 0.02, number)
    straps.append(sheet(breast, 0.04, 0.008, up=out, across=3))
    belt = [
        (0.19 * np.sin(a), 1.075, 0.152 * np.cos(a))
        for a in np.linspace(0, 2 * np.pi, 40, endpoint=False)
    ]
    straps.append(sweep(belt, circle(1.0, 8) * [0.009, 0.028], closed=True))
    for angle, y, size in ((52.0, 1.0, 0.1), (78.0, 0.99, 0.09), (-62.0, 1.0, 0.11)):
        a = np.radians(angle)
        pouch = joined(
            [
                block(size, 0.125, 0.055, 0.012),
                block(size * 1.05, 0.045, 0.064, 0.01).moved(0, 0.085, 0),
            ]
        )
        straps.append(
            pouch.turned("y", angle).moved(0.215 * np.sin(a), y - 0.07, 0.178 * np.cos(a))
        )
    case = block(0.05, 0.25, 0.2, 0.012).turned("x", 12.0)
    straps.append(case.moved(-0.3, 0.66, -0.05))
    strap = curve(
        [(-0.3, 0.9, -0.05), (-0.24, 1.1, 0.12), (-0.04, 1.32, 0.19), (0.12, 1.53, 0.05)], number
    )
    straps.append(
        sheet(
            strap,
            0.03,
            0.006,
            up=curve([(-1, 0, 0.4), (-0.6, 0.2, 1), (0, 0.2, 1), (0.5, 1, 0.4)], number),
            across=3,
        )
    )
    return straps


def _buckles(detail: float) -> list[Mesh]:
    round_plate = joined([plated_ring(0.034, circle(0.008, 6), 24), rivet(0.026, 12)]).turned(
        "x", 90.0
    )
    pieces = [round_plate.moved(0, 1.33, 0.182)]
    frame = joined(
        [
            block(0.052, 0.009, 0.01),
            block(0.052, 0.009, 0.01).moved(y=0.036),
            block(0.009, 0.045, 0.01).moved(x=0.0225),
            block(0.009, 0.045, 0.01).moved(x=-0.0225),
        ]
    )
    pieces.append(frame.scaled(1.4).moved(0, 1.045, 0.158))
    for angle, y in ((25.0, 1.17), (-25.0, 1.17), (30.0, 1.42), (-30.0, 1.42)):
        place, normal = on_body(TRUNK, [(angle, y), (angle, y + 0.001)], 0.026, 2)
        pieces.append(planted(frame.turned("x", -90.0).moved(0, 0, 0.02), place[0], normal[0]))
    hook = curve(
        [(0.0, 0.0, 0), (0.0, -0.05, 0), (0.03, -0.08, 0), (0.055, -0.05, 0)], count(14, detail, 7)
    )
    pieces.append(cable(hook, 0.006, 6).moved(0.165, 1.03, 0.125))
    return pieces


def _pack(detail: float) -> list[Mesh]:
    """A breathing set: a ribbed box between two bottles, with a valve and a rolled canvas."""
    body = box(0.23, 0.34, 0.1, 0.03)
    ribs = union(*(box(0.245, 0.018, 0.112, 0.008).moved(0, -0.12 + 0.06 * i, 0) for i in range(5)))
    bottles = tube([(0.15, -0.15, -0.015), (0.15, 0.17, -0.015)], 0.052).mirrored()
    necks = tube(
        [(0.15, 0.17, -0.015), (0.15, 0.255, -0.015), (0.09, 0.275, 0.0)], 0.018
    ).mirrored()
    valve = blend(
        sphere(0.03).moved(0, 0.265, 0.0),
        tube([(-0.1, 0.275, 0), (0.1, 0.275, 0)], 0.014),
        radius=0.01,
    )
    bands = union(
        *(tube([(0.15, y, -0.015), (0.15, y + 0.018, -0.015)], 0.056) for y in (-0.1, 0.0, 0.1))
    ).mirrored()
    pack = union(blend(body, ribs, radius=0.008), bottles, necks, valve, bands)
    roll = tube([(-0.2, -0.235, -0.01), (0.2, -0.235, -0.01)], 0.062)
    roll = union(
        roll, *(tube([(x, -0.235, -0.01), (x + 0.02, -0.235, -0.01)], 0.067) for x in (-0.12, 0.1))
    )
    return [mesh_of(union(pack, roll).moved(0, 1.3, -0.215), 0.005 / detail)]


def _hose(detail: float) -> Mesh:
    """A corrugated hose from the mask under the left arm to the pack."""
    number = count(120, detail, 30)
    path = curve(
        [
            (0.0, 1.615, 0.19),
            (0.015, 1.53, 0.225),
            (0.085, 1.42, 0.215),
            (0.175, 1.32, 0.14),
            (0.22, 1.26, -0.02),
            (0.17, 1.3, -0.17),
        ],
        number,
    )
    waves = 0.018 + 0.0032 * np.sin(np.linspace(0, 2 * np.pi * 36 * min(detail, 1.0), number))
    return cable(path, waves, count(12, detail, 8))


def _ribbon(detail: float) -> list[Mesh]:
    """A red ribbon knotted round the right upper arm, its ends hanging."""
    ring = [
        (-0.277 + 0.09 * np.cos(a), 1.305 + 0.025 * np.cos(a), -0.027 + 0.088 * np.sin(a))
        for a in np.linspace(0, 2 * np.pi, 36, endpoint=False)
    ]
    band = sweep(ring, circle(1.0, 8) * [0.007, 0.021], closed=True)
    number = count(22, detail, 8)
    tails = []
    for lean, drop in ((0.0, 0.27), (0.045, 0.2)):
        path = curve(
            [
                (-0.362, 1.28, -0.03),
                (-0.385, 1.22, -0.04 - lean),
                (-0.378, 1.28 - drop, -0.05 - lean * 1.5),
            ],
            number,
        )
        path[:, 2] += 0.008 * np.sin(np.linspace(0, 8, number))
        tails.append(
            sheet(path, np.linspace(0.03, 0.04, number), 0.003, up=(-1.0, 0.0, 0.2), across=4)
        )
    knot = mesh_of(
        sphere(0.022).stretched(0.8, 1.2, 1.0).moved(-0.362, 1.285, -0.03), 0.005 / detail
    )
    return [band, knot, *tails]


SUBJECT = Subject(
    name="recon-pilot",
    title="The recon pilot",
    domain="figures",
    description=(
        "A pilot in a long canvas coat and harness: a visored helmet with a breathing mask, a "
        "stencilled plate on the left shoulder, a red ribbon round the right arm."
    ),
    identity_marks=("visored helmet", "shoulder stencil", "harness over a long coat"),
    environment="dry-dock-canal",
    height=(1.85, 2.15),
    view=View(azimuth=34.0, elevation=3.0, focal_length=85.0, aspect=0.6),
    sculptor=sculpt,
)
