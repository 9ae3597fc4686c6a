"""`gm embed`: vectors for the pictures that have none of the active model yet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gm_assets.cli.options import (
    JsonOption,
    LibraryOption,
    WorkersOption,
    open_library,
    worker_count,
)
from gm_assets.cli.output import note, print_json, print_table, progress_bar
from gm_assets.words import counted

#: Failures that are printed; the report with --json has more.
SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command()(embed)


def embed(
    ctx: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Files and folders; the whole library by default.", show_default=False),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Another model than the library's (`gm models list`).", show_default=False
        ),
    ] = None,
    runtime: Annotated[
        str | None,
        typer.Option(help="torch, onnx or onnx-int8 for this model.", show_default=False),
    ] = None,
    into_files: Annotated[
        bool, typer.Option("--into-files", help="Also write the vectors into managed files.")
    ] = False,
    threads: Annotated[
        int, typer.Option(min=1, max=256, help="Threads of the model.", show_default=True)
    ] = 1,
    workers: WorkersOption = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give pictures the vectors by which they are found; goes on where it was stopped."""
    from gm_assets.encoding import named_encoder
    from gm_assets.finding import sync
    from gm_assets.library import embed as run

    home = open_library(ctx, library, files=paths)
    spec = home.encoder_spec() if model is None else named_encoder(model)
    if spec is not None:
        spec = spec.running(runtime)
    with progress_bar(quiet=as_json) as progress:
        report = run(
            home,
            spec,
            paths=paths or None,
            into_files=into_files,
            workers=worker_count(workers),
            threads=threads,
            progress=progress,
        )
        # Filters and words stand beside the vectors, so that all readers can search at once.
        sync(home, report.model, progress=progress)
    if as_json:
        print_json({"library": home.root, "report": report})
        return
    rows = ((failure.path, failure.reason) for failure in report.failures[:SHOWN])
    if report.failures:
        print_table(("file", "has no vector, or could not take it, because"), rows)
    if len(report.failures) > SHOWN:
        note(f"and {len(report.failures) - SHOWN} more; --json lists them")
    print(
        f"{counted(report.contents, 'picture')} for {report.name} ({report.model[:16]}): "
        f"{report.known} known, {report.computed} computed, "
        f"{report.from_memories} from memories, {report.failed} without"
    )
    if into_files:
        print(f"{counted(report.written, 'memory', 'memories')} took a vector")
    if report.models:
        print(f"{counted(report.models, '3D file')}: found through their renders")
