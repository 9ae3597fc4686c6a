"""Spelling paths and texts for DuckDB."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path


def read_parquet(paths: Iterable[Path]) -> str:
    """A table function over Parquet files; at least one."""
    listed = ", ".join(quoted(f"{pattern(path.parent)}/{path.name}") for path in paths)
    return f"read_parquet([{listed}], hive_partitioning = false)"


def pattern(path: Path) -> str:
    """A path for DuckDB, which takes every path for a pattern: `a*b` must not match `aXb`."""
    text = str(path)
    if "\\" in text:  # DuckDB finds a backslash only where nothing is escaped
        return text
    return re.sub(r"([*?\[])", r"[\1]", text)


def quoted(text: str) -> str:
    """A text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"
