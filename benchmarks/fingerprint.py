"""Fingerprint: every hash and the memory, against what no fingerprint can do without.

The other side reads the file, decodes it with Pillow and hashes the raw RGB.
"""

from __future__ import annotations

import hashlib
import io
import random
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PIL import Image

from benchmarks.measure import Line, Spent, interleaved, median_ratio, timed
from gm_assets.errors import GmError
from gm_assets.identity import identify
from gm_assets.library.pool import Pool
from gm_assets.memory.files import load_packet

BLOCK = 64


def bare(path: Path) -> str:
    """Read, decode, SHA-256 of the raw RGB."""
    data = path.read_bytes()
    return hashlib.sha256(Image.open(io.BytesIO(data)).convert("RGB").tobytes()).hexdigest()


def fingerprint(path: Path) -> str | None:
    """All hashes and the memory of a file; None where it cannot be had."""
    try:
        found = identify(path)
        if found.packet is not None:
            load_packet(found.format, found.packet, str(path))
    except GmError:
        return None
    return found.content_id


def _fingerprint_path(path: str) -> str | None:
    return fingerprint(Path(path))


def _nothing(path: str) -> str | None:
    return None


def _each(call: Callable[[Path], str | None], paths: Sequence[Path]) -> None:
    for path in paths:
        call(path)


def cost(paths: Sequence[Path], rounds: int) -> Line:
    """CPU time of `fingerprint` over that of `bare`, blocks of files taken in turns."""
    Image.MAX_IMAGE_PIXELS = None  # the bare side reads everything that the other side reads
    shuffled = list(paths)
    random.Random(0).shuffle(shuffled)
    blocks = [shuffled[i : i + BLOCK] for i in range(0, len(shuffled), BLOCK)]
    for path in shuffled:
        path.read_bytes()  # both sides read from the page cache
    ours: list[Spent] = []
    theirs: list[Spent] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(rounds):
            totals = [0.0, 0.0]
            for index, block in enumerate(blocks):
                sides = [(0, fingerprint), (1, bare)]
                for side, call in sides if (index + number) % 2 else reversed(sides):
                    totals[side] += timed(partial(_each, call, block)).cpu
            ours.append(Spent(totals[0], totals[0]))
            theirs.append(Spent(totals[1], totals[1]))
    return Line(
        "fingerprint : read, decode and sha256 alone (CPU)",
        median_ratio(ours, theirs, lambda spent: spent.cpu),
        1.6,
        detail={
            "files": len(paths),
            "fingerprint_ms_a_file": 1e3 * min(s.cpu for s in ours) / len(paths),
            "bare_ms_a_file": 1e3 * min(s.cpu for s in theirs) / len(paths),
        },
    )


def scaling(paths: Sequence[Path], rounds: int) -> Line:
    """Wall time with one worker over that with two, by the pool that ingest uses.

    One worker of that pool runs in this process; two are processes, whose start counts.
    """
    names = [str(path) for path in paths]

    def contender(workers: int) -> Spent:
        pool = Pool(_fingerprint_path, _nothing, workers)
        return timed(lambda: sum(1 for _ in pool.stream(names)))

    one, two = interleaved(rounds, (lambda: contender(1), lambda: contender(2)))
    return Line(
        "fingerprint, one core : two cores (wall)",
        median_ratio(one, two, lambda spent: spent.wall),
        1.8,
        at_most=False,
        detail={
            "files": len(paths),
            "one_s": min(spent.wall for spent in one),
            "two_s": min(spent.wall for spent in two),
        },
    )
