"""Image towers on ONNX Runtime: the same vectors, or nearly, under another fingerprint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")

from gm_assets.encoding import Encoder, EncoderSpec, active_fingerprint, open_encoder
from gm_assets.encoding.profiles import cache_folder
from gm_assets.errors import MissingExtra, ModelError
from gm_assets_tests.encoding.models import make_siglip


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return cache_folder()


def pictures(count: int) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (count, 40, 60, 3), np.uint8))


@pytest.mark.parametrize(("runtime", "least"), [("onnx", 0.999999), ("onnx-int8", 0.99)])
def test_the_exported_tower_gives_the_vectors_of_torch(
    encoder: Encoder, runtime: str, least: float, cache: Path
) -> None:
    exported = open_encoder(encoder.spec.running(runtime))
    assert exported.fingerprint != encoder.fingerprint
    cosines = (exported.images(pictures(5)) * encoder.images(pictures(5))).sum(axis=1)
    assert cosines.min() >= least
    np.testing.assert_array_equal(exported.texts(["dry dock"]), encoder.texts(["dry dock"]))
    (kept,) = (cache / "onnx").glob("*.onnx")
    assert kept.name.startswith(exported.fingerprint)


def test_the_export_is_made_once_and_again_where_it_was_damaged(
    dual: EncoderSpec, cache: Path
) -> None:
    spec = dual.running("onnx-int8")
    first = open_encoder(spec).images(pictures(3))
    (kept,) = (cache / "onnx").glob("*.onnx")
    made = kept.stat().st_mtime_ns
    np.testing.assert_array_equal(open_encoder(spec).images(pictures(3)), first)
    assert kept.stat().st_mtime_ns == made
    kept.write_bytes(kept.read_bytes()[:-100])
    np.testing.assert_array_equal(open_encoder(spec).images(pictures(3)), first)
    assert [path.name for path in (cache / "onnx").iterdir()] == [kept.name]


def test_every_runtime_and_dtype_has_its_own_fingerprint(dual: EncoderSpec) -> None:
    from dataclasses import replace

    specs = [dual.running(runtime) for runtime in ("torch", "onnx", "onnx-int8")]
    specs.append(replace(dual, dtype="bfloat16"))
    assert len(set(map(active_fingerprint, specs))) == 4
    assert active_fingerprint(replace(dual, device="cuda")) == active_fingerprint(dual)
    with pytest.raises(ModelError, match="not a runtime"):
        dual.running("tensorrt")


def test_without_the_exporter_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    spec = make_siglip(tmp_path / "siglip").running("onnx-int8")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtra) as raised:
        open_encoder(spec)
    assert "gm-assets[onnx]" in str(raised.value)
