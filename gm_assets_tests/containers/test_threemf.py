"""3MF: the memory among the metadata, and packages that lie."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from gm_assets import containers
from gm_assets.errors import TooLarge, UnreadableFile, UnsupportedFormat, WriteRefused
from gm_assets.identity import asset_hash
from gm_assets.sculpt.reading import read_sculpt
from gm_assets_tests.containers.samples import MODEL, RELATIONS, samples, threemf

PACKET = {"gm:note": "<bone> & \"pewter\" ]]> 'é'"}


def with_packet(data: bytes, value: object = PACKET) -> bytes:
    return b"".join(containers.embed(data, json.dumps(value).encode()))


def model_of(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        assert package.testzip() is None
        return package.read("3D/3dmodel.model")


@pytest.mark.parametrize("name", ["3mf", "3mf-stored"])
def test_the_model_is_the_same_mesh_with_one_more_metadata(name: str) -> None:
    new = with_packet(samples()[name])
    assert model_of(new).count(b"<metadata") == 2
    mesh, plain = (read_sculpt(data, "3mf").parts[0] for data in (new, samples()[name]))
    assert mesh.vertices.tolist() == plain.vertices.tolist()
    assert containers.find_packet(io.BytesIO(new)).payload == PACKET
    assert asset_hash(new) == asset_hash(samples()[name])


def test_other_parts_keep_their_packed_bytes_and_dates() -> None:
    new, old = with_packet(samples()["3mf"]), samples()["3mf"]
    with zipfile.ZipFile(io.BytesIO(new)) as after, zipfile.ZipFile(io.BytesIO(old)) as before:
        assert after.namelist() == before.namelist()
        for name in after.namelist():
            assert after.getinfo(name).date_time == (2026, 11, 22, 12, 0, 0)
            if name != "3D/3dmodel.model":
                assert after.read(name) == before.read(name)
                assert after.getinfo(name).compress_size == before.getinfo(name).compress_size


def test_the_prefix_is_one_that_is_free() -> None:
    theirs = MODEL.replace(b"<model unit", b'<model xmlns:gm="urn:somebody" unit')
    new = with_packet(threemf(theirs))
    assert b'name="gm1:memory"' in model_of(new)
    assert with_packet(new) == new
    assert asset_hash(new) == asset_hash(threemf(theirs))


def test_a_memory_that_another_program_moved_among_the_metadata_is_found() -> None:
    moved = model_of(with_packet(samples()["3mf"]))
    begin, end = moved.index(b'<metadata name="gm'), moved.index(b"</metadata>") + 11
    element = moved[begin:end]
    moved = moved[:begin] + moved[end:]
    element = element.replace(b"preserve", b"type='xs:string' preserve")
    moved = moved.replace(b" <resources>", b" " + element + b"\n <resources>")
    found = containers.parse(threemf(moved)).packet
    assert found == containers.parse(with_packet(samples()["3mf"])).packet


def test_any_other_part_changes_the_asset_hash() -> None:
    plain = samples()["3mf"]
    assert asset_hash(threemf(MODEL.replace(b'"10"', b'"11"', 1))) != asset_hash(plain)
    assert asset_hash(threemf(more={"Metadata/note.txt": b"x"})) != asset_hash(plain)
    assert asset_hash(samples()["3mf-stored"]) == asset_hash(plain)


@pytest.mark.parametrize(
    "model",
    [
        b"hello",
        MODEL[:60],
        MODEL.replace(b"<model", b"<!DOCTYPE m [<!ENTITY a 'b'>]><model"),
        MODEL.replace(b"</metadata>", b""),
    ],
    ids=["text", "cut", "entities", "open"],
)
def test_models_that_are_none_are_refused(model: bytes) -> None:
    with pytest.raises(UnreadableFile):
        containers.parse(threemf(model))


def test_models_in_other_encodings_are_named() -> None:
    for model in (MODEL.decode().encode("utf-16"), MODEL.replace(b"UTF-8", b"ISO-8859-1")):
        with pytest.raises(UnsupportedFormat, match="UTF-8"):
            containers.parse(threemf(model))


def test_what_unpacks_to_too_much_is_refused_before_it_is_unpacked() -> None:
    bomb = threemf(more={"3D/bomb.bin": b"\0" * 9_000_000})
    place = bomb.rindex(b"3D/bomb.bin") - 46
    forged = bytearray(bomb)
    forged[place + 24 : place + 28] = (1 << 31).to_bytes(4, "little")
    with pytest.raises(TooLarge, match="unpacks to"):
        containers.parse(bytes(forged))
    forged[place + 24 : place + 28] = (1000).to_bytes(4, "little")
    with pytest.raises(UnreadableFile, match="not what was packed"):
        containers.parse(bytes(forged))


def test_other_packages_and_signed_ones_are_not_written() -> None:
    with pytest.raises(UnsupportedFormat, match="without a 3D model"):
        containers.parse(threemf_without_model())
    with pytest.raises(WriteRefused, match="signed"):
        with_packet(threemf(more={"_xmlsignatures/sig.psdsxs": b"<x/>"}))
    with pytest.raises(UnreadableFile, match="leads out"):
        containers.parse(threemf(more={"/etc/passwd": b"x"}))


def threemf_without_model() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        package.writestr("[Content_Types].xml", b"<Types/>")
        package.writestr("_rels/.rels", RELATIONS.replace(b"2013/01/3dmodel", b"word"))
        package.writestr("word/document.xml", b"<x/>")
    return buffer.getvalue()


def test_the_fast_reader_reads_only_the_start_of_a_large_model() -> None:
    large = MODEL.replace(b"<vertices>", b"<vertices>" + b'<vertex x="1" y="2" z="3"/>' * 200_000)
    new = with_packet(threemf(large))
    reads = Counting(new)
    assert containers.find_packet(reads).payload == PACKET
    assert reads.taken < len(new) + 40_000


class Counting(io.BytesIO):
    """Counts what is read."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.taken += len(data)
        return data
