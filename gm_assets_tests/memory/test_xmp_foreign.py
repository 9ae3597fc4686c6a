"""Merging with what others wrote: nothing of theirs is lost, nothing of anyone is doubled."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gm_assets.memory import xmp
from gm_assets.memory.properties import NAMESPACES, encode
from gm_assets.memory.record import Event, Memory
from gm_assets_tests.memory.memories import memories, some_text, typical
from gm_assets_tests.memory.packets import (
    EVERYTHING,
    HEAD,
    PHOTO_EDITOR,
    PHOTO_MANAGER,
    RAW_DEVELOPER,
    TAIL,
    facts,
    wrap,
)

MM = NAMESPACES["xmpMM"]
DC = NAMESPACES["dc"]
BARE = Memory(document_id="xmp.did:d", instance_id="xmp.iid:i")


def lost(memory: Memory, onto: bytes) -> Counter:
    """What `onto` said and the merged packet does not, without the properties replaced."""
    replaced = {
        prop.name.replace("{", "").replace("}", "")
        for prop, _ in encode(memory)
        if prop.field != "history"
    }
    before = facts(onto)
    missing = before - facts(xmp.dump(memory, onto=onto))
    return Counter({fact: n for fact, n in missing.items() if fact[0] not in replaced})


@pytest.mark.parametrize("packet", [PHOTO_EDITOR, RAW_DEVELOPER, PHOTO_MANAGER, EVERYTHING])
@pytest.mark.parametrize("memory", [BARE, typical()], ids=["bare", "typical"])
def test_every_fact_of_other_programs_survives(memory: Memory, packet: bytes) -> None:
    assert sum(facts(packet).values()) > 3
    assert lost(memory, packet) == Counter()


def test_shared_properties_are_replaced_only_where_the_memory_has_a_value() -> None:
    merged = xmp.load(xmp.dump(BARE, onto=EVERYTHING))
    assert merged.title == "Dry dock"
    assert merged.keywords == ("dock", "steel")
    assert merged.creator_tool == "Adobe Photoshop 27.0 (Windows)"
    assert merged.document_id == "xmp.did:d"
    ours = xmp.load(xmp.dump(typical(), onto=EVERYTHING))
    assert ours.title == "The seam-keeper"
    assert ours.keywords == ("horned", "pauldron", "seam")


def test_other_languages_of_a_replaced_title_are_kept() -> None:
    _, items = next(
        v for (p, v) in facts(xmp.dump(typical(), onto=EVERYTHING)) if p == DC + "title"
    )
    assert items == (("The seam-keeper", "x-default"), ("Doca seca", "pt-PT"))


def test_foreign_history_becomes_ours_once_and_stays_whole() -> None:
    first = xmp.dump(BARE, onto=PHOTO_EDITOR)
    memory = xmp.load(first)
    assert [event.action for event in memory.history] == ["created", "saved"]
    revised = memory.model_copy(
        update={"history": (*memory.history, Event(action="edited", when="2026-11-22T12:00:00Z"))}
    )
    second = xmp.dump(revised, onto=first)
    assert xmp.load(second) == revised
    assert second.count(b"<stEvt:serial>17</stEvt:serial>") == 1
    assert xmp.dump(revised, onto=second) == second


def test_an_event_that_another_program_added_keeps_its_place() -> None:
    base = typical()
    packet = xmp.dump(base)
    line = b'<rdf:li stEvt:action="edited"'
    saved = b'<rdf:li stEvt:action="saved" stEvt:when="2026-11-03T10:00:00Z"/>'
    edited = packet.replace(line, saved + line)
    extended = base.model_copy(update={"history": (*base.history, Event(action="x", when="9"))})
    actions = [event.action for event in xmp.load(xmp.dump(extended, onto=edited)).history]
    assert actions == ["created", "saved", "edited", "accepted", "x"]


def test_equal_events_are_counted_not_merged() -> None:
    twice = (Event(action="saved", when="1"),) * 2
    memory = BARE.model_copy(update={"history": twice})
    packet = xmp.dump(memory)
    assert xmp.load(packet).history == twice
    assert xmp.load(xmp.dump(memory, onto=packet)).history == twice
    once = memory.model_copy(update={"history": twice[:1]})
    assert xmp.load(xmp.dump(once, onto=packet)).history == twice


def test_a_foreign_derived_from_stays_and_our_parents_are_ingredients_beside_theirs() -> None:
    merged = xmp.dump(typical(), onto=PHOTO_EDITOR)
    assert merged.count(b"<xmpMM:DerivedFrom") == 1
    assert b'stRef:documentID="xmp.did:photo-editor-1"' in merged
    assert sum(n for (p, _), n in facts(merged).items() if p == MM + "Ingredients") == 3
    assert xmp.differences(merged) == ()
    assert xmp.dump(typical(), onto=merged) == merged


def test_parents_that_are_gone_leave_no_mirror_behind() -> None:
    orphan = typical().model_copy(update={"parents": ()})
    assert xmp.dump(orphan, onto=xmp.dump(typical())) == xmp.dump(orphan)


def test_unknown_fields_inside_our_structures_survive_a_rewrite() -> None:
    packet = xmp.dump(typical()).replace(
        b'gm:role="style" gm:documentID', b'gm:weight="0.5" gm:role="style" gm:documentID'
    )
    assert b'gm:weight="0.5"' in xmp.dump(typical(), onto=packet)


def test_values_that_the_memory_no_longer_has_are_removed() -> None:
    bare = xmp.dump(BARE)
    full = xmp.dump(BARE.model_copy(update={"domain": "figures", "recipe": {"a": 1}}))
    assert xmp.dump(BARE, onto=full) == bare


def test_our_names_under_other_prefixes_are_recognised() -> None:
    packet = xmp.dump(typical())
    renamed = packet
    for prefix, other in ((b"gm", b"m"), (b"xmpMM", b"gm"), (b"rdf", b"r")):
        for mark in (b" ", b"<", b"</", b":"):
            end = b"=" if mark == b":" else b":"
            renamed = renamed.replace(mark + prefix + end, mark + other + end)
    assert renamed != packet
    assert xmp.load(renamed) == typical()
    assert xmp.load(xmp.dump(typical(), onto=renamed)) == typical()


def test_a_packet_without_wrapper_or_with_a_named_subject_is_merged_in_place() -> None:
    rdf = wrap("<dc:format>image/png</dc:format>").replace(b'rdf:about=""', b'rdf:about="uuid:7"')
    start, end = rdf.index(b"<rdf:RDF"), rdf.index(b"</rdf:RDF>") + len(b"</rdf:RDF>")
    merged = xmp.dump(typical(), onto=rdf[start:end])
    assert xmp.load(merged) == typical()
    assert merged.count(b'rdf:about="uuid:7"') == 2
    assert b"image/png" in merged


def test_duplicates_of_a_replaced_property_are_all_replaced() -> None:
    packet = wrap("<dc:title>one</dc:title><dc:title>two</dc:title>", 'dc:title="three"')
    merged = xmp.dump(typical(), onto=packet)
    assert merged.count(b"dc:title>") == 2
    assert xmp.load(merged).title == typical().title


_LOCAL = st.sampled_from(["Alpha", "beta", "Gamma"])
_ESCAPED = some_text.map(
    lambda text: "".join(f"&#{ord(c)};" if c in "<>&\"'\t\n\r" else c for c in text)
)
_SIMPLE = st.one_of(
    st.builds("<f:{0}>{1}</f:{0}>".format, _LOCAL, _ESCAPED),
    st.builds('<f:{0} xml:lang="fr">{1}</f:{0}>'.format, _LOCAL, _ESCAPED),
    st.builds('<f:{0} rdf:resource="urn:x"/>'.format, _LOCAL),
    st.builds('<f:{0} f:Field="{1}"/>'.format, _LOCAL, _ESCAPED),
)
_FOREIGN = st.recursive(
    _SIMPLE,
    lambda inner: st.one_of(
        st.builds('<f:{0} rdf:parseType="Resource">{1}</f:{0}>'.format, _LOCAL, inner),
        st.builds("<f:{0}><rdf:Description>{1}</rdf:Description></f:{0}>".format, _LOCAL, inner),
        st.builds(
            "<f:{0}><rdf:{1}><rdf:li>{2}</rdf:li>"
            '<rdf:li rdf:parseType="Resource">{3}</rdf:li></rdf:{1}></f:{0}>'.format,
            _LOCAL,
            st.sampled_from(["Bag", "Seq", "Alt"]),
            _ESCAPED,
            inner,
        ),
    ),
    max_leaves=4,
)
_SHARED = st.one_of(
    st.builds("<dc:{0}>{1}</dc:{0}>".format, st.sampled_from(["title", "format"]), _ESCAPED),
    st.builds(
        '<xmpMM:History><rdf:Seq><rdf:li stEvt:action="{0}" f:x="1"/>'
        '<rdf:li stEvt:action="saved"/></rdf:Seq></xmpMM:History>'.format,
        _ESCAPED,
    ),
    st.builds('<xmpMM:DerivedFrom stRef:documentID="{0}"/>'.format, _ESCAPED),
    st.builds(
        "<xmpMM:Ingredients><rdf:Bag><rdf:li stRef:documentID='{0}'/></rdf:Bag>"
        "</xmpMM:Ingredients>".format,
        _ESCAPED,
    ),
)


def _block(properties: list[str], attribute: str) -> str:
    names = "".join(f' xmlns:{p}="{uri}"' for p, uri in NAMESPACES.items())
    head = f'<rdf:Description rdf:about=""{names} xmlns:f="urn:foreign/" f:Attribute="{attribute}"'
    return f"{head}>{''.join(properties)}</rdf:Description>"


packets = st.lists(
    st.builds(_block, st.lists(st.one_of(_FOREIGN, _SHARED), max_size=4), _ESCAPED), max_size=3
).map(lambda blocks: (HEAD + "".join(blocks) + TAIL).encode())


@given(memories, packets)
@settings(max_examples=80, deadline=None)
def test_merging_any_memory_into_any_packet_loses_nothing(memory: Memory, packet: bytes) -> None:
    assert lost(memory, packet) == Counter()
    merged = xmp.dump(memory, onto=packet)
    back = xmp.load(merged)
    again = xmp.dump(back, onto=merged)  # what was adopted from others is now written as ours
    assert xmp.load(again) == back
    assert xmp.dump(back, onto=again) == again
    for name in Memory.model_fields:
        given_value, read = getattr(memory, name), getattr(back, name)
        if name == "history":
            positions = iter(read)
            assert all(event in positions for event in given_value)
        elif given_value not in (None, ()):
            assert read == given_value
