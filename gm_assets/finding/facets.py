"""The contact sheet of a facet: a row for each term, its best pictures beside it.

It shows at a glance whether a term means to the model what it means to people. Terms that
the model cannot tell are marked, never left out.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gm_assets.errors import GmError
from gm_assets.labelling import Score, best_of_each
from gm_assets.library.thumbnails import thumbnail
from gm_assets.words import counted, escaped

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

    from gm_assets.labelling import LabelReport, TermFacts
    from gm_assets.library import Library

#: Pictures of a term, and terms of a sheet.
BEST, TERMS = 5, 24
#: Pixels: side of a picture, room around it, width of the names, height of a line of text. The
#: sheet is as wide as Dagster's page of a partition shows on a screen of 1,500 pixels.
TILE, MARGIN, NAMES, LINE = 98, 8, 150, 16
GROUND, INK, FAINT, FRAME = (15, 15, 16), (216, 207, 188), (138, 132, 122), (38, 37, 35)
#: Characters of a term's name that are drawn.
NAME_LENGTH = 20


@dataclass(frozen=True, slots=True)
class Row:
    """A term with its best pictures, best first."""

    facts: TermFacts
    scores: tuple[Score, ...]


def facet_sheet(library: Library, report: LabelReport) -> Image.Image | None:
    """The contact sheet of a facet that was just labelled; None where nothing has labels.

    Terms stand in the order of their ids, at most `TERMS` of them. Under a picture stands
    its percentile, or its cosine where percentiles are withheld.
    """
    from PIL import Image, ImageDraw

    best = best_of_each(library, report.facet, BEST)
    rows = [Row(facts, best[facts.term]) for facts in report.terms[:TERMS] if facts.term in best]
    if not rows:
        return None
    height = TILE + LINE + MARGIN
    left_out = len(report.terms) - len(rows)
    size = (
        2 * MARGIN + NAMES + BEST * (TILE + MARGIN),
        2 * MARGIN + height * len(rows) + (LINE if left_out else 0),
    )
    image = Image.new("RGB", size, GROUND)
    draw = ImageDraw.Draw(image)
    for number, row in enumerate(rows):
        _draw_row(library, image, draw, row, MARGIN + number * height)
    if left_out:
        words = f"{counted(left_out, 'more term')}"
        draw.text((MARGIN, size[1] - MARGIN - LINE), words, FAINT, _font(12))
    return image


def _draw_row(
    library: Library, image: Image.Image, draw: ImageDraw.ImageDraw, row: Row, top: int
) -> None:
    facts = row.facts
    ink = FAINT if facts.measurable is False else INK
    name = escaped(facts.name)
    if len(name) > NAME_LENGTH:
        name = name[: NAME_LENGTH - 1] + "\u2026"
    draw.text((MARGIN, top), name, ink, _font(14))
    draw.text((MARGIN, top + LINE + 4), told(facts), FAINT, _font(11))
    for number, one in enumerate(row.scores):
        left = MARGIN + NAMES + number * (TILE + MARGIN)
        draw.rectangle((left, top, left + TILE - 1, top + TILE - 1), FRAME)
        with suppress(GmError):  # a file that went since leaves its frame empty
            _paste(library, image, one.content_id, (left, top))
        score = f"{one.cosine:.2f}" if one.percentile is None else f"{one.percentile:.0f} %"
        draw.text((left, top + TILE + 2), score, ink, _font(11))


def told(facts: TermFacts) -> str:
    """How well the model tells a term, in words."""
    if facts.measurable is None or facts.auc is None:
        return "unmeasured"
    return f"AUC {facts.auc:.2f}" if facts.measurable else f"not measurable ({facts.auc:.2f})"


def _paste(library: Library, image: Image.Image, content_id: str, at: tuple[int, int]) -> None:
    from PIL import Image

    with Image.open(thumbnail(library, content_id), formats=["WEBP"]) as opened:
        small = opened.convert("RGBA")
    small.thumbnail((TILE, TILE), Image.Resampling.LANCZOS)
    corner = (at[0] + (TILE - small.width) // 2, at[1] + (TILE - small.height) // 2)
    image.paste(small, corner, small)


def _font(size: int):  # type: ignore[no-untyped-def]
    from PIL import ImageFont

    return ImageFont.load_default(size)
