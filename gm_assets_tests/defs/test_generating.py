"""The assets that make frames: what they record, show and check, and what stays a gap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from gm_assets.defs.generating.assets import shaded_chains
from gm_assets.defs.generating.jobs import verify_frames
from gm_assets.library import Library
from gm_assets.making.frames import NotMade
from gm_assets.making.generating import generate, verify
from gm_assets.making.plans import Changes
from gm_assets_tests.defs import small
from gm_assets_tests.library.files import paint_over
from gm_assets_tests.making.studio import make_leash, make_library

WATCHER, GATE = "watcher.g01", "gate.g01"
FRAMES = dg.AssetKey("shaded_frames")
SMALL = {"size": "128", "steps": 2}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models whose leash has random weights."""
    folder = tmp_path_factory.mktemp("generating")
    make_leash(folder / "leash")
    return folder


@pytest.fixture
def library(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """The chains `watcher` and `gate`; the profile `embedded` has random weights.

    Vectors are off: there is no encoder beside them.
    """
    monkeypatch.setenv("GM_MODELS", str(weights))
    library = make_library(tmp_path / "library")
    config = library.root / "gm.toml"
    config.write_text(config.read_text() + '\n[encoder]\nprofile = "none"\n')
    monkeypatch.setenv("GM_PROFILE", "")
    (library.root / "plans").mkdir()
    return Library.open(library.root)


def materialize(
    library: Library,
    instance: dg.DagsterInstance,
    *chains: str,
    asset: dg.AssetKey = FRAMES,
    fails: bool = False,
    **config: Any,
) -> dg.ExecuteInProcessResult:
    """Make frames of a chain, or of the chains between two."""
    instance.add_dynamic_partitions("chains", [WATCHER, GATE])
    tags = {}
    if len(chains) > 1:
        tags = {
            "dagster/asset_partition_range_start": chains[0],
            "dagster/asset_partition_range_end": chains[-1],
        }
    result = dg.materialize(
        [shaded_chains],
        instance=instance,
        selection=[asset],
        resources={"library": small.resource(library)},
        partition_key=chains[0] if len(chains) == 1 else None,
        tags=tags,
        run_config={"ops": {"shaded_chains": {"config": {**SMALL, **config}}}},
        raise_on_error=not fails,
    )
    assert result.success is not fails
    return result


def checks(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str | None], bool]:
    return {
        (event.check_name, event.partition): event.passed
        for event in result.get_asset_check_evaluations()
        if event.asset_key == FRAMES
    }


def test_frames_are_made_shown_and_recorded_with_their_stages(
    library: Library, instance: dg.DagsterInstance
) -> None:
    result = materialize(library, instance, WATCHER, seeds=[1, 2])
    found = {
        event.asset_key.to_user_string(): event.materialization
        for event in result.get_asset_materialization_events()
        if event.asset_key is not None
    }
    assert set(found) == {"shaded_frames", "s3_sculpt", "s4_generative"}
    metadata = found["shaded_frames"].metadata
    picture = metadata["passes and frames"].value
    assert len(picture) < 1000 and f"({small.WALK}/picture/" in picture
    name = picture.rpartition("/")[2].partition(".webp")[0]
    assert (library.state / "pictures" / f"{name}.webp").is_file()
    assert metadata["made"].value == 2 and len(metadata["frames"].records) == 2
    assert metadata["recipe of the first frame"].value["step"] == "s4.shade"
    assert small.green(instance, "shaded_frames") == {WATCHER}
    assert small.green(instance, "s4_generative") == {WATCHER}
    assert found["s4_generative"].metadata["documents"].value == 2


def test_what_is_there_is_verified_under_the_same_data_version(
    library: Library, instance: dg.DagsterInstance
) -> None:
    materialize(library, instance, WATCHER)
    before = small.versions(instance, "shaded_frames")
    result = materialize(library, instance, WATCHER)
    (event,) = [e for e in result.get_asset_materialization_events() if e.asset_key == FRAMES]
    assert event.materialization.metadata["made"].value == 0
    assert small.versions(instance, "shaded_frames") == before


def test_obedience_is_a_check_and_random_weights_fail_it(
    library: Library, instance: dg.DagsterInstance
) -> None:
    result = materialize(library, instance, WATCHER)
    assert checks(result) == {
        ("plan_followed", WATCHER): True,
        ("obeys_what_it_was_made_from", WATCHER): False,
    }
    (failing,) = [e for e in result.get_asset_check_evaluations() if not e.passed]
    row = failing.metadata["frames"].records[0].data
    assert row["verdict"] in ("disobeyed", "unread") and row["null"]


def test_executing_the_check_asks_the_memories_of_all_frames(
    library: Library, instance: dg.DagsterInstance
) -> None:
    materialize(library, instance, WATCHER)
    materialize(library, instance, GATE)
    result = dg.materialize(
        [shaded_chains],
        instance=instance,
        selection=dg.AssetSelection.checks(dg.AssetCheckKey(FRAMES, "obeys_what_it_was_made_from")),
        resources={"library": small.resource(library)},
    )
    (found,) = result.get_asset_check_evaluations()
    assert (found.passed, found.partition) == (False, None)
    assert found.description is not None and "of 2 frames" in found.description
    assert {row.data["chain"] for row in found.metadata["frames"].records} == {WATCHER, GATE}
    assert not result.get_asset_materialization_events()


def test_one_chain_that_fails_does_not_stop_the_others(
    library: Library, instance: dg.DagsterInstance
) -> None:
    (library.root / "plans/watcher.yaml").write_text("views: [nowhere]\n")
    result = materialize(library, instance, WATCHER, GATE)
    assert small.green(instance, "shaded_frames") == {GATE}
    found = checks(result)
    assert found["plan_followed", WATCHER] is False and found["plan_followed", GATE] is True
    assert found["plan_followed", None] is False
    (reason,) = [
        e.description
        for e in result.get_asset_check_evaluations()
        if (e.check_name, e.partition) == ("plan_followed", WATCHER)
    ]
    assert reason is not None and "watcher.yaml:1:9: there is no view 'nowhere'" in reason


def test_a_chain_that_fails_alone_fails_its_run(
    library: Library, instance: dg.DagsterInstance
) -> None:
    result = materialize(library, instance, WATCHER, fails=True, size="132")
    assert checks(result)["plan_followed", WATCHER] is False
    assert small.green(instance, "shaded_frames") == set()


def test_an_edited_frame_fails_and_stays(library: Library, instance: dg.DagsterInstance) -> None:
    materialize(library, instance, WATCHER)
    (frame,) = (library.root / "watcher/frames").glob("*.png")
    paint_over(frame, seed=3)
    edited = frame.read_bytes()
    result = materialize(library, instance, WATCHER, fails=True)
    assert checks(result)["plan_followed", WATCHER] is False
    assert frame.read_bytes() == edited


def test_a_chain_without_a_sketch_is_observed_and_stays_a_gap(
    library: Library, instance: dg.DagsterInstance
) -> None:
    asset = dg.AssetKey("shaded_references")
    result = materialize(library, instance, GATE, asset=asset)
    (event,) = result.get_asset_observation_events()
    assert (
        "Nothing was drawn" in event.asset_observation_data.asset_observation.metadata["gap"].text
    )
    assert small.green(instance, "shaded_references") == set()


def test_frames_that_somebody_made_are_verified_and_recorded_and_none_is_made(
    library: Library, instance: dg.DagsterInstance
) -> None:
    """As `gm up` does: the demo made frames before Dagster knew of them."""
    (library.root / "plans/watcher.yaml").write_text("S4: {size: 128, steps: 2}\n")
    generate(library, "watcher", "S4")
    before = {path: path.stat().st_mtime_ns for path in library.root.rglob("*.png")}
    result = verify_frames.execute_in_process(
        instance=instance, resources={"library": small.resource(library)}
    )
    (event,) = [event for event in result.all_events if event.is_step_materialization]
    assert (event.asset_key, event.partition) == (FRAMES, WATCHER)
    assert event.materialization.metadata["made"].value == 0
    assert small.green(instance, "shaded_frames") == {WATCHER}
    assert small.green(instance, "shaded_references") == set()
    assert {path: path.stat().st_mtime_ns for path in library.root.rglob("*.png")} == before


def test_a_plan_that_asks_for_more_than_there_is_stays_open(
    library: Library, instance: dg.DagsterInstance
) -> None:
    (library.root / "plans/watcher.yaml").write_text("S4: {size: 128, steps: 2, seeds: [1, 2]}\n")
    generate(library, "watcher", "S4", Changes(seeds=(1,)))
    resources = {"library": small.resource(library)}
    assert verify_frames.execute_in_process(instance=instance, resources=resources).success
    assert small.green(instance, "shaded_frames") == set()
    with pytest.raises(NotMade, match="1 frame more"):
        verify(library, "watcher", "S4")


def test_the_pool_of_the_models_is_named() -> None:
    assert shaded_chains.op.pool == "gpu"


def test_the_launchpad_changes_what_is_made(library: Library, instance: dg.DagsterInstance) -> None:
    result = materialize(library, instance, WATCHER, prompt="night city", views=["front"])
    (event,) = [e for e in result.get_asset_materialization_events() if e.asset_key == FRAMES]
    metadata = event.materialization.metadata
    assert metadata["prompt"].value.startswith("night city")
    assert metadata["frames"].records[0].data["view"] == "front"
