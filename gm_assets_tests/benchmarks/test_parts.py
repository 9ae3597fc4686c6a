"""The comparison of lifted parts with those of a sculpt: what it counts, where it finds both."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.parts import BEGIN, END, Agreement, Shot, agreement, measured, table, written
from gm_assets.errors import NotFound
from gm_assets.library import Library, ingest
from gm_assets.making.generating import generate
from gm_assets.making.lift_plans import LiftChanges
from gm_assets.making.lifting import lift_chain
from gm_assets.making.plans import Changes
from gm_assets.sculpt.cameras import turntable
from gm_assets.sculpt.model import Part, Sculpt
from gm_assets.sculpt.rays import Scene
from gm_assets_tests.making.studio import box, figure, make_leash, make_library
from gm_assets_tests.sculpt.shapes import cube

#: Three cubes of different sizes, one beside the other.
SIZES = {"small": 0.4, "middle": 0.7, "large": 1.0}
ROW = Sculpt(
    "row",
    tuple(
        cube(name, size, (1.5 * number, size / 2, 0), semantic)
        for number, ((name, size), semantic) in enumerate(
            zip(SIZES.items(), ("prop", "cloth", "cloth"), strict=True)
        )
    ),
)
SHOTS = [Shot(camera, 64, 64) for camera in turntable(Scene(ROW).vertices, 5, elevations=(20,))]


def pixels(part: int) -> int:
    """How many pixels of all shots show a part of the row, by its number."""
    scene = Scene(ROW)
    return sum(int((scene.ids(one.camera, 64, 64) == part + 1).sum()) for one in SHOTS)


def ious(found: Agreement) -> dict[str, float | None]:
    return {name: one.iou for name, one in found.classes.items()}


def named(names: tuple[str, ...]) -> Sculpt:
    """The row with other names, each with the class that the row's part of that name has."""
    kinds = {part.name: part.semantic for part in ROW.parts}
    return Sculpt(
        "lift",
        tuple(
            replace(part, name=name, semantic=kinds[name])
            for part, name in zip(ROW.parts, names, strict=True)
        ),
    )


def test_a_copy_agrees_in_every_part() -> None:
    found = agreement(ROW, ROW, SHOTS)
    assert (found.kept, found.iou, found.area) == (3, 1.0, 1.0)
    assert ious(found) == {"prop": 1.0, "cloth": 1.0}
    assert {name: one.pixels for name, one in found.parts.items()} == {
        name: pixels(number) for number, name in enumerate(SIZES)
    }


@settings(max_examples=6, deadline=None)
@given(st.permutations(tuple(SIZES)))
def test_with_names_exchanged_what_kept_its_own_is_what_agrees(names: list[str]) -> None:
    found = agreement(ROW, named(tuple(names)), SHOTS)
    seen = [pixels(number) for number in range(3)]
    own = [name == part.name for name, part in zip(names, ROW.parts, strict=True)]
    right = sum(count for count, same in zip(seen, own, strict=True) if same)
    assert found.iou == pytest.approx(right / sum(seen))
    area = [size**2 for size in SIZES.values()]
    right_area = sum(count for count, same in zip(area, own, strict=True) if same)
    assert found.area == pytest.approx(right_area / sum(area), abs=1e-3)
    assert found.kept == 3
    assert all(
        (one.iou == 1) is same and (one.iou == 0) is not same
        for one, same in zip(found.parts.values(), own, strict=True)
    )


def test_an_exchange_within_a_class_leaves_the_class_as_it_was() -> None:
    found = agreement(ROW, named(("small", "large", "middle")), SHOTS)
    assert found.iou < 1 and ious(found) == {"prop": 1.0, "cloth": 1.0}


def test_a_part_that_was_lost_counts_with_its_pixels() -> None:
    found = agreement(ROW, Sculpt("lift", ROW.parts[:1]), SHOTS)
    assert (len(found.parts), found.kept) == (3, 1)
    # What the large cubes hid of the small one is seen now: more than it was, so less than 1.
    small = found.parts["small"].iou
    assert small is not None and 0 < small < 1
    assert ious(found) == {"prop": small, "cloth": 0}
    share = pixels(0) / sum(pixels(number) for number in range(3))
    assert found.iou == pytest.approx(share * small)
    assert found.area == 1


def test_what_lies_beside_the_sculpt_counts_against_the_part_that_it_is_named_after() -> None:
    grown = replace(ROW.parts[0], vertices=ROW.parts[0].vertices * 1.2)
    found = agreement(ROW, Sculpt("lift", (grown, *ROW.parts[1:])), SHOTS)
    prop, cloth = (found.classes[name].iou for name in ("prop", "cloth"))
    assert cloth == pytest.approx(1, abs=0.05)
    assert prop is not None and prop < 0.85


def test_a_class_that_no_view_shows_has_no_figure() -> None:
    hidden: Part = box("core", (2.9, 0.4, -0.1), (3.1, 0.6, 0.1), semantic="light")
    within = Sculpt("row", (*ROW.parts, hidden))
    found = agreement(within, within, SHOTS)
    assert ious(found) == {"prop": 1.0, "cloth": 1.0, "light": None}
    assert found.iou == 1


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The chain `watcher`, lifted by its hull from nine of twelve frames under its passes."""
    folder = tmp_path_factory.mktemp("parts")
    library = make_library(folder / "library")
    changes = Changes(size=(128, 128), steps=1, views=("turntable:12@5/40",))
    generate(library, "watcher", "S4", changes, spec=make_leash(folder / "leash"))
    lift_chain(library, "watcher", LiftChanges(methods=("hull",), settings={"resolution": "48"}))
    return library


def test_a_lifted_structure_is_found_with_its_sculpt_and_the_plates_held_out(
    library: Library,
) -> None:
    (row,) = measured(library)
    assert (row.key, row.method, row.plates, row.held_out) == ("watcher.g01", "hull", 9, 3)
    assert row.found.parts.keys() == {part.name for part in figure().parts}
    assert row.found.kept == 2
    assert 0.85 < row.found.iou < 1 and 0.85 < row.found.area < 1
    assert row.found.classes.keys() == {"cloth", "living-body"}
    head, rule, line = table([row]).splitlines()
    assert head.count("|") == rule.count("|") == line.count("|")
    assert line.startswith("| watcher.g01 | hull, 9, 3 | 2, 2 | 0.")


def test_a_plate_that_is_gone_is_named(library: Library, tmp_path: Path) -> None:
    (row,) = measured(library)
    (plate,) = library.root.glob("watcher/frames/t03-*.png")
    kept = shutil.move(plate, tmp_path)
    try:
        ingest(library)
        with pytest.raises(NotFound, match=re.escape(f"plate t03 of {row.path} is not there")):
            measured(library)
    finally:
        shutil.move(kept, plate)
        ingest(library)


def test_a_library_without_lifted_parts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no lifted structure keeps parts"):
        measured(make_library(tmp_path / "library"))


def test_figures_replace_those_between_the_markers() -> None:
    document = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    once = written(document, "| new |\n")
    assert once == f"before\n{BEGIN}\n\n| new |\n\n{END}\nafter\n"
    assert written(once, "| new |\n") == once
    with pytest.raises(SystemExit, match=re.escape("lifting.md has no")):
        written("a document without markers", "| new |\n")
