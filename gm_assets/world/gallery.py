"""The generated frames of a demo library with the passes that they obey, as one picture.

    python -m gm_assets.world.gallery LIBRARY [PICTURE.webp]

The frames are asked of `generate`, which verifies those that are there and makes the rest.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gm_assets.diffusion.protocol import Guide, Picture
from gm_assets.diffusion.sheets import FAINT, GROUND, INK, picture_of
from gm_assets.library import Library
from gm_assets.making.generating import generate
from gm_assets.making.guides import guide_of, picture_at
from gm_assets.making.showing import measures
from gm_assets.world.demo.chains import CHAINS
from gm_assets.world.demo.shading import shaded
from gm_assets.world.demo.shipping import PLATES

if TYPE_CHECKING:
    from PIL import Image

#: Pixels: a frame's cell, a pass below it, space between, lines of text.
CELL, PASS, SPACE, TEXT = (372, 330), (88, 80), 6, 34
COLUMNS = 4
#: Passes that are shown.
MAPS = ("depth", "normal", "silhouette", "ids")


@dataclass(frozen=True, eq=False)
class Hung:
    """One frame of the gallery."""

    title: str
    said: str
    picture: Picture
    guide: Guide


def frames_of(library: Library) -> list[Hung]:
    """The generated frames of all chains of the demo that are in the library, plates left out."""
    con = library.catalogue()
    there = {row[0] for row in con.execute("select distinct chain from placements").fetchall()}
    found = []
    for plan in CHAINS:
        if plan.name not in there or not shaded(plan):
            continue
        for frame in generate(library, plan.name, "S4").frames:
            if frame.name == PLATES:
                continue
            picture = picture_at(library.root, frame.kept)
            size = (picture.shape[1], picture.shape[0])
            camera = frame.kept.memory.camera
            guide = guide_of(library.root, frame.view, frame.sources, camera, size)
            title = frame.kept.memory.ai_prompt or frame.name
            found.append(Hung(title, measures(frame), picture, guide))
    return found


def gallery(frames: list[Hung]) -> Image.Image:
    """The frames in columns, each above its passes."""
    from PIL import Image, ImageDraw, ImageFont

    font, small = ImageFont.load_default(12), ImageFont.load_default(10)
    high = CELL[1] + SPACE + PASS[1] + TEXT + 2 * SPACE
    rows = -(-len(frames) // COLUMNS)
    size = (COLUMNS * (CELL[0] + 2 * SPACE) + SPACE, rows * high + SPACE)
    page = Image.new("RGB", size, GROUND)
    pen = ImageDraw.Draw(page)
    for number, hung in enumerate(frames):
        left = SPACE + number % COLUMNS * (CELL[0] + 2 * SPACE)
        top = SPACE + number // COLUMNS * high
        _fit(page, hung.picture, (left, top), CELL)
        shown = [name for name in MAPS if name in hung.guide.maps]
        for place, name in enumerate(shown):
            at = (left + place * (PASS[0] + SPACE), top + CELL[1] + SPACE)
            _fit(page, picture_of(hung.guide, name), at, PASS)
        below = top + CELL[1] + 2 * SPACE + PASS[1]
        pen.text((left, below), _short(hung.title), fill=INK, font=font)
        pen.text((left, below + 16), _short(hung.said), fill=FAINT, font=small)
    return page


def _short(text: str, most: int = 66) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _fit(page: Image.Image, picture: Picture, at: tuple[int, int], room: tuple[int, int]) -> None:
    from PIL import Image

    small = Image.fromarray(picture)
    small.thumbnail(room, Image.Resampling.LANCZOS)
    page.paste(small, (at[0] + (room[0] - small.width) // 2, at[1] + room[1] - small.height))


def main(arguments: list[str]) -> int:
    """Write the gallery of a library."""
    if not 1 <= len(arguments) <= 2:
        print(__doc__, file=sys.stderr)
        return 2
    path = Path(arguments[1] if len(arguments) == 2 else "docs/images/leash.webp")
    gallery(frames_of(Library.open(arguments[0]))).save(path, "WEBP", quality=82, method=6)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
