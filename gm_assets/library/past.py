"""What the store said of files that changed or vanished, and which of them only moved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gm_assets.library.values import Move

if TYPE_CHECKING:
    from gm_assets.library.library import Library


@dataclass(frozen=True, slots=True)
class PastFile:
    """A row of the files table, as far as an ingest compares with it."""

    path: str
    content_id: str | None
    document_id: str | None
    remembered: bool  # a memory was embedded in the file


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file that is where it, or this content of it, was not before."""

    path: str
    content_id: str
    document_id: str | None


def past_files(library: Library, paths: Iterable[str]) -> dict[str, PastFile]:
    """The rows of `paths` in the current generation, by path."""
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = pa.array(sorted(set(paths)), pa.string())
    if not len(wanted):
        return {}
    table = library.store.read("files", ["path", "content_id", "document_id", "memory"])
    table = table.filter(pc.is_in(table.column("path"), value_set=wanted))
    rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
    return {
        path: PastFile(path, content_id, document_id, memory != "none")
        for path, content_id, document_id, memory in rows
    }


def match_moves(
    gone: Iterable[PastFile], arrivals: Iterable[Arrival], renamed: Mapping[str, str]
) -> list[Move]:
    """Which vanished files are here again under another path.

    A vanished file and an arrival are one where the document is the same or, without a
    memory, the content. Pairs that share an inode go first (`renamed`: new path -> old
    path); of equal ones the first by path, so that the rest are copies.
    """
    left = {file.path: file for file in gone}
    by_key: dict[str, list[str]] = defaultdict(list)
    for path in sorted(left, reverse=True):
        for key in _keys(left[path].document_id, left[path].content_id):
            by_key[key].append(path)
    moves = []
    waiting = []
    for arrival in sorted(arrivals, key=lambda arrival: arrival.path):
        old = renamed.get(arrival.path)
        if old in left and _same(left[old], arrival):
            moves.append(Move(old, arrival.path))
            del left[old]
        else:
            waiting.append(arrival)
    for arrival in waiting:
        for key in _keys(arrival.document_id, arrival.content_id):
            paths = by_key[key]
            while paths and paths[-1] not in left:
                paths.pop()
            if paths:
                old = paths.pop()
                del left[old]
                moves.append(Move(old, arrival.path))
                break
    return sorted(moves, key=lambda move: move.new)


def _keys(document_id: str | None, content_id: str | None) -> list[str]:
    return [key for key in (document_id, content_id) if key]


def _same(file: PastFile, arrival: Arrival) -> bool:
    return bool(
        set(_keys(file.document_id, file.content_id))
        & set(_keys(arrival.document_id, arrival.content_id))
    )
