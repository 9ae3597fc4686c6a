"""The regular expressions of the readers mean the same in every Python that we run on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from re import _constants, _parser  # type: ignore[attr-defined]  # the tree of a pattern
from typing import Any

import pytest

from gm_assets.containers import threemf, usda

PATTERNS = {
    f"{module.__name__}.{name}": value
    for module in (threemf, usda)
    for name, value in vars(module).items()
    if isinstance(value, re.Pattern)
}
#: What may stand alone in a possessive group: one character, or a choice.
SAFE = {_constants.IN, _constants.LITERAL, _constants.NOT_LITERAL, _constants.BRANCH}
LOOKAROUND = {_constants.ASSERT, _constants.ASSERT_NOT}


def nodes(tree: Any) -> Iterator[tuple[Any, Any]]:
    """All operations of a parsed pattern with their arguments, outer ones first."""
    if isinstance(tree, _parser.SubPattern):
        for operation, arguments in tree:
            yield operation, arguments
            yield from nodes(arguments)
    elif isinstance(tree, list | tuple):
        for part in tree:
            yield from nodes(part)


def misread(pattern: bytes, flags: int = 0) -> bool:
    """Whether Python before 3.11.5 may match `pattern` wrongly (cpython issue 106052)."""
    for operation, arguments in nodes(_parser.parse(pattern, flags)):
        if operation is _constants.POSSESSIVE_REPEAT:
            body = arguments[2]
            inside = {kind for kind, _ in nodes(body)}
            if len(body) != 1 or body[0][0] not in SAFE or inside & LOOKAROUND:
                return True
    return False


@pytest.mark.parametrize("name", PATTERNS)
def test_no_pattern_is_one_that_older_pythons_misread(name: str) -> None:
    assert not misread(PATTERNS[name].pattern, PATTERNS[name].flags)


@pytest.mark.parametrize("pattern", [rb'"(?:[^"]++|"(?!"))*+"', rb"(?: +a)*+", rb"<(?:-[^-])*+>"])
def test_the_forms_that_they_misread_are_seen(pattern: bytes) -> None:
    assert misread(pattern)
