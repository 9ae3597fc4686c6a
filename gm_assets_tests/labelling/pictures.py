"""Libraries with vectors, and references, for the tests of labels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gm_assets.labelling import Labelled
from gm_assets.library import Library, ingest
from gm_assets.stores.vectors import VectorStore
from gm_assets.vocabulary import Facet, parse
from gm_assets_tests.library.files import make_library, picture

PLACES = """\
facet: environments
terms:
  - {id: places, name: Places, prompts: [a place]}
  - {id: dock, name: Dock, prompts: [in the dry dock], parents: [places]}
  - {id: gate, name: Gate, prompts: [at the seawall gate], parents: [places]}
"""


def facet(text: str = PLACES) -> Facet:
    """The facet of environments with these terms."""
    return parse({Path("environments.yaml"): text.encode()}).facet("environments")


def unit(count: int, dimension: int, seed: int = 0) -> np.ndarray:
    """(n, d) float16 unit vectors of random directions."""
    rows = np.random.default_rng(seed).normal(size=(count, dimension))
    found: np.ndarray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
    return found


def content(number: int) -> str:
    """A content id that no file has."""
    return f"px:{hashlib.sha256(str(number).encode()).hexdigest()}:8x8"


def make_pictures(root: Path, count: int) -> Library:
    """A library of small pictures in S1, by number."""
    library = make_library(root)
    for number in range(count):
        picture(root / f"chain-{number:02d}" / "S1" / "sketch.png", seed=number)
    ingest(library, workers=1)
    return library


def contents(library: Library) -> list[str]:
    """The content ids of a library."""
    rows = library.catalogue().execute("select content_id from contents order by 1").fetchall()
    return [row[0] for row in rows]


def give_vectors(
    library: Library, encoder: str, dimension: int, ids: Sequence[str] | None = None, seed: int = 0
) -> None:
    """Random vectors for contents of a library; each depends on its content alone."""
    chosen = contents(library) if ids is None else list(ids)
    rows = [unit(1, dimension, seed + int(id[3:11], 16))[0] for id in chosen]
    VectorStore(library.state / "vectors").put(encoder, chosen, np.stack(rows))


def make_reference_file(
    path: Path, encoder: str, dimension: int, count: int = 2_000, seed: int = 9
) -> Labelled:
    """A reference of random vectors."""
    ids = [content(number) for number in range(count)]
    made = Labelled.of("reference", encoder, ids, unit(count, dimension, seed))
    path.parent.mkdir(parents=True, exist_ok=True)
    made.write(path)
    return made
