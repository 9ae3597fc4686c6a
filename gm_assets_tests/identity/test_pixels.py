"""px1: equal after every lossless re-save, different after every visible change."""

from __future__ import annotations

import hashlib
import io
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from gm_assets.identity import identify_bytes, pixel_hash
from gm_assets_tests.identity.pictures import Samples, chunk, encode, noise, png, read_png

SIDES = st.integers(1, 12)


def px1(samples: Samples) -> tuple[str, str]:
    """The scheme once more, as its documentation words it."""
    height, width, bands = samples.shape
    if bands < 3:
        samples = np.concatenate([samples[..., :1]] * 3 + [samples[..., 1:]], axis=-1)
    if samples.shape[2] == 4:
        samples = np.where(samples[..., 3:] == 0, 0, samples).astype(samples.dtype)
        if (samples[..., 3] == np.iinfo(samples.dtype).max).all():
            samples = samples[..., :3]
    bits = 8 * samples.dtype.itemsize
    if bits == 16 and (samples >> 8 == samples & 255).all():
        samples, bits = (samples >> 8).astype(np.uint8), 8
    layout = ("rgb" if samples.shape[2] == 3 else "rgba") + str(bits)
    head = "" if layout == "rgb8" else f"{layout} {width}x{height}\n"
    raw = samples.astype(f">u{bits // 8}").tobytes()
    return hashlib.sha256(head.encode() + raw).hexdigest(), layout


def hashed(data: bytes) -> tuple[str | None, str | None]:
    found = identify_bytes(data)
    return found.pixel_hash, found.pixel_layout


@st.composite
def samples_of(draw: st.DrawFn, dtype: type, bands: tuple[int, ...] = (1, 2, 3, 4)) -> Samples:
    shape = (draw(SIDES), draw(SIDES), draw(st.sampled_from(bands)))
    top = int(np.iinfo(dtype).max)
    values = st.sampled_from((0, 1, top // 2, 257 * 9 % (top + 1), top - 1, top))
    return draw(hnp.arrays(dtype, shape, elements=values | st.integers(0, top)))


@settings(deadline=None)
@given(samples_of(np.uint8))
def test_every_lossless_file_of_the_same_samples_has_the_same_hash(samples: Samples) -> None:
    expected = px1(samples)
    image = Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples)
    wide = image.convert("RGBA")
    files = [
        encode(image),
        encode(wide),
        encode(wide, "WEBP", lossless=True, exact=False),
        png(samples, filters=(4, 3, 2, 1, 0)),
        png(samples, interlaced=True),
        png(samples.astype(np.uint16) * 257),
    ]
    assert {hashed(data) for data in files} == {expected}
    assert pixel_hash(samples).hexdigest == expected[0]


@settings(deadline=None)
@given(samples_of(np.uint8), st.data())
def test_one_visible_sample_more_or_less_changes_the_hash(samples: Samples, data) -> None:
    y, x, band = (data.draw(st.integers(0, side - 1)) for side in samples.shape)
    if samples.shape[2] in (2, 4):
        samples[y, x, -1] |= 2  # visible before and after
    changed = samples.copy()
    changed[y, x, band] ^= 1
    assert hashed(png(samples)) != hashed(png(changed))


def test_an_opaque_picture_is_checked_by_one_line_of_pillow() -> None:
    data = encode(Image.fromarray(noise(40, 600, 3)))
    line = hashlib.sha256(Image.open(io.BytesIO(data)).convert("RGB").tobytes()).hexdigest()
    assert hashed(data) == (line, "rgb8")


def test_pictures_of_equal_bytes_and_other_shape_share_the_hash_but_not_the_content() -> None:
    wide = identify_bytes(encode(Image.new("RGB", (100, 50), 7)))
    tall = identify_bytes(encode(Image.new("RGB", (50, 100), 7)))
    assert wide.pixel_hash == tall.pixel_hash
    assert wide.content_id == f"px:{wide.pixel_hash}:100x50" != tall.content_id


@pytest.mark.parametrize("size", [(1, 1), (5000, 3), (3, 5000), (700, 700), (131073, 1)])
def test_strips_join_without_a_seam(size: tuple[int, int]) -> None:
    for bands in (1, 3, 4):
        samples = noise(size[1], size[0], bands, seed=bands)
        image = Image.fromarray(samples[..., 0] if bands == 1 else samples)
        assert hashed(encode(image, compress_level=1)) == px1(samples)


def test_an_alpha_that_turns_transparent_in_the_last_pixel_counts() -> None:
    samples = noise(600, 600, 4)
    samples[..., 3] = 255
    opaque = hashed(encode(Image.fromarray(samples), compress_level=1))
    samples[-1, -1, 3] = 254
    assert opaque[1] == "rgb8"
    assert hashed(encode(Image.fromarray(samples), compress_level=1)) == px1(samples)


def test_colour_under_full_transparency_does_not_count() -> None:
    seen = noise(9, 9, 4)
    seen[2:5, :, 3] = 0
    repainted = seen.copy()
    repainted[2:5, :, :3] = 200
    assert hashed(png(seen)) == hashed(png(repainted)) == px1(seen)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_palette_counts_by_its_colours_and_alphas(bits: int) -> None:
    entries = 2**bits
    indices = noise(11, 13, 1) & (entries - 1)
    palette, alphas = noise(entries, 3, seed=1), noise(entries, seed=2)
    alphas[0] = 0
    plte, trns = chunk(b"PLTE", palette.tobytes()), chunk(b"tRNS", alphas.tobytes())
    colours = palette[indices[..., 0]]
    with_alpha = np.concatenate((colours, alphas[indices]), axis=-1)
    assert hashed(png(indices, bits=bits, colour=3, before=plte)) == px1(colours)
    assert hashed(png(indices, bits=bits, colour=3, before=plte + trns)) == px1(with_alpha)
    order = np.argsort(noise(entries, seed=3), kind="stable")
    shuffled = np.argsort(order).astype(np.uint8)[indices]
    plte = chunk(b"PLTE", palette[order].tobytes())
    assert hashed(png(shuffled, bits=bits, colour=3, before=plte)) == px1(colours)


def test_palette_entries_that_no_pixel_uses_do_not_count() -> None:
    indices = np.zeros((4, 4, 1), np.uint8)
    plte, trns = chunk(b"PLTE", bytes((9, 8, 7, 1, 1, 1))), chunk(b"tRNS", b"\xff\0")
    assert hashed(png(indices, colour=3, before=plte + trns)) == px1(
        np.full((4, 4, 3), (9, 8, 7), np.uint8)
    )


def test_an_index_beyond_the_palette_is_black() -> None:
    indices = np.array([[[0], [7]]], np.uint8)
    data = png(indices, colour=3, before=chunk(b"PLTE", bytes((9, 8, 7))))
    assert hashed(data) == px1(np.array([[(9, 8, 7), (0, 0, 0)]], np.uint8))


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("interlaced", [False, True])
def test_grey_spreads_over_the_range_and_its_colour_key_becomes_alpha(bits, interlaced) -> None:
    top = 2**bits - 1
    raw = noise(10, 9, 1, dtype=np.uint16) & top
    stored = raw.astype(np.uint16 if bits == 16 else np.uint8)
    key = int(raw[3, 3, 0])
    spread = (raw if bits == 16 else raw * (255 // top)).astype(stored.dtype)
    alpha = np.where(raw == key, 0, np.iinfo(stored.dtype).max).astype(stored.dtype)
    options = {"bits": bits, "interlaced": interlaced}
    trns = chunk(b"tRNS", key.to_bytes(2, "big"))
    assert hashed(png(stored, **options)) == px1(spread)
    keyed = np.concatenate((spread, alpha), axis=-1)
    assert hashed(png(stored, before=trns, **options)) == px1(keyed)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_colour_key_of_rgb_becomes_alpha(dtype) -> None:
    samples = noise(6, 7, 3, dtype=dtype)
    samples[2, 2] = samples[4, 5] = (1, 2, 3)
    trns = chunk(b"tRNS", bytes((0, 1, 0, 2, 0, 3)))
    alpha = np.where((samples == (1, 2, 3)).all(-1, keepdims=True), 0, np.iinfo(dtype).max)
    keyed = np.concatenate((samples, alpha.astype(dtype)), axis=-1)
    assert hashed(png(samples, before=trns)) == px1(keyed)
    assert px1(keyed)[1].startswith("rgba")


@settings(deadline=None)
@given(samples_of(np.uint16), st.booleans(), st.integers(0, 4))
def test_sixteen_bits_are_decoded_without_loss(samples: Samples, interlaced, kind) -> None:
    data = png(samples, filters=(kind, 4, 3, 2, 1), interlaced=interlaced, idat=17)
    assert np.array_equal(read_png(data), samples)
    assert hashed(data) == px1(samples)
    assert pixel_hash(samples).hexdigest == px1(samples)[0]


def test_a_large_sixteen_bit_picture_agrees_with_openimageio(tmp_path) -> None:
    import OpenImageIO as oiio

    samples = np.add.accumulate(noise(700, 500, 4, dtype=np.uint16), axis=1, dtype=np.uint16)
    path = tmp_path / "deep.png"
    spec = oiio.ImageSpec(500, 700, 4, "uint16")
    spec["oiio:UnassociatedAlpha"] = 1
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec) and out.write_image(samples) and out.close()
    hints = oiio.ImageSpec()
    hints["oiio:UnassociatedAlpha"] = 1
    file = oiio.ImageInput.open(str(path), hints)
    read = file.read_image("uint16")
    file.close()
    assert hashed(path.read_bytes()) == px1(read)
    assert px1(read) == px1(samples)


def test_low_bytes_that_differ_in_one_sample_keep_sixteen_bits() -> None:
    samples = noise(300, 600, 3).astype(np.uint16) * 257
    assert hashed(png(samples[:5]))[1] == "rgb8"
    samples[-1, -1, 2] ^= 1
    assert pixel_hash(samples).layout == "rgb16"
    assert pixel_hash(samples).hexdigest == px1(samples)[0]


def test_depth_maps_of_one_high_byte_stay_apart() -> None:
    near, far = (np.full((4, 4, 1), value, np.uint16) for value in (0x1234, 0x1235))
    assert hashed(png(near))[0] != hashed(png(far))[0]


def test_orientation_profile_and_gamma_are_recorded_and_not_applied() -> None:
    image = Image.fromarray(noise(5, 8, 3))
    exif = Image.Exif()
    exif[0x0112] = 6
    plain = identify_bytes(encode(image))
    dressed = identify_bytes(
        png(np.asarray(image), before=chunk(b"gAMA", (45455).to_bytes(4, "big")))
    )
    rotated = identify_bytes(encode(image, exif=exif, icc_profile=b"profile" * 40))
    webp = identify_bytes(encode(image, "WEBP", lossless=True, icc_profile=b"profile" * 40))
    assert plain.content_id == dressed.content_id == rotated.content_id == webp.content_id
    assert (plain.orientation, rotated.orientation) == (None, 6)
    assert (rotated.width, rotated.height) == (8, 5)
    assert rotated.icc_sha256 == webp.icc_sha256 == hashlib.sha256(b"profile" * 40).hexdigest()
    assert plain.icc_sha256 is None
    jpeg = identify_bytes(encode(image, "JPEG", exif=exif))
    assert jpeg.orientation == 6 and (jpeg.width, jpeg.height) == (8, 5)


def test_a_jpeg_is_hashed_as_pillow_decodes_it_and_names_the_decoder() -> None:
    for mode in ("RGB", "L"):
        image = Image.fromarray(noise(70, 90, 3)).convert(mode)
        data = encode(image, "JPEG", progressive=True, comment=b"c")
        found = identify_bytes(data)
        shown = Image.open(io.BytesIO(data)).convert("RGB").tobytes()
        assert found.pixel_hash == hashlib.sha256(shown).hexdigest()
        assert found.lossy
        assert found.decoder and found.decoder.startswith("pillow-") and "jpeg" in found.decoder


@pytest.mark.parametrize("leading", [b"", b"\xff\xe1\0\x08Exif\0\0"])
def test_a_jpeg_of_rgb_components_is_read_by_its_jfif_segment(leading: bytes) -> None:
    rgb = encode(Image.fromarray(noise(16, 16, 3)), "JPEG", keep_rgb=True)
    jfif = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
    for data in (rgb, rgb[:2] + leading + jfif + rgb[2:]):
        shown = Image.open(io.BytesIO(data)).convert("RGB").tobytes()
        assert identify_bytes(data).pixel_hash == hashlib.sha256(shown).hexdigest()


def test_cmyk_has_a_stream_identity_and_says_why() -> None:
    data = encode(Image.new("CMYK", (30, 20), (1, 2, 3, 4)), "JPEG")
    found = identify_bytes(data)
    assert found.pixel_hash is found.perceptual_hash is None
    assert found.no_pixel_reason == "CMYK has no canonical RGB samples"
    assert found.content_id == f"st:{found.stream_hash}"
    assert (found.width, found.height) == (30, 20)


def _frames(count: int) -> list[Image.Image]:
    return [Image.fromarray(noise(40, 50, 4, seed=seed)) for seed in range(count)]


def _apng(frames: list[Image.Image], milliseconds: list[int], **options) -> bytes:
    options = {"disposal": 1, "blend": 0, **options}
    return encode(
        frames[0],
        save_all=True,
        append_images=frames[1:],
        duration=milliseconds,
        **options,
    )


def test_an_animation_is_the_sequence_of_its_shown_frames() -> None:
    frames, times = _frames(3), [40, 100, 25]
    apng = identify_bytes(_apng(frames, times))
    webp = identify_bytes(
        encode(
            frames[0],
            "WEBP",
            lossless=True,
            exact=True,
            save_all=True,
            append_images=frames[1:],
            duration=times,
        )
    )
    digest = hashlib.sha256(b"seq 50x40\n")
    for frame, time in zip(frames, times, strict=True):
        name, layout = px1(np.asarray(frame))
        seconds = Fraction(time, 1000)
        digest.update(f"{layout} {name} {seconds.numerator}/{seconds.denominator}\n".encode())
    assert apng.pixel_hash == webp.pixel_hash == digest.hexdigest()
    assert apng.pixel_layout == webp.pixel_layout == "seq"
    assert apng.frames == webp.frames == 3
    assert apng.content_id == webp.content_id == f"px:{digest.hexdigest()}:50x40"
    assert apng.decoder and webp.decoder
    first = identify_bytes(encode(frames[0]))
    assert apng.perceptual_hash == first.perceptual_hash


def test_frames_order_and_durations_count_in_an_animation() -> None:
    frames = _frames(3)
    versions = [
        _apng(frames, [40, 40, 40]),
        _apng(frames, [40, 40, 41]),
        _apng([frames[0], frames[2], frames[1]], [40, 40, 40]),
        _apng(frames[:2], [40, 40]),
    ]
    assert len({hashed(data)[0] for data in versions}) == len(versions)


def test_how_frames_are_stored_does_not_count_in_an_animation() -> None:
    base = Image.new("RGB", (40, 30), (9, 9, 9))
    moved = base.copy()
    moved.paste((200, 0, 0), (5, 5, 9, 9))
    small = _apng([base, moved], [40, 40])  # the second frame is the changed rectangle
    whole = encode(
        base, "WEBP", lossless=True, save_all=True, append_images=[moved], duration=40, kmax=1
    )
    assert hashed(small) == hashed(whole)


def test_a_picture_of_its_own_before_the_animation_counts_as_a_frame() -> None:
    frames = _frames(3)
    apart = identify_bytes(_apng(frames, [40, 40], default_image=True))
    assert apart.frames == 3
    assert apart.pixel_hash != hashed(_apng(frames[1:], [40, 40]))[0]


@pytest.mark.parametrize("bad", ["float", "signed", "flat", "five"])
def test_arrays_that_are_no_picture_are_refused(bad: str) -> None:
    arrays = {
        "float": np.zeros((2, 2, 3), np.float32),
        "signed": np.zeros((2, 2, 3), np.int16),
        "flat": np.zeros(4, np.uint8),
        "five": np.zeros((2, 2, 5), np.uint8),
    }
    with pytest.raises(ValueError, match="samples"):
        pixel_hash(arrays[bad])
