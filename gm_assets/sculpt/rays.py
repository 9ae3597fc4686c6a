"""Rays against a sculpt, and the geometry passes that come from them.

Ray queries go to Embree (through `embreex`, single-threaded), which gives the same bits in
every process on one kind of machine. Passes are the leash of later stages: depth along the
camera's axis, normals, part ids and the silhouette.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gm_assets.memory.record import Camera
from gm_assets.sculpt.cameras import camera_rays, matrix_of, project
from gm_assets.sculpt.model import Sculpt
from gm_assets.sculpt.shading import GRAZE, Corners, dot, facing, flat_normals, unit_columns

Floats = NDArray[np.float32]

#: Rays that are traced at once: few enough that what is made of them stays in the cache.
STRIP = 1 << 13
#: Pixels whose triangles get their normals at once.
BATCH = 1 << 20


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


@dataclass(frozen=True, eq=False)
class Seen:
    """The pixels of some rows of a picture in which a sculpt is seen, k of them.

    Attributes:
        pixel: (k,) row * width + column; a slice where the rows are covered completely.
        direction: (3, k) float32 unit vectors of their rays, in columns.
        distance: (k,) float32 metres along the ray.
        face: (k,) int32 index of the triangle.
        u, v: (k,) float32 weights of the triangle's second and third corner.
    """

    pixel: NDArray[np.int64] | slice
    direction: Floats
    distance: Floats
    face: NDArray[np.int32]
    u: Floats
    v: Floats


class Scene:
    """A sculpt made ready for rays.

    Attributes:
        sculpt: the sculpt as given.
        vertices, faces: those of all parts, parts in order.
        face_part: (m,) index of the part of each triangle.
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
        self._embree: Any = EmbreeScene(robust=True)
        self._mesh: Any = None
        if len(self.faces):
            self._mesh = TriangleMesh(self._embree, self.vertices, self.faces.astype(np.int32))

    @cached_property
    def face_normal(self) -> Floats:
        """(m, 3) float32 unit normals of the triangles, made when first asked for."""
        return flat_normals(self.vertices, self.faces)

    @cached_property
    def corners(self) -> Corners:
        """Shading normals, made when first asked for.

        Creases are judged part by part: two parts that touch never blend into each other.
        """
        sizes = [len(part.vertices) for part in self.sculpt.parts]
        part = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
        return Corners(self.vertices, self.faces, part)

    @property
    def corner_normal(self) -> Floats:
        """(m, 3, 3) float32 shading normals of every triangle."""
        return self.corners.all()

    def painted(self, sculpt: Sculpt) -> Scene:
        """The same geometry with the names, classes and materials of another sculpt's parts.

        Raises:
            ValueError: the parts of `sculpt` are not as many, or not as large, as this scene's.
        """
        if [len(part.faces) for part in sculpt.parts] != [
            len(part.faces) for part in self.sculpt.parts
        ]:
            raise ValueError(f"the parts of {sculpt.name!r} are not those of this scene")
        _ = self.corners, self.face_normal  # made once, then shared by the copies
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

    def seen(self, camera: Camera, width: int, height: int,
             offset: tuple[float, float] = (0.5, 0.5)) -> Iterator[Seen]:  # fmt: skip
        """What the rays through the pixels of a picture meet, some rows at a time.

        Pixels in which even the box around the subject is not seen are passed over.
        """
        rows, columns = self._window(camera, width, height)
        step = max(1, STRIP // max(1, columns.stop - columns.start))
        start = np.empty((0, 3), np.float32)
        across = np.arange(columns.start, columns.stop)
        place = (np.arange(step)[:, None] * width + across).reshape(-1)
        for top in range(rows.start, rows.stop, step):
            strip = slice(top, min(top + step, rows.stop))
            eye, rays = camera_rays(camera, width, height, offset, strip, columns)
            if len(start) < len(rays):
                start = np.ascontiguousarray(np.broadcast_to(eye, rays.shape), np.float32)
            found = self._embree.run(start[: len(rays)], rays, output=1)
            met = np.flatnonzero(found["primID"] >= 0)
            hits = [rays, *(found[name] for name in ("tfar", "primID", "u", "v"))]
            pixel: NDArray[np.int64] | slice
            if len(met) == len(rays) and len(across) == width:
                pixel = slice(top * width, top * width + len(rays))  # nothing to pick out
            else:
                pixel = place.take(met) + top * width
                hits = [values.take(met, axis=0) for values in hits]
            yield Seen(pixel, np.ascontiguousarray(hits[0].T), *hits[1:])

    def _window(self, camera: Camera, width: int, height: int) -> tuple[slice, slice]:
        """Rows and columns outside of which the box around the subject is not seen."""
        if not len(self.faces):
            return slice(0, 0), slice(0, 0)
        corners = np.array(np.meshgrid(*self.sculpt.bounds.T)).reshape(3, -1).T
        places, depth = project(camera, corners, width, height)
        if depth.min() <= 0:  # a corner lies beside the camera or behind it
            return slice(0, height), slice(0, width)
        low = np.clip(np.floor(places.min(axis=0)) - 1, 0, (width, height)).astype(int)
        high = np.clip(np.ceil(places.max(axis=0)) + 1, 0, (width, height)).astype(int)
        if (low >= high).any():  # beside the picture
            return slice(0, 0), slice(0, 0)
        return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))

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
        met = np.flatnonzero(hits.met)
        self.corners.prepare(hits.face[met])
        result[met] = self._blended(hits.face[met], *hits.uv[met].T).T
        return result

    def _blended(self, face: NDArray[np.int32], u: Floats, v: Floats) -> Floats:
        """(3, k) float32 unit normals at barycentric places of triangles, axis by axis.

        Rows of three are too short for loops of their own; three long ones are not.
        """
        corners = self.corners.of(face)
        # Left to itself, numpy would keep the layout of rows.
        blend, share = np.empty((2, 3, len(face)), np.float32)
        np.multiply(corners[:3], 1 - u - v, out=blend)
        blend += np.multiply(corners[3:6], u, out=share)
        blend += np.multiply(corners[6:], v, out=share)
        return unit_columns(blend)

    def _facing(self, seen: Seen) -> Floats:
        """(3, k) float32 normals of what is seen, turned to the camera as `facing` does."""
        normal = self._blended(seen.face, seen.u, seen.v)
        flat = np.ascontiguousarray(self.corners.flat(seen.face))
        behind = np.flatnonzero(dot(flat, seen.direction) > 0)
        normal[:, behind] *= -1
        flat[:, behind] *= -1
        past = np.flatnonzero(dot(normal, seen.direction) > -GRAZE)
        if len(past):
            bent, _ = facing(normal[:, past].T, flat[:, past].T, seen.direction[:, past].T)
            normal[:, past] = bent.T
        return normal

    def silhouette(self, camera: Camera, width: int, height: int) -> NDArray[np.bool_]:
        """(height, width) True where the subject is seen through the centre of a pixel."""
        picture = np.zeros(height * width, bool)
        for seen in self.seen(camera, width, height):
            picture[seen.pixel] = True
        return picture.reshape(height, width)

    def coverage(self, camera: Camera, width: int, height: int, *, samples: int = 4) -> Floats:
        """(height, width) float32 part of each pixel that the subject covers, 0 to 1.

        Args:
            samples: sub-pixels along each side of a pixel.
        """
        covered = np.zeros(height * width, np.float32)
        for number in range(samples * samples):
            row, column = divmod(number, samples)
            offset = ((column + 0.5) / samples, (row + 0.5) / samples)
            for seen in self.seen(camera, width, height, offset):
                covered[seen.pixel] += 1
        return covered.reshape(height, width) / np.float32(samples * samples)

    def ids(self, camera: Camera, width: int, height: int) -> NDArray[np.uint32]:
        """(height, width) 1 + the index of the part at the centre of a pixel, 0 for nothing."""
        ids = np.zeros(height * width, np.uint32)
        for seen in self.seen(camera, width, height):
            ids[seen.pixel] = self.face_part[seen.face] + 1
        return ids.reshape(height, width)

    def passes(self, camera: Camera, width: int, height: int) -> Passes:
        """Depth, normals, ids and silhouette through the pixel centres of a picture.

        Normals face the camera: a thin shell seen from its inside is seen, not dark. Rows are
        taken in strips, so that beside the passes themselves memory does not grow with the
        picture; sums are written out axis by axis, so that no pixel depends on its strip.
        """
        count = height * width
        depth = np.full(count, np.inf, np.float32)
        own = np.zeros((count, 3), np.float32)
        world = np.zeros((count, 3), np.float32)
        ids = np.zeros(count, np.uint32)
        axes = matrix_of(camera)[:3, :3].astype(np.float32)
        for batch in _batches(self.seen(camera, width, height)):
            self.corners.prepare(np.concatenate([seen.face for seen in batch]))
            for seen in batch:
                depth[seen.pixel] = seen.distance * -dot(axes[:, 2], seen.direction)
                normal = self._facing(seen)
                for axis in range(3):
                    world[:, axis][seen.pixel] = normal[axis]
                    own[:, axis][seen.pixel] = dot(axes[:, axis], normal)
                ids[seen.pixel] = self.face_part.take(seen.face) + 1
        shape = (height, width)
        return Passes(
            depth=depth.reshape(shape),
            normal=own.reshape(*shape, 3),
            normal_world=world.reshape(*shape, 3),
            ids=ids.reshape(shape),
            silhouette=(ids > 0).reshape(shape),
        )


def _batches(strips: Iterable[Seen]) -> Iterator[list[Seen]]:
    """Strips gathered until they show about `BATCH` pixels."""
    batch: list[Seen] = []
    count = 0
    for seen in strips:
        batch.append(seen)
        count += len(seen.face)
        if count >= BATCH:
            yield batch
            batch, count = [], 0
    if batch:
        yield batch
