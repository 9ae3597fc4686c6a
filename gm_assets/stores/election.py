"""Who speaks: one memory for each document, one file for each content.

A document may lie in several copies, and copies may carry different memories (one was
revised, an older one was kept). Of a document's voices the one speaks that

1. is a memory rather than a placement by rule,
2. has the newest event in its history,
3. has the longer history,
4. has the greater digest (so that the answer is always the same).

Of the files that carry this voice one stands for the document: unaltered before altered,
read before merely remembered, then the first path. Of the files that hold one content the
first path speaks for the content, read before merely remembered.

Everything is SQL over Arrow tables, for a whole library or only for what an update touches.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa

from gm_assets.stores.schema import (
    ASSETS,
    EVENTS,
    FILES,
    GAPS,
    OF_DOCUMENTS,
    PARENTS,
    PLACEMENTS,
    QUARANTINE,
    TABLES,
)
from gm_assets.stores.spool import Spool
from gm_assets.stores.tables import Change, Tables

if TYPE_CHECKING:
    import duckdb

    from gm_assets.stores.catalogue import Generation

#: Rows of a batch that comes from DuckDB.
BATCH_ROWS = 50_000

#: Gives the result of a query as a table with the schema of that name.
_Fetch: TypeAlias = Callable[[str, str], pa.Table]

#: Columns of `assets` that the standing file gives rather than the memory.
_FILE_FACTS = ("content_id", "stream_hash", "kind", "path", "altered", "stated_content_id")
_ELECTED = (*_FILE_FACTS, "verified", "copies", "speaks")


def _pool(schema: pa.Schema) -> pa.Schema:
    kept = [field for field in schema if field.name not in ("speaks", "origin")]
    return pa.schema([*kept, pa.field("origin", pa.int64())])


#: What the table builder collects: the rows of every file's memory, told apart by `origin`
#: (the number of the file in the builder; 0 for rows of the base generation).
POOL: dict[str, pa.Schema] = {
    "files": _pool(FILES),
    "assets": _pool(pa.schema([field for field in ASSETS if field.name not in _ELECTED])),
    "placements": _pool(PLACEMENTS),
    "parents": _pool(PARENTS),
    "events": _pool(EVENTS),
    "gaps": _pool(GAPS),
}

_FILES = """
create temp table pool_files as
select * from new_files
qualify row_number() over (partition by path order by origin desc) = 1
"""

_VOICES = """
create temp table voices as
with heard as (
    select document_id, voice, min(origin) as origin, any_value(provisional) as provisional,
           any_value(last_event) as last_event, any_value(events) as events
    from pool_assets group by document_id, voice
)
select document_id, voice, origin,
       row_number() over (
           partition by document_id
           order by provisional, last_event desc nulls last, events desc, voice desc
       ) = 1 as speaks
from heard semi join pool_files using (document_id, voice)
"""

_ASSETS = """
with standing as (
    select document_id, voice, content_id, stream_hash, kind, path, altered,
           stated_content_id, verified
    from pool_files where document_id is not null
    qualify row_number() over (
        partition by document_id, voice order by altered, verified desc, path
    ) = 1
), counted as (
    select document_id, count(*) as copies
    from pool_files where document_id is not null group by document_id
)
select {columns}
from pool_assets
join voices using (document_id, voice, origin)
join standing using (document_id, voice)
join counted using (document_id)
"""

_CONTENTS = """
select content_id, kind,
       case when content_id like 'px:%' then split_part(content_id, ':', 2) end as pixel_hash,
       pixel_layout, stream_hash, width, height, frames, perceptual_hash,
       case when content_id like 'as:%' then split_part(content_id, ':', 2) end as asset_hash,
       geometry_hash, decoder
from {files} where content_id is not null
qualify row_number() over (partition by content_id order by verified desc, path) = 1
"""

#: For an update: what the given paths touch, and the old rows that must be heard again.
_TOUCHED = """
create temp table touched as
select document_id from old_files semi join gone using (path) where document_id is not null
union select document_id from new_files where document_id is not null;

create temp table touched_contents as
select content_id from old_files semi join gone using (path) where content_id is not null
union select content_id from new_files where content_id is not null;

create temp table kept_files as
select *, 0::bigint as origin from old_files anti join gone using (path)
where document_id in (select document_id from touched)
   or content_id in (select content_id from touched_contents);

create temp table all_files as
select * from pool_files union all by name select * from kept_files;

create temp table document_files as
select * from all_files where document_id in (select document_id from touched);

create temp table content_files as
select * from all_files where content_id in (select content_id from touched_contents);
"""


def elect(pool: dict[str, pa.Table], quarantine: pa.Table, spill: Path | None) -> Tables:
    """Tables of a whole library from the rows of all its files.

    What does not fit into DuckDB's memory bound goes to `spill`.
    """
    from gm_assets.stores.catalogue import database

    with database(spill) as con:
        fetch = _fetcher(con, spill)
        for name, table in pool.items():
            con.register(f"new_{name}", table)
        con.execute(_FILES)
        for name in OF_DOCUMENTS:
            con.execute(f"create temp view pool_{name} as select * from new_{name}")
        con.execute(_VOICES)
        return Tables(
            files=fetch("files", "select * exclude (origin) from pool_files"),
            contents=fetch("contents", _CONTENTS.format(files="pool_files")),
            quarantine=_last_word(con, fetch, quarantine),
            **_of_documents(fetch),
        )


def elect_changes(
    base: Generation,
    gone: list[str],
    pool: dict[str, pa.Table],
    quarantine: pa.Table,
    spill: Path | None,
) -> Change:
    """The change that dropping `gone` and adding the rows of `pool` makes to `base`.

    `gone` also names the paths that come again. Documents and contents that neither the
    gone nor the new files touch are not looked at.
    """
    from gm_assets.stores.catalogue import database, reading

    paths = pa.array(gone, pa.string())
    with reading(base.root), database(spill) as con:
        fetch = _fetcher(con, spill)
        base.attach_raw(con, prefix="old_")
        con.register("gone", pa.table({"path": paths}))
        for name, table in pool.items():
            con.register(f"new_{name}", table)
        con.execute(_FILES)
        con.execute(_TOUCHED)
        for name in OF_DOCUMENTS:
            columns = ", ".join(f'"{column}"' for column in POOL[name].names[:-1])
            con.execute(
                f"create temp table pool_{name} as select {columns}, origin from new_{name} "
                f"union all select {columns}, 0 from old_{name} "
                "where document_id in (select document_id from touched)"
            )
        new_files = fetch("files", "select * exclude (origin) from pool_files")
        con.execute("alter table pool_files rename to added_files")
        con.execute("create temp view pool_files as select * from document_files")
        con.execute(_VOICES)
        rows = Tables(
            files=new_files,
            contents=fetch("contents", _CONTENTS.format(files="content_files")),
            quarantine=_last_word(con, fetch, quarantine),
            **_of_documents(fetch),
        )
        documents = _keys(con, "select document_id from touched")
        replaced = {
            "files": paths,
            "contents": _keys(con, "select content_id from touched_contents"),
            **dict.fromkeys(OF_DOCUMENTS, documents),
            "quarantine": paths,
        }
    return Change(base=base.number, replaced=replaced, rows=rows)


def _of_documents(fetch: _Fetch) -> dict[str, pa.Table]:
    columns = ", ".join(
        f'{name}::integer as "{name}"' if name == "copies" else f'"{name}"' for name in ASSETS.names
    )
    found = {"assets": fetch("assets", _ASSETS.format(columns=columns))}
    for name in OF_DOCUMENTS[1:]:
        sql = (
            f"select * exclude (origin) from pool_{name} "
            "join voices using (document_id, voice, origin)"
        )
        found[name] = fetch(name, sql)
    return found


def _last_word(con: duckdb.DuckDBPyConnection, fetch: _Fetch, quarantine: pa.Table) -> pa.Table:
    numbered = quarantine.append_column("origin", pa.array(range(len(quarantine)), pa.int64()))
    con.register("new_quarantine", numbered)
    return fetch(
        "quarantine",
        "select * exclude (origin) from new_quarantine "
        "qualify row_number() over (partition by path order by origin desc) = 1",
    )


def _fetcher(con: duckdb.DuckDBPyConnection, spill: Path | None) -> _Fetch:
    """A function that gives the result of a query as a table with the schema of that name."""

    def fetch(name: str, sql: str) -> pa.Table:
        schema = TABLES[name]
        columns = ", ".join(f'"{column}"' for column in schema.names)
        reader = con.sql(f"select {columns} from ({sql})").to_arrow_reader(BATCH_ROWS)
        return Spool(schema, spill).extend(reader).table()

    return fetch


def _keys(con: duckdb.DuckDBPyConnection, sql: str) -> pa.Array:
    column = con.sql(sql).to_arrow_table().column(0)
    return column.cast(pa.string()).combine_chunks()


assert set(OF_DOCUMENTS) < set(POOL)
assert QUARANTINE.names[0] == "path"
