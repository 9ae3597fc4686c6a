"""From the YAML files of a folder to a vocabulary, or to the list of all that is wrong."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from gm_assets.errors import NotFound, Problem
from gm_assets.memory.record import SLUG
from gm_assets.vocabulary.folders import repository_folder
from gm_assets.vocabulary.problems import Problems, near_word, refuse
from gm_assets.vocabulary.terms import DEFAULT_TEMPLATES, PLACEHOLDERS, Facet, Term, Vocabulary
from gm_assets.vocabulary.yaml_tree import MAX_BYTES, Entries, Items, Node, Text, read_tree
from gm_assets.words import escaped

MAX_FACETS = 64
MAX_TERMS = 5_000
#: Characters of a name, prompt, synonym or template.
MAX_TEXT = 300
#: Prompts, synonyms or parents of a term; templates of a facet.
MAX_LIST = 64
#: Texts that an encoder reads for one term.
MAX_TEXTS = 256

_FACET_KEYS = ("facet", "templates", "terms")
_TERM_KEYS = ("id", "name", "prompts", "synonyms", "parents")


def load(folder: Path | None = None) -> Vocabulary:
    """Read and check all facets (`*.yaml`) of a folder.

    Args:
        folder: that of `GM_VOCAB` or of this checkout by default (`folders.repository_folder`).

    Raises:
        NotFound: there is no such folder, or no facet in it.
        InvalidVocabulary: with every problem of every file, each with line and column.
    """
    folder = repository_folder() if folder is None else Path(folder)
    paths = sorted(path for path in folder.glob("*.yaml") if not path.name.startswith("."))
    if not paths:
        raise NotFound(
            "there is no vocabulary here",
            where=folder,
            remedy="Name a folder with facets such as subjects.yaml in GM_VOCAB",
        )
    return parse({path: _read(path) for path in paths[: MAX_FACETS + 1]})


def parse(files: Mapping[Path, bytes]) -> Vocabulary:
    """Check the bytes of facet files; the stem of a path is the id of its facet.

    Raises:
        InvalidVocabulary: as `load` does.
    """
    if len(files) > MAX_FACETS:
        problems = Problems(next(iter(files)).parent)
        problems.add(None, f"more than {MAX_FACETS} facets", "Join some of them")
        refuse(problems.found)
    facets: dict[str, Facet] = {}
    found: list[Problem] = []
    for path, data in files.items():
        problems = Problems(path)
        facet = _facet(read_tree(data, problems), problems)
        found += problems.found
        if facet is not None and not problems.found:
            facets[facet.id] = facet
    refuse(found)
    return Vocabulary(MappingProxyType(dict(sorted(facets.items()))))


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _facet(root: Node | None, problems: Problems) -> Facet | None:
    if not isinstance(root, Entries):
        if not problems.found:
            problems.add(root, "this is no facet", "Begin with `facet: NAME` and a list of `terms`")
        return None
    reader = _Reader(problems)
    reader.only_keys(root, _FACET_KEYS)
    id = reader.facet_id(root)
    templates = reader.templates(root)
    node = root.get("terms")
    if not isinstance(node, Items) or not node.items:
        problems.add(node or root, "a facet needs a list of `terms`", "Add one with `- id: …`")
        return None
    if len(node.items) > MAX_TERMS:
        problems.add(node, f"more than {MAX_TERMS:,} terms in a facet", "Split the facet")
        return None
    terms = tuple(term for item in node.items if (term := reader.term(item, templates)))
    reader.check_parents({term.id: term for term in terms})
    return Facet.of(id, terms, templates)


class _Reader:
    """Reads the parts of one facet; what is wrong goes into `problems`."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.seen: dict[str, Text] = {}
        self.parents: dict[tuple[str, str], Text] = {}

    def facet_id(self, root: Entries) -> str:
        node = root.get("facet")
        stem = self.problems.path.stem
        id = self.text(node, "facet", root)
        if id and not SLUG.match(id):
            self.not_a_slug(node, id)
        elif id and id != stem:
            self.problems.add(
                node,
                f"the facet is called {id}, its file {self.problems.path.name}",
                f"Write `facet: {stem}`, or rename the file to {id}.yaml",
            )
        return id

    def templates(self, root: Entries) -> tuple[str, ...]:
        if root.get("templates") is None:
            return DEFAULT_TEMPLATES
        return tuple(
            template.text
            for template in self.texts(root, "templates", needed=True)
            if self.is_template(template)
        )

    def is_template(self, node: Text) -> bool:
        try:
            fields = [name for _, name, _, _ in string.Formatter().parse(node.text)]
            plain = "{{" not in node.text and "}}" not in node.text
        except ValueError:
            fields, plain = [], False
        used = [name for name in fields if name is not None]
        if plain and used and set(used) <= set(PLACEHOLDERS):
            return True
        known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        self.problems.add(
            node, f"`{node.text}` is not a template", f"Use at least one of {known} in it"
        )
        return False

    def term(self, node: Node, templates: tuple[str, ...]) -> Term | None:
        if not isinstance(node, Entries):
            self.problems.add(node, "a term must be a map of keys", "Begin it with `- id: …`")
            return None
        self.only_keys(node, _TERM_KEYS)
        id = self.term_id(node)
        name = self.text(node.get("name"), "name", node)
        prompts = self.texts(node, "prompts", needed=True)
        synonyms = self.texts(node, "synonyms")
        parents = self.texts(node, "parents")
        for parent in parents:
            self.parents.setdefault((id, parent.text), parent)
        term = Term(
            id=id,
            name=name,
            prompts=tuple(text.text for text in prompts),
            synonyms=tuple(text.text for text in synonyms),
            parents=tuple(text.text for text in parents),
        )
        readings = sum(
            (len(prompts) if "{prompt}" in template else 1)
            * (len(synonyms) if "{synonym}" in template else 1)
            for template in templates
        )
        if readings > MAX_TEXTS:
            self.problems.add(
                node,
                f"the templates make {readings:,} texts of this term, at most {MAX_TEXTS} are read",
                "Use fewer templates or prompts",
            )
        if prompts and not readings:
            self.problems.add(
                node,
                "no template makes a text of this term",
                "Add a template with {prompt} or {name}",
            )
        return term if id else None

    def term_id(self, node: Entries) -> str:
        at = node.get("id")
        id = self.text(at, "id", node)
        if not id or not isinstance(at, Text):
            return ""
        if not SLUG.match(id):
            self.not_a_slug(at, id)
        elif id in self.seen:
            self.problems.add(
                at,
                f"the id `{id}` stands twice (first in line {self.seen[id].line})",
                "Give the terms different ids, or join them",
            )
        self.seen.setdefault(id, at)
        return id

    def not_a_slug(self, node: Node | None, id: str) -> None:
        better = re.sub(r"[^a-z0-9]+", "-", id.casefold()).strip("-")
        self.problems.add(
            node,
            f"`{escaped(id)}` is not a slug (lower-case letters, digits, single hyphens)",
            f"Write `{better}`" if better else "Use letters from a to z",
        )

    def check_parents(self, terms: Mapping[str, Term]) -> None:
        for (id, parent), at in self.parents.items():
            if parent not in terms:
                self.problems.add(
                    at,
                    f"the parent `{escaped(parent)}` of `{id}` is no term of this facet",
                    f"{near_word(parent, terms)}Parents are ids within the facet",
                )
        for cycle in _cycles(terms):
            at = self.parents[cycle[0], cycle[1 % len(cycle)]]
            way = " → ".join((*cycle, cycle[0]))
            self.problems.add(at, f"the parents go round: {way}", "Remove one of these parents")

    def only_keys(self, node: Entries, known: tuple[str, ...]) -> None:
        for key, (at, _) in node.entries.items():
            if key not in known:
                self.problems.add(
                    at,
                    f"unknown key `{escaped(key)}`",
                    f"{near_word(key, known)}Known keys: {', '.join(known)}",
                )

    def text(self, node: Node | None, key: str, around: Entries) -> str:
        """The text of a key that must be there; '' where something is wrong with it."""
        if node is None:
            self.problems.add(around, f"`{key}` is missing", f"Add `{key}: …`")
            return ""
        if not isinstance(node, Text):
            self.problems.add(node, f"`{key}` must be one text", "Put it on one line, no list")
            return ""
        return node.text if self.is_sound(node, key) else ""

    def texts(self, around: Entries, key: str, *, needed: bool = False) -> tuple[Text, ...]:
        node = around.get(key)
        if node is None:
            if needed:
                self.problems.add(around, f"`{key}` is missing", f"Add a list of {key}")
            return ()
        if not isinstance(node, Items):
            self.problems.add(
                node, f"`{key}` must be a list", "Put each on a line that begins `- `"
            )
            return ()
        if needed and not node.items:
            self.problems.add(node, f"`{key}` is empty", "Write at least one")
        if len(node.items) > MAX_LIST:
            self.problems.add(node, f"more than {MAX_LIST} {key}", "Keep the best of them")
        sound: dict[str, Text] = {}
        for item in node.items[:MAX_LIST]:
            if not isinstance(item, Text):
                self.problems.add(item, f"`{key}` must hold texts only", "Put it in quotes")
            elif item.text in sound:
                self.problems.add(item, f"`{escaped(item.text)}` stands twice", "Keep one")
            elif self.is_sound(item, key):
                sound[item.text] = item
        return tuple(sound.values())

    def is_sound(self, node: Text, key: str) -> bool:
        text = node.text
        if not any(letter.isalnum() for letter in text):
            self.problems.add(node, f"a text of `{key}` holds no word", "Write it, or remove it")
        elif text != text.strip() or text != escaped(text) or "\n" in text or "\t" in text:
            self.problems.add(
                node,
                f"`{escaped(text)}` has blanks around it, a line break or a control character",
                "Write plain words on one line",
            )
        elif len(text) > MAX_TEXT:
            self.problems.add(
                node,
                f"a text of `{key}` has {len(text):,} characters, at most {MAX_TEXT} are read",
                "Say it shorter: encoders read few words",
            )
        else:
            return True
        return False


def _cycles(terms: Mapping[str, Term]) -> list[tuple[str, ...]]:
    """Every cycle of parents that a walk meets, once, from its first term in the file."""
    done: set[str] = set()
    cycles: list[tuple[str, ...]] = []
    for start in terms:
        way: list[tuple[str, list[str]]] = (
            [(start, _known(terms, start))] if start not in done else []
        )
        while way:
            id, left = way[-1]
            if not left:
                done.add(id)
                way.pop()
                continue
            parent = left.pop(0)
            on_way = [step for step, _ in way]
            if parent in on_way:
                cycles.append(tuple(on_way[on_way.index(parent) :]))
            elif parent not in done:
                way.append((parent, _known(terms, parent)))
    return cycles


def _known(terms: Mapping[str, Term], id: str) -> list[str]:
    return [parent for parent in terms[id].parents if parent in terms]
