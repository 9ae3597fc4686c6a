"""The strip of a chain as one picture: five cells side by side, gaps as empty frames."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

from gm_assets.cli.pictures import Protocol, detect, render
from gm_assets.errors import GmError

if TYPE_CHECKING:
    from PIL import Image

    from gm_assets.library import Library
    from gm_assets.lineage.values import StageStrip, Strip

#: Pixels of a cell and of the space between two.
CELL, SPACE = 256, 16
INSIDE = (8, 8, CELL - 8, CELL - 8)
#: Height of the stage's name in a cell, in pixels.
LABEL = 26
GROUND, FRAME, LIGHT = (24, 24, 28), (110, 110, 120), (230, 230, 235)
#: Widest strip, in character cells; a strip on a very wide screen would fill its height.
MAX_COLUMNS = 120


def draw(library: Library, strip: Strip) -> None:
    """Print the strip as the terminal can show it; nothing where it cannot show pictures."""
    protocol = detect(os.environ)
    if protocol is Protocol.NONE:
        return
    columns = min(MAX_COLUMNS, shutil.get_terminal_size().columns - 1)
    sys.stdout.write(render(compose(library, strip), max(20, columns), protocol))
    sys.stdout.flush()


def compose(library: Library, strip: Strip) -> Image.Image:
    """The five stages side by side: a thumbnail, an empty frame for a gap.

    A picture that cannot be shown is a frame with a stroke; a stage that does not apply is
    left blank.
    """
    from PIL import Image

    count = len(strip.stages)
    width = count * CELL + (count - 1) * SPACE
    picture = Image.new("RGB", (width, CELL), GROUND)
    for index, stage in enumerate(strip.stages):
        picture.paste(_cell(library, stage), (index * (CELL + SPACE), 0))
    return picture


def _cell(library: Library, stage: StageStrip) -> Image.Image:
    from PIL import Image, ImageDraw, ImageFont

    cell = Image.new("RGB", (CELL, CELL), GROUND)
    pen = ImageDraw.Draw(cell)
    if stage.state == "present":
        shown = _thumbnail(library, stage)
        if shown is None:
            pen.rectangle(INSIDE, outline=FRAME, width=4)
            pen.line(INSIDE, fill=FRAME, width=4)
        else:
            cell.paste(shown, ((CELL - shown.width) // 2, (CELL - shown.height) // 2), shown)
    elif stage.state == "gap":
        pen.rectangle(INSIDE, outline=FRAME, width=4)
    font = ImageFont.load_default(LABEL)
    pen.text((16, 12), stage.stage, LIGHT, font, stroke_width=2, stroke_fill=GROUND)
    return cell


def _thumbnail(library: Library, stage: StageStrip) -> Image.Image | None:
    """The stage's picture as large as a cell, None where it cannot be shown."""
    from PIL import Image, ImageOps

    from gm_assets.library import thumbnail

    if stage.primary_content_id is None:
        return None
    try:
        with Image.open(thumbnail(library, stage.primary_content_id, CELL)) as thumb:
            return ImageOps.contain(thumb.convert("RGBA"), (CELL, CELL))
    except (GmError, OSError):
        return None
