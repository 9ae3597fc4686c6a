"""ZIP packages (PKWARE APPNOTE 6.3, sections 4.3 to 4.5), for USDZ and 3MF.

The central directory is the truth; entries that overlap, leave the file, are encrypted, come
twice or have a name that would lead out of the package are refused, so that every reader of the
package sees the same files. Nothing is ever unpacked to a disk.

Written are the local headers, the entries one after the other and the directory; what an entry
states about itself (time, system, attributes, comment) stays. ZIP64 is not handled: beyond
4 GB a package is refused.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gm_assets.containers.layout import Buffer, Span, Where
from gm_assets.errors import TooLarge, UnreadableFile, UnsupportedFormat

STORED, DEFLATED = 0, 8
MAX_ENTRIES = 65_534
Take = Callable[[int, int], bytes]
_END = struct.Struct("<4s4H2IH")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_LOCAL = struct.Struct("<4s5H3I2H")
_MAX_COMMENT = 65_535
_BLOCK = 1 << 16
_ENCRYPTED, _SIZES_BEHIND = 0x1, 0x8
#: USD pads its entries with an extra field of this kind (pxr/usd/usd/zipFile.cpp).
_PADDING = 0x1986


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a package.

    Attributes:
        name: as it is stored. flags, method, time, date, made_by, needs, internal, external,
            extra, comment: as the central directory states them.
        crc, size: of the file unpacked. data: its bytes as they lie in the package.
        begin: where its local header lies.
    """

    name: bytes
    flags: int
    method: int
    time: int
    date: int
    made_by: int
    needs: int
    internal: int
    external: int
    extra: bytes
    comment: bytes
    crc: int
    size: int
    data: Span
    begin: int

    @property
    def named(self) -> Span:
        """Where the name lies in the local header."""
        return Span(self.begin + _LOCAL.size, len(self.name))


@dataclass(frozen=True, slots=True)
class Package:
    """A package: its entries in the order of their data, and its comment."""

    entries: tuple[Entry, ...]
    comment: bytes


def _broken(what: str, where: Where) -> UnreadableFile:
    return UnreadableFile(f"ZIP package: {what}", where=where, remedy="Make the package again")


def read(take: Take, size: int, where: Where = None) -> Package:
    """The entries of a package of `size` bytes, checked against each other and against it.

    Args:
        take: `(offset, length) -> bytes` of the file; only headers are asked for.

    Raises:
        UnreadableFile: cut off, or its entries contradict themselves or the file.
        UnsupportedFormat: encrypted, of several disks, or ZIP64.
    """
    tail_at = max(0, size - _END.size - _MAX_COMMENT)
    tail = take(tail_at, size - tail_at)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or at + _END.size > len(tail):
        raise _broken("cut off: its directory is not there", where)
    _, disk, start_disk, here, count, length, begin, comment = _END.unpack_from(tail, at)
    if disk or start_disk or here != count or count > MAX_ENTRIES or begin == 0xFFFFFFFF:
        raise UnsupportedFormat("a ZIP package of several disks, or ZIP64", where=where)
    if at + _END.size + comment != len(tail) or begin + length != tail_at + at:
        raise _broken("its directory is not where it is stated", where)
    directory = take(begin, length)
    entries: list[Entry] = []
    place = 0
    for _ in range(count):
        entry, place = _entry(take, size, directory, place, where)
        entries.append(entry)
    if place != len(directory):
        raise _broken("its directory is longer or shorter than stated", where)
    entries.sort(key=lambda entry: entry.begin)
    _check(entries, begin, where)
    return Package(tuple(entries), tail[at + _END.size :])


def taker(data: bytes) -> Take:
    """`take` for a file that is in memory."""
    return lambda offset, length: data[offset : offset + length]


def _entry(take: Take, size: int, directory: bytes, place: int, where: Where) -> tuple[Entry, int]:
    """The entry whose record lies at `place` of the directory, and the next one's place."""
    if directory[place : place + 4] != b"PK\1\2" or place + _CENTRAL.size > len(directory):
        raise _broken("its directory is damaged", where)
    fields = _CENTRAL.unpack_from(directory, place)
    _, made_by, needs, flags, method, time, date, crc, packed, unpacked_size = fields[:10]
    named, extra, comment, disk, internal, external, begin = fields[10:]
    after = place + _CENTRAL.size
    stop = after + named + extra + comment
    if stop > len(directory) or disk:
        raise _broken("its directory is damaged", where)
    name = directory[after : after + named]
    if flags & _ENCRYPTED:
        raise UnsupportedFormat(f"{_shown(name)} is encrypted", where=where)
    head = take(begin, _LOCAL.size + named)
    if len(head) < _LOCAL.size + named or not head.startswith(b"PK\3\4"):
        raise _broken(f"{_shown(name)} is not where the directory says", where)
    local = _LOCAL.unpack_from(head)
    if local[9] != named or head[_LOCAL.size :] != name or local[3] != method:
        raise _broken(f"{_shown(name)} is called otherwise where it lies", where)
    if method == STORED and packed != unpacked_size:
        raise _broken(f"{_shown(name)} has two sizes", where)
    entry = Entry(
        name=name,
        flags=flags & ~_SIZES_BEHIND,
        method=method,
        time=time,
        date=date,
        made_by=made_by,
        needs=needs,
        internal=internal,
        external=external,
        extra=directory[after + named : after + named + extra],
        comment=directory[after + named + extra : stop],
        crc=crc,
        size=unpacked_size,
        data=Span(begin + _LOCAL.size + named + local[10], packed),
        begin=begin,
    )
    return entry, stop


def _check(entries: Sequence[Entry], directory: int, where: Where) -> None:
    """Refuse entries that overlap, share a name, or would lead out of the package."""
    ends = [entry.begin for entry in entries[1:]] + [directory]
    for entry, end in zip(entries, ends, strict=True):
        if entry.data.end > end:
            raise _broken(f"{_shown(entry.name)} overlaps what follows", where)
        if not _is_inside(entry.name):
            raise _broken(f"the name {_shown(entry.name)} leads out of it", where)
    if len({entry.name for entry in entries}) != len(entries):
        raise _broken("two of its files have one name", where)


def _is_inside(name: bytes) -> bool:
    """Whether a name is a relative path that stays in the package."""
    if not name or name.startswith((b"/", b"\\")) or b"\0" in name or name[1:2] == b":":
        return False
    return b".." not in name.replace(b"\\", b"/").split(b"/")


def _shown(name: bytes) -> str:
    return repr(name[:80].decode("utf-8", "replace"))


def unpacked(data: bytes, entry: Entry, limit: int, where: Where = None) -> bytes:
    """The bytes of one file of a package that is in memory. Raises as `unpacked_by`."""
    return unpacked_by(taker(data), entry, limit, where)


def unpacked_by(take: Take, entry: Entry, limit: int, where: Where = None) -> bytes:
    """The bytes of one file of a package.

    Raises:
        TooLarge: more than `limit` bytes.
        UnreadableFile: damaged, or not what the directory states.
        UnsupportedFormat: compressed by another method than deflate.
    """
    if entry.size > limit:
        raise TooLarge(
            f"{_shown(entry.name)} unpacks to {entry.size:,} bytes, more than {limit:,}",
            where=where,
        )
    raw = unpacked_head(take, entry, entry.size + 1, where)
    if len(raw) != entry.size or zlib.crc32(raw) != entry.crc:
        raise _broken(f"{_shown(entry.name)} is damaged: it is not what was packed", where)
    return raw


def unpacked_head(take: Take, entry: Entry, length: int, where: Where = None) -> bytes:
    """At most the first `length` bytes of one file of a package, unchecked.

    Raises:
        UnreadableFile, UnsupportedFormat: as `unpacked_by`.
    """
    if entry.method == STORED:
        return take(entry.data.offset, min(length, entry.data.length))
    if entry.method != DEFLATED:
        raise UnsupportedFormat(f"a ZIP package compressed by method {entry.method}", where=where)
    engine = zlib.decompressobj(-15)
    found = bytearray()
    place = entry.data.offset
    try:
        while len(found) < length and not engine.eof:
            more = engine.unconsumed_tail or take(place, min(_BLOCK, entry.data.end - place))
            if not engine.unconsumed_tail:
                place += len(more)
            if not more:
                break
            found += engine.decompress(more, length - len(found))
    except zlib.error as error:
        raise _broken(f"{_shown(entry.name)} is damaged ({error})", where) from None
    return bytes(found)


def deflated(data: bytes) -> bytes:
    """A file as deflate packs it."""
    engine = zlib.compressobj(6, zlib.DEFLATED, -15)
    return engine.compress(data) + engine.flush()


def write(
    files: Sequence[tuple[Entry, Sequence[Buffer]]], comment: bytes, *, align: int, where: Where
) -> list[Buffer]:
    """A package of these files, each with its bytes as they shall lie; data begin at multiples
    of `align`.

    Raises:
        TooLarge: beyond the 4 GB of ZIP without ZIP64.
    """
    pieces: list[Buffer] = []
    central: list[bytes] = []
    place = 0
    for entry, buffers in files:
        packed = sum(map(len, buffers))
        head = _LOCAL.size + len(entry.name)
        padding = _padding(place + head, align)
        if place + head + len(padding) + packed > 0xFFFFFFF0:
            raise TooLarge("the package would be larger than 4 GB", where=where)
        stated = (entry.flags, entry.method, entry.time, entry.date, entry.crc, packed, entry.size)
        local = _LOCAL.pack(b"PK\3\4", entry.needs, *stated, len(entry.name), len(padding))
        pieces += [local + entry.name + padding, *buffers]
        extra = without_padding(entry.extra) + (padding if align > 1 else b"")
        lengths = (len(entry.name), len(extra), len(entry.comment))
        central.append(
            _CENTRAL.pack(
                *(b"PK\1\2", entry.made_by, entry.needs, *stated, *lengths),
                *(0, entry.internal, entry.external, place),
            )
            + entry.name
            + extra
            + entry.comment
        )
        place += head + len(padding) + packed
    directory = b"".join(central)
    count = len(central)
    ending = (0, 0, count, count, len(directory), place, len(comment))
    return [*pieces, directory, _END.pack(b"PK\5\6", *ending), comment]


def _padding(place: int, align: int) -> bytes:
    """An extra field that brings what follows `place` to a multiple of `align`."""
    missing = -place % align
    if missing == 0:
        return b""
    if missing < 4:
        missing += align
    return struct.pack("<HH", _PADDING, missing - 4) + bytes(missing - 4)


def without_padding(extra: bytes) -> bytes:
    """Extra fields without those that only pad."""
    kept, place = b"", 0
    while place + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, place)
        if kind != _PADDING:
            kept += extra[place : place + 4 + length]
        place += 4 + length
    return kept


def stated(entry: Entry) -> tuple[object, ...]:
    """What a package says of a file, but for where it lies and how it is padded."""
    return (
        *(entry.name, entry.flags, entry.method, entry.time, entry.date, entry.made_by),
        *(entry.needs, entry.internal, entry.external, entry.comment, entry.crc, entry.size),
        without_padding(entry.extra),
    )
