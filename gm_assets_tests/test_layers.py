"""The layers of docs/architecture.md, held by the import statements themselves."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import gm_assets

PACKAGE = Path(gm_assets.__file__).parent

#: From the top down, as docs/architecture.md draws them.
ROWS = (
    {"definitions"},
    {"cli", "walk", "defs"},
    {"training"},
    {"world"},
    {"making"},
    {"authoring"},
    {"finding"},
    {"library"},
    {"labelling"},
    {"stores", "lineage", "vocabulary"},
    {"diffusion", "lifting"},
    {"encoding", "sculpt"},
    {"memory", "identity"},
    {"containers"},
    {"errors", "settings", "words"},
)
HEIGHT = {name: -number for number, row in enumerate(ROWS) for name in row}
MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return "/".join(path.relative_to(PACKAGE).parts)


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """`(line, dotted name)` of every import of a module, those inside functions included."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "gm_assets":
            yield from ((node.lineno, f"gm_assets.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or ""


def part_of(path: Path) -> str:
    """The package or module directly below `gm_assets` that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_every_package_has_its_row() -> None:
    assert {part_of(path) for path in MODULES} - {"__init__", "__main__"} == set(HEIGHT)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_imports_upwards(path: Path) -> None:
    own = part_of(path)
    if own in ("__init__", "__main__"):
        return
    upwards = [
        f"line {line}: {name}"
        for line, name in imported(path)
        if (part := name.removeprefix("gm_assets.").split(".")[0]) in HEIGHT
        and name.startswith("gm_assets.")
        and HEIGHT[part] > HEIGHT[own]
    ]
    assert not upwards


@pytest.mark.parametrize(
    "path", [path for path in MODULES if part_of(path) not in ("defs", "definitions")], ids=name_of
)
def test_only_the_definitions_know_dagster(path: Path) -> None:
    assert not [name for _, name in imported(path) if name.split(".")[0] == "dagster"]
