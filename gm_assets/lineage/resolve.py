"""Judging links: what the declared parents of a whole library are worth.

The single implementation of docs/lineage.md, as SQL over the base tables. Parents resolve by
document and content, never by path or name. The first rule that applies decides:

1. the child's own content no longer matches its memory: `altered`;
2. the named document is here and holds the content: `resolved`;
3. the named document is here, its memory still states the content, but its file was changed
   without `gm revise`: `absent`;
4. the named document is here with another content: `superseded`;
5. no named document is here, and exactly one other document holds the content: `resolved`;
   several do: `ambiguous`; none does: `absent`.

A document holds a content when its content id is the link's, or its stream hash is: samples
of lossy files depend on the decoder, their streams do not.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from gm_assets.lineage.evidence import PROVING, Resolution
from gm_assets.lineage.graph import Ancestry
from gm_assets.stores.schema import LINKS
from gm_assets.stores.spool import Spool

if TYPE_CHECKING:
    import duckdb

#: Rows of a batch that comes from DuckDB.
BATCH_ROWS = 50_000

#: Details of the resolutions, as they appear in `links.detail`.
BY_DOCUMENT = "the named document holds that content"
BY_CONTENT = "by content"
CHILD_ALTERED = "the child's own content is not the one that its memory states"
PARENT_ALTERED = "its file was altered; gm revise it"
EARLIER_CONTENT = "the parent was revised; its history knows the content that the link names"
UNKNOWN_CONTENT = "the parent holds another content; its history does not know the one named"
CONTENT_NOT_READ = "its content is not known yet; gm rebuild --verify reads it"
SEVERAL = "several documents hold that content and the link names none of them"
TWIN = "waiting for its twin"
BARE_TWIN = "waiting for its twin; a file without a memory holds that content"

_JUDGE = """
with declared as (
    select p.*, c.altered as child_altered, c.verified as child_verified
    from parents p join assets c using (document_id)
), candidates as (
    select d.document_id, d.ordinal, a.document_id as parent, a.verified
    from declared d join assets a on a.content_id = d.parent_content_id
    where not a.altered and a.document_id <> d.document_id
    union
    select d.document_id, d.ordinal, a.document_id, a.verified
    from declared d join assets a on a.stream_hash = d.parent_stream_hash
    where not a.altered and a.document_id <> d.document_id
), by_content as (
    select document_id, ordinal, count(*) as holders, min(parent) as parent,
           bool_and(verified) as verified
    from candidates group by document_id, ordinal
), earlier as (
    select distinct document_id, content_id from events where content_id is not null
), bare as (
    select distinct content_id from files where document_id is null
), facts as (
    select d.document_id as child, d.ordinal, d.role, d.parent_content_id, d.parent_stage,
           d.basis, d.child_altered, d.child_verified,
           n.document_id as named, n.altered as named_altered, n.verified as named_verified,
           n.content_id is null as named_unread,
           coalesce(n.content_id = d.parent_content_id, false)
               or coalesce(n.stream_hash = d.parent_stream_hash, false) as named_holds,
           coalesce(n.stated_content_id = d.parent_content_id, false) as named_states,
           e.document_id is not null as named_had,
           coalesce(b.holders, 0) as holders, b.parent as holder, b.verified as holder_verified,
           f.content_id is not null as bare
    from declared d
    left join assets n on n.document_id = d.parent_document_id
    left join by_content b on b.document_id = d.document_id and b.ordinal = d.ordinal
    left join earlier e
        on e.document_id = d.parent_document_id and e.content_id = d.parent_content_id
    left join bare f on f.content_id = d.parent_content_id
), judged as (
    select *, case
        when child_altered then $child_altered
        when named is not null then case
            when named_holds and not named_altered then $by_document
            when named_unread then $content_not_read
            when named_altered and named_states then $parent_altered
            when named_had then $earlier_content
            else $unknown_content end
        when holders = 1 then $by_content
        when holders > 1 then $several
        when bare then $bare_twin
        else $twin end as detail,
        case when named is not null then named when holders = 1 then holder end as parent
    from facts
), meant as (
    select *, map($details, $resolutions)[detail] as resolution from judged
)
select child, ordinal, role, parent, parent_content_id, parent_stage,
       resolution, basis,
       resolution = $resolved and list_contains($proving, basis) as proven,
       child_verified and case when named is not null then named_verified
           else coalesce(holder_verified, false) end as verified,
       false as cyclic, detail
from meant order by child, ordinal
"""

#: What each detail means for the link.
_RESOLUTION_OF: dict[str, Resolution] = {
    BY_DOCUMENT: Resolution.RESOLVED,
    BY_CONTENT: Resolution.RESOLVED,
    CHILD_ALTERED: Resolution.ALTERED,
    PARENT_ALTERED: Resolution.ABSENT,
    CONTENT_NOT_READ: Resolution.ABSENT,
    EARLIER_CONTENT: Resolution.SUPERSEDED,
    UNKNOWN_CONTENT: Resolution.SUPERSEDED,
    SEVERAL: Resolution.AMBIGUOUS,
    TWIN: Resolution.ABSENT,
    BARE_TWIN: Resolution.ABSENT,
}


def resolve(con: duckdb.DuckDBPyConnection, spill: Path | None = None) -> pa.Table:
    """All declared links, judged (schema `LINKS`), ordered by child and ordinal.

    Args:
        con: a connection whose views `assets`, `parents`, `events` and `files` show what
            speaks.
        spill: folder for temporary files where the links are too many for memory.
    """
    reader = con.sql(_JUDGE, params=_parameters()).to_arrow_reader(BATCH_ROWS)
    links = Spool(LINKS, spill).extend(reader).table()
    known = links.select(["child", "parent"]).filter(links.column("parent").is_valid())
    ancestry = Ancestry(known.column("child"), known.column("parent"))
    cyclic = np.zeros(len(links), bool)
    cyclic[links.column("parent").is_valid().to_numpy()] = ancestry.cyclic()
    index = links.schema.get_field_index("cyclic")
    return links.set_column(index, LINKS.field(index), pa.array(cyclic))


def judge(con: duckdb.DuckDBPyConnection, spill: Path | None = None) -> dict[str, pa.Table]:
    """The derived tables `links` and `chains` of the base tables that `con` shows."""
    from gm_assets.lineage.chains import chains

    links = resolve(con, spill)
    return {"links": links, "chains": chains(con, links)}


def _parameters() -> dict[str, object]:
    return {
        "child_altered": CHILD_ALTERED,
        "by_document": BY_DOCUMENT,
        "content_not_read": CONTENT_NOT_READ,
        "parent_altered": PARENT_ALTERED,
        "earlier_content": EARLIER_CONTENT,
        "unknown_content": UNKNOWN_CONTENT,
        "by_content": BY_CONTENT,
        "several": SEVERAL,
        "bare_twin": BARE_TWIN,
        "twin": TWIN,
        "details": list(_RESOLUTION_OF),
        "resolutions": [str(found) for found in _RESOLUTION_OF.values()],
        "resolved": str(Resolution.RESOLVED),
        "proving": sorted(PROVING),
    }
