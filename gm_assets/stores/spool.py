"""Arrow batches on their way: in memory while they are few, in a file when they are many.

The file is unlinked as soon as it is open, so that a killed process leaves nothing behind,
and is read back memory-mapped: a table of it costs address space, not memory.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import pyarrow as pa

#: Bytes of one table that are kept in memory.
MEMORY_BYTES = 32 * 2**20


class Spool:
    """Collects record batches of one schema and gives them back as a table.

    Args:
        schema: of every batch.
        folder: where the file goes if there must be one; made when needed. By default the
            system's folder for temporary files.
    """

    def __init__(self, schema: pa.Schema, folder: Path | None = None) -> None:
        self._schema = schema
        self._folder = folder
        self._batches: list[pa.RecordBatch] = []
        self._bytes = 0
        self._file: IO[bytes] | None = None
        self._writer: pa.RecordBatchStreamWriter | None = None

    def add(self, batch: pa.RecordBatch) -> None:
        """Add a batch.

        Raises:
            OSError: the disk is full.
        """
        self._batches.append(batch)
        self._bytes += batch.nbytes
        if self._bytes > MEMORY_BYTES:
            self._spill()

    def extend(self, batches: Iterable[pa.RecordBatch]) -> Spool:
        """Add batches whose columns are cast to the schema."""
        for batch in batches:
            self.add(batch.cast(self._schema))
        return self

    def table(self) -> pa.Table:
        """Everything that was added; the spool takes nothing more afterwards."""
        if self._writer is None or self._file is None:
            return pa.Table.from_batches(self._batches, self._schema)
        self._spill()
        self._writer.close()
        self._file.flush()
        mapped = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        self._file.close()
        return pa.ipc.open_stream(pa.py_buffer(mapped)).read_all()

    def _spill(self) -> None:
        if self._writer is None:
            if self._folder is not None:
                self._folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - lives on
            self._writer = pa.ipc.new_stream(self._file, self._schema)
        for batch in self._batches:
            self._writer.write_batch(batch)
        self._batches.clear()
        self._bytes = 0
