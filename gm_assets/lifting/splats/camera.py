"""A camera as the numbers that the rasteriser works with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gm_assets.errors import LiftError
from gm_assets.memory.record import Camera
from gm_assets.sculpt.cameras import matrix_of

#: How far beside the picture, in halves of its width, an ellipse is still stretched truly.
_BESIDE = 1.3


def packed(camera: Camera, width: int, height: int) -> NDArray[np.float64]:
    """(20,) numbers: world to camera (three rows of four; x right, y down, z ahead), focal
    lengths in pixels across and down, near plane, eye in the world, and the tangents beyond
    which an ellipse is not stretched further.

    Raises:
        LiftError: the camera is orthographic, or its matrix is no rotation and place.
    """
    if camera.projection != "perspective":
        raise LiftError(
            "an orthographic camera, and splats are seen in perspective",
            remedy="Make the plates with perspective cameras",
        )
    matrix = matrix_of(camera)
    turn = matrix[:3, :3]
    if not np.isfinite(matrix).all() or not np.allclose(turn.T @ turn, np.eye(3), atol=1e-4):
        raise LiftError(
            "a camera whose matrix is not a rotation and a place",
            remedy="Give the cameras that made the plates, in metres and without scale",
        )
    axes = turn.T * np.array([[1.0], [-1.0], [-1.0]])
    eye = matrix[:3, 3]
    film_width, film_height = camera.film_back
    result = np.empty(20)
    result[:12] = np.concatenate([axes, -(axes @ eye)[:, None]], axis=1).reshape(-1)
    result[12] = camera.focal_length / film_width * width
    result[13] = camera.focal_length / film_height * height
    result[14] = camera.near
    result[15:18] = eye
    result[18] = _BESIDE * film_width / 2 / camera.focal_length
    result[19] = _BESIDE * film_height / 2 / camera.focal_length
    return result
