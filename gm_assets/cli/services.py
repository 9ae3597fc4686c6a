"""Commands that make or serve: demo and walk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gm_assets.cli.options import JsonOption, LibraryOption, library_path, open_library
from gm_assets.cli.output import note, print_json, progress_bar, safe
from gm_assets.errors import NotFound
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.library import Library
    from gm_assets.world.demo import DemoReport


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command()(demo)
    app.command()(walk)


def demo(
    ctx: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Argument(help="Where to make it (GM_LIBRARY, else ./library).", show_default=False),
    ] = None,
    chain: Annotated[
        list[str] | None,
        typer.Option(help="Only this chain; may be repeated.", show_default=False),
    ] = None,
    size: Annotated[
        int, typer.Option(min=64, max=4096, help="Long side of the large pictures in pixels.")
    ] = 768,
    full: Annotated[
        bool,
        typer.Option(
            "--full",
            help="Make the shipped plates and structures here as well, and compare them.",
        ),
    ] = False,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the demo library: a procedural world, its chains with their links and gaps."""
    root = folder if folder is not None else library_path(ctx, library)
    report = make_demo(root, only=chain or None, size=size, full=full, quiet=as_json)
    if as_json:
        print_json({"library": report.root, "report": report})
        return
    made = f"{counted(report.files, 'file')} in {counted(len(report.chains), 'chain')}"
    print(f"{made}, {report.bytes / 1e6:.0f} MB, made in {report.seconds:.0f} s")
    print(f"`gm chains --library {safe(root)}` lists them")


def make_demo(
    root: Path,
    *,
    only: list[str] | None = None,
    size: int = 768,
    full: bool = False,
    quiet: bool = False,
) -> DemoReport:
    """Make the demo in `root`, with progress on stderr.

    Args:
        only: names of chains; all by default.
        size: long side of the large pictures in pixels.
        full: make what is shipped finished as well.

    Raises:
        NotFound: the demo has no such chain.
        LibraryError: `root` holds something else, or cannot be written.
    """
    from gm_assets.settings import Settings
    from gm_assets.world import demo

    names = [plan.name for plan in demo.CHAINS]
    for name in only or ():
        if name not in names:
            raise NotFound(
                "the demo has no such chain", where=name, remedy=f"It has {', '.join(names)}"
            )
    workers = Settings.from_environment().workers
    with progress_bar(quiet=quiet) as progress:
        report = demo.build(
            root, progress=progress, workers=workers, size=size, only=only, full=full
        )
    for one in report.notes:
        note(one)
    return report


def finish_demo(library: Library) -> None:
    """Go on with a demo that was begun in this library and interrupted; else do nothing."""
    from gm_assets.world.demo import unfinished
    from gm_assets.world.demo.resuming import Record

    record = Record.load(library.state)
    names = unfinished(library)
    if record is not None and names:
        note(f"The demo here is unfinished: making {counted(len(names), 'more chain')}.")
        make_demo(library.root, only=list(names), size=record.size)


def walk(
    ctx: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 3001,
    library: LibraryOption = None,
) -> None:
    """Serve the library's pages, read-only, until interrupted."""
    from gm_assets.walk.app import serve

    # Not opened read-only: a search first brings the vector store up to date.
    home = open_library(ctx, library)
    note(f"{home.root} is at http://{host}:{port}/ until Ctrl-C")
    serve(home, host, port)
