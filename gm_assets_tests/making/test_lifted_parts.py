"""Parts of a sculpt through the loop: plates, a lifted structure, and the next generation."""

from __future__ import annotations

import numpy as np
import pytest

from gm_assets.diffusion.profiles import ShaderSpec
from gm_assets.library import Library, accept, ingest
from gm_assets.lifting.surface import watertight
from gm_assets.making.generating import generate
from gm_assets.making.keeping import Keeper
from gm_assets.making.lift_plans import LiftChanges
from gm_assets.making.lifting import Bench, Structure, lift_chain
from gm_assets.making.passes import PassOrder, id_names, make_passes, mesh_of
from gm_assets.making.plans import Changes
from gm_assets.making.reentering import reenter
from gm_assets.making.sources import Chain
from gm_assets.making.structures import sculpt_at, surface_at
from gm_assets.memory.files import read_memory, write_memory
from gm_assets.sculpt.rays import Scene
from gm_assets.sculpt.views import views_of
from gm_assets_tests.making.studio import HAND, WHEN, figure, make_library
from gm_assets_tests.making.turntables import make_turntable

HULL = LiftChanges(methods=("hull",), settings={"resolution": "48"}, held_out=0)


@pytest.fixture(scope="module")
def shaded(tmp_path_factory: pytest.TempPathFactory, leash: ShaderSpec) -> Library:
    """The chain `watcher`, a coat with a head, with ten frames that obey its passes."""
    library = make_library(tmp_path_factory.mktemp("shaded") / "library")
    changes = Changes(size=(128, 128), steps=1, views=("turntable:10@5/40",))
    generate(library, "watcher", "S4", changes, spec=leash)
    return library


@pytest.fixture(scope="module")
def structure(shaded: Library) -> Structure:
    """Its hull."""
    (made,) = lift_chain(shaded, "watcher", HULL).structures
    return made


def test_a_structure_has_the_parts_of_the_sculpt_and_says_where_they_come_from(
    shaded: Library, structure: Structure
) -> None:
    recipe = structure.kept.memory.recipe or {}
    assert recipe["manifest"]["ids"].keys() == recipe["manifest"]["plates"].keys()
    assert recipe["parts"]["from"] == "ids passes"
    assert [part["name"] for part in recipe["parts"]["faces"]] == ["coat", "head"]
    assert sum(part["count"] for part in recipe["parts"]["faces"]) == recipe["made"]["triangles"]
    used = {one.passes["ids"].content_id for one in structure.used}
    assert used <= {link.content_id for link in structure.kept.memory.parents}
    read = sculpt_at(shaded.root, structure.kept)
    assert [(part.name, part.semantic) for part in read.parts] == [
        ("coat", "cloth"), ("head", "living-body"),
    ]  # fmt: skip
    assert read.parts[0].material == "waxed-canvas"
    assert watertight(surface_at(shaded.root, structure.kept)) and structure.facts["watertight"]


def test_it_is_verified_and_a_lost_one_comes_back_byte_for_byte(
    shaded: Library, structure: Structure
) -> None:
    assert not lift_chain(shaded, "watcher", HULL).made
    path = shaded.root / str(structure.kept.path)
    path.unlink()
    (again,) = lift_chain(shaded, "watcher", HULL).structures
    assert again.made and again.kept.content_id == structure.kept.content_id


def test_the_next_generation_knows_what_is_a_living_body(
    shaded: Library, structure: Structure
) -> None:
    path = shaded.root / str(structure.kept.path)
    accept(shaded, path, person="Ida")
    reenter(shaded, path)
    sculpt = Chain.of(shaded, "watcher.g02").source("S3")
    assert sculpt.content_id == structure.kept.content_id
    mesh = mesh_of(shaded.root, str(sculpt.path))
    keeper = Keeper(shaded.root, "watcher", HAND, WHEN, "figures", "watcher")
    view = views_of(figure(), ["turntable:3@20"])[1]
    order = PassOrder(passes=("ids",), width=128, height=128)
    (made,) = make_passes(mesh, keeper, order, cameras=[view])
    table = id_names(made.files["ids"].memory)
    assert {one["name"]: one["semantic"] for one in table.values()} == {
        "coat": "cloth", "head": "living-body",
    }  # fmt: skip
    before = Scene(figure()).ids(view.camera, 128, 128)
    after = mesh.scene.ids(view.camera, 128, 128)
    for part, least in ((1, 0.9), (2, 0.8)):
        both, either = (before == part) & (after == part), (before == part) | (after == part)
        assert np.count_nonzero(both) > least * np.count_nonzero(either)


def test_plates_without_id_passes_give_one_part_as_before(library: Library) -> None:
    make_turntable(library)
    (made,) = lift_chain(library, "watcher", HULL).structures
    recipe = made.kept.memory.recipe or {}
    assert "parts" not in recipe and "ids" not in recipe["manifest"]
    (part,) = sculpt_at(library.root, made.kept).parts
    assert part.semantic == ""


def test_only_meshes_that_plates_surround_are_parted(shaded: Library) -> None:
    for method, parts in (("hull", True), ("fusion", True), ("relief", False), ("splats", False)):
        bench = Bench.of(shaded, "watcher", LiftChanges(methods=(method,)))
        assert ("ids" in bench.order(method).passes) is parts


def test_a_table_that_was_lost_means_one_part(library: Library, leash: ShaderSpec) -> None:
    changes = Changes(size=(128, 128), steps=1, views=("turntable:4",))
    (frame, *_) = generate(library, "watcher", "S4", changes, spec=leash).frames
    path = library.root / str(frame.sources["ids"].path)
    memory = read_memory(path).memory
    assert memory is not None and memory.recipe is not None
    bare = {name: value for name, value in memory.recipe.items() if name != "ids"}
    write_memory(path, memory.model_copy(update={"recipe": bare}))
    ingest(library)
    order = Bench.of(library, "watcher", HULL).order("hull")
    assert len(order.used) == 4 and order.passes == ("silhouette",)


def test_a_table_with_ids_beyond_all_passes_is_read_without_them(shaded: Library) -> None:
    memory = Bench.of(shaded, "watcher", HULL).order("hull").used[0].passes["ids"].memory
    wild = {"9" * 5_000: {"name": "far"}, "2": {"name": "head"}, "1": "coat"}
    recipe = {**(memory.recipe or {}), "ids": wild}
    assert id_names(memory.model_copy(update={"recipe": recipe})) == {
        2: {"name": "head", "semantic": "", "material": ""}
    }


def test_an_id_pass_of_another_size_is_refused(shaded: Library) -> None:
    source = Bench.of(shaded, "watcher", HULL).order("hull").used[0]
    plate = source.plate(shaded.root, ("silhouette", "ids"))
    assert plate.ids is not None and plate.ids.shape == plate.silhouette.shape
    assert plate.labels[2].semantic == "living-body"
    with pytest.raises(ValueError, match="ids has shape"):
        type(plate)("t", plate.camera, plate.silhouette, ids=plate.ids[1:])
