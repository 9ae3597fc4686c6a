"""Cameras: where they stand, what they frame, and the rays they send.

A camera is `gm_assets.memory.record.Camera`, so a render remembers exactly the camera that
made it: a camera-to-world matrix in metres (row-major, OpenGL axes: the camera looks along
-Z with +Y up), a lens and a film back in millimetres. A picture's aspect is its film back's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gm_assets.memory.record import Camera

#: The long side of the film back, in millimetres: still film of the 135 format.
FILM = 36.0

Floats = NDArray[np.float64]


def film_back(aspect: float, film: float = FILM) -> tuple[float, float]:
    """Width and height in millimetres of a film back of the given aspect (width / height).

    Args:
        film: its long side in millimetres.

    Raises:
        ValueError: `aspect` or `film` is not a positive number.
    """
    if not (math.isfinite(aspect) and aspect > 0):
        raise ValueError(f"the aspect of a picture is a positive number, not {aspect!r}")
    if not (math.isfinite(film) and film > 0):
        raise ValueError(f"the side of a film back is a positive number, not {film!r}")
    return (film, film / aspect) if aspect >= 1 else (film * aspect, film)


def look_at(
    eye: ArrayLike,
    target: ArrayLike,
    *,
    focal_length: float = 85.0,
    aspect: float = 1.0,
    near: float = 0.01,
    far: float = 10_000.0,
    roll: float = 0.0,
    film: float = FILM,
) -> Camera:
    """A perspective camera at `eye` that looks at `target`, upright unless `roll` (degrees).

    Args:
        focal_length: of the lens, millimetres.
        aspect: of the film back, width divided by height.
        film: long side of the film back, millimetres.

    Raises:
        ValueError: eye and target coincide.
    """
    position, aim = np.asarray(eye, np.float64), np.asarray(target, np.float64)
    back = position - aim
    length = float(np.linalg.norm(back))
    if not length > 0:
        raise ValueError("the eye of a camera and its target coincide")
    back /= length
    # Looking straight up or down, world Y says nothing about what is up: take -Z.
    up = np.array([0.0, 1.0, 0.0]) if abs(back[1]) < 0.9999 else np.array([0.0, 0.0, -1.0])
    right = np.cross(up, back)
    right /= np.linalg.norm(right)
    upright = np.cross(back, right)
    turn = math.radians(roll)
    x = math.cos(turn) * right + math.sin(turn) * upright
    y = math.cos(turn) * upright - math.sin(turn) * right
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2], matrix[:3, 3] = x, y, back, position
    return Camera(
        matrix=tuple(float(value) for value in matrix.reshape(-1)),
        focal_length=focal_length,
        film_back=film_back(aspect, film),
        near=near,
        far=far,
    )


def direction(azimuth: float, elevation: float) -> Floats:
    """The unit vector from a subject towards a camera.

    Args:
        azimuth: degrees around Y; 0 is in front (+Z), 90 at the subject's left (+X).
        elevation: degrees above the horizon.
    """
    a, e = math.radians(azimuth), math.radians(elevation)
    return np.array([math.sin(a) * math.cos(e), math.sin(e), math.cos(a) * math.cos(e)])


def frame(
    points: ArrayLike,
    *,
    azimuth: float = 32.0,
    elevation: float = 8.0,
    focal_length: float = 85.0,
    aspect: float = 1.0,
    margin: float = 0.12,
    lift: float = 0.0,
    film: float = FILM,
) -> Camera:
    """The camera of that direction and lens which holds all `points`, as near as it can.

    Args:
        points: (n, 3) metres.
        margin: free part of the frame around the points, 0 to 0.9.
        lift: moves the subject up (positive) or down within the frame, as a part of its height.

    Raises:
        ValueError: there are no points, or all of them coincide.
    """
    cloud = np.asarray(points, np.float64).reshape(-1, 3)
    if not len(cloud) or not np.ptp(cloud, axis=0).max() > 0:
        raise ValueError("there is nothing with an extent to frame")
    toward = direction(azimuth, elevation)
    target = (cloud.min(axis=0) + cloud.max(axis=0)) / 2
    axes = matrix_of(look_at(target + toward, target))[:3, :3]
    width, height = film_back(aspect, film)
    half = np.array([width, height]) / 2 / focal_length * (1 - margin)
    local = (cloud - target) @ axes
    # A point at depth z is inside where |x - centre| <= half * (distance - z): the nearest
    # distance follows in closed form for each axis, and the larger of the two holds.
    outer = (local[:, :2] + half * local[:, 2:3]).max(axis=0)
    inner = (local[:, :2] - half * local[:, 2:3]).min(axis=0)
    reach = float(np.linalg.norm(np.ptp(cloud, axis=0)))
    distance = max(float(((outer - inner) / 2 / half).max()), local[:, 2].max() + reach * 1e-3)
    centre = np.array([_centred(local[:, axis], distance - local[:, 2]) for axis in (0, 1)])
    centre = centre - np.array([0.0, lift * half[1] * 2 * distance])
    aim = target + axes[:, 0] * centre[0] + axes[:, 1] * centre[1]
    return look_at(
        aim + toward * distance,
        aim,
        focal_length=focal_length,
        aspect=aspect,
        near=max(distance - reach, distance * 0.01),
        far=distance + reach * 2,
        film=film,
    )


def _centred(across: Floats, depth: Floats) -> float:
    """Where a camera stands across so that its picture has the points in its middle.

    Args:
        across: (n,) metres along one axis of the picture.
        depth: (n,) metres before the camera, positive.
    """
    centre = 0.0
    # The two outermost points decide: solve for them until they stay the same.
    for _ in range(24):
        seen = (across - centre) / depth
        first, last = int(seen.argmin()), int(seen.argmax())
        weight = 1 / depth[[first, last]]
        moved = float((across[[first, last]] * weight).sum() / weight.sum())
        if abs(moved - centre) < 1e-9 * float(depth.max()):
            break
        centre = moved
    return centre


def turntable(
    points: ArrayLike,
    count: int,
    *,
    elevations: Sequence[float] = (10.0,),
    focal_length: float = 100.0,
    margin: float = 0.08,
    aspect: float = 1.0,
    film: float = FILM,
) -> tuple[Camera, ...]:
    """`count` cameras at equal steps around Y, the elevations taken in turn.

    All stand at one distance and look at one point, so that their silhouettes are to the
    same scale. The first stands in front.
    """
    cloud = np.asarray(points, np.float64).reshape(-1, 3)
    centre = (cloud.min(axis=0) + cloud.max(axis=0)) / 2
    radius = float(np.linalg.norm(cloud - centre, axis=1).max())
    half_angle = math.atan(min(film_back(aspect, film)) / 2 / focal_length * (1 - margin))
    distance = radius / math.sin(half_angle)
    return tuple(
        look_at(
            centre + direction(360.0 * step / count, elevations[step % len(elevations)]) * distance,
            centre,
            focal_length=focal_length,
            aspect=aspect,
            near=max(distance - radius * 1.5, distance * 0.01),
            far=distance + radius * 3,
            film=film,
        )
        for step in range(count)
    )


def matrix_of(camera: Camera) -> Floats:
    """The (4, 4) camera-to-world matrix."""
    return np.array(camera.matrix, np.float64).reshape(4, 4)


def camera_rays(
    camera: Camera,
    width: int,
    height: int,
    offset: tuple[float, float] = (0.5, 0.5),
    rows: slice = slice(None),
    columns: slice = slice(None),
) -> tuple[Floats, NDArray[np.float32]]:
    """The rays through the pixels of a picture, row by row from the top left.

    Args:
        offset: where in its pixel a ray passes, 0 to 1 from the pixel's top left.
        rows, columns: a window of the picture, by default all of it.

    Returns:
        The eye, (3,) metres, and unit directions (rows * columns, 3) in the world.
    """
    film_width, film_height = camera.film_back
    x = ((np.arange(width)[columns] + offset[0]) / width - 0.5) * film_width
    y = (0.5 - (np.arange(height)[rows] + offset[1]) / height) * film_height
    matrix = matrix_of(camera)
    # In place where it can be: memory that is asked for anew at each step costs as much as sums.
    scale = (x * x)[None, :] + (y * y)[:, None]
    scale += camera.focal_length**2
    np.sqrt(scale, out=scale)
    np.divide(1, scale, out=scale)
    along = np.empty_like(scale)
    world = np.empty((len(y), len(x), 3), np.float32)
    # Axis by axis: a matrix product of so thin arrays only wakes the threads of BLAS.
    for axis in range(3):
        right, up, back = matrix[axis, :3]
        np.add((x * right)[None, :], (y * up - camera.focal_length * back)[:, None], out=along)
        along *= scale
        world[..., axis] = along
    return matrix[:3, 3], world.reshape(-1, 3)


def project(camera: Camera, points: ArrayLike, width: int, height: int) -> tuple[Floats, Floats]:
    """Where world points fall in a picture.

    Returns:
        (n, 2) pixel coordinates (x to the right, y down) and (n,) depth in metres along the
        camera's axis; points with a depth of zero or less lie behind the camera.
    """
    matrix = matrix_of(camera)
    away = (np.asarray(points, np.float64).reshape(-1, 3) - matrix[:3, 3]).T
    right, up, back = (
        away[0] * matrix[0, axis] + away[1] * matrix[1, axis] + away[2] * matrix[2, axis]
        for axis in range(3)
    )
    depth = -back
    scale = camera.focal_length / np.where(np.abs(depth) < 1e-12, 1e-12, depth)
    film_width, film_height = camera.film_back
    x = (right * scale / film_width + 0.5) * width
    y = (0.5 - up * scale / film_height) * height
    return np.stack([x, y], axis=1), depth
