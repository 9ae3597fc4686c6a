"""`gm suggest`, `gm link`, `gm confirm`: what files may be, and what people state of them."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from gm_assets.cli.options import (
    JsonOption,
    LibraryOption,
    WorkersOption,
    open_library,
    worker_count,
)
from gm_assets.cli.output import note as tell
from gm_assets.cli.output import print_json, print_table, progress_bar
from gm_assets.errors import GmError, InvalidDocument, InvalidMemory
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.authoring.values import LinkReport, Statement, Suggestion, Suggestions, Trouble
    from gm_assets.library import Library

#: Exit code where a table or a call has lines that cannot be done (docs/cli.md).
TROUBLES = InvalidDocument.exit_code
#: Suggestions that are printed.
SHOWN = 40

PersonOption = Annotated[
    str | None,
    typer.Option(
        envvar="GM_PERSON",
        help="Who states this, for the histories (GM_PERSON, else the login name).",
        show_default=False,
    ),
]
NoteOption = Annotated[
    str | None, typer.Option(help="A note for the files' histories.", show_default=False)
]
OnlyOption = Annotated[
    str | None, typer.Option("--only", help="`places` or `links`.", show_default=False)
]
LeastOption = Annotated[
    float, typer.Option("--least", min=0, max=1, help="Leave out what scores lower.")
]


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command()(suggest)
    app.command()(link)
    app.command()(confirm)


def person_of(given: str | None) -> str:
    """The person that states something: as given, else the login name.

    Raises:
        InvalidMemory: neither is known.
    """
    if given and given.strip():
        return given.strip()
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise InvalidMemory(
            "nobody is named who states this",
            where="--person",
            remedy="Name yourself, there or in GM_PERSON",
        ) from None


def suggest(
    ctx: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Files and folders; the whole library by default.", show_default=False),
    ] = None,
    only: OnlyOption = None,
    least: LeastOption = 0.0,
    alternatives: Annotated[
        int, typer.Option(min=1, max=20, help="Places for one file at most.")
    ] = 2,
    parents: Annotated[int, typer.Option(min=1, max=50, help="Parents for one file at most.")] = 4,
    outlines: Annotated[
        int, typer.Option(min=0, help="Pictures opened to compare silhouettes.")
    ] = 200,
    limit: Annotated[int, typer.Option(min=0, help="Lines printed of each kind.")] = SHOWN,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE",
            help="Write all of them as a table to edit: .csv or .parquet.",
            show_default=False,
        ),
    ] = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """What unplaced files may be and where files may come from, ranked; nothing is written."""
    from gm_assets.authoring.tables import write_table

    home = open_library(ctx, library, files=files, read_only=True)
    found = _suggested(home, files, only, least, alternatives, parents, outlines, as_json)
    if out is not None:
        write_table(out, found.all)
    if as_json:
        print_json({"library": home.root, "table": out, "suggestions": found})
        return
    _print_places(found.places[:limit])
    _print_links(found.links[:limit])
    print(
        f"{counted(found.unplaced, 'document')} of {found.documents:,} in no chain;"
        f" {counted(len(found.places), 'place')} and {counted(len(found.links), 'parent')}"
        f" suggested in {found.seconds:.1f} s"
    )
    if found.rejected:
        tell(f"{counted(found.rejected, 'suggestion')} left out: rejected before")
    if out is not None:
        tell(f"write accept or reject into `decision`, then `gm link --from {out}`")


def _suggested(
    home: Library,
    files: Sequence[Path] | None,
    only: str | None,
    least: float,
    alternatives: int,
    parents: int,
    outlines: int,
    quiet: bool,
) -> Suggestions:
    from gm_assets.authoring.suggesting import Wanted
    from gm_assets.authoring.suggesting import suggest as run

    if only not in (None, "places", "links"):
        raise typer.BadParameter("places or links", param_hint="--only")
    wanted = Wanted(
        places=only != "links",
        links=only != "places",
        alternatives=alternatives,
        parents=parents,
        outlines=outlines,
        least=least,
    )
    with progress_bar(quiet=quiet) as progress:
        return run(home, files or None, wanted, progress=progress)


def _print_places(found: Sequence[Suggestion]) -> None:
    if found:
        rows = ((one.score, one.path, _place(one), _measures(one), one.because) for one in found)
        print_table(("score", "file", "place", "measures", "because"), _scored(rows))


def _print_links(found: Sequence[Suggestion]) -> None:
    if found:
        rows = (
            (one.score, one.path, one.role, one.parent, _measures(one), one.because)
            for one in found
        )
        print_table(("score", "file", "role", "parent", "measures", "because"), _scored(rows))


def _scored(rows: Iterable[tuple[object, ...]]) -> Iterable[tuple[object, ...]]:
    return ((f"{row[0]:.2f}", *row[1:]) for row in rows)


def _place(one: Suggestion) -> str:
    from gm_assets.library.authoring import describe

    return "" if one.placement is None else describe(one.placement)


def _measures(one: Suggestion) -> str:
    """The measures that there are: `hash 4, name 0.92, folder 1`."""
    found = one.measures
    said = {
        "hash": found.hash_distance,
        "silhouette": found.silhouette,
        "name": found.name,
        "folder": found.folder,
        "days": found.days,
        "cosine": found.cosine,
    }
    return ", ".join(f"{name} {value:g}" for name, value in said.items() if value is not None)


def link(
    ctx: typer.Context,
    child: Annotated[
        Path | None, typer.Argument(help="The file that came from others.", show_default=False)
    ] = None,
    parent: Annotated[
        list[Path] | None,
        typer.Option("--parent", "-p", help="A file it came from; may be repeated."),
    ] = None,
    role: Annotated[str, typer.Option(help="source, geometry, style, seed or texture.")] = "source",
    table: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="TABLE",
            help="State what a table says instead: .csv or .parquet (docs/authoring.md).",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and report, write nothing.")
    ] = False,
    person: PersonOption = None,
    note: NoteOption = None,
    workers: WorkersOption = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """State where files come from: asserted links, one or many; all of them or none."""
    from gm_assets.authoring.tables import read_table

    if (table is None) == (child is None or not parent):
        raise typer.BadParameter("either a CHILD with --parent, or --from TABLE")
    if table is not None and (child is not None or parent):
        raise typer.BadParameter("a CHILD and --parent do not go with --from")
    if table is not None:
        home = open_library(ctx, library, read_only=dry_run)
        stated = read_table(home, table)
        if stated.undecided and not as_json:
            tell(f"{counted(stated.undecided, 'line')} undecided: left as they are")
        _state(home, stated.statements, stated.troubles, person, note, dry_run, workers, as_json)
        return
    assert child is not None
    home = open_library(ctx, library, files=[child], read_only=dry_run)
    statements = _of_call(child, parent or (), role)
    _state(home, statements, (), person, note, dry_run, workers, as_json)


def _of_call(child: Path, parents: Iterable[Path], role: str) -> list[Statement]:
    from gm_assets.authoring.values import Statement
    from gm_assets.memory.record import Role

    if role not in get_args(Role):
        raise typer.BadParameter(f"one of {', '.join(get_args(Role))}", param_hint="--role")
    return [
        Statement(line=0, path=str(child), parent=str(parent), role=role)  # type: ignore[arg-type]
        for parent in parents
    ]


def _state(
    home: Library,
    statements: Sequence[Statement],
    unread: Sequence[Trouble],
    person: str | None,
    note: str | None,
    dry_run: bool,
    workers: int | None,
    as_json: bool,
) -> None:
    """Write what was stated and print what became of it; exit code 4 where nothing could be."""
    from gm_assets.authoring.linking import link as run

    with progress_bar(quiet=as_json) as progress:
        report = run(
            home,
            statements,
            person=person_of(person),
            note=note,
            dry_run=dry_run or bool(unread),
            workers=worker_count(workers),
            progress=progress,
        )
    troubles = sorted((*unread, *report.troubles), key=lambda one: one.line)
    print_report(home, report, troubles, as_json)
    if troubles:
        raise typer.Exit(TROUBLES)
    if report.failed:
        raise typer.Exit(5)


def print_report(
    home: Library, report: LinkReport, troubles: Sequence[Trouble], as_json: bool
) -> None:
    """What became of statements; where some cannot be done, only these."""
    if as_json:
        print_json({"library": home.root, "troubles": troubles, "report": report})
        return
    if troubles:
        rows = ((one.line or "", one.path, one.what, one.remedy) for one in troubles)
        print_table(("line", "file", "cannot be done", "what to do"), rows)
        print(f"nothing was written: {counted(len(troubles), 'line')} cannot be done")
        return
    attention = [one for one in report.done if report.dry_run or one.outcome == "failed"]
    if attention:
        rows = ((one.line or "", one.path, one.outcome, one.detail) for one in attention)
        print_table(("line", "file", "is", ""), rows, styles={"failed": "red"})
    verb = "would be written" if report.dry_run else "written"
    already = sum(1 for one in report.done if one.outcome == "already")
    print(
        f"{counted(report.files, 'file')} {verb}: {counted(report.placed, 'place')},"
        f" {counted(report.linked, 'link')}; {already} said so already,"
        f" {report.rejected} rejected, {len(report.failed)} failed; {report.seconds:.1f} s"
    )


def confirm(
    ctx: typer.Context,
    table: Annotated[
        Path | None,
        typer.Argument(
            help="An edited table; without one every suggestion is asked.", show_default=False
        ),
    ] = None,
    only: OnlyOption = None,
    least: LeastOption = 0.0,
    person: PersonOption = None,
    note: NoteOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and report, write nothing.")
    ] = False,
    workers: WorkersOption = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Accept or reject suggestions: one by one, or as an edited table."""
    from gm_assets.authoring.confirming import ask
    from gm_assets.authoring.tables import read_table

    home = open_library(ctx, library, read_only=dry_run)
    if table is not None:
        stated = read_table(home, table)
        _state(home, stated.statements, stated.troubles, person, note, dry_run, workers, as_json)
        return
    found = _suggested(home, None, only, least, 1, 2, 200, as_json)
    statements = ask(found.all, _asker(len(found.all)))
    _state(home, statements, (), person, note, dry_run, workers, as_json)


def _asker(total: int) -> Callable[[int, Suggestion], str]:
    """Shows one suggestion on stderr and reads the answer."""
    tell("y accept, n reject, a accept the rest of this chain, s or Enter skip, q stop")

    def answer(number: int, one: Suggestion) -> str:
        what = _place(one) if one.action == "place" else f"{one.role} of {one.parent}"
        tell(f"{number} of {total}  {one.score:.2f}  {one.path}")
        tell(f"    {what}")
        tell(f"    {_measures(one)} ({one.because})")
        try:
            return str(typer.prompt("    y/n/a/s/q", default="s", show_default=False, err=True))
        except typer.Abort as stopped:
            if isinstance(stopped.__context__, KeyboardInterrupt):
                raise KeyboardInterrupt from None
            raise GmError(
                "the answers ended before the suggestions did; nothing was written",
                remedy="End them with q; or edit a table: gm suggest --out table.csv,"
                " then gm confirm table.csv",
            ) from None

    return answer
