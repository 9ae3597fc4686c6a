"""The parents that XMP itself names: `xmpMM:DerivedFrom`, `Ingredients` and `Pantry`.

Photoshop, Illustrator, InDesign and whatever follows XMP part 2 (1.2.3, xmpMM) name a parent by
its DocumentID and InstanceID. Those are names, not hashes, with one exception: an InstanceID
that gm_assets minted is a UUID of version 5 over the document and its content id. Whoever has
the document can recompute it, so such a reference proves which content it means.

`xmpMM:History` needs nothing here: foreign entries are read as events of the memory.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from gm_assets.errors import InvalidMemory, TooLarge
from gm_assets.memory.foreign.values import MAX_REFERENCES, Reference, clean
from gm_assets.memory.properties import clark
from gm_assets.memory.rdf import Element, descriptions, find_rdf, items_of, nodes, parse, struct_of
from gm_assets.memory.record import mint_instance_id

_DERIVED_FROM, _INGREDIENTS = clark("xmpMM:DerivedFrom"), clark("xmpMM:Ingredients")
_PANTRY = clark("xmpMM:DerivedFrom").replace("DerivedFrom", "Pantry")
_DOCUMENT, _INSTANCE = clark("stRef:documentID"), clark("stRef:instanceID")
_PATH = _DOCUMENT.replace("documentID", "filePath")
_OWN = (clark("xmpMM:DocumentID"), clark("xmpMM:InstanceID"))
#: What an InstanceID looks like that gm_assets minted (a UUID of version 5).
_MINTED = re.compile(r"xmp\.iid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
#: Times that one content may have come back in a document.
_MAX_TURNS = 64


def references(packet: bytes | None) -> tuple[Reference, ...]:
    """The parents that an XMP packet names, each once; none where it cannot be read."""
    try:
        root = None if packet is None else parse(packet)
        rdf = None if root is None else find_rdf(root)
    except (InvalidMemory, TooLarge):
        return ()
    found: dict[tuple[str | None, str | None], Reference] = {}
    for block in () if rdf is None else descriptions(rdf):
        for reference in _of_block(block):
            key = (reference.document_id, reference.instance_id)
            if any(key) and len(found) < MAX_REFERENCES:
                found.setdefault(key, reference)
    return tuple(found.values())


def _of_block(block: Element) -> Iterator[Reference]:
    for child in nodes(block):
        if child.tag == _DERIVED_FROM:
            yield _reference("xmpMM:DerivedFrom", struct_of(child), _DOCUMENT, _INSTANCE)
        elif child.tag == _INGREDIENTS:
            for item in items_of(child):
                yield _reference("xmpMM:Ingredients", struct_of(item), _DOCUMENT, _INSTANCE)
        elif child.tag == _PANTRY:
            for item in items_of(child):
                yield _reference("xmpMM:Pantry", struct_of(item), *_OWN)


def _reference(by: str, fields: dict[str, str], document: str, instance: str) -> Reference:
    def text(name: str) -> str | None:
        value = clean(fields.get(name, ""))
        return value if 0 < len(value) <= 512 else None

    return Reference(by, text(document), text(instance), name=text(_PATH))


def is_minted(reference: Reference) -> bool:
    """Whether its InstanceID may be one of ours, so that it stands for a content."""
    return bool(reference.document_id and _MINTED.match(reference.instance_id or ""))


def content_named(reference: Reference, contents: Collection[str]) -> str | None:
    """Which of a document's contents a reference means; None where its InstanceID is of none.

    Args:
        contents: content ids that the named document has or had.
    """
    if not is_minted(reference):
        return None
    assert reference.document_id is not None
    turns = range(min(len(contents) + 1, _MAX_TURNS))
    for content in contents:
        if any(
            mint_instance_id(reference.document_id, content, turn) == reference.instance_id
            for turn in turns
        ):
            return content
    return None
