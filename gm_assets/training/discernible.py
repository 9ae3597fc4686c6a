"""Whether a frame shows what its subject is made of.

Under one light, in one haze, two materials can look alike; then nobody can say which it is, and
no figure should ask for it. The test is the question itself: would the frame look different if
the subject were made of something else?
"""

from __future__ import annotations

import dataclasses

import numpy as np

from gm_assets.memory.record import Camera
from gm_assets.sculpt.model import Sculpt
from gm_assets.training.facts import PAINTS
from gm_assets.world.looks.frame import Built, Stage, render

#: Side in pixels of the pictures that are compared; colours need no more.
_SIDE = 32


def least_difference(
    subject: Sculpt, material: str, stage: Stage, camera: Camera, seed: int, built: Built
) -> float:
    """How far the colour of a material is from that of the nearest other one in its place.

    The same frame is rendered with every other of `PAINTS` where the subject shows the material.

    Args:
        seed, built: as for `render`.

    Returns:
        Distance of the mean colours in CIELAB (D65, CIE 1976), over the pixels that show the
        material; 0 where no pixel of the small picture does.
    """
    from skimage.color import rgb2lab

    own = [
        number
        for number, part in enumerate(subject.parts)
        if part.material == material and part.semantic != "ground"
    ]

    def colour(name: str) -> np.ndarray:
        parts = list(subject.parts)
        for number in own:
            parts[number] = dataclasses.replace(parts[number], material=name)
        coat = Sculpt(subject.name, tuple(parts))
        frame = render(coat, stage, camera, _SIDE, _SIDE, seed, built)
        seen = np.isin(frame.ids, np.array(own) + 1)
        # The geometry is the same under every material: all of them are seen or none is.
        return np.asarray(rgb2lab(frame.picture)[seen].sum(axis=0) / max(seen.sum(), 1))

    here = colour(material)
    others = [colour(name) for name in PAINTS if name != material]
    return float(min(np.linalg.norm(here - other) for other in others))
