"""From statements of people to changes of files, everything checked before the first write.

A plan is all or nothing: where one line names a file that is not there, a parent twice, a
cycle, or a parent whose content was altered, no file is touched and every such line is named.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gm_assets.authoring.stock import Stock
from gm_assets.authoring.values import Statement, Trouble
from gm_assets.containers import is_sealed, refusal
from gm_assets.errors import LibraryError
from gm_assets.library.authoring import describe
from gm_assets.library.examine import examine
from gm_assets.memory.files import Signature
from gm_assets.memory.record import Parent, Placement, Stage

if TYPE_CHECKING:
    from gm_assets.library import Library

INGEST = "Run `gm ingest`, then try again"
_FILES = """
select path, document_id, instance_id, content_id, stream_hash, format, managed, altered, memory,
       size, mtime_ns, ctime_ns, inode
from files f where path in (select unnest($paths)) and content_id is not null"""


@dataclass(frozen=True, slots=True)
class Row:
    """A file as the catalogue has it."""

    path: str
    document_id: str | None
    instance_id: str | None
    content_id: str
    stream_hash: str | None
    format: str
    managed: bool
    altered: bool
    memory: str
    signature: Signature


@dataclass(frozen=True, slots=True)
class Step:
    """One accepted statement, ready to be written; `says` is it in words."""

    line: int
    says: str
    placement: Placement | None = None
    parent: Parent | None = None
    note: str | None = None


@dataclass(frozen=True)
class Change:
    """What one file shall be told; `content_id` is the content that it must have."""

    path: str
    content_id: str
    steps: tuple[Step, ...]


@dataclass
class Plan:
    """What a table of statements means, or why it cannot be done."""

    troubles: list[Trouble] = field(default_factory=list)
    changes: tuple[Change, ...] = ()
    rejected: list[tuple[Statement, Row, Row | None]] = field(default_factory=list)


def plan(library: Library, statements: Sequence[Statement]) -> Plan:
    """Check statements against the catalogue and the files' signatures; nothing is written.

    Raises:
        LibraryError: nothing was ever ingested, or the store is damaged.
    """
    return _Planner(library, statements).plan()


class _Refused(Exception):
    """Why one statement cannot be done, and what to do."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what, self.remedy = what, remedy


class _Planner:
    """One table of statements on its way to a plan."""

    def __init__(self, library: Library, statements: Sequence[Statement]) -> None:
        self._library, self._statements = library, statements
        self._stock = Stock.of(library)
        self._by_document = {
            item.document_id: item for item in self._stock.items if item.document_id
        }
        named = {path for one in statements for path in (one.path, one.parent) if path}
        self._paths = {path: _inside(library, path) for path in named}
        known = [path for path in self._paths.values() if isinstance(path, str)]
        self._rows = {row.path: row for row in _rows(library, known)}
        self._planned: dict[str, list[Placement]] = defaultdict(list)

    def plan(self) -> Plan:
        """All statements checked."""
        found = Plan()
        steps: dict[str, list[Step]] = defaultdict(list)
        accepted = [one for one in self._statements if one.decision == "accept"]
        # places first: the stage of a parent may be stated in the same table
        for one in sorted(accepted, key=lambda one: one.placement is None):
            try:
                row = self._child(one)
                for step in self._steps(one, row, steps[row.path]):
                    steps[row.path].append(step)
            except _Refused as why:
                found.troubles.append(Trouble(one.line, one.path, why.what, why.remedy))
        for one in self._statements:
            if one.decision == "reject":
                try:
                    found.rejected.append(self._rejected(one))
                except _Refused as why:
                    found.troubles.append(Trouble(one.line, one.path, why.what, why.remedy))
        found.troubles += self._cycles(steps)
        found.troubles.sort(key=lambda one: one.line)
        found.changes = tuple(
            Change(path, self._rows[path].content_id, tuple(steps[path]))
            for path in sorted(steps)
            if steps[path]
        )
        return found

    def _steps(self, one: Statement, row: Row, there: list[Step]) -> Iterator[Step]:
        if one.placement is not None:
            if any(step.placement == one.placement for step in there):
                raise _Refused("the same place is stated twice", "Keep one of the lines")
            self._planned[row.document_id or ""].append(one.placement)
            yield Step(one.line, describe(one.placement), one.placement, note=one.note)
        if one.parent is not None:
            parent = self._parent(one, row, there)
            says = f"{one.role} {self._row(one.parent).path}"
            yield Step(one.line, says, parent=parent, note=one.note)
        if one.placement is None and one.parent is None:
            raise _Refused("it states neither a place nor a parent", "Fill in `chain` or `parent`")

    def _row(self, path: str) -> Row:
        """The catalogue's row of a named file. Raises _Refused."""
        relative = self._paths[path]
        if isinstance(relative, LibraryError):
            raise _Refused(f"{path}: {relative.what}", relative.remedy or INGEST)
        row = self._rows.get(relative)
        if row is None:
            there = os.path.lexists(self._library.root / relative)
            why = "is not in the catalogue" if there else "does not exist"
            raise _Refused(f"{path} {why}", INGEST if there else "Correct the path")
        return row

    def _sound(self, path: str, content_id: str | None) -> tuple[Row, os.stat_result]:
        """A named file that is what the catalogue says, and what the line was made for."""
        row = self._row(path)
        try:
            status = (self._library.root / row.path).lstat()
        except OSError as error:
            raise _Refused(f"{row.path} cannot be looked at ({error.strerror})", INGEST) from None
        if Signature.of(status) != row.signature and not self._only_told(row):
            raise _Refused(f"{row.path} changed since it was ingested", INGEST)
        if row.altered:
            raise _Refused(
                f"{row.path} was altered: its content is not the one that its memory states",
                "Accept the edit first: gm revise FILE --note TEXT",
            )
        if content_id is not None and content_id != row.content_id:
            raise _Refused(
                f"{row.path} has another content than the line was made for",
                "Look at it again: gm suggest",
            )
        return row, status

    def _only_told(self, row: Row) -> bool:
        """Whether a changed file still has its content: a run of ours was killed after a write."""
        found = examine(os.fspath(self._library.root), row.path)
        if found.identity is None or found.memory is None or row.memory == "none":
            return False
        same = found.identity.content_id == row.content_id
        return same and found.memory.document_id == row.document_id

    def _child(self, one: Statement) -> Row:
        row, status = self._sound(one.path, one.content_id)
        if not row.managed:
            raise _Refused(
                f"{row.path} lies in a folder that is not managed",
                "Set managed = true for it in gm.toml",
            )
        if is_sealed(row.format):
            why = refusal(row.format, row.path)
            raise _Refused(f"{row.path}: {why.what}", why.remedy or INGEST)
        if row.memory == "newer":
            raise _Refused(
                f"the memory of {row.path} was written by a newer version", "Update gm_assets"
            )
        if row.memory != "embedded":
            raise _Refused(f"{row.path} carries no memory", INGEST)
        if status.st_nlink > 1:
            raise _Refused(
                f"{row.path} has several names (hard links): a write would part them",
                "Copy the file in place of the link",
            )
        if not os.access((self._library.root / row.path).parent, os.W_OK):
            raise _Refused(f"the folder of {row.path} cannot be written", "Check its permissions")
        return row

    def _parent(self, one: Statement, child: Row, there: list[Step]) -> Parent:
        assert one.parent is not None
        row, _ = self._sound(one.parent, one.parent_content_id)
        if row.path == child.path:
            raise _Refused("a file cannot be its own parent", "Name another parent")
        if row.document_id == child.document_id is not None:
            raise _Refused(f"{row.path} is a copy of the same document", "Name another parent")
        if row.content_id == child.content_id:
            raise _Refused(
                f"{row.path} has the same content: they are twins, not parent and child",
                "`gm duplicates` shows twins and joins what they know",
            )
        for step in there:
            if step.parent and _same(step.parent, row):
                where = f"line {step.line}" if step.line else "before"
                raise _Refused(
                    f"{row.path} is named twice as its parent ({where})", "Keep one of them"
                )
        item = self._by_document.get(child.document_id or "")
        for known in item.parents if item else ():
            if known.document_id != (row.document_id or "") and (
                known.document_id or known.content_id != row.content_id
            ):
                continue
            if known.role != one.role:
                raise _Refused(
                    f"its memory names {row.path} already, as {known.role}", "Leave the line out"
                )
            if known.content_id != row.content_id:
                raise _Refused(
                    f"its memory names an earlier content of {row.path}: it is stale",
                    "Make it again from the parent of now (`gm show` tells)",
                )
        return Parent(
            role=one.role,
            document_id=row.document_id if row.memory != "none" else None,
            instance_id=row.instance_id if row.memory != "none" else None,
            content_id=row.content_id,
            stream_hash=row.stream_hash,
            stage=self._stage(row),
            basis="asserted",
        )

    def _stage(self, row: Row) -> Stage | None:
        """The stage of a parent: where it stands, or is stated to stand."""
        item = self._by_document.get(row.document_id or "")
        places = [*(item.places if item else ()), *self._planned[row.document_id or ""]]
        return places[0].stage if places else None

    def _rejected(self, one: Statement) -> tuple[Statement, Row, Row | None]:
        row = self._row(one.path)
        if one.placement is None and one.parent is None:
            raise _Refused("it rejects neither a place nor a parent", "Leave the line out")
        return one, row, None if one.parent is None else self._row(one.parent)

    def _cycles(self, steps: dict[str, list[Step]]) -> list[Trouble]:
        """Links that would make a document its own ancestor, with all other planned ones."""
        planned = [
            (step, path, self._rows[path].document_id or "", step.parent.document_id)
            for path, found in steps.items()
            for step in found
            if step.parent is not None and step.parent.document_id is not None
        ]
        cyclic = self._stock.cyclic((child, parent) for _, _, child, parent in planned)
        return [
            Trouble(
                step.line,
                path,
                f"{step.says} would close a cycle: it comes from this file itself",
                "Leave out the line that goes against the order of the work",
            )
            for (step, path, _, _), bad in zip(planned, cyclic, strict=True)
            if bad
        ]


def _same(parent: Parent, row: Row) -> bool:
    if parent.document_id is not None:
        return parent.document_id == row.document_id
    return parent.content_id == row.content_id


def _inside(library: Library, path: str) -> str | LibraryError:
    """A path as the store names it, or why it is none of the library's."""
    here = Path(path).is_absolute() or os.path.lexists(path)
    try:
        return library.relative(path if here else library.root / path)
    except LibraryError as error:
        return error


def _rows(library: Library, paths: Iterable[str]) -> Iterator[Row]:
    cursor = library.catalogue().execute(_FILES, {"paths": list(paths)})
    while rows := cursor.fetchmany(10_000):
        for row in rows:
            path, document, instance, content, stream, format, managed, altered, memory = row[:-4]
            yield Row(
                path,
                document,
                instance,
                content,
                stream,
                format,
                managed,
                altered,
                memory,
                Signature(*row[-4:]),
            )


def anchored(library: Library, path: str) -> str:
    """A path of a table, below the library's root wherever the command was called."""
    return os.fspath(library.root / Path(path))
