"""The vocabulary and its labels, by facet.

One multi-asset holds both, with skippable specs, since what it yields are events of single
facets: Dagster would stamp one data version on a whole run otherwise, and would skip the
labels after a vocabulary that yields no output. A facet is labelled in one go over all
shards: it is one matrix product, and an event a facet and shard would cost more than that.
"""

from collections.abc import Iterator

import dagster as dg

from gm_assets.defs.automation import FOLLOW_VERSIONS
from gm_assets.defs.describing.assets import GROUP, OWNERS, vectors
from gm_assets.defs.labels.checks import LABELS, VOCABULARY, check_specs
from gm_assets.defs.labels.events import CODE_VERSION, Event, Work, record_facets
from gm_assets.defs.models import left_alone
from gm_assets.defs.partitions import facets
from gm_assets.defs.resources import LibraryResource


def specs() -> list[dg.AssetSpec]:
    """`vocabulary` and `labels`."""
    return [
        dg.AssetSpec(
            VOCABULARY,
            description="The words of the project: facets such as `subjects`, a YAML file each, "
            "with terms, prompts and synonyms. The data version is the hash of a facet's parsed "
            "content, so a comment changes nothing and an edited term changes its facet alone.",
            skippable=True,
            group_name=GROUP,
            code_version=CODE_VERSION,
            owners=OWNERS,
            kinds={"yaml"},
            tags={"gm/truth": "files"},
            partitions_def=facets,
        ),
        dg.AssetSpec(
            LABELS,
            deps=[VOCABULARY, vectors],
            description="What each term of a facet scores on every picture that has a vector: "
            "raw cosine, percentile and z-score against a frozen reference. No picture is read "
            "and no other facet touched. The metadata shows the best pictures of each term.",
            skippable=True,
            group_name=GROUP,
            code_version=CODE_VERSION,
            owners=OWNERS,
            kinds={"parquet", "duckdb"},
            tags={"gm/truth": "derived"},
            automation_condition=FOLLOW_VERSIONS,
            partitions_def=facets,
        ),
    ]


@dg.multi_asset(
    name="facet_labels",
    specs=specs(),
    check_specs=check_specs(),
    can_subset=True,
    partitions_def=facets,
    backfill_policy=dg.BackfillPolicy.single_run(),
    description="Record facets of the vocabulary and label the library's pictures with them.",
)
def facet_labels(context: dg.AssetExecutionContext, library: LibraryResource) -> Iterator[Event]:
    opened = library.open()
    if left_alone(context, opened, needs_vectors=True):
        return
    # "Execute check" in the UI runs unpartitioned.
    named = context.has_partition_key_range or context.has_partition_key
    work = Work(
        facets=list(context.partition_keys) if named else [],
        vocabulary=VOCABULARY in context.selected_asset_keys,
        labels=LABELS in context.selected_asset_keys,
        checks=frozenset(key.name for key in context.selected_asset_check_keys),
    )
    yield from record_facets(work, opened, library, context.instance, context.log)
