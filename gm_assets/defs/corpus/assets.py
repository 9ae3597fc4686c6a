"""The corpus as a whole: fingerprints by shard, and the catalogue.

State for each picture lives in the derived store, never in Dagster: an event costs 8 to
18 KB and 115 to 215 ms. `fingerprints` reports one event a shard, `catalogue` one a run.
"""

from collections.abc import Iterator
from enum import Enum

import dagster as dg
from pydantic import Field

from gm_assets.defs.automation import FOLLOW
from gm_assets.defs.corpus.metadata import catalogue_metadata, shard_metadata
from gm_assets.defs.library.assets import library_files
from gm_assets.defs.partitions import shards
from gm_assets.defs.progress import log_progress
from gm_assets.defs.resources import LibraryResource

GROUP = "corpus"
OWNERS = ["team:assets"]


@dg.asset(
    deps=[library_files],
    partitions_def=shards,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name=GROUP,
    owners=OWNERS,
    kinds={"sha256", "parquet"},
    tags={"gm/truth": "derived"},
    code_version="1",
    automation_condition=FOLLOW,
    output_required=False,
    description="Identity of every file (file, stream, pixel, asset, geometry and perceptual "
    "hashes), in 16 shards by the first digit of the content hash. Materializing a shard reads "
    "the files of it that are new, changed or known from their memory alone.",
)
def fingerprints(
    context: dg.AssetExecutionContext, library: LibraryResource
) -> Iterator[dg.AssetMaterialization]:
    from gm_assets.library import refresh

    opened = library.open()
    for report in refresh(
        opened, shards=context.partition_keys, progress=log_progress(context.log)
    ):
        yield dg.AssetMaterialization(
            asset_key=context.asset_key,
            partition=report.shard,
            metadata=shard_metadata(report),
        )


class Source(Enum):
    """What a run of the catalogue is made from."""

    # Dagster shows the names of members in its forms and in run configs.
    current = "current"
    memories = "memories"
    files = "files"


class CatalogueRun(dg.Config):
    """How the catalogue is made."""

    source: Source = Field(
        default=Source.current,
        description="`current` records the generation that the library has now. `memories` "
        "rebuilds it from nothing out of the memories in the files; its rows count as "
        "unverified. `files` rebuilds it by reading and decoding every file.",
    )


@dg.asset(
    deps=[fingerprints],
    group_name=GROUP,
    owners=OWNERS,
    kinds={"duckdb", "parquet"},
    tags={"gm/truth": "derived"},
    code_version="1",
    automation_condition=FOLLOW,
    description="The derived store: Parquet tables and DuckDB views of contents, assets, files, "
    "placements, links, chains and quarantine. It can be deleted at any time: the files hold "
    "everything, and a rebuild brings it back.",
)
def catalogue(
    context: dg.AssetExecutionContext, config: CatalogueRun, library: LibraryResource
) -> dg.MaterializeResult:
    from gm_assets.library import rebuild

    opened = library.open()
    report = None
    if config.source is not Source.current or not opened.store.generation:
        report = rebuild(
            opened, verify=config.source is Source.files, progress=log_progress(context.log)
        )
    digest, metadata = catalogue_metadata(opened, report)
    return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(digest))
