"""docs/stores.md and docs/lineage.md must be true: their SQL runs, their columns exist."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from gm_assets.lineage.evidence import Resolution
from gm_assets.stores.schema import TABLES, VOICE_COLUMNS
from gm_assets_tests.lineage.worlds import File, link, memory, place, store_of

DOCS = Path(__file__).parents[2] / "docs"
STORES = (DOCS / "stores.md").read_text()
LINEAGE = (DOCS / "lineage.md").read_text()
QUERIES = [
    query for text in (STORES, LINEAGE) for query in re.findall(r"```sql\n(.*?)```", text, re.S)
]


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory) -> Path:
    mesh = memory("mesh", "m1", placements=(place("keeper", "S3", "mesh"),))
    plate = memory(
        "plate",
        "p1",
        link("mesh", holds="m1"),
        link("lost", holds="x"),
        placements=(place("keeper", "S4"), place("gate", "S4")),
    )
    files = [
        File("mesh.png", mesh, "m1"),
        File("plate.png", plate, "p1"),
        File("copy.png", plate, "p1"),
    ]
    return store_of(tmp_path_factory.mktemp("docs") / "store", files).refresh_catalogue()


def test_the_documents_have_queries():
    assert len(QUERIES) >= 9


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_in_the_documents_runs(catalogue, query):
    with duckdb.connect(str(catalogue), read_only=True) as con:
        con.execute(query).fetchall()


def test_the_queries_find_what_they_ask_for(catalogue):
    gaps, proven, waiting, same, *_ = QUERIES
    with duckdb.connect(str(catalogue), read_only=True) as con:
        assert len(con.execute(gaps).fetchall()) == 7
        assert con.execute(proven).fetchall() == [("gate", 2, 1), ("keeper", 2, 1)]
        assert [row[1] for row in con.execute(waiting).fetchall()] == [1]
        assert [row[1] for row in con.execute(same).fetchall()] == [["copy.png", "plate.png"]]


@pytest.mark.parametrize("table", TABLES)
def test_every_table_and_column_is_described(table):
    section = re.search(rf"^### {table}\n(.*?)(?=^##)", STORES, re.S | re.M)
    assert section is not None
    described = set(re.findall(r"`(\w+)`", section[1]))
    columns = set(TABLES[table].names) - (set(VOICE_COLUMNS) - {"voice"})
    if table != "files":
        columns.discard("voice")
    assert columns <= described


def test_every_resolution_is_explained():
    for resolution in Resolution:
        assert f"## {resolution}\n" in LINEAGE
