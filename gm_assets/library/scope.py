"""Which pictures of the catalogue a bulk run is about: questions to the store, as Arrow."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gm_assets.errors import NotFound

if TYPE_CHECKING:
    import pyarrow as pa

    from gm_assets.library.library import Library

#: One file a content: one whose memory holds the vector, else one that was read and decoded.
#: Sealed formats (`fi:`) are not decoded, so that vectors depend on no decoder that is at hand.
_CONTENTS = """
select f.content_id, f.path, f.size, f.mtime_ns, f.ctime_ns, f.inode, f.verified,
       coalesce(list_contains(a.embedded_by, $model), false) and not f.altered as remembered
from files f left join assets a using (document_id)
where f.kind = 'image' and f.content_id is not null and not starts_with(f.content_id, 'fi:')
      and {scope}
qualify row_number() over (
    partition by f.content_id order by remembered desc, f.verified desc, f.path) = 1
order by f.path"""
#: Files whose memory could take a vector and, as the store has it, does not hold it.
_UNWRITTEN = """
select f.path, f.content_id
from files f join assets a using (document_id)
where f.kind = 'image' and f.memory = 'embedded' and f.managed and not f.altered and {scope}
      and not coalesce(list_contains(a.embedded_by, $model), false)
order by f.path"""
_MODELS = """
select count(distinct f.content_id) from files f where f.kind = 'model' and {scope}"""


@dataclass(frozen=True)
class Scope:
    """The contents that a run was asked for; None asks for all.

    Attributes:
        paths: files and folders, relative to the library's root.
        content_ids, shards: as in the store; shards are first digits of contents' hashes.
    """

    library: Library
    paths: tuple[str, ...] | None = None
    content_ids: tuple[str, ...] | None = None
    shards: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls,
        library: Library,
        paths: Iterable[str | os.PathLike[str]] | None = None,
        content_ids: Iterable[str] | None = None,
        shards: Iterable[str] | None = None,
    ) -> Scope:
        """A scope of files and folders as a person names them.

        Raises:
            NotFound: nothing below one of the paths is in the catalogue.
            LibraryError: one lies outside the library; nothing was ingested yet.
        """
        relative = None if paths is None else tuple(library.relative(path) for path in paths)
        con = library.catalogue()
        for path in relative or ():
            found = con.execute(
                "select count(*) from files where $p = '' or path = $p or starts_with(path, $f)",
                {"p": path, "f": f"{path}/"},
            ).fetchone()
            if not found or not found[0]:
                raise NotFound(
                    "nothing of it is in the catalogue",
                    where=library.root / path,
                    remedy="`gm ingest` brings files in",
                )
        return cls(
            library,
            relative,
            None if content_ids is None else tuple(content_ids),
            None if shards is None else tuple(shards),
        )

    def contents(self, model: str) -> pa.Table:
        """Pictures in scope, one file each, in order of path.

        Columns `content_id`, `path`, the four of its signature, `verified`, and `remembered`:
        whether the file's memory holds the model's vector, as the store has it.
        """
        return self._ask(_CONTENTS, {"model": model})

    def unwritten(self, model: str) -> pa.Table:
        """`path` and `content_id` of files whose memory lacks the model's vector."""
        return self._ask(_UNWRITTEN, {"model": model})

    def models(self) -> int:
        """How many 3D contents are in scope."""
        return int(self._ask(_MODELS, {}).column(0)[0].as_py())

    def _ask(self, query: str, values: dict[str, Any]) -> pa.Table:
        conditions = ["true"]
        values = dict(values)
        if self.paths is not None:
            values["paths"] = list(self.paths)
            conditions.append(
                "exists (select 1 from unnest($paths) named(p) "
                "where p = '' or f.path = p or starts_with(f.path, p || '/'))"
            )
        if self.content_ids is not None:
            values["contents"] = list(self.content_ids)
            conditions.append("f.content_id in (select unnest($contents))")
        if self.shards is not None:
            values["shards"] = list(self.shards)
            conditions.append("list_contains($shards, split_part(f.content_id, ':', 2)[1])")
        scoped = query.format(scope=" and ".join(conditions))
        return self.library.catalogue().sql(scoped, params=values).to_arrow_table()
