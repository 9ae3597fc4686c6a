"""Where a chain's files are kept: the folder that may be written, what lies there, the catalogue.

Frames, structures and sculpts differ in how they are made and not in this.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gm_assets.errors import LibraryError, WriteRefused
from gm_assets.library import ProgressFunction, ingest
from gm_assets.making.keeping import Kept, kept_at
from gm_assets.memory.record import Stage

if TYPE_CHECKING:
    from gm_assets.library import Library

#: Seconds that finished files wait for another writer before LibraryLocked: they took minutes.
WRITER_WAIT_S = 120.0


def refuse_unwritable(library: Library, folder: str, name: str, remedy: str) -> None:
    """Refuse a folder that memories may not be written in.

    Args:
        folder: relative to the library.
        name: of a file as it would lie there.
        remedy: what to do where gm.toml forbids it.

    Raises:
        WriteRefused: it is not managed.
    """
    if not library.managed(f"{folder}/{name}".lstrip("/")):
        raise WriteRefused(
            "this folder is not managed: gm.toml forbids writing memories here",
            where=library.root / folder,
            remedy=remedy,
        )


def refuse_planned(library: Library, folder: str, name: str) -> None:
    """Refuse a folder that a plan may have named; as `refuse_unwritable`.

    Raises:
        WriteRefused: it is not managed, or a link leads out of the library.
    """
    root = library.root
    if not (root / folder).resolve().is_relative_to(root.resolve()):
        raise WriteRefused(
            "a link on the way to this folder leads out of the library",
            where=root / folder,
            remedy="Name another `folder` in the plan",
        )
    remedy = "Name another `folder` in the plan, or set managed = true for this one"
    refuse_unwritable(library, folder, name, remedy)


def document_at(
    root: Path,
    path: str,
    document_id: str,
    stage: Stage,
    noun: str,
    found: Callable[[str], str | None] = lambda _: None,
) -> Kept | None:
    """A document where it belongs or where it was moved to, read and identified now.

    Args:
        root: the library's folder.
        path: where it belongs, relative to `root`.
        noun: what it is, for the error.
        found: where a document lies now, by its id; None where nobody knows.

    Raises:
        LibraryError: something else lies in its place, or it was edited.
    """
    kept = kept_at(root, path, document_id, stage)
    if kept is None and (moved := found(document_id)) is not None:
        kept = kept_at(root, moved, document_id, stage)
    if kept is None and os.path.lexists(root / path):  # asked before minutes are spent on it
        raise LibraryError(
            f"it was edited, or it is another file than the {noun} that belongs here",
            where=root / path,
            remedy="Keep the edit with `gm revise FILE`, or move the file away",
        )
    return kept


def catalogue(
    library: Library, kept: Iterable[Kept], progress: ProgressFunction | None = None
) -> None:
    """Take files that were made or verified into the catalogue, each once."""
    paths = dict.fromkeys(library.root / one.path for one in kept if one.path)
    if paths:
        patient = replace(library, wait=max(library.wait, WRITER_WAIT_S))
        ingest(patient, paths, progress=progress)
