"""What the vocabulary sensor decides, as values without Dagster's runtime.

A tick compares the versions of the facets with those of the tick before. A version is the
hash of parsed content, so a comment or another order of keys asks for nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.defs.labels.reading import Words


@dataclass(frozen=True)
class Cursor:
    """What one tick leaves for the next, as JSON.

    Attributes:
        facets: version by facet; None until the first tick has recorded them.
        trouble: the problems that the check was last told of; empty where there were none.
        edits: how many ticks have asked for something, which keeps run keys apart: an edit
            that is taken back and made again is a new request.
    """

    facets: Mapping[str, str] | None = None
    trouble: str = ""
    edits: int = 0

    @classmethod
    def parse(cls, text: str | None) -> Cursor:
        """Read a cursor; one that is not ours, or damaged, starts over."""
        try:
            values = json.loads(text or "{}")
            cursor = cls(**values)
            sound = cursor.facets is None or all(
                isinstance(word, str) for pair in cursor.facets.items() for word in pair
            )
            sound = sound and isinstance(cursor.trouble, str) and isinstance(cursor.edits, int)
        except (ValueError, TypeError, AttributeError):
            return cls()
        return cursor if sound else cls()

    def text(self) -> str:
        """The JSON form."""
        return json.dumps(asdict(self), separators=(",", ":"))


@dataclass(frozen=True)
class Decision:
    """What a tick does.

    Attributes:
        changed: facets whose labels are asked for.
        new, gone: facets that become partitions, or are none any more.
        report: the problems are not those that the check knows.
    """

    cursor: Cursor
    changed: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    report: bool = False
    words: str = field(default="", compare=False)


def decide(words: Words, cursor: Cursor, partitions: Collection[str]) -> Decision:
    """What to do about the vocabulary as it is now.

    A facet whose file is broken keeps its version, its partition and its labels. One whose
    file is gone loses its partition, unless the whole folder has become unreadable.

    Args:
        partitions: facets that Dagster has partitions for.
    """
    before = cursor.facets or {}
    now = {id: before[id] for id in words.broken if id in before} | words.versions
    new = tuple(id for id in now if id not in partitions)
    gone = tuple(sorted(set(partitions) - now.keys() - words.broken)) if words.facets else ()
    changed: tuple[str, ...] = ()
    if cursor.facets is not None:
        changed = tuple(id for id in words.facets if words.versions[id] != before.get(id))
    return Decision(
        cursor=Cursor(now or cursor.facets, words.trouble, cursor.edits + bool(changed)),
        changed=changed,
        new=new,
        gone=gone,
        report=words.trouble != cursor.trouble,
        words=_in_words(words, changed, first=cursor.facets is None),
    )


def _in_words(words: Words, changed: Collection[str], *, first: bool) -> str:
    if words.problems:
        more = len(words.problems) - 1
        return f"{words.problems[0]}" + (f" ({counted(more, 'more problem')})" if more else "")
    if first:
        count = counted(len(words.facets), "facet")
        return f"recorded {count}; from now on an edit labels its facet again"
    return f"changed: {', '.join(changed)}" if changed else "nothing changed"
