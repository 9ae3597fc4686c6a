"""Suggestions: ranked, with their measures, never stored, gone once they were rejected."""

from __future__ import annotations

import pytest

from gm_assets.authoring.confirming import ask, stated
from gm_assets.authoring.linking import link
from gm_assets.authoring.suggesting import Wanted, suggest
from gm_assets.errors import NotFound
from gm_assets.library import Library, ingest, place
from gm_assets.memory.record import Placement
from gm_assets_tests.authoring.files import PERSON, scene, snapshot
from gm_assets_tests.library.files import model, paint_over, rows


@pytest.fixture
def studio(library: Library) -> Library:
    """Three subjects, each with a sketch, a reference that looks like it, a mesh, its clay."""
    for seed, name in enumerate(("keeper", "gate", "ship")):
        folder = library.root / "figures" / name
        scene(folder / "sketch.png", seed)
        scene(folder / "reference.png", seed, (192, 128))
        model(folder / "sculpt" / f"{name}.glb", 1.0 + seed)
        scene(folder / "sculpt" / "clay.png", 100 + seed)
    ingest(library, workers=1)
    return library


def test_places_and_parents_are_found_from_nothing(studio: Library) -> None:
    found = suggest(studio)
    assert (found.documents, found.unplaced) == (12, 12)
    best = {one.path: one.placement for one in reversed(found.places)}
    assert best["figures/gate/sketch.png"] == Placement(chain="gate", stage="S1", part="sketch")
    assert best["figures/gate/sculpt/gate.glb"].part == "mesh"
    links = {(one.path, one.parent): one for one in found.links}
    drawn = links["figures/gate/reference.png", "figures/gate/sketch.png"]
    assert drawn.role == "source" and drawn.measures.hash_distance <= 4
    assert links["figures/gate/sculpt/clay.png", "figures/gate/sculpt/gate.glb"].role == "geometry"
    strangers = [pair for pair in links if pair[0].split("/")[1] != pair[1].split("/")[1]]
    assert not strangers
    scores = [one.score for one in found.links]
    assert scores == sorted(scores, reverse=True) and 0 < scores[0] <= 1


def test_suggesting_writes_nothing(studio: Library) -> None:
    before, generation = snapshot(studio), studio.store.generation
    suggest(studio)
    assert snapshot(studio) == before and studio.store.generation == generation
    assert rows(studio, "select count(*) from links") == [(0,)]


def test_what_a_person_placed_draws_what_looks_like_it(pictures: Library) -> None:
    place(pictures, "a.png", Placement(chain="harbour", stage="S1", part="sketch"))
    scene(pictures.root / "other" / "0001.png", 0, (48, 32))
    ingest(pictures, workers=1)
    found = [one for one in suggest(pictures).places if one.path == "other/0001.png"]
    assert found[0].placement.chain == "harbour"
    assert found[0].measures.hash_distance <= 10


def test_the_smaller_of_two_that_look_the_same_comes_from_the_larger(pictures: Library) -> None:
    scene(pictures.root / "a-small.png", 0, (48, 32))
    ingest(pictures, workers=1)
    (link,) = suggest(pictures, wanted=Wanted(places=False)).links
    assert (link.path, link.parent, link.role) == ("a-small.png", "a.png", "source")


def test_a_rejected_suggestion_does_not_come_back_until_the_picture_changes(
    studio: Library,
) -> None:
    path = "figures/gate/reference.png"
    place, *_ = (one for one in suggest(studio).places if one.path == path)
    parents = [one for one in suggest(studio).links if one.path == path]
    lines = [stated(one, "reject") for one in (place, *parents)]
    assert link(studio, lines, person=PERSON).rejected == len(lines)
    again = suggest(studio, [path])
    assert not [one for one in again.places if one.placement.chain == place.placement.chain]
    assert not again.links and again.rejected
    paint_over(studio.root / path, 7)
    ingest(studio, workers=1)
    assert suggest(studio, [path]).places


def test_what_was_accepted_is_not_suggested_again(studio: Library) -> None:
    found = suggest(studio)
    report = link(studio, ask(found.all, lambda number, one: "y"), person=PERSON, workers=1)
    assert not report.troubles and not report.failed
    again = suggest(studio)
    known = {(one.path, one.parent) for one in found.links}
    assert again.unplaced == 0 and not again.places
    assert not known & {(one.path, one.parent) for one in again.links}


def test_folders_choose_and_unknown_ones_are_refused(studio: Library) -> None:
    found = suggest(studio, [studio.root / "figures" / "gate"])
    assert {one.path.split("/")[1] for one in found.all} == {"gate"}
    with pytest.raises(NotFound):
        suggest(studio, [studio.root / "nowhere"])


def test_answers_in_the_terminal_become_statements(studio: Library) -> None:
    found = suggest(studio).places
    chain = found[0].placement.chain
    answers = iter(["a", "n", "s", "q", "y"])
    asked = []

    def answer(number: int, one) -> str:
        asked.append(one)
        return next(answers)

    said = ask(found, answer)
    accepted = {one.placement.chain for one in said if one.decision == "accept"}
    assert accepted == {chain}
    assert [one.decision for one in said].count("reject") == 1
    assert len(asked) == 4 and asked[0] is found[0]
