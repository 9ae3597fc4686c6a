"""Named views of a subject: `front`, `three-quarter`, `turntable:12`, and their cameras.

A view has a name, which its passes and frames carry, and a camera that holds the whole subject.
Views are reckoned from the subject's axes (Y up, facing +Z) and its extent alone, so the same
mesh always gives the same cameras.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gm_assets.errors import GmError
from gm_assets.memory.record import Camera
from gm_assets.sculpt.cameras import FILM, frame, turntable
from gm_assets.sculpt.model import Sculpt

#: Most cameras of one turntable.
MOST_STEPS = 720

_TURNTABLE = re.compile(
    r"turntable:(?P<count>[1-9][0-9]{0,2})(?:@(?P<elevations>-?[0-9]{1,2}(?:/-?[0-9]{1,2})*))?\Z"
)


@dataclass(frozen=True)
class Direction:
    """From where a named view looks: degrees around Y from the front, and above the horizon."""

    azimuth: float
    elevation: float


#: The named views. The subject faces +Z; its left is +X, which `left` looks at.
DIRECTIONS: dict[str, Direction] = {
    "front": Direction(0, 0),
    "back": Direction(180, 0),
    "left": Direction(90, 0),
    "right": Direction(-90, 0),
    "top": Direction(0, 90),
    "three-quarter": Direction(40, 18),
    "hero": Direction(32, 8),
}


@dataclass(frozen=True)
class Lens:
    """How the cameras of views take their pictures.

    Attributes:
        focal_length: millimetres.
        film: long side of the film back in millimetres; its aspect is the picture's.
        margin: free part of the frame around the subject, 0 to 0.9.
    """

    focal_length: float = 85.0
    film: float = FILM
    margin: float = 0.12


@dataclass(frozen=True)
class View:
    """One camera and the name of what it shows, e.g. `hero` or `t03`."""

    name: str
    camera: Camera


def subject_points(sculpt: Sculpt) -> NDArray[np.float32]:
    """(n, 3) vertices that a camera frames: all parts but the ground, if there are others."""
    chosen = [part.vertices for part in sculpt.parts if part.semantic != "ground"]
    return np.concatenate(
        chosen or [part.vertices for part in sculpt.parts] or [np.zeros((0, 3), np.float32)]
    )


def check_views(wanted: Iterable[str]) -> None:
    """Refuse names of views that `views_of` does not know.

    Raises:
        GmError: one of them is neither a named view nor a turntable.
    """
    for name in wanted:
        if name not in DIRECTIONS and _TURNTABLE.match(name) is None:
            raise GmError(
                f"there is no view {name!r}",
                remedy=f"Views are {', '.join(DIRECTIONS)}, `turntable:12` and, with elevations "
                "in degrees taken in turn, `turntable:24@5/25`",
            )


def views_of(
    sculpt: Sculpt, wanted: Iterable[str] = ("hero",), *, aspect: float = 1.0, lens: Lens = Lens()
) -> tuple[View, ...]:
    """The cameras of named views, in the order given, each name once.

    Args:
        wanted: names of `DIRECTIONS`, or `turntable:<count>` with optional elevations,
            `turntable:24@5/25`; the views of a turntable are called `t00`, `t01`, ...
        aspect: width divided by height of the pictures.

    Raises:
        GmError: a name is unknown, or the lens cannot hold the subject.
    """
    names = tuple(dict.fromkeys(wanted))
    check_views(names)
    points = subject_points(sculpt)
    views: dict[str, View] = {}
    try:
        for name in names:
            for view in _cameras(points, name, aspect, lens):
                views.setdefault(view.name, view)
    except ValueError as error:
        raise GmError(
            f"no camera can be set up: {error}",
            where=sculpt.name,
            remedy="Check the size of the picture, the lens, its film and margin",
        ) from error
    return tuple(views.values())


def _cameras(points: NDArray[np.float32], name: str, aspect: float, lens: Lens) -> tuple[View, ...]:
    if (direction := DIRECTIONS.get(name)) is not None:
        camera = frame(
            points,
            azimuth=direction.azimuth,
            elevation=direction.elevation,
            focal_length=lens.focal_length,
            aspect=aspect,
            margin=lens.margin,
            film=lens.film,
        )
        return (View(name, camera),)
    match = _TURNTABLE.match(name)
    assert match is not None  # check_views let it pass
    count = int(match["count"])
    if count > MOST_STEPS:
        raise ValueError(f"a turntable has at most {MOST_STEPS} steps, not {count}")
    elevations = [float(one) for one in (match["elevations"] or "10").split("/")]
    if max(map(abs, elevations)) > 85:
        raise ValueError("a turntable looks from at most 85 degrees above or below")
    cameras = turntable(
        points,
        count,
        elevations=elevations,
        focal_length=lens.focal_length,
        margin=lens.margin,
        aspect=aspect,
        film=lens.film,
    )
    digits = max(2, len(str(count - 1)))
    return tuple(View(f"t{step:0{digits}d}", camera) for step, camera in enumerate(cameras))
