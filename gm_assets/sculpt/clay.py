"""Clay: one warm grey material under studio light, so that form alone is seen.

A soft key light from the camera's upper left, a cool light from behind, the sky of a studio
in between, occlusion in every fold, a floor that fades into the backdrop. Rays are spread
evenly without a random generator, so a render is the same in every process.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gm_assets.memory.record import Camera
from gm_assets.sculpt.cameras import camera_rays, matrix_of
from gm_assets.sculpt.rays import Scene
from gm_assets.sculpt.sampling import cones, hemispheres
from gm_assets.sculpt.shading import facing

Floats = NDArray[np.float32]

_CLAY = np.array([0.47, 0.435, 0.395], np.float32)
_KEY = np.array([1.00, 0.93, 0.83], np.float32)
_BACK = np.array([0.62, 0.74, 0.90], np.float32)
_SKY = np.array([0.40, 0.43, 0.48], np.float32)
_FLOOR_BOUNCE = np.array([0.19, 0.165, 0.14], np.float32)


@dataclass(frozen=True)
class Studio:
    """How a clay render is lit and sampled.

    Attributes:
        key: direction to the key light in camera axes (right, up, to the camera).
        back: direction to the light from behind.
        softness: tangent of the key light's angular radius.
        samples: sub-pixels along each side of a pixel.
        occlusion: occlusion rays for each sub-pixel; with none, nothing is occluded.
        shadows: key-light rays for each sub-pixel; with none, nothing is in shadow.
        reach: how far occlusion looks, as a part of the subject's diagonal.
        floor: whether the subject stands on a floor.
        exposure: scales the light before the tone curve.
    """

    key: tuple[float, float, float] = (-0.55, 0.72, 0.52)
    back: tuple[float, float, float] = (0.62, 0.42, -0.72)
    softness: float = 0.16
    samples: int = 2
    occlusion: int = 4
    shadows: int = 2
    reach: float = 0.16
    floor: bool = True
    exposure: float = 1.0


def clay(
    scene: Scene, camera: Camera, width: int, height: int, studio: Studio | None = None
) -> NDArray[np.uint8]:
    """A clay render, (height, width, 3) uint8 sRGB."""
    studio = studio or Studio()
    light = _Light.of(scene, camera, studio)
    total = np.zeros((height * width, 3), np.float32)
    for row in range(studio.samples):
        for column in range(studio.samples):
            offset = ((column + 0.5) / studio.samples, (row + 0.5) / studio.samples)
            turn = row * studio.samples + column
            linear = light.shade(camera, width, height, offset, turn)
            # Each sub-pixel passes the tone curve alone, or bright edges would stay jagged.
            total += _tone(linear * studio.exposure)
    return _printed(total.reshape(height, width, 3) / np.float32(studio.samples**2))


def backdrop(height: int, width: int) -> Floats:
    """Paper behind the subject, (height, width, 3) linear: a pool of light, falling off."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = (x + 0.5) / width - 0.5, (y + 0.5) / height - 0.5
    pool = np.exp(-((x + 0.06) ** 2 * 3.4 + (y + 0.10) ** 2 * 3.0))
    tone = 0.020 + 0.085 * pool
    return tone[..., None] * np.array([0.98, 0.97, 1.0], np.float32)


def toned(linear: Floats) -> NDArray[np.uint8]:
    """Linear light, (height, width, 3), as the picture that a clay render would make of it."""
    return _printed(_tone(linear))


def _printed(picture: Floats) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    picture *= _vignette(height, width)[..., None]
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class _Light:
    """The studio in world axes, for one scene and camera."""

    scene: Scene
    studio: Studio
    key: Floats
    back: Floats
    floor: float
    middle: Floats
    size: float

    @classmethod
    def of(cls, scene: Scene, camera: Camera, studio: Studio) -> _Light:
        axes = matrix_of(camera)[:3, :3]
        low, high = scene.sculpt.bounds

        def turned(direction: tuple[float, float, float]) -> Floats:
            world = axes @ np.asarray(direction, np.float64)
            world[1] = max(world[1], 0.15)  # light never comes from under the floor
            return (world / np.linalg.norm(world)).astype(np.float32)

        size = float(np.linalg.norm(high - low)) or 1.0
        return cls(
            scene=scene,
            studio=studio,
            key=turned(studio.key),
            back=turned(studio.back),
            # Just under the lowest point, or flat feet would fight with the floor for pixels.
            floor=float(low[1]) - size * 2e-4,
            middle=((low + high) / 2).astype(np.float32),
            size=size,
        )

    def shade(
        self, camera: Camera, width: int, height: int, offset: tuple[float, float], turn: int
    ) -> Floats:
        """Linear light of one sub-pixel of every pixel, (height * width, 3)."""
        eye, directions = camera_rays(camera, width, height, offset)
        colour = backdrop(height, width).reshape(-1, 3)
        hits = self.scene.trace(eye, directions)
        met = hits.met
        seen = directions[met]
        normals, flat = facing(
            self.scene.normals(hits)[met], self.scene.face_normal[hits.face[met]], seen
        )
        points = eye.astype(np.float32) + seen * hits.distance[met, None]
        pixel = np.flatnonzero(met)
        colour[pixel] = self._clay(points, normals, flat, seen, pixel, turn)
        if self.studio.floor:
            self._floor(colour, eye, directions, ~met, turn)
        return colour

    def _clay(
        self,
        points: Floats,
        normals: Floats,
        flat: Floats,
        seen: Floats,
        pixel: NDArray[np.int64],
        turn: int,
    ) -> Floats:
        start = points + flat * np.float32(self.size * 4e-4)
        open_sky = self._openness(start, normals, pixel, turn)
        key = np.clip(normals @ self.key, 0, None)
        lit = np.zeros_like(key)
        turned = key > 0
        lit[turned] = key[turned] * self._key_visible(start[turned], pixel[turned], turn)
        back = np.clip(normals @ self.back, 0, None)
        rim = back * (1 - np.clip(-(normals * seen).sum(axis=1), 0, 1)) ** 2
        up = normals[:, 1] * 0.5 + 0.5
        ambient = _SKY * up[:, None] + _FLOOR_BOUNCE * (1 - up)[:, None]
        half = self.key - seen
        half /= np.linalg.norm(half, axis=1, keepdims=True)
        sheen = np.clip((normals * half).sum(axis=1), 0, 1) ** 22 * 0.10 * (lit > 0)
        # Light that left a fold was warmed by its walls: occlusion is tinted, never plain grey.
        closed = open_sky[:, None] ** np.array([0.9, 1.0, 1.12], np.float32)
        return (
            _CLAY * (ambient * closed * 0.62 + _KEY * (lit * 1.12)[:, None])
            + _CLAY * _BACK * (back * 0.22 + rim * 0.85)[:, None] * closed
            + _KEY * (sheen * open_sky)[:, None]
        )

    def _openness(
        self, start: Floats, normals: Floats, pixel: NDArray[np.int64], turn: int
    ) -> Floats:
        """Part of the hemisphere that is free, 0 to 1, nearer obstacles counting more."""
        rays = self.studio.occlusion
        if not rays:
            return np.ones(len(start), np.float32)
        free = np.zeros(len(start), np.float32)
        reach = self.size * self.studio.reach
        turns = range(turn * rays, (turn + 1) * rays)
        for step, ray in enumerate(hemispheres(normals, pixel, turns, salt=1)):
            # Two reaches in turn: short rays find the creases, long ones the masses.
            limit = reach if step % 3 else reach * 0.3
            blocked = self.scene.blocked(start, ray, limit)
            if self.studio.floor:
                fall = -ray[:, 1] * np.float32(limit)
                blocked |= fall > start[:, 1] - np.float32(self.floor)
            free += ~blocked
        return free / np.float32(rays)

    def _key_visible(self, start: Floats, pixel: NDArray[np.int64], turn: int) -> Floats:
        rays = self.studio.shadows
        if not rays:
            return np.ones(len(start), np.float32)
        free = np.zeros(len(start), np.float32)
        turns = range(turn * rays, (turn + 1) * rays)
        for ray in cones(self.key, self.studio.softness, pixel, turns, salt=2):
            free += ~self.scene.blocked(start, ray)
        return free / np.float32(rays)

    def _floor(
        self,
        colour: Floats,
        eye: NDArray[np.float64],
        directions: Floats,
        free: NDArray[np.bool_],
        turn: int,
    ) -> None:
        """Shade the floor where it is seen; it dissolves into the backdrop with distance."""
        if eye[1] <= self.floor:
            return
        looking = np.flatnonzero(free & (directions[:, 1] < -1e-4))
        distance = (self.floor - eye[1]) / directions[looking, 1]
        points = (eye + directions[looking] * distance[:, None]).astype(np.float32)
        away = np.linalg.norm((points - self.middle)[:, [0, 2]], axis=1) / self.size
        near = np.exp(-(np.clip(away - 0.25, 0, None) ** 2) * 2.2).astype(np.float32)
        worth = near > 0.02
        looking, points, near = looking[worth], points[worth], near[worth]
        up = np.tile(np.array([0, 1, 0], np.float32), (len(points), 1))
        start = points + up * np.float32(self.size * 4e-4)
        open_sky = self._openness(start, up, looking, turn)
        lit = self._key_visible(start, looking, turn)
        # The floor only ever darkens the paper: light pools where nothing stands in its way.
        shade = (0.42 + 0.58 * lit) * (0.25 + 0.75 * open_sky)
        colour[looking] *= (1 - near * (1 - shade))[:, None]


def _tone(linear: Floats) -> Floats:
    """A filmic curve with a toe and a shoulder, then sRGB (IEC 61966-2-1)."""
    x = np.clip(linear, 0, None) * 1.12
    x = x * (2.1 * x + 0.04) / (x * (2.0 * x + 0.62) + 0.105)
    x = np.clip(x, 0, 1)
    return np.where(x <= 0.0031308, x * 12.92, 1.055 * x ** (1 / 2.4) - 0.055).astype(np.float32)


def _vignette(height: int, width: int) -> Floats:
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = (x + 0.5) / width * 2 - 1, (y + 0.5) / height * 2 - 1
    return 1 - 0.16 * np.clip((x * x + y * y) / 2, 0, 1) ** 1.3
