"""Joining what twins know: the union of their memories, written into the one that is kept.

Twins are files of one content. Their memories may differ: one was placed, another has
parents, a third a note. `merge` writes into the kept file what the others know and it does
not; the others stay as they are, and whether they are still needed a person decides. Links of
other files that name a twin's document go on to resolve, by content, when that twin is gone.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gm_assets.authoring.memories import merged
from gm_assets.authoring.stock import Stock
from gm_assets.authoring.values import Merged, TwinGroup
from gm_assets.errors import GmError, LibraryError, WriteRefused
from gm_assets.library.examine import Examined, examine, write
from gm_assets.library.recording import Recorder
from gm_assets.lineage.evidence import is_altered
from gm_assets.memory.record import Memory

if TYPE_CHECKING:
    from gm_assets.library import Library

#: Levels whose files are one content.
TWINS = frozenset(("file", "content"))


def merge(
    library: Library,
    groups: Sequence[TwinGroup],
    *,
    person: str,
    note: str | None = None,
    dry_run: bool = False,
) -> tuple[tuple[Merged, ...], tuple[GmError, ...]]:
    """Write into the kept file of each group what its twins know and it does not.

    Groups of other levels than `file` and `content` are passed over, as are those whose
    memories say the same. Nothing is deleted.

    Args:
        person, note: kept in the history.
        dry_run: say what would be gained, write nothing.

    Returns:
        What was merged, and for groups that could not be, why.

    Raises:
        LibraryLocked, LibraryError: as `Library.writing`; the store is damaged.
    """
    twins = [group for group in groups if group.level in TWINS]
    if dry_run:
        return _merge_all(library, twins, person, note, None)
    with library.writing():
        recorder = Recorder(library)
        try:
            return _merge_all(library, twins, person, note, recorder)
        finally:
            recorder.commit()


def _merge_all(
    library: Library,
    groups: Sequence[TwinGroup],
    person: str,
    note: str | None,
    recorder: Recorder | None,
) -> tuple[tuple[Merged, ...], tuple[GmError, ...]]:
    stock = Stock.of(library)
    done: list[Merged] = []
    refused: list[GmError] = []
    for group in groups:
        try:
            found = _merge(library, stock, group, person, note, recorder)
        except GmError as error:
            refused.append(error)
            continue
        if found is not None:
            done.append(found)
    return tuple(done), tuple(refused)


def _merge(
    library: Library,
    stock: Stock,
    group: TwinGroup,
    person: str,
    note: str | None,
    recorder: Recorder | None,
) -> Merged | None:
    """One group; None where the kept file knows everything already."""
    root = os.fspath(library.root)
    kept, *others = (_sound(root, twin.path, group.kept.content_id) for twin in group.twins)
    if kept is None or kept.memory is None or kept.signature is None or kept.identity is None:
        raise WriteRefused(
            "the file to keep carries no memory that could be added to",
            where=library.root / group.kept.path,
            remedy="Run `gm ingest`, or place it",
        )
    memories = [one.memory for one in others if one is not None and one.memory is not None]
    memory, gained, differs = merged(kept.memory, memories, person=person, note=note)
    if not gained:
        return None
    _refuse_cycle(library, stock, group.kept.path, kept.memory, memory)
    if not library.managed(group.kept.path):
        raise WriteRefused(
            "its folder is not managed: gm.toml forbids writing memories here",
            where=library.root / group.kept.path,
            remedy="Set managed = true for the folder in gm.toml",
        )
    if recorder is not None:
        wrote = write(root, kept.path, memory, kept.signature)
        if isinstance(wrote, GmError):
            raise wrote
        identity = replace(kept.identity, file_hash=wrote.file_hash, size=wrote.signature.size)
        fresh = replace(kept, signature=wrote.signature, identity=identity, memory=wrote.memory)
        ruling = library.ruling(kept.path)
        recorder.wrote(kept.path)
        recorder.add(fresh, True, ruling.placement if ruling else None)
        memory = wrote.memory or memory
    return Merged(kept.path, memory, gained, differs)


def _sound(root: str, path: str, content_id: str) -> Examined | None:
    """A file read now, if it is still the content of its group and not altered."""
    found = examine(root, path)
    if found.identity is None or found.identity.content_id != content_id:
        return None
    if found.memory is not None and is_altered(found.identity, found.memory.written):
        return None
    return found


def _refuse_cycle(library: Library, stock: Stock, path: str, before: Memory, after: Memory) -> None:
    """Raises LibraryError where a twin's parents would make the kept document its own ancestor."""
    fresh = [one.document_id for one in after.parents if one not in before.parents]
    planned = [(before.document_id, parent) for parent in fresh if parent]
    if any(stock.cyclic(planned)):
        raise LibraryError(
            "a twin names a parent that comes from this document itself",
            where=library.root / path,
            remedy="Look at both with `gm show`; one of the links goes against the work",
        )
