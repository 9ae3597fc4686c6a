"""The JSON-LD form: notation of KHR_xmp_json_ld, round trips, merging, hostile values."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gm_assets.errors import InvalidMemory, TooLarge, WriteRefused
from gm_assets.memory import xmp, xmp_json
from gm_assets.memory.properties import MAX_ITEMS, NAMESPACES
from gm_assets.memory.record import Event, Memory
from gm_assets_tests.memory.memories import DOCUMENT, INSTANCE, MESH, memories, typical

FOREIGN: dict[str, Any] = {
    "@context": {
        "dc": NAMESPACES["dc"],
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "mm": NAMESPACES["xmpMM"],
        "gm": "http://example.org/general-motors/",
        "evt": NAMESPACES["stEvt"],
        "ref": NAMESPACES["stRef"],
    },
    "dc:format": "model/gltf-binary",
    "dc:title": {
        "@type": "rdf:Alt",
        "rdf:_1": {"@language": "x-default", "@value": "Dock"},
        "rdf:_2": {"@language": "pt-pt", "@value": "Doca"},
    },
    "dc:contributor": {"@set": ["A", "B"]},
    "mm:DerivedFrom": {"ref:filePath": "dock.blend"},
    "mm:Ingredients": {"@set": [{"ref:documentID": "xmp.did:rivet"}]},
    "mm:History": {
        "@list": [{"evt:action": "converted", "evt:when": "2026-01-01", "evt:serial": 3}]
    },
    "gm:vin": {"@list": [1, 2]},
    "unprefixed": "kept",
}


def through_json(packet: dict[str, Any]) -> Any:
    return json.loads(json.dumps(packet, allow_nan=False))


def ours(**properties: Any) -> dict[str, Any]:
    """A packet of a minimal memory with these `gm_name` or `dc_name` properties."""
    named = {name.replace("_", ":", 1): value for name, value in properties.items()}
    return {
        "@context": dict(NAMESPACES),
        "gm:schemaVersion": 1,
        "xmpMM:DocumentID": DOCUMENT,
        "xmpMM:InstanceID": INSTANCE,
        **named,
    }


@given(memories)
@settings(max_examples=150, deadline=None)
def test_any_memory_comes_back_from_its_packet_and_agrees_with_the_xml_form(
    memory: Memory,
) -> None:
    packet = through_json(xmp_json.dump(memory))
    assert xmp_json.load(packet) == memory == xmp.load(xmp.dump(memory))
    assert list(xmp_json.dump(memory, onto=packet).items()) == list(packet.items())


def test_the_notation_is_that_of_the_extension() -> None:
    packet = through_json(xmp_json.dump(typical()))
    context = packet["@context"]
    assert all(re.fullmatch(r"[A-Za-z0-9_]+", prefix) for prefix in context)
    assert len(set(context.values())) == len(context)
    assert packet["dc:creator"] == {"@list": ["Inês Duarte", "gm_assets"]}
    assert packet["dc:subject"] == {"@set": ["horned", "pauldron", "seam"]}
    assert packet["dc:title"] == {
        "@type": "rdf:Alt",
        "rdf:_1": {"@language": "x-default", "@value": "The seam-keeper"},
    }
    placement = packet["gm:placements"]["@set"][0]
    assert placement["gm:generation"] == 1 and placement["gm:primary"] is True
    assert packet["gm:width"] == 1024

    def arrays_have_a_keyword(value: Any, parent: str = "") -> None:
        if isinstance(value, list):
            assert parent in ("@list", "@set")
            for item in value:
                arrays_have_a_keyword(item)
        elif isinstance(value, dict):
            for key, item in value.items():
                prefix = key.partition(":")[0]
                assert key.startswith("@") or prefix in context
                arrays_have_a_keyword(item, key)

    arrays_have_a_keyword({key: v for key, v in packet.items() if key != "@context"})


@pytest.mark.parametrize(
    "memory", [Memory(document_id="d", instance_id="i"), typical()], ids=["bare", "typical"]
)
def test_what_others_wrote_is_kept(memory: Memory) -> None:
    before = copy.deepcopy(FOREIGN)
    merged = through_json(xmp_json.dump(memory, onto=FOREIGN))
    assert before == FOREIGN
    for key in ("dc:format", "dc:contributor", "gm:vin", "unprefixed", "mm:DerivedFrom"):
        assert merged[key] == FOREIGN[key]
    assert merged["@context"]["gm"] == FOREIGN["@context"]["gm"]
    assert merged["dc:title"]["rdf:_2"] == FOREIGN["dc:title"]["rdf:_2"]
    assert FOREIGN["mm:History"]["@list"][0] in merged["mm:History"]["@list"]
    assert FOREIGN["mm:Ingredients"]["@set"][0] in merged["mm:Ingredients"]["@set"]
    back = xmp_json.load(merged)
    assert back.document_id == memory.document_id
    assert xmp_json.dump(back, onto=merged)["mm:History"] == merged["mm:History"]
    assert xmp_json.differences(merged) == ()


def test_foreign_events_become_ours_once() -> None:
    first = xmp_json.dump(Memory(document_id="d", instance_id="i"), onto=FOREIGN)
    memory = xmp_json.load(first)
    assert [event.action for event in memory.history] == ["converted"]
    longer = memory.model_copy(
        update={"history": (*memory.history, Event(action="edited", when="2"))}
    )
    second = xmp_json.dump(longer, onto=first)
    assert xmp_json.load(second) == longer
    assert len(second["mm:History"]["@list"]) == 2


def test_a_changed_mirror_is_reported() -> None:
    packet = xmp_json.dump(typical())
    packet["xmpMM:DerivedFrom"]["stRef:documentID"] = "xmp.did:other"
    assert [d.expected or d.found for d in xmp_json.differences(packet)] == [MESH, "xmp.did:other"]
    assert xmp_json.load(packet) == typical()


@pytest.mark.parametrize(
    "title",
    [
        "T",
        {"@value": "T"},
        {"@language": "de", "@value": "T"},
        {"@type": "rdf:Alt", "rdf:_2": {"@value": "second"}, "rdf:_1": {"@value": "T"}},
        ["T"],
        {"@set": ["T", "x"]},
        {"@set": [{"@language": "de", "@value": "D"}, {"@language": "x-default", "@value": "T"}]},
    ],
)
def test_a_title_is_read_in_every_notation(title: Any) -> None:
    packet = ours(dc_title=title)
    packet["@context"]["rdf"] = FOREIGN["@context"]["rdf"]
    assert xmp_json.load(packet).title == "T"


def test_a_context_with_definitions_is_read_and_a_remote_one_is_not_fetched() -> None:
    packet = ours(dc_title="T")
    packet["@context"] = ["https://example.org/context.jsonld", {"dc": {"@id": NAMESPACES["dc"]}}]
    assert xmp_json.load(packet) is None
    merged = xmp_json.dump(typical(), onto=packet)
    assert merged["@context"][:2] == packet["@context"]
    assert xmp_json.load(merged).title == "The seam-keeper"


def test_sound_packets_without_our_properties_are_no_memory() -> None:
    assert xmp_json.load({}) is None
    assert xmp_json.load(FOREIGN) is None
    assert xmp_json.load({"@context": 5, "gm:schemaVersion": 1}) is None


@pytest.mark.parametrize(
    "broken",
    [
        ours(gm_parents={"@list": [{"gm:role": "source"}]}),
        ours(gm_parents="text"),
        ours(gm_schemaVersion=[[]]),
        ours(gm_domain="a\x00b"),
        ours(gm_recipe="{"),
        ours(gm_recipe=5),
        ours(gm_width=-1),
        ours(gm_camera={"gm:matrix": "1 2 3"}),
        ours(gm_mood=[[[[[[[[[[[[[[[[[["deep"]]]]]]]]]]]]]]]]]]),
        {**ours(), "xmpMM:DocumentID": None},
    ],
)
def test_a_broken_memory_is_invalid(broken: dict[str, Any]) -> None:
    with pytest.raises(InvalidMemory):
        xmp_json.load(broken, "mesh.glb")


def test_a_packet_that_is_no_object_is_refused_both_ways() -> None:
    with pytest.raises(InvalidMemory, match="not a JSON object"):
        xmp_json.load([], "mesh.glb")
    with pytest.raises(WriteRefused, match="not a JSON object"):
        xmp_json.dump(typical(), onto=["x"])


def test_a_broken_value_of_somebody_else_is_passed_over() -> None:
    memory = xmp_json.load(ours(dc_title="a\x00b", dc_subject=5, dc_creator={"@list": ["x", {}]}))
    assert memory.title is None
    assert memory.creators == ("x",)


def test_bounds_hold() -> None:
    with pytest.raises(TooLarge):
        xmp_json.load(ours(gm_parents={"@list": [{}] * (MAX_ITEMS + 1)}))


def test_a_newer_memory_is_readable_and_never_rewritten() -> None:
    packet = ours(gm_schemaVersion=3, gm_mood={"gm:tone": "solemn", "gm:level": 2})
    memory = xmp_json.load(packet)
    assert memory.newer
    assert [name for name, _ in memory.unknown] == ["mood"]
    for attempt in (lambda: xmp_json.dump(memory), lambda: xmp_json.dump(typical(), packet)):
        with pytest.raises(WriteRefused, match="schema 3"):
            attempt()


def test_numbers_of_thousands_of_digits_are_answered() -> None:
    packet = {**xmp_json.dump(typical()), "gm:schemaVersion": "9" * 5_000}
    with pytest.raises(InvalidMemory, match="schema_version"):
        xmp_json.load(packet)
    with pytest.raises(WriteRefused, match="newer"):
        xmp_json.dump(typical(), onto=packet)
    title = {f"rdf:_{'9' * 5_000}": "last", "rdf:_1": "first"}
    context = {**NAMESPACES, "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#"}
    packet = {**xmp_json.dump(typical()), "@context": context, "dc:title": title}
    assert xmp_json.load(packet).title == "first"


def test_an_unknown_property_keeps_its_json_when_rewritten() -> None:
    packet = ours(gm_mood={"gm:tone": "solemn", "gm:level": 2})
    memory = xmp_json.load(packet)
    assert xmp_json.dump(memory, onto=packet)["gm:mood"] == packet["gm:mood"]
    assert xmp.load(xmp.dump(memory)) == memory


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["@list", "@set", "@value", "@id", "@language", "gm:role", "rdf:_1"]),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=6,
)
_PACKETS = st.dictionaries(st.sampled_from(list(xmp_json.dump(typical()))), _JSON, max_size=8).map(
    lambda packet: {"gm:schemaVersion": 1, "@context": dict(NAMESPACES), **packet}
)


@given(_PACKETS)
@settings(max_examples=150, deadline=None)
def test_any_json_is_read_or_refused_and_never_crashes(packet: dict[str, Any]) -> None:
    try:
        memory = xmp_json.load(packet)
        xmp_json.dump(typical(), onto=packet)
    except (InvalidMemory, TooLarge, WriteRefused):
        return
    assert memory is None or isinstance(memory, Memory)
