"""The lantern acolyte: a deep hood, a plain habit, and a lantern on a staff taller than a man."""

from __future__ import annotations

import numpy as np

from gm_assets.world.sdf.meshing import Mesh, joined, mesh_of
from gm_assets.world.sdf.noise import fractal_noise
from gm_assets.world.sdf.solid import Solid, blend, box, ellipsoid, tube
from gm_assets.world.subjects.anatomy import (
    Fold,
    Section,
    flipped,
    folds,
    hand,
    hanging,
    head,
    sleeve,
)
from gm_assets.world.subjects.forms import (
    around,
    cable,
    circle,
    curve,
    lathe,
    loft,
    sheet,
    spike,
    sweep,
)
from gm_assets.world.subjects.kit import archway, count, gable, pinnacle, plated_ring
from gm_assets.world.subjects.model import Assembly, Subject, View

#: Where the staff stands: x and z in metres.
STAFF = (-0.2, 0.36)


def sculpt(seed: int, detail: float) -> Assembly:
    """Habit with heavy folds, scapular, hood over a shadowed face, both hands on the staff."""
    rng = np.random.default_rng([seed, 4])
    made = Assembly()
    made.add(
        "head",
        "living-body",
        "skin",
        mesh_of(head(gaunt=0.8).turned("x", 10.0).moved(0, 1.545, 0.085), 0.0034 / detail),
    )
    made.add("hood", "cloth", "waxed-canvas", mesh_of(_hood(seed), 0.0045 / detail))
    made.add("habit", "cloth", "waxed-canvas", *_habit(rng, seed, detail))
    made.add("scapular", "cloth", "waxed-canvas", *_scapular(rng, detail))
    upper = hand(64.0).turned("x", -88.0).turned("y", -24.0).moved(-0.125, 1.405, 0.3)
    lower = flipped(hand(64.0)).turned("x", -88.0).turned("y", 14.0).moved(-0.245, 1.085, 0.27)
    made.add("left-hand", "living-body", "skin", mesh_of(upper, 0.0028 / detail))
    made.add("right-hand", "living-body", "skin", mesh_of(lower, 0.0028 / detail))
    made.add(
        "staff", "prop", "cast-iron", *(m.moved(STAFF[0], 0, STAFF[1]) for m in _staff(detail))
    )
    frame, glass = _lantern(detail)
    made.add("lantern", "prop", "oxidised-bronze", frame.moved(STAFF[0], 2.42, STAFF[1]))
    made.add("flame", "light", "glow", glass.moved(STAFF[0], 2.42, STAFF[1]))
    made.add("cord", "living-body", "red-cloth", *_cord(detail))
    made.add("censer", "prop", "tarnished-silver", *_censer(detail))
    return made


def _hood(seed: int) -> Solid:
    """A cowl that falls to the shoulders and comes to a point behind; the face lies deep in it."""
    crown = ellipsoid(0.116, 0.158, 0.152).moved(0, 1.695, 0.0)
    peak = tube(
        [(0, 1.79, -0.02), (0, 1.845, -0.11), (0, 1.83, -0.19), (0, 1.76, -0.235)],
        [0.09, 0.06, 0.03, 0.01],
    )
    brow = tube(
        [
            (0.0, 1.872, 0.115),
            (0.05, 1.815, 0.145),
            (0.092, 1.7, 0.15),
            (0.086, 1.58, 0.14),
            (0.04, 1.5, 0.15),
        ],
        [0.03, 0.026, 0.026, 0.026, 0.028],
    ).mirrored()
    fall = ellipsoid(0.155, 0.115, 0.15).moved(0, 1.535, -0.02)
    cape = ellipsoid(0.268, 0.2, 0.195).moved(0, 1.425, -0.025)
    cape = cape - box(1, 0.4, 1).moved(0, 1.12, 0)
    cloth = blend(crown, peak, brow, fall, cape, radius=0.07)

    def drape(p: np.ndarray) -> np.ndarray:
        angle = np.arctan2(p[0], p[2] + 0.03)
        low = np.clip((1.62 - p[1]) / 0.3, 0.0, 1.0)
        pipes = np.sin(angle * 13.0 + 3.0 * p[1]) * low
        across = np.sin(p[1] * 52.0 + 2.6 * np.cos(angle * 2.0)) * np.clip(
            (1.78 - p[1]) / 0.25, 0, 1
        )
        return (0.55 * pipes + 0.25 * across + 0.2 * fractal_noise(p, 11.0, 2, seed)).astype(
            np.float32
        )

    cloth = cloth.displaced(drape, 0.011)
    opening = blend(
        ellipsoid(0.076, 0.15, 0.13).moved(0, 1.675, 0.125),
        ellipsoid(0.05, 0.06, 0.12).moved(0, 1.53, 0.15),
        radius=0.04,
    )
    cloth = cloth.carved(opening, 0.018)
    return cloth - ellipsoid(0.235, 0.16, 0.165).moved(0, 1.33, -0.02)


def _habit(rng: np.random.Generator, seed: int, detail: float) -> list[Mesh]:
    body = hanging(
        [
            Section(0.0, 0.36, 0.34, 0, -0.03),
            Section(0.04, 0.345, 0.325, 0, -0.03),
            Section(0.3, 0.3, 0.275, 0, -0.02),
            Section(0.7, 0.24, 0.21, 0, -0.01),
            Section(1.04, 0.178, 0.15),
            Section(1.22, 0.19, 0.152),
            Section(1.4, 0.212, 0.14, 0, -0.01),
            Section(1.5, 0.15, 0.11, 0, -0.01),
            Section(1.56, 0.08, 0.08, 0, -0.01),
        ],
        [
            *folds(rng, 21, 1.0, 0.036),
            Fold(-8.0, 9.0, 0.04, 0.8, 6.0),
            Fold(24.0, 8.0, 0.035, 0.7, 0.0),
        ],
        segments=count(320, detail, 52),
        rings=count(120, detail, 18),
        seed=seed,
        crumple=0.005,
        ragged=0.02,
        tolerance=0.0007 / detail,
    )
    left = sleeve(
        [
            (0.19, 1.42, -0.015),
            (0.275, 1.27, 0.0),
            (0.235, 1.255, 0.13),
            (0.06, 1.35, 0.235),
            (-0.075, 1.395, 0.275),
        ],
        [0.085, 0.09, 0.09, 0.086, 0.084],
        segments=count(72, detail, 18),
        rings=count(80, detail, 16),
        seed=seed + 1,
        depth=0.15,
    )
    right = sleeve(
        [
            (-0.19, 1.42, -0.015),
            (-0.29, 1.26, -0.02),
            (-0.315, 1.1, 0.03),
            (-0.28, 1.08, 0.15),
            (-0.25, 1.083, 0.22),
        ],
        [0.085, 0.09, 0.09, 0.09, 0.092],
        segments=count(72, detail, 18),
        rings=count(80, detail, 16),
        seed=seed + 2,
        depth=0.15,
    )
    drops = []
    for top, width, length in (
        ((0.02, 1.345, 0.245), 0.24, 0.46),
        ((-0.268, 1.045, 0.16), 0.2, 0.42),
    ):
        number, wide = count(30, detail, 9), count(26, detail, 8)
        x, y, z = top
        line = curve(
            [(x, y, z), (x + 0.012, y - length * 0.5, z - 0.012), (x + 0.03, y - length, z - 0.03)],
            number,
        )
        taper = width * np.linspace(1.0, 0.25, number) ** 0.8
        rings = []
        for place, w in zip(line, taper, strict=True):
            u = np.linspace(-0.5, 0.5, wide)
            ripple = 0.014 * np.cos(u * 22.0) * (1 - 1.2 * np.abs(u))
            ahead = np.array([0.83, 0.1, 0.35]) if top[0] > 0 else np.array([0.15, 0.0, 1.0])
            out = np.array([-0.35, 0.0, 0.83]) if top[0] > 0 else np.array([-1.0, 0.0, 0.15])
            front = place + u[:, None] * w * ahead + (ripple + 0.006)[:, None] * out
            rings.append(np.concatenate([front - 0.02 * out, front[::-1]]))
        drops.append(_skin(np.array(rings)))
    return [body, left, right, *drops]


def _skin(rings: np.ndarray) -> Mesh:
    """A loft that faces outwards, whichever way its rings run."""
    mesh = loft(rings)
    corners = mesh.vertices[mesh.faces]
    volume = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum()
    return mesh if volume > 0.0 else Mesh(mesh.vertices, mesh.faces[:, ::-1].copy())


def _scapular(rng: np.random.Generator, detail: float) -> list[Mesh]:
    """A stiff band of cloth before and behind, bordered with a row of small bones."""
    number = count(40, detail, 12)
    front = curve(
        [
            (0, 1.36, 0.172),
            (0, 1.2, 0.168),
            (0, 1.03, 0.17),
            (0.01, 0.7, 0.24),
            (0.02, 0.34, 0.315),
        ],
        number,
    )
    back = curve([(0, 1.36, -0.185), (0, 1.03, -0.168), (0, 0.7, -0.24), (0, 0.3, -0.32)], number)
    pieces = []
    for path, facing in ((front, 1.0), (back, -1.0)):
        width = np.linspace(0.15, 0.2, number)
        pieces.append(
            sheet(path, width, 0.007, up=(0, 0.1, facing), across=count(12, detail, 5), sag=-0.08)
        )
    tooth = spike(0.009, 0.06, 5, 1.2).turned("x", 180.0)
    for i in range(8):
        u = (i - 3.5) / 8
        pieces.append(
            tooth.scaled(1.0, rng.uniform(0.8, 1.2), 1.0).moved(0.02 + 0.2 * u, 0.345, 0.318)
        )
    return pieces


def _staff(detail: float) -> list[Mesh]:
    shaft = lathe(
        [(0.006, 0.0), (0.016, 0.06), (0.0165, 1.3), (0.015, 2.3), (0.03, 2.34), (0.05, 2.42)],
        count(12, detail, 6),
    )
    knots = [
        lathe(
            [(0.015, 0), (0.027, 0.012), (0.027, 0.026), (0.015, 0.038)], count(12, detail, 6)
        ).moved(y=y)
        for y in (0.3, 0.92, 1.6, 1.95, 2.2)
    ]
    brackets = []
    for k in range(4):
        path = curve(
            [(0, 2.12, 0.012), (0, 2.2, 0.07), (0, 2.32, 0.085), (0, 2.43, 0.12)],
            count(14, detail, 6),
        )
        brackets.append(
            cable(path, np.linspace(0.009, 0.006, len(path)), 6).turned("y", 90.0 * k + 45.0)
        )
    return [shaft, *knots, *brackets]


def _lantern(detail: float) -> tuple[Mesh, Mesh]:
    """A six-sided chapel of a lantern, 0.62 m tall on y = 0: (frame, flame)."""
    steps = count(6, detail, 3)
    pieces = [
        lathe([(0.06, -0.03), (0.15, 0.0), (0.155, 0.02), (0.135, 0.035)], 6),
        lathe(
            [
                (0.14, 0.3),
                (0.165, 0.315),
                (0.165, 0.335),
                (0.1, 0.4),
                (0.045, 0.52),
                (0.03, 0.56),
                (0.045, 0.575),
                (0.02, 0.6),
                (0.006, 0.74),
            ],
            6,
        ),
    ]
    window = archway(0.092, 0.15, 0.014, 0.018, 1.0, steps).moved(0, 0.035, 0.119)
    pieces.append(around(window, 6, start=30.0))
    pieces.append(around(gable(0.13, 0.12, 0.012, 0.018).moved(0, 0.32, 0.132), 6, start=30.0))
    post = lathe([(0.011, 0), (0.011, 0.3)], 6).moved(0, 0.03, 0.138)
    pieces.append(around(post, 6))
    pieces.append(around(pinnacle(0.03, 0.2).moved(0, 0.31, 0.148), 6))
    hook = plated_ring(0.03, circle(0.006, 5), 14).turned("x", 90.0).moved(y=0.76)
    pieces.append(hook)
    flame = lathe(
        [(0.012, 0.05), (0.04, 0.09), (0.046, 0.14), (0.03, 0.21), (0.004, 0.285)],
        count(14, detail, 8),
    )
    return joined(pieces), flame


def _cord(detail: float) -> list[Mesh]:
    """A red cord twice round the waist with two knotted ends."""
    lay = circle(1.0, 9) * (1.0 + 0.15 * np.cos(3 * np.arange(9) * 2 * np.pi / 9))[:, None]
    pieces = []
    for k in range(2):
        ring = [
            (0.196 * np.sin(a), 1.035 + 0.024 * k + 0.01 * np.sin(a + k), 0.005 + 0.178 * np.cos(a))
            for a in np.linspace(0, 2 * np.pi, count(48, detail, 16), endpoint=False)
        ]
        pieces.append(sweep(ring, lay, scale=0.0115, closed=True))
    for x, length in ((0.105, 0.5), (0.14, 0.4)):
        number = count(30, detail, 10)
        path = curve(
            [
                (x, 1.05, 0.165),
                (x + 0.01, 0.95, 0.195),
                (x + 0.012, 1.05 - length * 0.6, 0.235),
                (x + 0.02, 1.05 - length, 0.275),
            ],
            number,
        )
        pieces.append(sweep(path, lay, scale=0.0105, twist=700.0))
        tassel = lathe([(0.012, 0), (0.02, -0.01), (0.014, -0.02), (0.024, -0.085)][::-1], 10)
        pieces.append(tassel.moved(*path[-1]))
    return pieces


def _censer(detail: float) -> list[Mesh]:
    """A small pierced vessel on three chains at the right hip."""
    bowl = lathe(
        [
            (0.004, -0.06),
            (0.03, -0.05),
            (0.042, -0.02),
            (0.04, 0.0),
            (0.043, 0.01),
            (0.03, 0.035),
            (0.012, 0.06),
            (0.004, 0.085),
        ],
        count(14, detail, 8),
    )
    chains = []
    link = plated_ring(0.0085, circle(0.0024, 4), 8).scaled(0.75, 1.0, 1.3).turned("x", 90.0)
    for k in range(3):
        a = 2 * np.pi * k / 3
        for i, t in enumerate(np.linspace(0, 1, 14)):
            place = np.array(
                [0.036 * np.sin(a) * (1 - t), 0.01 + 0.27 * t, 0.036 * np.cos(a) * (1 - t)]
            )
            chains.append(link.turned("y", 90.0 * (i % 2) + 120 * k).moved(*place))
    whole = joined([bowl, *chains])
    return [whole.moved(-0.21, 0.765, 0.12)]


SUBJECT = Subject(
    name="lantern-acolyte",
    title="The lantern acolyte",
    domain="figures",
    description=(
        "A hooded acolyte in a plain habit, both hands on an iron staff that bears a six-sided "
        "chapel of a lantern high above the head; a red cord at the waist."
    ),
    identity_marks=("deep hood", "tall lantern staff"),
    environment="torch-lit-interior",
    height=(3.0, 3.35),
    view=View(azimuth=-32.0, elevation=2.0, focal_length=85.0, aspect=0.5),
    sculptor=sculpt,
)
