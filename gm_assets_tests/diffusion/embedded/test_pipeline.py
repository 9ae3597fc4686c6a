"""What holds between the two networks' frames."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch.nn.functional as F  # noqa: E402, TID253

from gm_assets.diffusion.embedded.pipeline import _tinted, base_size  # noqa: E402


@pytest.mark.parametrize("size", [(512, 512), (704, 384), (136, 1000), (160, 160)])
def test_the_large_frame_has_the_tint_of_the_base_frame_and_its_own_lightness(
    size: tuple[int, int],
) -> None:
    chance = torch.Generator().manual_seed(3)
    width, height = size
    across, down = base_size(width, height)
    small = torch.randn((1, 3, down, across), generator=chance)
    clean = torch.randn((1, 3, height, width), generator=chance) + small.mean()
    # Large patches of colour, as a network leaves them that sees a few cells at a time.
    clean += F.interpolate(torch.randn((1, 3, 4, 4), generator=chance), (height, width))
    free = torch.ones((1, 1, height, width))
    free[:, :, height // 3 : height // 2, width // 3 : width // 2] = 0
    made = _tinted(clean, small, free, 2)
    body = (free == 0).expand_as(clean)
    assert torch.equal(made[body], clean[body])
    made = _tinted(clean, small, torch.ones_like(free), 2)
    assert made.mean(1) == pytest.approx(clean.mean(1), abs=1e-5)

    def apart(frame: torch.Tensor) -> float:
        grid = down // 2, across // 2
        off = F.adaptive_avg_pool2d(small, grid) - F.adaptive_avg_pool2d(frame, grid)
        return float((off - off.mean(1, keepdim=True)).square().mean())

    # What is added is drawn smoothly between the cells, so a little is left of it.
    assert apart(made) < 0.3 * apart(clean)
