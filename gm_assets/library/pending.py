"""Which unchanged files an ingest looks at again.

A file can stay as it was and still have something to gain: its memory could not be written
before (a read-only folder that is writable now), or gm.toml has new rules for it.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import TYPE_CHECKING

from gm_assets.containers import is_sealed
from gm_assets.library.changes import Known
from gm_assets.library.recording import config_changed
from gm_assets.library.values import Entry
from gm_assets.memory.files import Signature

if TYPE_CHECKING:
    from gm_assets.library.library import Library


def pending(library: Library, known: Known, other: Collection[str]) -> list[Entry]:
    """Files of `known` without the paths in `other` that may gain a memory or a placement.

    Those are, whenever an ingest runs, files below managed folders that carry no memory and
    can be written now, in a format that is ever written. After gm.toml has changed they are
    all files without a memory, all that stand in no chain, and all that are managed where they
    were not or the reverse.
    """
    table = library.store.read("files", ["path", "document_id", "memory", "managed", "format"])
    anew = config_changed(library)
    if not anew:
        import pyarrow.compute as pc

        table = table.filter(pc.equal(table.column("memory"), "none"))
    placed = _placed_documents(library) if anew else frozenset()
    found = []
    for path, document_id, memory, was_managed, format in zip(
        *(column.to_pylist() for column in table.columns), strict=True
    ):
        numbers = known.files.get(path)
        if numbers is None or path in other:
            continue
        manages = library.config.manages(path)
        unplaced = memory == "none" or document_id not in placed
        if (anew and (unplaced or manages != was_managed)) or (
            memory == "none" and manages and not is_sealed(format) and _writable(library, path)
        ):
            found.append(Entry(path, Signature(*numbers)))
    return found


def _placed_documents(library: Library) -> frozenset[str]:
    return frozenset(library.store.read("placements", ["document_id"]).column(0).to_pylist())


def _writable(library: Library, path: str) -> bool:
    full = library.root / path
    return os.access(full, os.W_OK) and os.access(full.parent, os.W_OK)
