"""Terms, facets and the vocabulary they make: values, versions and prompts.

A version is the sha256 of the canonical JSON (RFC 8785) of parsed content. Comments, the
order of keys and the order of terms in a file do not change it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import rfc8785

from gm_assets.errors import NotFound
from gm_assets.vocabulary.problems import near_word

#: Templates of a facet that names none: every prompt, the name and every synonym as they stand.
DEFAULT_TEMPLATES: tuple[str, ...] = ("{prompt}", "{name}", "{synonym}")
#: What a template may hold in braces.
PLACEHOLDERS: tuple[str, ...] = ("prompt", "name", "synonym")
_PLACEHOLDER = re.compile(r"\{(prompt|name|synonym)\}")


@dataclass(frozen=True)
class Term:
    """One word of a facet.

    Attributes:
        id: slug, unique in its facet; what memories store.
        name: for people.
        prompts: what a picture of it would be called; at least one.
        synonyms: other words for it, for search.
        parents: ids of broader terms of the same facet.
        version: sha256 of everything that decides the term's vector and meaning: the facet's
            id and templates, and the term itself.
    """

    id: str
    name: str
    prompts: tuple[str, ...]
    synonyms: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    version: str = ""

    def content(self) -> dict[str, Any]:
        """What the versions cover, as JSON types."""
        return {
            "id": self.id,
            "name": self.name,
            "prompts": list(self.prompts),
            "synonyms": list(self.synonyms),
            "parents": sorted(self.parents),
        }

    def words(self) -> tuple[str, ...]:
        """Everything that a person may call it: id, name, synonyms."""
        return (self.id, self.name, *self.synonyms)


@dataclass(frozen=True)
class Facet:
    """One question about a picture (`environments`) and the terms that answer it.

    Attributes:
        id: slug; the name of its file.
        terms: in the order of the file.
        templates: how prompts are worded, e.g. `a drawing of {name}`.
        version: sha256 of the facet's content.
    """

    id: str
    terms: tuple[Term, ...]
    templates: tuple[str, ...]
    version: str

    @classmethod
    def of(cls, id: str, terms: tuple[Term, ...], templates: tuple[str, ...]) -> Facet:
        """A facet with its version and those of its terms computed."""
        head = {"facet": id, "templates": list(templates)}
        versioned = tuple(
            Term(
                id=term.id,
                name=term.name,
                prompts=term.prompts,
                synonyms=term.synonyms,
                parents=term.parents,
                version=digest({**head, "term": term.content()}),
            )
            for term in terms
        )
        contents = [term.content() for term in sorted(terms, key=lambda term: term.id)]
        return cls(id, versioned, templates, digest({**head, "terms": contents}))

    @cached_property
    def by_id(self) -> Mapping[str, Term]:
        """The terms by their ids."""
        return MappingProxyType({term.id: term for term in self.terms})

    def term(self, id: str) -> Term:
        """The term of that id. Raises NotFound, which names the facet's terms."""
        try:
            return self.by_id[id]
        except KeyError:
            raise NotFound(
                f"no term `{id}` in the facet {self.id}",
                remedy=f"{near_word(id, self.by_id)}`gm vocab check` lists the terms",
            ) from None

    def within(self, id: str) -> frozenset[str]:
        """The ids of a term and of every narrower one below it."""
        found = {id}
        while True:
            below = {
                term.id for term in self.terms if term.id not in found and found & {*term.parents}
            }
            if not below:
                return frozenset(found)
            found |= below

    def above(self, id: str) -> frozenset[str]:
        """The ids of every broader term above a term."""
        found: set[str] = set()
        waiting = [*self.term(id).parents]
        while waiting:
            parent = waiting.pop()
            if parent not in found:
                found.add(parent)
                waiting += self.term(parent).parents
        return frozenset(found)

    def prompts_of(self, term: Term) -> tuple[str, ...]:
        """The texts that an encoder reads for a term: templates filled in, canonical, each once.

        A template with `{prompt}` gives a text for every prompt, one with `{synonym}` one for
        every synonym (none where there is none), others give one.
        """
        from gm_assets.encoding.text import canonical

        return tuple(dict.fromkeys(canonical(text) for text in self._filled(term)))

    def _filled(self, term: Term) -> Iterator[str]:
        for template in self.templates:
            used = set(_PLACEHOLDER.findall(template))
            for prompt in term.prompts if "prompt" in used else ("",):
                for synonym in term.synonyms if "synonym" in used else ("",):
                    values = {"prompt": prompt, "name": term.name, "synonym": synonym}
                    yield _PLACEHOLDER.sub(lambda match: values[match[1]], template)  # noqa: B023


@dataclass(frozen=True)
class Vocabulary:
    """The facets of a project, by id."""

    facets: Mapping[str, Facet]

    @cached_property
    def version(self) -> str:
        """sha256 over the versions of all facets."""
        return digest({id: facet.version for id, facet in self.facets.items()})

    def facet(self, id: str) -> Facet:
        """The facet of that id. Raises NotFound, which names the facets."""
        try:
            return self.facets[id]
        except KeyError:
            raise NotFound(
                f"no facet `{id}` in the vocabulary",
                remedy=f"{near_word(id, self.facets)}Facets: {', '.join(self.facets)}",
            ) from None

    def find(self, text: str) -> tuple[tuple[Facet, Term], ...]:
        """The terms that a person may mean by `text`: by id, name or synonym.

        Upper and lower case, hyphens and a leading article do not count. `environments/arch`
        looks into one facet only. Facets and terms come in their order.
        """
        facet_id, slash, word = text.rpartition("/")
        wanted = _plain(word)
        facets = [self.facet(facet_id.strip())] if slash else list(self.facets.values())
        return tuple(
            (facet, term)
            for facet in facets
            for term in facet.terms
            if wanted and wanted in {_plain(name) for name in term.words()}
        )


def digest(content: Any) -> str:
    """sha256 of the canonical JSON (RFC 8785) of `content`, lower-case hex."""
    return hashlib.sha256(rfc8785.dumps(content)).hexdigest()


def _plain(text: str) -> str:
    words = re.sub(r"[\s_-]+", " ", text.casefold()).strip().split(" ")
    return " ".join(words[1:] if len(words) > 1 and words[0] in ("the", "a", "an") else words)
