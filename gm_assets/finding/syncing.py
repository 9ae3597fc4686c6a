"""The vector store follows the catalogue, and comes back from the files' memories alone.

No model is loaded here and no picture is decoded: packets are read, and the vectors in them.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gm_assets.errors import GmError, LibraryError, UnreadableFile
from gm_assets.finding import descriptions
from gm_assets.finding.values import SyncReport
from gm_assets.library.pool import Pool
from gm_assets.library.values import Progress, ProgressFunction
from gm_assets.stores.vectors import VectorStore

if TYPE_CHECKING:
    from gm_assets.library import Library

#: Vectors written at once.
BLOCK = 8_192
#: Files between two calls of `progress`.
TELL_EVERY = 200


def vector_store(library: Library) -> VectorStore:
    """The vector store of a library (`.gm/vectors`)."""
    return VectorStore(library.state / "vectors")


def behind(library: Library, store: VectorStore, model: str) -> bool:
    """Whether the catalogue has changed, or vectors were put, since the last `sync`."""
    if store.marked(model) != _mark(library):
        return True
    return bool(store.described(model)["digest"].null_count)


def sync(
    library: Library,
    model: str,
    *,
    workers: int | None = None,
    progress: ProgressFunction | None = None,
) -> SyncReport:
    """Bring the vectors of a model up to date with the catalogue.

    Vectors that memories hold and the store lacks are read from the files; vectors of contents
    that are gone are removed; filter columns and words of rows that changed are written; an
    index is built where there are so many vectors that one pays.

    Args:
        model: fingerprint of the encoder.
        workers: processes that read files.

    Raises:
        LibraryError: the library was opened read-only, has no store, or one that is damaged.
        MissingExtra: lancedb is not installed.
    """
    if library.read_only:
        raise LibraryError(
            "the library was opened read-only", where=library.root, remedy="Open it for writing"
        )
    started = time.monotonic()
    store, con, mark = vector_store(library), library.catalogue(), _mark(library)
    described = store.described(model)
    gone = descriptions.vanished(con, described)
    store.drop(model, gone)
    wanted = descriptions.readable(con, described, model)
    read, unreadable = 0, []
    if wanted.num_rows:
        contents = dict(
            zip(*(wanted[name].to_pylist() for name in wanted.schema.names), strict=True)
        )
        reader = _Reader(os.fspath(library.root), model)
        for ids, vectors, faults in _blocks(
            reader, contents, store.dimension(model), workers, progress
        ):
            if ids:
                store.put(model, ids, vectors, "memory")
            read += len(ids)
            unreadable += faults
    described = store.described(model)
    fresh = descriptions.changed(con, described)
    if fresh.num_rows:
        store.describe(model, fresh)
    if store.dimension(model) is not None:
        if store.index_due(model):
            store.index(model)
        if store.marked(model) != mark:
            store.mark(model, mark)
    return SyncReport(
        model=model,
        vectors=len(described),
        read=read,
        dropped=len(gone),
        described=fresh.num_rows,
        unreadable=tuple(unreadable),
        missing=descriptions.missing(con, described),
        seconds=time.monotonic() - started,
    )


def embedded_models(library: Library) -> tuple[str, ...]:
    """The fingerprints of the models whose vectors the library's memories hold."""
    rows = library.catalogue().execute(
        "select distinct unnest(embedded_by) as model from assets order by 1"
    )
    return tuple(row[0] for row in rows.fetchall())


def sync_all(
    library: Library, *, workers: int | None = None, progress: ProgressFunction | None = None
) -> tuple[SyncReport, ...]:
    """`sync` for every model that the memories or the vector store know."""
    models = {*embedded_models(library), *vector_store(library).models()}
    return tuple(
        sync(library, model, workers=workers, progress=progress) for model in sorted(models)
    )


def _mark(library: Library) -> str:
    """Names the generation of the catalogue by its content: numbers begin anew in a rebuild."""
    return hashlib.sha256(library.store.current().manifest.dump()).hexdigest()


@dataclass(frozen=True)
class _Read:
    """What one file gave: the vector and its content, or why there is none."""

    path: str
    content_id: str | None = None
    vector: bytes = b""
    reason: str | None = None


@dataclass(frozen=True)
class _Reader:
    """Reads a file's vector of one model; runs in worker processes."""

    root: str
    model: str

    def __call__(self, path: str) -> _Read:
        from gm_assets.encoding.vectors import vector_of
        from gm_assets.memory.files import read_memory

        try:
            memory = read_memory(f"{self.root}/{path}").memory
            vector = None if memory is None else vector_of(memory, self.model)
        except GmError as error:
            return _Read(path, reason=error.what)
        if memory is None or vector is None or memory.written is None:
            return _Read(path, reason="its memory holds no vector of this model any more")
        return _Read(path, memory.written.content_id, vector.astype("<f2").tobytes())


def _crashed(path: str) -> _Read:
    return _Read(path, reason=UnreadableFile("reading it crashed", where=path).what)


def _blocks(
    reader: _Reader,
    contents: dict[str, str],
    dimension: int | None,
    workers: int | None,
    progress: ProgressFunction | None,
) -> Iterator[tuple[list[str], np.ndarray, list[tuple[str, str]]]]:
    """Contents, vectors `(n, d)` and faults `(path, reason)`, `BLOCK` at a time.

    Of a model whose dimension nobody knows yet, the one that most files state is taken: one
    file that lies must not keep the others out.
    """
    read: list[_Read] = []
    faults: list[tuple[str, str]] = []
    for number, one in enumerate(Pool(reader, _crashed, workers).stream(contents), start=1):
        if progress is not None and (number % TELL_EVERY == 0 or number == len(contents)):
            progress(Progress(number, len(contents), 0, one.path, "read"))
        if one.reason is not None:
            faults.append((one.path, one.reason))
        elif one.content_id != contents[one.path]:
            faults.append((one.path, "the file changed since it was catalogued"))
        else:
            read.append(one)
        if len(read) == BLOCK or (number == len(contents) and read):
            size = dimension or Counter(len(some.vector) // 2 for some in read).most_common(1)[0][0]
            faults += [
                (some.path, f"its vector has {len(some.vector) // 2} numbers, not {size}")
                for some in read
                if len(some.vector) != 2 * size
            ]
            fitting = [some for some in read if len(some.vector) == 2 * size]
            joined = np.frombuffer(b"".join(some.vector for some in fitting), "<f2")
            yield [contents[some.path] for some in fitting], joined.reshape(-1, size), faults
            dimension, read, faults = size, [], []
    if faults:
        yield [], np.empty((0, dimension or 1), np.float16), faults
