"""The vocabulary and its labels: recorded by facet, and an edit touches its facet alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest

from gm_assets.definitions import defs
from gm_assets.defs.labels.assets import facet_labels
from gm_assets.defs.labels.jobs import describe_library
from gm_assets.defs.labels.metadata import bars
from gm_assets.defs.labels.reading import read_words
from gm_assets.defs.labels.sensors import vocabulary_sensor
from gm_assets.encoding import active_fingerprint
from gm_assets.labelling import Labelled
from gm_assets.library import Library, ingest
from gm_assets_tests.defs import small
from gm_assets_tests.defs.test_vocabulary_watch import LIGHTS, SHOTS, write


@dataclass
class Studio:
    """A library with two facets, an instance, and what the daemon would do with a tick."""

    library: Library
    instance: dg.DagsterInstance
    cursor: str | None = None

    def tick(self) -> dg.SensorResult:
        """Evaluate the sensor once and apply its answer, as the daemon does."""
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            resources={"library": small.resource(self.library)},
        )
        result = vocabulary_sensor(context)
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        for request in result.dynamic_partitions_requests or ():
            keys = list(request.partition_keys)
            if isinstance(request, dg.AddDynamicPartitionsRequest):
                self.instance.add_dynamic_partitions("facets", keys)
            else:
                for key in keys:
                    self.instance.delete_dynamic_partition("facets", key)
        for event in result.asset_events:
            self.instance.report_runless_asset_event(event)  # type: ignore[arg-type]
        return result

    def run(self, result: dg.SensorResult) -> list[dg.ExecuteInProcessResult]:
        """Run what a tick asked for, by the jobs that it named."""
        loaded = defs()
        definitions = dg.Definitions.merge(
            dg.Definitions(assets=loaded.assets, jobs=loaded.jobs),
            dg.Definitions(resources={"library": small.resource(self.library)}),
        )
        return [
            definitions.resolve_job_def(request.job_name or "").execute_in_process(
                instance=self.instance,
                run_config=request.run_config,
                partition_key=request.partition_key,
                asset_selection=request.asset_selection,
            )
            for request in result.run_requests or ()
        ]

    def label(
        self, *facets: str, raises: bool = True, automatic: bool = False
    ) -> dg.ExecuteInProcessResult:
        """Materialize vocabulary and labels of a facet, or of all from the first to the last."""
        self.instance.add_dynamic_partitions("facets", list(facets))
        tags = {
            "dagster/asset_partition_range_start": facets[0],
            "dagster/asset_partition_range_end": facets[-1],
        }
        if automatic:
            tags["dagster/from_automation_condition"] = "true"
        return dg.materialize(
            [facet_labels],
            instance=self.instance,
            resources={"library": small.resource(self.library)},
            tags=tags,
            raise_on_error=raises,
        )

    def describe(self) -> dg.ExecuteInProcessResult:
        """What `make up` does."""
        return describe_library.execute_in_process(
            instance=self.instance, resources={"library": small.resource(self.library)}
        )

    def labels(self) -> list[tuple[Any, ...]]:
        """Every label, in order."""
        query = "select facet, term, content_id, cosine from labels order by all"
        return self.library.catalogue().execute(query).fetchall()


@pytest.fixture
def studio(tmp_path: Path, instance: dg.DagsterInstance, first_model: Path) -> Studio:
    """Three pictures with vectors, a vocabulary of two facets, nothing recorded."""
    made = small.make(tmp_path / "library")
    write(made, "lights", LIGHTS)
    write(made, "shots", SHOTS)
    return Studio(made, instance)


@pytest.fixture
def described(studio: Studio) -> Studio:
    """The same, with everything recorded and the sensor at rest."""
    studio.describe()
    studio.tick()
    return studio


def recorded(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str | None], Mapping[str, Any]]:
    return {
        (event.asset_key.to_user_string(), event.partition): event.materialization.metadata
        for event in result.get_asset_materialization_events()
        if event.asset_key is not None
    }


def verdicts(result: dg.ExecuteInProcessResult) -> dict[str, tuple[bool, str]]:
    return {
        e.check_name: (e.passed, e.description or "") for e in result.get_asset_check_evaluations()
    }


def steps(result: dg.ExecuteInProcessResult) -> set[str]:
    return {event.step_key for event in result.all_events if event.step_key}


def parts(library: Library, facet: str) -> dict[str, tuple[int, str]]:
    """Time and hash of every file of a facet's labels."""
    return {
        path.name: (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in (library.state / "labels").glob(f"*/{facet}/*")
    }


def test_one_run_brings_vectors_vocabulary_and_labels(studio: Studio) -> None:
    result = studio.describe()
    assert set(recorded(result)) == {
        ("vectors", None),
        *((asset, facet) for asset in ("vocabulary", "labels") for facet in ("lights", "shots")),
    }
    assert len(studio.labels()) == 3 * 3
    found = verdicts(result)
    assert found["valid"][0] and found["current"][0] and found["every_picture_has_a_vector"][0]


def test_labels_show_their_best_pictures_without_a_click(studio: Studio) -> None:
    from PIL import Image

    from gm_assets.library.pictures import kept_picture

    studio.describe()
    found = recorded(studio.label("lights"))["labels", "lights"]
    assert next(iter(found)) == "best pictures"
    markdown = found["best pictures"].value
    assert len(markdown) < 1000  # longer markdown hides behind a click
    name = markdown.rpartition("/")[2].removesuffix(".webp)")
    assert f"({small.WALK}/picture/{name}.webp)" in markdown
    with Image.open(kept_picture(studio.library, name)) as sheet:
        assert sheet.height > 2 * 98  # a row for each of the two terms
    assert found["pictures"].value == 3 and found["terms"].value == 2
    rows = [record.data for record in found["scores"].records]
    assert [row["term"] for row in rows] == ["dusk", "noon"]
    assert all(row["measurable"] == "unmeasured" for row in rows)
    assert "no reference" in found["percentiles"].value


def test_an_edited_term_labels_its_facet_alone_and_reads_no_picture(described: Studio) -> None:
    library = described.library
    spec = library.encoder_spec()
    assert spec is not None
    vectors = library.vectors.version(active_fingerprint(spec))
    others, before = parts(library, "shots"), described.labels()
    write(library, "lights", LIGHTS.replace("prompts: [dusk]", "prompts: [the last light]"))
    for picture in library.root.rglob("*.png"):
        picture.unlink()  # whatever would read one fails
    tick = described.tick()
    assert [request.partition_key for request in tick.run_requests or ()] == ["lights"]
    (result,) = described.run(tick)
    assert result.success and steps(result) == {"facet_labels"}
    assert set(recorded(result)) == {("vocabulary", "lights"), ("labels", "lights")}
    assert recorded(result)["labels", "lights"]["terms read by the model"].value == 1
    assert recorded(result)["vocabulary", "lights"]["since the version before"].value == (
        "changed: dusk"
    )
    assert library.vectors.version(active_fingerprint(spec)) == vectors
    assert parts(library, "shots") == others
    kept = [row for row in before if row[:2] != ("lights", "dusk")]
    assert [row for row in described.labels() if row[:2] != ("lights", "dusk")] == kept
    assert described.labels() != before
    assert not described.tick().run_requests


def test_the_data_version_of_labels_follows_terms_and_vectors(described: Studio) -> None:
    before = small.versions(described.instance, "labels")
    described.label("lights", "shots")
    assert small.versions(described.instance, "labels") == before
    write(described.library, "lights", f"# a comment\n{LIGHTS}")
    described.label("lights", "shots")
    assert small.versions(described.instance, "labels") == before
    write(described.library, "lights", LIGHTS.replace("prompts: [dusk]", "prompts: [dawn]"))
    described.label("lights", "shots")
    after = small.versions(described.instance, "labels")
    assert after["lights"] != before["lights"] and after["shots"] == before["shots"]
    small.add(described.library.root / "seam-keeper/S2/reference.png")
    ingest(described.library)
    described.describe()
    assert small.versions(described.instance, "labels")["shots"] != before["shots"]


def test_labels_stay_synced_while_the_vectors_are_the_same(described: Studio) -> None:
    from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
    from dagster._core.loader import LoadingContextForTest

    def status() -> StaleStatus:
        graph = defs().get_repository_def().asset_graph
        loading = LoadingContextForTest(described.instance)
        resolver = CachingStaleStatusResolver(described.instance, graph, loading)
        return resolver.get_status(dg.AssetKey("labels"), "lights")

    assert status() is StaleStatus.FRESH
    described.instance.report_runless_asset_event(
        dg.AssetMaterialization("vectors", tags={"dagster/data_version": "others"})
    )
    assert status() is StaleStatus.STALE
    described.describe()
    assert status() is StaleStatus.FRESH


def test_a_broken_file_stops_neither_sensor_nor_other_facets_and_old_labels_stay(
    described: Studio,
) -> None:
    before = [row for row in described.labels() if row[0] == "lights"]
    write(described.library, "lights", LIGHTS.replace("id: noon", "id: dusk"))
    write(described.library, "shots", SHOTS.replace("[a close shot]", "[a shot from near]"))
    tick = described.tick()
    assert [request.partition_key for request in tick.run_requests or ()] == ["shots"]
    (event,) = tick.asset_events
    assert isinstance(event, dg.AssetCheckEvaluation) and not event.passed
    assert "lights.yaml:7" in (event.description or "")
    described.run(tick)
    assert [row for row in described.labels() if row[0] == "lights"] == before
    again = described.tick()
    assert not again.run_requests and not again.asset_events
    assert "lights.yaml:7" in str(again.skip_reason)
    write(described.library, "lights", LIGHTS)
    (event,) = described.tick().asset_events
    assert isinstance(event, dg.AssetCheckEvaluation) and event.passed


def test_a_run_does_the_sound_facets_and_fails_with_the_line_of_the_broken_one(
    studio: Studio,
) -> None:
    studio.describe()
    write(studio.library, "lights", LIGHTS.replace("id: noon", "id: dusk"))
    result = studio.label("lights", "shots", raises=False)
    assert not result.success
    assert set(recorded(result)) == {("vocabulary", "shots"), ("labels", "shots")}
    (failure,) = [e for e in result.all_events if e.event_type_value == "STEP_FAILURE"]
    assert "lights.yaml:7" in str(failure.step_failure_data.user_failure_data)
    found = verdicts(result)
    assert not found["valid"][0] and "lights.yaml:7" in found["valid"][1]


def test_labels_are_current_until_a_term_a_picture_or_a_facet_changes(described: Studio) -> None:
    def current() -> tuple[bool, str]:
        from gm_assets.defs.labels.checks import current as check

        answer = check(described.library, read_words(described.library))
        return answer.passed, answer.description or ""

    assert current()[0]
    write(described.library, "lights", LIGHTS.replace("prompts: [dusk]", "prompts: [dawn]"))
    assert not current()[0] and "lights" in current()[1]
    described.label("lights")
    assert current()[0]
    small.add(described.library.root / "seam-keeper/S2/reference.png")
    ingest(described.library)
    from gm_assets.finding import sync

    spec = described.library.encoder_spec()
    assert spec is not None
    sync(described.library, active_fingerprint(spec))
    assert not current()[0] and "3 pictures labelled, 4 have a vector" in current()[1]
    described.label("lights", "shots")
    assert current()[0]
    (described.library.root / "vocab/shots.yaml").unlink()
    assert not current()[0] and "no longer in the vocabulary" in current()[1]
    described.label("lights")
    assert current()[0] and {row[0] for row in described.labels()} == {"lights"}


@pytest.mark.parametrize(("pictures", "passes"), [(2_000, True), (40, False)])
def test_a_reference_must_be_of_the_active_model_and_large_enough(
    described: Studio, pictures: int, passes: bool
) -> None:
    spec = described.library.encoder_spec()
    assert spec is not None
    said = verdicts(described.label("lights"))["reference_fits"]
    assert not said[0] and "no reference" in said[1]
    rows = np.random.default_rng(5).normal(size=(pictures, 24))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    ids = [f"px:{number:064x}:8x8" for number in range(pictures)]
    folder = described.library.root / "vocab/references"
    folder.mkdir()
    made = Labelled.of("reference", active_fingerprint(spec), ids, rows)
    made.write(folder / "own.parquet")
    result = described.label("lights")
    passed, words = verdicts(result)["reference_fits"]
    assert passed == passes and f"{pictures:,} pictures" in words
    percentiles = recorded(result)["labels", "lights"]["percentiles"].value
    assert percentiles.startswith("against" if passes else "withheld")


def test_without_a_model_an_edit_is_recorded_and_labels_are_left(
    described: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = described.labels()
    (tmp_path / "nothing/encoder").mkdir(parents=True)
    monkeypatch.setenv("GM_MODELS", str(tmp_path / "nothing"))
    write(described.library, "lights", LIGHTS.replace("prompts: [dusk]", "prompts: [dawn]"))
    tick = described.tick()
    (request,) = tick.run_requests or ()
    assert request.asset_selection == [dg.AssetKey("vocabulary")]
    (result,) = described.run(tick)
    assert set(recorded(result)) == {("vocabulary", "lights")}
    assert described.labels() == before
    result = described.describe()
    assert {asset for asset, _ in recorded(result)} == {"vocabulary"}


def test_labels_of_the_model_before_stay_until_the_new_one_has_its_vectors(
    described: Studio, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = described.labels()
    monkeypatch.setenv("GM_MODELS", str(models / "second"))
    result = described.label("lights", raises=False)
    assert not result.success and ("labels", "lights") not in recorded(result)
    quiet = described.label("lights", automatic=True)
    assert quiet.success and not recorded(quiet)
    assert described.labels() == before


def test_a_facet_that_comes_or_goes_changes_the_partitions(described: Studio) -> None:
    write(described.library, "weather", SHOTS.replace("facet: shots", "facet: weather"))
    tick = described.tick()
    assert [request.partition_key for request in tick.run_requests or ()] == ["weather"]
    described.run(tick)
    assert small.green(described.instance, "labels") == {"lights", "shots", "weather"}
    (described.library.root / "vocab/weather.yaml").unlink()
    assert not described.tick().run_requests
    assert set(described.instance.get_dynamic_partitions("facets")) == {"lights", "shots"}


def test_many_edited_facets_share_one_run(
    described: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gm_assets.defs.labels import sensors

    monkeypatch.setattr(sensors, "SINGLE_RUNS", 1)
    write(described.library, "lights", LIGHTS.replace("prompts: [dusk]", "prompts: [dawn]"))
    write(described.library, "shots", SHOTS.replace("[a close shot]", "[a shot from near]"))
    tick = described.tick()
    assert [request.job_name for request in tick.run_requests or ()] == ["describe_library"]
    (result,) = described.run(tick)
    assert ("labels", "lights") in recorded(result) and ("labels", "shots") in recorded(result)


def test_every_count_above_zero_is_seen_in_a_histogram() -> None:
    assert bars((0, 1, 4_000)) == " ▁█"
    assert bars(()) == bars((0, 0)) == ""


@pytest.fixture(autouse=True)
def _own_vocabulary(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The libraries' own vocabularies are in force, whatever the shell says."""
    monkeypatch.delenv("GM_VOCAB", raising=False)
    yield
