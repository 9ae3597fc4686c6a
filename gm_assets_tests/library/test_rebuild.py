"""Rebuild: the store comes back from the files alone, and equals what ingest had made."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from gm_assets.library import Library, ingest, rebuild, refresh, scan, shard_of
from gm_assets.memory.record import Parent
from gm_assets_tests.library.files import (
    forget_store,
    make_library,
    model,
    paint_over,
    picture,
    remembering,
    strip_memory,
    tables,
)

#: What a fast rebuild cannot know without reading contents; docs/library.md lists them.
UNVERIFIED = {
    "files": {"file_hash", "verified", "frames", "pixel_layout"},
    "contents": {"pixel_layout", "frames"},
    "assets": {"verified"},
    "links": {"verified"},
}

steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["placed", "loose", "unmanaged", "copy", "altered", "stripped", "broken", "link"]
        ),
        st.integers(0, 3),
    ),
    max_size=8,
)


def build(root: Path, plan: list[tuple[str, int]]) -> Library:
    """A library that came about by the steps of `plan`, ingested twice."""
    library = make_library(
        root,
        rules='[[folder]]\npath = "theirs"\nmanaged = false\n'
        '[[place]]\nmatch = "**/{chain}/{stage}/{part}.{ext}"\n',
    )
    for index, (kind, number) in enumerate(plan):
        name = f"{kind}{index}"
        if kind == "placed":
            picture(root / f"c{number}/S2/{name}.png", number)
        elif kind == "unmanaged":
            picture(root / f"theirs/c{number}/S4/{name}.webp", number)
        elif kind == "broken":
            (root / f"{name}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(number))
        elif kind == "link":
            path = picture(root / f"c{number}/S4/{name}.png", 10 + index)
            parent = Parent(content_id=f"as:{number:064x}", basis="recorded")
            remembering(path, name, parents=(parent,))
        else:
            picture(root / f"{name}.png", number + 20)
    ingest(library)
    for index, (kind, number) in enumerate(plan):
        path = root / f"{kind}{index}.png"
        if kind == "copy":
            shutil.copy(path, root / f"again{index}.png")
        elif kind == "altered":
            paint_over(path, number + 40)
        elif kind == "stripped":
            strip_memory(path)
    ingest(library)
    return library


@settings(max_examples=4, deadline=None)
@given(plan=steps)
def test_a_verified_rebuild_equals_the_ingested_store(plan: list[tuple[str, int]]) -> None:
    with TemporaryDirectory() as folder:
        library = build(Path(folder) / "library", plan)
        before = tables(library)
        forget_store(library)
        rebuild(library, verify=True)
        assert tables(library) == before
        assert scan(library).quiet


def test_a_fast_rebuild_equals_it_but_for_what_only_reading_tells(tmp_path: Path) -> None:
    plan = [("placed", 0), ("placed", 1), ("loose", 0), ("copy", 1), ("link", 2), ("broken", 3)]
    library = build(tmp_path / "library", plan)
    model(library.root / "c0/S3/mesh.glb")
    ingest(library)
    before = tables(library)
    forget_store(library)
    report = rebuild(library)
    assert (report.verified, report.unverified) == (False, report.files)
    after = tables(library)
    for name, rows in before.items():
        unknown = UNVERIFIED.get(name, set())
        known = [{k: v for k, v in row.items() if k not in unknown} for row in rows]
        found = [{k: v for k, v in row.items() if k not in unknown} for row in after[name]]
        assert found == known, name
    assert not any(row["verified"] for row in after["files"])
    # Reading what is unverified, shard by shard, gives the rest.
    reports = refresh(library)
    assert sum(report.read for report in reports) == report.files
    assert all(report.files == report.verified for report in reports)
    assert tables(library) == before


def test_a_fast_rebuild_leaves_files_without_memory_for_refresh(tmp_path: Path) -> None:
    library = build(tmp_path / "library", [("unmanaged", 0), ("stripped", 1)])
    before = tables(library)
    forget_store(library)
    report = rebuild(library)
    assert (report.remembered, report.without_memory) == (0, 2)
    assert all(row["content_id"] is None for row in tables(library)["files"])
    shard = shard_of("theirs/c0/S4/unmanaged0.webp", None)
    [one] = refresh(library, [shard])
    assert one.read >= 1
    refresh(library)
    assert tables(library) == before


def test_refresh_reads_new_and_changed_files_and_writes_into_none(library: Library) -> None:
    path = picture(library.root / "gate/S1/sketch.png", 1)
    ingest(library)
    paint_over(path, 2)
    fresh = picture(library.root / "fresh.png", 3)
    before = path.read_bytes(), fresh.read_bytes()
    reports = refresh(library, workers=1)
    assert (path.read_bytes(), fresh.read_bytes()) == before
    assert sum(report.read for report in reports) == 2
    assert sum(report.altered for report in reports) == 1
    assert scan(library).quiet
    assert sum(report.read for report in refresh(library)) == 0
    # Ingest still gives the new file its memory.
    assert ingest(library).counts["written"] == 1


def test_the_old_store_serves_until_the_rebuild_is_done_and_a_damaged_one_is_replaced(
    library: Library,
) -> None:
    picture(library.root / "gate/S1/sketch.png", 1)
    ingest(library)
    before = tables(library)
    for part in (library.state / "store" / "parts").iterdir():
        part.write_bytes(b"damaged")
    rebuild(library, verify=True)
    assert tables(library) == before
