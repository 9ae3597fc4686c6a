"""Bodies and dress of figures: hands, heads, masks, boots, and cloth that hangs in folds.

Proportions follow a standing adult of eight head heights. A figure faces +Z; its left is +X.
Living matter and armour are solids (`gm_assets.world.sdf`), cloth is lofted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gm_assets.world.sdf.meshing import Mesh, simplified
from gm_assets.world.sdf.noise import fractal_noise
from gm_assets.world.sdf.solid import Solid, blend, box, ellipsoid, sphere, tube
from gm_assets.world.subjects.forms import circle, curve, loft, sweep

Array = NDArray[np.float64]


def limb(points: ArrayLike, radii: ArrayLike, steps: int = 16) -> Solid:
    """A smooth tapering tube through points, with one radius a point."""
    rows = np.concatenate(
        [np.asarray(points, dtype=float), np.asarray(radii, dtype=float)[:, None]], axis=1
    )
    smooth = curve(rows, steps)
    return tube(smooth[:, :3], np.maximum(smooth[:, 3], 1e-3))


def horn(
    points: ArrayLike,
    root: float,
    tip: float,
    *,
    rings: int = 14,
    relief: float = 0.05,
    steps: int = 56,
) -> Solid:
    """A ringed horn along a curve, tapering from `root` to `tip` metres of radius."""
    t = np.linspace(0.0, 1.0, steps)
    ringed = 1.0 + relief * np.abs(np.sin(np.pi * rings * t**0.85)) * (1.0 - 0.7 * t)
    return tube(curve(points, steps), (root + (tip - root) * t**0.9) * ringed)


def hand(curl: float, spread: float = 4.0, *, glove: float = 0.0) -> Solid:
    """A left hand with its wrist at the origin, fingers along -Y, palm towards -X, thumb to +Z.

    Args:
        curl: degrees by which each finger joint bends towards the palm.
        spread: degrees between neighbouring fingers.
        glove: metres of thickness added all over.
    """
    palm = box(0.026, 0.085, 0.078, 0.012).moved(0.0, -0.062, 0.0)
    wrist = tube([(0, 0.03, 0), (0, -0.03, 0.0)], [0.026, 0.027])
    pieces = [wrist, palm]
    for i, length in enumerate((0.078, 0.088, 0.083, 0.066)):
        lean = np.radians(spread * (1.5 - i))
        start = np.array([0.0, -0.1, 0.0285 - 0.019 * i])
        path = [start]
        for joint, share in enumerate((0.46, 0.3, 0.24)):
            bend = np.radians(curl * (joint + 0.6))
            ahead = np.array(
                [-np.sin(bend), -np.cos(bend) * np.cos(lean), np.cos(bend) * np.sin(lean)]
            )
            path.append(path[-1] + ahead * length * share)
        pieces.append(tube(path, [0.0105, 0.0095, 0.0088, 0.007]))
    thumb = [
        (-0.004, -0.03, 0.028),
        (-0.016, -0.062, 0.05),
        (-0.026, -0.092, 0.052),
        (-0.036, -0.114, 0.046),
    ]
    pieces.append(tube(thumb, [0.016, 0.013, 0.011, 0.008]))
    solid = blend(*pieces, radius=0.012)
    return solid.grown(glove) if glove > 0.0 else solid


def flipped(solid: Solid) -> Solid:
    """The mirror image in the plane x = 0: a right hand from a left one."""
    sign = np.array([[-1.0], [1.0], [1.0]], dtype=np.float32)
    return Solid(
        lambda p: solid.distance(p * sign),
        (-solid.upper[0], solid.lower[1], solid.lower[2]),
        (-solid.lower[0], solid.upper[1], solid.upper[2]),
    )


def head(*, gaunt: float = 0.0) -> Solid:
    """A bare head and neck; the chin's tip lies at the origin, the crown 0.23 m above it.

    Args:
        gaunt: 0 to 1, how hollow the cheeks are.
    """
    skull = ellipsoid(0.075, 0.098, 0.094).moved(0, 0.135, -0.085)
    jaw = ellipsoid(0.056, 0.072, 0.066).moved(0, 0.058, -0.058)
    chin = sphere(0.022).moved(0, 0.016, -0.016)
    brow = tube([(-0.045, 0.132, -0.018), (0, 0.136, -0.006), (0.045, 0.132, -0.018)], 0.014)
    nose = tube([(0, 0.122, -0.008), (0, 0.088, 0.017), (0, 0.078, 0.008)], [0.009, 0.012, 0.011])
    cheeks = sphere(0.022).moved(0.044, 0.092, -0.026).mirrored()
    lips = tube([(-0.02, 0.047, -0.008), (0, 0.05, 0.001), (0.02, 0.047, -0.008)], 0.009)
    neck = tube([(0, 0.07, -0.1), (0, -0.09, -0.115)], [0.056, 0.062])
    face = blend(skull, jaw, chin, brow, cheeks, neck, radius=0.03)
    face = blend(face, nose, lips, radius=0.012)
    sockets = ellipsoid(0.019, 0.013, 0.016).moved(0.031, 0.116, -0.004).mirrored()
    face = face.carved(sockets, 0.02)
    if gaunt > 0.0:
        hollow = sphere(0.03).moved(0.066 - 0.006 * gaunt, 0.062, -0.012).mirrored()
        face = face.carved(hollow, 0.03)
    eyes = sphere(0.013).moved(0.031, 0.116, -0.021).mirrored()
    ears = ellipsoid(0.008, 0.03, 0.017).moved(0.074, 0.11, -0.088).mirrored()
    return blend(face, eyes, ears, radius=0.006)


def boot(height: float, bulk: float = 1.0) -> Solid:
    """A left boot standing on y = 0 with its ankle above the origin, toes towards +Z.

    Args:
        height: of the shaft.
        bulk: factor on the widths; a work boot has about 1.25.
    """
    b = bulk
    sole = box(0.09 * b, 0.028, 0.255 * b, 0.013).moved(0, 0.014, 0.06)
    heel = box(0.08 * b, 0.03, 0.075, 0.008).moved(0, 0.015, -0.05)
    toe = ellipsoid(0.046 * b, 0.046 * b, 0.075 * b).moved(0.002, 0.05, 0.125 * b)
    instep = tube([(0, 0.1, 0.0), (0, 0.055, 0.1)], [0.05 * b, 0.042 * b])
    back = sphere(0.042 * b).moved(0, 0.05, -0.035)
    shaft = tube(
        [(0, 0.06, 0), (0, height * 0.5, -0.008), (0, height, -0.014)],
        [0.047 * b, 0.05 * b, 0.06 * b],
    )
    upper = blend(toe, instep, back, shaft, radius=0.035)
    cuff = tube([(0, height - 0.012, -0.014), (0, height + 0.012, -0.014)], 0.064 * b)
    return blend(upper, sole, heel, cuff, radius=0.008)


@dataclass(frozen=True)
class Section:
    """One height of a hanging cloth: half widths along x and z, and where its middle lies."""

    height: float
    half_width: float
    half_depth: float
    centre_x: float = 0.0
    centre_z: float = 0.0


def on_body(
    sections: Sequence[Section], places: ArrayLike, gap: float, steps: int = 24
) -> tuple[Array, Array]:
    """A smooth line on a dressed body, for straps: points (steps, 3) and outward normals.

    Args:
        sections: of the body, from below upwards.
        places: (k, 2) angles in degrees from +Z towards +X, and heights.
        gap: metres between the body and the line.
    """
    table = np.array(
        [[s.height, s.half_width, s.half_depth, s.centre_x, s.centre_z] for s in sections]
    )
    line = curve(np.asarray(places, dtype=float), steps)
    angle, height = np.radians(line[:, 0]), line[:, 1]
    wide, deep, x, z = (np.interp(height, table[:, 0], table[:, i]) for i in range(1, 5))
    normal = np.stack([np.sin(angle) * deep, np.zeros(steps), np.cos(angle) * wide], axis=-1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    points = np.stack([x + wide * np.sin(angle), height, z + deep * np.cos(angle)], axis=-1)
    return points + normal * gap, normal


@dataclass(frozen=True)
class Fold:
    """One pipe of cloth: a ridge that runs down from `top`.

    Attributes:
        angle: degrees from +Z towards +X.
        width: degrees over which the ridge falls to two thirds of its depth.
        depth: metres at the hem.
        top: height at which it begins.
        drift: degrees by which it wanders from its top to the hem.
    """

    angle: float
    width: float
    depth: float
    top: float
    drift: float = 0.0


def folds(
    rng: np.random.Generator, number: int, top: float, depth: float, *, spread: float = 0.35
) -> list[Fold]:
    """Irregular folds all round: neighbours differ in place, width, depth and beginning."""
    gap = 360.0 / number
    made = []
    for i in range(number):
        strength = rng.uniform(0.55, 1.25)
        made.append(
            Fold(
                angle=gap * (i + rng.uniform(-spread, spread)),
                width=gap * rng.uniform(0.16, 0.3),
                depth=depth * strength,
                top=top * rng.uniform(0.72, 1.0),
                drift=rng.uniform(-0.3, 0.3) * gap,
            )
        )
    return made


def hanging(
    sections: Sequence[Section],
    pipes: Sequence[Fold],
    *,
    segments: int,
    rings: int,
    seed: int,
    crumple: float = 0.004,
    ragged: float = 0.0,
    opening: float = 0.0,
    tolerance: float = 0.0009,
) -> Mesh:
    """A closed body of cloth hung from its top section, with pipes that deepen to the hem.

    Args:
        sections: from the hem upwards, at least two.
        segments: points around; at least three a fold show it well.
        rings: points from hem to top.
        crumple: amplitude of small wrinkles, metres.
        ragged: how far the hem's height varies, metres.
        opening: degrees of a slit at the front that widens to the hem; 0 for none.
        tolerance: of the simplification that ends it, metres; 0 for none.
    """
    table = np.array(
        [[s.height, s.half_width, s.half_depth, s.centre_x, s.centre_z] for s in sections]
    )
    rows = curve(table, rings)
    angle = 2 * np.pi * np.arange(segments) / segments
    hem, top = rows[0, 0], rows[-1, 0]
    degrees = np.degrees(angle)
    points = []
    for level, wide, deep, x, z in rows:
        drop = float(np.clip((top - level) / max(top - hem, 1e-9), 0.0, 1.0))
        out = np.zeros(segments)
        for pipe in pipes:
            fall = float(np.clip((pipe.top - level) / max(pipe.top - hem, 1e-9), 0.0, 1.0))
            if fall > 0.0:
                apart = (degrees - pipe.angle - pipe.drift * fall + 180.0) % 360.0 - 180.0
                ridge = np.exp(-0.5 * (apart / pipe.width) ** 2)
                valley = np.exp(-0.5 * (apart / (pipe.width * 2.2)) ** 2)
                out += pipe.depth * fall**0.8 * (1.45 * ridge - 0.75 * valley)
        if opening > 0.0:
            apart = (degrees + 180.0) % 360.0 - 180.0
            slit = np.exp(-((apart / max(opening * drop, 1e-3)) ** 4))
            out -= 0.6 * min(wide, deep) * slit * min(1.0, drop * 3.0)
        ring = np.stack(
            [
                x + (wide + out) * np.sin(angle),
                np.full(segments, level),
                z + (deep + out) * np.cos(angle),
            ],
            axis=-1,
        )
        points.append(ring)
    grid = np.array(points)
    flat = grid.reshape(-1, 3)
    away = flat - np.array([rows[:, 3].mean(), 0.0, rows[:, 4].mean()])
    away[:, 1] = 0.0
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9)
    # Wrinkles are longer down the cloth than across it.
    probe = (flat * [1.0, 0.35, 1.0]).T.astype(np.float32)
    flat = flat + away * (crumple * fractal_noise(probe, 14.0, 3, seed))[:, None]
    if ragged > 0.0:
        share = np.repeat(np.clip(1.0 - np.arange(rings) / (rings * 0.25), 0.0, 1.0), segments)
        wave = fractal_noise(probe * np.float32(1.0), 9.0, 2, seed + 5)
        flat[:, 1] += ragged * share * np.abs(wave)
    mesh = loft(flat.reshape(grid.shape))
    return simplified(mesh, tolerance) if tolerance > 0.0 else mesh


def sleeve(
    path: ArrayLike,
    radii: ArrayLike,
    *,
    segments: int,
    rings: int,
    seed: int,
    depth: float = 0.1,
    lobes: int = 9,
    up: tuple[float, float, float] = (0.0, 1.0, 0.0),
    tolerance: float = 0.0008,
) -> Mesh:
    """A sleeve or trouser leg along a path, with wrinkles across and folds along it.

    Args:
        depth: of the folds as a fraction of the radius at the far end.
        lobes: folds around.
    """
    rng = np.random.default_rng(seed)
    rows = curve(
        np.concatenate([np.asarray(path, float), np.asarray(radii, float)[:, None]], axis=1), rings
    )
    phase, lean = rng.uniform(0, 2 * np.pi, 3), rng.uniform(0.7, 1.4, 3)

    def swell(way: float, angle: Array) -> Array:
        along = np.abs(np.sin(lobes / 2 * angle + phase[0] + 1.5 * way)) - 0.5
        across = np.sin(16 * lean[0] * way + 1.6 * np.sin(angle + phase[1])) * np.sin(
            2 * angle + phase[2] + 5.0 * lean[1] * way
        )
        return 1.0 + depth * (way * along + 0.45 * across)

    mesh = sweep(rows[:, :3], circle(1.0, segments), scale=rows[:, 3], up=up, swell=swell)
    return simplified(mesh, tolerance) if tolerance > 0.0 else mesh
