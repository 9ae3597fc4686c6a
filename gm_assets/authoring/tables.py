"""Tables that people edit: suggestions out, statements in, as CSV or Parquet.

CSV is UTF-8 (with or without a byte order mark), with commas or semicolons, as spreadsheets
write it. Only the columns of `STATED` are read; all others are there for the reader. A path
that begins with a sign which spreadsheets take for a formula is written as `./…`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import ValidationError

from gm_assets.authoring.measures import MEASURES
from gm_assets.authoring.planning import anchored
from gm_assets.authoring.values import Decision, Statement, Suggestion, Trouble
from gm_assets.errors import NotFound, TooLarge, UnreadableFile, UnsupportedFormat
from gm_assets.memory.files import write_new
from gm_assets.memory.record import CONTENT_ID, Placement, Role, parse_chain_key

if TYPE_CHECKING:
    from gm_assets.library import Library

PLACE_COLUMNS = ("chain", "generation", "stage", "part", "view", "frame", "variant")
#: What is read from a table.
STATED = (
    *("decision", "action", "file", "parent", "role", *PLACE_COLUMNS),
    *("file_content", "parent_content", "note"),
)
#: What is written into one.
COLUMNS = (
    *("decision", "action", "file", "parent", "role", *PLACE_COLUMNS, "score", *MEASURES),
    *("because", "note", "file_content", "parent_content"),
)
MAX_BYTES = 300_000_000
MAX_ROWS = 1_000_000

ACCEPTED = frozenset(("accept", "accepted", "yes", "y", "x", "1", "true", "ok"))
REJECTED = frozenset(("reject", "rejected", "no", "n", "0", "false"))
#: Not a column: tells for each line whether its table has a column `decision`.
_DECIDED = ""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Stated:
    """What a table says: statements in its order, lines that cannot be read, lines undecided."""

    statements: tuple[Statement, ...]
    troubles: tuple[Trouble, ...]
    undecided: int


def write_table(path: Path, suggestions: Sequence[Suggestion], *, overwrite: bool = False) -> None:
    """Write suggestions as a table with an empty column `decision`.

    Args:
        path: ends in `.csv` or `.parquet`.

    Raises:
        UnsupportedFormat: it ends in something else.
        WriteRefused: it exists, or cannot be written.
    """
    rows = [_row(one) for one in suggestions]
    if path.suffix.lower() == ".csv":
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        data = buffer.getvalue().encode("utf-8", "backslashreplace")
    elif path.suffix.lower() == ".parquet":
        data = _parquet(rows)
    else:
        raise _other_kind(path)
    write_new(path, data, overwrite=overwrite)


def read_table(library: Library, path: Path) -> Stated:
    """Read statements from a table.

    Columns: `file` (or `child`) and `parent` with `role`, or `chain` with `stage`, `part` and
    the rest of a placement; `action` (`place`, `link`) says which of both counts where a line
    has both. Where there is a column `decision`, a line counts only with a word of `ACCEPTED`
    or `REJECTED` in it; without the column every line is accepted. Paths are below the
    library's root.

    Raises:
        NotFound, UnreadableFile, UnsupportedFormat, TooLarge: the table cannot be read.
    """
    statements: list[Statement] = []
    troubles: list[Trouble] = []
    undecided = 0
    for line, row in _lines(path):
        try:
            one = _statement(library, line, row)
        except ValueError as error:
            wrong = f"{row.get('file') or row.get('child') or ''}"
            troubles.append(Trouble(line, wrong, str(error), "Correct the line"))
            continue
        if one is None:
            undecided += 1
        else:
            statements.append(one)
    return Stated(tuple(statements), tuple(troubles), undecided)


def _row(one: Suggestion) -> dict[str, Any]:
    place = one.placement
    row: dict[str, Any] = {
        "decision": "",
        "action": one.action,
        "file": _safe(one.path),
        "parent": _safe(one.parent or ""),
        "role": one.role or "",
        "score": one.score,
        "because": one.because,
        "note": "",
        "file_content": one.content_id,
        "parent_content": one.parent_content_id or "",
    }
    for name in PLACE_COLUMNS:
        row[name] = "" if place is None else getattr(place, name)
    for field in fields(one.measures):
        row[field.name] = getattr(one.measures, field.name)
    return row


def _safe(path: str) -> str:
    """A path that no spreadsheet takes for a formula."""
    return f"./{path}" if path.startswith(_FORMULA) else path


def _parquet(rows: Sequence[dict[str, Any]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    whole = {"generation": pa.int64(), "frame": pa.int64(), "hash_distance": pa.int64()}
    numbers = {name: pa.float64() for name in ("score", *MEASURES)}
    kinds = {**numbers, **whole}
    columns = [
        pa.array([row[name] if row[name] != "" else None for row in rows], kinds[name])
        if name in kinds
        else pa.array([row[name] or "" for row in rows], pa.string())
        for name in COLUMNS
    ]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns, names=list(COLUMNS)), sink, compression="zstd")
    return bytes(sink.getvalue())


def _lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells of each row, as text."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise NotFound(
            f"the table cannot be opened ({error.strerror})", where=path, remedy="Name another"
        ) from None
    if size > MAX_BYTES:
        raise TooLarge(
            f"the table is larger than {MAX_BYTES:,} bytes", where=path, remedy="Split it"
        )
    if path.suffix.lower() == ".parquet":
        return _parquet_lines(path)
    if path.suffix.lower() == ".csv":
        return _csv_lines(path)
    raise _other_kind(path)


def _csv_lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, str(error)) from None
    head = text.partition("\n")[0]
    delimiter = ";" if head.count(";") > head.count(",") else ","
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        _check_columns(path, rows.fieldnames or ())
        decided = "decision" if "decision" in (rows.fieldnames or ()) else ""
        for count, row in enumerate(rows, start=1):
            _check_count(path, count)
            cells = {name: row.get(name) or "" for name in (*STATED, "child")}
            yield rows.line_num, cells | {_DECIDED: decided}
    except csv.Error as error:
        raise _unreadable(path, f"line {rows.line_num}: {error}") from None


def _parquet_lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        names = set(file.schema_arrow.names)
        _check_columns(path, names)
        _check_count(path, file.metadata.num_rows)
        groups = (file.metadata.row_group(i) for i in range(file.metadata.num_row_groups))
        if sum(group.total_byte_size for group in groups) > 10 * MAX_BYTES:
            raise TooLarge("the table unpacks to too many bytes", where=path, remedy="Split it")
        decided = "decision" if "decision" in names else ""
        wanted = [name for name in (*STATED, "child") if name in names]
        first = 1
        for batch in file.iter_batches(10_000, columns=wanted):
            for offset, row in enumerate(batch.to_pylist()):
                cells = {name: _text(row.get(name)) for name in (*STATED, "child")}
                yield first + offset, cells | {_DECIDED: decided}
            first += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, str(error).splitlines()[0]) from None


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _statement(library: Library, line: int, row: dict[str, str]) -> Statement | None:
    """What one line states; None where it is undecided. Raises ValueError with the reason."""
    decision = _decision(row)
    if decision is None:
        return None
    path = (row["file"] or row["child"]).strip()
    if not path:
        raise ValueError("it names no file")
    action = row["action"].strip().casefold()
    if action not in ("", "place", "link"):
        raise ValueError(f"`action` is neither place nor link: {action!r}")
    parent = row["parent"].strip() if action != "place" else ""
    placement = _placement(row) if action != "link" and row["chain"].strip() else None
    role = row["role"].strip() or "source"
    if role not in get_args(Role):
        raise ValueError(f"`role` is none of {', '.join(get_args(Role))}: {role!r}")
    contents = [row[name].strip() or None for name in ("file_content", "parent_content")]
    for content in contents:
        if content is not None and not CONTENT_ID.match(content):
            raise ValueError(f"{content!r} is not a content id")
    return Statement(
        line=line,
        path=anchored(library, path),
        decision=decision,
        placement=placement,
        parent=anchored(library, parent) if parent else None,
        role=role,  # type: ignore[arg-type]  # one of them, as just checked
        content_id=contents[0],
        parent_content_id=contents[1] if parent else None,
        note=row["note"].strip() or None,
    )


def _decision(row: dict[str, str]) -> Decision | None:
    if not row[_DECIDED]:
        return "accept"
    said = row["decision"].strip().casefold()
    if not said:
        return None
    if said in ACCEPTED:
        return "accept"
    if said in REJECTED:
        return "reject"
    raise ValueError(f"`decision` is neither accept nor reject: {said!r}")


def _placement(row: dict[str, str]) -> Placement:
    """The placement of a line; `chain` may be a key such as `seam-keeper.g02`."""
    values: dict[str, Any] = {
        name: row[name].strip() for name in PLACE_COLUMNS if row[name].strip()
    }
    try:
        chain, generation = parse_chain_key(values["chain"])
        values["chain"] = chain
        values.setdefault("generation", generation)
        values["stage"] = values.get("stage", "").upper()
        return Placement.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ValueError(f"`{first['loc'][0]}`: {first['msg']}") from None


def _check_columns(path: Path, names: Any) -> None:
    held = set(islice(names, 1000))
    if not held & {"file", "child"} or not held & {"parent", "chain"}:
        raise _unreadable(path, "it has no column `file` with `parent` or `chain`")


def _check_count(path: Path, count: int) -> None:
    if count > MAX_ROWS:
        raise TooLarge(f"the table has more than {MAX_ROWS:,} lines", where=path, remedy="Split it")


def _unreadable(path: Path, what: str) -> UnreadableFile:
    return UnreadableFile(
        f"the table cannot be read: {what}",
        where=path,
        remedy="`gm suggest --out table.csv` writes one of the right form",
    )


def _other_kind(path: Path) -> UnsupportedFormat:
    return UnsupportedFormat(
        "tables are .csv or .parquet", where=path, remedy="Choose one of both endings"
    )
