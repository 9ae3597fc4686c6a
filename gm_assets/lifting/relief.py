"""A relief: the side of a subject that one plate shows, and nothing else.

Depth puts every pixel at its place in space. Neighbours that lie on one surface are joined,
neighbours with a jump of depth between them are not. The depth must come from the plate's
lineage or from a drawing that was inflated; a picture alone has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from gm_assets.errors import LiftError
from gm_assets.lifting.plates import checked
from gm_assets.lifting.protocol import Geometry, Lift, Plate, Progress, ReliefSettings, Surface
from gm_assets.sculpt.cameras import matrix_of

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

#: Slope of a surface to the line of sight beyond which neighbours are taken for two surfaces:
#: the tangent of 84 degrees.
STEEPEST = 9.5
#: Vertices of one relief at most.
MOST_VERTICES = 4_000_000


def lift_relief(
    plates: Sequence[Plate],
    settings: ReliefSettings | None = None,
    progress: Progress | None = None,
) -> Lift:
    """One plate with depth as a relief, coloured by its picture where it has one.

    Raises:
        LiftError: there is more than one plate, it has no depth, or it cannot be (`checked`);
            the settings are out of bounds.
    """
    settings = settings or ReliefSettings()
    if len(plates) != 1:
        raise LiftError(
            f"a relief is of one plate, not of {len(plates)}",
            remedy="Choose one, or fuse plates with depth by `fusion`",
        )
    if plates[0].depth is None:
        raise LiftError(
            "one plate without depth holds no geometry",
            where=plates[0].name,
            remedy="Give it the depth pass that it was made from (`gm passes`), add plates of "
            "other views, or configure an image-to-3D model (docs/lift-models.md)",
        )
    (plate,) = checked(plates, least=1, needs=("depth",))
    surface, jumps = relief(plate, settings)
    if progress:
        progress(1, 1, "relief")
    return relief_of(plate, surface, jumps, settings, "depth of the sculpt")


def relief_of(
    plate: Plate, surface: Surface, jumps: float, settings: ReliefSettings, geometry: Geometry
) -> Lift:
    """The lift of a relief, with what a reader must know of it.

    Args:
        jumps: part of the seams between pixels at which it is torn.
    """
    notes = ["It is a relief: what the camera did not see is not there."]
    if settings.closed:
        notes.append("It is closed by a flat back and by walls where its depth jumps.")
    elif jumps > 0:
        notes.append(f"It is torn at jumps of depth, {jumps:.1%} of the seams between pixels.")
    return Lift(
        "relief",
        surface,
        None,
        geometry=geometry,
        colour="none" if plate.picture is None else "plates",
        watertight=settings.closed,
        settings=asdict(settings),
        notes=tuple(notes),
    )


def relief(plate: Plate, settings: ReliefSettings) -> tuple[Surface, float]:
    """The surface of one plate with depth, and the part of its seams at which it is torn.

    Raises:
        LiftError: the settings are out of bounds, or too few pixels have a depth.
    """
    if settings.step < 1 or not 0 <= settings.thickness <= 10:
        raise LiftError(
            f"a step of {settings.step} and a thickness of {settings.thickness} are out of bounds",
            remedy="Steps are 1 or more pixels, the thickness is 0 to 10",
        )
    assert plate.depth is not None  # the caller's check
    rows, columns = (slice(settings.step // 2, None, settings.step),) * 2
    depth = plate.depth[rows, columns]
    known = plate.mask[rows, columns] & np.isfinite(depth)
    if int(known.sum()) > MOST_VERTICES:
        raise LiftError(
            f"{int(known.sum()):,} vertices, more than {MOST_VERTICES:,}",
            where=plate.name,
            remedy="Take larger steps between the pixels",
        )
    cells, jumps = _cells(depth, known, plate, settings)
    if not cells.any():
        raise LiftError(
            "no four pixels beside each other have a depth",
            where=plate.name,
            remedy="Its depth belongs to another plate, or the subject is too small in it",
        )
    places = _places(plate, depth, rows, columns)
    colours = None if plate.picture is None else plate.picture[rows, columns].reshape(-1, 3)
    points, faces, used = _front(places, cells)
    seen = None if colours is None else colours[used]
    if settings.closed:
        points, faces, seen = _slab(points, faces, seen, plate, settings.thickness)
    return Surface(points, faces, seen), jumps


def _places(plate: Plate, depth: Floats, rows: slice, columns: slice) -> NDArray[np.float64]:
    """(h * w, 3) metres of the pixels in the world."""
    width, height = plate.size
    film_width, film_height = plate.camera.film_back
    x = ((np.arange(width)[columns] + 0.5) / width - 0.5) * film_width / plate.camera.focal_length
    y = (0.5 - (np.arange(height)[rows] + 0.5) / height) * film_height / plate.camera.focal_length
    along = np.where(np.isfinite(depth), depth, 0).astype(np.float64)
    local = np.stack([x[None, :] * along, y[:, None] * along, -along], axis=2).reshape(-1, 3)
    matrix = matrix_of(plate.camera)
    placed: NDArray[np.float64] = local @ matrix[:3, :3].T + matrix[:3, 3]
    return placed


def _cells(
    depth: Floats, known: Mask, plate: Plate, settings: ReliefSettings
) -> tuple[Mask, float]:
    """(h - 1, w - 1) which four neighbours are one piece of surface, and how many are torn."""
    whole = known[1:, 1:] & known[1:, :-1] & known[:-1, 1:] & known[:-1, :-1]
    if settings.closed:
        return _joined(whole), 0.0
    corners = np.stack([depth[1:, 1:], depth[1:, :-1], depth[:-1, 1:], depth[:-1, :-1]])
    corners = np.where(whole, corners, 1.0)
    width, _ = plate.size
    pixel = plate.camera.film_back[0] / plate.camera.focal_length / width * settings.step
    smooth = np.ptp(corners, axis=0) <= STEEPEST * 2**0.5 * pixel * corners.mean(axis=0)
    torn = float((whole & ~smooth).sum() / max(int(whole.sum()), 1))
    return whole & smooth, torn


def _joined(cells: Mask) -> Mask:
    """The cells without those that touch others by a corner alone: there no solid is closed."""
    cells = cells.copy()
    while True:
        a, b, c, d = cells[:-1, :-1], cells[:-1, 1:], cells[1:, :-1], cells[1:, 1:]
        falling, rising = a & d & ~b & ~c, b & c & ~a & ~d
        if not (falling.any() or rising.any()):
            return cells
        d &= ~falling
        c &= ~rising


def _front(
    places: NDArray[np.float64], cells: Mask
) -> tuple[Floats, NDArray[np.uint32], NDArray[np.int64]]:
    """Vertices and triangles that face the camera, and the pixels that the vertices are."""
    width = cells.shape[1] + 1
    row, column = np.nonzero(cells)
    corner = row * width + column
    faces = np.concatenate(
        [
            np.stack([corner, corner + width, corner + 1], axis=1),
            np.stack([corner + 1, corner + width, corner + width + 1], axis=1),
        ]
    )
    used, faces = np.unique(faces, return_inverse=True)
    return places[used].astype(np.float32), faces.reshape(-1, 3).astype(np.uint32), used


def _slab(
    points: Floats,
    faces: NDArray[np.uint32],
    colours: NDArray[np.uint8] | None,
    plate: Plate,
    thickness: float,
) -> tuple[Floats, NDArray[np.uint32], NDArray[np.uint8] | None]:
    """The front closed by walls and a flat back behind its deepest point."""
    matrix = matrix_of(plate.camera)
    axis = -matrix[:3, 2]
    along = (points - matrix[:3, 3]) @ axis
    deep = float(along.max()) + max(thickness, 0.01) * max(float(np.ptp(along)), 1e-3)
    back = points + (deep - along)[:, None] * axis
    count = np.uint32(len(points))
    edges = faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2).astype(np.int64)
    keys, twins = edges @ [int(count), 1], edges[:, ::-1] @ [int(count), 1]
    start, end = edges[~np.isin(keys, twins)].astype(np.uint32).T
    walls = np.concatenate(
        [
            np.stack([end, start, start + count], axis=1),
            np.stack([end, start + count, end + count], axis=1),
        ]
    )
    whole = np.concatenate([faces, faces[:, ::-1] + count, walls]).astype(np.uint32)
    doubled = None if colours is None else np.concatenate([colours, colours])
    return np.concatenate([points, back]).astype(np.float32), whole, doubled
