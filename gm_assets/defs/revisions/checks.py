"""Whether everything is made from what its parents are now."""

import dagster as dg

from gm_assets.defs.resources import LibraryResource
from gm_assets.defs.revisions.assets import stale
from gm_assets.defs.revisions.metadata import redo_table, undecided_table
from gm_assets.words import counted


@dg.asset_check(
    asset=stale,
    description="No document was made from a content that its parent no longer has. `gm stale` "
    "lists what must be redone, in order.",
)
def nothing_stale(library: LibraryResource) -> dg.AssetCheckResult:
    from gm_assets.library.stale import stale as find_stale

    report = find_stale(library.open(read_only=True))
    return dg.AssetCheckResult(
        passed=not report.total,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{counted(report.total, 'document')} to redo."
        if report.total
        else "Everything is made from what its parents are now.",
        metadata={"to redo": redo_table(report)} if report.total else {},
    )


@dg.asset_check(
    asset=stale,
    description="No overwritten file waits for a decision: `gm revise` keeps an edit, "
    "`gm recover` gives a lost memory back. Until then its children do not count as stale.",
)
def every_edit_decided(library: LibraryResource) -> dg.AssetCheckResult:
    from gm_assets.library.stale import stale as find_stale

    report = find_stale(library.open(read_only=True))
    found = len(report.undecided)
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{counted(found, 'overwritten file')} to decide about."
        if found
        else "Every edit is decided.",
        metadata={"undecided": undecided_table(report)} if found else {},
    )
