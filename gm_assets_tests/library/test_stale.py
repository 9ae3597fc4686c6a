"""What must be redone: in order, with the reason, and nothing before a person has decided."""

from __future__ import annotations

from pathlib import Path

import pytest

from gm_assets.errors import NotFound
from gm_assets.identity import identify
from gm_assets.library import Library, ingest, recover, revise
from gm_assets.library.stale import stale
from gm_assets.memory.files import read_memory, write_memory
from gm_assets.memory.record import Memory, Parent, Placement, mint_document_id, mint_instance_id
from gm_assets_tests.library.files import make_library, picture

RECIPE = {"step": "s4.frame", "seed": "7"}


def remembered(
    path: Path, place: tuple[int, str, str], parents: tuple[Memory, ...] = (), **more: object
) -> Memory:
    """The picture with a memory: generation, stage and part in the chain `gate`."""
    identity = identify(path)
    generation, stage, part = place
    document = mint_document_id(identity.content_id)
    memory = Memory.model_validate(
        {
            "document_id": document,
            "instance_id": mint_instance_id(document, identity.content_id),
            "placements": [
                Placement.model_validate(
                    {"chain": "gate", "generation": generation, "stage": stage, "part": part}
                )
            ],
            "parents": [
                Parent(
                    document_id=parent.document_id,
                    content_id=parent.written.content_id,
                    basis="recorded",
                )
                for parent in parents
                if parent.written
            ],
            "written": identity.written(),
            **more,
        }
    )
    write_memory(path, memory)
    return memory


def repaint(path: Path, seed: int, *, keep: bool) -> None:
    """Overwrite the picture as an editor does that keeps the memory, or one that drops it."""
    memory = read_memory(path).memory
    picture(path, seed)
    if keep and memory is not None:
        write_memory(path, memory)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """A sketch, a reference from it, a frame from the reference, and a second turn from that."""
    library = make_library(tmp_path / "library")
    root = library.root
    sketch = remembered(picture(root / "sketch.png", 1), (1, "S1", "sketch"))
    reference = remembered(picture(root / "zz-first.png", 2), (1, "S2", "reference"), (sketch,))
    frame = remembered(
        picture(root / "frame.png", 3), (1, "S4", "frame"), (reference, sketch), recipe=RECIPE
    )
    remembered(picture(root / "again.png", 4), (2, "S4", "frame"), (frame,))
    remembered(picture(root / "alone.png", 5), (1, "S4", "frame"))
    ingest(library)
    return library


def test_a_revised_parent_makes_its_descendants_stale_in_their_order(library: Library) -> None:
    assert stale(library).total == 0
    sketch = library.root / "sketch.png"
    used = read_memory(sketch).memory
    repaint(sketch, 9, keep=True)
    ingest(library)
    revise(library, sketch, note="a wider gate", person="Inês")
    report = stale(library)
    assert [redo.document.path for redo in report.redo] == [
        "zz-first.png",
        "frame.png",
        "again.png",
    ]
    assert [redo.order for redo in report.redo] == [1, 2, 3]
    (cause,) = report.redo[0].causes
    assert used is not None and used.written is not None
    now = read_memory(sketch).memory
    assert now is not None and now.written is not None
    assert (cause.used, cause.now) == (used.written.content_id, now.written.content_id)
    assert cause.revised and cause.person == "Inês" and cause.note == "a wider gate"
    assert cause.when is not None and cause.path == "sketch.png"
    because = [(c.path, c.revised) for c in report.redo[1].causes]
    assert because == [("zz-first.png", False), ("sketch.png", True)]
    assert report.redo[1].step == "s4.frame" and report.redo[0].step is None
    assert report.redo[2].places == ("gate.g02 S4 frame",)


def test_a_redone_child_is_off_the_list(library: Library) -> None:
    sketch = library.root / "sketch.png"
    repaint(sketch, 9, keep=True)
    ingest(library)
    revise(library, sketch)
    parent = read_memory(sketch).memory
    assert parent is not None
    for name, seed in (("zz-first.png", 12), ("frame.png", 13), ("again.png", 14)):
        (library.root / name).unlink()
        parent = remembered(picture(library.root / name, seed), (1, "S2", "reference"), (parent,))
    ingest(library)
    assert stale(library).total == 0


@pytest.mark.parametrize("keep", [True, False])
def test_an_edit_that_nobody_decided_about_makes_nothing_stale(
    library: Library, keep: bool
) -> None:
    sketch = library.root / "sketch.png"
    repaint(sketch, 9, keep=keep)
    ingest(library)
    report = stale(library)
    assert report.total == 0
    (undecided,) = report.undecided
    assert (undecided.path, undecided.children) == ("sketch.png", 2)
    assert undecided.remedy.startswith("gm revise" if keep else "gm recover")
    if not keep:
        recover(library, sketch)
        report = stale(library)
        assert report.total == 3 and not report.undecided


def test_one_chain_and_a_limit_shorten_the_list_and_keep_the_numbers(library: Library) -> None:
    sketch = library.root / "sketch.png"
    repaint(sketch, 9, keep=True)
    ingest(library)
    revise(library, sketch)
    report = stale(library, limit=1)
    assert report.total == 3 and len(report.redo) == 1
    assert stale(library, "gate").total == 3
    assert stale(library, "gate.g01").total == 2 and stale(library, "gate.g02").total == 1
    with pytest.raises(NotFound):
        stale(library, "harbour")


def test_a_document_in_a_cycle_says_so(library: Library) -> None:
    root = library.root
    one = picture(root / "one.png", 21)
    ends = remembered(one, (1, "S4", "frame"))
    two = remembered(picture(root / "two.png", 22), (1, "S4", "frame"), (ends,))
    source = read_memory(root / "sketch.png").memory
    assert source is not None
    remembered(one, (1, "S4", "frame"), (two, source))
    repaint(root / "sketch.png", 9, keep=True)
    ingest(library)
    revise(library, root / "sketch.png")
    cyclic = {redo.document.path for redo in stale(library).redo if redo.cyclic}
    assert cyclic == {"one.png", "two.png"}
