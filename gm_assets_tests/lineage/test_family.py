"""Questions about lineage, asked of real stores."""

from __future__ import annotations

import pytest

from gm_assets.errors import NotFound
from gm_assets.lineage.chains import data_version
from gm_assets.lineage.family import Family
from gm_assets.memory.record import Gap
from gm_assets_tests.lineage.worlds import (
    File,
    content,
    document,
    link,
    memory,
    place,
    store_of,
)


@pytest.fixture(scope="module")
def keeper(tmp_path_factory) -> Family:
    """A small chain: sketch -> mesh -> two plates, another chain, and a cycle beside them.

    The mesh was revised after the plates were made; `frame` comes from `plate-1`.
    """
    sketch = memory("sketch", "s", placements=(place("keeper", "S1", "sketch"),), title="Keeper")
    mesh = memory(
        "mesh",
        "m2",
        link("sketch", holds="s", basis="asserted"),
        was=("m1",),
        placements=(
            place("keeper", "S3", "mesh"),
            place("keeper", "S3", "mesh", generation=2),
        ),
    ).model_copy(update={"domain": "figures"})
    clay = memory(
        "clay",
        "y",
        link("mesh", holds="m2"),
        placements=(place("keeper", "S3", "clay", primary=True),),
    )
    plates = [
        memory(
            f"plate-{number}",
            f"p{number}",
            link("mesh", holds="m1"),
            placements=(place("keeper", "S4", "frame", frame=number),),
            gaps=(Gap(stage="S2", reason="the photograph is lost"),),
        )
        for number in (1, 2)
    ]
    frame = memory(
        "frame", "f", link("plate-1", holds="p1"), placements=(place("gate", "S4", "frame"),)
    )
    structure = memory(
        "structure",
        "x",
        link("plate-2", holds="p2"),
        placements=(
            place("keeper", "S5", "splats"),
            place("keeper", "S3", "splats", generation=2),
        ),
    )
    ring = [
        memory("ring-1", "r1", link("ring-2", holds="r2")),
        memory("ring-2", "r2", link("ring-1", holds="r1"), link("nowhere", holds="n")),
        memory("ring-3", "r3", link("elsewhere", holds="n")),
    ]
    memories = [sketch, mesh, clay, *plates, frame, structure, *ring]
    files = [File(f"{m.document_id[8:]}.png", m, _held(m)) for m in memories]
    files.append(File("old/sketch.png", sketch, "s"))
    store = store_of(tmp_path_factory.mktemp("keeper") / "store", files)
    return Family(store.connect())


def _held(remembered) -> str:
    names = ("s", "m2", "y", "p1", "p2", "f", "x", "r1", "r2", "r3")
    return next(name for name in names if content(name) == remembered.written.content_id)


def short(names) -> list[str]:
    return [name.removeprefix("xmp.did:") for name in names]


def test_documents_are_found_by_id_content_and_path(keeper):
    sketch = keeper.document(document("sketch"))
    assert (sketch.path, sketch.copies, sketch.title) == ("old/sketch.png", 2, "Keeper")
    assert keeper.of_content(content("s")) == (sketch,)
    assert keeper.of_path("sketch.png") == sketch
    assert keeper.of_path("nowhere.png") is None
    assert keeper.copies(sketch.document_id) == ("old/sketch.png", "sketch.png")
    several = keeper.documents([document("mesh"), "unknown", document("sketch")])
    assert short(several) == ["mesh", "sketch"]


def test_an_unknown_document_is_not_found_and_the_message_helps(keeper):
    for ask in (keeper.document, keeper.evidence, keeper.family):
        with pytest.raises(NotFound, match="no such document"):
            ask("xmp.did:unknown")


def test_many_documents_can_be_asked_for_at_once(keeper):
    names = [f"unknown {number}" for number in range(500)]
    assert short(keeper.documents([*names, document("mesh")])) == ["mesh"]


def test_parents_come_with_what_they_are_worth(keeper):
    (found,) = keeper.parents(document("plate-1"))
    assert (found.parent_document, found.resolution) == (document("mesh"), "superseded")
    (found,) = keeper.parents(document("mesh"))
    assert (found.basis, found.resolution, found.proven) == ("asserted", "resolved", False)


def test_children_are_the_other_ends(keeper):
    found = keeper.children(document("mesh"))
    assert short(found_link.child for found_link in found) == ["clay", "plate-1", "plate-2"]
    assert len(keeper.children(document("mesh"), limit=2)) == 2


def test_siblings_share_a_parent_or_wait_for_the_same_one(keeper):
    assert short(keeper.siblings(document("plate-1"))) == ["clay", "plate-2"]
    assert short(keeper.siblings(document("ring-2"))) == ["ring-3"]
    assert keeper.siblings(document("sketch")) == ()


def test_ancestors_and_descendants_come_nearest_first(keeper):
    assert short(keeper.ancestors(document("frame"))) == ["plate-1", "mesh", "sketch"]
    below = short(keeper.descendants(document("sketch")))
    assert below[0] == "mesh"
    assert set(below[1:4]) == {"clay", "plate-1", "plate-2"}
    assert set(below[4:]) == {"frame", "structure"}


def test_a_family_is_everything_connected(keeper):
    family = set(short(keeper.family(document("clay"))))
    assert family == {"mesh", "sketch", "plate-1", "plate-2", "frame", "structure"}
    assert keeper.family(document("ring-3")) == ()
    assert len(keeper.family(document("clay"), limit=3)) == 3


def test_stale_documents_come_in_the_order_in_which_they_must_be_redone(keeper):
    found = keeper.stale()
    assert short(item.document.document_id for item in found) == [
        "plate-1",
        "frame",
        "plate-2",
        "structure",
    ]
    plate, frame = found[0], found[1]
    assert (plate.direct, plate.because) == (True, (document("mesh"),))
    assert (frame.direct, frame.because) == (False, (document("plate-1"),))
    assert not any(item.cyclic for item in found)
    assert short(item.document.document_id for item in keeper.stale(limit=1)) == ["plate-1"]


def test_cycles_are_reported_and_their_links_flagged(keeper):
    assert keeper.cycles() == ((document("ring-1"), document("ring-2")),)
    (first, second) = keeper.parents(document("ring-2"))
    assert (first.cyclic, second.cyclic) == (True, False)
    assert short(keeper.ancestors(document("ring-1"))) == ["ring-2"]


def test_evidence_of_a_document_counts_its_links(keeper):
    evidence = keeper.evidence(document("ring-2"))
    counts = evidence.counts
    assert (counts.links, counts.resolved, counts.absent, counts.cyclic) == (2, 1, 1, 1)
    assert (counts.proven, counts.recorded, counts.asserted) == (1, 2, 0)
    assert (evidence.children, evidence.stale) == (1, False)
    assert keeper.evidence(document("frame")).stale


def test_a_strip_shows_all_five_stages_with_their_gaps(keeper):
    strip = keeper.strip(key="keeper")
    assert (strip.key, [stage.stage for stage in strip.stages]) == (
        "keeper.g01",
        ["S1", "S2", "S3", "S4", "S5"],
    )
    assert [stage.state for stage in strip.stages] == [
        "present",
        "gap",
        "present",
        "present",
        "present",
    ]
    sketch, reference, sculpt, plates, _ = strip.stages
    assert (reference.reason, reference.count, reference.data_version) == (
        "the photograph is lost",
        0,
        None,
    )
    assert reference.documents == ()
    assert sketch.evidence.links == 0
    assert sculpt.primary == document("clay")
    assert [item.part for item in sculpt.documents] == ["clay", "mesh"]
    assert (sculpt.evidence.links, sculpt.evidence.proven) == (2, 1)
    assert (plates.stale, plates.evidence.superseded) == (2, 2)
    assert [item.frame for item in plates.documents] == [1, 2]
    assert all(item.stale for item in plates.documents)
    assert plates.data_version == data_version([content("p1"), content("p2")])


def test_a_generation_that_began_by_reentry_has_no_sketch_of_its_own(keeper):
    strip = keeper.strip(key="keeper.g02")
    assert [stage.state for stage in strip.stages] == [
        "not_applicable",
        "not_applicable",
        "present",
        "gap",
        "gap",
    ]
    assert strip.stages[0].reason == "began by re-entry of generation 1"
    assert strip.stages[3].reason is None


def test_a_strip_lists_no_more_documents_than_asked_for(keeper):
    stage = keeper.strip(key="keeper.g01", limit=1).stages[3]
    assert (len(stage.documents), stage.count) == (1, 2)


def test_a_chain_that_nobody_is_placed_in_is_not_found(keeper):
    for key in ("unknown", "keeper.g09", "not a key"):
        with pytest.raises(NotFound):
            keeper.strip(key)


def test_chains_are_listed_with_their_stages(keeper):
    found = keeper.chains()
    assert [summary.key for summary in found] == ["gate.g01", "keeper.g01", "keeper.g02"]
    assert [summary.domain for summary in found] == [None, "figures", "figures"]
    assert all(len(summary.stages) == 5 for summary in found)
    clay = found[1].stages[2]
    assert (clay.primary, clay.primary_content_id) == (document("clay"), content("y"))
    assert [summary.key for summary in keeper.chains(chain="keeper")] == [
        "keeper.g01",
        "keeper.g02",
    ]
    assert [summary.key for summary in keeper.chains(limit=1, offset=1)] == ["keeper.g01"]
    assert keeper.chains(chain="unknown") == ()


def test_a_data_version_depends_on_the_contents_alone():
    one = data_version([content("a"), content("b")])
    assert one == data_version([content("b"), content("a"), content("a")])
    assert one != data_version([content("a")])
    assert data_version([]) is None


def test_a_child_with_ten_thousand_parents_is_judged(tmp_path):
    parents = [link(f"p{number}", holds=f"p{number}") for number in range(10_000)]
    files = [
        File("child.png", memory("child", "c", *parents)),
        File("p7.png", memory("p7", "p7")),
    ]
    family = Family(store_of(tmp_path / "store", files).connect())
    counts = family.evidence(document("child")).counts
    assert (counts.links, counts.resolved, counts.absent) == (10_000, 1, 9_999)


def test_stale_documents_on_a_cycle_are_listed_and_flagged(tmp_path):
    files = [
        File("old.png", memory("old", "o2", was=("o1",))),
        File("a.png", memory("a", "a", link("b", holds="b"), link("old", holds="o1"))),
        File("b.png", memory("b", "b", link("a", holds="a"))),
    ]
    found = Family(store_of(tmp_path / "store", files).connect()).stale()
    assert [(short([item.document.document_id])[0], item.cyclic) for item in found] == [
        ("a", True),
        ("b", True),
    ]
