"""`gm stale`: the list for people and the list for programs."""

from __future__ import annotations

from gm_assets.memory.files import read_memory, write_memory
from gm_assets_tests.cli.gm import Gm, noise


def test_stale_lists_what_must_be_redone_and_why(family: Gm) -> None:
    assert family("stale").out == "nothing must be redone\n"
    sketch = family.root / "sketch.png"
    memory = read_memory(sketch).memory
    assert memory is not None and memory.written is not None
    noise(sketch, 99)
    write_memory(sketch, memory)
    family("ingest")
    text = family("stale").out
    assert "1 overwritten file to decide about" in text and "gm revise" in text
    family("revise", sketch, "--note", "wider", "--person", "Inês")
    text = family("stale").out
    assert "1 document to redo" in text and "plate.jpg" in text and "sketch.png" in text
    assert "Inês wider" in text
    report = family("stale", "--json").json["report"]
    (redo,) = report["redo"]
    assert redo["order"] == 1 and redo["document"]["path"] == "plate.jpg"
    (cause,) = redo["causes"]
    assert cause["used"] == memory.written.content_id and cause["now"] != cause["used"]
    assert cause["revised"] is True and cause["note"] == "wider"
    assert report["total"] == 1 and report["undecided"] == []
    assert family("stale", "seam-keeper.g01", "--json").json["report"]["total"] == 1


def test_a_chain_that_is_not_there_is_not_up_to_date(family: Gm) -> None:
    for name in ("seam-keper", "seam-keeper.g02"):
        error = family("stale", name, "--json", code=8).json["error"]
        assert error["where"] == name and "gm chains" in error["remedy"]
