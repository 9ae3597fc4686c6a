"""Polygons cut into triangles cover what they covered."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gm_assets.sculpt import polygons
from gm_assets.sculpt.polygons import triangulated


def areas(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    return np.cross(b - a, c - a) / 2


def outline_area(points: np.ndarray) -> np.ndarray:
    return np.cross(points, np.roll(points, -1, axis=0)).sum(axis=0) / 2


@st.composite
def stars(draw: st.DrawFn) -> np.ndarray:
    """A simple polygon, mostly concave, in a plane of any direction."""
    count = draw(st.integers(4, 14))
    radius = np.array(draw(st.lists(st.floats(0.2, 3), min_size=count, max_size=count)))
    angle = np.arange(count) * 2 * np.pi / count
    flat = np.stack([radius * np.cos(angle), radius * np.sin(angle), 0 * angle], axis=1)
    turn = np.linalg.qr(np.random.default_rng(draw(st.integers(0, 99))).normal(size=(3, 3)))[0]
    return flat @ turn.T


@settings(max_examples=200, deadline=None)
@given(stars())
def test_no_triangle_lies_outside_its_outline_or_is_turned_over(points: np.ndarray) -> None:
    count = len(points)
    triangles = triangulated(points, np.array([count]), np.arange(count))
    assert len(triangles) == count - 2
    whole = outline_area(points)
    pieces = areas(points, triangles)
    # Equal areas with no piece turned over: they cover the outline once.
    assert np.allclose(pieces.sum(axis=0), whole, atol=1e-9)
    assert (pieces @ whole >= -1e-9 * (whole @ whole)).all()


def test_polygons_keep_their_order_and_small_ones_give_nothing() -> None:
    points = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [2, 2, 0]], float)
    counts = np.array([3, 2, 4, 1, 3])
    corners = np.array([0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 2, 3, 4])
    assert triangulated(points, counts, corners).tolist() == [
        [0, 1, 2],
        [0, 1, 2],
        [0, 2, 3],
        [2, 3, 4],
    ]


def test_a_hostile_polygon_costs_bounded_time_and_keeps_its_corners(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(polygons, "MOST_TRIES", 40)
    count = 400  # a comb: most corners turn inward, and few are ears
    x = np.repeat(np.arange(count // 2), 2).astype(float)
    y = np.tile([0.0, 5.0, 5.1, 0.1], count // 4)
    points = np.stack([x, y, 0 * x], axis=1)
    triangles = triangulated(points, np.array([count]), np.arange(count))
    assert len(triangles) == count - 2
    assert set(triangles.reshape(-1)) == set(range(count))


@pytest.mark.parametrize("inward", range(4))
def test_a_concave_quad_is_cut_at_its_inward_corner(inward: int) -> None:
    arrow = np.roll(np.array([[0.0, 0.2, 0], [2, -1, 0], [0, 2, 0], [-2, -1, 0]]), inward, axis=0)
    triangles = triangulated(arrow, np.array([4]), np.arange(4))
    assert areas(arrow, triangles)[:, 2].min() > 0
