"""One look at the library: what differs on disk, and what the catalogue says. Reads only."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import fields, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from gm_assets.defs.library.watch import BUDGET_S, Cursor, Seen, settled
from gm_assets.defs.store import chain_keys, stage_versions, unwritten

if TYPE_CHECKING:
    from gm_assets.library import Library
    from gm_assets.library.values import Changes


def look(library: Library, cursor: Cursor, now_ns: int) -> tuple[Seen, Cursor]:
    """Scan within the time budget; returns what was seen and where the next tick goes on.

    A library that takes longer is looked at folder by folder over several ticks. A file that
    moves between two such folders then counts as vanished here and new there.

    Args:
        now_ns: the time in nanoseconds since 1970, for the settle time.
    """
    from gm_assets.library import changes_by_chain

    changes, cursor = scan_within(library, cursor)
    found, changes = changes, settled(changes, now_ns, library.config.settle_seconds)
    seen = Seen(
        changes=changes,
        arriving=found.found - changes.found,
        affected=tuple(changes_by_chain(library, changes)),
        generation=library.store.generation,
        versions=stage_versions(library),
        keys=tuple(chain_keys(library)),
        unwritten=unwritten(library),
    )
    return seen, cursor


def scan_within(
    library: Library, cursor: Cursor, budget_s: float = BUDGET_S
) -> tuple[Changes, Cursor]:
    """The changes on disk, as many as a budget of seconds allows, and where to go on."""
    from gm_assets.library.changes import Known, compare, scan

    started = time.monotonic()
    if not cursor.slow:
        changes = scan(library)
        return changes, replace(cursor, slow=time.monotonic() - started > budget_s)
    known = Known.load(library)
    names = _rotated(_top_names(library, known.files), cursor.folder)
    found: list[Changes] = []
    for name in names:
        found.append(compare(library, known, [name]))
        if time.monotonic() - started > budget_s:
            return _joined(found), replace(cursor, folder=name)
    return _joined(found), replace(cursor, slow=False, folder="")


def _top_names(library: Library, known: Iterable[str]) -> list[str]:
    """Folders and asset files directly below the root, on disk or in the catalogue."""
    from gm_assets.library.folder import SUFFIXES

    here = {
        entry.name
        for entry in library.root.iterdir()
        if not entry.name.startswith(".")
        and (entry.suffix[1:].lower() in SUFFIXES or (entry.is_dir() and not entry.is_symlink()))
    }
    return sorted(here | {path.split("/", 1)[0] for path in known})


def _rotated(names: list[str], last: str) -> list[str]:
    """The names after `last`, then those before it."""
    return [name for name in names if name > last] + [name for name in names if name <= last]


def _joined(found: list[Changes]) -> Changes:
    """Several looks as one: tuples one after the other, counts added."""
    from gm_assets.library.values import Changes

    values: dict[str, Any] = {}
    for field in fields(Changes):
        parts = [getattr(part, field.name) for part in found]
        counted = isinstance(parts[0], int)
        values[field.name] = sum(parts) if counted else tuple(chain.from_iterable(parts))
    return Changes(**values)
