"""Scan: what differs from the store, without opening a file."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gm_assets.errors import NotFound
from gm_assets.library import Library, changes_by_chain, ingest, scan
from gm_assets.library.past import Arrival, PastFile, match_moves
from gm_assets_tests.library.files import model, picture


def test_new_changed_moved_vanished_and_unchanged_are_told_apart(library: Library) -> None:
    root = library.root
    for number, name in enumerate(("same", "edited", "left", "gone")):
        picture(root / f"{name}.png", number)
    ingest(library)
    picture(root / "edited.png", 50, (32, 16))
    (root / "deep").mkdir()
    (root / "left.png").rename(root / "deep" / "right.png")
    (root / "gone.png").unlink()
    picture(root / "fresh.png", 51)
    (root / "notes.txt").write_text("no picture")
    changes = scan(library)
    assert [entry.path for entry in changes.new] == ["fresh.png"]
    assert [entry.path for entry in changes.changed] == ["edited.png"]
    assert [(old, e.path) for old, e in changes.moved] == [("left.png", "deep/right.png")]
    assert changes.vanished == ("gone.png",)
    assert (changes.unchanged, changes.ignored, changes.found) == (1, 2, 4)
    assert not changes.quiet
    assert scan(library, [root / "same.png", root / "deep"]).new[0].path == "deep/right.png"
    assert scan(library, [root / "gone.png"]).vanished == ("gone.png",)
    with pytest.raises(NotFound):
        scan(library, [root / "never.png"])


def test_a_scan_reads_no_file(library: Library) -> None:
    picture(library.root / "a.png")
    ingest(library)
    before = (library.root / "a.png").stat()
    os.utime(library.root / "a.png", ns=(0, before.st_mtime_ns))
    scan(library)
    assert (library.root / "a.png").stat().st_atime_ns == 0


def test_hidden_names_and_our_own_are_no_assets(library: Library) -> None:
    picture(library.root / ".hidden" / "a.png")
    picture(library.root / ".b.png")
    (library.root / ".gm-write-4194304-0123456789abcdef~").write_bytes(b"left over")
    changes = scan(library)
    assert changes.found == 0
    assert changes.littered == ("",)
    ingest(library)
    assert scan(library).littered == ()


def test_links_are_not_followed_and_loops_do_no_harm(library: Library, tmp_path: Path) -> None:
    root = library.root
    picture(root / "a.png")
    outside = picture(tmp_path / "outside.png", 1)
    (root / "loop").symlink_to(root)
    (root / "inside.png").symlink_to("a.png")
    (root / "out.png").symlink_to(outside)
    (root / "circle.png").symlink_to("circle.png")
    (root / "font.ttf").symlink_to("/nowhere/font.ttf")
    changes = scan(library)
    assert [entry.path for entry in changes.new] == ["a.png"]
    reasons = {problem.path: problem.error.what for problem in changes.problems}
    assert reasons.keys() == {"out.png", "circle.png"}
    assert "leads out of the library" in reasons["out.png"]
    assert "circle" in reasons["circle.png"]


def test_names_of_every_kind_keep_their_bytes(library: Library) -> None:
    root = library.root
    names = [
        "é.png",
        "e\u0301.png",
        "裂け目 (final) \U0001f56f.png",
        "x" * 250 + ".png",
        "a\nb.png",
    ]
    for number, name in enumerate(names):
        picture(root / name, number)
    (root / os.fsdecode(b"caf\xe9.png")).write_bytes(b"latin")
    changes = scan(library)
    assert {entry.path for entry in changes.new} == set(names)
    assert [problem.path for problem in changes.problems] == ["caf\\xe9.png"]
    assert ingest(library).counts["quarantined"] == 1
    again = scan(library)
    assert again.quiet and again.unchanged == len(names)


def test_times_beyond_the_year_2262_do_not_break_the_store(library: Library) -> None:
    path = picture(library.root / "a.png")
    far = 2**63 + 10**18
    try:
        os.utime(path, ns=(far, far))
    except OverflowError:
        pytest.skip("this system cannot stamp a file with such a time")
    unmanaged = library.root / "gm.toml"
    unmanaged.write_text(unmanaged.read_text().replace("managed = true", "managed = false"))
    library = Library.open(library.root)
    assert ingest(library).counts["recorded"] == 1
    assert scan(library).unchanged == 1


def test_changes_become_chains_and_stages(library: Library) -> None:
    root = library.root
    picture(root / "gate/S1/sketch.png", 1)
    picture(root / "gate/S2/reference.png", 2)
    model(root / "spire/S3/mesh.glb")
    ingest(library)
    shutil.rmtree(root / "spire")
    (root / "gate/S1/sketch.png").rename(root / "loose.png")
    picture(root / "arch/S4/frame.png", 4)
    found = [(a.key, a.stage) for a in changes_by_chain(library, scan(library))]
    # The moved sketch carries its memory, so it still stands in its chain.
    assert found == [("arch.g01", "S4"), ("gate.g01", "S1"), ("spire.g01", "S3")]


def test_a_move_is_matched_once_and_by_inode_first() -> None:
    gone = [PastFile("a", "c1", "d1", True), PastFile("b", "c1", "d1", True)]
    arrivals = [Arrival("x", "c1", "d1"), Arrival("y", "c1", "d1"), Arrival("z", "c1", "d1")]
    moves = match_moves(gone, arrivals, {"z": "a"})
    assert [(move.old, move.new) for move in moves] == [("b", "x"), ("a", "z")]


def test_another_content_on_the_same_inode_is_no_move() -> None:
    gone = [PastFile("a", "c1", "d1", True)]
    assert match_moves(gone, [Arrival("x", "c2", "d2")], {"x": "a"}) == []
