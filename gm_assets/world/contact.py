"""The pictures of the documentation: the contact sheet of the demo library, and the emblem.

    python -m gm_assets.world.contact LIBRARY [FOLDER]

The sheet is laid out from the memories of the files alone: a row for each generation of a
chain, a column for each stage, an empty frame with the stated reason where there is a gap.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gm_assets.memory.files import read_memory
from gm_assets.memory.record import STAGES, Memory, Stage, chain_key
from gm_assets.world.looks import emblem
from gm_assets.world.names import DOMAINS

if TYPE_CHECKING:
    from PIL import Image

CELL = (176, 137)
MARGIN, LABEL = 14, 118
GROUND, INK, FAINT, LINE = (15, 15, 16), (216, 207, 188), (122, 118, 110), (58, 56, 53)
#: Rows side by side.
COLUMNS = 2


@dataclass(frozen=True)
class Row:
    """One generation of a chain: its key, its pictures and its gaps by stage."""

    key: str
    domain: str
    pictures: dict[Stage, Path]
    gaps: dict[Stage, str]


def rows_of(library: Path) -> list[Row]:
    """The rows of a library, by domain and chain."""
    found = [(path, memory) for path, memory in _remembered(library)]
    keys = sorted(
        {
            (DOMAINS.index(memory.domain), one.chain, one.generation)
            for _, memory in found
            for one in memory.placements
            if memory.domain in DOMAINS
        }
    )
    rows: list[Row] = []
    for domain, chain, generation in keys:
        pictures: dict[Stage, Path] = {}
        gaps: dict[Stage, str] = {}
        for path, memory in found:
            for one in memory.placements:
                if (one.chain, one.generation) != (chain, generation):
                    continue
                gaps |= {gap.stage: gap.reason for gap in memory.gaps if gap.stage}
                if one.primary and path.suffix != ".glb":
                    pictures[one.stage] = path
                elif one.part == "clay":
                    pictures.setdefault(one.stage, path)
        # A hull that re-entered is a mesh: its clay render stands for it.
        if generation > 1 and "S3" not in pictures:
            shown = [row.pictures.get("S5") for row in rows if row.key == chain_key(chain, 1)]
            if shown and shown[0]:
                pictures["S3"] = shown[0]
        rows.append(Row(chain_key(chain, generation), DOMAINS[domain], pictures, gaps))
    return rows


def _remembered(library: Path) -> Iterable[tuple[Path, Memory]]:
    for path in sorted(library.rglob("*")):
        if ".gm" in path.parts or path.suffix not in (".png", ".jpg", ".webp", ".glb"):
            continue
        memory = read_memory(path).memory
        if memory is not None:
            yield path, memory


def sheet(rows: list[Row]) -> Image.Image:
    """The contact sheet as a picture."""
    from PIL import Image, ImageDraw, ImageFont

    title, small = ImageFont.load_default(14), ImageFont.load_default(10)
    width = LABEL + len(STAGES) * (CELL[0] + 6)
    per_column = -(-len(rows) // COLUMNS)
    height = MARGIN * 2 + 22 + per_column * (CELL[1] + 8)
    page = Image.new("RGB", (MARGIN * 2 + width * COLUMNS + 30 * (COLUMNS - 1), height), GROUND)
    pen = ImageDraw.Draw(page)
    for number, row in enumerate(rows):
        left = MARGIN + (number // per_column) * (width + 30)
        top = MARGIN + 22 + (number % per_column) * (CELL[1] + 8)
        if number % per_column == 0:
            for place, stage in enumerate(STAGES):
                x = left + LABEL + place * (CELL[0] + 6)
                pen.text((x + 2, MARGIN), stage, fill=FAINT, font=title)
        chain, generation = row.key.rsplit(".", 1)
        for line, part in enumerate(chain.split("-")):
            pen.text((left, top + 4 + line * 17), part, fill=INK, font=title)
        pen.text((left, top + CELL[1] - 30), row.domain, fill=FAINT, font=small)
        pen.text((left, top + CELL[1] - 16), generation, fill=FAINT, font=small)
        for place, stage in enumerate(STAGES):
            x = left + LABEL + place * (CELL[0] + 6)
            if stage in row.pictures:
                _paste(page, row.pictures[stage], x, top)
            else:
                re_entered = generation != "g01" and stage in ("S1", "S2")
                reason = row.gaps.get(stage, "not applicable" if re_entered else "no file")
                _gap(pen, x, top, reason, small)
    return page


def _paste(page: Image.Image, path: Path, x: int, y: int) -> None:
    from PIL import Image

    with Image.open(path) as image:
        picture = image.convert("RGB")
    picture.thumbnail(CELL, Image.Resampling.LANCZOS)
    page.paste(picture, (x + (CELL[0] - picture.width) // 2, y + (CELL[1] - picture.height) // 2))


def _gap(pen, x: int, y: int, reason: str, font) -> None:  # type: ignore[no-untyped-def]
    """A dashed frame with its reason."""
    right, bottom = x + CELL[0] - 1, y + CELL[1] - 1
    for start in range(x, right, 10):
        pen.line([(start, y), (min(start + 5, right), y)], fill=LINE)
        pen.line([(start, bottom), (min(start + 5, right), bottom)], fill=LINE)
    for start in range(y, bottom, 10):
        pen.line([(x, start), (x, min(start + 5, bottom))], fill=LINE)
        pen.line([(right, start), (right, min(start + 5, bottom))], fill=LINE)
    words, lines = reason.split(), [""]
    for word in words:
        if pen.textlength(f"{lines[-1]} {word}", font=font) > CELL[0] - 24:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    top = y + CELL[1] // 2 - len(lines) * 7
    for number, line in enumerate(lines):
        pen.text((x + 12, top + number * 14), line, fill=FAINT, font=font)


def main(arguments: list[str]) -> int:
    """Write demo-contact.png, emblem.svg and emblem.png into the folder."""
    from PIL import Image

    if not 1 <= len(arguments) <= 2:
        print(__doc__, file=sys.stderr)
        return 2
    library = Path(arguments[0])
    folder = Path(arguments[1]) if len(arguments) == 2 else Path("docs/images")
    folder.mkdir(parents=True, exist_ok=True)
    sheet(rows_of(library)).save(folder / "demo-contact.png", optimize=True)
    (folder / "emblem.svg").write_text(emblem.svg(512), encoding="utf-8")
    Image.fromarray(emblem.raster(512)).save(folder / "emblem.png", optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
