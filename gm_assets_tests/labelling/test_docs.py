"""docs/labels.md and docs/stores.md are true: their SQL runs, all columns are described."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gm_assets.library import Library
from gm_assets.stores.labels import VIEWS
from gm_assets_tests.library.files import rows

DOCS = Path(__file__).parents[2] / "docs"
LABELS = (DOCS / "labels.md").read_text("utf-8")
STORES = (DOCS / "stores.md").read_text("utf-8")


def test_the_query_of_the_document_runs(library: Library) -> None:
    queries = re.findall(r"```sql\n(.*?)```", LABELS, re.S)
    assert queries
    for query in queries:
        rows(library, query)
    wider = queries[0].replace("night-city", "dock").replace(">= 95", ">= 0")
    assert len(rows(library, wider)) == 12


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_has_the_columns_that_are_described(library: Library, view: str) -> None:
    (line,) = re.findall(rf"^\| `{view}` \|.*$", STORES, re.M)
    named = re.findall(r"`(\w+)`", line)[1:]
    cursor = library.catalogue()
    found = cursor.execute(f"select * from {view}").description
    assert found is not None
    assert [column[0] for column in found] == list(VIEWS[view])
    assert set(named) == set(VIEWS[view])
