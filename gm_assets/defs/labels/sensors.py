"""The vocabulary sensor: an edited term has its facet labelled again, and nothing else.

What a tick decides is in `watch.py`; here its answer becomes run requests, partitions and the
check that names a broken file.
"""

import dagster as dg

from gm_assets.defs.labels.checks import LABELS, VOCABULARY, valid
from gm_assets.defs.labels.jobs import FacetList, describe_library, relabel
from gm_assets.defs.labels.reading import Words, read_words
from gm_assets.defs.labels.watch import Cursor, Decision, decide
from gm_assets.defs.models import not_ready
from gm_assets.defs.resources import LibraryResource
from gm_assets.errors import GmError

INTERVAL_S = 30
#: Up to so many facets get a run each, which shows them singly; more share one run.
SINGLE_RUNS = 20


@dg.sensor(
    name="vocabulary_sensor",
    jobs=[relabel, describe_library],
    minimum_interval_seconds=INTERVAL_S,
    # On from the start: a tick reads a few small files, the first one starts nothing, and
    # what its runs write is derived.
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reads the vocabulary and compares the versions of its facets with those of "
    "the tick before. An edited facet is recorded and labelled again, by itself: no other "
    "facet, and no picture is read. A file with a fault keeps its facet and its labels as they "
    "were and fails the check `valid`, which names the line. The first tick records.",
)
def vocabulary_sensor(
    context: dg.SensorEvaluationContext, library: LibraryResource
) -> dg.SensorResult | dg.SkipReason:
    try:
        opened = library.open(read_only=True)
    except GmError as error:
        return dg.SkipReason(str(error))
    words = read_words(opened)
    known = context.instance.get_dynamic_partitions("facets")
    decision = decide(words, Cursor.parse(context.cursor), known)
    labelling = True
    if decision.changed and (reason := not_ready(opened)) is not None:
        # A run that must fail would say no more than this; the check of the labels says it too.
        context.log.warning(f"Recorded without labels: {reason}")
        labelling = False
    requests = _run_requests(decision, words, labelling=labelling)
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else decision.words,
        cursor=decision.cursor.text(),
        dynamic_partitions_requests=_partition_requests(decision),
        asset_events=[valid(opened, words)] if decision.report else [],
    )


def _run_requests(decision: Decision, words: Words, *, labelling: bool) -> list[dg.RunRequest]:
    """A run for each facet that changed, of its vocabulary and, where `labelling`, its labels."""
    if len(decision.changed) > SINGLE_RUNS:
        config = dg.RunConfig(ops={"describe_pictures": FacetList(facets=list(decision.changed))})
        key = f"facets:{decision.cursor.edits}"
        return [dg.RunRequest(key, config, job_name=describe_library.name)]
    return [
        dg.RunRequest(
            f"{facet}:{words.versions[facet][:16]}:{decision.cursor.edits}",
            job_name=relabel.name,
            partition_key=facet,
            asset_selection=[VOCABULARY, LABELS] if labelling else [VOCABULARY],
            tags={"gm/vocabulary": words.versions[facet][:16]},
        )
        for facet in decision.changed
    ]


def _partition_requests(
    decision: Decision,
) -> list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest]:
    requests: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
    if decision.new:
        requests.append(dg.AddDynamicPartitionsRequest("facets", list(decision.new)))
    if decision.gone:
        requests.append(dg.DeleteDynamicPartitionsRequest("facets", list(decision.gone)))
    return requests
