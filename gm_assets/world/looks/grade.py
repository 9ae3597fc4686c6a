"""From light to print: exposure, tone curve, palette, grain, and the guard of the red rule.

The palette follows slow reversal film: deep blacks, cool shadows, warm lights only where a
flame is, low saturation. Colour differences are judged in OKLCH (Ottosson 2020, "A
perceptual color space for image processing").
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float32]

#: The red of the world's law, as a region of OKLCH: hue in degrees, and least chroma.
RED_HUES = (-32.0, 47.0)
RED_CHROMA = 0.055

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    np.float32,
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    np.float32,
)
_FROM_LAB = np.linalg.inv(_TO_LAB.astype(np.float64)).astype(np.float32)
_FROM_LMS = np.linalg.inv(_TO_LMS.astype(np.float64)).astype(np.float32)
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def to_linear(srgb: NDArray) -> Floats:
    """sRGB in [0, 1] to linear light (IEC 61966-2-1)."""
    x = np.asarray(srgb, np.float32)
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4).astype(np.float32)


def to_srgb(linear: NDArray) -> Floats:
    """Linear light to sRGB in [0, 1], clipped."""
    x = np.clip(np.asarray(linear, np.float32), 0, 1)
    return np.where(x <= 0.0031308, x * 12.92, 1.055 * x ** (1 / 2.4) - 0.055).astype(np.float32)


def luminance(linear: NDArray) -> Floats:
    """Relative luminance of (..., 3) linear light."""
    return (np.asarray(linear, np.float32) @ _LUMA).astype(np.float32)


def oklab(linear: NDArray) -> Floats:
    """(..., 3) linear sRGB to OKLab: lightness 0 to 1, then the two colour axes."""
    lms = np.cbrt(np.clip(np.asarray(linear, np.float32) @ _TO_LMS.T, 0, None))
    return (lms @ _TO_LAB.T).astype(np.float32)


def from_oklab(lab: NDArray) -> Floats:
    """Inverse of `oklab`; colours outside sRGB are not clipped."""
    return (((np.asarray(lab, np.float32) @ _FROM_LAB.T) ** 3) @ _FROM_LMS.T).astype(np.float32)


def is_red(srgb8: NDArray[np.uint8], least: float = RED_CHROMA) -> NDArray[np.bool_]:
    """Which pixels of an (h, w, 3) picture are red in the sense of the world's law."""
    lab = oklab(to_linear(srgb8.astype(np.float32) / 255))
    hue = np.degrees(np.arctan2(lab[..., 2], lab[..., 1]))
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    return (chroma > least) & (hue > RED_HUES[0]) & (hue < RED_HUES[1])


def guard_red(srgb: Floats, bodies: NDArray[np.bool_]) -> Floats:
    """Take red out of everything but living bodies: amber turns to brass, red to grey.

    Hues on the amber side of the region are turned to its edge, so firelight stays warm;
    the rest loses its chroma. Works on the final sRGB values, since the law does.
    """
    lab = oklab(to_linear(srgb))
    hue = np.degrees(np.arctan2(lab[..., 2], lab[..., 1]))
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    low, high = RED_HUES
    near = ~bodies & (chroma > RED_CHROMA * 0.6) & (hue > low - 8) & (hue < high + 6)
    warm = near & (hue > 18)
    cold = near & ~warm
    angle = np.radians(high + 7)
    lab[warm, 1] = np.cos(angle) * chroma[warm]
    lab[warm, 2] = np.sin(angle) * chroma[warm]
    scale = RED_CHROMA * 0.5 / np.maximum(chroma, 1e-6)
    lab[cold, 1] *= scale[cold]
    lab[cold, 2] *= scale[cold]
    changed = to_srgb(from_oklab(lab))
    # Strong colours leave sRGB when they are turned, and clipping turns them back: take their
    # chroma instead.
    still = near & is_red(to_bytes(changed), RED_CHROMA * 0.9)
    lab[still, 1] *= scale[still]
    lab[still, 2] *= scale[still]
    changed[still] = to_srgb(from_oklab(lab[still]))
    return np.where(near[..., None], changed, srgb).astype(np.float32)


def metered(linear: Floats, target: float = 0.62) -> np.float32:
    """The factor that brings all but the brightest thirtieth of a picture below `target`.

    Lamps in the picture do not count, or a small flame would darken everything.
    """
    luma = luminance(linear)
    lamps = np.quantile(luma, 0.995)
    level = float(np.quantile(luma[luma <= lamps], 0.967))
    return np.float32(target / max(level, 1e-4))


def cleared(linear: Floats, left: float) -> Floats:
    """A picture whose darkest hundredth is near black: haze keeps only the part `left`."""
    veil = float(np.quantile(luminance(linear), 0.01)) * (1 - left)
    luma = luminance(linear)[..., None]
    return linear * np.clip((luma - veil) / np.maximum(luma, 1e-6), 0, 1)


def film(linear: Floats, contrast: float = 1.0) -> Floats:
    """The tone curve of reversal film: a long toe, a soft shoulder. Linear in and out."""
    x = np.clip(linear, 0, None)
    y = x * (x / (x + 0.055)) ** np.float32(0.75 * contrast)
    return (y * (1 + y * 0.12) / (1 + y * 0.90)).astype(np.float32)


def develop(
    linear: Floats,
    *,
    exposure: float = 1.0,
    saturation: float = 0.85,
    shadows: tuple[float, float, float] = (0.90, 1.0, 1.13),
    lights: tuple[float, float, float] = (1.03, 1.0, 0.95),
    halation: float = 0.16,
    contrast: float = 1.0,
) -> Floats:
    """A linear picture as graded sRGB in [0, 1], (h, w, 3)."""
    height = linear.shape[0]
    picture = linear * np.float32(exposure)
    bright = np.clip(picture - 0.75, 0, 6)
    for part, weight in ((0.006, 0.55), (0.022, 0.30), (0.07, 0.15)):
        spread = ndimage.gaussian_filter(bright, (height * part, height * part, 0), truncate=2.5)
        picture = picture + spread * np.float32(halation * weight * 3)
    picture = film(picture, contrast)
    luma = luminance(picture)[..., None]
    picture = luma + (picture - luma) * np.float32(saturation)
    weight = np.clip(luma * 2.4, 0, 1)
    tint = np.asarray(shadows, np.float32) * (1 - weight) + np.asarray(lights, np.float32) * weight
    return to_srgb(picture * tint)


def grain(srgb: Floats, amount: float, seed: int, size: float = 1.0) -> Floats:
    """Film grain: strongest in the middle tones, nearly without colour."""
    height, width = srgb.shape[:2]
    source = np.random.Generator(np.random.PCG64(seed))
    noise = source.standard_normal((height, width, 1), np.float32)
    colour = source.standard_normal((height, width, 3), np.float32) * 0.22
    noise = ndimage.gaussian_filter(noise + colour, (0.55 * size, 0.55 * size, 0)) / (0.55 / size)
    luma = srgb.mean(axis=2, keepdims=True)
    weight = 0.30 + 2.8 * luma * (1 - luma)
    return np.clip(srgb + noise * weight * np.float32(amount), 0, 1).astype(np.float32)


def vignette(height: int, width: int, strength: float) -> Floats:
    """(h, w, 1) factor, 1 in the middle and 1 - strength in the corners."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = (x + 0.5) / width * 2 - 1, (y + 0.5) / height * 2 - 1
    return (1 - strength * np.clip((x * x + y * y) / 2, 0, 1) ** 1.2)[..., None].astype(np.float32)


def to_bytes(srgb: Floats) -> NDArray[np.uint8]:
    """[0, 1] to 8 bits, rounded."""
    return (np.clip(srgb, 0, 1) * 255 + 0.5).astype(np.uint8)
