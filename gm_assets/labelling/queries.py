"""Asking the labels: of one picture, of one term, and by an expression such as `night-city>=90`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from gm_assets.errors import GmError, NotFound
from gm_assets.labelling.home import Home
from gm_assets.stores.labels import FOLDER, LabelStore
from gm_assets.vocabulary import Facet, Term, Vocabulary, folder_for, load
from gm_assets.vocabulary.problems import near_word

Measure: TypeAlias = Literal["percentile", "z", "cosine"]
#: What a bare term asks for.
USUAL_PERCENTILE = 90.0

_EXPRESSION = re.compile(
    r"\s*(?P<term>[^<>=]+?)"
    r"(?:(?:\s+|:)(?P<measure>percentile|z|cosine))?"
    r"\s*(?:(?P<sign>>=|<=|>|<)\s*(?P<value>-?[0-9]+(?:\.[0-9]+)?))?\s*\Z"
)


class InvalidQuestion(GmError):
    """An expression over labels that cannot be read, or cannot be answered."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Condition:
    """`facet/term measure sign value`, e.g. environments/night-city percentile >= 90."""

    facet: str
    term: str
    measure: Measure
    sign: str
    value: float

    def __str__(self) -> str:
        return f"{self.facet}/{self.term} {self.measure} {self.sign} {self.value:g}"


@dataclass(frozen=True, slots=True)
class Matching:
    """What an expression matches.

    Attributes:
        condition: how the expression was understood.
        content_ids: best first.
        notes: what a person should know, e.g. that the model cannot tell this term.
    """

    condition: Condition
    content_ids: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Label:
    """One row of the `labels` view; `name` is the term's."""

    content_id: str
    facet: str
    term: str
    name: str
    cosine: float
    percentile: float | None
    z: float | None
    auc: float | None
    measurable: bool | None


@dataclass(frozen=True, slots=True)
class Score:
    """What a term scores on one picture."""

    content_id: str
    cosine: float
    percentile: float | None


def parse(expression: str, vocabulary: Vocabulary) -> Condition:
    """Read `[facet/]term [percentile|z|cosine] [>=|>|<=|<] [number]`.

    The term may be given by id, name or synonym. Without a number it means `percentile >= 90`.

    Raises:
        InvalidQuestion: not of this form, or a word that means several terms.
        NotFound: no such term; the message names near ones.
    """
    match = _EXPRESSION.match(expression)
    if match is None or (match["measure"] and match["sign"] is None):
        raise InvalidQuestion(
            f"`{expression}` is no question about a label",
            where="--label",
            remedy="Write a term and what it must reach, e.g. environments/night-city>=90",
        )
    facet, term = _one_term(match["term"], vocabulary)
    return Condition(
        facet.id,
        term.id,
        match["measure"] or "percentile",  # type: ignore[arg-type]
        match["sign"] or ">=",
        float(match["value"]) if match["value"] else USUAL_PERCENTILE,
    )


def _one_term(text: str, vocabulary: Vocabulary) -> tuple[Facet, Term]:
    found = vocabulary.find(text)
    if not found:
        words = {
            word for facet in vocabulary.facets.values() for t in facet.terms for word in t.words()
        }
        raise NotFound(
            f"no term `{text}` in the vocabulary",
            where="--label",
            remedy=f"{near_word(text.rpartition('/')[2], words)}`gm vocab check` lists the terms",
        )
    by_id = [pair for pair in found if pair[1].id == text.rpartition("/")[2]]
    chosen = by_id if len(by_id) == 1 else found
    if len(chosen) > 1:
        names = ", ".join(f"{facet.id}/{term.id}" for facet, term in chosen)
        raise InvalidQuestion(
            f"`{text}` may be any of {names}", where="--label", remedy="Name one of them"
        )
    return chosen[0]


def matching(home: Home, expression: str, vocabulary: Vocabulary | None = None) -> Matching:
    """The contents that an expression matches, by the labels as they are.

    Raises:
        InvalidQuestion, NotFound: as `parse`; and where percentiles or z-scores are asked for
            of labels that have none.
        LibraryError: nothing was labelled yet with this facet, or the labels are damaged.
    """
    vocabulary = load(folder_for(home.root)) if vocabulary is None else vocabulary
    condition = parse(expression, vocabulary)
    facts = _asked(
        home,
        "select auc, measurable, facet_version, pictures from label_terms "
        "where facet = ? and term = ?",
        condition.facet,
        condition.term,
    )
    if not facts:
        raise NotFound(
            f"{condition.facet}/{condition.term} was not labelled yet",
            where="--label",
            remedy=f"Run `gm label --facet {condition.facet}`",
        )
    auc, measurable, version, pictures = facts[0]
    if condition.measure != "cosine":
        _check_measure(home, condition, pictures)
    rows = _asked(
        home,
        f"select content_id from labels where facet = ? and term = ? "
        f"and {condition.measure} {condition.sign} ? order by cosine desc, content_id",
        condition.facet,
        condition.term,
        condition.value,
    )
    notes = []
    if measurable is False:
        notes.append(
            f"{condition.facet}/{condition.term} is not measurable by this model (AUC {auc:.2f})"
        )
    if version != vocabulary.facet(condition.facet).version:
        notes.append(
            f"the facet {condition.facet} changed since it was labelled: "
            f"`gm label --facet {condition.facet}`"
        )
    return Matching(condition, tuple(row[0] for row in rows), tuple(notes))


def _check_measure(home: Home, condition: Condition, pictures: int) -> None:
    """Refuse a question about a column that holds nothing."""
    rows = _asked(
        home,
        f"select count(*), count({condition.measure}) from labels where facet = ? and term = ?",
        condition.facet,
        condition.term,
    )
    labelled, told = rows[0]
    if labelled and not told:
        raise InvalidQuestion(
            f"there are no {condition.measure}s: the reference has {pictures:,} pictures",
            where="--label",
            remedy=f"Ask for the cosine, e.g. `{condition.term} cosine>=0.3`, or make a "
            "reference with `gm vocab reference`",
        )


def labels_of(home: Home, content_id: str, facet: str | None = None) -> tuple[Label, ...]:
    """All labels of a picture, by facet; within one, terms that the model can tell first, then
    by z-score."""
    return _labels(
        home,
        "content_id = ? and (?::varchar is null or facet = ?)",
        "facet, measurable is false, coalesce(z, cosine) desc, term",
        content_id,
        facet,
        facet,
    )


def best(home: Home, facet: str, term: str, count: int = 20) -> tuple[Label, ...]:
    """The pictures on which a term scores highest."""
    return _labels(
        home,
        "facet = ? and term = ?",
        f"cosine desc, content_id limit {int(count)}",
        facet,
        term,
    )


def best_of_each(home: Home, facet: str, count: int = 6) -> dict[str, tuple[Score, ...]]:
    """The pictures on which each term of a facet scores highest, by term, in one question."""
    rows = _asked(
        home,
        "select term, max_by({'c': content_id, 'cosine': cosine, 'percentile': percentile}, "
        f"cosine, {int(count)}) from labels where facet = ? group by term order by term",
        facet,
    )
    return {
        term: tuple(Score(one["c"], one["cosine"], one["percentile"]) for one in found)
        for term, found in rows
    }


def histogram(
    home: Home, facet: str, measure: Measure = "z", bins: Sequence[float] = range(-4, 5)
) -> dict[str, tuple[int, ...]]:
    """How many pictures score between neighbouring `bins`, by term.

    The first count is of scores below all bins, the last of those at or above all of them.
    """
    edges = [float(edge) for edge in bins]
    step = " + ".join(f"({measure} >= {edge})::integer" for edge in edges)
    rows = _asked(
        home,
        f"select term, {step} as bin, count(*) from labels "
        f"where facet = ? and {measure} is not null group by all order by all",
        facet,
    )
    found: dict[str, list[int]] = {}
    for term, bin, count in rows:
        found.setdefault(term, [0] * (len(edges) + 1))[bin] = count
    return {term: tuple(counts) for term, counts in found.items()}


def _labels(home: Home, where: str, order: str, *values: Any) -> tuple[Label, ...]:
    rows = _asked(
        home,
        "select content_id, facet, term, t.name, cosine, percentile, z, l.auc, l.measurable "
        "from labels l left join (select facet, term, name from label_terms) t "
        f"using (facet, term) where {where} order by {order}",
        *values,
    )
    return tuple(Label(*row) for row in rows)


def _asked(home: Home, query: str, *values: Any) -> list[Any]:
    from gm_assets.stores.catalogue import reading

    labels = LabelStore(home.state / FOLDER)
    labels.check()
    with reading(labels.root):
        rows: list[Any] = home.catalogue().execute(query, list(values)).fetchall()
        return rows
