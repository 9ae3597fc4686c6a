"""Small changes to a batch of training pictures that leave its facts true.

Crops, scale, mirror images, small turns, blur, gain, tints, noise: what scans, other exposures
and other framings do. All chance comes from one torch generator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Generator, Tensor

#: Widest turn in radians, shift as a part of the side, and range of the scale.
_TURN = 0.07
_SHIFT = 0.06
_SCALE = (0.86, 1.12)


def augmented(pictures: Tensor, side: int, chance: Generator, strength: float = 1.0) -> Tensor:
    """A changed batch at the size of training.

    Args:
        pictures: (n, side', side', 3) uint8.
        side: of the result in pixels.
        strength: factor on how far pictures are moved and toned; above 1 a part of each is
            also covered.

    Returns:
        (n, 3, side, side) float32 in [-1, 1], as the processor gives them.
    """
    import torch

    values = _moved(plain(pictures, side), chance, strength)
    values = _toned(values, chance, strength).clamp_(-1, 1)
    if strength > 1:
        values = _covered(values, chance)
    return values.contiguous(memory_format=torch.channels_last)


def plain(pictures: Tensor, side: int) -> Tensor:
    """The same batch unchanged, reduced by the same kind of filter as the processor's."""
    import torch
    import torch.nn.functional as F

    values = pictures.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
    if side < values.shape[-1]:
        values = F.interpolate(
            values, size=(side, side), mode="bicubic", antialias=True, align_corners=False
        )
    return values.contiguous(memory_format=torch.channels_last)


def _moved(values: Tensor, chance: Generator, strength: float) -> Tensor:
    """Turned, scaled in each direction, shifted and mirrored; edges are continued."""
    import torch
    import torch.nn.functional as F

    count = len(values)

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(count, generator=chance) * (high - low) + low

    def shift() -> Tensor:
        return uniform(-_SHIFT, _SHIFT) * strength

    low, top = (1 + (bound - 1) * strength for bound in _SCALE)
    turn, wide, high = uniform(-_TURN, _TURN) * strength, uniform(low, top), uniform(low, top)
    mirror = torch.where(torch.rand(count, generator=chance) < 0.5, -1.0, 1.0)
    cosine, sine = torch.cos(turn), torch.sin(turn)
    grid = torch.stack(
        [
            torch.stack([cosine * wide * mirror, -sine * high, shift()], 1),
            torch.stack([sine * wide * mirror, cosine * high, shift()], 1),
        ],
        1,
    )
    places = F.affine_grid(grid, list(values.shape), align_corners=False)
    return F.grid_sample(values, places, padding_mode="border", align_corners=False)


def _toned(values: Tensor, chance: Generator, strength: float) -> Tensor:
    """Other exposure, contrast and tint; a part of the batch blurred, a part with noise."""
    import torch
    import torch.nn.functional as F

    count = len(values)

    def normal(spread: float, bands: int = 1) -> Tensor:
        return torch.randn((count, bands, 1, 1), generator=chance) * (spread * strength)

    values = (values + 1) / 2
    values = values * torch.exp(normal(0.12) + normal(0.03, 3)) + normal(0.02)
    values = (values - 0.5) * torch.exp(normal(0.08)) + 0.5
    # The fixed third of a shuffled batch is as good as chance, and costs a third.
    third = count // 3
    soft = F.avg_pool2d(F.pad(values[:third], (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    share = torch.rand((third, 1, 1, 1), generator=chance)
    noisy = values[third : 2 * third]
    noise = torch.randn(noisy.shape, generator=chance) * (
        0.04 * torch.rand((third, 1, 1, 1), generator=chance)
    )
    values = torch.cat(
        [values[:third] * (1 - share) + soft * share, noisy + noise, values[2 * third :]]
    )
    return values * 2 - 1


def _covered(values: Tensor, chance: Generator) -> Tensor:
    """Half of the batch with a grey rectangle over up to a sixth of the picture.

    Random erasing (Zhong et al. 2017, arXiv:1708.04896): no single part may decide.
    """
    import torch

    count, _, side, _ = values.shape
    half = count // 2
    wide, high = ((torch.rand(half, 1, 1, generator=chance) * 0.3 + 0.1) * side for _ in range(2))
    across, down = (torch.rand(half, 1, 1, generator=chance) * side for _ in range(2))
    x, y = torch.arange(side)[None, None, :], torch.arange(side)[None, :, None]
    hidden = ((x - across).abs() < wide / 2) & ((y - down).abs() < high / 2)
    tone = torch.rand(half, 1, 1, 1, generator=chance) * 2 - 1
    return torch.cat([torch.where(hidden[:, None], tone, values[:half]), values[half:]])
