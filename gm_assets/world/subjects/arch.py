"""The arch: nested orders of one pointed arch with a spine along its back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gm_assets.world.sdf.meshing import Mesh, joined
from gm_assets.world.subjects.forms import (
    along,
    block,
    cable,
    curve,
    lathe,
    prism,
    spike,
)
from gm_assets.world.subjects.kit import (
    archway,
    buttress,
    count,
    pinnacle,
    pointed_arch,
    tiny_figure,
)
from gm_assets.world.subjects.model import Assembly, Subject, View

Array = NDArray[np.float64]


def sculpt(seed: int, detail: float) -> Assembly:
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
    for offset, thick, depth in (
        (0.75, 0.42, 2.75),
        (2.25, 0.42, 3.65),
        (3.6, 0.34, 4.35),
        (4.7, 0.62, 5.2),
    ):
        wide = width + 2 * offset
        line = pointed_arch(wide, spring, (width * 1.06 + offset) / wide, steps)
        path = np.concatenate([line[1:], line[:1]])
        path = np.stack([path[:, 0], path[:, 1], np.full(len(path), depth)], axis=-1)
        tendons += [cable(path * [1, 1, side], thick, count(8, detail, 5)) for side in (1.0, -1.0)]
    beads = []
    bead = lathe([(0.34, -0.1), (0.3, 0.16), (0.12, 0.36)], 6).turned("x", 90.0)
    for offset, depth in ((0.15, 2.6), (1.5, 3.5), (3.0, 4.2)):
        wide = width + 2 * offset
        line = pointed_arch(wide, spring, (width * 1.06 + offset) / wide, steps * 2)[1:]
        line = curve(line, count(104, detail, 40))
        for side in (0.0, 180.0):
            places = np.concatenate([line, np.full((len(line), 1), depth)], axis=1)
            beads.append(along(bead, places).turned("y", side))
    made.add("beads", "architecture", "tarnished-silver", *beads)
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
                segment.scaled(rng.uniform(0.95, 1.05))
                .turned("z", angle)
                .moved(inside[i, 0], inside[i, 1])
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


SUBJECT = Subject(
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
    sculptor=sculpt,
)
