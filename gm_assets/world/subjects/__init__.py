"""The sixteen subjects of the demo world, by name."""

from __future__ import annotations

from gm_assets.world.subjects import (
    abyssal_dunes,
    branching_gate,
    citadels,
    dry_dock_rigger,
    engines,
    lantern_acolyte,
    recon_pilot,
    seam_keeper,
    seawall_gate,
    silver_corridor,
    structures,
    vessels,
)
from gm_assets.world.subjects.model import Subject, View

#: Every subject, in the order of the domains.
SUBJECTS: dict[str, Subject] = {
    subject.name: subject
    for subject in (
        seam_keeper.SUBJECT,
        recon_pilot.SUBJECT,
        dry_dock_rigger.SUBJECT,
        lantern_acolyte.SUBJECT,
        *vessels.SUBJECTS,
        *engines.SUBJECTS,
        seawall_gate.SUBJECT,
        *citadels.SUBJECTS,
        silver_corridor.SUBJECT,
        abyssal_dunes.SUBJECT,
        *structures.SUBJECTS,
        branching_gate.SUBJECT,
    )
}

__all__ = ["SUBJECTS", "Subject", "View"]
