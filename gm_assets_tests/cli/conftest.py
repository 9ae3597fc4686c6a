"""Libraries for the command line's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from gm_assets.identity import identify
from gm_assets.library import Library
from gm_assets.memory.files import write_memory
from gm_assets.memory.record import (
    Event,
    Gap,
    Memory,
    Parent,
    Placement,
    mint_document_id,
    mint_instance_id,
)
from gm_assets_tests.cli.gm import Gm, noise

WHEN = "2026-11-22T10:00:00Z"


@pytest.fixture
def gm(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> Gm:
    """`gm` on an empty library; the settings of the person who runs the tests are unset."""
    for name in ("GM_LIBRARY", "GM_WALK_URL", "GM_STATE", "GM_PICTURES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GM_WORKERS", "1")
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "library"
    Library.init(root)
    return Gm(root, capsys)


@pytest.fixture
def family(gm: Gm) -> Gm:
    """`gm` on a chain of a sketch and a plate made from it, whose reference is missing."""
    sketch = _remembered(noise(gm.root / "sketch.png", 1), "S1", "sketch")
    written = sketch.written
    assert written is not None
    parent = Parent(
        role="source",
        document_id=sketch.document_id,
        instance_id=sketch.instance_id,
        content_id=written.content_id,
        stage="S1",
        basis="recorded",
    )
    gap = Gap(stage="S2", reason="The photograph was never scanned")
    _remembered(noise(gm.root / "plate.jpg", 2), "S4", "frame", parents=(parent,), gaps=(gap,))
    gm("ingest")
    return gm


def _remembered(path: Path, stage: str, part: str, **more: object) -> Memory:
    """The file with a memory that places it in the chain `seam-keeper`."""
    identity = identify(path)
    document = mint_document_id(identity.content_id)
    memory = Memory.model_validate(
        {
            "document_id": document,
            "instance_id": mint_instance_id(document, identity.content_id),
            "placements": (
                Placement(chain="seam-keeper", stage=stage, part=part, primary=True),  # type: ignore[arg-type]
            ),
            "domain": "figures",
            "history": (Event(action="created", when=WHEN, software_agent="test"),),
            "written": identity.written(),
            **more,
        }
    )
    write_memory(path, memory)
    return memory
