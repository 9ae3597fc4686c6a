"""What a facet needs before its pictures are scored: vectors, scales and areas of its terms."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from gm_assets.errors import ModelError
from gm_assets.labelling import scores
from gm_assets.labelling.home import Home, TextEncoder
from gm_assets.labelling.labelled import Labelled
from gm_assets.labelling.reference import Reference, confirmed, heldout_for, reference_for
from gm_assets.labelling.roc import measured
from gm_assets.labelling.scores import TermScale
from gm_assets.stores.vectors import VectorStore
from gm_assets.vocabulary import Facet, Term

#: Which label of a picture answers the question of a facet.
LABEL_OF = {
    "subjects": "subject",
    "environments": "environment",
    "materials": "material",
    "lights": "light",
    "shots": "shot",
}
#: Confirmed pictures of a library that areas are measured on, at most.
MAX_CONFIRMED = 5_000
TERMS_FOLDER = "terms"


@dataclass(frozen=True)
class Area:
    """How well a term can be told (`roc.measured`), and on whose labelled pictures.

    `source` is `library` (confirmed by people or makers here) or `model` (the pictures that
    were held out when the model was trained); None where the term is unmeasured.
    """

    auc: float | None = None
    source: str | None = None


@dataclass(frozen=True, eq=False)
class Ready:
    """A facet ready for scoring.

    Attributes:
        facet: whose terms these are.
        encoder: fingerprint of the model.
        terms: ascending by id; everything below is in their order.
        vectors: (t, d) float64, as `scores.cosines` takes them.
        reference: in force; None where there is none for this encoder.
        scales: of the terms over the reference; empty where there is none.
        areas: of the terms.
        encoded: terms whose vector had to be computed now.
    """

    facet: Facet
    encoder: str
    terms: tuple[Term, ...]
    vectors: np.ndarray
    reference: Reference | None
    scales: tuple[TermScale, ...]
    areas: tuple[Area, ...]
    encoded: int


def prepare(home: Home, facet: Facet, encoder: TextEncoder) -> Ready:
    """Gather what scoring a facet needs; the text model runs only for terms not yet known.

    Raises:
        InvalidReference: the reference or the held-out pictures are damaged.
        ModelError: the encoder gave no usable vector for a term.
    """
    terms = tuple(sorted(facet.terms, key=lambda term: term.id))
    vectors, encoded = term_vectors(home, facet, terms, encoder)
    fixed = scores.fixed(vectors)
    reference = reference_for(home, encoder.fingerprint)
    scales: tuple[TermScale, ...] = ()
    if reference is not None and reference.size:
        _check_dimension(fixed, reference.pictures)
        found = scores.cosines(fixed, reference.pictures.vectors)
        scales = tuple(map(scores.scale, found))
    areas = _areas(home, facet, terms, fixed, encoder.fingerprint)
    return Ready(facet, encoder.fingerprint, terms, fixed, reference, scales, areas, encoded)


def term_vectors(
    home: Home, facet: Facet, terms: Sequence[Term], encoder: TextEncoder
) -> tuple[np.ndarray, int]:
    """(t, d) float32 unit vectors of terms, and how many of them were not known before.

    They are kept in `<library>/.gm/terms/<encoder16>/<term version>.npy`.

    Raises:
        ModelError: the encoder gave vectors without a direction.
    """
    folder = home.state / TERMS_FOLDER / encoder.fingerprint[:16]
    vectors, encoded = [], 0
    for term in terms:
        path = folder / f"{term.version}.npy"
        vector = _load(path)
        if vector is None:
            vector = _encoded(facet, term, encoder)
            folder.mkdir(parents=True, exist_ok=True)
            _save(path, vector)
            encoded += 1
        vectors.append(vector)
    return np.stack(vectors), encoded


def _encoded(facet: Facet, term: Term, encoder: TextEncoder) -> np.ndarray:
    """The vector of a term. One call a term: what is read beside it moves the last bits."""
    try:
        return scores.term_vector(encoder.texts(facet.prompts_of(term)))
    except ValueError as error:
        raise ModelError(
            str(error),
            where=f"{facet.id}/{term.id}",
            remedy="Change its prompts, or look at the model with `gm models verify`",
        ) from None


def _load(path: Path) -> np.ndarray | None:
    """A kept vector, or None where there is none or it is damaged."""
    try:
        vector = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    sound = vector.ndim == 1 and vector.dtype == np.float32
    if not sound or not abs(float(np.linalg.norm(vector)) - 1) < 1e-4:
        return None
    return vector


def _save(path: Path, vector: np.ndarray) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            np.save(file, vector, allow_pickle=False)
        temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink()


def _check_dimension(vectors: np.ndarray, pictures: Labelled) -> None:
    if vectors.shape[1] != pictures.dimension:
        raise ModelError(
            f"the encoder's texts have {vectors.shape[1]} numbers, its pictures "
            f"{pictures.dimension}",
            remedy="Look at the model with `gm models verify`",
        )


# -- areas -----------------------------------------------------------------------------------


def _areas(
    home: Home, facet: Facet, terms: Sequence[Term], vectors: np.ndarray, encoder: str
) -> tuple[Area, ...]:
    """The library's own confirmed pictures decide where they are enough, else the model's."""
    label = LABEL_OF.get(facet.id)
    if label is None:
        return tuple(Area() for _ in terms)
    own = _on_library(home, facet, terms, vectors, encoder, label)
    model = heldout_for(encoder)
    shipped: list[float | None] = [None] * len(terms)
    if model is not None:
        _check_dimension(vectors, model)
        found = scores.cosines(vectors, model.vectors)
        shipped = areas_of(facet, terms, found, model.labels[label])
    return tuple(
        Area(mine, "library") if mine is not None else Area(its, None if its is None else "model")
        for mine, its in zip(own, shipped, strict=True)
    )


def _on_library(
    home: Home, facet: Facet, terms: Sequence[Term], vectors: np.ndarray, encoder: str, label: str
) -> list[float | None]:
    column = {"subject": 1, "environment": 2, "shot": 3}.get(label)
    if column is None or not home.store.generation:
        return [None] * len(terms)
    named = {row[0]: row[column] for row in confirmed(home) if row[column] is not None}
    store = VectorStore(home.state / "vectors")
    found = store.get(encoder, _bounded(named, MAX_CONFIRMED))
    if not len(found.content_ids):
        return [None] * len(terms)
    labels = [named[content_id] for content_id in found.content_ids.to_pylist()]
    return areas_of(facet, terms, scores.cosines(vectors, found.rows), labels)


def _bounded(content_ids: Iterable[str], most: int) -> list[str]:
    """At most that many, drawn by their hashes so that the same library gives the same."""

    def drawn(content_id: str) -> str:
        return hashlib.sha256(content_id.encode()).hexdigest()

    return list(islice(sorted(content_ids, key=drawn), most))


def areas_of(
    facet: Facet,
    terms: Sequence[Term],
    cosines: np.ndarray,
    labels: Sequence[str | None],
) -> list[float | None]:
    """The area of every term over pictures whose label of this facet is known.

    A picture of a narrower term has the term; one of a broader term may or may not have it
    and does not count; all others do not have it.

    Args:
        cosines: (t, n).
        labels: n term ids, None where nobody said.
    """
    names = np.array(["" if label is None else label for label in labels])
    areas = []
    for term, row in zip(terms, cosines, strict=True):
        having = np.isin(names, list(facet.within(term.id)))
        unknown = np.isin(names, ["", *facet.above(term.id)])
        areas.append(measured(row[having], row[~having & ~unknown]))
    return areas
