"""From facets to events: the one place where a facet is recorded and labelled.

The assets (`assets.py`) and the job over everything (`jobs.py`) both go through
`record_facets`. Each facet yields its own events, so a data version belongs to one facet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import dagster as dg

from gm_assets.defs.describing.events import known
from gm_assets.defs.describing.metadata import data_version
from gm_assets.defs.labels import checks
from gm_assets.defs.labels.checks import LABELS, VOCABULARY
from gm_assets.defs.labels.metadata import (
    VERSIONS,
    facet_metadata,
    label_metadata,
    labels_version,
)
from gm_assets.defs.labels.reading import Words, read_words
from gm_assets.defs.models import not_ready
from gm_assets.defs.resources import LibraryResource
from gm_assets.defs.stages.events import DATA_VERSION_TAG
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.library import Library
    from gm_assets.vocabulary import Facet

CODE_VERSION = "1"

Event: TypeAlias = dg.AssetMaterialization | dg.AssetCheckEvaluation


@dataclass(frozen=True)
class Work:
    """What a run is asked to do.

    Attributes:
        facets: ids; checks alone need none.
        vocabulary, labels: what is recorded of them.
        checks: names of the checks that are evaluated.
    """

    facets: Sequence[str]
    vocabulary: bool
    labels: bool
    checks: frozenset[str]


def record_facets(
    work: Work,
    library: Library,
    resource: LibraryResource,
    instance: dg.DagsterInstance,
    log: dg.DagsterLogManager,
) -> Iterator[Event]:
    """Record facets of the vocabulary, label the pictures with them, evaluate the checks.

    A facet whose file has a fault keeps what is on record, and its labels; the run fails at
    its end and names file and line, after every other facet has been done.

    Raises:
        MissingExtra, ModelError: labels are asked for, and there is no encoder, or it has no
            vectors yet.
        dagster.Failure: a facet is not in the vocabulary, or cannot be read.
    """
    words = read_words(library)
    sound = [words.facets[id] for id in work.facets if id in words.facets]
    error = not_ready(library) if work.labels and sound else None
    records = [_record_facet(facet, words, instance) for facet in sound if work.vocabulary]
    if work.labels and error is None:
        records += [_label(facet, library, resource, log) for facet in sound]
        _forget(library, words, log)
    # All at once: seeing a vocabulary without its labels, the automation would ask for them too.
    yield from records
    for name, evaluate in checks.EVALUATIONS.items():
        if name in work.checks:
            yield evaluate(library, words)
    if error is not None:
        raise error
    if lost := [id for id in work.facets if id not in words.facets]:
        raise dg.Failure(
            f"{counted(len(lost), 'facet')} left as recorded: {', '.join(lost)}. "
            + ("; ".join(map(str, words.problems[:5])) or "No such file in the vocabulary."),
            metadata={"problems": checks.problem_table(words)},
            allow_retries=False,
        )


def _record_facet(
    facet: Facet, words: Words, instance: dg.DagsterInstance
) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(
        VOCABULARY,
        partition=facet.id,
        description=f"{facet.id}: {counted(len(facet.terms), 'term')}.",
        metadata=facet_metadata(facet, words, versions_before(instance, facet.id)),
        tags={DATA_VERSION_TAG: facet.version},
    )


def versions_before(instance: dg.DagsterInstance, facet: str) -> Mapping[str, str] | None:
    """Version of each term as the facet's last record has them; None where there is none."""
    found = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=VOCABULARY, asset_partitions=[facet]), limit=1
    ).records
    made = found[0].asset_materialization if found else None
    value = made.metadata.get(VERSIONS) if made is not None else None
    return value.value if isinstance(value, dg.JsonMetadataValue) else None  # type: ignore[return-value]


def _label(
    facet: Facet, library: Library, resource: LibraryResource, log: dg.DagsterLogManager
) -> dg.AssetMaterialization:
    from gm_assets.labelling import TextsOf, label_facet

    spec = library.encoder_spec()
    assert spec is not None  # not_ready
    report = label_facet(library, facet, TextsOf(spec))
    log.info(
        f"{facet.id}: {counted(len(report.terms), 'term')} ({report.encoded} read by the model) "
        f"on {counted(report.pictures, 'picture')}; {report.seconds:.2f} s"
    )
    return dg.AssetMaterialization(
        LABELS,
        partition=facet.id,
        description=f"{facet.id}: {counted(len(report.terms), 'term')} on "
        f"{counted(report.pictures, 'picture')}.",
        metadata=label_metadata(library, resource, report),
        tags={
            DATA_VERSION_TAG: labels_version(library, facet.id),
            **_made_from(facet, data_version(report.encoder, known(library, report.encoder))),
        },
    )


def _made_from(facet: Facet, vectors: str) -> dict[str, str]:
    """Dagster's tags for what labels were made from.

    Without them it compares times, and calls labels unsynced after every run of `vectors`,
    also one that brought the same vectors.
    """
    versions = {"vectors": vectors, VOCABULARY.to_user_string(): facet.version}
    return {
        "dagster/code_version": CODE_VERSION,
        **{f"dagster/input_data_version/{name}": one for name, one in versions.items()},
        **{f"dagster/input_event_pointer/{name}": "NULL" for name in versions},
    }


def _forget(library: Library, words: Words, log: dg.DagsterLogManager) -> None:
    """Remove the labels of facets whose files are gone, unless a file cannot be read."""
    from gm_assets.labelling import forget

    if words.problems:
        return
    for facet in forget(library, words.facets.values()):
        log.info(f"{facet}: no longer in the vocabulary, its labels are removed")
