"""The chains table: for every chain, generation and stage what is there, and what is not.

Every chain generation that any document is placed in gets all five stages. A stage without a
document is a `gap`, with the reason where a memory states one, or `not_applicable`: a
generation that began by re-entry (an S5 of the generation before placed as its S3) has no
sketch and no reference of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pyarrow as pa

from gm_assets.lineage.evidence import Resolution
from gm_assets.lineage.graph import Ancestry
from gm_assets.memory.record import STAGES
from gm_assets.stores.schema import CHAINS

if TYPE_CHECKING:
    import duckdb

#: Stages that a generation which began by re-entry has not.
NOT_AFTER_REENTRY = ("S1", "S2")
#: Different reasons of one gap that are shown, in alphabetical order.
MAX_REASONS = 5

_CHAINS = """
with placed as (
    select p.*, a.content_id, a.kind, a.altered, a.provisional,
           s.document_id is not null as stale
    from placements p join assets a using (document_id)
    left join stale_documents s using (document_id)
), turns as (
    select key, chain, generation from placed group by key, chain, generation
), reentered as (
    select distinct later.chain, later.generation
    from placed later join placed earlier
      on earlier.document_id = later.document_id and earlier.chain = later.chain
     and earlier.generation = later.generation - 1
     and earlier.stage = 'S5' and later.stage = 'S3'
), stages as (
    select key, stage, count(distinct document_id) as documents,
           count(distinct document_id) filter (stale) as stale,
           count(distinct document_id) filter (altered) as altered,
           first(document_id order by "primary" desc, kind, provisional, variant nulls first,
                 part, view nulls first, frame nulls first, document_id) as primary_document
    from placed group by key, stage
), contents_of_stage as (
    select key, stage, sha256(string_agg(content_id || chr(10), '' order by content_id))
           as data_version
    from (select distinct key, stage, content_id from placed where content_id is not null)
    group by key, stage
), reasons as (
    select key, stage, list(reason order by reason) as reasons
    from (
        select distinct p.key, g.stage, g.reason
        from gaps g join (select distinct document_id, key from placed) p using (document_id)
        where g.stage is not null
    ) group by key, stage
)
select t.key, t.chain, t.generation, n.stage,
       case when s.documents > 0 then 'present'
            when r.chain is not null and list_contains($not_after_reentry, n.stage)
            then 'not_applicable'
            else 'gap' end as state,
       coalesce(s.documents, 0)::integer as documents, s.primary_document,
       coalesce(s.stale, 0)::integer as stale, coalesce(s.altered, 0)::integer as altered,
       case when s.documents > 0 then null
            when r.chain is not null and list_contains($not_after_reentry, n.stage)
            then 'began by re-entry of generation ' || (t.generation - 1)
            else array_to_string(g.reasons[1:$max_reasons], '; ') end as reason,
       c.data_version
from turns t
cross join (select unnest($stages) as stage) n
left join reentered r on r.chain = t.chain and r.generation = t.generation
left join stages s on s.key = t.key and s.stage = n.stage
left join contents_of_stage c on c.key = t.key and c.stage = n.stage
left join reasons g on g.key = t.key and g.stage = n.stage
order by t.key, n.stage
"""


def data_version(content_ids: Iterable[str]) -> str | None:
    """The data version of a stage: sha256, in hex, of its contents.

    The bytes are each different content id in UTF-8 followed by one line feed, sorted by
    byte. None for a stage without a known content.
    """
    lines = sorted({content.encode() + b"\n" for content in content_ids})
    return hashlib.sha256(b"".join(lines)).hexdigest() if lines else None


def stale_documents(links: pa.Table) -> pa.Array:
    """Ids of documents that must be redone: a parent was revised, or a parent is stale."""
    import pyarrow.compute as pc

    wanted = links.select(["child", "parent", "resolution"])
    known = wanted.filter(links.column("parent").is_valid())
    superseded = known.filter(pc.equal(known.column("resolution"), str(Resolution.SUPERSEDED)))
    if not len(superseded):
        return pa.array([], pa.string())
    ancestry = Ancestry(known.column("child"), known.column("parent"))
    reached = ancestry.reach(ancestry.indices(pc.unique(superseded.column("child"))))
    return ancestry.documents.take(pa.array(reached))


def chains(con: duckdb.DuckDBPyConnection, links: pa.Table) -> pa.Table:
    """The chains table (schema `CHAINS`), ordered by key and stage.

    Args:
        con: a connection whose views `assets`, `placements` and `gaps` show what speaks.
        links: the judged links of the same library.
    """
    con.register("stale_documents", pa.table({"document_id": stale_documents(links)}))
    parameters = {
        "stages": list(STAGES),
        "not_after_reentry": list(NOT_AFTER_REENTRY),
        "max_reasons": MAX_REASONS,
    }
    return con.sql(_CHAINS, params=parameters).to_arrow_table().cast(CHAINS)
