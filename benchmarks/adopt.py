"""`python -m benchmarks.adopt COMMAND...`: what a command and all its processes cost, as JSON.

Processes that outlive the command (the fork server of a pool does, for a moment) are adopted,
so that the kernel hands their times to us. The peak is the largest sum of resident sets of the
command's session, sampled; pages that processes share count once for each.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_PAGE = os.sysconf("SC_PAGE_SIZE")
_INTERVAL_S = 0.05


def main(command: list[str]) -> int:
    """Run `command`, print `{"cpu": s, "wall": s, "peak": bytes}`, return its exit code."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    began, cpu, code = time.perf_counter(), 0.0, 0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    sampler = _Sampler(process.pid)
    sampler.start()
    ended = began
    while True:
        try:
            pid, status, usage = os.wait4(-1, 0)
        except ChildProcessError:
            break
        cpu += usage.ru_utime + usage.ru_stime
        if pid == process.pid:
            code, ended = os.waitstatus_to_exitcode(status), time.perf_counter()
    process.returncode = code  # reaped here, not by Popen
    sampler.stop()
    print(json.dumps({"cpu": cpu, "wall": ended - began, "peak": sampler.peak}))
    return code


class _Sampler(threading.Thread):
    """The largest sum of the resident sets of a session's processes."""

    def __init__(self, session: int) -> None:
        super().__init__(daemon=True)
        self._session = session
        self._ended = threading.Event()
        self.peak = 0

    def run(self) -> None:
        while not self._ended.wait(_INTERVAL_S):
            resident = sum(_resident(pid, self._session) for pid in Path("/proc").glob("[0-9]*"))
            self.peak = max(self.peak, resident)

    def stop(self) -> None:
        self._ended.set()
        self.join()


def _resident(process: Path, session: int) -> int:
    try:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[21]) * _PAGE if int(fields[3]) == session else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
