"""What an encoder sees of real files of every kind, and of damaged and strange ones."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gm_assets.encoding.view import GAP, MAX_ASPECT, view_of
from gm_assets.errors import GmError, NotFound, TooLarge, UnreadableFile, UnsupportedFormat
from gm_assets_tests.library.files import model

SIDE = 16


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def ramp(width: int, height: int) -> Image.Image:
    """Red grows to the right, green downwards."""
    red, green = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([red, green, red * 0 + 40], -1).round().astype(np.uint8))


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_large_pictures_are_seen_small_and_whole(format: str) -> None:
    data = encoded(ramp(640, 480), format, quality=95)
    view = view_of(data, SIDE)
    assert view.dtype == np.uint8 and GAP * SIDE <= min(view.shape[:2]) < 2 * GAP * SIDE
    exact = np.asarray(ramp(640, 480).resize(view.shape[1::-1], Image.Resampling.BOX))
    assert np.abs(view.astype(int) - exact).mean() < 3
    np.testing.assert_array_equal(view, view_of(data, SIDE))


def test_paths_bytes_and_samples_are_seen_alike(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(ramp(200, 100), "PNG"))
    samples = np.asarray(ramp(200, 100))
    for source in (path, str(path), path.read_bytes()):
        np.testing.assert_array_equal(view_of(source, SIDE), view_of(samples, SIDE))


def test_a_small_picture_keeps_its_samples() -> None:
    view = view_of(encoded(ramp(9, 7), "PNG"), SIDE)
    np.testing.assert_array_equal(view, np.asarray(ramp(9, 7)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_applied(orientation: int) -> None:
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(ramp(60, 40), "JPEG", exif=exif, quality=95)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    assert upright is not None
    np.testing.assert_array_equal(view_of(data, 64), np.asarray(upright))


def test_transparency_lies_over_neutral_grey() -> None:
    rgba = np.zeros((20, 20, 4), np.uint8)
    rgba[..., 0] = 255
    rgba[:, 10:, 3] = 255
    indices = np.zeros((20, 20), np.uint8)
    indices[:, :10] = 255
    holes = Image.fromarray(indices).convert("P")
    holes.putpalette([255, 0, 0] * 256)
    for data in (
        encoded(Image.fromarray(rgba), "PNG"),
        encoded(Image.fromarray(rgba), "WEBP", lossless=True),
        encoded(holes, "PNG", transparency=255),
    ):
        view = view_of(data, SIDE)
        assert (view[:, :10] == 128).all()
        assert (view[:, 10:] == (255, 0, 0)).all(axis=-1).all()


def test_sixteen_bits_are_scaled_to_eight() -> None:
    deep = (np.arange(100, dtype=np.uint16).reshape(10, 10)) * 600
    view = view_of(encoded(Image.fromarray(deep), "PNG"), SIDE)
    np.testing.assert_array_equal(view[..., 0], deep >> 8)
    np.testing.assert_array_equal(view_of(deep, SIDE), view)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_mode_of_png_becomes_rgb(mode: str) -> None:
    view = view_of(encoded(ramp(80, 50).convert(mode), "PNG"), SIDE)
    assert view.shape[2] == 3 and view.std() > 10


def test_cmyk_is_seen_in_colour() -> None:
    red = Image.new("CMYK", (64, 64), (0, 255, 255, 0))
    view = view_of(encoded(red, "JPEG"), SIDE)
    assert view[..., 0].min() > 200 and view[..., 1:].max() < 60


def test_of_an_animation_the_first_frame_is_seen() -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    for format in ("PNG", "WEBP"):
        options = {"lossless": True} if format == "WEBP" else {}
        data = encoded(
            frames[0], format, save_all=True, append_images=frames[1:], duration=100, **options
        )
        assert (view_of(data, SIDE) == (255, 0, 0)).all()


@given(st.integers(1, 600), st.integers(1, 600))
@settings(max_examples=40, deadline=None)
def test_a_view_is_never_larger_than_an_encoder_needs(width: int, height: int) -> None:
    view = view_of(np.zeros((height, width), np.uint8), SIDE)
    short, long = sorted(view.shape[:2])
    assert short <= min(width, height) and short < 2 * GAP * SIDE
    assert long <= MAX_ASPECT * max(short, GAP * SIDE)


@pytest.mark.parametrize("size", [(1, 1), (10_000, 1), (1, 10_000)])
def test_pictures_of_one_row_or_column_are_taken(size: tuple[int, int]) -> None:
    view = view_of(encoded(Image.new("RGB", size, "red"), "PNG"), SIDE)
    assert (view == (255, 0, 0)).all()


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_a_truncated_picture_is_an_error_with_its_name(format: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (90, 90, 3), np.uint8)
    data = encoded(Image.fromarray(noise), format)
    with pytest.raises(UnreadableFile, match=r"plate\.x"):
        view_of(data[: len(data) // 2], SIDE, "plate.x")


def test_a_forged_size_is_refused_before_decoding() -> None:
    data = bytearray(encoded(ramp(8, 8), "PNG"))
    data[16:24] = (1 << 30).to_bytes(4, "big") * 2
    import zlib

    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    with pytest.raises((TooLarge, UnreadableFile)):
        view_of(bytes(data), SIDE)


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedFormat, match="3D file"):
        view_of(model(tmp_path / "a.glb"), SIDE)
    with pytest.raises(GmError):
        view_of(b"not a picture", SIDE)
    with pytest.raises(NotFound):
        view_of(tmp_path / "absent.png", SIDE)
    for samples in (np.zeros((4, 4, 2), np.uint8), np.zeros((4, 4)), np.zeros((0, 4), np.uint8)):
        with pytest.raises(ValueError, match="no picture"):
            view_of(samples, SIDE)  # type: ignore[arg-type]
