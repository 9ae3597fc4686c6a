"""Rebuild, rescan, memory write and the Dagster run, each against what it cannot do without."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks import exiftool, made
from benchmarks.measure import (
    Line,
    Spent,
    interleaved,
    median_ratio,
    run,
    run_python,
    timed,
)

if TYPE_CHECKING:
    from gm_assets.memory.record import Memory

_REBUILD = """
import sys
from gm_assets.library import Library, rebuild
report = rebuild(Library.open(sys.argv[1]))
"""
_SAMPLE = 1200
_PARTITIONS = {
    "dagster/asset_partition_range_start": "0",
    "dagster/asset_partition_range_end": "f",
}
_QUIET = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}


def rebuild(folder: Path, count: int, rounds: int) -> list[Line]:
    """A fast rebuild of `count` files in a process of its own; ExifTool reads a sample.

    ExifTool needs minutes for 36,000 files, so it gets some folders and its time is taken a
    file; its start is spread over the sample (0.2 s over 1,200 files).
    """
    library = made.make(folder / "library", count)
    chains = sorted(path for path in library.root.iterdir() if path.name.startswith("chain-"))
    sample = [str(path) for path in chains[: max(1, min(_SAMPLE, count) // 20)]]
    sampled = sum(1 for path in sample for _ in Path(path).iterdir())

    def ours() -> Spent:
        shutil.rmtree(library.state, ignore_errors=True)
        return run_python(_REBUILD, library.root)

    def theirs() -> Spent:
        return run([*exiftool.command(), "-q", "-r", "-json", *sample])

    mine, exif = interleaved(rounds, (ours, theirs))
    cpu = median(spent.cpu for spent in mine) / count
    wall = median(spent.wall for spent in mine) / count
    detail = {"files": count, "wall_s": wall * count}
    exif_cpu = [Spent(s.cpu / sampled, s.wall / sampled) for s in exif]
    mine_each = [Spent(s.cpu / count, s.wall / count) for s in mine]
    return [
        Line("rebuild from memories (CPU a file)", 1e3 * cpu, 0.4, unit="ms", detail=detail),
        Line(
            "exiftool -r -json : rebuild (CPU a file)",
            median_ratio(exif_cpu, mine_each, lambda spent: spent.cpu),
            7.0,
            at_most=False,
            detail={
                "exiftool_files": sampled,
                "exiftool_ms_a_file": 1e3 * median(s.cpu for s in exif_cpu),
                "wall_ratio": median_ratio(exif_cpu, mine_each, lambda spent: spent.wall),
            },
        ),
        Line(
            f"rebuild, memory at {count:,} files",
            max(spent.peak for spent in mine) / 1e6,
            1000,
            unit="MB",
            detail={"files": count},
        ),
    ]


def rescan(root: Path, rounds: int) -> Line:
    """`scan` of a library with nothing changed against a bare walk with `stat` (CPU)."""
    from gm_assets.library import Library, scan

    library = Library.open(root)
    changes = scan(library)
    if changes.new or changes.changed or changes.vanished:
        raise AssertionError("the library is not as its store has it")

    ours, walk = interleaved(
        max(rounds, 7), (lambda: timed(lambda: scan(library)), lambda: timed(lambda: _walk(root)))
    )
    return Line(
        "rescan, nothing changed : os.scandir with stat (CPU)",
        median_ratio(ours, walk, lambda spent: spent.cpu),
        3.0,
        detail={
            "files": changes.unchanged,
            "scan_ms": 1e3 * median(spent.cpu for spent in ours),
            "walk_ms": 1e3 * median(spent.cpu for spent in walk),
            "wall_ratio": median_ratio(ours, walk, lambda spent: spent.wall),
        },
    )


def _walk(root: Path) -> int:
    count, folders = 0, [os.fspath(root)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if not entry.name.startswith("."):
                        folders.append(entry.path)
                else:
                    entry.stat(follow_symlinks=False)
                    count += 1
    return count


def memory_write(folder: Path, paths: Sequence[Path], rounds: int) -> list[Line]:
    """Writing a memory into a real picture against copying it with fsync and rename (wall).

    Twice, since a rename may be lost with the power until its folder is synced too:

    * as ingest writes: the folder is synced once, behind the last file of the batch; held
      against copies that leave it unsynced;
    * as one edit writes: the folder is synced with the file; held against copies that do so.

    The memory is a picture's first one (`rewrites` in the detail: one that replaces and is
    merged). Each file takes its turns in every way; a figure is the ratio of the sums, the
    median of the rounds.
    """
    from gm_assets.memory.files import sync_folder, write_memory

    folder.mkdir()
    work = _unwritten(folder, paths)
    orders = (("batch", "copy", "single", "durable"), ("single", "durable", "batch", "copy"))
    rows: list[dict[str, float]] = []
    for number in range(rounds):
        row = dict.fromkeys((*orders[0], "again"), 0.0)
        for index, (source, target, memory) in enumerate(work):
            changed = memory.model_copy(update={"title": f"Round {number}"})
            calls: dict[str, Callable[[], object]] = {
                "batch": partial(write_memory, target, memory, folder_later=True),
                "copy": partial(_copy, target, False),
                "single": partial(write_memory, target, memory),
                "durable": partial(_copy, target, True),
                "again": partial(write_memory, target, changed, folder_later=True),
            }
            for name in (*orders[(index + number) % 2], "again"):
                if name in ("batch", "single"):
                    _renew(source, target)
                row[name] += timed(calls[name]).wall
        row["batch"] += timed(partial(sync_folder, folder)).wall
        rows.append(row)
    each = {name: 1e3 * median(row[name] for row in rows) / len(work) for name in rows[0]}

    def ratio(above: str, below: str) -> float:
        return median(row[above] / row[below] for row in rows)

    batch = {"files": len(work), "write_ms": each["batch"], "copy_ms": each["copy"]}
    batch["rewrites"] = ratio("again", "copy")
    single = {"write_ms": each["single"], "copy_ms": each["durable"]}
    return [
        Line("memory writes : copies (fsync, rename)", ratio("batch", "copy"), 2.0, detail=batch),
        Line(
            "memory write, folder synced : copy, folder synced",
            ratio("single", "durable"),
            2.0,
            detail=single,
        ),
    ]


def _unwritten(folder: Path, paths: Sequence[Path]) -> list[tuple[Path, Path, Memory]]:
    """Each picture with the place of its copy in `folder` and the memory to write there."""
    from gm_assets.identity import identify
    from gm_assets.memory.record import Memory, Placement, mint_document_id, mint_instance_id

    work = []
    for number, path in enumerate(paths):
        found = identify(path)
        document = mint_document_id(found.content_id, str(number))
        memory = Memory(
            document_id=document,
            instance_id=mint_instance_id(document, found.content_id),
            placements=(Placement(chain="benchmark", stage="S2", part="reference", frame=None),),
            written=found.written(),
        )
        work.append((path, folder / f"{number:05d}{path.suffix.lower()}", memory))
    return work


def _renew(source: Path, target: Path) -> None:
    """Put the picture without a memory there again, on the disk."""
    shutil.copyfile(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _copy(path: Path, sync_folder: bool) -> None:
    temporary = path.with_suffix(".copy")
    with path.open("rb") as source, temporary.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
        target.flush()
        os.fsync(target.fileno())
    temporary.replace(path)
    if sync_folder:  # without it the rename itself may be lost with the power
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)


def dagster_run(folder: Path, paths: Sequence[Path], rounds: int) -> Line:
    """Fingerprints of all shards in one Dagster run against `library.refresh` (wall).

    Both begin with no store and read every picture, with as many processes as there are cores.
    The instance is a real one on SQLite; starting Python and loading the definitions, which a
    code location does once, is not counted.
    """
    from gm_assets.library import Library, refresh

    library = Library.init(folder / "library", managed=False)
    for number, path in enumerate(paths):
        parent = library.root / f"{number // 500:03d}"
        parent.mkdir(exist_ok=True)
        _link(path, parent / f"{number:05d}{path.suffix.lower()}")
    os.environ["GM_LIBRARY"] = str(library.root)

    import dagster as dg

    from gm_assets.definitions import defs

    job = defs().resolve_job_def("fingerprint_corpus")

    def plain() -> Spent:
        shutil.rmtree(library.state, ignore_errors=True)
        return timed(lambda: refresh(Library.open(library.root)))

    def through_dagster() -> Spent:
        shutil.rmtree(library.state, ignore_errors=True)
        with tempfile.TemporaryDirectory() as home:
            instance = dg.DagsterInstance.local_temp(home)
            run_job = partial(
                job.execute_in_process, instance=instance, tags=_PARTITIONS, run_config=_QUIET
            )
            return timed(run_job)

    run_, call = interleaved(rounds, (through_dagster, plain))
    return Line(
        "Dagster corpus run : library.refresh (wall)",
        median_ratio(run_, call, lambda spent: spent.wall),
        1.15,
        detail={
            "files": len(paths),
            "dagster_s": median(spent.wall for spent in run_),
            "plain_s": median(spent.wall for spent in call),
        },
    )


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)
