"""PLY: Stanford polygon file (Turk 1994), with the memory in comment lines of the header.

The packet is JSON-LD as in a GLB, in ASCII, cut into numbered lines `comment gm <n>/<total>
<text>` behind the `format` line. Readers of PLY bound the length of a line (rply: 1,024 bytes)
and some join words by single spaces, so a line has at most 900 bytes of text, no two spaces
follow each other and none lies at a cut. `end_header` never occurs in the text, since simple
readers search for it.

All other bytes stay as they are, and `asset_hash` covers exactly them. A header that states
more data than there are is refused.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

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
    broken,
    kept_difference,
    require_equal,
    splice,
)
from gm_assets.containers.ply_data import MAX_HEADER, Ascii, Element, Header, Line, read_header
from gm_assets.errors import TooLarge, UnreadableFile

_TEXT_BYTES = 900
_OURS = re.compile(r"comment gm ([0-9]{1,6})/([0-9]{1,6}) (.*)", re.DOTALL)
#: Stands for a missing line: no JSON holds it, so that the rest cannot pass for the whole.
_GAP = "\0"
_RUN_OF_SPACES = re.compile(r" (?= )")


@dataclass(frozen=True, slots=True)
class _Found:
    """The memories of a header: the text of each, and all lines that hold one."""

    texts: tuple[str, ...]
    lines: tuple[Line, ...]
    complete: bool

    @property
    def payload(self) -> dict[str, Any] | bytes | None:
        """The first memory, parsed; as bytes where it is damaged."""
        return json_text.object_or_bytes(self.texts[0].encode("latin-1")) if self.texts else None

    @property
    def notes(self) -> tuple[str, ...]:
        notes = []
        if len(self.texts) > 1:
            notes.append(f"{len(self.texts)} memories in comments; the first is read")
        if not self.complete:
            notes.append("comment lines of the memory are missing")
        return tuple(notes)


def _find(lines: Iterable[Line], where: Where) -> _Found:
    texts: list[list[str]] = []
    ours: list[Line] = []
    complete, expected, total = True, 1, 0

    def gap() -> None:
        nonlocal complete
        complete = False
        texts[-1].append(_GAP)

    for line in lines:
        match = _OURS.fullmatch(line.text)
        if match is None:
            continue
        number, of = int(match[1]), int(match[2])
        ours.append(line)
        if number == 1 or not texts:
            if expected <= total:
                gap()
            texts.append([])
            expected = 1
        if number != expected:
            gap()
        expected, total = number + 1, of
        texts[-1].append(match[3].rstrip("\r"))
    if expected <= total:
        gap()
    joined = tuple("".join(parts) for parts in texts)
    for text in joined:
        bounded(len(text), where)
    return _Found(joined, tuple(ours), complete)


def _check_data(data: bytes, header: Header, where: Where) -> None:
    """Refuse a file whose data are shorter than its header states."""
    short = (
        _ascii_is_short(data, header)
        if header.order is None
        else _binary_is_short(data, header.order, header)
    )
    if short:
        stated = ", ".join(f"{one.count:,} {one.name!r}" for one in header.elements[:8])
        raise broken(f"PLY: its header states {stated}, which is more than its data", where)


def _ascii_is_short(data: bytes, header: Header) -> bool:
    """Whether there are fewer rows than stated; read number by number if lines do not show it."""
    rows = sum(one.count for one in header.elements)
    lines = data.count(b"\n", header.start) or data.count(b"\r", header.start)
    if rows <= lines + (not data.endswith((b"\n", b"\r"))):
        return False
    if rows > len(data):
        return True
    body = Ascii(data, header.start, None)
    try:
        for element in header.elements:
            body.skip(element)
    except UnreadableFile:
        return True
    return False


def _binary_is_short(data: bytes, order: str, header: Header) -> bool:
    place, size = header.start, len(data)
    for element in header.elements:
        if element.first_list() is None:
            width = sum(np.dtype(one.kind).itemsize for one in element.properties)
            place += width * element.count
        else:
            place = _after_lists(data, place, order, element)
        if not 0 <= place <= size:
            return True
    return False


def _after_lists(data: bytes, place: int, order: str, element: Element) -> int:
    """Where an element with lists ends; -1 where it runs past the data."""
    lists = [number for number, one in enumerate(element.properties) if one.counts is not None]
    widths = [np.dtype(one.kind).itemsize for one in element.properties]
    if len(lists) == 1:
        return _after_one_list(data, place, order, element, lists[0])
    signed = [str(one.counts).startswith("i") for one in element.properties]
    counts = [0 if one.counts is None else int(one.counts[1:]) for one in element.properties]
    endian = "little" if order == "<" else "big"
    for _ in range(element.count):
        for width, wide, sign in zip(widths, counts, signed, strict=True):
            length = 1
            if wide:
                raw = data[place : place + wide]
                length = int.from_bytes(raw, endian, signed=sign)  # type: ignore[arg-type]
                place += wide
            place += width * length
            if length < 0 or place > len(data):
                return -1
    return place


def _after_one_list(data: bytes, place: int, order: str, element: Element, at: int) -> int:
    """As `_after_lists` for a single list; at once where all lists have one length."""
    widths = [np.dtype(one.kind).itemsize for one in element.properties]
    before, after, width = sum(widths[:at]), sum(widths[at + 1 :]), widths[at]
    counts = np.dtype(order + str(element.properties[at].counts))
    if element.count == 0:
        return place
    if not 0 <= element.count <= len(data) or place + before + counts.itemsize > len(data):
        return -1
    first = int(np.frombuffer(data, counts, 1, place + before)[0])
    row = before + counts.itemsize + width * max(first, 0) + after
    if first >= 0 and place + row * element.count <= len(data):
        lengths = np.ndarray((element.count,), counts, data, place + before, strides=(row,))
        if (lengths == first).all():
            return place + row * element.count
    read = struct.Struct(order + counts.char).unpack_from
    fixed, last = before + counts.itemsize + after, len(data) - before - counts.itemsize
    for _ in range(element.count):
        if place > last:
            return -1
        (length,) = read(data, place + before)
        if length < 0:
            return -1
        place += fixed + width * length
    return place if place <= len(data) else -1


def parse(data: bytes, where: Where = None) -> Layout:
    """The layout of a PLY file.

    Raises:
        UnreadableFile: a malformed header, or data shorter than it states.
        TooLarge: a header beyond `ply_data.MAX_HEADER`, or a memory beyond 4 MB of ASCII.
    """
    header = read_header(data, where)
    found = _find(header.lines, where)
    _check_data(data, header, where)
    kept = SpanList()
    position = 0
    for line in found.lines:
        kept.add(position, line.begin)
        position = line.end
    kept.add(position, len(data))
    spans = kept.close()
    payload = found.payload
    first, last = (found.lines[0], found.lines[-1]) if found.lines else (None, None)
    return Layout(
        format="ply",
        size=len(data),
        picture=spans,
        kept=spans,
        packets=(Span(first.begin, last.end - first.begin),) if first and last else (),
        packet=json_text.dumps(payload) if isinstance(payload, dict) else payload,
        notes=found.notes,
    )


def find_packet(file: BinaryIO, where: Where = None) -> Packet:
    """The memory of a PLY file, reading its header only. Raises as `parse`, for the header."""
    window = Window(file)
    length = Window.HEAD
    while True:
        head = window.take(0, length)
        try:
            found = _find(read_header(head, where).lines, where)
        except UnreadableFile:
            if length >= min(window.size, MAX_HEADER):
                raise
            length *= 4
        else:
            return Packet("ply", found.payload, found.notes)


def _as_lines(packet: bytes, newline: bytes, where: Where) -> bytes:
    """The comment lines that hold a packet."""
    text = json.dumps(json.loads(packet), ensure_ascii=True, separators=(",", ":"))
    text = _RUN_OF_SPACES.sub(r"\\u0020", text).replace("end_header", "end\\u005fheader")
    if len(text) > MAX_PACKET:
        raise TooLarge(
            f"the memory is larger than the {MAX_PACKET // 1024 // 1024} MB of ASCII that a PLY"
            " header takes",
            where=where,
            remedy="Keep it in a GLB",
        )
    parts = []
    begin = 0
    while begin < len(text):
        end = min(begin + _TEXT_BYTES, len(text))
        while end < len(text) and " " in (text[end - 1], text[end]):
            end -= 1
        parts.append(text[begin:end])
        begin = end
    total = len(parts)
    lines = (f"comment gm {n}/{total} {part}" for n, part in enumerate(parts, 1))
    return b"".join(line.encode("ascii") + newline for line in lines)


def embed(data: bytes, packet: bytes, where: Where = None) -> list[Buffer]:
    """The PLY file with `packet` (UTF-8 JSON of one object) as its memory, all else as it was.

    Raises:
        UnreadableFile, TooLarge: as `parse`.
        WriteRefused: the file holds two different memories.
    """
    header = read_header(data, where)
    found = _find(header.lines, where)
    require_equal([text.encode("latin-1") for text in found.texts], where)
    format_line = next(line for line in header.lines if line.text.split()[:1] == ["format"])
    place = found.lines[0].begin if found.lines else format_line.end
    edits = [(place, place, _as_lines(packet, header.newline, where))]
    edits += [(line.begin, line.end, b"") for line in found.lines]
    return splice(data, edits)


CONTAINER = Container(
    name="ply",
    kind="model",
    media_type="application/octet-stream",
    suffixes=(".ply",),
    parse=parse,
    find_packet=find_packet,
    embed=embed,
    difference=kept_difference,
)
