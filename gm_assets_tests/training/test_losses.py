"""Losses and augmentation: what they reward, and what they leave alone."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from gm_assets.training import augment, losses  # noqa: E402


def rows(*values: list[float]):
    return torch.nn.functional.normalize(torch.tensor(values), dim=-1)


def test_matching_is_least_where_every_text_lies_at_its_pictures() -> None:
    pictures = rows([1.0, 0.0], [0.0, 1.0])
    right = torch.eye(2, dtype=torch.bool)
    good = losses.matching(pictures, pictures, right)
    assert good < 1e-6
    assert losses.matching(pictures, pictures.flip(0), right) > 10


def test_matching_does_not_punish_a_second_picture_of_which_a_text_is_true() -> None:
    pictures = rows([1.0, 0.0], [1.0, 0.0], [0.0, 1.0])
    texts = rows([1.0, 0.0], [1.0, 0.0], [0.0, 1.0])
    both = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=torch.bool)
    # Two right answers share the probability: the least that can be reached is ln 2 for them.
    least = 2 / 3 * torch.tensor(2.0).log()
    assert float(losses.matching(pictures, texts, both)) == pytest.approx(float(least), abs=1e-4)


def test_pictures_without_a_term_teach_nothing_about_its_facet() -> None:
    pictures = rows([1.0, 0.0], [0.0, 1.0]).requires_grad_()
    prompts = rows([1.0, 0.2], [0.3, 1.0])
    losses.telling(pictures, prompts, torch.tensor([-1, -1])).backward()
    assert not pictures.grad.any()


def test_augmented_pictures_keep_shape_range_and_follow_the_seed() -> None:
    pictures = torch.randint(0, 256, (7, 48, 48, 3), dtype=torch.uint8)
    one, same, other = (
        augment.augmented(pictures, 32, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4)
    )
    assert one.shape == (7, 3, 32, 32)
    assert one.abs().max() <= 1
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_stronger_changes_move_pictures_further_and_cover_a_part() -> None:
    pictures = torch.full((8, 48, 48, 3), 200, dtype=torch.uint8)
    weak, strong = (
        augment.augmented(pictures, 48, torch.Generator().manual_seed(3), strength)
        for strength in (1.0, 1.7)
    )
    # Even grey stays even under moves; only a cover puts an edge into it.
    flat = [bool(picture[0].std() < 0.1) for picture in weak[-3:]]
    assert all(flat)
    assert any(picture[0].std() > 0.1 for picture in strong[:4])


def test_unchanged_pictures_are_what_the_processor_makes_of_them() -> None:
    from gm_assets.training import network

    shape = network.Shape(image_size=48)
    processor = network.new_processor(network.new_tokenizer(["a", "picture"], shape), shape)
    pictures = torch.randint(0, 256, (2, 48, 48, 3), dtype=torch.uint8)
    given = processor.image_processor(list(pictures.numpy()), return_tensors="pt").pixel_values
    assert torch.allclose(augment.plain(pictures, 48), given, atol=1e-5)
