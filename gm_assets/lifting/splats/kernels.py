"""The rasteriser of Gaussian splats for the processor, forwards and backwards.

A splat is projected to an ellipse by the affine approximation of EWA splatting (Zwicker et al.
2001) and blended front to back (Kerbl et al. 2023). Unlike the tiles that suit a GPU, one
thread draws a whole view splat by splat: along a row the Gaussian follows from its neighbour by
two multiplications, and only pixels within the ellipse are touched. Views are what runs in
parallel, so no sum depends on the number of threads and equal input gives equal bits.

The derivatives are written by hand. The backward pass goes front to back as well: what lies
behind a splat in a pixel is what the pixel shows less what was met so far.

Columns of a splat's row of parameters, float64: 0:3 position, 3:6 logarithms of the scales,
6:10 quaternion (w, x, y, z; of any length), 10 logit of the opacity, 11: coefficients of the
spherical harmonics, three channels each. This module needs numba and is imported where it is
used. Kernels call each other only within this file: numba's cache on disk would not see a
change in another.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba  # noqa: TID253
import numpy as np

from gm_assets.lifting.splats.harmonics import Y0, Y1, Y2

#: Added to the variances of an ellipse, pixels squared: the variance of a pixel's own square, so
#: that a splat is averaged over it and none falls between pixels.
DILATION = 1.0 / 12.0
#: Opacity that a splat cannot exceed, so that what lies behind it always has a share.
MOST_OPAQUE = 0.995
#: Fraction of light below which a pixel counts as covered.
DARK = 1.0 / 2048.0

# Columns of what the projection leaves of a splat.
_X, _Y, _A, _B, _C, REACH, TALL, WIDE, _OPACITY, _RED, _GREEN, _BLUE = range(12)
PROJECTED = 12
# Columns of what the raster gives back: sums over pixels.
_H, _HX, _HY, _HXX, _HXY, _HYY, _DRED, _DGREEN, _DBLUE = range(9)
SUMS = 9
# Columns of the state of a pixel in the backward pass.
_LIGHT, _BEHIND, _LRED, _LGREEN, _LBLUE, _LALPHA = range(6)


def _jit(function: Callable[..., Any]) -> Any:
    """Compile for this processor at the first call, and keep the result on disk."""
    compiled = numba.njit(nogil=True, fastmath={"contract", "nsz", "arcp", "reassoc"})(function)
    try:
        compiled.enable_caching()
    except RuntimeError:  # no folder that can be written: compiled anew in each process
        pass
    return compiled


@_jit
def _harmonics(x, y, z, count, out):  # type: ignore[no-untyped-def]
    """The first `count` real spherical harmonics (1, 4 or 9) of a unit direction."""
    out[0] = Y0
    if count > 1:
        out[1], out[2], out[3] = -Y1 * y, Y1 * z, -Y1 * x
    if count > 4:
        out[4], out[5] = Y2[0] * x * y, -Y2[0] * y * z
        out[6] = Y2[1] * (2 * z * z - x * x - y * y)
        out[7], out[8] = -Y2[0] * x * z, Y2[2] * (x * x - y * y)


@_jit
def _harmonics_back(x, y, z, count, back, out):  # type: ignore[no-untyped-def]
    """`out` (3,) = derivative by the direction of the harmonics weighted by `back`."""
    out[0] = out[1] = out[2] = 0.0
    if count > 1:
        out[0], out[1], out[2] = -Y1 * back[3], -Y1 * back[1], Y1 * back[2]
    if count > 4:
        a, b, c = Y2
        out[0] += a * (y * back[4] - z * back[7]) - 2 * b * x * back[6] + 2 * c * x * back[8]
        out[1] += a * (x * back[4] - z * back[5]) - 2 * b * y * back[6] - 2 * c * y * back[8]
        out[2] += -a * (y * back[5] + x * back[7]) + 4 * b * z * back[6]


@_jit
def _rotation(row, out):  # type: ignore[no-untyped-def]
    """`out` (3, 3) = the rotation of a row's quaternion; returns the quaternion's length."""
    length = math.sqrt(row[6] ** 2 + row[7] ** 2 + row[8] ** 2 + row[9] ** 2) + 1e-20
    w, x, y, z = row[6] / length, row[7] / length, row[8] / length, row[9] / length
    out[0, 0], out[0, 1] = 1 - 2 * (y * y + z * z), 2 * (x * y - w * z)
    out[1, 1], out[1, 0] = 1 - 2 * (x * x + z * z), 2 * (x * y + w * z)
    out[2, 2], out[0, 2] = 1 - 2 * (x * x + y * y), 2 * (x * z + w * y)
    out[1, 2], out[2, 1] = 2 * (y * z - w * x), 2 * (y * z + w * x)
    out[2, 0] = 2 * (x * z - w * y)
    return length


@_jit
def _ellipse(row, view, least, space, plane):  # type: ignore[no-untyped-def]
    """How a splat falls into the picture.

    Args:
        view: as `camera.packed` makes it.
        least: standard deviation in metres that every axis has at least (in quadrature).
        space: (5, 3) receives the rotation (rows 0 to 2), the scales along the three axes (3)
            and the centre in camera axes: x right, y down, z ahead (4).
        plane: (6, 3) receives what one metre along each world axis is in pixels (rows 0, 1),
            the same along each axis of the splat (2, 3), and times its scales (4, 5).

    Returns:
        The length of the quaternion.
    """
    for axis in range(3):
        at = 4 * axis
        space[4, axis] = (
            view[at] * row[0] + view[at + 1] * row[1] + view[at + 2] * row[2] + view[at + 3]
        )
        space[3, axis] = math.sqrt(math.exp(2.0 * row[3 + axis]) + least * least)
    ahead = max(space[4, 2], 1e-9)
    # A centre far beside the picture would stretch its ellipse without bound.
    u = min(max(space[4, 0] / ahead, -view[18]), view[18])
    v = min(max(space[4, 1] / ahead, -view[19]), view[19])
    for axis in range(3):
        plane[0, axis] = view[12] / ahead * (view[axis] - u * view[8 + axis])
        plane[1, axis] = view[13] / ahead * (view[4 + axis] - v * view[8 + axis])
    length = _rotation(row, space)
    for k in range(2):
        for j in range(3):
            plane[2 + k, j] = (
                plane[k, 0] * space[0, j] + plane[k, 1] * space[1, j] + plane[k, 2] * space[2, j]
            )
            plane[4 + k, j] = plane[2 + k, j] * space[3, j]
    return length


@_jit
def project(rows, view, least, width, height, flat, depth):  # type: ignore[no-untyped-def]
    """Ellipses and colours of all splats in one view.

    Args:
        rows: (n, p) parameters.
        view: (20,) camera.
        least: standard deviation that every axis has at least, metres.
        flat: (n, PROJECTED), filled; column `REACH` is 0 where a splat is not seen.
        depth: (n,), filled with the distance to the eye.
    """
    count = (rows.shape[1] - 11) // 3
    space, plane, basis = np.empty((5, 3)), np.empty((6, 3)), np.empty(9)
    for i in range(rows.shape[0]):
        row = rows[i]
        _ellipse(row, view, least, space, plane)
        x, y, z = row[0] - view[15], row[1] - view[16], row[2] - view[17]
        distance = math.sqrt(x * x + y * y + z * z) + 1e-20
        depth[i] = distance
        flat[i, REACH] = 0.0
        if not space[4, 2] > view[14]:
            continue
        a = plane[4, 0] ** 2 + plane[4, 1] ** 2 + plane[4, 2] ** 2 + DILATION
        b = plane[4, 0] * plane[5, 0] + plane[4, 1] * plane[5, 1] + plane[4, 2] * plane[5, 2]
        c = plane[5, 0] ** 2 + plane[5, 1] ** 2 + plane[5, 2] ** 2 + DILATION
        determinant = a * c - b * b
        opacity = MOST_OPAQUE / (1.0 + math.exp(-row[10]))
        # An ellipse of more than a million pixels has no numbers left to be drawn with.
        if not (1e-12 < determinant < 1e24) or opacity * 255.0 <= 1.0:
            continue
        # Where a splat adds less than 1/255, or beyond three standard deviations, it ends.
        reach = min(2.0 * math.log(255.0 * opacity), 9.0)
        mx = view[12] * space[4, 0] / space[4, 2] + 0.5 * width
        my = view[13] * space[4, 1] / space[4, 2] + 0.5 * height
        half, tall = math.sqrt(reach * a), math.sqrt(reach * c)
        if not (mx + half > 0 and mx - half < width and my + tall > 0 and my - tall < height):
            continue
        flat[i, _X], flat[i, _Y] = mx, my
        flat[i, _A], flat[i, _B], flat[i, _C] = c / determinant, -b / determinant, a / determinant
        flat[i, REACH], flat[i, TALL], flat[i, WIDE] = reach, tall, half
        flat[i, _OPACITY] = opacity
        _harmonics(x / distance, y / distance, z / distance, count, basis)
        for channel in range(3):
            value = 0.5
            for k in range(count):
                value += basis[k] * row[11 + 3 * k + channel]
            flat[i, _RED + channel] = max(value, 0.0)


@_jit
def blend(flat, order, screen):  # type: ignore[no-untyped-def]
    """Draw ellipses front to back.

    Args:
        flat: (n, PROJECTED) from `project`.
        order: (m,) the splats by distance, nearest first.
        screen: (h, w, 4) red, green and blue times coverage, and the light that still comes
            through; filled.
    """
    height, width = screen.shape[:2]
    screen[:, :, :3] = 0.0
    screen[:, :, 3] = 1.0
    for i in order:
        one = flat[i]
        reach = one[REACH]
        if not reach > 0.0:
            continue
        mx, my, a, b, c = one[_X], one[_Y], one[_A], one[_B], one[_C]
        red, green, blue = one[_RED], one[_GREEN], one[_BLUE]
        turn = math.exp(-a)
        top = max(0, math.ceil(my - one[TALL] - 0.5))
        bottom = min(height - 1, math.floor(my + one[TALL] - 0.5))
        for y in range(top, bottom + 1):
            dy = y + 0.5 - my
            inside = b * b * dy * dy - a * (c * dy * dy - reach)
            if not inside > 0.0:
                continue
            root, middle = math.sqrt(inside) / a, mx - b * dy / a - 0.5
            left = max(0, math.ceil(middle - root))
            right = min(width - 1, math.floor(middle + root))
            dx = left + 0.5 - mx
            alpha = one[_OPACITY] * math.exp(-0.5 * (a * dx * dx + c * dy * dy) - b * dx * dy)
            ratio = math.exp(-a * (dx + 0.5) - b * dy)
            for x in range(left, right + 1):
                light = screen[y, x, 3]
                if light > DARK:
                    weight = alpha * light
                    screen[y, x, 0] += weight * red
                    screen[y, x, 1] += weight * green
                    screen[y, x, 2] += weight * blue
                    screen[y, x, 3] = light - weight
                alpha *= ratio
                ratio *= turn


@_jit
def compare(screen, target, backdrop, silhouette, sure, soft, outline, state):  # type: ignore[no-untyped-def]
    """How far a drawn view is from its plate, and how each pixel should change.

    The view stands before the plate's own backdrop. The difference of colours d counts as
    sqrt(d^2 + soft^2) - soft, that of coverage and silhouette as its magnitude times `outline`.

    Args:
        screen: (h, w, 4) from `blend`.
        target, backdrop: (h, w, 3) sRGB, 0 to 1.
        silhouette: (h, w) coverage.
        sure: (h, w) weight of the silhouette in each pixel, 0 to 1.
        state: (h, w, 6), filled for `blend_back`.

    Returns:
        The sum over all pixels.
    """
    height, width = screen.shape[:2]
    total = 0.0
    for y in range(height):
        for x in range(width):
            light = screen[y, x, 3]
            miss = 1.0 - light - silhouette[y, x]
            weight = outline * sure[y, x]
            push = weight if miss > 0.0 else (-weight if miss < 0.0 else 0.0)
            behind = push * (1.0 - light)
            total += push * miss
            for channel in range(3):
                shown = screen[y, x, channel] + light * backdrop[y, x, channel]
                difference = shown - target[y, x, channel]
                size = math.sqrt(difference * difference + soft * soft)
                total += size - soft
                change = difference / size
                state[y, x, _LRED + channel] = change
                behind += change * shown
            state[y, x, _LIGHT] = 1.0
            state[y, x, _BEHIND] = behind
            state[y, x, _LALPHA] = push
    return total


@_jit
def blend_back(flat, order, state, sums):  # type: ignore[no-untyped-def]
    """Derivatives of `compare` by what `project` made of each splat.

    Args:
        flat, order: as for `blend`.
        state: (h, w, 6) from `compare`; used up.
        sums: (n, SUMS), filled: with h the derivative by the exponent at a pixel and d the way
            from the centre to it, the sums of h, h d and h d d^T, and those by the colour.
    """
    height, width = state.shape[:2]
    sums[:] = 0.0
    for i in order:
        one = flat[i]
        reach = one[REACH]
        if not reach > 0.0:
            continue
        mx, my, a, b, c = one[_X], one[_Y], one[_A], one[_B], one[_C]
        red, green, blue = one[_RED], one[_GREEN], one[_BLUE]
        turn = math.exp(-a)
        s_h = s_x = s_y = s_xx = s_xy = s_yy = s_red = s_green = s_blue = 0.0
        top = max(0, math.ceil(my - one[TALL] - 0.5))
        bottom = min(height - 1, math.floor(my + one[TALL] - 0.5))
        for y in range(top, bottom + 1):
            dy = y + 0.5 - my
            inside = b * b * dy * dy - a * (c * dy * dy - reach)
            if not inside > 0.0:
                continue
            root, middle = math.sqrt(inside) / a, mx - b * dy / a - 0.5
            left = max(0, math.ceil(middle - root))
            right = min(width - 1, math.floor(middle + root))
            dx = left + 0.5 - mx
            alpha = one[_OPACITY] * math.exp(-0.5 * (a * dx * dx + c * dy * dy) - b * dx * dy)
            ratio = math.exp(-a * (dx + 0.5) - b * dy)
            r_h = r_x = r_xx = 0.0
            for x in range(left, right + 1):
                light = state[y, x, _LIGHT]
                if light > DARK:
                    weight = alpha * light
                    first, second = state[y, x, _LRED], state[y, x, _LGREEN]
                    third = state[y, x, _LBLUE]
                    s_red += weight * first
                    s_green += weight * second
                    s_blue += weight * third
                    value = red * first + green * second + blue * third + state[y, x, _LALPHA]
                    behind = state[y, x, _BEHIND] - weight * value
                    state[y, x, _BEHIND] = behind
                    state[y, x, _LIGHT] = light - weight
                    h = weight * value - alpha * behind / (1.0 - alpha)
                    r_h += h
                    r_x += h * dx
                    r_xx += h * dx * dx
                alpha *= ratio
                ratio *= turn
                dx += 1.0
            s_h += r_h
            s_x += r_x
            s_y += r_h * dy
            s_xx += r_xx
            s_xy += r_x * dy
            s_yy += r_h * dy * dy
        sums[i, _H], sums[i, _HX], sums[i, _HY] = s_h, s_x, s_y
        sums[i, _HXX], sums[i, _HXY], sums[i, _HYY] = s_xx, s_xy, s_yy
        sums[i, _DRED], sums[i, _DGREEN], sums[i, _DBLUE] = s_red, s_green, s_blue


@_jit
def project_back(rows, view, least, flat, sums, change, pull):  # type: ignore[no-untyped-def]
    """Derivatives by the parameters.

    Args:
        rows, view, least, flat: as for `project`.
        sums: from `blend_back`.
        change: (n, p), filled.
        pull: (n,), filled with the length of the derivative by the centre, in pixels.
    """
    count = (rows.shape[1] - 11) // 3
    space, plane, basis = np.empty((5, 3)), np.empty((6, 3)), np.empty(9)
    local, away, weights = np.empty(3), np.empty(3), np.empty(9)
    change[:] = 0.0
    pull[:] = 0.0
    for i in range(rows.shape[0]):
        if not flat[i, REACH] > 0.0:
            continue
        row, out, one, total = rows[i], change[i], flat[i], sums[i]
        length = _ellipse(row, view, least, space, plane)
        a, b, c = one[_A], one[_B], one[_C]
        out[10] = total[_H] * (1.0 - one[_OPACITY] / MOST_OPAQUE)
        across = a * total[_HX] + b * total[_HY]
        down = b * total[_HX] + c * total[_HY]
        pull[i] = math.sqrt(across * across + down * down)
        # With Q the inverse of the ellipse's matrix: Q (sum of h d d^T) Q, symmetric.
        xx, xy, yy = total[_HXX], total[_HXY], total[_HYY]
        p, q = a * xx + b * xy, a * xy + b * yy
        r, s = b * xx + c * xy, b * xy + c * yy
        _shape_back(row, view, length, space, plane, (p * a + q * b, p * b + q * c, r * b + s * c),
                    local, out)  # fmt: skip
        ahead = space[4, 2]
        local[0] += across * view[12] / ahead
        local[1] += down * view[13] / ahead
        local[2] -= (across * view[12] * space[4, 0] + down * view[13] * space[4, 1]) / ahead**2
        x, y, z = row[0] - view[15], row[1] - view[16], row[2] - view[17]
        distance = math.sqrt(x * x + y * y + z * z) + 1e-20
        x, y, z = x / distance, y / distance, z / distance
        _harmonics(x, y, z, count, basis)
        weights[:] = 0.0
        for channel in range(3):
            if one[_RED + channel] > 0.0:
                for k in range(count):
                    out[11 + 3 * k + channel] = basis[k] * total[_DRED + channel]
                    weights[k] += row[11 + 3 * k + channel] * total[_DRED + channel]
        _harmonics_back(x, y, z, count, weights, away)
        along = x * away[0] + y * away[1] + z * away[2]
        out[0] = (away[0] - along * x) / distance
        out[1] = (away[1] - along * y) / distance
        out[2] = (away[2] - along * z) / distance
        for axis in range(3):
            out[axis] += (
                view[axis] * local[0] + view[4 + axis] * local[1] + view[8 + axis] * local[2]
            )


@_jit
def _shape_back(row, view, length, space, plane, wanted, local, out):  # type: ignore[no-untyped-def]
    """Derivatives by scales and rotation into `out`, by the centre (camera axes) into `local`.

    Args:
        wanted: xx, xy and yy of the symmetric matrix that, times the scaled axes of the splat
            in the picture, is the derivative by these axes.
    """
    xx, xy, yy = wanted
    spin = np.zeros((3, 3))
    lean = np.zeros((2, 3))
    for j in range(3):
        scale = space[3, j]
        first = xx * plane[4, j] + xy * plane[5, j]
        second = xy * plane[4, j] + yy * plane[5, j]
        grown = first * plane[2, j] + second * plane[3, j]
        out[3 + j] = grown * math.exp(2.0 * row[3 + j]) / scale
        for axis in range(3):
            spin[axis, j] = (plane[0, axis] * first + plane[1, axis] * second) * scale
            lean[0, axis] += first * scale * space[axis, j]
            lean[1, axis] += second * scale * space[axis, j]
    ahead = space[4, 2]
    local[2] = 0.0
    for k in range(2):
        focal, side = view[12 + k] / ahead, space[4, k] / ahead
        aslant = 0.0
        for axis in range(3):
            local[2] -= lean[k, axis] * plane[k, axis] / ahead
            aslant -= focal * lean[k, axis] * view[8 + axis]
        held = abs(side) >= view[18 + k]
        local[k] = 0.0 if held else aslant / ahead
        local[2] -= 0.0 if held else aslant * side / ahead
    w, x, y, z = row[6] / length, row[7] / length, row[8] / length, row[9] / length
    m, n, o = spin[2, 1] - spin[1, 2], spin[0, 2] - spin[2, 0], spin[1, 0] - spin[0, 1]
    d, e, f = spin[0, 1] + spin[1, 0], spin[0, 2] + spin[2, 0], spin[1, 2] + spin[2, 1]
    dw = 2 * (x * m + y * n + z * o)
    dx = 2 * (y * d + z * e + w * m - 2 * x * (spin[1, 1] + spin[2, 2]))
    dy = 2 * (x * d + z * f + w * n - 2 * y * (spin[0, 0] + spin[2, 2]))
    dz = 2 * (x * e + y * f + w * o - 2 * z * (spin[0, 0] + spin[1, 1]))
    along = w * dw + x * dx + y * dy + z * dz
    out[6] = (dw - along * w) / length
    out[7] = (dx - along * x) / length
    out[8] = (dy - along * y) / length
    out[9] = (dz - along * z) / length


@_jit
def adam(rows, change, first, second, rates, number):  # type: ignore[no-untyped-def]
    """One step of Adam (Kingma and Ba 2015) on all parameters.

    Args:
        rows: (n, p) parameters, changed.
        change: (v, n, p) derivatives of v views; their sum counts.
        first, second: (n, p) moments, changed.
        rates: (p,) step of each column.
        number: of this step, from 1.
    """
    early, late = 1.0 - 0.9**number, 1.0 - 0.99**number
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            slope = 0.0
            for k in range(change.shape[0]):
                slope += change[k, i, j]
            first[i, j] = 0.9 * first[i, j] + 0.1 * slope
            second[i, j] = 0.99 * second[i, j] + 0.01 * slope * slope
            rows[i, j] -= (
                rates[j] * (first[i, j] / early) / (math.sqrt(second[i, j] / late) + 1e-12)
            )
