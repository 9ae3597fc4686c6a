"""When derived assets are made again by themselves."""

from __future__ import annotations

import dagster as dg

_QUIET = ~dg.AutomationCondition.any_deps_in_progress() & ~dg.AutomationCondition.in_progress()

#: Derived stores follow what they are made from, once for each change: a run that fails is
#: not asked for again until something changes again.
FOLLOW = (dg.AutomationCondition.any_deps_updated().since_last_handled() & _QUIET).with_label(
    "when what it is made from changes"
)

#: The same, where an update that brings the same data version is none.
FOLLOW_VERSIONS = (
    dg.AutomationCondition.any_deps_match(
        dg.AutomationCondition.data_version_changed()
    ).since_last_handled()
    & _QUIET
).with_label("when the version of what it is made from changes")
