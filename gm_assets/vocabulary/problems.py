"""What is wrong with a vocabulary, gathered so that a person sees all of it at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gm_assets.errors import InvalidVocabulary, Problem


class Marked(Protocol):
    """Something that stands in a file."""

    @property
    def line(self) -> int:
        """Counted from 1."""

    @property
    def column(self) -> int:
        """Counted from 1."""


@dataclass
class Problems:
    """The problems of one file."""

    path: Path
    _found: list[tuple[int, int, Problem]] = field(default_factory=list)

    def add(self, at: Marked | None, what: str, remedy: str) -> None:
        """Note a problem at a place of the file, or of the whole file."""
        line, column = (0, 0) if at is None else (at.line, at.column)
        where = f"{self.path}:{line}:{column}" if line else str(self.path)
        self._found.append((line, column, Problem(where, what, remedy)))

    @property
    def found(self) -> tuple[Problem, ...]:
        """All of them, from the top of the file down."""
        return tuple(entry[2] for entry in sorted(self._found, key=lambda entry: entry[:2]))


def refuse(problems: Iterable[Problem]) -> None:
    """Raise InvalidVocabulary where there is a problem."""
    found = tuple(problems)
    if found:
        raise InvalidVocabulary.of(found)


def near_word(word: str, known: Iterable[str]) -> str:
    """`Did you mean …? ` where one of the known words is close, else nothing."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"Did you mean `{near[0]}`? " if near else ""
