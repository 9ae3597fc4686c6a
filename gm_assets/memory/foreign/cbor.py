"""CBOR (RFC 8949), as far as C2PA uses it: one item of bounded size and depth, read only.

Integers, byte and text strings (indefinite ones too), arrays, maps, floats, booleans and null.
Tags are read as what they stand before; undefined and simple values as None.
"""

from __future__ import annotations

import struct
from typing import Any

from gm_assets.errors import InvalidMemory

#: Items in one document, at all levels together, and levels.
MAX_ITEMS = 20_000
MAX_NESTING = 32
_FLOATS = {25: ">e", 26: ">f", 27: ">d"}
_INDEFINITE = 31
_BREAK = object()


def loads(data: bytes) -> Any:
    """The first item of `data`. Map keys become text.

    Raises:
        InvalidMemory: truncated, malformed, too deep or too many items.
    """
    return _Reader(data).item(0)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._items = 0

    def take(self, length: int) -> bytes:
        end = self._at + length
        if end > len(self._data):
            raise InvalidMemory(f"CBOR ends inside an item of {length} bytes at byte {self._at}")
        taken, self._at = self._data[self._at : end], end
        return taken

    def item(self, depth: int) -> Any:
        """The next item; `_BREAK` for the end of an indefinite one."""
        self._items += 1
        if self._items > MAX_ITEMS or depth > MAX_NESTING:
            raise InvalidMemory(f"CBOR beyond {MAX_ITEMS} items or {MAX_NESTING} levels")
        (head,) = self.take(1)
        major, low = head >> 5, head & 31
        if major == 7:
            return self._simple(low)
        argument = self._argument(low) if low != _INDEFINITE else None
        if major in (0, 1, 6) and argument is None:
            raise InvalidMemory("CBOR with an integer or tag of indefinite length")
        if major == 6:
            return self._inner(depth)
        if argument is not None and major < 2:
            return argument if major == 0 else -1 - argument
        if major in (2, 3):
            data = self._string(argument, major)
            return data if major == 2 else data.decode("utf-8", "replace")
        return self._array(argument, depth) if major == 4 else self._map(argument, depth)

    def _argument(self, low: int) -> int:
        if low < 24:
            return low
        if low > 27:
            raise InvalidMemory("CBOR with a reserved length")
        return int.from_bytes(self.take(1 << (low - 24)), "big")

    def _simple(self, low: int) -> Any:
        if low == _INDEFINITE:
            return _BREAK
        if low in _FLOATS:
            return struct.unpack(_FLOATS[low], self.take(1 << (low - 24)))[0]
        if low == 24:
            self.take(1)
        return {20: False, 21: True}.get(low)

    def _inner(self, depth: int) -> Any:
        value = self.item(depth + 1)
        if value is _BREAK:
            raise InvalidMemory("CBOR with a break where a value belongs")
        return value

    def _string(self, length: int | None, major: int) -> bytes:
        if length is not None:
            return self.take(length)
        parts = []
        while (head := self.take(1)[0]) != 0xFF:
            low = head & 31
            if head >> 5 != major or low == _INDEFINITE:
                raise InvalidMemory("CBOR with a string of mixed parts")
            parts.append(self.take(self._argument(low)))
        return b"".join(parts)

    def _array(self, length: int | None, depth: int) -> list[Any]:
        values: list[Any] = []
        while length is None or len(values) < length:
            value = self.item(depth + 1)
            if value is _BREAK:
                if length is None:
                    break
                raise InvalidMemory("CBOR with an array that ends early")
            values.append(value)
        return values

    def _map(self, length: int | None, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        read = 0
        while length is None or read < length:
            key = self.item(depth + 1)
            if key is _BREAK:
                if length is None:
                    break
                raise InvalidMemory("CBOR with a map that ends early")
            values.setdefault(key if isinstance(key, str) else str(key), self._inner(depth))
            read += 1
        return values
