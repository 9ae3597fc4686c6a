"""What a lift is worth: how it looks from cameras it never saw, how far it is from the sculpt.

Pictures are compared as peak signal-to-noise ratios over sRGB, once over the whole frame with
all that is not the subject made white (`full`) and once over the pixels of the subject alone
(`object`), which is the harder and the more honest number. Lengths are parts of the diagonal of
the box around the sculpt, so that they mean the same for a ring and for a tower.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gm_assets.errors import LiftError
from gm_assets.lifting.protocol import Lift, Picture, Plate, Splats, Surface
from gm_assets.lifting.surface import sculpt_of
from gm_assets.memory.record import Camera
from gm_assets.sculpt.cameras import camera_rays
from gm_assets.sculpt.model import Sculpt
from gm_assets.sculpt.rays import Scene
from gm_assets.sculpt.sampling import hashed
from gm_assets.sculpt.shading import face_normals

#: Points at which two surfaces are compared, and those that stand for the one measured to.
SAMPLES, _DENSE = 20_000, 200_000
#: What counts as near: this part of the diagonal.
NEAR = 0.01
#: Nearest samples whose triangles are measured exactly, and rays that look for the open.
_CANDIDATES, _LOOKS = 8, 24
#: A perfect picture has no noise; its ratio is stated as this, in decibels.
_BEST = 99.0


@dataclass(frozen=True)
class ViewMeasures:
    """One held-out view.

    Attributes:
        name: of the plate.
        silhouette_iou: intersection over union of the two silhouettes, 0 to 1.
        psnr_full, psnr_object: decibels; None where plate or lift has no colour.
    """

    name: str
    silhouette_iou: float
    psnr_full: float | None = None
    psnr_object: float | None = None


@dataclass(frozen=True)
class SurfaceMeasures:
    """A lifted surface against a sculpt, lengths as parts of the sculpt's diagonal.

    Attributes:
        point_to_surface: mean distance from the lift to the sculpt.
        within: share of the lift that is nearer than `NEAR`.
        completeness: share of what can be seen of the sculpt that the lift comes as near to.
    """

    point_to_surface: float
    within: float
    completeness: float


@dataclass(frozen=True)
class Measures:
    """What a lift is worth.

    Attributes:
        views: every held-out view; without any, what they would say is None.
        surface: against a sculpt; None without one, and for splats.
    """

    views: tuple[ViewMeasures, ...]
    surface: SurfaceMeasures | None

    @property
    def silhouette_iou(self) -> float | None:
        """Mean over the held-out views."""
        return _mean([view.silhouette_iou for view in self.views])

    @property
    def least_silhouette_iou(self) -> float | None:
        """That of the worst of them."""
        return min((view.silhouette_iou for view in self.views), default=None)

    @property
    def psnr_full(self) -> float | None:
        """Mean over the held-out views, decibels."""
        return _mean([view.psnr_full for view in self.views])

    @property
    def psnr_object(self) -> float | None:
        """Mean over the held-out views, decibels, pixels of the subject alone."""
        return _mean([view.psnr_object for view in self.views])

    def json(self) -> dict[str, Any]:
        """Plain JSON values, rounded to what the measures can tell apart."""
        surface = None if self.surface is None else _rounded(asdict(self.surface))
        return _rounded(
            {
                "silhouette_iou": self.silhouette_iou,
                "least_silhouette_iou": self.least_silhouette_iou,
                "psnr_full": self.psnr_full,
                "psnr_object": self.psnr_object,
            }
        ) | {"surface": surface, "views": [_rounded(asdict(view)) for view in self.views]}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: round(value, 3 if name.startswith("psnr") else 5)
        if isinstance(value, float)
        else value
        for name, value in values.items()
    }


def measure(lift: Lift, held_out: Sequence[Plate], reference: Sculpt | None = None) -> Measures:
    """Compare a lift with plates that it was not made from, and with a sculpt.

    Args:
        reference: the sculpt that the plates show, in the same axes and units.

    Raises:
        LiftError: the lift holds no geometry.
    """
    show = _Shown.of(lift)
    views = tuple(_view(plate, *show.seen(plate.camera, *plate.size)) for plate in held_out)
    compared = None
    if reference is not None and lift.surface is not None:
        compared = compare(lift.surface, reference)
    return Measures(views, compared)


def silhouette_iou(seen: NDArray[np.bool_], wanted: NDArray[np.bool_]) -> float:
    """Intersection over union of two silhouettes, 0 to 1; two empty ones agree."""
    union = int((seen | wanted).sum())
    return 1.0 if union == 0 else int((seen & wanted).sum()) / union


def _view(plate: Plate, picture: Picture | None, seen: NDArray[np.bool_]) -> ViewMeasures:
    score = silhouette_iou(seen, plate.mask)
    if picture is None or plate.picture is None:
        return ViewMeasures(plate.name, score)
    wrong = (picture.astype(np.float64) - on_white(plate).astype(np.float64)) / 255
    squares = (wrong**2).mean(axis=2)
    return ViewMeasures(
        plate.name, score, _decibels(squares.mean()), _decibels(squares[plate.mask].mean())
    )


def _decibels(square: float) -> float:
    return min(_BEST, float(-10 * np.log10(max(square, 1e-12))))


def on_white(plate: Plate) -> Picture:
    """The plate's picture with all that is not its subject made white.

    Raises:
        ValueError: the plate has no picture.
    """
    if plate.picture is None:
        raise ValueError(f"plate {plate.name!r} has no picture")
    cover = plate.silhouette[..., None]
    return np.round(plate.picture * cover + 255 * (1 - cover)).astype(np.uint8)


def reprojection(
    lift: Lift, camera: Camera, width: int, height: int
) -> tuple[Picture | None, NDArray[np.bool_]]:
    """The lift seen by a camera: its picture on white, or None without colours; its silhouette.

    Raises:
        LiftError: the lift holds no geometry.
    """
    return _Shown.of(lift).seen(camera, width, height)


@dataclass(frozen=True, eq=False)
class _Shown:
    """A lift made ready to be seen from many cameras."""

    surface: Surface | None
    scene: Scene | None
    splats: Splats | None

    @classmethod
    def of(cls, lift: Lift) -> _Shown:
        # A lift that has both is measured by what its method is named after.
        if lift.splats is not None and (lift.method == "splats" or lift.surface is None):
            return cls(None, None, lift.splats)
        if lift.surface is None or not len(lift.surface.faces):
            raise LiftError("the lift holds no geometry", where=lift.method)
        return cls(lift.surface, Scene(sculpt_of(lift.surface, lift.method)), None)

    def seen(
        self, camera: Camera, width: int, height: int
    ) -> tuple[Picture | None, NDArray[np.bool_]]:
        if self.splats is not None:
            from gm_assets.lifting.splats import render_splats

            picture, alpha = render_splats(
                self.splats, camera, width, height, background=(1.0, 1.0, 1.0)
            )
            return picture, alpha >= 0.5
        assert self.surface is not None and self.scene is not None
        silhouette = self.scene.silhouette(camera, width, height)
        if self.surface.colours is None:
            return None, silhouette
        return _rendered(self.scene, self.surface, camera, width, height), silhouette


def _rendered(scene: Scene, surface: Surface, camera: Camera, width: int, height: int) -> Picture:
    """The vertex colours on white, four sub-pixels to a pixel, without any light."""
    assert surface.colours is not None
    total = np.zeros((height * width, 3), np.float32)
    colours = surface.colours.astype(np.float32)
    for offset in ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)):
        eye, rays = camera_rays(camera, width, height, offset)
        hits = scene.trace(eye, rays)
        met = np.flatnonzero(hits.met)
        u, v = hits.uv[met, :1], hits.uv[met, 1:]
        a, b, c = (colours[surface.faces[hits.face[met], corner]] for corner in range(3))
        sample = np.full((height * width, 3), 255, np.float32)
        sample[met] = a * (1 - u - v) + b * u + c * v
        total += sample
    return np.round(total / 4).astype(np.uint8).reshape(height, width, 3)


# ------------------------------------------------------------------- distances


def compare(surface: Surface, reference: Sculpt) -> SurfaceMeasures:
    """The distances between a surface and a sculpt.

    Samples are spread by area with fixed weights, so the same meshes give the same numbers.

    Raises:
        LiftError: one of them has no area.
    """
    diagonal = float(np.linalg.norm(np.ptp(reference.bounds, axis=0)))
    parts = [part for part in reference.parts if len(part.faces) and part.semantic != "ground"]
    if not parts or not diagonal > 0 or not len(surface.faces):
        raise LiftError("a surface without triangles cannot be compared", where=reference.name)
    scene = Scene(Sculpt(reference.name, tuple(parts)))
    lifted = Scene(sculpt_of(surface, "lift"))
    there = _distances(spread(lifted, SAMPLES)[0], scene) / diagonal
    points, faces = spread(scene, SAMPLES)
    open_points = points[_in_the_open(scene, points, faces)]
    back = _distances(open_points, lifted) / diagonal if len(open_points) else np.ones(1)
    return SurfaceMeasures(
        float(there.mean()), float((there < NEAR).mean()), float((back < NEAR).mean())
    )


def spread(scene: Scene, count: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """`count` points spread over the triangles by area, and the triangle of each."""
    area = np.linalg.norm(face_normals(scene.vertices, scene.faces), axis=1)
    total = np.cumsum(area)
    if not total[-1] > 0:
        raise LiftError("a surface without area cannot be compared", where=scene.sculpt.name)
    number = np.arange(count)
    face = np.searchsorted(total, (number + 0.5) / count * total[-1])
    face = np.minimum(face, len(area) - 1)
    # The square root makes the places even within their triangle (Turk 1990).
    root = np.sqrt(hashed(number, 1).astype(np.float64))[:, None]
    along = hashed(number, 2).astype(np.float64)[:, None]
    a, b, c = (scene.vertices[scene.faces[face, corner]].astype(np.float64) for corner in range(3))
    return a * (1 - root) + b * root * (1 - along) + c * root * along, face


def _distances(points: NDArray[np.float64], scene: Scene) -> NDArray[np.float64]:
    """(n,) metres from points to the triangles near them.

    The triangles of the nearest samples are measured exactly; a triangle that has none of them
    is smaller than the distance between samples, which bounds the error.
    """
    from scipy.spatial import cKDTree

    samples, owners = spread(scene, _DENSE)
    _, found = cKDTree(samples).query(points, k=_CANDIDATES)
    best = np.full(len(points), np.inf)
    for column in range(_CANDIDATES):
        corners = scene.vertices[scene.faces[owners[found[:, column]]]].astype(np.float64)
        best = np.minimum(best, _to_triangles(points, corners))
    return best


def _to_triangles(points: NDArray, corners: NDArray) -> NDArray[np.float64]:
    """(n,) distance of each point to its triangle: to the plane inside, else to an edge."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    normal = np.cross(b - a, c - a)
    square = np.einsum("ij,ij->i", normal, normal)
    inside = square > 0
    best = np.full(len(points), np.inf)
    for start, end in ((a, b), (b, c), (c, a)):
        edge = end - start
        length = np.einsum("ij,ij->i", edge, edge)
        along = np.einsum("ij,ij->i", points - start, edge) / np.where(length > 0, length, 1)
        nearest = start + np.clip(along, 0, 1)[:, None] * edge
        best = np.minimum(best, np.linalg.norm(points - nearest, axis=1))
        inside &= np.einsum("ij,ij->i", np.cross(edge, points - start), normal) >= 0
    height = np.abs(np.einsum("ij,ij->i", points - a, normal))
    height /= np.sqrt(np.where(square > 0, square, 1))
    return np.where(inside, height, best)


def _in_the_open(scene: Scene, points: NDArray, faces: NDArray) -> NDArray[np.bool_]:
    """(n,) True where a point can be seen from outside; inner faces are no plate's to show."""
    size = float(np.linalg.norm(np.ptp(scene.sculpt.bounds, axis=0)))
    normals = scene.face_normal[faces]
    seen = np.zeros(len(points), bool)
    for number in range(_LOOKS):
        # Directions of a Fibonacci sphere (Gonzalez 2010).
        height = 1 - (2 * number + 1) / _LOOKS
        turn = number * np.pi * (3 - np.sqrt(5))
        flat = np.sqrt(1 - height * height)
        ray = np.array([flat * np.cos(turn), height, flat * np.sin(turn)], np.float32)
        side = np.where(normals @ ray >= 0, 1, -1)[:, None]
        start = (points + normals * side * (1e-4 * size)).astype(np.float32)
        seen |= ~scene.blocked(start, np.broadcast_to(ray, start.shape))
    return seen


# ------------------------------------------------------------------ comparison


def comparison_sheet(
    lift: Lift, plates: Sequence[Plate], *, side: int = 192, most: int = 6
) -> Picture:
    """Plate, reprojection and difference of some views, a view a row, (h, w, 3) uint8.

    Without colours the silhouettes are compared. In the difference grey is agreement, darker
    and lighter where the lift is; magenta is subject that the lift lacks, green what it has
    too much.

    Args:
        side: the longer one of a cell in pixels.
        most: views; more are thinned out evenly.

    Raises:
        LiftError: there are no plates, or the lift holds no geometry.
    """
    from PIL import Image

    if not plates:
        raise LiftError("there are no plates to compare with", where=lift.method)
    show = _Shown.of(lift)
    chosen = [plates[number * len(plates) // min(most, len(plates))]
              for number in range(min(most, len(plates)))]  # fmt: skip
    rows = []
    for plate in chosen:
        picture, seen = show.seen(plate.camera, *plate.size)
        if picture is None or plate.picture is None:
            wanted, picture = _grey(plate.mask), _grey(seen)
        else:
            wanted = on_white(plate)
        scale = side / max(plate.size)
        size = max(1, round(plate.size[0] * scale)), max(1, round(plate.size[1] * scale))
        cells = [wanted, picture, _difference(wanted, picture, plate.mask, seen)]
        resized = [np.asarray(Image.fromarray(cell).resize(size, Image.Resampling.BICUBIC))
                   for cell in cells]  # fmt: skip
        rows.append(np.concatenate(resized, axis=1))
    return np.concatenate(rows, axis=0)


def _grey(mask: NDArray[np.bool_]) -> Picture:
    return np.repeat(np.where(mask, 70, 255).astype(np.uint8)[..., None], 3, axis=2)


def _difference(
    wanted: Picture, picture: Picture, mask: NDArray[np.bool_], seen: NDArray[np.bool_]
) -> Picture:
    away = picture.astype(np.int16).mean(axis=2) - wanted.astype(np.int16).mean(axis=2)
    shown = np.clip(128 + away, 0, 255).astype(np.uint8)
    result = np.repeat(shown[..., None], 3, axis=2)
    result[mask & ~seen] = (210, 40, 190)
    result[seen & ~mask] = (60, 190, 80)
    return result
