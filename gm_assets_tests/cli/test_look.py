"""Commands that show: memory, identity, evidence, family, strips."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from gm_assets import containers
from gm_assets.lineage.values import Strip
from gm_assets.memory.files import read_memory, write_memory
from gm_assets_tests.cli.gm import Gm, noise


def test_show_tells_memory_identity_and_family(family: Gm) -> None:
    shown = family("show", family.root / "plate.jpg", "--json").json
    assert shown["identity"]["format"] == "jpeg"
    assert shown["identity"]["width"] == 40
    assert shown["memory"]["placements"][0]["chain"] == "seam-keeper"
    assert shown["altered"] is False and shown["memory_error"] is None
    lineage = shown["lineage"]
    (parent,) = lineage["parents"]
    assert (parent["resolution"], parent["basis"], parent["proven"]) == (
        "resolved",
        "recorded",
        True,
    )
    assert lineage["paths"][parent["parent_document"]] == "sketch.png"
    assert lineage["evidence"]["proven"] == 1
    text = family("show", family.root / "plate.jpg").out
    assert "sketch.png" in text and "resolved" in text and "1 proven of 1" in text
    assert "The photograph was never scanned" in text


def test_show_finds_a_file_by_its_document_id_and_by_its_path_below_the_root(family: Gm) -> None:
    document = read_memory(family.root / "sketch.png").memory.document_id
    assert family("show", document, "--json").json["path"] == str(family.root / "sketch.png")
    children = family("show", "sketch.png", "--json").json["lineage"]["children"]
    assert len(children) == 1
    assert "no such document" in family("show", "xmp.did:unknown", code=8).err


def test_show_works_for_files_outside_any_library(gm: Gm, tmp_path: Path) -> None:
    outside = noise(tmp_path / "loose.png", 9)
    shown = gm("show", outside, "--json")
    assert shown.json["memory"] is None and shown.json["lineage"] is None
    assert "no lineage" in shown.err
    assert gm("show", tmp_path / "missing.png", code=8).out == ""
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\nno")
    assert f"gm: {broken}: PNG" in gm("show", broken, code=3).err


def test_an_altered_file_says_so(family: Gm) -> None:
    sketch = family.root / "sketch.png"
    memory = read_memory(sketch).memory
    noise(sketch, 99)
    write_memory(sketch, memory)
    assert family("show", sketch, "--json").json["altered"] is True
    assert "altered: the content is not the one it remembers" in family("show", sketch).out


def test_hostile_metadata_cannot_drive_the_terminal(family: Gm) -> None:
    sketch = family.root / "sketch.png"
    memory = read_memory(sketch).memory
    write_memory(sketch, memory.model_copy(update={"title": "a\x9b31mred\u202etxt"}))
    shown = family("show", sketch)
    forged = memory.history[0].model_copy(update={"note": "x\nplate.jpg  altered"})
    write_memory(sketch, read_memory(sketch).memory.model_copy(update={"history": (forged,)}))
    assert "x\\nplate.jpg" in family("show", sketch).out
    assert "a\\x9b31mred\\u202etxt" in shown.out
    assert family("show", sketch, "--json").json["memory"]["title"] == "a\x9b31mred\u202etxt"


def test_a_chain_shows_its_strip_with_its_gaps(family: Gm) -> None:
    text = family("chain", "seam-keeper").out
    lines = {line[:2]: line for line in text.splitlines()}
    assert "present" in lines["S1"] and "sketch.png" in lines["S1"]
    assert "gap" in lines["S2"] and "The photograph was never scanned" in lines["S2"]
    assert "gap" in lines["S5"]
    assert "1 of 1" in lines["S4"]
    assert "\x1b" not in text
    assert not any(line.endswith(" ") for line in text.splitlines())
    document = family("chain", "seam-keeper.g01", "--json").json
    (strip,) = document["generations"]
    assert strip["key"] == "seam-keeper.g01"
    assert [s["state"] for s in strip["stages"]] == ["present", "gap", "gap", "present", "gap"]
    assert strip["stages"][1]["reason"] == "The photograph was never scanned"
    assert "`gm chains`" in family("chain", "unknown", code=8).err


def test_every_generation_of_a_chain_is_shown(family: Gm) -> None:
    noise(family.root / "later.png", 5)
    family("place", "later.png", "--chain", "seam-keeper.g02", "--stage", "S3")
    found = family("chain", "seam-keeper", "--json").json["generations"]
    assert [strip["key"] for strip in found] == ["seam-keeper.g01", "seam-keeper.g02"]


def test_chains_lists_the_turns(family: Gm) -> None:
    (turn,) = family("chains", "--json").json["chains"]
    assert (turn["key"], turn["domain"], len(turn["stages"])) == ("seam-keeper.g01", "figures", 5)
    line = family("chains").out.splitlines()[1]
    assert line.split() == ["seam-keeper.g01", "figures", "●", "○", "○", "●", "○", "2"]


def test_questions_about_an_empty_library_say_what_to_do(gm: Gm) -> None:
    assert "gm ingest" in gm("chains", code=6).err
    assert gm("chains", "--json", code=6).json["error"]["exit_code"] == 6


def test_a_strip_is_drawn_with_thumbnails_and_frames(family: Gm) -> None:
    from gm_assets.cli.options import open_family
    from gm_assets.cli.strip import CELL, FRAME, GROUND, SPACE, compose
    from gm_assets.library import Library

    library = Library.open(family.root)
    key = "seam-keeper"
    strip: Strip = open_family(library).strip(key)
    picture = compose(library, strip)
    assert picture.size == (5 * CELL + 4 * SPACE, CELL)
    step = CELL + SPACE
    below_its_name = 60
    cells = [picture.crop((i * step, below_its_name, i * step + CELL, CELL)) for i in range(5)]
    colours = [len(cell.getcolors(CELL * CELL)) for cell in cells]
    assert colours[0] > 100 and colours[3] > 100
    assert colours[1:3] == [2, 2] and colours[4] == 2
    assert picture.getpixel((step + 9, 100)) == FRAME
    assert picture.getpixel((step + 100, 100)) == GROUND


@pytest.mark.parametrize("protocol", ["kitty", "iterm", "sixel", "blocks"])
def test_a_strip_reaches_a_terminal_in_every_protocol(
    family: Gm, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    monkeypatch.setenv("GM_PICTURES", protocol)
    monkeypatch.setattr("gm_assets.cli.look.is_terminal", lambda: True)
    out = family("chain", "seam-keeper").out
    start = {"kitty": "\x1b_Ga=T", "iterm": "\x1b]1337;File=", "sixel": "\x1bPq", "blocks": "\x1b["}
    assert out.split("\n", 1)[1].startswith(start[protocol])
    assert "\x1b" not in family("chain", "seam-keeper", "--no-pictures").out


def test_a_picture_survives_sixel_and_kitty() -> None:
    import base64
    import io
    import re

    from gm_assets.cli.pictures import Protocol, render

    picture = Image.new("RGB", (20, 10), (255, 0, 0))
    picture.paste((0, 0, 255), (10, 0, 20, 10))
    kitty = render(picture, 20, Protocol.KITTY)
    data = "".join(re.findall(r"m=[01];([^\x1b]*)\x1b", kitty))
    with Image.open(io.BytesIO(base64.b64decode(data))) as back:
        assert back.tobytes() == picture.tobytes()
    sixel = render(picture, 2, Protocol.SIXEL)
    assert '"1;1;20;20' in sixel
    assert {"2;100;0;0", "2;0;0;100"} == set(re.findall(r"#\d;(2;\d+;\d+;\d+)", sixel))
    first = sixel.split("-")[0]
    assert first.count("!10~") == 2 and first.count("!10?") == 2
    blocks = render(picture.crop((9, 0, 11, 2)), 2, Protocol.BLOCKS)
    assert blocks == "\x1b[38;2;255;0;0;48;2;255;0;0m▀\x1b[38;2;0;0;255;48;2;0;0;255m▀\x1b[0m\n"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm"),
        ({"TERM": "foot"}, "sixel"),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "blocks"),
        ({"TERM": "tmux-256color", "KITTY_WINDOW_ID": "1", "COLORTERM": "truecolor"}, "blocks"),
        ({"TERM": "xterm"}, "none"),
        ({"TERM": "xterm-kitty", "GM_PICTURES": "none"}, "none"),
    ],
)
def test_the_protocol_follows_from_the_terminal(environment: dict, expected: str) -> None:
    from gm_assets.cli.pictures import detect

    assert detect(environment).value == expected


def test_a_memory_that_cannot_be_read_is_said_and_the_rest_is_shown(family: Gm) -> None:
    path = family.root / "sketch.png"
    packet = read_memory(path).packet.replace(b'gm:stage="S1"', b'gm:stage="S9"')
    path.write_bytes(b"".join(containers.embed(path.read_bytes(), packet)))
    shown = family("show", path, "--json").json
    assert shown["memory"] is None
    assert shown["memory_error"]["error"] == "InvalidMemory"
    assert shown["identity"]["format"] == "png"
    assert "the memory cannot be read" in family("show", path).err


def test_show_tells_what_other_programs_left_in_a_file(gm: Gm) -> None:
    signed = Path(__file__).parents[1] / "memory" / "foreign" / "data" / "opened.jpg"
    copy = gm.root / "opened.jpg"
    copy.write_bytes(signed.read_bytes())
    (account,) = gm("show", copy, "--json").json["foreign"]
    assert account["tool"] == "C2PA" and account["said"]["verified"] is False
    assert "parent.png" in account["references"][0]
    text = gm("show", copy).out
    assert "C2PA says" in text and "c2pa.color_adjustments" in text and "verified" in text
