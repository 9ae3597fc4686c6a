"""Bringing files from outside into the library: copied, never moved.

A copy keeps the layout below the path that was named. A name that is taken by the same
picture or model means that the file is here already, also where the copy got a memory
meanwhile; one that is taken by another gets `-2`, `-3`, …
"""

from __future__ import annotations

import filecmp
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gm_assets.errors import GmError, LibraryError, NotFound
from gm_assets.library.folder import Walk
from gm_assets.library.library import Library
from gm_assets.library.values import Action, Outcome
from gm_assets.memory.files import write_new

#: A name that is taken this often is not searched further.
MAX_NUMBER = 10_000


@dataclass(frozen=True)
class Brought:
    """Paths below the root that hold the copies, and what became of files not copied."""

    paths: tuple[str, ...]
    outcomes: tuple[Outcome, ...]


def bring(
    library: Library,
    sources: Iterable[str | os.PathLike[str]],
    folder: str,
    *,
    dry_run: bool = False,
) -> Brought:
    """Copy files, and asset files below folders, into `folder` of the library.

    Args:
        sources: files and folders outside the library.
        folder: relative to the library's root; made where it does not exist.
        dry_run: say what would be copied (the outcomes), copy nothing.

    Raises:
        NotFound: a source does not exist.
        LibraryError: `folder` lies outside the library or cannot be made.
    """
    target = library.root / library.relative(library.root / folder)
    paths: list[str] = []
    outcomes: list[Outcome] = []
    for source in map(Path, sources):
        for file, name in _files(source):
            try:
                copy = _copy(file, target / name, dry_run)
            except (OSError, GmError) as error:
                outcomes.append(
                    Outcome(os.fspath(file), Action.QUARANTINED, detail=f"not copied: {error}")
                )
                continue
            relative = copy.relative_to(library.root).as_posix()
            if dry_run:
                detail = f"would be copied to {relative}"
                outcomes.append(Outcome(os.fspath(file), Action.RECORDED, detail=detail))
            else:
                paths.append(relative)
    return Brought(tuple(paths), tuple(outcomes))


def _files(source: Path) -> Iterator[tuple[Path, str]]:
    """The asset files of one source, each with the name of its copy below the target."""
    if source.is_dir():
        for path, _ in sorted(Walk(source)):
            yield source / path, f"{source.absolute().name}/{path}"
    elif source.is_file():
        yield source, source.name
    else:
        raise NotFound("there is no such file", where=source)


def _copy(source: Path, target: Path, dry_run: bool) -> Path:
    """Copy one file; returns the path of the copy, or of the equal file that is there."""
    from gm_assets.identity import read_file

    for number in range(1, MAX_NUMBER):
        name = target.name if number == 1 else f"{target.stem}-{number}{target.suffix}"
        path = target.with_name(name)
        if path.is_file() and _is_copy(path, source):
            return path
        if os.path.lexists(path):
            continue
        if not dry_run:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_new(path, read_file(source))
        return path
    raise LibraryError(
        f"{MAX_NUMBER} files of that name are there already",
        where=target,
        remedy="Choose another folder for --copy-to",
    )


def _is_copy(path: Path, source: Path) -> bool:
    """Whether two files hold the same bytes, or the same but for their metadata."""
    if filecmp.cmp(source, path, shallow=False):
        return True
    try:
        return _stripped_hash(path) == _stripped_hash(source)
    except GmError:
        return False


def _stripped_hash(path: Path) -> str:
    """The hash of a file without its metadata, found without decoding it."""
    from gm_assets import containers
    from gm_assets.identity import asset_hash, read_file, stream_hash

    data, where = read_file(path), os.fspath(path)
    layout = containers.parse(data, where)
    if containers.is_model(layout.format):
        return asset_hash(data, where, layout=layout)
    return stream_hash(data, layout)
