"""Contact sheets of guides and frames: what had to be obeyed, and beside it what came.

A sheet shows pixels and text and reads no file, so the same one serves the metadata of an
asset, the documentation and a look at a model in training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gm_assets.diffusion.obedience import Obedience
from gm_assets.diffusion.protocol import MAPS, Guide, Picture
from gm_assets.words import escaped

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

#: Pixels: space between cells, margin of a page, height of a line of text.
SPACE, MARGIN, LINE = 6, 18, 15
#: The house's ground, ink, faint ink and the frame of an empty cell.
GROUND, INK, FAINT, FRAME = (18, 18, 20), (222, 216, 202), (140, 135, 126), (78, 75, 70)
#: Rows of one sheet; more are left off.
MAX_ROWS = 200
#: A colour for each id; ids beyond them take theirs again.
_COLOURS = 61


@dataclass(frozen=True, eq=False)
class Row:
    """One frame of a sheet.

    Attributes:
        guide: its passes are shown first.
        picture: the frame, (h, w, 3) uint8; None draws an empty cell.
        lines: text below, the first one brighter.
        beside: further pictures to the right, e.g. the true render of the same scene.
    """

    guide: Guide
    picture: Picture | None
    lines: tuple[str, ...] = ()
    beside: tuple[Picture, ...] = ()


def picture_of(guide: Guide, name: str) -> Picture:
    """One map of a guide as a picture to look at, (h, w, 3) uint8.

    Depth is light where near and black where nothing is; normals are their axes as colours;
    every id has a colour of its own; a silhouette is white; lines are ink on paper.

    Raises:
        KeyError: the guide has no such map.
    """
    values = guide.map(name)
    if name == "pose":
        return np.asarray(values, np.uint8)
    if name == "normal":
        seen = np.abs(values).max(axis=2, keepdims=True) > 0
        return _bytes(np.where(seen, values * 0.5 + 0.5, 0.0))
    if name == "ids":
        return _palette()[np.where(values > 0, (values - 1) % _COLOURS + 1, 0)]
    if name == "depth":
        grey = _nearness(values)
    elif name == "lines":
        grey = 1 - values
    else:
        grey = values.astype(np.float32)
    return np.repeat(_bytes(grey)[..., None], 3, axis=2)


def strip(
    guide: Guide,
    picture: Picture | None,
    *,
    side: int = 256,
    maps: Sequence[str] | None = None,
    beside: Sequence[Picture] = (),
) -> Image.Image:
    """The passes of a view and its frame in one row, RGB.

    Args:
        side: the longer one of a cell in pixels; cells have the guide's proportions.
        maps: those to show, of the guide's own; all by default.
        beside: further pictures to the right of the frame.
    """
    from PIL import Image

    names = guide.maps if maps is None else [name for name in maps if name in guide.maps]
    cells = [picture_of(guide, name) for name in names]
    shown: list[Picture | None] = [*cells, picture, *beside]
    width, height = guide.size
    across, high = _contained(width, height, side)
    row = Image.new("RGB", (len(shown) * (across + SPACE) - SPACE, high), GROUND)
    for number, cell in enumerate(shown):
        _place(row, cell, (number * (across + SPACE), 0), (across, high))
    return row


def sheet(
    rows: Sequence[Row],
    heading: Sequence[str] = (),
    *,
    side: int = 192,
    maps: Sequence[str] = MAPS,
) -> Image.Image:
    """Rows of passes and frames, each with its text below, RGB.

    Args:
        rows: the first `MAX_ROWS` are drawn.
        heading: lines above them, the first one larger.
        side: the longer one of a cell in pixels.
        maps: of the guides, those to show, in this order.
    """
    from PIL import Image, ImageDraw, ImageFont

    rows = rows[:MAX_ROWS]
    strips = [
        strip(row.guide, row.picture, side=side, maps=maps, beside=row.beside) for row in rows
    ]
    heights = [
        one.height + len(row.lines) * LINE + 2 * SPACE
        for row, one in zip(rows, strips, strict=True)
    ]
    top = MARGIN + (10 + 22 + LINE * (len(heading) - 1) if heading else 0)
    width = 2 * MARGIN + max((one.width for one in strips), default=0)
    width = max(width, 480)
    page = Image.new("RGB", (width, top + sum(heights) + MARGIN), GROUND)
    pen = ImageDraw.Draw(page)
    large, small = ImageFont.load_default(17), ImageFont.load_default(12)
    for number, line in enumerate(heading):
        at = (MARGIN, MARGIN - 4 + (number and 10 + number * LINE))
        write_line(pen, at, line, small if number else large, width - 2 * MARGIN, number > 0)
    y = top
    for row, one, high in zip(rows, strips, heights, strict=True):
        page.paste(one, (MARGIN, y))
        for index, line in enumerate(row.lines):
            at = (MARGIN, y + one.height + 4 + index * LINE)
            write_line(pen, at, line, small, width - 2 * MARGIN, index > 0)
        y += high
    return page


def line_of(found: Obedience) -> str:
    """The measures of a frame on one line, as a caption."""
    parts: list[str] = [found.verdict]
    if found.iou is not None:
        parts.append(f"silhouette {found.iou:.2f}")
    if found.null is not None:
        parts.append(f"null {found.null:.2f}, rank {found.rank} of {found.among}")
    if found.seen is not None:
        parts.append(f"outline seen {found.seen:.2f}")
    if found.edges is not None:
        parts.append(f"edges {found.edges.value:.2f} (chance {found.edges.chance:.2f})")
    if found.normals is not None:
        parts.append(f"normals {found.normals.value:.2f} (chance {found.normals.chance:.2f})")
    return "  ".join(parts)


def _contained(width: int, height: int, side: int) -> tuple[int, int]:
    """The size of a picture whose longer side is `side`."""
    scale = side / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _place(
    page: Image.Image, cell: Picture | None, at: tuple[int, int], size: tuple[int, int]
) -> None:
    """A picture centred in its cell, or an empty frame."""
    from PIL import Image, ImageDraw, ImageOps

    x, y = at
    if cell is None:
        pen = ImageDraw.Draw(page)
        pen.rectangle((x, y, x + size[0] - 1, y + size[1] - 1), outline=FRAME, width=2)
        return
    shown = ImageOps.contain(Image.fromarray(cell), size, Image.Resampling.LANCZOS)
    page.paste(shown, (x + (size[0] - shown.width) // 2, y + (size[1] - shown.height) // 2))


def _nearness(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 for the nearest to 0.15 for the farthest that is seen, 0 for nothing."""
    seen = np.isfinite(depth)
    if not seen.any():
        return np.zeros(depth.shape, np.float32)
    near, far = float(depth[seen].min()), float(depth[seen].max())
    along = (np.where(seen, depth, near) - near) / max(far - near, 1e-9)
    return np.where(seen, 1 - 0.85 * along, 0).astype(np.float32)


def _palette() -> NDArray[np.uint8]:
    """Black, then colours whose hues are turned by the golden angle: neighbours differ."""
    number = np.arange(_COLOURS)
    hue = (number * 0.381966) % 1.0
    light = 0.55 + 0.35 * ((number * 0.7548777) % 1.0)
    wave = np.abs((hue[:, None] * 6 + np.array([0, 4, 2])) % 6 - 3) - 1
    colours = light[:, None] * (1 - 0.45 * (1 - np.clip(wave, 0, 1)))
    return np.concatenate([np.zeros((1, 3), np.uint8), _bytes(colours)])


def _bytes(values: NDArray) -> NDArray[np.uint8]:
    return (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)


def write_line(
    pen: ImageDraw.ImageDraw,
    at: tuple[int, int],
    text: str,
    font: ImageFont.ImageFont | ImageFont.FreeTypeFont,
    width: int,
    faint: bool,
) -> None:
    """Write one line of text on a picture, cut to `width` pixels.

    Args:
        at: its left top, in pixels.
        faint: in the fainter ink.
    """
    line = escaped(text).replace("\n", " ")[:400]
    if pen.textlength(line, font) > width:
        while line and pen.textlength(f"{line}…", font) > width:
            line = line[: -max(1, len(line) // 40)]
        line = f"{line}…"
    pen.text(at, line, FAINT if faint else INK, font)
