from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from gm_assets.diffusion.opening import open_shader
from gm_assets.diffusion.profiles import folder_shader
from gm_assets.diffusion.protocol import Settings, Words
from gm_assets.training.leash.batches import Frames, guide_of
from gm_assets.training.leash.data import Sitting, Take, load, shoot
from gm_assets.training.leash.leash import BASE_NETWORK, DETAIL_NETWORK, Leash, train_leash
from gm_assets.training.leash.train import Plan, Run

TINY = {"widths": [16, 32], "blocks": 1}


@pytest.fixture(scope="module")
def takes() -> list[Take]:
    return list(islice(shoot(Sitting("small", "fluted-spire", 0)), 6))


def run(takes: list[Take], folder: Path, steps: int = 6) -> Run:
    return Run(Plan(TINY, steps, batch=4, warmup=2), Frames.of(takes), None, folder)


def test_a_resumed_run_ends_with_the_weights_of_one_that_never_stopped(
    takes: list[Take], tmp_path: Path
) -> None:
    whole = run(takes, tmp_path / "whole")
    whole.go()
    first = run(takes, tmp_path / "parts")
    assert not first.resume()
    first.go(until=3)
    second = run(takes, tmp_path / "parts")
    assert second.resume() and second.step == 3
    second.go()
    for name, value in whole.average.items():
        assert np.array_equal(value.numpy(), second.average[name].numpy()), name


def test_a_checkpoint_of_another_network_is_refused(takes: list[Take], tmp_path: Path) -> None:
    run(takes, tmp_path).go(until=1)
    other = Plan({"widths": [16, 16], "blocks": 1}, 6, batch=4)
    with pytest.raises(ValueError, match="another network"):
        Run(other, Frames.of(takes), None, tmp_path).resume()


def test_learning_lowers_the_loss_on_one_batch(takes: list[Take], tmp_path: Path) -> None:
    learner = run(takes, tmp_path, steps=80)
    learner.go()
    log = (tmp_path / "log.jsonl").read_text().splitlines()
    before = run(takes, tmp_path / "other", steps=80)
    before.go(until=2)
    begun = json.loads((tmp_path / "other/log.jsonl").read_text())["loss"]
    assert json.loads(log[-1])["loss"] < begun


def test_the_whole_training_writes_a_leash_that_opens_and_draws(tmp_path: Path) -> None:
    plan = Leash(
        small=1,
        large=1,
        base=Plan(TINY, 2, batch=2),
        detail=Plan(DETAIL_NETWORK | {"widths": [16, 16, 16], "blocks": 1}, 2, batch=2),
        subjects=("fluted-spire",),
    )
    told: list[str] = []
    taught = train_leash(
        tmp_path / "leash", tmp_path / "data", plan, told=lambda phase, *_: told.append(phase)
    )
    assert taught.samples == {"base": 4, "detail": 4}
    assert {"shoot small", "shoot large", "train base", "train detail", "write"} <= set(told)
    card = (tmp_path / "leash/README.md").read_text()
    assert "lantern-acolyte" in card and "CPU minutes" in card
    shader = open_shader(folder_shader(tmp_path / "leash"))
    take = load(tmp_path / "data/leash/small-000-fluted-spire.npz")[0]
    guide = guide_of(take)
    settings = Settings(*guide.size, steps=2)
    if min(guide.size) >= 128:
        (frame,) = shader.shade(Words("night city"), settings, [guide])
        assert frame.picture.shape[:2] == guide.size[::-1]
    # A second call finds everything done and makes nothing again.
    again: list[str] = []
    train_leash(
        tmp_path / "leash", tmp_path / "data", plan, told=lambda phase, *_: again.append(phase)
    )
    assert not [phase for phase in again if phase.startswith("train")]


def test_the_shipped_plan_can_be_shortened() -> None:
    short = Leash().shortened(0.001)
    assert short.detail.steps >= 1 and short.base.network == BASE_NETWORK
