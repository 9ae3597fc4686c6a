"""The job that takes files into the library's catalogue."""

import dagster as dg
from pydantic import Field

from gm_assets.defs.progress import log_progress
from gm_assets.defs.resources import LibraryResource

#: Rows of a table in an event.
ROWS = 40


class IngestRun(dg.Config):
    """What an ingest looks at."""

    paths: list[str] = Field(
        default=[],
        description="Files or folders, as paths below the library's root. Empty: the whole "
        "library.",
    )
    dry_run: bool = Field(
        default=False, description="Say what would be done, write neither files nor stores."
    )


@dg.op(
    out=dg.Out(dg.Nothing),
    description="Find, identify and place files; write memories where gm.toml says that the "
    "folder is managed, catalogue elsewhere.",
)
def ingest_files(
    context: dg.OpExecutionContext, config: IngestRun, library: LibraryResource
) -> None:
    from gm_assets.library import Action, ingest

    opened = library.open()
    paths = [opened.root / path for path in config.paths] or None
    report = ingest(opened, paths, dry_run=config.dry_run, progress=log_progress(context.log))
    context.log.info(report.summary())
    for outcome in report.of(Action.QUARANTINED)[:ROWS]:
        context.log.warning(f"quarantined: {outcome.path}: {outcome.detail}")
    for offer in report.recoveries[:ROWS]:
        context.log.warning(f"lost its memory: {offer.path}: {offer.reason}")


@dg.job(
    description="Bring files into the library: identify, place, remember. Needed once by hand "
    "for a library that Dagster has not seen; the library sensor requests it for files that "
    "stand in no chain."
)
def ingest_library() -> None:
    ingest_files()
