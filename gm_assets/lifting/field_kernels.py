"""The inner loops of the field, compiled by numba: rays through the grid, and back.

Everything is in samples of the grid: places, distances along a ray, and the signed distance
itself. A field is (rows, 4) float32, one row a sample that takes part: signed distance, then
linear weights of red, green and blue (0 to 1 sRGB); `index` (x, y, z) int32 says which row a
sample has, and row 0 stands for all that lie outside.

No loop here adds in an order that depends on threads, and nothing is compiled with fast
arithmetic: the same input gives the same bits. This module imports numba when it is loaded, so
it is imported inside functions only.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit  # noqa: TID253 (imported inside functions only)

#: Samples of one ray at most.
MOST = 128
#: Distance between two samples near the surface.
STRIDE = 0.6
#: Distance from the surface up to which it is felt; beyond, a ray leaps.
_FELT = 2.2
#: Light that is left when a ray ends.
_DARK = 0.005
#: Residuals of colour above this count by their size and not by its square (Charbonnier).
_ROBUST = 0.04

_compiled = njit(nogil=True, cache=True, error_model="numpy")


@_compiled
def _corners(index: Any, x: float, y: float, z: float, rows: Any, weights: Any) -> None:
    """The rows around a place and their trilinear weights; row 0 beyond the grid."""
    i, j, k = math.floor(x), math.floor(y), math.floor(z)
    u, v, w = x - i, y - j, z - k
    for corner in range(8):
        a, b, c = corner >> 2, (corner >> 1) & 1, corner & 1
        ia, jb, kc = int(i) + a, int(j) + b, int(k) + c
        inside = 0 <= ia < index.shape[0] and 0 <= jb < index.shape[1] and 0 <= kc < index.shape[2]
        rows[corner] = index[ia, jb, kc] if inside else 0
        weights[corner] = (u if a else 1 - u) * (v if b else 1 - v) * (w if c else 1 - w)


@_compiled
def spans(
    index: Any, field: Any, eyes: Any, ways: Any, reach: Any, near: float, starts: Any, ends: Any
) -> None:
    """Where each ray first comes nearer to the surface than `near`, and where it last is.

    Args:
        eyes, ways: (n, 3) origins and unit directions.
        reach: (n, 2) where each ray enters and leaves the box of the grid.
        starts, ends: (n,) filled in; start > end for a ray that passes by.
    """
    rows, weights = np.empty(8, np.int32), np.empty(8, np.float32)
    for ray in range(len(eyes)):
        first, last = 1.0, 0.0
        t = reach[ray, 0]
        while t <= reach[ray, 1]:
            _corners(
                index,
                eyes[ray, 0] + t * ways[ray, 0],
                eyes[ray, 1] + t * ways[ray, 1],
                eyes[ray, 2] + t * ways[ray, 2],
                rows,
                weights,
            )
            distance = 0.0
            for corner in range(8):
                distance += weights[corner] * field[rows[corner], 0]
            if distance < near:
                if first > last:
                    first = t
                last = t
            t += 0.8
        starts[ray] = first - 0.8
        ends[ray] = last + 0.8 if last >= first else first - 1.6


@_compiled
def march(
    index: Any,
    field: Any,
    gains: Any,
    rays: Any,
    eyes: Any,
    ways: Any,
    starts: Any,
    ends: Any,
    targets: Any,
    covers: Any,
    trusts: Any,
    views: Any,
    places: Any,
    sharpness: float,
    hold: float,
    field_slope: Any,
    gain_slope: Any,
) -> float:
    """Render rays, compare them with their plates, and add up the slopes of the loss.

    Light is taken up between two samples as in NeuS (Wang et al. 2021, equation 13): by how much
    the sigmoid of the signed distance falls from one to the next.

    Args:
        gains: (views, g, g, 3) logarithms of what each plate multiplies colours by, at the
            corners of a coarse raster over it.
        rays: (n,) numbers of the rays to take; all that follow have a row for every ray.
        targets: (., 3) colours of the plates, 0 to 1.
        covers: (.,) silhouettes; trusts: (., 2) weights of colour and of silhouette.
        views, places: (.,) plate of each ray and (., 2) where on its raster of gains it is.
        sharpness: of the sigmoid, per sample of the grid.
        hold: weight of the silhouettes against the colours.
        field_slope, gain_slope: like `field` and `gains`; slopes are added to them.

    Returns:
        The loss of these rays, summed.
    """
    rows, weights = np.empty((MOST, 8), np.int32), np.empty((MOST, 8), np.float32)
    values = np.empty((MOST, 4), np.float32)
    open_ = np.empty(MOST, np.float32)  # the sigmoid: 1 outside, 0 inside
    light, taken = np.empty(MOST, np.float32), np.empty(MOST, np.float32)
    slope = np.empty((MOST, 4), np.float32)
    colour, wrong, pull = np.empty(3), np.empty(3), np.empty(3)
    gain, corner_gain = np.empty(3), np.empty(4)
    total = 0.0
    raster = gains.shape[1]
    for number in range(len(rays)):
        ray = rays[number]
        # ---- forward
        count, t, left = 0, starts[ray], 1.0
        colour[:] = 0.0
        while t <= ends[ray] and count < MOST and left > _DARK:
            _corners(
                index,
                eyes[ray, 0] + t * ways[ray, 0],
                eyes[ray, 1] + t * ways[ray, 1],
                eyes[ray, 2] + t * ways[ray, 2],
                rows[count],
                weights[count],
            )
            values[count, :] = 0.0
            for corner in range(8):
                for channel in range(4):
                    values[count, channel] += (
                        weights[count, corner] * field[rows[count, corner], channel]
                    )
            distance = values[count, 0]
            open_[count] = 1.0 / (1.0 + math.exp(-sharpness * distance))
            if count:
                before = count - 1
                light[before] = left
                taken[before] = max(0.0, 1.0 - open_[count] / open_[before])
                share = left * taken[before]
                for channel in range(3):
                    colour[channel] += (
                        share * 0.5 * (values[before, channel + 1] + values[count, channel + 1])
                    )
                left *= 1.0 - taken[before]
            count += 1
            t += max(STRIDE, distance - _FELT)
        # ---- loss
        covered = 1.0 - left
        across = min(max(places[ray, 0], 0.0), raster - 1.001)
        down = min(max(places[ray, 1], 0.0), raster - 1.001)
        column, row = int(across), int(down)
        across -= column
        down -= row
        corner_gain[0], corner_gain[1] = (1 - down) * (1 - across), (1 - down) * across
        corner_gain[2], corner_gain[3] = down * (1 - across), down * across
        view = views[ray]
        pull_cover = 0.0
        for channel in range(3):
            exponent = 0.0
            for corner in range(4):
                exponent += (
                    corner_gain[corner]
                    * (gains[view, row + (corner >> 1), column + (corner & 1), channel])
                )
            gain[channel] = math.exp(exponent)
            wrong[channel] = gain[channel] * colour[channel] - covered * targets[ray, channel]
            size = math.sqrt(wrong[channel] ** 2 + _ROBUST**2)
            total += trusts[ray, 0] * (size - _ROBUST)
            slant = trusts[ray, 0] * wrong[channel] / size
            pull[channel] = slant * gain[channel]
            pull_cover -= slant * targets[ray, channel]
            for corner in range(4):
                gain_slope[view, row + (corner >> 1), column + (corner & 1), channel] += (
                    corner_gain[corner] * slant * gain[channel] * colour[channel]
                )
        miss = covered - covers[ray]
        total += hold * trusts[ray, 1] * miss * miss
        pull_cover += 2 * hold * trusts[ray, 1] * miss
        # ---- backward, from the far end
        slope[:count, :] = 0.0
        behind = 0.0
        for before in range(count - 2, -1, -1):
            after = before + 1
            share = light[before] * taken[before]
            worth = pull_cover
            for channel in range(3):
                worth += (
                    pull[channel] * 0.5 * (values[before, channel + 1] + values[after, channel + 1])
                )
                half = 0.5 * share * pull[channel]
                slope[before, channel + 1] += half
                slope[after, channel + 1] += half
            if taken[before] > 0:
                by_taken = light[before] * worth - behind / max(1.0 - taken[before], 1e-4)
                ratio = open_[after] / open_[before]
                slope[after, 0] -= by_taken * sharpness * ratio * (1.0 - open_[after])
                slope[before, 0] += by_taken * sharpness * ratio * (1.0 - open_[before])
            behind += share * worth
        for sample in range(count):
            for corner in range(8):
                place = rows[sample, corner]
                if place:
                    for channel in range(4):
                        field_slope[place, channel] += (
                            weights[sample, corner] * slope[sample, channel]
                        )
    return total


@_compiled
def bend(
    field: Any, beside: Any, first: int, last: int, bends: Any, stretch: Any, band: float
) -> None:
    """Of rows `first` to `last`: how the field bends, and how far its slope is from one.

    Args:
        beside: (rows, 6) rows of the neighbours in -x, +x, -y, +y, -z, +z; 0 outside.
        bends: (rows, 4) filled with the sums of second differences of every channel.
        stretch: (rows,) filled with (1 - 1 / slope), 0 beyond `band` of the surface.
    """
    for row in range(first, last):
        bends[row, :] = 0.0
        stretch[row] = 0.0
        whole = True
        for side in range(6):
            whole = whole and beside[row, side] > 0
        if not whole:
            continue
        for channel in range(4):
            mean = -6.0 * field[row, channel]
            for side in range(6):
                mean += field[beside[row, side], channel]
            bends[row, channel] = mean
        if abs(field[row, 0]) > band:
            bends[row, 0] = 0.0
            continue
        square = 0.0
        for axis in range(3):
            rise = 0.5 * (field[beside[row, 2 * axis + 1], 0] - field[beside[row, 2 * axis], 0])
            square += rise * rise
        stretch[row] = 1.0 - 1.0 / math.sqrt(square + 1e-4)


@_compiled
def smooth(
    field: Any,
    beside: Any,
    first: int,
    last: int,
    bends: Any,
    stretch: Any,
    plate: float,
    even: float,
    wash: float,
    slope: Any,
) -> None:
    """Add the slopes of three penalties to rows `first` to `last`.

    Args:
        plate: weight of the squared second differences of the distance (a thin plate).
        even: weight of the squared difference between its gradient's length and one.
        wash: weight of the squared second differences of the colours.
    """
    for row in range(first, last):
        flow = 0.0
        bent = -6.0 * bends[row, 0]
        for side in range(6):
            other = beside[row, side]
            bent += bends[other, 0]
        for axis in range(3):
            low, high = beside[row, 2 * axis], beside[row, 2 * axis + 1]
            # Divergence of stretch * gradient, by the faces between samples.
            if low > 0 and high > 0:
                flow += 0.5 * (stretch[high] + stretch[row]) * (field[high, 0] - field[row, 0])
                flow -= 0.5 * (stretch[row] + stretch[low]) * (field[row, 0] - field[low, 0])
        slope[row, 0] += plate * bent - even * flow
        for channel in range(1, 4):
            slope[row, channel] -= wash * bends[row, channel]


@_compiled
def adam(
    field: Any, first: int, last: int, slopes: Any, mean: Any, square: Any, rate: Any,
    turn: int, floor: Any,
) -> None:  # fmt: skip
    """One step of Adam (Kingma and Ba 2015) on rows `first` to `last`; slopes are set to zero.

    Args:
        slopes: (k, rows, 4), summed in their order.
        rate: (4,) step size of each channel.
        turn: number of the step, from 1.
        floor: (rows,) the distance never falls below it.
    """
    fresh, steady = 1.0 - 0.9**turn, 1.0 - 0.99**turn
    for row in range(first, last):
        for channel in range(4):
            slope = 0.0
            for part in range(len(slopes)):
                slope += slopes[part, row, channel]
                slopes[part, row, channel] = 0.0
            mean[row, channel] = 0.9 * mean[row, channel] + 0.1 * slope
            square[row, channel] = 0.99 * square[row, channel] + 0.01 * slope * slope
            field[row, channel] -= (
                rate[channel]
                * (mean[row, channel] / fresh)
                / (math.sqrt(square[row, channel] / steady) + 1e-6)
            )
        if field[row, 0] < floor[row]:
            field[row, 0] = floor[row]
