"""JUMBF boxes (ISO/IEC 19566-5): a tree of labelled boxes, read only.

A box is a length (32 bits, or 64 behind the length 1), a four-letter type and its content. A
superbox (`jumb`) begins with a description box (`jumd`: a UUID of 16 bytes, toggles, a label)
and holds further boxes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from gm_assets.errors import InvalidMemory

MAX_NESTING = 12
MAX_BOXES = 4_096
_HAS_LABEL = 0x02


@dataclass(frozen=True, slots=True)
class Box:
    """One box. `label` and `boxes` are those of a superbox; `content` of any other."""

    kind: str
    label: str = ""
    content: bytes = b""
    boxes: tuple[Box, ...] = ()

    def named(self, prefix: str) -> Iterator[Box]:
        """The superboxes directly inside whose label is `prefix`, or begins with it and a
        further part: `c2pa.actions` names `c2pa.actions.v2` and `c2pa.actions__1` too."""
        for box in self.boxes:
            rest = box.label.removeprefix(prefix)
            if box.label.startswith(prefix) and rest[:1] in ("", ".", "_"):
                yield box

    def first(self, *kinds: str) -> bytes | None:
        """The content of the first plain box of one of these types."""
        return next((box.content for box in self.boxes if box.kind in kinds), None)


def parse(data: bytes) -> tuple[Box, ...]:
    """The boxes at the top of `data`.

    Raises:
        InvalidMemory: a box that claims more than is there, too many boxes or too deep.
    """
    return _boxes(data, 0, len(data), 0, [0])


def _boxes(data: bytes, at: int, end: int, depth: int, count: list[int]) -> tuple[Box, ...]:
    found = []
    while at + 8 <= end:
        count[0] += 1
        if depth > MAX_NESTING or count[0] > MAX_BOXES:
            raise InvalidMemory(f"JUMBF beyond {MAX_BOXES} boxes or {MAX_NESTING} levels")
        length, kind = struct.unpack_from(">I4s", data, at)
        body = at + 8
        if length == 1 and at + 16 <= end:
            (length,) = struct.unpack_from(">Q", data, body)
            body += 8
        elif length == 0:  # the box goes on to the end
            length = end - at
        if length < body - at or at + length > end:
            raise InvalidMemory(f"JUMBF box at byte {at} claims {length} bytes")
        found.append(_box(data, kind, body, at + length, depth, count))
        at += length
    return tuple(found)


def _box(data: bytes, kind: bytes, at: int, end: int, depth: int, count: list[int]) -> Box:
    name = kind.decode("latin-1")
    if name != "jumb":
        return Box(name, content=data[at:end])
    inner = _boxes(data, at, end, depth + 1, count)
    label = ""
    if inner and inner[0].kind == "jumd":
        description = inner[0].content
        if len(description) > 17 and description[16] & _HAS_LABEL:
            label = description[17:].partition(b"\0")[0][:512].decode("utf-8", "replace")
        inner = inner[1:]
    return Box(name, label, boxes=inner)
