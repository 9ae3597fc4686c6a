"""The branching gate, the emblem: a tree that folds back into the arch it grew from.

Braided strands rise from both feet, cross at the point of the arch and part again. From there
every limb is a gate: two branches that bow out, cross in a point and bear three lesser gates.
The outermost limbs bow over, descend, and become the roots of the trunks. In the opening
stands the whole gate again, a seventh as large.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gm_assets.world.sdf.meshing import Mesh, joined, mesh_of, simplified
from gm_assets.world.sdf.solid import Solid, blend, tube
from gm_assets.world.subjects.forms import cable, curve, lathe
from gm_assets.world.subjects.kit import count, tiny_figure
from gm_assets.world.subjects.model import Assembly, Subject, View

Array = NDArray[np.float64]
#: Strands in each trunk.
STRANDS = 5
#: How far the tree stands above the plain, on its dais, metres.
DAIS = 1.6


def sculpt(seed: int, detail: float) -> Assembly:
    """The trunks and their returning limbs, the crown of lesser gates, the gate within, a dais."""
    rng = np.random.default_rng([seed, 24])
    made = Assembly()
    trunks = mesh_of(_trunks(), 0.19 / detail).moved(y=DAIS)
    returning, seats = _returning(detail)
    crown = _crown(rng, seats, detail)
    made.add("trunks", "architecture", "bone", trunks)
    made.add("returning-limbs", "architecture", "bone", *(limb.moved(y=DAIS) for limb in returning))
    made.add("crown", "architecture", "bone", *(limb.moved(y=DAIS) for limb in crown))
    small = simplified(trunks.moved(y=-DAIS), 0.09 / detail)
    twigs = _crown(rng, seats, detail * 0.6, depth=1)
    within = joined([small, *_returning(detail * 0.5)[0], *twigs]).scaled(1.0 / 7.0)
    made.add("gate-within", "architecture", "tarnished-silver", within.moved(0, 1.75, -1.0))
    steps = [
        lathe([(27.0 - 2.6 * i, 0.6 * i), (27.0 - 2.6 * i, 0.6 * i + 0.6)], count(56, detail, 20))
        for i in range(3)
    ]
    made.add("dais", "ground", "wet-basalt", *(step.scaled(1.0, 1.0, 0.6) for step in steps))
    body, ribbon = (mesh.turned("y", 150.0) for mesh in tiny_figure(1.85, 14))
    made.add("visitor", "living-body", "waxed-canvas", body.moved(4.6, 1.8, 4.0))
    made.add("visitor-ribbon", "living-body", "red-cloth", ribbon.moved(4.6, 1.8, 4.0))
    return made


def _trunks() -> Solid:
    """Five strands a side, wound about each other, from the roots to the crown."""
    pieces: list[Solid] = []
    steps = 44
    t = np.linspace(0.0, 1.0, steps)
    for side in (1.0, -1.0):
        spine = curve(
            [
                (side * 10.6, 0.2, 0),
                (side * 10.0, 4.0, 0),
                (side * 9.2, 10.0, 0),
                (side * 7.2, 17.0, 0),
                (side * 3.4, 23.2, 0),
                (side * -0.6, 27.4, side * 0.5),
                (side * -4.0, 30.6, side * 0.4),
            ],
            steps,
        )
        for k in range(STRANDS):
            angle = 2 * np.pi * k / STRANDS + side * 5.2 * t
            away = 0.45 + 1.15 * (1 - t) ** 0.7 + 1.5 * np.exp(-t / 0.06)
            offset = np.stack([np.cos(angle) * away, 0 * t, np.sin(angle) * away], -1)
            radius = (0.8 - 0.3 * t) * (1.0 + 0.07 * np.sin(t * 95.0 + k))
            pieces.append(tube(spine + offset, radius))
    roots = []
    for side in (1.0, -1.0):
        for k in range(7):
            a = 2 * np.pi * k / 7 + 0.3
            out = np.array([np.cos(a), 0.0, np.sin(a) * 0.8])
            foot = np.array([side * 10.6, 0.0, 0.0])
            path = [
                foot + out * 1.2 + [0, 2.4, 0],
                foot + out * 2.4 + [0, 1.1, 0],
                foot + out * 4.2 + [0, 0.5, 0],
                foot + out * 6.0 - [0, 0.2, 0],
            ]
            roots.append(tube(curve(path, 9), np.linspace(0.75, 0.12, 9)))
    return blend(*pieces, *roots, radius=0.18)


def _returning(detail: float) -> tuple[list[Mesh], list[tuple[Array, Array]]]:
    """Limbs that leave the crossing, bow over and come down outside as roots.

    Returns:
        The limbs, and places with outward directions where lesser gates grow on them.
    """
    limbs: list[Mesh] = []
    seats: list[tuple[Array, Array]] = []
    number = count(64, detail, 20)
    t = np.linspace(0.0, 1.0, number)
    for side in (1.0, -1.0):
        for k in range(3):
            wide, z = 1.0 + 0.13 * k, (k - 1) * 1.1
            path = curve(
                [
                    (side * 1.5, 25.6, z * 0.4),
                    (side * -3.5, 30.2, z * 0.8),
                    (side * -10.0 * wide, 33.4 + k, z),
                    (side * -17.4 * wide, 32.0 + 1.4 * k, z * 1.3),
                    (side * -21.6 * wide, 25.0 + k, z * 1.4),
                    (side * -22.0 * wide, 15.0, z * 1.3),
                    (side * -19.0 * wide, 6.6, z * 1.1),
                    (side * -14.6 * wide**0.5, 1.6, z),
                    (side * -11.4, 0.3, z * 0.6),
                ],
                number,
            )
            radius = 0.66 + 0.2 * np.exp(-t / 0.08) + 0.45 * np.exp(-(1 - t) / 0.14)
            radius = radius * (1.0 + 0.06 * np.sin(t * 120.0 + k))
            limbs.append(cable(path, radius, count(10, detail, 6)))
            if k == 2:
                ahead = np.gradient(path, axis=0)
                for way in (0.24, 0.36, 0.47, 0.57, 0.67):
                    i = round(way * (number - 1))
                    out = np.array([-ahead[i, 1], ahead[i, 0], 0.0]) * side * -1.0
                    out *= np.sign(out @ (path[i] - [0.0, 15.0, 0.0])) or 1.0
                    seats.append((path[i], out / np.linalg.norm(out)))
    return limbs, seats


def _crown(
    rng: np.random.Generator, seats: list[tuple[Array, Array]], detail: float, depth: int = 3
) -> list[Mesh]:
    """The middle fan of gates over the crossing, and smaller ones along the returning limbs."""
    pieces: list[Mesh] = []

    def gate(root: Array, out: Array, size: float, radius: float, left: int) -> None:
        """A lancet of two branches from `root` along `out`, bearing three lesser ones."""
        across = np.cross(out, [0.0, 0.0, 1.0])
        across /= np.linalg.norm(across)
        deep = np.array([0.0, 0.0, 1.0])
        steps = count(6 + 3 * left, detail, 5)
        lean = rng.uniform(-0.12, 0.12)
        tip = root + (out + across * lean) * size
        for sign in (1.0, -1.0):
            path = curve(
                [
                    root - out * size * 0.12,
                    root + (out * 0.2 + across * sign * 0.17) * size,
                    root
                    + (out * 0.55 + across * (sign * 0.27 + lean * 0.5) + deep * sign * 0.05)
                    * size,
                    tip + deep * sign * radius * 0.5,
                    tip + (out * 0.2 - across * sign * 0.16) * size,
                ],
                steps,
            )
            pieces.append(cable(path, np.linspace(radius, radius * 0.5, steps), 4 + left))
        if left == 0:
            needle = curve([tip, tip + out * size * 0.4, tip + out * size * 0.85], 4)
            pieces.append(cable(needle, np.array([0.55, 0.36, 0.2, 0.06]) * radius, 4))
            return
        for turn in (-0.95, 0.0, 0.95):
            bend = turn + rng.uniform(-0.14, 0.14)
            way = out * np.cos(bend) + across * np.sin(bend) + deep * rng.uniform(-0.25, 0.25)
            share = 0.62 if turn == 0.0 else 0.54
            gate(tip, way / np.linalg.norm(way), size * share, radius * 0.58, left - 1)

    crossing = np.array([0.0, 27.6, 0.0])
    for bend, size in ((-0.62, 8.6), (0.0, 11.0), (0.62, 8.6)):
        gate(crossing, np.array([np.sin(bend), np.cos(bend), 0.0]), size, 0.62, depth)
    for place, out in seats:
        gate(place, out, 5.4, 0.42, depth - 1)
    return pieces


SUBJECT = Subject(
    name="branching-gate",
    title="The branching gate",
    domain="structures",
    description=(
        "Two braided trunks of bone cross in a pointed arch and branch into lesser gates; their "
        "outer limbs bow over and come down as the roots they grew from, and the same gate stands "
        "small in its own opening."
    ),
    identity_marks=("recursive branching", "limbs that fold back into the arch", "the gate within"),
    environment="ash-plain",
    height=(45.0, 65.0),
    view=View(azimuth=10.0, elevation=3.0, focal_length=60.0, aspect=1.0),
    sculptor=sculpt,
)
