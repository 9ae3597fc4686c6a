"""The network of the embedded leash: a convolutional U-Net in pixels.

Words enter as learned vectors beside the time, geometry as channels beside the noisy picture,
both folded by `pixel_unshuffle` so that the network works on a coarser grid (Saharia et al.
2022, "Photorealistic text-to-image diffusion models", efficient U-Net). The same class serves
the base model, which draws a small frame, and the detail model, which is also given that frame
and draws the large one (Ho et al. 2021, "Cascaded diffusion models").

Importing this module imports torch and diffusers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch  # noqa: TID253
import torch.nn.functional as F  # noqa: TID253
from diffusers import ConfigMixin, ModelMixin  # noqa: TID253
from diffusers.configuration_utils import register_to_config  # noqa: TID253
from torch import Tensor, nn  # noqa: TID253


class LeashUNet(ModelMixin, ConfigMixin):
    """Predicts the clean picture in a noisy one, which has to obey a guide and words.

    Args:
        guide_channels: channels of the guide.
        guide_width: channels that the guide is reduced to before it is folded; 0 keeps all.
        prior: whether a smaller picture, scaled up, is given beside the noisy one.
        fold: side of the square of pixels that becomes one cell.
        widths: channels of each level, each of half the resolution of the one before.
        blocks: residual blocks of each level.
        words: number of terms of each facet of the words; 0 of each is "not said".
        attention: whether the coarsest level looks across the whole picture.
    """

    @register_to_config
    def __init__(
        self,
        guide_channels: int = 22,
        guide_width: int = 0,
        prior: bool = False,
        fold: int = 2,
        widths: Sequence[int] = (64, 128, 192),
        blocks: int = 2,
        words: Sequence[int] = (8, 6),
        attention: bool = True,
    ) -> None:
        super().__init__()
        inner = 4 * widths[0]
        self.times = nn.Sequential(nn.Linear(128, inner), nn.SiLU(), nn.Linear(inner, inner))
        self.tables = nn.ModuleList([nn.Embedding(count, inner) for count in words])
        self.reduced = nn.Conv2d(guide_channels, guide_width, 1) if guide_width else nn.Identity()
        inlet = 3 + (3 if prior else 0) + (guide_width or guide_channels)
        if prior:
            self.blurs = nn.Sequential(nn.Linear(128, inner), nn.SiLU(), nn.Linear(inner, inner))
        self.first = nn.Conv2d(inlet * fold * fold, widths[0], 3, padding=1)
        downs: list[nn.Module] = []
        ups: list[nn.Module] = []
        kept: list[int] = []
        width = widths[0]
        for level, wide in enumerate(widths):
            for _ in range(blocks):
                downs.append(Residual(width, wide, inner))
                width = wide
                kept.append(wide)
            if level + 1 < len(widths):
                downs.append(nn.Conv2d(width, width, 3, stride=2, padding=1))
        self.middle = nn.ModuleList(
            [Residual(width, width, inner), Across(width), Residual(width, width, inner)]
            if attention
            else [Residual(width, width, inner), Residual(width, width, inner)]
        )
        for level, wide in reversed(list(enumerate(widths))):
            for _ in range(blocks):
                ups.append(Residual(width + kept.pop(), wide, inner))
                width = wide
            if level:
                ups.append(nn.Conv2d(width, widths[level - 1], 3, padding=1))
                width = widths[level - 1]
        self.downs, self.ups = nn.ModuleList(downs), nn.ModuleList(ups)
        outlet = _silent(nn.Conv2d(width, 3 * fold * fold, 3, padding=1))
        self.last = nn.Sequential(Norm(width), nn.SiLU(), outlet)

    def forward(
        self,
        noisy: Tensor,
        time: Tensor,
        guide: Tensor,
        words: Tensor,
        prior: Tensor | None = None,
        blur: Tensor | None = None,
    ) -> Tensor:
        """The clean picture, (n, 3, h, w).

        Args:
            noisy: (n, 3, h, w), h and w multiples of the fold times 2 per level but the last.
            time: (n,) diffusion times, 0 clean to 1 noise.
            guide: (n, guide_channels, h, w).
            words: (n, facets) int64 terms.
            prior: (n, 3, h, w) the smaller picture scaled up, where the model takes one.
            blur: (n,) how much noise was added to the prior, 0 to 1.
        """
        config: Any = self.config
        state = self.times(waves(time))
        for facet, table in enumerate(self.tables):
            state = state + table(words[:, facet])
        inlet = [noisy, self.reduced(guide)]
        if config.prior:
            assert prior is not None and blur is not None
            inlet.insert(1, prior)
            state = state + self.blurs(waves(blur))
        state = F.silu(state)
        values = self.first(F.pixel_unshuffle(torch.cat(inlet, 1), config.fold))
        kept = []
        for block in self.downs:
            if isinstance(block, Residual):
                values = block(values, state)
                kept.append(values)
            else:
                values = block(values)
        for block in self.middle:
            values = block(values, state) if isinstance(block, Residual) else block(values)
        for block in self.ups:
            if isinstance(block, Residual):
                values = block(torch.cat([values, kept.pop()], 1), state)
            else:
                values = block(F.interpolate(values, scale_factor=2.0, mode="nearest"))
        return F.pixel_shuffle(self.last(values), config.fold)


class Norm(nn.Module):
    """Layer normalisation over the channels of every cell.

    A cell's result depends on no other cell, so a picture may be larger than those that were
    trained on, and may be made in parts.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, values: Tensor) -> Tensor:
        rows = values.permute(0, 2, 3, 1)
        return F.layer_norm(rows, self.weight.shape, self.weight, self.bias).permute(0, 3, 1, 2)


class Residual(nn.Module):
    """Two convolutions with a skip; the state scales and shifts between them."""

    def __init__(self, inlet: int, outlet: int, inner: int) -> None:
        super().__init__()
        self.before = Norm(inlet)
        self.enter = nn.Conv2d(inlet, outlet, 3, padding=1)
        self.state = nn.Linear(inner, 2 * outlet)
        self.between = Norm(outlet)
        self.leave = _silent(nn.Conv2d(outlet, outlet, 3, padding=1))
        self.skip = nn.Conv2d(inlet, outlet, 1) if inlet != outlet else nn.Identity()

    def forward(self, values: Tensor, state: Tensor) -> Tensor:
        scale, shift = self.state(state)[:, :, None, None].chunk(2, 1)
        inner = self.enter(F.silu(self.before(values)))
        inner = self.between(inner) * (1 + scale) + shift
        return self.leave(F.silu(inner)) + self.skip(values)


class Across(nn.Module):
    """Self-attention over all cells of a grid, with a skip."""

    def __init__(self, width: int, head: int = 32) -> None:
        super().__init__()
        self.heads = width // head
        self.norm = Norm(width)
        self.enter = nn.Conv2d(width, 3 * width, 1)
        self.leave = _silent(nn.Conv2d(width, width, 1))

    def forward(self, values: Tensor) -> Tensor:
        count, width, height, wide = values.shape
        parts = self.enter(self.norm(values)).reshape(count, 3, self.heads, -1, height * wide)
        query, key, value = parts.transpose(-1, -2).unbind(1)
        seen = F.scaled_dot_product_attention(query, key, value)
        return values + self.leave(seen.transpose(-1, -2).reshape(count, width, height, wide))


def waves(time: Tensor, count: int = 128) -> Tensor:
    """Sines and cosines of times from 0 to 1, (n, count)."""
    rates = torch.exp(torch.linspace(0, math.log(1000), count // 2, device=time.device))
    angles = time.float()[:, None] * rates[None] * (math.pi / 2)
    return torch.cat([angles.sin(), angles.cos()], 1)


def _silent(layer: nn.Conv2d) -> nn.Conv2d:
    """The layer with all its weights 0: at first a block changes nothing."""
    for value in layer.parameters():
        nn.init.zeros_(value)
    return layer
