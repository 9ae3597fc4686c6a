"""Running a function in a process of its own, as another user or under a limit."""

from __future__ import annotations

import os
import pickle
import random
import resource
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

NOBODY = 65534


def in_child(
    work: Callable[[], Any], *, as_nobody: bool = False, file_limit: int | None = None
) -> Any:
    """The result of `work` in a forked process; the exception it raised is raised here.

    Root may write anywhere, so what permissions do is shown as the user nobody.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            if file_limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))
            if as_nobody and os.getuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            answer: tuple[bool, Any] = (True, work())
        except BaseException as error:
            answer = (False, error)
        os.write(writer, pickle.dumps(answer))  # our own child: nothing foreign is unpickled
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    worked, value = pickle.loads(text)
    if not worked:
        raise value
    return value


def endless_child(work: Callable[[int], Any]) -> int:
    """Fork a process that calls `work(0)`, `work(1)`, … until it is killed; returns its id."""
    pid = os.fork()
    if pid == 0:
        turn = 0
        try:
            while True:
                work(turn)
                turn += 1
        finally:
            os._exit(1)
    return pid


def moments(work: Callable[[], Any], count: int, seed: int) -> Iterator[float]:
    """Random times from 0 to four times as long as `work` takes on this machine now."""
    begin = time.perf_counter()
    work()
    scale = 4 * (time.perf_counter() - begin) + 0.002  # and the fork
    chance = random.Random(seed)
    for _ in range(count):
        yield chance.uniform(0, scale)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def open_to_all(folder: Path) -> None:
    """Let any user reach `folder`, whose parents pytest makes private."""
    while folder != folder.parent and folder.stat().st_uid == os.getuid():
        folder.chmod(folder.stat().st_mode | 0o055)
        folder = folder.parent


def names(folder: Path) -> list[str]:
    """What lies in `folder`, hidden files included."""
    return sorted(path.name for path in folder.iterdir())
