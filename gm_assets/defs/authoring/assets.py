"""Suggestions: what unplaced files may be and where files may come from, for people to decide."""

from __future__ import annotations

import dagster as dg

from gm_assets.defs.authoring.metadata import suggestion_metadata
from gm_assets.defs.automation import FOLLOW
from gm_assets.defs.corpus.assets import catalogue
from gm_assets.defs.resources import LibraryResource

GROUP = "authoring"
OWNERS = ["team:assets"]


@dg.asset(
    deps=[catalogue],
    group_name=GROUP,
    owners=OWNERS,
    kinds={"duckdb"},
    tags={"gm/truth": "derived"},
    code_version="1",
    automation_condition=FOLLOW,
    description="Places that unplaced files may have and parents that files may come from, "
    "ranked, each with its measures. Nothing is stored as a link and nothing is accepted here: "
    "`gm suggest --out table.csv` writes the table that a person edits, `gm link --from "
    "table.csv` writes what they accepted.",
)
def suggestions(library: LibraryResource) -> dg.MaterializeResult:
    from gm_assets.authoring.suggesting import suggest

    opened = library.open(read_only=True)
    version, metadata = suggestion_metadata(opened, library, suggest(opened))
    return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(version))
