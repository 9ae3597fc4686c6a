"""Outlines found in drawings, and the bodies swollen within them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from gm_assets.errors import LiftError
from gm_assets.lifting.drawing import WORKING, drawn_outline, ink
from gm_assets.lifting.inflation import SHEET, drawing_camera, inflate
from gm_assets.sculpt.cameras import matrix_of
from gm_assets.sculpt.rays import Scene
from gm_assets_tests.sculpt.shapes import ball

Picture = NDArray[np.uint8]


class Sheet:
    """A sheet that is drawn upon."""

    def __init__(self, width: int = 240, height: int = 320, paper: int = 235) -> None:
        self.image = Image.new("RGB", (width, height), (paper, paper - 6, paper - 16))
        self.pen = ImageDraw.Draw(self.image)

    def line(self, *points: tuple[float, float], width: int = 3, ink: int = 40) -> Sheet:
        self.pen.line(points, (ink, ink, ink), width)
        return self

    def ring(self, box: tuple[int, int, int, int], width: int = 3, start: int = 0,
             end: int = 360) -> Sheet:  # fmt: skip
        self.pen.arc(box, start, end, (40, 40, 40), width)
        return self

    @property
    def picture(self) -> Picture:
        return np.asarray(self.image)


def disc(size: int, radius: float) -> NDArray[np.bool_]:
    row, column = np.mgrid[:size, :size] + 0.5 - size / 2
    return np.asarray(np.hypot(row, column) < radius)


def iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_a_closed_line_encloses_its_subject_on_any_paper() -> None:
    picture = Sheet().ring((60, 90, 180, 210)).picture
    row, column = np.mgrid[:320, :240]
    wanted = np.hypot(row - 150, column - 120) <= 61
    uneven = np.linspace(0.6, 1, 240)[None, :, None]
    for sheet in (picture, 255 - picture, (picture * uneven).astype(np.uint8)):
        outline = drawn_outline(sheet)
        assert outline.dtype == np.float32 and outline.shape == (320, 240)
        assert iou(outline >= 0.5, wanted) > 0.95


def test_a_small_gap_lets_no_paper_in_and_a_wide_one_does() -> None:
    shut = drawn_outline(Sheet().ring((60, 90, 180, 210), start=2).picture)
    assert shut[150, 120] == 1
    wide = drawn_outline(Sheet().ring((60, 90, 180, 210), start=40).picture)
    assert wide[150, 120] == 0 and wide[150, 60] == 1  # what is left is the line itself
    thin = Sheet().line((120, 20), (120, 300), width=1).picture
    with pytest.raises(LiftError, match="enclose nothing"):
        drawn_outline(thin)


def test_faint_construction_lines_and_stained_edges_are_not_the_subject() -> None:
    sheet = Sheet().ring((60, 90, 180, 210), width=4)
    sheet.line((0, 150), (239, 150), width=1, ink=205).line((120, 0), (120, 319), width=1, ink=205)
    speckled = sheet.picture.copy()
    noise = np.random.default_rng(3).random((320, 5)) < 0.6
    speckled[:, :5][noise] = 60
    outline = drawn_outline(speckled)
    assert outline[150, 120] == 1
    assert outline[:, :40].max() == 0 and outline[:60].max() == 0


def test_a_figure_cut_off_by_the_sheet_is_closed_along_its_edge() -> None:
    bust = Sheet().line((70, 319), (90, 120), (150, 120), (170, 319), width=4).picture
    outline = drawn_outline(bust)
    assert outline[200, 120] == 1 and outline[310, 120] == 1
    assert outline[310, 20] == 0 and outline[60, 120] == 0


def gate() -> Picture:
    sheet = Sheet(300, 300)
    sheet.line((40, 260), (40, 40), (260, 40), (260, 260), (40, 260), width=4)
    sheet.line((110, 260), (110, 120), (190, 120), (190, 260), width=4)
    for step in range(44, 108, 6):  # walls are hatched, the opening is blank
        sheet.line((step, 44), (step, 256), width=1, ink=90)
        sheet.line((300 - step, 44), (300 - step, 256), width=1, ink=90)
    return sheet.picture


def test_a_blank_gate_that_stands_on_the_ground_is_an_opening() -> None:
    outline = drawn_outline(gate())
    assert outline[200, 150] == 0
    assert outline[200, 70] == 1 and outline[200, 230] == 1 and outline[70, 150] == 1


def test_a_window_that_does_not_reach_the_ground_is_filled() -> None:
    sheet = Sheet(300, 300).line((40, 260), (40, 40), (260, 40), (260, 260), (40, 260), width=4)
    sheet.line((110, 180), (110, 120), (190, 120), (190, 180), (110, 180), width=4)
    assert drawn_outline(sheet.picture)[150, 150] == 1


def test_a_large_sheet_has_the_outline_of_a_small_one() -> None:
    small = Sheet().ring((60, 90, 180, 210), width=4).picture
    large = np.asarray(Image.fromarray(small).resize((960, 1280), Image.Resampling.LANCZOS))
    assert max(large.shape) > WORKING
    found = drawn_outline(large)
    back = np.asarray(Image.fromarray(found).resize((240, 320), Image.Resampling.BOX))
    assert iou(back >= 0.5, drawn_outline(small) >= 0.5) > 0.97


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_blank_sheet_is_refused(value: int) -> None:
    with pytest.raises(LiftError, match="no lines"):
        drawn_outline(np.full((120, 90, 3), value, np.uint8))


@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (1, 400), (3000, 4)])
def test_a_picture_too_small_to_be_a_drawing_is_refused(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (*shape, 3)).astype(np.uint8)
    with pytest.raises(LiftError, match="too small or too narrow"):
        drawn_outline(noise)
    with pytest.raises(LiftError, match="empty"):
        inflate(np.zeros((1, 30), np.float32), np.ones((1, 30), bool))


def test_a_disc_swells_to_a_hemisphere() -> None:
    inside = disc(160, 60)
    depth, normal = inflate(np.zeros((160, 160), np.float32), inside)
    row, column = (np.mgrid[:160, :160] + 0.5 - 80) / 60
    facing = np.sqrt(np.clip(1 - row**2 - column**2, 0, 1))
    true = np.stack([column, -row, facing], axis=2)
    well = disc(160, 54)
    assert (normal[well] * true[well]).sum(axis=1).min() > 0.99
    height = (depth[0, 0] if np.isfinite(depth[0, 0]) else depth[inside].max()) - depth
    swell = height[well] / (SHEET / 160) / 60
    # As round as a ball, though the last pixel beside the rim is too steep to be seen.
    assert np.corrcoef(swell, facing[well])[0, 1] > 0.99
    assert 0.75 < float(np.ptp(swell)) / float(np.ptp(facing[well])) < 1.1


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 40), st.integers(1, 14)), min_size=1,
                max_size=5))  # fmt: skip
def test_whatever_the_outline_depth_and_normals_are_sound(
    discs: list[tuple[int, int, int]],
) -> None:
    row, column = np.mgrid[:32, :44]
    inside = np.zeros((32, 44), bool)
    for y, x, radius in discs:
        inside |= np.hypot(row - y, column - x) < radius
    lines = np.random.default_rng(len(discs)).random((32, 44)).astype(np.float32)
    depth, normal = inflate(lines, inside)
    assert np.array_equal(np.isfinite(depth), inside)
    assert (depth[inside] > 0).all()
    lengths = np.linalg.norm(normal, axis=2)
    assert np.abs(lengths[inside] - 1).max() < 1e-5 and not lengths[~inside].any()
    assert (normal[inside][:, 2] > 0).all()


def test_lines_within_the_outline_become_grooves() -> None:
    inside = disc(160, 70)
    lines = np.zeros((160, 160), np.float32)
    lines[30:130, 79:82] = 1
    plain = inflate(np.zeros_like(lines), inside)[1]
    grooved = inflate(lines, inside)[1]
    # Left of the line the surface falls to the right, right of it to the left.
    assert (grooved - plain)[60:100, 76:79, 0].mean() > 0.05
    assert (grooved - plain)[60:100, 82:85, 0].mean() < -0.05


def test_a_swollen_body_lies_where_its_camera_looks() -> None:
    inside = np.zeros((120, 80), bool)
    inside[30:90, 20:60] = True
    depth, _ = inflate(np.zeros((120, 80), np.float32), inside)
    camera = drawing_camera(80, 120)
    eye = matrix_of(camera)[:3, 3]
    assert camera.near < depth[inside].min() <= depth[inside].max() < camera.far
    assert depth[inside].max() <= np.linalg.norm(eye) + 1e-6
    top = drawing_camera(80, 120, "top")
    assert np.allclose(matrix_of(top)[:3, 1], (0, 0, -1))
    assert Scene(_only_ball()).silhouette(drawing_camera(64, 64, "side"), 64, 64).any()


def _only_ball():  # type: ignore[no-untyped-def]
    from gm_assets.sculpt.model import Sculpt

    return Sculpt("ball", (ball(),))


def test_an_empty_silhouette_and_maps_of_two_sizes_are_refused() -> None:
    with pytest.raises(LiftError, match="empty"):
        inflate(np.zeros((20, 20), np.float32), np.zeros((20, 20), bool))
    with pytest.raises(LiftError, match="shape"):
        inflate(np.zeros((20, 21), np.float32), np.ones((20, 20), bool))


def test_ink_of_a_drawing_is_the_same_in_every_run() -> None:
    picture = gate()
    first, second = (inflate(ink(picture), drawn_outline(picture)) for _ in range(2))
    assert all(a.tobytes() == b.tobytes() for a, b in zip(first, second, strict=True))
