"""What lies in a file for other programs: bounded, and hostile content gives less, not an error."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gm_assets.containers import png
from gm_assets.errors import UnreadableFile
from gm_assets.memory.foreign import Account, Foreign, read_foreign
from gm_assets.memory.foreign.blocks import read_blocks
from gm_assets.memory.foreign.exif_texts import texts_of
from gm_assets.memory.foreign.values import MAX_SETTING, MAX_TEXT, clean, setting
from gm_assets_tests.containers.samples import png_chunk
from gm_assets_tests.memory.foreign.pictures import exif
from gm_assets_tests.memory.foreign.pictures import png as made

SETTINGS = "a gate\nSteps: 20, Seed: 7"


def test_what_is_gone_a_link_or_no_png_says_nothing(tmp_path: Path) -> None:
    assert not read_foreign(tmp_path / "none.png").accounts
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert not read_foreign(tmp_path / "b.png").accounts
    (tmp_path / "link.png").symlink_to(made(tmp_path / "a.png", {"parameters": SETTINGS}))
    assert not read_foreign(tmp_path / "link.png").accounts


def test_texts_are_bounded_and_damaged_ones_passed_over(tmp_path: Path) -> None:
    data = made(tmp_path / "a.png", {}).read_bytes()
    info = PngInfo()
    info.add_text("bomb", "0" * 10_000_000, zip=True)
    buffer = io.BytesIO()
    Image.new("L", (1, 1)).save(buffer, "PNG", pnginfo=info)
    assert png.find_texts(io.BytesIO(buffer.getvalue()), ["bomb"], MAX_TEXT) == {}
    broken = (
        png_chunk(b"zTXt", b"a\0\0not deflate"),
        png_chunk(b"iTXt", b"b\0\0\0"),
        png_chunk(b"iTXt", b"c\0\0\0\0\0\xff\xfe"),
        png_chunk(b"tEXt", b"d\0first") + png_chunk(b"tEXt", b"d\0second"),
    )
    data = data[:33] + b"".join(broken) + data[33:]
    assert png.find_texts(io.BytesIO(data), "abcd", MAX_TEXT) == {"b": "", "d": "first"}
    for cut in range(33, data.index(b"IDAT"), 5):
        with pytest.raises(UnreadableFile):
            png.find_texts(io.BytesIO(data[:cut]), "abcd", MAX_TEXT)


@given(st.binary(max_size=200), st.sampled_from((b"Exif\0\0II*\0", b"Exif\0\0MM\0*", b"")))
def test_no_exif_block_is_too_strange_to_be_read(body: bytes, lead: bytes) -> None:
    assert all(isinstance(text, str) for text in texts_of(lead + body).values())


def test_an_exif_block_whose_ifds_point_at_each_other_ends() -> None:
    block = bytearray(exif("<", {}, {0x9286: b"ASCII\0\0\0hello there"}))
    at = block.index(b"\x69\x87") + 8
    block[at : at + 4] = (8).to_bytes(4, "little")  # the Exif IFD is IFD0 itself
    assert texts_of(bytes(block)) == {}


@pytest.mark.parametrize("suffix", ["jpg", "webp", "png"])
def test_a_file_cut_anywhere_says_less_and_raises_nothing(tmp_path: Path, suffix: str) -> None:
    buffer = io.BytesIO()
    block = exif("<", {}, {0x9286: b"ASCII\0\0\0" + SETTINGS.encode()})
    Image.new("RGB", (8, 8)).save(buffer, {"jpg": "JPEG"}.get(suffix, suffix), exif=block)
    data = buffer.getvalue()
    assert read_blocks(io.BytesIO(data), ()).exif is not None
    path = tmp_path / f"cut.{suffix}"
    for cut in range(0, len(data), 7):
        path.write_bytes(data[:cut])
        assert len(read_foreign(path).accounts) <= 1


def test_values_that_a_memory_cannot_hold_are_cut_and_cleaned() -> None:
    assert clean("a\0b\ud800c\ufffe\n") == "abc\n"
    assert setting(2**53 + 1) == str(2**53 + 1) and setting(2**53) == 2**53
    assert setting(float("nan")) == "nan" and len(setting("x" * 10**6)) == MAX_SETTING
    deep: list[object] = []
    for _ in range(50):
        deep = [deep]
    json.dumps(setting(deep))
    assert len(setting(["x"] * 10**4)) == 256


def test_a_recipe_leaves_out_first_the_texts_and_then_the_settings() -> None:
    account = Account("T", said={"seed": "7"}, texts={"parameters": "x" * 500})
    foreign = Foreign((account,), generated=True)
    whole = {"tool": "T", "said": {"seed": "7"}, "texts": {"parameters": "x" * 500}}
    assert foreign.recipe(10_000) == {"foreign": [whole]}
    assert foreign.recipe(100) == {"foreign": [{"tool": "T", "said": {"seed": "7"}}]}
    assert foreign.recipe(20) == {"foreign": [{"tool": "T"}]}
    assert Foreign().recipe(10_000) is None
