"""The demo's memories hold vectors from their first write, the same in every build."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from gm_assets.memory.files import read_memory
from gm_assets.memory.record import Embedding
from gm_assets.world.demo import Chain, build
from gm_assets_tests.encoding.models import make_dual


def vectors(root: Path) -> dict[str, tuple[Embedding, ...]]:
    """What the memory of every file of the library holds, by path."""
    found = {}
    for path in sorted(root.rglob("*")):
        if path.suffix in (".png", ".jpg", ".webp", ".glb") and ".gm" not in path.parts:
            memory = read_memory(path).memory
            assert memory is not None
            found[path.relative_to(root).as_posix()] = memory.embeddings
    return found


def test_every_picture_of_the_demo_has_its_vector_and_twice_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_dual(tmp_path / "models" / "encoder")
    monkeypatch.setenv("GM_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("GM_PROFILE", "embedded")
    chain = Chain("arch", 3, drawing=None, reference=None, turntable=1, detail=0.2)
    monkeypatch.setattr("gm_assets.world.demo.CHAINS", (chain,))
    for name in ("one", "two"):
        report = build(tmp_path / name, size=96, only=("arch",), workers=1)
        assert report.ingest.counts["written"] == 0 and report.ingest.vectors is None
    one, two = vectors(tmp_path / "one"), vectors(tmp_path / "two")
    assert one == two and len(one) > 1
    assert all(len(found) == (0 if path.endswith(".glb") else 1) for path, found in one.items())
