"""Check: is everything in the library as it should be? Reads, reports, repairs nothing.

The checks, like those of fsck, each with its own remedy:

`memory`      the memory in the file can be read, and is not lost
`content`     the content is the one that the memory states
`links`       every declared parent is resolved
`catalogue`   the file is in the store as it is now; the store's parts are whole
`quarantine`  files that cannot be read
`leftovers`   temporaries of killed writes
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from gm_assets.containers import is_sealed
from gm_assets.errors import LibraryError, UnreadableFile
from gm_assets.library.changes import Known, compare, topmost
from gm_assets.library.examine import Examined, examine
from gm_assets.library.folder import Walk
from gm_assets.library.pool import Pool
from gm_assets.library.values import Changes, CheckResult, Progress, ProgressFunction
from gm_assets.lineage.evidence import is_altered

if TYPE_CHECKING:
    from gm_assets.library.library import Library

CHECKS = ("memory", "content", "links", "catalogue", "quarantine", "leftovers")


def check(
    library: Library,
    paths: Iterable[str | os.PathLike[str]] | None = None,
    *,
    workers: int | None = None,
    progress: ProgressFunction | None = None,
) -> list[CheckResult]:
    """Read files again and compare them with their memories and with the store.

    Args:
        paths: files and folders; the whole library by default.

    Returns:
        What was found, errors and warnings by check and path. A check that found nothing has
        one result with severity `ok`.

    Raises:
        NotFound: one of `paths` does not exist.
        LibraryError: one of `paths` lies outside the library.
    """
    chosen = [""] if paths is None else topmost(library.relative(path) for path in paths)
    found = list(_store(library))
    told: set[str | None] = set()
    if not any(result.severity == "error" for result in found):
        known = Known.load(library)
        changes = compare(library, known, chosen)
        within = known.below(chosen)
        found += _catalogue(changes)
        found += _leftovers(changes)
        found += _links(library, frozenset(within.files))
        quarantine = list(_quarantine(library, frozenset(within.quarantine)))
        told = {result.path for result in quarantine}
        found += quarantine
    # What is quarantined is told once, with its remedy, unless reading it says something else.
    found += (
        result
        for result in _files(library, chosen, workers, progress)
        if result.path not in told or result.check != "content"
    )
    clean = set(CHECKS).difference(result.check for result in found)
    found += [CheckResult(name, None, "ok", "nothing found") for name in CHECKS if name in clean]
    return sorted(found, key=lambda result: (CHECKS.index(result.check), result.path or ""))


def _store(library: Library) -> Iterator[CheckResult]:
    """The store's own soundness; a library without a store has nothing to be unsound."""
    try:
        if library.store.generation:
            library.store.verify()
        else:
            yield CheckResult(
                "catalogue", None, "warning", "the library has no store yet: gm ingest"
            )
    except LibraryError as error:
        yield CheckResult("catalogue", None, "error", str(error))


def _catalogue(changes: Changes) -> Iterator[CheckResult]:
    for entry in changes.new:
        yield CheckResult("catalogue", entry.path, "warning", "not ingested yet: gm ingest")
    for entry in changes.changed:
        yield CheckResult(
            "catalogue", entry.path, "warning", "changed since it was ingested: gm ingest"
        )
    for old, entry in changes.moved:
        yield CheckResult("catalogue", entry.path, "warning", f"moved from {old}: gm ingest")
    for path in changes.vanished:
        yield CheckResult("catalogue", path, "error", "vanished since it was ingested")


def _leftovers(changes: Changes) -> Iterator[CheckResult]:
    for folder in changes.littered:
        detail = "holds temporaries of killed writes: the next gm ingest removes them"
        yield CheckResult("leftovers", folder or ".", "warning", detail)


def _quarantine(library: Library, paths: frozenset[str]) -> Iterator[CheckResult]:
    table = library.store.read("quarantine", ["path", "reason", "remedy"])
    for path, reason, remedy in zip(*(column.to_pylist() for column in table.columns), strict=True):
        if path in paths:
            detail = reason if remedy is None else f"{reason}. {remedy}"
            yield CheckResult("quarantine", path, "error", detail)


def _links(library: Library, paths: frozenset[str]) -> Iterator[CheckResult]:
    """Links that are not resolved, or lie on a cycle, of the documents at these paths."""
    if not library.store.generation:
        return
    rows = library.catalogue().execute(
        """select a.path, l.role, l.resolution, l.detail, l.cyclic
           from links l join assets a on a.document_id = l.child
           where l.resolution <> 'resolved' or l.cyclic order by a.path, l.ordinal"""
    )
    while batch := rows.fetchmany(10_000):
        for path, role, resolution, detail, cyclic in batch:
            if path not in paths:
                continue
            words = "lies on a cycle of declared parents" if cyclic else detail or ""
            yield CheckResult("links", path, "warning", f"{role}: {resolution}. {words}".strip())


def _files(
    library: Library,
    chosen: list[str],
    workers: int | None,
    progress: ProgressFunction | None,
) -> Iterator[CheckResult]:
    """Read every file below `chosen` again."""
    paths = sorted(_paths(library, chosen))
    pool: Pool[Examined] = Pool(partial(examine, os.fspath(library.root)), _crashed, workers)
    bytes_read = 0
    for number, examined in enumerate(pool.stream(paths), start=1):
        yield from _file(examined, library.managed(examined.path))
        bytes_read += examined.identity.size if examined.identity else 0
        if progress is not None:
            progress(Progress(number, len(paths), bytes_read, examined.path, "read"))


def _paths(library: Library, chosen: list[str]) -> Iterator[str]:
    for below in chosen:
        full = library.root / below
        if full.is_dir() and not full.is_symlink():
            yield from (path for path, _ in Walk(library.root, below))
        elif full.is_file() and not full.is_symlink():
            yield below


def _file(examined: Examined, managed: bool) -> Iterator[CheckResult]:
    path = examined.path
    if examined.waiting is not None:
        yield CheckResult("content", path, "warning", examined.waiting)
    elif examined.error is not None:
        yield CheckResult("content", path, "error", str(examined.error.what))
    elif examined.memory_error is not None:
        yield CheckResult("memory", path, "error", str(examined.memory_error.what))
    elif examined.memory is None:
        if managed and not is_sealed(examined.format):  # elsewhere that is as it should be
            yield CheckResult("memory", path, "warning", "carries no memory: gm ingest")
    elif examined.identity and is_altered(examined.identity, examined.memory.written):
        detail = "altered: accept it with gm revise, or restore the file"
        yield CheckResult("content", path, "error", detail)


def _crashed(path: str) -> Examined:
    error = UnreadableFile("reading it ended the process", where=path)
    return Examined(path, error=error)
