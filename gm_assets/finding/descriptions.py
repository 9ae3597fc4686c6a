"""What the vector store is told of a content: filter columns and words, out of the catalogue.

A row's digest covers everything in it, so that only rows that changed are written again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from gm_assets.containers import SEALED
from gm_assets.stores.catalogue import reading
from gm_assets.stores.vectors.rows import DESCRIPTION, FILTERS

if TYPE_CHECKING:
    import duckdb

#: Characters of one text (a prompt, a description) that are searched.
TEXT = 4_000

_DESCRIPTION = f"""
    with documents as (
        select content_id, document_id, kind, domain, subject, environment, shot,
            concat_ws(' ', title, left(description, {TEXT}), left(ai_prompt, {TEXT}),
                left(array_to_string(keywords, ' '), {TEXT}), domain, subject, environment, shot
            ) as words
        from assets where content_id is not null
    ), links_of as (
        select child as document_id, bool_and(proven) as proven,
            list_distinct(list(resolution) || list(basis)) as met
        from links group by child
    ), gaps_of as (
        select distinct document_id from gaps
    ), judged as (
        select content_id, list_sort(list_distinct(flatten(list(
            coalesce(met, []) || [case when proven then 'proven' when proven is null then 'none'
                else 'unproven' end] || case when g.document_id is null then [] else ['gap'] end
        )))) as evidence
        from documents left join links_of using (document_id)
        left join gaps_of g using (document_id) group by content_id
    ), placed as (
        select content_id,
            list(distinct stage order by stage) as stages,
            list_sort(list_distinct(list(chain) || list(key))) as chains,
            list(distinct part order by part) as parts,
            string_agg(distinct chain, ' ' order by chain) as chain_words
        from documents join placements using (document_id) group by content_id
    ), told as (
        select content_id,
            list(distinct kind order by kind) filter (kind is not null) as kinds,
            list(distinct domain order by domain) filter (domain is not null) as domains,
            list(distinct subject order by subject) filter (subject is not null) as subjects,
            list(distinct environment order by environment)
                filter (environment is not null) as environments,
            list(distinct shot order by shot) filter (shot is not null) as shots,
            string_agg(distinct words, ' ' order by words) as words
        from documents group by content_id
    )
    select content_id, {", ".join(f"coalesce({name}, []) as {name}" for name in FILTERS)},
        concat_ws(' ', words, chain_words) as words
    from told left join placed using (content_id) left join judged using (content_id)"""

_DIGEST = "md5(concat_ws(chr(31), {}))".format(
    ", ".join([*(f"array_to_string({name}, chr(30))" for name in FILTERS), "words"])
)


def changed(con: duckdb.DuckDBPyConnection, described: pa.Table) -> pa.Table:
    """The descriptions (`rows.DESCRIPTION`) that differ from those in the vector store.

    Args:
        con: a catalogue connection.
        described: `content_id` and `digest` of the store's rows.
    """
    names = ", ".join(DESCRIPTION.names)
    sql = f"""
        with wanted as (select *, {_DIGEST} as digest from ({_DESCRIPTION}))
        select {names} from wanted join described_rows d using (content_id)
        where d.digest is distinct from wanted.digest"""
    sql = sql.replace("select content_id, digest,", "select content_id, wanted.digest as digest,")
    return _asked(con, described, sql).cast(DESCRIPTION)


def vanished(con: duckdb.DuckDBPyConnection, described: pa.Table) -> list[str]:
    """Contents of the store that no file of the library holds any more."""
    sql = "select content_id from described_rows anti join contents using (content_id)"
    return list(_asked(con, described, sql)["content_id"].to_pylist())


def readable(con: duckdb.DuckDBPyConnection, described: pa.Table, model: str) -> pa.Table:
    """`path` and `content_id` of files whose memory holds a vector that the store lacks.

    A content's vector is in the memory that states that content: files that were altered
    since are left out.
    """
    sql = """
        select min(path) as path, content_id from assets
        anti join described_rows using (content_id)
        where list_contains(embedded_by, $model) and not altered and content_id is not null
        group by content_id order by 1"""
    return _asked(con, described, sql, model=model)


def missing(con: duckdb.DuckDBPyConnection, described: pa.Table) -> int:
    """How many pictures of the library have no vector; files of sealed formats never get one.

    A file whose content nobody has read yet (no memory, after a fast rebuild) counts as one.
    """
    sql = """
        select count(distinct coalesce(content_id, path)) as n from files
        anti join described_rows using (content_id)
        where kind = 'image' and not list_contains($sealed, coalesce(format, ''))"""
    return int(_asked(con, described, sql, sealed=list(SEALED))["n"][0].as_py())


def _asked(
    con: duckdb.DuckDBPyConnection, described: pa.Table, sql: str, **parameters: str | list[str]
) -> pa.Table:
    cursor = con.cursor()
    cursor.register("described_rows", described.select(["content_id", "digest"]))
    with reading("catalogue"):
        return cursor.sql(sql, params=parameters).to_arrow_table()
