"""The vector store on real LanceDB tables."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gm_assets.errors import InvalidMemory, LibraryError, LibraryLocked, NotFound
from gm_assets.stores.vectors import VectorStore, indexing, rows
from gm_assets.stores.vectors import store as module
from gm_assets.stores.vectors.turns import turn
from gm_assets.stores.vectors.where import condition, one_of

MODEL, OTHER = "a" * 64, "b" * 64


def names(count: int) -> list[str]:
    return [f"px:{number:064x}:8x8" for number in range(count)]


def vectors(count: int, dimension: int = 16, seed: int = 0) -> np.ndarray:
    drawn = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def description(content_ids: list[str], words: list[str], **columns: list[list[str]]) -> pa.Table:
    count = len(content_ids)
    filled = {name: columns.get(name, [[]] * count) for name in rows.FILTERS}
    return pa.table(
        {
            "content_id": content_ids,
            "digest": ["d"] * count,
            **{name: pa.array(lists, pa.list_(pa.string())) for name, lists in filled.items()},
            "words": words,
        }
    )


@pytest.fixture
def store(tmp_path: Path) -> VectorStore:
    return VectorStore(tmp_path / "vectors")


def test_opening_and_asking_an_empty_store_touches_nothing(store: VectorStore) -> None:
    assert store.models() == ()
    assert (store.count(MODEL), store.dimension(MODEL), store.version(MODEL)) == (0, None, 0)
    assert len(store.known(MODEL)) == len(store.get(MODEL, ["x"]).rows) == 0
    assert list(store.all(MODEL)) == []
    assert not store.root.exists()
    with pytest.raises(NotFound, match="gm embed"):
        store.search(MODEL, np.ones(16), 3)


def test_vectors_come_back_as_float16_in_the_order_asked_for(store: VectorStore) -> None:
    ids, made = names(20), vectors(20)
    store.put(MODEL, ids, made, "memory")
    found = store.get(MODEL, [ids[7], "px:unknown", ids[3], ids[7]])
    assert found.content_ids.to_pylist() == [ids[7], ids[3]]
    assert np.array_equal(found.rows, made[[7, 3]].astype(np.float16))
    everything = {
        name: row
        for block in store.all(MODEL, batch=6)
        for name, row in zip(block.content_ids.to_pylist(), block.rows, strict=True)
    }
    assert set(everything) == set(ids) == set(store.known(MODEL).to_pylist())
    assert np.array_equal(everything[ids[11]], made[11].astype(np.float16))


def test_getting_more_than_fits_one_condition_keeps_the_order(
    store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ASKED_AT_ONCE", 5)
    ids, made = names(30), vectors(30)
    store.put(MODEL, ids, made)
    found = store.get(MODEL, reversed(ids))
    assert found.content_ids.to_pylist() == ids[::-1]
    assert np.array_equal(found.rows, made[::-1].astype(np.float16))
    store.drop(MODEL, ids[:12])
    assert sorted(store.known(MODEL).to_pylist()) == ids[12:]


def test_a_content_has_one_vector_the_last_one(store: VectorStore) -> None:
    made = vectors(3)
    store.put(MODEL, ["one", "two", "one"], made)
    assert store.count(MODEL) == 2
    assert np.array_equal(store.get(MODEL, ["one"]).rows[0], made[2].astype(np.float16))
    store.put(MODEL, ["one"], made[:1])
    assert store.count(MODEL) == 2
    assert np.array_equal(store.get(MODEL, ["one"]).rows[0], made[0].astype(np.float16))


def test_models_live_side_by_side_with_their_own_dimensions(store: VectorStore) -> None:
    store.put(MODEL, ["one"], vectors(1, 16))
    store.put(OTHER, ["one"], vectors(1, 32))
    assert store.models() == (MODEL, OTHER)
    assert (store.dimension(MODEL), store.dimension(OTHER)) == (16, 32)
    with pytest.raises(InvalidMemory, match="those of this model have 16"):
        store.put(MODEL, ["two"], vectors(1, 32))
    with pytest.raises(InvalidMemory, match="have 16 numbers"):
        store.search(MODEL, np.ones(32), 1)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda made: made * 0,
        lambda made: made * 2,
        lambda made: np.where(np.arange(16) == 3, np.nan, made),
        lambda made: np.where(np.arange(16) == 3, np.inf, made),
        lambda made: made[:1],
        lambda made: made.reshape(-1),
    ],
    ids=["zero", "too long", "NaN", "infinite", "too few", "flat"],
)
def test_what_is_no_unit_vector_is_refused_and_nothing_is_stored(store: VectorStore, spoil) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InvalidMemory):
        store.put(MODEL, ["one", "two"], spoil(vectors(2)))
    assert store.count(MODEL) == 0


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
def test_a_query_without_direction_is_refused(store: VectorStore, bad: float) -> None:
    store.put(MODEL, names(2), vectors(2))
    with pytest.raises(InvalidMemory, match="no direction"):
        store.search(MODEL, np.full(16, bad), 1)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 60), st.integers(1, 70), st.integers(0, 1000))
def test_search_is_the_exact_order_of_cosines(
    tmp_path_factory: pytest.TempPathFactory, count: int, k: int, seed: int
) -> None:
    store = VectorStore(tmp_path_factory.mktemp("vectors"))
    ids, made = names(count), vectors(count, 8, seed).astype(np.float16)
    store.put(MODEL, ids, made)
    asked = vectors(1, 8, seed + 1)[0]
    stored = made.astype(np.float32)
    cosines = stored @ asked / np.linalg.norm(stored, axis=1)
    expected = sorted(zip(-cosines, ids, strict=True))[:k]
    everything = "content_id <> 'nothing'"  # the same question to LanceDB's own scan
    for found in (store.search(MODEL, asked * 3, k), store.search(MODEL, asked, k, everything)):
        assert set(found["content_id"].to_pylist()) <= set(ids)
        assert np.allclose(found["cosine"], [-cosine for cosine, _ in expected], atol=1e-5)
        named = dict(zip(ids, cosines.tolist(), strict=True))
        told = zip(found["content_id"].to_pylist(), found["cosine"].to_pylist(), strict=True)
        assert all(abs(named[name] - cosine) < 1e-5 for name, cosine in told)


def test_a_search_sees_what_another_process_wrote(store: VectorStore) -> None:
    made = vectors(3)
    store.put(MODEL, ["one", "two"], made[:2])
    assert store.search(MODEL, made[2], 1)["content_id"].to_pylist() != ["three"]
    VectorStore(store.root).put(MODEL, ["three"], made[2:])
    assert store.search(MODEL, made[2], 1)["content_id"].to_pylist() == ["three"]
    VectorStore(store.root).drop(MODEL, ["three", "never there"])
    assert store.search(MODEL, made[2], 1)["content_id"].to_pylist() != ["three"]


def test_filters_are_applied_before_the_search(store: VectorStore) -> None:
    ids, made = names(40), vectors(40)
    store.put(MODEL, ids, made)
    stages = [["S1"] if number % 2 else ["S3", "S4"] for number in range(40)]
    chains = [["it's"] if number < 4 else ["seam-keeper"] for number in range(40)]
    store.describe(MODEL, description(ids, [""] * 40, stages=stages, chains=chains))
    where = condition({"stages": ["S1", "S2"], "chains": ["it's"]})
    found = store.search(MODEL, made[0], 10, where)
    assert sorted(found["content_id"].to_pylist()) == [ids[1], ids[3]]
    where = condition({"stages": ["S4"], "chains": []})
    assert len(store.search(MODEL, made[0], 100, where)) == 20


@pytest.mark.parametrize(
    "evil",
    ["' OR 1=1 --", "') OR array_has(stages, 'S1", "\\' OR ''='", "S1'; DROP TABLE x", "é\n"],
)
def test_values_of_filters_are_text_and_never_sql(store: VectorStore, evil: str) -> None:
    ids = names(3)
    store.put(MODEL, ids, vectors(3))
    store.describe(MODEL, description(ids, [""] * 3, chains=[["S1"], ["S1"], [evil]]))
    found = store.search(MODEL, np.ones(16), 5, condition({"chains": [evil]}))
    assert found["content_id"].to_pylist() == [ids[2]]
    assert len(store.search(MODEL, np.ones(16), 5, one_of("content_id", [evil]))) == 0


def test_a_nul_and_an_unknown_filter_are_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        condition({"chains": ["a\0b"]})
    with pytest.raises(ValueError, match="vector"):
        condition({"vector": ["1"]})


def test_descriptions_stay_when_vectors_are_put_again(store: VectorStore) -> None:
    ids = names(2)
    store.put(MODEL, ids, vectors(2))
    store.describe(MODEL, description([*ids, "unknown"], ["a", "b", "c"], stages=[["S1"]] * 3))
    assert store.count(MODEL) == 2
    store.put(MODEL, ids, vectors(2, seed=5), "memory")
    found = {row["content_id"]: row for row in store.described(MODEL).to_pylist()}
    assert [found[name]["digest"] for name in ids] == ["d", "d"]
    assert [found[name]["source"] for name in ids] == ["memory", "memory"]


def test_many_small_writes_leave_few_files(
    store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEEP_VERSIONS", module.timedelta(0))
    monkeypatch.setattr(module, "MAX_FRAGMENTS", 4)
    for number, name in enumerate(names(30)):
        store.put(MODEL, [name], vectors(1, seed=number))
    assert store.count(MODEL) == 30
    assert len(list(store.root.rglob("*.lance"))) < 12
    assert len(list(store.root.rglob("*.manifest"))) < 12


_WRITER = """
import sys, numpy as np
from gm_assets.stores.vectors import VectorStore
store = VectorStore(sys.argv[1])
for number in range(12):
    drawn = np.random.default_rng(number).standard_normal((8, 16)).astype(np.float32)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    store.put("a" * 64, [f"content {number * 4 + one}" for one in range(8)], drawn)
"""


def test_two_processes_that_write_at_once_lose_and_double_nothing(store: VectorStore) -> None:
    command = [sys.executable, "-c", _WRITER, str(store.root)]
    writers = [subprocess.Popen(command) for _ in range(2)]
    while any(writer.poll() is None for writer in writers):
        for block in store.all(MODEL):  # a reader sees whole versions, also meanwhile
            assert len(set(block.content_ids.to_pylist())) == len(block.rows)
    assert [writer.returncode for writer in writers] == [0, 0]
    assert sorted(store.known(MODEL).to_pylist()) == sorted(f"content {i}" for i in range(52))


def test_a_table_that_another_process_is_making_has_no_vectors_yet(store: VectorStore) -> None:
    (store.root / f"{MODEL}.lance" / "_versions").mkdir(parents=True)
    assert list(store.all(MODEL)) == [] and store.count(MODEL) == 0


def test_a_writer_that_waited_long_enough_says_who_is_in_the_way(store: VectorStore) -> None:
    impatient = VectorStore(store.root, patience=0.05)
    with turn(store.root, 0), pytest.raises(LibraryLocked):
        impatient.put(MODEL, ["one"], vectors(1))


def test_a_damaged_store_says_what_to_do(store: VectorStore) -> None:
    store.put(MODEL, names(5), vectors(5))
    for path in store.root.rglob("*.lance"):
        if path.is_file():
            path.write_bytes(b"no lance file")
    for ask in (store, VectorStore(store.root)):
        with pytest.raises(LibraryError, match="gm rebuild") as caught:
            list(ask.all(MODEL))
        assert str(store.root) in str(caught.value)
    shutil.rmtree(store.root / f"{MODEL}.lance" / "_versions")
    with pytest.raises(LibraryError, match="gm rebuild"):
        VectorStore(store.root).count(MODEL)
    shutil.rmtree(store.root)
    store.put(MODEL, names(5), vectors(5))
    assert store.count(MODEL) == 5


def test_a_table_with_other_columns_is_not_read(store: VectorStore) -> None:
    import lancedb

    lancedb.connect(store.root).create_table(MODEL, pa.table({"content_id": ["one"]}))
    with pytest.raises(LibraryError, match="another version"):
        store.count(MODEL)


def test_what_is_no_fingerprint_never_becomes_a_path(store: VectorStore) -> None:
    with pytest.raises(ValueError, match="fingerprint"):
        store.put("../../evil", ["one"], vectors(1))


def clustered(count: int, dimension: int = 24) -> np.ndarray:
    """Vectors around a few centres, as pictures of a few subjects are."""
    random = np.random.default_rng(7)
    centres = random.standard_normal((12, dimension))[random.integers(0, 12, count)]
    drawn = centres + 0.6 * random.standard_normal((count, dimension))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


def test_an_index_finds_what_its_measured_recall_says(
    store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "INDEX_ROWS", 1500)
    ids, made = names(3000), clustered(3000)
    store.put(MODEL, ids, made)
    assert store.index_due(MODEL)
    report = store.index(MODEL)
    assert report == store.indexed(MODEL) and report.kind == "ivf_flat"
    assert report.queries == indexing.QUERIES and report.recall >= 0.95
    assert not store.index_due(MODEL)
    shared = []
    for asked in clustered(3100)[3000:]:
        near = store.search(MODEL, asked, 10)
        exact = store.search(MODEL, asked, 10, exact=True)
        shared.append(len({*near["content_id"].to_pylist(), *exact["content_id"].to_pylist()}))
        best = near["content_id"][0].as_py()
        expected = made[ids.index(best)] @ asked
        assert near["cosine"][0].as_py() == pytest.approx(expected, abs=1e-3)
    assert np.mean(shared) <= 10 * (2 - 0.9)


def test_texts_have_an_effort_of_their_own_and_are_searched_exactly_until_it_is_measured(
    store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "INDEX_ROWS", 1500)
    store.put(MODEL, names(3000), clustered(3000))
    assert store.measure_texts(MODEL, vectors(20, 24)) is None  # there is no index yet
    assert store.index(MODEL).text_probes is None
    texts = vectors(60, 24, seed=3)
    for asked in texts[:20]:
        exact = store.search(MODEL, asked, 10, exact=True)["content_id"].to_pylist()
        assert store.search(MODEL, asked, 10, text=True)["content_id"].to_pylist() == exact
    report = store.measure_texts(MODEL, texts[20:])
    assert report is not None and report == store.indexed(MODEL)
    assert report.texts == 40 and report.text_recall is not None and report.text_recall >= 0.95
    assert report.text_probes is not None and report.text_probes >= report.probes
    shared = [
        len(
            {*store.search(MODEL, asked, 10, text=True)["content_id"].to_pylist()}
            & {*store.search(MODEL, asked, 10, exact=True)["content_id"].to_pylist()}
        )
        for asked in texts[:20]
    ]
    assert np.mean(shared) >= 9


def test_vectors_put_after_the_index_are_found(
    store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "INDEX_ROWS", 1000)
    store.put(MODEL, names(1200), clustered(1200))
    store.index(MODEL)
    late = vectors(1, 24, seed=99)
    store.put(MODEL, ["late"], late)
    assert store.search(MODEL, late[0], 1)["content_id"].to_pylist() == ["late"]
    store.compact(MODEL)
    assert store.search(MODEL, late[0], 1)["content_id"].to_pylist() == ["late"]
    store.put(MODEL, [f"more {number}" for number in range(1200)], vectors(1200, 24))
    assert store.index_due(MODEL)


def test_an_index_is_searched_from_threads_and_from_within_an_event_loop_while_it_grows(
    store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "INDEX_ROWS", 1000)
    ids, made = names(1200), clustered(1200)
    store.put(MODEL, ids, made)
    store.index(MODEL)

    def best(number: int) -> str:
        found: str = store.search(MODEL, made[number], 1)["content_id"][0].as_py()
        return found

    async def within() -> list[str]:
        return [best(number) for number in range(20)]

    assert asyncio.run(within()) == ids[:20]
    with ThreadPoolExecutor(4) as threads:
        for late in range(3):
            store.put(MODEL, [f"late {late}"], vectors(1, 24, seed=90 + late))
            store.compact(MODEL)  # the index holds every row again, at a new version
            assert list(threads.map(best, range(40))) == ids[:40]
            assert store.search(MODEL, vectors(1, 24, seed=90 + late)[0], 1)[
                "content_id"
            ].to_pylist() == [f"late {late}"]


def test_a_small_store_is_searched_exactly_and_says_so(store: VectorStore) -> None:
    store.put(MODEL, names(10), vectors(10))
    assert store.indexed(MODEL) is None and not store.index_due(MODEL)
    report = store.index(MODEL)
    assert (report.kind, report.recall, report.rows) == ("exact", 1.0, 10)


def test_words_find_any_of_them_and_no_sign_is_special(store: VectorStore) -> None:
    ids = names(6)
    store.put(MODEL, ids, vectors(6))
    assert len(store.words(MODEL, "pilot", 5)) == 0
    words = ["Recon Pilot", "the dry-dock", "pilots of a dock", "", "50% (grey)", "naïve"]
    store.describe(MODEL, description(ids, words, stages=[["S1"], ["S3"]] * 3))

    def found(text: str, **more: object) -> list[str]:
        return store.words(MODEL, text, 5, **more)["content_id"].to_pylist()  # type: ignore[arg-type]

    assert found("recon pilot")[0] == ids[0]
    assert set(found("DOCK?!")) == {ids[1], ids[2]}
    assert found("dock", where=condition({"stages": ["S1"]})) == [ids[2]]
    assert found("dock", among=pa.array([ids[1], ids[5]])) == [ids[1]]
    assert found("naive") == [ids[5]]
    for signs in ('"', "a AND (", "words:*", "\\", "NOT -x ^2", "' OR 1=1", "%", "pilot" * 3000):
        assert ids[3] not in found(signs)
    store.describe(MODEL, description(ids[3:4], ["a lantern"]))
    assert found("lantern") == [ids[3]]


def test_shards_are_the_vectors_by_the_first_digit_of_their_hash(store: VectorStore) -> None:
    ids = [f"px:{digit}{number:063x}:1x1" for number in range(3) for digit in "f0a"]
    ids.append("as:" + "a" * 64)
    made = vectors(len(ids))
    store.put(MODEL, ids, made)
    shard = store.shard(MODEL, "a")
    assert shard.content_ids.to_pylist() == sorted(name for name in ids if name[3] == "a")
    order = [ids.index(name) for name in shard.content_ids.to_pylist()]
    assert np.array_equal(shard.rows, made[order].astype(np.float16))
    assert len(store.shard(MODEL, "1").rows) == len(store.shard(OTHER, "a").rows) == 0


def test_units_are_the_stored_vectors_at_length_one(store: VectorStore) -> None:
    ids, made = names(30), vectors(30)
    store.put(MODEL, ids, made)
    names_, near = store.units(MODEL, [ids[4], "px:unknown", ids[2], ids[4]])
    assert names_ == [ids[4], ids[2]]
    assert np.allclose(np.linalg.norm(near, axis=1), 1.0, atol=1e-6)
    assert np.allclose(near, made[[4, 2]], atol=1e-3)
    kept = store.get(MODEL, [ids[4]]).rows[0]  # still the bits that were put
    assert np.array_equal(kept, made[4].astype(np.float16))


def test_among_restricts_a_search_to_some_contents(store: VectorStore) -> None:
    ids, made = names(30), vectors(30)
    store.put(MODEL, ids, made)
    store.describe(MODEL, description(ids, [""] * 30, stages=[["S1"], ["S2"]] * 15))
    some = pa.array([*ids[3:9], "px:unknown"])
    found = store.search(MODEL, made[0], 20, among=some)
    assert sorted(found["content_id"].to_pylist()) == ids[3:9]
    found = store.search(MODEL, made[0], 20, condition({"stages": ["S1"]}), among=some)
    assert sorted(found["content_id"].to_pylist()) == [ids[4], ids[6], ids[8]]


def test_values_and_mark_of_a_table(store: VectorStore) -> None:
    assert store.values(MODEL, "stages") == () and store.marked(MODEL) is None
    store.put(MODEL, names(2), vectors(2))
    assert store.marked(MODEL) is None
    store.describe(MODEL, description(names(2), ["", ""], stages=[["S3", "S1"], ["S1"]]))
    store.mark(MODEL, "generation 3")
    store.put(MODEL, names(4), vectors(4))
    assert store.values(MODEL, "stages") == ("S1", "S3")
    assert store.marked(MODEL) == "generation 3"
