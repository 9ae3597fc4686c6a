"""The library sensor, tick by tick, on real libraries and a real (in-memory) instance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from gm_assets.definitions import defs
from gm_assets.defs.library.look import scan_within
from gm_assets.defs.library.sensors import library_sensor
from gm_assets.defs.library.watch import Cursor
from gm_assets.defs.stages.jobs import verify_chains
from gm_assets.library import Library, ingest, refresh
from gm_assets.memory.files import read_memory
from gm_assets_tests.defs import small

SEAM, SPIRE = "seam-keeper.g01", "fluted-spire.g01"


@cache
def load() -> dg.Definitions:
    return defs()


@dataclass
class Studio:
    """A library, an instance, and what the daemon would do with a tick's answer."""

    library: Library
    instance: dg.DagsterInstance
    cursor: str | None = None

    @cached_property
    def definitions(self) -> dg.Definitions:
        """The code location, on this library."""
        loaded = load()
        return dg.Definitions.merge(
            dg.Definitions(
                assets=loaded.assets,
                asset_checks=loaded.asset_checks,
                jobs=loaded.jobs,
                executor=dg.in_process_executor,
            ),
            dg.Definitions(resources={"library": small.resource(self.library)}),
        )

    def tick(self) -> dg.SensorResult:
        """Evaluate the sensor once and apply its cursor and partitions."""
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            resources={"library": small.resource(self.library)},
        )
        result = library_sensor(context)
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        for request in result.dynamic_partitions_requests or ():
            assert isinstance(request, dg.AddDynamicPartitionsRequest)
            self.instance.add_dynamic_partitions("chains", list(request.partition_keys))
        return result

    def run(self, result: dg.SensorResult) -> None:
        """Run what a tick asked for."""
        for request in result.run_requests or ():
            job = self.definitions.resolve_job_def(request.job_name or "")
            done = job.execute_in_process(
                instance=self.instance,
                run_config=request.run_config,
                partition_key=request.partition_key,
                asset_selection=request.asset_selection,
            )
            assert done.success

    def verify_everything(self) -> None:
        """What `make up` does: the manifest job over all chains."""
        verify_chains.execute_in_process(
            instance=self.instance, resources={"library": small.resource(self.library)}
        )

    def settle(self) -> None:
        """Ticks and runs until the sensor has nothing more to ask for."""
        for _ in range(6):
            result = self.tick()
            self.run(result)
            if not result.run_requests and Cursor.parse(self.cursor).phase == "watching":
                return
        pytest.fail("the sensor does not come to rest")


def asked(result: dg.SensorResult) -> dict[str | None, set[str]]:
    """Chain to stages that a tick asked to verify, each in a run of its own."""
    return {
        request.partition_key: {key.to_user_string() for key in request.asset_selection or ()}
        for request in result.run_requests or ()
        if request.job_name == "verify_chain"
    }


def jobs(result: dg.SensorResult) -> list[str | None]:
    """The jobs that a tick asked for."""
    return [request.job_name for request in result.run_requests or ()]


@pytest.fixture
def studio(tmp_path: Path, instance: dg.DagsterInstance) -> Studio:
    """A library that is catalogued and recorded, with the sensor at rest."""
    made = Studio(small.make(tmp_path / "library"), instance)
    made.verify_everything()
    made.settle()
    return made


def test_the_first_tick_records_and_starts_nothing(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    studio = Studio(small.make(tmp_path / "library"), instance)
    first = studio.tick()
    assert not first.run_requests
    assert set(instance.get_dynamic_partitions("chains")) == {SEAM, SPIRE}
    assert not studio.tick().run_requests


def test_a_library_that_was_never_ingested_is_taken_in_before_anything_else(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    studio = Studio(small.make(tmp_path / "library", ingested=False), instance)
    first = studio.tick()
    assert jobs(first) == ["ingest_library"]
    assert not studio.tick().run_requests  # asked for once
    studio.run(first)
    assert not studio.tick().run_requests
    assert set(instance.get_dynamic_partitions("chains")) == {SEAM, SPIRE}
    assert small.green(instance, "s3_sculpt") == set()


def test_a_library_at_rest_starts_nothing(studio: Studio) -> None:
    assert not studio.tick().run_requests
    assert not studio.tick().run_requests


def test_a_new_file_starts_exactly_its_stage(studio: Studio) -> None:
    small.add(studio.library.root / "seam-keeper/S2/reference.png")
    result = studio.tick()
    assert asked(result) == {SEAM: {"s2_reference"}}
    studio.run(result)
    assert small.green(studio.instance, "s2_reference") == {SEAM}
    assert not studio.tick().run_requests


def test_a_new_chain_becomes_a_partition_and_is_verified(studio: Studio) -> None:
    small.add(studio.library.root / "ring-freighter/S3/mesh.glb")
    result = studio.tick()
    assert asked(result) == {"ring-freighter.g01": {"s3_sculpt"}}
    assert "ring-freighter.g01" in studio.instance.get_dynamic_partitions("chains")
    studio.run(result)
    assert "ring-freighter.g01" in small.green(studio.instance, "s3_sculpt")
    assert not studio.tick().run_requests


def test_a_changed_picture_takes_its_stage_off_green(studio: Studio) -> None:
    small.paint(studio.library.root / "seam-keeper/S4/frame.png", "an edit")
    result = studio.tick()
    assert asked(result) == {SEAM: {"s4_generative"}}
    studio.run(result)
    assert small.green(studio.instance, "s4_generative") == set()
    assert small.green(studio.instance, "s3_sculpt") == {SEAM, SPIRE}
    assert not studio.tick().run_requests


def test_a_vanished_file_wipes_exactly_its_stage(studio: Studio) -> None:
    (studio.library.root / "fluted-spire/S3/mesh.glb").unlink()
    result = studio.tick()
    assert asked(result) == {SPIRE: {"s3_sculpt"}}
    studio.run(result)
    assert small.green(studio.instance, "s3_sculpt") == {SEAM}
    assert not studio.tick().run_requests


def test_a_moved_file_is_recorded_at_its_new_place(studio: Studio) -> None:
    old = studio.library.root / "seam-keeper/S4/frame.png"
    new = studio.library.root / "archive/anything.png"
    new.parent.mkdir()
    old.rename(new)
    result = studio.tick()
    assert asked(result) == {SEAM: {"s4_generative"}}
    studio.run(result)
    event = studio.instance.get_latest_materialization_event(dg.AssetKey("s4_generative"))
    assert event is not None and event.asset_materialization is not None
    assert event.asset_materialization.metadata["file"].value == str(new)
    assert not studio.tick().run_requests


def test_a_picture_in_no_chain_is_only_taken_in(studio: Studio) -> None:
    small.add(studio.library.root / "loose.png")
    result = studio.tick()
    assert jobs(result) == ["ingest_library"]
    studio.run(result)
    assert not studio.tick().run_requests


def test_an_unreadable_file_is_asked_for_once(studio: Studio) -> None:
    (studio.library.root / "seam-keeper/S2").mkdir()
    (studio.library.root / "seam-keeper/S2/reference.png").write_bytes(b"no picture")
    studio.run(studio.tick())
    assert not studio.tick().run_requests
    assert studio.library.store.read("quarantine").num_rows == 1


def test_our_own_writes_do_not_come_back(studio: Studio) -> None:
    path = small.add(studio.library.root / "seam-keeper/S2/reference.png")
    assert read_memory(path).memory is None
    studio.run(studio.tick())
    assert read_memory(path).memory is not None
    assert not studio.tick().run_requests


def test_an_unmanaged_library_is_catalogued_and_never_written(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    studio = Studio(small.make(tmp_path / "library", managed=False), instance)
    studio.verify_everything()
    studio.settle()
    path = small.add(studio.library.root / "seam-keeper/S2/reference.png")
    before = path.read_bytes()
    studio.run(studio.tick())
    assert path.read_bytes() == before
    assert small.green(instance, "s2_reference") == {SEAM}
    assert not studio.tick().run_requests


def test_a_file_is_left_alone_until_it_has_settled(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    studio = Studio(small.make(tmp_path / "library"), instance)
    studio.settle()
    toml = studio.library.root / "gm.toml"
    toml.write_text(toml.read_text("utf-8").replace("settle_seconds = 0", "settle_seconds = 3600"))
    small.add(studio.library.root / "seam-keeper/S2/reference.png")
    assert not studio.tick().run_requests
    toml.write_text(toml.read_text("utf-8").replace("settle_seconds = 3600", "settle_seconds = 0"))
    assert asked(studio.tick()) == {SEAM: {"s2_reference"}}


def test_an_ingest_from_the_command_line_is_noticed(studio: Studio) -> None:
    small.add(studio.library.root / "seam-keeper/S2/reference.png")
    ingest(studio.library)
    result = studio.tick()
    assert asked(result) == {SEAM: {"s2_reference"}}
    assert reported(result) == ["library_files"]


def test_a_file_that_was_only_fingerprinted_still_gets_its_memory(studio: Studio) -> None:
    path = small.add(studio.library.root / "seam-keeper/S2/reference.png")
    loose = small.add(studio.library.root / "loose.png")
    refresh(studio.library)
    result = studio.tick()
    assert asked(result) == {SEAM: {"s2_reference"}}
    studio.run(result)
    assert read_memory(path).memory is not None and read_memory(loose).memory is not None
    assert not studio.tick().run_requests


def test_many_chains_share_one_run(studio: Studio) -> None:
    for number in range(21):
        small.add(studio.library.root / f"hull-{number:02d}/S1/sketch.png")
    result = studio.tick()
    assert jobs(result) == ["verify_chains"]
    studio.run(result)
    assert len(small.green(studio.instance, "s1_sketch")) == 22
    assert not studio.tick().run_requests


def test_a_chain_whose_run_is_not_finished_waits(studio: Studio) -> None:
    started = studio.instance.create_run_for_job(
        studio.definitions.resolve_job_def("verify_chain"),
        tags={"dagster/partition": SEAM},
        status=dg.DagsterRunStatus.STARTED,
    )
    small.add(studio.library.root / "seam-keeper/S2/reference.png")
    small.add(studio.library.root / "fluted-spire/S1/sketch.png")
    assert asked(studio.tick()) == {SPIRE: {"s1_sketch"}}
    studio.instance.report_run_canceled(started)
    assert asked(studio.tick()) == {SEAM: {"s2_reference"}}


def test_what_a_run_takes_in_is_seen_on_the_files(studio: Studio) -> None:
    small.add(studio.library.root / "seam-keeper/S2/reference.png")
    studio.run(studio.tick())
    (record,) = studio.instance.fetch_observations(dg.AssetKey("library_files"), limit=1).records
    assert record.asset_observation is not None
    rows: Any = record.asset_observation.metadata["changes"].records
    assert [row.data["file"] for row in rows] == ["seam-keeper/S2/reference.png"]


def test_each_generation_of_the_store_is_reported_once(studio: Studio) -> None:
    assert not studio.tick().asset_events
    small.add(studio.library.root / "seam-keeper/S2/reference.png")
    first = studio.tick()
    assert not first.asset_events  # the files are not in the store yet
    studio.run(first)
    assert reported(studio.tick()) == ["library_files"]
    assert reported(studio.tick()) == []


def reported(result: dg.SensorResult) -> list[str]:
    return [event.asset_key.to_user_string() for event in result.asset_events]


def test_a_missing_library_is_said_and_starts_nothing(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    made: Callable[[Path], Library] = small.make
    library = made(tmp_path / "library")
    (library.root / "gm.toml").unlink()
    context = dg.build_sensor_context(
        instance=instance, resources={"library": small.resource(library)}
    )
    answer = library_sensor(context)
    assert isinstance(answer, dg.SkipReason)
    assert "gm init" in (answer.skip_message or "")


def test_a_library_too_slow_for_one_tick_is_seen_folder_by_folder(tmp_path: Path) -> None:
    library = small.make(tmp_path / "library")
    for folder in ("fluted-spire", "seam-keeper", "wreck"):
        small.add(library.root / folder / "S2/reference.png")
    (library.root / "seam-keeper/S4/frame.png").unlink()
    cursor, new, gone = Cursor(slow=True), [], []
    for _ in range(3):
        changes, cursor = scan_within(library, cursor, budget_s=0)
        new += [entry.path for entry in changes.new]
        gone += changes.vanished
    assert sorted(new) == [
        f"{folder}/S2/reference.png" for folder in ("fluted-spire", "seam-keeper", "wreck")
    ]
    assert gone == ["seam-keeper/S4/frame.png"]
    assert cursor.slow
    _, cursor = scan_within(library, cursor)
    assert not cursor.slow


def test_a_damaged_cursor_starts_over() -> None:
    for text in ("", "[]", "{", '{"phase": 3, "else": 1}', "null"):
        assert Cursor.parse(text) == Cursor()
    kept = Cursor("watching", 7, ("a", "b"), (("x.g01", "S1"),), "d", 3, True, "shots")
    assert Cursor.parse(kept.text()) == kept
