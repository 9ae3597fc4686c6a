"""From changed files to the chains and stages that they concern."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from gm_assets.library.examine import remember
from gm_assets.library.values import Affected, Changes

if TYPE_CHECKING:
    from gm_assets.library.library import Library


def changes_by_chain(library: Library, changes: Changes) -> tuple[Affected, ...]:
    """The chains and stages that new, changed, moved and vanished files concern, in order.

    Where a file stood is in the store; where a new one stands, its memory says (only headers
    are read), or a rule where it has none. Unchanged files are not looked at.

    Raises:
        LibraryError: the store is damaged.
    """
    stood = {
        *changes.vanished,
        *(entry.path for entry in changes.changed),
        *(old for old, _ in changes.moved),
    }
    stand = (
        *(entry.path for entry in (*changes.new, *changes.changed)),
        *(entry.path for _, entry in changes.moved),
    )
    affected = set(_in_store(library, stood))
    for path in stand:
        affected.update(_in_file(library, path))
    return tuple(sorted(affected))


def _in_store(library: Library, paths: Iterable[str]) -> Iterable[Affected]:
    """Where the documents of these paths stand by the store."""
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = pa.array(sorted(paths), pa.string())
    if not len(wanted):
        return
    files = library.store.read("files", ["path", "document_id"])
    documents = files.filter(pc.is_in(files.column("path"), value_set=wanted)).column(1)
    places = library.store.read("placements", ["document_id", "key", "stage"])
    places = places.filter(pc.is_in(places.column(0), value_set=pc.drop_null(documents)))
    grouped: dict[str, set[str]] = defaultdict(set)
    for key, stage in zip(
        places.column("key").to_pylist(), places.column("stage").to_pylist(), strict=True
    ):
        grouped[key].add(stage)
    yield from (Affected(key, stage) for key, stages in grouped.items() for stage in stages)


def _in_file(library: Library, path: str) -> Iterable[Affected]:
    """Where a file stands by its memory, else by the rules."""
    memory = remember(str(library.root), path).memory
    if memory is not None and memory.placements:
        yield from (Affected(place.key, place.stage) for place in memory.placements)
    elif (ruling := library.ruling(path)) is not None:
        yield Affected(ruling.placement.key, ruling.placement.stage)
