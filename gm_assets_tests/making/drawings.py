"""A chain that begins with two drawings of a post: a broad front and a narrow side."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

from gm_assets.library import Library, ingest, place
from gm_assets.memory.record import Placement


def draw(path: Path, points: list[tuple[int, int]]) -> None:
    """A closed outline in ink on paper, 240 x 320."""
    sheet = Image.new("RGB", (240, 320), (216, 210, 198))
    ImageDraw.Draw(sheet).line([*points, points[0]], fill=(30, 28, 26), width=4, joint="curve")
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)


def make_drawn(root: Path) -> Library:
    """A library whose chain `post` has a front and a side."""
    home = Library.init(root)
    draw(home.root / "post/front.png", [(60, 290), (180, 290), (180, 120), (120, 30), (60, 120)])
    draw(home.root / "post/side.png", [(90, 290), (150, 290), (150, 120), (120, 30), (90, 120)])
    ingest(home)
    for view in ("front", "side"):
        where = Placement(
            chain="post", stage="S1", part="sketch", view=view, primary=view == "front"
        )
        place(home, home.root / f"post/{view}.png", where)
    ingest(home)
    return home
