"""`python -m benchmarks.roundtrips [--only TOOL …] [--write]`: measure, print, document."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.roundtrips import journey, lineage, report, samples, tools

DOCUMENT = Path(__file__).parents[2] / "docs" / "roundtrips.md"


def main() -> None:
    """Send every format through every program that is here."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", help="programs, by name")
    parser.add_argument("--write", action="store_true", help="write docs/roundtrips.md")
    options = parser.parse_args()
    found, skipped = [], []
    for trip in tools.TRIPS:
        if options.only and trip.tool not in options.only:
            continue
        if why := tools.missing(trip):
            skipped.append((trip.words, why))
            continue
        for suffix in trip.formats:
            if suffix not in samples.formats():
                skipped.append((f"{trip.words}, {suffix}", "the format carries no memory here"))
                continue
            with tempfile.TemporaryDirectory() as folder:
                found.append(journey.travel(trip, suffix, Path(folder)))
            print(trip.words, suffix, found[-1].failure or found[-1].memory, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        text = report.text(found, lineage.send(Path(folder)), skipped)
    if options.write:
        DOCUMENT.write_text(text, "utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
