"""The XMP form: what is written, every notation that is read, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings

from gm_assets.errors import InvalidMemory, TooLarge, WriteRefused
from gm_assets.memory import xmp
from gm_assets.memory.properties import MAX_ITEMS, MAX_PACKET, PROPERTIES, short
from gm_assets.memory.record import Event, Memory, Parent
from gm_assets_tests.memory.memories import DOCUMENT, INSTANCE, MESH, memories, texts, typical
from gm_assets_tests.memory.packets import PHOTO_EDITOR, wrap

IDS = f'gm:schemaVersion="1" xmpMM:DocumentID="{DOCUMENT}" xmpMM:InstanceID="{INSTANCE}"'

GERMAN_FIRST = (
    '<dc:title><rdf:Alt><rdf:li xml:lang="de">D</rdf:li>'
    '<rdf:li xml:lang="x-default">T</rdf:li></rdf:Alt></dc:title>'
)


EMPTY = b'<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="gm_assets"/>'


@given(memories)
def test_a_first_packet_has_the_bytes_that_a_merge_into_an_empty_one_has(memory: Memory) -> None:
    assert xmp.dump(memory) == xmp.dump(memory, onto=EMPTY)
    assert xmp.dump(memory, onto=b" \n") == xmp.dump(memory)


@given(memories, memories)
@settings(max_examples=150, deadline=None)
def test_a_packet_of_ours_is_replaced_as_it_would_be_merged(old: Memory, new: Memory) -> None:
    ours = xmp.dump(old)
    merged = xmp.dump(new, onto=ours.replace(b"<x:xmpmeta", b"<!-- -->\n<x:xmpmeta", 1))
    assert xmp.dump(new, onto=ours) == merged
    # What an edit does: a value more, an event more.
    grown = old.model_copy(update={"domain": "hardware", "history": (*old.history, *new.history)})
    commented = ours.replace(b"<x:xmpmeta", b"<!-- -->\n<x:xmpmeta", 1)
    assert xmp.dump(grown, onto=ours) == xmp.dump(grown, onto=commented)


@given(memories)
@settings(max_examples=150, deadline=None)
def test_any_memory_comes_back_from_its_packet(memory: Memory) -> None:
    packet = xmp.dump(memory)
    assert xmp.load(packet) == memory
    assert xmp.dump(memory) == packet
    assert xmp.dump(memory, onto=packet) == packet


@given(texts)
@settings(max_examples=100, deadline=None)
def test_any_expressible_text_survives_as_attribute_and_as_element(text: str) -> None:
    event = Event(action="edited", when="", note=text)
    memory = Memory(document_id="d", instance_id="i", title=text, history=(event,))
    assert xmp.load(xmp.dump(memory)) == memory


def test_the_packet_is_wrapped_and_readable() -> None:
    text = xmp.dump(typical()).decode()
    assert text.startswith('<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta')
    assert text.endswith('<?xpacket end="w"?>')
    assert f"\n      <xmpMM:DocumentID>{DOCUMENT}</xmpMM:DocumentID>\n" in text


def test_parents_are_mirrored_with_the_geometry_as_derived_from() -> None:
    text = xmp.dump(typical()).decode()
    assert f'<xmpMM:DerivedFrom stRef:documentID="{MESH}"' in text
    assert text.count("<rdf:li stRef:documentID=") == 2
    assert xmp.differences(xmp.dump(typical())) == ()


def test_sound_xmp_without_our_properties_is_no_memory() -> None:
    assert xmp.load(PHOTO_EDITOR) is None
    assert xmp.load(wrap("")) is None
    assert xmp.load(b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>') is None
    assert xmp.load(b" \n\x00\x00") is None


@pytest.mark.parametrize(
    "packet",
    [
        b"no xml at all",
        b"<html/>",
        b"<a><b></a>",
        wrap("<dc:title>\xc3</dc:title>").replace("Ã".encode(), b"\xc3"),
        wrap("").replace(b"<x:xmpmeta", b"<!DOCTYPE x [<!ENTITY a 'b'>]><x:xmpmeta"),
        wrap("<dc:title>&later;</dc:title>"),
        wrap("<dc:title>&#1;</dc:title>"),
        wrap("", 'dc:format="a" dc:format="b"'),
        "<a/>".encode("utf-16"),
        b"<a>" * 100_000,
        b"<a>" * 5_000 + b"</a>" * 5_000,
    ],
    ids=[
        "text",
        "html",
        "unbalanced",
        "utf8",
        "doctype",
        "entity",
        "control",
        "twice",
        "utf16",
        "open",
        "deep",
    ],
)
def test_a_malformed_or_hostile_packet_is_refused_and_never_overwritten(packet: bytes) -> None:
    with pytest.raises(InvalidMemory) as read:
        xmp.load(packet, "picture.png")
    assert str(read.value).startswith("picture.png: ")
    with pytest.raises(WriteRefused, match="cannot be merged"):
        xmp.dump(typical(), onto=packet)


def test_an_external_entity_is_not_opened(tmp_path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    packet = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]><x>&e;</x>'.encode()
    with pytest.raises(InvalidMemory, match="document type"):
        xmp.load(packet)


def test_a_packet_beyond_four_megabytes_is_too_large() -> None:
    with pytest.raises(TooLarge, match="4,194,304"):
        xmp.load(b" " * (MAX_PACKET + 1))
    recipe = {"notes": "x" * MAX_PACKET}
    with pytest.raises(TooLarge, match="Shorten"):
        xmp.dump(typical().model_copy(update={"recipe": recipe}))


def test_ten_thousand_parents_come_back_and_one_more_is_too_many() -> None:
    parents = tuple(
        Parent(
            role="style",
            document_id=f"xmp.did:{i:036d}",
            instance_id=f"xmp.iid:{i:036d}",
            content_id=f"px:{i:064x}:1024x1024",
            stream_hash=f"{i:064x}",
            stage="S2",
            basis="recorded",
        )
        for i in range(MAX_ITEMS + 1)
    )
    memory = typical().model_copy(update={"parents": parents[:MAX_ITEMS]})
    packet = xmp.dump(memory)
    assert xmp.load(packet) == memory
    assert xmp.differences(packet) == ()
    with pytest.raises(TooLarge, match=r"gm:parents has 10,001 entries; the bound is 10,000"):
        xmp.dump(typical().model_copy(update={"parents": parents}))
    items = "<rdf:li>a</rdf:li>" * (MAX_ITEMS + 1)
    with pytest.raises(TooLarge, match=r"a\.png: gm:parents"):
        xmp.load(wrap(f"<gm:parents><rdf:Seq>{items}</rdf:Seq></gm:parents>", IDS), "a.png")


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\ufffe", "\uffff", "\ud800"])
def test_a_character_outside_xml_is_refused_by_name(character: str) -> None:
    memory = typical().model_copy(update={"title": f"a{character}b"})
    with pytest.raises(InvalidMemory, match=rf"dc:title holds U\+{ord(character):04X}"):
        xmp.dump(memory)


def test_control_characters_in_a_recipe_are_escaped_by_json() -> None:
    memory = typical().model_copy(update={"recipe": {"prompt": "a\x00b\x1b"}})
    assert xmp.load(xmp.dump(memory)) == memory


@pytest.mark.parametrize(
    "recipe", [{"seed": 2**53}, {"x": float("nan")}, {"x": object()}, {"x": "\ud800"}]
)
def test_a_recipe_that_is_not_canonical_json_is_refused(recipe: dict) -> None:
    with pytest.raises(InvalidMemory, match="recipe"):
        xmp.dump(typical().model_copy(update={"recipe": recipe}))


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"a":NaN}', '{"a":"\\ud800"}', "[" * 100_000, '{"a":' + "9" * 5000 + "}"]
)
def test_a_damaged_recipe_is_an_invalid_memory(text: str) -> None:
    with pytest.raises(InvalidMemory):
        xmp.load(wrap(f"<gm:recipe>{text}</gm:recipe>", IDS))


def test_numbers_of_a_camera_must_be_finite() -> None:
    camera = typical().camera.model_copy(update={"far": float("inf")})
    with pytest.raises(InvalidMemory, match="gm:far"):
        xmp.dump(typical().model_copy(update={"camera": camera}))


def test_a_memory_without_its_ids_is_invalid() -> None:
    with pytest.raises(InvalidMemory, match="document_id"):
        xmp.load(wrap("", 'gm:schemaVersion="1"'), "a.png")
    with pytest.raises(InvalidMemory, match="schemaVersion"):
        xmp.load(wrap("", 'gm:domain="figures"'))


@pytest.mark.parametrize(
    "notation",
    [
        ('<dc:title><rdf:Alt><rdf:li xml:lang="x-default">T</rdf:li></rdf:Alt></dc:title>', ""),
        (GERMAN_FIRST, ""),
        ('<dc:title><rdf:Alt><rdf:li xml:lang="de">T</rdf:li></rdf:Alt></dc:title>', ""),
        ("<dc:title>T</dc:title>", ""),
        ("", 'dc:title="T"'),
        ("<dc:title><rdf:Bag><rdf:li>T</rdf:li></rdf:Bag></dc:title>", ""),
        ("<dc:title><!-- x -->T</dc:title>", ""),
        ('<dc:title rdf:parseType="Resource"><rdf:value>T</rdf:value></dc:title>', ""),
        ('<dc:title><rdf:Description rdf:value="T"/></dc:title>', ""),
        ('<dc:title rdf:resource="T"/>', ""),
        ("<dc:title>T</dc:title><dc:title>second</dc:title>", ""),
        ("<dc:title>second</dc:title>", 'dc:title="T"'),
    ],
)
def test_every_notation_of_a_text_is_read_and_the_first_occurrence_speaks(
    notation: tuple[str, str],
) -> None:
    properties, attributes = notation
    assert xmp.load(wrap(properties, f"{IDS} {attributes}")).title == "T"


def test_a_property_that_is_empty_is_empty_and_one_that_is_no_text_is_none() -> None:
    assert xmp.load(wrap("<dc:title/>", IDS)).title == ""
    literal = '<dc:title rdf:parseType="Literal"><b xmlns="urn:b">T</b></dc:title>'
    assert xmp.load(wrap(literal, IDS)).title is None


def test_plain_text_where_a_list_belongs_is_a_list_of_one() -> None:
    memory = xmp.load(wrap("<dc:subject>dock</dc:subject>", f'{IDS} dc:creator="Inês"'))
    assert memory.keywords == ("dock",)
    assert memory.creators == ("Inês",)


def test_the_history_is_read_from_every_block_and_notation() -> None:
    one = '<rdf:li stEvt:action="a" stEvt:when="1"/>'
    two = (
        '<rdf:li rdf:parseType="Resource"><stEvt:action>b</stEvt:action>'
        "<stEvt:when>2</stEvt:when></rdf:li>"
    )
    three = '<rdf:li><rdf:Description stEvt:action="c"><stEvt:when>3</stEvt:when>'
    three += "</rdf:Description></rdf:li>"
    history = "<xmpMM:History><rdf:Seq>{}</rdf:Seq></xmpMM:History>"
    packet = wrap(history.format(one + two) + history.format(three), IDS)
    assert [(e.action, e.when) for e in xmp.load(packet).history] == [
        ("a", "1"),
        ("b", "2"),
        ("c", "3"),
    ]


def test_values_of_others_beyond_our_bounds_are_passed_over_not_fatal() -> None:
    long = "x" * 70_000
    history = '<xmpMM:History><rdf:Seq><rdf:li stEvt:when="1"/><rdf:li stEvt:action="kept"/>'
    history += '<rdf:li stEvt:action="saved" stEvt:instanceID=""/></rdf:Seq></xmpMM:History>'
    packet = wrap(f"{history}<dc:description>{long}</dc:description>", IDS)
    memory = xmp.load(packet)
    assert memory.description is None
    assert [event.action for event in memory.history] == ["kept"]
    merged = xmp.dump(memory, onto=packet).decode()
    assert long in merged
    assert 'stEvt:action="saved" stEvt:instanceID=""' in merged


def test_a_broken_property_of_ours_is_an_error_that_names_file_and_place() -> None:
    packet = wrap('<gm:gap><rdf:Seq><rdf:li gm:stage="S9" gm:reason="r"/></rdf:Seq></gm:gap>', IDS)
    with pytest.raises(InvalidMemory, match=r"a\.png: the memory's gaps\.0\.stage is not valid"):
        xmp.load(packet, "a.png")


def test_a_memory_of_a_newer_schema_is_readable_and_never_rewritten() -> None:
    newer = IDS.replace('schemaVersion="1"', 'schemaVersion="7"')
    packet = wrap(
        '<gm:gap><rdf:Seq><rdf:li gm:stage="S9" gm:reason="r"/></rdf:Seq></gm:gap>'
        "<gm:mood>solemn</gm:mood>",
        f'{newer} gm:domain="figures"',
    )
    memory = xmp.load(packet)
    assert memory.newer and memory.domain == "figures" and memory.gaps == ()
    assert [name for name, _ in memory.unknown] == ["mood"]
    with pytest.raises(WriteRefused, match="schema 7"):
        xmp.dump(memory)
    with pytest.raises(WriteRefused, match="schema 7"):
        xmp.dump(typical(), onto=packet)


def test_a_version_of_thousands_of_digits_is_no_memory_and_is_not_rewritten() -> None:
    packet = wrap("", IDS.replace('schemaVersion="1"', f'schemaVersion="{"9" * 5_000}"'))
    with pytest.raises(InvalidMemory, match="schema_version"):
        xmp.load(packet)
    with pytest.raises(WriteRefused, match="newer"):
        xmp.dump(typical(), onto=packet)


def test_unknown_properties_of_ours_are_kept_in_every_shape() -> None:
    packet = wrap(
        '<gm:mood><rdf:Bag><rdf:li>solemn</rdf:li><rdf:li gm:a="1"/></rdf:Bag></gm:mood>',
        f'{IDS} gm:weather="fog &amp; rain"',
    )
    memory = xmp.load(packet)
    assert [name for name, _ in memory.unknown] == ["weather", "mood"]
    again = xmp.dump(memory)
    assert b"fog &amp; rain" in again and b"solemn" in again
    assert xmp.load(again) == memory


def test_an_unknown_property_must_be_what_it_says() -> None:
    for unknown in ("mood", "<a/>"), ("mood", "<a"), ("pixelHash", "<a/>"):
        with pytest.raises(InvalidMemory):
            xmp.dump(typical().model_copy(update={"unknown": (unknown,)}))


def test_a_changed_mirror_is_reported_and_the_memory_wins() -> None:
    packet = xmp.dump(typical())
    changed = packet.replace(
        f'<xmpMM:DerivedFrom stRef:documentID="{MESH}"'.encode(),
        b'<xmpMM:DerivedFrom stRef:documentID="xmp.did:other"',
    )
    assert changed != packet
    assert xmp.load(changed) == typical()
    assert [str(d) for d in xmp.differences(changed)] == [
        f"xmpMM:DerivedFrom no longer names the parent {MESH}",
        "xmpMM:DerivedFrom names xmp.did:other, which is no parent in gm:parents",
    ]
    start = packet.index(b"<xmpMM:Ingredients>")
    end = packet.index(b"</xmpMM:Ingredients>") + len(b"</xmpMM:Ingredients>")
    without = packet[:start] + packet[end:]
    assert [d.property for d in xmp.differences(without)] == ["xmpMM:Ingredients"] * 2
    assert xmp.dump(typical(), onto=without) == packet


def test_the_packet_in_the_documentation_is_what_is_written() -> None:
    text = (Path(__file__).parents[2] / "docs" / "memory.md").read_text("utf-8")
    packet = text.partition("```xml\n")[2].partition("\n```")[0].encode()
    memory = xmp.load(packet)
    assert memory is not None
    assert xmp.dump(memory) == packet


def test_every_property_is_in_the_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs" / "memory.md").read_text("utf-8")
    table = text.partition("## What it holds")[2].partition("## A whole packet")[0]
    for prop in PROPERTIES:
        prefix, local = short(prop.name).split(":")
        assert f"`{prefix}:{local}`" in table or f"`{local}`" in table, prop.name
        for field in (prop.fields or {}).values():
            assert short(field).split(":")[1] in table, field
