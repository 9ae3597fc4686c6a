"""C2PA: claims of real files, and stores that lie."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gm_assets.errors import InvalidMemory
from gm_assets.memory.foreign import c2pa, cbor, jumbf, read_foreign
from gm_assets.memory.foreign.blocks import read_blocks

DATA = Path(__file__).parent / "data"
MADE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


def superbox(label: str, *inner: bytes) -> bytes:
    described = bytes(16) + b"\x03" + label.encode() + b"\0"
    return box(b"jumb", box(b"jumd", described) + b"".join(inner))


def test_a_created_picture_tells_its_maker_and_its_source_type() -> None:
    (account,) = read_foreign(DATA / "signed.png").accounts
    assert account.said["verified"] is False
    assert account.said["claim_generator"] == "roundtrip-test 1.0"
    assert account.said["actions"][0]["softwareAgent"] == "Maker 2"
    assert account.source_type == MADE and not account.references


def test_an_ingredient_is_told_with_the_hash_of_its_own_credentials() -> None:
    found = read_foreign(DATA / "opened.jpg")
    (account,) = found.accounts
    parent = read_foreign(DATA / "signed.png").accounts[0]
    (reference,) = account.references
    assert reference.name == "parent.png" and reference.document_id is None
    assert reference.hashes == {"C2PA data hash": parent.said["data_hash"]}
    assert account.said["ingredients"][0]["manifest"] == parent.said["manifest"]
    # Credentials tell of a file; they do not say which program made the picture.
    assert found.tool is None


def test_the_parts_of_a_claim_of_version_1_are_read() -> None:
    claim = b"\xa2" + text("claim_generator") + text("Old/1.0") + text("dc:title") + text("t")
    ingredient = b"\xa2" + text("documentID") + text("xmp.did:p") + text("dc:title") + text("p")
    store = superbox(
        "c2pa",
        superbox(
            "urn:uuid:1",
            superbox("c2pa.claim", box(b"cbor", claim)),
            superbox("c2pa.assertions", superbox("c2pa.ingredient__1", box(b"cbor", ingredient))),
        ),
    )
    account = c2pa.read(store)
    assert account is not None and account.said["claim_generator"] == "Old/1.0"
    assert account.references[0].document_id == "xmp.did:p"


def text(value: str) -> bytes:
    data = value.encode()
    return bytes([0x60 + len(data)]) + data if len(data) < 24 else bytes([0x78, len(data)]) + data


@pytest.mark.parametrize(
    "store",
    [
        b"\0\0\0\x10jumb",
        struct.pack(">I4s", 2**31, b"jumb") + bytes(8),
        superbox("c2pa"),
        superbox("c2pa", superbox("m", superbox("c2pa.claim", box(b"cbor", b"\xbf\xff\xff"[:1])))),
        box(b"jumb", box(b"jumb", box(b"jumb", b"")) * 5_000),
    ],
)
def test_a_store_that_cannot_be_read_says_so(store: bytes) -> None:
    account = c2pa.read(store)
    assert account is not None and account.said["verified"] is False
    assert "unreadable" in account.said


def test_boxes_within_boxes_without_end_are_refused() -> None:
    nested = b""
    for _ in range(jumbf.MAX_NESTING + 2):
        nested = superbox("x", nested)
    with pytest.raises(InvalidMemory, match="levels"):
        jumbf.parse(nested)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_store_or_an_answer(data: bytes) -> None:
    c2pa.read(data)
    c2pa.read(superbox("c2pa", superbox("m", superbox("c2pa.claim", box(b"cbor", data)))))


@pytest.mark.parametrize("name", ["signed.png", "opened.jpg"])
def test_a_real_store_with_a_byte_changed_never_raises(name: str) -> None:
    with (DATA / name).open("rb") as file:
        store = read_blocks(file, ()).c2pa
    assert store is not None
    for at in range(0, min(len(store), 6_000), 41):
        c2pa.read(store[:at] + bytes([store[at] ^ 0xFF]) + store[at + 1 :])


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\x1b" + b"\xff" * 8, 2**64 - 1),
        (b"\x38\x63", -100),
        (b"\xf9\x3c\x00", 1.0),
        (b"\xc0\x61a", "a"),
        (b"\x7f\x61a\x61b\xff", "ab"),
        (b"\x9f\x01\x02\xff", [1, 2]),
        (b"\xbf\x61a\xf5\xff", {"a": True}),
        (b"\xa1\x01\xf6", {"1": None}),
    ],
)
def test_cbor_is_read_as_rfc_8949_has_it(data: bytes, value: object) -> None:
    assert cbor.loads(data) == value


@pytest.mark.parametrize(
    "data",
    [b"", b"\x1c", b"\x1f", b"\x5b" + b"\x7f" * 8, b"\x81" * 100, b"\xa1\x61a\xff", b"\x7f\x41a",
     b"\x9b" + b"\x00\x00\x00\xff" * 2 + b"\x00" * 30_000],
)  # fmt: skip
def test_malformed_cbor_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidMemory):
        cbor.loads(data)
