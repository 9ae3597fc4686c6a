"""Rays against a sculpt, and the geometry passes that come from them.

Ray queries go to Embree (through `embreex`, single-threaded), which gives the same bits in
every process on one kind of machine. Passes are the leash of later stages: depth along the
camera's axis, normals, part ids and the silhouette.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gm_assets.memory.record import Camera
from gm_assets.sculpt.cameras import camera_rays, matrix_of
from gm_assets.sculpt.model import Sculpt
from gm_assets.sculpt.shading import corner_normals, face_normals, facing, unit

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Hits:
    """What n rays met, ray by ray.

    Attributes:
        distance: (n,) float32 metres along the ray, infinite where nothing was met.
        face: (n,) int32 index of the triangle, -1 where nothing was met.
        uv: (n, 2) float32 weights of the triangle's second and third corner.
    """

    distance: Floats
    face: NDArray[np.int32]
    uv: Floats

    @property
    def met(self) -> NDArray[np.bool_]:
        """(n,) True where the ray met the sculpt."""
        return self.face >= 0


@dataclass(frozen=True, eq=False)
class Passes:
    """The geometry passes of one camera, all (height, width), row 0 at the top.

    Attributes:
        depth: float32 metres along the camera's axis, infinite where there is nothing.
        normal: (h, w, 3) float32 unit normals in camera axes (+X right, +Y up, +Z to the
            camera), zero where there is nothing.
        normal_world: the same normals in world axes.
        ids: uint32, 0 for nothing, else 1 + the index of the part in the sculpt.
        silhouette: bool, True on the subject.
    """

    depth: Floats
    normal: Floats
    normal_world: Floats
    ids: NDArray[np.uint32]
    silhouette: NDArray[np.bool_]


class Scene:
    """A sculpt made ready for rays.

    Attributes:
        sculpt: the sculpt as given.
        vertices, faces: those of all parts, parts in order.
        face_part: (m,) index of the part of each triangle.
        face_normal: (m, 3) float32 unit normals of the triangles.
    """

    def __init__(self, sculpt: Sculpt) -> None:
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene

        self.sculpt = sculpt
        starts = np.cumsum([0, *(len(part.vertices) for part in sculpt.parts)])
        self.vertices: Floats = np.concatenate(
            [np.zeros((0, 3), np.float32), *(part.vertices for part in sculpt.parts)]
        )
        self.faces: NDArray[np.uint32] = np.concatenate(
            [np.zeros((0, 3), np.uint32)]
            + [
                part.faces + np.uint32(start)
                for part, start in zip(sculpt.parts, starts, strict=False)
            ]
        )
        self.face_part: NDArray[np.int32] = np.repeat(
            np.arange(len(sculpt.parts), dtype=np.int32),
            [len(part.faces) for part in sculpt.parts],
        )
        self.face_normal: Floats = unit(face_normals(self.vertices, self.faces)).astype(np.float32)
        self._embree: Any = EmbreeScene(robust=True)
        self._mesh: Any = None
        if len(self.faces):
            self._mesh = TriangleMesh(self._embree, self.vertices, self.faces.astype(np.int32))

    @cached_property
    def corner_normal(self) -> Floats:
        """(m, 3, 3) float32 shading normals, made when first asked for.

        Creases are judged part by part: two parts that touch never blend into each other.
        """
        return np.concatenate(
            [np.zeros((0, 3, 3), np.float32)]
            + [corner_normals(part.vertices, part.faces) for part in self.sculpt.parts]
        )

    def painted(self, sculpt: Sculpt) -> Scene:
        """The same geometry with the names, classes and materials of another sculpt's parts.

        Raises:
            ValueError: the parts of `sculpt` are not as many, or not as large, as this scene's.
        """
        if [len(part.faces) for part in sculpt.parts] != [
            len(part.faces) for part in self.sculpt.parts
        ]:
            raise ValueError(f"the parts of {sculpt.name!r} are not those of this scene")
        _ = self.corner_normal  # made once, then shared by the copies
        scene = copy(self)
        scene.sculpt = sculpt
        return scene

    def trace(self, origins: NDArray, directions: NDArray) -> Hits:
        """The first triangle that each ray meets.

        Args:
            origins: (n, 3) or (3,) metres.
            directions: (n, 3) unit vectors.
        """
        rays = np.ascontiguousarray(directions, np.float32)
        count = len(rays)
        if not len(self.faces) or not count:
            return Hits(
                np.full(count, np.inf, np.float32),
                np.full(count, -1, np.int32),
                np.zeros((count, 2), np.float32),
            )
        start = np.ascontiguousarray(np.broadcast_to(origins, rays.shape), np.float32)
        found = self._embree.run(start, rays, output=1)
        face = np.asarray(found["primID"], np.int32)
        missed = face < 0
        distance = np.where(missed, np.float32(np.inf), found["tfar"]).astype(np.float32)
        return Hits(distance, face, np.stack([found["u"], found["v"]], axis=1))

    def blocked(
        self, origins: NDArray, directions: NDArray, reach: float | NDArray = 1e30
    ) -> NDArray[np.bool_]:
        """(n,) True where something stands on the ray nearer than `reach` metres."""
        rays = np.ascontiguousarray(directions, np.float32)
        if not len(self.faces) or not len(rays):
            return np.zeros(len(rays), bool)
        start = np.ascontiguousarray(np.broadcast_to(origins, rays.shape), np.float32)
        limits = np.ascontiguousarray(np.broadcast_to(reach, len(rays)), np.float32)
        return np.asarray(self._embree.run(start, rays, limits.copy(), query="OCCLUDED")) >= 0

    def normals(self, hits: Hits) -> Floats:
        """(n, 3) float32 interpolated unit normals; zero where nothing was met."""
        result = np.zeros((len(hits.face), 3), np.float32)
        met = hits.met
        corners = self.corner_normal[hits.face[met]]
        u, v = hits.uv[met, 0:1], hits.uv[met, 1:2]
        blend = corners[:, 0] * (1 - u - v) + corners[:, 1] * u + corners[:, 2] * v
        result[met] = unit(blend).astype(np.float32)
        return result

    def silhouette(self, camera: Camera, width: int, height: int) -> NDArray[np.bool_]:
        """(height, width) True where the subject is seen through the centre of a pixel."""
        eye, directions = camera_rays(camera, width, height)
        return self.trace(eye, directions).met.reshape(height, width)

    def ids(self, camera: Camera, width: int, height: int) -> NDArray[np.uint32]:
        """(height, width) 1 + the index of the part at the centre of a pixel, 0 for nothing."""
        eye, directions = camera_rays(camera, width, height)
        return self._ids(self.trace(eye, directions)).reshape(height, width)

    def _ids(self, hits: Hits) -> NDArray[np.uint32]:
        ids = np.zeros(len(hits.face), np.uint32)
        ids[hits.met] = self.face_part[hits.face[hits.met]] + 1
        return ids

    def passes(self, camera: Camera, width: int, height: int) -> Passes:
        """Depth, normals, ids and silhouette through the pixel centres of a picture.

        Normals face the camera: a thin shell seen from its inside is seen, not dark.
        """
        eye, directions = camera_rays(camera, width, height)
        hits = self.trace(eye, directions)
        met = hits.met
        axes = matrix_of(camera)[:3, :3].astype(np.float32)
        along = directions @ -axes[:, 2]
        depth = np.where(met, hits.distance * along, np.float32(np.inf)).astype(np.float32)
        normal = self.normals(hits)
        normal[met], _ = facing(
            normal[met], self.face_normal[hits.face[met]], directions[met].astype(np.float32)
        )
        shape = (height, width)
        return Passes(
            depth=depth.reshape(shape),
            normal=(normal @ axes).reshape(*shape, 3),
            normal_world=normal.reshape(*shape, 3),
            ids=self._ids(hits).reshape(shape),
            silhouette=met.reshape(shape),
        )
