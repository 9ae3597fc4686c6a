"""Every format in a library: taken in, remembered, rebuilt, shown, altered, recovered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gm_assets import containers
from gm_assets.identity import identify
from gm_assets.library import Library, ingest, rebuild, recover, thumbnail
from gm_assets.memory.files import read_memory
from gm_assets_tests.containers.samples import (
    MODEL,
    USDA,
    exr,
    picture,
    ply,
    ramp,
    samples,
    saved,
    threemf,
    tiff,
    usdc,
    usdz,
)

#: A file of each format, the same with another content, and its name.
FILES = {
    "ply": ("bone.ply", ply(), ply(faces=((0, 1, 3), (0, 1, 2)))),
    "usda": ("bone.usda", USDA, USDA.replace(b"(1, 0, 0)", b"(2, 0, 0)")),
    "usdc": ("bone.usd", usdc(), usdc(USDA.replace(b"(1, 0, 0)", b"(2, 0, 0)"))),
    "usdz": ("bone.usdz", usdz(), usdz(USDA.replace(b"(1, 0, 0)", b"(2, 0, 0)"))),
    "3mf": ("bone.3mf", threemf(), threemf(MODEL.replace(b'"10"', b'"12"'))),
    "tiff": ("plate.tif", saved(picture(), "TIFF"), saved(picture().rotate(180), "TIFF")),
    "deep tiff": (
        "deep.tiff",
        tiff(ramp("u2"), photometric="rgb"),
        tiff(ramp("u2")[::-1], photometric="rgb"),
    ),
    "exr": (
        "plate.exr",
        exr((ramp("f2"), ("R", "G", "B"))),
        exr((ramp("f2")[::-1], ("R", "G", "B"))),
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_remembered_shown_and_comes_back_from_itself_alone(
    library: Library, name: str
) -> None:
    file, data, _ = FILES[name]
    path = library.root / "keeper" / "S3" / file
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    content = identify(path).content_id
    assert ingest(library).counts["written"] == 1
    memory = read_memory(path).memory
    assert memory is not None
    assert memory.written is not None
    assert memory.written.content_id == content == identify(path).content_id
    with Image.open(thumbnail(library, content, 64)) as shown:
        grey = np.asarray(shown.convert("L"))
        assert grey.max() > grey.min()
    report = rebuild(library)
    assert (report.remembered, report.quarantined) == (1, 0)
    kinds = library.catalogue().execute("select format, kind from files").fetchall()
    format = containers.sniff(data[: containers.HEAD])
    assert kinds == [(format, "model" if containers.is_model(format) else "image")]
    assert rebuild(library, verify=True).altered == ()


@pytest.mark.parametrize("name", FILES)
def test_an_edit_is_seen_and_a_lost_memory_is_offered(library: Library, name: str) -> None:
    file, data, other = FILES[name]
    path = library.root / file
    path.write_bytes(data)
    ingest(library)
    memory = read_memory(path).memory
    assert memory is not None
    packet = read_memory(path).packet
    assert packet is not None
    path.write_bytes(b"".join(containers.embed(other, packet)))
    assert [Path(one).name for one in rebuild(library, verify=True).altered] == [file]
    path.write_bytes(data)  # a tool dropped the memory and changed nothing else
    [offer] = ingest(library).recoveries
    assert offer.document_id == memory.document_id
    assert recover(library, path).document_id == memory.document_id


def test_formats_that_carry_no_memory_are_still_met_with_advice(library: Library) -> None:
    for file, head in {
        "shelf.hdr": b"#?RADIANCE\n",
        "linked.gltf": b'{"asset":{"version":"2.0"},"buffers":[{"byteLength":4,"uri":"a.bin"}]}',
    }.items():
        (library.root / file).write_bytes(head)
    report = ingest(library)
    assert report.counts["quarantined"] == 2
    reasons = dict(library.catalogue().execute("select path, reason from quarantine").fetchall())
    assert "in other files" in reasons["linked.gltf"]


def test_an_encoder_sees_tiff_and_openexr() -> None:
    from gm_assets.encoding.view import view_of

    plain = view_of(samples()["png"], 16)
    assert np.array_equal(view_of(samples()["tiff"], 16), plain)
    turned = view_of(saved(picture(), "TIFF", tiffinfo={274: 6}), 16)
    assert np.array_equal(turned, np.rot90(plain, -1))
    for name in ("exr", "exr-depth", "exr-tiled", "tiff-big-endian", "tiff-bigtiff-tiled"):
        seen = view_of(samples()[name], 16)
        assert seen.shape[2] == 3
        assert int(seen.max()) - int(seen.min()) > 100
