"""USD crate files (usdc): the tables of a layer, as far as its metadata need them.

The layout is that of Pixar's `crateFile.h` from version 0.4 on: a bootstrap of 88 bytes leads to
a table of contents, which leads to compressed sections. TOKENS holds all names, STRINGS the
strings by token, FIELDS every pair of name and value (a value is 64 bits: a type and either the
value or where it lies), FIELDSETS runs of fields, SPECS what each prim and property consists
of, PATHS their places in the tree. Blocks are LZ4 (pyarrow decodes them) in the framing of
`TfFastCompression`, integers are coded as differences first.

Written are blocks of LZ4 that hold literals only: longer than compressed ones, and the same
bytes from every version of every library.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gm_assets.containers.layout import Span, Where, broken
from gm_assets.errors import TooLarge, UnreadableFile, UnsupportedFormat

MAGIC = b"PXR-USDC"
BOOTSTRAP = 88
#: Where in the bootstrap the place of the table of contents lies.
TOC_AT = 16
#: Largest section after decompression, in bytes.
MAX_SECTION = 512 * 1024 * 1024
MAX_SECTIONS = 64
#: Most tokens, fields, paths or specs.
MAX_COUNT = 1 << 24

PSEUDO_ROOT = 7
STRING, TOKEN, DICTIONARY = 10, 11, 31
_INLINED, _ARRAY, _COMPRESSED = 1 << 62, 1 << 63, 1 << 61
_PAYLOAD = (1 << 48) - 1
_END = 0xFFFFFFFF
_FIRST_VERSION, _LAST_VERSION = (0, 4), (0, 15)

Take = Callable[[int, int], bytes]
U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Toc:
    """The table of contents: where it lies, and its sections by name, in order."""

    at: int
    sections: dict[str, Span]


@dataclass(frozen=True, slots=True)
class Names:
    """TOKENS and STRINGS: all tokens, and the token of each string."""

    tokens: tuple[bytes, ...]
    strings: tuple[int, ...]

    def string(self, index: int) -> bytes | None:
        """The string of that index, None where there is none."""
        if index >= len(self.strings) or self.strings[index] >= len(self.tokens):
            return None
        return self.tokens[self.strings[index]]


@dataclass(frozen=True, slots=True, eq=False)
class Fields:
    """FIELDS: the token that names each field, and its value."""

    names: U32
    values: U64


@dataclass(frozen=True, slots=True, eq=False)
class Specs:
    """FIELDSETS and SPECS: runs of fields, and of each spec its path, fields and type."""

    sets: U32
    paths: U32
    fields: U32
    types: U32


@dataclass(frozen=True, slots=True)
class DictionaryEntry:
    """One member of a dictionary: the string that names it, and its value."""

    key: int
    value: int


def toc(take: Take, size: int, where: Where) -> Toc:
    """The table of contents of a crate of `size` bytes; `take(offset, length)` reads it.

    Raises:
        UnreadableFile: no crate, or sections outside the file.
        UnsupportedFormat: a version that is not known.
    """
    head = take(0, BOOTSTRAP)
    if len(head) < BOOTSTRAP or not head.startswith(MAGIC):
        raise broken("not a USD crate: its bootstrap is missing", where)
    version = head[8], head[9]
    if not _FIRST_VERSION <= version <= _LAST_VERSION:
        raise UnsupportedFormat(
            f"a USD crate of version {version[0]}.{version[1]}",
            where=where,
            remedy="Save it again with a current USD, or as usda",
        )
    at = int.from_bytes(head[TOC_AT : TOC_AT + 8], "little", signed=True)
    count = int.from_bytes(take(at, 8), "little") if BOOTSTRAP <= at <= size - 8 else 0
    if not 0 < count <= MAX_SECTIONS or at + 8 + 32 * count > size:
        raise broken("USD crate cut off: its table of contents is not there", where)
    table = take(at + 8, 32 * count)
    sections: dict[str, Span] = {}
    for name, begin, length in struct.iter_unpack("<16sqq", table):
        if begin < BOOTSTRAP or length < 0 or begin + length > size:
            raise broken(f"USD crate whose section {name!r} lies outside the file", where)
        sections[name.rstrip(b"\0").decode("latin-1")] = Span(begin, length)
    missing = {"TOKENS", "STRINGS", "FIELDS", "FIELDSETS", "PATHS", "SPECS"} - sections.keys()
    if missing or len(sections) != count:
        raise broken("USD crate without its sections, or with one of them twice", where)
    return Toc(at, sections)


class Section:
    """Reads one section from its start."""

    def __init__(self, take: Take, span: Span, where: Where) -> None:
        self._data = take(span.offset, span.length)
        self._place, self._where = 0, where

    def _short(self) -> UnreadableFile:
        return broken("USD crate with a damaged section", self._where)

    def number(self) -> int:
        """An unsigned integer of 64 bits."""
        value = int.from_bytes(self.raw(8), "little")
        return value

    def raw(self, length: int) -> bytes:
        """So many bytes as they are."""
        end = self._place + length
        if length < 0 or end > len(self._data):
            raise self._short()
        data = self._data[self._place : end]
        self._place = end
        return data

    def block(self, size: int) -> bytes:
        """A compressed block behind its length, of `size` bytes after decompression."""
        if size > MAX_SECTION:
            raise TooLarge(
                f"a section of {size:,} bytes, more than {MAX_SECTION:,}", where=self._where
            )
        return _decompressed(self.raw(self.number()), size, self._where)

    def integers(self, count: int) -> U32:
        """Coded integers of 32 bits (`Usd_IntegerCompression`)."""
        if count == 0:
            self.raw(self.number())
            return np.zeros(0, np.uint32)
        codes = (2 * count + 7) // 8
        packed = self.raw(self.number())
        coded = _decompressed_upto(packed, 4 + codes + 4 * count, self._where)
        if len(coded) < 4 + codes:
            raise self._short()
        common = int.from_bytes(coded[:4], "little", signed=True)
        bits = np.frombuffer(coded, np.uint8, codes, 4)
        kinds = ((bits[:, None] >> np.array([0, 2, 4, 6], np.uint8)) & 3).reshape(-1)[:count]
        widths = np.array([0, 1, 2, 4], np.uint8)[kinds]
        ends = np.cumsum(widths, dtype=np.int64)
        if len(coded) < 4 + codes + int(ends[-1]):
            raise self._short()
        places = 4 + codes + ends - widths
        steps = np.full(count, common, np.int64)
        values = np.frombuffer(coded, np.uint8)
        for kind, (width, dtype) in {1: (1, "<i1"), 2: (2, "<i2"), 3: (4, "<i4")}.items():
            at = places[kinds == kind]
            gathered = values[at[:, None] + np.arange(width)]
            steps[kinds == kind] = np.ascontiguousarray(gathered).view(dtype)[:, 0]
        return (np.cumsum(steps) & 0xFFFFFFFF).astype(np.uint32)


def names(take: Take, table: Toc, where: Where) -> Names:
    """The tokens and strings of a crate. Raises UnreadableFile, TooLarge."""
    section = Section(take, table.sections["TOKENS"], where)
    count, size = _counted(section.number(), where), section.number()
    text = section.block(size)
    if text.count(b"\0") != count:
        raise broken(f"USD crate that has another number of tokens than {count}", where)
    tokens = tuple(text.split(b"\0")[:-1])
    section = Section(take, table.sections["STRINGS"], where)
    count = section.number()
    strings = struct.unpack(f"<{count}I", section.raw(4 * count)) if count < MAX_SECTION else ()
    return Names(tokens, strings)


def fields(take: Take, table: Toc, where: Where) -> Fields:
    """The fields of a crate. Raises UnreadableFile, TooLarge."""
    section = Section(take, table.sections["FIELDS"], where)
    count = _counted(section.number(), where)
    indices = section.integers(count)
    return Fields(indices, np.frombuffer(section.block(8 * count), "<u8"))


def specs(take: Take, table: Toc, where: Where) -> Specs:
    """The specs of a crate and their runs of fields. Raises UnreadableFile, TooLarge."""
    section = Section(take, table.sections["FIELDSETS"], where)
    sets = section.integers(_counted(section.number(), where))
    section = Section(take, table.sections["SPECS"], where)
    count = _counted(section.number(), where)
    paths, runs, types = (section.integers(count) for _ in range(3))
    return Specs(sets, paths, runs, types)


def root_prim(take: Take, table: Toc, tokens: tuple[bytes, ...], name: bytes, where: Where) -> int:
    """The index of the path `/<name>`; -1 where no root prim is called so."""
    section = Section(take, table.sections["PATHS"], where)
    section.number()
    count = _counted(section.number(), where)
    places = section.integers(count)
    elements, jumps = (section.integers(count).view(np.int32) for _ in range(2))
    at = 1  # the first path is the root's; its children follow, each with a jump to the next
    for _ in range(count):
        if not 0 < at < count:
            break
        element = int(elements[at])
        if 0 <= element < len(tokens) and tokens[element] == name:
            return int(places[at])
        jump = int(jumps[at])
        if jump < 0:
            break
        at += jump or 1
    return -1


def _counted(count: int, where: Where) -> int:
    if count > MAX_COUNT:
        raise TooLarge(f"a USD crate that states {count:,} entries", where=where)
    return count


def kind_of(value: int) -> int:
    """The type of a value; 0 for arrays and compressed values, which metadata are not."""
    return 0 if value & (_ARRAY | _COMPRESSED) else value >> 48 & 0xFF


def inlined(value: int) -> int | None:
    """What a value holds in itself, None where it lies elsewhere."""
    return value & 0xFFFFFFFF if value & _INLINED else None


def string_value(index: int) -> int:
    """The value that is the string of that index."""
    return _INLINED | STRING << 48 | index


def dictionary(take: Take, value: int, where: Where) -> tuple[DictionaryEntry, ...]:
    """The members of a dictionary value.

    Raises:
        UnreadableFile: it runs past the file.
        TooLarge: more than 100,000 members.
    """
    if inlined(value) is not None:
        return ()
    place = value & _PAYLOAD
    count = int.from_bytes(_exactly(take, place, 8, where), "little")
    if count > 100_000:
        raise TooLarge(f"a dictionary of {count:,} members", where=where)
    place += 8
    entries = []
    for _ in range(count):
        key, step = struct.unpack("<Iq", _exactly(take, place, 12, where))
        at = place + 4 + step
        if step < 8:
            raise broken("USD crate with a dictionary that runs backwards", where)
        entries.append(DictionaryEntry(key, struct.unpack("<Q", _exactly(take, at, 8, where))[0]))
        place = at + 8
    return tuple(entries)


def _exactly(take: Take, offset: int, length: int, where: Where) -> bytes:
    data = take(offset, length)
    if len(data) != length:
        raise broken("USD crate with a value outside the file", where)
    return data


def packed_dictionary(entries: tuple[DictionaryEntry, ...]) -> bytes:
    """A dictionary as it lies in a file; values that it names stay where they are."""
    packed = (struct.pack("<IqQ", entry.key, 8, entry.value) for entry in entries)
    return struct.pack("<Q", len(entries)) + b"".join(packed)


def dictionary_value(place: int) -> int:
    """The value that is the dictionary at that place."""
    return DICTIONARY << 48 | place


def packed_names(held: Names) -> tuple[bytes, bytes]:
    """TOKENS and STRINGS."""
    text = b"".join(token + b"\0" for token in held.tokens)
    block = _stored(text)
    head = struct.pack("<QQQ", len(held.tokens), len(text), len(block))
    strings = struct.pack(f"<Q{len(held.strings)}I", len(held.strings), *held.strings)
    return head + block, strings


def packed_fields(held: Fields) -> bytes:
    """FIELDS."""
    block = _stored(held.values.astype("<u8").tobytes())
    count = struct.pack("<Q", len(held.names))
    return count + _coded(held.names) + struct.pack("<Q", len(block)) + block


def packed_specs(held: Specs) -> tuple[bytes, bytes]:
    """FIELDSETS and SPECS."""
    sets = struct.pack("<Q", len(held.sets)) + _coded(held.sets)
    columns = (_coded(column) for column in (held.paths, held.fields, held.types))
    return sets, struct.pack("<Q", len(held.paths)) + b"".join(columns)


def packed_toc(sections: dict[str, Span]) -> bytes:
    """A table of contents."""
    rows = (
        struct.pack("<16sqq", name.encode("latin-1"), span.offset, span.length)
        for name, span in sections.items()
    )
    return struct.pack("<Q", len(sections)) + b"".join(rows)


def run_of(held: Specs, spec: int, where: Where) -> list[int]:
    """The fields of a spec."""
    begin = int(held.fields[spec])
    ends = np.flatnonzero(held.sets[begin:] == _END)
    if begin >= len(held.sets) or not len(ends):
        raise broken("USD crate with a run of fields that has no end", where)
    return [int(one) for one in held.sets[begin : begin + int(ends[0])]]


def with_run(held: Specs, spec: int, run: list[int]) -> Specs:
    """The specs with another run of fields for one of them."""
    fields_of = held.fields.copy()
    fields_of[spec] = len(held.sets)
    added = np.array([*run, _END], np.uint32)
    return replace(held, sets=np.concatenate([held.sets, added]), fields=fields_of)


def _decompressed(data: bytes, size: int, where: Where) -> bytes:
    """A `TfFastCompression` block that must give exactly `size` bytes."""
    found = _decompressed_upto(data, size, where)
    if len(found) != size:
        raise broken("USD crate with a damaged block", where)
    return found


def _decompressed_upto(data: bytes, most: int, where: Where) -> bytes:
    """A `TfFastCompression` block of at most `most` bytes."""
    if not data:
        raise broken("USD crate with an empty block", where)
    if most > MAX_SECTION:
        raise TooLarge(f"a block of {most:,} bytes, more than {MAX_SECTION:,}", where=where)
    chunks, place = data[0], 1
    if chunks == 0:
        return _lz4(data[1:], most, where)
    parts: list[bytes] = []
    for _ in range(chunks):
        length = int.from_bytes(data[place : place + 4], "little", signed=True)
        if length <= 0 or place + 4 + length > len(data):
            raise broken("USD crate with a damaged block", where)
        rest = most - sum(map(len, parts))
        parts.append(_lz4(data[place + 4 : place + 4 + length], rest, where))
        place += 4 + length
    return b"".join(parts)


def _lz4(data: bytes, most: int, where: Where) -> bytes:
    """An LZ4 block of at most `most` bytes; the length is counted first, as pyarrow needs it."""
    import pyarrow as pa

    size = _lz4_size(data, most, where)
    if size == 0:
        return b""
    try:
        return pa.Codec("lz4_raw").decompress(data, size, asbytes=True)
    except (OSError, ValueError) as error:
        raise broken(f"USD crate with a damaged block ({error})", where) from None


def _lz4_size(data: bytes, most: int, where: Where) -> int:
    """How many bytes an LZ4 block gives (LZ4 block format: token, literals, offset, match)."""
    place = total = 0
    end = len(data)
    try:
        while place < end:
            token = data[place]
            place += 1
            literals = token >> 4
            if literals == 15:
                more = 255
                while more == 255:
                    more = data[place]
                    literals += more
                    place += 1
            place += literals
            total += literals
            if place == end or total > most:
                break
            place += 2
            match = token & 15
            if match == 15:
                more = 255
                while more == 255:
                    more = data[place]
                    match += more
                    place += 1
            total += match + 4
    except IndexError:
        place = end + 1
    if place > end or total > most:
        raise broken("USD crate with a damaged block", where)
    return total


def _stored(data: bytes) -> bytes:
    """A `TfFastCompression` block of literals alone."""
    count = len(data)
    if count < 15:
        return b"\0" + bytes((count << 4,)) + data
    rest = count - 15
    return b"\0\xf0" + b"\xff" * (rest // 255) + bytes((rest % 255,)) + data


def _coded(values: U32) -> bytes:
    """Integers as `Usd_IntegerCompression` codes them, behind the length of the block."""
    if not len(values):
        return struct.pack("<Q", 0)
    wide = values.astype(np.int64)
    steps = wide - np.concatenate([[0], wide[:-1]])
    steps = ((steps + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
    found, counts = np.unique(steps, return_counts=True)
    common = int(found[np.argmax(counts)])
    kinds = np.full(len(steps), 3, np.uint8)
    kinds[(steps >= -(1 << 15)) & (steps < 1 << 15)] = 2
    kinds[(steps >= -(1 << 7)) & (steps < 1 << 7)] = 1
    kinds[steps == common] = 0
    padded = np.zeros(-(-len(kinds) // 4) * 4, np.uint8)
    padded[: len(kinds)] = kinds
    codes = (padded.reshape(-1, 4) << np.array([0, 2, 4, 6], np.uint8)).sum(1).astype(np.uint8)
    widths = np.array([0, 1, 2, 4])[kinds]
    little = steps.astype("<i4").view(np.uint8).reshape(-1, 4)
    values_of = little[np.arange(4) < widths[:, None]]
    block = _stored(struct.pack("<i", common) + codes.tobytes() + values_of.tobytes())
    return struct.pack("<Q", len(block)) + block
