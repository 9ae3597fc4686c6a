"""Parquet parts and the manifest that makes a generation of them.

A part holds the rows of one bucket of one table in their total order, and is named by the
sha256 of its bytes: equal rows give an equal part, which generations then share. A table has
as many buckets as it needs for parts of about 100,000 rows (a power of two); a row's bucket
is the CRC-32 of its key, so an update rewrites only the buckets that it touches.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gm_assets.errors import LibraryError
from gm_assets.stores.schema import KEYS, ORDER, TABLES

#: Rows that a part holds at most on average.
PART_ROWS = 100_000
#: Version of the manifest and of the schemas; another one means `gm rebuild`.
FORMAT = 2

#: Columns with few different values, which Parquet writes as dictionaries. Ids and hashes
#: would only be tried and given up as such.
_FEW_VALUES = frozenset(
    {
        *("format", "kind", "memory", "pixel_layout", "decoder", "creator_tool", "rights"),
        *("domain", "subject", "environment", "shot", "digital_source_type", "ai_system"),
        *("chain", "key", "stage", "part", "view", "variant", "role", "basis", "parent_stage"),
        *("action", "software_agent", "person", "time", "last_event", "error", "remedy"),
        *("resolution", "detail", "state", "reason", "generation", "width", "height"),
    }
)

REBUILD = "Run `gm rebuild`: the store is derived from the files and comes back from them"


@dataclass(frozen=True, slots=True)
class Part:
    """One Parquet file of a table."""

    bucket: int
    rows: int
    size: int
    sha256: str

    def name(self, table: str) -> str:
        """The file's name below `parts/`."""
        return f"{table}-{self.sha256}.parquet"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one generation consists of."""

    generation: int
    buckets: dict[str, int]
    parts: dict[str, tuple[Part, ...]]

    def names(self) -> set[str]:
        """File names of all parts."""
        return {part.name(table) for table, parts in self.parts.items() for part in parts}

    def rows(self, table: str) -> int:
        """Rows of a table, those of silent voices included."""
        return sum(part.rows for part in self.parts[table])

    def dump(self) -> bytes:
        """The manifest as JSON."""
        tables = {
            table: {
                "buckets": self.buckets[table],
                "parts": [asdict(part) for part in self.parts[table]],
            }
            for table in TABLES
        }
        document = {"format": FORMAT, "generation": self.generation, "tables": tables}
        return json.dumps(document, indent=1).encode()

    @classmethod
    def load(cls, data: bytes, where: Path) -> Manifest:
        """Read a manifest.

        Raises:
            LibraryError: the bytes are no manifest, or one of another format.
        """
        try:
            document: dict[str, Any] = json.loads(data)
            if document["format"] != FORMAT:
                raise LibraryError(
                    f"the store has format {document['format']!r}, this version reads {FORMAT}",
                    where=where,
                    remedy=REBUILD,
                )
            tables = document["tables"]
            return cls(
                generation=int(document["generation"]),
                buckets={table: int(tables[table]["buckets"]) for table in TABLES},
                parts={
                    table: tuple(_part(entry) for entry in tables[table]["parts"])
                    for table in TABLES
                },
            )
        except (ValueError, KeyError, TypeError) as error:
            raise LibraryError(
                "the store's manifest is damaged", where=where, remedy=REBUILD
            ) from error


def _part(entry: dict[str, Any]) -> Part:
    part = Part(int(entry["bucket"]), int(entry["rows"]), int(entry["size"]), entry["sha256"])
    if len(part.sha256) != 64 or not set(part.sha256) <= set("0123456789abcdef"):
        raise ValueError("a part's name must be a sha256")
    return part


def bucket_count(rows: int) -> int:
    """Buckets of a table with that many rows: the least power of two that is enough."""
    return 1 << max(0, -(-rows // PART_ROWS) - 1).bit_length()


def buckets_of(keys: pa.Array | pa.ChunkedArray, buckets: int) -> np.ndarray:
    """The bucket of every key, as int32 of the same length."""
    if buckets == 1:
        return np.zeros(len(keys), np.int32)
    crc = zlib.crc32
    chunks = keys.chunks if isinstance(keys, pa.ChunkedArray) else [keys]
    numbers = [
        np.fromiter((crc((key or "").encode()) % buckets for key in some), np.int32, len(some))
        for some in (chunk.to_pylist() for chunk in chunks)
    ]
    return np.concatenate(numbers) if numbers else np.zeros(0, np.int32)


def split(table: str, rows: pa.Table, buckets: int) -> Iterator[tuple[int, pa.Table]]:
    """The rows of each bucket that has any, in no order within it."""
    if buckets == 1:
        yield 0, rows
        return
    numbers = buckets_of(rows.column(KEYS[table]), buckets)
    order = np.argsort(numbers, kind="stable")
    ends = np.searchsorted(numbers[order], np.arange(buckets + 1))
    for bucket in range(buckets):
        here = order[ends[bucket] : ends[bucket + 1]]
        if len(here):
            yield bucket, rows.take(pa.array(here))


def write_part(folder: Path, table: str, bucket: int, rows: pa.Table) -> Part:
    """Write one part durably, unless it is already there.

    Raises:
        OSError: the disk is full or the folder cannot be written.
    """
    rows = rows.sort_by([(column, "ascending") for column in ORDER[table]]).combine_chunks()
    sink = pa.BufferOutputStream()
    pq.write_table(
        rows.replace_schema_metadata(None),
        sink,
        compression="zstd",
        compression_level=1,
        row_group_size=25_000,
        write_page_checksum=True,
        use_dictionary=[name for name in rows.column_names if name in _FEW_VALUES],
    )
    data = sink.getvalue()
    part = Part(bucket, len(rows), data.size, hashlib.sha256(data).hexdigest())
    path = folder / part.name(table)
    if not _holds(path, data):
        write_durably(path, data)
    return part


def read_part(folder: Path, table: str, part: Part, columns: list[str] | None = None) -> pa.Table:
    """Read one part.

    Raises:
        LibraryError: the part is missing or damaged.
    """
    path = folder / part.name(table)
    try:
        found = pq.read_table(
            path, columns=columns, memory_map=True, page_checksum_verification=True
        )
    except (OSError, pa.ArrowException, KeyError) as error:
        raise damaged(path) from error
    names = TABLES[table].names if columns is None else columns
    return found.cast(pa.schema([TABLES[table].field(name) for name in names]))


def damaged(path: Path) -> LibraryError:
    """The error for a part that is missing or cannot be read."""
    return LibraryError("a part of the store is missing or damaged", where=path, remedy=REBUILD)


def write_durably(path: Path, data: bytes | pa.Buffer) -> None:
    """Write a file so that after a crash it is there whole, or not at all under its name.

    The caller syncs the folder (`sync_folder`) when all files are written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _holds(path: Path, data: pa.Buffer) -> bool:
    """True where the file is there with these bytes: a damaged part must be written again."""
    try:
        return path.stat().st_size == data.size and path.read_bytes() == data
    except OSError:
        return False
