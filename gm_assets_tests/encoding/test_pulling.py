"""Pulling a model from a server that speaks the hub's interface, on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gm_assets.encoding import EncoderSpec, named_encoder, open_encoder
from gm_assets.encoding.pulling import pull
from gm_assets.encoding.sealing import read_lock
from gm_assets.errors import ModelError
from gm_assets_tests.encoding.hub import COMMIT, Hub, files_of, serving

REPOSITORY = "google/siglip2-base-patch16-224"


@pytest.fixture
def hub(dual: EncoderSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub with the tiny model, and things that must not be taken."""
    files = files_of(Path(dual.source), without=("SHA256SUMS", "words.txt"))
    files |= {"pytorch_model.bin": b"pickle", "run.py": b"print()", "onnx/model.json": b"{}"}
    files |= {"README.md": b"# Model", ".gitattributes": b""}
    state = Hub({REPOSITORY: files})
    with serving(state) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        monkeypatch.setenv("GM_MODELS", str(tmp_path))
        yield state


def test_a_pulled_model_is_pinned_and_opens(hub: Hub, dual: EncoderSpec) -> None:
    told: list[tuple[int, int, int, str]] = []
    pulled = pull(named_encoder("siglip2-base"), progress=lambda *now: told.append(now))
    assert pulled.revision == COMMIT and read_lock()[REPOSITORY]["files"] == pulled.files
    assert set(pulled.files) == {path.name for path in pulled.folder.iterdir()}
    assert set(pulled.files).isdisjoint({"pytorch_model.bin", "run.py", "README.md"})
    assert told[-1][0] == told[-1][1] == len(pulled.files)
    assert open_encoder(named_encoder("siglip2-base")).dimension == 24


def test_what_is_here_already_is_not_downloaded_again(hub: Hub) -> None:
    spec = named_encoder("siglip2-base")
    first = pull(spec)
    (first.folder / "config.json").write_text("{}")
    hub.asked.clear()
    assert pull(spec).files == first.files
    assert [path.rpartition("/")[2] for path in hub.asked[1:]] == ["config.json"]


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_file_that_is_not_the_stated_one_is_refused_and_not_kept(
    hub: Hub, name: str, tmp_path: Path
) -> None:
    hub.stated = hub.listing()
    data = bytearray(hub.files[name])
    data[10] ^= 1
    hub.files[name] = bytes(data)
    with pytest.raises(ModelError, match="not the one that the hub states"):
        pull(named_encoder("siglip2-base"))
    assert read_lock() == {}
    assert not [p for p in tmp_path.rglob("*") if p.name in (name, f".{name}.part")]


def test_weights_that_are_only_pickled_are_refused(hub: Hub) -> None:
    del hub.files["model.safetensors"]
    with pytest.raises(ModelError, match="no weights as safetensors"):
        pull(named_encoder("siglip2-base"))


@pytest.mark.parametrize(
    "stated",
    [
        [],
        {"sha": "main", "siblings": []},
        {"sha": COMMIT},
        {"sha": COMMIT, "siblings": [{"rfilename": "../x.json", "size": 1, "blobId": "0"}]},
        {"sha": COMMIT, "siblings": [{"rfilename": "a.json", "size": -1, "blobId": "0"}]},
    ],
)
def test_an_answer_that_is_none_of_the_hubs_is_refused(
    hub: Hub, stated: Any, tmp_path: Path
) -> None:
    hub.stated = stated or ["x"]  # type: ignore[assignment]
    with pytest.raises(ModelError):
        pull(named_encoder("siglip2-base"))
    assert read_lock() == {} and not (tmp_path.parent / "x.json").exists()


def test_a_repository_that_is_not_there_and_no_network_are_clear_errors(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError, match="404"):
        pull(named_encoder("clip-vit-large"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(ModelError, match="cannot be reached"):
        pull(named_encoder("siglip2-base"))
    with pytest.raises(ModelError, match="nothing to pull"):
        pull(named_encoder("embedded"))
