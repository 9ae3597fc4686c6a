"""Gaussian splats from posed plates (Kerbl et al. 2023), begun on the visual hull.

Each step draws a few plates' views, compares them with the plates and moves every splat by Adam.
At fixed steps splats are added where the pictures pull hardest, and those that nobody sees any
more are moved there too. The budget is steps, never seconds: equal plates, settings and seed
give equal bits on one kind of processor, on one thread or on many.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gm_assets.errors import LiftError
from gm_assets.lifting.plates import checked
from gm_assets.lifting.protocol import Floats, Lift, Plate, Progress, SplatSettings, Surface
from gm_assets.lifting.splats.camera import packed
from gm_assets.lifting.splats.raster import (
    Loss,
    NumbaSlopes,
    Rows,
    Slopes,
    Target,
    kernels,
    splats_of,
)
from gm_assets.lifting.splats.start import beginning
from gm_assets.lifting.splats.turns import matrices

Renderer: TypeAlias = Literal["numba", "gsplat"]

#: Views of one step.
BATCH = 2
#: Part of the splats with which a fit begins; the rest is added.
_FIRST = 0.6
#: Part of the steps after which no splat is added or moved elsewhere, and rounds until then.
_SETTLED, _ROUNDS = 0.6, 8
#: Opacity below which a splat is moved to where more are wanted.
_FAINT = 0.02
#: Least standard deviation of a splat, in pixels of the plates: what is thinner would leave
#: gaps when it is seen from nearer by.
_LEAST = 0.2
#: Steps of Adam at the beginning: places and scales in pixels, others in their own units.
_RATES = {
    "place": 0.25,
    "scale": 0.02,
    "turn": 0.01,
    "opacity": 0.05,
    "colour": 0.02,
    "gloss": 0.002,
}
#: What is left of them at the end.
_LAST = 0.1


@dataclass(frozen=True, eq=False)
class _World:
    """What a fit knows of its plates: metres of a pixel at the subject, and the targets."""

    pixel: float
    targets: tuple[Target, ...]


def fit_splats(
    plates: Sequence[Plate],
    settings: SplatSettings | None = None,
    progress: Progress | None = None,
    start: Surface | None = None,
    *,
    threads: int | None = None,
) -> Lift:
    """Splats that look like the plates from where the plates were taken.

    Args:
        start: surface on which the splats begin; the visual hull of the plates without.
        threads: at most; as many as the process may use without. The result is the same.

    Raises:
        LiftError: the plates do not suffice or do not fit together, or settings out of bounds.
        MissingExtra: numba, or for the renderer `gsplat` that package or CUDA, is missing.
    """
    settings = settings or SplatSettings()
    checked_settings(settings)
    plates = checked(plates, least=6, needs=("picture",))
    if start is None:
        from gm_assets.lifting.hull import carve

        start = carve(plates, resolution=96)
    world = _world(plates, start)
    with ExitStack() as stack:
        slopes = _renderer(settings.renderer, plates[0].size, threads, stack)
        rows = _Fit(world, settings, start, plates).run(slopes, progress)
    return Lift(
        "splats",
        None,
        splats_of(rows, _LEAST * world.pixel),
        geometry="plates",
        colour="plates",
        watertight=False,
        settings=asdict(settings),
        notes=("Splats are no surface: nothing can be sculpted or printed from them.",),
    )


def checked_settings(settings: SplatSettings) -> None:
    """Refuse settings that cannot be.

    Raises:
        LiftError: one of them is out of bounds.
    """
    bounds = {"count": (16, 1_000_000), "steps": (1, 1_000_000), "degree": (0, 2)}
    for name, (low, high) in bounds.items():
        value = getattr(settings, name)
        if not low <= value <= high:
            raise LiftError(f"{name} {value} is not between {low:,} and {high:,}")
    if settings.renderer not in get_args(Renderer):
        raise LiftError(
            f"there is no renderer {settings.renderer!r}",
            remedy=f"Renderers are {', '.join(get_args(Renderer))}",
        )


def _world(plates: Sequence[Plate], start: Surface) -> _World:
    middle = (start.vertices.min(axis=0) + start.vertices.max(axis=0)) / 2
    width, height = plates[0].size
    targets = []
    pixels = []
    for plate in plates:
        assert plate.picture is not None
        camera = packed(plate.camera, width, height)
        pixels.append(float(np.linalg.norm(camera[15:18] - middle)) / camera[12])
        targets.append(
            Target(
                camera,
                plate.picture / 255.0,
                backdrop_of(plate),
                plate.silhouette.astype(np.float64),
                believed(plate.silhouette),
            )
        )
    return _World(float(np.median(pixels)), tuple(targets))


def _renderer(name: str, size: tuple[int, int], threads: int | None, stack: ExitStack) -> Slopes:
    """What draws the views of a step: as many threads as there are views to draw."""
    if name == "gsplat":
        from gm_assets.lifting.splats.cuda import GsplatSlopes

        return GsplatSlopes(size)
    count = min(BATCH, threads or len(os.sched_getaffinity(0)))
    pool = stack.enter_context(ThreadPoolExecutor(count)) if count > 1 else None
    return NumbaSlopes(size, BATCH, pool)


class _Fit:
    """The state of one fit."""

    def __init__(
        self, world: _World, settings: SplatSettings, start: Surface, plates: Sequence[Plate]
    ) -> None:
        self._world, self._settings = world, settings
        self._chance = np.random.Generator(np.random.PCG64(settings.seed))
        self._least = _LEAST * world.pixel
        first = max(16, int(settings.count * _FIRST))
        self.rows = beginning(start, plates, first, settings.degree, world.pixel, self._chance)
        self._first, self._second = np.zeros_like(self.rows), np.zeros_like(self.rows)
        self._pull = np.zeros(len(self.rows))
        self._rates = self._columns()

    def _columns(self) -> NDArray[np.float64]:
        """Steps of Adam for every column of the parameters."""
        rates = np.empty(self.rows.shape[1])
        rates[0:3] = _RATES["place"] * self._world.pixel
        rates[3:6], rates[6:10] = _RATES["scale"], _RATES["turn"]
        rates[10], rates[11:14], rates[14:] = (
            _RATES["opacity"],
            _RATES["colour"],
            _RATES["gloss"],
        )
        return rates

    def run(self, slopes: Slopes, progress: Progress | None) -> Rows:
        """All steps; the parameters at the end."""
        steps = self._settings.steps
        settled = int(steps * _SETTLED)
        rounds = {settled * (number + 1) // _ROUNDS for number in range(_ROUNDS)} - {0}
        loss, adam = Loss(), kernels().adam
        queue: list[int] = []
        for number in range(1, steps + 1):
            if len(queue) < BATCH:
                queue += [int(one) for one in self._chance.permutation(len(self._world.targets))]
            views, queue = queue[:BATCH], queue[BATCH:]
            targets = [self._world.targets[view] for view in views]
            _, change, pull = slopes(self.rows, targets, self._least, loss)
            self._pull += pull.sum(axis=0)
            rates = self._rates * _LAST ** (number / steps)
            adam(self.rows, change, self._first, self._second, rates, number)
            if number in rounds:
                self._renew(len(rounds), sum(one <= number for one in rounds))
            if progress and (number % 20 == 0 or number == steps):
                progress(number, steps, "fitting splats")
        if not np.isfinite(self.rows).all():
            raise LiftError(
                "the fit of splats has lost its numbers",
                remedy="Take fewer steps, or another seed",
            )
        return self.rows

    def _renew(self, rounds: int, number: int) -> None:
        """Split the splats that the pictures pull at hardest, and move those that are faint."""
        count, first = self._settings.count, int(self._settings.count * _FIRST)
        goal = first + (count - first) * number // rounds
        faint = self.rows[:, 10] < np.log(_FAINT / (1 - _FAINT))
        kept = np.flatnonzero(~faint)
        if not len(kept):
            return
        wanted = min(goal - len(kept), len(kept))
        hardest = kept[np.argsort(-self._pull[kept], kind="stable")[: max(wanted, 0)]]
        halves = self._split(hardest)
        others = np.setdiff1d(kept, hardest, assume_unique=True)
        fresh = np.zeros((2 * len(hardest), self.rows.shape[1]))
        self.rows = np.concatenate([self.rows[others], *halves])
        self._first = np.concatenate([self._first[others], fresh])
        self._second = np.concatenate(
            [self._second[others], self._second[hardest], self._second[hardest]]
        )
        self._pull = np.zeros(len(self.rows))

    def _split(self, chosen: NDArray[np.int64]) -> tuple[Rows, Rows]:
        """Two for one: side by side along its longest axis, each shorter along it."""
        one = self.rows[chosen]
        longest = one[:, 3:6].argmax(axis=1)
        each = np.arange(len(one))
        turns = one[:, 6:10] / np.linalg.norm(one[:, 6:10], axis=1, keepdims=True)
        length = np.exp(one[each, 3 + longest])
        away = matrices(turns)[each, :, longest] * (0.6 * length)[:, None]
        halves = one.copy(), one.copy()
        for half, side in zip(halves, (1, -1), strict=True):
            half[:, 0:3] += side * away
            half[each, 3 + longest] -= np.log(1.6)
        return halves


def believed(silhouette: Floats) -> NDArray[np.float64]:
    """(h, w) weights of a silhouette's pixels, 0 to 1.

    A silhouette of 0 and 1 was asked at the centres of pixels. On both sides of its outline the
    picture alone knows how much of a pixel is the subject; a soft matte knows it everywhere.
    """
    if ((silhouette > 0) & (silhouette < 1)).any():
        return np.ones(silhouette.shape)
    inside = silhouette > 0
    cross = ndimage.generate_binary_structure(2, 1)
    inner = ndimage.binary_erosion(inside, cross, border_value=1)
    outer = ndimage.binary_dilation(inside, cross)
    return (inner | ~outer).astype(np.float64)


def backdrop_of(plate: Plate) -> NDArray[np.float64]:
    """What stands behind the subject of a plate, (h, w, 3) sRGB 0 to 1.

    Outside it is the plate itself. Behind the subject, and within a pixel of it where the two
    mix, it is the nearest of the backdrop: pixels on the outline show both.
    """
    assert plate.picture is not None
    picture = plate.picture / 255.0
    beside = ndimage.binary_dilation(plate.silhouette > 0, np.ones((3, 3), bool))
    if beside.all():
        return np.ones_like(picture)
    rows, columns = ndimage.distance_transform_edt(
        beside, return_distances=False, return_indices=True
    )
    return picture[rows, columns]
