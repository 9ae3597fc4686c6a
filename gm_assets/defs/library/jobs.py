"""The job that takes files into the library's catalogue."""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from gm_assets.defs.progress import log_progress
from gm_assets.defs.resources import LibraryResource
from gm_assets.defs.store import EVERYTHING, take_in


class IngestRun(dg.Config):
    """What an ingest looks at."""

    paths: list[str] = Field(
        default=[],
        description="Files or folders, as paths below the library's root. Empty: the whole "
        "library.",
    )


@dg.op(
    out=dg.Out(dg.Nothing),
    description="Find, identify and place files; write memories where gm.toml says that the "
    "folder is managed, catalogue elsewhere.",
)
def ingest_files(
    context: dg.OpExecutionContext, config: IngestRun, library: LibraryResource
) -> Iterator[dg.AssetObservation]:
    paths = config.paths or [EVERYTHING]
    progress = log_progress(context.log)
    yield from take_in(library.open(), paths, context.log, progress)


@dg.job(
    description="Bring files into the library: identify, place, remember. Needed once by hand "
    "for a library that Dagster has not seen; the library sensor requests it for files that "
    "stand in no chain."
)
def ingest_library() -> None:
    ingest_files()
