"""One writer at a time: an advisory lock on `.gm/lock`.

The lock is flock(2) on an open file, so the kernel frees it when its process ends, however
it ends: a killed ingest leaves no stale lock. The file's text (the holder's process id)
serves the error message alone and is never trusted.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gm_assets.errors import LibraryError, LibraryLocked


@contextmanager
def writer_lock(path: Path, wait: float = 0.0) -> Iterator[None]:
    """Hold the library's writer lock for the time of the `with` block.

    Args:
        path: the lock file; its folder exists.
        wait: seconds to wait for another writer to finish.

    Raises:
        LibraryLocked: another process (or thread) still holds it after `wait` seconds.
        LibraryError: the lock file cannot be made here.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise LibraryError(
            f"the library cannot be locked for writing ({error.strerror})",
            where=path,
            remedy="Make .gm writable, set GM_STATE to a folder that is, or open it read-only",
        ) from None
    try:
        _acquire(descriptor, path, wait)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)  # closing the only descriptor frees the lock


def _acquire(descriptor: int, path: Path, wait: float) -> None:
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
                named = f"process {holder}" if holder.isdigit() else "another process"
                raise LibraryLocked(
                    f"{named} is writing to this library",
                    where=path.parent.parent,
                    remedy="Wait until it has finished, or stop it, and try again",
                ) from None
        time.sleep(min(0.1, max(0.01, deadline - time.monotonic())))
