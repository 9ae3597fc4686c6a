"""What other programs call a file and its parents: which ids a first memory may take over.

A picture that Photoshop or Lightroom saved has an `xmpMM:DocumentID`, and other files may name
it in their `xmpMM:DerivedFrom`. Its first memory takes that id, so that such references stay
valid. But an id is no proof of identity: pictures made from one template share the template's.
So an id is taken only where it is one document's: no file of the library has it with another
content, and no other file of the same ingest claims it.

The same packets may name parents (`memory.foreign.adobe`). Where an InstanceID is one that
gm_assets minted, and the library knows the content that it was minted from, the parent is a
recorded one; every other name stays a name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gm_assets.errors import GmError
from gm_assets.memory.files import foreign_document_id, read_memory
from gm_assets.memory.foreign import adobe
from gm_assets.memory.foreign.values import Reference
from gm_assets.memory.record import Parent

if TYPE_CHECKING:
    from gm_assets.library.library import Library


@dataclass(frozen=True)
class Adoption:
    """The ids that files without a memory have from other programs.

    Attributes:
        ids: DocumentID by path.
        shared: ids that several of these files have.
        known: contents with which the library has these ids already.
        parents: by path, the parents that are named by an InstanceID of ours.
    """

    ids: Mapping[str, str] = field(default_factory=dict)
    shared: Set[str] = frozenset()
    known: Mapping[str, Set[str]] = field(default_factory=dict)
    parents: Mapping[str, tuple[Parent, ...]] = field(default_factory=dict)

    def document_id(self, path: str, content_id: str) -> str | None:
        """The id that the first memory of a file takes over; None where it needs a new one."""
        wanted = self.ids.get(path)
        if wanted is None or not self.known.get(wanted, frozenset()) <= {content_id}:
            return None
        # A copy of a document that the library has is that document, however many come.
        return wanted if wanted in self.known or wanted not in self.shared else None


def find_adoption(library: Library, paths: Iterable[str]) -> Adoption:
    """Read the DocumentIDs of other programs from these files; only headers are read."""
    ids = {}
    for path in paths:
        found = foreign_document_id(library.root / path)
        if found is not None:
            ids[path] = found
    if not ids:
        return Adoption()
    times = Counter(ids.values())
    shared = frozenset(document for document, count in times.items() if count > 1)
    return Adoption(ids, shared, _known(library, times), _parents(library, ids))


def _known(library: Library, documents: Iterable[str]) -> dict[str, Set[str]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    table = library.store.read("files", ["document_id", "content_id"])
    wanted = pa.array(sorted(documents), pa.string())
    table = table.filter(pc.is_in(table.column("document_id"), value_set=wanted))
    known: dict[str, set[str]] = {}
    for document, content in zip(*(c.to_pylist() for c in table.columns), strict=True):
        known.setdefault(document, set()).add(content or "")
    return {document: frozenset(contents) for document, contents in known.items()}


def _parents(library: Library, paths: Iterable[str]) -> dict[str, tuple[Parent, ...]]:
    """The parents that files name by an InstanceID of a content that the library knows."""
    named = {path: found for path in paths if (found := _minted(library, path))}
    if not named or not library.store.generation:
        return {}
    wanted = {reference.document_id for found in named.values() for reference in found}
    contents = _contents(library, sorted(filter(None, wanted)))
    parents = {}
    for path, references in named.items():
        links = (_parent(found, contents.get(found.document_id or "", {})) for found in references)
        if resolved := tuple(link for link in links if link is not None):
            parents[path] = resolved
    return parents


def _minted(library: Library, path: str) -> tuple[Reference, ...]:
    try:
        packet = read_memory(library.root / path).packet
    except GmError:  # what is wrong with the file, the ingest will say
        return ()
    return tuple(found for found in adobe.references(packet) if adobe.is_minted(found))


def _contents(library: Library, documents: list[str]) -> dict[str, dict[str, str | None]]:
    """Every content that these documents have or had, with the stream hash of the present one."""
    con = library.store.connect()
    try:
        rows = con.execute(
            """select document_id, content_id, stream_hash from assets
               where document_id in (select unnest(?)) and not provisional
               union all select document_id, content_id, null from events
               where document_id in (select unnest(?))""",
            [documents, documents],
        ).fetchall()
    finally:
        con.close()
    found: dict[str, dict[str, str | None]] = {}
    for document, content, stream in rows:
        if content is not None:
            known = found.setdefault(document, {})
            known[content] = known.get(content) or stream
    return found


def _parent(reference: Reference, contents: Mapping[str, str | None]) -> Parent | None:
    content = adobe.content_named(reference, contents)
    if content is None:
        return None
    return Parent(
        role="source",
        document_id=reference.document_id,
        instance_id=reference.instance_id,
        content_id=content,
        stream_hash=contents[content],
        basis="recorded",
    )
