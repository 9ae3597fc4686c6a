"""Vectors by shard and the vector store, on real libraries with tiny real models."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from gm_assets.definitions import defs
from gm_assets.defs.corpus.assets import catalogue, fingerprints
from gm_assets.defs.describing.assets import embeddings, vectors
from gm_assets.defs.describing.checks import every_picture_has_a_vector, retrieval_quality
from gm_assets.defs.labels.assets import facet_labels
from gm_assets.encoding import active_fingerprint
from gm_assets.errors import MissingExtra, ModelError
from gm_assets.library import Library, ingest
from gm_assets.memory.files import read_memory
from gm_assets_tests.defs import small

pytestmark = pytest.mark.usefixtures("first_model")

AUTOMATIC = {"dagster/from_automation_condition": "true"}
SHARDS = {"dagster/asset_partition_range_start": "0", "dagster/asset_partition_range_end": "f"}


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Three pictures and two sculpts that may not be written to: no memory, no vector."""
    return small.make(tmp_path / "library", managed=False)


def embed(
    library: Library,
    instance: dg.DagsterInstance,
    *,
    automatic: bool = False,
    into_files: bool = False,
) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [embeddings],
        instance=instance,
        resources={"library": small.resource(library)},
        tags={**SHARDS, **(AUTOMATIC if automatic else {})},
        run_config={"ops": {"embeddings": {"config": {"into_files": into_files}}}},
    )


def sync(
    library: Library, instance: dg.DagsterInstance, *, automatic: bool = False
) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [vectors, every_picture_has_a_vector, retrieval_quality],
        instance=instance,
        resources={"library": small.resource(library)},
        tags=AUTOMATIC if automatic else {},
    )


def metadata(result: dg.ExecuteInProcessResult) -> Mapping[str, Any]:
    (event,) = result.get_asset_materialization_events()
    return event.materialization.metadata


def verdicts(result: dg.ExecuteInProcessResult) -> dict[str, tuple[bool, str]]:
    return {
        e.check_name: (e.passed, e.description or "") for e in result.get_asset_check_evaluations()
    }


def total(result: dg.ExecuteInProcessResult, name: str) -> int:
    events = result.get_asset_materialization_events()
    return sum(event.materialization.metadata[name].value for event in events)


def version(instance: dg.DagsterInstance, asset: str) -> str | None:
    event = instance.get_latest_materialization_event(dg.AssetKey(asset))
    assert event is not None and event.asset_materialization is not None
    return (event.asset_materialization.tags or {}).get("dagster/data_version")


def test_a_run_gives_every_picture_a_vector_and_records_one_event_a_shard(
    library: Library, instance: dg.DagsterInstance
) -> None:
    result = embed(library, instance)
    events = result.get_asset_materialization_events()
    assert sorted(str(event.partition) for event in events) == list("0123456789abcdef")
    assert total(result, "pictures") == total(result, "new in this run") == 3
    assert total(result, "without a vector") == 0
    again = embed(library, instance)
    assert total(again, "new in this run") == 0
    for event in again.get_asset_materialization_events():
        assert "run: seconds" not in event.materialization.metadata  # no model was opened


def test_a_picture_that_cannot_be_taken_is_counted_with_its_reason(
    library: Library, instance: dg.DagsterInstance
) -> None:
    (library.root / "seam-keeper/S1/sketch.png").write_bytes(b"gone bad since it was read")
    result = embed(library, instance)
    assert result.success and total(result, "without a vector") == 1
    (reasons,) = [
        event.materialization.metadata["reasons"]
        for event in result.get_asset_materialization_events()
        if "reasons" in event.materialization.metadata
    ]
    assert reasons.records[0].data["pictures"] == 1


def test_vectors_go_into_files_when_asked_for(
    tmp_path: Path,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as without:
        without.setenv("GM_PROFILE", "none")
        library = small.make(tmp_path / "managed")
    sketch = library.root / "seam-keeper/S1/sketch.png"
    embed(library, instance)
    memory = read_memory(sketch).memory
    assert memory is not None and not memory.embeddings
    embed(library, instance, into_files=True)
    memory = read_memory(sketch).memory
    assert memory is not None and len(memory.embeddings) == 1


def test_an_automatic_run_records_only_shards_that_came_out_differently(
    library: Library, instance: dg.DagsterInstance
) -> None:
    embed(library, instance)
    assert not embed(library, instance, automatic=True).get_asset_materialization_events()
    small.add(library.root / "seam-keeper/S2/reference.png")
    ingest(library)
    result = embed(library, instance, automatic=True)
    assert len(result.get_asset_materialization_events()) == 1


def test_a_new_model_waits_for_a_person_and_its_check_names_the_backfill(
    library: Library,
    instance: dg.DagsterInstance,
    models: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    embed(library, instance)
    assert verdicts(sync(library, instance))["every_picture_has_a_vector"][0]
    monkeypatch.setenv("GM_MODELS", str(models / "second"))
    spec = library.encoder_spec()
    assert spec is not None
    assert not embed(library, instance, automatic=True).get_asset_materialization_events()
    assert not sync(library, instance, automatic=True).get_asset_materialization_events()
    assert library.vectors.count(active_fingerprint(spec)) == 0
    passed, said = verdicts(sync(library, instance))["every_picture_has_a_vector"]
    assert not passed and "embed_corpus" in said and "3 of 3 pictures" in said
    assert total(embed(library, instance), "new in this run") == 3
    result = sync(library, instance)
    assert verdicts(result)["every_picture_has_a_vector"][0]
    rows = [record.data for record in metadata(result)["models"].records]
    assert sorted((row["vectors"], row["active"]) for row in rows) == [(3, False), (3, True)]


def test_the_store_follows_the_catalogue_and_only_other_vectors_are_another_version(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    library = small.make(tmp_path / "managed")
    found = metadata(sync(library, instance))
    assert (found["dagster/row_count"].value, found["read from memories"].value) == (3, 3)
    assert (found["dimension"].value, found["recall@10 of the search"].value) == (24, 1.0)
    before = version(instance, "vectors")
    frame = library.root / "seam-keeper/S4/frame.png"
    frame.rename(library.root / "seam-keeper/S4/plate.png")
    ingest(library)
    sync(library, instance)
    assert version(instance, "vectors") == before
    (library.root / "seam-keeper/S4/plate.png").unlink()
    ingest(library)
    found = metadata(sync(library, instance))
    assert (found["dagster/row_count"].value, found["removed"].value) == (2, 1)
    assert version(instance, "vectors") != before


def test_a_stage_says_which_of_its_pictures_have_a_vector(
    library: Library, instance: dg.DagsterInstance
) -> None:
    from gm_assets.defs.stages.assets import chain_stages

    instance.add_dynamic_partitions("chains", ["seam-keeper.g01"])
    said = []
    for _ in range(2):
        result = dg.materialize(
            [chain_stages],
            instance=instance,
            partition_key="seam-keeper.g01",
            resources={"library": small.resource(library)},
        )
        said.append(
            {
                event.asset_key.to_user_string(): event.materialization.metadata["vectors"].value
                for event in result.get_asset_materialization_events()
                if event.asset_key is not None
            }
        )
    assert said[0]["s4_generative"] == "1 computed"
    assert said[1]["s4_generative"] == "1 known"


@pytest.mark.parametrize("lack", ["packages", "model"])
def test_without_a_model_a_person_is_told_why_and_dagster_itself_stays_quiet(
    library: Library,
    instance: dg.DagsterInstance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lack: str,
) -> None:
    if lack == "packages":
        monkeypatch.setitem(sys.modules, "torch", None)  # as where it is not installed
        error, words = MissingExtra, "gm-assets\\[ml\\]"
    else:
        (tmp_path / "models/encoder").mkdir(parents=True)
        monkeypatch.setenv("GM_MODELS", str(tmp_path / "models"))
        error, words = ModelError, "not sealed"
    for run in (embed, sync):
        with pytest.raises(error, match=words):
            run(library, instance)
        quiet = run(library, instance, automatic=True)  # type: ignore[operator]
        assert quiet.success and not quiet.get_asset_materialization_events()
    answer = every_picture_has_a_vector(small.resource(library))
    assert isinstance(answer, dg.AssetCheckResult) and not answer.passed


def test_without_a_profile_the_checks_do_not_apply(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GM_PROFILE", "none")
    for check in (every_picture_has_a_vector, retrieval_quality):
        answer = check(small.resource(library))
        assert isinstance(answer, dg.AssetCheckResult) and answer.passed
        assert "Not applicable" in (answer.description or "")


def test_retrieval_has_nothing_to_measure_where_no_demo_is(library: Library) -> None:
    answer = retrieval_quality(small.resource(library))
    assert isinstance(answer, dg.AssetCheckResult) and answer.passed
    assert "only the demo" in (answer.description or "")


def test_new_fingerprints_ask_for_vectors_and_a_new_store_for_labels(
    instance: dg.DagsterInstance,
) -> None:
    everything = defs()
    followers = dg.AssetSelection.assets(embeddings, vectors, facet_labels)
    instance.add_dynamic_partitions("facets", ["lights", "shots"])

    def evaluate(cursor: Any = None) -> dg.EvaluateAutomationConditionsResult:
        return dg.evaluate_automation_conditions(
            everything, instance, asset_selection=followers, cursor=cursor
        )

    def report(asset: str, partition: str | None = None, version: str = "1") -> None:
        tags = {"dagster/data_version": version}
        event = dg.AssetMaterialization(asset, partition=partition, tags=tags)
        instance.report_runless_asset_event(event)

    found = evaluate()
    assert found.total_requested == 0  # what was there before is not made again
    report(fingerprints.key.to_user_string(), "a")
    found = evaluate(found.cursor)
    assert found.get_requested_partitions(embeddings.key) == {"a"}
    report("embeddings", "a")
    report(catalogue.key.to_user_string())
    found = evaluate(found.cursor)
    assert found.get_num_requested(vectors.key) == 1
    report("vectors", version="1")
    found = evaluate(found.cursor)
    assert found.get_requested_partitions(dg.AssetKey("labels")) == {"lights", "shots"}
    for facet in ("lights", "shots"):
        report("labels", facet)
    report("vectors", version="1")  # titles changed, no vector
    found = evaluate(found.cursor)
    assert found.get_num_requested(dg.AssetKey("labels")) == 0
    report("vectors", version="2")
    found = evaluate(found.cursor)
    assert found.get_num_requested(dg.AssetKey("labels")) == 2
    assert found.get_num_requested(dg.AssetKey("vocabulary")) == 0
