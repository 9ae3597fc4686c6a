"""Turns of the loop by a plan: how far they go, who accepts, what stays."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from gm_assets.diffusion.profiles import ShaderSpec
from gm_assets.errors import InvalidPlan, NotFound
from gm_assets.library import Library, acceptance
from gm_assets.making.lift_plans import LiftChanges, LiftPlan
from gm_assets.making.lifting import lift_plan
from gm_assets.making.persistence import persistence
from gm_assets.making.persistence_plot import draw
from gm_assets.making.plans import parse_lift_plan, parse_plan
from gm_assets.making.reentering import waiting
from gm_assets.making.turning import turn, turns
from gm_assets.memory.files import read_memory
from gm_assets_tests.library.files import rows
from gm_assets_tests.making.studio import make_library
from gm_assets_tests.making.test_plans import problems
from gm_assets_tests.making.turntables import make_turntable

PATH = Path("plans/watcher.yaml")
LOOP = """\
prompt: the watcher
writer: Ida
note: two turns
size: 128
steps: 1
frames:
- name: hero
- {name: plates, views: [turntable: 6]}
S5:
  methods: [hull]
  frames: plates
  settings: {hull: {resolution: 36}}
  agrees: 0.6
  turns: 2
  accept: plan
"""


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory, leash: ShaderSpec) -> Path:
    """A library whose chain `watcher` was turned once, for a person to accept."""
    library = make_library(tmp_path_factory.mktemp("pattern") / "library")
    write(library, LOOP.replace("  turns: 2\n  accept: plan\n", ""))
    (only,) = turns(library, "watcher", spec=leash)
    assert only.reentered is None and only.ended is not None and "a person" in only.ended
    assert rows(library, "select count(*) from events where action = 'accepted'") == [(0,)]
    return library.root


@pytest.fixture
def turned(pattern: Path, tmp_path: Path) -> Library:
    """A copy of that library; the files of its first turn are verified."""
    return Library.open(shutil.copytree(pattern, tmp_path / "turned"))


def write(library: Library, text: str) -> None:
    (library.root / "plans").mkdir(exist_ok=True)
    (library.root / PATH).write_text(text)


def test_a_plan_turns_a_chain_to_its_last_generation_and_no_further(
    turned: Library, leash: ShaderSpec
) -> None:
    write(turned, LOOP)
    first, second = turns(turned, "watcher", spec=leash)
    assert (first.generated.made, first.lifted.made, second.lifted.made) == (0, 0, 1)
    assert (first.key, second.key) == ("watcher.g01", "watcher.g02")
    assert first.reentered is not None and second.reentered is None
    assert second.ended is not None and "the last" in second.ended
    path = first.reentered.path
    memory = read_memory(turned.root / path).memory
    assert memory is not None
    event = acceptance(memory)
    assert event is not None and (event.person, event.note) == ("Ida", "two turns")
    assert event.parameters is not None
    assert event.parameters.startswith("accept: plan, plans/watcher.yaml, silhouette IoU 0.")
    assert not waiting(turned)
    stages = rows(
        turned,
        "select stage, state from chains where key = 'watcher.g02' and stage > 'S2' order by 1",
    )
    assert [state for _, state in stages] == ["present"] * 3
    sculpt = first.lifted.structures[0].kept.content_id
    plates = rows(
        turned,
        "select distinct l.parent_content_id from links l join placements p on p.document_id ="
        " l.child where p.key = 'watcher.g02' and p.part = 'frame' and l.parent_stage = 'S5'",
    )
    assert plates in ([(sculpt,)], []), "the frames of g02 obey the structure of g01"
    again = list(turns(turned, "watcher", spec=leash))
    assert [(one.generated.made, one.lifted.made) for one in again] == [(0, 0), (0, 0)]
    assert rows(turned, "select max(generation) from chains where chain = 'watcher'") == [(2,)]
    assert [one.key for one in turns(turned, "watcher.g02", spec=leash)] == ["watcher.g02"]
    _measure(turned, sculpt)


def _measure(library: Library, sculpt: str) -> None:
    """What stays: three shapes, the second being the structure of the first turn."""
    found = persistence(library, "watcher")
    assert [(shape.key, shape.stage) for shape in found.shapes] == [
        ("watcher.g01", "S3"),
        ("watcher.g02", "S3"),
        ("watcher.g02", "S5"),
    ]
    first, second, third = found.shapes
    assert first.first is None and second.content_id == sculpt
    assert second.first is not None and third.first is not None and third.before is not None
    assert 0.7 < second.first.silhouette_iou < 1 and third.first.silhouette_iou > 0.6
    assert third.before.silhouette_iou > third.first.silhouette_iou - 0.05
    assert second.first.point_to_surface is not None and second.first.point_to_surface < 0.05
    assert found.null is not None and found.null < third.first.silhouette_iou
    page = np.asarray(draw(library, found))
    assert page.shape[1] > 600 and len(np.unique(page.reshape(-1, 3), axis=0)) > 50


def test_a_plan_does_not_accept_what_does_not_agree(turned: Library, leash: ShaderSpec) -> None:
    write(turned, LOOP.replace("agrees: 0.6", "agrees: 0.999"))
    (only,) = turns(turned, "watcher", spec=leash)
    assert only.ended is not None and "does not agree" in only.ended
    assert rows(turned, "select max(generation) from chains where chain = 'watcher'") == [(1,)]


def test_a_turn_lifts_the_plates_that_it_made_and_no_others(
    library: Library, leash: ShaderSpec
) -> None:
    make_turntable(library, views="turntable:9", stage="S4")
    write(library, "size: 128\nsteps: 1\nseeds: [3, 4]\n")
    changes = LiftChanges(methods=("hull",), views=("turntable:4",), settings={"resolution": "32"})
    generated, lifted = turn(library, "watcher", changes, spec=leash)
    assert [frame.seed for frame in generated.frames] == [3] * 4
    assert {one.kept.content_id for one in lifted.structures[0].used} == {
        frame.kept.content_id for frame in generated.frames
    }


def test_the_section_of_a_plan_is_read() -> None:
    plan = parse_lift_plan(LOOP.encode(), PATH)
    assert (plan.methods, plan.frames, plan.agrees, plan.turns) == (("hull",), "plates", 0.6, 2)
    assert (plan.accept, plan.writer, plan.note) == ("plan", "Ida", "two turns")
    assert plan.settings == {"hull": {"resolution": "36"}} and plan.source == PATH
    bare = parse_lift_plan(b"prompt: the watcher\n", PATH)
    assert bare == LiftPlan(source=PATH)
    assert parse_plan(LOOP.encode(), PATH, "S4").frames[1].name == "plates"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("S5: 3", "`S5` must be a map"),
        ("S5: {methods: magic}", "there is no method 'magic'"),
        ("S5: {methods: [hull, {a: 1}]}", "holds what is no text"),
        ("S5: {agree: 0.9}", "unknown key `agree`"),
        ("S5: {agrees: 2}", "`agrees` must be a number from 0 to 1"),
        ("S5: {turns: 2}", "more than one turn needs somebody who accepts"),
        ("S5: {turns: 99, accept: plan}", "from 1 to 16"),
        ("S5: {accept: nobody}", "`accept` cannot be nobody"),
        ("S5: {views: sideways}", "there is no view 'sideways'"),
        ("S5: {settings: {hull: {depth: 3}}}", "hull has no setting 'depth'"),
        ("S5: {settings: {field: {steps: [3, x]}}}", "a whole number"),
        ("S5: {settings: {splats: {renderer: paint}}}", "one of numba, gsplat"),
        ("S5: {settings: {model: {}}}", "unknown key `model`"),
        ("frames:\n- name: a\nS5: {frames: b}", "no entry is called so"),
    ],
)
def test_every_problem_of_the_section_is_told(text: str, said: str) -> None:
    assert any(said in problem for problem in problems(text)), problems(text)


def test_a_broken_plan_stops_a_lift_before_anything_is_made(library: Library) -> None:
    write(library, "S5: {agrees: much}\n")
    with pytest.raises(InvalidPlan):
        lift_plan(library, "watcher.g01")


def test_a_chain_without_shapes_has_no_persistence(library: Library) -> None:
    with pytest.raises(NotFound, match="no sculpt"):
        persistence(library, "nobody")
