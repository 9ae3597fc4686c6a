"""Labelling one facet again, against the bare matrix product and writing the same Parquet."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measure import Line, Spent, interleaved, median_ratio, timed
from gm_assets.labelling import Labelled, label_facet
from gm_assets.labelling.tables import DICTIONARY_BYTES
from gm_assets.library import Library
from gm_assets.stores.vectors import VectorStore
from gm_assets.vocabulary import Facet, Term

ENCODER = "be" * 32
#: Of the vectors; the embedded model's.
DIMENSION = 192
REFERENCE = 2_000
#: Vectors put into the store at once.
_BATCH = 12_000


def relabel(scratch: Path, pictures: int, terms: int, rounds: int) -> Line:
    """One facet over a library whose vectors are known, with the terms' vectors known as well.

    Ours reads the vectors from LanceDB, compares their digests, takes the product, percentiles
    and z-scores, and writes sixteen parts durably. The bare side has the vectors in memory as
    float32, takes one product and writes tables that lie ready into sixteen files without
    syncing them.
    """
    library = Library.init(scratch / "library")
    vectors = _fill(library, pictures)
    facet = Facet.of(
        "places", tuple(Term(f"t-{n}", f"T {n}", (f"term {n}",)) for n in range(terms)), ("{name}",)
    )
    encoder = _Directions()
    label_facet(library, facet, encoder)
    tables = _tables(library)
    rows = np.stack([encoder.texts([term.name.lower()])[0] for term in facet.terms])

    def ours() -> Spent:
        shutil.rmtree(library.state / "labels")
        return timed(lambda: label_facet(library, facet, encoder))

    def bare() -> Spent:
        folder = scratch / "bare"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return timed(lambda: _bare(rows, vectors, tables, folder))

    mine, its = interleaved(rounds, (ours, bare))
    return Line(
        "one facet again : product and Parquet",
        median_ratio(mine, its, lambda spent: spent.wall),
        3.0,
        detail={
            "pictures": pictures,
            "terms": terms,
            "s": median(spent.wall for spent in mine),
            "bare s": median(spent.wall for spent in its),
            "CPU ratio": median_ratio(mine, its, lambda spent: spent.cpu),
        },
    )


@dataclass(frozen=True)
class _Directions:
    """Texts to directions drawn by their hashes: a model's time is not what is measured."""

    fingerprint: str = ENCODER

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        """(n, d) float32 unit vectors."""
        seeds = [int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) for text in texts]
        return np.concatenate([_unit(1, seed) for seed in seeds])


def _unit(count: int, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, DIMENSION))
    found: np.ndarray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return found


def _fill(library: Library, pictures: int) -> np.ndarray:
    """Vectors and a reference for the library; returns the vectors."""
    ids = [f"px:{hashlib.sha256(str(n).encode()).hexdigest()}:64x64" for n in range(pictures)]
    vectors = _unit(pictures, 1)
    store = VectorStore(library.state / "vectors")
    for start in range(0, pictures, _BATCH):
        store.put(ENCODER, ids[start : start + _BATCH], vectors[start : start + _BATCH])
    folder = library.root / "vocab" / "references"
    folder.mkdir(parents=True)
    taken = ids[:REFERENCE]
    Labelled.of("reference", ENCODER, taken, vectors[:REFERENCE]).write(folder / "own.parquet")
    return vectors


def _tables(library: Library) -> list[pa.Table]:
    """The parts that were written, as tables in memory."""
    paths = sorted((library.state / "labels").rglob("[0-9a-f]-*.parquet"))
    return [pq.read_table(path, read_dictionary=["content_id", "term"]) for path in paths]


def _bare(terms: np.ndarray, vectors: np.ndarray, tables: list[pa.Table], folder: Path) -> None:
    _ = vectors @ terms.T
    for number, table in enumerate(tables):
        pq.write_table(
            table,
            folder / f"{number}.parquet",
            compression="zstd",
            compression_level=1,
            use_dictionary=["content_id", "term"],
            dictionary_pagesize_limit=DICTIONARY_BYTES,
            write_page_checksum=True,
        )
