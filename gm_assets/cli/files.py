"""Commands that change or check files: init, ingest, place, revise, recover, rebuild, check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gm_assets.cli.options import (
    JsonOption,
    LibraryOption,
    WorkersOption,
    library_path,
    open_library,
    worker_count,
)
from gm_assets.cli.output import note, print_fields, print_json, print_table, progress_bar, safe
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.library import IngestReport, Library
    from gm_assets.memory.record import Memory

#: Exit code of `gm check` where it found errors (docs/cli.md).
FINDINGS = 10

NoteOption = Annotated[
    str | None, typer.Option(help="A note for the file's history.", show_default=False)
]
PersonOption = Annotated[
    str | None, typer.Option(help="Who decides this, for the history.", show_default=False)
]
CredentialsOption = Annotated[
    bool,
    typer.Option(
        "--break-credentials", help="Write although the file's C2PA credentials become invalid."
    ),
]


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command()(init)
    app.command()(ingest)
    app.command()(place)
    app.command()(revise)
    app.command()(recover)
    app.command()(rebuild)
    app.command()(check)


def init(
    ctx: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Argument(help="The folder (GM_LIBRARY, else ./library).", show_default=False),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name in reports; the folder's by default.")
    ] = None,
    unmanaged: Annotated[
        bool, typer.Option("--unmanaged", help="Never write into the files here.")
    ] = False,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a folder a library: writes its gm.toml, touches nothing else."""
    from gm_assets.library import Library

    root = folder if folder is not None else library_path(ctx, library)
    made = Library.init(root, name=name, managed=not unmanaged)
    if as_json:
        print_json({"library": made.root, "name": made.config.name, "managed": made.config.managed})
        return
    kind = "a managed" if made.config.managed else "an unmanaged"
    print(f"{safe(made.root)} is {kind} library now; gm.toml says where files stand")


def ingest(
    ctx: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Files and folders; the whole library by default.", show_default=False),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, write nothing.")
    ] = False,
    workers: WorkersOption = None,
    copy_to: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Copy files from outside into this folder of the library first.",
            show_default=False,
        ),
    ] = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring files into the library: identify, place by rule, remember, catalogue."""
    from gm_assets.library import ingest as run

    home = open_library(ctx, library, files=None if copy_to else paths)
    with progress_bar(quiet=as_json) as progress:
        report = run(
            home,
            paths or None,
            dry_run=dry_run,
            workers=worker_count(workers),
            progress=progress,
            copy_to=copy_to,
        )
    if as_json:
        print_json({"library": home.root, "report": report})
        return
    _print_ingest(report)


def _print_ingest(report: IngestReport) -> None:
    from gm_assets.library import Action

    if report.dry_run:
        print_table(
            ("file", "would be", "chain", "stage", "part", ""),
            (
                (
                    outcome.path,
                    str(outcome.action),
                    outcome.placement.key if outcome.placement else None,
                    outcome.placement.stage if outcome.placement else None,
                    outcome.placement.part if outcome.placement else None,
                    outcome.detail,
                )
                for outcome in report.outcomes
            ),
        )
    else:
        attention = (*report.of(Action.QUARANTINED), *report.of(Action.WAITING))
        if attention:
            rows = ((found.path, str(found.action), found.detail) for found in attention)
            print_table(("file", "is", "because"), rows, styles={"quarantined": "red"})
    print(report.summary())
    for offer in report.recoveries:
        note(f"{offer.path}: {offer.reason}; `gm recover` gives the memory back")


def place(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file of the library.")],
    chain: Annotated[
        str, typer.Option(help="Name of the chain, or its key such as seam-keeper.g02.")
    ],
    stage: Annotated[str, typer.Option(help="S1, S2, S3, S4 or S5.")],
    part: Annotated[
        str | None,
        typer.Option(
            help="sketch, reference, mesh, clay, depth, frame, ...; the stage's usual one "
            "by default.",
            show_default=False,
        ),
    ] = None,
    generation: Annotated[
        int | None, typer.Option(min=1, max=9999, help="Turn of the loop.", show_default="1")
    ] = None,
    view: Annotated[str | None, typer.Option(help="E.g. front.", show_default=False)] = None,
    frame: Annotated[int | None, typer.Option(min=0, show_default=False)] = None,
    variant: Annotated[str | None, typer.Option(show_default=False)] = None,
    primary: Annotated[
        bool, typer.Option("--primary", help="This file stands for its stage.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="In place of the placements it has.")
    ] = False,
    domain: Annotated[str | None, typer.Option(show_default=False)] = None,
    subject: Annotated[str | None, typer.Option(show_default=False)] = None,
    environment: Annotated[str | None, typer.Option(show_default=False)] = None,
    shot: Annotated[str | None, typer.Option(show_default=False)] = None,
    note: NoteOption = None,
    person: PersonOption = None,
    break_credentials: CredentialsOption = False,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a file a place in a chain, and a memory if it has none."""
    from gm_assets.cli.placing import placement_of
    from gm_assets.library import place as run

    placement = placement_of(
        file, chain, stage, part, generation, view=view, frame=frame, variant=variant,
        primary=primary,
    )  # fmt: skip
    home = open_library(ctx, library, files=[file])
    memory = run(
        home,
        file,
        placement,
        replace=replace,
        note=note,
        person=person,
        break_credentials=break_credentials,
        domain=domain,
        subject=subject,
        environment=environment,
        shot=shot,
    )
    _print_memory(home, file, memory, as_json)


def revise(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file whose content was edited.")],
    note: NoteOption = None,
    person: PersonOption = None,
    break_credentials: CredentialsOption = False,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Accept an edit: the content that the file has now is its document's content."""
    from gm_assets.library import revise as run

    home = open_library(ctx, library, files=[file])
    memory = run(home, file, note=note, person=person, break_credentials=break_credentials)
    _print_memory(home, file, memory, as_json)


def recover(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file that lost its memory.")],
    document: Annotated[
        str | None, typer.Option(help="DocumentID; the one offered by default.", show_default=False)
    ] = None,
    note: NoteOption = None,
    person: PersonOption = None,
    break_credentials: CredentialsOption = False,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a file the memory back that another program took from it."""
    from gm_assets.library import recover as run

    home = open_library(ctx, library, files=[file])
    memory = run(
        home,
        file,
        document_id=document,
        note=note,
        person=person,
        break_credentials=break_credentials,
    )
    _print_memory(home, file, memory, as_json)


def _print_memory(home: Library, file: Path, memory: Memory, as_json: bool) -> None:
    """What the file remembers now, in short; with `--json` all of it."""
    if as_json:
        print_json({"library": home.root, "path": home.relative(file), "memory": memory})
        return
    last = memory.history[-1] if memory.history else None
    print_fields(
        safe(file),
        {
            "document": memory.document_id,
            "instance": memory.instance_id,
            "placed": "; ".join(f"{p.key} {p.stage} {p.part}" for p in memory.placements),
            "last event": f"{last.action} {last.when}" if last else None,
        },
    )


def rebuild(
    ctx: typer.Context,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read and decode everything, not only memories.")
    ] = False,
    workers: WorkersOption = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the derived stores again from the files alone."""
    from gm_assets.cli.finding import print_vectors, restore_vectors
    from gm_assets.library import rebuild as run

    home = open_library(ctx, library)
    with progress_bar(quiet=as_json) as progress:
        report = run(home, verify=verify, workers=worker_count(workers), progress=progress)
        vectors = restore_vectors(home, worker_count(workers), progress)
    if as_json:
        print_json({"library": home.root, "report": report, "vectors": vectors})
        return
    words = "read and decoded" if report.verified else "remembered (not verified)"
    print(f"{counted(report.files, 'file')} {words}: {report.remembered} with a memory,"
          f" {report.without_memory} without, {report.quarantined} quarantined;"
          f" generation {report.generation} in {report.seconds:.1f} s")  # fmt: skip
    for path in report.altered:
        print(f"altered: {safe(path)}")
    for path in report.waiting:
        note(f"{path} was changing: run gm ingest")
    print_vectors(vectors)


def check(
    ctx: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Files and folders; the whole library by default.", show_default=False),
    ] = None,
    workers: WorkersOption = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare files with their memories and the catalogue; exit code 10 if errors are found."""
    from gm_assets.library import check as run

    home = open_library(ctx, library, files=files, read_only=True)
    with progress_bar(quiet=as_json) as progress:
        results = run(home, files or None, workers=worker_count(workers), progress=progress)
    counts = {level: sum(r.severity == level for r in results) for level in ("error", "warning")}
    if as_json:
        print_json({"library": home.root, **counts, "results": results})
    else:
        print_table(
            ("", "check", "file", ""),
            ((r.severity, r.check, r.path, r.detail) for r in results),
            styles={"error": "red", "warning": "yellow", "ok": "green"},
        )
        print(f"{counted(counts['error'], 'error')}, {counted(counts['warning'], 'warning')}")
    if counts["error"]:
        raise typer.Exit(FINDINGS)
