"""USD layers and packages: what USD itself reads afterwards, and layers that lie."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gm_assets import containers
from gm_assets.containers import crate
from gm_assets.errors import GmError, TooLarge, UnreadableFile, UnsupportedFormat, WriteRefused
from gm_assets.identity import asset_hash
from gm_assets_tests.containers.samples import USDA, picture, samples, saved, usdc, usdz

PACKET = {"xmpMM:DocumentID": "xmp.did:1", "gm:note": 'it\'s "é" \\ {(#@<\n'}
LAYERS = {
    "no metadata": b'#usda 1.0\n\ndef Xform "World"\n{\n}\n',
    "nothing at all": b"#usda 1.0",
    "an empty block": b"#usda 1.0\n(\n)\n",
    "one line": b'#usda 1.0\n( defaultPrim = "World" )\n'
    b'def Xform "World" ( kind = "group" )\n{\n}\n',
    "a documentation": b'#usda 1.0\n(\n    """doc ) with "quotes"""\n)\n',
    "an empty dictionary": b'#usda 1.0\n(\n  upAxis = "Y"\n  customLayerData = {}\n)\n',
    "a full dictionary": b"#usda 1.0\n(\n  customLayerData = { string bar = 'x'\n"
    b" dictionary foo = {\n double a = 1\n }\n string[] l = [\"a\", 'b']\n }\n"
    b"  subLayers = [ @a.usd@ (offset = 1), @b/}.usd@ ]\n"
    b' upAxis = "Y" # hi ( {\n)\n',
    "a prim called so in words": b'#usda 1.0\n(\n  defaultPrim = "World"\n)\n'
    b'def "A" (\n doc = "World"\n){\n string x = "}"\n}\n'
    b'over Xform "World" (\n  assetInfo = {\n string name = "n"\n }\n)\n{\n}\n',
    "windows line ends": b'#usda 1.0\r\n(\r\n  upAxis = "Y"\r\n)\r\ndef "x" {}\r\n',
}


def opened(data: bytes, folder: Path, suffix: str) -> Any:
    """The layer as USD reads it."""
    from pxr import Sdf

    path = folder / f"{len(list(folder.iterdir()))}{suffix}"
    path.write_bytes(data)
    return Sdf.Layer.OpenAsAnonymous(str(path))


def with_packet(data: bytes, value: object = PACKET) -> bytes:
    return b"".join(containers.embed(data, json.dumps(value).encode()))


def kept(data: bytes) -> bytes:
    return b"".join(data[span.offset : span.end] for span in containers.parse(data).kept)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("suffix", [".usda", ".usdc"])
def test_usd_reads_the_layer_as_before_with_our_string_in_it(
    tmp_path: Path, name: str, suffix: str
) -> None:
    plain = LAYERS[name] if suffix == ".usda" else usdc(LAYERS[name])
    new = with_packet(plain)
    before, after = opened(plain, tmp_path, suffix), opened(new, tmp_path, suffix)
    assert json.loads(after.customLayerData["gm"]) == PACKET
    theirs = {key: value for key, value in after.customLayerData.items() if key != "gm"}
    assert theirs == dict(before.customLayerData)
    prim = after.GetPrimAtPath("/World")
    if after.defaultPrim:
        assert prim.assetInfo["gm"] == "xmp.did:1"
        info = {key: value for key, value in prim.assetInfo.items() if key != "gm"}
        prim.SetInfo("assetInfo", info)
        before.GetPrimAtPath("/World").SetInfo("assetInfo", info)
    after.customLayerData = before.customLayerData = theirs
    assert after.ExportToString() == before.ExportToString()


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("suffix", [".usda", ".usdc"])
def test_the_layer_without_our_strings_is_the_layer_as_it_was(name: str, suffix: str) -> None:
    plain = LAYERS[name] if suffix == ".usda" else usdc(LAYERS[name])
    once = with_packet(plain)
    twice = with_packet(once, {**PACKET, "gm:more": "x" * 9000})
    assert kept(once) == kept(twice) == kept(plain)
    assert with_packet(twice) == once
    assert asset_hash(once) == asset_hash(plain)


@pytest.mark.parametrize("suffix", [".usda", ".usdc"])
def test_a_memory_survives_a_save_by_usd_in_the_other_form(tmp_path: Path, suffix: str) -> None:
    plain = USDA if suffix == ".usda" else usdc()
    layer = opened(with_packet(plain), tmp_path, suffix)
    for other in (".usda", ".usdc"):
        path = tmp_path / f"saved{other}"
        layer.Export(str(path))
        resaved = path.read_bytes()
        assert containers.find_packet(io.BytesIO(resaved)).payload == PACKET
        changed = with_packet(resaved, {"gm:note": "new"})
        assert json.loads(opened(changed, tmp_path, other).customLayerData["gm"]) == {
            "gm:note": "new"
        }
        assert kept(changed) == kept(resaved)


def test_a_stage_that_references_the_layer_sees_its_document(tmp_path: Path) -> None:
    from pxr import Usd

    path = tmp_path / "bone.usdc"
    path.write_bytes(with_packet(usdc()))
    stage = Usd.Stage.CreateInMemory()
    prim = stage.DefinePrim("/Shelf/Bone")
    prim.GetReferences().AddReference(str(path))
    assert prim.GetAssetInfoByKey("gm") == "xmp.did:1"


def test_a_crate_of_many_prims_keeps_every_value(tmp_path: Path) -> None:
    from pxr import Sdf, Usd, UsdGeom

    stage = Usd.Stage.CreateInMemory()
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/World").GetPrim())
    random = np.random.default_rng(1)
    for number in range(300):
        points = UsdGeom.Points.Define(stage, f"/World/group_{number % 7}/cloud_{number}")
        points.GetPointsAttr().Set(random.random((40, 3)).astype(np.float32).tolist())
        points.GetPrim().CreateAttribute(f"note{number}", Sdf.ValueTypeNames.String).Set("ß" * 9)
    stage.GetRootLayer().Export(str(tmp_path / "many.usdc"))
    plain = (tmp_path / "many.usdc").read_bytes()
    after = opened(with_packet(plain), tmp_path, ".usdc")
    assert json.loads(after.customLayerData["gm"]) == PACKET
    after.customLayerData = {}
    after.GetPrimAtPath("/World").ClearInfo("assetInfo")
    before = opened(plain, tmp_path, ".usdc")
    before.customLayerData = {}
    assert after.ExportToString() == before.ExportToString()


def test_nothing_hides_behind_the_mark_of_an_update() -> None:
    forged = bytearray(with_packet(usdc()))
    honest = asset_hash(bytes(forged))
    place = forged.index(b"\0gm-assets usdc\n")
    (size,) = struct.unpack_from("<Q", forged, place + 16)
    forged[size + 3] ^= 1  # padding or a value behind the layer: unseen by who trusts the mark
    assert asset_hash(bytes(forged)) != honest


def test_another_use_of_the_name_is_not_overwritten(tmp_path: Path) -> None:
    taken = b"#usda 1.0\n(\n  customLayerData = {\n int gm = 3\n }\n)\n"
    for data in (taken, usdc(taken)):
        assert containers.parse(data).packet is None
        with pytest.raises(WriteRefused, match="`gm`"):
            with_packet(data)


@pytest.mark.parametrize(
    "text",
    [
        b"#usda one\n",
        b'#usda 1.0\n(\n  upAxis = "Y"\n',
        b'#usda 1.0\n(\n  upAxis = "Y\n)\n',
        b'#usda 1.0\n(\n  customLayerData = { string gm = "a\n',
        b"#usda 1.0\n(\n  customLayerData = 3\n)\n",
        b'#usda 1.0\ndef "A"\n{\n  def "B"\n  {\n}\n',
        b'#usda 1.0\ndef "A"\n',
        b'#usda 1.0\ndef "A"\n{\n}\n}\n',
        b'#usda 1.0\ndef "A" (\n  kind = "x"\n',
        b'#usda 1.0\ndef "A"\n{\n  string s = "no end\n}\n',
        b"#usda 1.0\n)\n",
    ],
)
def test_a_layer_that_is_cut_or_malformed_is_refused(text: bytes) -> None:
    with pytest.raises(UnreadableFile):
        containers.parse(text)


def test_metadata_without_bounds_are_refused() -> None:
    with pytest.raises(TooLarge, match="MB"):
        containers.parse(b"#usda 1.0\n(\n" + b"  upAxis = 1\n" * 1_500_000 + b")\n")
    nested = b"#usda 1.0\n(\n customLayerData = " + b"{ dictionary a = " * 100_000
    with pytest.raises(UnreadableFile):
        containers.parse(nested)


def test_the_fast_reader_passes_metadata_of_many_blocks() -> None:
    text = USDA.replace(b'upAxis = "Y"', b'doc = """' + b"word " * 20_000 + b'"""')
    found = containers.find_packet(io.BytesIO(with_packet(text)))
    assert found.payload == PACKET


@settings(max_examples=100, deadline=None)
@given(
    values=st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 300), max_size=200),
    text=st.binary(max_size=600),
)
def test_tables_read_back_as_they_were_packed(values: list[int], text: bytes) -> None:
    array = np.array(values, np.uint32)
    fields = crate.Fields(array, array.astype(np.uint64) << np.uint64(17))
    data = crate.packed_fields(fields)
    table = crate.Toc(0, {"FIELDS": containers.Span(0, len(data))})
    back = crate.fields(lambda offset, length: data[offset : offset + length], table, None)
    assert np.array_equal(back.names, fields.names)
    assert np.array_equal(back.values, fields.values)
    tokens = tuple(text.split(b"\0"))
    packed, strings = crate.packed_names(crate.Names(tokens, (0,)))
    sections = {
        "TOKENS": containers.Span(0, len(packed)),
        "STRINGS": containers.Span(len(packed), len(strings)),
    }
    both = packed + strings
    read = crate.names(lambda at, length: both[at : at + length], crate.Toc(0, sections), None)
    assert read.tokens == tokens


@settings(max_examples=150, deadline=None)
@given(places=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=4))
def test_a_damaged_crate_ends_in_our_errors_or_keeps_its_bytes(
    places: list[tuple[int, int]],
) -> None:
    data = bytearray(with_packet(usdc()))
    for place, value in places:
        data[place % len(data)] = value
    try:
        new = with_packet(bytes(data))
    except GmError:
        return
    assert kept(new) == kept(bytes(data))


def test_a_crate_of_an_unknown_version_is_named() -> None:
    future = bytearray(usdc())
    future[8:10] = b"\1\0"
    with pytest.raises(UnsupportedFormat, match=r"version 1\.0"):
        containers.parse(bytes(future))


def test_usd_opens_a_package_with_a_memory_and_its_files_are_aligned(tmp_path: Path) -> None:
    from pxr import Usd

    for number, plain in enumerate((samples()["usdz"], samples()["usdz-crate"])):
        path = tmp_path / f"{number}.usdz"
        path.write_bytes(with_packet(plain))
        stage = Usd.Stage.Open(str(path))
        assert json.loads(stage.GetRootLayer().customLayerData["gm"]) == PACKET
        with zipfile.ZipFile(path) as package, zipfile.ZipFile(io.BytesIO(plain)) as old:
            assert package.testzip() is None
            assert package.namelist() == old.namelist()
            assert package.read("textures/bone.png") == saved(picture(), "PNG")
            for entry in package.infolist():
                local = path.read_bytes()[entry.header_offset : entry.header_offset + 30]
                lengths = struct.unpack_from("<HH", local, 26)
                assert (entry.header_offset + 30 + sum(lengths)) % 64 == 0


def packaged(**options: Any) -> bytes:
    """A package by zipfile, with what a hostile one has."""
    buffer = io.BytesIO()
    method = options.get("method", zipfile.ZIP_STORED)
    with zipfile.ZipFile(buffer, "w", method) as package:
        package.writestr("scene.usda", options.get("root", USDA))
        for name in options.get("names", ()):
            package.writestr(name, b"x")
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["/etc/passwd", "../../x.png", "a/../b", "C:/x", "\\\\host\\x"])
def test_names_that_lead_out_of_a_package_are_refused(name: str) -> None:
    with pytest.raises(UnreadableFile, match="leads out"):
        containers.parse(packaged(names=(name,)))


def test_packages_that_lie_are_refused() -> None:
    sound = packaged(names=("a.png",))
    with pytest.raises(UnsupportedFormat, match="compressed"):
        containers.parse(packaged(method=zipfile.ZIP_DEFLATED, root=USDA * 9))
    with pytest.raises(UnreadableFile, match="no USD layer"):
        containers.parse(packaged(root=b"hello"))
    with pytest.raises(UnreadableFile, match="otherwise where it lies"):
        containers.parse(sound.replace(b"a.png", b"b.png", 1))
    with pytest.raises(UnreadableFile, match="not what was packed"):
        containers.parse(sound.replace(b"component", b"compOnent"))
    twice = packaged(names=("b.png", "a.png")).replace(b"b.png", b"a.png")
    with pytest.raises(UnreadableFile, match="one name"):
        containers.parse(twice)
    directory = sound.rindex(b"PK\1\2")
    overlapping = bytearray(sound)
    first = sound.index(b"PK\1\2")
    overlapping[directory + 42 : directory + 46] = sound[first + 42 : first + 46]
    with pytest.raises(UnreadableFile):
        containers.parse(bytes(overlapping))


def test_a_package_keeps_what_it_says_of_its_files() -> None:
    plain = usdz()
    new = with_packet(plain)
    before, after = containers.parse(plain), containers.parse(new)
    assert containers.container("usdz").difference(plain, before, new, after) is None
    with zipfile.ZipFile(io.BytesIO(new)) as package:
        assert {entry.date_time for entry in package.infolist()} == {(2026, 11, 22, 12, 0, 0)}
