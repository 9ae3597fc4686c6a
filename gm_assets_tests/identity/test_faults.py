"""Damaged, lying, forged and foreign files: a defined answer for each, and never a hash."""

from __future__ import annotations

import io
import os
import struct
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from gm_assets.errors import (
    GmError,
    MemoryConflict,
    NotFound,
    TooLarge,
    UnreadableFile,
    UnsupportedFormat,
)
from gm_assets.identity import identify, identify_bytes
from gm_assets_tests.identity.pictures import SIGNATURE, chunk, encode, noise, png

SMALL = Image.fromarray(noise(20, 24, 3))
FRAMES = [Image.fromarray(noise(20, 24, 4, seed=seed)) for seed in range(3)]
FILES = {
    "png": encode(SMALL),
    "deep png": png(noise(9, 8, 3, dtype=np.uint16)),
    "interlaced png": png(noise(9, 8, 3), interlaced=True),
    "apng": encode(FRAMES[0], save_all=True, append_images=FRAMES[1:], duration=40),
    "jpeg": encode(SMALL, "JPEG"),
    "progressive jpeg": encode(SMALL, "JPEG", progressive=True),
    "webp": encode(SMALL, "WEBP"),
    "lossless webp": encode(SMALL, "WEBP", lossless=True),
    "animated webp": encode(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:]),
}


@pytest.fixture(autouse=True)
def no_warning_leaks():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def header(width: int, height: int, bits: int = 8, colour: int = 2) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))


def png_of(raw: bytes, width: int, height: int, **kind: int) -> bytes:
    pixels = chunk(b"IDAT", zlib.compress(raw))
    return SIGNATURE + header(width, height, **kind) + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_anywhere_is_unreadable(name: str) -> None:
    data = FILES[name]
    identify_bytes(data)
    for length in range(0, len(data), max(1, len(data) // 150)):
        with pytest.raises((UnreadableFile, UnsupportedFormat)):
            identify_bytes(data[:length])


@pytest.mark.parametrize("name", FILES)
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_damaged_bytes_give_an_identity_or_an_error_of_ours(name: str, data) -> None:
    damaged = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        identify_bytes(bytes(damaged))
    except GmError:
        pass


@pytest.mark.parametrize("colour, bits", [(2, 8), (2, 16), (3, 8), (0, 1), (6, 8)])
def test_pixels_that_end_before_the_last_row_are_unreadable(colour: int, bits: int) -> None:
    samples = {2: 3, 3: 1, 0: 1, 6: 4}[colour]
    row = b"\0" + b"\xab" * ((64 * samples * bits + 7) // 8)
    plte = chunk(b"PLTE", bytes(768)) if colour == 3 else b""
    for rows in (0, 1, 40, 63):
        pixels = plte + chunk(b"IDAT", zlib.compress(row * rows))
        with pytest.raises(UnreadableFile, match=r"end too early|truncated"):
            identify_bytes(SIGNATURE + header(64, 64, bits, colour) + pixels + chunk(b"IEND", b""))


def test_an_animation_frame_that_ends_too_early_is_unreadable() -> None:
    data = FILES["apng"]
    at = data.rindex(b"fdAT") - 4
    (length,) = struct.unpack_from(">I", data, at)
    body = data[at + 8 : at + 8 + length]
    short = chunk(b"fdAT", body[:4] + zlib.compress(zlib.decompress(body[4:])[:-9]))
    with pytest.raises(UnreadableFile, match="end too early"):
        identify_bytes(data[:at] + short + data[at + 12 + length :])


def test_an_animation_whose_frames_are_not_all_there_is_unreadable() -> None:
    data = FILES["apng"]
    at = data.index(b"acTL")
    more = chunk(b"acTL", struct.pack(">II", 5, 0))
    with pytest.raises(UnreadableFile, match="3 pictures"):
        identify_bytes(data[: at - 4] + more + data[at + 16 :])
    with pytest.raises(UnreadableFile, match="3 pictures"):
        identify_bytes(data[: at - 4] + data[at - 4 : at + 16] * 2 + data[at + 16 :])


def test_a_picture_with_black_last_rows_is_not_taken_for_a_short_one() -> None:
    picture = np.asarray(SMALL).copy()
    picture[-5:] = 0
    assert identify_bytes(encode(Image.fromarray(picture))).pixel_hash


@pytest.mark.parametrize("name", ["png", "jpeg", "webp"])
def test_a_forged_size_is_refused_before_anything_is_allocated(name: str) -> None:
    import tracemalloc

    data = bytearray(FILES[name])
    if name == "png":
        forged = SIGNATURE + header(15200, 15200) + bytes(data[33:])
    elif name == "jpeg":
        at = data.index(b"\xff\xc0") + 5
        data[at : at + 4] = struct.pack(">HH", 60000, 60000)
        forged = bytes(data)
    else:
        at = data.index(b"\x9d\x01\x2a") + 3
        data[at : at + 4] = struct.pack("<HH", 16383, 16383)
        forged = bytes(data)
    tracemalloc.start()
    with pytest.raises((UnreadableFile, TooLarge), match=r"forged|more than"):
        identify_bytes(forged)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_raster_beyond_the_cap_is_too_large_even_if_its_bytes_are_there() -> None:
    row = bytes(1 + 50_000 // 8)
    honest = png_of(row * 25_000, 50_000, 25_000, bits=1, colour=0)
    with pytest.raises(TooLarge, match="50000 x 25000"):
        identify_bytes(honest)
    with pytest.raises(TooLarge, match="a side"):
        identify_bytes(png_of(bytes(1 + 2**22), 2**25, 1, bits=1, colour=0))


def test_an_animation_of_too_many_pixels_is_too_large() -> None:
    data = bytearray(FILES["apng"])
    at = data.index(b"acTL")
    data[at - 4 : at + 16] = chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))
    with pytest.raises(TooLarge, match="frames"):
        identify_bytes(bytes(data))


def test_a_jpeg_of_very_many_scans_is_too_large() -> None:
    data = FILES["progressive jpeg"]
    at = data.rindex(b"\xff\xda")
    with pytest.raises(TooLarge, match="scans"):
        identify_bytes(data[:at] + data[at:-2] * 300 + data[-2:])


def test_a_real_picture_of_231_megapixels_is_fine() -> None:
    side = 15_200
    row = b"\1" + bytes(noise(150)) * (side // 50)
    checksum = 1
    for _ in range(side):
        checksum = zlib.adler32(row, checksum)
    engine = zlib.compressobj(1, wbits=-15)
    block = engine.compress(row) + engine.flush(zlib.Z_FULL_FLUSH)  # stands on its own
    deflated = b"\x78\x01" + block * side + b"\x03\0" + checksum.to_bytes(4, "big")
    data = SIGNATURE + header(side, side) + chunk(b"IDAT", deflated) + chunk(b"IEND", b"")
    found = identify_bytes(data)
    assert (found.width, found.height, found.pixel_layout) == (side, side, "rgb8")


@pytest.mark.parametrize(("format", "name"), [("ICO", "no format"), ("PDF", "PDF")])
def test_another_format_is_refused_with_advice(format: str, name: str) -> None:
    with pytest.raises(UnsupportedFormat, match=name) as refusal:
        identify_bytes(encode(SMALL, format), "a.png")
    assert refusal.value.remedy


@pytest.mark.parametrize("data", [b"", b"\x89PNG", b"\0" * 100, b"not a picture at all" * 9])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises((UnreadableFile, UnsupportedFormat)):
        identify_bytes(data)


def test_a_wrong_suffix_changes_nothing_and_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "ünïcode 名前.jpg"
    path.write_bytes(FILES["png"])
    found = identify(path)
    assert found.content_id == identify_bytes(FILES["png"]).content_id
    assert found.notes == ("named .jpg, but its content is PNG",)
    assert identify_bytes(FILES["png"], "a.png").notes == ()


def test_hostile_metadata_does_not_reach_a_decoder() -> None:
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(50_000_000)))
    data = FILES["png"][:33] + bomb + FILES["png"][33:]
    assert identify_bytes(data).pixel_hash == identify_bytes(FILES["png"]).pixel_hash
    exif = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xff" * 200
    app1 = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    jpeg = FILES["jpeg"][:2] + app1 + FILES["jpeg"][20:]
    assert identify_bytes(jpeg).pixel_hash == identify_bytes(FILES["jpeg"]).pixel_hash


def test_what_cannot_be_opened_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        identify(tmp_path / "absent.png")
    with pytest.raises(UnreadableFile, match="regular file"):
        identify(tmp_path)
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    with pytest.raises(UnreadableFile, match="regular file"):
        identify(pipe)
    loop = tmp_path / "loop.png"
    loop.symlink_to(loop)
    with pytest.raises(UnreadableFile, match="cannot be read"):
        identify(loop)


def test_a_file_that_changes_while_it_is_read_is_a_conflict(tmp_path: Path) -> None:
    """A writer appends without pause; each read is whole or a conflict, and some conflict."""
    path = tmp_path / "growing.png"
    start = FILES["png"] + bytes(8_000_000)
    path.write_bytes(start)
    stop = threading.Event()

    def append() -> None:
        with path.open("ab", buffering=0) as file:
            while not stop.is_set():
                file.write(b"\0" * 7)

    writer = threading.Thread(target=append)
    writer.start()
    conflicts = 0
    try:
        for _ in range(200):
            try:
                identify(path)
            except MemoryConflict as conflict:
                assert "changed while it was read" in str(conflict)
                conflicts += 1
                break
    finally:
        stop.set()
        writer.join()
    assert conflicts


def test_threads_agree_and_leave_the_process_as_it_was() -> None:
    limit = Image.MAX_IMAGE_PIXELS
    alone = {name: identify_bytes(data) for name, data in FILES.items()}
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            together = dict(zip(FILES, pool.map(identify_bytes, FILES.values()), strict=True))
            assert together == alone
    assert limit == Image.MAX_IMAGE_PIXELS
    Image.open(io.BytesIO(FILES["png"])).load()
