"""Standing questions to the catalogue, answered after each of its runs.

They keep what needs a person in sight: a chain's own checks show its last run, these show
every file that the catalogue knows.
"""

import dagster as dg

from gm_assets.defs.corpus.assets import catalogue
from gm_assets.defs.corpus.metadata import altered_table, count, quarantine_table
from gm_assets.defs.resources import LibraryResource
from gm_assets.words import counted


@dg.asset_check(
    asset=catalogue,
    description="No file is in quarantine. A quarantined file could not be read; its row has "
    "the reason and what to do.",
)
def quarantine_empty(library: LibraryResource) -> dg.AssetCheckResult:
    with library.open(read_only=True).store.connect() as connection:
        found = count(connection, "quarantine")
        return dg.AssetCheckResult(
            passed=not found,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{counted(found, 'file')} that cannot be read."
            if found
            else "Every file can be read.",
            metadata={"quarantine": quarantine_table(connection)} if found else {},
        )


@dg.asset_check(
    asset=catalogue,
    description="No file's content differs from the one that its memory states. Keep an edit "
    "with `gm revise FILE --note …`, or restore the file.",
)
def no_file_altered(library: LibraryResource) -> dg.AssetCheckResult:
    with library.open(read_only=True).store.connect() as connection:
        found = count(connection, "files WHERE altered")
        return dg.AssetCheckResult(
            passed=not found,
            severity=dg.AssetCheckSeverity.ERROR,
            description=f"{counted(found, 'altered file')}." if found else "No file is altered.",
            metadata={"altered": altered_table(connection)} if found else {},
        )
