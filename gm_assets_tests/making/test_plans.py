"""Plans: what is read from them, and what is wrong with them."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gm_assets.errors import InvalidPlan, NotFound
from gm_assets.making.plans import Changes, FramePlan, Plan, Shot, parse_plan, plan_file

PATH = Path("plans/watcher.yaml")
WHOLE = b"""\
prompt: the watcher
negative: crowds
environment: ash-plain
profile: embedded
writer: Ida
note: For the second chapter
folder: chapter-two/watcher
seeds: [1, 2]
passes: {depth: 0.5, ids: 0}
views: [hero, turntable: 3]
size: 640x384
steps: 12
guidance: 2.5
identity: false
S2:
  prompt: the watcher, washed
  size: 512
S4:
  frames:
    - name: storm
      environment: storm-at-the-seawall
      light: searchlight
      seeds: 7
      views:
        - {name: below, azimuth: -20, elevation: -8.5, lens: 35, margin: 0.2, lift: 0.1}
    - name: plain
"""


def problems(text: str) -> list[str]:
    with pytest.raises(InvalidPlan) as caught:
        parse_plan(text.encode(), PATH, "S4")
    return [str(problem) for problem in caught.value.problems]


def test_inner_keys_win_over_outer_ones() -> None:
    plan = parse_plan(WHOLE, PATH, "S4")
    storm, plain = plan.frames
    assert (plan.profile, plan.writer, plan.folder) == ("embedded", "Ida", "chapter-two/watcher")
    assert (storm.environment, plain.environment) == ("storm-at-the-seawall", "ash-plain")
    assert (storm.seeds, plain.seeds) == ((7,), (1, 2))
    assert storm.views == (Shot("below", -20, -8.5, 35, 0.2, 0.1),)
    assert plain.views == ("hero", "turntable:3")
    assert (plain.width, plain.height, plain.steps, plain.guidance) == (640, 384, 12, 2.5)
    assert plain.passes == {"depth": 0.5, "ids": 0} and not plain.identity
    shaded = parse_plan(WHOLE, PATH, "S2")
    assert [frame.prompt for frame in shaded.frames] == ["the watcher, washed"]
    assert (shaded.frames[0].width, shaded.frames[0].height) == (512, 512)


def test_the_words_are_prompt_material_environment_and_light() -> None:
    frame = FramePlan(
        prompt="the watcher", material="bone", environment="ash-plain", light="sphere-glow"
    )
    words = frame.words({"sphere-glow": "Sphere's glow", "bone": "Bone"})
    assert words.prompt == "the watcher, Bone, ash plain, Sphere's glow"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("prompt: a\nwiews: [hero]\n", 2, "unknown key `wiews`. Did you mean `views`?"),
        ("views: [heroic]\n", 1, "there is no view 'heroic'"),
        ("views:\n  - turntable: many\n", 2, "there is no view"),
        ("views: []\n", 1, "`views` is empty"),
        ("passes: {dept: 1}\n", 1, "unknown key `dept`. Did you mean `depth`?"),
        ("passes:\n  depth: 2\n", 2, "`depth` must be a number from 0 to 1"),
        ("seeds: [1, x]\n", 1, "a seed must be a whole number"),
        ("seeds: -1\n", 1, "a seed must be a whole number"),
        ("seeds: []\n", 1, "`seeds` is empty"),
        ("size: big\n", 1, "is no size of a frame"),
        ("size: 4x4\n", 1, "is no size of a frame"),
        ("steps: 1.5\n", 1, "steps must be a whole number"),
        ("guidance: .nan\n", 1, "`guidance` must be a number"),
        ("identity: maybe\n", 1, "`identity` is a truth value"),
        ("profile: cloud\n", 1, "`profile` cannot be cloud"),
        ("folder: ../elsewhere\n", 1, "`folder` is a folder inside the library"),
        ("folder: .hidden/x\n", 1, "`folder` is a folder inside the library"),
        ("frames: storm\n", 1, "`frames` must be a list"),
        ("frames:\n  - prompt: a\n", 2, "a `name` is needed"),
        ("frames:\n  - name: a\n  - name: a\n", 3, "the frame `a` stands twice"),
        ("S4: night\n", 1, "`S4` must be a map of keys"),
        ("prompt: [a, b]\n", 1, "`prompt` must be one text"),
        ('prompt: "a\\x1b[2J"\n', 1, "control characters"),
        ("- a\n", 1, "this is no plan"),
        ("prompt: &x a\nnegative: *x\n", 1, "anchors and aliases"),
        ("prompt: !!python/object:os.system a\n", 1, "the tag"),
        ("prompt: a\nprompt: b\n", 2, "stands twice"),
        ("prompt: 2026-11-22\n", 1, "YAML takes 2026-11-22 for a date"),
    ],
)
def test_a_problem_is_named_with_its_line(text: str, line: int, said: str) -> None:
    found = problems(text)
    assert any(one.startswith(f"{PATH}:{line}:") and said in one for one in found), found


def test_all_problems_are_told_at_once_and_cross_processes() -> None:
    with pytest.raises(InvalidPlan) as caught:
        parse_plan(b"steps: none\nsize: 0\nsceds: 1\n", PATH, "S4")
    assert len(caught.value.problems) == 3
    assert pickle.loads(pickle.dumps(caught.value)).problems == caught.value.problems
    assert "also plans/watcher.yaml:2" in (caught.value.remedy or "")


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_what_is_wrong_with_them(data: bytes) -> None:
    try:
        assert parse_plan(data, PATH, "S4").frames
    except InvalidPlan as error:
        assert error.problems


@given(st.recursive(st.text(max_size=9), lambda s: st.lists(s, max_size=3), max_leaves=5))
def test_any_value_of_any_key_is_read_or_refused(value: object) -> None:
    import yaml

    keys = ("views", "seeds", "passes", "frames", "S4", "size", "steps", "prompt", "identity")
    for key in keys:
        text = yaml.safe_dump({key: value}, allow_unicode=True).encode("utf-8", "replace")
        try:
            parse_plan(text, PATH, "S4")
        except InvalidPlan as error:
            assert error.problems


def test_the_plan_of_a_generation_goes_before_that_of_the_chain(tmp_path: Path) -> None:
    assert plan_file(tmp_path, "watcher.g02") is None
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans/watcher.yaml").touch()
    (tmp_path / "plans/watcher.g02.yaml").touch()
    found = [plan_file(tmp_path, f"watcher.g0{turn}") for turn in (1, 2)]
    assert [path.name for path in found if path] == ["watcher.yaml", "watcher.g02.yaml"]


def test_changes_stand_in_for_what_the_plan_says() -> None:
    plan = Plan("S4", (FramePlan("a", prompt="x", seeds=(1, 2)), FramePlan("b")), note="old")
    changed = Changes(seeds=(9,), views=("front",), frames=("a",), size=(64, 32)).of(plan)
    (frame,) = changed.frames
    assert (frame.name, frame.prompt, frame.seeds, frame.views) == ("a", "x", (9,), ("front",))
    assert (frame.width, frame.height, changed.note) == (64, 32, "old")
    with pytest.raises(NotFound, match="no frame 'c'"):
        Changes(frames=("c",)).of(plan)


def test_a_prompt_of_the_command_takes_the_place_of_all_words() -> None:
    entry = FramePlan(prompt="a keeper", environment="ash-plain", material="bone", light="overcast")
    (frame,) = Changes(prompt="night city").of(Plan("S4", (entry,))).frames
    assert frame.words({}).prompt == "night city"
    assert frame.environment == ""
    (same,) = Changes(seeds=(4,)).of(Plan("S4", (entry,))).frames
    assert same.words({}) == entry.words({})
