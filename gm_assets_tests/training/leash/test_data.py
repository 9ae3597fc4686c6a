from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from gm_assets.diffusion.embedded.features import CHANNELS, GEOMETRY
from gm_assets.training.facts import held_out
from gm_assets.training.leash.batches import MARGIN, SQUARE, Frames, Squares, guide_of, takes_in
from gm_assets.training.leash.data import (
    GRIDS,
    UNSEEN,
    Sitting,
    Take,
    as_pictures,
    load,
    render_all,
    save,
    shoot,
    sittings,
)

SMALL = Sitting("small", "fluted-spire", 0)


@pytest.fixture(scope="module")
def small() -> list[Take]:
    return list(islice(shoot(SMALL), 8))


@pytest.fixture(scope="module")
def large() -> list[Take]:
    return list(islice(shoot(Sitting("large", "fluted-spire", 0)), 2))


def test_takes_are_the_same_after_saving_and_loading(small: list[Take], tmp_path: Path) -> None:
    save(tmp_path / "a.npz", small)
    for one, again in zip(small, load(tmp_path / "a.npz"), strict=True):
        assert one.grid == again.grid
        assert one.record == again.record
        for name in ("picture", "depth", "normal", "ids"):
            assert np.array_equal(getattr(one, name), getattr(again, name))


def test_a_take_has_its_sizes_and_a_guide_with_ids_of_all_that_is_seen(small: list[Take]) -> None:
    for take in small:
        width, height = take.grid
        assert take.grid in GRIDS
        assert take.picture.shape == (round(height * 1.5), round(width * 1.5), 3)
        guide = guide_of(take)
        assert guide.size == (width * 2, height * 2)
        assert set(np.unique(guide.map("ids")[guide.map("silhouette")])) <= set(guide.table)


def test_no_take_shows_a_composition_that_is_held_out(small: list[Take]) -> None:
    for take in small:
        facts = take.facts
        assert facts.environment is not None
        painted = bool(take.record["paint"])
        assert not held_out(facts.subject, facts.environment, facts.material, painted)


def test_frames_come_in_batches_of_one_size(small: list[Take]) -> None:
    frames = Frames.of(small)
    assert len(frames) == len(small)
    batch = frames.batch(4, np.random.default_rng(1))
    count, channels, height, width = batch.guide.shape
    assert (count, channels) == (4, len(CHANNELS))
    assert batch.picture.shape == (4, 3, height, width)
    assert height % 8 == 0 and width % 8 == 0


def test_what_is_forgotten_is_never_the_silhouette(small: list[Take]) -> None:
    frames, told = Frames.of(small), Frames.of(small, trained=False)
    chance = np.random.default_rng(3)
    forgotten = 0
    for _ in range(40):
        batch = frames.batch(8, chance)
        assert (batch.guide[:, 0].flatten(1).sum(1) > 0).all()
        known = batch.guide[:, len(GEOMETRY) + 1 :].flatten(1).sum(1) > 0
        forgotten += int((~known).sum())
        assert set(batch.words[:, 0].tolist()) <= {0, *told.batch(1, chance).words[:, 0].tolist(),
                                                   *range(8)}  # fmt: skip
    assert forgotten


def test_squares_lie_over_their_part_of_the_base_frame(large: list[Take]) -> None:
    import torch
    import torch.nn.functional as F

    batch = Squares.of(large, trained=False).batch(3, np.random.default_rng(2))
    assert batch.prior is not None
    assert batch.picture.shape[-2:] == (128, 128)
    assert batch.prior.shape[-2:] == (SQUARE + 2 * MARGIN,) * 2
    inner = batch.prior[:, :, MARGIN:-MARGIN, MARGIN:-MARGIN].float()
    small = F.adaptive_avg_pool2d(batch.picture.float(), (SQUARE, SQUARE))
    assert torch.mean((inner - small).abs()) < 4


def test_only_missing_sittings_are_made(tmp_path: Path) -> None:
    plan = [Sitting("large", "arch", 90)]
    path = tmp_path / f"{plan[0].name}.npz"
    path.write_bytes(b"kept")
    assert list(render_all(tmp_path, plan)) == plan
    assert path.read_bytes() == b"kept"


def test_frames_serve_the_encoder_as_squares(small: list[Take], tmp_path: Path) -> None:
    save(tmp_path / f"{SMALL.name}.npz", small)
    pictures = as_pictures(tmp_path, [SMALL], 96)
    assert pictures.pixels.shape == (len(small), 96, 96, 3)
    assert pictures.takes.all()
    assert pictures.facts[0].look == "frame"
    with pytest.raises(ValueError, match="no takes"):
        as_pictures(tmp_path / "none", [SMALL], 96)


def test_redrawn_base_frames_keep_the_large_forms_and_come_out_the_same(
    large: list[Take],
) -> None:
    import torch
    import torch.nn.functional as F

    from gm_assets.diffusion.embedded.network import LeashUNet
    from gm_assets.training.leash.redrawing import redraw_with

    torch.manual_seed(1)
    network = LeashUNet(widths=[32, 32], blocks=1).eval()
    torch.nn.init.normal_(network.last[-1].weight, std=0.05)  # it begins with zeros
    redraw = redraw_with(network, count=3)
    frames = Squares.of(large, redraw=redraw, trained=False)
    assert [one.bases.tobytes() for one in frames.frames] == [
        one.bases.tobytes() for one in Squares.of(large, redraw=redraw, trained=False).frames
    ]
    for one in frames.frames:
        assert one.bases.shape[:2] == (4, 3)
        assert len({base.tobytes() for base in one.bases}) == 4
    batch = frames.batch(16, np.random.default_rng(2))
    plain = Squares.of(large, trained=False).batch(16, np.random.default_rng(2))
    assert batch.prior is not None and plain.prior is not None
    assert batch.prior.shape == plain.prior.shape
    small = F.adaptive_avg_pool2d(batch.picture.float(), (SQUARE, SQUARE))
    inner = batch.prior[:, :, MARGIN:-MARGIN, MARGIN:-MARGIN].float()
    true = (inner - small).abs().mean((1, 2, 3)) < 4
    assert true.any() and not true.all()  # some are led by the true base frame


def test_every_subject_sits_once_a_round() -> None:
    plan = sittings("small", 3)
    assert len(plan) == len({one.name for one in plan}) == 3 * 17
    assert {one.subject for one in plan} >= set(UNSEEN)


def test_takes_come_in_the_order_of_the_names(small: list[Take], tmp_path: Path) -> None:
    for name in ("b", "a"):
        save(tmp_path / f"{name}.npz", small[:1] if name == "a" else small[:2])
    assert len(list(takes_in(tmp_path, ["b", "missing", "a"]))) == 3
