"""`gm lift`, `gm accept`, `gm reenter`, `gm turn`, `gm persistence`: the loop, by hand."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gm_assets.cli.files import PersonOption
from gm_assets.cli.options import JsonOption, LibraryOption, open_library
from gm_assets.cli.output import (
    note,
    print_fields,
    print_json,
    print_table,
    progress_bar,
    safe,
)
from gm_assets.errors import GmError
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.library import Library
    from gm_assets.making.keeping import Kept
    from gm_assets.making.lift_plans import LiftChanges
    from gm_assets.making.lifting import Lifted, Structure
    from gm_assets.making.persistence import Compared
    from gm_assets.making.turning import Turn


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command()(lift)
    app.command()(accept)
    app.command()(reenter)
    app.command()(turn)
    app.command()(persistence)


RemarkOption = Annotated[
    str | None, typer.Option("--note", help="A note for the file's history.", show_default=False)
]
ChainArgument = Annotated[str, typer.Argument(help="A chain, or a key such as seam-keeper.g02.")]


def lift(
    ctx: typer.Context,
    chain: ChainArgument,
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="hull, field, splats, fusion, relief; several times.", show_default=False
        ),
    ] = None,
    frames: Annotated[
        str | None,
        typer.Option(help="Entry of the plan's frames that are the plates.", show_default=False),
    ] = None,
    views: Annotated[
        str | None,
        typer.Option(help="Make these plates first, e.g. turntable:24@5/25.", show_default=False),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="E.g. resolution=96; several times.", show_default=False),
    ] = None,
    held_out: Annotated[
        int | None,
        typer.Option(
            min=0, max=64, help="Measure against every so many-th plate.", show_default=False
        ),
    ] = None,
    remark: RemarkOption = None,
    sheet: Annotated[
        Path | None,
        typer.Option(help="Write plate, structure, difference as PNG.", show_default=False),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be lifted; write nothing.")
    ] = False,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lift the plates of a chain to structures, or verify those that are there."""
    from gm_assets.making import lifting, turning
    from gm_assets.making.lift_plans import LiftChanges

    home = open_library(ctx, library, read_only=dry_run)
    changes = LiftChanges(
        methods=tuple(dict.fromkeys(method)) if method else None,
        frames=frames,
        views=tuple(views.split(",")) if views else None,
        settings=_settings(setting or []),
        held_out=held_out,
        note=remark,
    )
    if dry_run:
        _print_orders(home, chain, changes, as_json=as_json)
        return
    with progress_bar(quiet=as_json) as progress:
        if views:
            _, report = turning.turn(home, chain, changes, progress=progress)
        else:
            report = lifting.lift_chain(home, chain, changes, progress=progress)
    if sheet is not None:
        _save_sheet(home, report, sheet)
    if as_json:
        print_json(_lifted(home.root, report))
        return
    _print_lifted(report)


def _settings(words: list[str]) -> dict[str, str | tuple[str, ...]]:
    """`key=value` and `key=1,2` as settings.

    Raises:
        GmError: a word is neither.
    """
    said: dict[str, str | tuple[str, ...]] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key or not value:
            raise GmError(
                f"{safe(word)!r} is no setting", where="--set", remedy="Write e.g. resolution=96"
            )
        said[key] = tuple(value.split(",")) if "," in value else value
    return said


def _print_orders(home: Library, chain: str, changes: LiftChanges, *, as_json: bool) -> None:
    """What would be lifted from what."""
    from gm_assets.making.lifting import Bench

    bench = Bench.of(home, chain, changes)
    orders = [bench.order(name) for name in bench.plan.methods]
    rows = []
    for order in orders:
        there = bench.there(order.name, order.document_id)
        rows.append(
            {
                "method": order.facts.name,
                "plates": [one.kept.path for one in order.used],
                "held_out": [one.kept.path for one in order.held_out],
                "left_out": [
                    {"path": one.path, "reason": one.reason} for one in order.plates.left_out
                ],
                "settings": order.recipe["settings"],
                "path": there.path if there else None,
            }
        )
    if as_json:
        print_json(
            {"library": home.root, "chain": bench.chain.key, "dry_run": True, "structures": rows}
        )
        return
    print_table(
        ("method", "plates", "held out", "left out", "file"),
        (
            (
                row["method"],
                len(row["plates"]),
                len(row["held_out"]),
                len(row["left_out"]),
                row["path"] or "to be made",
            )
            for row in rows
        ),
    )
    for row in rows:
        for one in row["left_out"]:
            note(f"{row['method']}: {one['path']} left out: {one['reason']}")


def _save_sheet(home: Library, report: Lifted, target: Path) -> None:
    from gm_assets.making.structures import sheet_of

    if report.structures:
        image = sheet_of(home, report.structures[0])
        image.save(target, "PNG")
        note(f"{target}: plate, {report.structures[0].method}, difference")


def _print_lifted(report: Lifted) -> None:
    rows = (
        (
            one.kept.path,
            "made" if one.made else "verified",
            f"{len(one.used)} + {len(one.held_out)}",
            _figure(one.iou, 3),
            _figure(one.measures.get("psnr_object"), 1),
            _figure(one.against_sculpt.get("point_to_surface"), 4),
            _figure(one.against_sculpt.get("completeness"), 3),
            "yes" if one.facts.get("watertight") else "no",
        )
        for one in report.structures
    )
    print_table(
        (
            *("file", "", "plates + held out", "silhouette IoU", "dB object"),
            *("distance", "complete", "watertight"),
        ),
        rows,
    )
    for one in report.structures:
        for beside in one.beside:
            note(f"{beside.path}: the same splats")
        if not one.held_out:
            note(f"{one.method}: measured against its own plates, none were held out")
        for words in one.facts.get("notes", ()):
            note(f"{one.method}: {words}")
    for line in report.notes:
        note(line)
    for name, reason in report.missing.items():
        note(f"{name}: {reason}")
    print(
        f"{safe(report.key)} S5: {counted(report.made, 'structure')} made, "
        f"{len(report.structures) - report.made} verified, {report.seconds:.1f} s"
    )


def _figure(value: object, digits: int) -> str:
    return f"{value:.{digits}f}" if isinstance(value, int | float) else "-"


def _lifted(root: Path, report: Lifted) -> dict[str, Any]:
    return {
        "library": root,
        "chain": report.key,
        "plan": report.plan.source,
        "structures": [_structure(one, report.plan.agrees) for one in report.structures],
        "missing": report.missing,
        "notes": report.notes,
        "seconds": round(report.seconds, 3),
    }


def _structure(one: Structure, least: float) -> dict[str, Any]:
    return {
        **_file(one.kept),
        "method": one.method,
        "made": one.made,
        "plates": [plate.kept.path for plate in one.used],
        "held_out": [plate.kept.path for plate in one.held_out],
        "silhouette_iou": one.iou,
        "agrees": one.agrees(least),
        "measures": one.measures,
        "facts": one.facts,
        "beside": [_file(kept) for kept in one.beside],
    }


def _file(kept: Kept) -> dict[str, Any]:
    return {
        "path": kept.path,
        "document_id": kept.memory.document_id,
        "content_id": kept.content_id,
    }


def accept(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A structure, or any file with a memory.")],
    person: Annotated[
        str | None,
        typer.Option(help="Who accepts it (default: your login name).", show_default=False),
    ] = None,
    remark: RemarkOption = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write into a file's history that you accept what it holds now."""
    from gm_assets.library import accept as run

    home = open_library(ctx, library, files=[file])
    memory = run(home, file, person=person or getpass.getuser(), note=remark)
    if as_json:
        print_json({"library": home.root, "path": home.relative(file), "memory": memory})
        return
    last = memory.history[-1]
    print(f"{safe(file)}: accepted by {safe(last.person)} at {last.when}")
    if any(place.stage == "S5" for place in memory.placements):
        note("gm reenter makes it the sculpt of its chain's next generation")


def reenter(
    ctx: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="An accepted structure; or a reference or plate, with --chain.")
    ],
    chain: Annotated[
        str | None,
        typer.Option(
            help="A chain or key that it begins instead of its own's next generation.",
            show_default=False,
        ),
    ] = None,
    person: PersonOption = None,
    remark: RemarkOption = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Begin a generation with an accepted structure, or a chain with a picture."""
    from gm_assets.making.reentering import reenter as run

    home = open_library(ctx, library, files=[file])
    found = run(home, file, chain=chain, person=person, note=remark)
    if as_json:
        print_json(
            {
                "library": home.root,
                "path": found.path,
                "chain": found.key,
                "stage": found.placement.stage,
                "part": found.placement.part,
                "added": found.added,
                "memory": found.memory,
            }
        )
        return
    word = "stands now" if found.added else "stood already"
    print(f"{safe(found.path)} {word} in {found.key} {found.placement.stage}")


def turn(
    ctx: typer.Context,
    chain: ChainArgument,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn the loop: plates, structures and, where the plan says so, the next generation."""
    from gm_assets.making.turning import turns

    home = open_library(ctx, library)
    done = []
    with progress_bar(quiet=as_json) as progress:
        for one in turns(home, chain, progress=progress):
            done.append(one)
            if not as_json:
                _print_turn(one)
    if as_json:
        print_json({"library": home.root, "turns": [_turn(home.root, one) for one in done]})


def _print_turn(one: Turn) -> None:
    print(
        f"{safe(one.key)} S4: {counted(one.generated.made, 'plate')} made, "
        f"{len(one.generated.frames) - one.generated.made} verified"
    )
    _print_lifted(one.lifted)
    if one.reentered is not None:
        print(f"{safe(one.reentered.path)} begins {one.reentered.key}")
    elif one.ended is not None:
        note(f"{one.key}: {one.ended}")


def _turn(root: Path, one: Turn) -> dict[str, Any]:
    return {
        "chain": one.key,
        "plates": len(one.generated.frames),
        "plates_made": one.generated.made,
        "lifted": _lifted(root, one.lifted),
        "begins": one.reentered.key if one.reentered else None,
        "ended": one.ended,
    }


def persistence(
    ctx: typer.Context,
    chain: ChainArgument,
    plot: Annotated[
        Path | None, typer.Option(help="Write shapes and curves as PNG.", show_default=False)
    ] = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure what stays of a chain's shape and look from turn to turn."""
    from gm_assets.making.persistence import persistence as run
    from gm_assets.making.persistence_plot import draw

    home = open_library(ctx, library, read_only=True)
    found = run(home, chain)
    if plot is not None:
        draw(home, found).save(plot, "PNG")
    if as_json:
        print_json({"library": home.root, "plot": plot, **found.json()})
        return
    print_table(
        ("shape", "stage", "frames", "silhouette: first", "before", "distance", "complete", "look"),
        (
            (
                shape.key,
                shape.stage,
                shape.frames or None,
                *_compared(shape.first, shape.before),
            )
            for shape in found.shapes
        ),
    )
    print_fields(safe(found.chain), {"other subjects": _figure(found.null, 3)})


def _compared(first: Compared | None, before: Compared | None) -> tuple[str, ...]:
    if first is None or before is None:
        return ("-",) * 5
    return (
        _figure(first.silhouette_iou, 3),
        _figure(before.silhouette_iou, 3),
        _figure(first.point_to_surface, 4),
        _figure(first.completeness, 3),
        _figure(first.look, 3),
    )
