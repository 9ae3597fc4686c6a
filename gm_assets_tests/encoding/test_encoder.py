"""Encoders of every kind through one loading code: pictures and words become unit vectors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gm_assets.encoding import Encoder
from gm_assets.errors import ModelError


def pictures(count: int = 5, shape: tuple[int, int] = (50, 70)) -> list[np.ndarray]:
    random = np.random.default_rng(count)
    return list(random.integers(0, 256, (count, *shape, 3), np.uint8))


def test_pictures_and_texts_become_unit_rows_of_one_dimension(encoder: Encoder) -> None:
    seen, said = encoder.images(pictures()), encoder.texts(["the recon pilot", "dry dock"])
    assert seen.shape == (5, encoder.dimension) and said.shape == (2, encoder.dimension)
    for rows in (seen, said):
        assert rows.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


def test_the_prepared_pictures_are_those_of_the_models_own_processor(encoder: Encoder) -> None:
    for shape in ((50, 70), (70, 50), (32, 32), (33, 200), (7, 5), (1, 1)):
        views = pictures(3, shape)
        theirs = encoder.processor(
            images=views, return_tensors="np", input_data_format="channels_last"
        )["pixel_values"]
        ours = encoder.prepare(views)["pixel_values"]
        assert encoder.preprocess is not None and ours.shape == np.shape(theirs)
        np.testing.assert_allclose(ours, theirs, atol=2e-6)


def test_vectors_are_those_that_transformers_gives(encoder: Encoder) -> None:
    import torch

    model, views = encoder.towers.model, pictures()  # type: ignore[attr-defined]
    with torch.inference_mode():
        pixels = encoder.processor(images=views, return_tensors="pt")["pixel_values"]
        rows = model.get_image_features(pixel_values=pixels).pooler_output
        theirs = torch.nn.functional.normalize(rows, dim=-1).numpy()
    np.testing.assert_allclose(encoder.images(views), theirs, atol=1e-5)


def test_a_vector_does_not_depend_on_its_neighbours_beyond_rounding(encoder: Encoder) -> None:
    views = pictures(9)
    alone = np.concatenate([encoder.images([view]) for view in views])
    np.testing.assert_allclose(encoder.images(views), alone, atol=1e-5)


def test_texts_are_read_in_their_canonical_form(encoder: Encoder) -> None:
    shouted, plain = encoder.texts(["The RECON-pilot!", "the recon pilot"])
    np.testing.assert_array_equal(shouted, plain)


def test_a_text_beyond_the_models_length_is_cut_and_told(encoder: Encoder) -> None:
    long = "recon pilot " * 40
    reading = encoder.reading(long)
    assert reading.truncated and reading.tokens > encoder.text_length
    assert not encoder.reading("recon pilot").truncated
    longer = encoder.texts([long, long + "snow"])
    np.testing.assert_array_equal(longer[0], longer[1])


def test_siglip_gets_no_mask_and_the_others_do(encoder: Encoder) -> None:
    names = set(encoder._tokens(["dry dock"]))
    siglip = encoder.towers.model.config.model_type == "siglip"  # type: ignore[attr-defined]
    assert names == ({"input_ids"} if siglip else {"input_ids", "attention_mask"})


def test_a_text_without_words_is_refused(encoder: Encoder) -> None:
    with pytest.raises(ModelError, match="holds no word"):
        encoder.texts(["dry dock", "  ... "])


def test_nothing_in_nothing_out(encoder: Encoder) -> None:
    assert encoder.images([]).shape == encoder.texts([]).shape == (0, encoder.dimension)


@pytest.mark.parametrize("fault", [np.nan, np.inf, 0.0, 3e38])
def test_rows_that_are_no_directions_are_refused(encoder: Encoder, fault: float) -> None:
    class Faulty:
        def images(self, pixels: object) -> np.ndarray:
            return np.full((2, encoder.dimension), fault, np.float32)

        texts = images

    broken = replace(encoder, towers=Faulty())
    if fault == 3e38:  # finite, though its square is not in float32
        np.testing.assert_allclose(np.linalg.norm(broken.images(pictures(2)), axis=1), 1, atol=1e-5)
        return
    with pytest.raises(ModelError, match=r"not finite|zeros"):
        broken.images(pictures(2))
    with pytest.raises(ModelError, match=r"not finite|zeros"):
        broken.texts(["dry dock", "snow"])


def test_rows_of_another_dimension_are_refused(encoder: Encoder) -> None:
    broken = replace(encoder, dimension=encoder.dimension + 1)
    with pytest.raises(ModelError, match="shape"):
        broken.images(pictures(2))


def test_pictures_of_another_type_are_refused(encoder: Encoder) -> None:
    for picture in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)):
        with pytest.raises(ValueError, match="uint8"):
            encoder.images([picture])
