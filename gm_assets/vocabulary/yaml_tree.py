"""YAML 1.1 as texts, lists and maps that know where they stand, within bounds.

Read from the parser's events (PyYAML, or libyaml where PyYAML has it), so that nothing is
ever built which a bound forbids: anchors, aliases and tags are refused, sizes, depth and
counts are limited, a key may stand only once in its map, and a plain word that YAML takes for
a number, a date or a truth value is an error instead of a surprise, unless the reader of the
file expects one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from gm_assets.vocabulary.problems import Problems

if TYPE_CHECKING:
    import yaml

#: A facet of 5,000 terms with four prompts each stays below.
MAX_BYTES = 2_000_000
MAX_NODES = 100_000
MAX_DEPTH = 8

#: What YAML's implicit tags mean to a person.
_KINDS = {
    "bool": "a truth value",
    "int": "a number",
    "float": "a number",
    "timestamp": "a date",
    "null": "nothing",
    "merge": "a merge key",
    "value": "a default key",
}


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar."""

    line: int
    column: int
    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A sequence."""

    line: int
    column: int
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Entries:
    """A mapping from texts, each of which stands once."""

    line: int
    column: int
    entries: dict[str, tuple[Text, Node]]

    def get(self, key: str) -> Node | None:
        """The value of a key, or None where the key is not there."""
        found = self.entries.get(key)
        return None if found is None else found[1]


Node: TypeAlias = Text | Items | Entries


@dataclass(frozen=True, slots=True)
class _Place:
    line: int
    column: int


class _Stop(Exception):
    """The rest of the file is not worth reading."""


def read_tree(data: bytes, problems: Problems, plain: Collection[str] = ()) -> Node | None:
    """The one document in `data`; None where it is empty or too broken to go on.

    What is wrong goes into `problems`.

    Args:
        plain: YAML's names of the kinds that may stand without quotes besides texts (`int`,
            `float`, `bool`); they come as the texts that were written.
    """
    import yaml

    if len(data) > MAX_BYTES:
        problems.add(None, f"the file is larger than {MAX_BYTES:,} bytes", "Split it")
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        problems.add(_Place(line, 1), "the file is not UTF-8", "Save it as UTF-8")
        return None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Builder(yaml.parse(text, Loader=loader), problems, plain).document()
    except _Stop:
        return None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = None if mark is None else _Place(mark.line + 1, mark.column + 1)
        problems.add(at, f"not valid YAML: {error.problem or error.context}", "Correct that line")
    except (yaml.YAMLError, ValueError) as error:
        problems.add(None, f"not valid YAML: {str(error).splitlines()[0]}", "Correct the file")
    return None


class _Builder:
    """Builds the tree from events without recursion deeper than `MAX_DEPTH`."""

    def __init__(
        self, events: Iterator[yaml.Event], problems: Problems, plain: Collection[str]
    ) -> None:
        import yaml

        self.yaml = yaml
        self.resolver = yaml.SafeLoader("")
        self.events = events
        self.problems = problems
        self.plain = {"str", *plain}
        self.nodes = 0

    def document(self) -> Node | None:
        root: Node | None = None
        documents = 0
        for event in self.events:
            if isinstance(event, self.yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self.stop(event, "a second document begins here", "Keep one a file")
                root = self.node(next(self.events), 1)
        return root

    def node(self, event: Any, depth: int) -> Node:
        """The node that begins with `event`; what is left empty is an empty text."""
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self.stop(event, f"more than {MAX_NODES:,} values in one file", "Split it")
        if depth > MAX_DEPTH:
            self.stop(event, f"lists and maps nested deeper than {MAX_DEPTH}", "Make it flat")
        if isinstance(event, self.yaml.AliasEvent) or event.anchor is not None:
            self.stop(event, "anchors and aliases are not part of this format", "Write it out")
        if isinstance(event, self.yaml.ScalarEvent):
            return self.scalar(event)
        if event.tag is not None:
            self.stop(event, f"the tag {event.tag} is not part of this format", "Remove it")
        if isinstance(event, self.yaml.SequenceStartEvent):
            return self.items(event, depth)
        return self.entries(event, depth)

    def scalar(self, event: Any) -> Text:
        place = _place(event)
        if event.tag is not None:
            self.stop(event, f"the tag {event.tag} is not part of this format", "Remove it")
        tag = self.resolver.resolve(self.yaml.ScalarNode, event.value, event.implicit)
        kind = tag.rpartition(":")[2]
        if kind not in self.plain and event.value:
            self.problems.add(
                place,
                f"YAML takes {event.value} for {_KINDS.get(kind, kind)}, a text is needed",
                f'Put it in quotes: "{event.value}"',
            )
        return Text(place.line, place.column, event.value)

    def items(self, start: Any, depth: int) -> Items:
        place = _place(start)
        found: list[Node] = []
        for event in self.events:
            if isinstance(event, self.yaml.SequenceEndEvent):
                break
            found.append(self.node(event, depth + 1))
        return Items(place.line, place.column, tuple(found))

    def entries(self, start: Any, depth: int) -> Entries:
        place = _place(start)
        found: dict[str, tuple[Text, Node]] = {}
        for event in self.events:
            if isinstance(event, self.yaml.MappingEndEvent):
                break
            key = self.node(event, depth + 1)
            value = self.node(next(self.events), depth + 1)
            if not isinstance(key, Text):
                self.problems.add(_place(event), "a key must be one word", "Correct that line")
            elif key.text in found:
                first = found[key.text][0].line
                self.problems.add(
                    key, f"the key `{key.text}` stands twice (first in line {first})", "Keep one"
                )
            else:
                found[key.text] = (key, value)
        return Entries(place.line, place.column, found)

    def stop(self, event: Any, what: str, remedy: str) -> None:
        self.problems.add(_place(event), what, remedy)
        raise _Stop


def _place(event: Any) -> _Place:
    return _Place(event.start_mark.line + 1, event.start_mark.column + 1)
