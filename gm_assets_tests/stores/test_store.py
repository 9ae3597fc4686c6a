"""Generations: switched whole, shared, collected, and clear about damage."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import pytest

from gm_assets.errors import LibraryError, LibraryLocked
from gm_assets.lineage.family import Family
from gm_assets.settings import DUCKDB_MEMORY, DUCKDB_THREADS
from gm_assets.stores import Store, parts
from gm_assets.stores.schema import TABLES, VOICE_COLUMNS
from gm_assets_tests.lineage.worlds import File, add, link, memory, place, signature, store_of


def chain_of(count: int, title: str = "") -> list[File]:
    """Files whose documents come one from the other."""
    return [
        File(
            f"{number:03d}.png",
            memory(
                f"d{number}",
                f"c{number}",
                *([link(f"d{number - 1}", holds=f"c{number - 1}")] if number else []),
                placements=(place("keeper", "S3"),),
                title=f"{title}{number}",
            ),
        )
        for number in range(count)
    ]


def committed(store: Store, files: list[File]) -> int:
    return store.commit(add(store.rebuild(), files).build())


def titles(store: Store) -> list[str]:
    return [row[0] for row in store.connect().execute("select title from assets").fetchall()]


def part_names(store: Store) -> set[str]:
    return {path.name for path in (store.root / "parts").iterdir()}


# -- reading ---------------------------------------------------------------------------------


def test_a_store_that_was_never_committed_is_empty_and_says_what_to_do(tmp_path):
    store = Store(tmp_path / "store")
    assert store.generation == 0
    assert store.tables().files.num_rows == 0
    assert store.read("files", ["path"]).num_rows == 0
    with pytest.raises(LibraryError, match="gm ingest"):
        store.connect()
    assert not (tmp_path / "store").exists()


def test_what_was_committed_is_read_back(tmp_path):
    store = store_of(tmp_path / "store", chain_of(3))
    assert store.generation == 1
    con = store.connect()
    assert con.execute("select count(*), sum(copies) from assets").fetchone() == (3, 3)
    assert con.execute("select count(*) from links where proven").fetchone() == (2,)
    assert store.read("files", ["path", "size"]).column_names == ["path", "size"]
    store.verify()


def test_the_catalogue_has_every_table_with_its_columns(tmp_path):
    con = store_of(tmp_path / "store", chain_of(1)).connect()
    for name, schema in TABLES.items():
        found = [row[0] for row in con.execute(f"describe {name}").fetchall()]
        assert found == [column for column in schema.names if column not in VOICE_COLUMNS]


def test_an_empty_library_has_a_catalogue_too(tmp_path):
    con = store_of(tmp_path / "store", []).connect()
    for name in TABLES:
        assert con.execute(f"select count(*) from {name}").fetchone() == (0,)


def test_silent_voices_are_in_the_parts_but_not_in_the_views(tmp_path):
    newer = memory("d0", "c9", was=("c0",), when="2026-09-09T00:00:00Z", title="newer")
    store = store_of(tmp_path / "store", [*chain_of(1), File("copy.png", newer)])
    assert titles(store) == ["newer"]
    assert store.read("assets", ["title"]).column(0).to_pylist() == ["newer"]
    assert store.read("assets").column_names == [
        name for name in TABLES["assets"].names if name not in VOICE_COLUMNS
    ]
    assert store.tables().assets.num_rows == 2


def test_a_catalogue_connection_reads_nothing_but_the_parts(tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    con = store_of(tmp_path / "store", chain_of(1)).connect()
    with pytest.raises(duckdb.PermissionException):
        con.execute(f"select * from read_csv('{secret}')")


def test_threads_and_memory_of_duckdb_follow_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv(DUCKDB_THREADS, "1")
    monkeypatch.setenv(DUCKDB_MEMORY, "300MB")
    store = store_of(tmp_path / "store", chain_of(1))
    found = store.connect().execute(
        "select current_setting('threads'), current_setting('memory_limit')"
    )
    assert found.fetchone() == (1, "286.1 MiB")
    monkeypatch.setenv(DUCKDB_MEMORY, "much")
    with pytest.raises(LibraryError, match="GM_DUCKDB_MEMORY"):
        store.connect()


def test_a_library_folder_that_is_moved_is_read_where_it_is(tmp_path):
    store = store_of(tmp_path / "before" / "store", chain_of(2))
    store.refresh_catalogue()
    (tmp_path / "before").rename(tmp_path / "it's after")
    moved = Store(tmp_path / "it's after" / "store")
    assert len(titles(moved)) == 2
    with duckdb.connect(str(moved.refresh_catalogue()), read_only=True) as con:
        assert con.execute("select count(*) from links").fetchone() == (1,)


@pytest.mark.parametrize("name", ["a*b", "wh?t [2026] back\\slash", "it's {here} 海"])
def test_a_library_may_have_any_name(tmp_path, name):
    store = store_of(tmp_path / name / "store", chain_of(2, "mine "))
    other = tmp_path / "aXb" / "store"
    shutil.copytree(store.root, other)  # must not be matched by the pattern a*b
    assert titles(store) == ["mine 0", "mine 1"]
    store.commit(store.update().without(["000.png"]).build())
    assert titles(store) == ["mine 1"]


def test_any_duckdb_client_opens_the_catalogue_file(tmp_path):
    store = store_of(tmp_path / "store", chain_of(2, "first "))
    committed(store, chain_of(2, "second "))
    with duckdb.connect(str(store.root / "catalogue.duckdb"), read_only=True) as con:
        rows = con.execute("select title from assets order by title").fetchall()
        assert rows == [("second 0",), ("second 1",)]
        assert con.execute("select number from generation").fetchone() == (2,)


def test_a_read_only_folder_can_be_read(tmp_path):
    store = store_of(tmp_path / "store", chain_of(2))
    folders = [store.root, *(path for path in store.root.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        assert len(titles(store)) == 2
    finally:
        for folder in folders:
            folder.chmod(0o755)


# -- committing ------------------------------------------------------------------------------


def test_equal_files_give_equal_parts_in_any_order(tmp_path):
    files = chain_of(20)
    one = store_of(tmp_path / "one", files)
    two = store_of(tmp_path / "two", files[::-1])
    assert part_names(one) == part_names(two)
    for name, rows in one.tables().named().items():
        assert rows.equals(two.tables().named()[name])


def test_a_commit_that_changes_nothing_makes_no_generation(tmp_path):
    store = store_of(tmp_path / "store", chain_of(3))
    assert committed(store, chain_of(3)) == 1
    assert store.commit(store.update().build()) == 1
    assert store.commit(add(store.update(), chain_of(2)).build()) == 1


def test_an_update_shares_the_parts_that_it_does_not_touch(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "PART_ROWS", 10)
    store = store_of(tmp_path / "store", chain_of(100))
    before = store.current().manifest
    assert before.buckets["files"] == 16
    store.commit(store.update().without(["050.png"]).build())
    after = store.current().manifest
    changed = set(after.parts["files"]) - set(before.parts["files"])
    assert len(changed) == 1
    assert sum(part.rows for part in after.parts["files"]) == 99
    fresh = store_of(tmp_path / "fresh", [f for f in chain_of(100) if f.path != "050.png"])
    assert part_names(fresh) == after.names()


def test_a_table_that_shrinks_gets_fewer_parts_again(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "PART_ROWS", 10)
    store = store_of(tmp_path / "store", chain_of(40))
    store.commit(store.update().without(f"{n:03d}.png" for n in range(5, 40)).build())
    fresh = store_of(tmp_path / "fresh", chain_of(5))
    assert fresh.current().manifest.names() == store.current().manifest.names()


def test_an_update_of_an_older_generation_is_refused(tmp_path):
    store = store_of(tmp_path / "store", chain_of(3))
    late = store.update().without(["001.png"])
    store.commit(store.update().without(["002.png"]).build())
    with pytest.raises(LibraryError, match="generation 1"):
        store.commit(late.build())


def test_the_first_update_of_a_new_store_is_its_first_generation(tmp_path):
    store = Store(tmp_path / "store")
    assert store.commit(add(store.update(), chain_of(2)).build()) == 1


def test_only_one_process_commits_at_a_time(tmp_path):
    store = store_of(tmp_path / "store", chain_of(1))
    with store._writing(), pytest.raises(LibraryLocked, match="Wait"):
        committed(Store(store.root), chain_of(2))


def test_a_full_disk_leaves_the_old_generation(tmp_path, monkeypatch):
    store = store_of(tmp_path / "store", chain_of(2))
    tables = add(store.rebuild(), chain_of(5)).build()
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, limits[1]))
    try:
        with pytest.raises(OSError):
            store.commit(tables)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, old)
    assert store.generation == 1
    assert len(titles(store)) == 2
    assert not list(store.root.rglob("*.tmp"))


# -- readers and collection ------------------------------------------------------------------


def test_a_reader_keeps_its_generation_while_others_come_and_go(tmp_path):
    store = store_of(tmp_path / "store", chain_of(3, "old "))
    reader = store.connect()
    for turn in range(4):
        committed(store, chain_of(3, f"new {turn} "))
    assert reader.execute("select title from assets order by title").fetchone() == ("old 0",)
    assert (store.root / "generations" / "00000001.json").exists()
    del reader
    committed(store, chain_of(3, "last "))
    assert not (store.root / "generations" / "00000001.json").exists()
    kept = store.current().manifest.names()
    assert kept < part_names(store)  # the generation before stays for other DuckDB clients
    assert len(list((store.root / "generations").iterdir())) == 2


def test_a_pinned_generation_keeps_its_parts(tmp_path):
    store = store_of(tmp_path / "store", chain_of(3, "old "))
    pinned = store.current()
    for turn in range(3):
        committed(store, chain_of(3, f"new {turn} "))
    assert pinned.read("assets").num_rows == 3
    pinned.verify()


def test_a_connection_that_is_closed_lets_its_generation_go(tmp_path):
    store = store_of(tmp_path / "store", chain_of(2, "old "))
    with store.connect() as reader:
        reader.execute("select 1")
    del reader
    committed(store, chain_of(2, "new "))
    committed(store, chain_of(2, "newer "))
    assert not (store.root / "generations" / "00000001.json").exists()


def test_readers_see_whole_generations_while_a_writer_commits(tmp_path):
    store = store_of(tmp_path / "store", chain_of(5, "0 "))
    stop = threading.Event()
    broken: list[object] = []

    def read() -> None:
        while not stop.is_set():
            try:
                con = store.connect()
                found = {
                    row[0].split()[0] for row in con.execute("select title from assets").fetchall()
                }
                links = con.execute("select count(*) from links").fetchone()
            except Exception as error:
                broken.append(error)
                return
            if len(found) != 1 or links != (4,):
                broken.append((found, links))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for turn in range(1, 5):
            committed(store, chain_of(5, f"{turn} "))
    finally:
        stop.set()
        reader.join()
    assert broken == []


COMMITTER = """
import sys
from pathlib import Path
from gm_assets.stores import Store
from gm_assets_tests.stores.test_store import chain_of, committed
store = Store(Path(sys.argv[1]))
print("ready", flush=True)
turn = 0
while True:
    turn += 1
    committed(store, chain_of(40, f"{turn} "))
"""


def test_a_killed_commit_leaves_the_old_generation_or_the_new_one(tmp_path):
    store = store_of(tmp_path / "store", chain_of(40, "0 "))
    for delay in (0.08, 0.17, 0.3):
        process = subprocess.Popen(
            [sys.executable, "-c", COMMITTER, str(store.root)], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        store.verify()
        assert len({title.split()[0] for title in titles(store)}) == 1
        assert store.connect().execute("select count(*) from links").fetchone() == (39,)
    committed(store, chain_of(3, "after "))
    committed(store, chain_of(3, "and again "))
    needed = store.current().manifest.names()
    (before,) = [
        parts.Manifest.load(path.read_bytes(), path)
        for path in sorted((store.root / "generations").glob("*.json"))[:-1]
    ]
    assert part_names(store) == needed | before.names()
    assert not [path for path in store.root.rglob("*") if ".tmp" in path.suffixes]


# -- damage ----------------------------------------------------------------------------------


def only(store: Store, pattern: str) -> Path:
    (path,) = store.root.glob(pattern)
    return path


@pytest.mark.parametrize("pattern", ["parts/assets-*", "generations/*.json"])
def test_a_missing_file_says_rebuild(tmp_path, pattern):
    store = store_of(tmp_path / "store", chain_of(2))
    only(store, pattern).unlink()
    with pytest.raises(LibraryError, match="gm rebuild"):
        store.connect()


@pytest.mark.parametrize("pattern", ["parts/links-*", "generations/*.json", "CURRENT"])
def test_a_truncated_file_says_rebuild(tmp_path, pattern):
    store = store_of(tmp_path / "store", chain_of(2))
    path = only(store, pattern)
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(LibraryError, match="gm rebuild"):
        store.connect()


def test_a_part_with_a_spoiled_end_says_rebuild(tmp_path):
    store = store_of(tmp_path / "store", chain_of(2))
    path = only(store, "parts/chains-*")
    path.write_bytes(path.read_bytes()[:-40] + bytes(40))
    with pytest.raises(LibraryError, match="gm rebuild"):
        store.connect()
    with pytest.raises(LibraryError, match="gm rebuild"):
        store.read("chains")


def test_a_flipped_bit_anywhere_is_found_by_verify(tmp_path):
    store = store_of(tmp_path / "store", chain_of(2))
    path = only(store, "parts/files-*")
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    with pytest.raises(LibraryError, match="gm rebuild"):
        store.verify()
    committed(store, chain_of(2))
    store.verify()


def spoil_the_middle(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[8:200] = bytes(192)
    path.write_bytes(data)


def test_damage_inside_a_part_is_reported_by_whoever_reads_it(tmp_path):
    store = store_of(tmp_path / "store", chain_of(30))
    spoil_the_middle(only(store, "parts/assets-*"))
    for ask in (
        lambda: store.read("assets"),
        lambda: Family(store.connect()).document("xmp.did:d1"),
        lambda: store.update().without(["003.png"]).build(),
    ):
        with pytest.raises(LibraryError, match="gm rebuild"):
            ask()


def test_damage_inside_a_part_that_an_update_shares_is_reported(tmp_path):
    rule = place("keeper", "S1")
    store = store_of(tmp_path / "store", [*chain_of(30), File("x.png", None, "x", rule)])
    change = store.update().without(["x.png"]).build()
    spoil_the_middle(only(store, "parts/parents-*"))
    with pytest.raises(LibraryError, match="gm rebuild"):
        store.commit(change)
    assert store.generation == 1


def test_a_manifest_that_names_paths_is_damaged(tmp_path):
    store = store_of(tmp_path / "store", chain_of(1))
    path = only(store, "generations/*.json")
    with pytest.raises(LibraryError, match="damaged"):
        parts.Manifest.load(
            path.read_bytes().replace(b'"sha256": "', b'"sha256": "../../etc/'), path
        )


def test_a_store_of_another_format_says_rebuild(tmp_path):
    store = store_of(tmp_path / "store", chain_of(1))
    path = only(store, "generations/*.json")
    data = path.read_bytes().replace(b'"format": %d' % parts.FORMAT, b'"format": 99')
    with pytest.raises(LibraryError, match="format 99"):
        parts.Manifest.load(data, path)


@pytest.mark.parametrize("pattern", ["CURRENT", "generations/*.json", "parts/*"])
def test_a_rebuild_replaces_a_damaged_store(tmp_path, pattern):
    store = store_of(tmp_path / "store", chain_of(2))
    for path in store.root.glob(pattern):
        path.write_bytes(b"not what it was")
    committed(store, chain_of(3))
    store.verify()
    assert len(titles(store)) == 3


def test_a_deleted_store_comes_back_equal(tmp_path):
    store = store_of(tmp_path / "store", chain_of(5))
    before = store.tables()
    shutil.rmtree(store.root)
    committed(store, chain_of(5))
    for name, rows in before.named().items():
        assert rows.equals(store.tables().named()[name])


def test_quarantined_paths_leave_the_store_when_they_are_read_again(tmp_path):
    store = store_of(tmp_path / "store", chain_of(1))
    broken = LibraryError("made for this test")
    builder = store.update()
    builder.quarantine("000.png", signature("000.png"), broken)
    store.commit(builder.build())
    assert store.read("files").num_rows == 0
    assert store.read("quarantine").num_rows == 1
    store.commit(add(store.update(), chain_of(1)).build())
    assert store.read("files").num_rows == 1
    assert store.read("quarantine").num_rows == 0
