"""Finding: vectors out of memories, a warm search, and a million vectors.

The vectors are those that the embedded model gave real pictures (its reference and held-out
sets) and others made from them: between a vector and one of its neighbours, with noise that is
set so that neighbourhoods are at least as hard to search as the real ones. How hard they are
is measured on both sets and printed: the local intrinsic dimensionality (maximum likelihood
estimate: Levina and Bickel, NIPS 2004; Amsaleg et al., KDD 2015) and the ratio of the distances
of the 1st and the 10th neighbour, which approaches 1 where everything is equally far.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import made
from benchmarks.measure import Line, Spent, run_python

_SYNC = """
import sys
from gm_assets.finding import sync
from gm_assets.library import Library
report = sync(Library.open(sys.argv[1]), sys.argv[2])
assert report.read == report.vectors == int(sys.argv[3]), report
"""
LIBRARY, MILLION = 36_000, 1_000_000
HITS = 20
#: Questions that times are taken with, and neighbours that hardness is estimated from.
QUESTIONS, NEAR = 200, 20
_WORDS = (
    "a recon pilot in the dry dock at dusk",
    "ring freighter above the sea wall",
    "pencil sketch of a lantern acolyte",
    "clay render of a fluted spire",
    "a breathing engine of riveted brass in snow",
    "seawall gate by night, long shot",
    "seam keeper in red cloth",
    "branching gate of bone",
    "a walker before a subterranean citadel",
    "silver corridor with lamps",
)


@dataclass(frozen=True)
class Hardness:
    """How hard the neighbourhoods of a set are: local dimensionality, distance ratio 1 : 10."""

    dimensionality: float
    ratio: float


def measure(folder: Path, rounds: int, count: int = LIBRARY, large: int = MILLION) -> list[Line]:
    """All lines; needs the embedded model with its reference and held-out vectors."""
    os.environ.pop("GM_PROFILE", None)
    from gm_assets.encoding import encoder_spec, open_encoder

    spec = encoder_spec("embedded")
    assert spec is not None
    encoder = open_encoder(spec)
    real = _real_vectors(encoder.fingerprint)
    some, _ = harden(real, count, seed=1)
    lines = rebuild_and_find(folder / "library", encoder, some, rounds)
    return lines + million(folder / "million", real, large, encoder.texts(list(_WORDS)))


def _real_vectors(fingerprint: str) -> np.ndarray:
    """The vectors that came with the model, (n, d) float32."""
    from gm_assets.encoding.profiles import models_folder
    from gm_assets.labelling.labelled import read

    folder = models_folder("encoder")
    sets = [read(folder / f"{kind}.parquet", kind) for kind in ("reference", "heldout")]
    if any(found.encoder != fingerprint for found in sets):
        raise SystemExit("the vectors beside the model are not of this model: gm train encoder")
    rows = np.concatenate([found.vectors for found in sets]).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def rebuild_and_find(root: Path, encoder, rows: np.ndarray, rounds: int) -> list[Line]:  # type: ignore[no-untyped-def]
    """The vector store out of the memories of real files, and searches of it."""
    from gm_assets.encoding import pack
    from gm_assets.finding import Finder
    from gm_assets.library import Library, rebuild

    model, count = encoder.fingerprint, len(rows)
    embeddings = [pack(row, model) for row in rows]
    rebuild(made.make(root, count, ("png", "jpeg", "webp"), embeddings))
    library = Library.open(root)

    def again() -> Spent:
        shutil.rmtree(library.state / "vectors", ignore_errors=True)
        return run_python(_SYNC, root, model, str(count))

    spent = [again() for _ in range(rounds)]
    finder = Finder(library, model, lambda: encoder)
    matrix = rows.astype(np.float16).astype(np.float32)
    asked = dict(zip(_WORDS, encoder.texts(list(_WORDS)), strict=True))
    for text in _WORDS:
        finder.find(text, k=HITS)  # whatever is kept between searches
    mine, numpy, both, encoding = [], [], [], []
    for number in range(QUESTIONS):
        text = _WORDS[number % len(_WORDS)]
        numpy.append(_clock(lambda: exact(matrix, asked[text], HITS)))  # noqa: B023
        mine.append(_clock(lambda: finder.find(text, k=HITS, hybrid=False)))  # noqa: B023
        both.append(_clock(lambda: finder.find(text, k=HITS)))  # noqa: B023
        encoding.append(_clock(lambda: encoder.texts([text])))  # noqa: B023
    return [
        Line(
            "vector store from memories (CPU a vector)",
            1e3 * median(one.cpu for one in spent) / count,
            1.0,
            unit="ms",
            detail={"files": count, "wall_s": median(one.wall for one in spent)},
        ),
        Line(
            f"gm find, {count:,} vectors, warm : numpy exact search (p50)",
            median(mine) / median(numpy),
            3.0,
            detail={
                "find_ms": 1e3 * median(mine),
                "numpy_ms": 1e3 * median(numpy),
                "with_words_ms": 1e3 * median(both),
                "encoding_the_text_ms": 1e3 * median(encoding),
            },
        ),
    ]


def million(root: Path, real: np.ndarray, count: int, texts: np.ndarray) -> list[Line]:
    """An index over `count` vectors against exact search: recall and time."""
    from gm_assets.stores.vectors import VectorStore

    rows, noise = harden(real, count + QUESTIONS, seed=2)
    rows, asked = rows[:count], rows[count:]
    before, after = hardness(real, real), hardness(rows, asked)
    names = [f"px:{number:064x}:1x1" for number in range(count)]
    store, model = VectorStore(root), "f" * 64
    for start in range(0, count, 1 << 17):
        store.put(model, names[start : start + (1 << 17)], rows[start : start + (1 << 17)])
    store.compact(model)
    report = store.index(model, texts)
    stored = rows.astype(np.float16).astype(np.float32)
    del rows
    taken = {"pictures": _against(store, model, stored, asked, text=False)}
    taken["texts"] = _against(store, model, stored, texts, text=True)
    recall = min(found.recall for found in taken.values())
    detail = {
        "real_vectors": len(real),
        "noise": noise,
        "real_dimensionality": before.dimensionality,
        "made_dimensionality": after.dimensionality,
        "real_ratio_1_10": before.ratio,
        "made_ratio_1_10": after.ratio,
    }
    return [
        Line(
            f"recall@10 of the index, {count:,} vectors",
            recall,
            0.95,
            at_most=False,
            detail={
                "recall_pictures": taken["pictures"].recall,
                "recall_texts": taken["texts"].recall,
                "probes": report.probes,
                "text_probes": report.text_probes or 0,
                "partitions": report.partitions,
                "build_s": report.seconds,
                **detail,
            },
        ),
        Line(
            f"numpy exact search : the index, {count:,} vectors (p50)",
            taken["pictures"].numpy / taken["pictures"].index,
            10.0,
            at_most=False,
            detail={
                "numpy_ms": 1e3 * taken["pictures"].numpy,
                "index_ms": 1e3 * taken["pictures"].index,
                "texts_ratio": taken["texts"].numpy / taken["texts"].index,
            },
        ),
    ]


@dataclass(frozen=True)
class _Taken:
    """Mean recall@10, and the p50 of both searches in seconds."""

    recall: float
    index: float
    numpy: float


def _against(  # type: ignore[no-untyped-def]
    store, model: str, stored: np.ndarray, asked: np.ndarray, *, text: bool
) -> _Taken:
    # One after the other: each search is timed as it is when searches follow each other, not
    # with the caches that 800 MB of the other one's matrix left behind.
    numpy, truth = [], []
    for vector in asked:
        begun = time.perf_counter()
        best = exact(stored, vector, 10)
        numpy.append(time.perf_counter() - begun)
        truth.append(set(best.tolist()))
    index, found = [], []
    for repeat in range(2):  # the first round reads the index from the disk
        for vector, best in zip(asked, truth, strict=True):
            begun = time.perf_counter()
            near = store.search(model, vector, 10, text=text)
            index.append(time.perf_counter() - begun)
            if repeat:
                names = {int(name[3:67], 16) for name in near["content_id"].to_pylist()}
                found.append(len(names & best) / 10)
    return _Taken(float(np.mean(found)), median(index[len(asked) :]), median(numpy))


def exact(rows: np.ndarray, vector: np.ndarray, k: int) -> np.ndarray:
    """The `k` nearest rows, best first: what bare numpy needs."""
    cosines = rows @ vector
    best = np.argpartition(cosines, -k)[-k:]
    return best[np.argsort(-cosines[best])]


def harden(real: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, float]:
    """`count` vectors made from real ones, at least as hard to search, and the noise it took.

    The noise has no direction of its own, and each vector's is as long as a part of the
    distance to its 10th neighbour; that part is raised until the dimensionality of the made
    set has reached that of the real one.
    """
    aim = hardness(real, real).dimensionality
    noise = 0.1
    while True:
        rows = _made(real, count, noise, seed)
        asked = rows[np.random.default_rng(seed).permutation(count)[:QUESTIONS]]
        if hardness(rows, asked).dimensionality >= aim or noise > 2.0:
            return rows, noise
        noise *= 1.4


def _made(real: np.ndarray, count: int, noise: float, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    near, reach = _neighbours(real)
    rows = np.empty((count, real.shape[1]), np.float32)
    for start in range(0, count, 1 << 16):
        some = slice(start, min(count, start + (1 << 16)))
        size = some.stop - some.start
        ends = random.integers(0, len(real), size)
        others = near[ends, random.integers(0, near.shape[1], size)]
        along = random.random((size, 1), np.float32)
        drawn = random.standard_normal((size, real.shape[1]), np.float32)
        drawn *= (noise * reach[ends] / real.shape[1] ** 0.5)[:, None]
        rows[some] = real[ends] * (1 - along) + real[others] * along + drawn
        rows[some] /= np.linalg.norm(rows[some], axis=1, keepdims=True)
    return rows


def _neighbours(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The 10 nearest of each row, itself left out, and the distance of the 10th."""
    cosines = rows @ rows.T
    np.fill_diagonal(cosines, -2.0)
    near = np.argsort(-cosines, axis=1)[:, :10]
    last = np.take_along_axis(cosines, near[:, 9:10], axis=1)[:, 0]
    return near, np.sqrt(np.maximum(2 - 2 * last, 0)).astype(np.float32)


def hardness(rows: np.ndarray, asked: np.ndarray) -> Hardness:
    """Of the neighbourhoods of `asked` in `rows`; equal vectors are left out."""
    random = np.random.default_rng(0)
    asked = asked[random.permutation(len(asked))[:QUESTIONS]]
    nearest = np.full((len(asked), NEAR), -2.0, np.float32)
    for start in range(0, len(rows), 1 << 16):
        here = asked @ rows[start : start + (1 << 16)].T
        here[here > 1 - 1e-6] = -2.0
        kept = min(NEAR, here.shape[1])
        best = np.partition(here, here.shape[1] - kept, axis=1)[:, -kept:]
        nearest = np.sort(np.concatenate([nearest, best], axis=1), axis=1)[:, -NEAR:]
    distances = np.sqrt(2 - 2 * nearest[:, ::-1])
    logs = np.log(distances[:, :-1] / distances[:, -1:])
    return Hardness(
        float(np.median(-1 / logs.mean(axis=1))),
        float(np.median(distances[:, 0] / distances[:, 9])),
    )


def _clock(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun
