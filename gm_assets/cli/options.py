"""Options that several commands share, and opening the library that they name."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

if TYPE_CHECKING:
    from gm_assets.library import Library
    from gm_assets.lineage.family import Family

LibraryOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--library",
        "-L",
        help="Folder of the library (default: that of the files named, GM_LIBRARY, ./library).",
        show_default=False,
    ),
]
JsonOption: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print one JSON document (docs/cli.md has its shape).")
]
WorkersOption: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=256,
        help="Processes that read files (GM_WORKERS, else the CPUs).",
        show_default=False,
    ),
]
#: What files of meshes do not say themselves: the keys of `sculpt.reading.UNITS`, and an axis.
Unit: TypeAlias = Literal["m", "cm", "mm", "in", "ft"]
Axis: TypeAlias = Literal["y", "z"]


def library_path(
    ctx: typer.Context, chosen: Path | None, files: Iterable[Path] | None = None
) -> Path:
    """The library's folder.

    The command's option, else `gm`'s own option, else the library in which the first of the
    named `files` lies, else `GM_LIBRARY`, else the library around the working folder, else
    `./library`.

    Raises:
        GmError: an environment variable holds a value that it cannot have.
    """
    from gm_assets.settings import Settings

    given: Any = ctx.obj
    if chosen is not None or isinstance(given, Path):
        return chosen or given
    for file in files or ():
        if (around := _library_around(file.absolute())) is not None:
            return around
        break
    settings = Settings.from_environment()
    if not os.environ.get("GM_LIBRARY") and not settings.library.exists():
        return _library_around(Path.cwd()) or settings.library
    return settings.library


def library_holding(ctx: typer.Context, chosen: Path | None, file: Path) -> Path | None:
    """The library in which a file lies or is to lie, if it is in one.

    Raises:
        GmError: as `library_path`.
    """
    root = library_path(ctx, chosen, [file])
    inside = (root / "gm.toml").is_file() and file.resolve().is_relative_to(root.resolve())
    return root if inside else None


def _library_around(path: Path) -> Path | None:
    """The folder at or above `path` that has a gm.toml."""
    for folder in (path, *path.parents):
        if (folder / "gm.toml").is_file():
            return folder
    return None


def open_library(
    ctx: typer.Context,
    chosen: Path | None,
    *,
    files: Iterable[Path] | None = None,
    read_only: bool = False,
) -> Library:
    """Open the library that the options or the named files lead to (`library_path`).

    Raises:
        LibraryError: there is none, or its gm.toml is malformed.
    """
    from gm_assets.library import Library

    return Library.open(library_path(ctx, chosen, files), read_only=read_only)


def open_family(library: Library) -> Family:
    """Questions about lineage, of the current generation of the store.

    Raises:
        LibraryError: nothing was ingested yet, or the store is damaged.
    """
    from gm_assets.lineage.family import Family

    return Family(library.store.connect())


def worker_count(chosen: int | None) -> int:
    """The option, or the settings."""
    from gm_assets.settings import Settings

    return chosen if chosen is not None else Settings.from_environment().workers
