"""`python -m benchmarks.label_methods`: ways to turn cosines into labels, on held-out pictures.

Prints the tables of docs/labels.md for the embedded model: argmax within a facet with the
vocabulary's own texts and with texts of unequal wording, and one threshold for the terms of all
facets together. `--write` puts them into the document. The held-out pictures and the reference
are those beside the model; nothing is trained or tuned here.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gm_assets.encoding import Encoder, encoder_spec, open_encoder
from gm_assets.labelling import Labelled, auc, cosines, heldout_for, scale
from gm_assets.labelling.labelled import read
from gm_assets.labelling.ready import LABEL_OF
from gm_assets.labelling.scores import fixed, percentile, term_vector, z
from gm_assets.vocabulary import Facet, Term, load

DOCUMENT = Path(__file__).parents[1] / "docs" / "labels.md"
BEGIN, END = "<!-- figures: python -m benchmarks.label_methods --write -->", "<!-- end -->"
DRAWS = 12
#: Frames of unequal length; a draw gives each term one text in one of them.
FRAMES = (
    "{}",
    "a picture of {}",
    "an image that shows {} somewhere in it",
    "{} of gothic mechanica",
    "a dark and quiet view of {} in winter",
)
#: The inverse temperature of the softmax: the fixed logit scale that the model is trained with.
LOGIT_SCALE = 20.0

Method = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _percentiles(found: np.ndarray, reference: np.ndarray) -> np.ndarray:
    return np.stack([percentile(a, scale(b)) for a, b in zip(found, reference, strict=True)])


def _z(found: np.ndarray, reference: np.ndarray) -> np.ndarray:
    return np.stack([z(a, scale(b)) for a, b in zip(found, reference, strict=True)])


def _softmax(found: np.ndarray, reference: np.ndarray) -> np.ndarray:
    raised = np.exp(LOGIT_SCALE * (found.astype(np.float64) - found.max(axis=0)))
    shares: np.ndarray = raised / raised.sum(axis=0)
    return shares


#: From (t, n) cosines of held-out pictures and (t, r) of the reference to (t, n) scores.
METHODS: Mapping[str, Method] = {
    "cosine": lambda found, reference: found,
    "softmax": _softmax,
    "z": _z,
    "percentile": _percentiles,
}


@dataclass(frozen=True)
class Question:
    """A facet whose answer is known: its terms that occur, and the place of each picture's own.

    `right` is -1 where nobody said.
    """

    facet: Facet
    terms: tuple[Term, ...]
    right: np.ndarray


def main() -> None:
    """Measure and print, or write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.label_methods", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"into docs/{DOCUMENT.name}")
    options = parser.parse_args()
    text = tables()
    if not options.write:
        print(text)
        return
    document = DOCUMENT.read_text("utf-8")
    head, _, rest = document.partition(BEGIN)
    _, _, tail = rest.partition(END)
    DOCUMENT.write_text(f"{head}{BEGIN}\n\n{text}\n{END}{tail}", "utf-8")


def tables() -> str:
    """All tables as Markdown.

    Raises:
        SystemExit: no held-out pictures or no reference lie beside the model.
    """
    spec = encoder_spec("embedded")
    assert spec is not None
    encoder = open_encoder(spec)
    heldout = heldout_for(encoder.fingerprint)
    path = Path(spec.source) / "reference.parquet"
    if heldout is None or not path.is_file():
        raise SystemExit("the model has no heldout.parquet and reference.parquet of its own")
    reference = read(path, "reference")
    questions = _questions(heldout)
    head = (
        f"{len(heldout.content_ids):,} held-out pictures, a reference of "
        f"{len(reference.content_ids):,}, model `{encoder.fingerprint[:16]}`.\n"
    )
    return "\n".join(
        (
            head,
            (
                "Accuracy of the highest term within a facet. First figure: the vocabulary's own "
                f"texts. Second: mean ± standard deviation of {DRAWS} draws of one text a term, in "
                "frames of unequal length.\n"
            ),
            _within(encoder, questions, heldout, reference),
            (
                "All terms together, each picture with all that is known of it. F1: one threshold "
                "for all terms, the best there is. P@k: of the k highest terms, k being the "
                "number of true ones.\n"
            ),
            _pooled(encoder, questions, heldout, reference),
        )
    )


def _questions(heldout: Labelled) -> list[Question]:
    found = []
    for facet in load().facets.values():
        labels = heldout.labels.get(LABEL_OF.get(facet.id, ""), ())
        terms = tuple(term for term in facet.terms if term.id in set(labels))
        if len(terms) > 1:
            places = {term.id: number for number, term in enumerate(terms)}
            right = np.array([places.get(label or "", -1) for label in labels])
            found.append(Question(facet, terms, right))
    return found


def _scored(
    encoder: Encoder, texts: Sequence[tuple[str, ...]], heldout: Labelled, reference: Labelled
) -> tuple[np.ndarray, np.ndarray]:
    """(t, n) cosines of terms given by their texts, with held-out and reference pictures."""
    vectors = fixed(np.stack([term_vector(encoder.texts(some)) for some in texts]))
    return cosines(vectors, heldout.vectors), cosines(vectors, reference.vectors)


def _within(
    encoder: Encoder, questions: list[Question], heldout: Labelled, reference: Labelled
) -> str:
    lines = [f"| facet (terms) | {' | '.join(METHODS)} |", f"| --- |{' --- |' * len(METHODS)}"]
    for question in questions:
        own = [question.facet.prompts_of(term) for term in question.terms]
        plain = _accuracies(*_scored(encoder, own, heldout, reference), question.right)
        drawn = []
        for draw in range(DRAWS):
            chance = np.random.default_rng(draw)
            texts = [(_unequal(some, chance),) for some in own]
            drawn.append(_accuracies(*_scored(encoder, texts, heldout, reference), question.right))
        cells = (
            f"{plain[name]:.3f}; {np.mean(values):.3f} ± {np.std(values):.3f}"
            for name in METHODS
            if (values := [one[name] for one in drawn])
        )
        lines.append(f"| {question.facet.id} ({len(own)}) | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _unequal(texts: tuple[str, ...], chance: np.random.Generator) -> str:
    frame = FRAMES[int(chance.integers(len(FRAMES)))]
    return frame.format(texts[int(chance.integers(len(texts)))])


def _accuracies(found: np.ndarray, reference: np.ndarray, right: np.ndarray) -> dict[str, float]:
    """Share of pictures whose highest term is the right one; ties count in equal parts."""
    known = np.flatnonzero(right >= 0)
    accuracies = {}
    for name, method in METHODS.items():
        scores = method(found, reference)[:, known]
        highest = scores == scores.max(axis=0)
        hit = highest[right[known], np.arange(len(known))]
        accuracies[name] = float(np.mean(hit / highest.sum(axis=0)))
    return accuracies


def _pooled(
    encoder: Encoder, questions: list[Question], heldout: Labelled, reference: Labelled
) -> str:
    own = [question.facet.prompts_of(term) for question in questions for term in question.terms]
    found, shown = _scored(encoder, own, heldout, reference)
    truth = np.concatenate(
        [np.arange(len(q.terms))[:, None] == q.right[None, :] for q in questions]
    )
    asked = np.concatenate(
        [np.repeat(q.right[None, :] >= 0, len(q.terms), axis=0) for q in questions]
    )
    lines = ["| score | AUC | F1 | P@k |", "| --- | --- | --- | --- |"]
    for name, method in METHODS.items():
        scores = method(found, shown).astype(np.float64)
        area = auc(scores[asked & truth], scores[asked & ~truth])
        best = _best_f1(scores[asked], truth[asked])
        precise = _precision_at_k(np.where(asked, scores, -np.inf), truth)
        lines.append(f"| {name} | {area:.3f} | {best:.3f} | {precise:.3f} |")
    areas = [auc(row[t & a], row[~t & a]) for row, t, a in zip(found, truth, asked, strict=True)]
    blind = sum(area < 0.7 for area in areas)
    lines.append("")
    lines.append(
        f"{len(areas)} terms; AUC of a single term from {min(areas):.2f} to {max(areas):.2f}, "
        f"median {float(np.median(areas)):.2f}; {blind} of them below 0.7."
    )
    return "\n".join(lines) + "\n"


def _best_f1(scores: np.ndarray, truth: np.ndarray) -> float:
    order = np.argsort(-scores, kind="stable")
    ordered, hits = scores[order], np.cumsum(truth[order])
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    return float(np.max(2 * hits[ends] / (ends + 1 + truth.sum())))


def _precision_at_k(scores: np.ndarray, truth: np.ndarray) -> float:
    order = np.argsort(-scores, axis=0, kind="stable")
    ranks = np.argsort(order, axis=0)
    counts = truth.sum(axis=0)
    return float((truth & (ranks < counts)).sum() / counts.sum())


if __name__ == "__main__":
    main()
