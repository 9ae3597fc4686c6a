"""Files that are, or look, the same: groups, which one to keep, and what each one knows.

Nothing is ever deleted here. A group proposes the file that most hangs on: others come from
it, it stands in a chain, it keeps every sample, it is the largest.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from gm_assets.authoring.memories import facts_of
from gm_assets.authoring.near import NEAR, hash_values, near_groups
from gm_assets.authoring.values import Twin, TwinGroup
from gm_assets.errors import GmError
from gm_assets.memory.files import read_memory

if TYPE_CHECKING:
    from gm_assets.library import Library

_FILES = """
with children as (select parent as document_id, count(*) as children from links
                  where parent is not null group by parent),
     places as (select document_id, count(*) as places from placements group by document_id),
     named as (select document_id, count(*) as parents from parents group by document_id)
select f.path, f.content_id, f.document_id, f.kind, f.format, f.width, f.height, f.size,
       f.file_hash, f.stream_hash, f.geometry_hash, f.perceptual_hash,
       f.managed and f.memory = 'embedded' and not f.altered as writable,
       coalesce(c.children, 0) as children, coalesce(p.places, 0) as places,
       coalesce(n.parents, 0) as parents
from files f left join children c using (document_id) left join places p using (document_id)
left join named n using (document_id)
where f.content_id is not null and exists (
    select 1 from unnest($paths) chosen(p)
    where p = '' or f.path = p or starts_with(f.path, p || '/'))
order by f.path"""
#: Formats that keep every sample of a picture.
_LOSSLESS = frozenset(("png", "tiff", "exr", "glb"))


@dataclass(frozen=True, slots=True)
class _File:
    """A file as far as duplicates compare."""

    path: str
    content_id: str
    document_id: str | None
    kind: str
    format: str
    width: int | None
    height: int | None
    size: int
    file_hash: str | None
    stream_hash: str | None
    geometry_hash: str | None
    perceptual_hash: str | None
    writable: bool
    children: int
    places: int
    parents: int

    @property
    def reasons(self) -> tuple[tuple[str, object], ...]:
        """What speaks for keeping it: the first in which two files differ decides."""
        return (
            ("a memory can be written into it", not self.writable),
            ("most others come from it", -self.children),
            ("it stands in most places", -self.places),
            ("its memory names most parents", -self.parents),
            ("it has most pixels", -(self.width or 0) * (self.height or 0)),
            ("it keeps every sample", self.format not in _LOSSLESS),
            ("it is the largest file", -self.size),
            ("its path is the shortest", len(self.path)),
            ("its path is the first", self.path),
        )

    @property
    def rank(self) -> tuple[object, ...]:
        """Sorts the file to keep first."""
        return tuple(value for _, value in self.reasons)


_Key: TypeAlias = Callable[[_File], str | None]


def duplicates(
    library: Library,
    paths: Iterable[str | os.PathLike[str]] | None = None,
    *,
    near: bool = False,
    distance: int = NEAR,
) -> tuple[TwinGroup, ...]:
    """Groups of files that are the same, and with `near` of pictures that look the same.

    A group is told at the strongest level that holds for all of it. Memories are read from
    the files of the groups, headers only.

    Args:
        paths: files and folders that are compared; the whole library by default.
        distance: of 64 bits of the perceptual hashes, 0 to 15.

    Raises:
        LibraryError: nothing was ever ingested, the store is damaged, a path lies outside.
        ValueError: `distance` is out of bounds.
        TooLarge: too many pictures look alike.
    """
    files = _files(library, paths)
    groups = list(_equal(files, "file", lambda one: one.file_hash))
    whole = {tuple(one.path for one in group) for _, group in groups}
    groups += [
        found
        for found in _equal(files, "content", lambda one: one.content_id)
        if tuple(one.path for one in found[1]) not in whole
    ]
    groups += _related(files, "stream", lambda one: one.stream_hash)
    groups += _related(files, "geometry", lambda one: one.geometry_hash)
    if near:
        groups += _near(files, distance)
    return tuple(_told(library, level, group) for level, group in groups)


def _files(library: Library, paths: Iterable[str | os.PathLike[str]] | None) -> list[_File]:
    chosen = [""] if paths is None else [library.relative(path) for path in paths]
    rows = library.catalogue().execute(_FILES, {"paths": chosen}).fetchall()
    return [_File(*row) for row in rows]


def _grouped(files: Iterable[_File], key: _Key) -> Iterator[list[_File]]:
    """Files with an equal key, two and more, the one to keep first."""
    held: dict[str, list[_File]] = defaultdict(list)
    for one in files:
        if (value := key(one)) is not None:
            held[value].append(one)
    for group in held.values():
        if len(group) > 1:
            yield sorted(group, key=lambda one: one.rank)


def _equal(files: Sequence[_File], level: str, key: _Key) -> Iterator[tuple[str, list[_File]]]:
    yield from ((level, group) for group in _grouped(files, key))


def _related(files: Sequence[_File], level: str, key: _Key) -> Iterator[tuple[str, list[_File]]]:
    """Groups that equal contents do not tell already."""
    for group in _grouped(files, key):
        if len({one.content_id for one in group}) > 1:
            yield level, group


def _near(files: Sequence[_File], distance: int) -> Iterator[tuple[str, list[_File]]]:
    """Pictures of different contents that look alike, each content by its best file."""
    best: dict[str, _File] = {}
    for one in sorted(files, key=lambda one: one.rank):
        if one.kind == "image":
            best.setdefault(one.content_id, one)
    ranked = list(best.values())
    hashes = hash_values([one.perceptual_hash for one in ranked])
    for group in near_groups(hashes, np.arange(len(ranked)), distance):
        yield "near", [ranked[index] for index in group.tolist()]


def _told(library: Library, level: str, group: Sequence[_File]) -> TwinGroup:
    facts = [_facts(library, one) for one in group]
    counts = Counter(fact for known in facts for fact in known)
    first = group[0]
    twins = tuple(
        Twin(
            path=one.path,
            content_id=one.content_id,
            document_id=one.document_id,
            format=one.format,
            width=one.width or 0,
            height=one.height or 0,
            size=one.size,
            distance=_bits(first, one),
            knows=tuple(fact for fact in known if counts[fact] == 1),
        )
        for one, known in zip(group, facts, strict=True)
    )
    return TwinGroup(level, twins, _reason(first, group[1]))


def _facts(library: Library, one: _File) -> tuple[str, ...]:
    """What a file's memory says now; nothing where it cannot be read."""
    try:
        memory = read_memory(library.root / one.path).memory
    except GmError:
        return ()
    return () if memory is None else tuple(dict.fromkeys(facts_of(memory)))


def _bits(one: _File, other: _File) -> int | None:
    if not one.perceptual_hash or not other.perceptual_hash:
        return None
    return (int(one.perceptual_hash, 16) ^ int(other.perceptual_hash, 16)).bit_count()


def _reason(kept: _File, next_best: _File) -> str:
    for (words, value), (_, other) in zip(kept.reasons, next_best.reasons, strict=True):
        if value != other:
            return words
    return "it is the first"
