"""The demo library: a procedural Gothic Mechanica in which every file remembers.

`build` makes the files of all chains in parallel, each with its full memory, and has the
library ingest them. The same version on the same machine gives the same pixels and the same
GLB bytes each time; only the times in the memories are those of the build.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from time import monotonic

from gm_assets.errors import LibraryError, NotFound
from gm_assets.library import IngestReport, Library, Progress, ProgressFunction, ingest
from gm_assets.library.config import CONFIG_NAME
from gm_assets.library.library import STATE_FOLDER
from gm_assets.world.demo.chains import CHAINS
from gm_assets.world.demo.making import Made, make_chain
from gm_assets.world.demo.plans import Chain

__all__ = ["CHAINS", "SIZE", "Chain", "DemoReport", "build"]

#: Long side of the large pictures in pixels.
SIZE = 768
#: A sensor may be ingesting the first chains when the last one is made.
WRITER_WAIT_S = 120


@dataclass(frozen=True)
class DemoReport:
    """What a build made.

    Attributes:
        root: the library.
        chains: the chains made, in the order of the plans.
        files: how many files.
        bytes: their size.
        seconds: wall time.
        ingest: what the library said of them.
    """

    root: Path
    chains: tuple[str, ...]
    files: int
    bytes: int
    seconds: float
    ingest: IngestReport


def build(
    root: str | os.PathLike[str],
    *,
    progress: ProgressFunction | None = None,
    workers: int | None = None,
    size: int = SIZE,
    only: Sequence[str] | None = None,
) -> DemoReport:
    """Make the demo library in a new or empty folder, or in a library that holds no file yet.

    Args:
        progress: called after every chain with the phase `make`, then by the ingest.
        workers: processes; as many as there are cores by default.
        size: long side of the large pictures in pixels.
        only: the chains to make; all by default.

    Raises:
        LibraryError: the folder holds something else, or cannot be written.
        NotFound: `only` names a chain that the demo does not have.
    """
    begun = monotonic()
    known = {plan.subject for plan in CHAINS}
    for name in only or ():
        if name not in known:
            raise NotFound(
                f"the demo has no chain {name!r}",
                remedy=f"Its chains are {', '.join(sorted(known))}",
            )
    folder = Path(root).absolute()
    library = _empty_library(folder)
    plans = [plan for plan in CHAINS if only is None or plan.subject in only]
    made = _make_all(plans, folder, workers or os.cpu_count() or 1, size, progress)
    report = ingest(library, progress=progress)
    paths = [path for plan in plans for path in made[plan.subject].paths]
    return DemoReport(
        root=folder,
        chains=tuple(plan.subject for plan in plans),
        files=len(paths),
        bytes=sum((folder / path).stat().st_size for path in paths),
        seconds=monotonic() - begun,
        ingest=report,
    )


def _empty_library(folder: Path) -> Library:
    """The library in `folder`, made where it is none; `gm up` has made it, and watches it."""
    present = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    if present - {CONFIG_NAME, STATE_FOLDER}:
        raise LibraryError(
            "the demo is made in a folder of its own, and this one is not empty",
            where=folder,
            remedy="Choose another folder, or remove this one",
        )
    if CONFIG_NAME not in present:
        Library.init(folder, name="Gothic Mechanica")
    return Library.open(folder, wait=WRITER_WAIT_S)


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
    progress: ProgressFunction | None,
) -> dict[str, Made]:
    """Make the chains, the longest first, in processes of their own where it pays."""
    when = datetime.now(UTC).isoformat(timespec="seconds")
    made: dict[str, Made] = {}
    written = 0

    def done(one: Made) -> None:
        nonlocal written
        made[one.chain] = one
        written += sum((folder / path).stat().st_size for path in one.paths)
        if progress is not None:
            progress(Progress(len(made), len(plans), written, one.chain, "make"))

    if workers == 1 or len(plans) == 1:
        for plan in plans:
            done(make_chain(plan, folder, when, size))
        return made
    order = sorted(plans, key=lambda plan: -(plan.turntable + 6 * len(plan.frames)))
    # Fresh processes: a fork would copy the caller's threads and locks half-way.
    fresh = get_context("spawn")
    with _one_thread_each(), ProcessPoolExecutor(workers, mp_context=fresh) as pool:
        jobs = [pool.submit(make_chain, plan, folder, when, size) for plan in order]
        for job in as_completed(jobs):
            done(job.result())
    return made
