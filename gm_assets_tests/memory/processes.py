"""Running a function in a process of its own, as another user or under a limit."""

from __future__ import annotations

import itertools
import os
import pickle
import random
import resource
import signal
import struct
import time
import traceback
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


def killed_at_work(work: Callable[[int], Any], *, count: int, seed: int) -> Iterator[None]:
    """Fork a process that calls `work(0)`, `work(1)`, … and kill it; yields after each kill.

    A process is killed in the course of its first, second, third or fourth turn, at a random
    instant of that turn. It reports when it begins and how long each turn took, so that neither
    a slow fork nor a busy machine moves all kills before the first turn.
    """
    chance = random.Random(seed)
    length = 0.0  # of a turn, in seconds, as the latest process took it
    for number in range(count):
        finished = chance.randrange(4) if number else 3
        pid, reports = _endless_child(work)
        try:
            for _ in range(1 + finished):
                length = reports.get() or length
            time.sleep(chance.uniform(0, 1.2) * length)
        finally:
            kill(pid)
            reports.close()
        yield


class _Reports:
    """What a child tells through a pipe: 0 seconds when it begins, then those of each turn."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()

    def put(self, seconds: float) -> None:
        os.write(self._writer, struct.pack("d", seconds))

    def get(self) -> float:
        text = os.read(self._reader, struct.calcsize("d"))
        assert text, "the child ended by itself; its error stands above"
        (seconds,) = struct.unpack("d", text)
        return float(seconds)

    def only_read(self) -> None:
        """Leave the writing to the child, whose end then ends the reading."""
        os.close(self._writer)

    def close(self) -> None:
        os.close(self._reader)


def _endless_child(work: Callable[[int], Any]) -> tuple[int, _Reports]:
    """Fork a process that works turn after turn; returns its id and its reports."""
    reports = _Reports()
    pid = os.fork()
    if pid == 0:
        try:
            reports.put(0.0)
            for turn in itertools.count():
                begin = time.perf_counter()
                work(turn)
                reports.put(time.perf_counter() - begin)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    reports.only_read()
    return pid, reports


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
