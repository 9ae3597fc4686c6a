"""`VectorStore`: put vectors in, get them back, find the nearest.

    <library>/.gm/vectors/
        <model fingerprint>.lance    one LanceDB table a model
        lock                         held by the one process that writes

LanceDB keeps versions: a reader stays on the version that it began with while a writer makes
the next one. Two writers could insert one content twice, so writers take turns at a lock of
their own; readers never wait. Old versions are removed after `KEEP_VERSIONS`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gm_assets.errors import InvalidMemory
from gm_assets.stores.vectors import indexing, rows
from gm_assets.stores.vectors.exact import Matrix, nearest, unit
from gm_assets.stores.vectors.indexing import IndexReport
from gm_assets.stores.vectors.pinned import Pinned
from gm_assets.stores.vectors.rows import Vectors
from gm_assets.stores.vectors.tables import PATIENCE, Known, Tables, check_model
from gm_assets.stores.vectors.trouble import reading
from gm_assets.stores.vectors.turns import turn
from gm_assets.stores.vectors.where import one_of

#: A reader that began longer ago may lose the version it reads.
KEEP_VERSIONS = timedelta(minutes=30)
#: Fragments (a write makes one) from which a table is compacted.
MAX_FRAGMENTS = 24
#: Vectors are kept in memory as float32 up to this many bytes; above, LanceDB scans its files.
MATRIX_BYTES = 1 << 29
#: Contents in one condition; longer lists are found by a scan.
ASKED_AT_ONCE = 1_000
#: Characters of a question to the words; a longer one names too much to mean anything.
MAX_WORDS = 1_000
#: Metadata of the column `digest` that `mark` sets.
MARK = b"gm.mark"


class VectorStore(Tables):
    """The vectors below `root`; opening it touches nothing.

    Models are named by their fingerprints (64 hex digits). Methods that read answer for the
    newest version at the time of the call.

    Args:
        root: `<library>/.gm/vectors`.
        patience: seconds to wait for another writer.
    """

    def __init__(self, root: str | os.PathLike[str], *, patience: float = PATIENCE) -> None:
        super().__init__(root, patience=patience)
        self._matrices: dict[str, Matrix] = {}
        self._pins: dict[str, Pinned] = {}

    # -- what is here --------------------------------------------------------------------

    def known(self, model: str) -> pa.StringArray:
        """The content ids that have a vector, in no order."""
        return self._scan(model, ["content_id"])["content_id"].combine_chunks()

    def matching(self, model: str, where: str | None = None) -> pa.StringArray:
        """The content ids that a condition (`where.condition`) holds for, in order."""
        found = self._scan(model, ["content_id"], where).sort_by("content_id")
        return found["content_id"].combine_chunks()

    def described(self, model: str) -> pa.Table:
        """`content_id`, `source` and the `digest` of the description, null where none is."""
        return self._scan(model, ["content_id", "source", "digest"])

    def get(self, model: str, content_ids: Iterable[str]) -> Vectors:
        """The vectors of those of the contents that have one, in the order asked for."""
        wanted = pa.array(dict.fromkeys(content_ids), pa.string())
        table = self._open(model)
        if table is None or not len(wanted):
            return Vectors(wanted.slice(0, 0), np.empty((0, self.dimension(model) or 0), "f2"))
        columns = ["content_id", "vector"]
        if len(wanted) <= ASKED_AT_ONCE:
            found = self._scan(model, columns, one_of("content_id", wanted.to_pylist()))
        else:
            found = self._scan(model, columns)
            found = found.filter(pc.is_in(found["content_id"], wanted))
        order = pc.index_in(wanted, found["content_id"].combine_chunks()).drop_null()
        found = found.take(order)
        return self._vectors(found, self._dimension(table))

    def units(self, model: str, content_ids: Iterable[str]) -> tuple[list[str], np.ndarray]:
        """Contents that have a vector, and these as (n, d) float32 of length 1.

        As `get`, out of memory where `matrix` has them there.
        """
        wanted = pa.array(dict.fromkeys(content_ids), pa.string())
        matrix = self.matrix(model)
        if matrix is None:
            found = self.get(model, wanted.to_pylist())
            return found.content_ids.to_pylist(), unit(found.rows)
        chosen = matrix.find(wanted)
        return matrix.content_ids.take(pa.array(chosen)).to_pylist(), matrix.rows[chosen]

    def all(self, model: str, batch: int = 65_536) -> Iterator[Vectors]:
        """Every vector once, in blocks of at most `batch`, of one version of the table."""
        table = self._open(model)
        if table is None:
            return
        with reading(self.root):
            reader = table.search(None).select(["content_id", "vector"]).to_batches(batch)
            for block in reader:
                if block.num_rows:
                    yield self._vectors(pa.table(block), self._dimension(table))

    def shard(self, model: str, digit: str) -> Vectors:
        """The vectors whose content's hash begins with a hexadecimal digit, by content id."""
        if len(digit) != 1 or digit not in "0123456789abcdef":
            raise ValueError(f"{digit!r} is not a hexadecimal digit")
        table = self._open(model)
        if table is None:
            return self.get(model, ())
        # every content id is two letters, a colon and the hash
        found = self._scan(model, ["content_id", "vector"], f"content_id LIKE '___{digit}%'")
        return self._vectors(found.sort_by("content_id"), self._dimension(table))

    def values(self, model: str, name: str) -> tuple[str, ...]:
        """The values that a filter column (`rows.FILTERS`) has, in order."""
        lists = self._scan(model, [name])[name].combine_chunks()
        return tuple(sorted(pc.unique(lists.flatten()).drop_null().to_pylist()))

    def sample(self, model: str, count: int, seed: int = 0) -> Vectors:
        """`count` vectors (or all, where there are fewer), drawn by `seed`."""
        table = self._open(model)
        total = self.count(model)
        if table is None or not total:
            return self.get(model, ())
        chosen = np.random.default_rng(seed).permutation(total)[:count]
        with reading(self.root):
            found = table.take_offsets(np.sort(chosen).tolist()).select(["content_id", "vector"])
            return self._vectors(found.to_arrow(), self._dimension(table))

    def matrix(self, model: str) -> Matrix | None:
        """All vectors in memory, kept until the table changes; None where they are too many.

        Raises:
            NotFound: the model has no vectors.
        """
        table = self._table(model)
        state = self._state(model, table)
        kept = self._matrices.get(model)
        if kept is not None and kept.version == state.version:
            return kept
        if self.count(model) * state.dimension * 4 > MATRIX_BYTES:
            return None
        found = self._vectors(self._scan(model, ["content_id", "vector"]), state.dimension)
        made = Matrix(state.version, found.content_ids, unit(found.rows))
        self._matrices[model] = made
        return made

    # -- writing -------------------------------------------------------------------------

    def put(
        self,
        model: str,
        content_ids: Iterable[str],
        vectors: np.ndarray,
        source: str = "computed",
    ) -> None:
        """Insert or replace vectors; descriptions of contents that are here already stay.

        Args:
            model: fingerprint of the encoder that made them.
            content_ids: n contents.
            vectors: (n, d) of unit length, float16 or float32.
            source: `memory` where the vectors come from files, `computed` otherwise.

        Raises:
            InvalidMemory: not finite unit vectors, or of another dimension than the model's.
            LibraryLocked: another process has been writing for too long.
        """
        if source not in ("memory", "computed"):
            raise ValueError(f"{source!r} is neither 'memory' nor 'computed'")
        fresh = rows.batch(content_ids, vectors, source)
        dimension = fresh.schema.field("vector").type.list_size
        check_model(model)
        with turn(self.root, self.patience), reading(self.root):
            table = self._open(model)
            if table is None:
                table = self._create(model, dimension)
            if dimension != self._dimension(table):
                raise InvalidMemory(
                    f"vectors of {dimension} numbers do not fit: those of this model have "
                    f"{self._dimension(table)}",
                    where=model,
                    remedy="Give the fingerprint of the model that made them",
                )
            if not fresh.num_rows:
                return
            upsert = table.merge_insert("content_id").when_matched_update_all()
            upsert.when_not_matched_insert_all().execute(fresh)
            self._compact(table)

    def drop(self, model: str, content_ids: Iterable[str]) -> None:
        """Remove vectors; contents that have none are ignored."""
        gone = list(dict.fromkeys(content_ids))
        table = self._open(model)
        if table is None or not gone:
            return
        with turn(self.root, self.patience), reading(self.root):
            for start in range(0, len(gone), ASKED_AT_ONCE):
                table.delete(one_of("content_id", gone[start : start + ASKED_AT_ONCE]))
            self._compact(table)

    def describe(self, model: str, description: pa.Table) -> None:
        """Set filter columns and words of contents that have a vector; others are ignored.

        Args:
            description: columns of `rows.DESCRIPTION`, one row a content.
        """
        table = self._table(model)
        if not description.num_rows:
            return
        fresh = description.select(rows.DESCRIPTION.names).cast(rows.DESCRIPTION)
        with turn(self.root, self.patience), reading(self.root):
            table.merge_insert("content_id").when_matched_update_all().execute(fresh)
            indexing.index_columns(table)
            self._compact(table)

    def compact(self, model: str) -> None:
        """Join small pieces, bring indices up to date, remove old versions."""
        table = self._table(model)
        with turn(self.root, self.patience), reading(self.root):
            table.optimize(cleanup_older_than=KEEP_VERSIONS)

    def index(self, model: str, texts: np.ndarray | None = None) -> IndexReport:
        """Build an index where there are enough vectors for one to pay (`indexing.INDEX_ROWS`).

        Args:
            texts: (q, d) unit vectors of texts as people ask them, where a model is at hand;
                `measure_texts` takes them later.

        Returns:
            How searches go from now on, with the measured recall.
        """
        table = self._table(model)
        with turn(self.root, self.patience), reading(self.root):
            count = int(table.count_rows())
            if count >= indexing.INDEX_ROWS:
                return indexing.build(self, model, table, texts)
            if indexing.has_index(table, "vector"):
                table.drop_index("vector_idx")
            exact = IndexReport(kind="exact", rows=count)
            if indexing.read(table) is not None:
                indexing.write(table, exact)
            return exact

    def measure_texts(self, model: str, texts: np.ndarray) -> IndexReport | None:
        """Measure how texts are to be searched with the index that is there.

        Until that is done texts are compared with every vector.

        Args:
            texts: (q, d) unit vectors of texts as people ask them.

        Returns:
            What is known of the index now; None where there is none.
        """
        table = self._table(model)
        with turn(self.root, self.patience), reading(self.root):
            report = indexing.read(table)
            if report is None or not report.partitions:
                return None
            return indexing.measure_texts(self, model, table, report, texts)

    def indexed(self, model: str) -> IndexReport | None:
        """What `index` measured when it was last called; None where it never built one."""
        table = self._open(model)
        if table is None:
            return None
        with reading(self.root):
            return indexing.read(table)

    def index_due(self, model: str) -> bool:
        """Whether there are so many vectors, or so many more, that `index` should be called."""
        return indexing.due(self.indexed(model), self.count(model))

    def mark(self, model: str, text: str) -> None:
        """Write a text into the table that `marked` gives back, e.g. what it was synced with."""
        table = self._table(model)
        with turn(self.root, self.patience), reading(self.root):
            table.update_field_metadata({"path": "digest", "metadata": {MARK.decode(): text}})

    def marked(self, model: str) -> str | None:
        """The text of the last `mark`; None where there is none."""
        table = self._open(model)
        if table is None:
            return None
        with reading(self.root):
            found = (table.schema.field("digest").metadata or {}).get(MARK)
        return None if found is None else found.decode()

    # -- searching -----------------------------------------------------------------------

    def search(
        self,
        model: str,
        vector: np.ndarray,
        k: int,
        where: str | None = None,
        exact: bool | None = None,
        among: pa.StringArray | None = None,
        text: bool = False,
    ) -> pa.Table:
        """The `k` contents whose vectors have the highest cosine with `vector`.

        Args:
            vector: (d,); its length does not matter.
            where: a condition as `where.condition` makes it, applied before the search.
            among: only these contents; compared one by one, without an index.
            text: the vector is one of a text, or has one in it.
            exact: True compares with every vector. By default an index is used where
                `index` has built one.

        Returns:
            `content_id` and `cosine` (float32), best first, equal ones by content id. Of an
            index cosines are good to 1e-4: it rounds the query to float16 as well.

        Raises:
            NotFound: the model has no vectors.
            InvalidMemory: a query of another dimension, or without a direction.
        """
        table = self._table(model)
        state = self._state(model, table)
        asked = rows.query(vector, state.dimension)
        if among is not None:
            if where is not None:
                among = among.filter(pc.is_in(among, self.matching(model, where)))
            names, near = self.units(model, among.to_pylist())
            return nearest(pa.array(names, pa.string()), near @ asked, k)
        probes = 0
        if not exact and state.plan is not None:
            probes = (state.plan.text_probes or 0) if text else state.plan.probes
        if where is None and not probes:
            matrix = self.matrix(model)
            if matrix is not None:
                return nearest(matrix.content_ids, matrix.rows @ asked, k)
        with reading(self.root):
            if where is None and probes and state.complete:
                # deeper answers come from more cells than the ten that recall was measured at
                probes *= -(-k // indexing.NEIGHBOURS)
                names, cosines = self._pinned(model, state).nearest(asked, k, probes)
                return nearest(names, cosines, k)
            question = table.search(asked, vector_column_name="vector", query_type="vector")
            question = question.distance_type("cosine").limit(k)
            if where is not None:
                question = question.where(where, prefilter=True)
            question = question.nprobes(probes) if probes else question.bypass_vector_index()
            found = question.select(["content_id", "vector", "_distance"]).to_arrow()
        read = self._vectors(found, state.dimension)
        return nearest(read.content_ids, unit(read.rows) @ asked, k)

    def words(
        self,
        model: str,
        text: str,
        k: int,
        where: str | None = None,
        among: pa.StringArray | None = None,
    ) -> pa.Table:
        """The `k` contents whose words (titles, descriptions, prompts) match `text` best.

        Any of the words may match; rare ones count for more (BM25). No sign of the text is
        special.

        Returns:
            `content_id` and `score` (float32), best first. Empty where nothing matches, and
            where nothing was described yet.
        """
        table = self._open(model)
        empty = pa.table({"content_id": pa.array([], pa.string()), "score": pa.array([], "f4")})
        with reading(self.root):
            if table is None or not indexing.has_index(table, "words"):
                return empty
            question = table.search(text[:MAX_WORDS], query_type="fts", fts_columns="words")
            question = question.select(["content_id", "_score"]).limit(k if among is None else None)
            if where is not None:
                question = question.where(where, prefilter=True)
            found = question.to_arrow().select(["content_id", "_score"])
        found = found.rename_columns(["content_id", "score"])
        if among is not None:
            found = found.filter(pc.is_in(found["content_id"], among))
        return found.sort_by([("score", "descending"), ("content_id", "ascending")]).slice(0, k)

    # -- inside --------------------------------------------------------------------------

    def _pinned(self, model: str, state: Known) -> Pinned:
        kept = self._pins.get(model)
        if kept is None or kept.version != state.version:
            kept = self._pins[model] = Pinned.of(self.root, model, state.version)
        return kept

    def _compact(self, table: Any) -> None:
        fragments = table.stats()["fragment_stats"]
        if fragments["num_small_fragments"] > MAX_FRAGMENTS:
            table.optimize(cleanup_older_than=KEEP_VERSIONS)
