"""Vectors for many files: a new model, a backfill, folders that are not managed.

    due -> look (decode small, in workers) -> encode (batches, here) -> vector store

A content is due when the vector store has no vector of the model for it. A vector that a
file's memory holds is taken from there; everything else goes through the model. Vectors are
put away now and then, so a run that is killed loses little, and the next one goes on from
there. `into_files` then writes the vectors into the memories of managed files, with the whole
write sequence; vectors of other models stay.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from gm_assets.errors import GmError, ModelError, WriteRefused
from gm_assets.library.looking import Due, Look, Seen
from gm_assets.library.pool import Pool
from gm_assets.library.scope import Scope
from gm_assets.library.values import EmbedReport, Progress, ProgressFunction, Unembedded

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from gm_assets.encoding import Encoder, EncoderSpec
    from gm_assets.library.inscribing import Inscribed
    from gm_assets.library.library import Library

#: Pictures that go through the model at once. More gain nothing on a CPU.
BATCH = 16
#: Contents that workers are told of at once; bounds memory in a library of millions.
CHUNK = 20_000
#: Vectors, and seconds of work, that a killed run may lose.
PUT_ROWS = 2_048
PUT_SECONDS = 30.0
#: Failures that a report lists.
LISTED = 1_000
#: Seconds between two calls of `progress`.
PROGRESS_SECONDS = 0.1


def embed(
    library: Library,
    encoder: Encoder | EncoderSpec | None = None,
    *,
    paths: Iterable[str | os.PathLike[str]] | None = None,
    content_ids: Iterable[str] | None = None,
    shards: Iterable[str] | None = None,
    into_files: bool = False,
    workers: int | None = None,
    threads: int = 1,
    progress: ProgressFunction | None = None,
) -> EmbedReport:
    """Give every picture of the library a vector of one model, where it has none yet.

    Catalogued pictures only, each content once. A picture that cannot be taken is reported
    and stops nothing. Memory is bounded: views wait in no more than a few batches.

    Args:
        encoder: open, or what to open; the library's active one by default.
        paths: files and folders of the library; all of it by default.
        content_ids: only these contents. shards: only contents of these hexadecimal digits.
        into_files: also write the vectors into memories of managed files.
        workers: processes that decode; as many as there are cores by default.
        threads: of the model. More than one pays for large models on an idle machine only.
        progress: called now and then in this thread.

    Raises:
        MissingExtra, ModelError: the encoder cannot be opened.
        GmError: vectors are switched off (profile `none`) and no encoder was given.
        NotFound: nothing below one of `paths` is in the catalogue.
        LibraryError: opened read-only, or a store is damaged.
        LibraryLocked: another process is writing (with `into_files`).
    """
    from gm_assets.encoding import Encoder, open_encoder

    if library.read_only:
        raise WriteRefused("the library was opened read-only", where=library.root)
    scope = Scope.of(library, paths, content_ids, shards)
    if not isinstance(encoder, Encoder):
        encoder = open_encoder(encoder or _active(library), threads=threads)
    run = _Embedding(library, encoder, workers, progress)
    run.compute(scope)
    inscribed = None
    if into_files:
        from gm_assets.library.inscribing import inscribe

        inscribed = inscribe(scope, encoder.fingerprint, workers=workers, progress=progress)
    return run.report(scope, inscribed)


def _active(library: Library) -> EncoderSpec:
    spec = library.encoder_spec()
    if spec is None:
        raise GmError(
            "vectors are switched off for this library (profile none)",
            where=library.root,
            remedy="Set GM_PROFILE=embedded, or [encoder] profile in gm.toml, or name a model",
        )
    return spec


class _Embedding:
    """One run: the model, and what was found so far."""

    def __init__(
        self,
        library: Library,
        encoder: Encoder,
        workers: int | None,
        progress: ProgressFunction | None,
    ) -> None:
        self.library = library
        self.encoder = encoder
        self.workers = workers
        self.progress = progress
        self.started = time.monotonic()
        self.told = 0.0
        self.contents = self.known = self.total = 0
        self.from_memories = self.computed = self.failed = 0
        self.bytes = 0
        self.failures: list[Unembedded] = []
        self.basket = _Basket(library, encoder.fingerprint)

    def compute(self, scope: Scope) -> None:
        """Give the contents in scope that have no vector theirs."""
        import pyarrow.compute as pc

        model = self.encoder.fingerprint
        contents = scope.contents(model)
        known = pc.is_in(contents.column("content_id"), self.library.vectors.known(model))
        due = contents.filter(pc.invert(known))
        self.contents, self.total = len(contents), len(due)
        self.known = self.contents - self.total
        try:
            for start in range(0, len(due), CHUNK):
                self._chunk(due.slice(start, CHUNK))
        finally:  # what was made before an interruption stays
            self.basket.empty()
        self._tell("", done=self.total)

    def report(self, scope: Scope, inscribed: Inscribed | None) -> EmbedReport:
        """What this run did."""
        refused = () if inscribed is None else inscribed.refused
        return EmbedReport(
            model=self.encoder.fingerprint,
            name=self.encoder.spec.name,
            dimension=self.encoder.dimension,
            contents=self.contents,
            known=self.known,
            from_memories=self.from_memories,
            computed=self.computed,
            failed=self.failed,
            failures=(*self.failures, *refused),
            models=scope.models(),
            written=0 if inscribed is None else inscribed.written,
            refused=len(refused),
            seconds=time.monotonic() - self.started,
        )

    def _chunk(self, due: pa.Table) -> None:
        """One block of contents through workers and model."""
        files = _due(due)
        look = Look(
            os.fspath(self.library.root),
            self.encoder.fingerprint,
            self.encoder.image_size,
            files,
            self.encoder.preprocess,
        )
        pool: Pool[Seen] = Pool(look, look.crashed, self.workers)
        waiting: list[Seen] = []
        for seen in pool.stream(files):
            self.bytes += seen.size
            if seen.view is not None:
                waiting.append(seen)
            elif seen.vector is not None:
                self.from_memories += 1
                self.basket.add(seen.content_id, seen.vector, "memory")
            else:
                self._fail(seen, seen.reason or "it cannot be read")
            if len(waiting) == BATCH:
                self._encode(waiting)
                waiting = []
            self._tell(seen.path)
        self._encode(waiting)

    def _encode(self, batch: list[Seen]) -> None:
        for seen, vector in self._vectors(batch):
            self.computed += 1
            self.basket.add(seen.content_id, vector, "computed")

    def _vectors(self, batch: list[Seen]) -> Iterator[tuple[Seen, NDArray[np.float32]]]:
        """The pictures with their vectors; one that the model cannot take fails alone."""
        if not batch:
            return
        try:
            rows = self.encoder.images([seen.view for seen in batch if seen.view is not None])
            yield from zip(batch, rows, strict=True)
        except ModelError as error:
            if len(batch) == 1:
                self._fail(batch[0], error.what)
                return
            for seen in batch:
                yield from self._vectors([seen])

    def _fail(self, seen: Seen, reason: str) -> None:
        self.failed += 1
        if len(self.failures) < LISTED:
            self.failures.append(Unembedded(seen.path, reason))

    def _tell(self, path: str, done: int | None = None) -> None:
        if self.progress is None:
            return
        now = time.monotonic()
        if done is None and now - self.told < PROGRESS_SECONDS:
            return
        self.told = now
        if done is None:
            done = self.from_memories + self.computed + self.failed
        self.progress(Progress(done, self.total, self.bytes, path, "embed"))


class _Basket:
    """Vectors on their way into the store, put away in blocks."""

    def __init__(self, library: Library, model: str) -> None:
        self._store = library.vectors
        self._model = model
        self._rows: dict[str, list[tuple[str, NDArray[np.floating]]]] = {}
        self._count = 0
        self._last = time.monotonic()

    def add(self, content_id: str, vector: NDArray[np.floating], source: str) -> None:
        """Take one vector; `source` as for `VectorStore.put`."""
        self._rows.setdefault(source, []).append((content_id, vector))
        self._count += 1
        if self._count >= PUT_ROWS or time.monotonic() - self._last > PUT_SECONDS:
            self.empty()

    def empty(self) -> None:
        """Put away what is there."""
        import numpy as np

        for source, rows in self._rows.items():
            ids, vectors = zip(*rows, strict=True)
            self._store.put(self._model, ids, np.stack(vectors), source)
        self._rows.clear()
        self._count = 0
        self._last = time.monotonic()


def _due(contents: pa.Table) -> dict[str, Due]:
    """The files of a table of `Scope.contents`, by path."""
    from gm_assets.memory.files import Signature

    return {
        row["path"]: Due(
            content_id=row["content_id"],
            signature=Signature(row["size"], row["mtime_ns"], row["ctime_ns"], row["inode"]),
            verified=row["verified"],
            remembered=row["remembered"],
        )
        for row in contents.to_pylist()
    }
