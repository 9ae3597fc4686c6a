"""XMP values of any shape, for properties that this version does not know.

XMP part 1, section 6.3: a value is a text, a structure or an array. Newer writers may put
properties of our namespace into a file; they are kept as values, so that both serialisations
(`xmp.py`, `xmp_json.py`) can carry them, and in `Memory.unknown` as one canonical RDF/XML
element each (exclusive C14N, structures as `rdf:parseType="Resource"`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from lxml import etree

from gm_assets.errors import InvalidMemory
from gm_assets.memory.properties import NAMESPACES
from gm_assets.memory.rdf import (
    ALT,
    BAG,
    DESCRIPTION,
    LANG,
    LI,
    PARSE_TYPE,
    RDF_NS,
    SEQ,
    Element,
    nodes,
    parse,
    text_of,
)

#: Bound on nesting within one unknown value.
MAX_NESTING = 16
_NSMAP = {"rdf": RDF_NS, "gm": NAMESPACES["gm"]}


@dataclass(frozen=True)
class Text:
    """A simple value; `language` is its xml:lang."""

    text: str
    language: str | None = None


@dataclass(frozen=True)
class Struct:
    """Named fields in their order; names are Clark names."""

    fields: tuple[tuple[str, Node], ...]


@dataclass(frozen=True)
class Array:
    """`kind` is the Clark name of rdf:Bag, rdf:Seq or rdf:Alt."""

    kind: str
    items: tuple[Node, ...]


Node: TypeAlias = Text | Struct | Array


def too_deep() -> InvalidMemory:
    """The error for values nested beyond `MAX_NESTING`."""
    return InvalidMemory(f"a property is nested deeper than {MAX_NESTING} levels")


def node_from_xml(element: Element, nesting: int = 0) -> Node:
    """Read a property element, a field or an item.

    Raises:
        InvalidMemory: nested deeper than `MAX_NESTING`.
    """
    if nesting > MAX_NESTING:
        raise too_deep()
    children = list(nodes(element))
    for child in children:
        if child.tag in (BAG, SEQ, ALT):
            return Array(child.tag, tuple(node_from_xml(i, nesting + 1) for i in nodes(child)))
    syntax = f"{{{RDF_NS}}}"
    holders = [element, *(child for child in children if child.tag == DESCRIPTION)]
    fields: dict[str, Node] = {}
    for holder in holders:
        for name, value in holder.items():
            if name != LANG and not name.startswith(syntax):
                fields.setdefault(name, Text(value))
        for child in nodes(holder):
            if child.tag != DESCRIPTION and child.tag not in fields:
                fields[child.tag] = node_from_xml(child, nesting + 1)
    if fields:
        return Struct(tuple(fields.items()))
    return Text(text_of(element) or "", element.get(LANG))


def node_to_xml(name: str, node: Node) -> Element:
    """Write `node` as the element `name` (a Clark name) in its canonical form.

    Raises:
        InvalidMemory: a name or a text that XML 1.0 cannot express.
    """
    try:
        element = etree.Element(name, nsmap=_NSMAP)
        _fill(element, node)
    except ValueError as error:
        raise InvalidMemory(f"{name} cannot be written as XML: {error}") from error
    return element


def _fill(element: Element, node: Node) -> None:
    if isinstance(node, Text):
        element.text = node.text or None
        if node.language is not None:
            element.set(LANG, node.language)
    elif isinstance(node, Struct):
        element.set(PARSE_TYPE, "Resource")
        for name, field in node.fields:
            _fill(etree.SubElement(element, name), field)
    else:
        container = etree.SubElement(element, node.kind)
        for item in node.items:
            _fill(etree.SubElement(container, LI), item)


def canonical_xml(name: str, node: Node) -> str:
    """`node` as the self-contained text that `Memory.unknown` holds."""
    xml: bytes = etree.tostring(node_to_xml(name, node), method="c14n", exclusive=True)
    return xml.decode()


def parse_unknown(name: str, xml: str) -> Node:
    """Inverse of `canonical_xml`.

    Raises:
        InvalidMemory: `xml` is not one well-formed element of that name.
    """
    root = parse(xml.encode(errors="replace"))
    if root is None or root.tag != name:
        raise InvalidMemory(f"the unknown property {name} is not an element of that name")
    return node_from_xml(root)
