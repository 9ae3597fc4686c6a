"""When corpus work runs by the clock, and which sensor evaluates automation conditions."""

from __future__ import annotations

import dagster as dg

from gm_assets.defs.corpus.assets import GROUP, CatalogueRun, Source
from gm_assets.defs.corpus.jobs import rebuild_catalogue

nightly_rebuild = dg.ScheduleDefinition(
    name="nightly_rebuild",
    job=rebuild_catalogue,
    cron_schedule="30 2 * * *",
    execution_timezone="UTC",
    run_config=dg.RunConfig(ops={"catalogue": CatalogueRun(source=Source.files)}),
    # The night is when reading every file disturbs nobody; it finds what no event announces:
    # bit rot, a restored backup, a folder edited while the sensor was off.
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every night at 02:30 UTC the catalogue is rebuilt from nothing by reading and "
    "decoding every file. A file that no longer holds its content fails `no_file_altered`.",
)

corpus_automation = dg.AutomationConditionSensorDefinition(
    "corpus_automation",
    target=dg.AssetSelection.groups(GROUP),
    minimum_interval_seconds=30,
    # Conditions of the corpus alone, so that nothing slow in another group holds them up.
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Refreshes `fingerprints` when the library sensor reports changed files, and "
    "`catalogue` after that.",
)
