"""Plates of small solids for the tests of lifting."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gm_assets.lifting.protocol import Plate
from gm_assets.sculpt.cameras import camera_rays, turntable
from gm_assets.sculpt.model import Part, Sculpt
from gm_assets.sculpt.rays import Scene
from gm_assets_tests.sculpt.shapes import ball


def ball_sculpt(rings: int = 40) -> Sculpt:
    """A ball of one metre that stands on the ground."""
    return Sculpt("ball", (ball(rings=rings),))


def bowl() -> Sculpt:
    """A ball of one metre with a round hollow in its front that no silhouette can show.

    Its rim is 0.5 m wide, and it is 0.09 m deep behind the rim.
    """
    import manifold3d

    hollow = manifold3d.Manifold.sphere(0.4, 96).translate((0, 0, 0.75))
    body = (manifold3d.Manifold.sphere(0.5, 96) - hollow).translate((0, 0.5, 0))
    mesh = body.to_mesh()
    vertices = np.asarray(mesh.vert_properties, np.float32)[:, :3]
    return Sculpt("bowl", (Part("bowl", "", "", vertices, np.asarray(mesh.tri_verts)),))


def plates_of(
    sculpt: Sculpt,
    count: int = 12,
    side: int = 96,
    elevations: Sequence[float] = (5, 35, -15),
    skip: int = 0,
) -> list[Plate]:
    """A turntable of chequered pictures with their silhouettes, depths and normals.

    Args:
        skip: every camera stands this many parts of a hundred of a step further around.
    """
    scene = Scene(sculpt)
    cameras = turntable(scene.vertices, count * (100 if skip else 1), elevations=elevations)
    cameras = cameras[skip::100] if skip else cameras
    plates = []
    for number, camera in enumerate(cameras):
        passes = scene.passes(camera, side, side)
        plates.append(
            Plate(
                f"t{number:02d}",
                camera,
                passes.silhouette.astype(np.float32),
                _chequered(scene, camera, side),
                passes.depth,
                passes.normal,
            )
        )
    return plates


def _chequered(scene: Scene, camera, side: int) -> NDArray[np.uint8]:  # type: ignore[no-untyped-def]
    """A solid texture, averaged over four sub-pixels, on black."""
    total = np.zeros((side * side, 3))
    for offset in ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)):
        eye, rays = camera_rays(camera, side, side, offset)
        hits = scene.trace(eye, rays)
        met = hits.met
        points = eye + rays[met] * hits.distance[met, None]
        waves = np.sin(points * 24)
        red = 128 + 90 * waves[:, 0] * waves[:, 1]
        green = 128 + 90 * waves[:, 1] * waves[:, 2]
        blue = 128 + 60 * np.sin(points.sum(axis=1) * 9)
        total[met] += np.stack([red, green, blue], axis=1) / 4
    return np.round(total).astype(np.uint8).reshape(side, side, 3)
