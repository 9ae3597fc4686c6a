"""Filters as conditions that LanceDB (DataFusion SQL) evaluates inside its search.

Values are somebody's text. In a literal of standard SQL only the quote is special, and it is
doubled; a NUL ends strings in C, so it is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gm_assets.stores.vectors.rows import FILTERS


def literal(text: str) -> str:
    """`text` as an SQL literal.

    Raises:
        ValueError: it holds a NUL.
    """
    if "\0" in text:
        raise ValueError("a NUL character cannot be searched for")
    return "'" + text.replace("'", "''") + "'"


def one_of(column: str, values: Iterable[str]) -> str:
    """The condition that a plain column has one of the values."""
    return f"{column} IN ({', '.join(map(literal, values))})"


def condition(filters: Mapping[str, Iterable[str]]) -> str | None:
    """All of the filters hold; of one filter's values at least one is in its list.

    Args:
        filters: values by the name of a column of `rows.FILTERS`; empty ones are left out.

    Returns:
        SQL, or None where nothing is asked.

    Raises:
        ValueError: no such column.
    """
    conditions = []
    for name, values in filters.items():
        if name not in FILTERS:
            raise ValueError(f"{name!r} is not one of the filters {', '.join(FILTERS)}")
        # one array_has a value: that is the form which a LABEL_LIST index answers
        asked = [f"array_has({name}, {literal(value)})" for value in values]
        if asked:
            conditions.append(f"({' OR '.join(asked)})")
    return " AND ".join(conditions) or None
