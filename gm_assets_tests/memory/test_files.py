"""Memories in files: written, proven, read back; refusals that leave the file as it was."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gm_assets import containers
from gm_assets.errors import (
    InvalidMemory,
    MemoryConflict,
    TooLarge,
    UnreadableFile,
    UnsupportedFormat,
    WriteRefused,
)
from gm_assets.identity import identify
from gm_assets.memory.files import (
    dump_packet,
    load_packet,
    read_memory,
    sweep,
    write_memory,
    write_new,
)
from gm_assets.memory.record import Event, Memory, Parent, Placement, mint_document_id
from gm_assets_tests.containers.samples import (
    decoded,
    glb,
    jpeg_segment,
    picture_hash,
    png_chunk,
    png_xmp,
    samples,
)
from gm_assets_tests.memory.processes import (
    in_child,
    killed_at_work,
    names,
    open_to_all,
)

FORMATS = [
    "png",
    "jpeg",
    "webp",
    "glb",
    "ply",
    "usda",
    "usdc",
    "usdz",
    "tiff",
    "exr",
    "gltf",
    "3mf",
]
PRINTABLE = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn"))
TITLES = st.text(PRINTABLE, min_size=1, max_size=30)

MEMORY = Memory(
    document_id=mint_document_id("seam-keeper"),
    instance_id="xmp.iid:1",
    placements=(Placement(chain="seam-keeper", stage="S3", part="clay", primary=True),),
    parents=(Parent(role="geometry", content_id="as:" + "0" * 64, basis="recorded"),),
    history=(Event(action="created", when="2026-11-22T12:00:00Z", note="horns <wider> & höher"),),
    title="The seam-keeper",
    recipe={"seed": 7, "steps": [1, 2.5], "prompt": "bone & pewter"},
)

FOREIGN = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 crs:Exposure2012="+0.35"><dc:rights><rdf:Alt><rdf:li xml:lang="x-default">theirs</rdf:li></rdf:Alt>
</dc:rights></rdf:Description></rdf:RDF></x:xmpmeta>"""


def put(folder: Path, name: str, data: bytes | None = None) -> Path:
    path = folder / f"{name}.bin"
    path.write_bytes(samples()[name] if data is None else data)
    return path


@pytest.mark.parametrize("name", sorted(samples()))
def test_a_memory_is_read_back_as_it_was_written(tmp_path: Path, name: str) -> None:
    path = put(tmp_path, name, None if "xmp" not in name else samples()[name.split("-")[0]])
    signature = write_memory(path, MEMORY)
    found = read_memory(path)
    assert found.memory == MEMORY
    assert (found.signature, found.size) == (signature, path.stat().st_size)
    assert found.format == name.split("-")[0]
    assert found.notes == ()
    assert names(tmp_path) == [path.name]


@pytest.mark.parametrize("name", ["png-animated", "jpeg-cmyk", "webp-animated", "webp-lossless"])
def test_the_picture_is_the_same_after_many_writes(tmp_path: Path, name: str) -> None:
    path = put(tmp_path, name)
    before = path.read_bytes()
    for title in ("short", "long " * 1000, "x"):
        write_memory(path, MEMORY.model_copy(update={"title": title}))
    after = path.read_bytes()
    assert decoded(after) == decoded(before)
    assert picture_hash(after, containers.parse(after)) == picture_hash(
        before, containers.parse(before)
    )


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_without_memory_reads_as_such(tmp_path: Path, name: str) -> None:
    found = read_memory(put(tmp_path, name))
    assert (found.memory, found.packet) == (None, None)


@pytest.mark.parametrize("name", ["png", "jpeg", "webp"])
def test_foreign_xmp_survives_and_speaks_where_ours_is_silent(tmp_path: Path, name: str) -> None:
    path = put(tmp_path, name, b"".join(containers.embed(samples()[name], FOREIGN)))
    assert read_memory(path).memory is None
    write_memory(path, MEMORY)
    found = read_memory(path)
    assert found.memory == MEMORY.model_copy(update={"rights": "theirs"})
    assert b"Exposure2012" in (found.packet or b"")


def test_foreign_json_ld_of_a_model_survives(tmp_path: Path) -> None:
    theirs = {"@context": {"xmpRights": "http://ns.adobe.com/xap/1.0/rights/"}}
    theirs["xmpRights:Owner"] = "a studio"  # type: ignore[assignment]
    packet = json.dumps(theirs).encode()
    path = put(tmp_path, "glb", b"".join(containers.embed(samples()["glb"], packet)))
    assert read_memory(path).memory is None
    write_memory(path, MEMORY)
    found = read_memory(path)
    assert found.memory == MEMORY
    assert json.loads(found.packet or b"")["xmpRights:Owner"] == "a studio"


@pytest.mark.parametrize("name", ["png", "jpeg", "webp"])
def test_foreign_xmp_that_cannot_be_parsed_is_not_dropped(tmp_path: Path, name: str) -> None:
    path = put(tmp_path, name, b"".join(containers.embed(samples()[name], b"<x:broken")))
    before = path.read_bytes()
    with pytest.raises(InvalidMemory):
        read_memory(path)
    with pytest.raises(WriteRefused):
        write_memory(path, MEMORY)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "signed",
    [
        samples()["png"][:33] + png_chunk(b"caBX", b"jumb") + samples()["png"][33:],
        samples()["jpeg"][:2]
        + jpeg_segment(0xEB, b"JP" + bytes(10) + b"jumb" + bytes(4) + b"jumdc2pa" + bytes(20))
        + samples()["jpeg"][2:],
    ],
    ids=["png", "jpeg"],
)
def test_credentials_are_broken_only_on_request(tmp_path: Path, signed: bytes) -> None:
    path = put(tmp_path, "signed", signed)
    with pytest.raises(WriteRefused, match=r"C2PA.*--break-credentials"):
        write_memory(path, MEMORY)
    assert path.read_bytes() == signed
    write_memory(path, MEMORY, break_credentials=True)
    assert read_memory(path).memory == MEMORY


@pytest.mark.parametrize("name", FORMATS)
def test_a_memory_of_a_newer_version_is_read_and_never_rewritten(tmp_path: Path, name: str) -> None:
    packet = dump_packet(name, MEMORY)
    newer = packet.replace(b'schemaVersion="1"', b'schemaVersion="9"')
    newer = newer.replace(b'"gm:schemaVersion":1', b'"gm:schemaVersion":9')
    newer = newer.replace(b"schemaVersion>1<", b"schemaVersion>9<")
    assert newer != packet
    path = put(tmp_path, name, b"".join(containers.embed(samples()[name], newer)))
    memory = read_memory(path).memory
    assert memory is not None
    assert memory.newer
    before = path.read_bytes()
    with pytest.raises(WriteRefused, match="newer"):
        write_memory(path, MEMORY)
    assert path.read_bytes() == before


def test_a_memory_too_large_for_a_jpeg_is_refused_with_advice(tmp_path: Path) -> None:
    path = put(tmp_path, "jpeg")
    with pytest.raises(WriteRefused, match="PNG or lossless WebP"):
        write_memory(path, MEMORY.model_copy(update={"recipe": {"prompt": "x" * 70_000}}))
    assert path.read_bytes() == samples()["jpeg"]


@pytest.mark.parametrize("unvalidated", [{"domain": "Not a slug"}, {"recipe": {"a": (1, 2)}}])
def test_a_memory_that_would_not_read_back_is_refused_before_anything_is_written(
    tmp_path: Path, unvalidated: dict[str, object]
) -> None:
    path = put(tmp_path, "png")
    with pytest.raises(InvalidMemory):
        write_memory(path, MEMORY.model_copy(update=unvalidated))
    assert path.read_bytes() == samples()["png"]


def test_a_conflict_with_an_earlier_write_is_reported(tmp_path: Path) -> None:
    path = put(tmp_path, "png")
    signature = read_memory(path).signature
    write_memory(path, MEMORY, expected=signature)
    with pytest.raises(MemoryConflict):
        write_memory(path, MEMORY.model_copy(update={"title": "late"}), expected=signature)
    assert read_memory(path).memory == MEMORY


def test_a_full_disk_leaves_the_memory_as_it_was(tmp_path: Path) -> None:
    path = put(tmp_path, "png")
    write_memory(path, MEMORY)
    bigger = MEMORY.model_copy(update={"description": "x" * 30_000})
    with pytest.raises(WriteRefused, match="limit"):
        in_child(lambda: write_memory(path, bigger), file_limit=10_000)
    assert read_memory(path).memory == MEMORY
    assert names(tmp_path) == [path.name]


def test_what_is_no_readable_file_says_so(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    secret = put(tmp_path, "png")
    secret.chmod(0)
    open_to_all(tmp_path)
    with pytest.raises(UnreadableFile, match="Permission denied"):
        in_child(lambda: read_memory(secret), as_nobody=True)
    for path in (tmp_path / "missing", tmp_path, tmp_path / "pipe"):
        with pytest.raises(UnreadableFile):
            read_memory(path)
    with pytest.raises(UnsupportedFormat, match="GIF"):
        read_memory(put(tmp_path, "gif", b"GIF89a"))
    with pytest.raises(UnreadableFile, match="empty"):
        read_memory(put(tmp_path, "empty", b""))


def test_reading_follows_a_link_and_writing_does_not(tmp_path: Path) -> None:
    path, link = put(tmp_path, "png"), tmp_path / "link.png"
    link.symlink_to(path.name)
    with pytest.raises(WriteRefused, match="symbolic link"):
        write_memory(link, MEMORY)
    write_memory(link, MEMORY, follow_symlinks=True)
    assert read_memory(link).memory == MEMORY
    assert link.is_symlink()


def test_entities_and_huge_packets_in_a_file_are_refused(tmp_path: Path) -> None:
    png = samples()["png"]
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x:xmpmeta xmlns:x="adobe:ns:meta/">&a;</x:xmpmeta>'
    with pytest.raises(InvalidMemory):
        read_memory(put(tmp_path, "bomb", png[:33] + png_xmp(bomb) + png[33:]))
    huge = png[:33] + png_xmp(b" " * (containers.MAX_PACKET + 1)) + png[33:]
    with pytest.raises(TooLarge):
        read_memory(put(tmp_path, "huge", huge))


def test_two_packets_of_a_model_are_read_by_the_newer_history(tmp_path: Path) -> None:
    path = put(tmp_path, "glb")
    write_memory(path, MEMORY)
    older = json.loads(read_memory(path).packet or b"")
    event = Event(action="saved", when="2026-11-23T12:00:00Z")
    newer = MEMORY.model_copy(update={"history": (*MEMORY.history, event)})
    write_memory(path, newer)
    document = containers.glb.document(path.read_bytes())
    document["asset"]["extras"]["gm"] = older  # a tool restored the extras from an older copy
    path.write_bytes(glb(document))
    found = read_memory(path)
    assert found.memory == newer
    assert "differ" in found.notes[0]
    write_memory(path, newer)
    assert read_memory(path).notes == ()


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    name=st.sampled_from(FORMATS),
    titles=st.lists(TITLES, min_size=1, max_size=3),
    events=st.integers(0, 4),
)
def test_any_row_of_writes_leaves_the_last_memory_and_the_first_picture(
    tmp_path: Path, name: str, titles: list[str], events: int
) -> None:
    path = put(tmp_path, name)
    memory = MEMORY
    for title in titles:
        history = tuple(
            Event(action="saved", when=f"2026-11-2{n}T00:00:00Z", note=title) for n in range(events)
        )
        memory = MEMORY.model_copy(update={"title": title, "history": MEMORY.history + history})
        path.write_bytes(samples()[name])
        write_memory(path, memory)
    assert read_memory(path).memory == memory
    data = path.read_bytes()
    plain = samples()[name]
    assert picture_hash(data, containers.parse(data)) == picture_hash(
        plain, containers.parse(plain)
    )


@pytest.mark.parametrize("name", FORMATS)
def test_a_packet_of_each_format_reads_back(name: str) -> None:
    assert load_packet(name, dump_packet(name, MEMORY)) == MEMORY


def test_a_killed_write_leaves_the_old_memory_or_the_new_one_whole(tmp_path: Path) -> None:
    path = put(tmp_path, "png-alpha")
    memories = [MEMORY, MEMORY.model_copy(update={"title": "another", "keywords": ("a", "b")})]
    write_memory(path, memories[1])
    pixels = decoded(samples()["png-alpha"])
    seen = set()
    for _ in killed_at_work(lambda turn: write_memory(path, memories[turn % 2]), count=40, seed=3):
        memory = read_memory(path).memory
        assert memory is not None
        assert decoded(path.read_bytes()) == pixels
        seen.add(memory.title)
        sweep(tmp_path)
        assert names(tmp_path) == [path.name]
    assert seen == {"The seam-keeper", "another"}


@pytest.mark.parametrize("name", ["ply", "usdc", "usdz", "tiff", "exr", "3mf"])
def test_a_killed_write_leaves_files_of_any_format_whole(tmp_path: Path, name: str) -> None:
    path = put(tmp_path, name)
    content = identify(path).content_id
    memories = [MEMORY, MEMORY.model_copy(update={"title": "another", "keywords": ("a", "b")})]
    write_memory(path, memories[1])
    for _ in killed_at_work(lambda turn: write_memory(path, memories[turn % 2]), count=6, seed=5):
        found = read_memory(path).memory
        assert found is not None
        assert found.title in {memory.title for memory in memories}
        assert identify(path).content_id == content
        sweep(tmp_path)
        assert names(tmp_path) == [path.name]


def test_files_that_we_make_take_a_memory(tmp_path: Path) -> None:
    path = tmp_path / "made.webp"
    write_new(path, samples()["webp"])
    write_memory(path, MEMORY)
    assert read_memory(path).memory == MEMORY
