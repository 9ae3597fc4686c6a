"""px1 of TIFF and OpenEXR: our decoders against OpenImageIO and the samples that were written."""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from gm_assets import containers
from gm_assets.containers import exr as container
from gm_assets.errors import MissingExtra, UnreadableFile
from gm_assets.identity import identify_bytes, pixel_hash
from gm_assets.identity.exr import samples_of
from gm_assets.identity.oiio import exr_channels, tiff_samples
from gm_assets.identity.shown import opened
from gm_assets.identity.tiff import Page
from gm_assets_tests.containers.samples import exr, picture, ramp, samples, saved, tiff


def floats(samples: np.ndarray) -> str:
    """The scheme as its documentation words it."""
    height, width, bands = samples.shape
    name = {3: "rgb32f", 4: "rgba32f"}[bands]
    head = f"{name} {width}x{height}\n".encode()
    return hashlib.sha256(head + samples.astype(">f4").tobytes()).hexdigest()


@pytest.mark.parametrize("name", ["tiff", "tiff-xmp"])
def test_a_tiff_has_the_pixels_of_the_png_of_the_same_picture(name: str) -> None:
    png, same = identify_bytes(samples()["png"]), identify_bytes(samples()[name])
    assert same.content_id == png.content_id
    assert same.perceptual_hash == png.perceptual_hash


def test_alpha_palettes_and_bilevel_tiffs_have_the_pixels_of_their_png() -> None:
    for mode, options in (("RGBA", {"compression": "tiff_lzw"}), ("1", {"compression": "group4"})):
        made = picture(mode)
        plain = identify_bytes(saved(made, "PNG"))
        assert identify_bytes(saved(made, "TIFF", **options)).content_id == plain.content_id
    palette = picture().quantize(8)
    png = identify_bytes(saved(palette, "PNG"))
    assert identify_bytes(saved(palette, "TIFF")).content_id == png.content_id


@pytest.mark.parametrize("dtype", ["u2", "u4", "f2", "f4"])
@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"byteorder": ">"},
        {"compression": "zlib"},
        {"compression": "zlib", "predictor": True},
        {"compression": "zlib", "predictor": True, "byteorder": ">"},
        {"tile": (16, 16), "bigtiff": True},
        {"planarconfig": "separate", "rowsperstrip": 5},
    ],
    ids=str,
)
def test_deep_samples_are_those_that_were_written(
    dtype: str, bands: int, options: dict[str, object]
) -> None:
    made = ramp(dtype, bands)
    if bands == 1:
        options = {key: value for key, value in options.items() if key != "planarconfig"}
    stored = made[..., 0] if bands == 1 else made
    if options.get("planarconfig") == "separate":
        stored = np.moveaxis(made, -1, 0)
    if options.get("predictor") and dtype[0] == "f":  # tifffile does not code this one
        options = {key: value for key, value in options.items() if key != "predictor"}
    data = tiff(stored, photometric="rgb" if bands == 3 else "minisblack", **options)
    found = Page(data, 0).samples()
    assert found.dtype == (np.float32 if dtype[0] == "f" else np.dtype(dtype))
    assert np.array_equal(found, made.astype(found.dtype))


@pytest.mark.parametrize("dtype", ["u2", "f4"])
def test_both_predictors_agree_with_openimageio(tmp_path: Path, dtype: str) -> None:
    import OpenImageIO

    made = ramp(dtype)
    spec = OpenImageIO.ImageSpec(34, 21, 3, {"u2": "uint16", "f4": "float"}[dtype])
    spec.attribute("compression", "zip")
    output: Any = OpenImageIO.ImageOutput.create(str(tmp_path / "a.tif"))
    output.open(str(tmp_path / "a.tif"), spec)
    output.write_image(made)
    output.close()
    data = (tmp_path / "a.tif").read_bytes()
    with tifffile.TiffFile(io.BytesIO(data)) as opened_by_another:
        page: Any = opened_by_another.pages[0]
        assert page.tags[317].value == {"u2": 2, "f4": 3}[dtype]
    found = Page(data, 0).samples()
    assert np.array_equal(found, made)
    assert np.array_equal(found, tiff_samples(data, 0, {"u2": "uint16", "f4": "float"}[dtype]))


def test_sixteen_bits_have_the_hash_of_the_samples_and_so_of_the_png() -> None:
    made = ramp("u2", 1)[..., 0]
    png = identify_bytes(saved(Image.fromarray(made), "PNG"))
    data = tiff(made, photometric="minisblack")
    assert identify_bytes(data).content_id == png.content_id
    assert identify_bytes(data).pixel_hash == pixel_hash(made).hexdigest
    assert identify_bytes(tiff(0xFFFF - made, photometric="miniswhite")).pixel_hash == (
        png.pixel_hash
    )


def test_floats_are_hashed_by_value_in_every_file() -> None:
    half = ramp("f2")
    expected = floats(half.astype(np.float32))
    for data in (
        exr((half, ("R", "G", "B"))),
        exr((half, ("R", "G", "B")), compression="none"),
        exr((half, ("R", "G", "B")), compression="piz"),
        exr((half.astype("f4"), ("R", "G", "B")), tile=16),
        exr((np.dstack([half, np.ones_like(half[..., :1])]), ("R", "G", "B", "A"))),
        tiff(half.astype("f4"), photometric="rgb"),
    ):
        assert identify_bytes(data).pixel_hash == expected


def test_every_nan_is_one_nan_and_other_values_are_untouched() -> None:
    made = ramp("f4")
    made[0, 0] = (np.nan, np.inf, -0.0)
    other = made.copy()
    other.view(np.uint32)[0, 0, 0] = 0xFFC12345
    assert np.isnan(other[0, 0, 0])
    one, two = (identify_bytes(tiff(x, photometric="rgb")) for x in (made, other))
    assert one.pixel_hash == two.pixel_hash
    other[0, 0, 2] = 0.0
    assert identify_bytes(tiff(other, photometric="rgb")).pixel_hash != one.pixel_hash


@pytest.mark.parametrize("compression", ["none", "zips", "zip"])
@pytest.mark.parametrize("dtype", ["f2", "f4", "u4"])
def test_our_channels_are_those_of_openimageio(compression: str, dtype: str) -> None:
    data = exr((ramp(dtype, 2, (37, 20)), ("first", "second")), compression=compression)
    header = container.read_header(data)
    ours, theirs = samples_of(data, header, 0).channels, exr_channels(data, 0)
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        assert values.dtype == theirs[name].dtype
        assert np.array_equal(values, theirs[name])


def test_ids_keep_their_thirty_two_bits() -> None:
    ids = ramp("u4", 1)
    height, width, _ = ids.shape
    raw = f"u32 {width}x{height}\n".encode() + ids.astype(">u4").tobytes()
    expected = hashlib.sha256(raw).hexdigest()
    for data in (exr((ids, ("id",))), tiff(ids[..., 0], photometric="minisblack")):
        found = identify_bytes(data)
        assert (found.pixel_layout, found.pixel_hash) == ("u32", expected)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (lambda: saved(picture("CMYK"), "TIFF"), "CMYK"),
        (lambda: saved(picture().convert("LAB"), "TIFF"), "L\\*a\\*b\\*"),
        (lambda: tiff(ramp("u1", 4), photometric="rgb", extrasamples=["assocalpha"]), "straight"),
        (lambda: tiff(ramp("u1", 5), photometric="rgb", extrasamples=["unspecified"] * 2), "extra"),
        (lambda: tiff(ramp("f4", 3).astype("f8"), photometric="rgb"), "64 bits"),
        (lambda: tiff(ramp("u2").astype("i2"), photometric="rgb"), "format 2"),
        (lambda: exr((ramp("f4", 3), ("X", "Y", "Z"))), "channels"),
    ],
    ids=["cmyk", "lab", "associated", "extra", "double", "signed", "channels"],
)
def test_what_has_no_canonical_samples_says_why_and_is_known_by_its_stream(
    data: Callable[[], bytes], reason: str
) -> None:
    import re

    found = identify_bytes(data())
    assert found.pixel_hash is None
    assert re.search(reason, found.no_pixel_reason or "")
    assert found.content_id == f"st:{found.stream_hash}"


def test_orientation_is_recorded_and_not_applied() -> None:
    turned = saved(picture(), "TIFF", tiffinfo={274: 6})
    found = identify_bytes(turned)
    assert found.orientation == 6
    assert found.content_id == identify_bytes(samples()["png"]).content_id


def test_pages_make_a_sequence_and_each_counts() -> None:
    pages = np.stack([ramp("u1"), ramp("u1")[::-1]])
    whole, other = (identify_bytes(tiff(x, photometric="rgb")) for x in (pages, pages[::-1]))
    assert (whole.pixel_layout, whole.frames) == ("seq", 2)
    assert whole.pixel_hash != other.pixel_hash
    deep = identify_bytes(tiff(pages.astype("u2") * 257, photometric="rgb"))
    assert deep.pixel_hash == whole.pixel_hash


def test_damaged_samples_are_unreadable_and_never_a_hash() -> None:
    deflated = tiff(ramp("u2"), photometric="rgb", compression="zlib", rowsperstrip=21)
    packed = samples()["exr"]
    for data, size in ((deflated, 400), (packed, 60)):
        span = containers.parse(data).picture[-1]
        begin = span.offset + span.length // 2 - size // 2
        with pytest.raises(UnreadableFile, match="cannot be decoded"):
            identify_bytes(data[:begin] + bytes(size) + data[begin + size :])


def test_without_openimageio_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "OpenImageIO", None)
    with pytest.raises(MissingExtra, match="OpenImageIO") as refused:
        identify_bytes(samples()["exr-tiled"])
    assert "oiio" in (refused.value.remedy or "")
    assert identify_bytes(samples()["exr"]).pixel_hash


def test_deep_and_float_pictures_can_be_shown() -> None:
    for name in ("tiff-big-endian", "tiff-bigtiff-tiled", "exr", "exr-depth", "exr-tiled"):
        layout = containers.parse(samples()[name])
        image = opened(samples()[name], layout)
        assert image.size == (layout.width, layout.height)
        shown = np.asarray(image.convert("L"))
        assert int(shown.max()) - int(shown.min()) > 100


def test_lossy_files_name_their_decoder() -> None:
    lossy = identify_bytes(exr((ramp("f2"), ("R", "G", "B")), compression="dwaa"))
    assert lossy.lossy
    assert (lossy.decoder or "").startswith("openimageio-")
    jpeg = io.BytesIO()
    picture(size=(64, 64)).save(jpeg, "TIFF", compression="jpeg")
    found = identify_bytes(jpeg.getvalue())
    assert found.lossy
    assert "libtiff" in (found.decoder or "")
