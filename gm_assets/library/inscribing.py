"""Writing vectors from the vector store into memories that lack them (`embed --into-files`).

Each file goes through the whole write sequence: it is read, identified, found unaltered, and
its memory is written with the vector added; vectors of other models stay. Files that have no
memory, stand in folders that are not managed or were altered are left as they are.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gm_assets.errors import GmError, UnreadableFile
from gm_assets.library.examine import Examined, examine, failed, write
from gm_assets.library.pool import Pool
from gm_assets.library.recording import Recorder
from gm_assets.library.values import Progress, ProgressFunction, Unembedded
from gm_assets.lineage.evidence import is_altered

if TYPE_CHECKING:
    import pyarrow as pa

    from gm_assets.library.library import Library
    from gm_assets.library.scope import Scope
    from gm_assets.memory.record import Embedding

#: Files that workers are told of at once, with their vectors.
CHUNK = 10_000


@dataclass(frozen=True)
class Inscribed:
    """What became of the files: how many took the vector, and which did not, with the reason."""

    written: int
    refused: tuple[Unembedded, ...]


@dataclass(frozen=True, slots=True)
class _Result:
    """One file after it was handled; `reason` says why it did not take the vector."""

    examined: Examined
    written: bool = False
    reason: str | None = None


@dataclass(frozen=True)
class _Inscribe:
    """Writes to each path of `vectors` its content's vector. Runs in workers; never raises."""

    root: str
    vectors: dict[str, tuple[str, Embedding]]  # path -> content id, vector

    def __call__(self, path: str) -> _Result:
        content_id, embedding = self.vectors[path]
        examined = examine(self.root, path)
        if reason := _obstacle(examined, content_id):
            return _Result(examined, reason=reason)
        return self._write(examined, embedding)

    def crashed(self, path: str) -> _Result:
        """The result for a file whose reading ended its process, twice."""
        error = UnreadableFile("reading it ended the process", where=f"{self.root}/{path}")
        return _Result(failed(self.root, path, error), reason=error.what)

    def _write(self, examined: Examined, embedding: Embedding) -> _Result:
        from gm_assets.encoding.vectors import with_vector

        memory, identity, signature = examined.memory, examined.identity, examined.signature
        assert memory is not None and identity is not None and signature is not None
        if embedding in memory.embeddings:  # a copy whose memory does not speak for its document
            return _Result(examined)
        wrote = write(self.root, examined.path, with_vector(memory, embedding), signature)
        if isinstance(wrote, GmError):
            return _Result(examined, reason=wrote.what)
        identity = replace(identity, file_hash=wrote.file_hash, size=wrote.signature.size)
        fresh = replace(examined, signature=wrote.signature, identity=identity, memory=wrote.memory)
        return _Result(fresh, written=True)


def inscribe(
    scope: Scope,
    model: str,
    *,
    workers: int | None = None,
    progress: ProgressFunction | None = None,
) -> Inscribed:
    """Write the vectors of `model` that the store has into the memories of managed files.

    Raises:
        LibraryLocked: another process is writing to this library.
        LibraryError: opened read-only, or a store is damaged or cannot be written.
    """
    library = scope.library
    with library.writing():
        files = scope.unwritten(model)
        recorder = Recorder(library)
        written, done = 0, 0
        refused: list[Unembedded] = []
        for start in range(0, len(files), CHUNK):
            work = _Inscribe(
                os.fspath(library.root), _vectors(library, model, files.slice(start, CHUNK))
            )
            pool: Pool[_Result] = Pool(work, work.crashed, workers)
            for result in pool.stream(work.vectors):
                done += 1
                path = result.examined.path
                if result.written:
                    written += 1
                    recorder.rewrote(library, result.examined)
                elif result.reason is not None:
                    refused.append(Unembedded(path, result.reason))
                if progress is not None:
                    progress(Progress(done, len(files), 0, path, "write"))
        recorder.commit()
    return Inscribed(written, tuple(refused))


def _vectors(library: Library, model: str, files: pa.Table) -> dict[str, tuple[str, Embedding]]:
    """The files whose content has a vector in the store, with it."""
    from gm_assets.encoding import pack

    paths, contents = (files.column(name).to_pylist() for name in ("path", "content_id"))
    found = library.vectors.get(model, contents)
    packed = {
        content_id: pack(row, model)
        for content_id, row in zip(found.content_ids.to_pylist(), found.rows, strict=True)
    }
    return {
        path: (content_id, packed[content_id])
        for path, content_id in zip(paths, contents, strict=True)
        if content_id in packed
    }


def _obstacle(examined: Examined, content_id: str) -> str | None:
    """Why a vector of `content_id` may not be written into a file, if so."""
    if examined.error is not None or examined.memory_error is not None:
        return (examined.error or examined.memory_error or UnreadableFile("")).what
    if examined.waiting is not None or examined.identity is None:
        return examined.waiting
    memory = examined.memory
    if memory is None or memory.written is None:
        return "it has no memory any more: run `gm ingest`"
    if is_altered(examined.identity, memory.written) or memory.written.content_id != content_id:
        return "its content changed since it was ingested: run `gm ingest`"
    return None
