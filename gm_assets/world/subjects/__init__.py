"""The sixteen subjects of the demo world, by name."""

from __future__ import annotations

from gm_assets.world.subjects import citadels, dry_dock_rigger, engines, lantern_acolyte, recon_pilot, seam_keeper, structures, vessels
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
        *citadels.SUBJECTS,
        *structures.SUBJECTS,
    )
}

__all__ = ["SUBJECTS", "Subject", "View"]
