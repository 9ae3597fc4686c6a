"""`gm stale`: what must be redone after revisions, in which order, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from gm_assets.cli.options import JsonOption, LibraryOption, open_library
from gm_assets.cli.output import note, print_json, print_table
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.library.stale import Cause, Redo

#: Characters of a content id that a table shows; `--json` has all of them.
_SHOWN = 15
#: Documents that are printed as a table; `--json` has as many as `--limit` says.
_LIMIT = 200


def register(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command(name="stale")(stale_command)


def stale_command(
    ctx: typer.Context,
    chain: Annotated[
        str | None,
        typer.Argument(help="Only this chain, or one turn of it (NAME.g02).", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Documents that are listed.")] = _LIMIT,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what must be redone since a parent was revised, parents before their children."""
    from gm_assets.library.stale import stale

    opened = open_library(ctx, library, read_only=True)
    report = stale(opened, chain, limit)
    if as_json:
        print_json({"library": opened.root, "chain": chain, "report": report})
        return
    if not report.redo:
        print("nothing must be redone")
    else:
        print(f"{counted(report.total, 'document')} to redo, in this order:")
        heads = ("", "file", "place", "made by", "because of", "it used", "it is now", "since")
        print_table(heads, (row for redo in report.redo for row in _rows(redo)))
    if (more := report.total - len(report.redo)) > 0:
        note(f"{more:,} more: --limit")
    if report.undecided:
        print(f"{counted(len(report.undecided), 'overwritten file')} to decide about:")
        print_table(
            ("file", "what happened", "documents made from it", "decide with"),
            ((u.path, u.reason, u.children, u.remedy) for u in report.undecided),
        )


def _rows(redo: Redo) -> Iterator[tuple[object, ...]]:
    """A line for each reason; the document stands in the first."""
    own = (
        redo.order,
        redo.document.path + (" (in a cycle)" if redo.cyclic else ""),
        "; ".join(redo.places),
        redo.step or "hand",
    )
    for number, cause in enumerate(redo.causes or (None,)):
        yield (*(own if number == 0 else ("",) * 4), *_reason(cause))


def _reason(cause: Cause | None) -> tuple[str, ...]:
    if cause is None:
        return ("", "", "", "")
    if not cause.revised:
        return (f"{cause.path} (redo it first)", cause.used[:_SHOWN], "", "")
    since = " ".join(filter(None, (cause.when, cause.person, cause.note)))
    return (cause.path, cause.used[:_SHOWN], (cause.now or "")[:_SHOWN], since)
