"""Jobs on labels: some facets again, or everything that describing needs in one run."""

from collections.abc import Iterator
from typing import TypeAlias

import dagster as dg
from pydantic import Field

from gm_assets.defs.describing.assets import vectors
from gm_assets.defs.describing.checks import every_picture_has_a_vector, retrieval_quality
from gm_assets.defs.describing.events import sync_store
from gm_assets.defs.labels.assets import facet_labels
from gm_assets.defs.labels.checks import EVALUATIONS
from gm_assets.defs.labels.events import Work, record_facets
from gm_assets.defs.labels.reading import read_words
from gm_assets.defs.models import not_ready
from gm_assets.defs.partitions import register_facets
from gm_assets.defs.resources import LibraryResource
from gm_assets.defs.stages.events import DATA_VERSION_TAG

Event: TypeAlias = dg.AssetMaterialization | dg.AssetCheckEvaluation

relabel = dg.define_asset_job(
    "relabel",
    selection=dg.AssetSelection.assets(facet_labels)
    | dg.AssetSelection.checks_for_assets(facet_labels),
    description="Record one facet of the vocabulary, or a range, and label the pictures with it "
    "again. No picture is read, and the model reads only terms that it has not read before.",
)


class FacetList(dg.Config):
    """Which facets a run records and labels."""

    facets: list[str] = Field(
        default=[], description="Facets, e.g. environments. Empty: the whole vocabulary."
    )


@dg.op(
    out=dg.Out(dg.Nothing),
    description="Bring the vector store in step with the catalogue, then record the vocabulary "
    "and label the pictures with it.",
)
def describe_pictures(
    context: dg.OpExecutionContext, config: FacetList, library: LibraryResource
) -> Iterator[Event]:
    opened = library.open()
    facets = config.facets or list(read_words(opened).facets)
    register_facets(context.instance, facets)
    error = not_ready(opened)
    held: list[Event] = []
    if error is not None:
        context.log.warning(f"The vocabulary is recorded, nothing more: {error}")
    else:
        version, metadata = sync_store(opened, context.log)
        tags = {DATA_VERSION_TAG: version}
        held = [
            dg.AssetMaterialization(vectors.key, metadata=metadata, tags=tags),
            *_vector_checks(library),
        ]
    work = Work(facets, vocabulary=True, labels=error is None, checks=frozenset(EVALUATIONS))
    events = record_facets(work, opened, library, context.instance, context.log)
    first = next(events, None)
    # Recorded once the labels are made: the automation would make them a second time meanwhile.
    yield from held
    if first is not None:
        yield first
    yield from events


def _vector_checks(library: LibraryResource) -> Iterator[dg.AssetCheckEvaluation]:
    for check in (every_picture_has_a_vector, retrieval_quality):
        result = check(library)
        assert isinstance(result, dg.AssetCheckResult)
        yield dg.AssetCheckEvaluation(
            asset_key=vectors.key,
            check_name=check.check_key.name,
            passed=result.passed,
            severity=result.severity,
            description=result.description,
            metadata=dict(result.metadata or {}),
        )


@dg.job(
    description="Everything that finding and labels need, in one run: the vector store, every "
    "facet of the vocabulary, the labels. Needed once by hand for a library that Dagster has not "
    "seen; `make up` starts it."
)
def describe_library() -> None:
    describe_pictures()
