"""Only the sealed files of every part are opened; what they cannot be is a clear error."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gm_assets.diffusion import (
    Settings,
    ShaderSpec,
    Words,
    active_fingerprint,
    named_shader,
    obstacle,
    open_shader,
    shared_shader,
)
from gm_assets.diffusion.studio.loading import Place, out_of_memory, require_room
from gm_assets.encoding import loading as encoding_loading
from gm_assets.encoding import seal
from gm_assets.errors import MissingExtra, ModelError
from gm_assets_tests.diffusion.guides import SIDE, ball
from gm_assets_tests.diffusion.studio.models import studio_at


@pytest.fixture
def copy(studio: ShaderSpec, tmp_path: Path) -> Path:
    """The tiny model's parts in folders that a test may damage."""
    shutil.copytree(Path(studio.part("pipeline").source).parent, tmp_path / "copy")
    return tmp_path / "copy"


def test_the_fingerprint_is_that_of_the_files_wherever_they_lie(
    copy: Path, studio: ShaderSpec
) -> None:
    moved = studio_at(copy)
    assert active_fingerprint(moved) == active_fingerprint(studio)
    assert shared_shader(studio).fingerprint == active_fingerprint(studio)
    assert shared_shader(studio) is shared_shader(studio)
    for change in ({"dtype": "float32"}, {"steps": 3}, {"lines": "scribble"}, {"guidance": 1.0}):
        assert active_fingerprint(replace(studio, **change)) != active_fingerprint(studio)
    assert active_fingerprint(replace(studio, device="cuda")) == active_fingerprint(studio)
    (copy / "pipeline" / "README.md").write_text("A card changes no frame")
    assert active_fingerprint(studio_at(copy)) == active_fingerprint(studio)
    config = copy / "controlnet" / "config.json"
    config.write_text(config.read_text() + "\n")
    assert active_fingerprint(studio_at(copy)) != active_fingerprint(studio)


@pytest.mark.parametrize(
    "name",
    [
        "pipeline/unet/diffusion_pytorch_model.fp16.safetensors",
        "pipeline/scheduler/scheduler_config.json",
        "controlnet/config.json",
        "identity/sdxl_models/ip-adapter-plus_sdxl_vit-h.safetensors",
    ],
)
def test_a_changed_file_of_any_part_is_refused_with_its_name(copy: Path, name: str) -> None:
    spec = studio_at(copy)
    path = copy / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match="not the file that the model was sealed with") as raised:
        open_shader(spec)
    assert raised.value.where == str(path)
    assert str(obstacle(spec)) == str(raised.value)


def test_a_file_added_below_a_part_is_refused(copy: Path) -> None:
    spec = studio_at(copy)
    (copy / "pipeline" / "unet" / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(ModelError, match="not among the files"):
        open_shader(spec)


def test_a_model_that_was_not_pulled_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GM_MODELS", str(tmp_path))
    with pytest.raises(ModelError, match="was not pulled") as raised:
        open_shader(named_shader("sdxl-union"))
    assert "gm models pull sdxl-union" in str(raised.value)


def test_without_the_packages_the_extra_is_named(
    studio: ShaderSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding_loading, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"gm-assets\[ml\]"):
        open_shader(studio)


def test_pickled_weights_are_never_loaded(copy: Path) -> None:
    import torch
    from safetensors.torch import load_file

    weights = copy / "controlnet" / "diffusion_pytorch_model.safetensors"
    torch.save(load_file(weights), weights.with_suffix(".bin"))
    weights.unlink()
    with pytest.raises(ModelError, match="cannot be loaded"):
        open_shader(studio_at(copy))


def test_code_that_an_index_names_is_not_run(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof = tmp_path / "ran"
    (tmp_path / "evil.py").write_text(f"open({str(proof)!r}, 'w')\n")
    monkeypatch.syspath_prepend(tmp_path)
    index = copy / "pipeline" / "model_index.json"
    stated = json.loads(index.read_text())
    index.write_text(json.dumps(stated | {"vae": ["evil", "Decoder"]}))
    with pytest.raises(ModelError, match="wants code of 'evil'"):
        open_shader(studio_at(copy))
    assert not proof.exists()


@pytest.mark.parametrize("text", ["", "[]", '{"unet": []}', "[" * 100_000])
def test_an_index_that_is_none_is_a_clear_error(copy: Path, text: str) -> None:
    (copy / "pipeline" / "model_index.json").write_text(text)
    with pytest.raises(ModelError, match=r"index of a pipeline|cannot be loaded"):
        open_shader(studio_at(copy))


def test_parts_of_another_model_are_a_clear_error(copy: Path) -> None:
    shutil.rmtree(copy / "controlnet")
    shutil.copytree(copy / "pipeline" / "vae", copy / "controlnet")
    with pytest.raises(ModelError, match="cannot be loaded") as raised:
        open_shader(studio_at(copy))
    assert "gm models verify sdxl-union" in str(raised.value.remedy)


def test_weights_larger_than_the_memory_are_refused_before_they_are_read(copy: Path) -> None:
    header = json.dumps({"a": {"dtype": "F16", "shape": [10**8, 10**8], "data_offsets": [0, 0]}})
    path = copy / "pipeline" / "unet" / "diffusion_pytorch_model.fp16.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header.encode())
    with pytest.raises(ModelError, match="not enough memory for its weights") as raised:
        open_shader(studio_at(copy))
    assert "GM_OFFLOAD" in str(raised.value.remedy)


def test_a_frame_larger_than_the_memory_is_refused_before_it_is_begun(
    studio: ShaderSpec,
) -> None:
    place = Place("cpu", "float32")
    require_room(studio, place, 64, 64)
    with pytest.raises(ModelError, match="not enough memory for a frame") as raised:
        require_room(studio, place, 10**6, 10**6)
    assert "smaller" in str(raised.value.remedy)


def test_a_file_that_is_no_safetensors_is_named(copy: Path) -> None:
    path = copy / "pipeline" / "vae" / "diffusion_pytorch_model.fp16.safetensors"
    path.write_bytes(b"\xff" * 100)
    with pytest.raises(ModelError, match="no safetensors file") as raised:
        open_shader(studio_at(copy))
    assert raised.value.where == str(path)


def test_an_allocation_that_fails_is_told_from_other_errors() -> None:
    import torch

    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**60)
    assert out_of_memory(raised.value) and out_of_memory(MemoryError())
    assert not out_of_memory(RuntimeError("shapes do not match"))


@pytest.mark.parametrize(
    ("change", "says"), [({"dtype": "int4"}, "dtype"), ({"device": "cuda"}, "device")]
)
def test_numbers_and_devices_that_are_not_here_are_refused(
    studio: ShaderSpec, change: dict, says: str
) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has the GPU that the test says is missing")
    with pytest.raises(ModelError, match=says):
        open_shader(replace(studio, **change))


def test_an_offload_that_does_not_exist_is_refused_with_those_that_do(
    studio: ShaderSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GM_OFFLOAD", "disk")
    with pytest.raises(ModelError, match="'disk' is no offload") as raised:
        open_shader(studio)
    assert "none, model" in str(raised.value.remedy)


def test_a_model_that_gives_nan_makes_no_frame(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = copy / "pipeline" / "vae" / "diffusion_pytorch_model.fp16.safetensors"
    weights = load_file(path)
    weights["decoder.conv_out.bias"] *= float("nan")
    save_file(weights, path, metadata={"format": "pt"})
    shader = open_shader(studio_at(copy))
    with pytest.raises(ModelError, match="NaN") as raised:
        next(iter(shader.shade(Words("bone"), Settings(SIDE, SIDE), [ball()])))
    assert "bfloat16" in str(raised.value.remedy)


def test_an_adapter_that_does_not_fit_leaves_a_shader_that_works(
    copy: Path, studio: ShaderSpec
) -> None:
    from safetensors.torch import load_file, save_file

    (path,) = (copy / "identity" / "sdxl_models").iterdir()
    weights = {
        name: values for name, values in load_file(path).items() if "ip_adapter.3" not in name
    }
    save_file(weights, path)
    spec = studio_at(copy)
    seal(path.parents[1])
    shader, settings = open_shader(spec), Settings(SIDE, SIDE)
    face = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(ModelError, match="cannot be loaded"):
        list(shader.shade(Words("bone"), settings, [ball()], identity=face))
    (frame,) = shader.shade(Words("bone"), settings, [ball()])
    (other,) = shared_shader(studio).shade(Words("bone"), settings, [ball()])
    assert (frame.picture == other.picture).all()
