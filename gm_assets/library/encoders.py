"""The active encoder at work: vectors for single files, in whichever process needs one.

Ingest, edits, stages and the demo ask an `Embedder` for the vector of a picture whose memory
they are about to write. Pictures go through the model one by one here, so that a vector does
not depend on which files came along; `embedding` is for whole libraries.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from gm_assets.errors import GmError, InvalidMemory
from gm_assets.library.values import Completed

if TYPE_CHECKING:
    from gm_assets.encoding import Encoder, EncoderSpec
    from gm_assets.library.library import Library
    from gm_assets.memory.record import Embedding, Memory


@dataclass(frozen=True, slots=True)
class Taken:
    """The vector of one picture, or the reason why it has none."""

    embedding: Embedding | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Embedder:
    """Gives pictures their vectors. Picklable: the model is opened once in each process."""

    spec: EncoderSpec
    fingerprint: str

    def of(self, source: str | os.PathLike[str] | bytes, where: str | None = None) -> Taken:
        """The vector of a picture: a path, or a file's bytes. Never raises for what it holds."""
        from gm_assets.encoding import pack, view_of

        encoder = _opened(self.spec)
        if isinstance(encoder, GmError):
            return Taken(reason=encoder.what)
        try:
            vector = encoder.images([view_of(source, encoder.image_size, where)])[0]
            return Taken(pack(vector, encoder.fingerprint))
        except GmError as error:
            return Taken(reason=error.what)
        except Exception as error:  # a decoder's fault must not keep a memory from its file
            return Taken(reason=f"{type(error).__name__}: {error}")

    def due(self, memory: Memory, kind: str) -> bool:
        """Whether a memory that is about to be written lacks the vector that it could have."""
        return kind == "image" and all(e.model != self.fingerprint for e in memory.embeddings)

    def given(
        self, memory: Memory, kind: str, source: str | os.PathLike[str] | bytes
    ) -> tuple[Memory, str | None]:
        """`memory` with the vector of its picture, and why it has none where it has none.

        A memory that has the vector already, and that of a 3D file, come back as they are.
        """
        from gm_assets.encoding.vectors import with_vector

        if not self.due(memory, kind):
            return memory, None
        taken = self.of(source)
        if taken.embedding is None:
            return memory, taken.reason
        return with_vector(memory, taken.embedding), None


def complete(library: Library, pictures: Mapping[str, tuple[str, Memory | None]]) -> Completed:
    """Give contents that were just identified their place in the vector store.

    Vectors that memories hold are taken as they are, the others are made. For the few files of
    a stage; `embedding` is for many. A library that was opened read-only stays as it is.

    Args:
        pictures: path below the root -> content id, and what the file remembers, for sound
            pictures; each content counts once.

    Raises:
        LibraryError: the vector store is damaged.
    """
    import numpy as np

    from gm_assets.encoding import unpack

    embedder = embedder_of(library)
    if not isinstance(embedder, Embedder):
        return Completed(reason=None if embedder is None else embedder.what)
    model = embedder.fingerprint
    paths = {content_id: path for path, (content_id, _) in pictures.items()}
    known = set(library.vectors.get(model, paths).content_ids.to_pylist())
    made: dict[str, dict[str, np.ndarray]] = {"memory": {}, "computed": {}}
    without: dict[str, str] = {}
    for content_id, path in paths.items():
        if content_id in known or library.read_only:
            continue
        memory = pictures[path][1]
        source, taken = "memory", _remembered(memory, model)
        if taken is None:
            source, taken = "computed", embedder.of(library.root / path)
        if taken.embedding is None:
            without[path] = taken.reason or "it has none"
        else:
            made[source][content_id] = unpack(taken.embedding)
    for source, vectors in made.items():
        if vectors:
            library.vectors.put(model, vectors, np.stack(list(vectors.values())), source)
    return Completed(len(known), len(made["memory"]), len(made["computed"]), without)


def _remembered(memory: Memory | None, model: str) -> Taken | None:
    """The sound vector of that model in a memory; None where it holds none."""
    from gm_assets.encoding import unpack

    for embedding in () if memory is None else memory.embeddings:
        if embedding.model == model:
            with suppress(InvalidMemory):
                unpack(embedding)
                return Taken(embedding)
    return None


def embedder_of(library: Library) -> Embedder | GmError | None:
    """The embedder for memories that are written in this library; nothing is loaded.

    None where vectors are switched off (profile `none`, or a model that is not `at_ingest`);
    the error where the model or the packages that run it are not there.
    """
    from gm_assets.encoding import active_fingerprint, obstacle

    try:
        spec = library.encoder_spec()
        if spec is None or not spec.at_ingest:
            return None
        return obstacle(spec) or Embedder(spec, active_fingerprint(spec))
    except GmError as error:
        return error


_opening = threading.Lock()


def _opened(spec: EncoderSpec) -> Encoder | GmError:
    """The open encoder of this process, or what keeps it from being opened."""
    with _opening:
        return _open(spec)


@lru_cache(maxsize=2)
def _open(spec: EncoderSpec) -> Encoder | GmError:
    # An error is kept as well: a batch must not try again for each of its files.
    from gm_assets.encoding import shared_encoder

    try:
        return shared_encoder(spec)
    except GmError as error:
        return error
