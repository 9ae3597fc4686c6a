"""The fluted spire: a needle of twisted flutes in a ring of lesser spires."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gm_assets.world.sdf.meshing import Mesh, joined, simplified
from gm_assets.world.sdf.noise import fractal_noise
from gm_assets.world.subjects.forms import (
    around,
    lathe,
    spike,
)
from gm_assets.world.subjects.kit import (
    archway,
    buttress,
    count,
    fluted_column,
    flying_buttress,
    pinnacle,
    plated_ring,
    stair,
    tiny_figure,
)
from gm_assets.world.subjects.model import Assembly, Subject, View

Array = NDArray[np.float64]


def sculpt(seed: int, detail: float) -> Assembly:
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
        pier = fluted_column(
            radius, height, 9, depth=0.2, taper=0.42, segments=4, rings=5, twist=-60.0
        )
        tip = fluted_column(radius * 0.42, height * 0.42, 6, depth=0.2, taper=0.03, segments=3)
        cap = pinnacle(radius * 0.9, radius * 5.0)
        foot = lathe([(radius * 1.5, 0), (radius * 1.5, 3), (radius * 1.05, 5.5)], 8)
        tower = joined(
            [
                pier,
                tip.moved(y=height),
                foot,
                around(cap.moved(0, height * 0.8, radius * 0.6), 4, start=45.0),
            ]
        )
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
        lathe([(24, 0), (24, 1.2), (22.6, 1.2), (22.6, 2.4), (21.2, 2.4), (21.2, 3.6)], 8).turned(
            "y", 22.5
        ),
        *(buttress(2.2, 15.0, 5.0).moved(0, 0, 18.2).turned("y", 45.0 * i) for i in range(8)),
    ]
    for i in range(8):
        if i != 0:
            frame = archway(7.0, 6.0, 0.9, 2.0, 1.0, count(8, detail, 4)).moved(0, 3.4, 14.2)
            base.append(frame.turned("y", 45.0 * i + 22.5))
    portal = [
        archway(6.4 + 1.7 * i, 7.5 + 0.8 * i, 0.85, 1.4, 1.0, count(10, detail, 5)).moved(
            0, 3.4, 16.2 - 1.2 * (2 - i)
        )
        for i in range(3)
    ]
    made.add(
        "base", "architecture", "wet-basalt", *base, stair(10.0, 3.6, 5.0, 9).moved(0, 0, 27.0)
    )
    made.add("portal", "architecture", "tarnished-silver", *(m.turned("y", 22.5) for m in portal))
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
    worn = 1.0 + 0.008 * fractal_noise(probe, 0.35, 3, seed)[:, None]
    shaft = Mesh(shaft.vertices * np.where([True, False, True], worn, 1.0), shaft.faces)
    return simplified(shaft, 0.02 / detail)


SUBJECT = Subject(
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
    sculptor=sculpt,
)
