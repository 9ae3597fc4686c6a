"""Which sensor evaluates the automation conditions of describing."""

from __future__ import annotations

import dagster as dg

from gm_assets.defs.describing.assets import GROUP

description_automation = dg.AutomationConditionSensorDefinition(
    "description_automation",
    target=dg.AssetSelection.groups(GROUP),
    minimum_interval_seconds=30,
    # On from the start: new pictures are to be found by what they show. What it starts leaves
    # shards of another model alone, so that a change of the model waits for a person.
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Gives new pictures their vectors and labels: `embeddings` after the "
    "fingerprints, `vectors` after them and the catalogue, `labels` where the vectors differ. "
    "Without a model its runs end at once and say so.",
)
