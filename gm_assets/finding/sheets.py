"""Contact sheets: pictures with captions, and the strip of their chain below them.

A sheet shows thumbnails (`library.thumbnail`) and text, nothing else, and proves nothing. A
stage that is missing is a dashed frame, one that does not apply is left blank; a picture that
cannot be shown is a frame with a stroke, so a sheet never fails for one file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gm_assets.diffusion.sheets import write_line
from gm_assets.errors import GmError
from gm_assets.finding.values import Found, Hit, StageKin

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

    from gm_assets.library import Library

#: Pixels: side of a picture, of a strip's cell, space between cards, height of a line.
PICTURE, SMALL, SPACE, LINE = 256, 48, 16, 15
MARGIN = 20
GROUND, INK, FAINT, FRAME = (18, 18, 20), (222, 216, 202), (140, 135, 126), (78, 75, 70)
#: Cards side by side.
COLUMNS = 5
#: Cards of one sheet; a hundred are 5 by 20.
MAX_CARDS = 200


@dataclass(frozen=True, slots=True)
class Card:
    """One picture of a sheet.

    Attributes:
        content_id: what is shown.
        caption: lines below it, cut to its width.
        strip: the stages of its chain, drawn small below the caption.
    """

    content_id: str
    caption: tuple[str, ...] = ()
    strip: tuple[StageKin, ...] = ()


def sheet(library: Library, found: Found) -> Image.Image:
    """The hits of a search as a contact sheet: chain, stage, cosine, percentile, family."""
    heading = [_asked(found), *found.notes]
    if any(hit.percentile is not None for hit in found.hits):
        heading.append(f"percentiles among {found.population}")
    return draw(library, [_card(hit) for hit in found.hits], heading)


def draw(
    library: Library,
    cards: Sequence[Card],
    heading: Sequence[str] = (),
    columns: int = COLUMNS,
) -> Image.Image:
    """A contact sheet of any pictures of the library.

    Args:
        cards: the first `MAX_CARDS` are drawn.
        heading: lines above them, the first one larger.
        columns: cards side by side.

    Returns:
        RGB.
    """
    from PIL import Image, ImageDraw, ImageFont

    cards = cards[:MAX_CARDS]
    beside = max(1, min(columns, len(cards)))
    rows = -(-len(cards) // beside)
    lines = max((len(card.caption) for card in cards), default=0)
    strip = SMALL + 6 if any(card.strip for card in cards) else 0
    card_height = PICTURE + 6 + lines * LINE + strip
    top = MARGIN + (8 + 22 + LINE * (len(heading) - 1) if heading else 0)
    width = max(640, 2 * MARGIN + beside * (PICTURE + SPACE) - SPACE)
    page = Image.new("RGB", (width, top + rows * (card_height + SPACE) + MARGIN), GROUND)
    pen = ImageDraw.Draw(page)
    large, small = ImageFont.load_default(17), ImageFont.load_default(12)
    for number, line in enumerate(heading):
        at = (MARGIN, MARGIN - 4 + (number and 8 + number * LINE))
        write_line(pen, at, line, large if number == 0 else small, width - 2 * MARGIN, number > 0)
    for number, card in enumerate(cards):
        x = MARGIN + (number % beside) * (PICTURE + SPACE)
        y = top + (number // beside) * (card_height + SPACE)
        _place(library, page, pen, card.content_id, (x, y), PICTURE)
        for row, line in enumerate(card.caption):
            write_line(pen, (x, y + PICTURE + 5 + row * LINE), line, small, PICTURE, row > 0)
        for index, stage in enumerate(card.strip):
            at = (x + index * (SMALL + 4), y + card_height - SMALL)
            _stage(library, page, pen, stage, at)
    return page


def _asked(found: Found) -> str:
    """The question on one line."""
    question = found.question
    parts = [question.text] if question.text else []
    parts += [f"like {path}" for path in question.like]
    parts += [f"without {text}" for text in question.without]
    parts += [
        f"{name}: {', '.join(values)}"
        for name, values in (
            *question.filters.columns().items(),
            ("labels", question.filters.labels),
        )
        if values
    ]
    return "; ".join(parts)


def _card(hit: Hit) -> Card:
    places = [f"{place.key} {place.stage} {place.part}" for place in hit.places]
    where = places[0] if places else hit.path
    more = f", {len(places) - 1} more" if len(places) > 1 else ""
    cosine = "" if hit.cosine is None else f"cosine {hit.cosine:.3f}"
    percentile = "" if hit.percentile is None else f"percentile {hit.percentile:.1f}"
    quality = "  ".join(filter(None, (cosine, percentile)))
    strip = hit.kin.chains[0].stages if hit.kin.chains else ()
    return Card(hit.content_id, (f"{hit.rank}  {where}{more}", quality, hit.why), strip)


def _place(
    library: Library,
    page: Image.Image,
    pen: ImageDraw.ImageDraw,
    content_id: str,
    at: tuple[int, int],
    side: int,
) -> None:
    """A picture centred in its square, or the sign that it cannot be shown."""
    x, y = at
    shown = _thumbnail(library, content_id, side)
    if shown is None:
        box = (x, y, x + side - 1, y + side - 1)
        pen.rectangle(box, outline=FRAME, width=2)
        pen.line(box, fill=FRAME, width=2)
        return
    page.paste(shown, (x + (side - shown.width) // 2, y + (side - shown.height) // 2), shown)


def _thumbnail(library: Library, content_id: str, side: int) -> Image.Image | None:
    from PIL import Image, ImageOps

    from gm_assets.library import thumbnail

    try:
        with Image.open(thumbnail(library, content_id, max(side, 64))) as thumb:
            return ImageOps.contain(thumb.convert("RGBA"), (side, side))
    except (GmError, OSError, ValueError):
        return None


def _stage(
    library: Library,
    page: Image.Image,
    pen: ImageDraw.ImageDraw,
    stage: StageKin,
    at: tuple[int, int],
) -> None:
    """One stage of a strip."""
    from PIL import ImageFont

    x, y = at
    if stage.state == "present" and stage.content_id is not None:
        _place(library, page, pen, stage.content_id, at, SMALL)
    elif stage.state != "not_applicable":
        _dashed(pen, (x, y, x + SMALL - 1, y + SMALL - 1))
        pen.text((x + 5, y + 5), stage.stage, FAINT, ImageFont.load_default(11))


def _dashed(pen: ImageDraw.ImageDraw, box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box
    for start in range(left, right, 8):
        for y in (top, bottom):
            pen.line([(start, y), (min(start + 4, right), y)], fill=FRAME)
    for start in range(top, bottom, 8):
        for x in (left, right):
            pen.line([(x, start), (x, min(start + 4, bottom))], fill=FRAME)
