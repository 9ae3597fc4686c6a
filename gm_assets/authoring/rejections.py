"""What people rejected: `authoring/rejected.csv` in the library.

A rejection is a fact that a person stated, so it may not live in a derived store alone, which
anyone may delete. It has no place in a memory either: a file does not remember what it does
not come from, and another library may decide otherwise. So it is a plain file of the library
itself, one line a rejection, that people can read, edit, review and put under version
control. A rejection is about contents (`content_id`): it holds after files were moved or
renamed, and ends where a picture is changed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from gm_assets.authoring.values import Action, Suggestion
from gm_assets.errors import LibraryError
from gm_assets.memory.files import write_new
from gm_assets.memory.record import CONTENT_ID

if TYPE_CHECKING:
    from gm_assets.library import Library

#: Below the library's root.
PLACE = "authoring/rejected.csv"
#: A library of a million files in which every second suggestion was rejected stays below.
MAX_BYTES = 500_000_000

#: What a rejection is about: the action, the content, and the chain or the parent's content.
Key: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Rejection:
    """One line of the file; `file` and `parent` are hints for the reader.

    `against` is what was rejected for the content: the name of a chain, or a parent's content.
    """

    action: Action
    content_id: str
    against: str
    file: str
    parent: str
    person: str
    when: str
    note: str

    @property
    def key(self) -> Key:
        """What it is about."""
        return self.action, self.content_id, self.against


_COLUMNS = tuple(field.name for field in fields(Rejection))


def key_of(suggestion: Suggestion) -> Key:
    """What a rejection of this suggestion would be about."""
    if suggestion.placement is not None:
        return "place", suggestion.content_id, suggestion.placement.chain
    return "link", suggestion.content_id, suggestion.parent_content_id or ""


def rejections(library: Library) -> tuple[Rejection, ...]:
    """The library's rejections, in the order of the file.

    Raises:
        LibraryError: the file cannot be read, or a line of it is none of ours.
    """
    path = library.root / PLACE
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _broken(path, f"it is larger than {MAX_BYTES:,} bytes")
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise _broken(path, f"it cannot be read ({error})") from None
    lines = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        return tuple(_rejection(path, lines.line_num, row) for row in lines)
    except csv.Error as error:
        raise _broken(path, str(error), lines.line_num) from None


def remember_rejections(library: Library, fresh: Iterable[Rejection]) -> int:
    """Add rejections to the library's file; those that it has are left out.

    The caller holds the writer lock (`Library.writing`).

    Returns:
        How many were added.

    Raises:
        LibraryError: the file that is there cannot be read.
        WriteRefused: it cannot be written.
    """
    there = rejections(library)
    known = {one.key for one in there}
    added = []
    for one in fresh:
        if one.key not in known:
            known.add(one.key)
            added.append(one)
    if not added:
        return 0
    path = library.root / PLACE
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise _broken(path.parent, f"it cannot be made ({error.strerror})") from None
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(astuple(one) for one in (*there, *added))
    write_new(path, buffer.getvalue().encode("utf-8", "backslashreplace"), overwrite=True)
    return len(added)


def _rejection(path: Path, line: int, row: dict[str, str | None]) -> Rejection:
    values = {name: row.get(name) or "" for name in _COLUMNS}
    if values["action"] not in ("place", "link") or not CONTENT_ID.match(values["content_id"]):
        raise _broken(path, "it has no `action` (place, link) with a `content_id`", line)
    return Rejection(**values)  # type: ignore[arg-type]  # the action was just looked at


def _broken(path: Path, what: str, line: int | None = None) -> LibraryError:
    where = f"{path}:{line}" if line else path
    return LibraryError(what, where=where, remedy="Repair the file, or move it away")
