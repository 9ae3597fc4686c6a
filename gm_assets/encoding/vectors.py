"""Vectors on their way into memories and back: unit length, float16, checked both ways.

A memory keeps a vector as base64 of little-endian float16 (`memory.record.Embedding`). What
comes out of a file is anybody's text, so `unpack` checks as much as `pack` does.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from gm_assets.errors import InvalidMemory, ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gm_assets.memory.record import Embedding, Memory

#: How far a vector's length may be from 1. Rounding 768 numbers to float16 moves it by 1e-4.
LENGTH_TOLERANCE = 0.01


def unit_rows(rows: NDArray[Any], what: str = "the model") -> NDArray[np.float32]:
    """Rows `(n, d)` scaled to length 1, float32.

    Raises:
        ModelError: a row holds NaN or infinity, or is zero and has no direction.
    """
    import numpy as np

    rows = np.asarray(rows, np.float32)
    # float64: the squares of large float32 numbers may overflow float32
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    if not np.isfinite(lengths).all():
        raise ModelError(
            f"{what} gave numbers that are not finite",
            remedy="Its weights are damaged, or its runtime or dtype does not suit it",
        )
    if not lengths.all():
        raise ModelError(
            f"{what} gave a vector of zeros, which has no direction",
            remedy="Its weights are damaged, or it was never trained",
        )
    scaled: NDArray[np.float32] = (rows / lengths[:, None]).astype(np.float32)
    return scaled


def pack(vector: NDArray[Any], model: str) -> Embedding:
    """A unit vector `(d,)` in the form that a memory keeps.

    Args:
        vector: float16 or float32, length 1 within `LENGTH_TOLERANCE`.
        model: fingerprint of the model that made it.

    Raises:
        ModelError: not one row, NaN, infinite, zero or not of length 1.
    """
    import numpy as np

    from gm_assets.memory.record import Embedding

    half = np.asarray(vector).astype("<f2")
    if half.ndim != 1 or not half.size:
        raise ModelError(f"a vector has one dimension, not the shape {half.shape}")
    if fault := _fault(half):
        raise ModelError(f"not a unit vector: {fault}", remedy="Encode the picture again")
    data = base64.b64encode(half.tobytes()).decode("ascii")
    return Embedding(model=model, dimension=half.size, data=data)


def unpack(embedding: Embedding) -> NDArray[np.float16]:
    """The vector `(d,)` of an entry in a memory.

    Raises:
        InvalidMemory: not base64, not as long as it says, NaN, infinite, zero or not of
            length 1.
    """
    import numpy as np

    try:
        data = base64.b64decode(embedding.data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _invalid(f"is not base64 ({error})") from None
    if len(data) != 2 * embedding.dimension:
        raise _invalid(f"states {embedding.dimension} numbers and holds {len(data) / 2:g}")
    vector = np.frombuffer(data, "<f2").astype(np.float16)
    if fault := _fault(vector):
        raise _invalid(f"is not a unit vector: {fault}")
    return vector


def vector_of(memory: Memory, model: str) -> NDArray[np.float16] | None:
    """The vector that a memory holds of one model; None where it holds none.

    Raises:
        InvalidMemory: as `unpack`.
    """
    for embedding in memory.embeddings:
        if embedding.model == model:
            return unpack(embedding)
    return None


def with_vector(memory: Memory, embedding: Embedding) -> Memory:
    """`memory` with this vector in the place of the one of the same model; others stay."""
    kept = tuple(other for other in memory.embeddings if other.model != embedding.model)
    return memory.model_copy(update={"embeddings": (*kept, embedding)})


def _fault(vector: NDArray[np.float16]) -> str | None:
    """What keeps a float16 vector from being one of unit length, in words."""
    import numpy as np

    if not np.isfinite(vector).all():
        return "it holds NaN or infinity"
    length = float(np.linalg.norm(vector.astype(np.float32)))
    if abs(length - 1.0) > LENGTH_TOLERANCE:
        return f"its length is {length:.3g}"
    return None


def _invalid(what: str) -> InvalidMemory:
    return InvalidMemory(
        f"a vector in the memory {what}", remedy="`gm embed --into-files` writes it anew"
    )
