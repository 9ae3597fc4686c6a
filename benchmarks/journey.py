"""`python -m benchmarks.journey`: a folder of real pictures through everything a library promises.

The pictures are copied into a fresh managed library, ingested, moved and copied around,
ingested again, and the store is deleted and made again from the files. Every step prints what
it found and how long it took; the exit code is 1 where a promise does not hold:

* no picture changed: the SHA-256 of its decoded samples is what it was before the first write;
* folders that were moved are recognised as moves, copied ones as copies;
* the store made again from the files (`rebuild --verify`) equals the one that ingest made;
* the fast rebuild equals it but for what only reading the pixels tells.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
from rich.console import Console

from benchmarks import corpus
from gm_assets.library import IngestReport, Library, ingest, rebuild
from gm_assets.stores.tables import Tables

T = TypeVar("T")

#: Columns that a fast rebuild cannot know: they need the pixels (docs/stores.md).
ONLY_BY_READING = {
    "files": ("file_hash", "verified", "frames", "pixel_layout"),
    "contents": ("pixel_layout", "frames"),
    "assets": ("verified",),
    "links": ("verified",),
}


def main() -> int:
    """Run the journey in a temporary folder and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.journey", description=__doc__)
    parser.add_argument("--corpus", type=Path, help="a folder of pictures instead of Debian's")
    parser.add_argument("--scratch", type=Path, help="where the temporary library is made")
    options = parser.parse_args()
    pictures = corpus.pictures(options.corpus or corpus.fetch())
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        return _Journey(Path(scratch) / "library", Console()).run(pictures)


class _Journey:
    def __init__(self, root: Path, console: Console) -> None:
        self.root = root
        self.console = console
        self.broken: list[str] = []

    def run(self, pictures: list[Path]) -> int:
        library = Library.init(self.root)
        for number, path in enumerate(pictures):
            folder = self.root / f"box-{number % 12:02d}"
            folder.mkdir(exist_ok=True)
            shutil.copyfile(path, folder / f"{number:05d}-{path.name}")
        before = self._step("samples of all pictures, by Pillow", self._samples)

        first = self._step("ingest", lambda: ingest(library))
        self._say(first)
        self._promise("every picture got a memory", first.counts["written"] == len(pictures))

        after = self._step("samples again", self._samples)
        self._promise("no picture changed", before == after)

        (self.root / "box-00").rename(self.root / "moved away")
        (self.root / "box-01").rename(self.root / "box-02" / "deeper")
        shutil.copytree(self.root / "box-03", self.root / "handed over")
        expected_moves = sum(
            1 for name in ("moved away", "box-02/deeper") for _ in (self.root / name).iterdir()
        )
        second = self._step("ingest after two folders moved, one copied", lambda: ingest(library))
        self._say(second)
        self._promise(f"{expected_moves} moves are recognised", len(second.moved) == expected_moves)
        third = self._step("ingest with nothing changed", lambda: ingest(library))
        self._promise("nothing is done twice", not any(third.counts.values()))

        kept = library.store.tables()
        shutil.rmtree(library.state)
        self._step("rebuild --verify from nothing", lambda: rebuild(library, verify=True))
        self._promise("the store is the same", _differences(kept, library.store.tables()) == [])
        shutil.rmtree(library.state)
        self._step("rebuild from memories alone", lambda: rebuild(library))
        differing = _differences(kept, library.store.tables(), ONLY_BY_READING)
        self._promise("the store is the same but for what only reading tells", differing == [])
        return 1 if self.broken else 0

    def _samples(self) -> dict[str, int]:
        """How often each decoded picture is there, whatever its name."""
        paths = corpus.pictures(self.root)
        counts: dict[str, int] = {}
        with ProcessPoolExecutor() as pool:
            for digest in pool.map(corpus.samples_sha256, paths, chunksize=64):
                counts[digest] = counts.get(digest, 0) + 1
        return counts

    def _step(self, name: str, call: Callable[[], T]) -> T:
        begun = time.monotonic()
        result = call()
        self.console.print(f"{time.monotonic() - begun:8.1f} s  {name}")
        return result

    def _say(self, report: IngestReport) -> None:
        for line in report.summary().splitlines():
            self.console.print(f"            {line}")

    def _promise(self, what: str, holds: bool) -> None:
        self.console.print(f"            {'holds' if holds else 'BROKEN'}: {what}")
        if not holds:
            self.broken.append(what)


def _differences(
    one: Tables, other: Tables, without: dict[str, tuple[str, ...]] | None = None
) -> list[str]:
    """Names of the tables that differ, left-out columns aside."""
    differing = []
    mine, theirs = one.named(), other.named()
    for name in mine:
        columns = [c for c in mine[name].column_names if c not in (without or {}).get(name, ())]
        if not _sorted(mine[name], columns).equals(_sorted(theirs[name], columns)):
            differing.append(name)
    return differing


def _sorted(table: pa.Table, columns: list[str]) -> pa.Table:
    plain = [c for c in columns if not pa.types.is_list(table.schema.field(c).type)]
    return table.select(columns).sort_by([(name, "ascending") for name in plain])


if __name__ == "__main__":
    sys.exit(main())
