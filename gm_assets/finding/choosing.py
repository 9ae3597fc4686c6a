"""From the filters that a person typed to conditions of the vector store."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from gm_assets.errors import GmError, NotFound
from gm_assets.finding.values import Filters
from gm_assets.memory.record import STAGES
from gm_assets.stores.vectors import where

if TYPE_CHECKING:
    from gm_assets.library import Library
    from gm_assets.stores.vectors import VectorStore

#: Values that an error names.
NAMED = 12


@dataclass(frozen=True)
class Restriction:
    """What a search may find: a condition of the vector store, and contents by their labels."""

    where: str | None = None
    among: pa.StringArray | None = None
    notes: tuple[str, ...] = ()


def restriction(library: Library, store: VectorStore, model: str, filters: Filters) -> Restriction:
    """Filters as the vector store takes them.

    Raises:
        NotFound: a value that nothing in the library has; the message names near ones.
        GmError: a label's condition cannot be read or answered (`labelling.queries`).
    """
    known = {
        column: tuple(_known(store, model, column, value) for value in values)
        for column, values in filters.columns().items()
    }
    among: pa.StringArray | None = None
    notes: list[str] = []
    for expression in filters.labels:
        from gm_assets.labelling.queries import matching

        matched = matching(library, expression)
        notes += matched.notes
        ids = pa.array(matched.content_ids, pa.string())
        among = ids if among is None else _both(among, ids)
    return Restriction(where.condition(known), among, tuple(notes))


def _both(one: pa.StringArray, other: pa.StringArray) -> pa.StringArray:
    import pyarrow.compute as pc

    return one.filter(pc.is_in(one, other))


def _known(store: VectorStore, model: str, column: str, value: str) -> str:
    """`value` as the store spells it."""
    if "\0" in value:
        raise GmError("a NUL character cannot be searched for", where=f"--{_singular(column)}")
    values = STAGES if column == "stages" else store.values(model, column)
    spelled = {
        value.strip(),
        value.strip().upper(),
        "-".join(value.lower().replace("_", " ").split()),
    }
    found = spelled.intersection(values)
    if found:
        return min(found)
    near = difflib.get_close_matches(min(spelled, key=len).lower(), values, NAMED, 0.5)
    if near:
        remedy = f"Near ones: {', '.join(near)}"
    elif values:
        more = f" and {len(values) - NAMED} more" if len(values) > NAMED else ""
        remedy = f"Known: {', '.join(values[:NAMED])}{more}"
    else:
        remedy = f"No picture of the library states its {_singular(column)}"
    raise NotFound(f"nothing here has the {_singular(column)} {value!r}", remedy=remedy)


def _singular(column: str) -> str:
    return column.removesuffix("s")
