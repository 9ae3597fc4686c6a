"""Whether every document stands in a chain."""

import dagster as dg

from gm_assets.defs.authoring.assets import suggestions
from gm_assets.defs.authoring.metadata import unplaced_pictures, unplaced_table
from gm_assets.defs.resources import LibraryResource
from gm_assets.words import counted


@dg.asset_check(
    asset=suggestions,
    description="Every picture stands in a chain. Rules in gm.toml, `gm place`, or a table of "
    "`gm suggest` that a person edits give places; a picture that belongs nowhere may stay.",
)
def every_picture_placed(library: LibraryResource) -> dg.AssetCheckResult:
    unplaced = unplaced_pictures(library.open(read_only=True))
    return dg.AssetCheckResult(
        passed=not unplaced,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{counted(len(unplaced), 'picture')} in no chain."
        if unplaced
        else "Every picture stands in a chain.",
        metadata={
            "unplaced pictures": dg.MetadataValue.int(len(unplaced)),
            **({"by folder": unplaced_table(unplaced)} if unplaced else {}),
        },
    )
