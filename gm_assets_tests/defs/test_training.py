"""What the assets of our own models put on record."""

from __future__ import annotations

import shutil
from pathlib import Path

import dagster as dg
import numpy as np
import pytest

from gm_assets.defs.training.assets import encoder_model, leash_model
from gm_assets.defs.training.metadata import model_result
from gm_assets.diffusion.opening import open_shader
from gm_assets.diffusion.profiles import folder_shader
from gm_assets.diffusion.protocol import Guide, Settings, Words
from gm_assets.library import Library
from gm_assets.sculpt.cameras import look_at
from gm_assets_tests.defs import small

SHIPPED = Path(__file__).parents[2] / "models" / "encoder"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return small.make(tmp_path / "library", {})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A finished model folder, without its large files."""
    target = tmp_path / "model"
    target.mkdir()
    for name in ("SHA256SUMS", "curve.png"):
        shutil.copy(SHIPPED / name, target)
    return target


def test_a_record_shows_the_learning_curve_and_where_the_model_is(
    library: Library, folder: Path
) -> None:
    result = model_result(str(folder), {"base": 10}, 5, small.resource(library), {})
    assert result.metadata is not None
    curve = result.metadata["learning curve"].value
    name = curve.rpartition("/")[2].partition(".webp")[0]
    assert (library.state / "pictures" / f"{name}.webp").is_file()
    assert result.metadata["use it"].value == f"GM_MODELS={folder.parent}"
    assert result.metadata["samples base"].value == 10


def test_the_data_version_is_that_of_the_sealed_files(library: Library, folder: Path) -> None:
    def version() -> str | None:
        result = model_result(str(folder), {}, 0, small.resource(library), {})
        return result.data_version.value if result.data_version else None

    before = version()
    (folder / "curve.png").unlink()
    assert version() == before
    (folder / "SHA256SUMS").write_text(f"{'0' * 64}  model.safetensors\n")
    assert version() != before


def test_without_a_library_the_record_lacks_the_curve_alone(folder: Path, tmp_path: Path) -> None:
    from gm_assets.defs.resources import LibraryResource

    nowhere = LibraryResource(root=str(tmp_path / "nowhere"), walk_url=small.WALK)
    result = model_result(str(folder), {}, 0, nowhere, {})
    assert result.metadata is not None
    assert "learning curve" not in result.metadata and "folder" in result.metadata


def test_materialize_all_begins_no_training(library: Library, instance: dg.DagsterInstance) -> None:
    result = dg.materialize(
        [encoder_model, leash_model],
        instance=instance,
        resources={"library": small.resource(library)},
    )
    assert result.success and not result.get_asset_materialization_events()
    said = {
        event.asset_observation_data.asset_observation.description
        for event in result.get_asset_observation_events()
    }
    assert len(said) == 1 and "begin: true" in str(said)


@pytest.mark.slow
def test_a_training_of_the_leash_runs_to_its_end_and_its_model_draws(
    library: Library, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    config = {
        "begin": True,
        "part": 0.0001,
        "small": 1,
        "large": 1,
        "subjects": ["fluted-spire"],
        "out": str(tmp_path / "models/leash"),
        "data": str(tmp_path / "data"),
    }
    result = dg.materialize(
        [leash_model],
        instance=instance,
        resources={"library": small.resource(library)},
        run_config={"ops": {"leash_model": {"config": config}}},
    )
    (event,) = result.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert metadata["samples base"].value and metadata["samples detail"].value
    assert "learning curve" in metadata
    assert metadata["use it"].value == f"GM_MODELS={tmp_path / 'models'}"
    shader = open_shader(folder_shader(tmp_path / "models/leash"))
    seen = np.ones((128, 128), bool)
    guide = Guide(
        "front",
        camera=look_at((0, 1, 3), (0, 1, 0)),
        depth=np.full(seen.shape, 3, np.float32),
        normal=np.tile(np.array([0, 0, 1], np.float32), (128, 128, 1)),
        silhouette=seen,
    )
    (frame,) = shader.shade(Words("night city"), Settings(128, 128, steps=1), [guide])
    assert frame.picture.shape == (128, 128, 3)


def test_trainings_share_the_pool_of_the_models() -> None:
    assert {one.op.pool for one in (encoder_model, leash_model)} == {"gpu"}
    assert isinstance(encoder_model, dg.AssetsDefinition)
