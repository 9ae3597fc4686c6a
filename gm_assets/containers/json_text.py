"""Edits of a JSON text that leave every other character as it was (RFC 8259).

Parsing and dumping a glTF document would rewrite its numbers and spacing, which are not ours.
Instead the place of one member is found and its text replaced, or a member is inserted.
"""

from __future__ import annotations

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from gm_assets.errors import TooLarge, UnreadableFile

_SPACE = re.compile(r"[ \t\n\r]*")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def loads(text: str, where: str | None = None) -> Any:
    """Parse strict JSON.

    Raises:
        UnreadableFile: not JSON (NaN and Infinity included).
        TooLarge: nested deeper than the interpreter's recursion limit (about 900 levels).
    """
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise TooLarge("JSON is nested too deep (bound: about 900 levels)", where=where) from None
    except ValueError as error:
        raise UnreadableFile(f"malformed JSON: {error}", where=where) from None


def object_or_bytes(data: bytes) -> dict[str, Any] | bytes:
    """A packet as the JSON object that it is; as it came where it is damaged.

    A damaged memory does not make its file unreadable: whoever loads the memory says so.
    """
    try:
        value = _DECODER.decode(data.decode("utf-8"))
    except (RecursionError, ValueError):
        return data
    return value if isinstance(value, dict) else data


def dumps(value: Any) -> bytes:
    """Compact UTF-8 JSON.

    A lone surrogate ("\\ud800") is JSON but not Unicode; escaped it survives the round trip.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _members(text: str, begin: int) -> tuple[dict[str, tuple[int, int]], int]:
    """Spans of the values of the object at `begin`, and the offset of its closing brace.

    Of members with the same name the last counts, as in `json.loads`.
    """
    spans: dict[str, tuple[int, int]] = {}
    position = _skip(text, begin + 1)
    while text[position] != "}":
        if text[position] == ",":
            position = _skip(text, position + 1)
        name, position = scanstring(text, position + 1, True)
        position = _skip(text, _skip(text, position) + 1)  # the colon
        _, end = _DECODER.raw_decode(text, position)
        spans[name] = (position, end)
        position = _skip(text, end)
    return spans, position


def set_member(text: str, path: tuple[str, ...], value: Any) -> str:
    """`text` with the member at `path` set to `value`; objects on the way are made as needed.

    `text` is sound JSON with an object at its top, and what lies on `path` before its last
    name is an object or absent. New members come last in their object.
    """
    begin = _skip(text, 0)
    for depth, name in enumerate(path):
        spans, close = _members(text, begin)
        if name in spans:
            begin, end = spans[name]
            continue
        for missing in reversed(path[depth + 1 :]):
            value = {missing: value}
        comma = "," if spans else ""
        return f"{text[:close]}{comma}{_dump(name)}:{_dump(value)}{text[close:]}"
    return text[:begin] + _dump(value) + text[end:]


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
