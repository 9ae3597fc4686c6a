"""Exact search: all vectors in memory, one product, the best of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

#: Bytes of a content id that tell nearly all apart: the kind and 80 bits of its hash.
KEY = 23


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

    def find(self, content_ids: pa.StringArray) -> np.ndarray:
        """The rows of those of the contents that are here, in the order given."""
        sorted_keys, order = self._sorted
        asked = keys(content_ids)
        first = np.searchsorted(sorted_keys, asked, "left")
        last = np.searchsorted(sorted_keys, asked, "right")
        names = content_ids.to_pylist()
        return np.array(
            [
                row
                for name, low, high in zip(names, first, last, strict=True)
                for row in order[low:high].tolist()
                if self.content_ids[row].as_py() == name
            ],
            np.int64,
        )

    @cached_property
    def _sorted(self) -> tuple[np.ndarray, np.ndarray]:
        found = keys(self.content_ids)
        order = np.argsort(found, kind="stable")
        return found[order], order


def keys(content_ids: pa.StringArray) -> np.ndarray:
    """The beginnings of content ids as bytes that numpy can sort and search.

    Two contents can share one (equal pixels in another width and height): compare the ids.
    """
    return np.array(content_ids.to_pylist(), f"S{KEY}")


def unit(rows: np.ndarray) -> np.ndarray:
    """Vectors as float32 of length 1; rounding to float16 has moved it by up to 2^-11."""
    wide = rows.astype(np.float32)
    wide /= np.maximum(np.sqrt(np.einsum("nd,nd->n", wide, wide)), 1e-6)[:, None]
    return wide


def nearest(content_ids: pa.StringArray, cosines: np.ndarray, k: int) -> pa.Table:
    """The `k` highest cosines with their contents, best first, equal ones by content id.

    Args:
        content_ids: (n,).
        cosines: (n,) float32, in the same order.
    """
    if k < len(cosines):
        chosen = np.argpartition(cosines, len(cosines) - k)[len(cosines) - k :]
        content_ids, cosines = content_ids.take(pa.array(chosen)), cosines[chosen]
    names = np.asarray(content_ids.to_pylist(), object)
    order = np.lexsort((names, -cosines))
    return pa.table(
        {
            "content_id": pa.array(names[order], pa.string()),
            "cosine": pa.array(cosines[order].astype(np.float32, copy=False)),
        }
    )
