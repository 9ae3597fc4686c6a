"""Vectors of pictures whose subject is known: the reference and the held-out set as Parquet.

    content_id   string, unique
    vector       fixed_size_list<float16>[d], unit length
    look, subject, environment, material, light, shot   string, null where not known

The file's metadata says which encoder made the vectors (`gm.encoder`, a fingerprint) and what
they are for (`gm.kind`: `reference` or `heldout`). Files are read as untrusted: bounded, and
every vector checked.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from gm_assets.errors import GmError, UnreadableFile

if TYPE_CHECKING:
    import pyarrow as pa

Kind: TypeAlias = Literal["reference", "heldout"]
#: What may be known of a picture besides its vector.
LABELS: tuple[str, ...] = ("look", "subject", "environment", "material", "light", "shot")
ENCODER = b"gm.encoder"
KIND = b"gm.kind"
MAX_PICTURES = 1_000_000
MAX_DIMENSION = 16_384
#: Bytes of all vectors together.
MAX_BYTES = 2**32
#: Length of a unit vector in float16, and what rounding may do to it.
_TOLERANCE = 0.01
_FINGERPRINT = re.compile(r"[0-9a-f]{64}\Z")


class InvalidReference(GmError):
    """A file of labelled vectors is damaged, or is not what it is used for."""

    exit_code = 4


@dataclass(frozen=True, eq=False)
class Labelled:
    """Vectors of one encoder, sorted by content id, and what is known of their pictures.

    Attributes:
        kind: what they are for.
        encoder: fingerprint of the model that made the vectors.
        content_ids: n of them, ascending.
        vectors: (n, d) float16 of unit length.
        labels: by name (`LABELS`), n texts or None each.
    """

    kind: Kind
    encoder: str
    content_ids: tuple[str, ...]
    vectors: np.ndarray
    labels: Mapping[str, tuple[str | None, ...]]

    @classmethod
    def of(
        cls,
        kind: Kind,
        encoder: str,
        content_ids: list[str],
        vectors: np.ndarray,
        labels: Mapping[str, list[str | None]] | None = None,
    ) -> Labelled:
        """The same, checked and sorted.

        Raises:
            InvalidReference: content ids that repeat, vectors that are not one finite unit
                vector a picture, labels of another number.
        """
        rows = np.asarray(vectors, np.float16)
        if not _FINGERPRINT.match(encoder):
            raise InvalidReference(
                "the encoder's fingerprint is not 64 hexadecimal digits", remedy=_MAKE_AGAIN
            )
        if (
            rows.ndim != 2
            or len(rows) != len(content_ids)
            or not 1 <= rows.shape[1] <= MAX_DIMENSION
        ):
            raise InvalidReference(
                f"{len(content_ids):,} pictures with vectors of shape {rows.shape}",
                remedy=_MAKE_AGAIN,
            )
        lengths = np.linalg.norm(rows.astype(np.float32), axis=1)
        bad = np.flatnonzero(~(np.abs(lengths - 1) < _TOLERANCE))
        if len(bad):
            raise InvalidReference(
                f"the vector of {content_ids[bad[0]]} is not of unit length", remedy=_MAKE_AGAIN
            )
        if len(set(content_ids)) != len(content_ids):
            raise InvalidReference("a picture is in it twice", remedy=_MAKE_AGAIN)
        known = {name: (labels or {}).get(name) or [None] * len(rows) for name in LABELS}
        if any(len(column) != len(rows) for column in known.values()):
            raise InvalidReference("labels for another number of pictures", remedy=_MAKE_AGAIN)
        order = sorted(range(len(content_ids)), key=content_ids.__getitem__)
        return cls(
            kind,
            encoder,
            tuple(content_ids[index] for index in order),
            np.ascontiguousarray(rows[order]),
            {name: tuple(column[index] for index in order) for name, column in known.items()},
        )

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self.vectors.shape[1])

    @cached_property
    def digest(self) -> str:
        """sha256 over kind, encoder, sorted content ids and vectors; labels do not count."""
        found = hashlib.sha256(f"{self.kind} {self.encoder} {self.vectors.shape}\n".encode())
        for content_id in self.content_ids:
            found.update(content_id.encode() + b"\n")
        found.update(self.vectors.astype("<f2").tobytes())
        return found.hexdigest()

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all. Raises OSError."""
        import pyarrow.parquet as pq

        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            pq.write_table(self._table(), temporary, compression="zstd")
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def _table(self) -> pa.Table:
        import pyarrow as pa

        flat = pa.array(self.vectors.reshape(-1), pa.float16())
        columns = {
            "content_id": pa.array(self.content_ids, pa.string()),
            "vector": pa.FixedSizeListArray.from_arrays(flat, self.dimension),
            **{name: pa.array(self.labels[name], pa.string()) for name in LABELS},
        }
        metadata = {KIND: self.kind.encode(), ENCODER: self.encoder.encode()}
        return pa.table(columns).replace_schema_metadata(metadata)


_MAKE_AGAIN = "Make it again: `gm vocab reference` for a studio's own, `gm train` for a model's"


def encoder_of(path: Path) -> str | None:
    """The encoder's fingerprint as the file's footer says it; None where it says none.

    Raises:
        InvalidReference: not Parquet, or larger than a reference can be.
    """
    return (_footer(path).get(ENCODER) or b"").decode("ascii", "replace") or None


def read(path: Path, kind: Kind) -> Labelled:
    """Read labelled vectors.

    Raises:
        InvalidReference: not Parquet of this form, of another kind, too large, or with vectors
            that are no unit vectors.
        UnreadableFile: the file is missing or cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    metadata = _footer(path)
    if (metadata.get(KIND) or b"").decode("ascii", "replace") != kind:
        raise InvalidReference(f"this is no {kind} of vectors", where=path, remedy=_MAKE_AGAIN)
    try:
        size = _dimension(pq.read_schema(path), pq.read_metadata(path).num_rows, path)
        table = pq.read_table(path, memory_map=False)
        vectors = table.column("vector").combine_chunks()
        if vectors.null_count or table.column("content_id").null_count:
            raise InvalidReference("a picture has no vector", where=path, remedy=_MAKE_AGAIN)
        rows = np.asarray(vectors.flatten().to_numpy(zero_copy_only=False)).reshape(-1, size)
        labels = {
            name: table.column(name).cast(pa.string()).to_pylist()
            for name in LABELS
            if name in table.column_names
        }
        ids = table.column("content_id").cast(pa.string()).to_pylist()
        encoder = (metadata.get(ENCODER) or b"").decode("ascii", "replace")
        return Labelled.of(kind, encoder, ids, rows, labels)
    except InvalidReference as error:
        raise InvalidReference(error.what, where=path, remedy=error.remedy) from None
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise _damaged(path, error) from error


def _dimension(schema: pa.Schema, pictures: int, path: Path) -> int:
    """The length of the vectors, judged before they are read."""
    import pyarrow as pa

    kind = schema.field("vector").type
    if not pa.types.is_fixed_size_list(kind) or kind.value_type != pa.float16():
        raise InvalidReference(
            f"the vectors are {kind}, not a fixed number of float16",
            where=path,
            remedy=_MAKE_AGAIN,
        )
    if pictures * kind.list_size * 2 > MAX_BYTES:
        raise InvalidReference(
            "the vectors are too many to be read", where=path, remedy=_MAKE_AGAIN
        )
    return int(kind.list_size)


def _footer(path: Path) -> dict[bytes, bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if path.stat().st_size > MAX_BYTES:
            raise InvalidReference("the file is too large", where=path, remedy=_MAKE_AGAIN)
        metadata = pq.read_metadata(path)
    except OSError as error:
        raise UnreadableFile(
            f"the file cannot be read ({error.strerror or error})", where=path, remedy=_MAKE_AGAIN
        ) from error
    except (pa.ArrowException, ValueError) as error:
        raise _damaged(path, error) from error
    if metadata.num_rows > MAX_PICTURES:
        raise InvalidReference(
            f"more than {MAX_PICTURES:,} pictures", where=path, remedy=_MAKE_AGAIN
        )
    found: dict[bytes, bytes] = metadata.metadata or {}
    return found


def _damaged(path: Path, error: Exception) -> InvalidReference:
    return InvalidReference(
        f"this is no file of labelled vectors ({str(error).splitlines()[0]})",
        where=path,
        remedy=_MAKE_AGAIN,
    )
