"""Adding a term to a facet's file, whose comments and layout stay as they are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from gm_assets.errors import WriteRefused
from gm_assets.memory.atomic import Signature
from gm_assets.memory.files import replace_file
from gm_assets.vocabulary.loading import load, parse
from gm_assets.vocabulary.terms import Facet, Term

#: Texts that mean themselves in YAML without quotes.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9 ,.'()/-]*\Z")


def add(folder: Path, facet_id: str, term: Term) -> Facet:
    """Append a term to `<folder>/<facet>.yaml`.

    The new file is checked before anything is written, and replaces the old one at once.

    Returns:
        The facet with the term.

    Raises:
        NotFound: there is no such facet.
        InvalidVocabulary: the vocabulary is invalid, or would be with this term.
        WriteRefused: the terms are written on one line (`[…]`), or the file cannot be written.
        MemoryConflict: the file changed meanwhile.
    """
    load(folder).facet(facet_id)
    path = folder / f"{facet_id}.yaml"
    signature = Signature.of(path.stat())
    text = path.read_bytes().decode("utf-8-sig")
    data = _with(text, term, path).encode()
    facet = parse({path: data}).facet(facet_id)
    replace_file(path, data, expected=signature)
    return facet


def _with(text: str, term: Term, path: Path) -> str:
    """The text of a facet's file with one term more after its last."""
    import yaml

    root: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    terms = next(value for key, value in root.value if key.value == "terms")
    if terms.flow_style:
        raise WriteRefused(
            "the terms of this file are written on one line",
            where=path,
            remedy="Write each on lines of its own that begin with `- id: …`, or add it by hand",
        )
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    after = _last_line(terms.value[-1])
    if not lines[after - 1].endswith(("\r", "\n")):
        lines[after - 1] += end
    lines[after:after] = [line + end for line in _lines(term, terms.start_mark.column)]
    return "".join(lines)


def _last_line(node: Any) -> int:
    """The last line, counted from 1, on which a node has text; comments after it are not its."""
    if isinstance(node.value, list) and not node.flow_style:
        children = [child for entry in node.value for child in _pair(entry)]
        return max(map(_last_line, children))
    # a folded text ends where its next line would begin
    return int(node.end_mark.line + (node.end_mark.column > 0))


def _pair(entry: Any) -> tuple[Any, ...]:
    return entry if isinstance(entry, tuple) else (entry,)


def _lines(term: Term, column: int) -> list[str]:
    inner = " " * (column + 2)
    lines = [f"{' ' * column}- id: {_spelt(term.id)}", f"{inner}name: {_spelt(term.name)}"]
    for key in ("prompts", "synonyms", "parents"):
        if texts := getattr(term, key):
            lines += [f"{inner}{key}:", *(f"{inner}  - {_spelt(text)}" for text in texts)]
    return lines


def _spelt(text: str) -> str:
    """A text as YAML: as it is where that is sure to be read back, else in quotes."""
    import yaml

    if _PLAIN.match(text) and yaml.safe_load(text) == text and not text.endswith(" "):
        return text
    return json.dumps(text, ensure_ascii=False)
