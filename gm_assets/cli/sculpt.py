"""`gm sculpt`: a chain's sculpt from its drawings."""

from __future__ import annotations

from typing import Annotated

import typer

from gm_assets.cli.options import JsonOption, LibraryOption, open_library
from gm_assets.cli.output import note, print_fields, print_json, progress_bar


def register(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command()(sculpt)


def sculpt(
    ctx: typer.Context,
    chain: Annotated[str, typer.Argument(help="A chain, or a key such as seam-keeper.g01.")],
    resolution: Annotated[
        int, typer.Option(min=16, max=256, help="Voxels along the longest side.")
    ] = 128,
    square: Annotated[
        bool,
        typer.Option("--square", help="Keep sections rectangular where two outlines leave them."),
    ] = False,
    remark: Annotated[
        str | None,
        typer.Option("--note", help="A note for the sculpt's description.", show_default=False),
    ] = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a chain's sculpt from its drawings (S1 to S3), or verify the one that is there.

    Two or three drawings placed with `--view front`, `side` or `top` bound a solid; one drawing
    becomes a relief with a flat back.
    """
    from gm_assets.lifting.drawn_solid import DrawingSettings
    from gm_assets.making.sculpting import sculpt_chain

    home = open_library(ctx, library)
    settings = DrawingSettings(resolution=resolution, rounded=not square)
    with progress_bar(quiet=as_json) as progress:
        done = sculpt_chain(home, chain, settings, note=remark, progress=progress)
    facts = {
        "chain": done.key,
        "path": done.kept.path,
        "made": done.made,
        "drawings": {view: kept.path for view, kept in done.drawings.items()},
        "silhouette_iou": done.measures.get("silhouette_iou"),
        "notes": list(done.notes),
        "seconds": round(done.seconds, 2),
    }
    if as_json:
        print_json(facts)
        return
    shown = {name: value for name, value in facts.items() if name not in ("chain", "notes")}
    print_fields(done.key, {**shown, "drawings": ", ".join(done.drawings)})
    for one in done.notes:
        note(one)
