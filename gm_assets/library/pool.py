"""Running one function over many files on all cores, results streamed, memory bounded.

Large batches go to processes: decoding small pictures is half Python, which threads cannot
run side by side. The processes come from a fork server, so a caller with threads (Dagster's
code server) is safe, and they end with their parent, however it ends. A batch too small to
pay for starting processes runs in threads, and so does one whose caller cannot have processes
(a script without `if __name__ == "__main__"`).

A file that crashes its process (a decoder's bug, or the system's memory killer) does not stop
the batch: the files that were under way are run again one by one, and the one that crashes
again is handed to `crashed`.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from itertools import chain
from typing import Any, Generic, TypeVar

from gm_assets.settings import available_cpus

Result = TypeVar("Result")

#: Starting two processes costs about as much as reading this many small pictures.
SMALL_BATCH = 256
#: Files in one task: handing a task over costs as much as reading a very small picture.
TASK_FILES = 8
#: Tasks under way for each worker: enough to keep it busy while results are recorded.
AHEAD = 3


class Pool(Generic[Result]):
    """Runs `function` over paths with `workers` processes or threads.

    Args:
        function: takes a path and gives a result; must not raise. Picklable, as its results.
        crashed: gives the result of a path whose process died twice.
        workers: 1 runs everything here, in order.
    """

    def __init__(
        self,
        function: Callable[[str], Result],
        crashed: Callable[[str], Result],
        workers: int | None = None,
    ) -> None:
        self.function = function
        self.crashed = crashed
        self.workers = workers or available_cpus()

    def stream(self, paths: Iterable[str]) -> Iterator[Result]:
        """Results as they come, in no particular order (with one worker: in order)."""
        queue = deque(paths)
        if self.workers == 1 or len(queue) == 1:
            yield from map(self.function, queue)
        elif len(queue) < SMALL_BATCH or not self._can_start():
            with ThreadPoolExecutor(self.workers) as threads:
                yield from self._run(threads, self._call_here, queue, 1, {})
        else:
            yield from self._run_processes(queue)

    def _can_start(self) -> bool:
        """Whether processes start at all.

        A script without a main guard cannot have any, nor can a machine without semaphores
        (`/dev/shm` missing or closed, as in some containers) or whose interpreter this user
        may not start again.
        """
        try:
            with self._processes(1) as process:
                return bool(process.submit(_call, []).result() == [])
        except (BrokenProcessPool, OSError):
            return False

    def _run_processes(self, queue: deque[str]) -> Iterator[Result]:
        while queue:
            flying: dict[Future[list[Result]], list[str]] = {}
            with self._processes(self.workers) as processes, suppress(BrokenProcessPool):
                yield from self._run(processes, _call, queue, TASK_FILES, flying)
            for path in chain.from_iterable(flying.values()):
                yield self._alone(path)

    def _alone(self, path: str) -> Result:
        with self._processes(1) as process:
            try:
                return process.submit(_call, [path]).result()[0]
            except BrokenProcessPool:
                return self.crashed(path)

    def _call_here(self, paths: list[str]) -> list[Result]:
        return [self.function(path) for path in paths]

    def _processes(self, workers: int) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__, self.function.__module__])
        return ProcessPoolExecutor(
            workers, mp_context=context, initializer=_start, initargs=(self.function,)
        )

    def _run(
        self,
        executor: Executor,
        call: Callable[[list[str]], list[Result]],
        queue: deque[str],
        size: int,
        flying: dict[Future[list[Result]], list[str]],
    ) -> Iterator[Result]:
        """Keep `AHEAD` tasks of `size` files a worker under way.

        `flying` names the files of tasks that have given no result when the pool breaks.
        """
        try:
            while queue or flying:
                while queue and len(flying) < self.workers * AHEAD:
                    task = [queue.popleft() for _ in range(min(size, len(queue)))]
                    try:
                        flying[executor.submit(call, task)] = task
                    except BrokenProcessPool:
                        queue.extendleft(reversed(task))
                        raise
                done, _ = wait(flying, return_when=FIRST_COMPLETED)
                for future in done:
                    results = future.result()
                    del flying[future]
                    yield from results
        except (GeneratorExit, KeyboardInterrupt):
            for future in flying:
                future.cancel()
            raise


_function: Callable[[str], Any] | None = None


def start_worker() -> None:
    """In a new worker process: leave Ctrl-C to the parent, and end when the parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _start(function: Callable[[str], Any]) -> None:
    """In a new worker of a `Pool`: take the function once."""
    global _function
    _function = function
    start_worker()


def _end_with(parent: Any) -> None:
    # A killed parent cannot tell its workers; without this they would wait for ever.
    with suppress(OSError):
        parent.join()
    os._exit(1)


def _call(paths: list[str]) -> list[Any]:
    assert _function is not None
    return [_function(path) for path in paths]
