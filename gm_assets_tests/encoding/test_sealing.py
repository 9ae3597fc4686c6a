"""Seals and fingerprints: only the model that was sealed is loaded, and its name says which."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from gm_assets.encoding import (
    EncoderSpec,
    active_fingerprint,
    encoder_spec,
    model_fingerprint,
    named_encoder,
    open_encoder,
    seal,
    sealing,
)
from gm_assets.encoding.fingerprint import folder_spec
from gm_assets.encoding.sealing import file_sha256, read_lock, sealed, snapshot_folder, write_lock
from gm_assets.errors import ModelError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def copy(dual: EncoderSpec, tmp_path: Path) -> EncoderSpec:
    """The tiny model in a folder that a test may damage."""
    shutil.copytree(dual.source, tmp_path / "dual")
    return folder_spec(tmp_path / "dual")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_changed_file_is_refused_with_its_name(copy: EncoderSpec, name: str) -> None:
    path = Path(copy.source, name)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match="not the file that the model was sealed with") as raised:
        open_encoder(copy)
    assert raised.value.where == str(path) and raised.value.remedy


def test_missing_and_added_files_are_refused(copy: EncoderSpec) -> None:
    added = Path(copy.source, "adapter_config.json")
    added.write_text("{}")
    with pytest.raises(ModelError, match="not among the files"):
        open_encoder(copy)
    added.unlink()
    Path(copy.source, "tokenizer.json").unlink()
    with pytest.raises(ModelError, match="is missing"):
        open_encoder(copy)


def test_a_model_without_a_seal_and_no_model_at_all_are_refused(copy: EncoderSpec) -> None:
    Path(copy.source, "SHA256SUMS").unlink()
    with pytest.raises(ModelError, match="not sealed"):
        open_encoder(copy)
    with pytest.raises(ModelError, match="no such model folder"):
        open_encoder(folder_spec(Path(copy.source) / "absent"))


@pytest.mark.parametrize("line", ["abc  config.json", f"{'0' * 64}  ../x", f"{'0' * 64} x", "\0"])
def test_a_malformed_seal_names_its_line(copy: EncoderSpec, line: str) -> None:
    Path(copy.source, "SHA256SUMS").write_text(f"{'0' * 64}  config.json\n{line}\n")
    with pytest.raises(ModelError) as raised:
        open_encoder(copy)
    assert str(raised.value.where).endswith(("SHA256SUMS:2", "SHA256SUMS:1"))


def test_a_sealed_folder_that_holds_no_model_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    seal(tmp_path)
    with pytest.raises(ModelError, match="cannot be loaded"):
        open_encoder(folder_spec(tmp_path))


def test_pickled_weights_are_never_loaded(copy: EncoderSpec) -> None:
    import torch
    from safetensors.torch import load_file

    weights = Path(copy.source, "model.safetensors")
    torch.save(load_file(weights), Path(copy.source, "pytorch_model.bin"))
    weights.unlink()
    seal(copy.source)
    with pytest.raises(ModelError, match="cannot be loaded"):
        open_encoder(copy)


def test_code_in_a_model_folder_is_not_run(copy: EncoderSpec, tmp_path: Path) -> None:
    config = Path(copy.source, "config.json")
    stated = json.loads(config.read_text())
    stated |= {
        "model_type": "homemade",
        "auto_map": {"AutoModel": "evil.Model", "AutoConfig": "evil.C"},
    }
    config.write_text(json.dumps(stated))
    proof = tmp_path / "ran"
    Path(copy.source, "evil.py").write_text(f"open({str(proof)!r}, 'w')\n")
    seal(copy.source)
    with pytest.raises(ModelError, match="cannot be loaded"):
        open_encoder(copy)
    assert not proof.exists()


def test_the_seal_is_one_that_sha256sum_checks(dual: EncoderSpec) -> None:
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=dual.source, check=True)


def test_the_fingerprint_follows_what_decides_a_vector_and_nothing_else(
    copy: EncoderSpec, dual: EncoderSpec
) -> None:
    assert active_fingerprint(copy) == active_fingerprint(dual)  # wherever it lies
    assert model_fingerprint(copy.source, copy) == active_fingerprint(copy)
    for name in ("README.md", "training.json", "words.txt", "log.jsonl"):
        Path(copy.source, name).write_text("other")
    assert model_fingerprint(copy.source, copy) == active_fingerprint(dual)
    config = Path(copy.source, "config.json")
    config.write_text(config.read_text() + "\n")
    assert model_fingerprint(copy.source, copy) != active_fingerprint(dual)


def test_the_hash_of_a_large_file_is_remembered_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(sealing, "REMEMBERED_BYTES", 10)
    path = tmp_path / "weights"
    path.write_bytes(b"a" * 100)
    first = file_sha256(path)
    (note,) = (tmp_path / "cache" / "gm-assets" / "hashes").iterdir()
    note.write_text(note.read_text().replace(first, "0" * 64))
    assert file_sha256(path) == "0" * 64  # it was the note that answered
    path.write_bytes(b"b" * 100)
    assert file_sha256(path) not in (first, "0" * 64)


def test_a_model_of_the_hub_needs_its_lock(
    dual: EncoderSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GM_MODELS", str(tmp_path))
    spec = named_encoder("siglip2-base")
    with pytest.raises(ModelError, match="was not pulled") as raised:
        open_encoder(spec)
    assert "gm models pull siglip2-base" in str(raised.value)
    folder = snapshot_folder(spec.source, COMMIT)
    shutil.copytree(dual.source, folder)
    write_lock(spec.source, COMMIT, sealed(dual).files)
    assert open_encoder(spec).fingerprint == active_fingerprint(dual)
    with pytest.raises(ModelError, match="was not pulled"):
        open_encoder(replace(spec, revision="f" * 40))
    (folder / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="sealed with"):
        open_encoder(spec)


@pytest.mark.parametrize(
    "text",
    ["[]", "{", '{"a/b": {}}', '{"a/b": {"revision": "main", "files": {}}}', "[" * 100_000,
     f'{{"a/b": {{"revision": "{COMMIT}", "files": {{"../x": "{"0" * 64}"}}}}}}'],
)  # fmt: skip
def test_a_malformed_lock_is_a_clear_error(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GM_MODELS", str(tmp_path))
    (tmp_path / "models.lock").write_text(text)
    with pytest.raises(ModelError, match="malformed"):
        read_lock()


def test_profiles_name_encoders_and_none_switches_them_off() -> None:
    embedded, studio = encoder_spec("embedded"), encoder_spec("studio")
    assert embedded is not None and embedded.kind == "folder"
    assert studio is not None and studio.kind == "repository" and "siglip2" in studio.source
    assert encoder_spec("none") is None
    with pytest.raises(ModelError, match="not a profile"):
        encoder_spec("cloud")
    with pytest.raises(ModelError, match="no encoder is called"):
        named_encoder("gpt")
