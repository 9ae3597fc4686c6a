"""The re-entry sensor: a person's acceptance of a structure begins the next generation.

It creates nothing by itself. Acceptances by a plan are not seen here: `loop_turn` goes on with
those, up to the generation that the plan names. What a generation has is one sculpt; its plates
are made when a person asks for them.
"""

import json

import dagster as dg

from gm_assets.defs.lifting.jobs import ReentryRun, reenter_accepted
from gm_assets.defs.resources import LibraryResource
from gm_assets.errors import LibraryError
from gm_assets.words import counted

INTERVAL_S = 30
#: Up to so many structures get a run each, which shows them singly; more share one run.
SINGLE_RUNS = 20
#: Acceptances that the cursor remembers.
MARKS = 2_000


@dg.sensor(
    name="reentry_sensor",
    job=reenter_accepted,
    minimum_interval_seconds=INTERVAL_S,
    # On from the start, on purpose: it acts on nothing but a person's acceptance, once for each,
    # and the first tick only records what was accepted before.
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Sees structures that a person accepted (gm accept) and that are no sculpt of "
    "their chain's next generation yet, and has them re-enter: one more placement of the same "
    "document, nothing copied. The first tick records; each acceptance is acted on once.",
)
def reentry_sensor(
    context: dg.SensorEvaluationContext, library: LibraryResource
) -> dg.SensorResult | dg.SkipReason:
    from gm_assets.making.reentering import waiting

    try:
        found = waiting(library.open(read_only=True))
    except LibraryError as error:
        return dg.SkipReason(str(error))
    known = _known(context.cursor)
    marks = [one.mark for one in found]
    fresh = [] if known is None else [one for one in found if one.mark not in known]
    # A mark stays while its structure waits: a refused one is not asked for again.
    cursor = json.dumps(marks[-MARKS:])
    if not fresh:
        words = "nobody accepted a structure that has not re-entered"
        if known is None:
            words = f"recorded {counted(len(found), 'acceptance')}; new ones re-enter"
        return dg.SensorResult(skip_reason=words, cursor=cursor)
    lists = [[one.path] for one in fresh]
    if len(fresh) > SINGLE_RUNS:
        lists = [[one.path for one in fresh]]
    requests = [
        dg.RunRequest(
            run_key=fresh[number].mark,
            run_config=dg.RunConfig(ops={"reenter_listed_files": ReentryRun(files=paths)}),
        )
        for number, paths in enumerate(lists)
    ]
    return dg.SensorResult(run_requests=requests, cursor=cursor)


def _known(cursor: str | None) -> set[str] | None:
    """The acceptances of earlier ticks; None before the first, and where the cursor is damaged."""
    try:
        marks = json.loads(cursor) if cursor else None
    except ValueError:
        return None
    return set(map(str, marks)) if isinstance(marks, list) else None
