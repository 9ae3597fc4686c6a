"""verify_stage, check and thumbnails: the library as it is now."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gm_assets.errors import NotFound
from gm_assets.library import Library, check, ingest, thumbnail, verify_stage
from gm_assets.memory.files import read_memory
from gm_assets.memory.record import Parent, Placement
from gm_assets_tests.library.files import (
    model,
    paint_over,
    picture,
    remembering,
    rows,
    strip_memory,
)


def states(library: Library, stage: str) -> dict[str, str]:
    report = verify_stage(library, "gate.g01", stage)
    return {file.path.rsplit("/", 1)[1]: file.state for file in report.files}


def test_a_sound_stage_has_the_catalogue_s_data_version_and_its_primary(
    library: Library,
) -> None:
    picture(library.root / "gate/S2/a.png", 1)
    chosen = picture(library.root / "gate/S2/b.jpg", 2)
    place = Placement(chain="gate", stage="S2", part="reference", primary=True)
    remembering(chosen, "chosen", placements=(place,))
    ingest(library)
    report = verify_stage(library, "gate", "S2")
    assert report.sound and report.documents == 2
    assert report.primary is not None and report.primary.path == "gate/S2/b.jpg"
    assert [(report.data_version,)] == rows(
        library, "select data_version from chains where key = 'gate.g01' and stage = 'S2'"
    )


def test_a_stage_without_files_and_an_unknown_chain_have_none(library: Library) -> None:
    model(library.root / "gate/S3/mesh.glb")
    ingest(library)
    for report in (verify_stage(library, "gate", "S1"), verify_stage(library, "spire", "S3")):
        assert not report.files and not report.sound and report.data_version is None
    with pytest.raises(ValueError, match="S9"):
        verify_stage(library, "gate", "S9")
    with pytest.raises(ValueError, match="chain key"):
        verify_stage(library, "Gate!", "S1")


def test_what_happened_to_each_file_since_is_told(library: Library) -> None:
    root = library.root / "gate/S2"
    for number, name in enumerate(("sound", "altered", "gone", "broken", "bare", "other")):
        picture(root / f"{name}.png", number)
    ingest(library)
    paint_over(root / "altered.png", 10)
    (root / "gone.png").unlink()
    (root / "broken.png").write_bytes((root / "broken.png").read_bytes()[:-20])
    strip_memory(root / "bare.png")
    remembering(picture(root / "other.png", 11), "another")
    assert states(library, "S2") == {
        "sound.png": "sound",
        "altered.png": "altered",
        "gone.png": "vanished",
        "broken.png": "unreadable",
        "bare.png": "unreadable",
        "other.png": "changed",
    }
    report = verify_stage(library, "gate", "S2")
    assert not report.sound and len(report.problems) == 4


def test_links_come_with_their_evidence(library: Library) -> None:
    parent = picture(library.root / "gate/S1/sketch.png", 1)
    ingest(library)
    memory = read_memory(parent).memory
    child = picture(library.root / "gate/S2/reference.png", 2)
    links = (
        Parent(
            document_id=memory.document_id,
            content_id=memory.written.content_id,
            basis="recorded",
        ),
        Parent(role="style", content_id=f"as:{1:064x}", basis="asserted"),
    )
    remembering(child, "child", parents=links)
    ingest(library)
    report = verify_stage(library, "gate", "S2")
    assert [(link.resolution, link.basis, link.proven) for link in report.links] == [
        ("resolved", "recorded", True),
        ("absent", "asserted", False),
    ]
    assert report.proven == 1


def test_check_finds_each_kind_of_damage_and_nothing_in_a_sound_library(
    library: Library,
) -> None:
    root = library.root
    for number, name in enumerate(("sound", "altered", "gone", "bare")):
        picture(root / f"{name}.png", number)
    link = Parent(content_id=f"as:{1:064x}", basis="asserted")
    remembering(picture(root / "child.png", 8), "child", parents=(link,))
    ingest(library)
    found = {(r.check, r.severity) for r in check(library) if r.severity != "ok"}
    assert found == {("links", "warning")}
    paint_over(root / "altered.png", 10)
    (root / "gone.png").unlink()
    strip_memory(root / "bare.png")
    (root / "broken.png").write_bytes(b"no picture")
    (root / ".gm-write-4194304-0123456789abcdef~").write_bytes(b"left over")
    found = {(r.check, r.path, r.severity) for r in check(library) if r.severity != "ok"}
    assert found >= {
        ("content", "altered.png", "error"),
        ("content", "broken.png", "error"),
        ("catalogue", "gone.png", "error"),
        ("memory", "bare.png", "warning"),
        ("links", "child.png", "warning"),
        ("leftovers", ".", "warning"),
    }
    assert not any(path == "sound.png" for _, path, _ in found)
    [only] = [r for r in check(library, [root / "altered.png"]) if r.check == "content"]
    assert only.path == "altered.png"


def content_of(library: Library, path: str) -> str:
    return rows(library, "select content_id from files where path = ?", path)[0][0]


def test_a_thumbnail_is_upright_small_and_made_once(library: Library) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # rotated by a quarter to the right for viewing
    upright = np.zeros((300, 600, 3), np.uint8)
    upright[:, :300] = 255
    Image.fromarray(upright).save(library.root / "a.jpg", exif=exif)
    ingest(library)
    path = thumbnail(library, content_of(library, "a.jpg"), 128)
    with Image.open(path) as image:
        assert (image.format, image.size) == ("WEBP", (64, 128))
        assert image.getpixel((32, 10))[0] > 200 > 60 > image.getpixel((32, 118))[0]
    before = path.stat()
    assert thumbnail(library, content_of(library, "a.jpg"), 128).stat() == before


def test_deep_pictures_are_stretched_and_transparency_stays(library: Library) -> None:
    depth = np.full((64, 64), 65535, np.uint16)
    depth[16:48, 16:48] = np.linspace(30000, 30400, 32).astype(np.uint16)
    Image.fromarray(depth).save(library.root / "depth.png")
    Image.new("RGBA", (40, 40), (200, 0, 0, 0)).save(library.root / "clear.png")
    Image.new("CMYK", (40, 40), (0, 200, 0, 0)).save(library.root / "cmyk.jpg")
    ingest(library)
    with Image.open(thumbnail(library, content_of(library, "depth.png"))) as image:
        grey = np.asarray(image.convert("L"))[20:44, 18:46]
    assert np.ptp(grey.astype(int)) > 180
    with Image.open(thumbnail(library, content_of(library, "clear.png"))) as image:
        assert image.mode == "RGBA" and image.getpixel((5, 5))[3] == 0
    with Image.open(thumbnail(library, content_of(library, "cmyk.jpg"))) as image:
        assert image.size == (40, 40)


def test_a_model_is_shown_in_clay(library: Library) -> None:
    model(library.root / "gate/S3/mesh.glb", height=2.0)
    ingest(library)
    with Image.open(thumbnail(library, content_of(library, "gate/S3/mesh.glb"), 64)) as image:
        assert image.size == (64, 64)
        assert np.asarray(image.convert("L"), int).std() > 5


def test_a_thumbnail_of_nothing_is_not_found(library: Library) -> None:
    path = picture(library.root / "a.png", 1)
    ingest(library)
    content = content_of(library, "a.png")
    path.unlink()
    with pytest.raises(NotFound):
        thumbnail(library, content)
    with pytest.raises(NotFound):
        thumbnail(library, f"as:{3:064x}")
    with pytest.raises(ValueError, match="content id"):
        thumbnail(library, "../../etc/passwd")


def test_a_file_whose_mode_alone_was_changed_still_sits_for_its_content(library: Library) -> None:
    path = picture(library.root / "plate.png", 30)
    ingest(library)
    content_id = content_of(library, "plate.png")
    path.chmod(0o600)
    with Image.open(thumbnail(library, content_id)) as shown:
        assert shown.format == "WEBP"


def test_an_edited_file_or_a_link_in_its_place_does_not_sit_for_the_old_content(
    library: Library,
) -> None:
    path = picture(library.root / "a.png", 1)
    ingest(library)
    content = content_of(library, "a.png")
    original = path.rename(library.root / "a.kept")
    picture(path, 2)
    with pytest.raises(NotFound):
        thumbnail(library, content)
    path.unlink()
    path.symlink_to(original)
    with pytest.raises(NotFound):
        thumbnail(library, content)
