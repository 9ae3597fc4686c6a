"""`gm suggest`, `link`, `confirm`, `duplicates`, `name` as a person runs them."""

from __future__ import annotations

import csv
import getpass
from io import StringIO
from pathlib import Path

import pytest

from gm_assets.memory.files import read_memory
from gm_assets_tests.authoring.files import scene
from gm_assets_tests.cli.gm import Gm
from gm_assets_tests.library.files import strip_memory


@pytest.fixture
def studio(gm: Gm, monkeypatch: pytest.MonkeyPatch) -> Gm:
    """`gm` on three subjects with a sketch and a reference each, without any place."""
    monkeypatch.setenv("GM_PROFILE", "none")
    monkeypatch.delenv("GM_PERSON", raising=False)
    for seed, name in enumerate(("keeper", "gate", "ship")):
        scene(gm.root / "figures" / name / "sketch.png", seed)
        scene(gm.root / "figures" / name / "reference.png", seed, (192, 128))
    gm("ingest")
    return gm


def test_a_corpus_becomes_chains_by_suggest_an_edited_table_and_link(
    studio: Gm, tmp_path: Path
) -> None:
    table = tmp_path / "table.csv"
    said = studio("suggest", "--out", table)
    assert "6 documents of 6 in no chain" in said.out and "decision" in said.err
    edit(table, lambda row: "accept" if float(row["score"]) > 0.3 else "")
    dry = studio("link", "--from", table, "--dry-run")
    assert "would be written" in dry.out
    assert studio("chains", "--json").json["chains"] == []
    done = studio("link", "--from", table, "--person", "Ada")
    assert "6 files written: 6 places, 3 links" in done.out
    assert {one["key"] for one in studio("chains", "--json").json["chains"]} == {
        "keeper.g01",
        "gate.g01",
        "ship.g01",
    }
    memory = read_memory(studio.root / "figures/gate/reference.png").memory
    assert memory is not None
    assert [one.person for one in memory.history if one.action != "ingested"] == ["Ada", "Ada"]
    again = studio("link", "--from", table, "--json").json["report"]
    assert again["files"] == 0 and {one["outcome"] for one in again["done"]} == {"already"}


def test_lines_that_cannot_be_done_are_printed_and_nothing_is_written(
    studio: Gm, tmp_path: Path
) -> None:
    table = tmp_path / "table.csv"
    table.write_text(
        "child,parent,role\n"
        "figures/gate/reference.png,figures/gate/sketch.png,source\n"
        "figures/gate/reference.png,nowhere.png,source\n"
        "figures/ship/reference.png,figures/ship/sketch.png,mother\n"
    )
    failed = studio("link", "--from", table, code=4)
    assert "nothing was written: 2 lines cannot be done" in failed.out
    assert "nowhere.png does not exist" in failed.out and "mother" in failed.out
    found = studio("link", "--from", table, "--json", code=4).json
    assert [one["line"] for one in found["troubles"]] == [3, 4]
    memory = read_memory(studio.root / "figures/gate/reference.png").memory
    assert memory is not None and memory.parents == ()


def test_one_parent_is_stated_by_the_login_name(studio: Gm, monkeypatch) -> None:
    child, parent = (studio.root / f"figures/gate/{name}.png" for name in ("reference", "sketch"))
    studio("link", child, "--parent", parent, "--role", "style", "--note", "by eye")
    memory = read_memory(child).memory
    assert memory is not None
    last = memory.history[-1]
    assert (last.action, last.person, last.note) == ("linked", getpass.getuser(), "by eye")
    monkeypatch.setenv("GM_PERSON", "Bo")
    studio("link", parent, "--parent", studio.root / "figures/ship/sketch.png")
    memory = read_memory(parent).memory
    assert memory is not None and memory.history[-1].person == "Bo"


def test_wrong_calls_are_told_apart(studio: Gm, tmp_path: Path) -> None:
    studio("link", code=2)
    studio("link", "a.png", code=2)
    studio("link", "a.png", "--parent", "b.png", "--from", "t.csv", code=2)
    studio("link", "a.png", "--parent", "b.png", "--role", "mother", code=2)
    studio("suggest", "--only", "stages", code=2)
    studio("link", "--from", tmp_path / "none.csv", code=8)


def test_suggestions_are_confirmed_one_by_one(studio: Gm, monkeypatch) -> None:
    answers = iter("yna")  # and then the end of the input
    prompts = []

    def answer(*words: object, **more: object) -> str:
        prompts.append(words)
        try:
            return next(answers)
        except StopIteration:
            return "q"

    monkeypatch.setattr("typer.prompt", answer)
    said = studio("confirm", "--only", "places", "--person", "Ada")
    assert "y accept" in said.err and "1 rejected" in said.out
    placed = studio("suggest", "--json", "--limit", "0").json["suggestions"]
    assert placed["unplaced"] < 6 and placed["rejected"] >= 1
    assert (studio.root / "authoring" / "rejected.csv").is_file()


def test_answers_that_end_too_early_write_nothing(studio: Gm, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdin", StringIO("y\n"))
    error = studio("confirm", "--only", "places", "--json", code=1).json["error"]
    assert "nothing was written" in error["what"] and "gm suggest --out" in error["remedy"]
    assert studio("chains", "--json").json["chains"] == []


def test_a_table_for_a_folder_that_is_not_there_is_refused_with_the_remedy(studio: Gm) -> None:
    error = studio("suggest", "--out", "nowhere/table.csv", "--json", code=5).json["error"]
    assert error["where"] == "nowhere/table.csv" and error["remedy"].startswith("Make the folder")


def test_a_table_is_never_written_over_a_file(studio: Gm, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("mine")
    error = studio("suggest", "--out", table, "--json", code=5).json["error"]
    assert table.read_text() == "mine" and "move that file away" in error["remedy"]


def test_twins_are_shown_and_joined(studio: Gm) -> None:
    twin = studio.root / "twin.png"
    twin.write_bytes((studio.root / "figures/gate/sketch.png").read_bytes())
    strip_memory(twin)
    studio("place", twin, "--chain", "pier", "--stage", "S1")
    shown = studio("duplicates")
    assert "placed pier.g01 S1 sketch" in shown.out
    assert "1 group of duplicates: 1 by content" in shown.out
    group = studio("duplicates", "--json").json["groups"][0]
    assert group["level"] == "content" and group["twins"][0]["path"] == "twin.png"
    near = studio("duplicates", "--near", "--distance", "4", "--json").json["groups"]
    assert {one["level"] for one in near} == {"content", "near"}
    studio("place", "figures/gate/sketch.png", "--chain", "gate", "--stage", "S1")
    would = studio("duplicates", "--merge", "--dry-run")
    assert "would gain" in would.out
    gained = studio("duplicates", "--merge", "--person", "Ada", "--json").json["merged"]
    assert len(gained) == 1 and len(gained[0]["memory"]["placements"]) == 2
    assert twin.is_file() and (studio.root / "figures/gate/sketch.png").is_file()


def test_names_are_a_table_until_they_are_applied(studio: Gm) -> None:
    studio("place", "figures/gate/sketch.png", "--chain", "gate", "--stage", "S1")
    table = studio("name")
    assert "figures/gate/gate.g01.S1.sketch.png" in table.out
    assert "1 file would be renamed, 0 cannot" in table.out
    studio("name", "--template", "{chain}/{colour}.{ext}", code=4)
    assert "1 file renamed" in studio("name", "--apply").out
    held = {path.name for path in (studio.root / "figures" / "gate").iterdir()}
    assert held == {"gate.g01.S1.sketch.png", "reference.png"}
    scene(studio.root / "gate.S1.png", 50)
    blocked = studio("name", "--template", "/", code=4)
    assert "template" in blocked.err
    kept = studio("name", "--template", "./gate.{stage}.{ext}", "--apply", code=5)
    assert "a file of that name exists" in kept.out


def edit(table: Path, decide) -> None:
    """Fill the column `decision`, as a person does."""
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows({**row, "decision": decide(row)} for row in rows)
