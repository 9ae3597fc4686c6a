"""Revisions: the list of what must be redone since a parent changed."""

from __future__ import annotations

import dagster as dg

from gm_assets.defs.automation import FOLLOW
from gm_assets.defs.corpus.assets import GROUP, OWNERS, catalogue
from gm_assets.defs.resources import LibraryResource
from gm_assets.defs.revisions.metadata import stale_metadata


@dg.asset(
    deps=[catalogue],
    group_name=GROUP,
    owners=OWNERS,
    kinds={"duckdb"},
    tags={"gm/truth": "derived"},
    code_version="1",
    automation_condition=FOLLOW,
    description="What must be redone since a parent was revised, in the order in which it must "
    "be redone, with the reason: which parent, the content that was used and the one it has "
    "now. Also files that were overwritten and that nobody has decided about. It changes "
    "nothing: redoing is for a person or a plan.",
)
def stale(library: LibraryResource) -> dg.MaterializeResult:
    from gm_assets.library.stale import stale as find_stale

    opened = library.open(read_only=True)
    version, metadata = stale_metadata(opened, library, find_stale(opened))
    return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(version))
