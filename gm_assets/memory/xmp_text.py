"""A memory alone in its XMP packet, written as text.

Most packets are first ones: nothing foreign is there to merge with. Building a tree for them
costs more than everything else in a memory write but the disk, so their text is put together
here. It is byte for byte what `xmp.dump` would serialise from a tree, which the tests hold for
any memory.

Serialisation: XMP part 1 (ISO 16684-1), 7.4 to 7.9; escaping as in Canonical XML 1.0, 2.3,
which libxml2 follows, with `>` escaped in attributes too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from gm_assets.memory.merging import (
    DERIVED_FROM,
    INGREDIENTS,
    mirrored,
    mirrored_main,
    scalar_text,
)
from gm_assets.memory.properties import NAMESPACES, Fields, Property, Shape, Value, short
from gm_assets.memory.rdf import RDF_NS, X_NS
from gm_assets.memory.record import Parent

_IN_TEXT = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
_IN_ATTRIBUTE = {**_IN_TEXT, '"': "&quot;", "\n": "&#10;", "\t": "&#9;"}
_TEXT_SIGNS = re.compile("[&<>\r]")
_ATTRIBUTE_SIGNS = re.compile('[&<>\r"\n\t]')
_OPENING = (
    f'<x:xmpmeta xmlns:x="{X_NS}" x:xmptk="gm_assets">\n'
    f'  <rdf:RDF xmlns:rdf="{RDF_NS}">\n'
    "    <rdf:Description"
)
_CLOSING = "    </rdf:Description>\n  </rdf:RDF>\n</x:xmpmeta>"
#: Qualified names by Clark name; filled as they come, the table of properties is finite.
_SHORT: dict[str, str] = {}


def body(
    properties: Iterable[tuple[Property, Value]],
    parents: tuple[Parent, ...],
    prefixes: dict[str, str],
) -> bytes:
    """The `x:xmpmeta` element with these properties and the mirror of `parents`, UTF-8.

    Args:
        properties: as `properties.encode` gives them: checked for what XML can express.
        prefixes: the namespaces in use, by prefix, in their order.
    """
    lines = [_opening(prefixes)]
    for prop, value in properties:
        _property(lines, prop, value)
    derived = _name(DERIVED_FROM)
    lines.extend(f"      <{derived}{_attributes(fields)}/>" for fields in mirrored_main(parents))
    if parents:
        _container(lines, _name(INGREDIENTS), "rdf:Bag", map(_item, mirrored(parents)))
    lines.append(_CLOSING)
    return "\n".join(lines).encode()


def _opening(prefixes: dict[str, str]) -> str:
    spaces = "".join(f' xmlns:{prefix}="{NAMESPACES[prefix]}"' for prefix in prefixes)
    return f'{_OPENING}{spaces} rdf:about="">'


def _property(lines: list[str], prop: Property, value: Value) -> None:
    name = _name(prop.name)
    if prop.shape is Shape.SIMPLE:
        lines.append("      " + _element(name, scalar_text(value)))
    elif prop.shape is Shape.STRUCT:
        lines.append(f"      <{name}{_attributes(value)}/>")  # type: ignore[arg-type]
    elif prop.shape is Shape.ALT:
        item = _element("rdf:li", value, ' xml:lang="x-default"')  # type: ignore[arg-type]
        _container(lines, name, "rdf:Alt", [item])
    else:
        kind = "rdf:Bag" if prop.shape is Shape.BAG else "rdf:Seq"
        _container(lines, name, kind, map(_item, value))  # type: ignore[arg-type]


def _container(lines: list[str], name: str, kind: str, items: Iterable[str]) -> None:
    lines.append(f"      <{name}>\n        <{kind}>")
    lines.extend("          " + item for item in items)
    lines.append(f"        </{kind}>\n      </{name}>")


def _item(value: str | Fields) -> str:
    if isinstance(value, str):
        return _element("rdf:li", value)
    return f"<rdf:li{_attributes(value)}/>"


def _element(name: str, text: str, attribute: str = "") -> str:
    if not text:
        return f"<{name}{attribute}/>"
    if _TEXT_SIGNS.search(text):
        text = _TEXT_SIGNS.sub(lambda sign: _IN_TEXT[sign[0]], text)
    return f"<{name}{attribute}>{text}</{name}>"


def _attributes(fields: Fields) -> str:
    """A structure as attributes (XMP part 1, 7.9.2.5: the compact form)."""
    return "".join([f' {_name(name)}="{_quoted(value)}"' for name, value in fields.items()])


def _quoted(value: object) -> str:
    text = scalar_text(value)
    if _ATTRIBUTE_SIGNS.search(text):
        return _ATTRIBUTE_SIGNS.sub(lambda sign: _IN_ATTRIBUTE[sign[0]], text)
    return text


def _name(clark: str) -> str:
    name = _SHORT.get(clark)
    if name is None:
        name = _SHORT[clark] = short(clark)
    return name
