"""The memory as values: what they accept, and the identifiers they derive."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gm_assets.memory.record import (
    Memory,
    Parent,
    Placement,
    chain_key,
    mint_document_id,
    mint_instance_id,
    parse_chain_key,
)
from gm_assets_tests.memory.memories import slugs, typical


@given(slugs, st.integers(1, 9999))
def test_a_chain_key_is_parsed_back(chain: str, generation: int) -> None:
    assert parse_chain_key(chain_key(chain, generation)) == (chain, generation)


def test_a_bare_chain_name_means_its_first_generation() -> None:
    assert parse_chain_key("seam-keeper") == ("seam-keeper", 1)
    assert Placement(chain="seam-keeper", stage="S1", part="sketch").key == "seam-keeper.g01"


@pytest.mark.parametrize("key", ["Seam", "a--b", "-a", "a.g1", "a.gxx", "", "a.g01\n", "a/b"])
def test_other_texts_are_no_chain_key(key: str) -> None:
    with pytest.raises(ValueError, match="seam-keeper"):
        parse_chain_key(key)


def test_minted_ids_depend_on_their_facts_alone() -> None:
    first = mint_document_id("px:1", "seam-keeper")
    assert first == mint_document_id("px:1", "seam-keeper")
    assert first != mint_document_id("px:1", "recon-pilot")
    assert uuid.UUID(first.removeprefix("xmp.did:")).version == 5
    instance = mint_instance_id(first, "px:1")
    assert instance != mint_instance_id(first, "px:1", turn=1)
    assert uuid.UUID(instance.removeprefix("xmp.iid:")).version == 5


def test_a_memory_cannot_be_changed_in_place() -> None:
    memory = typical()
    with pytest.raises(ValidationError, match="frozen"):
        memory.title = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    "content_id",
    ["", "px:" + "a" * 64, "px:" + "a" * 64 + ":0x1", "as:" + "A" * 64, "zz:" + "a" * 64],
)
def test_a_parent_needs_a_content_id(content_id: str) -> None:
    with pytest.raises(ValidationError):
        Parent(content_id=content_id, basis="recorded")


def test_a_stage_outside_the_five_is_refused() -> None:
    with pytest.raises(ValidationError):
        Placement(chain="a", stage="S6", part="b")  # type: ignore[arg-type]


def test_a_later_schema_is_newer() -> None:
    assert not typical().newer
    assert Memory(document_id="d", instance_id="i", schema_version=2).newer
