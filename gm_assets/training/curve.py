"""The curve of a run as a picture: losses and held-out figures over the pictures seen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_SIZE = (960, 540)
_BOX = (70, 30, 720, 480)
_INK, _FAINT = (40, 40, 44), (205, 203, 198)
_COLOURS = (
    (176, 58, 46), (31, 97, 141), (30, 132, 73), (183, 149, 11), (125, 60, 152), (112, 123, 124),
)  # fmt: skip
#: Name, and where in a line of the log it stands.
_SERIES = (
    ("S4 recall@5", ("recall", "S4", 1)),
    ("S4 subject", ("zero_shot", "S4", "subject")),
    ("S4 environment", ("zero_shot", "S4", "environment")),
    ("S4 material", ("zero_shot", "S4", "material")),
    ("S3 subject", ("zero_shot", "S3", "subject")),
    ("S1 subject", ("zero_shot", "S1", "subject")),
)


def draw(log: Path, path: Path) -> None:
    """Draw the held-out figures of `log.jsonl` as a PNG."""
    from PIL import Image, ImageDraw

    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    image = Image.new("RGB", _SIZE, (250, 249, 246))
    pen = ImageDraw.Draw(image)
    left, top, right, bottom = _BOX
    most = max((line["samples"] for line in lines), default=1)
    for tenth in range(0, 11, 2):
        y = bottom - (bottom - top) * tenth / 10
        pen.line([(left, y), (right, y)], fill=_FAINT)
        pen.text((left - 34, y - 6), f"{tenth / 10:.1f}", fill=_INK)
    for part in range(5):
        x = left + (right - left) * part / 4
        pen.text((x - 20, bottom + 10), f"{round(most * part / 4, -3):,.0f}", fill=_INK)
    pen.text((left, bottom + 30), "pictures seen; figures on held-out pictures", fill=_INK)
    for number, (name, way) in enumerate(_SERIES):
        colour = _COLOURS[number]
        places = [
            (left + (right - left) * line["samples"] / most, bottom - (bottom - top) * value)
            for line in lines
            if (value := _found(line.get("heldout", {}), way)) is not None
        ]
        if len(places) > 1:
            pen.line(places, fill=colour, width=2)
        y = top + 24 * number
        pen.line([(right + 20, y + 6), (right + 44, y + 6)], fill=colour, width=3)
        pen.text((right + 52, y), name, fill=_INK)
    image.save(path, optimize=True)


def _found(figures: Any, way: Sequence[Any]) -> float | None:
    for step in way:
        try:
            figures = figures[step]
        except (KeyError, IndexError, TypeError):
            return None
    return float(figures)
