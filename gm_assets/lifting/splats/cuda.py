"""The renderer `gsplat`: views drawn on a CUDA device, slopes by torch.

`gsplat` (Ye et al. 2024) compiles its kernels for the device when it is first used. It sorts by
depth along the camera's axis and adds in another order, so its splats resemble those of the
processor's rasteriser and are not the same bits; nor are those of two runs on one device.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gm_assets.errors import LiftError, MissingExtra
from gm_assets.lifting.splats.raster import Loss, Rows, Target, kernels


class GsplatSlopes:
    """Slopes of a batch of views, drawn together on one device.

    Args:
        size: width and height of the plates.
        device: as torch calls it.

    Raises:
        MissingExtra: torch or gsplat is not installed.
        LiftError: the device is CUDA and there is none.
    """

    def __init__(self, size: tuple[int, int], device: str = "cuda") -> None:
        try:
            import torch
        except ImportError:
            raise MissingExtra.of("torch", "lift") from None
        try:
            from gsplat import rasterization
        except ImportError:
            raise MissingExtra(
                "the package gsplat is not installed",
                remedy="pip install gsplat beside a CUDA toolkit, or take the renderer `numba`",
            ) from None
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise LiftError(
                "the renderer gsplat needs a CUDA device, and torch finds none",
                remedy="Take the renderer `numba`",
            )
        self._size, self._device = size, device
        self._rasterization: Any = rasterization
        self._most, self._dilation = kernels().MOST_OPAQUE, kernels().DILATION

    def __call__(
        self, rows: Rows, targets: Sequence[Target], least: float, loss: Loss
    ) -> tuple[float, Rows, Rows]:
        """As `Slopes`; the slopes of all views are summed in one block."""
        import torch

        values = self._on_device(rows).requires_grad_()
        coefficients = (rows.shape[1] - 11) // 3
        turns = values[:, 6:10]
        cameras = np.stack([target.camera for target in targets])
        shown, cover, facts = self._rasterization(
            means=values[:, 0:3],
            quats=turns / turns.norm(dim=1, keepdim=True),
            scales=torch.sqrt(torch.exp(2 * values[:, 3:6]) + least**2),
            opacities=self._most * torch.sigmoid(values[:, 10]),
            colors=values[:, 11:].reshape(len(rows), coefficients, 3),
            viewmats=self._on_device(_view_matrices(cameras)),
            Ks=self._on_device(_lenses(cameras, *self._size)),
            width=self._size[0],
            height=self._size[1],
            near_plane=float(cameras[:, 14].min()),
            sh_degree=round(coefficients**0.5) - 1,
            eps2d=self._dilation,
            packed=False,
        )
        facts["means2d"].retain_grad()
        total = self._difference(shown, cover, targets, loss)
        total.backward()
        assert values.grad is not None
        pull = facts["means2d"].grad.norm(dim=-1)
        return (
            float(total.detach()),
            values.grad[None].double().cpu().numpy(),
            pull.double().cpu().numpy(),
        )

    def _on_device(self, values: NDArray) -> Any:
        import torch

        return torch.as_tensor(np.asarray(values, np.float32), device=self._device)

    def _difference(self, shown: Any, cover: Any, targets: Sequence[Target], loss: Loss) -> Any:
        """What `kernels.compare` sums, for all views."""
        import torch

        picture, behind, outline, sure = (
            self._on_device(np.stack([getattr(target, name) for target in targets]))
            for name in ("picture", "backdrop", "silhouette", "sure")
        )
        wrong = shown + (1 - cover) * behind - picture
        colour = (torch.sqrt(wrong**2 + loss.soft**2) - loss.soft).sum()
        return colour + loss.outline * (sure * (cover[..., 0] - outline).abs()).sum()


def _view_matrices(cameras: NDArray[np.float64]) -> NDArray[np.float64]:
    """(v, 4, 4) from the world to camera axes: x right, y down, z ahead."""
    result = np.tile(np.eye(4), (len(cameras), 1, 1))
    result[:, :3] = cameras[:, :12].reshape(-1, 3, 4)
    return result


def _lenses(cameras: NDArray[np.float64], width: int, height: int) -> NDArray[np.float64]:
    """(v, 3, 3) intrinsic matrices in pixels."""
    result = np.tile(np.eye(3), (len(cameras), 1, 1))
    result[:, 0, 0], result[:, 1, 1] = cameras[:, 12], cameras[:, 13]
    result[:, 0, 2], result[:, 1, 2] = width / 2, height / 2
    return result
