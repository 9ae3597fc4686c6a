"""Words for people: numbers with their nouns, and texts of others made visible."""

from __future__ import annotations

import re

#: Control characters, bidirectional marks and overrides, separators of lines, and halves of
#: surrogate pairs (file names that are not UTF-8).
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """`number` with its noun; `plural` where it is not the noun with an s."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def escaped(text: str) -> str:
    """`text` with everything that drives a terminal or turns its order shown as an escape.

    Tabs and line breaks stay.
    """
    return _UNSAFE.sub(lambda match: repr(match[0])[1:-1], text)
