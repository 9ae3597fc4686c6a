"""Maps become the pictures that the control network was trained on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gm_assets.diffusion import Guide
from gm_assets.diffusion.studio.controls import (
    FACING,
    FARTHEST,
    MODES,
    SCRIBBLE,
    controls,
    depth_picture,
    ids_picture,
    line_picture,
    normal_picture,
)
from gm_assets_tests.diffusion.guides import SIDE, ball, sketch


@given(
    arrays.arrays(
        np.float32,
        (4, 5),
        elements=st.one_of(st.just(np.float32("inf")), st.floats(2**-7, 10_000, width=32)),
    )
)
def test_nearer_is_never_darker_and_nothing_is_black(depth: np.ndarray) -> None:
    grey = depth_picture(Guide("v", depth=depth))[..., 0]
    there = np.isfinite(depth)
    assert (grey[~there] == 0).all() and (grey[there] >= FARTHEST).all()
    order = np.argsort(depth[there], kind="stable")
    assert (np.diff(grey[there][order].astype(int)) <= 0).all()
    if there.any():
        assert grey[there].max() == 255


def test_normals_are_blue_in_front_green_above_and_red_to_the_left() -> None:
    picture = normal_picture(ball())
    middle = SIDE // 2
    front, above = picture[middle, middle], picture[SIDE // 5 + 2, middle]
    left, right = picture[middle, SIDE // 5 + 2], picture[middle, -SIDE // 5 - 2]
    assert front[2] > 250 and abs(int(front[0]) - 128) < 16
    assert above[1] > 200 and left[0] > 200 and right[0] < 60
    assert (picture[0, 0] == FACING).all()


def test_ink_is_white_on_black() -> None:
    picture = line_picture(sketch())
    assert picture[0, 0].max() == 0 and picture.max() > 240


def test_parts_have_colours_of_their_own_whatever_else_is_in_view() -> None:
    picture = ids_picture(ball())
    colours = {tuple(colour) for colour in picture.reshape(-1, 3)}
    assert len(colours) == 3 and (0, 0, 0) in colours
    many = Guide("v", ids=np.arange(40, dtype=np.uint32).reshape(5, 8))
    assert len({tuple(colour) for colour in ids_picture(many).reshape(-1, 3)}) == 40
    assert (ids_picture(many)[0, 1] == picture[SIDE // 2 - 1, SIDE // 2]).all()


def test_every_kind_of_control_is_given_once_in_the_order_of_kinds() -> None:
    given_ = controls(ball(), {})
    assert [(one.map, one.mode) for one in given_] == [("depth", 1), ("normal", 4), ("ids", 5)]
    alone = controls(ball(ids=None), {"depth": 0.0, "normal": 0.25})
    assert [(one.map, one.weight) for one in alone] == [("normal", 0.25), ("silhouette", 1.0)]
    flat = controls(ball(), {"ids": 0.0})
    assert [one.map for one in flat] == ["depth", "normal", "silhouette"]


@pytest.mark.parametrize(("scribble", "mode"), [(False, MODES["lines"]), (True, SCRIBBLE)])
def test_a_sketch_is_line_art_or_a_scribble(scribble: bool, mode: int) -> None:
    (control,) = controls(sketch(), {}, scribble=scribble)
    assert (control.map, control.mode) == ("lines", mode)
