"""The rows of a vector table: their schema, and what is refused before it gets there.

One table holds the vectors of one model. Filter columns are lists of strings, since a content
can be in several documents and a document in several chains; they are null until `describe`
has filled them from the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from gm_assets.errors import InvalidMemory

#: Lists of strings that a search can ask for.
FILTERS: tuple[str, ...] = (
    "stages",
    "chains",
    "parts",
    "kinds",
    "domains",
    "subjects",
    "environments",
    "shots",
    "evidence",
)
#: How far the length of a unit vector may be from 1. A float16 component is off by at most
#: 2^-11 of itself, and so is the length; the rest is for encoders that normalise in float16.
LENGTH_TOLERANCE = 0.01
#: Largest dimension; `memory.record.Embedding` has the same bound.
MAX_DIMENSION = 16_384

_LIST = pa.list_(pa.string())
#: Columns that `VectorStore.describe` takes.
DESCRIPTION = pa.schema(
    [
        ("content_id", pa.string()),
        ("digest", pa.string()),
        *((name, _LIST) for name in FILTERS),
        ("words", pa.string()),
    ]
)


class Vectors(NamedTuple):
    """Vectors with the contents they belong to.

    Attributes:
        content_ids: (n,) strings.
        rows: (n, d) float16, unit length.
    """

    content_ids: pa.StringArray
    rows: np.ndarray


def schema(dimension: int) -> pa.Schema:
    """The schema of a table: vector and its source, digest of the description, description."""
    return pa.schema(
        [
            ("content_id", pa.string()),
            ("vector", pa.list_(pa.float16(), dimension)),
            ("source", pa.string()),  # memory | computed
            *((field.name, field.type) for field in list(DESCRIPTION)[1:]),
        ]
    )


def batch(content_ids: Iterable[str], vectors: np.ndarray, source: str) -> pa.Table:
    """Rows for an upsert; of a content that is given twice the last vector stays.

    Raises:
        InvalidMemory: not one finite unit vector for every content.
    """
    ids = list(content_ids)
    rows = _checked(ids, vectors)
    last = {content_id: number for number, content_id in enumerate(ids)}
    if len(last) != len(ids):
        ids, rows = list(last), rows[list(last.values())]
    return pa.table(
        {
            "content_id": pa.array(ids, pa.string()),
            "vector": to_arrow(rows.astype(np.float16)),
            "source": pa.array([source] * len(ids), pa.string()),
        }
    )


def _checked(ids: list[str], vectors: np.ndarray) -> np.ndarray:
    rows = np.asarray(vectors)
    if rows.ndim != 2 or len(rows) != len(ids) or not 1 <= rows.shape[1] <= MAX_DIMENSION:
        raise InvalidMemory(
            f"{len(ids)} contents need as many vectors of one dimension; these have the "
            f"shape {rows.shape}",
            remedy="Give an array of shape (contents, dimension)",
        )
    lengths = np.linalg.norm(rows.astype(np.float32), axis=1)
    bad = np.flatnonzero(~(np.abs(lengths - 1.0) <= LENGTH_TOLERANCE))  # NaN is bad too
    if len(bad):
        length = lengths[bad[0]]
        raise InvalidMemory(
            f"{len(bad)} of {len(ids)} vectors are no unit vectors (the first has the "
            f"length {length:.4g})",
            where=ids[bad[0]],
            remedy="Embed the picture again: gm embed",
        )
    return rows


def query(vector: np.ndarray, dimension: int) -> np.ndarray:
    """A query as (d,) float32 of unit length.

    Raises:
        InvalidMemory: another dimension, or no direction at all (zero, NaN, infinite).
    """
    row = np.asarray(vector, np.float32)
    if row.shape != (dimension,):
        raise InvalidMemory(
            f"the store's vectors have {dimension} numbers, the query has the shape {row.shape}",
            remedy="Ask with the model that the vectors come from (gm models list)",
        )
    length = float(np.linalg.norm(row))
    if not np.isfinite(length) or length < 1e-6:
        raise InvalidMemory(
            f"the query has no direction (its length is {length:.4g})",
            remedy="Say it in other words; opposites may cancel each other",
        )
    return row / length


def to_arrow(rows: np.ndarray) -> pa.FixedSizeListArray:
    """(n, d) float16 as an Arrow array of fixed-size lists."""
    flat = pa.array(np.ascontiguousarray(rows).reshape(-1), pa.float16())
    return pa.FixedSizeListArray.from_arrays(flat, rows.shape[1])


def from_arrow(column: pa.Array | pa.ChunkedArray, dimension: int) -> np.ndarray:
    """Inverse of `to_arrow`."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if isinstance(column, pa.ChunkedArray):  # of no chunks at all
        return np.empty((0, dimension), np.float16)
    return column.flatten().to_numpy(zero_copy_only=False).reshape(-1, dimension)
