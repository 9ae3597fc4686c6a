"""Running PyTorch so that a recipe gives the same pixels again.

On a CPU that means one thread. Measured with PyTorch 2.13: tiny models give the same 8-bit pixels
on one thread and two, but the layers of Stable Diffusion XL do not, with oneDNN or without it.
On a GPU it is what PyTorch's notes on reproducibility ask for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

#: What cuBLAS must be told before its first use, or its sums may differ from run to run.
CUBLAS = ("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


@contextmanager
def repeatable(device: str) -> Iterator[None]:
    """Within it, the same inputs give the same numbers on `device` (`cpu`, `cuda:0`, ...).

    The settings are those of the process: leave it before other code runs.
    """
    import torch

    threads = torch.get_num_threads()
    before = torch.are_deterministic_algorithms_enabled()
    warned = torch.is_deterministic_algorithms_warn_only_enabled()
    os.environ.setdefault(*CUBLAS)
    cudnn = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    try:
        # A kernel without a deterministic form is run all the same; the recipe names the device.
        torch.use_deterministic_algorithms(True, warn_only=True)
        if not device.startswith("cuda"):
            torch.set_num_threads(1)
        with cudnn if device.startswith("cuda") else nullcontext():
            yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(before, warn_only=warned)


def described(device: str, dtype: str) -> dict[str, Any]:
    """What else decides the last bits of a frame, for its recipe (plain JSON values)."""
    import torch

    facts: dict[str, Any] = {
        "device": device.partition(":")[0],
        "dtype": dtype,
        "torch": torch.__version__,
        "deterministic_algorithms": True,
    }
    if device.startswith("cuda"):
        return facts | {
            "gpu": torch.cuda.get_device_name(device),
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),
            "tf32": False,
        }
    return facts | {"threads": 1, "cpu": torch.backends.cpu.get_cpu_capability()}
