"""USDA: a USD layer as text (Pixar's usda 1.0), with the memory in its `customLayerData`.

The packet is JSON-LD as in a GLB, in ASCII, as the string `gm` of the dictionary
`customLayerData`; the default prim's `assetInfo` names the same document in a string `gm`, which
composition carries into every stage that references the layer. Text is inserted into the
layer's metadata and into those of that prim, and nothing else changes: the layer without these
two strings (and without a dictionary or a metadata block that is empty without them) is byte for
byte the layer that it was, and is what `asset_hash` covers.

Only as much of the language is read as this needs: where strings, asset paths, comments and
brackets begin and end, the metadata of the layer and of its root prims. Layers that it names
are not opened.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from gm_assets.containers import json_text
from gm_assets.containers.layout import (
    MAX_PACKET,
    Buffer,
    Container,
    Layout,
    Packet,
    Span,
    SpanList,
    Where,
    Window,
    bounded,
    kept_difference,
    splice,
)
from gm_assets.errors import TooLarge, UnreadableFile, WriteRefused

#: Largest metadata block that is read, in bytes.
MAX_METADATA = 16 * 1024 * 1024
#: The property that names a document in a packet.
DOCUMENT_ID = "xmpMM:DocumentID"

_HEADER = re.compile(rb"#usda [0-9]+\.[0-9]+(?=[ \t\r\n]|\Z)[^\r\n]*+")
# Possessive groups are choices without a lookahead, and comments atomic: `re` of Python before
# 3.11.5 matches others wrongly (cpython issue 106052).
#: Strings in their four notations, asset paths in two, scene paths, comments in three.
_STRING = (
    rb'"""(?:[^"\\]++|\\.|"[^"\\]|"\\.|""[^"\\]|""\\.)*+"""|'
    rb"'''(?:[^'\\]++|\\.|'[^'\\]|'\\.|''[^'\\]|''\\.)*+'''|"
    rb'"(?:[^"\\\r\n]++|\\.)*+"|'
    rb"'(?:[^'\\\r\n]++|\\.)*+'"
)
_ASSET = rb"@@@(?:[^@\\]++|\\.|@[^@\\]|@\\.|@@[^@\\]|@@\\.)*+@@@|@[^@\r\n]*+@"
_COMMENT = rb"\#[^\r\n]*+|//[^\r\n]*+|(?>/\*.*?\*/)"
_TOKEN = re.compile(
    rb"(?P<space>[ \t\r\n]++|" + _COMMENT + rb")|(?P<string>" + _STRING + rb")"
    rb"|(?P<other>" + _ASSET + rb"|<[^<>\r\n]*+>)|(?P<sign>[()\[\]{}=,;])"
    rb"|(?P<word>[^\s\"'@<>()\[\]{}=,;#/]++|/)",
    re.DOTALL,
)
#: What lies between two braces of a prim's body, passed over at once.
_BODY = re.compile(
    rb"(?:[^\"'@#{}/]++|" + _STRING + rb"|" + _ASSET + rb"|" + _COMMENT + rb"|/)*+", re.DOTALL
)
_ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3})|(.))", re.DOTALL)
_ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f"}
_OPENING, _CLOSING = b"([{", b")]}"


@dataclass(frozen=True, slots=True)
class _Token:
    """A token: what it is ('string', 'sign', 'word', 'other'), and where."""

    kind: str
    text: bytes
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class _Entry:
    """One member of a block or dictionary: its name, and the tokens of its value."""

    name: bytes
    declared: bytes
    begin: int
    end: int
    before: int
    value: tuple[_Token, ...]


@dataclass(frozen=True, slots=True)
class _Block:
    """A metadata block or a dictionary: from its opening to behind its closing bracket."""

    begin: int
    end: int
    before: int
    entries: tuple[_Entry, ...]

    def named(self, name: bytes) -> _Entry | None:
        return next((entry for entry in self.entries if entry.name == name), None)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where our string lies, or would: a block, in it a dictionary, in it a string `gm`."""

    block: _Block | None
    dictionary: _Block | None
    entry: _Entry | None
    whole: _Entry | None
    after: int


def _broken(what: str, where: Where) -> UnreadableFile:
    return UnreadableFile(f"USDA: {what}", where=where, remedy="Export the layer again")


class _Reader:
    """Reads tokens of a layer, from any place in it."""

    def __init__(self, data: bytes, where: Where) -> None:
        self.data, self.where = data, where
        self.limit = MAX_METADATA

    def tokens(self, place: int) -> Iterator[_Token]:
        """The tokens from `place` on."""
        begin = place
        while place < len(self.data):
            if place - begin > self.limit:
                raise TooLarge(
                    f"metadata of more than {self.limit // 1024**2} MB", where=self.where
                )
            match = _TOKEN.match(self.data, place)
            if match is None:
                raise _broken(f"a string or path at byte {place} has no end", self.where)
            if match.lastgroup != "space":
                yield _Token(str(match.lastgroup), match[0], place, match.end())
            place = match.end()

    def block(self, place: int, opening: bytes) -> _Block | None:
        """The block that begins with `opening` as the next token; None where there is none."""
        tokens = self.tokens(place)
        first = next(tokens, None)
        if first is None or first.text != opening or first.kind != "sign":
            return None
        held: list[_Token] = []
        depth = 1
        for token in tokens:
            if token.kind == "sign":
                depth += (token.text in _OPENING) - (token.text in _CLOSING)
            if depth == 0:
                return _Block(first.begin, token.end, place, tuple(self._entries(held, first.end)))
            held.append(token)
        raise _broken("its metadata have no end", self.where)

    def _entries(self, tokens: list[_Token], after: int) -> Iterator[_Entry]:
        """The members `name = value` at the top of a block."""
        head: list[_Token] = []
        place, before = 0, after
        while place < len(tokens):
            token = tokens[place]
            if token.kind == "sign" and token.text in (b";", b","):
                head, before, place = [], token.end, place + 1
            elif token.kind != "sign" or token.text != b"=":
                if token.kind == "string" and not head and not _is_equals(tokens, place + 1):
                    # A documentation string stands alone.
                    yield _Entry(b"", b"", token.begin, token.end, before, (token,))
                    before = token.end
                else:
                    head.append(token)
                place += 1
            else:
                end = _value_end(tokens, place + 1)
                if not head or end == place + 1:
                    raise _broken(f"a member at byte {token.begin} is malformed", self.where)
                name = head[-1]
                text = _unquoted(name.text) if name.kind == "string" else name.text
                declared = b" ".join(word.text for word in head[:-1])
                value = tuple(tokens[place + 1 : end])
                last = tokens[end - 1].end
                yield _Entry(text, declared, head[0].begin, last, before, value)
                head, before, place = [], last, end


def _is_equals(tokens: list[_Token], place: int) -> bool:
    return place < len(tokens) and tokens[place].text == b"=" and tokens[place].kind == "sign"


def _value_end(tokens: list[_Token], place: int) -> int:
    """The place behind one value: a token, or everything within a pair of brackets.

    An asset path may be followed by a scene path, and both by a block.
    """
    depth = 0
    while place < len(tokens):
        token = tokens[place]
        if token.kind == "sign":
            depth += (token.text in _OPENING) - (token.text in _CLOSING)
        place += 1
        if depth == 0:
            after = tokens[place] if place < len(tokens) else None
            joined = after is not None and (
                (after.kind == "other" and after.text[:1] == b"<" and token.kind == "other")
                or (after.text == b"(" and token.kind == "other")
            )
            if not joined:
                break
    return place


def _unquoted(text: bytes) -> bytes:
    """What a string says, without its quotes and escapes."""
    quotes = 3 if text[:3] in (b'"""', b"'''") and len(text) >= 6 else 1

    def plain(match: re.Match[bytes]) -> bytes:
        if match[1] or match[2]:
            return bytes((int(match[1] or match[2], 16 if match[1] else 8) & 0xFF,))
        return _ESCAPES.get(match[3], match[3])

    return _ESCAPE.sub(plain, text[quotes:-quotes])


def _quoted(text: str) -> bytes:
    """An ASCII text as a string of the layer, in single quotes since JSON has double ones."""
    return b"'" + text.encode("ascii").replace(b"\\", b"\\\\").replace(b"'", b"\\'") + b"'"


def _place(reader: _Reader, after: int, dictionary: bytes) -> _Place:
    """Our place in the block that follows byte `after`, in the dictionary called so."""
    block = reader.block(after, b"(")
    whole = None if block is None else block.named(dictionary)
    if block is None or whole is None:
        return _Place(block, None, None, None, after)
    inner = reader.block(whole.value[0].begin, b"{")
    if inner is None:
        raise _broken(f"{dictionary.decode()} is no dictionary", reader.where)
    return _Place(block, inner, inner.named(b"gm"), whole, after)


def _ours(place: _Place) -> bytes | None:
    """The text of our string, or None where there is none or it is somebody else's."""
    entry = place.entry
    if entry is None or entry.declared != b"string" or entry.value[0].kind != "string":
        return None
    return _unquoted(entry.value[0].text)


def _hidden(place: _Place, data: bytes) -> tuple[int, int] | None:
    """The bytes that are ours: the string, or all that would be empty without it."""

    def through(begin: int, end: int) -> tuple[int, int]:
        return begin, end + (data[end : end + 1] == b";")

    ours = _ours(place) is not None
    if place.block is None:
        return None
    if place.dictionary is None or place.whole is None:
        return None if place.block.entries else (place.block.before, place.block.end)
    if len(place.dictionary.entries) > ours:
        return through(place.entry.before, place.entry.end) if ours and place.entry else None
    if len(place.block.entries) > 1:
        return through(place.whole.before, place.whole.end)
    return place.block.before, place.block.end


def _header_end(data: bytes, where: Where) -> int:
    match = _HEADER.match(data)
    if match is None:
        raise _broken("its first line is not `#usda 1.0`", where)
    return match.end()


def _default_prim(reader: _Reader, layer: _Block | None) -> int | None:
    """The place behind the name of the default prim, where its metadata would begin."""
    entry = None if layer is None else layer.named(b"defaultPrim")
    if entry is None or layer is None or entry.value[0].kind != "string":
        return None
    wanted = _unquoted(entry.value[0].text)
    depth = 0
    for token in _top(reader, layer.end):
        if token.kind == "sign":
            depth += (token.text in b"([") - (token.text in b")]")
        elif token.kind == "string" and depth == 0 and _unquoted(token.text) == wanted:
            return token.end
    return None


def _body_end(reader: _Reader, place: int) -> int:
    """The place behind the brace that closes the body which begins before `place`."""
    data, depth = reader.data, 1
    while depth:
        match = _BODY.match(data, place)
        place = match.end() if match else place
        sign = data[place : place + 1]
        if sign not in (b"{", b"}"):
            raise _broken("a prim, a string or a path has no end", reader.where)
        depth += 1 if sign == b"{" else -1
        place += 1
    return place


def _check_end(reader: _Reader, place: int) -> None:
    """Refuse a layer that ends inside a prim, or that closes what was never opened."""
    opened: list[bytes] = []
    last = b"}"
    for token in _top(reader, place):
        last = token.text if token.kind == "sign" else b""
        if last in (b"(", b"["):
            opened.append(b")" if last == b"(" else b"]")
        elif last in (b")", b"]") and (not opened or opened.pop() != last):
            raise _broken(f"the bracket at byte {token.begin} closes nothing", reader.where)
    if opened or last not in (b"}", b")", b"]"):
        raise _broken("the layer is cut off", reader.where)


def _top(reader: _Reader, place: int) -> Iterator[_Token]:
    """The tokens outside all braces from `place` on; a body counts as its closing brace."""
    while True:
        for token in reader.tokens(place):
            if token.kind == "sign" and token.text == b"{":
                place = _body_end(reader, token.end)
                yield _Token("sign", b"}", place - 1, place)
                break
            if token.kind == "sign" and token.text == b"}":
                raise _broken(f"the brace at byte {token.begin} closes nothing", reader.where)
            yield token
        else:
            return


@dataclass(frozen=True, slots=True)
class _Anatomy:
    """Both places of a layer; the second is None where it has no default prim."""

    layer: _Place
    prim: _Place | None

    @property
    def payload(self) -> dict[str, Any] | bytes | None:
        text = _ours(self.layer)
        return None if text is None else json_text.object_or_bytes(text)


def _anatomy(data: bytes, where: Where) -> _Anatomy:
    reader = _Reader(data, where)
    layer = _place(reader, _header_end(data, where), b"customLayerData")
    after = _default_prim(reader, layer.block)
    return _Anatomy(layer, None if after is None else _place(reader, after, b"assetInfo"))


def parse(data: bytes, where: Where = None) -> Layout:
    """The layout of a USDA layer.

    Raises:
        UnreadableFile: malformed metadata, or a layer that ends inside a prim.
        TooLarge: metadata beyond `MAX_METADATA`, or a memory beyond 4 MB.
    """
    anatomy = _anatomy(data, where)
    block = anatomy.layer.block
    _check_end(_Reader(data, where), block.end if block else _header_end(data, where))
    text = _ours(anatomy.layer)
    bounded(len(text or b""), where)
    kept, position = SpanList(), 0
    for place in (anatomy.layer, anatomy.prim):
        if place is not None and (hidden := _hidden(place, data)) is not None:
            kept.add(position, hidden[0])
            position = hidden[1]
    kept.add(position, len(data))
    spans = kept.close()
    payload = anatomy.payload
    entry = anatomy.layer.entry if text is not None else None
    return Layout(
        format="usda",
        size=len(data),
        picture=spans,
        kept=spans,
        packets=(Span(entry.begin, entry.end - entry.begin),) if entry else (),
        packet=json_text.dumps(payload) if isinstance(payload, dict) else payload,
    )


def find_packet(file: BinaryIO, where: Where = None) -> Packet:
    """The memory of a USDA layer, reading its metadata only. Raises as `parse`, for these."""
    window = Window(file)
    length = Window.HEAD
    while True:
        head = window.take(0, length)
        try:
            # A prim behind the metadata ends them, and shows where there are none.
            reader = _Reader(head, where)
            place = _place(reader, _header_end(head, where), b"customLayerData")
            after = place.block.end if place.block else place.after
            following = next(reader.tokens(after), None)
            if length < window.size and (following is None or following.end == len(head)):
                raise _broken("its metadata have no end", where)
        except UnreadableFile:
            if length >= min(window.size, MAX_METADATA):
                raise
            length *= 4
            continue
        text = _ours(place)
        bounded(len(text or b""), where)
        return Packet("usda", None if text is None else json_text.object_or_bytes(text))


def _edit(place: _Place, dictionary: str, text: str, data: bytes) -> tuple[int, int, bytes]:
    """The edit that puts our string into its place."""
    value = b"string gm = " + _quoted(text)
    if place.entry is not None:
        return place.entry.begin, place.entry.end, value
    name = dictionary.encode("ascii")
    if place.dictionary is not None:
        at = place.dictionary.begin + 1
        inserted = b"\n        " + value
        alone = not place.dictionary.entries
    else:
        inserted = b"\n    " + name + b" = {\n        " + value + b"\n    }"
        if place.block is None:
            return place.after, place.after, b"\n(" + inserted + b"\n)"
        at = place.block.begin + 1
        alone = not place.block.entries
    follows = data[at : at + 2]
    separator = b"" if alone or follows[:1] == b"\n" or follows == b"\r\n" else b";"
    return at, at, inserted + separator


def embed(data: bytes, packet: bytes, where: Where = None) -> list[Buffer]:
    """The layer with `packet` (UTF-8 JSON of one object) as its memory, all else as it was.

    Raises:
        UnreadableFile, TooLarge: as `parse`.
        WriteRefused: `gm` in a dictionary of ours is something else.
    """
    value = json.loads(packet)
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    bounded(len(text), where)
    if len(text) > MAX_PACKET:
        raise TooLarge("the memory is larger than 4 MB of ASCII", where=where)
    anatomy = _anatomy(data, where)
    edits = [_edit(anatomy.layer, "customLayerData", text, data)]
    document = value.get(DOCUMENT_ID) if isinstance(value, dict) else None
    if anatomy.prim is not None and isinstance(document, str) and document.isascii():
        edits.append(_edit(anatomy.prim, "assetInfo", document, data))
    for place in (anatomy.layer, anatomy.prim):
        if place is not None and place.entry is not None and _ours(place) is None:
            raise WriteRefused(
                "the layer keeps something else under the name `gm`",
                where=where,
                remedy="Rename that entry of customLayerData or assetInfo",
            )
    return splice(data, edits)


CONTAINER = Container(
    name="usda",
    kind="model",
    media_type="model/vnd.usda",
    suffixes=(".usda", ".usd"),
    parse=parse,
    find_packet=find_packet,
    embed=embed,
    difference=kept_difference,
)
