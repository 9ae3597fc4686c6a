"""Formats that are known and never written: told by their bytes, sized by their headers."""

from __future__ import annotations

import io
import pickle
import struct

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gm_assets import containers
from gm_assets.containers.sealed import SEALED, sealed_of, stated_size
from gm_assets.errors import GmError, SealedFormat, UnreadableFile, UnsupportedFormat
from gm_assets_tests.containers.sealed_samples import SAMPLES, SIZE, box, heic, psd


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sealed_file_is_told_by_its_bytes_and_never_written(name: str) -> None:
    format, data, size = SAMPLES[name]
    for ask in (
        containers.parse,
        lambda data: containers.find_packet(io.BytesIO(data)),
        lambda data: containers.embed(data, b"<x/>"),
    ):
        with pytest.raises(SealedFormat, match=r"never written") as refused:
            ask(data)
        assert refused.value.format == format
        advice = "gm convert FILE" if containers.is_model(format) else "PNG or TIFF"
        assert advice in (refused.value.remedy or "")
    assert stated_size(data, format) == size
    assert f".{name.rpartition('.')[2]}" in SEALED[format].suffixes


def test_a_sealed_format_has_no_suffix_of_a_format_that_is_written() -> None:
    written = {suffix for one in containers.CONTAINERS.values() for suffix in one.suffixes}
    sealed = [suffix for one in SEALED.values() for suffix in one.suffixes]
    assert not written & set(sealed)
    assert len(sealed) == len(set(sealed))
    assert not containers.CONTAINERS.keys() & SEALED.keys()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("commented.obj", b"# made by hand\n" * 40 + b"o cube\nv 0 0 0\n"),
        ("old-mac.obj", b"# made by hand\ro cube\rv 0 0 0\r"),
        ("marked.obj", b"\xef\xbb\xbfv 1e-3 -.5 0\n"),
        ("named.stl", b"solid " + b"of a very long name " * 40),
    ],
)
def test_the_name_of_a_mesh_counts_where_its_first_bytes_leave_it_open(
    name: str, data: bytes
) -> None:
    kind = name[-3:]
    for ask in (
        containers.parse,
        lambda data, name: containers.find_packet(io.BytesIO(data), name),
    ):
        with pytest.raises(SealedFormat, match=kind.upper()) as refused:
            ask(data, f"/shapes/{name}")
        assert (refused.value.format, refused.value.where) == (kind, f"/shapes/{name}")
        assert f"gm convert {name}" in (refused.value.remedy or "")


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("letter.obj", b"Dear all,\nthis is no mesh.\n", "by its name it is OBJ"),
        ("blank.obj", b" \n\n", "by its name it is OBJ"),
        ("binary.obj", b"v 0 0 0\n\0\1\2", "by its name it is OBJ"),
        ("cut.stl", SAMPLES["cube.stl"][1][:-1], "by its name it is STL"),
        ("longer.stl", SAMPLES["cube.stl"][1] + b"\0", "by its name it is STL"),
        ("letter.stl", b"Dear all,\n", "by its name it is STL"),
        ("letter.fbx", b"; nothing of that kind\n", "by its name it is FBX"),
        ("empty.obj", b"", "empty"),
    ],
)
def test_what_is_only_named_like_a_mesh_is_an_error_that_says_so(
    name: str, data: bytes, reason: str
) -> None:
    with pytest.raises(UnreadableFile, match=reason) as refused:
        containers.parse(data, name)
    assert refused.value.remedy
    with pytest.raises(UnreadableFile, match=reason):
        containers.find_packet(io.BytesIO(data), name)


@given(
    st.binary(max_size=80).map(lambda text: text.ljust(80)), st.integers(0, 9), st.integers(0, 99)
)
def test_a_binary_stl_is_told_by_its_exact_length(title: bytes, count: int, more: int) -> None:
    assume(containers.sniff(title) is None and sealed_of(title) is None)
    data = title + struct.pack("<I", count) + bytes(50 * count + more)
    assert sealed_of(data[: containers.HEAD], len(data)) == (None if more else "stl")


@pytest.mark.parametrize(
    "data",
    [
        b"v is a letter\nf as well\ng force\n",
        b"solid advice\n",
        b"BMW drawings\n" * 40,
        b"GIF88a" + bytes(40),
        box(b"ftyp", b"isom", bytes(4), b"mp41avc1"),
        box(b"ftyp", b"qt  ", bytes(4)),
        b"II*",
    ],
)
def test_what_only_begins_like_one_is_none(data: bytes) -> None:
    assert sealed_of(data[: containers.HEAD]) is None
    with pytest.raises(UnsupportedFormat) as refused:
        containers.parse(data)
    assert not isinstance(refused.value, SealedFormat)


def test_the_brand_decides_between_avif_and_heic() -> None:
    assert sealed_of(box(b"ftyp", b"mif1", bytes(4), b"mif1avif")) == "avif"
    assert sealed_of(box(b"ftyp", b"mif1", bytes(4), b"mif1heic")) == "heif"
    assert sealed_of(box(b"ftyp", b"avis", bytes(4))) == "avif"


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("flags", [0, 1])
def test_the_size_of_a_heic_is_that_of_its_primary_item(version: int, flags: int) -> None:
    assert stated_size(heic(version, flags), "heif") == SIZE


def test_a_heic_that_states_no_size_has_none() -> None:
    start = box(b"ftyp", b"heic", bytes(4))
    assert stated_size(start, "heif") is None
    assert stated_size(start + box(b"meta", bytes(4)), "heif") is None
    assert stated_size(start + box(b"meta", bytes(4), box(b"iprp")), "heif") is None


@pytest.mark.parametrize(
    ("format", "data"),
    [
        ("psd", psd()[:20]),
        ("psd", psd(3)),
        ("psd", psd(size=(0, 4))),
        ("gif", b"GIF89a\x01"),
        ("gif", b"GIF89a" + bytes(8)),
        ("dpx", b"SDPX" + bytes(700)),
        ("dpx", b"XPDS" + b"\xff" * 900),
        ("jp2", b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(8) * 40),
        ("jp2", b"\xff\x4f\xff\x51" + bytes(4) + struct.pack(">IIII", 4, 4, 8, 8)),
        ("heif", heic()[:90]),
        ("heif", box(b"ftyp", b"heic", bytes(4)) + struct.pack(">I4sQ", 1, b"meta", 1 << 63)),
    ],
)
def test_a_header_that_is_cut_off_or_lies_is_an_error(format: str, data: bytes) -> None:
    with pytest.raises(UnreadableFile, match=r"cut off|impossible"):
        stated_size(data, format, "a.file")


@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_a_damaged_header_ends_in_a_size_or_our_error(name: str, draw: st.DataObject) -> None:
    format, data, _ = SAMPLES[name]
    broken = bytearray(data[: draw.draw(st.integers(8, min(len(data), 1200)))])
    for _ in range(draw.draw(st.integers(0, 6))):
        at = draw.draw(st.integers(4, len(broken) - 1))
        broken[at] = draw.draw(st.integers(0, 255))
    try:
        size = stated_size(bytes(broken), format)
    except GmError as error:
        assert isinstance(error, UnreadableFile)
    else:
        assert size is None or all(0 < side <= 1 << 24 for side in size)


def test_the_refusal_crosses_process_borders_whole() -> None:
    before = containers.refusal("psd", "/a/b.psd")
    after = pickle.loads(pickle.dumps(before))
    assert (type(after), str(after), after.format) == (SealedFormat, str(before), "psd")
