"""What labelling needs of a library; the library itself stands above this package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from gm_assets.stores import Store

#: Told how many of how many shards are done, and which is next.
Told: TypeAlias = Callable[[int, int, str], None]


class Home(Protocol):
    """A library: its folder, its derived stores, its catalogue."""

    @property
    def root(self) -> Path:
        """The library's folder."""

    @property
    def state(self) -> Path:
        """The folder of everything derived."""

    @property
    def store(self) -> Store:
        """The derived store."""

    def catalogue(self) -> duckdb.DuckDBPyConnection:
        """A cursor on the current generation."""


class TextEncoder(Protocol):
    """The text side of an image-text encoder (`gm_assets.encoding.Encoder`)."""

    @property
    def fingerprint(self) -> str:
        """Of the model."""

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        """(n, d) float32 unit vectors of n texts."""
