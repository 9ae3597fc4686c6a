"""3MF (3MF Consortium, Core 1.3): a ZIP package whose 3D model part takes the memory.

The packet is JSON-LD as in a GLB, in ASCII, as `<metadata name="gm:memory">` of the model
element, in our namespace (Core, 3.4.1). Text is inserted behind the start tag of `<model>`, and
the declaration of the prefix into it; nothing else of the part changes. All other parts keep
their bytes as they are packed, their order, names, times and attributes.

`asset_hash` covers the names and unpacked bytes of all parts, of the model part those that its
memory leaves as they are. Parts are unpacked within bounds and never onto a disk; XML is read
without document types, and a signed package is not written.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, BinaryIO
from xml.sax.saxutils import escape, unescape

from gm_assets.containers import json_text, zips
from gm_assets.containers.layout import (
    MAX_PACKET,
    Buffer,
    Container,
    Layout,
    Packet,
    Span,
    Where,
    Window,
    bounded,
    splice,
)
from gm_assets.containers.zips import Entry, Package
from gm_assets.errors import TooLarge, UnreadableFile, UnsupportedFormat, WriteRefused

NAMESPACE = "urn:gm-assets:memory:1/"
#: Largest sum of all parts unpacked, and what is read of a model part to find its metadata.
MAX_UNPACKED = 1 << 30
MAX_METADATA = 16 * 1024 * 1024
_MAX_RELATIONS = 1 << 20
#: Enough to tell the next element, in a piece of a model part.
_TAG_BYTES = 64
_START = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"
_SIGNATURES = b"_xmlsignatures/"

_ATTRIBUTE = rb"""[ \t\r\n]+([^\s=<>"'/]+)[ \t\r\n]*=[ \t\r\n]*("[^"<]*"|'[^'<]*')"""
# Atomic groups: `re` of Python before 3.11.5 matches some possessive groups wrongly, those with a
# lookahead and those that are no choice and may fail halfway (cpython issue 106052).
_SEVERAL = rb"(?>(?:" + _ATTRIBUTE + rb"){0,4096})"
_COMMENT = rb"(?><!--(?s:.*?)-->)"
_PROLOG = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t\r\n]++|(?><\?(?s:.*?)\?>)|" + _COMMENT + rb")*+")
_MODEL = re.compile(rb"<(?:[\w.-]+:)?model(" + _SEVERAL + rb")[ \t\r\n]*(/?)>")
_BETWEEN = re.compile(rb"(?:[ \t\r\n]++|" + _COMMENT + rb")*+")
_METADATA = re.compile(
    rb"<((?:[\w.-]+:)?metadata)("
    + _SEVERAL
    + rb")[ \t\r\n]*(?:/>|>((?:[^<]++|<[^/<])*+)</\1[ \t\r\n]*>)"
)
_ATTRIBUTES = re.compile(_ATTRIBUTE)
_ENCODING = re.compile(rb"""<\?xml[^?>]*?encoding[ \t\r\n]*=[ \t\r\n]*["']([^"']*)["']""")


@dataclass(frozen=True, slots=True)
class _Found:
    """What the start of a model part says.

    Attributes:
        prefix: ours, where it is declared. taken: all prefixes that are declared.
        declared: where the declaration of ours lies, with the space before it.
        declare_at, insert_at: where a declaration and a memory would be put.
        element: where the memory lies. text: what is in it.
    """

    prefix: str | None
    taken: frozenset[str]
    declared: Span | None
    declare_at: int
    insert_at: int
    element: Span | None
    text: bytes | None


def _broken(what: str, where: Where) -> UnreadableFile:
    return UnreadableFile(f"3MF: {what}", where=where, remedy="Export the model again")


def _attributes(text: bytes, begin: int) -> Iterator[tuple[bytes, bytes, Span]]:
    for match in _ATTRIBUTES.finditer(text):
        span = Span(begin + match.start(), match.end() - match.start())
        yield match[1], match[2][1:-1], span


def _found(xml: bytes, where: Where, whole: bool = True) -> _Found:
    """What the start of a model part says; `xml` is all of it, or a piece from its start.

    Raises:
        UnreadableFile: it does not begin as a model part does, or is cut off.
        UnsupportedFormat: not UTF-8.
    """
    stated = _ENCODING.match(xml.removeprefix(b"\xef\xbb\xbf"))
    if xml.startswith((b"\xff\xfe", b"\xfe\xff")) or (
        stated and stated[1].lower() not in (b"utf-8", b"us-ascii")
    ):
        raise UnsupportedFormat("3MF whose model is not UTF-8", where=where)
    prolog = _PROLOG.match(xml)
    model = _MODEL.match(xml, prolog.end() if prolog else 0)
    if model is None:
        raise _broken("its model part does not begin with a model", where)
    ours = NAMESPACE.encode()
    prefix, declared = None, None
    taken = set()
    for name, value, span in _attributes(model[1], model.start(1)):
        if name.startswith(b"xmlns:"):
            taken.add(name[6:].decode("utf-8", "replace"))
            if value == ours and declared is None:
                prefix, declared = name[6:].decode("utf-8", "replace"), span
    element, text = None, None
    place = model.end()
    while not model[4]:
        between = _BETWEEN.match(xml, place)
        place = between.end() if between else place
        metadata = _METADATA.match(xml, place)
        if metadata is None:
            cut = place > len(xml) - (0 if whole else _TAG_BYTES)
            if cut or place == len(xml) or xml.startswith(b"<metadata ", place):
                raise _broken("its metadata are malformed", where)
            break
        names = {name: value for name, value, _ in _attributes(metadata[2], 0)}
        if prefix and names.get(b"name") == f"{prefix}:memory".encode() and element is None:
            element = Span(metadata.start(), metadata.end() - metadata.start())
            text = metadata[5] or b""
        place = metadata.end()
    return _Found(prefix, frozenset(taken), declared, model.end(1), model.end(), element, text)


def _plain(text: bytes) -> bytes:
    """The characters of an element, without escapes."""
    marks = {"&quot;": '"', "&apos;": "'", "&#34;": '"', "&#39;": "'"}
    return unescape(text.decode("utf-8", "replace"), marks).encode("utf-8", "replace")


def _hidden(found: _Found) -> list[Span]:
    """What of a model part is ours."""
    return sorted((span for span in (found.declared, found.element) if span), key=_begin)


def _begin(span: Span) -> int:
    return span.offset


def _model_entry(take: zips.Take, package: Package, where: Where) -> Entry:
    """The part that the package's relationships name as its model."""
    from lxml import etree

    named = {entry.name: entry for entry in package.entries}
    relations = named.get(b"_rels/.rels")
    if relations is None:
        raise UnsupportedFormat(
            "a ZIP package without relationships is no 3MF",
            where=where,
            remedy="Unpack it, or export a 3MF",
        )
    data = zips.unpacked_by(take, relations, _MAX_RELATIONS, where)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        tree = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise _broken(f"its relationships are no sound XML: {error}", where) from None
    for relation in tree.iter():
        if relation.get("Type") == _START:
            target = str(relation.get("Target", "")).lstrip("/").encode()
            if target in named:
                return named[target]
    raise UnsupportedFormat(
        "a package without a 3D model", where=where, remedy="Export the model as 3MF"
    )


def _package(take: zips.Take, size: int, where: Where) -> Package:
    package = zips.read(take, size, where)
    total = sum(entry.size for entry in package.entries)
    if total > MAX_UNPACKED:
        raise TooLarge(
            f"the package unpacks to {total:,} bytes, more than {MAX_UNPACKED:,}", where=where
        )
    return package


def contents(data: bytes, where: Where = None) -> tuple[tuple[bytes, int, str], ...]:
    """Name, size and SHA-256 of every part unpacked, the model part without its memory.

    Raises:
        UnreadableFile, UnsupportedFormat, TooLarge: as `parse`.
    """
    take = zips.taker(data)
    package = _package(take, len(data), where)
    model = _model_entry(take, package, where)
    listed = []
    for entry in package.entries:
        part = zips.unpacked(data, entry, MAX_UNPACKED, where)
        if entry is model:
            edits = [(span.offset, span.end, b"") for span in _hidden(_found(part, where))]
            part = b"".join(splice(part, edits))
        listed.append((entry.name, len(part), hashlib.sha256(part).hexdigest()))
    return tuple(listed)


def parse(data: bytes, where: Where = None) -> Layout:
    """The layout of a 3MF package: its memory. What else is in it, `contents` says.

    Raises:
        UnreadableFile: a damaged package, names that lead out of it, or a damaged part.
        UnsupportedFormat: no 3MF, encrypted, or a model that is not UTF-8.
        TooLarge: it unpacks to more than `MAX_UNPACKED`, or a memory beyond 4 MB.
    """
    take = zips.taker(data)
    package = _package(take, len(data), where)
    model = _model_entry(take, package, where)
    for entry in package.entries:
        if entry is not model:
            zips.unpacked(data, entry, MAX_UNPACKED, where)
    found = _found(zips.unpacked(data, model, MAX_UNPACKED, where), where)
    payload = _payload(found, where)
    return Layout(
        format="3mf",
        size=len(data),
        picture=(),
        kept=(),
        packets=(model.data,) if found.element else (),
        packet=json_text.dumps(payload) if isinstance(payload, dict) else payload,
    )


def _payload(found: _Found, where: Where) -> dict[str, Any] | bytes | None:
    if found.text is None:
        return None
    text = _plain(found.text)
    bounded(len(text), where)
    return json_text.object_or_bytes(text)


def find_packet(file: BinaryIO, where: Where = None) -> Packet:
    """The memory of a 3MF package: its directory, and the model part as far as its metadata.

    Raises as `parse`, for these.
    """
    window = Window(file)
    package = _package(window.take, window.size, where)
    model = _model_entry(window.take, package, where)
    length = Window.HEAD
    while True:
        head = zips.unpacked_head(window.take, model, length, where)
        try:
            found = _found(head, where, len(head) == model.size)
        except UnreadableFile:
            if length >= min(model.size, MAX_METADATA):
                raise
            length *= 8
            continue
        return Packet("3mf", _payload(found, where))


def embed(data: bytes, packet: bytes, where: Where = None) -> list[Buffer]:
    """The package with `packet` (UTF-8 JSON of one object) as its memory.

    Raises:
        UnreadableFile, UnsupportedFormat, TooLarge: as `parse`.
        WriteRefused: a signed package.
    """
    text = json.dumps(json.loads(packet), ensure_ascii=True, separators=(",", ":"))
    if len(text) > MAX_PACKET:
        raise TooLarge("the memory is larger than 4 MB of ASCII", where=where)
    take = zips.taker(data)
    package = _package(take, len(data), where)
    if any(entry.name.startswith(_SIGNATURES) for entry in package.entries):
        raise WriteRefused(
            "the package is signed, and any write would break that",
            where=where,
            remedy="Use an unsigned copy",
        )
    model = _model_entry(take, package, where)
    xml = zips.unpacked(data, model, MAX_UNPACKED, where)
    new = b"".join(splice(xml, _edits(_found(xml, where), text)))
    packed = zips.deflated(new) if model.method == zips.DEFLATED else new
    view = memoryview(data)
    files: list[tuple[Entry, list[Buffer]]] = [
        (replace(entry, crc=zlib.crc32(new), size=len(new)), [packed])
        if entry is model
        else (entry, [view[entry.data.offset : entry.data.end]])
        for entry in package.entries
    ]
    return zips.write(files, package.comment, align=1, where=where)


def _edits(found: _Found, text: str) -> list[tuple[int, int, bytes]]:
    prefix, edits = found.prefix, []
    if prefix is None:
        free = (name for name in ("gm", *(f"gm{n}" for n in range(1, 100))))
        prefix = next(name for name in free if name not in found.taken)
        declaration = f' xmlns:{prefix}="{NAMESPACE}"'.encode()
        edits.append((found.declare_at, found.declare_at, declaration))
    element = f'<metadata name="{prefix}:memory" preserve="1">{escape(text)}</metadata>'.encode()
    place = found.element or Span(found.insert_at, 0)
    return [*edits, (place.offset, place.end, element)]


def difference(old: bytes, before: Layout, new: bytes, after: Layout) -> str | None:
    """What a memory write changed beyond the memory: a part, or what the package says of it."""
    if contents(old) != contents(new):
        return "a part of the package differs outside the memory"
    was, now = (zips.read(zips.taker(data), len(data)) for data in (old, new))
    model = _model_entry(zips.taker(old), was, None).name
    if was.comment != now.comment:
        return "the package's comment differs"
    for one, other in zip(was.entries, now.entries, strict=True):
        if one.name == model:
            other = replace(other, crc=one.crc, size=one.size)
        if zips.stated(one) != zips.stated(other):
            return f"what the package says of {one.name!r} differs"
    return None


CONTAINER = Container(
    name="3mf",
    kind="model",
    media_type="model/3mf",
    suffixes=(".3mf",),
    parse=parse,
    find_packet=find_packet,
    embed=embed,
    difference=difference,
)
