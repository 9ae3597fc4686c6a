"""`python -m benchmarks.authoring`: near-duplicates through the index, and suggestions.

Near-duplicate groups of 36,000 perceptual hashes, side by side with the plain comparison of
all pairs in numpy, which must find the same pairs. With `--library` suggestions for a real
library. With `--blind` a library whose places and links are known (the demo) is asked with
both hidden, and the suggestions are compared with what is true. Exit code 0 where every figure
is within its limit, 1 where one is not.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import Line, interleaved, timed
from gm_assets.authoring.near import NEAR, near_groups, near_pairs

HASHES = 36_000
#: Seconds of CPU that the project allows: for the groups, and for suggestions a 5,000 files.
GROUP_SECONDS, SUGGEST_SECONDS = 5.0, 60.0
#: Rows that the plain comparison takes at once; its arrays then stay in the processor's cache.
_ROWS = 64


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.authoring", description=__doc__)
    parser.add_argument("--library", type=Path, help="hashes and suggestions of this library")
    parser.add_argument("--blind", type=Path, help="compare suggestions with this library's truth")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    known = np.zeros(0, np.uint64) if options.library is None else _of_library(options.library)
    lines = near_lines(hashes(known), options.rounds)
    if options.library is not None:
        lines.append(suggest_line(options.library))
    for line in lines:
        detail = ", ".join(f"{name} {value:,.2f}" for name, value in line.detail.items())
        verdict = "holds" if line.holds else "DOES NOT HOLD"
        print(
            f"{line.name}: {line.value:.2f} {line.unit} (limit {line.limit:g}), {verdict}; {detail}"
        )
    if options.blind is not None:
        print_blind(options.blind)
    return 0 if all(line.holds for line in lines) else 1


def hashes(known: NDArray[np.uint64], count: int = HASHES) -> NDArray[np.uint64]:
    """Different hashes: `known` ones, random ones, and of a quarter near-duplicates.

    As in real hashes half of the 64 bits are set; near-duplicates differ in 2 to 12 bits.
    """
    draw = np.random.default_rng(0)
    fresh = max(count - count // 4 - len(known), 0)
    bits = draw.permuted(np.tile(np.arange(64) % 2, (fresh, 1)), axis=1).astype(np.uint64)
    base = np.concatenate([known, _joined(bits)])
    near = base[draw.integers(0, len(base), count - len(base))] if len(base) < count else base[:0]
    flips = draw.permuted(np.tile(np.arange(64), (len(near), 1)), axis=1)
    for step in range(12):
        chosen = draw.integers(2, 13, len(near)) > step
        near = near ^ np.where(
            chosen, np.uint64(1) << flips[:, step].astype(np.uint64), np.uint64(0)
        )
    return np.unique(np.concatenate([base, near]))[:count]


def near_lines(values: NDArray[np.uint64], rounds: int) -> list[Line]:
    """The index against all pairs, on the same hashes."""
    index, plain = interleaved(
        rounds,
        [
            lambda: timed(lambda: near_groups(values, np.arange(len(values)))),
            lambda: timed(lambda: all_pairs(values, NEAR)),
        ],
    )
    found, expected = near_pairs(values, NEAR), all_pairs(values, NEAR)
    assert np.array_equal(np.stack([found.first, found.second]), expected)
    seconds = median(one.cpu for one in index)
    beside = median(one.cpu for one in plain)
    detail = {"hashes": len(values), "pairs": len(found.first), "all pairs s": beside}
    return [
        Line("near-duplicate groups", seconds, GROUP_SECONDS, unit="s of CPU", detail=detail),
        Line("near-duplicate groups / all pairs in numpy", seconds / beside, 1.0, detail=detail),
    ]


def all_pairs(values: NDArray[np.uint64], distance: int) -> NDArray[np.int64]:
    """(2, n): all pairs by comparing each hash with each later one."""
    found = []
    for start in range(0, len(values), _ROWS):
        rows = values[start : start + _ROWS]
        bits = np.bitwise_count(rows[:, None] ^ values[None, start:])
        first, second = np.nonzero(bits <= distance)
        later = second > first
        found.append(np.stack([first[later], second[later]]) + start)
    return np.concatenate(found, axis=1)


def suggest_line(root: Path) -> Line:
    """Suggestions for a library, a 5,000 documents."""
    from gm_assets.authoring.suggesting import suggest
    from gm_assets.library import Library

    library = Library.open(root, read_only=True)
    found = suggest(library)
    spent = timed(lambda: suggest(library))
    share = found.documents / 5_000
    detail = {
        "documents": found.documents,
        "places": len(found.places),
        "parents": len(found.links),
        "wall s": spent.wall,
    }
    return Line(
        "suggestions for 5,000 documents", spent.cpu / share, SUGGEST_SECONDS,
        unit="s of CPU", detail=detail,
    )  # fmt: skip


def print_blind(root: Path) -> None:
    """How many suggestions are true, where places, links and makers of a library are hidden."""
    from gm_assets.authoring.stock import Stock
    from gm_assets.authoring.suggesting import suggest
    from gm_assets.library import Library

    library = Library.open(root, read_only=True)
    truth = Stock.of(library)
    hidden = [replace(one, places=(), parents=(), generated=False) for one in truth.items]
    found = suggest(library, stock=Stock(tuple(hidden), ()))
    chains = {one.path: {place.chain for place in one.places} for one in truth.items}
    first = {one.path: one for one in reversed(found.places)}
    right = sum(one.placement.chain in chains[path] for path, one in first.items())  # type: ignore[union-attr]
    print(f"chains: {right} of {len(truth.items)} documents right by the first suggestion")
    contents = {one.content_id for one in truth.items}
    links = {
        (one.path, parent.content_id)
        for one in truth.items
        for parent in one.parents
        if parent.content_id in contents
    }
    said = [(one.path, one.parent_content_id) for one in found.links]
    print(f"parents: {len(links & set(said))} of {len(links)} found by {len(said)} suggestions")
    for count in (50, 100, 200):
        print(f"  of the first {count}: {sum(one in links for one in said[:count])} true")


def _joined(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    weights = np.uint64(1) << np.arange(64, dtype=np.uint64)
    return (bits * weights).sum(axis=1, dtype=np.uint64)


def _of_library(root: Path) -> NDArray[np.uint64]:
    from gm_assets.authoring.stock import Stock
    from gm_assets.library import Library

    found = Stock.of(Library.open(root, read_only=True)).hashes
    return np.unique(found[found != 0])


if __name__ == "__main__":
    raise SystemExit(main())
