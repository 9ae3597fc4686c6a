"""Histograms of scores as small pictures, for pages and for Dagster's metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

#: Pixels of the picture, and of the frame around the bars: left, top, right, bottom.
SIZE = (360, 160)
FRAME = (8, 24, 8, 22)
GROUND, INK, FAINT, BAR, MARK = (
    (18, 18, 20),
    (222, 216, 202),
    (140, 135, 126),
    (150, 132, 96),
    (196, 84, 60),
)


def histogram(
    values: np.ndarray,
    title: str = "",
    *,
    bins: int = 60,
    marks: Sequence[float] = (),
) -> Image.Image:
    """How often values occur, from the smallest to the largest.

    Args:
        values: any numbers; those that are not finite are left out and counted in the title.
        bins: bars, of equal width.
        marks: values shown as upright lines, e.g. the cosines of hits.

    Returns:
        RGB, 360 by 160 pixels.
    """
    from PIL import Image, ImageDraw, ImageFont

    given = np.asarray(values, np.float64).reshape(-1)
    finite = given[np.isfinite(given)]
    page = Image.new("RGB", SIZE, GROUND)
    pen = ImageDraw.Draw(page)
    font = ImageFont.load_default(12)
    left_out = f", {len(given) - len(finite):,} not finite" if len(finite) < len(given) else ""
    pen.text((FRAME[0], 4), f"{title}  n = {len(finite):,}{left_out}".strip(), INK, font)
    if not len(finite):
        return page
    low, high = _bounds(finite, marks)
    counts, _ = np.histogram(finite, bins=bins, range=(low, high))
    width = SIZE[0] - FRAME[0] - FRAME[2]
    floor = SIZE[1] - FRAME[3]
    for number, count in enumerate(counts):
        height = round((floor - FRAME[1]) * count / max(1, counts.max()))
        left = FRAME[0] + number * width // bins
        right = FRAME[0] + (number + 1) * width // bins - 2
        if count:  # a bar of one value among thousands must be seen
            pen.rectangle((left, floor - max(1, height), max(left, right), floor), fill=BAR)
    for mark in marks:
        x = FRAME[0] + round((mark - low) / (high - low) * (width - 1))
        pen.line([(x, FRAME[1]), (x, floor)], fill=MARK)
    pen.text((FRAME[0], floor + 4), f"{low:.3g}", FAINT, font)
    pen.text((SIZE[0] - FRAME[2], floor + 4), f"{high:.3g}", FAINT, font, anchor="ra")
    return page


def _bounds(values: np.ndarray, marks: Sequence[float]) -> tuple[float, float]:
    """From the smallest to the largest of values and marks, never the same."""
    every = np.concatenate([values, np.asarray(marks, np.float64)])
    low, high = float(every.min()), float(every.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)
