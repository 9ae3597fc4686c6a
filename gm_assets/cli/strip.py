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
GROUND, FRAME = (24, 24, 28), (110, 110, 120)
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
    """The five stages side by side: a thumbnail, an empty frame for a gap, nothing else.

    A stage whose picture cannot be shown has a crossed frame.
    """
    from PIL import Image

    count = len(strip.stages)
    width = count * CELL + (count - 1) * SPACE
    picture = Image.new("RGB", (width, CELL), GROUND)
    for index, stage in enumerate(strip.stages):
        picture.paste(_cell(library, stage), (index * (CELL + SPACE), 0))
    return picture


def _cell(library: Library, stage: StageStrip) -> Image.Image:
    from PIL import Image, ImageDraw

    from gm_assets.library import thumbnail

    cell = Image.new("RGB", (CELL, CELL), GROUND)
    pen = ImageDraw.Draw(cell)
    frame = (8, 8, CELL - 8, CELL - 8)
    if stage.state == "gap":
        pen.rectangle(frame, outline=FRAME, width=4)
        return cell
    if stage.state != "present":
        return cell
    try:
        if stage.primary_content_id is None:
            raise GmError("no content")
        with Image.open(thumbnail(library, stage.primary_content_id, CELL)) as thumb:
            shown = thumb.convert("RGBA")
    except (GmError, OSError):
        pen.rectangle(frame, outline=FRAME, width=4)
        pen.line((*frame[:2], *frame[2:]), fill=FRAME, width=4)
        return cell
    cell.paste(shown, ((CELL - shown.width) // 2, (CELL - shown.height) // 2), shown)
    return cell
