"""What the embedded leash takes from words: the terms of its own small world.

It knows the environments, lights and materials that it was trained on, by their names and other
phrases for them, and says which words it does not know. It reads no grammar: a prompt is a set
of phrases, and what is not wanted belongs in the negative prompt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gm_assets.diffusion.protocol import Reading
from gm_assets.encoding.text import canonical

#: Facets of the words that enter the network as vectors, in the order of its tables. The
#: material enters through the guide.
FACETS: tuple[str, ...] = ("environment", "light")
#: Words that hold a phrase together.
_SMALL = frozenset(
    {
        "a",
        "an",
        "and",
        "at",
        "before",
        "behind",
        "by",
        "from",
        "in",
        "into",
        "is",
        "its",
        "made",
        "near",
        "of",
        "on",
        "over",
        "the",
        "their",
        "to",
        "under",
        "with",
    }
)
FILE = "lexicon.json"


@dataclass(frozen=True)
class Lexicon:
    """Terms by facet and the phrases that mean them.

    Attributes:
        terms: facet to its terms in the order of the network's tables.
        phrases: facet to phrase (canonical) to term.
        domain: words that belong to prompts of this world and choose nothing, e.g. its subjects,
            whose shape the passes bring.
    """

    terms: Mapping[str, tuple[str, ...]]
    phrases: Mapping[str, Mapping[str, str]]
    domain: tuple[str, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> Lexicon:
        """The lexicon of a model folder.

        Raises:
            OSError, ValueError, KeyError: it is missing or damaged.
        """
        values = json.loads((folder / FILE).read_text("utf-8"))
        terms = {facet: tuple(names) for facet, names in values["terms"].items()}
        return cls(terms, values["phrases"], tuple(values["domain"]))

    def write(self, folder: Path) -> None:
        """Write it beside a model's weights."""
        values = {"terms": self.terms, "phrases": self.phrases, "domain": self.domain}
        text = json.dumps(values, indent=1, ensure_ascii=False, sort_keys=True)
        (folder / FILE).write_text(text + "\n", "utf-8")

    @cached_property
    def _index(self) -> dict[tuple[str, ...], tuple[str, str]]:
        return {
            tuple(phrase.split()): (facet, term)
            for facet, phrases in self.phrases.items()
            for phrase, term in phrases.items()
        }

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self._index), default=0)

    def reading(self, text: str) -> Reading:
        """What a prompt means: the longest phrases first, the first of a facet wins."""
        words = canonical(text).split()
        understood: dict[str, str] = {}
        unknown: list[str] = []
        at = 0
        while at < len(words):
            for length in range(min(self._longest, len(words) - at), 0, -1):
                found = self._index.get(tuple(words[at : at + length]))
                if found is not None:
                    understood.setdefault(*found)
                    at += length
                    break
            else:
                word = words[at]
                if word not in _SMALL and word not in self.domain and word not in unknown:
                    unknown.append(word)
                at += 1
        return Reading(understood, tuple(unknown))

    def codes(self, understood: Mapping[str, str | None]) -> tuple[int, ...]:
        """The rows of the network's tables, 0 where nothing is said.

        Raises:
            ValueError: a term is none of its facet's.
        """
        return tuple(
            self.terms[facet].index(term) + 1 if (term := understood.get(facet)) else 0
            for facet in FACETS
        )


def lexicon_of(
    terms: Mapping[str, Sequence[str]],
    phrases: Sequence[tuple[str, str, str]],
    domain: Sequence[str] = (),
) -> Lexicon:
    """A lexicon from `(facet, phrase, term)`; a phrase of two terms or facets means neither."""
    meaning: dict[str, set[tuple[str, str]]] = {}
    for facet, phrase, term in phrases:
        if canonical(phrase):
            meaning.setdefault(canonical(phrase), set()).add((facet, term))
    clear: dict[str, dict[str, str]] = {facet: {} for facet in terms}
    for phrase, meant in sorted(meaning.items()):
        if len(meant) == 1:
            facet, term = next(iter(meant))
            clear[facet][phrase] = term
    words = sorted({word for text in domain for word in canonical(text).split()})
    return Lexicon({facet: tuple(names) for facet, names in terms.items()}, clear, tuple(words))
