"""What definitions ask of the library besides their own work: take files in, name chains.

The domain functions live in `gm_assets.library` and `gm_assets.stores`; these are the few
lines that assets, jobs and the sensor share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg

from gm_assets.errors import NotFound

if TYPE_CHECKING:
    from gm_assets.library import Library
    from gm_assets.library.values import IngestReport

#: Names the whole library in a list of paths to take in.
EVERYTHING = "."


def take_in(
    library: Library, paths: Sequence[str], log: dg.DagsterLogManager
) -> IngestReport | None:
    """Ingest `paths` (below the root) before they are verified; None where there are none.

    In a managed folder this writes memories; elsewhere it only catalogues.

    Raises:
        LibraryLocked: another writer did not finish within the library's waiting time.
    """
    from gm_assets.library import ingest

    if not paths:
        return None
    try:
        report = ingest(
            library, None if EVERYTHING in paths else [library.root / path for path in paths]
        )
    except NotFound:
        # A file came and went between the sensor's tick and this run.
        report = ingest(library)
    log.info(report.summary())
    return report


def chain_keys(library: Library) -> list[str]:
    """The chain keys of the catalogue, in order."""
    return sorted(set(library.store.read("chains", ["key"]).column("key").to_pylist()))


def stage_versions(library: Library) -> dict[str, dict[str, str]]:
    """Data versions in the catalogue, by stage and chain key; stages without files are absent."""
    table = library.store.read("chains", ["key", "stage", "state", "data_version"])
    versions: dict[str, dict[str, str]] = {}
    for row in table.to_pylist():
        if row["state"] == "present" and row["data_version"]:
            versions.setdefault(row["stage"], {})[row["key"]] = row["data_version"]
    return versions
