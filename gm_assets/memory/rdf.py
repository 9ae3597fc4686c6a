"""RDF/XML as XMP uses it: safe parsing, and reading values in every form that XMP allows.

XMP specification part 1 (ISO 16684-1), chapter 7 and annex C. A value may be written as
attribute or element, a structure as attributes, as `rdf:parseType="Resource"` or as a nested
`rdf:Description`; a qualified value has its text in `rdf:value`. All of these are read.

Rules where a writer broke the specification:

* a plain text where an array is expected is an array of one;
* an array where a plain text is expected gives its `x-default` or else its first item;
* `rdf:resource` gives its URI as text;
* `rdf:parseType="Literal"` and `"Collection"`, which XMP forbids, are not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias, cast

from lxml import etree

from gm_assets.errors import InvalidMemory, TooLarge
from gm_assets.memory.properties import MAX_PACKET

# An lxml element. lxml-stubs type every name and text as `str | bytes`, which it never is here.
Element: TypeAlias = Any

RDF_NS = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
X_NS = "adobe:ns:meta/"
_XML_NS = "http://www.w3.org/XML/1998/namespace"

RDF = f"{{{RDF_NS}}}RDF"
DESCRIPTION = f"{{{RDF_NS}}}Description"
ABOUT = f"{{{RDF_NS}}}about"
LI = f"{{{RDF_NS}}}li"
VALUE = f"{{{RDF_NS}}}value"
RESOURCE = f"{{{RDF_NS}}}resource"
PARSE_TYPE = f"{{{RDF_NS}}}parseType"
LANG = f"{{{_XML_NS}}}lang"
BAG, SEQ, ALT = (f"{{{RDF_NS}}}{kind}" for kind in ("Bag", "Seq", "Alt"))
_CONTAINERS = frozenset((BAG, SEQ, ALT))
_SYNTAX = (f"{{{RDF_NS}}}", f"{{{_XML_NS}}}")
_SYNTAX_ATTRIBUTES = frozenset(
    (
        PARSE_TYPE,
        LANG,
        RESOURCE,
        ABOUT,
        *(f"{{{RDF_NS}}}{name}" for name in ("ID", "nodeID", "datatype")),
    )
)
#: What a packet without a document consists of: padding.
BLANK = b"\x00 \t\r\n"
#: Bound on nesting within one value; libxml2 refuses documents nested deeper than 256.
_MAX_NESTING = 16


def _parser(keep_comments: bool) -> etree.XMLParser:
    """UTF-8 whatever the declaration says, no entities, no network, libxml2's size limits."""
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=not keep_comments,
        remove_pis=not keep_comments,
    )


_READING = _parser(keep_comments=False)
_EDITING = _parser(keep_comments=True)


def parse(packet: bytes, where: str | None = None, *, editing: bool = False) -> Element | None:
    """The root of an XMP packet; None where the packet is blank.

    `editing` keeps comments and processing instructions, for packets that are written again.

    Raises:
        TooLarge: more than `MAX_PACKET` bytes.
        InvalidMemory: not well-formed UTF-8 XML, or with a document type or entity declaration
            (also inside a CDATA section: no XMP writer has a reason for one).
    """
    if len(packet) > MAX_PACKET:
        raise TooLarge(
            f"the XMP packet has {len(packet):,} bytes; the bound is {MAX_PACKET:,}",
            where=where,
            remedy="Remove the oversized metadata, e.g. with `exiftool -xmp:all= FILE`.",
        )
    body = packet.strip(BLANK)
    if not body:
        return None
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise InvalidMemory(
            "the XMP packet declares a document type or entities, which XMP does not use",
            where=where,
            remedy="Treat the file as hostile, or remove its XMP.",
        )
    try:
        return etree.fromstring(body, _EDITING if editing else _READING)
    except etree.XMLSyntaxError as error:
        raise InvalidMemory(
            f"the XMP packet is not well-formed XML: {error.msg}",
            where=where,
            remedy="Repair or remove the XMP, e.g. with `exiftool -xmp:all= FILE`.",
        ) from error


def find_rdf(root: Element, where: str | None = None) -> Element | None:
    """The rdf:RDF element: the root, or the first one inside x:xmpmeta; None if that is empty.

    Raises:
        InvalidMemory: the document is some other XML.
    """
    if root.tag == RDF:
        return root
    found: Element | None = next(root.iterchildren(RDF), None)
    if found is None and etree.QName(root).namespace != X_NS:
        raise InvalidMemory("the packet is XML, but not XMP: it has no rdf:RDF", where=where)
    return found


def descriptions(rdf: Element) -> list[Element]:
    """The rdf:Description blocks about the file.

    XMP allows one subject. Where blocks name several (`rdf:about`), those of the first
    named one and those with an empty or absent `rdf:about` speak about the file.
    """
    blocks = [block for block in rdf if block.tag == DESCRIPTION]
    about = about_of(blocks)
    return [block for block in blocks if block.get(ABOUT, "") in ("", about)]


def about_of(blocks: list[Element]) -> str:
    """The first `rdf:about` that is not empty, or the empty one."""
    return next((about for block in blocks if (about := block.get(ABOUT))), "")


def text_of(element: Element, nesting: int = 0) -> str | None:
    """The simple value of a property element, list item or field; None where it has none."""
    if len(element) == 0:
        if text := element.text:
            return text
        attributes = element.attrib
        if not attributes:
            return ""
        if (uri := attributes.get(RESOURCE)) is not None:
            return uri
        if (value := attributes.get(VALUE)) is not None:
            return value
        return None if any(not name.startswith(_SYNTAX) for name in attributes) else ""
    if nesting > _MAX_NESTING or element.get(PARSE_TYPE) in ("Literal", "Collection"):
        return None
    for child in element:
        if child.tag in _CONTAINERS:
            return _alternative(child, nesting)
        if child.tag == VALUE:
            return text_of(child, nesting + 1)
        if child.tag == DESCRIPTION:
            value = child.get(VALUE)
            return text_of(child, nesting + 1) if value is None else value
    return None


def _alternative(container: Element, nesting: int) -> str | None:
    first = None
    for item in nodes(container):
        if item.get(LANG) == "x-default":
            return text_of(item, nesting + 1)
        first = item if first is None else first
    return None if first is None else text_of(first, nesting + 1)


def items_of(element: Element) -> list[Element]:
    """The items of an array property; a plain value is an array of itself."""
    for child in element:
        if child.tag in _CONTAINERS:
            return [item for item in child if isinstance(item.tag, str)]
    return [element] if len(element) or element.attrib or element.text else []


def struct_of(element: Element) -> dict[str, str]:
    """The fields of a structure that hold simple values, by Clark name; the first of each."""
    fields = _attributes(element)
    if len(element) == 0:
        return fields
    nested = next((child for child in nodes(element) if child.tag == DESCRIPTION), None)
    if nested is not None:
        fields = _attributes(nested) | fields
    for holder in (element,) if nested is None else (element, nested):
        for child in nodes(holder):
            if child.tag == DESCRIPTION or child.tag in fields:
                continue
            if (text := text_of(child)) is not None:
                fields[child.tag] = text
    return fields


def _attributes(element: Element) -> dict[str, str]:
    """The attributes that are fields, not syntax."""
    fields = dict(element.items())  # a third faster than dict(element.attrib)
    if not _SYNTAX_ATTRIBUTES.isdisjoint(fields):
        return {name: text for name, text in fields.items() if name not in _SYNTAX_ATTRIBUTES}
    return fields


def nodes(element: Element) -> Iterator[Any]:
    """Child elements without comments and processing instructions."""
    return cast(Iterator[Any], element.iterchildren("*"))
