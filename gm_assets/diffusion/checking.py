"""Whether settings and guides can be followed, asked before a frame costs anything.

Both shaders ask here, so that the same mistake gets the same words.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gm_assets.diffusion.protocol import MAPS, Guide, Settings
from gm_assets.errors import GmError

MAX_STEPS = 1000
#: Seeds of PyTorch are unsigned numbers of 64 bits; XMP and JSON readers agree on 53.
MAX_SEED = 2**53 - 1
#: Maps with three numbers a pixel; the others have one.
_COLOURED = frozenset(("normal", "pose"))
_AGAIN = "Make that pass again"


def check_settings(settings: Settings, *, multiple: int, least: int, most: int) -> None:
    """Refuse settings that no frame can be made with.

    Args:
        multiple: of pixels that width and height must be.
        least, most: the shortest and the longest side in pixels.

    Raises:
        GmError: a size, seed, number of steps, guidance or weight is not possible.
    """
    for name, side in (("width", settings.width), ("height", settings.height)):
        if not least <= side <= most or side % multiple:
            near = min(max(round(side / multiple) * multiple, least), most)
            raise GmError(
                f"this model cannot make frames with a {name} of {side} pixels",
                remedy=f"Sides are multiples of {multiple} from {least} to {most}, e.g. {near}",
            )
    if not 0 <= settings.seed <= MAX_SEED:
        raise GmError(f"the seed {settings.seed} is out of range", remedy=f"Use 0 to {MAX_SEED}")
    if settings.steps is not None and not 1 <= settings.steps <= MAX_STEPS:
        raise GmError(f"{settings.steps} steps cannot be made", remedy=f"Use 1 to {MAX_STEPS}")
    if settings.guidance is not None and not 0 <= settings.guidance <= 100:
        raise GmError(f"the guidance {settings.guidance} is out of range", remedy="Use 0 to 100")
    for name, weight in settings.weights.items():
        if name not in MAPS:
            known = ", ".join(MAPS)
            raise GmError(f"no pass is called {name!r}", remedy=f"Passes are {known}")
        if not 0 <= weight <= 1:
            raise GmError(f"the weight {weight} of {name} is out of range", remedy="Use 0 to 1")


def check_guide(
    guide: Guide, settings: Settings, obeys: Sequence[str], required: Sequence[str] = ()
) -> None:
    """Refuse a guide that no frame can obey.

    Args:
        obeys: the maps that the model takes.
        required: those without which it makes no frame; without any, one of `obeys` will do.

    Raises:
        GmError: a map is missing, has another shape or holds what is no number, the maps are not
            of the frame's size, or nothing of the subject is in the view.
    """
    where = f"view {guide.view}"
    missing = [name for name in required if name not in guide.maps]
    if missing:
        raise GmError(
            f"this model needs the passes {', '.join(required)}; {', '.join(missing)} is missing",
            where=where,
            remedy="`gm passes` makes them from a mesh",
        )
    if not set(guide.maps) & set(obeys):
        raise GmError(
            f"it has {', '.join(guide.maps)}, of which this model obeys none",
            where=where,
            remedy=f"This model obeys {', '.join(obeys)}",
        )
    if guide.size != (settings.width, settings.height):
        width, height = guide.size
        raise GmError(
            f"its passes have {width} x {height} pixels, the frame {settings.width} x "
            f"{settings.height}",
            where=where,
            remedy="Make the passes at the size of the frame",
        )
    for name in guide.maps:
        values = guide.map(name)
        if values.shape[2:] != ((3,) if name in _COLOURED else ()):
            raise GmError(f"its {name} has the shape {values.shape}", where=where, remedy=_AGAIN)
        if values.dtype.kind == "f" and bool(np.isnan(values).any()):
            raise GmError(f"its {name} holds NaN", where=where, remedy=_AGAIN)
    if not any(bool(_something(guide, name).any()) for name in guide.maps if name in obeys):
        raise GmError(
            "no camera sees the subject: its passes are empty",
            where=where,
            remedy="Choose another view, or look at the mesh with `gm passes`",
        )


def _something(guide: Guide, name: str) -> NDArray[np.bool_]:
    """Where a map is not empty."""
    values = guide.map(name)
    if name == "depth":
        return np.asarray(np.isfinite(values) & (values > 0))
    return np.asarray(values.any(axis=2) if values.ndim == 3 else values != 0)
