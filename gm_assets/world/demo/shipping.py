"""Plates and structures of the demo that are shipped finished, each with its memory.

A turntable of generated plates and the structures lifted from it are minutes of work for every
chain. `finished/`, beside this module, holds those of the demo as files, below the paths that
they have in the library. They are put into their places where the sculpt and the model are the
ones that they were made from; the calls that would make them then verify them by recipe.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from gm_assets.identity import identify, read_file
from gm_assets.library import Library
from gm_assets.memory.files import read_memory, write_new
from gm_assets.memory.record import Memory

#: The shipped files, below the paths that they have in the library.
FINISHED = Path(__file__).parent / "finished"
#: The entry of the plans whose frames are plates.
PLATES = "turntable"


@dataclass(frozen=True)
class Comparison:
    """Shipped files beside those that were made here.

    Attributes:
        same: paths whose content is the shipped one.
        other: paths whose content differs, or that were not made.
    """

    same: tuple[str, ...]
    other: tuple[str, ...]


def shipped(folder: str) -> list[str]:
    """Paths of the shipped files below a folder of the library."""
    return sorted(
        path.relative_to(FINISHED).as_posix()
        for path in (FINISHED / folder).rglob("*")
        if path.is_file()
    )


def put(library: Library, folder: str, sculpt: str, fingerprint: str) -> tuple[str, ...]:
    """Put the shipped files of a chain into the library, those that are missing there.

    Args:
        folder: of the chain, relative to the library.
        sculpt: content id of the chain's sculpt.
        fingerprint: of the model that the library makes frames with.

    Returns:
        Paths of what was put there; nothing where the files are of another sculpt or model.
    """
    paths = shipped(folder)
    memories = {path: read_memory(FINISHED / path).memory for path in paths}
    plates = [memory for memory in memories.values() if memory is not None and _is_plate(memory)]
    first = [memory for memory in plates if memory.placements[0].generation == 1]
    if not first or any(sculpt not in _parents(memory) for memory in first):
        return ()
    if any(memory.ai_system_version != fingerprint for memory in plates):
        return ()
    missing = [path for path in paths if not (library.root / path).exists()]
    for path in missing:
        target = library.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        write_new(target, read_file(FINISHED / path))
    return tuple(missing)


def compare(library: Library, folders: Collection[str]) -> Comparison:
    """Compare what was made in the library with what is shipped, by content id."""
    same: list[str] = []
    other: list[str] = []
    for path in (path for folder in folders for path in shipped(folder)):
        there = library.root / path
        equal = there.is_file() and identify(there).content_id == _content(FINISHED / path)
        (same if equal else other).append(path)
    return Comparison(tuple(same), tuple(other))


def collect(library: Library) -> list[str]:
    """Make `finished/` hold the plates and structures of a demo library; returns their paths."""
    found = [path.relative_to(library.root).as_posix() for path in _finished(library)]
    for path in shipped("."):
        if path not in found:
            (FINISHED / path).unlink()
    for path in found:
        target = FINISHED / path
        target.parent.mkdir(parents=True, exist_ok=True)
        write_new(target, read_file(library.root / path), overwrite=True)
    return found


def _finished(library: Library) -> Iterator[Path]:
    rows = library.catalogue().execute(
        "select distinct a.path from assets a join placements p using (document_id) "
        "where p.stage in ('S4', 'S5') order by a.path"
    )
    for (path,) in rows.fetchall():
        memory = read_memory(library.root / path).memory
        if memory is not None and (_is_plate(memory) or _is_lifted(memory)):
            yield library.root / path


def _is_plate(memory: Memory) -> bool:
    return any(one.stage == "S4" and one.variant == PLATES for one in memory.placements)


def _is_lifted(memory: Memory) -> bool:
    """Whether it was lifted from generated plates: hulls of clay are made with their chain."""
    step = str((memory.recipe or {}).get("step", ""))
    return step.startswith("s5.") and bool((memory.recipe or {}).get("cameras"))


def _parents(memory: Memory) -> set[str]:
    return {parent.content_id for parent in memory.parents}


def _content(path: Path) -> str:
    return identify(path).content_id
