"""Tables in metadata: rows of plain values, with the kinds of their columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg


def as_table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dg.TableMetadataValue:
    """Rows under column names. None becomes an empty cell; the first row gives the kinds."""
    kinds = ["string"] * len(names)
    if rows:
        kinds = [_kind(value) for value in rows[0]]
    return dg.MetadataValue.table(
        records=[
            dg.TableRecord(
                {
                    name: "" if value is None else value
                    for name, value in zip(names, row, strict=True)
                }
            )
            for row in rows
        ],
        schema=dg.TableSchema(
            columns=[dg.TableColumn(name, kind) for name, kind in zip(names, kinds, strict=True)]
        ),
    )


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "int" if isinstance(value, int) else "string"
