"""Vectors of the corpus: `embeddings` by shard, and `vectors`, the store that is searched.

New pictures mostly bring their vectors along, since ingest writes them into their memories.
`embeddings` is for the others: folders that are not managed, and a new model.
"""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from gm_assets.defs.automation import FOLLOW
from gm_assets.defs.corpus.assets import catalogue, fingerprints
from gm_assets.defs.describing.events import embed_shards, sync_store
from gm_assets.defs.models import automatic, left_alone
from gm_assets.defs.partitions import shards
from gm_assets.defs.resources import LibraryResource

GROUP = "description"
OWNERS = ["team:assets"]


class EmbedRun(dg.Config):
    """Where a run of the embeddings puts its vectors."""

    into_files: bool = Field(
        default=False,
        description="Also write the vectors into the memories of managed files, so that the "
        "vector store comes back from the files alone. Every file is then written and verified.",
    )


@dg.asset(
    deps=[fingerprints],
    partitions_def=shards,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name=GROUP,
    owners=OWNERS,
    kinds={"pytorch", "lancedb"},
    tags={"gm/truth": "derived"},
    code_version="1",
    automation_condition=FOLLOW,
    output_required=False,
    description="A unit vector of the active image-text model for every picture, in 16 shards "
    "by the first digit of the content hash. Materializing a shard takes the vectors that "
    "memories hold and computes the others. After a change of the model run it over all shards: "
    "no run that Dagster starts by itself does that.",
)
def embeddings(
    context: dg.AssetExecutionContext, config: EmbedRun, library: LibraryResource
) -> Iterator[dg.AssetMaterialization]:
    opened = library.open()
    if left_alone(context, opened):
        return
    yield from embed_shards(
        opened,
        context.partition_keys,
        into_files=config.into_files,
        automatic=automatic(context),
        instance=context.instance,
        log=context.log,
    )


@dg.asset(
    deps=[embeddings, catalogue],
    group_name=GROUP,
    owners=OWNERS,
    kinds={"lancedb"},
    tags={"gm/truth": "derived"},
    code_version="1",
    automation_condition=FOLLOW,
    output_required=False,
    description="The vector store that `gm find` and the labels read: vectors that memories "
    "hold and it lacks are read from the files, those of vanished contents go, filters and "
    "words follow the catalogue. No model is loaded. It can be deleted at any time.",
)
def vectors(
    context: dg.AssetExecutionContext, library: LibraryResource
) -> Iterator[dg.MaterializeResult]:
    opened = library.open()
    if left_alone(context, opened, needs_vectors=True):
        return
    version, metadata = sync_store(opened, context.log)
    yield dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(version))
