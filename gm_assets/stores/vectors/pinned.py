"""A table at one version, with what a search by its index needs, for many searches.

LanceDB's blocking interface goes to its event loop and back three times for one search, and
looks for a newer version each time; a version that is held needs one way there and back. What
an index answers are row ids, and their contents are read once for all searches of a version.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

Found = TypeVar("Found")


@dataclass(frozen=True)
class Pinned:
    """A model's table at one version.

    Attributes:
        version: of the table.
        table: LanceDB's asynchronous table, held at that version.
        row_ids: (n,) uint64, ascending. content_ids: (n,) strings, of the same rows.
    """

    version: int
    table: Any
    row_ids: np.ndarray
    content_ids: pa.StringArray

    @classmethod
    def of(cls, root: Path, model: str, version: int) -> Pinned:
        """Open the table of `model` below `root` at a version."""
        return _wait(_pin(root, model, version))

    def nearest(self, asked: np.ndarray, k: int, probes: int) -> tuple[pa.StringArray, np.ndarray]:
        """The contents that the index finds nearest to a query, and their cosines.

        Args:
            asked: (d,) in the table's numbers.
            probes: cells of the index to look into.
        """
        found = _wait(_ask(self.table, asked, k, probes))
        places = np.searchsorted(self.row_ids, found["_rowid"].to_numpy())
        return self.content_ids.take(pa.array(places)), 1.0 - found["_distance"].to_numpy()


async def _pin(root: Path, model: str, version: int) -> Pinned:
    import lancedb

    database = await lancedb.connect_async(root)
    table = await database.open_table(model)
    await table.checkout(version)
    rows = await table.query().select(["content_id"]).with_row_id().to_arrow()
    row_ids = rows["_rowid"].to_numpy()
    order = np.argsort(row_ids, kind="stable")
    schema = await table.schema()

    async def unchanged() -> pa.Schema:
        return schema

    table.schema = unchanged  # type: ignore[method-assign]  # LanceDB asks in every search
    names = rows["content_id"].combine_chunks().take(pa.array(order))
    return Pinned(version, table, row_ids[order], names)


async def _ask(table: Any, asked: np.ndarray, k: int, probes: int) -> pa.Table:
    question = table.query().nearest_to(asked).column("vector").distance_type("cosine")
    question = question.limit(k).nprobes(probes).fast_search()
    answer = await question.select(["_distance"]).with_row_id().to_batches()
    found: list[pa.RecordBatch] = []
    async for batch in answer:
        found.append(batch)
        if sum(one.num_rows for one in found) >= k:
            break  # asking whether there is more is one more way there and back
    return pa.Table.from_batches(found, answer.schema)


def _wait(work: Coroutine[Any, Any, Found]) -> Found:
    """What a coroutine returns; for callers on any thread, with or without a loop of their own."""
    return asyncio.run_coroutine_threadsafe(work, _loop(os.getpid())).result()


@lru_cache(maxsize=1)
def _loop(process: int) -> asyncio.AbstractEventLoop:
    """The event loop of a process, on a thread of its own; a fork has to make another."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name=f"gm-vectors-{process}", daemon=True).start()
    return loop
