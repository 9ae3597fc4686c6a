"""Updates of a store against a rebuild from nothing: they must come to the same tables."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gm_assets.stores import Store
from gm_assets_tests.lineage.strategies import libraries
from gm_assets_tests.lineage.worlds import File, add, memory, store_of


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(libraries(), min_size=2, max_size=3))
def test_updates_come_to_the_same_tables_as_a_rebuild(worlds: list[list[File]]):
    with TemporaryDirectory() as folder:
        store = store_of(Path(folder) / "updated", worlds[0])
        before = {file.path: file for file in worlds[0]}
        for world in worlds[1:]:
            after = {file.path: file for file in world}
            changed = [file for path, file in after.items() if before.get(path) != file]
            gone = before.keys() - after.keys()
            store.commit(add(store.update().without(gone), changed).build())
            before = after
        fresh = store_of(Path(folder) / "fresh", worlds[-1])
        assert store.current().manifest.parts == fresh.current().manifest.parts


def titles(store: Store) -> list[tuple[str, int]]:
    return store.connect().execute("select title, copies from assets").fetchall()


def test_when_the_speaking_copy_vanishes_another_takes_over_unread(tmp_path):
    old = memory("mesh", "m1", title="old")
    new = memory("mesh", "m2", was=("m1",), when="2026-06-01T00:00:00Z", title="new")
    files = [File("old.png", old), File("new.png", new), File("new copy.png", new)]
    store = store_of(tmp_path / "store", files)
    assert titles(store) == [("new", 3)]
    store.commit(store.update().without(["new.png"]).build())
    assert titles(store) == [("new", 2)]
    store.commit(store.update().without(["new copy.png"]).build())
    assert titles(store) == [("old", 1)]
    store.commit(store.update().without(["old.png"]).build())
    assert titles(store) == []
    assert store.read("contents").num_rows == 0


def test_a_move_keeps_the_document_and_its_links(tmp_path):
    files = [File("a.png", memory("a", "p", title="kept")), File("b.png", memory("b", "q"))]
    store = store_of(tmp_path / "store", files)
    moved = add(store.update().without(["a.png"]), [File("sub/a.png", files[0].memory)])
    store.commit(moved.build())
    rows = store.connect().execute("select path, title from assets order by path").fetchall()
    assert rows == [("b.png", None), ("sub/a.png", "kept")]


def test_a_file_that_is_read_promotes_its_row_and_its_document(tmp_path):
    remembered = memory("a", "p")
    store = store_of(tmp_path / "store", [File("a.png", remembered)])
    store.commit(add(store.update(), [File("a.png", remembered, "p")]).build())
    con = store.connect()
    assert con.execute("select verified, file_hash is not null from files").fetchone() == (
        True,
        True,
    )
    assert con.execute("select verified from assets").fetchone() == (True,)
