"""The SQL against the rules written down naively, on random small libraries."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import HealthCheck, given, settings

from gm_assets.lineage.chains import data_version, stale_documents
from gm_assets.lineage.evidence import proven
from gm_assets.lineage.resolve import judge
from gm_assets.memory.record import STAGES
from gm_assets.stores import TableBuilder, Tables
from gm_assets.stores.catalogue import database
from gm_assets_tests.lineage import oracle
from gm_assets_tests.lineage.strategies import libraries
from gm_assets_tests.lineage.worlds import File, add


def built(files: list[File]) -> Tables:
    tables = add(TableBuilder(), files).build()
    assert isinstance(tables, Tables)
    return tables


def derived(tables: Tables) -> dict[str, pa.Table]:
    with database() as con:
        for name, rows in tables.named().items():
            con.register(f"raw_{name}", rows)
            where = "where speaks" if "speaks" in rows.column_names else ""
            con.execute(f"create view {name} as select * from raw_{name} {where}")
        return judge(con)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(libraries())
def test_documents_links_and_chains_follow_the_rules(files: list[File]):
    tables = built(files)
    expected = oracle.assets(files)
    found = {row["document_id"]: row for row in tables.assets.to_pylist() if row["speaks"]}
    assert found.keys() == expected.keys()
    for name, asset in expected.items():
        row = found[name]
        assert (row["path"], row["content_id"], row["altered"], row["verified"], row["copies"]) == (
            asset.path,
            asset.content_id,
            asset.altered,
            asset.verified,
            asset.copies,
        )
    result = derived(tables)
    judged = oracle.verdicts(expected)
    links = {(row["child"], row["ordinal"]): row for row in result["links"].to_pylist()}
    assert links.keys() == judged.keys()
    for key, verdict in judged.items():
        row = links[key]
        told = (row["resolution"], row["parent"], row["verified"], row["cyclic"])
        assert told == (verdict.resolution, verdict.parent, verdict.verified, verdict.cyclic)
        assert row["proven"] == proven(row["resolution"], row["basis"])
    stale = oracle.stale(judged)
    assert set(stale_documents(result["links"]).to_pylist()) == stale
    check_chains(tables, result["chains"], stale)


def check_chains(tables: Tables, chains: pa.Table, stale: set[str]) -> None:
    assets = {row["document_id"]: row for row in tables.assets.to_pylist() if row["speaks"]}
    placed: dict[tuple[str, int, str], set[str]] = {}
    for row in tables.placements.to_pylist():
        if row["speaks"]:
            place = (row["chain"], row["generation"], row["stage"])
            placed.setdefault(place, set()).add(row["document_id"])
    turns = {(chain, generation) for chain, generation, _ in placed}
    rows = {(r["chain"], r["generation"], r["stage"]): r for r in chains.to_pylist()}
    assert rows.keys() == {(*turn, stage) for turn in turns for stage in STAGES}
    for (chain, generation, stage), row in rows.items():
        here = placed.get((chain, generation, stage), set())
        reentered = placed.get((chain, generation - 1, "S5"), set()) & placed.get(
            (chain, generation, "S3"), set()
        )
        missing = "not_applicable" if reentered and stage in ("S1", "S2") else "gap"
        assert row["state"] == ("present" if here else missing)
        assert row["documents"] == len(here)
        assert row["stale"] == len(here & stale)
        assert row["altered"] == sum(assets[name]["altered"] for name in here)
        known = [assets[name]["content_id"] for name in here]
        assert row["data_version"] == data_version(filter(None, known))
        assert (row["primary_document"] in here) if here else row["primary_document"] is None
