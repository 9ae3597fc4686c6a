"""Round trips through real programs: what is lost can be had back, and gaps say why.

Pillow, trimesh and OpenUSD come with the development extra and always run; the others run in
`python -m benchmarks.roundtrips`, which writes docs/roundtrips.md.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from benchmarks.roundtrips import journey, lineage, samples, tools
from gm_assets.errors import GmError
from gm_assets.library import Library, ingest, recover
from gm_assets.memory.files import read_memory

ALWAYS = ("Pillow", "trimesh", "OpenUSD")
WAYS = [(trip, suffix) for trip in tools.TRIPS for suffix in trip.formats]
DOCUMENT = Path(__file__).parents[2] / "docs" / "roundtrips.md"


def name_of(value: object) -> str:
    return value.words if isinstance(value, tools.Trip) else str(value)


@pytest.mark.parametrize(("trip", "suffix"), WAYS, ids=name_of)
def test_whatever_a_program_does_the_memory_comes_back(
    tmp_path: Path, trip: tools.Trip, suffix: str
) -> None:
    if suffix not in samples.formats():
        pytest.skip(f"{suffix} carries no memory here")
    if trip.tool not in ALWAYS:
        pytest.skip(f"{trip.tool} is no dependency: `python -m benchmarks.roundtrips` runs it")
    found = journey.travel(trip, suffix, tmp_path)
    assert found.failure is None
    if found.memory == "whole":
        unchanged = found.content == "the same"
        assert found.healed.startswith("nothing" if unchanged else "gm revise")
        assert unchanged or "altered" in found.answer
    else:
        assert "offers recovery" in found.answer
        assert found.healed in ("gm recover: as it was", "gm recover: the edit is in its history")
    if found.content == "the same" and found.memory == "lost":
        assert "offers recovery" in found.elsewhere


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """A library with one JPEG and its memory."""
    root = tmp_path / "library"
    Library.init(root)
    (root / "gm.toml").write_text('[library]\nname = "t"\nmanaged = true\n', "utf-8")
    library = Library.open(root)
    samples.remember(samples.make(root / "asset.jpg"), "S4", "frame")
    ingest(library)
    return library


def way(tool: str, does: str) -> tools.Trip:
    return next(trip for trip in tools.TRIPS if (trip.tool, trip.does) == (tool, does))


@pytest.mark.parametrize("keep", [True, False])
def test_a_stripped_and_changed_file_of_another_name_is_recovered_by_its_document(
    library: Library, tmp_path: Path, keep: bool
) -> None:
    old = library.root / "asset.jpg"
    memory = read_memory(old).memory
    assert memory is not None
    back = tmp_path / "back.jpg"
    assert tools.run(way("Pillow", "open, save"), old, back) is None
    if not keep:
        old.unlink()
    new = library.root / "delivered.jpg"
    shutil.copyfile(back, new)
    assert not ingest(library).recoveries
    if not keep:
        # Nothing holds the memory any more: no file, and no offer was ever made for it.
        with pytest.raises(GmError):
            recover(library, new, document_id=memory.document_id)
        return
    recovered = recover(library, new, document_id=memory.document_id)
    assert recovered.placements == memory.placements and recovered.recipe == memory.recipe


def test_a_family_that_loses_its_memories_is_whole_again_or_says_why(
    tmp_path: Path,
) -> None:
    ways = {
        "sketch.png": (("Pillow", "open, save"),),
        "reference.png": (("Pillow", "open, save with"),),
        "frame.jpg": (("Pillow", "open, save"),),
        "plate.jpg": (("Pillow", "open, save"),),
        "cloud.ply": (("trimesh", "load"),),
        "structure.glb": (("trimesh", "load"),),
    }
    chain = [(*member[:4], ways.get(member[0], ())) for member in lineage.CHAIN]
    family = lineage.send(tmp_path, chain)
    assert family.at_first < family.declared == len(family.links)
    why = {(link.child, link.parent): link for link in family.links}
    assert why["reference.png", "sketch.png"].resolution == "resolved"
    broken = why["structure.glb", "frame.jpg"]
    assert broken.resolution == "superseded" and "revised" in broken.detail
    assert {link.basis for link in family.links} == {"recorded"}
    assert sorted(family.redo) == ["cloud.ply", "structure.glb"]


def test_the_document_names_every_program_that_is_sent_through() -> None:
    text = DOCUMENT.read_text("utf-8")
    assert not {trip.tool for trip in tools.TRIPS if trip.tool not in text}
    commands = set(re.findall(r"`gm (\w+)", text))
    assert {"ingest", "recover", "revise", "stale"} <= commands
