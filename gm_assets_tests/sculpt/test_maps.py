"""Passes as files and back."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from gm_assets.errors import GmError, TooLarge, UnreadableFile, UnsupportedFormat
from gm_assets.sculpt import maps
from gm_assets.sculpt.cameras import frame, look_at
from gm_assets.sculpt.exr import depth_exr, read_depth_exr
from gm_assets.sculpt.rays import Passes, Scene
from gm_assets_tests.sculpt.shapes import two_parts


@pytest.fixture(scope="module")
def passes() -> Passes:
    scene = Scene(two_parts())
    return scene.passes(frame(scene.vertices, azimuth=30, elevation=10), 96, 64)


def depths() -> st.SearchStrategy[np.ndarray]:
    values = st.floats(0.125, 4096, width=32) | st.just(float("inf"))
    return arrays(np.float32, (5, 7), elements=values).filter(lambda d: np.isfinite(d).any())


@settings(max_examples=80, deadline=None)
@given(depths())
def test_depth_comes_back_within_half_a_step(depth: np.ndarray) -> None:
    data, near, far = maps.depth_png(depth)
    back = maps.read_depth(data, near, far)
    seen = np.isfinite(depth)
    assert (np.isfinite(back) == seen).all()
    step = (far - near) / maps.DEPTH_STEPS
    # Half a step, and what float32 metres can tell apart.
    assert np.abs(back[seen] - depth[seen]).max() <= step / 2 + far * 2**-23


def test_the_nearest_point_is_white_and_nothing_is_black(passes: Passes) -> None:
    data, near, far = maps.depth_png(passes.depth)
    steps = np.asarray(Image.open(io.BytesIO(data)))
    assert steps.dtype == np.uint16
    assert steps[passes.depth == near].min() == 65535
    assert steps[passes.depth == far].max() == 1
    assert not steps[~passes.silhouette].any()


def test_normals_come_back_as_unit_vectors_near_their_own(passes: Passes) -> None:
    back = maps.read_normal(maps.normal_png(passes.normal, passes.silhouette))
    seen = passes.silhouette
    assert (back * passes.normal).sum(axis=2)[seen].min() > 0.9998
    assert np.allclose(np.linalg.norm(back[seen], axis=1), 1, atol=1e-5)
    assert not back[~seen].any()


def test_a_silhouette_comes_back_exactly_and_a_matte_at_its_half(passes: Passes) -> None:
    assert (maps.read_silhouette(maps.silhouette_png(passes.silhouette)) == passes.silhouette).all()
    matte = np.array([[0.0, 0.25, 0.499, 0.503, 1.0]], np.float32)
    assert maps.read_silhouette(maps.silhouette_png(matte)).tolist() == [
        [False, False, False, True, True]
    ]


@pytest.mark.parametrize(("highest", "mode"), [(2, "L"), (255, "L"), (256, "I;16")])
def test_ids_take_sixteen_bits_where_eight_do_not_hold_them(highest: int, mode: str) -> None:
    ids = np.array([[0, 1], [highest - 1, highest]], np.uint32)
    data = maps.ids_png(ids)
    assert Image.open(io.BytesIO(data)).mode == mode
    assert (maps.read_ids(data) == ids).all()


def test_more_parts_than_ids_are_refused() -> None:
    with pytest.raises(TooLarge, match="65536"):
        maps.ids_png(np.array([[65536]], np.uint32))


def test_the_table_of_ids_names_every_part() -> None:
    table = maps.id_table(two_parts())
    assert table["1"] == {"name": "cube", "semantic": "architecture", "material": "bone"}
    assert table["2"]["name"] == "ball"


def test_a_depth_pass_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing is seen"):
        maps.depth_png(np.full((4, 4), np.inf, np.float32))


@pytest.mark.parametrize("bounds", [(2.0, 1.0), (float("nan"), 1.0), (-1.0, 1.0)])
def test_an_impossible_range_of_depth_is_refused(
    passes: Passes, bounds: tuple[float, float]
) -> None:
    data, _, _ = maps.depth_png(passes.depth)
    with pytest.raises(UnreadableFile, match="no range"):
        maps.read_depth(data, *bounds)


def test_one_kind_of_pass_is_not_taken_for_another(passes: Passes) -> None:
    normal = maps.normal_png(passes.normal, passes.silhouette)
    with pytest.raises(UnsupportedFormat, match="gm passes"):
        maps.read_depth(normal, 1, 2, "normal.png")
    with pytest.raises(UnsupportedFormat):
        maps.read_normal(maps.silhouette_png(passes.silhouette))


def test_damaged_passes_are_errors_of_ours(passes: Passes) -> None:
    data = maps.normal_png(passes.normal, passes.silhouette)
    for length in range(0, len(data) - 16, 97):
        with pytest.raises(GmError):
            maps.read_normal(data[:length])


def test_a_pass_that_declares_too_many_pixels_is_not_decoded() -> None:
    data = bytearray(maps.png(np.zeros((4, 4), np.uint8)))
    data[16:24] = (1 << 15).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    with pytest.raises(TooLarge, match="32768"):
        maps.read_silhouette(bytes(data))


def test_another_program_reads_our_openexr_depth(passes: Passes, tmp_path: Path) -> None:
    import OpenImageIO as oiio

    camera = look_at((0, 1, 4), (0, 1, 0))
    path = tmp_path / "depth.exr"
    path.write_bytes(depth_exr(passes.depth, camera))
    image = oiio.ImageBuf(str(path))
    assert not image.has_error
    assert image.spec().channelnames == ("Z",)
    assert (image.get_pixels(oiio.FLOAT)[..., 0] == passes.depth).all()
    # Imath's convention: row vectors, so the translation is the last row.
    assert image.spec().getattribute("worldToCamera")[12:15] == pytest.approx((0, -1, -4))
    assert image.spec().getattribute("near") == passes.depth.min()


@settings(max_examples=40, deadline=None)
@given(depths())
def test_openexr_depth_comes_back_bit_by_bit(depth: np.ndarray) -> None:
    tall = np.concatenate([depth] * 8)
    assert (read_depth_exr(depth_exr(tall)) == tall).all()
    assert depth_exr(tall) == depth_exr(tall.copy())


def test_damaged_openexr_is_an_error_of_ours(passes: Passes) -> None:
    data = depth_exr(passes.depth)
    for length in range(0, len(data) - 1, 211):
        with pytest.raises(GmError):
            read_depth_exr(data[:length])
    for place in range(4, 400, 3):
        broken = bytearray(data)
        broken[place] ^= 0x41
        try:
            read_depth_exr(bytes(broken))
        except GmError:
            pass
