"""vocab/*.yaml: well-formed, and the world uses no word that is not in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from gm_assets.library.rules import slug
from gm_assets.sculpt.glb import SURFACES
from gm_assets.world.looks.surfaces import SUBSTANCES
from gm_assets.world.names import DOMAINS, ENVIRONMENTS, LIGHTS, SHOTS, SUBJECTS_OF

FOLDER = Path(__file__).parents[2] / "vocab"
FACETS = ("environments", "factions", "lights", "materials", "shots", "subjects")
KEYS = {"id", "name", "prompts", "synonyms", "parents"}


def facet(name: str) -> list[dict[str, Any]]:
    """The terms of a facet, in the order of its file."""
    document: Mapping[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8"))
    assert document.keys() == {"facet", "terms"}
    assert document["facet"] == name
    return document["terms"]


def ids(name: str) -> set[str]:
    return {term["id"] for term in facet(name)}


def test_every_facet_has_its_file_and_no_other_lies_there() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(FACETS)


@pytest.mark.parametrize("name", FACETS)
def test_a_term_has_a_slug_a_name_and_prompts(name: str) -> None:
    for term in facet(name):
        assert term.keys() <= KEYS
        assert term["id"] and slug(term["id"]) == term["id"]
        assert term["name"].strip()
        assert term["prompts"]
        for words in (*term["prompts"], *term.get("synonyms", ())):
            assert isinstance(words, str) and words == words.strip() and words


@pytest.mark.parametrize("name", FACETS)
def test_ids_are_unique_and_parents_are_terms_of_the_facet(name: str) -> None:
    terms = facet(name)
    assert len(ids(name)) == len(terms)
    for term in terms:
        assert set(term.get("parents", ())) <= ids(name) - {term["id"]}


@pytest.mark.parametrize(
    ("name", "used"),
    [("environments", ENVIRONMENTS), ("lights", LIGHTS), ("shots", SHOTS), ("subjects", DOMAINS)],
)
def test_what_the_world_names_is_in_the_vocabulary(name: str, used: tuple[str, ...]) -> None:
    assert set(used) <= ids(name)


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_subjects_of_a_domain_are_its_terms(domain: str) -> None:
    terms = [term["id"] for term in facet("subjects") if term.get("parents") == [domain]]
    assert sorted(terms) == sorted(SUBJECTS_OF[domain])


def test_every_material_is_in_the_vocabulary() -> None:
    assert ids("materials") == SURFACES.keys() | SUBSTANCES.keys()
