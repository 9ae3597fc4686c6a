"""The derived store of a library: generations of Parquet parts, switched atomically.

    <library>/.gm/store/
        CURRENT                number of the current generation and sha256 of its manifest
        generations/00000012.json
        parts/files-<sha256>.parquet ...
        catalogue.duckdb       views over the current generation, for any DuckDB client
        lock                   held by the one process that commits
        spill/                 temporary, only for libraries that do not fit into memory

A commit writes the new parts, syncs them, writes the manifest, syncs it and renames CURRENT
over the old one. A process killed at any instant leaves the old generation or the new one;
what it left behind is removed by the next commit. Everything here can be deleted:
`gm rebuild` derives it from the files again.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from gm_assets.errors import LibraryError, LibraryLocked
from gm_assets.stores import parts
from gm_assets.stores.catalogue import (
    CURRENT,
    MANIFESTS,
    PARTS,
    Generation,
    connect_duckdb,
    database,
    open_current,
    reading,
    views,
)
from gm_assets.stores.parts import Manifest, Part
from gm_assets.stores.rows import TableBuilder
from gm_assets.stores.schema import BASE, DERIVED, KEYS, TABLES, VOICE_COLUMNS
from gm_assets.stores.tables import Change, Tables

if TYPE_CHECKING:
    import duckdb

CATALOGUE = "catalogue.duckdb"
#: Folder for what does not fit into memory while tables are built.
SPILL = "spill"
#: Generations that stay beside the current one, so that a DuckDB client which opened
#: `catalogue.duckdb` before a commit (and holds no lock of ours) can finish its query.
KEPT_GENERATIONS = 1


class Store:
    """The store below `root`; opening it touches nothing."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root).absolute()

    @property
    def generation(self) -> int:
        """Number of the current generation, 0 where nothing was ever committed."""
        current = open_current(self.root)
        return 0 if current is None else current.number

    def current(self) -> Generation:
        """The current generation, kept from collection while the object lives.

        Raises:
            LibraryError: nothing was ever committed, or the store is damaged.
        """
        found = open_current(self.root)
        if found is None:
            raise LibraryError(
                "the library has no store yet",
                where=self.root,
                remedy="Run `gm ingest` or `gm rebuild`",
            )
        return found

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A read-only catalogue of the current generation (`Generation.connect`)."""
        return self.current().connect()

    def tables(self) -> Tables:
        """All rows of the current generation; of an empty library where there is none.

        Rows of silent voices are included (`speaks` false).
        """
        found = open_current(self.root)
        if found is None:
            return Tables.empty()
        return Tables(**{table: found.read_raw(table) for table in TABLES})

    def read(self, table: str, columns: list[str] | None = None) -> pa.Table:
        """What speaks in one table of the current generation, as its view shows it.

        Args:
            table: a name in `schema.TABLES`.
            columns: only these, e.g. the columns of a signature.
        """
        found = open_current(self.root)
        if found is not None:
            return found.read(table, columns)
        shown = [name for name in TABLES[table].names if name not in VOICE_COLUMNS]
        return TABLES[table].empty_table().select(shown if columns is None else columns)

    def rebuild(self) -> TableBuilder:
        """A builder for all rows from nothing."""
        return TableBuilder(spill=self.root / SPILL)

    def update(self) -> TableBuilder:
        """A builder for changes to the current generation (to nothing where there is none)."""
        return TableBuilder(open_current(self.root), self.root / SPILL)

    def commit(self, tables: Tables | Change) -> int:
        """Make a new generation current; links and chains are derived here.

        Equal rows give equal parts, which are not written again: a commit that changes
        nothing leaves the generation as it is.

        Returns:
            The number of the generation that is current now.

        Raises:
            LibraryLocked: another process is committing.
            LibraryError: a change was computed from a generation that is no longer current,
                or the store is damaged.
            OSError: the disk is full; the old generation stays current.
        """
        with self._writing():
            old = open_current(self.root) if isinstance(tables, Change) else self._sound()
            if isinstance(tables, Change):
                if old is None or old.number != tables.base:
                    raise LibraryError(
                        f"the update was computed from generation {tables.base}, "
                        f"the store is at {0 if old is None else old.number}",
                        where=self.root,
                        remedy="Compute it again from the current generation",
                    )
                if tables.empty:
                    return old.number
            number = self._last_number() + 1
            manifest = self._write_tables(number, old, tables)
            parts.sync_folder(self.root / PARTS)
            if old is not None and old.manifest.parts == manifest.parts:
                return old.number
            self._switch(manifest)
            self._collect(number)
            self._write_catalogue()
            return number

    def verify(self) -> None:
        """Read every part of the current generation and compare it with its hash.

        Raises:
            LibraryError: something is missing or damaged.
        """
        self.current().verify()

    def refresh_catalogue(self) -> Path:
        """Path of `catalogue.duckdb`, written again if it shows another state of the library.

        That is: the library was moved or labelled since, or the file is gone.

        Raises:
            LibraryError: nothing was ever committed, or the store is damaged.
            OSError: the store's folder cannot be written.
        """
        generation = self.current()
        path = self.root / CATALOGUE
        if not _catalogue_shows(path, generation):
            with self._writing():
                self._write_catalogue()
        return path

    # -- writing -------------------------------------------------------------------------

    def _write_tables(
        self, number: int, old: Generation | None, tables: Tables | Change
    ) -> Manifest:
        folder = self.root / PARTS
        written: dict[str, tuple[Part, ...]] = {}
        buckets: dict[str, int] = {}
        for table in BASE:
            if isinstance(tables, Change):
                assert old is not None
                buckets[table], written[table] = _merge(folder, table, old, tables)
            else:
                rows = getattr(tables, table)
                buckets[table], written[table] = _write_all(folder, table, rows)
        base = Manifest(
            number,
            {**buckets, **dict.fromkeys(DERIVED, 1)},
            {**written, **dict.fromkeys(DERIVED, ())},
        )
        for table, rows in self._derive(base).items():
            buckets[table], written[table] = _write_all(folder, table, rows)
        return Manifest(number, buckets, written)

    def _derive(self, base: Manifest) -> dict[str, pa.Table]:
        from gm_assets.lineage.resolve import judge

        with reading(self.root), database(self.root / SPILL) as con:
            for statement in views(self.root, base, BASE):
                con.execute(statement)
            return judge(con, self.root / SPILL)

    def _switch(self, manifest: Manifest) -> None:
        data = manifest.dump()
        path = self.root / MANIFESTS / f"{manifest.generation:08d}.json"
        parts.write_durably(path, data)
        parts.sync_folder(path.parent)
        line = f"{manifest.generation} {hashlib.sha256(data).hexdigest()}\n"
        parts.write_durably(self.root / CURRENT, line.encode())
        parts.sync_folder(self.root)

    def _collect(self, current: int) -> None:
        """Remove generations that nobody reads, parts that none names, and leftovers."""
        shutil.rmtree(self.root / SPILL, ignore_errors=True)
        needed: set[str] = set()
        for path in sorted((self.root / MANIFESTS).glob("*.json")):
            with suppress(ValueError):
                if int(path.stem) < current - KEPT_GENERATIONS and _remove_unread(path):
                    continue
                with suppress(LibraryError):  # a damaged old manifest keeps nothing alive
                    needed |= Manifest.load(path.read_bytes(), path).names()
        for folder in (self.root / PARTS, self.root / MANIFESTS, self.root):
            for path in folder.iterdir():
                unneeded = path.suffix == ".parquet" and path.name not in needed
                temporary = path.name.startswith(".") and ".tmp" in path.suffixes
                if unneeded or temporary:
                    path.unlink(missing_ok=True)

    def _write_catalogue(self) -> None:
        """Replace `catalogue.duckdb` by one that shows the current generation."""
        generation = self.current()
        # DuckDB cannot create a database below a folder whose name holds `?` or a backslash
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder) / CATALOGUE
            con = connect_duckdb(str(made))
            try:
                for statement in generation.views():
                    con.execute(statement)
                con.execute(
                    "create table generation as select ?::integer as number, "
                    "?::varchar as root, ?::varchar as labels",
                    [generation.number, str(self.root), generation.labels.mark()],
                )
            finally:
                con.close()
            parts.write_durably(self.root / CATALOGUE, made.read_bytes())

    def _last_number(self) -> int:
        """The highest number in use, so that no reader's manifest is ever replaced."""
        numbers = [0]
        for path in (self.root / MANIFESTS).glob("*.json"):
            with suppress(ValueError):
                numbers.append(int(path.stem))
        return max(numbers)

    def _sound(self) -> Generation | None:
        """The current generation, or None where it cannot be read: a rebuild replaces it."""
        with suppress(LibraryError):
            return open_current(self.root)
        return None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        for folder in (self.root, self.root / MANIFESTS, self.root / PARTS):
            folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise LibraryLocked(
                    "another process is committing to the store",
                    where=self.root,
                    remedy="Wait for it to end and try again",
                ) from error
            yield
        finally:
            os.close(descriptor)


def _write_all(folder: Path, table: str, rows: pa.Table) -> tuple[int, tuple[Part, ...]]:
    buckets = parts.bucket_count(len(rows))
    written = [
        parts.write_part(folder, table, bucket, some)
        for bucket, some in parts.split(table, rows, buckets)
    ]
    return buckets, tuple(written)


def _merge(
    folder: Path, table: str, old: Generation, change: Change
) -> tuple[int, tuple[Part, ...]]:
    """Parts of a table after a change: untouched buckets are shared with the old generation."""
    gone, fresh = change.replaced[table], getattr(change.rows, table)
    buckets = old.manifest.buckets[table]
    if not len(gone):
        return buckets, old.manifest.parts[table]
    kept = {part.bucket: part for part in old.manifest.parts[table]}
    added = dict(parts.split(table, fresh, buckets))
    merged: dict[int, pa.Table] = {}
    for bucket in sorted(set(parts.buckets_of(gone, buckets).tolist())):
        rows = added.get(bucket, TABLES[table].empty_table())
        if (part := kept.pop(bucket, None)) is not None:
            rest = _without(parts.read_part(old.root / PARTS, table, part), table, gone)
            rows = pa.concat_tables([rest, rows])
        merged[bucket] = rows
    total = sum(part.rows for part in kept.values()) + sum(map(len, merged.values()))
    if parts.bucket_count(total) != buckets:
        untouched = [parts.read_part(old.root / PARTS, table, part) for part in kept.values()]
        return _write_all(folder, table, pa.concat_tables([*untouched, *merged.values()]))
    written = [
        parts.write_part(folder, table, bucket, rows)
        for bucket, rows in merged.items()
        if len(rows) or buckets == 1
    ]
    return buckets, tuple(sorted([*kept.values(), *written], key=lambda part: part.bucket))


def _without(rows: pa.Table, table: str, gone: pa.Array) -> pa.Table:
    return rows.filter(pc.invert(pc.is_in(rows.column(KEYS[table]), value_set=gone)))


def _remove_unread(manifest: Path) -> bool:
    """Remove an old manifest unless a reader holds it; True where it is gone."""
    descriptor = os.open(manifest, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        manifest.unlink()
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)


def _catalogue_shows(path: Path, generation: Generation) -> bool:
    import duckdb

    if not path.exists():
        return False
    try:
        with duckdb.connect(str(path), read_only=True) as con:
            row = con.execute("select number, root, labels from generation").fetchone()
    except duckdb.Error:
        return False
    return row == (generation.number, str(generation.root), generation.labels.mark())
