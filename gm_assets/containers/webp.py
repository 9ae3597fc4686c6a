"""WebP: RIFF container (RFC 9649, section 2), with XMP in the `XMP ` chunk.

A simple file (one VP8 or VP8L chunk) can carry no metadata, so embedding puts a VP8X chunk in
front whose canvas is the picture's size and whose alpha flag is that of the VP8L header; in an
extended file only the XMP flag of VP8X is set.

Picture (stream scheme st1): the chunks `VP8 `, `VP8L`, `ALPH`, `ANIM`, `ANMF`, each with its
header and without its padding byte. The VP8X canvas counts where it says something that the
chunks do not: always for an animation, and for a still only where it differs from the size of
the picture. VP8X flags never count, since a memory write changes one and creates the rest from
the picture. The RIFF header and bytes behind the RIFF chunk do not count.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from gm_assets.containers import exif
from gm_assets.containers.layout import (
    MAX_ICC,
    Buffer,
    Container,
    Layout,
    Packet,
    Span,
    SpanList,
    Where,
    Window,
    bounded,
    broken,
    kept_difference,
    require_equal,
    splice,
)
from gm_assets.errors import TooLarge, WriteRefused

_IMAGE = frozenset((b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"))
_HEADER = struct.Struct("<4sI")
_XMP_FLAG, _ALPHA_FLAG = 0x04, 0x10
_MAX_RIFF = 2**32 - 10


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A RIFF chunk: header at `offset`, payload to `end`, padding up to `next`."""

    offset: int
    kind: bytes
    end: int
    next: int

    @property
    def body(self) -> int:
        return self.offset + 8


@dataclass(frozen=True, slots=True)
class _Frame:
    """Size and alpha of a VP8 or VP8L bitstream."""

    width: int
    height: int
    alpha: bool


def _riff_end(head: bytes, size: int, where: Where) -> int:
    """Offset after the RIFF chunk's payload, from the first 12 bytes."""
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:12] != b"WEBP":
        raise broken("not a WebP: its RIFF header is missing", where)
    end = 8 + int.from_bytes(head[4:8], "little")
    if end > size or end < 20:
        raise broken(f"WebP truncated: RIFF claims {end} bytes, {size} are there", where)
    return end


def _chunks(data: bytes, where: Where) -> Iterator[_Chunk]:
    riff_end, position = _riff_end(data[:12], len(data), where), 12
    while position + 8 <= riff_end:
        kind, length = _HEADER.unpack_from(data, position)
        end = position + 8 + length
        if end > riff_end:
            raise broken(
                f"WebP chunk {kind!r} at byte {position} claims {length} bytes, "
                f"{riff_end - position - 8} are there",
                where,
            )
        # Some encoders leave the padding of an odd last chunk out.
        after = min(end + (length & 1), riff_end)
        yield _Chunk(position, kind, end, after)
        position = after
    if position != riff_end:
        raise broken("WebP ends inside a chunk header", where)


def _frame(data: bytes, kind: bytes, body: int, end: int, where: Where) -> _Frame:
    """Size and alpha from a VP8 key frame (RFC 6386, 9.1) or VP8L header (RFC 9649, 3.4)."""
    head = data[body : min(end, body + 10)]
    if kind == b"VP8L":
        if len(head) < 5 or head[0] != 0x2F:
            raise broken("WebP with a damaged VP8L header", where)
        bits = int.from_bytes(head[1:5], "little")
        return _Frame((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1))
    if len(head) < 10 or head[3:6] != b"\x9d\x01\x2a" or head[0] & 1:
        raise broken("WebP with a damaged VP8 key frame", where)
    width, height = struct.unpack_from("<HH", head, 6)
    return _Frame(width & 0x3FFF, height & 0x3FFF, False)


def _canvas(data: bytes, chunk: _Chunk, where: Where) -> tuple[int, int]:
    if chunk.end - chunk.body < 10:
        raise broken("WebP with a VP8X chunk that is too short", where)
    width = int.from_bytes(data[chunk.body + 4 : chunk.body + 7], "little") + 1
    height = int.from_bytes(data[chunk.body + 7 : chunk.body + 10], "little") + 1
    return width, height


def _frame_is_lossy(data: bytes, chunk: _Chunk) -> bool:
    """Whether an ANMF chunk holds a VP8 bitstream (perhaps behind an ALPH chunk)."""
    position = chunk.body + 16
    while position + 8 <= chunk.end:
        kind, length = _HEADER.unpack_from(data, position)
        if kind in (b"VP8 ", b"VP8L"):
            return bool(kind == b"VP8 ")
        position += 8 + length + (length & 1)
    return True


def parse(data: bytes, where: Where = None) -> Layout:
    """The layout of a WebP file.

    Raises:
        UnreadableFile: truncated, overflowing chunks, no picture, damaged bitstream header.
        TooLarge: an XMP packet beyond 4 MB or an ICC profile beyond 16 MB.
    """
    chunks = tuple(_chunks(data, where))
    extended = chunks[0] if chunks[0].kind == b"VP8X" else None
    if extended is None and chunks[0].kind not in (b"VP8 ", b"VP8L"):
        raise broken(f"WebP that begins with a {chunks[0].kind!r} chunk", where)
    canvas = _canvas(data, extended, where) if extended else None
    animated = any(chunk.kind == b"ANMF" for chunk in chunks)
    still: _Frame | None = None
    picture, kept = SpanList(), SpanList()
    packets: list[Span] = []
    icc: bytes | None = None
    orientation: int | None = None
    frames, lossy, has_c2pa, alpha = 0, False, False, False
    for chunk in chunks:
        kind, body, end = chunk.kind, chunk.body, chunk.end
        if kind == b"XMP ":
            packets.append(Span(body, end - body))
            continue
        if chunk is extended:
            continue  # compared flag by flag in `difference`
        kept.add(chunk.offset, end)
        if kind in (b"VP8 ", b"VP8L") and still is None:
            still = _frame(data, kind, body, end, where)
            lossy, alpha = lossy or kind == b"VP8 ", alpha or still.alpha
        elif kind == b"ANMF":
            frames += 1
            lossy = lossy or _frame_is_lossy(data, chunk)
        elif kind == b"ALPH":
            alpha = True
        elif kind == b"ICCP" and icc is None:
            if end - body > MAX_ICC:
                raise TooLarge("the ICC profile is larger than 16 MB", where=where)
            icc = data[body:end]
        elif kind == b"EXIF" and orientation is None:
            orientation = exif.orientation(data[body:end])
        elif kind == b"C2PA":
            has_c2pa = True
    if still is None and not animated:
        raise broken("WebP without a picture", where)
    size = canvas if animated and canvas else (still.width, still.height) if still else (0, 0)
    if not all(size):
        raise broken(f"WebP with impossible dimensions {size[0]} x {size[1]}", where)
    if extended and (animated or canvas != size):
        picture.add(extended.body + 4, extended.body + 10)
    for chunk in chunks:
        if chunk.kind in _IMAGE:
            picture.add(chunk.offset, chunk.end)
    if extended and data[extended.body] & _ALPHA_FLAG:
        alpha = True
    notes = []
    if len(packets) > 1:
        notes.append(f"{len(packets)} XMP packets; the first is read")
    if canvas and not animated and canvas != size:
        notes.append(f"the canvas is {canvas[0]} x {canvas[1]}, the picture {size[0]} x {size[1]}")
    riff_end = chunks[-1].next
    if riff_end < len(data):
        notes.append(f"{len(data) - riff_end} bytes after the RIFF chunk")
        kept.add(riff_end, len(data))
    if packets:
        bounded(packets[0].length, where)
    return Layout(
        format="webp",
        size=len(data),
        picture=picture.close(),
        kept=kept.close(),
        packets=tuple(packets),
        packet=data[packets[0].offset : packets[0].end] if packets else None,
        width=size[0],
        height=size[1],
        bit_depth=8,
        channels="RGBA" if alpha else "RGB",
        frames=max(frames, 1),
        lossy=lossy,
        has_c2pa=has_c2pa,
        exif_orientation=orientation,
        icc=icc,
        notes=tuple(notes),
    )


def find_packet(file: BinaryIO, where: Where = None) -> Packet:
    """The XMP packet of a WebP file, reading chunk headers and seeking over the pictures.

    Raises:
        UnreadableFile: truncated or overflowing chunks.
        TooLarge: a packet beyond 4 MB.
    """
    window = Window(file)
    take, position = window.take, 12
    riff_end = _riff_end(take(0, 12), window.size, where)
    found: bytes | None = None
    notes: tuple[str, ...] = ()
    while position + 8 <= riff_end:
        kind, length = _HEADER.unpack(take(position, 8))
        end = position + 8 + length
        if end > riff_end:
            raise broken(f"WebP chunk {kind!r} at byte {position} overflows the file", where)
        if kind == b"XMP ":
            if found is None:
                bounded(length, where)
                found = take(position + 8, length)
            else:
                notes = ("more than one XMP packet; the first is read",)
        position = end + (length & 1)
    return Packet("webp", found, notes)


def embed(data: bytes, packet: bytes, where: Where = None) -> list[Buffer]:
    """The WebP file with `packet` as its XMP, every other chunk as it was.

    An existing packet is replaced where it lies; otherwise the chunk becomes the last one.

    Raises:
        UnreadableFile: as `parse`.
        WriteRefused: two packets that differ, or a file that would pass the 4 GB of RIFF.
    """
    bounded(len(packet), where)
    chunks = tuple(_chunks(data, where))
    old = [chunk for chunk in chunks if chunk.kind == b"XMP "]
    require_equal([data[chunk.body : chunk.end] for chunk in old], where)
    edits: list[tuple[int, int, bytes]] = []
    first = chunks[0]
    if first.kind == b"VP8X":
        _canvas(data, first, where)
        edits.append((first.body, first.body + 1, bytes((data[first.body] | _XMP_FLAG,))))
    elif first.kind in (b"VP8 ", b"VP8L"):
        frame = _frame(data, first.kind, first.body, first.end, where)
        if not frame.width or not frame.height:
            raise broken("WebP with impossible dimensions", where)
        flags = _XMP_FLAG | (_ALPHA_FLAG if frame.alpha else 0)
        size = (frame.width - 1).to_bytes(3, "little") + (frame.height - 1).to_bytes(3, "little")
        edits.append((12, 12, _HEADER.pack(b"VP8X", 10) + bytes((flags, 0, 0, 0)) + size))
    else:
        raise broken(f"WebP that begins with a {first.kind!r} chunk", where)
    chunk = _HEADER.pack(b"XMP ", len(packet)) + packet + b"\0" * (len(packet) & 1)
    last = chunks[-1]
    if old:
        edits += [(old[0].offset, old[0].next, chunk)]
        edits += [(other.offset, other.next, b"") for other in old[1:]]
    else:
        missing_padding = b"\0" * ((last.next - last.offset) & 1)
        edits.append((last.next, last.next, missing_padding + chunk))
    riff_size = last.next - 8 + sum(len(new) - (end - begin) for begin, end, new in edits)
    if riff_size > _MAX_RIFF:
        raise WriteRefused("the file would be larger than the 4 GB of RIFF", where=where)
    return splice(data, [(4, 8, riff_size.to_bytes(4, "little")), *edits])


def difference(old: bytes, before: Layout, new: bytes, after: Layout) -> str | None:
    """What a memory write changed beyond the memory: chunks, or flags and canvas of VP8X."""
    if found := kept_difference(old, before, new, after):
        return found
    head = new[12:30]
    was_extended = old[12:16] == b"VP8X"
    expected = bytearray(old[12:30] if was_extended else head)
    expected[8] |= _XMP_FLAG
    if head != expected or (
        was_extended and (before.width, before.height) != (after.width, after.height)
    ):
        return "the VP8X chunk differs in more than its XMP flag"
    if before.channels != after.channels:
        return "the VP8X chunk states another alpha than the picture has"
    return None


CONTAINER = Container(
    name="webp",
    kind="image",
    media_type="image/webp",
    suffixes=(".webp",),
    parse=parse,
    find_packet=find_packet,
    embed=embed,
    difference=difference,
)
