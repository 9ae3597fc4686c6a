"""Progress of long library calls as lines in the log of a run.

Every line is an event in Dagster's database, so there is one each half minute.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from gm_assets.library.values import Progress, ProgressFunction

INTERVAL_S = 30.0


def log_progress(log: dg.DagsterLogManager, interval: float = INTERVAL_S) -> ProgressFunction:
    """A progress function for `gm_assets.library` that logs at most once in `interval` seconds."""
    due = time.monotonic() + interval

    def report(progress: Progress) -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + interval
            log.info(
                f"{progress.phase}: {progress.done:,} of {progress.total:,} files, "
                f"{progress.bytes / 1e6:,.0f} MB"
            )

    return report
