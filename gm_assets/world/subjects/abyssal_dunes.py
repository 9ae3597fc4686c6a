"""The abyssal dunes: ridge lines under snow, the ribs of a wreck, one small figure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gm_assets.world.sdf.meshing import Mesh, joined
from gm_assets.world.sdf.noise import fractal_noise, value_noise
from gm_assets.world.subjects.forms import block, cable, circle, curve, lathe, spike, sweep
from gm_assets.world.subjects.kit import count, plated_ring, tiny_figure
from gm_assets.world.subjects.model import Assembly, Subject, View
from gm_assets.world.subjects.terrain import heightfield

Array = NDArray[np.float64]
#: Half the side of the ground, metres.
REACH = 150.0


def sculpt(seed: int, detail: float) -> Assembly:
    """Dunes with sharp crests, a wreck's keel, ribs and mast, an anchor, a traveller."""
    rng = np.random.default_rng([seed, 35])
    made = Assembly()
    made.add(
        "dunes",
        "ground",
        "snow",
        heightfield(
            (-REACH, REACH),
            (-REACH, REACH),
            count(250, detail, 50),
            lambda x, z: dune_height(x, z, seed),
            floor=-1.0,
            tolerance=0.06 / detail,
        ),
    )
    made.add("wreck-ribs", "architecture", "bone", *_place(_ribs(rng, detail), seed))
    made.add("wreck-plates", "machine", "cast-iron", *_place(_plates(rng, detail), seed))
    made.add("wreck-mast", "machine", "cast-iron", *_place(_mast(detail), seed))
    made.add(
        "anchor", "machine", "oxidised-bronze", _ground(_anchor(detail), 34.0, 62.0, seed, -0.6)
    )
    stakes = []
    for i in range(9):
        x, z = -30.0 + 7.0 * i + rng.uniform(-1, 1), 92.0 - 9.0 * i + rng.uniform(-1, 1)
        stake = lathe([(0.09, -1.0), (0.07, 2.4), (0.12, 2.5), (0.02, 3.2)], 6)
        stakes.append(_ground(stake.turned("z", rng.uniform(-9, 9)), x, z, seed, 0.0))
    made.add("way-stakes", "prop", "cast-iron", *stakes)
    body, ribbon = tiny_figure(1.85, 14)
    made.add("visitor", "living-body", "waxed-canvas", _ground(body, -6.0, 74.0, seed, -0.1))
    made.add("visitor-ribbon", "living-body", "red-cloth", _ground(ribbon, -6.0, 74.0, seed, -0.1))
    return made


def dune_height(x: Array, z: Array, seed: int) -> Array:
    """Height of the snow: crests that are sharp to the lee, ripples on the windward side."""
    probe = np.stack([x, np.zeros_like(x), z]).astype(np.float32)
    bend = 26.0 * fractal_noise(probe, 0.011, 2, seed + 1)
    total = np.zeros_like(x)
    for length, rise, shift, turn in (
        (92.0, 21.0, 0.0, 0.22),
        (47.0, 6.0, 17.0, -0.3),
        (23.0, 1.9, 5.0, 0.1),
    ):
        along = np.cos(turn) * z + np.sin(turn) * x + bend * length / 92.0 + shift
        phase = (along / length) % 1.0
        # A long windward slope to the crest at 0.72, then the slip face.
        wind, lee = (phase / 0.72) ** 1.7, (1.0 - phase) / 0.28
        # A smooth minimum: crests about three metres round, which the lattice can hold.
        blunt = np.maximum(0.16 - np.abs(wind - lee), 0.0) / 0.16
        profile = np.minimum(wind, lee) - blunt * blunt * 0.04
        strength = 0.55 + 0.45 * value_noise(probe, 0.014, seed + int(length))
        total = total + rise * profile * strength
    ripples = 0.12 * np.sin(1.9 * z + 0.5 * x + 5.0 * value_noise(probe, 0.06, seed + 7))
    total = total + ripples + 0.25 * fractal_noise(probe, 0.12, 3, seed + 8)
    back = 1.0 + 1.1 * np.clip((-z) / REACH, 0.0, 1.0)
    hollow = 1.0 - 0.72 * np.exp(-(((x - 6.0) / 46.0) ** 2 + ((z - 18.0) / 60.0) ** 2))
    edge = np.clip((REACH - np.maximum(np.abs(x), np.abs(z))) / 22.0, 0.0, 1.0)
    edge = edge * edge * (3.0 - 2.0 * edge)
    return np.maximum(total * back * hollow + 1.2, 0.2) * edge


def _ground(mesh: Mesh, x: float, z: float, seed: int, lift: float) -> Mesh:
    y = float(dune_height(np.array([x]), np.array([z]), seed)[0])
    return mesh.moved(x, y + lift, z)


def _place(meshes: list[Mesh], seed: int) -> list[Mesh]:
    """The wreck in its hollow: keel along the view, listing to one side, stern sunk."""
    y = float(dune_height(np.array([6.0]), np.array([10.0]), seed)[0])
    return [
        m.turned("x", 5.0).turned("z", -13.0).turned("y", 24.0).moved(8.0, y - 2.6, 6.0)
        for m in meshes
    ]


def _ribs(rng: np.random.Generator, detail: float) -> list[Mesh]:
    """Keel and nineteen pairs of frames, some broken off: the carcass of a ship or of an animal."""
    number = count(20, detail, 9)
    keel = curve(
        [
            (0, 11.0, 46.0),
            (0, 3.2, 40.0),
            (0, 0.6, 28.0),
            (0, 0.0, 0.0),
            (0, 0.8, -30.0),
            (0, 3.0, -44.0),
        ],
        count(50, detail, 20),
    )
    pieces = [sweep(keel, circle(1.0, 8) * [0.7, 1.1], scale=np.linspace(0.7, 1.0, len(keel)))]
    for i in range(19):
        z = 36.0 - 4.1 * i
        wide = 11.5 * np.sin(np.pi * np.clip((i + 1.6) / 21.0, 0, 1)) ** 0.7
        tall = 19.0 - 0.072 * (i - 8) ** 2
        base = float(np.interp(z, keel[::-1, 2], keel[::-1, 1]))
        for side in (1.0, -1.0):
            whole = rng.uniform() > 0.24
            line = curve(
                [
                    (0.2, base, z),
                    (wide * 0.55, base + tall * 0.1, z),
                    (wide * 0.98, base + tall * 0.42, z + 0.3),
                    (wide * 0.92, base + tall * 0.78, z + 0.7),
                    (wide * 0.55, base + tall, z + 1.2),
                ],
                number,
            )
            last = number if whole else int(number * rng.uniform(0.45, 0.75))
            path = line[:last] * [side, 1.0, 1.0]
            size = 0.62 * (1.0 - 0.62 * np.linspace(0, last / number, last)) + 0.05
            pieces.append(sweep(path, circle(1.0, 7) * [1.0, 0.62], scale=size, up=(0, 0, 1)))
        knob = lathe([(0.5, -0.7), (1.0, -0.2), (0.9, 0.4), (0.3, 1.6), (0.04, 2.6)], 7)
        if 0 < i < 18:
            pieces.append(knob.scaled(0.75).moved(0, base + 0.5, z))
    return pieces


def _plates(rng: np.random.Generator, detail: float) -> list[Mesh]:
    """Strakes of plating that still cling to the frames, and the collapsed boiler between them."""
    pieces = []
    for low, start, stop, side in (
        (0.16, 2, 12, -1.0),
        (0.3, 4, 15, -1.0),
        (0.2, 6, 11, 1.0),
        (0.44, 5, 9, -1.0),
    ):
        path = []
        for i in range(start, stop):
            z = 36.0 - 4.1 * i
            wide = 11.5 * np.sin(np.pi * (i + 1.6) / 21.0) ** 0.7
            path.append((side * wide * min(0.99, 0.5 + 1.1 * low), 19.0 * low + 1.0, z))
        line = curve(path, count(24, detail, 10))
        section = np.array([(-0.1, -1.2), (0.1, -1.2), (0.1, 1.2), (-0.1, 1.2)])
        pieces.append(sweep(line, section, up=(0.0, 1.0, 0.0)))
    boiler = joined(
        [
            lathe(
                [(0.4, -5.5), (3.0, -5.0), (3.3, -4.0), (3.3, 4.0), (3.0, 5.0), (0.4, 5.5)],
                count(24, detail, 12),
            ),
            *(
                plated_ring(3.35, circle(0.22, 5), count(24, detail, 12)).moved(y=y)
                for y in (-3.0, 0.0, 3.0)
            ),
        ]
    )
    pieces.append(boiler.turned("x", 84.0).turned("y", 12.0).moved(-1.5, 3.6, -6.0))
    stack = lathe([(1.5, 0), (1.4, 8.0), (1.8, 8.4), (1.7, 9.2), (1.2, 9.3)], count(16, detail, 8))
    pieces.append(stack.turned("z", 62.0).turned("y", 30.0).moved(4.0, 4.0, -3.0))
    for _ in range(count(14, detail, 5)):
        slab = block(rng.uniform(0.6, 2.4), 0.16, rng.uniform(0.8, 3.0)).turned(
            "x", rng.uniform(-60, 60)
        )
        pieces.append(
            slab.turned("y", rng.uniform(0, 180)).moved(
                rng.uniform(-12, 12), 2.6, rng.uniform(-20, 34)
            )
        )
    return pieces


def _mast(detail: float) -> list[Mesh]:
    """A mast that still leans against the frames, with its yards and stays."""
    mast = cable([(0, 0, 0), (0, 34.0, 0)], [0.6, 0.2], 8)
    pieces = [mast]
    for y, half in ((20.0, 7.5), (27.0, 5.0)):
        pieces.append(
            cable([(-half, y + 0.8, 0), (0, y, 0.3), (half, y + 0.8, 0)], [0.1, 0.26, 0.1], 6)
        )
        pieces += [
            cable(
                curve([(x, y + 0.7, 0), (x * 0.9, y - 5.0, 0.4), (x, y - 8.0, -0.4)], 8),
                0.06,
                4,
            )
            for x in (-half, half)
        ]
    nest = lathe([(0.6, 0), (1.5, 0.5), (1.6, 1.8), (1.4, 1.8), (0.6, 0.6)], 10)
    pieces.append(nest.moved(y=17.0))
    pieces.append(spike(0.2, 3.0, 6).moved(y=33.8))
    return [joined(pieces).turned("z", -17.0).turned("x", -13.0).moved(0.5, 1.0, 8.0)]


def _anchor(detail: float) -> Mesh:
    """A stocked anchor, half sunk, 7 m long."""
    shank = cable([(0, -1.5, 0), (0, 6.2, 0)], [0.42, 0.3], 8)
    arms = curve(
        [(-2.9, 1.1, 0), (-2.0, -0.6, 0), (0, -1.5, 0), (2.0, -0.6, 0), (2.9, 1.1, 0)],
        count(20, detail, 10),
    )
    fluke = lathe([(0.05, 0.0), (0.7, 0.5), (0.02, 1.7)], 4).scaled(1.0, 1.0, 0.5)
    stock = cable([(0, 5.2, -2.4), (0, 5.2, 2.4)], 0.24, 7)
    ring = plated_ring(0.7, circle(0.16, 6), 18).turned("x", 90.0).moved(0, 6.9, 0)
    whole = joined(
        [
            shank,
            cable(arms, 0.36, 7),
            fluke.turned("z", 24).moved(-3.0, 0.6, 0),
            fluke.turned("z", -24).moved(3.0, 0.6, 0),
            stock,
            ring,
        ]
    )
    return whole.turned("z", 38.0).turned("y", 30.0)


SUBJECT = Subject(
    name="abyssal-dunes",
    title="The abyssal dunes",
    domain="environments",
    description=(
        "Snow dunes with sharp crests; in a hollow the ribs of a wreck, half ship and half animal, "
        "and one traveller before it."
    ),
    identity_marks=("ridge lines", "ribs of a wreck", "one small figure"),
    environment="dunes-under-snow",
    height=(30.0, 65.0),
    view=View(azimuth=8.0, elevation=8.0, focal_length=50.0, aspect=1.9),
    sculptor=sculpt,
)
