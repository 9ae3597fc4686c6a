"""Pictures as the numbers that the embedded leash works with, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Mean and standard deviation of the world's frames in sRGB, mapped to 0 and 1.
MIDDLE, SPREAD = 0.33, 0.20


def to_values(pixels: Any) -> Any:
    """uint8 sRGB as a tensor or array of about zero mean and unit spread, float32."""
    values = pixels.float() if hasattr(pixels, "float") else np.asarray(pixels, np.float32)
    return (values / 255 - MIDDLE) / SPREAD


def to_pixels(values: Any) -> NDArray[np.uint8]:
    """The inverse for one picture (3, h, w): (h, w, 3) uint8, rounded."""
    rows = np.asarray(values, np.float32).transpose(1, 2, 0) * SPREAD + MIDDLE
    return (np.clip(rows, 0, 1) * 255 + 0.5).astype(np.uint8)
