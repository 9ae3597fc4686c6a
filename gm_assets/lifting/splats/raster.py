"""Splats into pictures, and the slopes by which they learn: the kernels put to use.

`Raster` holds the arrays of one view at a time and draws on one thread; several of them draw
several views at once, since the kernels leave the interpreter's lock alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gm_assets.errors import LiftError, MissingExtra, TooLarge
from gm_assets.lifting.protocol import Floats, Picture, Splats
from gm_assets.lifting.splats.camera import packed
from gm_assets.memory.record import Camera

Rows = NDArray[np.float64]

#: Largest picture that is drawn, pixels.
MOST_PIXELS = 1 << 24
#: Most pixels that the splats of a picture touch, counted as often as they do; 3e8 take a second.
MOST_WORK = 2e10
#: Scales that are zero by the file are drawn this thin, metres.
_THINNEST = 1e-7


@dataclass(frozen=True, eq=False)
class Loss:
    """What makes a view differ from its plate.

    Attributes:
        soft: difference of colours (0 to 1) below which it counts by its square and above which
            by its size.
        outline: weight of a pixel's coverage against one channel of its colour.
    """

    soft: float = 0.03
    outline: float = 0.3


@dataclass(frozen=True, eq=False)
class Target:
    """A plate as the fit needs it: (20,) camera, (h, w, 3) picture and backdrop 0 to 1, (h, w)
    coverage and how far it is to be believed, 0 to 1; all float64."""

    camera: NDArray[np.float64]
    picture: NDArray[np.float64]
    backdrop: NDArray[np.float64]
    silhouette: NDArray[np.float64]
    sure: NDArray[np.float64]


def kernels():  # type: ignore[no-untyped-def]
    """The compiled kernels.

    Raises:
        MissingExtra: numba is not installed.
    """
    try:
        from gm_assets.lifting.splats import kernels as compiled
    except ImportError as error:
        if error.name not in ("numba", "llvmlite"):
            raise
        raise MissingExtra.of("numba", "lift") from None
    return compiled


def rows_of(splats: Splats) -> Rows:
    """The parameters of splats as the kernels take them, (n, 11 + 3k)."""
    opacity = np.clip(splats.opacities.astype(np.float64), 1e-6, None)
    most = kernels().MOST_OPAQUE
    share = np.clip(opacity / most, 1e-6, 1 - 1e-6)
    return np.concatenate(
        [
            splats.positions.astype(np.float64),
            np.log(np.maximum(splats.scales.astype(np.float64), _THINNEST)),
            splats.rotations.astype(np.float64),
            np.log(share / (1 - share))[:, None],
            splats.sh.reshape(len(splats.positions), -1).astype(np.float64),
        ],
        axis=1,
    )


def splats_of(rows: Rows, least: float = 0.0) -> Splats:
    """Parameters as splats; `least` is what the kernels added to every scale in quadrature."""
    turns = rows[:, 6:10] / np.linalg.norm(rows[:, 6:10], axis=1, keepdims=True)
    return Splats(
        rows[:, 0:3].astype(np.float32),
        np.sqrt(np.exp(2 * rows[:, 3:6]) + least**2).astype(np.float32),
        turns.astype(np.float32),
        (kernels().MOST_OPAQUE / (1 + np.exp(-rows[:, 10]))).astype(np.float32),
        rows[:, 11:].reshape(len(rows), -1, 3).astype(np.float32),
    )


class Raster:
    """Draws views of one set of splats after another into arrays of its own."""

    def __init__(self, width: int, height: int) -> None:
        self._kernels = kernels()
        self.screen = np.empty((height, width, 4))
        self._state = np.empty((height, width, 6))

    def draw(self, rows: Rows, camera: NDArray[np.float64], least: float) -> None:
        """One view into `screen`: colour times coverage, and the light that comes through."""
        self.project(rows, camera, least)
        self.blend()

    def project(self, rows: Rows, camera: NDArray[np.float64], least: float) -> None:
        """The ellipses of one view, and their order by distance."""
        height, width = self.screen.shape[:2]
        count = len(rows)
        self.flat = np.empty((count, self._kernels.PROJECTED))
        depth = np.empty(count)
        self._kernels.project(rows, camera, least, width, height, self.flat, depth)
        self.order = np.argsort(depth, kind="stable")

    def blend(self) -> None:
        """Draw what was projected."""
        self._kernels.blend(self.flat, self.order, self.screen)

    @property
    def work(self) -> float:
        """Pixels that the ellipses touch, each as often as it is touched; a bound from above."""
        height, width = self.screen.shape[:2]
        seen = self.flat[self.flat[:, self._kernels.REACH] > 0]
        tall = np.minimum(2 * seen[:, self._kernels.TALL] + 1, height)
        wide = np.minimum(2 * seen[:, self._kernels.WIDE] + 1, width)
        return float((tall * wide).sum())

    def learn(
        self, rows: Rows, target: Target, least: float, loss: Loss, slopes: Rows, pull: Rows
    ) -> float:
        """Draw, compare, and fill `slopes` (n, p) and `pull` (n,); the loss of the view."""
        self.draw(rows, target.camera, least)
        total = self._kernels.compare(
            self.screen, target.picture, target.backdrop, target.silhouette, target.sure,
            loss.soft, loss.outline, self._state,
        )  # fmt: skip
        sums = np.empty((len(rows), self._kernels.SUMS))
        self._kernels.blend_back(self.flat, self.order, self._state, sums)
        self._kernels.project_back(rows, target.camera, least, self.flat, sums, slopes, pull)
        return float(total)


class Slopes(Protocol):
    """A renderer as the fit knows it."""

    def __call__(
        self, rows: Rows, targets: Sequence[Target], least: float, loss: Loss
    ) -> tuple[float, Rows, Rows]:
        """The loss of some views, (v, n, p) slopes by the parameters, and (v, n) lengths of the
        slopes by the centres in pixels."""


class NumbaSlopes:
    """Slopes of a batch of views, each view on a thread of its own.

    Args:
        size: width and height of the plates.
        batch: views at once.
        pool: runs them; without one they run one after the other, to the same bits.
    """

    def __init__(self, size: tuple[int, int], batch: int, pool: Executor | None) -> None:
        self._rasters = [Raster(*size) for _ in range(batch)]
        self._pool = pool

    def __call__(
        self, rows: Rows, targets: Sequence[Target], least: float, loss: Loss
    ) -> tuple[float, Rows, Rows]:
        """As `Slopes`."""
        slopes = np.empty((len(targets), *rows.shape))
        pull = np.empty((len(targets), len(rows)))

        def one(number: int) -> float:
            return self._rasters[number].learn(
                rows, targets[number], least, loss, slopes[number], pull[number]
            )

        numbers = range(len(targets))
        losses = map(one, numbers) if self._pool is None else self._pool.map(one, numbers)
        return sum(losses), slopes, pull


def render_splats(
    splats: Splats,
    camera: Camera,
    width: int,
    height: int,
    background: tuple[float, float, float] | NDArray = (1.0, 1.0, 1.0),
) -> tuple[Picture, Floats]:
    """A picture of splats, by the processor.

    Args:
        background: sRGB behind them, 0 to 1: one colour, or (height, width, 3).

    Returns:
        (height, width, 3) uint8 sRGB and (height, width) float32 coverage, 0 to 1.

    Raises:
        LiftError: the camera is orthographic or singular, or the picture larger than
            `MOST_PIXELS`.
        TooLarge: more overdraw than `MOST_WORK`.
        MissingExtra: numba is not installed.
    """
    if not (width > 0 and height > 0 and width * height <= MOST_PIXELS):
        raise LiftError(
            f"a picture of {width} x {height} pixels", remedy=f"Ask for 1 to {MOST_PIXELS:,} pixels"
        )
    raster = Raster(width, height)
    raster.project(rows_of(splats), packed(camera, width, height), 0.0)
    if raster.work > MOST_WORK:
        raise TooLarge(
            f"splats that touch {raster.work:.1e} pixels; at most {MOST_WORK:.0e} are drawn",
            remedy="Draw a smaller picture, or thin them out",
        )
    raster.blend()
    light = raster.screen[:, :, 3]
    shown = raster.screen[:, :, :3] + light[:, :, None] * np.asarray(background, np.float64)
    picture = np.round(255 * np.clip(shown, 0, 1)).astype(np.uint8)
    return picture, (1 - light).astype(np.float32)
