"""The branching gate, the emblem: a tree that folds back into the arch it grew from.

Two trunks rise, cross and part again; every limb forks into a lesser gate of the same form; the
outermost limbs bow over, descend, and become the feet of the trunks. In the opening stands the
whole gate again, an eighth as large.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gm_assets.world.sdf.meshing import Mesh, mesh_of
from gm_assets.world.sdf.solid import Solid, blend, ellipsoid, tube
from gm_assets.world.subjects.forms import block, curve, lathe
from gm_assets.world.subjects.kit import count, tiny_figure
from gm_assets.world.subjects.model import Assembly, Subject, View

Array = NDArray[np.float64]
#: Limbs end when they are thinner than this, metres.
FINEST = 0.14


def sculpt(seed: int, detail: float) -> Assembly:
    """The trunks and their returning limbs, the crown of lesser gates, roots, the gate within."""
    made = Assembly()
    rng = np.random.default_rng([seed, 24])
    trunks = _trunks()
    crown = _crown(rng)
    made.add("trunks", "architecture", "bone", mesh_of(trunks, 0.2 / detail))
    made.add("crown", "architecture", "bone", mesh_of(crown, 0.17 / detail))
    inner = mesh_of(blend(trunks, crown, radius=0.4), 0.42 / detail)
    made.add("gate-within", "architecture", "tarnished-silver", inner.scaled(0.14).moved(0, 1.85, -1.0))
    floor: list[Mesh] = [
        lathe([(25.0 - 3.2 * i, 0.6 * i), (25.0 - 3.2 * i, 0.6 * i + 0.6)], count(48, detail, 16)).scaled(1.0, 1.0, 0.55)
        for i in range(3)
    ]  # fmt: skip
    floor.append(block(5.0, 0.06, 9.0).moved(0, 1.8, 2.0))
    made.add("dais", "ground", "wet-basalt", *floor)
    body, ribbon = tiny_figure(1.85, 14)
    made.add("witness", "living-body", "waxed-canvas", body.turned("y", 150.0).moved(3.6, 1.8, 4.6))
    made.add("witness-ribbon", "living-body", "red-cloth", ribbon.turned("y", 150.0).moved(3.6, 1.8, 4.6))
    return made


def _limb(points: Array, start: float, end: float, steps: int = 22) -> Solid:
    t = np.linspace(0.0, 1.0, steps)
    return tube(curve(points, steps), start + (end - start) * t)


def _trunks() -> Solid:
    """Strands that rise from both feet, cross at the point of the arch, bow out and come down."""
    pieces: list[Solid] = []
    for side in (1.0, -1.0):
        for k in range(3):
            z = (k - 1) * 1.05
            foot = np.array([side * (9.6 + 0.75 * k), 0.6, z])
            rise = np.array(
                [foot, [side * (8.7 + 0.5 * k), 7.0, z * 0.9], [side * (7.3 + 0.4 * k), 14.0, z * 0.8],
                 [side * (3.6 + 0.3 * k), 21.0, z * 0.9 + side * 0.5],
                 [-side * (1.2 - 0.2 * k), 26.0 + 0.7 * k, z + side * 0.7],
                 [-side * (6.0 + 0.9 * k), 31.5 + 1.2 * k, z * 1.2 + side * 0.6],
                 [-side * (13.0 + 1.2 * k), 33.0 + 1.6 * k, z * 1.4],
                 [-side * (19.2 + 1.5 * k), 27.5 + 1.8 * k, z * 1.4],
                 [-side * (20.6 + 1.7 * k), 17.5 + 1.2 * k, z * 1.2],
                 [-side * (17.8 + 1.2 * k), 8.0, z * 1.1],
                 [-side * (12.6 + 0.5 * k), 1.6, z], [-side * (9.9 + 0.75 * k), 0.4, z]]
            )  # fmt: skip
            steps = 66
            t = np.linspace(0.0, 1.0, steps)
            radius = 1.15 - 0.68 * np.sin(np.pi * np.clip(t, 0, 1)) ** 0.8
            radius *= 1.0 + 0.05 * np.sin(t * 130.0)
            pieces.append(tube(curve(rise, steps), radius))
    pieces.append(ellipsoid(2.4, 1.3, 2.2).moved(10.2, 1.2, 0.0).mirrored())
    return blend(*pieces, radius=0.5)


def _crown(rng: np.random.Generator) -> Solid:
    """Lesser gates on the backs of the returning limbs, each bearing lesser ones again."""
    pieces: list[Solid] = []

    def gate(foot_a: Array, foot_b: Array, out: Array, radius: float, depth: int) -> None:
        """A pointed arch from foot to foot that leans along `out`, forking at its point."""
        span = float(np.linalg.norm(foot_b - foot_a))
        tip = (foot_a + foot_b) / 2 + out * span * 1.15
        tip = tip + rng.uniform(-0.05, 0.05, 3) * span
        for foot, other in ((foot_a, foot_b), (foot_b, foot_a)):
            shoulder = foot + out * span * 0.62 + (foot - other) * 0.1
            over = tip + out * span * 0.22 + (other - foot) * 0.16
            pieces.append(_limb(np.array([foot, shoulder, tip, over]), radius, radius * 0.55, 18))
        if depth == 0 or radius * 0.62 < FINEST:
            needle = np.array([tip, tip + out * span * 0.6, tip + out * span * 1.15])
            pieces.append(_limb(needle, radius * 0.55, 0.05, 8))
            return
        side = (foot_b - foot_a) / span
        for lean in (-1.0, 0.0, 1.0):
            way = out + side * lean * 0.85 + np.array([0, 0, rng.uniform(-0.22, 0.22)])
            way = way / np.linalg.norm(way)
            across = np.cross(way, [0.0, 0.0, 1.0])
            across = across / np.linalg.norm(across)
            root = tip + way * span * 0.1 + side * lean * span * 0.16
            half = span * (0.2 if lean else 0.24)
            gate(root - across * half, root + across * half, way, radius * 0.6, depth - 1)

    for x, y, out, span, radius in (
        (0.0, 30.0, (0.0, 1.0), 5.6, 0.62),
        (9.0, 34.0, (0.34, 0.94), 4.6, 0.5), (16.0, 34.6, (0.7, 0.72), 4.2, 0.46),
        (21.5, 29.5, (0.97, 0.26), 3.8, 0.42), (23.2, 21.5, (1.0, -0.06), 3.2, 0.36),
    ):  # fmt: skip
        for side in (1.0, -1.0) if x else (1.0,):
            way = np.array([out[0] * side, out[1], 0.0])
            way /= np.linalg.norm(way)
            across = np.array([way[1], -way[0], 0.0])
            root = np.array([x * side, y, 0.0])
            gate(root - across * span / 2, root + across * span / 2, way, radius, 2)
    return blend(*pieces, radius=0.22)


SUBJECT = Subject(
    name="branching-gate",
    title="The branching gate",
    domain="structures",
    description=(
        "Two braided trunks of bone cross in a pointed arch, branch into lesser gates, bow over and "
        "come down as the roots they grew from; the same gate stands small in its own opening."
    ),
    identity_marks=("recursive branching", "limbs that fold back into the arch", "the gate within"),
    environment="ash-plain",
    height=(40.0, 62.0),
    view=View(azimuth=10.0, elevation=4.0, focal_length=60.0, aspect=1.1),
    sculptor=sculpt,
)
