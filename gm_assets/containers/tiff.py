"""TIFF (6.0, Adobe's supplements, BigTIFF), with the XMP packet in tag 700 of the first page.

A memory is appended and nothing is rewritten: behind the file as it was come a mark, the first
directory once more with tag 700 in it, and the packet; in the header the place of the first
directory changes. Pixel data, other pages and all other tags stay where they lie, and the next
memory takes the place of the last one. What the mark claims is believed only if appending the
packet to the bytes before gives this very file. A file that another program has written since
holds the packet as part of its own, and is appended to as any other.

Picture (stream scheme st1): of every page the entries whose values the decoder needs (tag, type
and count as they lie, then the values) in the order of the directory, then its strips or tiles.
Offsets do not count, since they change when a file is only put together otherwise.

Camera raw files are TIFF as well (DNG, CR2, NEF, ARW): a sealed format, never written.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

import numpy as np

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
)
from gm_assets.containers.sealed import refusal
from gm_assets.containers.tiff_tags import Directory, Reader
from gm_assets.errors import TooLarge, WriteRefused

_XMP, _ICC, _ORIENTATION, _C2PA = 700, 34675, 274, 52545
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES = 256, 257, 258, 259, 262, 277
_EXTRA, _SUB_DIRECTORIES, _DNG_VERSION = 338, 330, 50706
#: Places and lengths of the data: strips, tiles, or the stream of an old JPEG.
_DATA = ((273, 279), (324, 325), (513, 514))
#: Tags that the decoded samples depend on.
_DECODING = frozenset(
    (
        *(256, 257, 258, 259, 262, 266, 277, 278, 284, 292, 293, 317, 320, 322, 323, 332, 338),
        *(339, 347, 512, 515, 517, 518, 529, 530, 531, 532),
    )
)
_LOSSY = frozenset((6, 7, 33003, 33004, 33005, 34712, 34892, 50001, 50002, 52546))
_RAW_PHOTOMETRIC = frozenset((32803, 34892))
_CHANNELS = {(0, 1): "L", (1, 1): "L", (2, 3): "RGB", (3, 1): "P", (6, 3): "RGB", (5, 4): "CMYK"}
_WITH_ALPHA = {"L": "LA", "RGB": "RGBA"}

_MAGIC = b"\0gm-assets tiff\n"
_MARK = struct.Struct("<16sQQ")


def _refuse_raw(reader: Reader, first: Directory) -> None:
    """Camera raws are TIFF files whose makers keep more in them than anybody knows."""
    raw = first.find(_DNG_VERSION) is not None or reader.take(8, 2) == b"CR"
    for at in reader.numbers(first, _SUB_DIRECTORIES)[:16] if not raw else ():
        if reader.form.head <= at < reader.size:
            inner = reader.directory(int(at))
            raw = raw or reader.number(inner, _PHOTOMETRIC, -1) in _RAW_PHOTOMETRIC
    if raw or reader.number(first, _PHOTOMETRIC, -1) in _RAW_PHOTOMETRIC:
        raise refusal("raw", reader.where)


def data_spans(reader: Reader, page: Directory) -> list[Span]:
    """Where the strips or tiles of a page lie, in their order.

    Raises:
        UnreadableFile: outside the file, as many places as lengths do not match, or none.
    """
    for places, lengths in _DATA:
        if page.find(places) is None:
            continue
        begin, length = reader.numbers(page, places), reader.numbers(page, lengths)
        if len(begin) != len(length) or not len(begin):
            raise broken("TIFF with more places of strips than lengths, or fewer", reader.where)
        ends = begin + length
        outside = (begin < reader.form.head) & (length > 0)
        if outside.any() or (length < 0).any() or int(ends.max()) > reader.size:
            raise broken("TIFF cut off: strips lie outside the file", reader.where)
        return [Span(int(b), int(n)) for b, n in zip(begin, length, strict=True) if n]
    raise broken("TIFF with a page without pixels", reader.where)


def _picture(reader: Reader, pages: list[Directory]) -> tuple[Span, ...]:
    spans = SpanList()
    total = 0
    for page in pages:
        for entry in page.entries:
            if entry.tag in _DECODING:
                spans.add(entry.at, entry.at + reader.form.entry.size)
                spans.add(entry.values.offset, entry.values.end)
        for span in data_spans(reader, page):
            total += span.length
            spans.add(span.offset, span.end)
    if total > reader.size:
        raise broken("TIFF whose strips claim more bytes than the file has", reader.where)
    return spans.close()


def _packet(reader: Reader, first: Directory) -> tuple[Span, bytes] | None:
    """Where the packet of the first page lies, and what it is."""
    entry = first.find(_XMP)
    if entry is None or entry.kind not in (1, 2, 7):
        return None
    bounded(entry.values.length, reader.where)
    data = reader.take(entry.values.offset, entry.values.length)
    return entry.values, data.rstrip(b"\0")


def _reader(data: bytes, where: Where) -> Reader:
    return Reader(lambda offset, length: data[offset : offset + length], len(data), where)


def _original(data: bytes, where: Where) -> bytes:
    """The file without our appendix; the whole file where there is none that is proven."""
    reader = _reader(data, where)
    place = reader.first - _MARK.size
    if not reader.form.head <= place <= len(data) - _MARK.size:
        return data
    magic, size, first = _MARK.unpack_from(data, place)
    if magic != _MAGIC or not reader.form.head <= size <= place or first >= size:
        return data
    span = reader.form.first_at
    base = data[: span.offset] + reader.form.offset.pack(first) + data[span.end : size]
    found = _packet(reader, reader.directory(reader.first))
    if found is None or b"".join(_appended(base, found[1], where)) != data:
        return data
    return base


def _appended(base: bytes, packet: bytes, where: Where) -> list[Buffer]:
    """A file without appendix, with our packet appended."""
    reader = _reader(base, where)
    form, first = reader.form, reader.directory(reader.first)
    width = form.entry.size + form.offset.size
    place = len(base) + (len(base) & 1)
    at = place + _MARK.size
    others = [entry for entry in first.entries if entry.tag != _XMP]
    after = at + form.count.size + width * (len(others) + 1) + form.offset.size
    length = max(len(packet), form.offset.size + 1)  # shorter values would lie in the entry
    if not form.big and after + length > 0xFFFFFFFF:
        raise WriteRefused(
            "the file would be larger than the 4 GB of TIFF",
            where=where,
            remedy="Save it as BigTIFF",
        )
    rows = [(entry.tag, base[entry.at : entry.at + width]) for entry in others]
    # Tags ascend; where they do not, theirs stay in their order.
    before = next((n for n, (tag, _) in enumerate(rows) if tag > _XMP), len(rows))
    rows.insert(before, (_XMP, form.entry.pack(_XMP, 1, length) + form.offset.pack(after)))
    table = form.count.pack(len(rows)) + b"".join(row for _, row in rows)
    table += form.offset.pack(first.following)
    mark = _MARK.pack(_MAGIC, len(base), reader.first)
    span, view = form.first_at, memoryview(base)
    return [
        view[: span.offset],
        form.offset.pack(at),
        view[span.end :],
        b"\0" * (len(base) & 1) + mark + table + packet.ljust(length, b"\0"),
    ]


def _channels(reader: Reader, page: Directory) -> str | None:
    samples = reader.number(page, _SAMPLES, 1)
    extra = reader.numbers(page, _EXTRA)
    plain = _CHANNELS.get((reader.number(page, _PHOTOMETRIC, -1), samples - len(extra)))
    if plain is None or len(extra) == 0:
        return plain
    return _WITH_ALPHA.get(plain) if extra.tolist() == [2] else None


def _bit_depth(reader: Reader, page: Directory) -> int | None:
    depths = np.unique(reader.numbers(page, _BITS)).tolist() or [1]
    return int(depths[0]) if len(depths) == 1 else None


def parse(data: bytes, where: Where = None) -> Layout:
    """The layout of a TIFF file.

    Raises:
        UnreadableFile: cut off, offsets outside the file or in a circle, pages without pixels.
        SealedFormat: a camera raw.
        TooLarge: an XMP packet beyond 4 MB, an ICC profile beyond 16 MB, too many pages or tags.
    """
    reader = _reader(data, where)
    _refuse_raw(reader, reader.directory(reader.first))
    pages = reader.pages()
    first = pages[0]
    width, height = reader.number(first, _WIDTH, 0), reader.number(first, _HEIGHT, 0)
    if width < 1 or height < 1:
        raise broken(f"TIFF with impossible dimensions {width} x {height}", where)
    profile = first.find(_ICC)
    if profile is not None and profile.values.length > MAX_ICC:
        raise TooLarge("the ICC profile is larger than 16 MB", where=where)
    found = _packet(reader, first)
    size = len(_original(data, where))
    head = reader.form.first_at
    orientation = reader.number(first, _ORIENTATION, 0)
    return Layout(
        format="tiff",
        size=len(data),
        picture=_picture(reader, pages),
        kept=(Span(0, head.offset), Span(head.end, size - head.end)),
        packets=(found[0],) if found else (),
        packet=found[1] if found else None,
        width=width,
        height=height,
        bit_depth=_bit_depth(reader, first),
        channels=_channels(reader, first),
        frames=len(pages),
        lossy=any(reader.number(page, _COMPRESSION, 1) in _LOSSY for page in pages),
        has_c2pa=first.find(_C2PA) is not None,
        exif_orientation=orientation if 1 <= orientation <= 8 else None,
        icc=reader.raw(first, _ICC),
    )


def find_packet(file: BinaryIO, where: Where = None) -> Packet:
    """The XMP packet of a TIFF file, reading its header, first directory and tag 700.

    Raises:
        UnreadableFile, SealedFormat, TooLarge: as `parse`, for these.
    """
    window = Window(file)
    reader = Reader(window.take, window.size, where)
    first = reader.directory(reader.first)
    _refuse_raw(reader, first)
    found = _packet(reader, first)
    return Packet("tiff", found[1] if found else None)


def embed(data: bytes, packet: bytes, where: Where = None) -> list[Buffer]:
    """The TIFF file with `packet` as its XMP, all else as it was.

    Raises:
        UnreadableFile, SealedFormat, TooLarge: as `parse`.
        WriteRefused: a classic TIFF would pass 4 GB.
    """
    bounded(len(packet), where)
    reader = _reader(data, where)
    _refuse_raw(reader, reader.directory(reader.first))
    return _appended(_original(data, where), packet, where)


CONTAINER = Container(
    name="tiff",
    kind="image",
    media_type="image/tiff",
    suffixes=(".tif", ".tiff"),
    parse=parse,
    find_packet=find_packet,
    embed=embed,
    difference=kept_difference,
)
