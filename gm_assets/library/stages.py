"""Verifying one stage of one chain: its files are read and identified again, now.

This is what a materialization of a stage asset records. It reads and reports, and repairs
nothing. The one thing that it writes is derived: sound pictures without a vector of the active
encoder get one in the vector store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from gm_assets.containers import is_model, is_sealed
from gm_assets.errors import UnreadableFile
from gm_assets.library.encoders import complete
from gm_assets.library.examine import Examined, examine
from gm_assets.library.pool import Pool
from gm_assets.library.values import Completed, LinkFact, StageFile, StageReport
from gm_assets.lineage.evidence import is_altered
from gm_assets.memory.record import STAGES, Placement, chain_key, parse_chain_key

if TYPE_CHECKING:
    import duckdb

    from gm_assets.library.library import Library

_FILES = """
select f.path, f.document_id, f.content_id, f.memory, f.format, f.size, f.width, f.height,
       p.part, p."primary"
from placements p join files f using (document_id)
where p.key = ? and p.stage = ?
order by f.path, p.part"""
_LINKS = """
select child, role, parent, parent_content_id, parent_stage, resolution, basis, proven, detail
from links where child in (select document_id from placements where key = ? and stage = ?)
order by child, ordinal"""
_STATE = "select state, reason, primary_document from chains where key = ? and stage = ?"


@dataclass(frozen=True, slots=True)
class _Row:
    """A file of the stage as the store has it."""

    path: str
    document_id: str
    content_id: str | None
    memory: str
    format: str | None
    size: int
    width: int | None
    height: int | None
    part: str
    primary: bool


def verify_stage(library: Library, chain_key: str, stage: str) -> StageReport:
    """Read and identify the files of a stage now and report what is there.

    Args:
        chain_key: such as `seam-keeper.g01`; a bare chain name means its first generation.
        stage: `S1` to `S5`.

    Returns:
        The report, also on the pictures' vectors. It has no files where the stage is a gap or
        the chain is not known.

    Raises:
        ValueError: `chain_key` or `stage` cannot be one.
        LibraryError: the library has no store yet, or it is damaged.
    """
    from gm_assets.lineage.chains import data_version

    key = _key(chain_key)
    if stage not in STAGES:
        raise ValueError(f"{stage!r} is not a stage; stages are {', '.join(STAGES)}")
    con = library.catalogue()
    rows = _rows(con, key, stage)
    found = _examined(library, list(rows))
    files = tuple(_judged(row, found[path], key, stage) for path, row in rows.items())
    links = tuple(LinkFact(*row) for row in con.execute(_LINKS, [key, stage]).fetchall())
    state, reason, primary = con.execute(_STATE, [key, stage]).fetchone() or (None, None, None)
    there = [file for file in files if file.state not in ("vanished", "unreadable")]
    return StageReport(
        key=key,
        stage=stage,
        files=files,
        links=links,
        gap=reason if state == "gap" else None,
        not_applicable=state == "not_applicable",
        primary=_face(there, primary),
        data_version=data_version(file.content_id for file in there if file.content_id),
        vectors=_vectors(library, files, found),
    )


def _vectors(
    library: Library, files: Iterable[StageFile], found: Mapping[str, Examined]
) -> Completed:
    """Vectors for the pictures whose content is the one that links name."""
    pictures = {
        file.path: (file.content_id, found[file.path].memory)
        for file in files
        if file.state in ("sound", "provisional")
        and file.content_id
        and not (is_model(file.format) or is_sealed(file.format))
    }
    return complete(library, pictures) if pictures else Completed()


def _key(text: str) -> str:
    return chain_key(*parse_chain_key(text))


def _rows(con: duckdb.DuckDBPyConnection, key: str, stage: str) -> dict[str, _Row]:
    """The files of the stage by path; one with several parts counts once, its primary first."""
    rows: dict[str, _Row] = {}
    for values in con.execute(_FILES, [key, stage]).fetchall():
        row = _Row(*values)
        if row.path not in rows or row.primary:
            rows[row.path] = row
    return rows


def _examined(library: Library, paths: list[str]) -> dict[str, Examined]:
    root = str(library.root)
    pool: Pool[Examined] = Pool(partial(examine, root), _crashed)
    return {examined.path: examined for examined in pool.stream(paths)}


def _crashed(path: str) -> Examined:
    return Examined(path, error=UnreadableFile("reading it ended the process", where=path))


def _judged(row: _Row, examined: Examined, key: str, stage: str) -> StageFile:
    """A file of the stage as it is now, against what the store and its memory say."""
    state, detail = _state(row, examined, key, stage)
    identity, memory = examined.identity, examined.memory
    content_id = None if identity is None else identity.content_id
    if state == "sound" and memory is not None and memory.written is not None:
        content_id = memory.written.content_id  # the one that links name, whatever the decoder
    return StageFile(
        path=row.path,
        state=state,
        document_id=row.document_id if memory is None else memory.document_id,
        content_id=content_id,
        part=row.part,
        primary=row.primary,
        format=identity.format if identity else row.format,
        width=identity.width if identity else row.width,
        height=identity.height if identity else row.height,
        size=identity.size if identity else row.size,
        detail=detail,
    )


def _state(row: _Row, examined: Examined, key: str, stage: str) -> tuple[str, str | None]:
    if examined.waiting is not None:
        vanished = "vanished" in examined.waiting
        return ("vanished" if vanished else "changed"), examined.waiting
    if examined.error is not None:
        return "unreadable", examined.error.what
    assert examined.identity is not None
    memory = examined.memory
    if examined.memory_error is not None:
        return "unreadable", examined.memory_error.what
    if memory is None and row.memory == "none":
        if examined.identity.content_id != row.content_id:
            return "changed", "its content changed since it was ingested: gm ingest"
        return "provisional", "no memory in the file: a rule of gm.toml places it"
    if memory is None:
        return "unreadable", "its memory is gone: gm ingest says whether it can be had back"
    if is_altered(examined.identity, memory.written):
        return "altered", "its content is not the one that its memory states: gm revise"
    if memory.document_id != row.document_id:
        return "changed", "another document lies here now: gm ingest"
    if memory.placements and not any(_stands(p, key, stage) for p in memory.placements):
        return "changed", "its memory places it elsewhere now: gm ingest"
    stated = memory.written.content_id if memory.written else examined.identity.content_id
    if stated != row.content_id:
        return "changed", "it was revised since it was ingested: gm ingest"
    return "sound", None


def _stands(placement: Placement, key: str, stage: str) -> bool:
    return placement.key == key and placement.stage == stage


def _face(files: list[StageFile], primary_document: Any) -> StageFile | None:
    """The file that stands for the stage: of the primary document, pictures before models."""
    ordered = sorted(
        files,
        key=lambda f: (f.document_id != primary_document, is_model(f.format), f.path),
    )
    return ordered[0] if ordered else None
