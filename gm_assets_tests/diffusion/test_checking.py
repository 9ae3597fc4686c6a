"""Settings and guides that cannot be followed are refused before a frame costs anything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gm_assets.diffusion import MAPS, Guide, Settings
from gm_assets.diffusion.checking import check_guide, check_settings
from gm_assets.errors import GmError
from gm_assets_tests.diffusion.guides import SIDE, ball, sketch

GOOD = Settings(width=SIDE, height=SIDE)


def settled(settings: Settings) -> None:
    check_settings(settings, multiple=8, least=64, most=1024)


@given(width=st.integers(-10, 2000), height=st.integers(-10, 2000))
def test_a_size_is_taken_or_refused_with_one_that_can_be_made(width: int, height: int) -> None:
    fits = all(64 <= side <= 1024 and side % 8 == 0 for side in (width, height))
    try:
        settled(Settings(width=width, height=height))
        assert fits
    except GmError as error:
        assert not fits
        settled(Settings(width=int(str(error.remedy).rpartition(" ")[2]), height=64))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"seed": -1}, "seed"),
        ({"seed": 2**64}, "seed"),
        ({"steps": 0}, "steps"),
        ({"steps": 100_000}, "steps"),
        ({"guidance": float("nan")}, "guidance"),
        ({"guidance": -1.0}, "guidance"),
        ({"weights": {"deph": 1.0}}, "no pass is called 'deph'"),
        ({"weights": {"depth": 1.5}}, "weight 1.5 of depth"),
        ({"weights": {"depth": float("nan")}}, "weight nan of depth"),
    ],
)
def test_settings_out_of_range_are_refused_with_the_range(wrong: dict, says: str) -> None:
    settled(GOOD)
    with pytest.raises(GmError, match=says) as raised:
        settled(replace(GOOD, **wrong))
    assert raised.value.remedy


def empty(name: str) -> Guide:
    """A view that looks past the subject."""
    past = ball(radius=0.0)
    return Guide("past", **{name: past.map(name)})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["depth", "normal", "silhouette", "ids"])
def test_a_view_that_sees_nothing_is_refused_whichever_pass_tells(name: str) -> None:
    with pytest.raises(GmError, match="no camera sees the subject") as raised:
        check_guide(empty(name), GOOD, MAPS)
    assert raised.value.where == "view past"


def test_guides_of_meshes_and_sketches_pass() -> None:
    check_guide(ball(), GOOD, MAPS, required=("depth", "normal"))
    check_guide(sketch(), GOOD, MAPS)


def test_a_missing_pass_and_one_that_the_model_does_not_take_are_named() -> None:
    with pytest.raises(GmError, match="normal is missing"):
        check_guide(ball(normal=None), GOOD, MAPS, required=("depth", "normal"))
    with pytest.raises(GmError, match="obeys none") as raised:
        check_guide(sketch(), GOOD, ("depth", "normal"))
    assert "depth, normal" in str(raised.value.remedy)


def test_passes_of_another_size_or_shape_and_passes_with_nan_are_refused() -> None:
    with pytest.raises(GmError, match="32 x 32 pixels, the frame 64 x 64"):
        check_guide(ball(side=32), GOOD, MAPS)
    broken = np.full((SIDE, SIDE), np.nan, np.float32)
    with pytest.raises(GmError, match="depth holds NaN"):
        check_guide(ball(depth=broken), GOOD, MAPS)
    with pytest.raises(GmError, match="normal has the shape"):
        check_guide(ball(normal=np.zeros((SIDE, SIDE), np.float32)), GOOD, MAPS)
