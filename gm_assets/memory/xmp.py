"""The memory as an XMP packet (RDF/XML), alone or merged into somebody else's packet.

XMP specification parts 1 to 3 (ISO 16684-1; packet wrapper: part 1, 7.3). Which property
holds what is in `properties.py`; how values are read in all their forms, in `rdf.py`.

Reading
    The first occurrence of a property speaks: blocks in document order, in each block first
    the attributes. `xmpMM:History` is the exception: the entries of all occurrences are read.
    Entries of other writers become events like ours; those that cannot (no action, texts
    beyond our bounds) stay in the packet.

Writing onto a foreign packet
    * Properties of other namespaces, and those of ours that nobody here knows, are not touched.
    * A shared property is replaced only where the memory has a value for it; the other
      languages of dc:title, dc:description and dc:rights are kept.
    * History entries and ingredients of others are kept. An entry that says the same as an
      event of the memory is that event: it is written once, with whatever else stood in it.
    * `xmpMM:DerivedFrom` mirrors our main parent, unless somebody else has set it: theirs stays.
    * Properties of ours without a value any more are removed.

The same memory and the same foreign packet always give the same bytes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from lxml import etree

from gm_assets.errors import InvalidMemory, TooLarge, WriteRefused
from gm_assets.memory import xmp_text
from gm_assets.memory.merging import (
    DERIVED_FROM,
    INGREDIENTS,
    MIRROR_FIELDS,
    Difference,
    compare_mirror,
    interleave,
    is_foreign,
    meaning,
    mirrored,
    mirrored_main,
)
from gm_assets.memory.properties import (
    BY_NAME,
    HISTORY,
    MAX_ITEMS,
    MAX_PACKET,
    NAMESPACES,
    NAMESPACES_OF,
    PROPERTIES,
    SCHEMA,
    Property,
    Shape,
    clark,
    decode,
    encode,
    natural,
    short,
    wrong_shape,
)
from gm_assets.memory.rdf import (
    ABOUT,
    BAG,
    BLANK,
    LANG,
    LI,
    RDF,
    RDF_NS,
    SEQ,
    X_NS,
    Element,
    about_of,
    descriptions,
    find_rdf,
    items_of,
    nodes,
    parse,
    struct_of,
    text_of,
)
from gm_assets.memory.record import GM_NAMESPACE, SCHEMA_VERSION, Memory, Parent
from gm_assets.memory.values import (
    Text,
    canonical_xml,
    node_from_xml,
    node_to_xml,
    parse_unknown,
)

_GM = f"{{{GM_NAMESPACE}}}"
_MIRROR_NAMESPACES = {name[1:].partition("}")[0] for name in (DERIVED_FROM, *MIRROR_FIELDS)}
_CONTAINER = {Shape.BAG: BAG, Shape.SEQ: SEQ}
DOCUMENT_ID = clark("xmpMM:DocumentID")
_HEADER = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'.encode()
_OURS = _HEADER + b'<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="gm_assets">'
_TRAILER = b'\n<?xpacket end="w"?>'


def load(packet: bytes, where: str | None = None) -> Memory | None:
    """Read the memory in an XMP packet; None where sound XMP holds none of ours.

    A blank packet holds none. `where` names the file in errors.

    Raises:
        InvalidMemory: not well-formed XMP, or a memory that breaks its definition.
        TooLarge: a packet beyond `MAX_PACKET` bytes, or a list beyond `MAX_ITEMS` entries.
    """
    root = parse(packet, where)
    rdf = None if root is None else find_rdf(root, where)
    if rdf is None:
        return None
    values: dict[str, Any] = {}
    unknown: dict[str, str] = {}
    for block in descriptions(rdf):
        for name, text in block.items():
            if name in BY_NAME:
                values.setdefault(name, (text,) if _is_list(BY_NAME[name]) else text)
            elif name.startswith(_GM):
                unknown.setdefault(name, canonical_xml(name, Text(text)))
        for child in block:
            name = child.tag
            reader = _READERS.get(name)
            if reader is None:
                if name.startswith(_GM) and name not in unknown:
                    unknown[name] = canonical_xml(name, node_from_xml(child))
            elif name not in values:
                value = reader(child)
                if value is not None:
                    values[name] = value
                elif BY_NAME[name].ours:
                    raise wrong_shape(BY_NAME[name], where)
            elif name == HISTORY.name:
                values[name] = [*values[name], *reader(child)]
    if SCHEMA not in values:
        if not unknown and not any(BY_NAME[name].ours for name in values):
            return None
        raise InvalidMemory(
            "the packet has properties of a memory, but no gm:schemaVersion",
            where=where,
            remedy="Restore the file, or place it again to give it a new memory.",
        )
    kept = tuple((name.removeprefix(_GM), xml) for name, xml in unknown.items())
    return decode(values, kept, where)


def document_id(packet: bytes) -> str | None:
    """The xmpMM:DocumentID of any XMP packet, whoever wrote it; None where it has none.

    Raises:
        InvalidMemory: not well-formed XMP.
        TooLarge: a packet beyond `MAX_PACKET` bytes.
    """
    root = parse(packet, None)
    rdf = None if root is None else find_rdf(root)
    for block in () if rdf is None else descriptions(rdf):
        if text := block.get(DOCUMENT_ID):
            return text
        for child in block.iterchildren(DOCUMENT_ID):
            if text := text_of(child):
                return text
    return None


def _is_list(prop: Property) -> bool:
    return prop.shape in (Shape.BAG, Shape.SEQ)


def _texts(element: Element) -> list[str]:
    return [text for item in items_of(element) if (text := text_of(item)) is not None]


def _structs(element: Element) -> list[dict[str, str]]:
    return [struct_of(item) for item in items_of(element)]


def _reader(prop: Property) -> Callable[[Element], Any]:
    """What reads the property's element into the shape that `decode` expects."""
    if _is_list(prop):
        return _texts if prop.fields is None else _structs
    return struct_of if prop.shape is Shape.STRUCT else text_of


#: By name, decided once: reading a packet is most of what a rebuild does.
_READERS = {prop.name: _reader(prop) for prop in PROPERTIES}


def dump(memory: Memory, onto: bytes | None = None) -> bytes:
    """Write `memory` as an XMP packet, merged into the foreign packet `onto` where given.

    Raises:
        WriteRefused: `onto` cannot be parsed, so merging would lose it; or the memory, or the
            one in `onto`, was written by a newer version.
        InvalidMemory: a text that XML 1.0 cannot express, or a recipe that is not JSON.
        TooLarge: a list beyond `MAX_ITEMS` entries, or a packet beyond `MAX_PACKET` bytes.
    """
    if memory.newer:
        raise _written_by_newer(memory.schema_version)
    properties = list(encode(memory))
    body = xmp_text.body(properties, memory.parents, _prefixes(properties, memory.parents))
    if not memory.unknown and _nothing_to_merge(memory, properties, onto):
        return _wrapped(body)
    packet = _Packet.open(onto)
    block = _block(body)
    block.set(ABOUT, packet.about)
    for (prop, value), element in zip(properties, list(block), strict=False):
        _merge_property(element, prop, value, packet.take(prop.name))
    _merge_mirror(block, memory.parents, packet)
    for name, xml in memory.unknown:
        if (full := clark(f"gm:{name}")) in BY_NAME:
            raise InvalidMemory(f"gm:{name} is listed as unknown, but is a known property")
        packet.take(full)
        block.append(node_to_xml(full, parse_unknown(full, xml)))
    for name in packet.names():
        if name in BY_NAME and BY_NAME[name].ours:
            packet.take(name)
    packet.add(block)
    return packet.serialise()


def _nothing_to_merge(
    memory: Memory, properties: list[tuple[Property, Any]], onto: bytes | None
) -> bool:
    """Whether `onto` says nothing that `memory` alone would not.

    So it is with no packet, a blank one, and one that is to the byte what we write for what it
    says, if the memory has all of its events and a value for each of its shared properties.
    Finding that out costs less than a merge.
    """
    if not (onto and onto.strip(BLANK)):
        return True
    if not onto.startswith(_OURS):
        return False
    try:
        before = load(onto)
    except (InvalidMemory, TooLarge):
        return False
    if before is None or before.newer or before.unknown:
        return False
    old = list(encode(before))
    shared = {prop.name for prop, _ in old if not prop.ours}
    if shared - {prop.name for prop, _ in properties}:
        return False  # what the memory is silent about stays as it was
    if Counter(before.history) - Counter(memory.history):
        return False  # events are never lost
    return onto == _wrapped(xmp_text.body(old, before.parents, _prefixes(old, before.parents)))


def _block(body: bytes) -> Element:
    """The rdf:Description that `xmp_text.body` wrote; its properties come first, in order."""
    root = parse(body, editing=True)
    assert root is not None
    block = root[0][0]
    root[0].remove(block)
    return block


def _wrapped(body: bytes) -> bytes:
    """The packet around the x:xmpmeta element (XMP part 1, 7.3.2)."""
    packet = _HEADER + body + _TRAILER
    if len(packet) > MAX_PACKET:
        raise TooLarge(
            f"the XMP packet would have {len(packet):,} bytes; the bound is {MAX_PACKET:,}",
            remedy="Shorten the recipe, the texts or the list of parents.",
        )
    return packet


def _written_by_newer(version: int) -> WriteRefused:
    return WriteRefused(
        f"the memory has schema {version}, newer than {SCHEMA_VERSION}; rewriting could lose facts",
        remedy="Update gm_assets to change this file.",
    )


def _prefixes(
    properties: list[tuple[Property, Any]], parents: tuple[Parent, ...]
) -> dict[str, str]:
    """The namespaces in use, by prefix, in their order in `NAMESPACES`."""
    used = set().union(*(NAMESPACES_OF[prop.name] for prop, _ in properties))
    if parents:
        used |= _MIRROR_NAMESPACES
    return {prefix: uri for prefix, uri in NAMESPACES.items() if uri in used}


class _Packet:
    """A packet being written: what is foreign in it, and where our block goes."""

    def __init__(self, root: Element, rdf: Element) -> None:
        self._root = root
        self._rdf = rdf
        self._blocks = descriptions(rdf)
        self.about = about_of(self._blocks)
        # Where each property stands, looked up once: a dump asks for every one of the table.
        self._places: dict[str, list[tuple[Element, Element | None]]] = defaultdict(list)
        for block in self._blocks:
            for name in block.keys():  # noqa: SIM118 (an element iterates over its children)
                self._places[name].append((block, None))
            for child in nodes(block):
                self._places[child.tag].append((block, child))

    @classmethod
    def open(cls, onto: bytes | None) -> _Packet:
        """Parse the foreign packet, or begin an empty one."""
        try:
            root = None if onto is None else parse(onto, editing=True)
            if root is None:
                root = etree.Element(
                    f"{{{X_NS}}}xmpmeta", {f"{{{X_NS}}}xmptk": "gm_assets"}, nsmap={"x": X_NS}
                )
            rdf = find_rdf(root)
        except InvalidMemory as error:
            raise WriteRefused(
                f"the XMP that is already there cannot be merged: {error.what}",
                remedy="Repair or remove that XMP (`exiftool -xmp:all= FILE`), then write again.",
            ) from error
        if rdf is None:
            rdf = etree.SubElement(root, RDF, nsmap={"rdf": RDF_NS})
        packet = cls(root, rdf)
        packet._refuse_newer()
        return packet

    def _refuse_newer(self) -> None:
        for block in self._blocks:
            version = natural(block.get(SCHEMA) or block.findtext(SCHEMA))
            if version > SCHEMA_VERSION:
                raise _written_by_newer(version)

    def take(self, name: str) -> list[Element]:
        """Remove every occurrence of a property; attributes come as elements."""
        taken = []
        for block, element in self._places.pop(name, ()):
            if element is None:
                element = etree.Element(name)
                element.text = block.attrib.pop(name)
            else:
                block.remove(element)
            taken.append(element)
        return taken

    def names(self) -> list[str]:
        """The properties that were not taken."""
        return list(self._places)

    def add(self, block: Element) -> None:
        """Append our block, remove blocks that it emptied, and indent it."""
        for old in self._blocks:
            if len(old) == 0 and all(name == ABOUT for name in old.attrib):
                self._rdf.remove(old)
        level = 1 if self._rdf is self._root else 2
        etree.indent(block, space="  ", level=level)
        before = "\n" + "  " * level
        if len(self._rdf):
            self._rdf[-1].tail = before
        else:
            self._rdf.text = before
        block.tail = before[:-2]
        self._rdf.append(block)
        if self._rdf.tail is None and level == 2:
            self._root.text, self._rdf.tail = "\n  ", "\n"

    def serialise(self) -> bytes:
        return _wrapped(etree.tostring(self._root, encoding="utf-8", with_tail=False))


def _merge_property(element: Element, prop: Property, value: Any, old: list[Element]) -> None:
    """Take into `element`, which holds `value`, what the occurrences it replaces say beyond it."""
    if not old or prop.shape in (Shape.SIMPLE, Shape.STRUCT):
        return
    items = [item for occurrence in old for item in items_of(occurrence)]
    if prop.shape is Shape.ALT:
        element[0].extend(item for item in items if item.get(LANG, "x-default") != "x-default")
        return
    container = element[0]
    merged = _merge_items(prop, value, list(container), items)
    if len(merged) > MAX_ITEMS:
        raise TooLarge(
            f"{short(prop.name)} would have {len(merged):,} entries; the bound is {MAX_ITEMS:,}"
        )
    container[:] = merged


def _merge_items(
    prop: Property, values: Sequence[Any], ours: list[Element], old: list[Element]
) -> list[Element]:
    """One rdf:li for each value; an old item that says the same is that value's item."""
    read = [struct_of(item) if prop.fields else text_of(item) for item in old]
    return interleave(
        [(meaning(prop, value), item) for value, item in zip(values, ours, strict=True)],
        [(meaning(prop, value), _as_item(item)) for value, item in zip(read, old, strict=True)],
        keep=prop is HISTORY,
    )


def _as_item(element: Element) -> Element:
    """An old item, whatever it was called (rdf:_1, or a property with a plain value)."""
    element.tag = LI
    return element


def _merge_mirror(block: Element, parents: tuple[Parent, ...], packet: _Packet) -> None:
    """Keep what others say in DerivedFrom and Ingredients beside our mirror of the parents."""
    derived = mirrored_main(parents)
    foreign = [e for e in packet.take(DERIVED_FROM) if is_foreign(struct_of(e), derived)]
    if foreign:
        own = next(block.iterchildren(DERIVED_FROM), None)
        place = len(block) if own is None else block.index(own)
        block[place : place + (own is not None)] = foreign
    ours = mirrored(parents)
    old = [item for element in packet.take(INGREDIENTS) for item in items_of(element)]
    kept = [_as_item(item) for item in old if is_foreign(struct_of(item), ours)]
    if kept:
        mirror = next(block.iterchildren(INGREDIENTS), None)
        if mirror is None:
            mirror = etree.SubElement(block, INGREDIENTS)
            etree.SubElement(mirror, BAG)
        mirror[0][:0] = kept


def differences(packet: bytes, where: str | None = None) -> tuple[Difference, ...]:
    """Where a tool changed our mirror of the parents (`merging.compare_mirror`).

    Raises:
        InvalidMemory, TooLarge: as `load`.
    """
    memory = load(packet, where)
    root = parse(packet, where)
    rdf = None if root is None else find_rdf(root, where)
    if memory is None or rdf is None:
        return ()
    blocks = descriptions(rdf)
    derived_from = [e for block in blocks for e in block.findall(DERIVED_FROM)]
    ingredients = [i for block in blocks for e in block.findall(INGREDIENTS) for i in items_of(e)]
    return compare_mirror(
        memory, [struct_of(e) for e in derived_from], [struct_of(i) for i in ingredients]
    )
