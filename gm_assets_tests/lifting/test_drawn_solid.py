"""Solids from two or three drawn outlines, reliefs from one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from gm_assets.errors import LiftError
from gm_assets.lifting import lift
from gm_assets.lifting.drawn_solid import DrawingSettings, drawn_plate
from gm_assets.lifting.protocol import Lift, Plate
from gm_assets.lifting.surface import watertight

Draw = Callable[[ImageDraw.ImageDraw], None]
SMALL = DrawingSettings(resolution=64)


def sheet(draw: Draw, size: tuple[int, int] = (200, 260)) -> NDArray[np.uint8]:
    image = Image.new("RGB", size, (240, 236, 225))
    draw(ImageDraw.Draw(image))
    return np.asarray(image)


def box(left: int, top: int, right: int, bottom: int, **kw: object) -> Draw:
    return lambda pen: pen.rectangle((left, top, right, bottom), outline=(40, 40, 40), width=3)


def ring(left: int, top: int, right: int, bottom: int) -> Draw:
    return lambda pen: pen.ellipse((left, top, right, bottom), outline=(40, 40, 40), width=3)


#: A tower 80 pixels wide, 160 high and 40 deep.
FRONT = drawn_plate(sheet(box(60, 50, 140, 210)), "front")
SIDE = drawn_plate(sheet(box(80, 50, 120, 210)), "side")
TOP = drawn_plate(sheet(ring(60, 110, 140, 150)), "top")


def solid(lifted: Lift) -> trimesh.Trimesh:
    assert lifted.surface is not None and lifted.watertight
    mesh = trimesh.Trimesh(lifted.surface.vertices, lifted.surface.faces, process=False)
    assert mesh.is_watertight and mesh.is_winding_consistent
    return mesh


def test_two_outlines_bound_a_solid_of_their_proportions() -> None:
    mesh = solid(lift([FRONT, SIDE], "drawing", SMALL))
    width, height, depth = np.ptp(mesh.vertices, axis=0)
    assert width / height == pytest.approx(0.5, abs=0.03)
    assert depth / height == pytest.approx(0.26, abs=0.03)
    assert mesh.vertices[:, 1].min() == pytest.approx(0, abs=0.03)
    assert mesh.vertices[:, [0, 2]].mean(axis=0) == pytest.approx((0, 0), abs=0.03)


def test_sections_are_round_by_assumption_or_rectangles_and_both_say_so() -> None:
    round_, square = (
        lift([FRONT, SIDE], "drawing", DrawingSettings(resolution=64, rounded=rounded))
        for rounded in (True, False)
    )
    ratio = solid(round_).volume / solid(square).volume
    assert ratio == pytest.approx(np.pi / 4, rel=0.05)
    assert "ellipses by assumption" in " ".join(round_.notes)
    assert "rectangles" in " ".join(square.notes)
    assert round_.geometry == "drawn outlines" and round_.colour == "none"


def test_a_third_outline_says_what_the_sections_are() -> None:
    three = lift([FRONT, SIDE, TOP], "drawing", SMALL)
    box_volume = np.prod(np.ptp(solid(three).vertices, axis=0))
    assert solid(three).volume / box_volume == pytest.approx(np.pi / 4, rel=0.06)
    assert "assumption" not in " ".join(three.notes)


def test_front_and_top_make_a_solid_too() -> None:
    mesh = solid(lift([FRONT, TOP], "drawing", SMALL))
    width, height, depth = np.ptp(mesh.vertices, axis=0)
    assert (width / height, depth / height) == pytest.approx((0.5, 0.26), abs=0.04)


def test_the_side_is_seen_from_the_subjects_left_and_the_top_from_above() -> None:
    # A nose sticks out to the left of the side view, which is the subject's front (+Z).
    nose = drawn_plate(
        sheet(
            lambda pen: pen.polygon(
                [(80, 50), (120, 50), (120, 210), (80, 210), (80, 140), (50, 130), (80, 120)],
                outline=(40, 40, 40),
                width=3,
            )
        ),
        "side",
    )
    mesh = solid(lift([FRONT, nose], "drawing", SMALL))
    middle = (mesh.vertices[:, 1] > 0.45 * mesh.vertices[:, 1].max()) & (
        mesh.vertices[:, 1] < 0.55 * mesh.vertices[:, 1].max()
    )
    ends = np.abs(mesh.vertices[:, 1] / mesh.vertices[:, 1].max() - 0.2) < 0.1
    assert mesh.vertices[middle, 2].max() > mesh.vertices[ends, 2].max() + 0.1
    assert mesh.vertices[middle, 2].min() == pytest.approx(mesh.vertices[ends, 2].min(), abs=0.05)


def test_one_drawing_becomes_a_relief_that_is_closed_or_open() -> None:
    closed = lift([FRONT], "drawing", SMALL)
    assert closed.watertight and closed.surface is not None and watertight(closed.surface)
    assert "flat back" in " ".join(closed.notes) and "guess" in closed.notes[0]
    assert (closed.method, closed.geometry, closed.colour) == (
        "drawing", "drawn outlines", "plates",
    )  # fmt: skip
    flat = lift([FRONT], "drawing", DrawingSettings(closed=False))
    assert not flat.watertight and flat.surface is not None and not watertight(flat.surface)
    few = lift([FRONT], "drawing", DrawingSettings(triangles=1_000))
    assert few.surface is not None and len(few.surface.faces) < 1_400


def refused(plates: list[Plate]) -> str:
    with pytest.raises(LiftError) as caught:
        lift(plates, "drawing", SMALL)
    return str(caught.value)


def test_drawings_that_do_not_belong_together_are_refused() -> None:
    wide = drawn_plate(sheet(box(20, 120, 180, 140)), "top")
    assert "disagree about the width" in refused([FRONT, SIDE, wide])
    assert "from where" in refused([FRONT, FRONT])
    assert "no drawing" in refused([])
    empty = Plate("side", SIDE.camera, np.zeros_like(SIDE.silhouette))
    assert "empty" in refused([FRONT, empty])


def test_small_disagreements_are_said() -> None:
    other = drawn_plate(sheet(ring(60, 105, 140, 155)), "top")
    notes = " ".join(lift([FRONT, SIDE, other], "drawing", SMALL).notes)
    assert "disagree about the width by" in notes
