"""The LanceDB tables of a vector store: opening them, and knowing when they have changed."""

from __future__ import annotations

import os
import re
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from gm_assets.errors import LibraryError, MissingExtra, NotFound
from gm_assets.stores.vectors import indexing, rows
from gm_assets.stores.vectors.indexing import IndexReport
from gm_assets.stores.vectors.rows import Vectors
from gm_assets.stores.vectors.trouble import reading, start_again

#: Seconds that a writer waits for another one; building an index takes minutes.
PATIENCE = 900.0
#: Times of a folder may be as coarse as this (a tick of the kernel is at most 10 ms).
SETTLED_NS = 100_000_000

_MODEL = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True)
class Known:
    """What is remembered of a table: its version, its dimension, and how it is searched.

    `stamp` is the modification time of the folder of versions when this was asked. `complete`:
    an index covers every row.
    """

    stamp: int
    version: int
    dimension: int
    plan: IndexReport | None
    complete: bool


class Tables:
    """One LanceDB table a model below `root`; opening this touches nothing.

    Args:
        root: `<library>/.gm/vectors`.
        patience: seconds to wait for another writer.
    """

    def __init__(self, root: str | os.PathLike[str], *, patience: float = PATIENCE) -> None:
        self.root = Path(root).absolute()
        self._places: dict[str, tuple[Path, Path]] = {}
        self.patience = patience
        self._tables: dict[str, Any] = {}
        self._known: dict[str, Known] = {}
        self._guard = threading.Lock()

    def models(self) -> tuple[str, ...]:
        """The fingerprints of the models that have a table."""
        if not self.root.is_dir():
            return ()
        names = (path.stem for path in self.root.glob("*.lance") if path.is_dir())
        return tuple(sorted(name for name in names if _MODEL.match(name)))

    def count(self, model: str) -> int:
        """How many vectors there are; 0 for a model without a table."""
        table = self._open(model)
        if table is None:
            return 0
        with reading(self.root):
            return int(table.count_rows())

    def dimension(self, model: str) -> int | None:
        """Numbers in a vector; None for a model without a table."""
        table = self._open(model)
        return None if table is None else self._dimension(table)

    def version(self, model: str) -> int:
        """Grows with every change of a model's table; 0 without one."""
        table = self._open(model)
        return 0 if table is None else self._state(model, table).version

    @cached_property
    def _database(self) -> Any:
        try:
            import lancedb
        except ImportError as error:
            raise MissingExtra.of("lancedb") from error
        # Every read looks for a newer version first: other processes write here too.
        return lancedb.connect(self.root, read_consistency_interval=timedelta(0))

    def _open(self, model: str) -> Any | None:
        """The table of a model, or None where it has none."""
        check_model(model)
        with self._guard:
            folder, _ = self._folders(model)
            if not folder.is_dir():
                self._tables.pop(model, None)
                return None
            if model not in self._tables:
                if _unborn(folder):
                    return None
                with reading(self.root):
                    self._tables[model] = self._sound(self._database.open_table(model))
            return self._tables[model]

    def _folders(self, model: str) -> tuple[Path, Path]:
        """The folder of a model's table and that of its versions, joined once for all searches."""
        if model not in self._places:
            folder = self.root / f"{model}.lance"
            self._places[model] = (folder, folder / "_versions")
        return self._places[model]

    def _table(self, model: str) -> Any:
        table = self._open(model)
        if table is None:
            raise NotFound(
                "there are no vectors of this model yet",
                where=model[:16],
                remedy="Run gm embed",
            )
        return table

    def _create(self, model: str, dimension: int) -> Any:
        table = self._database.create_table(model, schema=rows.schema(dimension))
        with self._guard:
            self._tables[model] = table
        return table

    def _sound(self, table: Any) -> Any:
        """`table`, unless its columns are not ours."""
        found = table.schema
        vector = found.field("vector").type if "vector" in found.names else None
        if isinstance(vector, pa.FixedSizeListType) and found.names == (
            rows.schema(vector.list_size).names
        ):
            return table
        raise LibraryError(
            "the vector store was written by another version",
            where=self.root,
            remedy=start_again(self.root),
        )

    def _scan(self, model: str, columns: list[str], where: str | None = None) -> pa.Table:
        table = self._open(model)
        if table is None:
            return rows.schema(1).empty_table().select(columns)
        with reading(self.root):
            question = table.search(None).select(columns)
            return (question if where is None else question.where(where)).to_arrow()

    def _state(self, model: str, table: Any) -> Known:
        """Version and plan of a table, asked of LanceDB only where they may have changed.

        Asking takes a millisecond, as long as an exact search of a small library. Every
        version is a new file in one folder, whose time tells; a time so recent that another
        version may share it is not trusted.
        """
        _, versions = self._folders(model)
        stamp = versions.stat().st_mtime_ns
        known = self._known.get(model)
        if known is None or known.stamp != stamp:
            with reading(self.root):
                known = Known(
                    stamp,
                    int(table.version),
                    self._dimension(table),
                    indexing.read(table),
                    indexing.complete(table),
                )
            if time.time_ns() - stamp > SETTLED_NS:
                self._known[model] = known
        return known

    @staticmethod
    def _dimension(table: Any) -> int:
        return int(table.schema.field("vector").type.list_size)

    @staticmethod
    def _vectors(found: pa.Table, dimension: int) -> Vectors:
        ids = found["content_id"].combine_chunks()
        return Vectors(ids, rows.from_arrow(found["vector"], dimension))


def check_model(model: str) -> None:
    """Only a fingerprint may become a folder's name."""
    if not _MODEL.match(model):
        raise ValueError(f"{model!r} is not the fingerprint of a model")


def _unborn(folder: Path) -> bool:
    """Whether another process is making a table: its folder has neither a version nor rows yet.

    A folder with rows and no version is a damaged table, and opening it says so.
    """
    return not any((folder / "_versions").glob("*")) and not (folder / "data").exists()
