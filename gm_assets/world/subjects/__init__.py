"""The sixteen subjects of the demo world, by name."""

from __future__ import annotations

from gm_assets.world.subjects import seam_keeper, structures
from gm_assets.world.subjects.model import Subject, View

#: Every subject, in the order of the domains.
SUBJECTS: dict[str, Subject] = {
    subject.name: subject
    for subject in (
        seam_keeper.SUBJECT,
        *structures.SUBJECTS,
    )
}

__all__ = ["SUBJECTS", "Subject", "View"]
