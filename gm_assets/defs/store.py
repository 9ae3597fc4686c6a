"""What definitions ask of the library besides their own work: take files in, name chains.

The domain functions live in `gm_assets.library` and `gm_assets.stores`; these are the few
lines that assets, jobs and the sensor share.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from gm_assets.defs.library.assets import library_files
from gm_assets.defs.partitions import register_chains
from gm_assets.errors import NotFound
from gm_assets.memory.record import Stage

if TYPE_CHECKING:
    from gm_assets.library import Library
    from gm_assets.library.values import IngestReport, ProgressFunction

#: Names the whole library in a list of paths to take in.
EVERYTHING = "."
#: Rows of a table in an event; the views of the catalogue have all of them.
ROWS = 40


def take_in(
    library: Library,
    paths: Sequence[str],
    log: dg.DagsterLogManager,
    progress: ProgressFunction | None = None,
) -> Iterator[dg.AssetObservation]:
    """Ingest `paths` (below the root); yields what became of them, seen on `library_files`.

    In a managed folder this writes memories; elsewhere it only catalogues.

    Raises:
        LibraryLocked: another writer did not finish within the library's waiting time.
    """
    from gm_assets.library import ingest

    if not paths:
        return
    wanted = None if EVERYTHING in paths else [library.root / path for path in paths]
    try:
        report = ingest(library, wanted, progress=progress)
    except NotFound:
        # A file came and went between the sensor's tick and this run.
        report = ingest(library, progress=progress)
    log.info(report.summary())
    if report.outcomes or report.moved or report.vanished:
        yield dg.AssetObservation(
            library_files.key,
            description=report.summary(),
            metadata=changed_files(report),
        )


def changed_files(report: IngestReport) -> dict[str, dg.MetadataValue]:
    """What an ingest did, as metadata of `library_files`."""
    rows = [
        *((f"moved from {move.old}", move.new) for move in report.moved),
        *(("vanished", path) for path in report.vanished),
        *((str(outcome.action), outcome.path) for outcome in report.outcomes),
    ]
    table = dg.MetadataValue.table(
        records=[dg.TableRecord({"file": path, "what": what}) for what, path in rows[:ROWS]],
        schema=dg.TableSchema(
            columns=[
                dg.TableColumn("file", "string", description="path below the library's root"),
                dg.TableColumn("what", "string", description="what became of it"),
            ]
        ),
    )
    return {
        "changes": table,
        "files changed": dg.MetadataValue.int(len(rows)),
        "files unchanged": dg.MetadataValue.int(report.unchanged),
        "generation": dg.MetadataValue.int(report.generation),
    }


def unwritten(library: Library) -> dict[str, list[tuple[str, Stage]]]:
    """Catalogued files of managed folders that carry no memory, with the places they have.

    A refresh of the fingerprints may catalogue a file before an ingest came to it.
    """
    import pyarrow.compute as pc

    files = library.store.read("files", ["path", "document_id", "memory", "managed"])
    bare = files.filter(pc.and_(pc.equal(files.column("memory"), "none"), files.column("managed")))
    if not bare.num_rows:
        return {}
    documents = bare.column("document_id")
    placements = library.store.read("placements", ["document_id", "key", "stage"])
    placements = placements.filter(pc.is_in(placements.column(0), value_set=documents))
    places: dict[str, list[tuple[str, Stage]]] = {}
    for row in placements.to_pylist():
        places.setdefault(row["document_id"], []).append((row["key"], row["stage"]))
    return {row["path"]: places.get(row["document_id"], []) for row in bare.to_pylist()}


def chain_keys(library: Library) -> list[str]:
    """The chain keys of the catalogue, in order."""
    return sorted(set(library.store.read("chains", ["key"]).column("key").to_pylist()))


def listed_chains(
    library: Library, instance: dg.DagsterInstance, chains: Sequence[str]
) -> list[str]:
    """The chains that a run names, or all of the catalogue; those it has become partitions."""
    known = chain_keys(library)
    wanted = list(chains) or known
    register_chains(instance, [key for key in wanted if key in set(known)])
    return wanted


def stage_versions(library: Library) -> dict[Stage, dict[str, str]]:
    """Data versions that should be on record, by stage and chain key.

    Stages without files and stages with altered files are absent: they are not recorded.
    """
    table = library.store.read("chains", ["key", "stage", "altered", "data_version"])
    versions: dict[Stage, dict[str, str]] = {}
    for row in table.to_pylist():
        if row["data_version"] and not row["altered"]:
            versions.setdefault(row["stage"], {})[row["key"]] = row["data_version"]
    return versions


def bytes_below(folder: Path) -> int:
    """Size of the files in a folder that a writer may be changing."""
    total = 0
    for file in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += file.stat().st_size if file.is_file() else 0
    return total
