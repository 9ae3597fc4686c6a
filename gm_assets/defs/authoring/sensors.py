"""Which sensor evaluates the automation conditions of authoring."""

from __future__ import annotations

import dagster as dg

from gm_assets.defs.authoring.assets import GROUP

authoring_automation = dg.AutomationConditionSensorDefinition(
    "authoring_automation",
    target=dg.AssetSelection.groups(GROUP),
    minimum_interval_seconds=60,
    # On from the start: what nobody has placed should be seen. It reads and never writes.
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Makes `suggestions` again when the catalogue changed. It suggests and never "
    "accepts: accepting is for people.",
)
