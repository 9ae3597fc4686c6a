"""The persistence of a chain as a picture: its shapes in a row, and what stayed as curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gm_assets.making.persistence import Compared, Persistence, Shape

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

    from gm_assets.library import Library

#: Pixels: a shape's picture, the chart's height, space, and the column of names.
SIDE, HIGH, SPACE, NAMES = 160, 240, 18, 190
#: Most shapes that are drawn; the last ones where there are more.
MOST = 12
_COLOURS = ((214, 96, 77), (120, 170, 214), (120, 190, 120), (212, 180, 80))


def words_of(compared: Compared) -> str:
    """One comparison on one line."""
    said = [f"silhouette {compared.silhouette_iou:.3f}"]
    if compared.point_to_surface is not None:
        said.append(f"distance {compared.point_to_surface:.4f}")
    if compared.look is not None:
        said.append(f"look {compared.look:.3f}")
    return ", ".join(said)


def series(found: Persistence) -> Mapping[str, Sequence[float | None]]:
    """The curves of a plot, one value a shape: against the first shape, which agrees itself."""
    shapes = found.shapes
    looks = [1.0 if shape.first is None else shape.first.look for shape in shapes]
    curves: dict[str, Sequence[float | None]] = {
        "silhouette, first": [
            1.0 if shape.first is None else shape.first.silhouette_iou for shape in shapes
        ],
        "silhouette, before": [
            None if shape.before is None else shape.before.silhouette_iou for shape in shapes
        ],
        "complete, first": [
            1.0 if shape.first is None else shape.first.completeness for shape in shapes
        ],
    }
    if any(look is not None for look in looks[1:]):
        curves["look, first"] = looks
    return curves


def draw(library: Library, found: Persistence) -> Image.Image:
    """The shapes from one camera, and below them what stayed of the first and of the one before.

    Raises:
        GmError: a file cannot be read any more.
    """
    from PIL import Image, ImageDraw, ImageFont

    from gm_assets.diffusion.sheets import GROUND, write_line

    shapes = found.shapes[-MOST:]
    width = 2 * SPACE + max(len(shapes), 2) * (SIDE + SPACE) + NAMES
    page = Image.new("RGB", (width, SIDE + HIGH + 6 * SPACE), GROUND)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(12)
    write_line(pen, (SPACE, 8), f"{found.chain}: what stays from turn to turn", font, width, False)
    for number, (shape, picture) in enumerate(zip(shapes, _pictures(library, shapes), strict=True)):
        x = SPACE + number * (SIDE + SPACE)
        page.paste(picture, (x, 2 * SPACE))
        label = f"{shape.key} {shape.stage}"
        write_line(pen, (x, SIDE + 2 * SPACE + 4), label, font, SIDE, True)
    _chart(pen, found, len(shapes), SIDE + 4 * SPACE)
    return page


def _pictures(library: Library, shapes: Sequence[Shape]) -> list[Image.Image]:
    """Every shape as clay, from the hero camera of the first."""
    from PIL import Image

    from gm_assets.making.structures import sculpt_in
    from gm_assets.sculpt.clay import Studio, clay
    from gm_assets.sculpt.rays import Scene
    from gm_assets.sculpt.views import views_of

    pictures, camera = [], None
    studio = Studio(samples=1, occlusion=5, shadows=2, floor=False)
    for shape in shapes:
        sculpt = sculpt_in(library.root / shape.path)
        camera = camera or views_of(sculpt, ["hero"])[0].camera
        pictures.append(Image.fromarray(clay(Scene(sculpt), camera, SIDE, SIDE, studio)))
    return pictures


def _chart(pen: ImageDraw.ImageDraw, found: Persistence, count: int, top: int) -> None:
    """The curves: 0 to 1 upwards, a shape a column, the null as a faint line."""
    from PIL import ImageFont

    from gm_assets.diffusion.sheets import FAINT, FRAME, INK

    font = ImageFont.load_default(12)
    xs = [SPACE + number * (SIDE + SPACE) + SIDE // 2 for number in range(count)]
    right = max(xs[-1], SPACE + 2 * SIDE) + SIDE // 2

    def height(value: float) -> float:
        return top + HIGH * (1 - value)

    for tenth in range(0, 11, 2):
        y = height(tenth / 10)
        pen.line([(SPACE, y), (right, y)], fill=FRAME)
        pen.text((SPACE, y - 14), f"{tenth / 10:.1f}", fill=FAINT, font=font)
    if found.null is not None:
        y = height(found.null)
        pen.line([(SPACE, y), (right, y)], fill=FAINT, width=2)
        pen.text((right + 6, y - 7), f"other subjects {found.null:.2f}", fill=FAINT, font=font)
    for number, (name, values) in enumerate(series(found).items()):
        colour = _COLOURS[number % len(_COLOURS)]
        places = [
            (x, height(value))
            for x, value in zip(xs, values[-count:], strict=True)
            if value is not None
        ]
        if len(places) > 1:
            pen.line(places, fill=colour, width=2)
        for x, y in places:
            pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=colour)
        at = top + number * 18
        pen.line([(right + 6, at + 7), (right + 26, at + 7)], fill=colour, width=3)
        pen.text((right + 32, at), name, fill=INK, font=font)
