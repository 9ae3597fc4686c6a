"""The ring-freighter: a vertebrate spine through a great thorned ring, hung with pods."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gm_assets.world.sdf.meshing import Mesh, joined
from gm_assets.world.subjects.forms import (
    around,
    block,
    cable,
    circle,
    curve,
    lathe,
    prism,
    spike,
    sweep,
)
from gm_assets.world.subjects.kit import (
    archway,
    count,
    pinnacle,
    plated_ring,
)
from gm_assets.world.subjects.model import Assembly, Subject, View

Array = NDArray[np.float64]


def sculpt(seed: int, detail: float) -> Assembly:
    """A spine of 300 m through a great ring on eight spokes, hung with ribbed cargo pods."""
    rng = np.random.default_rng([seed, 11])
    made = Assembly()
    radius = 78.0
    made.add("ring", "machine", "tarnished-silver", *_ring(radius, detail))
    made.add("spokes", "machine", "cast-iron", *_spokes(radius, detail))
    made.add("spine", "machine", "cast-iron", *_spine(detail))
    made.add("prow", "machine", "oxidised-bronze", *_prow(detail))
    made.add("engines", "machine", "oxidised-bronze", *_engines(detail))
    pods, straps = _pods(rng, detail)
    made.add("cargo-pods", "machine", "waxed-canvas", *pods)
    made.add("pod-frames", "machine", "cast-iron", *straps)
    lamps = [block(0.8, 1.6, 0.5).moved(0, 0, radius + 7.2).turned("y", 7.5 * i) for i in range(48)]
    made.add("lamps", "light", "glow", joined(lamps).turned("x", 90.0).moved(z=12.0))
    return made


def _ring(radius: float, detail: float) -> list[Mesh]:
    """The hull of the ring: a flanged tube, ribs across it, a parapet of pinnacles, rivets."""
    hull = np.array(
        [(-6, -8), (-3, -10.5), (3, -10.5), (7, -7), (7, 7), (3, 10.5), (-3, 10.5), (-6, 8)]
    )
    body = plated_ring(radius, hull, count(96, detail, 32))
    pieces = [body]
    for level, out in ((-10.4, 2.2), (10.4, 2.2), (-7.0, 7.0), (7.0, 7.0), (0.0, 7.2)):
        lip = circle(0.8, 6) + np.array([out, level])
        pieces.append(plated_ring(radius, lip, count(96, detail, 32)))
    outline = np.array(
        [
            (-8.0, -6.0),
            (-5.4, -11.6),
            (3.6, -11.8),
            (8.6, -7.6),
            (8.6, 7.6),
            (3.6, 11.8),
            (-5.4, 11.6),
            (-8.0, 6.0),
        ]
    )
    rib = prism([outline], 1.5).moved(radius, 0, 0)
    pieces.append(around(rib, 32))
    thorn = lathe([(0.9, 0), (0.7, 3.0), (1.0, 3.2), (0.9, 4.0), (0.02, 11.0)], 6)
    pieces.append(around(thorn.turned("x", 90.0).moved(0, 0, radius + 8.0), 32, start=90.0))
    window = archway(2.2, 2.6, 0.45, 1.0, 1.0, count(5, detail, 3)).turned("y", 0.0)
    bays = [
        window.moved(x, -2.0, radius + 6.9).turned("y", 360.0 / 32 * (i + 0.5))
        for i in range(32)
        for x in (-3.6, 0.0, 3.6)
    ]
    pieces += bays
    return [joined(pieces).turned("x", 90.0).moved(z=12.0)]


def _spokes(radius: float, detail: float) -> list[Mesh]:
    """Eight pairs of arched struts between spine and ring, with tension rods."""
    pieces = []
    for i in range(8):
        for z in (-5.0, 5.0):
            path = curve(
                [(0, 11.0, z * 3.2), (0, 32.0, z * 1.1), (0, radius - 7.0, z)], count(14, detail, 6)
            )
            size = np.linspace(2.6, 1.2, len(path))
            strut = sweep(path, circle(1.0, 6) * [1.0, 1.4], scale=size, up=(0, 0, 1))
            pieces.append(strut.turned("z", 45.0 * i))
        for way in np.linspace(0.22, 0.86, 6):
            y = 11 + (radius - 18) * way
            rung = cable(
                [(0, y, -13 + 8 * min(way * 1.6, 1)), (0, y, 13 - 8 * min(way * 1.6, 1))], 0.7, 5
            )
            pieces.append(rung.turned("z", 45.0 * i))
        rod = cable([(0, 9.0, 64.0), (0, radius - 5.0, 6.0)], 0.38, 5)
        back = cable([(0, 9.0, -80.0), (0, radius - 5.0, -6.0)], 0.38, 5)
        pieces += [rod.turned("z", 45.0 * i + 22.5), back.turned("z", 45.0 * i + 22.5)]
    return [joined(pieces).moved(z=12.0)]


def _spine(detail: float) -> list[Mesh]:
    """Vertebrae on a keel tube, each a drum with three processes."""
    tube = lathe([(5.0, -140.0), (5.6, -60.0), (5.6, 60.0), (4.4, 120.0)], count(16, detail, 8))
    pieces = [tube]
    drum = lathe(
        [(5.0, -2.6), (7.2, -2.0), (6.4, 0.0), (7.2, 2.0), (5.0, 2.6)], count(14, detail, 8)
    )
    fin = prism(
        [np.array([(-1.6, 5.0), (1.6, 5.0), (0.9, 10.0), (2.2, 14.0), (-2.0, 12.4), (-1.0, 9.0)])],
        0.9,
    )
    blade = fin.turned("z", -90.0)
    for i in range(30):
        y = -128.0 + 8.0 * i
        swell = 1.0 + 0.35 * np.exp(-(((y - 12.0) / 26.0) ** 2))
        pieces.append(drum.scaled(swell, 1.0, swell).moved(y=y))
        pieces.append(around(blade.scaled(swell, 1.0, 1.0).moved(y=y), 3, start=30.0))
    hub = lathe(
        [
            (8.0, -16.0),
            (12.5, -13.0),
            (13.5, -6.0),
            (11.0, -4.0),
            (11.0, 4.0),
            (13.5, 6.0),
            (12.5, 13.0),
            (8.0, 16.0),
        ],
        count(32, detail, 12),
    )
    pieces.append(hub.moved(y=12.0))
    return [joined(pieces).turned("x", 90.0)]


def _prow(detail: float) -> list[Mesh]:
    """The bridge: a ribbed bow like the east end of a cathedral, with a wheel window and spikes."""
    bow = lathe(
        [(4.4, 112.0), (9.5, 116.0), (11.0, 124.0), (9.0, 138.0), (4.5, 151.0), (0.8, 160.0)], 12
    ).turned("x", 90.0)
    pieces = [bow.scaled(1.0, 1.25, 1.0)]
    for i in range(12):
        path = curve(
            [
                (0, 10.4, 114.0),
                (0, 12.4, 124.0),
                (0, 10.2, 138.0),
                (0, 5.2, 152.0),
                (0, 0.5, 166.0),
            ],
            count(14, detail, 7),
        )
        rib = sweep(path, circle(1.0, 5), scale=np.linspace(0.85, 0.3, len(path)))
        pieces.append(rib.turned("z", 30.0 * i + 15.0).scaled(1.0, 1.25, 1.0))
    for i in range(6):
        crown = pinnacle(2.4, 17.0).moved(0, 12.0, 119.0)
        pieces.append(crown.turned("z", 60.0 * i))
    lance = cable([(0, 0, 158.0), (0, 0, 190.0)], [0.8, 0.12], 6)
    pieces.append(lance)
    return pieces


def _engines(detail: float) -> list[Mesh]:
    """Seven bells behind a thrust frame."""
    bell = lathe(
        [
            (2.2, 0),
            (3.2, -2.0),
            (2.6, -5.0),
            (4.2, -11.0),
            (6.4, -20.0),
            (6.0, -20.0),
            (3.6, -11.0),
            (0.5, -8.0),
        ][::-1],
        count(20, detail, 10),
    )
    bell = joined(
        [
            bell,
            *(
                plated_ring(r, circle(0.35, 5), 20).moved(y=y)
                for r, y in ((3.6, -9.0), (5.0, -14.5))
            ),
        ]
    )
    pieces = [bell.scaled(1.2).moved(y=-140.0)]
    pieces.append(around(bell.moved(0, -132.0, 14.0), 6))
    frame = lathe([(6.0, -136.0), (18.5, -133.0), (17.5, -129.0), (6.0, -122.0)], 6)
    pieces.append(frame)
    pieces.append(
        around(spike(1.2, 22.0, 5, 1.3).turned("x", 70.0).moved(0, -131.0, 17.0), 6, start=30.0)
    )
    return [joined(pieces).turned("x", 90.0)]


def _pods(rng: np.random.Generator, detail: float) -> tuple[list[Mesh], list[Mesh]]:
    """Canvas-covered pods in rings of six before and behind the great ring, in iron frames."""
    pods, frames = [], []
    line = [(0.3, -9.0), (3.4, -8.2), (4.6, -6.0), (4.9, 0.0), (4.6, 6.0), (3.4, 8.2), (0.3, 9.0)]
    for z in (-98.0, -76.0, -54.0, -32.0, 56.0, 78.0, 100.0):
        for i in range(6):
            if rng.uniform() < 0.07:
                continue  # a berth that stands empty
            length = rng.uniform(0.92, 1.06)
            pod = lathe(
                curve(np.array(line), count(20, detail, 9)),
                count(18, detail, 9),
                lambda a, y: 1.0 + 0.05 * np.abs(np.sin(y * 0.9)),
            )
            pod = pod.scaled(1.0, length, 1.0).turned("x", 90.0).moved(0, 17.0, z)
            pods.append(pod.turned("z", 60.0 * i + 30.0))
            hoops = [
                plated_ring(5.1, circle(0.4, 5), count(18, detail, 9)).moved(y=y)
                for y in (-5.5, 0.0, 5.5)
            ]
            frame = joined(hoops).turned("x", 90.0).moved(0, 17.0, z)
            arms = [cable([(0, 6.0, z + k), (0, 12.4, z + k)], 0.6, 5) for k in (-5.5, 5.5)]
            frames.append(joined([frame, *arms]).turned("z", 60.0 * i + 30.0))
    return pods, frames


SUBJECT = Subject(
    name="ring-freighter",
    title="The ring-freighter",
    domain="hardware",
    description=(
        "A vertebrate spine through a great thorned ring on eight spokes, pods of canvas and "
        "iron before and behind it, a bow like the east end of a church."
    ),
    identity_marks=("great ring", "vertebrate spine", "cargo pods"),
    environment="night-city",
    height=(160.0, 210.0),
    view=View(azimuth=52.0, elevation=12.0, focal_length=85.0, aspect=1.5),
    sculptor=sculpt,
)
