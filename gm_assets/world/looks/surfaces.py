"""What the world's materials look like: colour, roughness, relief, frost, windows and flame.

Values stand for real substances under neutral light. Nothing is glossy but water and wet
stone, and nothing is red but cloth on a body.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gm_assets.world.looks.texture import at_points, smoothstep

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Substance:
    """One material.

    Attributes:
        light, dark: linear colours between which its texture varies.
        rough: GGX roughness, 0 mirror to 1 chalk.
        metal: 0 or 1.
        relief: strength of its bumps.
        streaks: how much rain has drawn on it, 0 to 1.
        grain: fineness, relative to others.
        takes_snow: how much snow stays on it.
    """

    light: tuple[float, float, float]
    dark: tuple[float, float, float]
    rough: float = 0.8
    metal: float = 0.0
    relief: float = 0.5
    streaks: float = 0.3
    grain: float = 1.0
    takes_snow: float = 1.0


SUBSTANCES: dict[str, Substance] = {
    "bone": Substance((0.50, 0.455, 0.37), (0.21, 0.175, 0.13), 0.62, relief=0.5, streaks=0.45),
    "wet-basalt": Substance(
        (0.085, 0.088, 0.092), (0.022, 0.024, 0.028), 0.34, relief=1.0, streaks=0.5
    ),
    "cast-iron": Substance(
        (0.150, 0.145, 0.140), (0.040, 0.038, 0.036), 0.56, 0.6, relief=0.6, streaks=0.7
    ),
    "tarnished-silver": Substance(
        (0.46, 0.455, 0.43), (0.12, 0.115, 0.105), 0.40, 0.85, relief=0.35, streaks=0.55
    ),
    "oxidised-bronze": Substance(
        (0.165, 0.225, 0.190), (0.085, 0.068, 0.040), 0.58, 0.4, relief=0.6, streaks=0.9
    ),
    "waxed-canvas": Substance(
        (0.115, 0.105, 0.088), (0.036, 0.034, 0.031), 0.74, relief=0.35, streaks=0.25, grain=2.0
    ),
    "frost": Substance((0.58, 0.62, 0.66), (0.30, 0.33, 0.36), 0.7, relief=0.6, streaks=0.1),
    "skin": Substance((0.30, 0.235, 0.185), (0.17, 0.125, 0.095), 0.58, relief=0.15, streaks=0.0,
                      takes_snow=0.15),
    "red-cloth": Substance((0.62, 0.020, 0.022), (0.30, 0.008, 0.010), 0.88, relief=0.25,
                           streaks=0.1, takes_snow=0.12),
    "snow": Substance((0.66, 0.70, 0.75), (0.50, 0.54, 0.60), 0.85, relief=0.5, streaks=0.0,
                      grain=0.35),
    "glow": Substance((0.9, 0.85, 0.75), (0.9, 0.85, 0.75), 0.9, relief=0.0, streaks=0.0,
                      takes_snow=0.0),
    # Materials of stages alone.
    "water": Substance((0.006, 0.008, 0.010), (0.004, 0.006, 0.008), 0.05, relief=0.0,
                       streaks=0.0, takes_snow=0.0),
    "city": Substance((0.060, 0.058, 0.058), (0.025, 0.025, 0.027), 0.8, relief=0.4, streaks=0.4),
    "trodden-snow": Substance((0.16, 0.18, 0.21), (0.09, 0.10, 0.12), 0.9, relief=0.2, streaks=0.0,
                              takes_snow=0.0),
    "ash": Substance((0.135, 0.130, 0.126), (0.055, 0.053, 0.052), 0.95, relief=0.9, streaks=0.0,
                     grain=0.4),
}  # fmt: skip
#: Turned against the axes and each other, repeats of the noise volume do not line up.
_TURNS = np.array(
    [
        [[0.61, -0.52, 0.60], [0.28, 0.85, 0.45], [-0.74, -0.10, 0.66]],
        [[-0.42, 0.77, 0.48], [0.80, 0.07, 0.60], [0.43, 0.63, -0.64]],
    ],
    np.float32,
)
_PLAIN = Substance((0.22, 0.21, 0.20), (0.09, 0.085, 0.08))
_SNOW = np.array([0.64, 0.68, 0.73], np.float32)


@dataclass(frozen=True, eq=False)
class Surface:
    """The shading inputs of n points: (n, 3) albedo, normal, emission; (n,) rough, metal."""

    albedo: Floats
    normal: Floats
    rough: Floats
    metal: Floats
    emission: Floats


@dataclass(frozen=True)
class Weathering:
    """What the weather did to every surface: snow lying, wetness, both 0 to 1; flame strength."""

    snow: float = 0.0
    wet: float = 0.0
    glow: tuple[float, float, float] = (6.0, 4.2, 1.9)


def surface(
    material: str,
    points: Floats,
    normals: Floats,
    openness: Floats,
    size: float,
    weather: Weathering,
) -> Surface:
    """The surface of one material at n points of a subject of `size` metres."""
    substance = SUBSTANCES.get(material, _PLAIN)
    scale = substance.grain / size
    coarse = at_points(points @ _TURNS[0], 1.9 * scale)
    fine = 0.6 * at_points(points @ _TURNS[0], 6.7 * scale)
    fine += 0.4 * at_points(points @ _TURNS[1], 21.3 * scale)
    drawn = at_points(points + 5.3 * size, (6.0 * scale, 0.42 * scale, 6.0 * scale))
    mix = 0.45 * coarse + 0.30 * fine + 0.25 * drawn
    # Folds keep their dirt, edges are rubbed bright.
    mix = smoothstep(0.22, 0.74, mix * (0.62 + 0.42 * openness))
    light, dark = np.asarray(substance.light, np.float32), np.asarray(substance.dark, np.float32)
    albedo = dark + (light - dark) * mix[:, None]
    stain = smoothstep(0.50, 0.72, drawn) * substance.streaks * (normals[:, 1] < 0.6)
    albedo *= (1 - 0.62 * stain)[:, None]
    normal = _relief(points, normals, substance.relief * 0.38, 9.0 * scale)
    rough = np.clip(substance.rough + (0.5 - fine) * 0.42, 0.06, 1).astype(np.float32)
    metal = np.full(len(points), substance.metal, np.float32) * (1 - 0.7 * stain)
    emission = np.zeros_like(albedo)

    if weather.wet and material not in ("red-cloth", "glow", "water", "skin"):
        wet = weather.wet * smoothstep(0.42, 0.62, coarse) * (0.35 + 0.65 * (normals[:, 1] > 0.3))
        albedo *= (1 - 0.5 * wet)[:, None]
        rough = rough * (1 - 0.72 * wet)
    if weather.snow and substance.takes_snow:
        level = normals[:, 1] + (fine - 0.5) * 0.55 + (coarse - 0.5) * 0.4
        lying = smoothstep(0.92 - 0.62 * weather.snow, 1.16 - 0.62 * weather.snow, level)
        lying *= substance.takes_snow * smoothstep(0.35, 0.75, openness)
        albedo = albedo * (1 - lying)[:, None] + _SNOW * lying[:, None]
        rough = rough * (1 - lying) + 0.9 * lying
        metal = metal * (1 - lying)
    if material == "glow":
        emission += np.asarray(weather.glow, np.float32)
    elif material == "city":
        emission += _windows(points, normals, size)
    return Surface(albedo.astype(np.float32), normal, rough.astype(np.float32), metal, emission)


def _relief(points: Floats, normals: Floats, strength: float, scale: float) -> Floats:
    """Normals turned by the slope of the noise volume."""
    if not strength:
        return normals
    step = np.float32(0.012 / scale)
    here = at_points(points, scale)
    slope = np.stack(
        [
            at_points(points + np.eye(3, dtype=np.float32)[axis] * step, scale) - here
            for axis in range(3)
        ],
        axis=1,
    )
    bent = normals - slope * np.float32(strength * 9.0)
    return (bent / np.linalg.norm(bent, axis=1, keepdims=True)).astype(np.float32)


def _windows(points: Floats, normals: Floats, size: float) -> Floats:
    """Few small lit windows on upright walls, in rows, at sodium amber."""
    across = points[:, 0] * np.abs(normals[:, 2]) + points[:, 2] * np.abs(normals[:, 0])
    cell = 0.034 * size
    column, row = np.floor(across / cell), np.floor(points[:, 1] / (cell * 1.5))
    chance = np.abs(np.sin(column * 127.1 + row * 311.7 + np.floor(points[:, 2] / size) * 74.7))
    chance = (chance * 43758.5453) % 1
    u, v = across / cell - column, points[:, 1] / (cell * 1.5) - row
    inside = (np.abs(u - 0.5) < 0.2) & (np.abs(v - 0.5) < 0.24) & (np.abs(normals[:, 1]) < 0.3)
    lit = inside & (chance > 0.90)
    return lit[:, None] * np.array([1.0, 0.60, 0.20], np.float32) * (0.5 + chance[:, None] * 1.2)
