"""The table builder: rows of single files, who speaks among copies, and hostile values."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace

import pytest
from PIL import Image

from gm_assets.errors import UnreadableFile
from gm_assets.identity import identify_bytes
from gm_assets.memory.record import Embedding, Event, Gap, Memory, Written
from gm_assets.stores import TableBuilder, Tables, provisional_document_id, storable
from gm_assets.stores.rows import utc
from gm_assets.stores.schema import BASE
from gm_assets_tests.lineage.worlds import (
    File,
    add,
    content,
    document,
    link,
    memory,
    place,
    signature,
    store_of,
)


def built(*files: File) -> Tables:
    tables = add(TableBuilder(), list(files)).build()
    assert isinstance(tables, Tables)
    return tables


def speaking(tables: Tables, name: str = "assets") -> list[dict]:
    return [row for row in getattr(tables, name).to_pylist() if row["speaks"]]


def test_a_read_picture_gives_a_verified_file_and_its_content():
    buffer = io.BytesIO()
    Image.new("RGB", (5, 3), (200, 180, 150)).save(buffer, "PNG")
    identity = identify_bytes(buffer.getvalue())
    builder = TableBuilder()
    builder.add_file("bone.png", signature("bone.png"), False, identity, None, ("a note",))
    tables = builder.build()
    (file,) = tables.files.to_pylist()
    assert (file["path"], file["file_hash"], file["verified"]) == (
        "bone.png",
        identity.file_hash,
        True,
    )
    assert (file["memory"], file["document_id"], file["notes"]) == ("none", None, ["a note"])
    (row,) = tables.contents.to_pylist()
    assert row["content_id"] == identity.content_id
    assert (row["pixel_hash"], row["width"], row["height"]) == (identity.pixel_hash, 5, 3)
    assert tables.assets.num_rows == 0


def test_a_remembered_file_is_unverified_and_states_what_its_memory_states():
    (file,) = built(File("mesh.png", memory("mesh", "m1"))).files.to_pylist()
    assert (file["verified"], file["file_hash"]) == (False, None)
    assert (file["content_id"], file["format"], file["kind"]) == (content("m1"), "png", "image")


def test_every_table_has_its_schema_also_without_a_row():
    tables = built()
    for name, schema in BASE.items():
        assert getattr(tables, name).schema == schema


def test_an_edited_file_is_altered_and_keeps_both_contents():
    tables = built(File("mesh.png", memory("mesh", "m1"), "edited"))
    (file,) = tables.files.to_pylist()
    assert (file["altered"], file["content_id"]) == (True, content("edited"))
    assert file["stated_content_id"] == content("m1")
    (asset,) = speaking(tables)
    assert (asset["altered"], asset["stated_content_id"]) == (True, content("m1"))


def test_a_placed_file_without_memory_is_a_provisional_document():
    rule = place("keeper", "S1", "sketch")
    tables = built(File("a.png", None, "p", rule), File("copy.png", None, "p", rule))
    (asset,) = speaking(tables)
    assert asset["provisional"]
    assert asset["document_id"] == provisional_document_id(content("p"), rule)
    assert asset["copies"] == 2
    (placement,) = speaking(tables, "placements")
    assert (placement["key"], placement["stage"]) == ("keeper.g01", "S1")


def test_one_content_placed_in_two_chains_is_two_documents():
    tables = built(
        File("a.png", None, "p", place("keeper", "S2")),
        File("b.png", None, "p", place("gate", "S2")),
    )
    assert len({row["document_id"] for row in speaking(tables)}) == 2
    assert tables.contents.num_rows == 1


def test_rules_place_only_memories_that_give_no_placement():
    rule = place("keeper", "S1")
    own = place("gate", "S4")
    tables = built(
        File("a.png", memory("a", "p"), "p", rule),
        File("b.png", memory("b", "q", placements=(own,)), "q", rule),
    )
    found = {row["document_id"]: row["key"] for row in speaking(tables, "placements")}
    assert found == {document("a"): "keeper.g01", document("b"): "gate.g01"}


def test_a_file_that_was_not_read_and_has_no_memory_carries_no_document():
    tables = built(File("a.png", None, None, place("keeper", "S1")))
    (file,) = tables.files.to_pylist()
    assert (file["content_id"], file["document_id"]) == (None, None)
    assert tables.assets.num_rows == 0


def test_of_disagreeing_copies_the_newest_history_speaks():
    old = memory("mesh", "m1", link("sketch", holds="s"), title="old")
    new = memory("mesh", "m2", was=("m1",), when="2026-06-01T00:00:00Z", title="new")
    for files in ([old, new], [new, old]):
        tables = built(*(File(f"{n}.png", m) for n, m in enumerate(files)))
        (asset,) = speaking(tables)
        assert (asset["title"], asset["content_id"], asset["copies"]) == ("new", content("m2"), 2)
        assert speaking(tables, "parents") == []
        assert len([row for row in tables.parents.to_pylist() if not row["speaks"]]) == 1


def test_the_newest_time_is_compared_in_utc():
    east = memory("mesh", "m1", was=("m0",), when="2026-01-02T00:30:00+02:00", title="east")
    west = memory("mesh", "m2", was=("m0",), when="2026-01-01T23:00:00Z", title="west")
    (asset,) = speaking(built(File("a.png", east), File("b.png", west)))
    assert asset["title"] == "west"


def test_a_memory_speaks_before_a_placement_by_rule():
    rule = place("keeper", "S1")
    document_id = provisional_document_id(content("p"), rule)
    written = memory("x", "p").model_copy(
        update={"document_id": document_id, "history": (), "title": "remembered"}
    )
    for voices in ([written, None], [None, written]):
        files = [File(f"{n}.png", m, "p", rule) for n, m in enumerate(voices)]
        (asset,) = speaking(built(*files))
        assert (asset["title"], asset["provisional"], asset["copies"]) == ("remembered", False, 2)


def test_an_unaltered_copy_stands_for_the_document():
    same = memory("mesh", "m1")
    tables = built(File("a edited.png", same, "edited"), File("b.png", same, "m1"))
    (asset,) = speaking(tables)
    assert (asset["path"], asset["altered"]) == ("b.png", False)
    altered = {row["path"]: row["altered"] for row in tables.files.to_pylist()}
    assert altered == {"a edited.png": True, "b.png": False}


def test_a_read_file_tells_its_content_before_one_that_lies():
    lying = memory("liar", "p")
    assert lying.written is not None
    lying = lying.model_copy(
        update={"written": lying.written.model_copy(update={"perceptual_hash": "f" * 16})}
    )
    tables = built(File("a.png", lying), File("b.png", memory("b", "p"), "p"))
    (row,) = tables.contents.to_pylist()
    assert row["perceptual_hash"] == "0123456789abcdef"


def test_of_a_path_given_twice_the_last_row_stays():
    tables = built(File("a.png", memory("a", "p")), File("a.png", memory("b", "q")))
    assert [row["document_id"] for row in tables.files.to_pylist()] == [document("b")]
    assert [row["document_id"] for row in speaking(tables)] == [document("b")]


def test_quarantined_paths_keep_their_reason_and_remedy():
    builder = TableBuilder()
    error = UnreadableFile("the file ends early", where="a.png", remedy="Copy it again")
    builder.quarantine("a.png", signature("a.png"), error)
    builder.quarantine("b.png", None, error)
    assert len(builder) == 2
    first, second = builder.build().quarantine.sort_by("path").to_pylist()
    assert (first["error"], first["reason"]) == ("UnreadableFile", "the file ends early")
    assert (first["remedy"], first["size"]) == ("Copy it again", 100)
    assert second["size"] is None


def test_memories_of_a_newer_version_are_told_apart():
    newer = memory("a", "p").model_copy(update={"schema_version": 7})
    (file,) = built(File("a.png", newer)).files.to_pylist()
    assert file["memory"] == "newer"


def test_absurd_numbers_and_lone_surrogates_spoil_no_batch():
    hostile = Memory.model_construct(
        **{
            **memory("a", "p").__dict__,
            "title": "half \ud800 a pair",
            "keywords": ("\udfff",),
            "schema_version": 2**70,
            "recipe": {"seed": 2**80, "words": "\ud800"},
            "written": Written.model_construct(
                **{**memory("a", "p").written.__dict__, "width": 2**40, "height": 3}
            ),
        }
    )
    tables = built(File("a.png", hostile), File("sound.png", memory("b", "q")))
    found = {row["document_id"]: row for row in speaking(tables)}
    assert found[document("a")]["title"] == "half \\ud800 a pair"
    assert found[document("a")]["keywords"] == ["\\udfff"]
    assert json.loads(found[document("a")]["recipe"])["seed"] == 2**80
    file = tables.files.sort_by("path").to_pylist()[0]
    assert (file["width"], file["height"]) == (None, 3)
    assert found[document("b")]["title"] is None


def test_an_inode_that_uses_all_64_bits_can_be_stored():
    odd = SimpleNamespace(size=1, mtime_ns=2, ctime_ns=3, inode=2**64 - 1)
    builder = TableBuilder()
    builder.add_file("a.png", odd, True, None, memory("a", "p"), format="png")
    assert builder.build().files.to_pylist()[0]["inode"] == 2**63 - 1


def test_names_that_are_not_utf8_are_spelled_out():
    assert storable("b\udcff.png") == "b\\udcff.png"
    assert storable("Zeichnung für Ägir 海.png") == "Zeichnung für Ägir 海.png"


def test_gaps_and_events_are_rows_of_their_document():
    remembered = memory("a", "p", gaps=(Gap(stage="S1", reason="the sketch was lost"),), was=("o",))
    tables = built(File("a.png", remembered))
    (gap,) = speaking(tables, "gaps")
    assert (gap["stage"], gap["reason"]) == ("S1", "the sketch was lost")
    assert [event["content_id"] for event in speaking(tables, "events")] == [None, content("o")]


def test_recipes_are_canonical_json():
    remembered = memory("a", "p").model_copy(update={"recipe": {"b": 1.0, "a": "ü"}})
    (asset,) = speaking(built(File("a.png", remembered)))
    assert asset["recipe"] == '{"a":"ü","b":1}'


def test_a_recipe_that_is_no_json_breaks_no_query(tmp_path):
    nested: list = []
    for _ in range(100_000):
        nested = [nested]
    recipes = ({"seed": 7}, {"x": float("nan")}, {"x": "\udc00", "seed": 2**70}, {"x": nested})
    files = [
        File(
            f"{n}.png", Memory.model_construct(**{**memory(f"d{n}", f"c{n}").__dict__, "recipe": r})
        )
        for n, r in enumerate(recipes)
    ]
    con = store_of(tmp_path / "store", files).connect()
    rows = con.execute("select recipe is null, recipe ->> '$.seed' from assets order by path")
    assert [(row[0], row[1] is None) for row in rows.fetchall()] == [
        (False, False),
        (True, True),
        (False, False),
        (True, True),
    ]


def test_a_nul_in_a_text_is_kept(tmp_path):
    con = store_of(tmp_path / "s", [File("a.png", memory("a", "p", title="a\0b"))]).connect()
    assert con.execute("select title from assets").fetchone() == ("a\0b",)


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2026", "2026-01-01T00:00:00.000000Z"),
        ("2026-03", "2026-03-01T00:00:00.000000Z"),
        ("2026-03-04T05:06:07+01:00", "2026-03-04T04:06:07.000000Z"),
        ("2026-03-04T05:06", "2026-03-04T05:06:00.000000Z"),
        ("0001-01-01T00:00:00+10:00", None),
        ("yesterday", None),
    ],
)
def test_times_become_utc_or_nothing(when, expected):
    assert utc(when) == expected


def test_thousands_of_parents_are_thousands_of_rows():
    many = memory("child", "c", *(link(f"p{n}", holds=f"p{n}") for n in range(10_000)))
    tables = built(File("child.png", many))
    assert tables.parents.num_rows == 10_000


def test_events_that_are_out_of_order_do_not_hide_the_newest():
    remembered = memory("a", "p").model_copy(
        update={
            "history": (
                Event(action="revised", when="2026-05-01T00:00:00Z"),
                Event(action="imported", when="2020-01-01T00:00:00Z"),
            )
        }
    )
    (asset,) = speaking(built(File("a.png", remembered)))
    assert asset["last_event"] == "2026-05-01T00:00:00.000000Z"


def test_an_asset_names_the_models_whose_vectors_its_memory_holds(tmp_path):
    models = ("1" * 64, "2" * 64)
    vectors = tuple(Embedding(model=model, dimension=1, data="ADw=") for model in models)
    embedded = memory("mesh", "m1").model_copy(update={"embeddings": vectors})
    store = store_of(tmp_path / "store", [File("a.png", embedded, "m1")])
    assert store.read("assets", ["embedded_by"]).column(0).to_pylist() == [list(models)]
