"""The dry-dock rigger: harness and hooks, heavy boots, a coil of cable over the shoulder."""

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
    limb,
    on_body,
    sleeve,
)
from gm_assets.world.subjects.forms import (
    block,
    cable,
    circle,
    curve,
    lathe,
    loft,
    planted,
    sheet,
    sweep,
)
from gm_assets.world.subjects.kit import count, plated_ring, rivet
from gm_assets.world.subjects.model import Assembly, Subject, View

TRUNK = (
    Section(0.9, 0.225, 0.18, 0.0, 0.0),
    Section(1.06, 0.212, 0.172, 0.0, 0.01),
    Section(1.22, 0.228, 0.182, 0.0, 0.008),
    Section(1.38, 0.25, 0.175, 0.0, 0.0),
    Section(1.48, 0.225, 0.145, 0.0, -0.015),
    Section(1.55, 0.12, 0.11, 0.0, -0.015),
)


def sculpt(seed: int, detail: float) -> Assembly:
    """A broad stance, jacket and apron, bare forearms, cap and goggles, pole, hooks and cable."""
    rng = np.random.default_rng([seed, 3])
    made = Assembly()
    made.add("head", "living-body", "skin", mesh_of(_face(), 0.0034 / detail))
    made.add("cap", "cloth", "waxed-canvas", mesh_of(_cap(), 0.0038 / detail))
    made.add("goggles", "prop", "oxidised-bronze", mesh_of(_goggles(), 0.0028 / detail))
    made.add("neckerchief", "living-body", "red-cloth", *_neckerchief(rng, seed, detail))
    made.add("jacket", "cloth", "waxed-canvas", *_jacket(rng, seed, detail))
    made.add("apron", "cloth", "waxed-canvas", _apron(rng, seed, detail))
    made.add("trousers", "cloth", "waxed-canvas", *_trousers(seed, detail))
    made.add("boots", "armour", "cast-iron", *_boots(detail))
    left = hand(63.0, glove=0.006).turned("x", -92.0).turned("y", 10.0).moved(0.43, 1.325, 0.2)
    right = flipped(hand(58.0, glove=0.006)).turned("x", -84.0).turned("y", 42.0).turned("z", -30.0)
    made.add("left-hand", "living-body", "skin", mesh_of(left, 0.0036 / detail))
    made.add(
        "right-hand",
        "living-body",
        "skin",
        mesh_of(right.moved(-0.225, 1.185, 0.27), 0.0036 / detail),
    )
    made.add("forearms", "living-body", "skin", mesh_of(_forearms(), 0.0045 / detail))
    made.add("pauldron", "armour", "cast-iron", mesh_of(_shoulder(), 0.0045 / detail))
    made.add("harness", "prop", "waxed-canvas", *_harness(detail))
    made.add("hooks", "prop", "cast-iron", *_hooks(detail))
    made.add("cable-coil", "prop", "tarnished-silver", *_coil(rng, detail))
    made.add("pike-pole", "prop", "cast-iron", *_pole(detail))
    return made


def _face() -> Solid:
    """A broad head with a full beard."""
    bare = head(gaunt=0.35).stretched(1.06, 1.0, 1.03)
    beard = blend(
        ellipsoid(0.06, 0.06, 0.05).moved(0, 0.015, -0.03),
        tube([(0, 0.02, -0.005), (0, -0.075, 0.015)], [0.046, 0.012]),
        tube([(0.062, 0.075, -0.06), (0.05, 0.02, -0.03)], [0.018, 0.026]).mirrored(),
        tube([(0.0, 0.066, 0.006), (0.032, 0.05, -0.004)], [0.011, 0.009]).mirrored(),
        radius=0.02,
    ).displaced(lambda p: np.sin(p[0] * 330.0 + 2.0 * np.sin(p[1] * 90.0)), 0.0022)
    return blend(bare, beard, radius=0.012).moved(0, 1.602, 0.085)


def _cap() -> Solid:
    """A knitted cap with a rolled brim, and the ear flaps of a storm hood."""
    dome = ellipsoid(0.094, 0.105, 0.112).moved(0, 1.755, -0.005)
    dome = dome.displaced(lambda p: np.sin(np.arctan2(p[0], p[2]) * 30.0), 0.0016)
    dome = dome - box(0.4, 0.2, 0.4).moved(0, 1.66, 0.0)
    brim = limb(
        [
            (0, 1.772, 0.104),
            (0.068, 1.768, 0.07),
            (0.09, 1.758, 0.0),
            (0.06, 1.745, -0.085),
            (0, 1.742, -0.112),
        ],
        [0.021] * 5,
    ).mirrored()
    return blend(dome, brim, sphere(0.02).moved(0, 1.865, -0.02), radius=0.012)


def _goggles() -> Solid:
    cup = tube([(0.034, 1.722, 0.06), (0.036, 1.722, 0.098)], [0.033, 0.029])
    cup = cup - tube([(0.036, 1.722, 0.096), (0.036, 1.722, 0.14)], 0.0225)
    rim = tube([(0.036, 1.722, 0.097), (0.036, 1.722, 0.103)], 0.033) - tube(
        [(0.036, 1.722, 0.08), (0.036, 1.722, 0.15)], 0.0235
    )
    lens = ellipsoid(0.025, 0.025, 0.008).moved(0.036, 1.722, 0.093)
    bridge = tube([(0, 1.73, 0.095), (0.012, 1.726, 0.094)], 0.007)
    band = limb(
        [(0.062, 1.722, 0.075), (0.087, 1.728, 0.0), (0.06, 1.735, -0.085), (0, 1.738, -0.105)],
        [0.011, 0.01, 0.01, 0.01],
    )
    return union(cup, rim, lens, bridge, band).mirrored()


def _neckerchief(rng: np.random.Generator, seed: int, detail: float) -> list[Mesh]:
    """Wound twice round the neck and knotted on the breast: the one red thing."""
    roll = hanging(
        [
            Section(1.485, 0.115, 0.118, 0, 0.0),
            Section(1.52, 0.128, 0.132, 0, 0.0),
            Section(1.56, 0.118, 0.12, 0, 0.0),
            Section(1.588, 0.095, 0.1, 0, 0.0),
        ],
        folds(rng, 11, 1.6, 0.012),
        segments=count(120, detail, 30),
        rings=count(24, detail, 8),
        seed=seed + 40,
        crumple=0.008,
    )
    number = count(20, detail, 8)
    ends = []
    for side, drop in ((0.035, 0.2), (-0.02, 0.15)):
        path = curve(
            [(0.01, 1.5, 0.125), (0.01 + side, 1.45, 0.185), (0.012 + side * 1.5, 1.5 - drop, 0.2)],
            number,
        )
        ends.append(
            sheet(
                path,
                np.linspace(0.03, 0.085, number),
                0.004,
                up=(0.1, 0.2, 1.0),
                across=6,
                sag=-0.25,
            )
        )
    knot = mesh_of(sphere(0.026).stretched(1.2, 0.9, 0.9).moved(0.01, 1.495, 0.135), 0.005 / detail)
    return [roll, knot, *ends]


def _jacket(rng: np.random.Generator, seed: int, detail: float) -> list[Mesh]:
    trunk = hanging(
        list(TRUNK),
        [Fold(0.0, 4.0, 0.012, 1.5, 0.0), *folds(rng, 15, 1.42, 0.011)],
        segments=count(220, detail, 44),
        rings=count(64, detail, 12),
        seed=seed,
        crumple=0.009,
    )
    skirt = hanging(
        [
            Section(0.74, 0.262, 0.222, 0, -0.005),
            Section(0.86, 0.242, 0.2),
            Section(1.0, 0.222, 0.182, 0, 0.005),
            Section(1.08, 0.21, 0.17, 0, 0.008),
        ],
        folds(rng, 16, 1.0, 0.026),
        segments=count(200, detail, 40),
        rings=count(36, detail, 10),
        seed=seed + 1,
        ragged=0.03,
        opening=12.0,
    )
    left = sleeve(
        [(0.215, 1.44, -0.015), (0.315, 1.34, -0.025), (0.385, 1.235, 0.0), (0.405, 1.25, 0.065)],
        [0.098, 0.092, 0.08, 0.076],
        segments=count(60, detail, 16),
        rings=count(56, detail, 14),
        seed=seed + 2,
        depth=0.12,
    )
    right = sleeve(
        [(-0.215, 1.44, -0.015), (-0.315, 1.31, -0.03), (-0.345, 1.17, 0.0), (-0.33, 1.15, 0.07)],
        [0.098, 0.092, 0.082, 0.078],
        segments=count(60, detail, 16),
        rings=count(56, detail, 14),
        seed=seed + 3,
        depth=0.12,
    )
    rolls = [
        cable([(0.402, 1.246, 0.05), (0.41, 1.264, 0.095)], 0.084, count(20, detail, 10)),
        cable([(-0.333, 1.15, 0.055), (-0.318, 1.154, 0.1)], 0.085, count(20, detail, 10)),
    ]
    return [trunk, skirt, left, right, *rolls]


def _apron(rng: np.random.Generator, seed: int, detail: float) -> Mesh:
    """A hide apron from belt to shins, split for the legs."""
    number, across = count(40, detail, 12), count(48, detail, 14)
    rings = []
    for t in np.linspace(0.0, 1.0, number):
        y = 1.06 - 0.66 * t
        u = np.linspace(-1.0, 1.0, across)
        angle = np.radians(52.0) * u
        bulge = 1.0 + 0.35 * t
        x = 0.222 * np.sin(angle) * bulge
        z = 0.012 + (0.188 + 0.06 * t) * np.cos(angle)
        z = (
            z
            + 0.014 * t * np.sin(u * 9.0 + 1.5 * t)
            - 0.055 * t * np.exp(-((u / 0.12) ** 2)) * (t > 0.3)
        )
        drop = np.full(across, y) + 0.05 * t * np.abs(u) ** 3
        front = np.stack([x, drop, z], -1)
        back = front - np.stack([np.sin(angle), np.zeros(across), np.cos(angle)], -1) * 0.008
        rings.append(np.concatenate([back, front[::-1]])[::-1])
    return loft(np.array(rings)[::-1], concave=True)


def _trousers(seed: int, detail: float) -> list[Mesh]:
    return [
        sleeve(
            [
                (side * 0.105, 0.98, 0.0),
                (side * 0.145, 0.74, 0.02 + ahead * 0.6),
                (side * 0.175, 0.5, ahead + 0.03),
                (side * 0.192, 0.36, ahead),
                (side * 0.194, 0.3, ahead),
            ],
            [0.125, 0.122, 0.11, 0.116, 0.078],
            segments=count(56, detail, 16),
            rings=count(72, detail, 14),
            seed=seed + 11 + int(side),
            depth=0.15,
            up=(0, 0, 1),
        )
        for side, ahead in ((1.0, 0.06), (-1.0, -0.05))
    ]


def _boots(detail: float) -> list[Mesh]:
    made = []
    for side, ahead, turn in ((1.0, 0.06, 18.0), (-1.0, -0.05, -20.0)):
        base = boot(0.34, 1.22)
        toe = ellipsoid(0.064, 0.056, 0.08).moved(0.002, 0.05, 0.165).shell(0.012)
        toe = toe - box(0.4, 0.2, 0.4).moved(0, -0.085, 0)
        one = union(base, toe - box(0.4, 0.4, 0.2).moved(0, 0.1, 0.0))
        one = one if side > 0 else flipped(one)
        made.append(mesh_of(one.turned("y", turn).moved(side * 0.195, 0, ahead), 0.0055 / detail))
        for y in (0.12, 0.19, 0.26, 0.33):
            ring = plated_ring(
                0.072 + 0.02 * y, circle(1.0, 6) * [0.007, 0.014], count(24, detail, 10)
            )
            clasp = block(0.036, 0.03, 0.016, 0.004).moved(0.0, -0.015, 0.078 + 0.02 * y)
            made.append(
                joined([ring, clasp])
                .turned("y", turn + 20 * side)
                .moved(side * 0.195, y, ahead - 0.01)
            )
    return made


def _forearms() -> Solid:
    left = limb(
        [(0.398, 1.24, 0.04), (0.425, 1.29, 0.13), (0.43, 1.322, 0.2), (0.43, 1.325, 0.225)],
        [0.052, 0.056, 0.036, 0.034],
    )
    right = limb(
        [(-0.338, 1.15, 0.04), (-0.285, 1.165, 0.18), (-0.228, 1.184, 0.265)], [0.054, 0.056, 0.036]
    )
    return union(left, right)


def _shoulder() -> Solid:
    """A riveted iron plate where the cable lies."""
    plate = ellipsoid(0.145, 0.1, 0.15).shell(0.014) - box(0.5, 0.2, 0.5).moved(0, -0.1, 0)
    plate = plate - box(0.2, 0.5, 0.5).moved(0.15, 0, 0)
    ridge = union(*(tube([(-0.12, 0.055, z), (0.03, 0.098, z)], 0.009) for z in (-0.06, 0.0, 0.06)))
    return blend(plate, ridge, radius=0.01).turned("z", 14.0).moved(-0.2, 1.455, -0.015)


def _harness(detail: float) -> list[Mesh]:
    number = count(34, detail, 12)
    pieces = []
    for side in (1.0, -1.0):
        path, normal = on_body(
            TRUNK,
            [(side * 16, 1.06), (side * 22, 1.24), (side * 34, 1.4), (side * 48, 1.49)],
            0.014,
            number,
        )
        pieces.append(sheet(path, 0.062, 0.011, up=normal, across=3))
        back, out = on_body(
            TRUNK, [(180 + side * 20, 1.06), (180, 1.28), (180 - side * 34, 1.46)], 0.014, number
        )
        pieces.append(sheet(back, 0.062, 0.011, up=out, across=3))
        place = [
            path[-1],
            [side * 0.15, 1.535, -0.01],
            back[-1] * [-1, 1, 1] if back[-1][0] * side < 0 else back[-1],
        ]
        pieces.append(sheet(curve(place, 14), 0.062, 0.011, up=(0, 1, 0), across=3))
    breast, out = on_body(TRUNK, [(-52, 1.31), (0, 1.295), (52, 1.31)], 0.018, number)
    pieces.append(sheet(breast, 0.05, 0.01, up=out, across=3))
    belt = [
        (0.232 * np.sin(a), 1.055, 0.008 + 0.196 * np.cos(a))
        for a in np.linspace(0, 2 * np.pi, 44, endpoint=False)
    ]
    pieces.append(sweep(belt, circle(1.0, 8) * [0.012, 0.042], closed=True))
    for angle in (64.0, 100.0, -70.0, -104.0, 150.0, 205.0):
        a = np.radians(angle)
        pouch = joined(
            [block(0.095, 0.15, 0.07, 0.014), block(0.1, 0.05, 0.08, 0.012).moved(0, 0.105, 0)]
        )
        pieces.append(pouch.turned("y", angle).moved(0.26 * np.sin(a), 0.9, 0.22 * np.cos(a)))
    return pieces


def _hook(size: float, detail: float) -> Mesh:
    """A swivel hook with an eye, hanging from the origin along -Y."""
    number = count(30, detail, 10)
    path = curve(
        [
            (0, -0.2, 0),
            (0, -0.42, 0),
            (0.1, -0.62, 0),
            (0.02, -0.88, 0),
            (-0.22, -0.86, 0),
            (-0.32, -0.64, 0),
            (-0.26, -0.52, 0),
        ],
        number,
    )
    t = np.linspace(0, 1, number)
    thick = (
        0.075
        + 0.05 * np.sin(np.pi * np.clip(t * 1.25, 0, 1))
        - 0.1 * np.clip(t - 0.78, 0, 1) / 0.25
    )
    bill = cable(path, np.maximum(thick, 0.008), count(10, detail, 6))
    eye = plated_ring(0.11, circle(0.035, 6), count(18, detail, 8)).turned("x", 90.0).moved(y=-0.1)
    swivel = lathe(
        [(0.06, -0.26), (0.11, -0.24), (0.11, -0.2), (0.05, -0.16)], count(10, detail, 6)
    )
    return joined([bill, eye, swivel]).scaled(size)


def _hooks(detail: float) -> list[Mesh]:
    pieces = [
        _hook(0.23, detail).turned("y", 70.0).moved(0.262, 1.03, 0.075),
        _hook(0.19, detail).turned("y", 110.0).moved(0.268, 1.03, -0.03),
        _hook(0.3, detail).turned("y", 90.0).moved(-0.275, 1.03, 0.06),
        _hook(0.21, detail).turned("y", 20.0).moved(0.05, 1.03, 0.222),
    ]
    plate = joined([plated_ring(0.045, circle(0.011, 6), count(24, detail, 10)), rivet(0.034, 12)])
    pieces.append(plate.turned("x", 90.0).moved(0, 1.3, 0.208))
    for angle, y in ((19.0, 1.14), (-19.0, 1.14), (29.0, 1.36), (-29.0, 1.36)):
        place, normal = on_body(TRUNK, [(angle, y), (angle, y + 0.001)], 0.026, 2)
        pieces.append(planted(rivet(0.016, 8), place[0], normal[0]))
    return pieces


def _coil(rng: np.random.Generator, detail: float) -> list[Mesh]:
    """Seven turns of steel cable worn from the right shoulder to the left hip, lashed thrice."""
    number = count(64, detail, 24)
    pieces = []
    frame_u = np.array([0.62, -0.78, 0.0])
    for i in range(8):
        around_, out = (i % 4) - 1.5, i // 4
        reach = 0.385 + 0.02 * out + rng.uniform(-0.012, 0.012)
        a = np.linspace(0, 2 * np.pi, number, endpoint=False)
        deep = (0.232 + 0.024 * out) * np.cos(a) + 0.024 * around_ * 0.25
        across = np.array([0.78, 0.62, 0.0]) * 0.026 * around_
        wobble = 0.007 * np.sin(3 * a + i) + 0.005 * np.sin(5 * a + 2 * i)
        path = (
            np.array([0.015, 1.245, -0.005])
            + (reach * np.sin(a) + wobble)[:, None] * frame_u
            + across
            + np.stack([0 * a, 0 * a, deep + wobble], -1)
        )
        lay = circle(1.0, 9) * (1.0 + 0.12 * np.cos(3 * np.arange(9) * 2 * np.pi / 9))[:, None]
        pieces.append(sweep(path, lay, scale=0.0142, closed=True))
    for lash_angle in (0.5, 2.35, 4.0):
        place = (
            np.array([0.015, 1.245, -0.005])
            + 0.395 * np.sin(lash_angle) * frame_u
            + [0, 0, 0.245 * np.cos(lash_angle)]
        )
        ahead = 0.395 * np.cos(lash_angle) * frame_u + np.array([0, 0, -0.245 * np.sin(lash_angle)])
        lash = lathe(
            [(0.06, -0.03), (0.064, -0.015), (0.06, 0.0), (0.064, 0.015), (0.06, 0.03)], 14
        )
        pieces.append(planted(lash.scaled(0.95, 1, 0.75), place, ahead))
    return pieces


def _pole(detail: float) -> list[Mesh]:
    """A pike pole taller than the rigger: spike, side hook, socket and bound grip."""
    shaft = lathe(
        [(0.012, 0.0), (0.017, 0.04), (0.0175, 1.2), (0.016, 2.2), (0.024, 2.22), (0.022, 2.36)],
        count(12, detail, 6),
    )
    point = lathe(
        [(0.022, 2.36), (0.014, 2.42), (0.017, 2.46), (0.001, 2.68)], count(10, detail, 6)
    )
    side = curve(
        [
            (0.0, 2.36, 0.0),
            (0.0, 2.44, 0.06),
            (0.0, 2.42, 0.13),
            (0.0, 2.32, 0.16),
            (0.0, 2.25, 0.13),
        ],
        count(22, detail, 8),
    )
    hook = cable(side, np.linspace(0.017, 0.003, len(side)), count(8, detail, 5))
    grip = [plated_ring(0.019, circle(0.004, 5), 12).moved(y=1.18 + 0.014 * i) for i in range(16)]
    whole = joined([shaft, point, hook, *grip])
    return [whole.turned("z", -1.5).moved(0.385, 0.0, 0.288)]


SUBJECT = Subject(
    name="dry-dock-rigger",
    title="The dry-dock rigger",
    domain="figures",
    description=(
        "A broad dock hand with pike pole, hide apron and iron-toed boots, a coil of steel cable "
        "across the body, hooks at the belt and a red neckerchief."
    ),
    identity_marks=("harness and hooks", "coil of cable", "heavy boots"),
    environment="dry-dock-canal",
    height=(2.5, 2.8),
    view=View(azimuth=-30.0, elevation=3.0, focal_length=70.0, aspect=0.6),
    sculptor=sculpt,
)
