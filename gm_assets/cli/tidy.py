"""`gm duplicates` and `gm name`: what is there twice, and what files should be called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gm_assets.cli.options import JsonOption, LibraryOption, open_library
from gm_assets.cli.output import note as tell
from gm_assets.cli.output import print_json, print_table
from gm_assets.cli.suggest import NoteOption, PersonOption, person_of
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.authoring.values import Merged, Renaming, TwinGroup
    from gm_assets.errors import GmError

FilesArgument = Annotated[
    list[Path] | None,
    typer.Argument(help="Files and folders; the whole library by default.", show_default=False),
]
#: Facts of one file's memory that a table shows.
_FACTS = 3


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command()(duplicates)
    app.command()(name)


def duplicates(
    ctx: typer.Context,
    files: FilesArgument = None,
    near: Annotated[
        bool, typer.Option("--near", help="Also pictures that only look the same.")
    ] = False,
    distance: Annotated[
        int, typer.Option(min=0, max=15, help="Different bits of 64 up to which they do.")
    ] = 10,
    limit: Annotated[int, typer.Option(min=0, help="Groups printed.")] = 40,
    merge: Annotated[
        bool,
        typer.Option(
            "--merge", help="Write into the kept twin what the others' memories know besides."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --merge: say what would be written.")
    ] = False,
    person: PersonOption = None,
    note: NoteOption = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Files that are, or look, the same, and which of them to keep; nothing is ever deleted."""
    from gm_assets.authoring.duplicates import duplicates as run
    from gm_assets.authoring.merging import merge as join

    home = open_library(ctx, library, files=files, read_only=not merge or dry_run)
    groups = run(home, files or None, near=near, distance=distance)
    done: Sequence[Merged] = ()
    refused: Sequence[GmError] = ()
    if merge:
        who = person_of(person)
        done, refused = join(home, groups, person=who, note=note, dry_run=dry_run)
    if as_json:
        print_json({"library": home.root, "groups": groups, "merged": done, "refused": refused})
    else:
        _print_groups(groups[:limit])
        levels = Counter(group.level for group in groups)
        said = ", ".join(f"{count} by {level}" for level, count in levels.items())
        print(f"{counted(len(groups), 'group')} of duplicates{': ' if said else ''}{said}")
        _print_merged(done, dry_run)
    for error in refused:
        tell(f"{error.where}: {error.what}. {error.remedy or ''}")
    if refused:
        raise typer.Exit(refused[0].exit_code)


def _print_groups(groups: Sequence[TwinGroup]) -> None:
    rows = []
    for number, group in enumerate(groups, start=1):
        for twin in group.twins:
            keep = twin is group.kept
            known = "; ".join(twin.knows[:_FACTS])
            more = f"; {len(twin.knows) - _FACTS} more" if len(twin.knows) > _FACTS else ""
            rows.append(
                (
                    number if keep else "",
                    group.level if keep else "",
                    "keep" if keep else "",
                    twin.path,
                    f"{twin.width} x {twin.height}" if twin.width else "",
                    twin.format,
                    "" if twin.distance is None else twin.distance,
                    f"alone knows {known}{more}" if known else "",
                    group.reason if keep else "",
                )
            )
    if rows:
        heads = ("", "same", "", "file", "pixels", "format", "bits", "memory", "kept because")
        print_table(heads, rows, styles={"keep": "green"})


def _print_merged(done: Sequence[Merged], dry_run: bool) -> None:
    if not done:
        return
    rows = [
        (one.path, "; ".join(one.gained), f"left: {'; '.join(one.differs)}" if one.differs else "")
        for one in done
    ]
    verb = "would gain" if dry_run else "gained"
    print_table(("file", verb, ""), rows)


def name(
    ctx: typer.Context,
    files: FilesArgument = None,
    template: Annotated[
        str | None,
        typer.Option(
            help="Fields in braces, what may be left out in brackets (docs/authoring.md)."
        ),
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Rename; else only a table.")] = False,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Names by a template from what files remember; renames only with --apply."""
    from gm_assets.authoring.naming import TEMPLATE, propose, rename

    home = open_library(ctx, library, files=files, read_only=not apply)
    found = propose(home, files or None, template or TEMPLATE)
    done: Sequence[Renaming] = ()
    if apply:
        done, found = rename(home, found)
    if as_json:
        print_json({"library": home.root, "renamed": done, "proposed": found})
    else:
        rows = [(one.old, one.new, one.problem or "") for one in found]
        if rows:
            print_table(("file", "kept its name" if apply else "would be", ""), rows)
        problems = sum(1 for one in found if one.problem)
        print(
            f"{counted(len(done), 'file')} renamed, {problems} kept their names"
            if apply
            else f"{counted(len(found) - problems, 'file')} would be renamed, {problems} cannot"
        )
    if apply and found:
        raise typer.Exit(5)
