"""A radiance field of posed plates: a signed distance and a colour at each sample of a grid.

It begins as the visual hull and is bounded by it. Rays through pixels of the plates are rendered
through the grid and compared with what the plates show; what differs moves the surface and its
colours (NeuS, Wang et al. 2021, on a voxel grid as in Voxurf, Wu et al. 2023), from a coarse grid
to a fine one. Beside the data stand three penalties: the surface bends little, the distance
rises by one a step, colours change slowly.

Plates of one subject seldom agree in exposure and tint. Every plate therefore has a gain of its
own, a smooth raster of factors that is fitted with the field, so that a difference of light is
not taken for a difference of shape.

Budgets are iterations. Rays are shared out to two workers whose sums are added in a fixed
order: the same plates, settings and seed give the same bits on one core or many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gm_assets.errors import LiftError, MissingExtra
from gm_assets.lifting.grid import Grid
from gm_assets.lifting.hull import hull_distance, hull_notes
from gm_assets.lifting.plates import checked
from gm_assets.lifting.protocol import FieldSettings, Lift, Plate, Progress, Surface
from gm_assets.lifting.surface import meshed, painted, watertight
from gm_assets.sculpt.cameras import camera_rays

Floats = NDArray[np.float32]

#: Plates that a field needs: with fewer, colour says little that silhouettes do not.
LEAST_PLATES = 6
#: Samples along the longest side of the first grid, at least.
LEAST_RESOLUTION = 16
#: Workers and parts of every sum. Their number is part of the result, not of the machine.
_PARTS = 2
#: Samples outside the hull that take part, and distance that all further ones are taken to have.
_MARGIN, _OUTSIDE = 2.0, 3.0
#: Bounds of the numbers of samples that take part (128 bytes each), of rays of all plates (80
#: bytes each), and of iterations.
MOST_ROWS, MOST_RAYS, MOST_STEPS = 8_000_000, 8_000_000, 20_000
#: Corners along each side of a plate's raster of gains.
_RASTER = 5


@dataclass(frozen=True)
class Weights:
    """What the parts of the loss weigh, and how fast things move.

    Attributes:
        hold: silhouettes against colours; edge: those at the outline against the others.
        plate, even, wash: of the penalties on bending, slope and change of colour.
        blunt: sharpness of the surface per sample in the first and last iteration on the first
            grid, where it must still find its way; sharp: on all finer ones.
        leap, rate: largest step of the distance (in samples) in an iteration on the first grid,
            and on all finer ones; tint: that of a colour.
        gain_rate, gain_hold: step of the logarithm of a gain, and its pull towards none.
        beyond: samples by which the surface may leave the hull.
    """

    hold: float = 3.0
    edge: float = 1.0
    plate: float = 0.005
    even: float = 0.02
    wash: float = 0.002
    blunt: tuple[float, float] = (3.0, 6.0)
    sharp: tuple[float, float] = (2.0, 6.0)
    leap: float = 0.25
    rate: float = 0.04
    tint: float = 0.02
    gain_rate: float = 0.005
    gain_hold: float = 3.0
    beyond: float = 0.6


@dataclass(frozen=True, eq=False)
class Rays:
    """The pixels that are compared, a row each, in the units of `field_kernels`.

    Attributes:
        eyes, ways: (n, 3) float32 metres and unit directions.
        targets: (n, 3) float32 colours, 0 to 1.
        covers: (n,) float32 silhouette.
        trusts: (n, 2) float32 weights of colour and silhouette.
        views: (n,) int32 number of the plate.
        places: (n, 2) float32 where on the plate's raster of gains.
    """

    eyes: Floats
    ways: Floats
    targets: Floats
    covers: Floats
    trusts: Floats
    views: NDArray[np.int32]
    places: Floats


@dataclass(eq=False)
class Field:
    """A fitted field: `rows` (n, 4) float32 of distance in samples and colour, found by `index`.

    Row 0 is all that lies outside.
    """

    grid: Grid
    index: NDArray[np.int32]
    rows: Floats

    def dense(self) -> Floats:
        """(x, y, z) float32 signed distance in metres."""
        return (self.rows[:, 0] * np.float32(self.grid.step))[self.index]

    def colours_at(self, points: NDArray) -> NDArray[np.uint8]:
        """(n, 3) uint8 sRGB of places, between samples trilinear."""
        where = ((points - self.grid.origin) / self.grid.step).T
        colours = [
            ndimage.map_coordinates(self.rows[:, 1 + channel][self.index], where, order=1,
                                    mode="nearest")
            for channel in range(3)
        ]  # fmt: skip
        return np.round(255 * np.clip(np.stack(colours, axis=1), 0, 1)).astype(np.uint8)


def lift_field(
    plates: Sequence[Plate], settings: FieldSettings | None = None,
    progress: Progress | None = None,
) -> Lift:  # fmt: skip
    """A radiance field of plates with pictures, and the watertight mesh of its surface.

    Raises:
        LiftError: fewer than six plates, one without a picture, plates that cannot be or do not
            fit together, or settings out of bounds.
        MissingExtra: numba is not installed.
    """
    settings = settings or FieldSettings()
    _check(settings)
    plates = checked(plates, least=LEAST_PLATES, needs=("picture",))
    field, notes = fitted(plates, settings, progress)
    surface = meshed(field.dense(), field.grid, settings.triangles)
    surface = Surface(surface.vertices, surface.faces, field.colours_at(surface.vertices))
    return Lift(
        "field",
        surface,
        None,
        geometry="plates",
        colour="plates",
        watertight=watertight(surface),
        settings=asdict(settings),
        notes=(
            "Hollows are known as far as the colours of several plates show them.",
            *notes,
        ),
    )


def _check(settings: FieldSettings) -> None:
    if not 32 <= settings.resolution <= 256:
        raise LiftError(f"a resolution of {settings.resolution} samples is not between 32 and 256")
    if not settings.steps or min(settings.steps) < 1 or sum(settings.steps) > MOST_STEPS:
        raise LiftError(f"steps of {settings.steps} are not 1 to {MOST_STEPS:,} in all")
    if not 64 <= settings.rays <= 1 << 18:
        raise LiftError(f"{settings.rays} rays an iteration are not between 64 and {1 << 18:,}")


def fitted(
    plates: Sequence[Plate],
    settings: FieldSettings,
    progress: Progress | None = None,
    weights: Weights | None = None,
) -> tuple[Field, tuple[str, ...]]:
    """The field of checked plates, and what their hull says about them."""
    try:
        from gm_assets.lifting import field_kernels as kernels
    except ImportError as error:
        raise MissingExtra.of("numba", "lift") from error
    weights = weights or Weights()
    rays = rays_of(plates, weights.edge)
    gains = np.zeros((len(plates), _RASTER, _RASTER, 3), np.float32)
    field: Field | None = None
    notes: tuple[str, ...] = ()
    done, total = 0, sum(settings.steps)
    for level, steps in enumerate(settings.steps):
        halved = min(8, len(settings.steps) - 1 - level)
        resolution = max(LEAST_RESOLUTION, settings.resolution >> halved)
        distance, grid = hull_distance(plates, resolution, settings.floor)
        if field is None:
            hull = meshed(distance, grid)
            notes = hull_notes(hull, plates)
            field = _first(distance, grid, painted(hull, plates))
        else:
            field = _finer(field, distance, grid)
        floor = _floor(field, distance, weights)
        with ThreadPoolExecutor(_PARTS) as pool:
            fit = _Fit(kernels, field, rays, gains, floor, weights, level, settings.seed, pool)
            for turn in range(steps):
                fit.step(turn, steps, settings.rays)
                done += 1
                if progress and (turn % 20 == 0 or done == total):
                    progress(done, total, f"fitting at {resolution} samples")
    assert field is not None
    return field, notes


def rays_of(plates: Sequence[Plate], edge: float = 1.0) -> Rays:
    """The pixels of the subjects and those right beside them.

    Args:
        edge: weight of the silhouette in pixels at the outline.

    Raises:
        LiftError: there are more than `MOST_RAYS`.
    """
    wide = np.ones((3, 3), bool)
    chosen = [ndimage.binary_dilation(plate.silhouette > 0, wide) for plate in plates]
    count = sum(int(one.sum()) for one in chosen)
    if count > MOST_RAYS:
        raise LiftError(
            f"the plates have {count:,} pixels of the subject, more than {MOST_RAYS:,}",
            remedy="Make them smaller",
        )
    columns: list[list[NDArray]] = [[] for _ in range(7)]
    for number, (plate, mask) in enumerate(zip(plates, chosen, strict=True)):
        width, height = plate.size
        eye, ways = camera_rays(plate.camera, width, height)
        pixels = np.flatnonzero(mask)
        row, column = np.divmod(pixels, width)
        assert plate.picture is not None
        # What is beside the subject shines into the pixels of its outline.
        pure = ndimage.binary_erosion(plate.silhouette > 0.98, wide)
        trusts = np.stack([pure, np.where(mask & ~pure, edge, 1.0)], axis=-1).reshape(-1, 2)
        values = (
            np.broadcast_to(eye, (len(pixels), 3)),
            ways[pixels],
            plate.picture.reshape(-1, 3)[pixels] / np.float32(255),
            plate.silhouette.reshape(-1)[pixels],
            trusts[pixels],
            np.full(len(pixels), number),
            np.stack([(column + 0.5) / width, (row + 0.5) / height], axis=1) * (_RASTER - 1),
        )
        for gathered, value in zip(columns, values, strict=True):
            gathered.append(np.asarray(value, np.float32))
    joined = [np.concatenate(column) for column in columns]
    eyes, ways, targets, covers, trusts, views, places = joined
    return Rays(eyes, ways, targets, covers, trusts, views.astype(np.int32), places)


def _indexed(distance: Floats, grid: Grid) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Rows of the samples that take part: those in the hull and near it; and these samples."""
    taking = np.flatnonzero(distance.reshape(-1) < _MARGIN * grid.step)
    if len(taking) >= MOST_ROWS:
        raise LiftError(
            f"the subject fills {len(taking):,} samples, more than {MOST_ROWS:,}",
            remedy="Lower the resolution",
        )
    index = np.zeros(grid.size, np.int32)
    index[taking] = np.arange(1, len(taking) + 1)
    return index.reshape(grid.counts), taking


def _first(distance: Floats, grid: Grid, hull: Surface) -> Field:
    """The hull as a field, every sample in the colour of the hull's nearest vertex."""
    from scipy.spatial import cKDTree

    index, taking = _indexed(distance, grid)
    rows = np.full((len(taking) + 1, 4), 0.5, np.float32)
    rows[0, 0] = _OUTSIDE
    rows[1:, 0] = np.clip(distance.reshape(-1)[taking] / grid.step, -1e3, _OUTSIDE)
    _, nearest = cKDTree(hull.vertices).query(grid.points(taking))
    assert hull.colours is not None
    rows[1:, 1:] = hull.colours[nearest] / np.float32(255)
    return Field(grid, index, rows)


def _finer(coarse: Field, distance: Floats, grid: Grid) -> Field:
    """A field between the samples of a coarser one, nowhere outside the finer hull."""
    index, taking = _indexed(distance, grid)
    where = ((grid.points(taking) - coarse.grid.origin) / coarse.grid.step).T
    rows = np.empty((len(taking) + 1, 4), np.float32)
    rows[0] = (_OUTSIDE, 0.5, 0.5, 0.5)
    for channel in range(4):
        rows[1:, channel] = ndimage.map_coordinates(
            coarse.rows[:, channel][coarse.index], where, order=1, mode="nearest"
        )
    rows[1:, 0] *= coarse.grid.step / grid.step
    hull = distance.reshape(-1)[taking] / grid.step
    rows[1:, 0] = np.minimum(np.maximum(rows[1:, 0], hull), _OUTSIDE)
    return Field(grid, index, rows)


def _floor(field: Field, distance: Floats, weights: Weights) -> Floats:
    """(rows,) the least distance of each row: the hull's, less what it may leave it by."""
    floor = np.full(len(field.rows), _OUTSIDE, np.float32)
    taking = field.index.reshape(-1) > 0
    floor[1:] = distance.reshape(-1)[taking] / field.grid.step - weights.beyond
    return floor


class _Fit:
    """The state of fitting on one grid."""

    def __init__(
        self, kernels: Any, field: Field, rays: Rays, gains: Floats, floor: Floats,
        weights: Weights, level: int, seed: int, pool: ThreadPoolExecutor,
    ) -> None:  # fmt: skip
        self.kernels, self.field, self.rays, self.pool = kernels, field, rays, pool
        self.gains, self.floor, self.weights, self.level = gains, floor, weights, level
        count = len(field.rows)
        self.slopes = np.zeros((_PARTS, count, 4), np.float32)
        self.mean, self.square = np.zeros((2, count, 4), np.float32)
        self.gain_mean, self.gain_square = np.zeros((2, *gains.shape), np.float32)
        self.bends, self.stretch = np.empty((count, 4), np.float32), np.empty(count, np.float32)
        self.beside = _neighbours(field.index)
        self.eyes = ((rays.eyes - field.grid.origin) / field.grid.step).astype(np.float32)
        self.starts, self.ends = self._spans()
        self.order = self._orders([seed, level])
        self.left = np.empty(0, np.int64)

    def _spans(self) -> tuple[Floats, Floats]:
        count = len(self.eyes)
        starts, ends = np.empty((2, count), np.float32)
        reach = _through(self.eyes, self.rays.ways, self.field.index.shape)
        self._shared(
            count,
            lambda part, some: self.kernels.spans(
                self.field.index, self.field.rows, self.eyes[some], self.rays.ways[some],
                reach[some], 1.5, starts[some], ends[some],
            ),
        )  # fmt: skip
        return starts, ends

    def _orders(self, seed: list[int]) -> Iterator[NDArray[np.int64]]:
        """Shuffled numbers of the rays that come near the subject, round after round."""
        near = np.flatnonzero(self.starts <= self.ends)
        if not len(near):
            raise LiftError("no ray of the plates meets their hull")
        chance = np.random.Generator(np.random.PCG64(seed))
        while True:
            yield chance.permutation(near)

    def _shared(self, count: int, call: Callable[[int, slice], None]) -> None:
        """Call once a part with the part's number and slice, all at the same time."""
        cuts = [count * part // _PARTS for part in range(_PARTS + 1)]
        with ThreadPoolExecutor(_PARTS) as pool:
            jobs = [
                pool.submit(call, part, slice(cuts[part], cuts[part + 1])) for part in range(_PARTS)
            ]
            for job in jobs:
                job.result()

    def step(self, turn: int, steps: int, count: int) -> None:
        """One iteration on `count` rays."""
        weights, field, rays = self.weights, self.field, self.rays
        along = turn / max(1, steps - 1)
        first, last = weights.sharp if self.level else weights.blunt
        sharpness = first * (last / first) ** along
        chosen = self._next(count)
        gain_slopes = np.zeros((_PARTS, *self.gains.shape), np.float32)

        def march(part: int, some: slice) -> None:
            self.kernels.march(
                field.index, field.rows, self.gains, chosen[some], self.eyes, rays.ways,
                self.starts, self.ends, rays.targets, rays.covers, rays.trusts, rays.views,
                rays.places, sharpness, weights.hold, self.slopes[part], gain_slopes[part],
            )  # fmt: skip

        def bend(part: int, some: slice) -> None:
            self.kernels.bend(
                field.rows, self.beside, some.start + 1, some.stop + 1, self.bends, self.stretch,
                4.0,
            )  # fmt: skip

        def smooth(part: int, some: slice) -> None:
            self.kernels.smooth(
                field.rows, self.beside, some.start + 1, some.stop + 1, self.bends, self.stretch,
                weights.plate, weights.even, weights.wash, self.slopes[0],
            )  # fmt: skip

        # Steps grow smaller towards the end of a grid, so that it comes to rest.
        slower = 0.1 ** max(0.0, 2 * along - 1)
        leap = weights.rate if self.level else weights.leap
        rate = np.array([leap, *[weights.tint] * 3], np.float32) * slower

        def move(part: int, some: slice) -> None:
            self.kernels.adam(
                field.rows, some.start + 1, some.stop + 1, self.slopes, self.mean, self.square,
                rate, turn + 1, self.floor,
            )  # fmt: skip

        self.bends[0], self.stretch[0] = 0, 0
        rows = len(field.rows) - 1
        self._shared(len(chosen), march)
        for call in (bend, smooth, move):
            self._shared(rows, call)
        self._move_gains(gain_slopes, turn, weights.gain_rate * slower)

    def _next(self, count: int) -> NDArray[np.int64]:
        if len(self.left) < count:
            self.left = next(self.order)
        chosen, self.left = self.left[:count], self.left[count:]
        # Neighbours together, for the cache; the order of sums stays that of the seed.
        return np.sort(chosen)

    def _move_gains(self, slopes: Floats, turn: int, rate: float) -> None:
        slope = slopes.sum(axis=0) + self.weights.gain_hold * self.gains
        self.gain_mean += 0.1 * (slope - self.gain_mean)
        self.gain_square += 0.01 * (slope * slope - self.gain_square)
        mean = self.gain_mean / (1 - 0.9 ** (turn + 1))
        square = self.gain_square / (1 - 0.99 ** (turn + 1))
        self.gains -= (rate * mean / (np.sqrt(square) + 1e-6)).astype(np.float32)
        # Of all gains together the colours decide: their mean stays none.
        self.gains -= self.gains.mean(axis=(0, 1, 2), keepdims=True)


def _neighbours(index: NDArray[np.int32]) -> NDArray[np.int32]:
    """(rows, 6) rows of the samples beside each, 0 outside."""
    padded = np.pad(index, 1)
    beside = np.zeros((int(index.max()) + 1, 6), np.int32)
    taking = index > 0
    for axis in range(3):
        for side, shift in enumerate((-1, 1)):
            moved = np.roll(padded, -shift, axis)[1:-1, 1:-1, 1:-1]
            beside[1:, 2 * axis + side] = moved[taking]
    return beside


def _through(eyes: Floats, ways: Floats, counts: tuple[int, ...]) -> Floats:
    """(n, 2) where rays enter and leave the box of the samples; leaving first if they miss."""
    with np.errstate(divide="ignore", invalid="ignore"):
        low = (0 - eyes) / ways
        high = (np.array(counts, np.float32) - 1 - eyes) / ways
    near = np.nanmax(np.minimum(low, high), axis=1)
    far = np.nanmin(np.maximum(low, high), axis=1)
    return np.stack([np.maximum(near, 0), far], axis=1).astype(np.float32)
