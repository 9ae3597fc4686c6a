"""Reading a generation: its parts, and DuckDB views over them.

Readers open an in-memory DuckDB with views over the Parquet parts of one generation: there
is no database file, so nobody waits for a lock, and a library that was moved needs nothing.
For other DuckDB clients `catalogue.duckdb` beside the parts holds the same views with
absolute paths; see `docs/stores.md`.

A reader holds a shared `flock` on its generation's manifest; the collector removes a
generation only when it gets that lock for itself.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from gm_assets.errors import LibraryError
from gm_assets.settings import DUCKDB_MEMORY, DUCKDB_THREADS, duckdb_bounds
from gm_assets.stores import parts
from gm_assets.stores.labels import FOLDER as LABELS
from gm_assets.stores.labels import LabelStore
from gm_assets.stores.parts import REBUILD, Manifest
from gm_assets.stores.schema import TABLES, VOICE_COLUMNS
from gm_assets.stores.sql import pattern, quoted, read_parquet

if TYPE_CHECKING:
    import duckdb

CURRENT = "CURRENT"
MANIFESTS = "generations"
PARTS = "parts"


def connect_duckdb(path: str = ":memory:", spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection with bounded threads and memory that never touches the network.

    Args:
        path: of a database file.
        spill: folder for what does not fit into the memory bound; without one such a query
            fails (DuckDB's own default is a folder in the working directory).

    Raises:
        LibraryError: a bound in the environment is not one that DuckDB understands.
    """
    import duckdb

    threads, memory = duckdb_bounds()
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        # a name that is no table must be an error, not some Python variable
        "python_enable_replacements": False,
        "threads": threads,
        "temp_directory": "" if spill is None else str(spill),
        "memory_limit": memory,
    }
    try:
        return duckdb.connect(path, config=config)
    except (duckdb.InvalidInputException, duckdb.ParserException) as error:
        raise LibraryError(
            f"DuckDB does not accept its bounds: {str(error).splitlines()[0]}",
            where=f"{DUCKDB_THREADS}, {DUCKDB_MEMORY}",
            remedy="Set a number of threads and a size such as 2GB, or unset both",
        ) from error


@contextmanager
def database(spill: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A throw-away in-memory DuckDB."""
    con = connect_duckdb(spill=spill)
    try:
        yield con
    finally:
        con.close()


@contextmanager
def reading(where: Path | str) -> Iterator[None]:
    """Turn what DuckDB says of a damaged or too large store into a `LibraryError`."""
    import duckdb

    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise LibraryError(
            "the question does not fit into the memory that DuckDB may use",
            where=where,
            remedy=f"Set {DUCKDB_MEMORY} to more, e.g. 4GB",
        ) from error
    except duckdb.Error as error:
        # bytes that are not what they should be come as any class but those of wrong SQL
        wrong_sql = isinstance(error, duckdb.ProgrammingError)
        if wrong_sql and not isinstance(error, duckdb.InvalidInputException):
            raise
        raise LibraryError(
            f"the store cannot be read: {str(error).splitlines()[0]}",
            where=where,
            remedy=REBUILD,
        ) from error


@dataclass(frozen=True)
class Generation:
    """One generation of a store, pinned: it is not collected while this object lives."""

    root: Path
    manifest: Manifest
    _descriptor: int = field(repr=False)

    def __post_init__(self) -> None:
        weakref.finalize(self, os.close, self._descriptor)

    @property
    def number(self) -> int:
        """The generation's number, growing by one with every commit."""
        return self.manifest.generation

    def read(self, table: str, columns: list[str] | None = None) -> pa.Table:
        """The rows of a table that speak, as the view of that name shows them.

        Raises:
            LibraryError: a part is missing or damaged.
        """
        import pyarrow.compute as pc

        shown = [name for name in TABLES[table].names if name not in VOICE_COLUMNS]
        wanted = shown if columns is None else columns
        if "speaks" not in TABLES[table].names:
            return self.read_raw(table, wanted)
        rows = self.read_raw(table, [*wanted, "speaks"])
        return rows.filter(pc.field("speaks")).select(wanted)

    def read_raw(self, table: str, columns: list[str] | None = None) -> pa.Table:
        """The rows of a table, those of silent voices included.

        Raises:
            LibraryError: a part is missing or damaged.
        """
        found = [
            parts.read_part(self.root / PARTS, table, part, columns)
            for part in self.manifest.parts[table]
        ]
        return pa.concat_tables(found)

    def attach_raw(self, con: duckdb.DuckDBPyConnection, prefix: str) -> None:
        """Create temporary views `<prefix><table>` over the parts, silent voices included."""
        self._check()
        for table in TABLES:
            source = _source(self.root, self.manifest, table)
            con.execute(f"create temp view {prefix}{table} as select * from {source}")

    def connect(self) -> duckdb.DuckDBPyConnection:
        """An in-memory catalogue of this generation, which stays pinned while it is open.

        Its views are the tables of `schema.py` with only what speaks. A connection serves
        one thread; take `cursor()` for others and keep the connection.

        Raises:
            LibraryError: a part is missing or damaged.
        """
        self._check()
        con = connect_duckdb()
        try:
            with reading(self.root):
                for statement in self.views():
                    con.execute(statement)
                # nothing but parts and labels can be read through this connection
                folders = (self.root / PARTS, self.labels.root)
                allowed = (quoted(text) for path in folders for text in (str(path), pattern(path)))
                con.execute(f"set allowed_directories = [{', '.join(allowed)}]")
                con.execute("set enable_external_access = false")
        except LibraryError:
            con.close()
            raise
        weakref.finalize(con, _keep, self)
        return con

    @property
    def labels(self) -> LabelStore:
        """The labels beside the store; they change without a new generation."""
        return LabelStore(self.root.parent / LABELS)

    def views(self) -> Iterator[str]:
        """The statements that create the catalogue's views, those of the labels included."""
        yield from views(self.root, self.manifest, TABLES)
        yield from self.labels.views()

    def verify(self) -> None:
        """Read every part and compare it with its hash.

        Raises:
            LibraryError: a part is missing or not what the manifest says.
        """
        for table, found in self.manifest.parts.items():
            for part in found:
                path = self.root / PARTS / part.name(table)
                try:
                    with path.open("rb") as file:
                        digest = hashlib.file_digest(file, "sha256").hexdigest()
                except OSError as error:
                    raise parts.damaged(path) from error
                if digest != part.sha256:
                    raise parts.damaged(path)

    def _check(self) -> None:
        """Find missing and truncated parts before a query does."""
        for table, found in self.manifest.parts.items():
            for part in found:
                path = self.root / PARTS / part.name(table)
                try:
                    size = path.stat().st_size
                except OSError as error:
                    raise parts.damaged(path) from error
                if size != part.size:
                    raise parts.damaged(path)


def views(root: Path, manifest: Manifest, tables: Iterable[str]) -> Iterator[str]:
    """The statements that create views of what speaks in these tables."""
    for table in tables:
        hidden = [name for name in TABLES[table].names if name in VOICE_COLUMNS]
        exclude = f" exclude ({', '.join(hidden)})" if hidden else ""
        where = " where speaks" if "speaks" in hidden else ""
        source = _source(root, manifest, table)
        yield f"create or replace view {table} as select *{exclude} from {source}{where}"


def _source(root: Path, manifest: Manifest, table: str) -> str:
    return read_parquet(root / PARTS / part.name(table) for part in manifest.parts[table])


def open_current(root: Path) -> Generation | None:
    """The current generation, pinned, or None where nothing was ever committed.

    Raises:
        LibraryError: the store is damaged.
    """
    while True:
        try:
            number, digest = (root / CURRENT).read_text().split()
            path = root / MANIFESTS / f"{int(number):08d}.json"
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise LibraryError(
                "the store's pointer to its current generation is damaged",
                where=root / CURRENT,
                remedy=REBUILD,
            ) from error
        generation = _pin(root, path, digest)
        if generation is not None:
            return generation
        # the writer switched and collected between our two reads: look again


def _pin(root: Path, path: Path, digest: str) -> Generation | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        if _names(root, path):
            raise LibraryError(
                "the store's manifest is missing", where=path, remedy=REBUILD
            ) from error
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if os.fstat(descriptor).st_nlink == 0:
            os.close(descriptor)
            return None
        with os.fdopen(os.dup(descriptor), "rb") as file:
            data = file.read()
        if hashlib.sha256(data).hexdigest() != digest:
            raise LibraryError("the store's manifest is damaged", where=path, remedy=REBUILD)
        return Generation(root, Manifest.load(data, path), descriptor)
    except BaseException:
        with suppress(OSError):
            os.close(descriptor)
        raise


def _names(root: Path, path: Path) -> bool:
    """True where CURRENT still names this manifest."""
    with suppress(OSError, ValueError):
        return f"{int((root / CURRENT).read_text().split()[0]):08d}.json" == path.name
    return False


def _keep(generation: Generation) -> None:
    """Hold a generation until a connection over it is gone."""
