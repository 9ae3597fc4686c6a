"""Stating parents and places: asserted links, all of a table or nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gm_assets.authoring.linking import link
from gm_assets.authoring.rejections import PLACE, rejections
from gm_assets.authoring.values import LinkReport, Statement
from gm_assets.errors import LibraryError, LibraryLocked
from gm_assets.library import Library, check, ingest, revise
from gm_assets.memory.files import read_memory
from gm_assets.memory.record import Placement
from gm_assets_tests.authoring.files import PERSON, says, scene, snapshot, twin_of
from gm_assets_tests.library.files import forget_store, make_library, paint_over, rows

SKETCH = Placement(chain="gate", stage="S1", part="sketch")


def state(library: Library, *statements: Statement, **more) -> LinkReport:
    return link(library, statements, person=PERSON, workers=1, **more)


def test_a_stated_parent_is_an_asserted_link_with_who_and_when(pictures: Library) -> None:
    report = state(pictures, says(0, "b.png", "a.png", "style"), note="she told me")
    assert (report.files, report.linked, report.troubles) == (1, 1, ())
    memory = read_memory(pictures.root / "b.png").memory
    (parent,) = memory.parents
    other = read_memory(pictures.root / "a.png").memory
    assert (parent.basis, parent.role) == ("asserted", "style")
    assert parent.document_id == other.document_id
    assert parent.content_id == other.written.content_id
    event = memory.history[-1]
    assert (event.action, event.person, event.note) == ("linked", PERSON, "she told me")
    assert event.when
    found = rows(pictures, "select resolution, basis, proven from links")
    assert found == [("resolved", "asserted", False)]
    assert not [one for one in check(pictures) if one.severity == "error"]


def test_places_and_parents_of_one_table_know_each_other(pictures: Library) -> None:
    report = state(
        pictures,
        says(2, "b.png", "a.png"),
        Statement(line=3, path="a.png", placement=SKETCH),
    )
    assert (report.placed, report.linked) == (1, 1)
    assert rows(pictures, "select parent_stage from links") == [("S1",)]
    assert rows(pictures, "select key, stage from placements") == [("gate.g01", "S1")]


def test_saying_it_again_changes_nothing(pictures: Library) -> None:
    state(pictures, says(0, "b.png", "a.png"))
    before = snapshot(pictures)
    report = state(pictures, says(0, "b.png", "a.png"))
    assert [one.outcome for one in report.done] == ["already"]
    assert snapshot(pictures) == before


def test_a_dry_run_writes_nothing_and_takes_no_lock(pictures: Library) -> None:
    before = snapshot(pictures)
    with pictures.writing():
        report = state(pictures, says(0, "b.png", "a.png"), dry_run=True)
        with pytest.raises(LibraryLocked):
            state(pictures, says(0, "b.png", "a.png"))
    assert [one.outcome for one in report.done] == ["planned"]
    assert snapshot(pictures) == before


def test_bad_lines_are_named_and_nothing_is_half_applied(pictures: Library) -> None:
    before = snapshot(pictures)
    report = state(
        pictures,
        says(2, "b.png", "a.png"),
        says(3, "nobody.png", "a.png"),
        says(4, "c.png", "gone.png"),
        says(5, "b.png", "a.png"),
        says(6, "d.png", "d.png"),
        says(7, "../outside.png", "a.png"),
        says(8, "a.png", "b.png"),
        Statement(line=9, path="c.png"),
    )
    what = {one.line: one.what for one in report.troubles}
    assert set(what) == {2, 3, 4, 5, 6, 7, 8, 9}
    assert "does not exist" in what[3] and "does not exist" in what[4]
    assert "named twice as its parent (line 2)" in what[5]
    assert "own parent" in what[6]
    assert "outside the library" in what[7]
    assert "close a cycle" in what[2] and "close a cycle" in what[8]
    assert "neither a place nor a parent" in what[9]
    assert all(one.remedy for one in report.troubles)
    assert report.done == () and snapshot(pictures) == before
    assert rows(pictures, "select count(*) from links") == [(0,)]


def test_a_cycle_through_links_that_are_there_is_found(pictures: Library) -> None:
    state(pictures, says(0, "b.png", "a.png"), says(0, "c.png", "b.png"))
    (trouble,) = state(pictures, says(7, "a.png", "c.png")).troubles
    assert trouble.line == 7 and "close a cycle" in trouble.what
    assert not read_memory(pictures.root / "a.png").memory.parents


def test_a_parent_in_another_role_is_not_named_a_second_time(pictures: Library) -> None:
    state(pictures, says(0, "b.png", "a.png", "style"))
    (trouble,) = state(pictures, says(1, "b.png", "a.png", "source")).troubles
    assert "already, as style" in trouble.what


@pytest.mark.parametrize("name", ["a.png", "b.png"])
def test_an_altered_file_is_refused_as_parent_and_as_child(pictures: Library, name: str) -> None:
    paint_over(pictures.root / name, 9)
    (trouble,) = state(pictures, says(1, "b.png", "a.png")).troubles
    assert "changed since it was ingested" in trouble.what
    ingest(pictures, workers=1)
    (trouble,) = state(pictures, says(1, "b.png", "a.png")).troubles
    assert "was altered" in trouble.what and "gm revise" in trouble.remedy
    revise(pictures, name)
    assert state(pictures, says(1, "b.png", "a.png")).linked == 1


def test_a_line_about_another_content_is_refused(pictures: Library) -> None:
    (content,) = rows(pictures, "select content_id from files where path = 'c.png'")[0]
    line = Statement(line=4, path="b.png", parent="a.png", parent_content_id=content)
    (trouble,) = state(pictures, line).troubles
    assert "another content" in trouble.what


def test_twins_are_not_parent_and_child(pictures: Library) -> None:
    twin_of(pictures, "a.png", "twin.png")
    (trouble,) = state(pictures, says(1, "twin.png", "a.png")).troubles
    assert "twins" in trouble.what and "gm duplicates" in trouble.remedy


def test_files_that_cannot_hold_a_statement_are_refused_before_the_first_write(
    library: Library,
) -> None:
    for seed, name in enumerate(("a", "linked", "clients/b")):
        scene(library.root / f"{name}.png", seed)
    config = library.root / "gm.toml"
    config.write_text(f'{config.read_text()}\n[[folder]]\npath = "clients"\nmanaged = false\n')
    library = Library.open(library.root)
    ingest(library, workers=1)
    os.link(library.root / "linked.png", library.root.parent / "second-name.png")
    ingest(library, workers=1)
    report = state(library, says(1, "clients/b.png", "a.png"), says(2, "linked.png", "a.png"))
    assert ["not managed" in report.troubles[0].what, "hard links" in report.troubles[1].what] == [
        True,
        True,
    ]
    # but a file that is only catalogued can be a parent: by content
    assert state(library, says(3, "a.png", "clients/b.png")).linked == 1
    assert rows(library, "select resolution, detail from links")[0][0] == "absent"


def test_rejections_are_kept_in_the_library_and_survive_the_stores(pictures: Library) -> None:
    lines = [
        Statement(line=1, path="b.png", parent="a.png", decision="reject"),
        Statement(line=2, path="b.png", placement=SKETCH, decision="reject", note="no gate"),
    ]
    assert state(pictures, *lines).rejected == 2
    assert state(pictures, *lines).rejected == 0
    forget_store(pictures)
    found = rejections(pictures)
    assert [(one.action, one.file, one.person) for one in found] == [
        ("link", "b.png", PERSON),
        ("place", "b.png", PERSON),
    ]
    assert found[1].note == "no gate" and found[1].against == "gate"
    assert (pictures.root / PLACE).read_text().count("\n") == 3


def test_a_damaged_file_of_rejections_is_named_and_left_alone(pictures: Library) -> None:
    path = pictures.root / PLACE
    path.parent.mkdir()
    path.write_text("action,content_id,against\nplace,nonsense,gate\n")
    with pytest.raises(LibraryError, match="content_id"):
        state(pictures, Statement(line=1, path="b.png", parent="a.png", decision="reject"))
    assert path.read_text().endswith("nonsense,gate\n")


def test_a_killed_run_is_finished_by_the_same_call(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("GM_PROFILE", "none")
    library = make_library(tmp_path / "library", rules="")
    count = 40
    for seed in range(count):
        scene(library.root / f"p{seed:02d}.png", seed)
    ingest(library, workers=1)
    table = tmp_path / "table.csv"
    lines = [f"p{number:02d}.png,p00.png,source" for number in range(1, count)]
    table.write_text("\n".join(["child,parent,role", *lines]) + "\n")
    code = (
        "from gm_assets.cli.main import main; import sys;"
        f"main(['--library', {str(library.root)!r}, 'link', '--from', {str(table)!r},"
        " '--person', 'Ada', '--workers', '1'])"
    )
    run = [sys.executable, "-c", code]
    with subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            said = [p for p in library.root.glob("p*.png") if b"asserted" in p.read_bytes()]
            if len(said) >= 5:
                process.send_signal(signal.SIGKILL)
                break
    done = subprocess.run(run, check=True, capture_output=True, text=True)
    assert "0 failed" in done.stdout
    expected = [("resolved", "asserted", count - 1)]
    query = "select resolution, basis, count(*) from links group by all"
    assert rows(library, query) == expected
    assert not [one for one in check(library) if one.severity == "error"]
    events = rows(library, "select count(*) from events where action = 'linked'")
    assert events == [(count - 1,)]
