"""`gm generate`: frames of a chain, made by a model that obeys its sculpt or its sketch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gm_assets.cli.options import JsonOption, LibraryOption, open_library
from gm_assets.cli.output import note, print_json, print_table, progress_bar, safe
from gm_assets.errors import NotFound
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.making.frames import Frame
    from gm_assets.making.generating import Generated, Preview
    from gm_assets.making.keeping import Kept
    from gm_assets.making.plans import Made


def register(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command()(generate)


def generate(
    ctx: typer.Context,
    chain: Annotated[str, typer.Argument(help="A chain, or a key such as seam-keeper.g02.")],
    stage: Annotated[
        str, typer.Option(help="S4: frames that obey the sculpt; S2: a sketch, shaded.")
    ] = "S4",
    seed: Annotated[
        list[int] | None,
        typer.Option(min=0, help="Of the noise; may be given several times.", show_default=False),
    ] = None,
    prompt: Annotated[str | None, typer.Option(help="What to show.", show_default=False)] = None,
    negative: Annotated[
        str | None, typer.Option(help="What not to show.", show_default=False)
    ] = None,
    views: Annotated[
        str | None,
        typer.Option(help="E.g. hero,front,turntable:12 (as gm passes).", show_default=False),
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="E.g. 512 or 640x384, in pixels.", show_default=False)
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Of the sampler.", show_default=False)
    ] = None,
    guidance: Annotated[
        float | None, typer.Option(min=0, help="Of the sampler.", show_default=False)
    ] = None,
    frame: Annotated[
        list[str] | None,
        typer.Option(help="Only this entry of the plan; several times.", show_default=False),
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="embedded or studio (GM_PROFILE).", show_default=False)
    ] = None,
    remark: Annotated[
        str | None,
        typer.Option("--note", help="Why, for the history of the frames.", show_default=False),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be made; write nothing.")
    ] = False,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the frames of a chain's plan, or verify those that are there."""
    from gm_assets.making import generating
    from gm_assets.making.plans import Changes, parse_size

    home = open_library(ctx, library, read_only=dry_run)
    changes = Changes(
        prompt=prompt,
        negative=negative,
        views=tuple(views.split(",")) if views else None,
        size=parse_size(size) if size else None,
        seeds=tuple(dict.fromkeys(seed)) if seed else None,
        steps=steps,
        guidance=guidance,
        profile=profile,
        note=remark,
        frames=tuple(frame) if frame else None,
    )
    if dry_run:
        _print_preview(
            home.root, generating.preview(home, chain, _made(stage), changes), as_json=as_json
        )
        return
    with progress_bar(quiet=as_json) as progress:
        report = generating.generate(home, chain, _made(stage), changes, progress=progress)
    if as_json:
        print_json(_document(home.root, report))
        return
    _print_report(report)


def _made(stage: str) -> Made:
    from gm_assets.making.plans import MADE

    for known in MADE:
        if stage.upper() == known:
            return known
    raise NotFound(f"{stage!r} is no stage that can be made", remedy="Use --stage S4 or --stage S2")


def _print_preview(root: Path, report: Preview, *, as_json: bool) -> None:
    if as_json:
        print_json({"library": root, "dry_run": True, **_plain(report)})
        return
    rows = (
        (
            wanted.name,
            wanted.view,
            wanted.seed,
            f"{wanted.size[0]}x{wanted.size[1]}",
            wanted.path or "to be made",
            wanted.prompt,
        )
        for wanted in report.frames
    )
    print_table(("frame", "view", "seed", "size", "file", "prompt"), rows)
    missing = sum(wanted.path is None for wanted in report.frames)
    print(
        f"{report.key} {report.stage} with {report.model}: "
        f"{counted(len(report.frames), 'frame')}, {missing} to be made"
    )
    note(f"plan: {report.plan or 'none; the default from what the chain remembers'}")
    if report.obstacle is not None:
        note(f"{report.model} cannot run here: {report.obstacle}")


def _print_report(report: Generated) -> None:
    rows = (
        (
            frame.kept.path,
            "made" if frame.made else "verified",
            _figure(frame.obedience.get("iou")),
            _figure(frame.obedience.get("null")),
            frame.obedience.get("verdict"),
        )
        for frame in report.frames
    )
    print_table(
        ("file", "", "silhouette IoU", "null", "verdict"),
        rows,
        styles={"obeyed": "green", "disobeyed": "red", "unread": "yellow"},
    )
    for line in report.notes:
        note(line)
    print(
        f"{safe(report.key)} {report.stage} with {report.model}: "
        f"{counted(report.made, 'frame')} made, {len(report.frames) - report.made} verified, "
        f"{counted(len(report.passes), 'pass', 'passes')}, {report.seconds:.1f} s"
    )


def _figure(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else "-"


def _document(root: Path, report: Generated) -> dict[str, Any]:
    return {
        "library": root,
        "chain": report.key,
        "stage": report.stage,
        "plan": report.plan,
        "model": report.model,
        "frames": [_frame(frame) for frame in report.frames],
        "passes": [_file(kept) for kept in report.passes],
        "notes": report.notes,
        "seconds": round(report.seconds, 3),
    }


def _frame(frame: Frame) -> dict[str, Any]:
    return {
        **_file(frame.kept),
        "name": frame.name,
        "view": frame.view,
        "seed": frame.seed,
        "made": frame.made,
        "silhouette_iou": frame.obedience.get("iou"),
        "null": frame.obedience.get("null"),
        "verdict": frame.obedience.get("verdict"),
        "obedience": frame.obedience,
    }


def _file(kept: Kept) -> dict[str, Any]:
    written = kept.memory.written
    assert written is not None  # whatever was kept has an identity
    return {
        "path": kept.path,
        "document_id": kept.memory.document_id,
        "content_id": written.content_id,
        "pixel_hash": written.pixel_hash,
        "stream_hash": written.stream_hash,
    }


def _plain(report: Preview) -> dict[str, Any]:
    return {
        "chain": report.key,
        "stage": report.stage,
        "plan": report.plan,
        "model": report.model,
        "obstacle": report.obstacle,
        "frames": report.frames,
    }
