"""A small library whose memories hold vectors of a tiny encoder with random weights."""

from __future__ import annotations

from pathlib import Path

from gm_assets.encoding import Encoder, pack, view_of
from gm_assets.library import Library, ingest
from gm_assets.memory.files import read_memory
from gm_assets.memory.record import Gap, Memory, Parent, Placement
from gm_assets_tests.library.files import make_library, picture, remembering

CHAINS = ("seam-keeper", "recon-pilot", "ring-freighter")
STAGES = (("S1", "sketch"), ("S2", "reference"), ("S3", "clay"), ("S4", "frame"))
#: S4 frames of every chain, beside the primary one.
VARIANTS = 3


def make_gallery(root: Path, encoder: Encoder) -> Library:
    """Three chains from S1 to S4: one S2 and its children are missing in the second.

    Frames descend from the clay, which is why they are siblings. Every picture's memory holds
    its vector.
    """
    library = make_library(root)
    seed = 0
    for chain in CHAINS:
        parents: dict[str, Memory] = {}
        for stage, part in STAGES:
            if (chain, stage) == ("recon-pilot", "S2"):
                continue
            for variant in range(VARIANTS if stage == "S4" else 1):
                seed += 1
                name = f"{part}-{variant}" if variant else part
                path = picture(root / chain / stage / f"{name}.png", seed, size=(48, 32))
                clay = parents.get("S3")
                parents[stage] = remembering(
                    path,
                    f"{chain} {stage} {name}",
                    **_facts(chain, stage, part, variant),
                    parents=(_link(clay),) if stage == "S4" and clay else (),
                    embeddings=(embedding(path, encoder),),
                )
    ingest(library)
    return library


def embedding(path: Path, encoder: Encoder):  # type: ignore[no-untyped-def]
    """The vector of a file as a memory holds it."""
    return pack(encoder.images([view_of(path, encoder.image_size)])[0], encoder.fingerprint)


def content_of(path: Path) -> str:
    """The content id that a file's memory states."""
    memory = read_memory(path).memory
    assert memory is not None and memory.written is not None
    return memory.written.content_id


def _facts(chain: str, stage: str, part: str, variant: int) -> dict[str, object]:
    place = Placement.model_validate(
        {
            "chain": chain,
            "stage": stage,
            "part": part,
            "variant": f"v{variant}" if variant else None,
            "primary": variant == 0,
        }
    )
    lost = Gap(stage="S2", reason="the photograph is lost")
    return {
        "placements": (place,),
        "subject": chain,
        "environment": "dry-dock" if stage == "S4" else None,
        "domain": "figures" if chain == "recon-pilot" else "hardware",
        "title": f"{chain.replace('-', ' ').title()}, {part}",
        "ai_prompt": "brass lamps at dusk; 50% grey" if variant == 2 else None,
        "gaps": (lost,) if (chain, stage) == ("recon-pilot", "S1") else (),
    }


def _link(parent: Memory) -> Parent:
    assert parent.written is not None
    return Parent(
        role="geometry",
        document_id=parent.document_id,
        instance_id=parent.instance_id,
        content_id=parent.written.content_id,
        stage="S3",
        basis="recorded",
    )
