"""ExifTool reads what we write, and what it writes leaves our memory whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gm_assets.identity import identify
from gm_assets.memory import xmp
from gm_assets.memory.files import read_memory, write_memory
from gm_assets_tests.memory.exiftool import ExifTool
from gm_assets_tests.memory.memories import DOCUMENT, INSTANCE, MESH, REFERENCE, typical

FORMATS = ("png", "jpg", "webp")


@pytest.fixture(params=FORMATS)
def picture(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A picture with the typical memory in it, of each format."""
    path = tmp_path / f"plate.{request.param}"
    pixels = np.random.default_rng(7).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    write_memory(path, typical())
    return path


def test_exiftool_reads_our_properties_in_their_standard_homes(
    exiftool: ExifTool,
    picture: Path,
) -> None:
    found = exiftool.read(picture)
    assert found["XMP-xmpMM:DocumentID"] == found["XMP-xmpMM:OriginalDocumentID"] == DOCUMENT
    assert found["XMP-xmpMM:InstanceID"] == INSTANCE
    assert found["XMP-xmpMM:DerivedFrom"]["DocumentID"] == MESH
    ingredients = found["XMP-xmpMM:Ingredients"]
    assert [(i["DocumentID"], i["Role"]) for i in ingredients] == [
        (REFERENCE, "style"),
        (MESH, "geometry"),
    ]
    events = found["XMP-xmpMM:History"]
    assert [event["Action"] for event in events] == ["created", "edited", "accepted"]
    assert events[1]["When"] == "2026:11:03 11:30:00+01:00"
    assert events[1]["SoftwareAgent"] == "GIMP 3.2"
    assert found["XMP-dc:Title"] == "The seam-keeper"
    assert found["XMP-dc:Creator"] == ["Inês Duarte", "gm_assets"]
    assert found["XMP-dc:Subject"] == ["horned", "pauldron", "seam"]
    assert found["XMP-dc:Rights"] == "© 2026 Studio"
    assert found["XMP-xmp:CreateDate"] == "2026:11:02 10:00:00Z"
    assert found["XMP-iptcExt:DigitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert found["XMP-iptcExt:AISystemUsed"] == "tiny-leash"
    assert found["XMP-iptcExt:AISystemVersionUsed"] == 3
    assert found["XMP-iptcExt:AIPromptInformation"] == 'a ceremonial figure, "horned"'
    assert found["XMP-iptcExt:AIPromptWriterName"] == "Inês Duarte"
    assert found["XMP-gm:PixelHash"] == "e" * 64


def test_exiftool_finds_nothing_wrong_with_the_packet(
    exiftool: ExifTool,
    picture: Path,
) -> None:
    assert "XMP" not in exiftool("-validate", "-warning", "-error", "-a", picture)


def test_an_edit_by_exiftool_keeps_our_memory_and_is_kept_by_us(
    exiftool: ExifTool,
    picture: Path,
) -> None:
    before = identify(picture)
    exiftool(
        "-overwrite_original",
        "-XMP-dc:Subject+=lantern",
        "-XMP-xmp:Rating=4",
        "-XMP-dc:Title-pt=O guardião",
        picture,
    )
    memory = read_memory(picture).memory
    keywords = ("horned", "pauldron", "seam", "lantern")
    assert memory == typical().model_copy(update={"keywords": keywords})
    assert identify(picture).stream_hash == before.stream_hash

    write_memory(picture, memory.model_copy(update={"shot": "profile"}))
    found = exiftool.read(picture)
    assert found["XMP-xmp:Rating"] == 4
    assert found["XMP-gm:Shot"] == "profile"
    packet = read_memory(picture).packet
    assert "O guardião" in packet.decode()
    assert xmp.differences(packet) == ()


def test_a_mirror_that_exiftool_changed_is_reported(
    exiftool: ExifTool,
    picture: Path,
) -> None:
    exiftool("-overwrite_original", "-XMP-xmpMM:Ingredients=", picture)
    found = read_memory(picture)
    assert found.memory == typical()
    assert [d.expected for d in xmp.differences(found.packet)] == [REFERENCE, MESH]


def test_a_memory_is_written_into_what_exiftool_wrote_first(
    exiftool: ExifTool,
    tmp_path: Path,
) -> None:
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (32, 32), "gray").save(path)
    exiftool(
        "-overwrite_original",
        "-XMP-dc:Title=Dock",
        "-XMP-photoshop:City=Lisboa",
        "-XMP-xmpMM:History=[{Action=saved,When=2026:01:01 10:00:00,SoftwareAgent=Tool}]",
        "-XMP-mwg-rs:RegionInfo={RegionList=[{Area={X=0.5,Y=0.5,W=0.1,H=0.1},Name=Inês}]}",
        path,
    )
    memory = typical().model_copy(update={"title": None})
    write_memory(path, memory)
    found = exiftool.read(path)
    assert found["XMP-dc:Title"] == "Dock"
    assert found["XMP-photoshop:City"] == "Lisboa"
    assert found["XMP-mwg-rs:RegionInfo"]["RegionList"][0]["Name"] == "Inês"
    actions = [event["Action"] for event in found["XMP-xmpMM:History"]]
    assert actions == ["saved", "created", "edited", "accepted"]
