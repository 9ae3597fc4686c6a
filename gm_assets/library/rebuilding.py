"""Rebuild: the store from nothing, out of the files alone.

A fast rebuild reads only memories: headers and packets. Its rows say what the memories say
and count as unverified; a file without a memory is a bare row until something reads it
(`refresh`, `gm rebuild --verify`). With `verify` every file is read and decoded, and the
store is the one that ingest would have made. No file is written to.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from gm_assets.library.examine import Examined, remember
from gm_assets.library.folder import Walk
from gm_assets.library.pool import Pool
from gm_assets.library.recording import Recorder
from gm_assets.library.recovery import Lost
from gm_assets.library.remember import Handled, Mode, Remember
from gm_assets.library.rules import rule_for
from gm_assets.library.values import Progress, ProgressFunction, RebuildReport

if TYPE_CHECKING:
    from gm_assets.library.library import Library

#: Files between two calls of `progress`.
TELL_EVERY = 500


def rebuild(
    library: Library,
    *,
    verify: bool = False,
    workers: int | None = None,
    progress: ProgressFunction | None = None,
) -> RebuildReport:
    """Make the store again from the files; the old generation serves until it is done.

    Args:
        verify: read and decode every file; find altered ones.
        workers: processes for `verify`; the fast rebuild is one process.
        progress: called now and then in this thread.

    Raises:
        LibraryLocked: another process is writing to this library.
        LibraryError: opened read-only, or the store cannot be written.
    """
    with library.writing():
        return _Rebuild(library, verify).run(workers, progress)


class _Rebuild:
    """One run and its counts."""

    def __init__(self, library: Library, verify: bool) -> None:
        self.library = library
        self.verify = verify
        self.recorder = Recorder(library, from_nothing=True)
        self.files = 0
        self.remembered = 0
        self.quarantined = 0
        self.bytes = 0
        self.altered: list[str] = []
        self.waiting: list[str] = []

    def run(self, workers: int | None, progress: ProgressFunction | None) -> RebuildReport:
        started = time.monotonic()
        walk = Walk(self.library.root)
        total = 0
        paths: Iterable[str]
        if self.verify:
            paths = sorted(path for path, _ in walk)
            total = len(paths)
            results = self._verified(paths, workers)
        else:
            results = self._remembered(path for path, _ in walk)
        for number, examined in enumerate(results, start=1):
            if progress is not None and (number % TELL_EVERY == 0 or number == total):
                progress(Progress(number, total or number, self.bytes, examined.path, "read"))
        self.recorder.quarantine(walk.problems)
        if progress is not None:
            progress(Progress(self.files, self.files, self.bytes, "", "record"))
        generation = self.recorder.commit()
        return RebuildReport(
            verified=self.verify,
            files=self.files,
            remembered=self.remembered,
            without_memory=self.files - self.remembered,
            unverified=0 if self.verify else self.files,
            altered=tuple(sorted(self.altered)),
            quarantined=self.quarantined + len(walk.problems),
            waiting=tuple(sorted(self.waiting)),
            bytes=self.bytes,
            seconds=time.monotonic() - started,
            generation=generation,
        )

    def _remembered(self, paths: Iterable[str]) -> Iterator[Examined]:
        """Read memories, one after the other: handing them between processes costs more."""
        config = self.library.config
        rules, root = config.places, os.fspath(self.library.root)
        for examined in map(partial(remember, root), paths):
            path = examined.path
            ruling = None
            if rules and (examined.memory is None or not examined.memory.placements):
                ruling = rule_for(rules, path)
            self._count(examined)
            self.recorder.add(examined, config.manages(path), ruling.placement if ruling else None)
            yield examined

    def _verified(self, paths: list[str], workers: int | None) -> Iterator[Examined]:
        worker = Remember(os.fspath(self.library.root), self.library.config, Lost(), Mode.CATALOGUE)
        pool: Pool[Handled] = Pool(worker, worker.crashed, workers)
        for handled in pool.stream(paths):
            self._count(handled.examined)
            if handled.outcome.altered:
                self.altered.append(handled.examined.path)
            self.recorder.add(handled.examined, handled.managed, handled.placement_by_rule)
            yield handled.examined

    def _count(self, examined: Examined) -> None:
        if examined.waiting is not None:
            self.waiting.append(examined.path)
        elif examined.error is not None:
            self.quarantined += 1
        else:
            self.files += 1
            self.remembered += examined.memory is not None
            self.bytes += examined.signature.size if examined.signature else 0
