"""Acceptance and re-entry: who may begin a generation, with what, and what is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from gm_assets.errors import GmError, InvalidMemory, NotFound, WriteRefused
from gm_assets.library import Library, accept, acceptance, ingest, revise
from gm_assets.making.keeping import Kept
from gm_assets.making.reentering import reenter, waiting
from gm_assets.memory.files import read_memory, write_memory
from gm_assets.memory.record import Memory
from gm_assets.sculpt.glb import glb_bytes
from gm_assets_tests.library.files import paint_over, rows
from gm_assets_tests.making.studio import figure, gate, put


@pytest.fixture
def structure(library: Library) -> Path:
    """A structure of the chain `watcher`."""
    return library.root / str(lifted(library).path)


def lifted(library: Library, name: str = "structure.glb", data: bytes | None = None) -> Kept:
    kept = put(library, "watcher", name, data or glb_bytes(figure()), "S5", f"mesh-{name[:3]}")
    ingest(library)
    return kept


def memory_of(path: Path) -> Memory:
    memory = read_memory(path).memory
    assert memory is not None
    return memory


def test_an_acceptance_stands_in_the_history_with_who_and_why(
    library: Library, structure: Path
) -> None:
    before = memory_of(structure)
    accept(library, structure, person="Ida", note="the horns hold")
    memory = memory_of(structure)
    event = acceptance(memory)
    assert event is not None and event == memory.history[-1]
    assert (event.action, event.person, event.note) == ("accepted", "Ida", "the horns hold")
    assert event.instance_id == before.instance_id == memory.instance_id
    assert memory.written == before.written and acceptance(before) is None


def test_the_same_hand_accepts_the_same_content_once(library: Library, structure: Path) -> None:
    accept(library, structure, person="Ida")
    data = structure.read_bytes()
    accept(library, structure, person="Ida")
    assert structure.read_bytes() == data
    accept(library, structure, person="Ada")
    assert [e.person for e in memory_of(structure).history[-2:]] == ["Ida", "Ada"]


def test_an_accepted_structure_is_the_sculpt_of_the_next_generation_and_nothing_is_copied(
    library: Library, structure: Path
) -> None:
    accept(library, structure, person="Ida")
    files = {path for path in library.root.rglob("*") if path.suffix == ".glb"}
    found = reenter(library, structure, person="Ida", note="turn two")
    assert (found.key, found.placement.stage, found.added) == ("watcher.g02", "S3", True)
    assert {path for path in library.root.rglob("*") if path.suffix == ".glb"} == files
    memory = memory_of(structure)
    places = {(one.key, one.stage, one.part) for one in memory.placements}
    assert ("watcher.g01", "S5", "mesh-str") in places and ("watcher.g02", "S3", "mesh") in places
    assert memory.history[-1].action == "placed" and memory.history[-1].note == "turn two"
    states = rows(library, "select stage, state from chains where key = 'watcher.g02' order by 1")
    assert dict(states) == {
        **{"S1": "not_applicable", "S2": "not_applicable"},
        **{"S3": "present", "S4": "gap", "S5": "gap"},
    }


def test_re_entering_twice_adds_nothing(library: Library, structure: Path) -> None:
    accept(library, structure, person="Ida")
    reenter(library, structure)
    data = structure.read_bytes()
    assert reenter(library, structure).added is False
    assert structure.read_bytes() == data


def test_what_nobody_accepted_does_not_re_enter(library: Library, structure: Path) -> None:
    data = structure.read_bytes()
    with pytest.raises(WriteRefused, match="nobody accepted"):
        reenter(library, structure)
    assert structure.read_bytes() == data


def test_an_edit_ends_the_acceptance(library: Library, structure: Path) -> None:
    accept(library, structure, person="Ida")
    memory = memory_of(structure)
    structure.write_bytes(glb_bytes(gate()))
    write_memory(structure, memory)
    with pytest.raises(WriteRefused, match="altered"):
        reenter(library, structure)
    revise(library, structure)
    assert acceptance(memory_of(structure)) is None and not waiting(library)
    with pytest.raises(WriteRefused, match="nobody accepted"):
        reenter(library, structure)


def test_an_altered_file_is_not_accepted(library: Library) -> None:
    picture = library.root / "watcher/reference.png"
    paint_over(picture, seed=2)
    with pytest.raises(WriteRefused, match="altered"):
        accept(library, picture, person="Ida")


def test_a_generation_has_one_sculpt(library: Library, structure: Path) -> None:
    other = library.root / str(lifted(library, "other.glb", glb_bytes(gate())).path)
    for path in (structure, other):
        accept(library, path, person="Ida")
    reenter(library, structure)
    with pytest.raises(WriteRefused, match=r"watcher\.g02 has its sculpt already"):
        reenter(library, other)
    found = reenter(library, other, chain="watcher-b")
    assert (found.key, found.placement.primary) == ("watcher-b.g01", True)


def test_a_picture_begins_a_chain_of_its_own_as_what_it_is(library: Library) -> None:
    path = library.root / "watcher/reference.png"
    with pytest.raises(WriteRefused, match="a picture is no sculpt"):
        reenter(library, path)
    found = reenter(library, path, chain="mirror", person="Ida")
    assert (found.key, found.placement.stage, found.placement.part) == (
        *("mirror.g01", "S2", "reference"),
    )
    assert len(memory_of(path).placements) == 2


@pytest.mark.parametrize(
    ("chain", "error", "said"),
    [
        ("gate", WriteRefused, "is there already"),
        ("gate.g03", WriteRefused, "would leave a generation out"),
        ("new.g02", WriteRefused, "would leave a generation out"),
        ("No Chain", InvalidMemory, "not a chain key"),
    ],
)
def test_chains_that_cannot_begin_are_refused(
    library: Library, structure: Path, chain: str, error: type[GmError], said: str
) -> None:
    accept(library, structure, person="Ida")
    data = structure.read_bytes()
    with pytest.raises(error, match=said):
        reenter(library, structure, chain=chain)
    assert structure.read_bytes() == data


def test_a_sketch_or_a_file_without_memory_does_not_re_enter(library: Library) -> None:
    with pytest.raises(WriteRefused, match="neither a structure"):
        reenter(library, library.root / "watcher/sketch.png")
    bare = library.root / "bare.glb"
    bare.write_bytes(glb_bytes(gate()))
    with pytest.raises(NotFound, match="no memory"):
        reenter(library, bare)
    with pytest.raises(NotFound, match="no memory"):
        accept(library, bare, person="Ida")


def test_what_waits_is_what_a_person_accepted_and_no_plan(
    library: Library, structure: Path
) -> None:
    assert not waiting(library)
    accept(library, structure, person="Ida", plan="accept: plan, plans/watcher.yaml")
    assert not waiting(library), "a plan's own acceptances are the plan's to follow"
    accept(library, structure, person="Ida")
    (one,) = waiting(library)
    assert (one.path, one.key) == ("watcher/structure.glb", "watcher.g02")
    reenter(library, structure)
    assert not waiting(library)
