"""Scan: how the files differ from the store, without opening one.

A file is unchanged when its path, size, modification time, change time and inode are those
of its row. A rename keeps all but the path and the change time, which is how a move is
seen; ingest reads such a file once more and compares contents before it believes it.

The walk and the comparison are one loop: a scan of an unchanged library must cost little
more than listing it, since sensors do it every half minute.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gm_assets.errors import NotFound, UnsupportedFormat
from gm_assets.library.folder import SUFFIXES, Numbers, Walk, special, stat_entry
from gm_assets.library.library import Library
from gm_assets.library.values import Changes, Entry, Problem
from gm_assets.memory.files import Signature

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass
class Known:
    """The signatures that the store holds: of catalogued files and of quarantined ones."""

    files: dict[str, Numbers] = field(default_factory=dict)
    quarantine: dict[str, Numbers | None] = field(default_factory=dict)

    @classmethod
    def load(cls, library: Library) -> Known:
        """Read the five signature columns of the current generation, nothing else."""
        columns = ["path", "size", "mtime_ns", "ctime_ns", "inode"]
        store = library.store
        return cls(
            dict(_signatures(store.read("files", columns))),
            dict(_signatures(store.read("quarantine", columns))),
        )

    def below(self, folders: Iterable[str]) -> Known:
        """Only what lies at or below `folders`."""
        within = inside(folders)
        return Known(
            {path: value for path, value in self.files.items() if within(path)},
            {path: value for path, value in self.quarantine.items() if within(path)},
        )


def scan(
    library: Library,
    paths: Iterable[str | os.PathLike[str]] | None = None,
    *,
    known: Known | None = None,
) -> Changes:
    """Compare the files of the library with its store by signature.

    Args:
        paths: files and folders to look at; the whole library by default.
        known: what the store holds, for a caller that scans folder by folder.

    Raises:
        NotFound: one of `paths` neither exists nor is in the store.
        LibraryError: one of `paths` lies outside the library, or the store is damaged.
    """
    chosen = None if paths is None else topmost(library.relative(path) for path in paths)
    return compare(library, known or Known.load(library), chosen)


def compare(library: Library, known: Known, chosen: list[str] | None = None) -> Changes:
    """`scan` against signatures that the caller has loaded, below `chosen` relative paths."""
    if chosen is not None:
        known = known.below(chosen)
    comparison = _Comparison(known)
    # A file that was ingested by name keeps its row, whatever its suffix.
    odd = frozenset(path for path in known.files if path.rpartition(".")[2].lower() not in SUFFIXES)
    for below in [""] if chosen is None else chosen:
        _look(library, below, odd, comparison)
    return comparison.changes()


class _Comparison:
    """Collects what a walk finds and tells it apart from what was known."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.unseen = dict(known.files)
        self.unseen_quarantine = dict(known.quarantine)
        self.new: list[Entry] = []
        self.changed: list[Entry] = []
        self.unchanged = 0
        self.quarantined = 0
        self.problems: list[Problem] = []
        self.unreachable: list[str] = []
        self.littered: set[str] = set()
        self.ignored = 0

    def walk(self, walk: Walk) -> None:
        """Compare every file of the walk. The hot loop of a scan."""
        take = self.unseen.pop
        for path, found in walk:
            row = take(path, None)
            if row == found:
                self.unchanged += 1
            else:
                self._differs(path, found, row)
        self.problems += walk.problems
        self.unreachable += walk.unreachable
        self.littered |= walk.littered
        self.ignored += walk.ignored

    def _differs(self, path: str, found: Numbers, row: Numbers | None) -> None:
        if row is not None:
            self.changed.append(Entry(path, Signature(*found)))
        elif path not in self.unseen_quarantine:
            self.new.append(Entry(path, Signature(*found)))
        elif self.unseen_quarantine.pop(path) == found:
            self.quarantined += 1
        else:
            self.changed.append(Entry(path, Signature(*found)))

    def file(self, entry: Entry) -> None:
        """Compare one file that was named by the caller."""
        row = self.unseen.pop(entry.path, None)
        if row == entry.signature:
            self.unchanged += 1
        else:
            self._differs(entry.path, entry.signature, row)

    def knows(self, below: str) -> bool:
        """Whether the store has anything at or below a path."""
        within = inside([below])
        return any(map(within, self.known.files)) or any(map(within, self.known.quarantine))

    def changes(self) -> Changes:
        lost = inside(self.unreachable) if self.unreachable else (lambda path: False)
        vanished = {path: row for path, row in self.unseen.items() if not lost(path)}
        # A walk finds its own problems again each time: such a row is neither new nor gone.
        standing = {problem.path for problem in self.problems}
        gone = [path for path in self.unseen_quarantine if path not in standing and not lost(path)]
        moved = _moves(vanished, self.new)
        came = {entry.path for _, entry in moved}
        left = {old for old, _ in moved}
        return Changes(
            new=_in_order(entry for entry in self.new if entry.path not in came),
            changed=_in_order(self.changed),
            moved=tuple(sorted(moved, key=lambda move: move[1].path)),
            vanished=tuple(sorted([*(p for p in vanished if p not in left), *gone])),
            unchanged=self.unchanged,
            quarantined=self.quarantined,
            problems=tuple(sorted(self.problems, key=lambda problem: problem.path)),
            unreachable=tuple(sorted(self.unreachable)),
            littered=tuple(sorted(self.littered)),
            ignored=self.ignored,
        )


def _look(library: Library, below: str, odd: frozenset[str], comparison: _Comparison) -> None:
    """Compare one file or folder named by the caller."""
    full = library.root / below
    if full.is_dir() and not full.is_symlink():
        comparison.walk(Walk(library.root, below, odd))
        return
    entry = stat_entry(library.root, below)
    if entry is not None:
        comparison.file(entry)
    elif os.path.lexists(full):
        error = special(full, library.root) or UnsupportedFormat(
            "it is a link into the library",
            where=full,
            remedy="Name the file that it leads to",
        )
        comparison.problems.append(Problem(below, None, error))
    elif not comparison.knows(below):
        raise NotFound(
            "there is no such file", where=full, remedy="Name files or folders of the library"
        )


def _moves(vanished: dict[str, Numbers], new: list[Entry]) -> list[tuple[str, Entry]]:
    """Pairs of a vanished path and a new file with its inode, size and modification time.

    A rename keeps these three. Two vanished paths with equal ones (hard links) are no evidence for
    either, so they stay apart.
    """
    if not vanished or not new:
        return []
    by_inode: dict[tuple[int, int, int], list[str]] = {}
    for path, (size, mtime_ns, _, inode) in vanished.items():
        by_inode.setdefault((inode, size, mtime_ns), []).append(path)
    found = []
    for entry in new:
        size, mtime_ns, _, inode = entry.signature
        old = by_inode.pop((inode, size, mtime_ns), [])
        if len(old) == 1:
            found.append((old[0], entry))
    return found


def _signatures(table: pa.Table) -> Iterator[tuple[str, Numbers]]:
    """Rows of `path, size, mtime_ns, ctime_ns, inode` as pairs."""
    numbers = (table.column(name).to_pylist() for name in table.column_names[1:])
    return zip(table.column("path").to_pylist(), zip(*numbers, strict=True), strict=True)


def _in_order(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple(sorted(entries, key=lambda entry: entry.path))


def topmost(paths: Iterable[str]) -> list[str]:
    """The paths without those that lie below another of them."""
    kept: list[str] = []
    for path in sorted(set(paths), key=lambda path: path.split("/")):
        if not kept or not (kept[-1] == "" or path.startswith(kept[-1] + "/")):
            kept.append(path)
    return kept


def inside(folders: Iterable[str]) -> Callable[[str], bool]:
    """A test of whether a path is at or below one of `folders`."""
    exact = frozenset(folders)
    if "" in exact:
        return lambda path: True
    prefixes = tuple(f"{folder}/" for folder in exact)
    return lambda path: path in exact or path.startswith(prefixes)
