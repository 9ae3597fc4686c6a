"""From views to the numbers that an image tower takes.

The image processor of a model says how: resize, crop, mean and deviation. The two common forms
(a square; the shorter edge and a centre crop) are done here with the same Pillow filter and one
pass of numpy, several times faster than through the processor and equal to it; every other
processor is called as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gm_assets.errors import ModelError

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Preprocess:
    """How a view becomes float32 `(3, side, side)`.

    Attributes:
        side: width and height of the tower's input in pixels.
        resample: Pillow's number of the resize filter.
        crop: the shorter edge is resized and the middle is cut out; else the picture is
            squeezed into the square.
        scale, shift: `(3, 1, 1)`; a sample's number is `sample * scale + shift`.
    """

    side: int
    resample: int
    crop: bool
    scale: NDArray[np.float32]
    shift: NDArray[np.float32]

    def __call__(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Views as one batch: float32 `(n, 3, side, side)`."""
        batch = np.empty((len(pictures), 3, self.side, self.side), np.float32)
        for row, picture in zip(batch, pictures, strict=True):
            np.multiply(self.square(picture).transpose(2, 0, 1), self.scale, out=row)
            row += self.shift
        return batch

    def square(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A view at the size of the tower's input; one that has that size stays as it is."""
        from PIL import Image

        side = self.side
        image = Image.fromarray(picture)
        if image.size == (side, side):
            return picture
        if not self.crop:
            return np.asarray(image.resize((side, side), Image.Resampling(self.resample)))
        width, height = _edge(image, side)
        image = image.resize((width, height), Image.Resampling(self.resample))
        left, top = (width - side) // 2, (height - side) // 2
        return np.asarray(image)[top : top + side, left : left + side]


def preprocess_of(processor: Any) -> Preprocess | None:
    """The fast form of a transformers image processor; None where it has none.

    Raises:
        ModelError: its numbers cannot be: no size, a deviation of zero.
    """
    from transformers.image_processing_backends import PilBackend

    kind = type(processor)
    plain = isinstance(processor, PilBackend) and all(
        getattr(kind, name) is getattr(PilBackend, name)
        for name in ("_preprocess", "resize", "center_crop", "rescale", "normalize")
    )
    wanted = ("do_resize", "do_rescale", "do_normalize")
    if not plain or not all(getattr(processor, name, False) for name in wanted):
        return None
    if getattr(processor, "do_pad", False):
        return None
    form = _form(processor)
    if form is None:
        return None
    side, crop = form
    mean = np.broadcast_to(np.asarray(processor.image_mean, np.float64), 3)
    deviation = np.broadcast_to(np.asarray(processor.image_std, np.float64), 3)
    if not (deviation > 0).all() or not np.isfinite([*mean, *deviation]).all():
        raise ModelError("the image processor's mean or deviation is none")
    scale = float(processor.rescale_factor) / deviation
    return Preprocess(
        side=side,
        resample=int(processor.resample),
        crop=crop,
        scale=scale.astype(np.float32)[:, None, None],
        shift=(-mean / deviation).astype(np.float32)[:, None, None],
    )


def _form(processor: Any) -> tuple[int, bool] | None:
    """Side and whether it crops, for the two forms of this module."""
    size = {key: value for key, value in dict(processor.size).items() if value}
    crops = bool(getattr(processor, "do_center_crop", False))
    if set(size) == {"height", "width"} and size["height"] == size["width"] and not crops:
        return int(size["height"]), False
    crop = dict(getattr(processor, "crop_size", None) or {}) if crops else {}
    edge = size.get("shortest_edge")
    if edge and set(size) == {"shortest_edge"} and crop.get("height") == crop.get("width") == edge:
        return int(edge), True
    return None


def _edge(image: Image.Image, side: int) -> tuple[int, int]:
    """Width and height with the shorter edge at `side`, as transformers rounds them."""
    width, height = image.size
    if width <= height:
        return side, int(side * height / width)
    return int(side * width / height), side
