"""One file through one program: what came back, and what the library makes of it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks.roundtrips import samples, tools
from gm_assets.authoring.duplicates import duplicates
from gm_assets.errors import GmError
from gm_assets.identity import Identity, identify
from gm_assets.library import Library, ingest, recover, revise
from gm_assets.memory.files import read_memory
from gm_assets.memory.record import Memory

_RULES = '[library]\nname = "trip"\nmanaged = true\n'


@dataclass(frozen=True)
class Journey:
    """What became of one file.

    Attributes:
        trip, format: the way, and the suffix of the file.
        memory: `whole`, `lost`, `damaged`, or `changed: ` and the fields that differ.
        content: `the same`, or how it differs.
        answer: what `gm ingest` says where the file came back to its own place.
        elsewhere: what it says where the file came back under another name, the old one gone.
        beside: the same with the old one still there.
        healed: what `gm recover` or `gm revise` made of it.
        failure: why there is nothing to look at.
    """

    trip: tools.Trip
    format: str
    memory: str = ""
    content: str = ""
    answer: str = ""
    elsewhere: str = ""
    beside: str = ""
    healed: str = ""
    failure: str | None = None


def travel(trip: tools.Trip, suffix: str, folder: Path) -> Journey:
    """Make a file with a memory, send it through, and look at what came back."""
    library = _library(folder / "library")
    source = samples.make(library.root / f"asset.{suffix}")
    memory = samples.remember(source, "S4", "frame")
    before = identify(source)
    ingest(library)
    back = folder / f"back.{suffix}"
    if failure := tools.run(trip, source, back):
        return Journey(trip, suffix, failure=failure)
    try:
        after = identify(back)
    except GmError as error:
        return Journey(trip, suffix, failure=error.what)
    told, lost = _memory(back, memory)
    return Journey(
        trip,
        suffix,
        memory=told,
        content=_content(before, after),
        answer=_returned(library, source, back),
        healed=_healed(library, source, memory, lost),
        elsewhere=_delivered(folder / "other", suffix, back, keep=False),
        beside=_delivered(folder / "both", suffix, back, keep=True),
    )


def _library(root: Path) -> Library:
    Library.init(root)
    (root / "gm.toml").write_text(_RULES, "utf-8")
    return Library.open(root)


def _memory(path: Path, original: Memory) -> tuple[str, bool]:
    """What is left of the memory in words, and whether it is lost."""
    try:
        found = read_memory(path).memory
    except GmError as error:
        return f"damaged: {error.what}", True
    if found is None:
        return "lost", True
    fields = [n for n in Memory.model_fields if getattr(found, n) != getattr(original, n)]
    return (f"changed: {', '.join(fields)}" if fields else "whole"), False


def _content(before: Identity, after: Identity) -> str:
    if before.content_id == after.content_id:
        return "the same"
    if before.perceptual_hash and after.perceptual_hash:
        bits = int(before.perceptual_hash, 16) ^ int(after.perceptual_hash, 16)
        return f"changed ({bits.bit_count()} of 64 bits of the perceptual hash)"
    same = before.geometry_hash is not None and before.geometry_hash == after.geometry_hash
    return "changed (same geometry)" if same else "changed"


def _returned(library: Library, source: Path, back: Path) -> str:
    """The file is saved over the old one, as an artist does."""
    shutil.copyfile(back, source)
    return _answer(library, source)


def _delivered(folder: Path, suffix: str, back: Path, *, keep: bool) -> str:
    """The file comes back under another name; the old one is gone, or still there."""
    library = _library(folder)
    old = samples.make(library.root / f"asset.{suffix}")
    samples.remember(old, "S4", "frame")
    ingest(library)
    if not keep:
        old.unlink()
    new = library.root / f"delivered.{suffix}"
    shutil.copyfile(back, new)
    answer = _answer(library, new)
    groups = duplicates(library, near=True) if keep else ()
    return f"{answer}; twins by {groups[0].level}" if groups else answer


def _answer(library: Library, path: Path) -> str:
    report = ingest(library)
    name = path.relative_to(library.root).as_posix()
    outcome = next((o for o in report.outcomes if o.path == name), None)
    offered = next((r for r in report.recoveries if r.path == name), None)
    if offered is not None:
        return f"offers recovery: {offered.reason}"
    moved = "moved; " if any(move.new == name for move in report.moved) else ""
    if outcome is None:
        return f"{moved}unchanged"
    if outcome.altered:
        return f"{moved}altered: its memory speaks of another content"
    if moved:
        return "moved"
    return {"remembered": "remembered", "written": "taken for a new file"}.get(
        outcome.action.value, f"{outcome.action.value}: {outcome.detail}"
    )


def _healed(library: Library, path: Path, original: Memory, lost: bool) -> str:
    """Accept what ingest offers, and see whether the family would know the file again."""
    altered = not lost and original.written != _written(path)
    try:
        if lost:
            memory = recover(library, path, person="test")
        elif altered:
            memory = revise(library, path, person="test")
        else:
            return "nothing to do"
    except GmError as error:
        return f"refused: {error.what}"
    fields = ("document_id", "placements", "parents", "recipe", "title")
    left = [name for name in fields if getattr(memory, name) != getattr(original, name)]
    how = "gm recover" if lost else "gm revise"
    revised = any(event.content_id for event in memory.history)
    end = "the edit is in its history" if revised else "as it was"
    return f"{how}: {'differs in ' + ', '.join(left) if left else end}"


def _written(path: Path) -> object:
    memory = read_memory(path).memory
    if memory is None or memory.written is None:
        return None
    same = identify(path).content_id == memory.written.content_id
    return memory.written if same else None
