"""The identifiers of the demo world: the slugs that memories, folders and `vocab/` share."""

from __future__ import annotations

from typing import Literal, TypeAlias

Domain: TypeAlias = Literal["figures", "hardware", "environments", "structures"]
DOMAINS: tuple[Domain, ...] = ("figures", "hardware", "environments", "structures")

#: Subjects by domain, in the order in which the world is shown.
SUBJECTS_OF: dict[Domain, tuple[str, ...]] = {
    "figures": ("seam-keeper", "recon-pilot", "dry-dock-rigger", "lantern-acolyte"),
    "hardware": ("ring-freighter", "coalition-cutter", "walker", "breathing-engine"),
    "environments": (
        "seawall-gate",
        "subterranean-citadel",
        "spiked-citadel",
        "silver-corridor",
        "abyssal-dunes",
    ),
    "structures": ("fluted-spire", "arch", "reliquary-tower", "branching-gate"),
}

ENVIRONMENTS: tuple[str, ...] = (
    "dry-dock-canal",
    "night-city",
    "dunes-under-snow",
    "subterranean-nave",
    "storm-at-the-seawall",
    "ash-plain",
    "torch-lit-interior",
)

LIGHTS: tuple[str, ...] = (
    "torchlight",
    "searchlight",
    "moon-through-snow",
    "overcast",
    "sphere-glow",
)

SHOTS: tuple[str, ...] = ("wide", "full", "profile", "low-angle", "turntable")

#: Name of the world, and of a library that holds its demo.
WORLD = "Gothic Mechanica"
#: What every picture of this world says of its making.
CREATOR = "gm_assets world"
RIGHTS = (
    "Procedural demo content of the gm_assets project, Apache-2.0. "
    "No photograph, scan or trained model was used."
)
