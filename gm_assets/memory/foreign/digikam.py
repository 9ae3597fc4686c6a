"""digiKam's image history: the XMP property `digiKam:ImageHistory`, an XML text of its own.

`<history>` lists in order the filters that were applied (`<filter>` with its parameters) and the
files that they were applied to (`<file>`: a UUID of digiKam, and in `<fileParams>` a name, a
path, a size and a hash). That hash is an MD5 over the first and last 100 kB of the file, metadata
included, so it is gone as soon as any memory is written: it is told, and no link is made of it.
"""

from __future__ import annotations

from typing import Any

from lxml import etree

from gm_assets.errors import InvalidMemory, TooLarge
from gm_assets.memory.foreign.values import (
    MAX_ENTRIES,
    MAX_REFERENCES,
    MAX_TEXT,
    Account,
    Reference,
    clean,
    settings,
)
from gm_assets.memory.rdf import Element, descriptions, find_rdf, parse, text_of

PROPERTY = "{http://www.digikam.org/ns/1.0/}ImageHistory"


def read(packet: bytes | None) -> Account | None:
    """The account in an XMP packet; None where it has no history of digiKam's."""
    text = None if packet is None else _history(packet)
    if not text or len(text) > MAX_TEXT:
        return None
    try:
        root = parse(text.encode("utf-8", "replace"))
    except (InvalidMemory, TooLarge, etree.XMLSyntaxError):
        return None
    if root is None or root.tag != "history":
        return None
    steps = [_step(entry) for entry in list(root)[:MAX_ENTRIES] if entry.tag == "filter"]
    files = [entry for entry in list(root)[:MAX_ENTRIES] if entry.tag == "file"]
    return Account(
        "digiKam",
        said=settings({"steps": steps}),
        references=tuple(_reference(entry) for entry in files[:MAX_REFERENCES]),
    )


def _history(packet: bytes) -> str | None:
    try:
        root = parse(packet)
        rdf = None if root is None else find_rdf(root)
    except (InvalidMemory, TooLarge):
        return None
    for block in () if rdf is None else descriptions(rdf):
        if text := block.get(PROPERTY):
            return str(text)
        for child in block.iterchildren(PROPERTY):
            return text_of(child)
    return None


def _step(entry: Element) -> dict[str, Any]:
    """A filter: its name, version, whether digiKam can repeat it, its parameters."""
    parameters = [
        f"{param.get('name', '')}={param.get('value', '')}"
        for param in list(entry.iter("param"))[:MAX_ENTRIES]
    ]
    return settings(
        {
            "filter": entry.get("filterName"),
            "name": entry.get("filterDisplayName"),
            "version": entry.get("filterVersion"),
            "category": entry.get("filterCategory"),
            "parameters": parameters,
        }
    )


def _reference(entry: Element) -> Reference:
    params = next(entry.iter("fileParams"), None)
    given = {} if params is None else dict(params.attrib)
    uuid, digest = entry.get("uuid"), given.get("fileHash")
    hashes = {"digiKam id": uuid, "digiKam file hash": digest}
    name = given.get("fileName")
    return Reference(
        f"digiKam file ({clean(entry.get('type') or 'intermediate')[:64]})",
        hashes={what: clean(value[:256]) for what, value in hashes.items() if value},
        name=clean(name[:1024]) if name else None,
    )
