"""`gm passes`: depth, normals, silhouette, ids and more of a mesh, from named views."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from gm_assets.cli.options import (
    Axis,
    JsonOption,
    LibraryOption,
    Unit,
    library_holding,
    open_library,
)
from gm_assets.cli.output import note, print_json, print_table, progress_bar
from gm_assets.errors import GmError
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.making.passes import PassOrder
    from gm_assets.making.viewing import Viewed

#: Remarks on a mesh that are printed; one of many parts may have thousands.
MOST_FINDINGS = 12
Tracer: TypeAlias = Literal["scalar", "llvm"]
_TRACERS: dict[Tracer, Literal["scalar_rgb", "llvm_ad_rgb"]] = {
    "scalar": "scalar_rgb",
    "llvm": "llvm_ad_rgb",
}


def register(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command()(passes)


def passes(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="GLB, glTF, OBJ, PLY, STL, FBX, 3MF or USD.")],
    views: Annotated[
        str,
        typer.Option(help="front, back, left, right, top, three-quarter, hero, turntable:12."),
    ] = "hero",
    size: Annotated[str, typer.Option(help="E.g. 512 or 1024x768, in pixels.")] = "512",
    chosen: Annotated[
        list[str] | None,
        typer.Option(
            "--pass",
            help="depth, normal, normal-world, silhouette, ids, skeleton, pose, clay or final; "
            "several times (default: depth, normal, silhouette, ids).",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the files (default: the chain's in a library, else <name>-passes).",
            show_default=False,
        ),
    ] = None,
    lens: Annotated[float, typer.Option(min=1, max=2000, help="Focal length in mm.")] = 85.0,
    film: Annotated[
        float, typer.Option(min=1, max=500, help="Long side of the film back in mm.")
    ] = 36.0,
    margin: Annotated[
        float, typer.Option(min=0, max=0.9, help="Free part of the frame around the subject.")
    ] = 0.12,
    samples: Annotated[
        int, typer.Option(min=1, max=8, help="Sub-pixels along a side, for the silhouette.")
    ] = 1,
    paths: Annotated[
        int, typer.Option(min=1, max=4096, help="Paths for each pixel of a final.")
    ] = 64,
    tracer: Annotated[Tracer, typer.Option(help="Variant of Mitsuba for finals.")] = "scalar",
    exr: Annotated[
        Path | None,
        typer.Option(help="Also depth as OpenEXR floats, into this folder.", show_default=False),
    ] = None,
    up: Annotated[Axis, typer.Option(help="Axis that is up in OBJ, PLY and STL.")] = "y",
    unit: Annotated[Unit, typer.Option(help="Unit of OBJ, PLY and STL.")] = "m",
    chain: Annotated[
        str | None,
        typer.Option(help="Chain of a mesh that has no placement.", show_default=False),
    ] = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the geometry passes of a mesh; each remembers the mesh, its camera and its recipe."""
    from gm_assets.making.passes import USUAL, PassOrder
    from gm_assets.making.viewing import Stated, passes_in_folder, passes_in_library
    from gm_assets.sculpt.pathtrace import Final
    from gm_assets.sculpt.views import Lens

    width, height = _size(size)
    order = PassOrder(
        tuple(filter(None, views.split(","))),
        tuple(chosen) if chosen else USUAL,
        width,
        height,
        Lens(lens, film, margin),
        samples,
        Final(paths, variant=_TRACERS[tracer]),
    )
    stated = Stated(chain, up, unit)
    root = None if out is not None else library_holding(ctx, library, file)
    with progress_bar(quiet=as_json) as progress:
        if root is None:
            target = out if out is not None else Path(f"{file.stem}-passes")
            viewed = passes_in_folder(file, target, order, stated, exr=exr, progress=progress)
        else:
            home = open_library(ctx, library, files=[file])
            viewed = passes_in_library(home, file, order, stated, exr=exr, progress=progress)
    if as_json:
        print_json(_document(viewed, order))
        return
    _print(viewed)


def _size(text: str) -> tuple[int, int]:
    """Width and height in `512` or `1024x768`; bounds are checked by the order."""
    width, _, height = text.partition("x")
    try:
        return int(width), int(height or width)
    except ValueError:
        raise GmError(f"{text!r} is no size", remedy="Write `512` or `1024x768`") from None


def _document(viewed: Viewed, order: PassOrder) -> dict[str, Any]:
    sculpt = viewed.mesh.sculpt
    return {
        "root": viewed.root,
        "mesh": {
            "path": viewed.mesh.path,
            "content_id": viewed.mesh.content_id,
            "format": viewed.mesh.model.format,
            "triangles": sculpt.triangles,
            "parts": [
                {"name": part.name, "semantic": part.semantic, "material": part.material}
                for part in sculpt.parts
            ],
            "normalisation": viewed.mesh.model.normalisation,
        },
        "width": order.width,
        "height": order.height,
        "views": [
            {
                "view": one.view,
                "camera": one.camera,
                "passes": [
                    {
                        "pass": name,
                        "path": kept.path,
                        "content_id": kept.content_id,
                        "document_id": kept.memory.document_id,
                        "made": name in one.made,
                    }
                    for name, kept in one.files.items()
                ],
            }
            for one in viewed.sets
        ],
        "exr": list(viewed.exr),
        "findings": list(viewed.findings),
    }


def _print(viewed: Viewed) -> None:
    rows = [
        (one.view, name, "made" if name in one.made else "verified", viewed.root / str(kept.path))
        for one in viewed.sets
        for name, kept in one.files.items()
    ]
    rows += [(path.stem, "depth", "float", path) for path in viewed.exr]
    print_table(("view", "pass", "", "file"), rows, styles={"made": "green"})
    sculpt = viewed.mesh.sculpt
    note(f"{counted(sculpt.triangles, 'triangle')} in {counted(len(sculpt.parts), 'part')}")
    if (normalisation := viewed.mesh.model.normalisation).changes:
        note(
            f"The mesh was brought to size: factor {normalisation.factor:g}, "
            f"offset {normalisation.offset} m. Cameras and depth are in its own coordinates."
        )
    for finding in viewed.findings[:MOST_FINDINGS]:
        note(finding.text)
    if (more := len(viewed.findings) - MOST_FINDINGS) > 0:
        note(f"{counted(more, 'finding')} more: --json has all")
