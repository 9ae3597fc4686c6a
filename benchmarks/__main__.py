"""`python -m benchmarks`: the speed table of the project, measured on this machine.

Exit code 0 where every line that ran is within its limit, 1 where one is not.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import (
    corpus,
    embedding,
    finding,
    fingerprint,
    labelling,
    libraries,
    lifting,
    sculpt,
)
from benchmarks.measure import Line

RESULTS = Path(__file__).parent / "results"
GROUPS = (
    "fingerprint",
    "scaling",
    "rebuild",
    "write",
    "dagster",
    "embedding",
    "labelling",
    "finding",
    "sculpt",
    "lifting",
)


def main() -> int:
    """Run the chosen groups and print the table."""
    options = _options()
    console = Console(stderr=True)
    folder = options.corpus or corpus.fetch()
    paths = corpus.pictures(folder)
    if options.pictures:
        paths = random.Random(0).sample(paths, min(options.pictures, len(paths)))
    console.print(f"{len(paths):,} pictures in {folder}")
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        for group, measure in _measures(options, paths, Path(scratch)):
            if group in options.only:
                console.print(f"measuring {group} ...")
                lines += measure()
    Console().print(_table(lines))
    if options.save:
        console.print(f"written: {_save(lines, len(paths))}")
    return 0 if all(line.holds for line in lines) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=GROUPS, metavar="GROUP",
                        help=f"some of: {', '.join(GROUPS)}")  # fmt: skip
    parser.add_argument("--corpus", type=Path, help="a folder of pictures instead of Debian's")
    parser.add_argument("--pictures", type=int, help="a sample of so many; all by default")
    parser.add_argument("--files", type=int, default=36_000, help="size of the rebuilt library")
    parser.add_argument("--rounds", type=int, default=3, help="measurements a line")
    parser.add_argument("--scratch", type=Path, help="where temporary libraries are made")
    parser.add_argument("--save", action="store_true", help=f"write JSON below {RESULTS.name}/")
    return parser.parse_args()


def _measures(
    options: argparse.Namespace, paths: list[Path], scratch: Path
) -> Iterator[tuple[str, Callable[[], list[Line]]]]:
    rounds: int = options.rounds
    some = random.Random(1).sample(paths, min(400, len(paths)))
    made = scratch / "made"

    def rebuild_and_rescan() -> list[Line]:
        lines = libraries.rebuild(made, options.files, rounds)
        return [*lines, libraries.rescan(made / "library", rounds)]

    yield "fingerprint", lambda: [fingerprint.cost(paths, rounds)]
    yield "scaling", lambda: [fingerprint.scaling(paths, rounds)]
    yield "rebuild", rebuild_and_rescan
    yield "write", lambda: libraries.memory_write(scratch / "write", some, rounds)
    yield "embedding", lambda: embedding.measure(scratch / "embedding", paths, rounds)
    yield "finding", lambda: finding.measure(scratch / "finding", rounds, options.files)
    yield "labelling", lambda: [labelling.relabel(scratch / "labelling", 36_000, 100, rounds)]
    yield "sculpt", lambda: sculpt.measure(rounds)
    yield "lifting", lifting.measure_lifting
    yield "dagster", lambda: [libraries.dagster_run(scratch / "dagster", paths, rounds)]


def _table(lines: list[Line]) -> Table:
    table = Table(title=f"gm_assets on {platform.machine()}, {os.cpu_count()} cores")
    for name in ("line", "measured", "limit", "", "made from"):
        table.add_column(name, justify="right" if name in ("measured", "limit") else "left")
    for line in lines:
        sign = "≤" if line.at_most else "≥"
        detail = ", ".join(f"{name} {value:,.4g}" for name, value in line.detail.items())
        table.add_row(
            line.name,
            f"{line.value:.3g} {line.unit}".strip(),
            f"{sign} {line.limit:g} {line.unit}".strip(),
            "holds" if line.holds else "MISSED",
            detail,
        )
    return table


def _save(lines: list[Line], pictures: int) -> Path:
    RESULTS.mkdir(exist_ok=True)
    now = datetime.datetime.now(datetime.UTC)
    path = RESULTS / f"{now:%Y-%m-%d}.json"
    result = {
        "when": now.isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "pictures": pictures,
        "lines": [asdict(line) | {"holds": line.holds} for line in lines],
    }
    path.write_text(json.dumps(result, indent=2) + "\n")
    return path


if __name__ == "__main__":
    sys.exit(main())
