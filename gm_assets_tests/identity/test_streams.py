"""st1: what a metadata write cannot change and a decoder cannot move."""

from __future__ import annotations

import pytest
from PIL import Image

from gm_assets import containers
from gm_assets.identity import identify_bytes, stream_hash
from gm_assets_tests.identity.pictures import chunk, encode, jpeg_segments, noise, png

PICTURE = Image.fromarray(noise(30, 40, 3))
PACKET = b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x/><?xpacket end="w"?>'


@pytest.mark.parametrize(
    "data",
    [encode(PICTURE), encode(PICTURE, "JPEG"), encode(PICTURE, "WEBP")],
    ids=["png", "jpeg", "webp"],
)
def test_a_memory_write_changes_the_file_hash_alone(data: bytes) -> None:
    before = identify_bytes(data)
    after = identify_bytes(b"".join(containers.embed(data, PACKET)))
    assert after.packet == PACKET and before.packet is None
    assert after.file_hash != before.file_hash
    assert after.stream_hash == before.stream_hash
    assert after.content_id == before.content_id
    assert after.written() == before.written()


def test_the_palette_and_the_quantisation_tables_count() -> None:
    indices = noise(8, 8, 1) % 4
    one, two = (chunk(b"PLTE", bytes(range(start, start + 12))) for start in (0, 1))
    streams = {identify_bytes(png(indices, colour=3, before=p)).stream_hash for p in (one, two)}
    assert len(streams) == 2
    jpeg = encode(PICTURE, "JPEG")
    tables = next(segment for marker, segment in jpeg_segments(jpeg) if marker == 0xDB)
    coarser = jpeg.replace(tables, tables[:-1] + bytes([tables[-1] + 1]))
    assert identify_bytes(coarser).stream_hash != identify_bytes(jpeg).stream_hash


def test_recompression_changes_the_stream_and_not_the_content() -> None:
    fast, small = (identify_bytes(encode(PICTURE, compress_level=n)) for n in (1, 9))
    assert fast.stream_hash != small.stream_hash
    assert fast.content_id == small.content_id


def test_a_decoder_upgrade_leaves_the_stream_identity_of_a_jpeg(monkeypatch) -> None:
    """Another decoder gives other samples: here each one brighter by 1."""
    from PIL.JpegImagePlugin import JpegImageFile

    data = encode(PICTURE, "JPEG", quality=60)
    now = identify_bytes(data)

    class OtherDecoder(JpegImageFile):
        def load(self):  # type: ignore[no-untyped-def]
            loaded = super().load()
            self.im = self.im.point(list(range(1, 256)) * 3 + [255] * 3, "RGB")
            return loaded

    monkeypatch.setattr("gm_assets.identity.decode.JpegImageFile", OtherDecoder)
    later = identify_bytes(data)
    assert later.pixel_hash != now.pixel_hash
    assert later.stream_hash == now.stream_hash
    assert now.lossy and now.decoder


def test_the_hash_needs_no_decoding() -> None:
    data = encode(PICTURE, "WEBP", quality=30)
    layout = containers.parse(data)
    assert stream_hash(data, layout) == identify_bytes(data).stream_hash
