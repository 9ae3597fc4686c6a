"""PNG: Portable Network Graphics, third edition (W3C Recommendation), with APNG.

The XMP packet is the text of an iTXt chunk with the keyword `XML:com.adobe.xmp` (XMP part 3,
1.1.5; PNG 11.3.3.4). We write it uncompressed and before IDAT, where readers find it without
passing the pixels; one that lies elsewhere or is compressed is read as well.

Picture (stream scheme st1): the signature, all critical chunks (PNG 4.6: first letter upper
case) and `tRNS`, `acTL`, `fcTL`, `fdAT`, each whole with length, name and CRC. The picture's
bytes are thus the file stripped of every other ancillary chunk. Bytes after IEND cannot change
the picture: they are kept, noted and not counted.

CRCs are checked for every chunk but IDAT and fdAT, whose corruption the decoder's inflate
finds: checking them here would cost as much as hashing them.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from typing import BinaryIO

from gm_assets.containers import exif
from gm_assets.containers.layout import (
    MAX_ICC,
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
    broken,
    kept_difference,
    require_equal,
    splice,
)
from gm_assets.errors import TooLarge, UnreadableFile

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEYWORD = b"XML:com.adobe.xmp\0"
_OURS = _KEYWORD + b"\0\0\0\0"  # not compressed, method 0, no language, no translated keyword
_ANIMATED_OR_TRANSPARENT = frozenset((b"tRNS", b"acTL", b"fcTL", b"fdAT"))
_TEXTS = frozenset((b"tEXt", b"zTXt", b"iTXt"))
_CHANNELS = {0: "L", 2: "RGB", 3: "P", 4: "LA", 6: "RGBA"}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_HEADER = struct.Struct(">I4s")
_AFTER_IHDR = len(SIGNATURE) + 12 + 13


def _chunk_name(kind: bytes, offset: int, where: Where) -> str:
    if not (kind.isalpha() and kind.isascii()):
        raise broken(f"PNG chunk at byte {offset} has the impossible name {kind!r}", where)
    return kind.decode("ascii")


def _chunks(data: bytes, where: Where) -> Iterator[tuple[int, bytes, int]]:
    """`(offset, name, offset after the chunk)` of every chunk up to and including IEND."""
    size, position, unpack = len(data), len(SIGNATURE), _HEADER.unpack_from
    while position + 12 <= size:
        length, kind = unpack(data, position)
        end = position + 12 + length
        name = _chunk_name(kind, position, where)
        if end > size:
            raise broken(
                f"PNG truncated: chunk {name} at byte {position} claims {length} bytes, "
                f"{max(size - position - 12, 0)} are there",
                where,
            )
        yield position, kind, end
        if kind == b"IEND":
            return
        position = end
    raise broken("PNG truncated: it ends without IEND", where)


def _check_crc(data: bytes, offset: int, end: int, where: Where) -> None:
    stated = int.from_bytes(data[end - 4 : end], "big")
    if zlib.crc32(memoryview(data)[offset + 4 : end - 4]) != stated:
        name = data[offset + 4 : offset + 8].decode("ascii")
        raise broken(f"PNG chunk {name} at byte {offset} is damaged: its CRC is wrong", where)


def _inflate(
    data: bytes,
    limit: int,
    what: str,
    where: Where,
    complete: Callable[[bytes], bool] = lambda text: False,
) -> bytes:
    """Inflate at most `limit` bytes: a small chunk can claim gigabytes.

    `complete` says of what a stream without its end gave whether it is all there.
    """
    engine = zlib.decompressobj()
    try:
        text = engine.decompress(data, limit + 1)
    except zlib.error as error:
        raise broken(f"the compressed {what} is damaged ({error})", where) from None
    if len(text) > limit:
        raise TooLarge(
            f"the compressed {what} inflates to more than {limit // 1024 // 1024} MB",
            where=where,
            remedy="Remove it with the program that wrote it",
        )
    if not engine.eof and not complete(text):
        raise broken(f"the compressed {what} ends too early", where)
    return text


def _packet_text(body: bytes, where: Where) -> tuple[bytes, int]:
    """The XMP packet of an iTXt body that begins with our keyword, and where its text begins."""
    flags = len(_KEYWORD)
    language_end = body.find(b"\0", flags + 2)
    translated_end = body.find(b"\0", language_end + 1)
    if len(body) < flags + 2 or language_end < 0 or translated_end < 0:
        raise broken("the iTXt chunk with the XMP packet is malformed", where)
    begin = translated_end + 1
    compressed, method = body[flags], body[flags + 1]
    if compressed == 0:
        bounded(len(body) - begin, where)
        return body[begin:], begin
    if compressed == 1 and method == 0:
        return _inflate(body[begin:], MAX_PACKET, "XMP packet", where), begin
    raise broken(f"the iTXt chunk with the XMP packet has compression {compressed}/{method}", where)


def _profile(body: bytes, where: Where) -> bytes | None:
    name_end = body.find(b"\0", 0, 80)
    if name_end < 0 or body[name_end + 1 : name_end + 2] != b"\0":
        return None
    return _inflate(body[name_end + 2 :], MAX_ICC, "ICC profile", where, _whole_profile)


def _whole_profile(profile: bytes) -> bool:
    """Whether a profile is as long as it states (ICC.1:2022, 7.2.2).

    Older Photoshops wrote it whole and left out the checksum behind it.
    """
    return len(profile) >= 128 and int.from_bytes(profile[:4], "big") == len(profile)


def _header(data: bytes, where: Where) -> tuple[int, int, int, int]:
    """Width, height, bit depth and colour type (PNG 11.2.1)."""
    if data[:8] != SIGNATURE:
        raise broken("not a PNG: its signature is missing", where)
    if data[8:16] != b"\0\0\0\x0dIHDR" or len(data) < _AFTER_IHDR:
        raise broken("PNG without a sound IHDR as its first chunk", where)
    width, height, depth, colour, compression, filtering, interlace = struct.unpack_from(
        ">IIBBBBB", data, 16
    )
    if not 0 < width < 2**31 or not 0 < height < 2**31:
        raise broken(f"PNG with impossible dimensions {width} x {height}", where)
    if depth not in _DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        raise broken(f"PNG with undefined header values (colour {colour}, depth {depth})", where)
    return width, height, depth, colour


def parse(data: bytes, where: Where = None) -> Layout:
    """The layout of a PNG file. Costs some microseconds a chunk; pixels are not touched.

    Raises:
        UnreadableFile: truncated, a wrong CRC outside the image data, an impossible header.
        TooLarge: an XMP packet beyond 4 MB or an ICC profile beyond 16 MB.
    """
    width, height, depth, colour = _header(data, where)
    picture, kept = SpanList(), SpanList()
    picture.add(0, len(SIGNATURE))
    kept.add(0, len(SIGNATURE))
    packets: list[Span] = []
    packet: bytes | None = None
    icc: bytes | None = None
    orientation: int | None = None
    frames, has_c2pa, has_pixels = 1, False, False
    end = len(SIGNATURE)
    for offset, kind, end in _chunks(data, where):
        if kind == b"IDAT":
            has_pixels = True
        elif kind != b"fdAT":
            _check_crc(data, offset, end, where)
        if kind[0] < 0x60 or kind in _ANIMATED_OR_TRANSPARENT:
            picture.add(offset, end)
        if kind == b"iTXt" and data.startswith(_KEYWORD, offset + 8):
            if packet is None:  # later ones are counted, not inflated: a file can hold thousands
                packet, begin = _packet_text(data[offset + 8 : end - 4], where)
            else:
                begin = len(_KEYWORD)
            packets.append(Span(offset + 8 + begin, end - 12 - offset - begin))
            continue
        kept.add(offset, end)
        if kind == b"acTL" and end - offset == 20:
            frames = max(1, int.from_bytes(data[offset + 8 : offset + 12], "big"))
        elif kind == b"caBX":
            has_c2pa = True
        elif kind == b"eXIf":
            orientation = exif.orientation(data[offset + 8 : end - 4])
        elif kind == b"iCCP" and icc is None:
            icc = _profile(data[offset + 8 : end - 4], where)
    if not has_pixels:
        raise broken("PNG without image data (no IDAT)", where)
    notes = []
    if len(packets) > 1:
        notes.append(f"{len(packets)} XMP packets; the first is read")
    if end < len(data):
        notes.append(f"{len(data) - end} bytes after IEND")
        kept.add(end, len(data))
    return Layout(
        format="png",
        size=len(data),
        picture=picture.close(),
        kept=kept.close(),
        packets=tuple(packets),
        packet=packet,
        width=width,
        height=height,
        bit_depth=depth,
        channels=_CHANNELS[colour],
        frames=frames,
        has_c2pa=has_c2pa,
        exif_orientation=orientation,
        icc=icc,
        notes=tuple(notes),
    )


def find_packet(file: BinaryIO, where: Where = None) -> Packet:
    """The XMP packet of a PNG file, reading chunk headers only.

    Stops at the first IDAT once a packet was found; otherwise seeks over the image data, since
    some programs write the packet behind it. What lies after the stop is not checked.

    Raises:
        UnreadableFile: truncated, or the packet's chunk is damaged.
        TooLarge: a packet beyond 4 MB.
    """
    window = Window(file)
    _header(window.take(0, _AFTER_IHDR), where)
    size, position, unpack, take = window.size, len(SIGNATURE), _HEADER.unpack, window.take
    found: bytes | None = None
    notes: tuple[str, ...] = ()
    while position + 12 <= size:
        length, kind = unpack(take(position, 8))
        end = position + 12 + length
        if end > size:
            name = _chunk_name(kind, position, where)
            raise broken(f"PNG truncated in chunk {name} at byte {position}", where)
        if kind == b"iTXt" and take(position + 8, len(_KEYWORD)) == _KEYWORD:
            if found is not None:
                notes = ("more than one XMP packet; the first is read",)
            else:
                # Bounds what is read; the text itself is bounded exactly below.
                bounded(length - 4096, where)
                chunk = take(position, 12 + length)
                _check_crc(chunk, 0, len(chunk), where)
                found, _ = _packet_text(chunk[8:-4], where)
        elif kind == b"IEND" or (kind == b"IDAT" and found is not None):
            return Packet("png", found, notes)
        elif not kind.isalpha():
            _chunk_name(kind, position, where)
        position = end
    raise broken("PNG truncated: it ends without IEND", where)


def find_texts(
    file: BinaryIO, keywords: Collection[str], limit: int, where: Where = None
) -> dict[str, str]:
    """The texts (tEXt, zTXt, iTXt) of some keywords that lie before the image data.

    Only their chunks and headers are read. Of texts with one keyword the first counts; one
    of more than `limit` bytes, damaged or malformed, is passed over.

    Raises:
        UnreadableFile: not a PNG, or truncated before its image data.
    """
    window = Window(file)
    _header(window.take(0, _AFTER_IHDR), where)
    found: dict[str, str] = {}
    position = len(SIGNATURE)
    while True:
        head = window.take(position, 8)
        if len(head) < 8:
            raise broken("PNG truncated before its image data", where)
        length, kind = _HEADER.unpack(head)
        if kind in (b"IDAT", b"IEND"):
            return found
        if kind in _TEXTS and length <= limit:
            keyword, _, rest = window.take(position + 8, length).partition(b"\0")
            name = keyword.decode("latin-1")
            if name in keywords and name not in found:
                with suppress(UnreadableFile, TooLarge, UnicodeDecodeError):
                    found[name] = _text(kind, rest, limit, where)
        position += 12 + length


def _text(kind: bytes, body: bytes, limit: int, where: Where) -> str:
    """The text of a chunk behind its keyword (PNG 11.3.3)."""
    if kind == b"tEXt":
        return body.decode("latin-1")
    if kind == b"zTXt":
        return _inflate(body[1:], limit, "text", where).decode("latin-1")
    # flag and method, language, translated keyword, text
    text = body[2:].partition(b"\0")[2].partition(b"\0")[2]
    return (_inflate(text, limit, "text", where) if body[:1] == b"\1" else text).decode("utf-8")


def embed(data: bytes, packet: bytes, where: Where = None) -> list[Buffer]:
    """The PNG file with `packet` as its XMP, every other byte as it was.

    A packet before the image data is replaced where it lies; otherwise the new one follows
    IHDR and one behind the image data is taken out.

    Raises:
        UnreadableFile, TooLarge: as `parse`.
        WriteRefused: the file holds two different XMP packets.
    """
    bounded(len(packet), where)
    _header(data, where)
    bodies: list[tuple[int, int]] = []
    first_pixels = len(data)
    for offset, kind, end in _chunks(data, where):
        if kind == b"IDAT":
            first_pixels = min(first_pixels, offset)
        elif kind == b"iTXt" and data.startswith(_KEYWORD, offset + 8):
            bodies.append((offset, end))
    require_equal([data[offset + 8 : end] for offset, end in bodies], where)
    body = b"iTXt" + _OURS + packet
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    place = bodies[0] if bodies and bodies[0][0] < first_pixels else (_AFTER_IHDR, _AFTER_IHDR)
    edits = [(*place, chunk)]
    edits += [(offset, end, b"") for offset, end in bodies if (offset, end) != place]
    return splice(data, sorted(edits))


CONTAINER = Container(
    name="png",
    kind="image",
    media_type="image/png",
    suffixes=(".png", ".apng"),
    parse=parse,
    find_packet=find_packet,
    embed=embed,
    difference=kept_difference,
)
