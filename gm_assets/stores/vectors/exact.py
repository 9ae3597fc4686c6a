"""Exact search: all vectors in memory, one product, the best of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa


@dataclass(frozen=True)
class Matrix:
    """All vectors of a model at one version, for exact search in this process.

    Attributes:
        version: of the table.
        content_ids: (n,) strings.
        rows: (n, d) float32, unit length.
    """

    version: int
    content_ids: pa.StringArray
    rows: np.ndarray


def nearest(content_ids: pa.StringArray, cosines: np.ndarray, k: int) -> pa.Table:
    """The `k` highest cosines with their contents, best first, equal ones by content id.

    Args:
        content_ids: (n,).
        cosines: (n,) float32, in the same order.
    """
    count = min(k, len(cosines))
    chosen = np.arange(len(cosines))
    if count < len(cosines):
        chosen = np.argpartition(cosines, len(cosines) - count)[len(cosines) - count :]
    names = content_ids.take(pa.array(chosen))
    order = np.lexsort((np.asarray(names.to_pylist(), object), -cosines[chosen]))
    ranked = pa.array(order)
    return pa.table(
        {
            "content_id": names.take(ranked),
            "cosine": pa.array(cosines[chosen][order].astype(np.float32)),
        }
    )
