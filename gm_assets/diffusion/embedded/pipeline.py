"""The embedded leash as a diffusers pipeline: a base frame, then its details.

Two networks of one class. The base network draws the whole frame small, from noise, led by words
and by the guide scaled down: composition, light, air. The detail network then draws the large
frame, from noise again, led by the small one and by the guide at full size (a cascade after Ho
et al. 2021). No render enters anywhere: all that is known of the subject are its passes.

Importing this module imports torch and diffusers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch  # noqa: TID253
import torch.nn.functional as F  # noqa: TID253
from diffusers import DDIMScheduler, DiffusionPipeline  # noqa: TID253
from numpy.typing import NDArray
from torch import Tensor  # noqa: TID253

from gm_assets.diffusion.embedded.features import CHANNELS
from gm_assets.diffusion.embedded.network import LeashUNet
from gm_assets.diffusion.embedded.pictures import to_pixels

#: Area of a base frame in pixels: that of a square of 64.
BASE_AREA = 64 * 64
#: Base frames have sides of multiples of this, large frames of `_FOLD`.
_STEP, _FOLD = 8, 16
#: Channel of the guide that is 1 on living bodies.
_BODY = CHANNELS.index("living-body")
#: Noise that stands for one unit of `blur` on a prior.
_GRAIN = 0.5


def new_scheduler() -> DDIMScheduler:
    """The schedule of training and of sampling: squared cosine, no signal left at its end.

    The networks predict the clean picture: most of it follows from the guide, and a network that
    predicts the velocity spends itself on passing the noise on.
    """
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_schedule="squaredcos_cap_v2",
        prediction_type="sample",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=True,
        clip_sample_range=3.4,
        set_alpha_to_one=True,
    )


def clouded(prior: Tensor, blur: Tensor, grain: Tensor) -> Tensor:
    """A prior under noise, so that the detail network does not trust it blindly.

    Args:
        prior: (n, 3, h, w) values.
        blur: (n,) 0 to 1.
        grain: (n, 3, h, w) standard normal.
    """
    return prior + _GRAIN * blur[:, None, None, None] * grain


def enlarged(prior: Tensor, height: int, width: int) -> Tensor:
    """A base frame scaled up to a picture's height and width."""
    return F.interpolate(prior, (height, width), mode="bilinear", align_corners=False)


def _tinted(clean: Tensor, small: Tensor, free: Tensor, cells: int) -> Tensor:
    """A large frame whose tint, seen coarsely, is that of the base frame.

    The detail network sees a few cells of the base frame at a time, and its noise is not free of
    large patches: without this, grey skies come out pink and green in places. What is told by the
    base frame is held to, as in ILVR (Choi et al. 2021), for the tint alone; how light a place is
    stays the detail network's own. So does the tint of living bodies: their red is finer than a
    cell of the base frame.

    Args:
        clean: (1, 3, h, w). small: the base frame. free: (1, 1, h, w) where the tint is held.
        cells: of the base frame, a side, over which it is compared.
    """
    grid = small.shape[-2] // cells, small.shape[-1] // cells
    part = F.adaptive_avg_pool2d(free, (small.shape[-2], small.shape[-1]))
    told = F.adaptive_avg_pool2d(small * part, grid) / F.adaptive_avg_pool2d(part, grid).clamp(1e-3)
    shares = F.adaptive_avg_pool2d(free, grid)
    off = told - F.adaptive_avg_pool2d(clean * free, grid) / shares.clamp(1e-3)
    off = (off - off.mean(1, keepdim=True)) * (shares > 0.05)
    return clean + free * enlarged(off, *clean.shape[-2:])


def base_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of the base frame of a large one."""
    scale = (BASE_AREA / (width * height)) ** 0.5
    return (
        max(_STEP, round(width * scale / _STEP) * _STEP),
        max(_STEP, round(height * scale / _STEP) * _STEP),
    )


class LeashPipeline(DiffusionPipeline):
    """Frames from passes and terms.

    Args:
        base, detail: the two networks.
        scheduler: of both; another of diffusers' schedulers may take its place.
    """

    model_cpu_offload_seq = "base->detail"

    def __init__(
        self,
        base: LeashUNet,
        detail: LeashUNet,
        scheduler: DDIMScheduler,
    ) -> None:
        super().__init__()
        self.register_modules(base=base, detail=detail, scheduler=scheduler)

    @torch.inference_mode()
    def __call__(
        self,
        guide: NDArray[np.float32],
        words: Sequence[int],
        negative: Sequence[int] | None = None,
        *,
        generator: torch.Generator,
        steps: int = 5,
        detail_steps: int = 8,
        guidance: float = 2.0,
        blur: float = 0.5,
        tint: int = 2,
        progress: Callable[[int, int], None] | None = None,
    ) -> NDArray[np.uint8]:
        """One frame as large as its guide.

        Args:
            guide: (channels, height, width), see `features`.
            words, negative: terms of each facet; the negative ones, or nothing said, are what
                guidance leads away from.
            generator: on the CPU; the only source of chance.
            steps, detail_steps: of the two networks.
            guidance: weight of classifier-free guidance (Ho and Salimans 2022); 1 for none.
            blur: noise put on the base frame before its details are drawn, 0 to 1.
            tint: cells of the base frame, a side, over which the tint of the large frame is held
                to it, living bodies left out.

        Returns:
            (height, width, 3) uint8.
        """
        if guide.shape[0] != len(CHANNELS):
            raise ValueError(f"a guide has {len(CHANNELS)} channels, not {guide.shape[0]}")
        given = torch.from_numpy(np.ascontiguousarray(guide))[None]
        done, total = 0, steps + detail_steps

        def report() -> None:
            nonlocal done
            done += 1
            if progress is not None:
                progress(done, total)

        small = self._base(given, words, negative, generator, steps, guidance, report)
        large = self._detail(given, small, words, generator, detail_steps, blur, tint, report)
        return to_pixels(large[0].float().cpu().numpy())

    def _base(
        self,
        guide: Tensor,
        words: Sequence[int],
        negative: Sequence[int] | None,
        generator: torch.Generator,
        steps: int,
        guidance: float,
        report: Callable[[], None],
    ) -> Tensor:
        width, height = base_size(guide.shape[-1], guide.shape[-2])
        small = F.adaptive_avg_pool2d(guide, (height, width)).to(self.device)
        values = torch.randn((1, 3, height, width), generator=generator).to(self.device)
        refused = list(negative) if negative is not None else [0] * len(words)
        told = torch.tensor([list(words), refused], device=self.device)
        both = 2 if guidance != 1 else 1
        self.scheduler.set_timesteps(steps)
        for time in self.scheduler.timesteps:
            moment = torch.full((both,), float(time) / 999, device=self.device)
            found = self.base(
                values.expand(both, -1, -1, -1),
                moment,
                small.expand(both, -1, -1, -1),
                told[:both],
            )
            clean = found[:1]
            if both == 2:
                clean = found[1:] + guidance * (found[:1] - found[1:])
            values = self.scheduler.step(clean, time, values).prev_sample
            report()
        return values

    def _detail(
        self,
        guide: Tensor,
        small: Tensor,
        words: Sequence[int],
        generator: torch.Generator,
        steps: int,
        blur: float,
        tint: int,
        report: Callable[[], None],
    ) -> Tensor:
        height, width = guide.shape[-2:]
        amount = torch.tensor([blur], device=self.device)
        grain = torch.randn(small.shape, generator=generator).to(self.device)
        prior = enlarged(clouded(small, amount, grain), height, width)
        values = torch.randn((1, 3, height, width), generator=generator).to(self.device)
        large = guide.to(self.device)
        free = 1 - large[:, _BODY : _BODY + 1]
        told = torch.tensor([list(words)], device=self.device)
        self.scheduler.set_timesteps(steps)
        for time in self.scheduler.timesteps:
            moment = torch.full((1,), float(time) / 999, device=self.device)
            clean = self.detail(values, moment, large, told, prior=prior, blur=amount)
            clean = _tinted(clean, small, free, tint)
            values = self.scheduler.step(clean, time, values).prev_sample
            report()
        return values
