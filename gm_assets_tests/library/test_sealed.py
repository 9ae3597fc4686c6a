"""Files that are never written, in a library: catalogued, named as parents, shown, left alone."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from gm_assets.authoring.duplicates import duplicates
from gm_assets.authoring.linking import link
from gm_assets.authoring.suggesting import suggest
from gm_assets.authoring.values import Statement
from gm_assets.containers import SEALED
from gm_assets.errors import SealedFormat, TooLarge, UnsupportedFormat
from gm_assets.identity import identify, sealed
from gm_assets.identity.bounds import MAX_FILE_BYTES
from gm_assets.library import (
    Library,
    check,
    ingest,
    place,
    rebuild,
    recover,
    revise,
    thumbnail,
    verify_stage,
)
from gm_assets.library.folder import CATALOGUED, HANDLED, KNOWN
from gm_assets.library.values import Action, Completed
from gm_assets.making.converting import convert
from gm_assets.making.persistence import persistence
from gm_assets.memory.files import write_memory
from gm_assets.memory.record import Memory, Placement, mint_document_id, mint_instance_id
from gm_assets.walk import create_app
from gm_assets_tests.containers import sealed_samples
from gm_assets_tests.containers.sealed_samples import SAMPLES
from gm_assets_tests.library.files import picture, rows

#: Samples that decoders at hand show: Pillow, and OpenImageIO for DPX and PSB.
SHOWN = (
    *("plate.psd", "large.psb", "photo.avif", "scan.jp2", "scan.j2k"),
    *("frame.dpx", "little.dpx", "old.gif", "old.bmp"),
)


def advice(path: str) -> str:
    """What is to be done for a memory, as the refusal of a file says it."""
    if SEALED[SAMPLES[path][0]].kind == "model":
        return f"Make a GLB for a memory, which names this file as its parent: gm convert {path}"
    return "Export a PNG or TIFF for a memory"


@pytest.fixture
def originals(library: Library, monkeypatch: pytest.MonkeyPatch) -> Library:
    """One file of each sealed format, and a picture exported from one; vectors are off."""
    monkeypatch.setenv("GM_PROFILE", "none")
    for name, (_, data, _) in SAMPLES.items():
        (library.root / name).write_bytes(data)
    picture(library.root / "exported.png", 3)
    return library


def test_every_format_becomes_a_row_and_no_byte_changes(originals: Library) -> None:
    report = ingest(originals, workers=1)
    assert (report.counts["recorded"], report.counts["written"]) == (len(SAMPLES), 1)
    assert report.counts["quarantined"] == 0
    for outcome in report.of(Action.RECORDED):
        assert f"never written. {advice(outcome.path)}" in (outcome.detail or "")
    found = {
        path: facts
        for path, *facts in rows(
            originals,
            "select path, format, kind, content_id, file_hash, memory, verified, altered, "
            "width, height from files where path <> 'exported.png'",
        )
    }
    for name, (format, data, size) in SAMPLES.items():
        assert (originals.root / name).read_bytes() == data
        digest = identify(originals.root / name).file_hash
        width, height = size or (None, None)
        assert found[name] == [
            *(format, SEALED[format].kind, f"fi:{digest}", digest),
            *("none", True, False, width, height),
        ]
    assert not rows(originals, "select * from contents where perceptual_hash is not null "
                               "and starts_with(content_id, 'fi:')")  # fmt: skip


def test_they_are_read_once_and_nothing_is_found_wrong(originals: Library) -> None:
    ingest(originals, workers=1)
    again = ingest(originals, workers=1)
    assert (again.unchanged, again.outcomes) == (len(SAMPLES) + 1, ())
    assert {result.severity for result in check(originals, workers=1)} == {"ok"}


def test_a_rebuild_knows_them_at_once_and_their_content_when_it_verifies(
    originals: Library,
) -> None:
    ingest(originals, workers=1)
    query = "select path, format, kind, content_id, document_id from files order by path"
    before = rows(originals, query)
    report = rebuild(originals)
    assert (report.remembered, report.quarantined) == (1, 0)
    names = [(path, format, kind) for path, format, kind, *_ in before]
    assert rows(originals, "select path, format, kind from files order by path") == names
    rebuild(originals, verify=True, workers=1)
    assert rows(originals, query) == before


@pytest.mark.parametrize("name", ["plate.psd", "cube.stl", "cube.obj", "cloak.fbx"])
def test_a_memory_for_one_is_refused_with_the_advice(originals: Library, name: str) -> None:
    ingest(originals, workers=1)
    path = originals.root / name
    before = path.read_bytes()
    document = mint_document_id("plate")
    memory = Memory(document_id=document, instance_id=mint_instance_id(document, "x"))
    spot = Placement(chain="keeper", stage="S1", part="sketch", frame=1)
    for write in (
        lambda: write_memory(path, memory),
        lambda: place(originals, path, spot),
        lambda: revise(originals, path),
        lambda: recover(originals, path, document_id=document),
    ):
        with pytest.raises(SealedFormat) as refused:
            write()
        assert advice(name) in (refused.value.remedy or "")
    assert path.read_bytes() == before


def test_a_picture_names_its_original_by_the_hash_of_the_file(originals: Library) -> None:
    ingest(originals, workers=1)
    line = Statement(line=1, path="exported.png", parent="plate.psd", role="source")
    assert link(originals, [line], person="me", workers=1).linked == 1
    query = "select resolution, basis, parent_content_id from links"
    content = identify(originals.root / "plate.psd").content_id
    assert rows(originals, query) == [("resolved", "asserted", content)]
    (originals.root / "plate.psd").rename(originals.root / "moved.psd")
    [move] = ingest(originals, workers=1).moved
    assert (move.old, move.new) == ("plate.psd", "moved.psd")
    assert rows(originals, query) == [("resolved", "asserted", content)]
    rebuild(originals)  # nothing has read the original's bytes yet
    assert rows(originals, query) == [("absent", "asserted", content)]
    rebuild(originals, verify=True, workers=1)
    assert rows(originals, query) == [("resolved", "asserted", content)]
    (originals.root / "moved.psd").write_bytes(sealed_samples.psd(2))
    ingest(originals, workers=1)
    assert rows(originals, query) == [("absent", "asserted", content)]


def test_one_cannot_be_told_a_parent_and_is_suggested_no_place(originals: Library) -> None:
    ingest(originals, workers=1)
    line = Statement(line=1, path="plate.psd", parent="exported.png", role="source")
    [trouble] = link(originals, [line], person="me", workers=1).troubles
    assert "never written" in trouble.what
    assert "PNG or TIFF" in trouble.remedy
    (originals.root / "keeper-sketch.psd").write_bytes(sealed_samples.psd())
    picture(originals.root / "keeper-sketch.png", 8)
    ingest(originals, workers=1)
    placed = {one.path for one in suggest(originals).places}
    assert "keeper-sketch.png" in placed
    assert not {path for path in placed if not path.endswith(".png")}


def test_copies_are_duplicates_by_file(originals: Library) -> None:
    (originals.root / "again.psd").write_bytes(sealed_samples.psd())
    assert not ingest(originals, workers=1).recoveries
    [group] = duplicates(originals)
    assert {twin.path for twin in group.twins} == {"again.psd", "plate.psd"}
    assert rows(originals, "select copies from assets where path = 'again.psd'") == [(2,)]


def test_a_rule_places_one_and_its_stage_is_verified(originals: Library) -> None:
    path = originals.root / "keeper" / "S1" / "sketch.psd"
    path.parent.mkdir(parents=True)
    path.write_bytes(sealed_samples.psd())
    ingest(originals, workers=1)
    report = verify_stage(originals, "keeper", "S1")
    [file] = report.files
    assert (file.state, file.format, file.content_id) == (
        "provisional",
        "psd",
        identify(path).content_id,
    )
    assert report.vectors == Completed()  # no encoder was asked


@pytest.mark.parametrize("name", SHOWN)
def test_it_is_shown_where_a_decoder_is_at_hand(library: Library, name: str) -> None:
    path = library.root / name
    path.write_bytes(SAMPLES[name][1])
    ingest(library, workers=1)
    with Image.open(thumbnail(library, identify(path).content_id, 64)) as image:
        assert image.size == sealed_samples.SIZE
        shown = np.asarray(image.convert("RGB"), np.float64)
    drawn = np.asarray(sealed_samples.picture(), np.float64)
    # noise through GIF's palette, AVIF's quantiser and WebP's colour planes is still that noise
    assert np.corrcoef(shown.mean(2).ravel(), drawn.mean(2).ravel())[0, 1] > 0.8


def test_the_walk_serves_its_page_and_its_bytes_also_where_nothing_decodes_it(
    library: Library,
) -> None:
    path = library.root / "keeper" / "S2" / "reference.heic"
    path.parent.mkdir(parents=True)
    path.write_bytes(sealed_samples.heic())
    ingest(library, workers=1)
    [(document, content)] = rows(library, "select document_id, content_id from files")
    client = TestClient(create_app(library), base_url="http://localhost")
    assert client.get("/chain/keeper.g01").status_code == 200
    assert "reference.heic" in client.get(f"/asset/{document}").text
    assert client.get(f"/file/{content}").content == path.read_bytes()
    refused = client.get(f"/thumb/{content}.webp", headers={"Accept": "application/json"})
    assert refused.status_code == 415
    assert "HEIC" in refused.text


def test_a_mesh_is_catalogued_placed_and_shown(library: Library) -> None:
    path = library.root / "keeper" / "S3" / "mesh.stl"
    path.parent.mkdir(parents=True)
    path.write_bytes(SAMPLES["cube.stl"][1])
    ingest(library, workers=1)
    [(document, content)] = rows(library, "select document_id, content_id from files")
    client = TestClient(create_app(library), base_url="http://localhost")
    assert client.get("/chain/keeper.g01").status_code == 200
    assert "mesh.stl" in client.get(f"/asset/{document}").text
    served = client.get(f"/file/{content}")
    assert served.content == path.read_bytes()
    assert served.headers["content-disposition"].startswith("attachment")
    shown = client.get(f"/thumb/{content}.webp")
    with Image.open(io.BytesIO(shown.content)) as image:
        assert np.ptp(np.asarray(image.convert("L"))) > 50  # clay on its ground
    assert identify(path).no_geometry_reason is not None


@pytest.mark.parametrize("name", ["aa.obj", "zz.obj"])
def test_what_remembers_stands_for_a_stage_before_what_cannot(library: Library, name: str) -> None:
    folder = library.root / "keeper" / "S3"
    folder.mkdir(parents=True)
    original = folder / name
    original.write_bytes(SAMPLES["cube.obj"][1] + f"# {name}".encode())
    ingest(library, workers=1)
    query = """select a.path from chains c join assets a on a.document_id = c.primary_document
               where c.stage = 'S3'"""
    assert rows(library, query) == [(f"keeper/S3/{name}",)]
    convert(original, folder / "mesh.glb", library=library)
    assert rows(library, query) == [("keeper/S3/mesh.glb",)]
    assert [shape.path for shape in persistence(library, "keeper").shapes] == ["keeper/S3/mesh.glb"]


def test_files_that_are_no_meshes_and_too_large_ones_are_quarantined(library: Library) -> None:
    for name, data in {
        "letter.obj": b"Dear all,\n",
        "empty.fbx": b"",
        "cut.stl": bytes(99),
    }.items():
        (library.root / name).write_bytes(data)
    with (library.root / "huge.obj").open("wb") as file:
        file.write(SAMPLES["cube.obj"][1])
        file.truncate(MAX_FILE_BYTES + 1)
    picture(library.root / "sound.png", 1)
    report = ingest(library, workers=1)
    assert (report.counts["quarantined"], report.counts["written"]) == (4, 1)
    reasons = dict(rows(library, "select path, reason from quarantine"))
    assert "by its name it is OBJ" in reasons["letter.obj"]
    assert "empty" in reasons["empty.fbx"]
    assert "by its name it is STL" in reasons["cut.stl"]
    assert "more than" in reasons["huge.obj"]


def test_what_nothing_decodes_is_said_and_a_bomb_is_not_decoded() -> None:
    with pytest.raises(UnsupportedFormat, match="HEIC"):
        sealed.opened(sealed_samples.heic(), "heif")
    bitmap, film = bytearray(sealed_samples.by_pillow("BMP")), bytearray(sealed_samples.dpx())
    bitmap[18:26] = (60_000).to_bytes(4, "little") * 2
    film[772:780] = (60_000).to_bytes(4, "big") * 2
    large = sealed_samples.psd(1, (30_000, 30_000))
    for data, format in ((bytes(bitmap), "bmp"), (large, "psd"), (bytes(film), "dpx")):
        with pytest.raises((TooLarge, ValueError), match=r"pixels|claims a"):
            sealed.opened(data, format)


def test_a_psd_of_sixteen_bits_is_shown_too() -> None:
    data = bytearray(sealed_samples.psd())
    data[22:24] = b"\0\x10"
    head = len(data) - 3 * sealed_samples.SIZE[0] * sealed_samples.SIZE[1]
    deep = bytes(data[:head]) + b"".join(bytes((one, one)) for one in data[head:])
    shown = np.asarray(sealed.opened(deep, "psd"))
    assert np.array_equal(shown, np.asarray(sealed_samples.picture()))


def test_the_suffixes_of_a_walk_are_told_apart() -> None:
    assert not HANDLED & CATALOGUED
    assert not HANDLED & KNOWN
    assert not CATALOGUED & KNOWN
    assert {"psd", "dng", "heic", "dpx", "obj", "stl", "fbx"} <= CATALOGUED
