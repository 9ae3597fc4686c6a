"""What an encoder can tell of pictures it was never trained on.

Zero-shot: a picture's term in a facet is the one whose text vector (the mean of its wordings)
has the highest cosine. Retrieval: the full caption of each picture of a gallery is the query,
and a hit is a picture of which all of the caption is true. Facets that a stage cannot show
have no figure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gm_assets.training.captions import agreement, claims, codes, full_caption
from gm_assets.training.facts import LOOKS_OF, TERMS, Facts
from gm_assets.training.wordings import wordings

Vectors = NDArray[np.float32]
Texts = Callable[[Sequence[str]], Vectors]

#: Pictures in a gallery.
GALLERY = 500
#: Facets with a zero-shot figure.
FACETS = ("subject", "environment", "material", "light", "shot", "look")
#: A figure of fewer pictures says nothing.
_LEAST = 20


@dataclass(frozen=True)
class Recall:
    """Text to picture in one gallery: the part of queries with a hit among the first k.

    Attributes:
        gallery: how many pictures. right: mean number of them that a query is true of.
        at_1, at_5: with a hit of which all of the caption is true.
    """

    gallery: int
    right: float
    at_1: float
    at_5: float


@dataclass(frozen=True)
class Accuracy:
    """Zero-shot accuracy on `pictures` pictures, and what guessing would reach."""

    pictures: int
    value: float
    chance: float


@dataclass(frozen=True)
class Metrics:
    """Figures by stage ('S1' to 'S4'), and for retrieval also of all stages together ('all')."""

    retrieval: dict[str, Recall]
    zero_shot: dict[str, dict[str, Accuracy]]


def measure(vectors: Vectors, facts: Sequence[Facts], texts: Texts, seed: int = 0) -> Metrics:
    """All figures of pictures and their facts.

    Args:
        vectors: (n, d) unit rows of the pictures.
        texts: gives unit rows of canonical texts.
    """
    known = codes(facts)
    stages = np.array([one.stage for one in facts])
    terms = {facet: term_vectors(facet, texts) for facet in FACETS}
    retrieval = {}
    zero_shot: dict[str, dict[str, Accuracy]] = {}
    for stage in (*LOOKS_OF, "all"):
        here = np.flatnonzero((stages == stage) | (stage == "all"))
        if len(here) < _LEAST:
            continue
        retrieval[stage] = recall(vectors[here], [facts[int(place)] for place in here], texts, seed)
        if stage != "all":
            zero_shot[stage] = {
                facet: found
                for facet in FACETS
                if (found := accuracy(vectors[here], known[here], facet, terms[facet]))
            }
    return Metrics(retrieval, zero_shot)


def term_vectors(facet: str, texts: Texts) -> Vectors:
    """(terms, d) unit rows: the mean over the wordings that assert nothing but the term."""
    rows = []
    for term in TERMS[facet]:
        plain = [one.text for one in wordings()[facet, term] if len(one.asserts) == 1]
        mean = texts(plain).mean(axis=0)
        rows.append(mean / np.linalg.norm(mean))
    return np.stack(rows)


def accuracy(
    vectors: Vectors, known: NDArray[np.int16], facet: str, terms: Vectors, least: int = _LEAST
) -> Accuracy | None:
    """Zero-shot accuracy in one facet; None where too few pictures have a term.

    Args:
        known: (n, facets) codes of the pictures.
        terms: (terms, d) unit rows.
        least: pictures with a term below which there is no figure.
    """
    right = known[:, list(TERMS).index(facet)]
    stated = right >= 0
    present = np.unique(right[stated])
    if stated.sum() < least or len(present) < 2:
        return None
    guess = (vectors[stated] @ terms.T).argmax(axis=1)
    return Accuracy(int(stated.sum()), float((guess == right[stated]).mean()), 1 / len(terms))


def recall(vectors: Vectors, facts: Sequence[Facts], texts: Texts, seed: int = 0) -> Recall:
    """Full captions against a gallery of at most `GALLERY` pictures.

    Pictures with different facts are taken first, so that as few as possible share a caption.
    """
    chosen = _gallery(facts, seed)
    captions = [full_caption(facts[place]) for place in chosen]
    right = agreement(claims(captions), codes([facts[place] for place in chosen]))
    cosines = texts([one.text for one in captions]) @ vectors[chosen].T
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :5]
    hits = np.take_along_axis(right, order, axis=1)
    return Recall(
        gallery=len(chosen),
        right=float(right.sum(axis=1).mean()),
        at_1=float(hits[:, 0].mean()),
        at_5=float(hits.any(axis=1).mean()),
    )


def _gallery(facts: Sequence[Facts], seed: int) -> list[int]:
    """Places of the gallery's pictures: one of each composition first, then others."""
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(facts)).tolist()
    first: dict[Facts, int] = {}
    for place in order:
        first.setdefault(facts[place], place)
    distinct = list(first.values())
    chosen = set(distinct)
    rest = [place for place in order if place not in chosen]
    return [*distinct, *rest][:GALLERY]
