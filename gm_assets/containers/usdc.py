"""USDC: a USD layer as a crate file, with the memory in its `customLayerData`.

Like an incremental update of a PDF, a memory is appended and nothing is rewritten: behind the
layer as it was come the dictionaries with our strings (`gm` in `customLayerData`, and in the
default prim's `assetInfo`), the tables that name them, a mark and a new table of contents; in
the bootstrap the place of the table of contents changes. So the layer keeps every byte of
its own, `asset_hash` covers them, and the next memory takes the place of the last one. USD
reads such a file as any other; one that it saves again has lost the mark and holds the memory
as part of its own data.

What the mark claims is believed only if appending the memory to the bytes before gives this
very file: nothing can hide behind it.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import numpy as np

from gm_assets.containers import crate, json_text
from gm_assets.containers.crate import DictionaryEntry, Fields, Names, Specs, Take, Toc
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
    kept_difference,
)
from gm_assets.containers.usda import DOCUMENT_ID
from gm_assets.errors import TooLarge, WriteRefused

_MARK = struct.Struct("<16sQQ")
_MAGIC = b"\0gm-assets usdc\n"
_KEY = b"gm"
_ALIGNMENT = 8


@dataclass(frozen=True, slots=True, eq=False)
class _Tables:
    """All tables of a layer that a memory changes."""

    toc: Toc
    names: Names
    fields: Fields
    specs: Specs


def _taker(data: bytes) -> Take:
    return lambda offset, length: data[offset : offset + length]


def _value_of(fields: Fields, names: Names, run: list[int], name: bytes) -> int | None:
    """The value of the field called `name` in a run of fields."""
    for index in run:
        token = int(fields.names[index]) if index < len(fields.names) else -1
        if 0 <= token < len(names.tokens) and names.tokens[token] == name:
            return int(fields.values[index])
    return None


def _packet_in(take: Take, table: Toc, where: Where) -> bytes | None:
    """Our string in `customLayerData`, which only the layer itself has."""
    names = crate.names(take, table, where)
    if b"customLayerData" not in names.tokens or _KEY not in names.tokens:
        return None
    fields = crate.fields(take, table, where)
    # The last is the one that counts: an update leaves the one before it in the table.
    found = np.flatnonzero(fields.names == names.tokens.index(b"customLayerData"))
    value = int(fields.values[found[-1]]) if len(found) else None
    if value is None or crate.kind_of(value) != crate.DICTIONARY:
        return None
    for entry in crate.dictionary(take, value, where):
        if names.string(entry.key) == _KEY and crate.kind_of(entry.value) == crate.STRING:
            text = names.string(crate.inlined(entry.value) or 0)
            bounded(len(text or b""), where)
            return text
    return None


def _base(data: bytes) -> bytes | None:
    """The layer before our update, where the mark claims one; not yet believed."""
    at = crate.TOC_AT
    place = int.from_bytes(data[at : at + 8], "little") - _MARK.size
    if not crate.BOOTSTRAP <= place <= len(data) - _MARK.size:
        return None
    magic, size, toc = _MARK.unpack_from(data, place)
    if magic != _MAGIC or not crate.BOOTSTRAP < size <= place or toc >= size:
        return None
    return data[:at] + struct.pack("<Q", toc) + data[at + 8 : size]


def _original(data: bytes, where: Where) -> bytes:
    """The layer without our update; the whole file where there is none that is proven."""
    base = _base(data)
    if base is None:
        return data
    packet = _packet_in(_taker(data), crate.toc(_taker(data), len(data), where), where)
    if packet is None or b"".join(_appended(base, packet, where)) != data:
        return data
    return base


def parse(data: bytes, where: Where = None) -> Layout:
    """The layout of a USDC layer.

    Raises:
        UnreadableFile: cut off, or with damaged tables.
        UnsupportedFormat: a version of the crate format that is not known.
        TooLarge: a table beyond `crate.MAX_SECTION`, or a memory beyond 4 MB.
    """
    take = _taker(data)
    text = _packet_in(take, crate.toc(take, len(data), where), where)
    size = len(_original(data, where))
    after = crate.TOC_AT + 8
    kept = (Span(0, crate.TOC_AT), Span(after, size - after))
    payload = None if text is None else json_text.object_or_bytes(text)
    return Layout(
        format="usdc",
        size=len(data),
        picture=kept,
        kept=kept,
        packets=(Span(size, len(data) - size),) if text is not None else (),
        packet=json_text.dumps(payload) if isinstance(payload, dict) else payload,
    )


def find_packet(file: BinaryIO, where: Where = None) -> Packet:
    """The memory of a USDC layer, reading its tables of names and fields. Raises as `parse`."""
    window = Window(file)
    text = _packet_in(window.take, crate.toc(window.take, window.size, where), where)
    return Packet("usdc", None if text is None else json_text.object_or_bytes(text))


def _tables(data: bytes, where: Where) -> _Tables:
    take = _taker(data)
    table = crate.toc(take, len(data), where)
    return _Tables(
        table,
        crate.names(take, table, where),
        crate.fields(take, table, where),
        crate.specs(take, table, where),
    )


class _Update:
    """Builds the tables and values that follow a layer."""

    def __init__(self, base: bytes, where: Where) -> None:
        self._base, self._where = base, where
        self._tables = _tables(base, where)
        self._tokens = list(self._tables.names.tokens)
        self._strings = list(self._tables.names.strings)
        self._values = bytearray(-len(base) % _ALIGNMENT)

    def _token(self, text: bytes) -> int:
        if text not in self._tokens:
            self._tokens.append(text)
        return self._tokens.index(text)

    def _string(self, text: bytes) -> int:
        token = self._token(text)
        if token not in self._strings:
            self._strings.append(token)
        return self._strings.index(token)

    def root(self) -> int | None:
        """The spec of the layer itself."""
        found = np.flatnonzero(self._tables.specs.types == crate.PSEUDO_ROOT)
        return int(found[0]) if len(found) else None

    def default_prim(self, root: int) -> int | None:
        """The spec of the default prim, where there is one among the root prims."""
        tables = self._tables
        run = crate.run_of(tables.specs, root, self._where)
        value = _value_of(tables.fields, tables.names, run, b"defaultPrim")
        if value is None or crate.kind_of(value) != crate.TOKEN:
            return None
        token = crate.inlined(value)
        if token is None or token >= len(tables.names.tokens):
            return None
        name = tables.names.tokens[token]
        take = _taker(self._base)
        path = crate.root_prim(take, tables.toc, tables.names.tokens, name, self._where)
        found = np.flatnonzero(tables.specs.paths == path) if path >= 0 else np.zeros(0, int)
        return int(found[0]) if len(found) else None

    def set(self, spec: int, dictionary: bytes, text: bytes) -> None:
        """Put the string `gm` into a dictionary of a spec."""
        tables = self._tables
        run = crate.run_of(tables.specs, spec, self._where)
        names, fields = tables.names, tables.fields
        old = _value_of(fields, names, run, dictionary)
        entries: tuple[DictionaryEntry, ...] = ()
        if old is not None:
            if crate.kind_of(old) != crate.DICTIONARY:
                raise _occupied(self._where)
            entries = crate.dictionary(_taker(self._base), old, self._where)
        kept = tuple(entry for entry in entries if names.string(entry.key) != _KEY)
        mine = set(entries) - set(kept)
        if any(crate.kind_of(entry.value) != crate.STRING for entry in mine):
            raise _occupied(self._where)
        key, value = self._string(_KEY), crate.string_value(self._string(text))
        place = len(self._base) + len(self._values)
        self._values += crate.packed_dictionary((*kept, DictionaryEntry(key, value)))
        self._values += bytes(-len(self._values) % 4)
        token = self._token(dictionary)
        run = [i for i in run if i >= len(fields.names) or fields.names[i] != token]
        added = Fields(
            np.append(fields.names, np.uint32(token)),
            np.append(fields.values, np.uint64(crate.dictionary_value(place))),
        )
        specs = crate.with_run(tables.specs, spec, [*run, len(fields.names)])
        self._tables = replace(tables, fields=added, specs=specs)

    def buffers(self) -> list[Buffer]:
        """The layer with its update."""
        base, tables = self._base, self._tables
        tokens, strings = crate.packed_names(Names(tuple(self._tokens), tuple(self._strings)))
        sets, specs = crate.packed_specs(tables.specs)
        sections = dict(tables.toc.sections)
        place = len(base) + len(self._values)
        tail: list[bytes] = [bytes(self._values)]
        for name, data in (
            ("TOKENS", tokens),
            ("STRINGS", strings),
            ("FIELDS", crate.packed_fields(tables.fields)),
            ("FIELDSETS", sets),
            ("SPECS", specs),
        ):
            sections[name] = Span(place, len(data))
            tail.append(data)
            place += len(data)
        tail.append(_MARK.pack(_MAGIC, len(base), tables.toc.at))
        place += _MARK.size
        tail.append(crate.packed_toc(sections))  # last, so that a file cut anywhere has none
        at, view = crate.TOC_AT, memoryview(base)
        return [view[:at], struct.pack("<Q", place), view[at + 8 :], *tail]


def _occupied(where: Where) -> WriteRefused:
    return WriteRefused(
        "the layer keeps something else under the name `gm`",
        where=where,
        remedy="Rename that entry of customLayerData or assetInfo",
    )


def _appended(base: bytes, text: bytes, where: Where) -> list[Buffer]:
    """A layer without update, with our strings appended."""
    value: Any = json_text.object_or_bytes(text)
    update = _Update(base, where)
    root = update.root()
    if root is None:
        raise WriteRefused("a USD crate without the specs of its layer", where=where)
    prim = update.default_prim(root)
    update.set(root, b"customLayerData", text)
    document = value.get(DOCUMENT_ID) if isinstance(value, dict) else None
    if prim is not None and prim != root and isinstance(document, str):
        update.set(prim, b"assetInfo", document.encode("utf-8", "backslashreplace"))
    return update.buffers()


def embed(data: bytes, packet: bytes, where: Where = None) -> list[Buffer]:
    """The layer with `packet` (UTF-8 JSON of one object) as its memory, all else as it was.

    Raises:
        UnreadableFile, UnsupportedFormat, TooLarge: as `parse`.
        WriteRefused: `gm` in a dictionary of ours is something else.
    """
    text = json.dumps(json.loads(packet), ensure_ascii=True, separators=(",", ":")).encode()
    if len(text) > MAX_PACKET:
        raise TooLarge("the memory is larger than 4 MB of ASCII", where=where)
    return _appended(_original(data, where), text, where)


CONTAINER = Container(
    name="usdc",
    kind="model",
    media_type="application/octet-stream",
    suffixes=(".usdc", ".usd"),
    parse=parse,
    find_packet=find_packet,
    embed=embed,
    difference=kept_difference,
)
