"""Embedded leashes with random weights of the real classes, sealed like the shipped one."""

from __future__ import annotations

from pathlib import Path

from gm_assets.diffusion.embedded.lexicon import lexicon_of
from gm_assets.diffusion.profiles import ShaderSpec, folder_shader
from gm_assets.encoding import seal

TERMS = {
    "environment": ("night-city", "ash-plain"),
    "light": ("torchlight", "overcast"),
    "material": ("bone", "cast-iron"),
}
PHRASES = [(facet, term, term) for facet, terms in TERMS.items() for term in terms]


def make_leash(folder: Path, seed: int = 0) -> ShaderSpec:
    """Write and seal a leash of about 50,000 weights; the same for the same seed."""
    import torch

    from gm_assets.diffusion.embedded.network import LeashUNet
    from gm_assets.diffusion.embedded.pipeline import LeashPipeline, new_scheduler

    torch.manual_seed(seed)
    base = LeashUNet(widths=[16, 32], blocks=1, words=(3, 3))
    detail = LeashUNet(
        widths=[16, 16, 16], blocks=1, fold=4, guide_width=4, prior=True, attention=False,
        words=(3, 3),
    )  # fmt: skip
    for value in (*base.parameters(), *detail.parameters()):
        value.data += 0.05 * torch.randn_like(value)
    pipeline = LeashPipeline(base, detail, new_scheduler())
    pipeline.save_pretrained(folder, safe_serialization=True)
    lexicon_of(TERMS, [*PHRASES, ("light", "torch", "torchlight")], ["the recon pilot"]).write(
        folder
    )
    seal(folder)
    return folder_shader(folder)
