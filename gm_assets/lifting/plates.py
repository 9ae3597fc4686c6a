"""Plates before they are lifted: whether they can be, where their subject is, which are held out.

Everything that a lift would otherwise notice late, or never, is refused here with its reason:
cameras that are none, plates of different sizes, silhouettes without a subject.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from gm_assets.errors import LiftError, TooLarge
from gm_assets.lifting.protocol import Plate
from gm_assets.memory.record import Camera
from gm_assets.sculpt.cameras import matrix_of

#: Most plates of one lift, and most pixels of them together: 24 of 4,096 by 4,096.
MOST_PLATES, MOST_PIXELS = 720, 24 << 24
#: Shortest side of a plate in pixels.
LEAST_SIDE = 8
#: Pixels that a subject covers at least.
_LEAST_COVER = 4
#: How far the axes of a camera may be from unit length and right angles; how far the film's
#: aspect may be from the picture's, as a part of it.
_RIGID, _ASPECT = 1e-3, 0.02


def checked(
    plates: Sequence[Plate], *, least: int = 3, needs: Sequence[str] = ()
) -> tuple[Plate, ...]:
    """The plates, if they can be lifted.

    Args:
        least: plates that the method needs.
        needs: maps that it needs of every plate: `picture`, `depth`, `normal`.

    Raises:
        LiftError: there are too few; two have one name, one camera, or differ in size; a camera
            is not finite, singular, or of parallel projection; its film is not of the picture's
            aspect; a silhouette is empty or full; a map is missing or not finite.
        TooLarge: there are too many plates or pixels.
    """
    plates = tuple(plates)
    if len(plates) < least:
        raise LiftError(
            f"{len(plates)} plates, and the method needs at least {least}",
            remedy="Add views of the subject, e.g. of a turntable",
        )
    _bounded(plates)
    _of_one_set(plates)
    for plate in plates:
        _check_camera(plate)
        _check_silhouette(plate)
        for name in needs:
            _check_map(plate, name)
    _check_apart(plates)
    return plates


def split(plates: Sequence[Plate], every: int = 4) -> tuple[tuple[Plate, ...], tuple[Plate, ...]]:
    """Plates to lift and plates held out to measure by: of each `every` the last is held out.

    Raises:
        ValueError: `every` is less than 2.
    """
    if every < 2:
        raise ValueError(f"of each {every} plates none would be left to lift")
    held = tuple(plate for number, plate in enumerate(plates) if number % every == every - 1)
    return tuple(plate for plate in plates if plate not in held), held


def around(plates: Sequence[Plate]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest corner of a cube that holds the subject, metres.

    It lies around the point nearest to the axes of all cameras and is as wide as the widest of
    them sees there, so that it is found from cameras alone.
    """
    matrices = np.array([matrix_of(plate.camera) for plate in plates])
    eyes, axes = matrices[:, :3, 3], -matrices[:, :3, 2]
    across = np.eye(3) - axes[:, :, None] * axes[:, None, :]
    solved = np.linalg.lstsq(across.sum(axis=0), (across @ eyes[..., None]).sum(axis=0), rcond=None)
    middle = solved[0][:, 0]
    half = [max(plate.camera.film_back) / 2 / plate.camera.focal_length for plate in plates]
    reach = float((np.linalg.norm(eyes - middle, axis=1) * half).max())
    return middle - reach, middle + reach


def cut_off(plates: Sequence[Plate]) -> tuple[str, ...]:
    """Names of the plates whose subject runs over the edge of the picture."""
    return tuple(
        plate.name
        for plate in plates
        if any(edge.any() for edge in (plate.mask[0], plate.mask[-1], *plate.mask.T[[0, -1]]))
    )


def _bounded(plates: tuple[Plate, ...]) -> None:
    width, height = plates[0].size
    if min(width, height) < LEAST_SIDE:
        raise LiftError(f"plates of {width} x {height} pixels show no shape", where=plates[0].name)
    pixels = sum(plate.silhouette.size for plate in plates)
    if len(plates) > MOST_PLATES or pixels > MOST_PIXELS:
        raise TooLarge(
            f"{len(plates)} plates of {pixels:,} pixels in all; the bounds are {MOST_PLATES} "
            f"and {MOST_PIXELS:,}",
            remedy="Make them smaller",
        )


def _of_one_set(plates: tuple[Plate, ...]) -> None:
    first = plates[0]
    names: set[str] = set()
    for plate in plates:
        if plate.size != first.size:
            sizes = " and ".join(
                f"{one.name} {one.size[0]} x {one.size[1]}" for one in (first, plate)
            )
            raise LiftError(
                f"the plates are not of one size: {sizes} pixels",
                where=plate.name,
                remedy="Lift plates that were made together",
            )
        if plate.name in names:
            raise LiftError(f"two plates are called {plate.name!r}", remedy="Name every view once")
        names.add(plate.name)


def _check_camera(plate: Plate) -> None:
    camera = plate.camera
    problem = _problem_of(camera)
    if problem:
        raise LiftError(
            f"its camera {problem}", where=plate.name, remedy="Lift it with the camera that saw it"
        )
    width, height = plate.size
    aspect = camera.film_back[0] / camera.film_back[1]
    if abs(aspect * height / width - 1) > max(_ASPECT, 1 / min(width, height)):
        raise LiftError(
            f"the film of its camera has an aspect of {aspect:.3f}, the picture one of "
            f"{width / height:.3f}",
            where=plate.name,
            remedy="It was cropped or belongs to another camera",
        )


def _problem_of(camera: Camera) -> str | None:
    """What makes a camera unusable."""
    if camera.projection != "perspective":
        return "is of parallel projection, which is not lifted"
    matrix = matrix_of(camera)
    lens = np.array([camera.focal_length, *camera.film_back])
    if not (np.isfinite(matrix).all() and np.isfinite(lens).all()):
        return "is not finite"
    if not (lens > 0).all():
        return "has a lens or a film back of no size"
    if not np.allclose(matrix[3], (0, 0, 0, 1), atol=_RIGID):
        return "has a matrix whose last row is not 0 0 0 1"
    axes = matrix[:3, :3]
    if not np.allclose(axes.T @ axes, np.eye(3), atol=_RIGID) or np.linalg.det(axes) < 0:
        return "has a matrix that is no turn in space: singular, scaled or mirrored"
    return None


def _check_silhouette(plate: Plate) -> None:
    cover = plate.silhouette
    if not np.isfinite(cover).all() or cover.min() < 0 or cover.max() > 1:
        raise LiftError(
            "its silhouette is not a coverage from 0 to 1", where=plate.name, remedy="Make it anew"
        )
    if int(plate.mask.sum()) < _LEAST_COVER:
        raise LiftError(
            "its silhouette is empty",
            where=plate.name,
            remedy="Leave the plate out, or give it the silhouette of its subject",
        )
    if plate.mask.all():
        raise LiftError(
            "its silhouette fills the picture and bounds nothing",
            where=plate.name,
            remedy="Give it the silhouette of its subject",
        )


def _check_map(plate: Plate, name: str) -> None:
    values = getattr(plate, name)
    if values is None:
        raise LiftError(
            f"it has no {name}, which the method needs",
            where=plate.name,
            remedy=f"Give it the {name} of its lineage, or lift it by `hull`",
        )
    if name == "depth":
        if np.isnan(values).any() or (values <= 0).any():
            raise LiftError("its depth has NaN or what is not positive", where=plate.name)
    elif name == "normal" and not np.isfinite(values).all():
        raise LiftError("its normals are not finite", where=plate.name)


def _check_apart(plates: tuple[Plate, ...]) -> None:
    """Refuse two plates from one camera: the second adds nothing, and mostly one is wrong."""
    poses = np.array(
        [(*plate.camera.matrix, plate.camera.focal_length, *plate.camera.film_back)
         for plate in plates]
    )  # fmt: skip
    scale = max(1e-12, float(np.abs(poses[:, [3, 7, 11]]).max()))
    poses[:, [3, 7, 11]] /= scale
    for one, other in combinations(range(len(plates)), 2):
        if np.abs(poses[one] - poses[other]).max() < 1e-6:
            raise LiftError(
                f"it has the camera of plate {plates[one].name}",
                where=plates[other].name,
                remedy="Every plate needs the camera that saw it",
            )
