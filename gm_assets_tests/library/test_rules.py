"""Placement rules: paths become placements, or stay unplaced."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gm_assets.library.rules import Ruling, place_rule, rule_for, slug
from gm_assets.memory.record import SLUG, Placement

slugs = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,2}", fullmatch=True)


def ruling(path: str, *tables: dict) -> Ruling | None:
    return rule_for([place_rule(table, i) for i, table in enumerate(tables)], path)


def placement(path: str, *tables: dict) -> Placement:
    found = ruling(path, *tables)
    assert found is not None
    return found.placement


@given(chain=slugs, part=slugs, stage=st.integers(1, 5), generation=st.integers(1, 9999))
def test_what_a_path_spells_out_is_what_the_rule_reads(
    chain: str, part: str, stage: int, generation: int
) -> None:
    rule = {"match": "{chain}.{generation}/{stage}/{part}.{ext}"}
    found = placement(f"{chain}.g{generation:02d}/s{stage}/{part}.png", rule)
    assert found == Placement(chain=chain, generation=generation, stage=f"S{stage}", part=part)


@given(st.text(max_size=40))
def test_a_slug_is_a_slug_or_empty_and_stays_what_it_is(text: str) -> None:
    found = slug(text)
    assert found == "" or SLUG.match(found)
    assert slug(found) == found


def test_names_become_slugs() -> None:
    assert slug("Seam_Keeper v02") == "seam-keeper-v02"
    assert slug("Größe — Straße") == "grosse-strasse"
    assert slug("裂け目") == ""


def test_the_border_between_groups_is_found_by_the_stage() -> None:
    rule = {"match": "**/{chain}_{stage}_{part}.{ext}"}
    found = placement("any/where/seam_keeper_S3_left_arm.glb", rule)
    assert (found.chain, found.stage, found.part) == ("seam-keeper", "S3", "left-arm")
    assert ruling("seam_keeper_S9_arm.glb", rule) is None


def test_stages_may_have_the_studio_s_own_names() -> None:
    rule = {
        "match": "{stage}/{chain}.{ext}",
        "stages": {"sketches": "S1", "plates": "S4"},
        "part": "frame",
    }
    assert placement("plates/gate.png", rule).stage == "S4"
    assert ruling("S4/gate.png", rule) is None


def test_the_first_rule_that_fits_wins_and_an_invalid_value_fits_not() -> None:
    first = {"match": "{chain}/{part}.{ext}", "stage": "S1"}
    second = {"match": "**", "chain": "rest", "stage": "S2", "part": "x"}
    assert placement("gate/a.png", first, second).chain == "gate"
    assert placement("裂け目/a.png", first, second).chain == "rest"
    assert placement("deep/er/a.png", first, second).chain == "rest"


def test_a_regex_group_that_took_no_part_leaves_the_constant() -> None:
    rule = {
        "regex": r"(?P<chain>\w+)(?:\.(?P<generation>g\d+))?/(?P<part>\w+)\.(?P<ext>\w+)",
        "stage": "S2",
        "generation": 3,
        "primary": True,
        "domain": "figures",
    }
    assert placement("gate/a.png", rule).generation == 3
    assert placement("gate.g07/a.png", rule).generation == 7
    assert placement("gate/a.png", rule).primary is True
    found = ruling("gate/a.png", rule)
    assert found is not None and found.domain == "figures"


def test_frames_and_views_are_read_and_zero_generation_is_none() -> None:
    rule = {"match": "{chain}/{stage}/{view}.{frame}.{ext}", "part": "depth"}
    found = placement("gate/S3/Left Side.0042.png", rule)
    assert (found.view, found.frame) == ("left-side", 42)
    generation = {"match": "{chain}.{generation}/{stage}/{part}.{ext}"}
    assert ruling("gate.g00/S1/a.png", generation) is None


def test_digits_that_are_no_number_do_not_fit() -> None:
    rule = {"regex": r"(?P<chain>\w+)/(?P<frame>.+)\.png", "stage": "S4", "part": "frame"}
    assert ruling("gate/².png", rule) is None
    assert placement("gate/１２.png", rule).frame == 12
    rule = {"regex": r"(?P<chain>\w+)\.(?P<generation>.+)/x", "stage": "S4", "part": "frame"}
    assert ruling("gate.g³/x", rule) is None


def test_special_signs_in_a_pattern_are_literal() -> None:
    rule = {"match": "a+b (c)/{chain}.{_version}.{ext}", "stage": "S1", "part": "x"}
    assert placement("a+b (c)/gate.v3.png", rule).chain == "gate"
    assert ruling("aab c/gate.v3.png", rule) is None
