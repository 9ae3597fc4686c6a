"""The demo library: a procedural Gothic Mechanica in which every file remembers.

`build` makes the files of all chains in parallel, each with its full memory, has the library
ingest them, and has a model make the frames that the chains' plans ask for. The same version on
the same machine gives the same pixels and the same GLB bytes each time; only the times in the
memories are those of the build. A build that was interrupted goes on where it stopped: finished
chains are kept, and so are the finished files of the others. Memories hold the vectors of the
library's encoder from their first write.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import active_children, get_context
from pathlib import Path
from time import monotonic

import gm_assets
from gm_assets.errors import LibraryError, NotFound
from gm_assets.library import IngestReport, Library, Progress, ProgressFunction, ingest
from gm_assets.library.config import CONFIG_NAME
from gm_assets.library.encoders import Embedder, embedder_of
from gm_assets.library.library import STATE_FOLDER
from gm_assets.library.pool import start_worker
from gm_assets.settings import available_cpus
from gm_assets.world.demo.chains import CHAINS
from gm_assets.world.demo.making import Made, make_chain
from gm_assets.world.demo.plans import Chain
from gm_assets.world.demo.resuming import Record, begun
from gm_assets.world.demo.shading import shade
from gm_assets.world.names import WORLD

__all__ = ["CHAINS", "SIZE", "Chain", "DemoReport", "build", "unfinished"]

#: Long side of the large pictures in pixels.
SIZE = 768
#: A sensor may be ingesting the first chains when the last one is made.
WRITER_WAIT_S = 120


@dataclass(frozen=True)
class DemoReport:
    """What a build made, or found to be there already.

    Attributes:
        root: the library.
        chains: the chains asked for, in the order of the plans.
        files: how many files.
        bytes: their size.
        seconds: wall time.
        ingest: what the library said of them.
        notes: why there are no generated frames, where there are none.
    """

    root: Path
    chains: tuple[str, ...]
    files: int
    bytes: int
    seconds: float
    ingest: IngestReport
    notes: tuple[str, ...] = ()


def build(
    root: str | os.PathLike[str],
    *,
    progress: ProgressFunction | None = None,
    workers: int | None = None,
    size: int = SIZE,
    only: Sequence[str] | None = None,
    full: bool = False,
) -> DemoReport:
    """Make the demo library in a new or empty folder, or in a library that holds no file yet.

    In a folder where a demo was begun it goes on: what is there already is kept.

    Args:
        progress: called after every chain with the phase `make`, then by the ingest.
        workers: processes; as many as there are cores by default.
        size: long side of the large pictures in pixels.
        only: the chains to make; all by default.
        full: make everything on this machine, also the plates and structures that are shipped
            finished (`shipping`), and say whether they came out the same.

    Raises:
        LibraryError: the folder holds something else, a demo of another version or size, or
            cannot be written.
        NotFound: `only` names a chain that the demo does not have.
    """
    started = monotonic()
    known = {plan.name for plan in CHAINS}
    for name in only or ():
        if name not in known:
            raise NotFound(
                f"the demo has no chain {name!r}",
                remedy=f"Its chains are {', '.join(sorted(known))}",
            )
    folder = Path(root).absolute()
    plans = [plan for plan in CHAINS if only is None or plan.name in only]
    library, record = _library(folder, size)
    missing = [plan for plan in plans if not record.is_there(plan.name, folder)]
    record = record.asking([plan.name for plan in plans], [plan.name for plan in missing])
    record.save(library.state)
    count = 0

    def done(one: Made) -> None:
        nonlocal record, count
        record = record.having(one.chain, one.paths)
        record.save(library.state)
        count += 1
        if progress is not None:
            progress(
                Progress(count, len(missing), _bytes(folder, record, plans), one.chain, "make")
            )

    found = embedder_of(library)  # without it ingest says why there are no vectors
    embedder = found if isinstance(found, Embedder) else None
    _make_all(missing, folder, workers or available_cpus(), size, embedder, done)
    report = ingest(library, progress=progress)
    notes = shade(library, plans, progress, full=full)
    return DemoReport(
        root=folder,
        chains=tuple(plan.name for plan in plans),
        files=sum(len(record.made[plan.name]) for plan in plans),
        bytes=_bytes(folder, record, plans),
        seconds=monotonic() - started,
        ingest=report,
        notes=notes,
    )


def unfinished(library: Library) -> tuple[str, ...]:
    """Chains of a demo that was begun in this library and interrupted."""
    record = Record.load(library.state)
    return () if record is None else record.unfinished


def _library(folder: Path, size: int) -> tuple[Library, Record]:
    """The library in `folder`, made where it is none, and what was built in it before.

    `gm up` has made the library already, and watches it.
    """
    present = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    if CONFIG_NAME in present:
        library = Library.open(folder, wait=WRITER_WAIT_S)
        record = begun(library.state, folder, size)
        if record is not None:
            return library, record
    if present - {CONFIG_NAME, STATE_FOLDER}:
        raise LibraryError(
            "the demo is made in a folder of its own, and this one is not empty",
            where=folder,
            remedy="Choose another folder, or remove this one",
        )
    if CONFIG_NAME not in present:
        Library.init(folder, name=WORLD)
    library = Library.open(folder, wait=WRITER_WAIT_S)
    return library, Record(gm_assets.__version__, size)


def _bytes(folder: Path, record: Record, plans: Sequence[Chain]) -> int:
    """The size of the finished files of these chains."""
    paths = (path for plan in plans for path in record.made.get(plan.name, ()))
    return sum((folder / path).stat().st_size for path in paths)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Child processes started in this block use one BLAS thread: there is one a core already."""
    name = "OPENBLAS_NUM_THREADS"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _make_all(
    plans: Sequence[Chain],
    folder: Path,
    workers: int,
    size: int,
    embedder: Embedder | None,
    done: Callable[[Made], None],
) -> None:
    """Make the chains, the longest first, in processes of their own where it pays.

    Interrupted, it ends these processes at once: files are whole or not there.
    """
    when = datetime.now(UTC).isoformat(timespec="seconds")
    if workers == 1 or len(plans) <= 1:
        for plan in plans:
            done(make_chain(plan, folder, when, size, embedder))
        return
    order = sorted(plans, key=lambda plan: -(plan.turntable + 6 * len(plan.frames)))
    others = active_children()
    # Fresh processes: a fork would copy the caller's threads and locks half-way.
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=start_worker)
    with _one_thread_each(), pool:
        try:
            jobs = [pool.submit(make_chain, plan, folder, when, size, embedder) for plan in order]
            for job in as_completed(jobs):
                done(job.result())
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in active_children():
                if process not in others:
                    process.terminate()
            raise
