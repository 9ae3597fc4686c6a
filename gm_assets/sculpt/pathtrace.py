"""Finals: a sculpt path-traced in a studio, by Mitsuba 3, an optional extra.

The clay render is for looking while one works; a final has light that bounces, metal that
mirrors the studio and shadows of true softness. Each part has the surface that stands for its
material in our GLBs. The scene, the camera and the tone curve are ours, Mitsuba traces.

Two of Mitsuba's variants are offered. `scalar_rgb` needs nothing but the package and is the
same bits on every run. `llvm_ad_rgb` is faster, but needs a shared library of LLVM that its
compiler works with; several versions end the whole process while they compile, so it is tried
in a process of its own first.
"""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from gm_assets.errors import GmError, MissingExtra
from gm_assets.memory.record import Camera
from gm_assets.sculpt.cameras import camera_rays, matrix_of
from gm_assets.sculpt.clay import Studio, backdrop, toned
from gm_assets.sculpt.glb import SURFACES
from gm_assets.sculpt.rays import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator

Floats = NDArray[np.float32]

#: Fewest and most paths for each pixel.
PATHS = (1, 4096)
#: Seconds within which the compiler of the LLVM variant must have proved itself.
PROBE_S = 120
#: Linear base colour, metalness and roughness of a part whose material is none of ours: clay.
_CLAY = ((0.47, 0.435, 0.395), 0.0, 0.8)
#: Radiance of a part that glows, as a multiple of its colour.
_GLOW = 6.0
#: Sub-pixels along each side of a pixel at which glowing parts are looked for.
_SUB = 4
#: Irradiance of the key light and of the one behind where they fall straight on the subject.
_KEY, _BACK = (3.4, 3.15, 2.85), (1.15, 1.4, 1.7)
#: Radiance of the studio above and below the horizon.
_SKY, _GROUND = (0.30, 0.32, 0.36), (0.05, 0.045, 0.04)
#: Distance of both lights from the subject's middle, as a multiple of its diagonal.
_AWAY = 4.0
#: Half the side of the floor as a multiple of the diagonal, and pixels of its fading edge.
_FLOOR, _FADE = 3.0, 256

#: A scene small enough to compile in seconds, with everything that a final uses.
_PROBE = """
import mitsuba as mi
mi.set_variant("llvm_ad_rgb")
scene = mi.load_dict({
    "type": "scene", "integrator": {"type": "path", "hide_emitters": True},
    "sensor": {"type": "perspective", "film": {"type": "hdrfilm", "width": 8, "height": 8}},
    "ball": {"type": "sphere", "center": [0, 0, 4], "bsdf": {"type": "twosided",
             "surface": {"type": "principled", "metallic": 0.5}}},
    "light": {"type": "constant"},
})
import numpy
assert numpy.isfinite(numpy.array(mi.render(scene, spp=4))).all()
"""


@dataclass(frozen=True)
class Final:
    """How a final is traced.

    Attributes:
        paths: for each pixel; noise falls with their square root.
        bounces: after which a path ends.
        variant: of Mitsuba.

    Raises:
        GmError: a number is beyond its bounds.
    """

    paths: int = 64
    bounces: int = 6
    variant: Literal["scalar_rgb", "llvm_ad_rgb"] = "scalar_rgb"

    def __post_init__(self) -> None:
        least, most = PATHS
        if not least <= self.paths <= most:
            raise GmError(
                f"{self.paths} paths for each pixel", remedy=f"Choose {least} to {most:,}"
            )
        if not 1 <= self.bounces <= 64:
            raise GmError(f"{self.bounces} bounces of a path", remedy="Choose 1 to 64")

    def recipe(self) -> dict[str, Any]:
        """What decides the picture besides geometry, camera and size, as JSON values.

        Raises:
            MissingExtra: Mitsuba is not installed.
        """
        return {
            "renderer": f"mitsuba {installed()}",
            "variant": self.variant,
            "paths": self.paths,
            "bounces": self.bounces,
        }


def installed() -> str:
    """The version of Mitsuba.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        return version("mitsuba")
    except PackageNotFoundError:
        raise MissingExtra.of("mitsuba", "mitsuba") from None


def pathtraced(
    scene: Scene, camera: Camera, width: int, height: int, final: Final | None = None
) -> NDArray[np.uint8]:
    """A final of a scene, (height, width, 3) uint8 sRGB.

    Raises:
        MissingExtra: Mitsuba is not installed.
        GmError: the LLVM variant does not work on this machine.
        ValueError: the picture has not the proportions of the camera's film back.
    """
    film_width, film_height = camera.film_back
    if abs(film_width / film_height * height - width) > 1:
        raise ValueError(f"{width} x {height} is not in proportion to {camera.film_back}")
    final = final or Final()
    installed()
    if final.variant == "llvm_ad_rgb":
        _require_llvm()
    linear = _traced(scene, camera, width, height, final)
    covered = np.clip(linear[..., 3:], 0, 1)
    colour = linear[..., :3] + backdrop(height, width) * (1 - covered)
    # Mitsuba hides all lights from the camera or none: the studio's lamps and what glows.
    glowing = _glowing(scene, camera, width, height)[..., None]
    shine = np.array(SURFACES["glow"][0], np.float32) * _GLOW
    return toned(colour * (1 - glowing) + shine * glowing)


def _glowing(scene: Scene, camera: Camera, width: int, height: int) -> Floats:
    """The part of each pixel, (height, width), in which a part of material `glow` is seen."""
    covered = np.zeros(height * width, np.float32)
    glows = np.array([part.material == "glow" for part in scene.sculpt.parts], bool)
    if glows.any():
        steps = (np.arange(_SUB) + 0.5) / _SUB
        for x, y in np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2):
            hits = scene.trace(*camera_rays(camera, width, height, (float(x), float(y))))
            covered[hits.met] += glows[scene.face_part[hits.face[hits.met]]]
    return covered.reshape(height, width) / np.float32(_SUB**2)


@cache
def _require_llvm() -> None:
    """Raises GmError where the LLVM variant cannot trace here; asked in another process."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=PROBE_S
        )
        failed = done.returncode != 0
        said = done.stderr.strip().splitlines()
    except subprocess.TimeoutExpired:
        failed, said = True, [f"no answer within {PROBE_S} s"]
    if failed:
        reason = next((line for line in said if "LLVM" in line), said[-1] if said else "it crashed")
        raise GmError(
            f"Mitsuba's LLVM variant does not work on this machine ({reason[:200]})",
            remedy="Use the scalar one, or install LLVM 19 or newer (Debian: libllvm19) and name "
            "its library in DRJIT_LIBLLVM_PATH",
        )


def _traced(scene: Scene, camera: Camera, width: int, height: int, final: Final) -> Floats:
    """Linear light and coverage, (height, width, 4) float32."""
    import mitsuba as mi

    before = mi.variant()
    mi.set_variant(final.variant)
    try:
        mi.set_log_level(mi.LogLevel.Error)
        studio = {
            "type": "scene",
            "integrator": {
                "type": "path",
                "max_depth": final.bounces + 1,
                "hide_emitters": True,
            },
            "sensor": _sensor(mi, camera, width, height),
            **_lights(mi, scene, camera),
            **_floor(mi, scene, camera),
            **dict(_parts(mi, scene)),
        }
        picture = mi.render(mi.load_dict(studio), spp=final.paths, seed=0)
        return np.array(picture, np.float32).reshape(height, width, 4)
    finally:
        if before is not None:
            mi.set_variant(before)


def _sensor(mi: Any, camera: Camera, width: int, height: int) -> dict[str, Any]:
    """The camera: Mitsuba's looks along +Z with +X to the left, ours along -Z."""
    turned = matrix_of(camera) @ np.diag([-1.0, 1.0, -1.0, 1.0])
    return {
        "type": "perspective",
        "fov_axis": "x",
        "fov": math.degrees(2 * math.atan(camera.film_back[0] / 2 / camera.focal_length)),
        "near_clip": camera.near,
        "far_clip": camera.far,
        "to_world": mi.ScalarTransform4f(turned),
        # A box filter: each pixel is the sum of its own paths, in whatever order blocks finish.
        "film": {
            "type": "hdrfilm",
            "width": width,
            "height": height,
            "pixel_format": "rgba",
            "component_format": "float32",
            "rfilter": {"type": "box"},
        },
        "sampler": {"type": "independent"},
    }


def _lights(mi: Any, scene: Scene, camera: Camera) -> dict[str, Any]:
    """The key light, the one behind, and the studio around, where the clay render has them."""
    studio, (low, high) = Studio(), scene.sculpt.bounds
    middle, size = (low + high) / 2, float(np.linalg.norm(high - low)) or 1.0
    lights: dict[str, Any] = {"sky": {"type": "envmap", "bitmap": mi.Bitmap(_sky())}}
    for name, way, irradiance, softness in (
        ("key", studio.key, _KEY, studio.softness),
        ("back", studio.back, _BACK, 2 * studio.softness),
    ):
        toward = matrix_of(camera)[:3, :3] @ np.asarray(way)
        toward[1] = max(toward[1], 0.15)  # light never comes from under the floor
        toward /= np.linalg.norm(toward)
        disk = mi.ScalarTransform4f().look_at(
            origin=list(middle + toward * _AWAY * size), target=list(middle), up=[0.1, 1.0, 0.2]
        ) @ mi.ScalarTransform4f().scale(_AWAY * size * softness)
        # Seen under this solid angle, a disk of that radiance gives the irradiance.
        radiance = [value / (math.pi * softness**2) for value in irradiance]
        lights[name] = {
            "type": "disk",
            "to_world": disk,
            "emitter": {"type": "area", "radiance": {"type": "rgb", "value": radiance}},
        }
    return lights


def _sky() -> Floats:
    """A studio without edges: light from above, little from below."""
    up = np.linspace(1, -1, 32, dtype=np.float32)[:, None, None]
    part = 0.5 + 0.5 * np.tanh(3 * up)
    sky = np.array(_SKY, np.float32) * part + np.array(_GROUND, np.float32) * (1 - part)
    return np.repeat(sky, 64, axis=1).astype(np.float32)


def _floor(mi: Any, scene: Scene, camera: Camera) -> dict[str, Any]:
    """A floor that dissolves with distance; none for a camera that looks from below it."""
    low, high = scene.sculpt.bounds
    size = float(np.linalg.norm(high - low)) or 1.0
    height = float(low[1]) - size * 2e-4
    if matrix_of(camera)[1, 3] <= height:
        return {}
    middle = (low + high) / 2
    steps = (np.arange(_FADE, dtype=np.float32) + 0.5) / _FADE * 2 - 1
    away = np.hypot(steps[:, None], steps[None]) * _FLOOR
    there = np.exp(-(np.clip(away - 0.25, 0, None) ** 2) * 1.1)
    there *= np.clip((_FLOOR - away) / 0.5, 0, 1)
    flat = (
        mi.ScalarTransform4f().translate([middle[0], height, middle[2]])
        @ mi.ScalarTransform4f().rotate([1, 0, 0], -90)
        @ mi.ScalarTransform4f().scale(_FLOOR * size)
    )
    opacity = {
        "type": "bitmap",
        "bitmap": mi.Bitmap(there[..., None].astype(np.float32)),
        "raw": True,
        "wrap_mode": "clamp",
    }
    return {
        "floor": {
            "type": "rectangle",
            "to_world": flat,
            "bsdf": {
                "type": "mask",
                "opacity": opacity,
                "surface": {
                    "type": "twosided",
                    "surface": {
                        "type": "diffuse",
                        "reflectance": {"type": "rgb", "value": [0.06, 0.059, 0.061]},
                    },
                },
            },
        }
    }


def _parts(mi: Any, scene: Scene) -> Iterator[tuple[str, Any]]:
    """The parts as meshes with the shading normals that the clay render has."""
    normals = scene.corners.all()
    for number, part in enumerate(scene.sculpt.parts):
        mine = np.flatnonzero(scene.face_part == number)
        if not len(mine):
            continue
        properties = mi.Properties()
        colour, metalness, roughness = SURFACES.get(part.material, _CLAY)
        surface = {
            "type": "twosided",
            "surface": {
                "type": "principled",
                "base_color": {"type": "rgb", "value": list(colour)},
                "metallic": metalness,
                "roughness": roughness,
            },
        }
        properties["bsdf"] = mi.load_dict(surface)
        if part.material == "glow":
            shine = {"type": "rgb", "value": [_GLOW * value for value in colour]}
            properties["emitter"] = mi.load_dict({"type": "area", "radiance": shine})
        # Corners of a crease have several normals, so every triangle has corners of its own.
        mesh = mi.Mesh(
            f"part{number}", 3 * len(mine), len(mine), has_vertex_normals=True, props=properties
        )
        values = mi.traverse(mesh)
        values["vertex_positions"] = scene.vertices[scene.faces[mine]].ravel()
        values["vertex_normals"] = normals[mine].ravel()
        values["faces"] = np.arange(3 * len(mine), dtype=np.uint32)
        values.update()
        yield f"part{number}", mesh
