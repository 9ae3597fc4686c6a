"""A model in a process of its own, for as long as it is needed."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from gm_assets.errors import LiftError
from gm_assets.lifting.remote.client import Endpoint

#: Bytes of the line with which a server says where it answers, at most.
_LINE = 1 << 16


@contextmanager
def serving(
    model: str,
    *options: str,
    python: str = sys.executable,
    timeout: float = 600.0,
) -> Iterator[Endpoint]:
    """A model of `remote.serve` at a free port of this machine; its process ends with the block.

    Args:
        model: as `serve` calls it.
        options: of `serve`, e.g. `--weights`, a folder.
        python: the interpreter of the environment in which the model's packages are.
        timeout: seconds that loading may take.

    Raises:
        LiftError: the process ended, or did not say where it answers in time.
    """
    command = [python, "-m", "gm_assets.lifting.remote.serve", model, *options, "--port", "0"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        yield Endpoint(_address(process, model, timeout))
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _address(process: subprocess.Popen[bytes], model: str, timeout: float) -> str:
    """The address from the first line that the process prints."""
    line, ended = _first_line(process, timeout)
    try:
        return str(json.loads(line)["url"])
    except (ValueError, KeyError, TypeError):
        state = f"was not ready in {timeout:g} s"
        if ended:
            state = f"ended with {process.wait(timeout)}"
        raise LiftError(
            f"the server of {model} {state}", remedy="What it printed says why"
        ) from None


def _first_line(process: subprocess.Popen[bytes], timeout: float) -> tuple[bytes, bool]:
    """What came until the first line break, and whether nothing more can come."""
    assert process.stdout is not None  # it is a pipe
    end = time.monotonic() + timeout
    line = b""
    while not line.endswith(b"\n") and len(line) < _LINE:
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            return line, False
        chunk = os.read(process.stdout.fileno(), 4096)
        if not chunk:
            return line, True
        line += chunk
    return line, False
