"""`gm models pull studio` from a server that speaks the hub's interface, up to the first frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gm_assets.diffusion import Settings, ShaderSpec, Words, named_shader, open_shader
from gm_assets.encoding import EncoderSpec
from gm_assets.encoding.pulling import pull
from gm_assets.encoding.sealing import damaged_files, read_lock, write_lock
from gm_assets.errors import ModelError
from gm_assets_tests.cli.gm import Gm
from gm_assets_tests.diffusion.guides import SIDE, ball
from gm_assets_tests.encoding.hub import COMMIT, Hub, files_of, serving
from gm_assets_tests.encoding.models import make_dual

#: Files that the real repositories have beside what is needed.
MORE = {
    "sd_xl_base_1.0.safetensors": b"weights of another layout",
    "unet/diffusion_pytorch_model.safetensors": b"weights in float32",
    "unet/diffusion_pytorch_model.bin": b"pickle",
    "vae_1_0/config.json": b"{}",
    "tokenizer/run.py": b"print()",
    "../escape.json": b"{}",
    "README.md": b"# Model",
}


@pytest.fixture
def hub(studio: ShaderSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The repositories of the profile with tiny models in them."""
    real = named_shader("sdxl-union")
    repositories = {
        part.source: files_of(Path(studio.part(part.role).source), without=("SHA256SUMS",)) | MORE
        for part in real.parts
    }
    encoder: EncoderSpec = make_dual(tmp_path / "dual")
    repositories["google/siglip2-base-patch16-224"] = files_of(
        Path(encoder.source), without=("SHA256SUMS", "words.txt")
    )
    state = Hub(repositories)
    with serving(state) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        monkeypatch.setenv("GM_MODELS", str(tmp_path / "models"))
        yield state


def test_a_pulled_profile_is_pinned_and_makes_a_frame(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gm = Gm(tmp_path, capsys)
    pulled = gm("models", "pull", "studio", "--json").json["models"]
    assert [(model["name"], model["role"], len(model["parts"])) for model in pulled] == [
        ("siglip2-base", "encoder", 1),
        ("sdxl-union", "leash", 3),
    ]
    spec = named_shader("sdxl-union")
    for part, taken in zip(spec.parts, pulled[1]["parts"], strict=True):
        assert taken["repository"] == part.source
        assert taken["revision"] == part.revision or part.revision is None
        assert set(taken["files"]).isdisjoint(MORE)
        assert not damaged_files(part)
    assert pulled[1]["parts"][1]["revision"] == COMMIT  # the newest, where none is pinned
    assert not list(tmp_path.rglob("escape.json"))
    listed = {model["name"]: model for model in gm("models", "list", "--json").json["models"]}
    assert listed["sdxl-union"]["state"] == "ready" and listed["sdxl-union"]["fingerprint"]
    shader = open_shader(spec)
    assert shader.fingerprint == listed["sdxl-union"]["fingerprint"]
    settings = Settings(width=SIDE, height=SIDE, steps=1)
    (frame,) = shader.shade(Words("a bone queen"), settings, [ball()])
    assert frame.picture.shape == (SIDE, SIDE, 3)


def test_verify_names_the_part_of_a_damaged_file(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gm = Gm(tmp_path, capsys)
    gm("models", "pull", "studio", "--role", "leash")
    part = named_shader("sdxl-union").part("controlnet")
    (folder,) = (tmp_path / "models" / part.source.replace("/", "--")).iterdir()
    (folder / "config.json").write_text("{}")
    (result,) = gm("models", "verify", "sdxl-union", "--json", code=10).json["models"]
    assert result["damaged"] == ["controlnet/config.json"]


def test_a_model_pinned_to_a_branch_is_refused_by_pull_and_by_opening(hub: Hub) -> None:
    spec = named_shader("sdxl-union")
    branch = tuple(replace(part, revision="main") for part in spec.parts)
    for refused in (lambda: pull(branch[0]), lambda: open_shader(replace(spec, parts=branch))):
        with pytest.raises(ModelError, match="'main' is no commit") as raised:
            refused()
        assert "40 hexadecimal digits" in str(raised.value.remedy)
    assert not hub.asked


def test_a_commit_without_a_needed_file_is_refused_and_not_pinned(hub: Hub) -> None:
    part = named_shader("sdxl-union").part("controlnet")
    del hub.repositories[part.source]["config.json"]
    with pytest.raises(ModelError, match=r"has no config\.json"):
        pull(part)
    assert read_lock() == {}


def test_two_models_of_one_commit_keep_their_files_pinned(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    write_lock("a/b", COMMIT, {"one.json": "0" * 64})
    write_lock("a/b", COMMIT, {"two.json": "1" * 64})
    assert set(read_lock()["a/b"]["files"]) == {"one.json", "two.json"}
    write_lock("a/b", "f" * 40, {"two.json": "1" * 64})
    assert set(read_lock()["a/b"]["files"]) == {"two.json"}
