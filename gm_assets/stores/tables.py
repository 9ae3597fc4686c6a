"""Rows on their way into a store: everything at once, or the changes of one update."""

from __future__ import annotations

from dataclasses import dataclass, fields

import pyarrow as pa

from gm_assets.stores.schema import BASE, DERIVED, TABLES


@dataclass(frozen=True)
class Tables:
    """All rows of a library, by the schemas in `gm_assets.stores.schema`.

    Rows that were built are in no particular order; read from a store they are in the order
    of `schema.ORDER`, so that equal libraries give equal tables.

    `links` and `chains` are None in tables that were built but not judged yet;
    `Store.commit` derives them.
    """

    files: pa.Table
    contents: pa.Table
    assets: pa.Table
    placements: pa.Table
    parents: pa.Table
    events: pa.Table
    gaps: pa.Table
    quarantine: pa.Table
    links: pa.Table | None = None
    chains: pa.Table | None = None

    def named(self) -> dict[str, pa.Table]:
        """The tables by name, without those that are not derived yet."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: table for name, table in found.items() if table is not None}

    @classmethod
    def empty(cls) -> Tables:
        """The tables of a library without a file."""
        return cls(**{name: schema.empty_table() for name, schema in TABLES.items()})


@dataclass(frozen=True)
class Change:
    """What one update does to a generation: rows that go, by key, and rows that come.

    Args:
        base: the generation that the change was computed from.
        replaced: for each base table the keys (`schema.KEYS`) whose old rows go.
        rows: for each base table the rows that come.
    """

    base: int
    replaced: dict[str, pa.Array]
    rows: Tables

    @property
    def empty(self) -> bool:
        """True where committing would change nothing."""
        return not any(len(keys) for keys in self.replaced.values())


assert tuple(field.name for field in fields(Tables)) == (*BASE, *DERIVED)
