"""Captions: some of a picture's facts, put into words in one of many orders.

What a caption asserts is kept beside its words, so that training knows every picture of a
batch of which it is true, and no other caption of the same picture counts as wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gm_assets.training.facts import TERMS, Facts
from gm_assets.training.wordings import Wording, wordings

#: Column of each facet in the arrays of codes.
COLUMNS: dict[str, int] = {facet: number for number, facet in enumerate(TERMS)}
#: How often each facet is named, where it has a term.
_NAMED = {
    "medium": 0.55,
    "subject": 0.85,
    "environment": 0.7,
    "material": 0.65,
    "light": 0.35,
    "shot": 0.3,
}
#: Captions that name a single facet.
_SINGLE = 0.16
#: Where a subject is named, how often its domain is named in its place.
_BROADLY = 0.07
_FRAMES = (
    "{}",
    "{}",
    "a picture of {}",
    "a view of {}",
    "{} of gothic mechanica",
    "an image of {}",
)


@dataclass(frozen=True)
class Caption:
    """A canonical text and what it asserts: facet to term."""

    text: str
    asserts: dict[str, str]

    def true_of(self, facts: Facts) -> bool:
        """Whether everything it asserts holds for a picture."""
        return all(facts.value(facet) == term for facet, term in self.asserts.items())


def caption(facts: Facts, chance: np.random.Generator) -> Caption:
    """A caption of a picture; which facts it names, and how, is left to chance."""
    named = [
        facet
        for facet, often in _NAMED.items()
        if (facet == "medium" or facts.value(facet) is not None) and chance.random() < often
    ]
    if not named or chance.random() < _SINGLE:
        known = [facet for facet in TERMS if facts.value(facet) is not None]
        return _joined([_picked(facts, known[int(chance.integers(len(known)))], chance)], chance)
    parts: dict[str, Wording] = {}
    for facet in named:
        wanted = facet
        if facet == "medium":
            wanted = "look" if chance.random() < 0.6 else "stage"
        elif facet == "subject" and chance.random() < _BROADLY:
            wanted = "domain"
        parts[facet] = _picked(facts, wanted, chance)
    return _joined(_ordered(parts, chance), chance)


def _picked(facts: Facts, facet: str, chance: np.random.Generator) -> Wording:
    """A wording of the picture's term of which all is true."""
    term = facts.value(facet)
    assert term is not None
    fitting = [
        wording
        for wording in wordings()[facet, term]
        if all(facts.value(other) == value for other, value in wording.asserts.items())
    ]
    return fitting[int(chance.integers(len(fitting)))]


def _ordered(parts: dict[str, Wording], chance: np.random.Generator) -> list[Wording]:
    """Mostly medium, subject, material, place, light, shot; sometimes shuffled."""
    found = list(parts.values())
    if chance.random() < 0.3:
        return [found[int(place)] for place in chance.permutation(len(found))]
    return found


def _joined(parts: Sequence[Wording], chance: np.random.Generator) -> Caption:
    asserts = {facet: term for part in parts for facet, term in part.asserts.items()}
    words = parts[0].text
    for before, part in pairwise(parts):
        of = before.facet in ("look", "stage") and part.facet in ("subject", "domain")
        words += f" of {part.text}" if of else f" {part.text}"
    if parts[0].facet in ("subject", "domain"):
        words = _FRAMES[int(chance.integers(len(_FRAMES)))].format(words)
    return Caption(words, asserts)


def full_caption(facts: Facts) -> Caption:
    """The caption that names everything, each term by its first wording; for evaluation."""
    order = ("look", "subject", "material", "environment", "light", "shot")
    parts = [_first(facet, term) for facet in order if (term := facts.value(facet)) is not None]
    asserts = {facet: term for part in parts for facet, term in part.asserts.items()}
    medium, *rest = (part.text for part in parts)
    return Caption(f"{medium} of {' '.join(rest)}", asserts)


def _first(facet: str, term: str) -> Wording:
    """The first wording that says nothing but its term."""
    return next(one for one in wordings()[facet, term] if len(one.asserts) == 1)


def known_words() -> list[str]:
    """Every word that a caption can hold, sorted."""
    texts = [wording.text for group in wordings().values() for wording in group]
    texts += [frame.format("of") for frame in _FRAMES]
    return sorted({word for text in texts for word in text.split()})


def codes(facts: Sequence[Facts]) -> NDArray[np.int16]:
    """(n, facets) numbers of the terms of n pictures, -1 where there is none."""
    return _coded([{facet: one.value(facet) for facet in TERMS} for one in facts])


def claims(captions: Sequence[Caption]) -> NDArray[np.int16]:
    """(n, facets) numbers of the terms that n captions assert, -1 where they say nothing."""
    return _coded([dict(one.asserts) for one in captions])


def _coded(rows: Sequence[Mapping[str, str | None]]) -> NDArray[np.int16]:
    table = np.full((len(rows), len(TERMS)), -1, np.int16)
    for number, row in enumerate(rows):
        for facet, term in row.items():
            if term is not None:
                table[number, COLUMNS[facet]] = TERMS[facet].index(term)
    return table


def agreement(claimed: NDArray[np.int16], known: NDArray[np.int16]) -> NDArray[np.bool_]:
    """(captions, pictures) True where all that a caption asserts is true of a picture."""
    same = claimed[:, None, :] == known[None, :, :]
    return np.all(same | (claimed[:, None, :] < 0), axis=2)
