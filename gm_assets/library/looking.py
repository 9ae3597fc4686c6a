"""Looking at one catalogued picture: what workers of `embedding` run.

Given and returned are plain values; nothing raises for what a file holds. No model is loaded
here: workers decode, and the model runs where they report to.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gm_assets.errors import GmError, InvalidMemory
from gm_assets.library.folder import stored
from gm_assets.lineage.evidence import is_altered
from gm_assets.memory.files import Signature

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gm_assets.encoding.preprocess import Preprocess
    from gm_assets.identity import Identity

_CHANGED = "it changed since it was ingested: run `gm ingest`"


@dataclass(frozen=True, slots=True)
class Due:
    """A file that holds a content whose vector is wanted, as the store has it.

    `verified`: its content was read at some time. `remembered`: its memory holds the vector.
    """

    content_id: str
    signature: Signature
    verified: bool
    remembered: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found: the vector in its memory, or its view, or why there is neither."""

    path: str
    content_id: str
    size: int
    vector: NDArray[np.float16] | None = None
    view: NDArray[np.uint8] | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Look:
    """Looks at files below `root` for an encoder of this side and fingerprint.

    With the encoder's `preprocess` a view comes at the size of its input, so that resizing is
    the workers' part too.
    """

    root: str
    model: str
    side: int
    due: dict[str, Due]
    preprocess: Preprocess | None = None

    def __call__(self, path: str) -> Seen:
        seen = self._unseen(path)
        try:
            return self._look(seen, self.due[path], Path(self.root) / path)
        except GmError as error:
            return replace(seen, reason=error.what)
        except OSError as error:
            return replace(seen, reason=error.strerror or str(error))
        except Exception as error:  # a decoder's fault must not stop the others
            return replace(seen, reason=f"{type(error).__name__}: {error}")

    def crashed(self, path: str) -> Seen:
        """The result for a file whose decoding ended its process, twice."""
        return replace(self._unseen(path), reason="decoding it ended the process")

    def _unseen(self, path: str) -> Seen:
        due = self.due[path]
        return Seen(path, due.content_id, due.signature.size)

    def _look(self, seen: Seen, due: Due, full: Path) -> Seen:
        from gm_assets.encoding import view_of
        from gm_assets.identity import identify_bytes, read_file

        if stored(Signature.of(full.lstat())) != due.signature:
            return replace(seen, reason=_CHANGED)
        if due.remembered and (vector := self._remembered(full, due)) is not None:
            return replace(seen, vector=vector)
        data = read_file(full)
        if stored(Signature.of(full.lstat())) != due.signature:
            return replace(seen, reason=_CHANGED)
        if not due.verified and not _is_that(identify_bytes(data, str(full)), due):
            return replace(seen, reason="its content is not the one that its memory states")
        view = view_of(data, self.side, str(full))
        return replace(seen, view=self.preprocess.square(view) if self.preprocess else view)

    def _remembered(self, full: Path, due: Due) -> NDArray[np.float16] | None:
        """The vector in the file's memory; None where it holds none of that content."""
        from gm_assets.encoding.vectors import vector_of
        from gm_assets.memory.files import read_memory

        memory = read_memory(full).memory
        if memory is None or memory.written is None:
            return None
        if memory.written.content_id != due.content_id:
            return None
        with suppress(InvalidMemory):  # a vector that is none: the picture gives another
            return vector_of(memory, self.model)
        return None


def _is_that(identity: Identity, due: Due) -> bool:
    """Whether a file that was only remembered holds the content that its memory states."""
    from gm_assets.memory.files import load_packet

    packet = identity.packet
    memory = None if packet is None else load_packet(identity.format, packet)
    if memory is None or memory.written is None:
        return identity.content_id == due.content_id
    stated = memory.written
    return stated.content_id == due.content_id and not is_altered(identity, stated)
