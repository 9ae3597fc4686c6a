"""`gm convert`: a GLB that carries a memory, from a mesh that cannot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gm_assets.cli.options import Axis, JsonOption, LibraryOption, Unit, library_holding
from gm_assets.cli.output import note, print_fields, print_json
from gm_assets.errors import InvalidMemory
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.making.converting import Converted
    from gm_assets.memory.record import Placement

#: Remarks on the mesh that are printed; --json has all.
MOST_FINDINGS = 12


def register(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command()(convert)


def convert(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="OBJ, STL or FBX.")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="The GLB, or a folder for it (default: beside the file).", show_default=False
        ),
    ] = None,
    chain: Annotated[
        str | None,
        typer.Option(
            help="Chain or key that it stands in (default: as gm.toml rules).", show_default=False
        ),
    ] = None,
    stage: Annotated[
        Literal["S3", "S5"], typer.Option(help="Stage that it stands in: sculpt or structure.")
    ] = "S3",
    up: Annotated[Axis, typer.Option(help="Axis that is up in OBJ and STL.")] = "y",
    unit: Annotated[Unit, typer.Option(help="Unit of OBJ and STL.")] = "m",
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a GLB that carries a memory from an OBJ, STL or FBX file, which it names by hash."""
    from gm_assets.library import Library
    from gm_assets.making.converting import Wish
    from gm_assets.making.converting import convert as make

    wish = Wish(_placement(chain, stage), up, unit)
    root = library_holding(ctx, library, out or file)
    done = make(file, out, wish, None if root is None else Library.open(root))
    if as_json:
        print_json(_document(done))
        return
    stands = ", ".join(f"{one.key} {one.stage}" for one in done.memory.placements)
    print_fields(
        str(done.path),
        {
            "": "made" if done.made else "verified",
            "from": f"{done.format}, {done.original}",
            "document": done.memory.document_id,
            "geometry": f"{counted(done.sculpt.triangles, 'triangle')} in "
            f"{counted(len(done.sculpt.parts), 'part')}",
            "stands in": stands or "no chain",
        },
    )
    for text in (*done.notes, *(one.text for one in done.findings[:MOST_FINDINGS])):
        note(text)
    if (more := len(done.findings) - MOST_FINDINGS) > 0:
        note(f"{counted(more, 'finding')} more: --json has all")


def _placement(chain: str | None, stage: Literal["S3", "S5"]) -> Placement | None:
    """Where the GLB is to stand.

    Raises:
        InvalidMemory: `chain` is no chain key.
    """
    from gm_assets.memory.record import Placement, parse_chain_key

    if chain is None:
        return None
    try:
        name, generation = parse_chain_key(chain)
    except ValueError as error:
        raise InvalidMemory(str(error), where="--chain") from None
    part = "mesh"
    return Placement.model_validate(
        {"chain": name, "generation": generation, "stage": stage, "part": part}
    )


def _document(done: Converted) -> dict[str, Any]:
    written = done.memory.written
    return {
        "path": done.path,
        "made": done.made,
        "document_id": done.memory.document_id,
        "content_id": written.content_id if written else None,
        "original": done.original,
        "format": done.format,
        "placements": [one.model_dump(mode="json") for one in done.memory.placements],
        "triangles": done.sculpt.triangles,
        "parts": [
            {"name": part.name, "semantic": part.semantic, "material": part.material}
            for part in done.sculpt.parts
        ],
        "normalisation": done.normalisation,
        "notes": list(done.notes),
        "findings": list(done.findings),
    }
