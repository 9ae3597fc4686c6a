"""Writers of the vector store take turns at a lock file; the kernel frees it when they end."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gm_assets.errors import LibraryError, LibraryLocked

#: Seconds between two tries to get the lock; a put takes tens of milliseconds.
PAUSE = 0.02


@contextmanager
def turn(root: Path, patience: float) -> Iterator[None]:
    """Be the one writer below `root` for the time of the `with` block.

    Args:
        root: folder of the store; made where it is not there.
        patience: seconds to wait for another writer.

    Raises:
        LibraryLocked: another process (or thread) still writes after that time.
        LibraryError: the folder cannot be written.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(root / "lock", flags, 0o644)
    except OSError as error:
        raise LibraryError(
            f"the vector store cannot be written ({error.strerror})",
            where=root,
            remedy="Make .gm writable, or set GM_STATE to a folder that is",
        ) from None
    try:
        _acquire(descriptor, root, time.monotonic() + patience)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, root: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise LibraryLocked(
                    "another process is writing vectors",
                    where=root,
                    remedy="Wait until it has finished, and try again",
                ) from None
        time.sleep(PAUSE)
