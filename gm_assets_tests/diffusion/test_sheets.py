"""Sheets of passes and frames."""

from __future__ import annotations

import numpy as np
import pytest

from gm_assets.diffusion.obedience import measure
from gm_assets.diffusion.protocol import MAPS, Guide
from gm_assets.diffusion.sheets import MAX_ROWS, Row, line_of, picture_of, sheet, strip


def _guide(width: int = 40, height: int = 30) -> Guide:
    """A near square left of a far one, in every kind of map."""
    ids = np.zeros((height, width), np.uint32)
    ids[5:25, 5:15], ids[5:25, 20:35] = 1, 2
    depth = np.select([ids == 1, ids == 2], [2.0, 5.0], np.inf).astype(np.float32)
    normal = np.zeros((height, width, 3), np.float32)
    normal[ids > 0, 2] = 1
    return Guide(
        "hero",
        depth=depth,
        normal=normal,
        silhouette=ids > 0,
        ids=ids,
        pose=np.full((height, width, 3), 9, np.uint8),
        lines=(ids == 1).astype(np.float32),
    )


@pytest.mark.parametrize("name", MAPS)
def test_every_map_becomes_a_picture_of_its_size(name: str) -> None:
    picture = picture_of(_guide(), name)
    assert picture.shape == (30, 40, 3)
    assert picture.dtype == np.uint8


def test_near_is_lighter_than_far_and_nothing_is_black() -> None:
    picture = picture_of(_guide(), "depth")
    assert picture[10, 10, 0] > picture[10, 25, 0] > picture[0, 0, 0] == 0


def test_two_parts_have_two_colours_and_nothing_has_none() -> None:
    picture = picture_of(_guide(), "ids")
    assert (picture[10, 10] != picture[10, 25]).any()
    assert (picture[0, 0] == 0).all()


def test_ids_beyond_the_palette_are_drawn() -> None:
    ids = np.arange(1, 1201, dtype=np.uint32).reshape(30, 40)
    assert picture_of(Guide("many", ids=ids), "ids").min(axis=(0, 1)).max() > 0


def test_a_depth_that_sees_nothing_is_black() -> None:
    empty = Guide("empty", depth=np.full((8, 8), np.inf, np.float32))
    assert picture_of(empty, "depth").max() == 0


def test_a_map_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        picture_of(Guide("x", silhouette=np.ones((4, 4), bool)), "depth")


def test_a_strip_shows_the_frame_after_the_passes() -> None:
    frame = np.full((30, 40, 3), 201, np.uint8)
    shown = np.asarray(strip(_guide(), frame, side=64, maps=("depth", "silhouette")))
    assert shown.shape == (48, 3 * 64 + 2 * 6, 3)
    assert (shown[24, 2 * 70 + 32] == 201).all()
    assert (shown[24, 70 + 16] == 255).all()


def test_a_frame_that_is_missing_is_an_empty_cell() -> None:
    shown = np.asarray(strip(_guide(), None, side=64, maps=("silhouette",)))
    assert len(np.unique(shown[:, 70:].reshape(-1, 3), axis=0)) == 2


def test_a_sheet_holds_its_rows_and_no_more_than_its_bound() -> None:
    guide = Guide("a", silhouette=np.eye(8, dtype=bool))
    rows = [Row(guide, None, ("first", "second"))] * (MAX_ROWS + 5)
    few, many = (sheet(rows[:count], ("Heading",), side=16) for count in (2, MAX_ROWS + 5))
    per_row = (many.height - few.height) / (MAX_ROWS - 2)
    assert per_row == 16 + 2 * 15 + 12
    assert sheet([]).height > 0


def test_hostile_text_is_cut_to_the_page() -> None:
    row = Row(_guide(), None, ("\x1b[31m" + "x" * 5000, "‮line\nbreak"))
    assert sheet([row], ("y" * 9000,), side=32).width < 600


def test_the_measures_fit_on_a_line() -> None:
    guide = _guide(80, 60)
    frame = np.where(guide.map("silhouette")[..., None], np.uint8(180), np.uint8(20))
    found = measure(np.repeat(frame, 3, axis=2), guide, [np.eye(50, dtype=bool)])
    line = line_of(found)
    assert found.verdict in line
    assert "null" in line
    assert "\n" not in line
