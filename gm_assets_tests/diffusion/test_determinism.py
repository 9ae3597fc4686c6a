"""The same pixels on any number of threads, at sizes of layers where PyTorch alone differs."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from gm_assets.diffusion.determinism import described, repeatable


def read(threads: int) -> bytes:
    """A layer of SDXL that reads words, within `repeatable`; alone it differs by threads."""
    import torch

    torch.manual_seed(0)
    words, weights = torch.randn(2, 77, 2048), torch.randn(640, 2048) / 45
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with repeatable("cpu"):
            return bytes(torch.nn.functional.linear(words, weights).numpy().tobytes())
    finally:
        torch.set_num_threads(before)


def test_the_number_of_threads_changes_no_bit() -> None:
    assert read(1) == read(2) == read(3) == read(1)


def test_the_settings_of_the_process_come_back_also_after_an_error() -> None:
    import torch

    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with pytest.raises(ZeroDivisionError), repeatable("cpu"):
        assert torch.get_num_threads() == 1 and torch.are_deterministic_algorithms_enabled()
        1 / 0  # noqa: B018
    assert before == (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled())


def test_a_recipe_names_what_decides_the_last_bits() -> None:
    import torch

    facts = described("cpu", "float32")
    assert facts["device"] == "cpu" and facts["threads"] == 1
    assert facts["torch"] == str(torch.__version__)
