"""From finished runs to a model folder: weights in half precision, lexicon, scheduler, seal."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def assembled(base: Any, detail: Any) -> Any:
    """A pipeline of two networks, its weights rounded to half precision as they are kept."""
    import torch

    from gm_assets.diffusion.embedded.pipeline import LeashPipeline, new_scheduler

    halves = [network.to(torch.float16) for network in (base, detail)]
    return LeashPipeline(*halves, new_scheduler())


def write(folder: Path, base: Any, detail: Any) -> None:
    """Write the networks and the lexicon; the folder is not yet sealed."""
    from gm_assets.training.leash.lexicon import world_lexicon

    folder.mkdir(parents=True, exist_ok=True)
    assembled(base, detail).save_pretrained(folder, safe_serialization=True)
    world_lexicon().write(folder)
