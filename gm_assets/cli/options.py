"""Options that several commands share, and opening the library that they name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

if TYPE_CHECKING:
    from gm_assets.library import Library
    from gm_assets.lineage.family import Family

LibraryOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--library",
        "-L",
        help="Folder of the library (GM_LIBRARY, else ./library).",
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


def library_path(ctx: typer.Context, chosen: Path | None) -> Path:
    """The library's folder: the command's option, `gm`'s own option, or the settings.

    Raises:
        GmError: an environment variable holds a value that it cannot have.
    """
    from gm_assets.settings import Settings

    if chosen is not None:
        return chosen
    given: Any = ctx.obj
    return given if isinstance(given, Path) else Settings.from_environment().library


def open_library(ctx: typer.Context, chosen: Path | None, *, read_only: bool = False) -> Library:
    """Open the library that the options name.

    Raises:
        LibraryError: there is none, or its gm.toml is malformed.
    """
    from gm_assets.library import Library

    return Library.open(library_path(ctx, chosen), read_only=read_only)


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
