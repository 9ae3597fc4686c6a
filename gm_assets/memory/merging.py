"""How a memory and a foreign packet become one, independent of the serialisation.

Lists are merged by meaning: an old item that says what a value of the memory says *is* that
value's item, with whatever else stands in it. The parents of gm:parents are mirrored as
stRef:ResourceRef structures for readers that know only the standard; `Difference` names where
somebody changed that mirror.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from gm_assets.memory.properties import MAX_MIRRORED, Property, checked, clark
from gm_assets.memory.record import Memory, Parent

T = TypeVar("T")

DERIVED_FROM = clark("xmpMM:DerivedFrom")
INGREDIENTS = clark("xmpMM:Ingredients")
#: Fields of a mirrored reference, in writing order; a reference with a role is our mirror.
_DOCUMENT = clark("stRef:documentID")
_INSTANCE = clark("stRef:instanceID")
_ROLE = clark("gm:role")
_CONTENT = clark("gm:contentID")
MIRROR_FIELDS = (_DOCUMENT, _INSTANCE, _ROLE, _CONTENT)


def scalar_text(value: Any) -> str:
    """A scalar as XMP text: `True`, `42`, `0.5`, numbers of a vector with blanks between."""
    if isinstance(value, str):
        return value
    if isinstance(value, tuple | list):
        return " ".join(map(repr, value))
    return repr(value)


def meaning(prop: Property, value: Any) -> Any:
    """What an item of a list says in the terms of the table, hashable; empty is absent."""
    if prop.fields is None:
        return value
    names = prop.fields.values()
    return frozenset((n, text) for n in names if n in value and (text := scalar_text(value[n])))


def interleave(
    new: Sequence[tuple[Hashable, T]], old: Sequence[tuple[Hashable, T]], *, keep: bool
) -> list[T]:
    """Merge two lists of (meaning, item); the order of `new` rules.

    Where a new and an old item mean the same, the old one is taken. Equal meanings are matched
    one to one, in order, so nothing is doubled or lost. With `keep`, old items that match
    nothing stay, each after its predecessor.
    """
    waiting: dict[Hashable, deque[int]] = defaultdict(deque)
    for index, (said, _) in enumerate(old):
        waiting[said].append(index)
    merged: list[T] = []
    followers: dict[int, list[T]] = defaultdict(list)  # by position in `merged`
    matched: dict[int, int] = {}
    for position, (said, item) in enumerate(new):
        if waiting.get(said):
            index = waiting[said].popleft()
            matched[index] = position
            item = old[index][1]
        merged.append(item)
    if not keep:
        return merged
    predecessor = -1
    for index, (_, item) in enumerate(old):
        if index in matched:
            predecessor = matched[index]
        else:
            followers[predecessor].append(item)
    result = followers[-1]
    for position, item in enumerate(merged):
        result.append(item)
        result.extend(followers.get(position, ()))
    return result


def main_parent(parents: Sequence[Parent]) -> Parent | None:
    """The parent that xmpMM:DerivedFrom names: the first source or geometry, else the first."""
    for parent in parents:
        if parent.role in ("source", "geometry"):
            return parent
    return parents[0] if parents else None


def mirrored_main(parents: Sequence[Parent]) -> list[dict[str, str]]:
    """What xmpMM:DerivedFrom says: no reference or one."""
    main = main_parent(parents)
    return [] if main is None else [_mirror(main)]


def mirrored(parents: Sequence[Parent]) -> list[dict[str, str]]:
    """What xmpMM:Ingredients says: the first `MAX_MIRRORED` parents."""
    return [_mirror(parent) for parent in parents[:MAX_MIRRORED]]


def _mirror(parent: Parent) -> dict[str, str]:
    values = (parent.document_id, parent.instance_id, parent.role, parent.content_id)
    pairs = zip(MIRROR_FIELDS, values, strict=True)
    return {name: checked(value, name) for name, value in pairs if value is not None}


def is_foreign(reference: Mapping[str, Any], ours: Sequence[Mapping[str, str]]) -> bool:
    """Whether a reference was set by somebody else and says more than our mirror does."""
    if _ROLE in reference:
        return False
    return not any(reference.items() <= own.items() for own in ours)


@dataclass(frozen=True)
class Difference:
    """One place where the standard mirror and gm:parents disagree; gm:parents wins.

    `found` is what the mirror names and the memory does not, `expected` the reverse.
    """

    property: str
    found: str | None
    expected: str | None

    def __str__(self) -> str:
        if self.found is None:
            return f"{self.property} no longer names the parent {self.expected}"
        return f"{self.property} names {self.found}, which is no parent in gm:parents"


def compare_mirror(
    memory: Memory,
    derived_from: Sequence[Mapping[str, Any]],
    ingredients: Sequence[Mapping[str, Any]],
) -> tuple[Difference, ...]:
    """Differences between gm:parents and the references found in a packet.

    References that others set are none: only a parent that is missing, and a reference marked
    as our mirror that names something else. A foreign DerivedFrom may stand in place of ours.
    """
    foreign_main = bool(derived_from) and not any(_ROLE in fields for fields in derived_from)
    main = [] if foreign_main else mirrored_main(memory.parents)
    return (
        *_compare("xmpMM:DerivedFrom", derived_from, main),
        *_compare("xmpMM:Ingredients", ingredients, mirrored(memory.parents)),
    )


def _compare(
    name: str, found: Sequence[Mapping[str, Any]], expected: Sequence[Mapping[str, str]]
) -> Iterator[Difference]:
    named = {_name(fields) for fields in found}
    due = {_name(fields) for fields in expected}
    for fields in expected:
        if _name(fields) not in named:
            yield Difference(name, None, _name(fields))
    for fields in found:
        if _ROLE in fields and _name(fields) not in due:
            yield Difference(name, _name(fields), None)


def _name(reference: Mapping[str, Any]) -> str:
    """How a reference is named: by document, else by content."""
    return str(reference.get(_DOCUMENT) or reference.get(_CONTENT) or "an unnamed document")
