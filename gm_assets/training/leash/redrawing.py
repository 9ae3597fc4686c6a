"""Base frames as the base network leaves them, for the detail network to learn from.

A detail network that is shown true base frames alone believes whatever the base network draws,
blotches included. So it is also led by base frames that the base network drew: a true one is put
under so much noise that only its large forms remain (Meng et al. 2022, "SDEdit"), and the network
draws it to its end, with the few steps that a frame takes. Forms and light are then still those
of the true frame, and everything finer is the network's own.

Importing this module imports neither torch nor diffusers.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gm_assets.diffusion.embedded.pictures import to_pixels, to_values
from gm_assets.training.facts import hashed
from gm_assets.training.leash.batches import Redraw

#: Base frames that are redrawn of each true one.
COUNT = 8
#: The times from which they are redrawn, of 1,000, and the number of steps.
_FROM, _STEPS = (450, 850), (2, 3)


def redraw_with(network: Any, *, count: int = COUNT, seed: int = 0) -> Redraw:
    """What redraws base frames by a base network.

    Args:
        network: a `LeashUNet` in evaluation mode.
        count: frames of each true one.
        seed: of noise, times and steps; a frame's own hash is part of it.
    """
    import torch

    from gm_assets.diffusion.embedded.pipeline import new_scheduler

    signal = new_scheduler().alphas_cumprod

    def redraw(
        picture: NDArray[np.uint8], guide: NDArray[np.float32], words: tuple[int, ...]
    ) -> NDArray[np.uint8]:
        key = hashed("redraw", seed, picture.tobytes().hex())
        chance = np.random.Generator(np.random.PCG64(key))
        noise = torch.Generator().manual_seed(int(chance.integers(1 << 60)))
        true = to_values(torch.from_numpy(picture)[None])
        given, told = torch.from_numpy(guide)[None], torch.tensor([words])
        made = []
        with torch.inference_mode():
            for _ in range(count):
                first, steps = int(chance.integers(*_FROM)), int(chance.choice(_STEPS))
                times = np.linspace(first, 0, steps + 1).round().astype(int)
                cloud = torch.randn(true.shape, generator=noise)
                values = signal[first].sqrt() * true + (1 - signal[first]).sqrt() * cloud
                for now, then in pairwise(times.tolist()):
                    moment = torch.tensor([now / 999], dtype=torch.float32)
                    clean = network(values, moment, given, told)
                    # DDIM (Song et al. 2021, equation 12) without noise.
                    left = (values - signal[now].sqrt() * clean) / (1 - signal[now]).sqrt()
                    values = signal[then].sqrt() * clean + (1 - signal[then]).sqrt() * left
                made.append(to_pixels(clean[0].numpy()).transpose(2, 0, 1))
        return np.stack(made)

    return redraw
