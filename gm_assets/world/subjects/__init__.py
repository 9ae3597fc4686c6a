"""The seventeen subjects of the demo world, by name."""

from __future__ import annotations

from gm_assets.world.subjects import (
    abyssal_dunes,
    arch,
    branching_gate,
    breathing_engine,
    coalition_cutter,
    dry_dock_rigger,
    fluted_spire,
    lantern_acolyte,
    recon_pilot,
    reliquary_tower,
    ring_freighter,
    seam_keeper,
    seawall_gate,
    silver_corridor,
    spiked_citadel,
    subterranean_citadel,
    walker,
)
from gm_assets.world.subjects.model import Subject, View

#: Every subject, in the order of the domains.
SUBJECTS: dict[str, Subject] = {
    module.SUBJECT.name: module.SUBJECT
    for module in (
        seam_keeper,
        recon_pilot,
        dry_dock_rigger,
        lantern_acolyte,
        ring_freighter,
        coalition_cutter,
        walker,
        breathing_engine,
        seawall_gate,
        subterranean_citadel,
        spiked_citadel,
        silver_corridor,
        abyssal_dunes,
        fluted_spire,
        arch,
        reliquary_tower,
        branching_gate,
    )
}

__all__ = ["SUBJECTS", "Subject", "View"]
