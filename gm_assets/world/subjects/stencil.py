"""Stencilled marks: letters and numbers of straight strokes with bridges, as raised plates.

Only what the world's hulls, shoulders and lanterns carry is drawn: capitals, digits, a stroke.
"""

from __future__ import annotations

from gm_assets.world.sdf.meshing import Mesh, joined
from gm_assets.world.subjects.forms import prism

#: Strokes on a 4 by 6 grid: (column, row, width, height) of filled rectangles.
_GLYPHS: dict[str, tuple[tuple[float, float, float, float], ...]] = {
    "0": ((0, 0.7, 1, 4.6), (3, 0.7, 1, 4.6), (0.7, 0, 2.6, 1), (0.7, 5, 2.6, 1)),
    "1": ((1.5, 0, 1, 6), (0.6, 4.4, 0.7, 0.9)),
    "3": ((3, 0.4, 1, 2.3), (3, 3.3, 1, 2.3), (0, 0, 2.8, 1), (0.6, 2.5, 2.2, 1), (0, 5, 2.8, 1)),
    "4": ((0, 2.4, 1, 3.6), (1.2, 2.0, 1.5, 1), (2.9, 0, 1, 6)),
    "7": ((0, 5, 4, 1), (3, 2.6, 1, 2.2), (2.2, 0, 1, 2.8)),
    "9": (
        (0, 3.2, 1, 2.4),
        (3, 0.4, 1, 5.2),
        (1.2, 2.4, 1.6, 1),
        (0.6, 5, 2.2, 1),
        (0.4, 0, 2.4, 1),
    ),
    "C": ((0, 0.6, 1, 4.8), (0.7, 0, 3.2, 1), (0.7, 5, 3.2, 1)),
    "R": ((0, 0, 1, 6), (1.2, 5, 2.2, 1), (3, 3.6, 1, 1.9), (1.2, 2.6, 2.2, 1), (2.4, 0, 1, 2.4)),
    "K": ((0, 0, 1, 6), (1.3, 2.6, 1.1, 1), (2.3, 3.4, 1, 2.6), (2.5, 0, 1, 2.6)),
    "-": ((0.5, 2.5, 3, 1),),
}
_ADVANCE = 5.0


def stencil(text: str, height: float, thickness: float) -> Mesh:
    """Raised letters in the xy plane, centred on the origin, reading from -x to +x, towards +Z.

    Raises:
        KeyError: a character has no drawing.
    """
    unit = height / 6.0
    plates = []
    left = -(len(text) * _ADVANCE - 1.0) / 2.0
    for place, letter in enumerate(text):
        for column, row, width, tall in _GLYPHS[letter]:
            x, y = left + place * _ADVANCE + column, row - 3.0
            corners = [(x, y), (x + width, y), (x + width, y + tall), (x, y + tall)]
            plates.append(prism([[(u * unit, v * unit) for u, v in corners]], thickness))
    return joined(plates)
