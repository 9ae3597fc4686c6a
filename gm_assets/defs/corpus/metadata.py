"""What the corpus assets show: row counts, coverage and quarantine as typed metadata."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import dagster as dg

from gm_assets.defs.store import ROWS, bytes_below
from gm_assets.defs.tables import as_table

if TYPE_CHECKING:
    import duckdb

    from gm_assets.library import Library
    from gm_assets.library.values import RebuildReport, ShardReport

_TABLES = (
    "files", "contents", "assets", "placements", "parents", "links", "chains", "events", "gaps",
    "quarantine",
)  # fmt: skip

_UNPLACED = "assets WHERE document_id NOT IN (SELECT document_id FROM placements)"


def shard_metadata(report: ShardReport) -> dict[str, dg.MetadataValue]:
    """Metadata of one shard of `fingerprints`."""
    return {
        "dagster/row_count": dg.MetadataValue.int(report.files),
        "files read": dg.MetadataValue.int(report.read),
        "files verified": dg.MetadataValue.int(report.verified),
        "altered": dg.MetadataValue.int(report.altered),
        "quarantined": dg.MetadataValue.int(report.quarantined),
        "megabytes read": dg.MetadataValue.float(round(report.bytes / 1e6, 1)),
        "seconds": dg.MetadataValue.float(float(round(report.seconds, 2))),
    }


def catalogue_metadata(
    library: Library, report: RebuildReport | None
) -> tuple[str, dict[str, dg.MetadataValue]]:
    """The catalogue's data version, and its metadata in the order in which it is read.

    The data version is the sha256 over the stages' data versions and the number of files, so
    a rebuild that finds the same library has the same one.
    """
    store = library.store
    with store.connect() as connection:
        counts = {name: count(connection, name) for name in _TABLES}
        versions = connection.execute(
            "SELECT key, stage, data_version FROM chains ORDER BY key, stage"
        ).fetchall()
        metadata: dict[str, dg.MetadataValue] = {
            "dagster/row_count": dg.MetadataValue.int(counts["files"]),
            "generation": dg.MetadataValue.int(store.generation),
            "stages": _table(
                connection,
                """SELECT stage,
                          count(*) FILTER (state = 'present') AS present,
                          count(*) FILTER (state = 'gap') AS gap,
                          count(*) FILTER (state = 'not_applicable') AS "not applicable",
                          coalesce(sum(stale), 0)::INTEGER AS stale,
                          coalesce(sum(altered), 0)::INTEGER AS altered
                   FROM chains GROUP BY stage ORDER BY stage""",
            ),
            "links": _table(
                connection,
                """SELECT resolution, basis, count(*) AS links,
                          count(*) FILTER (proven) AS proven
                   FROM links GROUP BY ALL ORDER BY resolution, basis""",
            ),
            "files altered": dg.MetadataValue.int(count(connection, "files WHERE altered")),
            "files unverified": dg.MetadataValue.int(count(connection, "files WHERE NOT verified")),
            "documents in no chain": dg.MetadataValue.int(count(connection, _UNPLACED)),
            "quarantined": dg.MetadataValue.int(counts["quarantine"]),
        }
        if counts["quarantine"]:
            metadata["quarantine"] = quarantine_table(connection)
    metadata["rows"] = as_table(("table", "rows"), [(name, counts[name]) for name in _TABLES])
    metadata["megabytes"] = dg.MetadataValue.float(round(bytes_below(store.root) / 1e6, 2))
    metadata["store"] = dg.MetadataValue.path(store.root)
    if report is not None:
        metadata["rebuilt from"] = dg.MetadataValue.text(
            "files, read and decoded" if report.verified else "memories"
        )
        metadata["seconds"] = dg.MetadataValue.float(round(report.seconds, 2))
    digest = hashlib.sha256(repr((versions, counts["files"])).encode()).hexdigest()
    return digest, metadata


def quarantine_table(connection: duckdb.DuckDBPyConnection) -> dg.TableMetadataValue:
    """The first files that cannot be read, with reason and remedy."""
    return _table(
        connection,
        f"SELECT path AS file, reason, remedy FROM quarantine ORDER BY path LIMIT {ROWS}",
    )


def altered_table(connection: duckdb.DuckDBPyConnection) -> dg.TableMetadataValue:
    """The first files whose content is not the one that their memory states."""
    return _table(
        connection,
        f"SELECT path AS file, document_id AS document FROM files WHERE altered "
        f"ORDER BY path LIMIT {ROWS}",
    )


def count(connection: duckdb.DuckDBPyConnection, rows: str) -> int:
    """How many rows there are; `rows` is what follows FROM, and never comes from a file."""
    found = connection.execute(f"SELECT count(*) FROM {rows}").fetchone()
    return found[0] if found else 0


def _table(connection: duckdb.DuckDBPyConnection, query: str) -> dg.TableMetadataValue:
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description or ()]
    return as_table(names, cursor.fetchall())
