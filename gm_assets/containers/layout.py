"""What a container says about a file: values, bounds and the small tools that all formats share.

A container module (png, tiff, glb, ...) turns the bytes of a file into a `Layout`: where the
picture lies, where the XMP packet lies, and the few header facts that others need. It decodes
no pixels and keeps no copy of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal, TypeAlias

from gm_assets.containers import json_text
from gm_assets.errors import TooLarge, UnreadableFile, WriteRefused

#: Largest XMP packet that is read or written, in bytes (after decompression).
MAX_PACKET = 4 * 1024 * 1024
#: Largest ICC profile that is read, in bytes (after decompression).
MAX_ICC = 16 * 1024 * 1024

Buffer: TypeAlias = bytes | memoryview
Where: TypeAlias = str | None


@dataclass(frozen=True, slots=True)
class Span:
    """A run of bytes in a file: `offset` from its start, `length` in bytes."""

    offset: int
    length: int

    @property
    def end(self) -> int:
        """Offset of the first byte after the span."""
        return self.offset + self.length


@dataclass(frozen=True, slots=True)
class Layout:
    """The anatomy of one file, found without decoding it.

    Attributes:
        format: its container's name, e.g. 'png' or 'glb'.
        size: bytes in the file.
        picture: every byte that can change the decoded picture, in file order; their
            concatenation is what `stream_hash` (scheme st1) hashes. For a model: the bytes
            that its JSON or header describes; a model has no stream hash (see `asset_hash`).
        kept: every byte that a memory write leaves exactly as it is, in file order.
        packets: the XMP payloads as they lie in the file (0 or 1 in a healthy file).
        packet: the first XMP payload, decompressed, at most `MAX_PACKET` bytes. For a model
            the UTF-8 JSON of the packet.
        width, height: pixels as stored, before any orientation; None for 3D.
        bit_depth: bits a sample as stored.
        channels: 'L', 'LA', 'P', 'RGB', 'RGBA', 'CMYK' (any four-component JPEG) or None.
        frames: more than 1 for an animation.
        lossy: whether the decoded samples depend on the decoder.
        has_c2pa: whether C2PA credentials are embedded, which any write would break.
        exif_orientation: 1 to 8 where EXIF states one.
        icc: the ICC profile, decompressed and joined, at most `MAX_ICC` bytes.
        notes: what is unusual but not an error, e.g. 'two XMP packets; the first is read'.
    """

    format: str
    size: int
    picture: tuple[Span, ...]
    kept: tuple[Span, ...]
    packets: tuple[Span, ...] = ()
    packet: bytes | None = None
    width: int | None = None
    height: int | None = None
    bit_depth: int | None = None
    channels: str | None = None
    frames: int = 1
    lossy: bool = False
    has_c2pa: bool = False
    exif_orientation: int | None = None
    icc: bytes | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Packet:
    """What the fast path found: the XMP payload of a file whose pixels were not read.

    `payload` is XMP; in a model it is the JSON-LD object, parsed, since finding it parses it
    (as bytes where it is damaged).
    """

    format: str
    payload: bytes | dict[str, Any] | None
    notes: tuple[str, ...] = ()

    @property
    def data(self) -> bytes | None:
        """The payload as bytes; UTF-8 JSON for a model."""
        return json_text.dumps(self.payload) if isinstance(self.payload, dict) else self.payload


@dataclass(frozen=True, slots=True)
class Container:
    """One format: how to read its layout, find its packet and embed another.

    Attributes:
        name: the format's short name, as in `Layout.format`.
        kind: 'image' or 'model'. Images carry their memory as XMP (RDF/XML), models as JSON-LD.
        media_type: its registered media type; `application/octet-stream` where none is.
        suffixes: those of its file names, the usual one first.
        parse: `(data, where) -> Layout`.
        find_packet: `(file, where) -> Packet`, reading headers only.
        embed: `(data, packet, where) -> buffers` of the new file.
        difference: `(old, old layout, new, new layout) -> str | None`, what a memory write
            changed beyond the memory; None where nothing.
    """

    name: str
    kind: Literal["image", "model"]
    media_type: str
    suffixes: tuple[str, ...]
    parse: Callable[[bytes, Where], Layout]
    find_packet: Callable[[BinaryIO, Where], Packet]
    embed: Callable[[bytes, bytes, Where], list[Buffer]]
    difference: Callable[[bytes, Layout, bytes, Layout], str | None]


class SpanList:
    """Collects spans in file order and joins those that touch."""

    __slots__ = ("_begin", "_end", "_spans")

    def __init__(self) -> None:
        self._spans: list[Span] = []
        self._begin = self._end = -1

    def add(self, begin: int, end: int) -> None:
        """Append the bytes from `begin` up to but not including `end`."""
        if begin != self._end:
            if self._end > self._begin:
                self._spans.append(Span(self._begin, self._end - self._begin))
            self._begin = begin
        self._end = end

    def close(self) -> tuple[Span, ...]:
        """All spans, joined."""
        self.add(-1, -1)
        return tuple(self._spans)


class Window:
    """Bytes of a file by offset, in few and small reads.

    The first read takes a block from the start, since memories lie there in PNG, JPEG and GLB;
    later ones take what was asked for and at least `STEP` bytes, since a chunk header far away
    is followed by more pixel data and not by anything of interest.
    """

    HEAD = 16 * 1024
    STEP = 512

    __slots__ = ("_data", "_file", "_start", "size")

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, 2)
        file.seek(0)
        self._start = 0
        self._data = file.read(self.HEAD)

    def take(self, offset: int, length: int) -> bytes:
        """`length` bytes at `offset`; fewer where the file ends before."""
        begin = offset - self._start
        if begin < 0 or begin + length > len(self._data):
            self._file.seek(offset)
            self._start, begin = offset, 0
            self._data = _read(self._file, max(length, self.STEP))
        return self._data[begin : begin + length]


def _read(file: BinaryIO, length: int) -> bytes:
    data = file.read(length)
    while 0 < len(data) < length:  # an unbuffered file may return less than asked for
        more = file.read(length - len(data))
        if not more:
            break
        data += more
    return data


def broken(what: str, where: Where) -> UnreadableFile:
    """The error for bytes that are not what they claim to be."""
    return UnreadableFile(what, where=where, remedy="Restore the file from a good copy")


def require_equal(packets: Sequence[Buffer], where: Where) -> None:
    """Refuse to replace several XMP packets by one unless they say the same."""
    if len({bytes(packet) for packet in packets}) > 1:
        raise WriteRefused(
            f"the file holds {len(packets)} XMP packets that differ",
            where=where,
            remedy="Remove all but one with the program that wrote them",
        )


def bounded(length: int, where: Where) -> None:
    """Refuse an XMP packet of more than `MAX_PACKET` bytes."""
    if length > MAX_PACKET:
        raise TooLarge(
            f"the XMP packet is larger than the {MAX_PACKET // 1024 // 1024} MB that are read",
            where=where,
            remedy="Remove or shorten it with the program that wrote it",
        )


def splice(data: bytes, edits: Iterable[tuple[int, int, bytes]]) -> list[Buffer]:
    """`data` with each `(begin, end, replacement)` applied, as buffers that share its memory.

    Edits are in file order and do not overlap; `begin == end` inserts.
    """
    view = memoryview(data)
    pieces: list[Buffer] = []
    position = 0
    for begin, end, replacement in edits:
        if begin > position:
            pieces.append(view[position:begin])
        if replacement:
            pieces.append(replacement)
        position = end
    if position < len(data):
        pieces.append(view[position:])
    return pieces


def same_bytes(a: bytes, spans_a: Sequence[Span], b: bytes, spans_b: Sequence[Span]) -> bool:
    """Whether two lists of spans hold the same bytes, however they are cut."""
    if sum(s.length for s in spans_a) != sum(s.length for s in spans_b):
        return False
    left, right = _blocks(a, spans_a), _blocks(b, spans_b)
    rest_a = rest_b = b""
    while True:
        rest_a = rest_a or next(left, b"")
        rest_b = rest_b or next(right, b"")
        count = min(len(rest_a), len(rest_b))
        if count == 0:
            return True
        if rest_a[:count] != rest_b[:count]:
            return False
        rest_a, rest_b = rest_a[count:], rest_b[count:]


def _blocks(data: bytes, spans: Sequence[Span], block: int = 1 << 20) -> Iterator[bytes]:
    # Copies of bounded size: comparing `bytes` is one memcmp, comparing memoryviews is not.
    for span in spans:
        for begin in range(span.offset, span.end, block):
            yield data[begin : min(begin + block, span.end)]


def kept_difference(old: bytes, before: Layout, new: bytes, after: Layout) -> str | None:
    """What differs between two files beyond their memory, for formats made of plain spans."""
    if not same_bytes(old, before.kept, new, after.kept):
        return "bytes outside the memory differ"
    # The picture is part of what is kept: equal kept bytes and equal places in them mean an
    # equal picture, without comparing its bytes twice. (A WebP counts bytes of VP8X besides.)
    places = _within(before.kept, before.picture)
    proven = places is not None and places == _within(after.kept, after.picture)
    if not proven and not same_bytes(old, before.picture, new, after.picture):
        return "the picture's bytes differ"
    return None


def _within(kept: Sequence[Span], picture: Sequence[Span]) -> list[tuple[int, int]] | None:
    """Where the picture lies in the kept bytes put together, as (begin, end), neighbours joined.

    None where some of it is not among them.
    """
    places: list[tuple[int, int]] = []
    spans, passed = iter(kept), 0
    span = next(spans, None)
    for part in picture:
        begin = part.offset
        while begin < part.end:
            while span is not None and span.end <= begin:
                passed += span.length
                span = next(spans, None)
            if span is None or span.offset > begin:
                return None
            end = min(part.end, span.end)
            place = (passed + begin - span.offset, passed + end - span.offset)
            if places and places[-1][1] == place[0]:
                place = (places.pop()[0], place[1])
            places.append(place)
            begin = end
    return places
