"""Clocks, interleaving, and the result of one line of the speed table."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

_ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Spent:
    """Seconds of CPU (user and system) and of wall clock; largest resident memory in bytes."""

    cpu: float
    wall: float
    peak: int = 0


@dataclass(frozen=True)
class Line:
    """One line of the table: a figure against its limit.

    Attributes:
        name: what is compared with what.
        value: the figure; `unit` is '' for a ratio.
        limit: of the project's issue; `at_most` says from which side.
        detail: what the figure was made from.
    """

    name: str
    value: float
    limit: float
    at_most: bool = True
    unit: str = ""
    detail: dict[str, float] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether the figure is within its limit."""
        return self.value <= self.limit if self.at_most else self.value >= self.limit


def timed(call: Callable[[], object]) -> Spent:
    """Run `call` in this process and clock it."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return Spent(time.process_time() - cpu, time.perf_counter() - wall)


def interleaved(
    rounds: int, contenders: Sequence[Callable[[], Spent]]
) -> tuple[tuple[Spent, ...], ...]:
    """Each contender's measurements, taken in turns; every other round goes backwards."""
    taken: list[list[Spent]] = [[] for _ in contenders]
    for number in range(rounds):
        order = range(len(contenders))
        for index in order if number % 2 == 0 else reversed(order):
            taken[index].append(contenders[index]())
    return tuple(map(tuple, taken))


def median_ratio(
    above: Sequence[Spent], below: Sequence[Spent], clock: Callable[[Spent], float]
) -> float:
    """Median over the rounds of the ratio within a round."""
    return median(clock(a) / clock(b) for a, b in zip(above, below, strict=True))


def run_python(code: str, *arguments: str | Path) -> Spent:
    """Run Python code in a process of its own; counts it and every process that it starts."""
    return run([sys.executable, "-c", code, *map(str, arguments)])


def run(command: Sequence[str]) -> Spent:
    """Run a command to its end; counts it and every process that it starts.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    guarded = [sys.executable, "-m", "benchmarks.adopt", *command]
    result = subprocess.run(guarded, cwd=_ROOT, stdout=subprocess.PIPE, check=True)
    return Spent(**json.loads(result.stdout))
