"""Refresh: read the files whose content nobody has read yet, shard by shard.

After a fast rebuild the store knows files by their memories alone; refresh reads and decodes
them, and with them the files that changed or came since. It catalogues and writes into no
file: that is for ingest.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from gm_assets.library.changes import Known, compare
from gm_assets.library.pool import Pool
from gm_assets.library.recording import Recorder
from gm_assets.library.recovery import Lost
from gm_assets.library.remember import Handled, Mode, Remember
from gm_assets.library.values import Action, Progress, ProgressFunction, ShardReport

if TYPE_CHECKING:
    from gm_assets.library.library import Library

#: The shards of a library: the first hexadecimal digit of a content's hash.
SHARDS: tuple[str, ...] = tuple("0123456789abcdef")


def shard_of(path: str, content_id: str | None) -> str:
    """The shard of a file: from its content's hash, or from its path while that is unknown."""
    if content_id is not None:
        return content_id.split(":", 2)[1][0]
    return hashlib.sha256(path.encode("utf-8", "backslashreplace")).hexdigest()[0]


def refresh(
    library: Library,
    shards: Iterable[str] | None = None,
    *,
    workers: int | None = None,
    progress: ProgressFunction | None = None,
) -> list[ShardReport]:
    """Read and decode what is unverified, new or changed in these shards.

    Args:
        shards: hexadecimal digits; all sixteen by default.
        workers: processes; as many as there are cores by default.

    Returns:
        One report a shard, in their order.

    Raises:
        ValueError: one of `shards` is no hexadecimal digit.
        LibraryLocked: another process is writing to this library.
        LibraryError: opened read-only, or the store is damaged or cannot be written.
    """
    chosen = sorted(set(SHARDS if shards is None else shards))
    if unknown := set(chosen) - set(SHARDS):
        raise ValueError(f"not shards: {', '.join(sorted(unknown))}")
    with library.writing():
        return _refresh(library, chosen, workers, progress)


def _refresh(
    library: Library, shards: list[str], workers: int | None, progress: ProgressFunction | None
) -> list[ShardReport]:
    due = _due(library)
    work = {path: shard for path, shard in due.items() if shard in shards}
    read: dict[str, Counter[str]] = defaultdict(Counter)
    seconds: dict[str, float] = defaultdict(float)
    done = 0
    recorder = Recorder(library)
    worker = Remember(os.fspath(library.root), library.config, Lost(), Mode.CATALOGUE)
    pool: Pool[Handled] = Pool(worker, worker.crashed, workers)
    for number, handled in enumerate(pool.stream(sorted(work)), start=1):
        path = handled.outcome.path
        recorder.add(handled.examined, handled.managed, handled.placement_by_rule)
        tally = read[work[path]]
        tally["read"] += 1
        tally["altered"] += handled.outcome.altered
        tally["quarantined"] += handled.outcome.action is Action.QUARANTINED
        if handled.examined.identity is not None:
            tally["bytes"] += handled.examined.identity.size
            done += handled.examined.identity.size
        seconds[work[path]] += handled.seconds
        if progress is not None:
            progress(Progress(number, len(work), done, path, "read"))
        if recorder.due:
            recorder.commit()
    recorder.commit()
    files, verified = _counts(library)
    return [
        ShardReport(
            shard=shard,
            files=files[shard],
            verified=verified[shard],
            read=read[shard]["read"],
            altered=read[shard]["altered"],
            quarantined=read[shard]["quarantined"],
            bytes=read[shard]["bytes"],
            seconds=round(seconds[shard], 3),
        )
        for shard in shards
    ]


def _due(library: Library) -> dict[str, str]:
    """The files to read, each with its shard."""
    changes = compare(library, Known.load(library))
    table = library.store.read("files", ["path", "content_id", "verified"])
    gone = {*changes.vanished, *(old for old, _ in changes.moved)}
    contents: dict[str, str | None] = {}
    due: dict[str, str] = {}
    for path, content_id, verified in zip(
        *(column.to_pylist() for column in table.columns), strict=True
    ):
        contents[path] = content_id
        if not verified and path not in gone:
            due[path] = shard_of(path, content_id)
    moved = [entry for _, entry in changes.moved]
    for entry in (*changes.new, *changes.changed, *moved):
        due[entry.path] = shard_of(entry.path, contents.get(entry.path))
    return due


def _counts(library: Library) -> tuple[Counter[str], Counter[str]]:
    """Files, and verified files, by shard."""
    files: Counter[str] = Counter()
    verified: Counter[str] = Counter()
    table = library.store.read("files", ["path", "content_id", "verified"])
    for path, content_id, was_read in zip(
        *(column.to_pylist() for column in table.columns), strict=True
    ):
        shard = shard_of(path, content_id)
        files[shard] += 1
        verified[shard] += was_read
    return files, verified
