"""What ComfyUI, Stable Diffusion WebUI and InvokeAI leave in a PNG becomes the first recipe."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gm_assets.containers import png
from gm_assets.errors import UnreadableFile
from gm_assets.memory.foreign import MAX_TEXT, Generated, read_generated
from gm_assets_tests.containers.samples import png_chunk

PROMPT = json.dumps({"3": {"class_type": "KSampler", "inputs": {"seed": 2**64 - 1}}})
WORKFLOW = json.dumps({"nodes": [], "links": []})
SETTINGS = "a gate in the seawall\nNegative prompt: blur\nSteps: 20, Sampler: Euler a, Seed: 7"


def made(path: Path, compressed: bool = False, **texts: str) -> Path:
    """A picture with text chunks as Pillow, and so these programs, write them."""
    info = PngInfo()
    for keyword, text in texts.items():
        info.add_text(keyword, text, zip=compressed)
    Image.new("RGB", (4, 3), (1, 2, 3)).save(path, pnginfo=info)
    return path


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(
    ("texts", "tool"),
    [
        ({"prompt": PROMPT, "workflow": WORKFLOW}, "ComfyUI"),
        ({"prompt": PROMPT}, "ComfyUI"),
        ({"parameters": SETTINGS}, "Stable Diffusion WebUI"),
        ({"parameters": f"裂け目\n{SETTINGS}"}, "Stable Diffusion WebUI"),  # an iTXt chunk
        ({"invokeai_metadata": '{"seed": 7}'}, "InvokeAI"),
    ],
)
def test_a_generator_is_known_by_its_texts(
    tmp_path: Path, texts: dict[str, str], tool: str, compressed: bool
) -> None:
    found = read_generated(made(tmp_path / "a.png", compressed, **texts, Comment="by hand"))
    assert found == Generated(tool, texts)
    assert found.recipe == {"foreign": {"tool": tool, **texts}}


@pytest.mark.parametrize(
    "texts",
    [
        {},
        {"prompt": "draw me a gate"},
        {"prompt": '{"a": 1}'},
        {"workflow": "[" * 5_000},
        {"parameters": "width 3"},
        {"invokeai_metadata": "[1]"},
        {"parameters": SETTINGS + "x" * MAX_TEXT},
    ],
)
def test_other_texts_are_nobody_s_recipe(tmp_path: Path, texts: dict[str, str]) -> None:
    assert read_generated(made(tmp_path / "a.png", **texts)) is None


def test_what_is_gone_a_link_or_no_png_says_nothing(tmp_path: Path) -> None:
    assert read_generated(tmp_path / "none.png") is None
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert read_generated(tmp_path / "b.png") is None
    (tmp_path / "link.png").symlink_to(made(tmp_path / "a.png", parameters=SETTINGS))
    assert read_generated(tmp_path / "link.png") is None


def test_texts_are_bounded_and_damaged_ones_passed_over(tmp_path: Path) -> None:
    data = made(tmp_path / "a.png").read_bytes()
    bomb = Image.new("L", (1, 1))
    info = PngInfo()
    info.add_text("bomb", "0" * 10_000_000, zip=True)
    buffer = io.BytesIO()
    bomb.save(buffer, "PNG", pnginfo=info)
    inflated = buffer.getvalue()
    assert png.find_texts(io.BytesIO(inflated), ["bomb"], MAX_TEXT) == {}
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
