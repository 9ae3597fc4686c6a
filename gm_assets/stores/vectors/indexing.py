"""An index over many vectors, its kind and effort chosen by measured recall.

An inverted file (Sivic and Zisserman, "Video Google", ICCV 2003) puts the vectors into cells
around centres found by k-means; a search looks into the cells nearest to the query only. How
many cells must be looked into depends on the vectors, so it is measured here: against exact
search, on a sample of the library's own vectors, for every library anew. What was measured
stands in the table (metadata of its vector column) and is what searches go by.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from gm_assets.stores.vectors import rows

if TYPE_CHECKING:
    from gm_assets.stores.vectors.store import VectorStore

#: Below, exact search answers in a few milliseconds and nothing can be gained.
INDEX_ROWS = 200_000
#: Rows from which indices of ids and filters pay for themselves.
SCALAR_INDEX_ROWS = 50_000
#: Recall@10 that is aimed at. The promise is 0.95, the rest is for other queries than the sample:
#: ten neighbours of each of `QUERIES` give the mean with a binomial error of 0.004.
TARGET = 0.96
#: Recall given up at most where all cells together do not reach the target.
SLACK = 0.005
#: Queries that recall is measured with.
QUERIES = 256
NEIGHBOURS = 10
#: Vectors in a cell, and cells at least. Small cells suit texts, which lie apart from all
#: pictures and need many cells: on a million vectors, 1,000 cells, five for a picture and twenty
#: for a text, were faster than 244 cells, nine for both.
CELL, FEWEST_CELLS = 1_024, 16
#: Growth since the index was built from which its cells no longer fit.
OUTGROWN = 1.5
#: Vectors a cell that k-means is trained on.
TRAINED_ON = 64
METADATA = b"gm.index"


@dataclass(frozen=True)
class IndexReport:
    """How a model's vectors are searched, and what was measured when that was chosen.

    Attributes:
        kind: `exact` (every vector is compared) or `ivf_flat`.
        rows: vectors at the time.
        partitions: cells of the index; 0 for exact.
        probes: cells that a search for a picture's vector looks into.
        recall: of the 10 nearest by exact search, the part that the index finds (mean over
            `queries` of the library's own vectors); 1 for exact.
        queries: how many queries that was measured with.
        text_probes, text_recall, texts: the same for vectors of texts; None where it was not
            measured, and then texts are compared with every vector.
        seconds: to build and to measure.
    """

    kind: str
    rows: int
    partitions: int = 0
    probes: int = 0
    recall: float = 1.0
    queries: int = 0
    text_probes: int | None = None
    text_recall: float | None = None
    texts: int = 0
    seconds: float = 0.0


def read(table: Any) -> IndexReport | None:
    """What is written in a table of its index; None where it has none."""
    data = (table.schema.field("vector").metadata or {}).get(METADATA)
    return None if data is None else IndexReport(**json.loads(data))


def write(table: Any, report: IndexReport) -> None:
    """Put the report into the table."""
    told = {METADATA.decode(): json.dumps(asdict(report))}
    table.update_field_metadata({"path": "vector", "metadata": told})


def has_index(table: Any, column: str) -> bool:
    """Whether a column has an index of any kind."""
    return any(index.columns == [column] for index in table.list_indices())


def complete(table: Any) -> bool:
    """Whether an index of the vectors covers every row: rows put since are in none."""
    for index in table.list_indices():
        if index.columns == ["vector"]:
            return not index.num_unindexed_rows
    return False


def index_columns(table: Any) -> None:
    """Full text of the words; indices for filters and ids, once the table is large."""
    from lancedb.index import FTS, BTree, LabelList

    present = {index.columns[0] for index in table.list_indices()}
    if "words" not in present:
        table.create_index("words", config=FTS(with_position=False))
    if table.count_rows() < SCALAR_INDEX_ROWS:
        return
    if "content_id" not in present:
        table.create_index("content_id", config=BTree())
    for name in rows.FILTERS:
        if name not in present:
            table.create_index(name, config=LabelList())


def due(report: IndexReport | None, count: int) -> bool:
    """Whether an index has to be built for `count` rows."""
    if count < INDEX_ROWS:
        return False
    return report is None or report.kind == "exact" or count > report.rows * OUTGROWN


def build(
    store: VectorStore, model: str, table: Any, texts: np.ndarray | None = None
) -> IndexReport:
    """Build an inverted file over `table` and find the effort that reaches `TARGET`.

    Args:
        texts: (q, d) unit vectors of texts, to measure with besides the library's own vectors.
    """
    from lancedb.index import IvfFlat

    started = time.monotonic()
    count = table.count_rows()
    partitions = max(FEWEST_CELLS, round(count / CELL))
    config = IvfFlat(distance_type="cosine", num_partitions=partitions, sample_rate=TRAINED_ON)
    table.create_index("vector", config=config, replace=True)
    sample = store.sample(model, QUERIES, seed=1)
    own = sample.content_ids.to_pylist()
    probes, recall = _effort(store, model, table, partitions, sample.rows, own)
    report = IndexReport(
        kind="ivf_flat",
        rows=count,
        partitions=partitions,
        probes=probes,
        recall=recall,
        queries=len(own),
        seconds=round(time.monotonic() - started, 1),
    )
    write(table, report)
    return report if texts is None else measure_texts(store, model, table, report, texts)


def measure_texts(
    store: VectorStore, model: str, table: Any, report: IndexReport, texts: np.ndarray
) -> IndexReport:
    """Find the effort that reaches `TARGET` for vectors of texts, (q, d) of unit length."""
    nobody = [None] * len(texts)
    probes, recall = _effort(store, model, table, report.partitions, texts, nobody)
    report = replace(report, text_probes=probes, text_recall=recall, texts=len(texts))
    write(table, report)
    return report


def _effort(
    store: VectorStore,
    model: str,
    table: Any,
    partitions: int,
    vectors: np.ndarray,
    own: Sequence[str | None],
) -> tuple[int, float]:
    """How many cells to look into for these questions, and the recall that comes of it.

    Args:
        own: the content of each vector, which is no answer to it; None for texts.
    """
    asked = vectors.astype(np.float32)
    asked /= np.linalg.norm(asked, axis=1, keepdims=True)
    truth = _exact(store, model, asked, own)
    # The index reckons in float16, which swaps neighbours that are all but equally near: where
    # there are many of these, even all cells together stay below the target.
    ceiling = _recall(table, asked, own, truth, partitions)
    aim = min(TARGET, ceiling - SLACK)
    missing, probes = 0, 1
    while (recall := _recall(table, asked, own, truth, probes)) < aim and probes < partitions:
        missing, probes = probes, min(partitions, 2 * probes)
    # Every cell is time: between an effort that misses the aim and one that reaches it, the least.
    while probes - missing > 1:
        between = (missing + probes) // 2
        found = _recall(table, asked, own, truth, between)
        if found >= aim:
            probes, recall = between, found
        else:
            missing = between
    return probes, round(recall, 4)


def _exact(
    store: VectorStore, model: str, asked: np.ndarray, own: Sequence[str | None]
) -> list[set[str]]:
    """The `NEIGHBOURS` nearest contents of each query, itself left out, by reading them all."""
    depth = NEIGHBOURS + 1
    names = np.empty((len(asked), 0), object)
    cosines = np.empty((len(asked), 0), np.float32)
    for block in store.all(model):
        here = asked @ block.rows.astype(np.float32).T
        best = np.argpartition(-here, min(depth, here.shape[1]) - 1, axis=1)[:, :depth]
        found = block.content_ids.take(pa.array(best.reshape(-1))).to_pylist()
        names = np.concatenate([names, np.array(found, object).reshape(best.shape)], axis=1)
        cosines = np.concatenate([cosines, np.take_along_axis(here, best, axis=1)], axis=1)
        kept = np.argsort(-cosines, axis=1, kind="stable")[:, :depth]
        names = np.take_along_axis(names, kept, axis=1)
        cosines = np.take_along_axis(cosines, kept, axis=1)
    return [
        set([name for name in row if name != itself][:NEIGHBOURS])
        for row, itself in zip(names.tolist(), own, strict=True)
    ]


def _recall(
    table: Any,
    asked: np.ndarray,
    own: Sequence[str | None],
    truth: Sequence[set[str]],
    probes: int,
) -> float:
    found = []
    for vector, itself, expected in zip(asked, own, truth, strict=True):
        question = table.search(rows.query(vector, len(vector))).distance_type("cosine")
        question = (
            question.nprobes(probes).limit(NEIGHBOURS + 1).select(["content_id", "_distance"])
        )
        names = question.to_arrow()["content_id"].to_pylist()
        near = [name for name in names if name != itself][:NEIGHBOURS]
        found.append(len(expected.intersection(near)) / max(1, len(expected)))
    return float(np.mean(found))
