"""Frames: the world's photoreal stage, rendered by program (stage S4 of the demo).

A subject stands in a stage (ground, water, walls) under lamps and air. One ray a sample finds
the surface; shadow, occlusion and one mirror ray find its light; fog and beams lie in front.
They say truthfully that they are procedural; the leash makes generative frames of the same sculpts.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gm_assets.memory.record import Camera
from gm_assets.sculpt.cameras import camera_rays, project
from gm_assets.sculpt.model import Part, Sculpt
from gm_assets.sculpt.rays import Hits, Scene
from gm_assets.sculpt.sampling import hemispheres
from gm_assets.sculpt.shading import facing
from gm_assets.world.looks import grade
from gm_assets.world.looks.light import Air, Lamp, beams
from gm_assets.world.looks.snow import snowfall
from gm_assets.world.looks.surfaces import Surface, Weathering, surface
from gm_assets.world.looks.texture import at_plane

Floats = NDArray[np.float32]

#: Samples along a side of a pixel, before the picture is scaled down.
OVERSIZE = 4 / 3
#: Tangent of the angular radius from which a lamp takes more than one shadow ray a sample.
_WIDE_LAMP = 0.1
#: Part of a lamp's stated strength below which it lights nothing.
_DARK = 2e-3


@dataclass(frozen=True)
class Print:
    """How the light is developed.

    Attributes:
        exposure: factor on the metered exposure.
        saturation, contrast: of the film.
        grain: amount of grain in sRGB units.
        vignette: darkening of the corners.
        halation: how far bright lights bleed.
        haze: how much of the picture's haze is left, 0 to 1; the rest is taken as black.
        blur: blur of what lies far behind the subject, as a part of the picture's height.
        near_blur: the same of what stands close before the lens.
        shadows, lights: tints.
        free_red: leaves red where it is; only for the frame that breaks the law on purpose.
    """

    exposure: float = 1.0
    saturation: float = 0.82
    contrast: float = 1.0
    grain: float = 0.010
    vignette: float = 0.34
    halation: float = 0.2
    haze: float = 0.35
    blur: float = 0.0
    near_blur: float = 0.0
    shadows: tuple[float, float, float] = (0.90, 1.0, 1.13)
    lights: tuple[float, float, float] = (1.03, 1.0, 0.95)
    free_red: bool = False


@dataclass(frozen=True)
class Stage:
    """What surrounds a subject in a frame.

    Attributes:
        parts: ground, water, walls, a person for scale; in the subject's world.
        lamps: the sources of light, the motivated one first.
        air: sky, fog, snow.
        ambient: light from everywhere, as a factor of the sky's.
        weather: snow lying, wetness.
        develop: exposure and grade.
        size: metres that textures and reaches go by.
    """

    parts: tuple[Part, ...]
    lamps: tuple[Lamp, ...]
    air: Air
    size: float
    ambient: tuple[float, float, float] = (0.05, 0.06, 0.075)
    weather: Weathering = field(default_factory=Weathering)
    develop: Print = field(default_factory=Print)


@dataclass(frozen=True, eq=False)
class Frame:
    """A finished frame and the geometry it was obliged to.

    Attributes:
        picture: (h, w, 3) uint8 sRGB.
        ids: (h, w) uint32 at the centres of the pixels, 0 for sky, else 1 + index into `parts`.
        parts: the subject's parts, then the stage's.
    """

    picture: NDArray[np.uint8]
    ids: NDArray[np.uint32]
    parts: tuple[Part, ...]

    def mask(self, semantic: str) -> NDArray[np.bool_]:
        """Where parts of a semantic class are seen."""
        wanted = [number + 1 for number, part in enumerate(self.parts) if part.semantic == semantic]
        return np.isin(self.ids, wanted)


@dataclass(frozen=True, eq=False)
class Built:
    """A subject on its stage, made ready for rays; serves any number of frames.

    Attributes:
        scene: what is seen.
        shade: what throws shadows.
    """

    scene: Scene
    shade: Scene

    @classmethod
    def of(cls, subject: Sculpt, stage: Stage) -> Built:
        parts = (*subject.parts, *stage.parts)
        # Luminous bodies throw no shadow: their lamps shine from within them.
        dark = tuple(part for part in parts if part.material != "glow")
        return cls(Scene(Sculpt(subject.name, parts)), Scene(Sculpt(subject.name, dark)))

    def painted(self, subject: Sculpt, stage: Stage) -> Built:
        """The same geometry under the materials of `subject` and `stage`."""
        sculpt = Sculpt(subject.name, (*subject.parts, *stage.parts))
        return Built(self.scene.painted(sculpt), self.shade)


def render(
    subject: Sculpt,
    stage: Stage,
    camera: Camera,
    width: int,
    height: int,
    seed: int = 0,
    built: Built | None = None,
) -> Frame:
    """Render one frame.

    Args:
        built: `Built.of` the same geometry, where several frames are made of it.
    """
    parts = (*subject.parts, *stage.parts)
    built = Built.of(subject, stage) if built is None else built.painted(subject, stage)
    scene, shade = built.scene, built.shade
    wide, high = round(width * OVERSIZE), round(height * OVERSIZE)
    eye, directions = camera_rays(camera, wide, high)
    hits = scene.trace(eye, directions)
    painter = _Painter(scene, shade, stage)
    light = painter.radiance(eye, directions, hits, mirror=True)
    distance = np.where(hits.met, hits.distance, np.float32(stage.size * 400))
    light = painter.fogged(light, eye, directions, distance)
    depth = distance.reshape(high, wide)
    linear = light.reshape(high, wide, 3) + _shafts(shade, stage, camera, depth, subject)
    if stage.develop.blur:
        linear = _far_blur(linear, depth, camera, subject, stage.develop.blur)
    if stage.air.flakes:
        focus = float(project(camera, subject.bounds.mean(axis=0), 1, 1)[1][0])
        linear = linear + snowfall(stage.air, depth, focus, seed)[..., None] * _snow_light(stage)
    if stage.develop.near_blur:
        linear = _near_blur(linear, depth, camera, subject, stage.develop.near_blur)
    linear = _scaled(linear, height, width)
    ids = scene.ids(camera, width, height)
    frame = Frame(np.zeros((height, width, 3), np.uint8), ids, parts)
    return replace(frame, picture=_printed(linear, frame.mask("living-body"), stage, seed))


def _printed(
    linear: Floats, bodies: NDArray[np.bool_], stage: Stage, seed: int
) -> NDArray[np.uint8]:
    look = stage.develop
    height, width = linear.shape[:2]
    linear = grade.cleared(linear, look.haze)
    linear = linear * grade.metered(linear) * grade.vignette(height, width, look.vignette)
    srgb = grade.develop(
        linear,
        exposure=look.exposure,
        saturation=look.saturation,
        contrast=look.contrast,
        halation=look.halation,
        shadows=look.shadows,
        lights=look.lights,
    )
    srgb = grade.grain(srgb, look.grain, seed)
    if not look.free_red:
        # One pixel of edge belongs to the body: its samples are mixed with what lies behind.
        srgb = grade.guard_red(srgb, ndimage.binary_dilation(bodies, iterations=1))
    return grade.to_bytes(srgb)


@dataclass(frozen=True, eq=False)
class _Painter:
    """Turns hits into light: what is seen in `scene`, in the shadows of `shade`."""

    scene: Scene
    shade: Scene
    stage: Stage

    def radiance(
        self, eye: NDArray, directions: Floats, hits: Hits, *, mirror: bool, rays: int = 2
    ) -> Floats:
        """Linear light (n, 3) that leaves what was hit toward the eye, before fog."""
        colour = np.empty_like(directions)
        open_sky = ~hits.met
        colour[open_sky] = self.stage.air.sky(directions[open_sky])
        met = np.flatnonzero(hits.met)
        if not len(met):
            return colour
        origin = np.broadcast_to(eye, directions.shape)[met].astype(np.float32)
        seen = directions[met]
        points = origin + seen * hits.distance[met, None]
        normals, flat = facing(
            self.scene.normals(hits)[met], self.scene.face_normal[hits.face[met]], seen
        )
        start = points + flat * (
            hits.distance[met, None] * np.float32(2e-4) + 1e-4 * self.stage.size
        )
        openness = self.openness(start, normals, met, 3 if mirror else 0)
        parts = self.scene.face_part[hits.face[met]]
        look = self.surfaces(points, normals, openness, parts)
        colour[met] = self.lit(start, look, seen, openness, met, rays)
        if mirror:
            self.reflect(colour, met, start, look, seen, openness)
        return colour

    def openness(
        self, start: Floats, normals: Floats, pixel: NDArray[np.int64], rays: int
    ) -> Floats:
        if not rays:
            return np.full(len(start), 0.7, np.float32)
        free = np.zeros(len(start), np.float32)
        for turn, ray in enumerate(hemispheres(normals, pixel, range(rays), salt=3)):
            reach = self.stage.size * (0.5 if turn % 2 else 0.12)
            free += ~self.shade.blocked(start, ray, reach)
        return free / np.float32(rays)

    def surfaces(
        self, points: Floats, normals: Floats, openness: Floats, parts: NDArray[np.int32]
    ) -> Surface:
        """The surface at every hit, gathered material by material."""
        count = len(points)
        albedo, bent, glow = (np.zeros((count, 3), np.float32) for _ in range(3))
        rough, metal = np.ones(count, np.float32), np.zeros(count, np.float32)
        materials = [part.material for part in self.scene.sculpt.parts]
        names = sorted(set(materials))
        index = np.array([names.index(material) for material in materials])[parts]
        for number, name in enumerate(names):
            here = np.flatnonzero(index == number)
            if not len(here):
                continue
            one = surface(
                name, points[here], normals[here], openness[here], self.stage.size,
                self.stage.weather,
            )  # fmt: skip
            albedo[here], bent[here], glow[here] = one.albedo, one.normal, one.emission
            rough[here], metal[here] = one.rough, one.metal
            if name == "water":
                bent[here] = self.waves(points[here])
        return Surface(albedo, bent, rough, metal, glow)

    def waves(self, points: Floats) -> Floats:
        """Normals of a dark water with a slow swell and small ripples."""
        x, z = points[:, 0] / self.stage.size, points[:, 2] / self.stage.size
        step = 0.004
        slope = []
        for dx, dz in ((step, 0.0), (0.0, step)):
            up = at_plane(x + dx, (z + dz) * 2.2, 0.55) - at_plane(x, z * 2.2, 0.55)
            slope.append(up * 0.9 / step * 0.02)
        normal = np.stack([-slope[0], np.ones_like(x), -slope[1]], axis=1)
        return (normal / np.linalg.norm(normal, axis=1, keepdims=True)).astype(np.float32)

    def lit(
        self,
        start: Floats,
        look: Surface,
        seen: Floats,
        openness: Floats,
        pixel: NDArray[np.int64],
        rays: int,
    ) -> Floats:
        """Ambient light, and each lamp by a Lambert and a GGX term."""
        up = look.normal[:, 1] * 0.5 + 0.5
        ambient = np.asarray(self.stage.ambient, np.float32) * (0.35 + 0.65 * up)[:, None]
        body = look.albedo * (1 - 0.75 * look.metal)[:, None]
        total = look.emission + (look.albedo * ambient) * (openness**1.4)[:, None]
        f0 = 0.04 + (look.albedo - 0.04) * look.metal[:, None]
        for lamp in self.stage.lamps:
            way, distance, strength = lamp.toward(start)
            strength = strength * np.einsum("ij,ij->i", look.normal, way)
            lit = np.flatnonzero(strength > _DARK)
            if not len(lit):
                continue
            way, normal, rough = way[lit], look.normal[lit], look.rough[lit]
            # A small lamp's shadow has an edge that the samples of a pixel resolve alone.
            turns = rays if lamp.size >= _WIDE_LAMP else 1
            visible = lamp.free(self.shade, start[lit], way, distance[lit], pixel[lit], turns)
            half = way - seen[lit]
            half /= np.linalg.norm(half, axis=1, keepdims=True) + 1e-9
            toward_half = np.clip(np.einsum("ij,ij->i", normal, half), 0, 1)
            alpha = np.maximum(rough**2, 0.02)
            gloss = alpha**2 / (np.pi * (toward_half**2 * (alpha**2 - 1) + 1) ** 2)
            graze = (1 - np.clip(np.einsum("ij,ij->i", half, way), 0, 1)) ** 5
            mirror = f0[lit] + (1 - f0[lit]) * graze[:, None]
            shine = np.minimum(gloss, 3.0)[:, None] * mirror * np.float32(0.25 * np.pi)
            total[lit] += (body[lit] + shine) * (
                (visible * strength[lit])[:, None] * np.asarray(lamp.colour, np.float32)
            )
        return total

    def reflect(
        self,
        colour: Floats,
        met: NDArray[np.int64],
        start: Floats,
        look: Surface,
        seen: Floats,
        openness: Floats,
    ) -> None:
        """Adds what water, wet stone and metal mirror; rough ones only reflect the sky."""
        cosine = np.clip(-(look.normal * seen).sum(axis=1), 0, 1)
        f0 = 0.03 + (look.albedo.mean(axis=1) - 0.03) * look.metal
        fresnel = (f0 + (1 - f0) * (1 - cosine) ** 5) * (1 - look.rough) ** 2
        bounce = seen + 2 * cosine[:, None] * look.normal
        bounce[:, 1] = np.where(look.normal[:, 1] > 0.8, np.abs(bounce[:, 1]), bounce[:, 1])
        bounce /= np.linalg.norm(bounce, axis=1, keepdims=True)
        sharp = np.flatnonzero((look.rough < 0.22) & (fresnel > 0.01))
        dull = np.flatnonzero((look.rough >= 0.22) & (fresnel > 0.01))
        sky = self.stage.air.sky(bounce[dull]) * (fresnel * openness)[dull, None]
        colour[met[dull]] += sky
        if len(sharp):
            hits = self.scene.trace(start[sharp], bounce[sharp])
            image = self.radiance(start[sharp], bounce[sharp], hits, mirror=False, rays=1)
            distance = np.where(hits.met, hits.distance, np.float32(self.stage.size * 400))
            centre = start[sharp].mean(axis=0)
            image = self.fogged(image, centre, bounce[sharp], distance)
            # One ray a sample: a mirrored lamp on a rough floor would be a scatter of sparks.
            colour[met[sharp]] += np.minimum(image, 1.6) * fresnel[sharp, None]

    def fogged(self, light: Floats, eye: NDArray, directions: Floats, distance: Floats) -> Floats:
        """Light after its way through the fog."""
        air = self.stage.air
        clear = air.clear(eye, directions, distance)[:, None]
        veil = np.asarray(air.glow, np.float32) * np.ones_like(light)
        if air.moon is not None:
            toward = np.asarray(air.moon, np.float32)
            near = np.clip(directions @ (toward / np.linalg.norm(toward)), 0, 1) ** 6
            veil = veil * (1 + 1.1 * near)[:, None]
        return light * clear + veil * (1 - clear)


def _shafts(scene: Scene, stage: Stage, camera: Camera, depth: Floats, subject: Sculpt) -> Floats:
    """Beams and haloes in front of every sample, (h, w, 3).

    They are summed on a coarse grid of rays and distances and looked up at each sample's own
    distance, so the edges of what stands in the fog stay sharp.
    """
    high, wide = depth.shape
    if stage.air.density <= 0 or not any(lamp.beam for lamp in stage.lamps):
        return np.zeros((high, wide, 3), np.float32)
    w, h = max(wide // 5, 2), max(high // 5, 2)
    eye, directions = camera_rays(camera, w, h)
    away = float(np.linalg.norm(subject.bounds.mean(axis=0) - eye))
    near, far = 0.25 * away, away + stage.size * 6
    layers = beams(scene, stage.lamps, stage.air, eye, directions, (near, far))
    steps = len(layers)
    grid = ndimage.gaussian_filter(layers.reshape(steps, h, w, 3), (0.6, 1.0, 1.0, 0))
    row = (np.arange(high, dtype=np.float32) + 0.5) * h / high - 0.5
    column = (np.arange(wide, dtype=np.float32) + 0.5) * w / wide - 0.5
    step = np.clip((depth - near) / (far - near) * steps - 0.5, -1, steps - 1)
    fade = np.clip(step + 1, 0, 1)  # before the first step there is nothing
    where = np.stack(
        [
            np.maximum(step, 0),
            np.broadcast_to(row[:, None], depth.shape),
            np.broadcast_to(column[None, :], depth.shape),
        ]
    ).astype(np.float32)
    bands = [
        ndimage.map_coordinates(grid[..., band], where, order=1, mode="nearest") * fade
        for band in range(3)
    ]
    return np.stack(bands, axis=2).astype(np.float32)


def _far_blur(
    linear: Floats, depth: Floats, camera: Camera, subject: Sculpt, amount: float
) -> Floats:
    """A long lens: what lies well behind the subject melts, without bleeding onto it."""
    _, along = project(camera, subject.bounds, 1, 1)
    behind = float(along.max()) * 1.05
    weight = np.clip((depth - behind) / (behind * 1.2), 0, 1).astype(np.float32)
    sigma = linear.shape[0] * amount
    spread = ndimage.gaussian_filter(linear * weight[..., None], (sigma, sigma, 0), truncate=2.5)
    share = ndimage.gaussian_filter(weight, sigma, truncate=2.5)
    far = spread / np.maximum(share, 1e-3)[..., None]
    return linear * (1 - weight)[..., None] + far * weight[..., None]


def _near_blur(
    linear: Floats, depth: Floats, camera: Camera, subject: Sculpt, amount: float
) -> Floats:
    """What stands close before the lens is out of focus, and its edges lie over what is sharp."""
    _, along = project(camera, subject.bounds, 1, 1)
    near = (depth < 0.3 * float(along.min())).astype(np.float32)
    sigma = linear.shape[0] * amount

    def spread(picture: Floats) -> Floats:
        reach = (sigma, sigma, 0) if picture.ndim == 3 else sigma
        return ndimage.gaussian_filter(picture, reach, truncate=2.5)

    cover = spread(near)[..., None]
    veil = spread(linear * near[..., None])
    # Behind the soft edge there is no sample of what it hides: the surroundings stand in.
    hidden = spread(linear * (1 - near)[..., None]) / np.maximum(spread(1 - near), 1e-3)[..., None]
    behind = np.where(near[..., None] > 0, hidden, linear)
    return (behind * (1 - cover) + veil).astype(np.float32)


def _snow_light(stage: Stage) -> Floats:
    """The light that a flake throws toward the eye, (3,)."""
    key = np.asarray(stage.lamps[0].colour, np.float32) / 3
    light = np.asarray(stage.ambient, np.float32) * 1.4 + np.minimum(key, 0.28) * 0.4
    return light.astype(np.float32)


def _scaled(linear: Floats, height: int, width: int) -> Floats:
    """The picture at a smaller size, each pixel the mean of what it covers."""
    from PIL import Image

    planes = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(linear[..., band])).resize(
                (width, height), Image.Resampling.BOX
            )
        )
        for band in range(3)
    ]
    return np.stack(planes, axis=2)
