"""What changed between two vocabularies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from gm_assets.vocabulary.terms import Facet, Term, Vocabulary

#: Parts of a term that a change can be told of.
_PARTS = ("name", "prompts", "synonyms", "parents")


@dataclass(frozen=True, slots=True)
class Change:
    """One term or facet that differs.

    Attributes:
        facet: its id.
        term: its id; None where the whole facet came, went or has other templates.
        kind: `added`, `removed` or `changed`.
        parts: what of it changed (`name`, `prompts`, `templates`, …), where that is known.
    """

    facet: str
    term: str | None
    kind: str
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """All differences, by facet and term."""

    found: tuple[Change, ...]

    @property
    def facets(self) -> tuple[str, ...]:
        """The facets that differ: those to label again."""
        return tuple(dict.fromkeys(change.facet for change in self.found))


def diff(old: Vocabulary, new: Vocabulary) -> Changes:
    """What must be done to `old` to come to `new`. Equal versions are equal content."""
    return Changes(
        tuple(
            change
            for id in sorted({*old.facets, *new.facets})
            for change in _between(id, old.facets.get(id), new.facets.get(id))
        )
    )


def diff_versions(old: Mapping[str, Mapping[str, str]], new: Vocabulary) -> Changes:
    """The same where of the old one only the versions are known.

    Args:
        old: version by term id by facet id, as `label_terms` has them.
    """
    found: list[Change] = []
    for id in sorted({*old, *new.facets}):
        if id not in new.facets:
            found.append(Change(id, None, "removed"))
            continue
        if id not in old:
            found.append(Change(id, None, "added"))
            continue
        terms = {term.id: term.version for term in new.facets[id].terms}
        for term in sorted({*terms, *old[id]}):
            if term not in terms:
                found.append(Change(id, term, "removed"))
            elif term not in old[id]:
                found.append(Change(id, term, "added"))
            elif terms[term] != old[id][term]:
                found.append(Change(id, term, "changed"))
    return Changes(tuple(found))


def _between(id: str, old: Facet | None, new: Facet | None) -> Iterator[Change]:
    if old is None or new is None:
        yield Change(id, None, "added" if old is None else "removed")
        return
    if old.version == new.version:
        return
    if old.templates != new.templates:
        yield Change(id, None, "changed", ("templates",))
    for term in sorted({*old.by_id, *new.by_id}):
        if term not in new.by_id:
            yield Change(id, term, "removed")
        elif term not in old.by_id:
            yield Change(id, term, "added")
        elif _plain(old.by_id[term]) != _plain(new.by_id[term]):
            yield Change(id, term, "changed", _parts(old.by_id[term], new.by_id[term]))


def _plain(term: Term) -> Term:
    return replace(term, version="", parents=tuple(sorted(term.parents)))


def _parts(old: Term, new: Term) -> tuple[str, ...]:
    return tuple(
        part for part in _PARTS if getattr(_plain(old), part) != getattr(_plain(new), part)
    )
