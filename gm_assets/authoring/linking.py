"""Writing what people stated: places and asserted parents, many files at once.

A table is checked whole before the first write (`planning`). Each file is then read again,
found to be the one that was checked, and written with the whole write sequence. A run that is
killed leaves whole files; the same call again finds what is done and finishes the rest.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gm_assets.authoring.memories import linked, named, stands
from gm_assets.authoring.planning import Change, Plan, Step, plan
from gm_assets.authoring.rejections import Rejection, remember_rejections
from gm_assets.authoring.values import Done, LinkReport, Statement
from gm_assets.errors import GmError, UnreadableFile
from gm_assets.library.authoring import now, placed
from gm_assets.library.examine import Examined, examine, failed, write
from gm_assets.library.pool import Pool
from gm_assets.library.recording import Recorder
from gm_assets.library.values import Progress, ProgressFunction
from gm_assets.lineage.evidence import is_altered
from gm_assets.memory.record import Memory

if TYPE_CHECKING:
    from gm_assets.library import Library


@dataclass(frozen=True, slots=True)
class _Result:
    """One file after it was handled; `reason` says why it was not written."""

    examined: Examined
    written: tuple[Step, ...] = ()
    already: tuple[Step, ...] = ()
    reason: str | None = None


@dataclass(frozen=True)
class _Tell:
    """Tells one file what was stated of it. Runs in workers; never raises."""

    root: str
    changes: dict[str, Change]
    person: str

    def __call__(self, path: str) -> _Result:
        change = self.changes[path]
        examined = examine(self.root, path)
        reason = _obstacle(examined, change.content_id)
        if reason is not None:
            return _Result(examined, reason=reason)
        memory = examined.memory
        assert memory is not None and examined.signature is not None
        memory, fresh, already = told(memory, change.steps, self.person)
        if not fresh:
            return _Result(examined, already=already)
        wrote = write(self.root, path, memory, examined.signature)
        if isinstance(wrote, GmError):
            return _Result(examined, already=already, reason=_words(wrote))
        assert examined.identity is not None
        identity = replace(examined.identity, file_hash=wrote.file_hash, size=wrote.signature.size)
        examined = replace(
            examined, signature=wrote.signature, identity=identity, memory=wrote.memory
        )
        return _Result(examined, fresh, already)

    def crashed(self, path: str) -> _Result:
        """The result for a file whose reading ended its process, twice."""
        error = UnreadableFile("reading it ended the process", where=f"{self.root}/{path}")
        return _Result(failed(self.root, path, error), reason=error.what)


def link(
    library: Library,
    statements: Sequence[Statement],
    *,
    person: str,
    note: str | None = None,
    dry_run: bool = False,
    workers: int | None = None,
    progress: ProgressFunction | None = None,
) -> LinkReport:
    """Write places and asserted parents into files, and remember what was rejected.

    Where one statement cannot be done, nothing is written and the report names each such line.
    What a file says already is left as it is, so a run that was stopped is finished by the
    same call.

    Args:
        statements: of a table or of one call.
        person: who states it; kept in the histories.
        note: kept in the histories where a statement has none of its own.
        dry_run: check and report, write nothing (no lock is taken either).
        workers: processes that write files.

    Raises:
        LibraryLocked: another process is writing to this library.
        LibraryError: opened read-only; nothing was ever ingested; a store or
            `authoring/rejected.csv` is damaged or cannot be written.
    """
    started = time.monotonic()
    if note is not None:
        statements = [replace(one, note=one.note or note) for one in statements]
    if dry_run:
        report = _planned(plan(library, statements))
    else:
        with library.writing():
            report = _write(library, plan(library, statements), person, workers, progress)
    return replace(report, seconds=time.monotonic() - started)


def told(
    memory: Memory, steps: Sequence[Step], person: str
) -> tuple[Memory, tuple[Step, ...], tuple[Step, ...]]:
    """`memory` with what was stated; the steps that are new to it, and those that are not."""
    fresh, already = [], []
    for step in steps:
        if step.placement is not None and not stands(memory, step.placement):
            memory = placed(memory, step.placement, person=person, note=step.note)
            fresh.append(step)
        elif step.parent is not None and named(memory.parents, step.parent) is None:
            memory = linked(memory, step.parent, person=person, note=step.note)
            fresh.append(step)
        else:
            already.append(step)
    return memory, tuple(fresh), tuple(already)


def _write(
    library: Library,
    found: Plan,
    person: str,
    workers: int | None,
    progress: ProgressFunction | None,
) -> LinkReport:
    if found.troubles:
        return LinkReport(False, tuple(found.troubles))
    changes = {change.path: change for change in found.changes}
    work = _Tell(os.fspath(library.root), changes, person)
    pool: Pool[_Result] = Pool(work, work.crashed, workers)
    recorder = Recorder(library)
    done: list[Done] = []
    files = placed_count = linked_count = 0
    try:
        for count, result in enumerate(pool.stream(list(changes)), start=1):
            path = result.examined.path
            files += bool(result.written)
            placed_count += sum(1 for step in result.written if step.placement is not None)
            linked_count += sum(1 for step in result.written if step.parent is not None)
            done += _outcomes(path, changes[path], result)
            if result.reason is None:  # also what a killed run had written, and not recorded
                recorder.rewrote(library, result.examined)
            if progress is not None:
                progress(Progress(count, len(changes), 0, path, "write"))
    finally:
        recorder.commit()  # what was written before an interrupt is in the store as well
    rejected = remember_rejections(library, _rejections(found, person))
    done += [Done(one.line, row.path, "rejected", "remembered") for one, row, _ in found.rejected]
    done.sort(key=lambda one: (one.line, one.path))
    return LinkReport(False, (), tuple(done), files, placed_count, linked_count, rejected)


def _planned(found: Plan) -> LinkReport:
    """The report of a dry run."""
    if found.troubles:
        return LinkReport(True, tuple(found.troubles))
    steps = [(change.path, step) for change in found.changes for step in change.steps]
    done = [Done(step.line, path, "planned", step.says) for path, step in steps]
    done += [Done(one.line, row.path, "rejected", "planned") for one, row, _ in found.rejected]
    return LinkReport(
        True,
        (),
        tuple(sorted(done, key=lambda one: (one.line, one.path))),
        files=len(found.changes),
        placed=sum(1 for _, step in steps if step.placement is not None),
        linked=sum(1 for _, step in steps if step.parent is not None),
        rejected=len(found.rejected),
    )


def _outcomes(path: str, change: Change, result: _Result) -> list[Done]:
    found = []
    for step in change.steps:
        outcome, detail = "already", step.says
        if step in result.written:
            outcome = "written"
        elif result.reason is not None and step not in result.already:
            outcome, detail = "failed", result.reason
        found.append(Done(step.line, path, outcome, detail))
    return found


def _obstacle(examined: Examined, content_id: str) -> str | None:
    """Why a file that was checked cannot be written after all, if so."""
    if error := examined.error or examined.memory_error:
        return _words(error)
    if examined.identity is None or examined.waiting is not None:
        return examined.waiting or "it cannot be read"
    if examined.memory is None:
        return "it has no memory any more: run `gm ingest`"
    if examined.identity.content_id != content_id or is_altered(
        examined.identity, examined.memory.written
    ):
        return "its content changed meanwhile: run `gm ingest`"
    return None


def _rejections(found: Plan, person: str) -> list[Rejection]:
    when = now()
    made = []
    for one, row, parent in found.rejected:
        note = one.note or ""
        if one.placement is not None:
            chain = one.placement.chain
            made.append(Rejection("place", row.content_id, chain, row.path, "", person, when, note))
        if parent is not None:
            against = parent.content_id
            made.append(
                Rejection(
                    "link", row.content_id, against, row.path, parent.path, person, when, note
                )
            )
    return made


def _words(error: GmError) -> str:
    return error.what if error.remedy is None else f"{error.what}. {error.remedy}"
