"""What the commands print: data on stdout, notes and progress on stderr.

On a terminal tables are coloured and progress is drawn. Elsewhere the output is plain, with
nothing wrapped or shortened. With `--json` stdout holds exactly one JSON document. File names
and metadata are somebody else's text: control characters in them are shown as escapes, so
that a title cannot drive the terminal.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gm_assets.errors import GmError
from gm_assets.words import escaped

if TYPE_CHECKING:
    from rich.console import Console

    from gm_assets.library import Progress, ProgressFunction

_PHASES = {
    "find": "finding files",
    "label": "labelling",
    "lift": "lifting",
    "make": "making",
    "read": "reading",
    "embed": "embedding",
    "write": "writing memories",
    "pull": "downloading",
    "record": "recording",
    "shade": "making frames",
}
#: Rows up to which a table on a terminal is coloured; longer ones would take seconds to lay out.
MAX_STYLED = 1_000
#: Between two lines of progress, where there is no terminal to draw a bar on.
LINE_SECONDS = 10.0


def safe(text: object) -> str:
    """`text` on one line, with everything that could drive a terminal shown as an escape.

    A line break in a name must not look like another line of ours.
    """
    return escaped(str(text)).replace("\n", "\\n").replace("\t", " ")


def is_terminal() -> bool:
    """Whether stdout is a terminal that can move the cursor and show colours."""
    return sys.stdout.isatty() and os.environ.get("TERM", "") not in ("", "dumb")


def console(*, stderr: bool = False) -> Console:
    """A rich console for one of the streams that takes all text as it is."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, highlight=False, markup=False, emoji=False)


def note(text: str) -> None:
    """A line for the person at the terminal, on stderr."""
    print(safe(text), file=sys.stderr)


def plain(value: Any) -> Any:
    """`value` as JSON types: dataclasses and models become objects, by their field names."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = (field.name for field in dataclasses.fields(value))
        return {name: plain(getattr(value, name)) for name in fields}
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, GmError):
        return {"error": type(value).__name__, "what": value.what, "remedy": value.remedy}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return os.fspath(value)
    return value


def print_json(document: Mapping[str, Any]) -> None:
    """The one JSON document of a command, with non-ASCII text where stdout can hold it."""
    value = plain(document)
    text = json.dumps(value, indent=2, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2)
    print(text)


def print_table(
    heads: Sequence[str], rows: Iterable[Sequence[object]], *, styles: Mapping[str, str] = {}
) -> None:
    """Aligned columns; on a terminal `styles` gives a colour to whole cells by their text.

    Heads that are all empty are not printed.
    """
    cells = [["" if cell is None else safe(cell) for cell in row] for row in rows]
    if not is_terminal() or len(cells) > MAX_STYLED:
        _print_columns([list(heads), *cells] if any(heads) else cells)
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", show_header=any(heads))
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell, style=styles.get(cell, "")) for cell in row))
    console().print(table)


def print_fields(title: str, fields: Mapping[str, object]) -> None:
    """A heading and its name-value lines; fields without a value are left out."""
    lines = [
        (f"  {name if number == 0 else ''}", safe(line))
        for name, value in fields.items()
        if value not in (None, "", ())
        for number, line in enumerate(str(value).split("\n"))
    ]
    if not lines:
        return
    if not is_terminal():
        print(title)
        _print_columns(lines)
        return
    from rich.table import Table
    from rich.text import Text

    screen = console()
    screen.print(Text(title, style="bold"))
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, line in lines:
        table.add_row(name, Text(line))
    screen.print(table)


def _print_columns(rows: Sequence[Sequence[str]]) -> None:
    """Plain columns, without the blanks that would fill the last one."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


@contextmanager
def progress_bar(*, quiet: bool = False) -> Iterator[ProgressFunction | None]:
    """A bar on stderr while the block runs; lines now and then where it is no terminal."""
    if quiet:
        yield None
        return
    if not sys.stderr.isatty() or os.environ.get("TERM", "") in ("", "dumb"):
        yield _progress_lines()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[current]}"),
    )
    with Bars(*columns, console=console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=None, current="")

        def show(now: Progress) -> None:
            bars.update(
                task,
                description=_PHASES.get(now.phase, now.phase),
                total=now.total or None,
                completed=now.done,
                current=safe(now.current)[-48:],
            )

        yield show


def _progress_lines() -> ProgressFunction:
    """A line for each thing that is made, which takes long, and else one in `LINE_SECONDS`."""
    told = time.monotonic()

    def show(now: Progress) -> None:
        nonlocal told
        if now.phase == "make" or time.monotonic() - told >= LINE_SECONDS:
            told = time.monotonic()
            doing = _PHASES.get(now.phase, now.phase)
            note(f"{doing}: {now.done:,} of {now.total:,} ({now.current})")

    return show


def describe_error(error: GmError, *, kind: str, exit_code: int) -> None:
    """The JSON document of a command that failed."""
    described = {
        "error": kind,
        "what": error.what,
        "where": error.where,
        "remedy": error.remedy,
        "exit_code": exit_code,
    }
    print_json({"error": described})


def print_error(error: GmError, *, as_json: bool) -> None:
    """What, where and what to do: on stderr for people, with `--json` on stdout as well."""
    if as_json:
        describe_error(error, kind=type(error).__name__, exit_code=error.exit_code)
    where = "" if error.where is None else f"{error.where}: "
    note(f"gm: {where}{error.what}")
    if error.remedy:
        note(f"    {error.remedy}")
