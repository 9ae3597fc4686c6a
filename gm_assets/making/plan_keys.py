"""Reading the keys of a plan: values with their bounds, every problem with its place.

Plans are written by people, and by strangers: texts, numbers and lists are bounded before they
mean anything.
"""

from __future__ import annotations

import re

from gm_assets.memory.record import SLUG
from gm_assets.vocabulary.problems import Problems, near_word
from gm_assets.vocabulary.yaml_tree import Entries, Items, Node, Text
from gm_assets.words import escaped

#: Characters of a prompt.
MAX_TEXT = 2_000
#: Entries of `frames`, views of an entry, seeds of an entry.
MAX_LIST = 256

_NUMBER = re.compile(r"-?[0-9]{1,6}(?:\.[0-9]{1,6})?\Z")


class Keys:
    """Reads values of keys; what is wrong goes into `problems`, and a value stands in for it."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems

    def word(self, node: Entries, key: str, known: tuple[str, ...]) -> str | None:
        text = self.line(node, key)
        if text is not None and text not in known:
            self.problems.add(
                node.get(key),
                f"`{key}` cannot be {escaped(text)}",
                f"{near_word(text, known)}Write one of {', '.join(known)}",
            )
        return text

    def slug(self, node: Entries, key: str) -> str:
        text = self.line(node, key)
        if text is None or not SLUG.match(text) or len(text) > 48:
            self.problems.add(
                node.get(key) or node,
                f"a `{key}` is needed: lower-case letters, digits and single hyphens, 48 at most",
                f"Write e.g. `{key}: first-snow`",
            )
            return ""
        return text

    def line(self, node: Entries, key: str) -> str | None:
        """The text of a key on one line, blanks joined; None where the key is not there."""
        value = node.get(key)
        if value is None:
            return None
        if not isinstance(value, Text) or len(value.text) > MAX_TEXT:
            what = f"`{key}` must be one text of at most {MAX_TEXT:,} characters"
            self.problems.add(value, what, "Shorten it, and write no list")
            return ""
        text = " ".join(value.text.split())
        if text != escaped(text):
            self.problems.add(value, f"`{key}` holds control characters", "Remove them")
        return text

    def number(self, node: Node | None, key: str, least: float, most: float) -> float | None:
        if node is None:
            return None
        text = node.text if isinstance(node, Text) else ""
        value = float(text) if _NUMBER.match(text) else None
        if value is None or not least <= value <= most:
            self.problems.add(
                node, f"`{key}` must be a number from {least} to {most}", "Correct that number"
            )
            return None
        return value

    def integer(self, node: Node | None, key: str, least: int, most: int) -> int | None:
        text = node.text if isinstance(node, Text) else ""
        if not re.fullmatch(r"[0-9]{1,16}", text) or not least <= int(text) <= most:
            self.problems.add(
                node, f"{key} must be a whole number from {least} to {most}", "Correct that number"
            )
            return None
        return int(text)

    def bounded(self, node: Items, key: str) -> tuple[Node, ...]:
        if len(node.items) > MAX_LIST:
            self.problems.add(node, f"more than {MAX_LIST} {key}", "Use several plans")
        return node.items[:MAX_LIST]

    def only_keys(self, node: Entries, known: set[str]) -> None:
        for key, (at, _) in node.entries.items():
            if key not in known:
                self.problems.add(
                    at,
                    f"unknown key `{escaped(key)}`",
                    f"{near_word(key, known)}Known keys: {', '.join(sorted(known))}",
                )

    def truth(self, node: Entries, key: str) -> bool:
        value = node.get(key)
        if isinstance(value, Text) and value.text in ("true", "false"):
            return value.text == "true"
        self.problems.add(value, f"`{key}` is a truth value", "Write true or false")
        return True
