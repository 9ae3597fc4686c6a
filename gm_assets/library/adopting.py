"""DocumentIDs that other programs gave: which of them a file's first memory may take.

A picture that Photoshop or Lightroom saved has an `xmpMM:DocumentID`, and other files may name
it in their `xmpMM:DerivedFrom`. Its first memory takes that id, so that such references stay
valid. But an id is no proof of identity: pictures made from one template share the template's.
So an id is taken only where it is one document's: no file of the library has it with another
content, and no other file of the same ingest claims it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gm_assets.memory.files import foreign_document_id

if TYPE_CHECKING:
    from gm_assets.library.library import Library


@dataclass(frozen=True)
class Adoption:
    """The ids that files without a memory have from other programs.

    Attributes:
        ids: DocumentID by path.
        shared: ids that several of these files have.
        known: contents with which the library has these ids already.
    """

    ids: Mapping[str, str] = field(default_factory=dict)
    shared: Set[str] = frozenset()
    known: Mapping[str, Set[str]] = field(default_factory=dict)

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
    return Adoption(ids, shared, _known(library, times))


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
