"""What LanceDB says of a damaged store, as an error of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from gm_assets.errors import LibraryError


def start_again(root: Path) -> str:
    """The remedy for a store that cannot be read."""
    return f"Delete the folder {root} and run gm rebuild, then gm embed for what no memory holds"


@contextmanager
def reading(root: Path) -> Iterator[None]:
    """Turn LanceDB's errors within the block into a `LibraryError`.

    It raises RuntimeError, ValueError or OSError with the place in its Rust source; an OSError
    of Python's own goes on as it is.
    """
    try:
        yield
    except (RuntimeError, ValueError, OSError, pa.ArrowException) as error:
        if isinstance(error, OSError) and not str(error).startswith("lance error"):
            raise
        raise LibraryError(
            f"the vector store cannot be read or written: {_short(error)}",
            where=root,
            remedy=start_again(root),
        ) from error


def _short(error: Exception) -> str:
    """The first line of what LanceDB says, without the place in its source."""
    first = (str(error).splitlines() or [""])[0]
    return re.sub(r",? /\S+\.rs:\d+(:\d+)?", "", first)[:300]
