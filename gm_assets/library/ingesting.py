"""Ingest: bring files into the library, stage by stage.

    find -> identify -> read memory -> place by rules -> write memory -> record

Finding is `changes.compare`; the middle stages run in workers (`remember.Remember`);
recording is `recording.Recorder`. Rows are committed now and then, so an ingest that is
killed has little to do again: a file's memory is in the file, and the next run reads it
there. Ids depend on content and placement alone, or are those that other programs gave
(`adopting`), so it does not matter how often a run was begun.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from gm_assets.errors import GmError, LibraryError
from gm_assets.library.adopting import Adoption, find_adoption
from gm_assets.library.bringing import bring
from gm_assets.library.changes import Known, compare, inside, topmost
from gm_assets.library.encoders import Embedder, embedder_of
from gm_assets.library.library import Library
from gm_assets.library.past import Arrival, PastFile, match_moves, past_files
from gm_assets.library.pending import pending
from gm_assets.library.pool import Pool
from gm_assets.library.recording import Recorder, mark_config
from gm_assets.library.recovery import (
    CARRIED,
    Lost,
    Offer,
    Offers,
    carriers,
    find_lost,
    holders,
    memories_in_store,
)
from gm_assets.library.remember import Handled, Mode, Remember
from gm_assets.library.values import (
    Action,
    Changes,
    Entry,
    IngestReport,
    Outcome,
    Problem,
    Progress,
    ProgressFunction,
    Recovery,
)
from gm_assets.memory.files import sweep

if TYPE_CHECKING:
    from gm_assets.stores.catalogue import Generation

#: Outcomes that a report lists; of more, only those that need somebody's attention.
LISTED = 200_000
#: Seconds between two calls of `progress`.
PROGRESS_SECONDS = 0.1


def ingest(
    library: Library,
    paths: Iterable[str | os.PathLike[str]] | None = None,
    *,
    dry_run: bool = False,
    workers: int | None = None,
    progress: ProgressFunction | None = None,
    settled: bool = False,
    copy_to: str | None = None,
) -> IngestReport:
    """Bring files into the library: find, identify, place, remember, record.

    Every file ends in one of these ways (`Action`): a memory was written into it; it
    remembered already; it was catalogued without a memory in the file (its folder is not
    managed, or the write was refused, with the reason); quarantined with a reason; or it
    waits, because it changed under our hands. Unchanged files are not opened.

    A memory that is written carries the picture's vector of the library's active encoder
    (`Library.encoder_spec`), in the same write. Without the encoder everything else is done,
    and the report says so once.

    Safe to kill at any instant: every file is whole, and the next run does the rest.

    Args:
        paths: files and folders below the root; the whole library by default.
        dry_run: read and decide, write nothing at all (no lock is taken either).
        workers: processes; as many as there are cores by default.
        progress: called now and then in this thread.
        settled: leave files that changed less than `settle_seconds` ago for the next run.
        copy_to: a folder of the library that files from outside are copied into first.

    Raises:
        LibraryLocked: another process is writing to this library.
        LibraryError: opened read-only; a path outside the library without `copy_to`; the
            store is damaged or cannot be written.
        NotFound: one of `paths` does not exist.
    """
    run = _Ingest(library, dry_run, workers, progress, settled)
    if dry_run:
        return run(paths, copy_to)
    with library.writing():
        return run(paths, copy_to)


class _Ingest:
    """One run: what it was asked, and what it has found so far."""

    def __init__(
        self,
        library: Library,
        dry_run: bool,
        workers: int | None,
        progress: ProgressFunction | None,
        settled: bool,
    ) -> None:
        self.library = library
        self.dry_run = dry_run
        self.workers = workers
        self.progress = progress
        self.settled = settled
        self.outcomes: list[Outcome] = []
        self.counts: Counter[Action] = Counter()
        self.unplaced = 0
        self.embedded = 0
        self.vectors: str | None = None
        self.bytes = 0
        self.gone: set[str] = set()
        self.told = 0.0
        self.arrivals: list[Arrival] = []
        self.bare: dict[str, Outcome] = {}  # files that came with no memory and no place
        self.recoveries: list[Recovery] = []
        self.adoption = Adoption()
        self.returned: set[str] = set()  # documents with open offers that are back

    def __call__(
        self, paths: Iterable[str | os.PathLike[str]] | None, copy_to: str | None
    ) -> IngestReport:
        started = time.monotonic()
        chosen = None if paths is None else self._relative(paths, copy_to)
        self._tell(0, 0, "", "find")
        known = Known.load(self.library)
        changes = compare(self.library, known, chosen)
        entries, unchanged = self._entries(changes, known.below([""] if chosen is None else chosen))
        gone = self.gone = {*changes.vanished, *(old for old, _ in changes.moved)}
        past = past_files(self.library, [*gone, *(entry.path for entry in entries)])
        lost = find_lost(self.library, past, gone)
        store = self.library.store
        base = store.current() if store.generation else None
        recorder = None
        if not self.dry_run:
            recorder = Recorder(self.library)
            for folder in changes.littered:
                sweep(self.library.root / folder)
        self._handle(self._settled(entries), past, lost, recorder)
        copies = self._stripped_copies(base)
        moves = match_moves(
            (past[path] for path in sorted(gone) if path in past),
            self.arrivals,
            {entry.path: old for old, entry in changes.moved},
        )
        problems = [p for p in changes.problems if not _stands(p, known)]
        unchanged += len(changes.problems) - len(problems)
        for problem in problems:
            self._note(Outcome(problem.path, Action.QUARANTINED, detail=problem.error.what))
        self._tell(len(entries), len(entries), "", "record")
        if recorder is not None:
            self._keep_offers()
            recorder.drop(sorted(gone))
            recorder.quarantine(problems)
            recorder.commit()
            if (chosen is None or "" in chosen) and not self.counts[Action.WAITING]:
                mark_config(self.library)
        return IngestReport(
            dry_run=self.dry_run,
            counts={str(action): self.counts[action] for action in Action},
            unchanged=unchanged,
            unplaced=self.unplaced,
            outcomes=tuple(sorted(self.outcomes, key=lambda outcome: outcome.path)),
            moved=tuple(moves),
            vanished=tuple(sorted(gone.difference(move.old for move in moves))),
            recoveries=tuple(sorted([*self._offers(), *copies], key=lambda offer: offer.path)),
            bytes=self.bytes,
            seconds=time.monotonic() - started,
            generation=self.library.store.generation,
            embedded=self.embedded,
            vectors=self.vectors if self.counts[Action.WRITTEN] else None,
        )

    def _relative(self, paths: Iterable[str | os.PathLike[str]], copy_to: str | None) -> list[str]:
        """The given paths below the root, those from outside after they were copied in."""
        chosen = []
        outside = []
        for path in paths:
            try:
                chosen.append(self.library.relative(path))
            except LibraryError:
                if copy_to is None:
                    raise
                outside.append(path)
        if outside and copy_to is not None:
            brought = bring(self.library, outside, copy_to, dry_run=self.dry_run)
            chosen += brought.paths
            for outcome in brought.outcomes:
                self._note(outcome)
        return topmost(chosen)

    def _entries(self, changes: Changes, known: Known) -> tuple[list[Entry], int]:
        """The files to read, in order of path, and how many are left as they are."""
        moved = [entry for _, entry in changes.moved]
        fresh = {e.path: e for group in (changes.new, changes.changed, moved) for e in group}
        away = inside(changes.unreachable)
        other = {*fresh, *changes.vanished, *(old for old, _ in changes.moved)}
        again = [e for e in pending(self.library, known, other) if not away(e.path)]
        unchanged = changes.unchanged + changes.quarantined - len(again)
        entries = fresh | {entry.path: entry for entry in again}
        return [entries[path] for path in sorted(entries)], unchanged

    def _settled(self, entries: list[Entry]) -> list[Entry]:
        """The entries that have been still for `settle_seconds`; the others wait."""
        if not self.settled:
            return entries
        seconds = self.library.config.settle_seconds
        limit = time.time_ns() - int(seconds * 1e9)
        still = []
        for entry in entries:
            if max(entry.signature.mtime_ns, entry.signature.ctime_ns) <= limit:
                still.append(entry)
            else:
                detail = f"it changed less than {seconds:g} seconds ago"
                self._note(Outcome(entry.path, Action.WAITING, detail=detail))
        return still

    def _handle(
        self,
        entries: list[Entry],
        past: dict[str, PastFile],
        lost: Lost,
        recorder: Recorder | None,
    ) -> None:
        """Run the entries through the workers and take what comes back."""
        mode = Mode.PLAN if self.dry_run else Mode.WRITE
        # A file that the store knows by an id keeps it, though only the store has it yet.
        unnamed = (e.path for e in entries if e.path not in past or not past[e.path].document_id)
        adoption = self.adoption = find_adoption(self.library, unnamed)
        embedder = self._embedder() if entries and not self.dry_run else None
        root, config = str(self.library.root), self.library.config
        worker = Remember(root, config, lost, mode, adoption, embedder)
        pool: Pool[Handled] = Pool(worker, worker.crashed, self.workers)
        offered = frozenset(lost.offered_paths.values())
        try:
            for done, handled in enumerate(pool.stream([e.path for e in entries]), start=1):
                self._take(handled, past, offered, recorder)
                if recorder is not None and recorder.due:
                    self._keep_offers()
                    recorder.commit()
                self._tell(done, len(entries), handled.outcome.path, "read")
        except KeyboardInterrupt:
            if recorder is not None:
                self._keep_offers()
                recorder.commit()
            raise

    def _embedder(self) -> Embedder | None:
        """What gives written memories their vectors; without one, `vectors` says why."""
        found = embedder_of(self.library)
        if isinstance(found, GmError):
            remedy = f". {found.remedy}" if found.remedy else ""
            self.vectors = f"No vectors were made: {found.what}{remedy}; then `gm embed`"
            return None
        return found

    def _take(
        self,
        handled: Handled,
        past: dict[str, PastFile],
        offered: frozenset[str],
        recorder: Recorder | None,
    ) -> None:
        outcome, examined = handled.outcome, handled.examined
        if handled.recovery is not None:
            self.recoveries.append(handled.recovery)
        self.embedded += handled.embedded
        if recorder is not None:
            if outcome.action is Action.WRITTEN:
                recorder.wrote(outcome.path)
            document_id = recorder.add(examined, handled.managed, handled.placement_by_rule)
            outcome = replace(outcome, document_id=document_id)
        if examined.identity is not None and outcome.content_id is not None:
            self.bytes += examined.identity.size
            before = past.get(outcome.path)
            if self.gone and (before is None or before.content_id != outcome.content_id):
                self.arrivals.append(Arrival(outcome.path, outcome.content_id, outcome.document_id))
        # Where a write is refused, `gm recover` could not give anything back either.
        fresh = handled.bare and outcome.action is Action.WRITTEN
        if fresh and handled.recovery is None and outcome.placement is None:
            self.bare[outcome.path] = outcome
        if examined.memory is not None and examined.memory.document_id in offered:
            self.returned.add(examined.memory.document_id)
        self._note(outcome)

    def _stripped_copies(self, base: Generation | None) -> list[Recovery]:
        """Offers for files that came with no memory and no place, but something that is known:
        their content, or the DocumentID that a program left in them.

        Such a file may be a copy that a program saved without our part of its XMP. It may as
        well be one of its own, so it gets its own memory all the same; a person can recover.
        `base` is the generation from before this run.
        """
        if base is None or not self.bare:
            return []
        contents = {outcome.content_id for outcome in self.bare.values() if outcome.content_id}
        known = holders(base.read("files", CARRIED), contents)
        stated = {path: self.adoption.ids.get(path, "") for path in self.bare}
        sources = carriers(self.library, self.adoption.known.keys() & stated.values())
        offers = []
        for path, outcome in self.bare.items():
            content = outcome.content_id or ""
            if (source := sources.get(stated[path])) is not None and source != path:
                reason = f"its DocumentID is that of {source}"
                offers.append(Recovery(path, stated[path], content, source, reason))
                continue
            for document, source in known.get(content, {}).items():
                if document != outcome.document_id:
                    reason = f"its content lies with a memory at {source}"
                    offers.append(Recovery(path, document, content, source, reason))
                    break
        return offers

    def _keep_offers(self) -> None:
        """Write open offers down before a commit lets the store forget their memories."""
        offers = Offers.load(self.library)
        wanted = {
            recovery.document_id: recovery.path
            for recovery in self.recoveries
            if recovery.document_id not in offers.by_document
        }
        memories = memories_in_store(self.library, wanted.keys())
        opened = [
            Offer(wanted[document], memory.written.content_id if memory.written else "", memory)
            for document, memory in memories.items()
        ]
        if opened or self.returned & offers.by_document.keys():
            offers.changed(opened=opened, closed=self.returned).save(self.library)

    def _offers(self) -> list[Recovery]:
        """The recoveries, each with a file that carries the memory now, where there is one."""
        if not self.recoveries:
            return []
        sources = carriers(self.library, {recovery.document_id for recovery in self.recoveries})
        return [replace(r, source=sources.get(r.document_id)) for r in self.recoveries]

    def _note(self, outcome: Outcome) -> None:
        self.counts[outcome.action] += 1
        catalogued = outcome.action not in (Action.QUARANTINED, Action.WAITING)
        if catalogued and outcome.placement is None:
            self.unplaced += 1
        if not catalogued or outcome.altered or len(self.outcomes) < LISTED:
            self.outcomes.append(outcome)

    def _tell(self, done: int, total: int, path: str, phase: str) -> None:
        if self.progress is None:
            return
        now = time.monotonic()
        if done in (0, 1, total) or now - self.told >= PROGRESS_SECONDS:
            self.told = now
            self.progress(Progress(done, total, self.bytes, path, phase))


def _stands(problem: Problem, known: Known) -> bool:
    """Whether the store's quarantine has that problem already."""
    row = known.quarantine.get(problem.path)
    return row is not None and row == (problem.signature or (None,) * 4)
