"""Light and air: lamps with a place, a sky, and fog that the lamps make visible.

Lengths are metres, colours linear sRGB, directions unit vectors in the world.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gm_assets.sculpt.rays import Scene
from gm_assets.sculpt.sampling import cones, hashed
from gm_assets.world.looks.texture import at_plane, smoothstep

Floats = NDArray[np.float32]
Colour = tuple[float, float, float]
Vector = tuple[float, float, float]

AMBER: Colour = (1.0, 0.60, 0.225)
SODIUM: Colour = (1.0, 0.66, 0.25)
COLD: Colour = (0.72, 0.85, 1.0)
MOON: Colour = (0.66, 0.79, 1.0)
PALE: Colour = (1.0, 0.95, 0.86)


@dataclass(frozen=True)
class Lamp:
    """One source of light.

    Attributes:
        kind: `far` shines along `aim` from everywhere, `spot` is a searchlight, `point` a
            torch or a luminous sphere.
        at: position; ignored for `far`.
        aim: the direction in which a `far` or `spot` lamp shines.
        colour: linear colour times strength; for lamps with a place, at one `reach`.
        reach: distance in metres at which a lamp with a place has its stated strength.
        size: tangent of the angular radius that shadows soften with.
        opening: half angle of a spot's cone in degrees.
        beam: how strongly the air shows this lamp, 0 for not at all.
    """

    kind: Literal["far", "spot", "point"]
    colour: Colour
    at: Vector = (0.0, 0.0, 0.0)
    aim: Vector = (0.0, -1.0, 0.0)
    reach: float = 1.0
    size: float = 0.03
    opening: float = 12.0
    beam: float = 0.0

    def toward(self, points: Floats) -> tuple[Floats, Floats, Floats]:
        """Unit directions to the lamp, distances and strengths (n,) at the points."""
        if self.kind == "far":
            aim = -np.asarray(self.aim, np.float32)
            aim = aim / np.linalg.norm(aim)
            count = len(points)
            return (
                np.broadcast_to(aim, (count, 3)).astype(np.float32),
                np.full(count, 1e30, np.float32),
                np.ones(count, np.float32),
            )
        way = np.asarray(self.at, np.float32) - points
        distance = np.maximum(np.linalg.norm(way, axis=1), 1e-6).astype(np.float32)
        way /= distance[:, None]
        # Inverse square with a core, so that a flame does not burn out what it nearly touches.
        strength = 1 / (0.06 + (distance / np.float32(self.reach)) ** 2)
        if self.kind == "spot":
            aim = np.asarray(self.aim, np.float32)
            aim = aim / np.linalg.norm(aim)
            inner = np.cos(np.radians(self.opening * 0.62))
            strength *= smoothstep(np.cos(np.radians(self.opening)), inner, -(way @ aim))
        return way.astype(np.float32), distance, strength.astype(np.float32)

    def free(
        self,
        scene: Scene,
        start: Floats,
        way: Floats,
        distance: Floats,
        pixel: NDArray[np.int64],
        rays: int,
    ) -> Floats:
        """How much of the lamp each point sees, (n,) 0 to 1, by `rays` shadow rays.

        Args:
            way, distance: unit directions and metres to the lamp, as `toward` gives them.
        """
        visible = np.zeros(len(start), np.float32)
        reach = distance * np.float32(0.985)
        for ray in cones(way, self.size, pixel, range(rays), salt=5):
            visible += ~scene.blocked(start, ray, reach)
        return visible / np.float32(rays)


@dataclass(frozen=True)
class Air:
    """Sky, fog and what falls.

    Attributes:
        zenith, horizon: colours of the sky.
        density: extinction of the fog per metre at its base.
        base, layer: height in metres where the fog lies and by which it thins to 1/e.
        glow: colour of the fog in ambient light.
        clouds: 0 for none to 1 for a closed ceiling.
        moon: direction of the moon, or None.
        flakes: snow in the air, 0 to 1.
        wind: slant of falling snow, -1 to 1.
    """

    zenith: Colour = (0.010, 0.014, 0.022)
    horizon: Colour = (0.05, 0.06, 0.075)
    density: float = 0.0
    base: float = 0.0
    layer: float = 1.0
    glow: Colour = (0.045, 0.052, 0.062)
    clouds: float = 0.4
    moon: Vector | None = None
    flakes: float = 0.0
    wind: float = 0.3

    def sky(self, directions: Floats) -> Floats:
        """Light from the sky in each direction, (n, 3)."""
        up = np.clip(directions[:, 1], 0, 1)
        blend = (1 - up) ** 5
        colour = np.asarray(self.zenith, np.float32) * (1 - blend)[:, None]
        colour = colour + np.asarray(self.horizon, np.float32) * blend[:, None]
        # Clouds lie on a plane overhead, so they crowd together toward the horizon.
        reach = 1 / (up + 0.16)
        u, v = directions[:, 0] * reach * 0.055, directions[:, 2] * reach * 0.055
        cloud = at_plane(u + 0.31, v + 0.17, 1.0) * 0.7 + at_plane(v, u, 3.3) * 0.3
        cover = smoothstep(0.66 - 0.45 * self.clouds, 0.86 - 0.25 * self.clouds, cloud)
        cover *= smoothstep(0.0, 0.12, up) * min(1.0, self.clouds * 2)
        colour *= (1 - 0.55 * cover)[:, None]
        if self.moon is not None:
            toward = np.asarray(self.moon, np.float32)
            near = np.clip(directions @ (toward / np.linalg.norm(toward)), 0, 1)
            veil = 1 - 0.85 * cover
            disc = smoothstep(0.99955, 0.9997, near) * 1.9 * veil
            halo = near**700 * 0.20 + near**90 * 0.06 + near**14 * 0.03
            edge = near**40 * cover * (1 - cover) * 0.5
            colour += (disc + halo + edge)[:, None] * np.asarray(MOON, np.float32)
        return colour.astype(np.float32)

    def clear(self, eye: NDArray, directions: Floats, distance: Floats) -> Floats:
        """Transmittance (n,) of the fog from the eye along each ray."""
        if self.density <= 0:
            return np.ones(len(directions), np.float32)
        far = np.minimum(distance, np.float32(1e5))
        rise = directions[:, 1] * far / np.float32(self.layer)
        safe = np.where(np.abs(rise) < 1e-4, np.float32(1e-4), rise)
        mean = (1 - np.exp(-np.clip(safe, -60, 60))) / safe
        start = np.exp(-max(float(eye[1]) - self.base, 0.0) / self.layer)
        return np.exp(-np.clip(self.density * start * mean * far, 0, 60)).astype(np.float32)


def beams(
    scene: Scene,
    lamps: tuple[Lamp, ...],
    air: Air,
    eye: NDArray,
    directions: Floats,
    reach: tuple[float, float],
    steps: int = 22,
) -> Floats:
    """Light that the fog has scattered toward the eye up to each of `steps` distances.

    The way between the two distances in `reach` is cut into equal steps, shifted by a hash of
    the ray; each place asks each lamp with a beam whether it stands in shadow.

    Returns:
        (steps, n, 3): the sum over the first steps of each ray.
    """
    count = len(directions)
    near, far = reach
    stride = np.float32((far - near) / steps)
    shown = [lamp for lamp in lamps if lamp.beam > 0]
    layers = np.zeros((steps, count, 3), np.float32)
    shift = hashed(np.arange(count), 77)
    for step in range(steps):
        along = np.float32(near) + stride * (step + shift)
        points = (eye + directions * along[:, None]).astype(np.float32)
        weight = stride * np.float32(air.density) * air.clear(eye, directions, along)
        weight *= np.exp(-np.clip(points[:, 1] - air.base, 0, None) / np.float32(air.layer))
        # Drifts in the fog keep a beam from looking like a solid cone.
        weight *= 0.45 + 1.1 * at_plane(points[:, 0] / far * 1.7, points[:, 1] / far * 2.3, 1.0)
        for lamp in shown:
            way, limit, strength = lamp.toward(points)
            cosine = (way * directions).sum(axis=1)
            # Henyey and Greenstein 1941, g = 0.45: fog throws light forward.
            phase = 0.7975 / (1.2025 - 0.9 * cosine) ** 1.5
            amount = np.minimum(strength, 6) * weight * phase * np.float32(lamp.beam)
            lit = np.flatnonzero(amount > 1e-5)
            free = ~scene.blocked(points[lit], way[lit], limit[lit] * np.float32(0.9))
            layers[step, lit] += (amount[lit] * free)[:, None] * np.asarray(lamp.colour, np.float32)
    return np.cumsum(layers, axis=0)
