"""Batches that are too many for memory go through a file and come back the same."""

from __future__ import annotations

import pyarrow as pa
import pytest

from gm_assets.stores import Store, spool
from gm_assets.stores.spool import Spool
from gm_assets_tests.lineage.worlds import add, store_of
from gm_assets_tests.stores.test_store import chain_of

SCHEMA = pa.schema([("number", pa.int64()), ("name", pa.string())])


def batch(start: int, count: int = 100) -> pa.RecordBatch:
    numbers = list(range(start, start + count))
    return pa.record_batch([numbers, [f"name {n}" for n in numbers]], schema=SCHEMA)


@pytest.mark.parametrize("limit", [0, 3_000, 10**9])
def test_a_table_is_the_same_whether_it_went_through_a_file_or_not(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(spool, "MEMORY_BYTES", limit)
    batches = [batch(start) for start in range(0, 1_000, 100)]
    table = Spool(SCHEMA, tmp_path / "made when needed").extend(batches).table()
    assert table.equals(pa.Table.from_batches(batches))
    assert (tmp_path / "made when needed").exists() == (limit < 10**9)
    assert not list(tmp_path.glob("*/*"))  # the file has no name that could be left behind


def test_an_empty_spool_gives_an_empty_table(monkeypatch):
    monkeypatch.setattr(spool, "MEMORY_BYTES", 0)
    assert Spool(SCHEMA).table().equals(SCHEMA.empty_table())


def test_a_store_built_through_files_is_the_same_store(tmp_path, monkeypatch):
    in_memory = store_of(tmp_path / "memory", chain_of(30))
    monkeypatch.setattr(spool, "MEMORY_BYTES", 0)
    through_files = store_of(tmp_path / "files", chain_of(30))
    assert through_files.current().manifest.parts == in_memory.current().manifest.parts
    for store in (in_memory, through_files):
        store.commit(add(store.update().without(["003.png"]), chain_of(2)).build())
    assert through_files.current().manifest.parts == in_memory.current().manifest.parts
    assert not (through_files.root / "spill").exists()


def test_what_a_killed_process_spilled_is_removed_by_the_next_commit(tmp_path):
    store = Store(tmp_path / "store")
    (store.root / "spill").mkdir(parents=True)
    (store.root / "spill" / "duckdb_temp_storage_S32K-0.tmp").write_bytes(b"left behind")
    store.commit(add(store.rebuild(), chain_of(1)).build())
    assert not (store.root / "spill").exists()
