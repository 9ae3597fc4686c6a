"""Vectors in memories: what goes in comes out, and nothing else gets in or out."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gm_assets.encoding import pack, unpack
from gm_assets.encoding.vectors import unit_rows, vector_of, with_vector
from gm_assets.errors import InvalidMemory, ModelError
from gm_assets.memory.record import Embedding, Memory
from gm_assets.memory.xmp import dump, load

MODEL = "a" * 64


def unit(seed: int, dimension: int) -> np.ndarray:
    row = np.random.default_rng(seed).standard_normal((1, dimension))
    return unit_rows(row)[0]


@given(st.integers(0, 10_000), st.integers(1, 2_000))
def test_a_vector_comes_back_as_it_was_rounded(seed: int, dimension: int) -> None:
    vector = unit(seed, dimension)
    embedding = pack(vector, MODEL)
    assert (embedding.model, embedding.dimension) == (MODEL, dimension)
    np.testing.assert_array_equal(unpack(embedding), vector.astype(np.float16))


def test_a_vector_survives_the_packet_of_a_memory() -> None:
    embedding = pack(unit(1, 96), MODEL)
    memory = Memory(document_id="xmp.did:1", instance_id="xmp.iid:1", embeddings=(embedding,))
    assert load(dump(memory)) == memory


@pytest.mark.parametrize(
    "vector",
    [np.zeros(8), np.full(8, np.nan), np.array([np.inf, 0]), np.ones(8), np.ones((1, 1)), []],
    ids=["zero", "nan", "infinite", "long", "two dimensions", "empty"],
)
def test_what_is_no_unit_vector_is_not_packed(vector: np.ndarray) -> None:
    with pytest.raises(ModelError):
        pack(np.asarray(vector, np.float32), MODEL)


def spelled(numbers: list[float]) -> str:
    return base64.b64encode(np.array(numbers, "<f2").tobytes()).decode()


@pytest.mark.parametrize(
    ("dimension", "data"),
    [
        (2, spelled([1.0])),
        (1, spelled([1.0, 0.0])),
        (2, spelled([float("nan"), 1.0])),
        (2, spelled([0.0, 0.0])),
        (2, spelled([3.0, 4.0])),
        (1, "not base64!"),
        (1, ""),
        (1, "\u00e9"),
    ],
)
def test_what_a_file_says_is_checked(dimension: int, data: str) -> None:
    with pytest.raises(InvalidMemory, match="a vector in the memory"):
        unpack(Embedding(model=MODEL, dimension=dimension, data=data))


def test_a_memory_holds_one_vector_a_model() -> None:
    memory = Memory(document_id="xmp.did:1", instance_id="xmp.iid:1")
    first, second, other = (
        pack(unit(1, 8), MODEL),
        pack(unit(2, 8), MODEL),
        pack(unit(3, 4), "b" * 64),
    )
    memory = with_vector(with_vector(with_vector(memory, first), other), second)
    assert memory.embeddings == (other, second)
    found = vector_of(memory, MODEL)
    assert found is not None
    np.testing.assert_array_equal(found, unit(2, 8).astype(np.float16))
    assert vector_of(memory, "c" * 64) is None


@given(st.integers(0, 100), st.sampled_from([1e-30, 1.0, 1e30]))
def test_rows_of_any_length_become_unit_rows(seed: int, factor: float) -> None:
    rows = np.random.default_rng(seed).standard_normal((3, 5)) * factor
    np.testing.assert_allclose(np.linalg.norm(unit_rows(rows), axis=1), 1, atol=1e-5)
