"""The assets, jobs and sensor of the loop: what they record, show, check, and never do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from gm_assets.defs.lifting.assets import lifted_chains
from gm_assets.defs.lifting.jobs import loop_turn, reenter_accepted, verify_structures
from gm_assets.defs.lifting.sensors import reentry_sensor
from gm_assets.library import Library, accept
from gm_assets.making.lift_plans import LiftChanges
from gm_assets.making.lifting import lift_chain
from gm_assets.making.reentering import reenter
from gm_assets_tests.defs import small
from gm_assets_tests.library.files import paint_over
from gm_assets_tests.making.studio import make_leash, make_library
from gm_assets_tests.making.turntables import make_turntable

WATCHER, GATE = "watcher.g01", "gate.g01"
LIFTED = dg.AssetKey("lifted_structures")
HULL = LiftChanges(methods=("hull",), settings={"resolution": "32"})
CONFIG = {"methods": ["hull"], "settings": {"resolution": "32"}}
PLAN = """\
size: 128
steps: 1
frames: [{name: plates, views: [turntable: 4]}]
S5:
  methods: hull
  frames: plates
  settings: {hull: {resolution: 32}}
  agrees: 0.5
  turns: 2
  accept: plan
"""


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`watcher` has a turntable of eight, `gate` has no plates; vectors are off."""
    folder = tmp_path_factory.mktemp("lifting")
    library = make_library(folder / "library")
    make_turntable(library, views="turntable:8@5/30", side=64)
    config = library.root / "gm.toml"
    config.write_text(config.read_text() + '\n[encoder]\nprofile = "none"\n')
    (library.root / "plans").mkdir()
    make_leash(folder / "leash")
    return folder


@pytest.fixture
def library(tmp_path: Path, pattern: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """A copy of that library; the profile `embedded` has random weights."""
    monkeypatch.setenv("GM_MODELS", str(pattern))
    monkeypatch.setenv("GM_PROFILE", "")
    return Library.open(shutil.copytree(pattern / "library", tmp_path / "library"))


def materialize(
    library: Library,
    instance: dg.DagsterInstance,
    *chains: str,
    fails: bool = False,
    **config: Any,
) -> dg.ExecuteInProcessResult:
    """Lift the plates of a chain, or of the chains between two."""
    instance.add_dynamic_partitions("chains", [WATCHER, GATE])
    tags = {}
    if len(chains) > 1:
        tags = {
            "dagster/asset_partition_range_start": chains[0],
            "dagster/asset_partition_range_end": chains[-1],
        }
    result = dg.materialize(
        [lifted_chains],
        instance=instance,
        resources={"library": small.resource(library)},
        partition_key=chains[0] if len(chains) == 1 else None,
        tags=tags,
        run_config={"ops": {"lifted_chains": {"config": {**CONFIG, **config}}}},
        raise_on_error=not fails,
    )
    assert result.success is not fails
    return result


def checks(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str | None], bool]:
    return {
        (event.check_name, event.partition): event.passed
        for event in result.get_asset_check_evaluations()
        if event.asset_key == LIFTED
    }


def run(
    job: dg.JobDefinition,
    library: Library,
    instance: dg.DagsterInstance,
    config: dict[str, Any],
    *,
    fails: bool = False,
) -> dg.ExecuteInProcessResult:
    """Execute a job of one op."""
    (op,) = [node.name for node in job.graph.nodes]
    result = job.execute_in_process(
        run_config={"ops": {op: {"config": config}}},
        resources={"library": small.resource(library)},
        instance=instance,
        raise_on_error=not fails,
    )
    assert result.success is not fails
    return result


def test_structures_are_lifted_shown_and_recorded_with_their_stage(
    library: Library, instance: dg.DagsterInstance
) -> None:
    result = materialize(library, instance, WATCHER)
    found = {
        event.asset_key.to_user_string(): event.materialization
        for event in result.get_asset_materialization_events()
        if event.asset_key is not None
    }
    assert set(found) == {"lifted_structures", "s5_structure"}
    metadata = found["lifted_structures"].metadata
    picture = metadata["plate, hull, difference"].value
    assert len(picture) < 1000 and f"({small.WALK}/picture/" in picture
    name = picture.rpartition("/")[2].partition(".webp")[0]
    assert (library.state / "pictures" / f"{name}.webp").is_file()
    row = metadata["structures"].records[0].data
    assert (row["method"], row["state"], row["plates + held out"]) == ("hull", "made", "8 + 0")
    assert float(row["silhouette IoU"]) > 0.8 and row["geometry"] == "silhouettes"
    assert len(metadata["views, hull"].records) == 8
    assert metadata["recipe, hull"].value["step"] == "s5.hull"
    assert small.green(instance, "s5_structure") == {WATCHER}
    assert checks(result) == {("plan_followed", WATCHER): True, ("lift_agrees", WATCHER): True}
    before = small.versions(instance, "lifted_structures")
    again = materialize(library, instance, WATCHER)
    (event,) = [e for e in again.get_asset_materialization_events() if e.asset_key == LIFTED]
    assert event.materialization.metadata["made"].value == 0
    assert small.versions(instance, "lifted_structures") == before


def test_the_threshold_of_the_plan_decides_the_check_and_memories_answer_for_all(
    library: Library, instance: dg.DagsterInstance
) -> None:
    (library.root / "plans/watcher.yaml").write_text("S5: {agrees: 0.5}\n")
    assert checks(materialize(library, instance, WATCHER))["lift_agrees", WATCHER] is True
    (library.root / "plans/watcher.yaml").write_text("S5: {agrees: 0.99}\n")
    result = dg.materialize(
        [lifted_chains],
        instance=instance,
        selection=dg.AssetSelection.checks(dg.AssetCheckKey(LIFTED, "lift_agrees")),
        resources={"library": small.resource(library)},
    )
    (found,) = result.get_asset_check_evaluations()
    assert (found.passed, found.partition) == (False, None)
    assert found.metadata["structures"].records[0].data["at least"] == "0.99"


def test_a_gap_is_observed_and_a_fault_of_one_chain_leaves_the_others(
    library: Library, instance: dg.DagsterInstance
) -> None:
    (library.root / "plans/watcher.yaml").write_text("S5: {agrees: much}\n")
    result = materialize(library, instance, WATCHER, GATE)
    (event,) = result.get_asset_observation_events()
    assert event.asset_observation_data.asset_observation.partition == GATE
    found = checks(result)
    assert found["plan_followed", WATCHER] is False and found["plan_followed", None] is False
    assert small.green(instance, "lifted_structures") == set()


def test_a_chain_that_fails_alone_fails_its_run(
    library: Library, instance: dg.DagsterInstance
) -> None:
    for path in (library.root / "watcher/turntable").glob("*.png"):
        paint_over(path, seed=1)
    result = materialize(library, instance, WATCHER, fails=True)
    assert checks(result)["plan_followed", WATCHER] is False
    assert not (library.root / "watcher/structure").exists()


def test_a_job_turns_a_chain_twice_by_its_plan_and_records_both_generations(
    library: Library, instance: dg.DagsterInstance
) -> None:
    (library.root / "plans/watcher.yaml").write_text(PLAN)
    result = run(loop_turn, library, instance, {"chains": [WATCHER]})
    second = "watcher.g02"
    assert second in instance.get_dynamic_partitions("chains")
    for asset in ("shaded_frames", "lifted_structures", "s3_sculpt", "s4_generative"):
        assert {WATCHER, second} <= small.green(instance, asset), asset
    assert small.green(instance, "reentry_mesh") == {second}
    events = [e for e in result.get_asset_materialization_events() if e.asset_key == LIFTED]
    first_turn, second_turn = (event.materialization.metadata for event in events)
    assert "persistence" in second_turn and "persistence" not in first_turn
    assert len(second_turn["shapes"].records) == 3
    again = run(loop_turn, library, instance, {"chains": [WATCHER]})
    made = [
        event.materialization.metadata["made"].value
        for event in again.get_asset_materialization_events()
        if event.asset_key == LIFTED
    ]
    assert made == [0, 0] and "watcher.g03" not in instance.get_dynamic_partitions("chains")


def tick(
    library: Library, instance: dg.DagsterInstance, cursor: str | None
) -> tuple[list[dg.RunRequest], str]:
    context = dg.build_sensor_context(
        instance=instance, cursor=cursor, resources={"library": small.resource(library)}
    )
    result = reentry_sensor(context)
    assert isinstance(result, dg.SensorResult) and result.cursor is not None
    return list(result.run_requests or []), result.cursor


def test_the_sensor_sees_an_acceptance_once_and_its_run_begins_the_generation(
    library: Library, instance: dg.DagsterInstance
) -> None:
    (structure,) = lift_chain(library, "watcher", HULL).structures
    path = str(structure.kept.path)
    requests, cursor = tick(library, instance, None)
    assert not requests
    requests, cursor = tick(library, instance, cursor)
    assert not requests, "nobody accepted anything"
    accept(library, library.root / path, person="Ida", note="it holds")
    (request,), cursor = tick(library, instance, cursor)
    assert request.run_config["ops"]["reenter_listed_files"]["config"] == {"files": [path]}
    assert not tick(library, instance, cursor)[0], "an acceptance is acted on once"
    config = request.run_config["ops"]["reenter_listed_files"]["config"]
    result = run(reenter_accepted, library, instance, config)
    assert small.green(instance, "reentry_mesh") == {"watcher.g02"}
    assert small.green(instance, "s3_sculpt") == {"watcher.g02"}
    assert not small.green(instance, "s4_generative"), "nothing is generated by a sensor"
    (event,) = [
        e for e in result.get_asset_materialization_events()
        if e.asset_key == dg.AssetKey("reentry_mesh")
    ]  # fmt: skip
    assert event.materialization.metadata["accepted by"].value == "Ida; it holds"
    assert json.loads(tick(library, instance, cursor)[1]) == []


def test_the_first_tick_records_what_was_accepted_before(
    library: Library, instance: dg.DagsterInstance
) -> None:
    (structure,) = lift_chain(library, "watcher", HULL).structures
    accept(library, library.root / str(structure.kept.path), person="Ida")
    requests, cursor = tick(library, instance, None)
    assert not requests and len(json.loads(cursor)) == 1
    assert not tick(library, instance, cursor)[0]
    assert not tick(library, instance, "damaged")[0]


def test_a_refused_re_entry_fails_its_run_with_the_reason(
    library: Library, instance: dg.DagsterInstance
) -> None:
    (first,) = lift_chain(library, "watcher", HULL).structures
    more = LiftChanges(methods=("hull",), settings={"resolution": "24"})
    (other,) = lift_chain(library, "watcher", more).structures
    paths = [str(one.kept.path) for one in (first, other)]
    for path in paths:
        accept(library, library.root / path, person="Ida")
    reenter(library, library.root / paths[0])
    result = run(reenter_accepted, library, instance, {"files": paths}, fails=True)
    assert small.green(instance, "reentry_mesh") == {"watcher.g02"}
    (failure,) = [e for e in result.all_events if e.is_step_failure]
    assert "has its sculpt already" in str(failure.step_failure_data.user_failure_data)


def test_the_pool_of_the_models_is_named() -> None:
    assert lifted_chains.op.pool == "gpu"
    (turning,) = loop_turn.graph.nodes
    assert turning.definition.pool == "gpu"  # type: ignore[attr-defined]


def test_structures_that_were_lifted_elsewhere_are_verified_and_recorded(
    library: Library, instance: dg.DagsterInstance
) -> None:
    (library.root / "plans/watcher.yaml").write_text(
        "S5:\n  methods: hull\n  settings: {hull: {resolution: 32}}\n"
    )
    run(verify_structures, library, instance, {})
    assert small.green(instance, "lifted_structures") == set()
    lift_chain(library, WATCHER)
    before = sorted(library.root.rglob("*.glb"))
    run(verify_structures, library, instance, {})
    assert small.green(instance, "lifted_structures") == {WATCHER}
    assert sorted(library.root.rglob("*.glb")) == before
