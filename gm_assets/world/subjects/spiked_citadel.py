"""The spiked citadel: rows of concave spires in a strict rhythm on a rock ridge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gm_assets.world.sdf.meshing import Mesh, joined
from gm_assets.world.sdf.noise import fractal_noise
from gm_assets.world.subjects.forms import (
    along,
    around,
    block,
    frustum,
    lathe,
)
from gm_assets.world.subjects.kit import (
    archway,
    buttress,
    count,
    gable,
    pinnacle,
    tiny_figure,
)
from gm_assets.world.subjects.model import Assembly, Subject, View
from gm_assets.world.subjects.terrain import heightfield

Array = NDArray[np.float64]


def sculpt(seed: int, detail: float) -> Assembly:
    """Spires in a strict rhythm, tall and short, rising to one in the middle, on a rock ridge."""
    rng = np.random.default_rng([seed, 33])
    made = Assembly()
    spires: list[Mesh] = []
    skirts: list[Mesh] = []
    slits: list[Mesh] = []
    rows = ((-62.0, 1.0, 11, 31.0), (-8.0, 0.6, 12, 27.0), (38.0, 0.34, 15, 20.0))
    for row, (z, scale, number, gap) in enumerate(rows):
        for i in range(number):
            x = (i - (number - 1) / 2) * gap
            beat = (1.0, 0.5, 0.74, 0.5)[(i + 2 * row + 3) % 4]
            envelope = np.exp(-((x / 125.0) ** 2)) * 0.85 + 0.15
            height = 340.0 * scale * envelope * (0.4 + 0.6 * beat) * rng.uniform(0.95, 1.05)
            radius = (6.0 + 0.043 * height) * (0.75 + 0.35 * beat)
            place = (x, float(_ridge_height(np.array([x]), np.array([z]), seed)[0]) - 4.0, z)
            spires.append(_spire(height, radius, detail).moved(*place))
            skirts.append(_skirt(height, radius).moved(*place))
            if beat > 0.9:
                slits.append(_slits(height, radius).moved(*place))
    centre = (0.0, 30.0, -78.0)
    spires.append(_spire(430.0, 30.0, detail).moved(*centre))
    skirts.append(_skirt(330.0, 30.0).moved(*centre))
    slits.append(_slits(400.0, 30.0).moved(*centre))
    made.add("spires", "architecture", "cast-iron", *spires)
    made.add("skirts", "architecture", "wet-basalt", *skirts)
    made.add("windows", "light", "glow", *slits)
    walls = []
    for i in range(15):
        x = (i - 7) * 20.0
        y = float(_ridge_height(np.array([x]), np.array([86.0]), seed)[0])
        walls.append(frustum((19.0, 12.0), (19.0, 8.0), 26.0).moved(x, y - 8.0, 86.0))
        walls.append(buttress(3.4, 30.0, 7.0).moved(x + 10.0, y - 10.0, 90.0))
        walls.append(
            along(block(2.0, 3.5, 3.0), [(x + 4.0 * k, y + 18.0, 88.0) for k in (-2, -1, 0, 1, 2)])
        )
        walls.append(pinnacle(3.2, 20.0).moved(x + 10.0, y + 18.0, 91.0))
    made.add("curtain-wall", "architecture", "wet-basalt", *walls)
    y = float(_ridge_height(np.array([0.0]), np.array([92.0]), seed)[0])
    gate = [
        archway(11.0 + 4.0 * k, 16.0, 2.2, 6.0 - k, 1.0, count(8, detail, 4)).moved(
            0, y - 6.0, 94.0 + 1.2 * (2 - k)
        )
        for k in range(3)
    ]
    gate.append(gable(30.0, 36.0, 4.0, 3.5).moved(0, y + 14.0, 92.0))
    made.add("gate", "architecture", "oxidised-bronze", *gate)
    number = count(120, detail, 40)
    made.add(
        "ridge",
        "ground",
        "wet-basalt",
        heightfield(
            (-330.0, 330.0),
            (-260.0, 300.0),
            number,
            lambda x, z: _ridge_height(x, z, seed),
            floor=-1.0,
            tolerance=1.2 / detail,
        ),
    )
    causeway = [frustum((12.0, 78.0), (9.0, 78.0), 13.0).moved(0, y - 17.0, 134.0)]
    made.add("causeway", "architecture", "wet-basalt", *causeway)
    body, ribbon = tiny_figure(2.0)
    made.add("visitor", "living-body", "waxed-canvas", body.moved(1.5, y - 4.0, 165.0))
    made.add("visitor-ribbon", "living-body", "red-cloth", ribbon.moved(1.5, y - 4.0, 165.0))
    return made


def _ridge_height(x: Array, z: Array, seed: int) -> Array:
    """The rock under the citadel: a broken mound that falls to a plain."""
    mound = 62.0 * np.exp(-((x / 165.0) ** 4)) * np.exp(-(((z + 25.0) / 105.0) ** 4))
    probe = np.stack([x, np.zeros_like(x), z]).astype(np.float32)
    rough = np.abs(fractal_noise(probe, 0.018, 5, seed + 3))
    crag = np.abs(fractal_noise(probe, 0.05, 3, seed + 9))
    slope = np.clip(mound / 62.0, 0.0, 1.0)
    rock = mound * (0.86 + 0.35 * rough) + 16.0 * crag * slope * (1.25 - slope) + 5.0 * rough
    # The rock sinks into the plain before the slab ends.
    reach = np.maximum(np.abs(x) / 330.0, np.abs(z - 20.0) / 280.0)
    return rock * np.clip((1.0 - reach) / 0.2, 0.0, 1.0) ** 0.7


def _spire(height: float, radius: float, detail: float) -> Mesh:
    """A concave spire of eight sharp ridges, with three collars and thorns below the tip."""
    t = np.linspace(0.0, 1.0, count(18, detail, 9)) ** 1.25
    line = radius * ((1 - t) ** 1.55 * 0.85 + 0.15 * (1 - t)) + 0.06
    for level in (0.2, 0.42, 0.6):
        line = line + radius * 0.07 * np.exp(-(((t - level) / 0.018) ** 2))

    def swell(angle: Array, level: Array) -> Array:
        return 1.0 - 0.3 * np.abs(np.sin(angle * 4.0))

    body = lathe(np.stack([line, height * t], -1), 16, swell)
    thorns = []
    thorn = lathe([(0.06, 0.0), (0.001, 0.9)], 3).turned("x", 40.0)
    for level, size in ((0.22, 2.4), (0.44, 1.6), (0.62, 1.0)):
        reach = radius * ((1 - level) ** 1.55 * 0.85 + 0.15 * (1 - level))
        ring = around(thorn.scaled(size * radius * 0.35).moved(0, height * level, reach * 0.9), 8)
        thorns.append(ring)
    return joined([body, *thorns])


def _skirt(height: float, radius: float) -> Mesh:
    """The foot of a spire: an octagonal base, buttresses and lesser needles around it."""
    base = lathe(
        [(radius * 1.45, -20.0), (radius * 1.3, 6.0), (radius * 1.05, height * 0.06 + 6)], 8
    )
    rise = height * 0.2
    feet = around(
        buttress(radius * 0.2, rise, radius * 0.9).moved(0, -8.0, radius * 0.62), 8, start=22.5
    )
    needle = lathe([(0.17, 0.0), (0.15, 0.5), (0.2, 0.54), (0.1, 0.62), (0.004, 1.5)], 4).scaled(
        radius, rise * 0.9, radius
    )
    return joined([base, feet, around(needle.moved(0, -6.0, radius * 1.35), 8, start=22.5)])


def _slits(height: float, radius: float) -> Mesh:
    """Lit windows in vertical lines between the ridges."""
    panes = []
    for level in np.linspace(0.12, 0.42, 4):
        reach = radius * ((1 - level) ** 1.55 * 0.85 + 0.15 * (1 - level))
        size = radius * 0.06
        pane = block(size, size * 4.0, size).moved(0, height * level, reach * 0.74)
        panes.append(around(pane, 8, start=22.5))
    return joined(panes)


SUBJECT = Subject(
    name="spiked-citadel",
    title="The spiked citadel",
    domain="environments",
    description=(
        "Rows of concave spires in a strict rhythm of tall and short climb a rock ridge to one "
        "needle in the middle; a traveller stands on the causeway."
    ),
    identity_marks=("spike rhythm", "one central needle", "ridge of rock"),
    environment="ash-plain",
    height=(420.0, 520.0),
    view=View(azimuth=14.0, elevation=4.0, focal_length=70.0, aspect=1.2),
    sculptor=sculpt,
)
