"""A tiny training from end to end: pictures, steps, a folder that opens, figures, a card."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from gm_assets.encoding import Encoder, open_encoder  # noqa: E402
from gm_assets.encoding.fingerprint import folder_spec  # noqa: E402
from gm_assets.labelling.labelled import read  # noqa: E402
from gm_assets.training import network, publish  # noqa: E402
from gm_assets.training.captions import codes  # noqa: E402
from gm_assets.training.data import load, render_all, sittings  # noqa: E402
from gm_assets.training.encoder import train_encoder  # noqa: E402
from gm_assets.training.facts import TERMS, Facts, held_out  # noqa: E402
from gm_assets.training.network import Shape  # noqa: E402
from gm_assets.training.plan import Phase, Plan  # noqa: E402
from gm_assets.training.train import Trainer, run, unfair  # noqa: E402
from gm_assets.world.demo import build  # noqa: E402

SUBJECTS = ("arch", "ring-freighter")
PLAN = Plan(
    seed=3,
    phases=(
        Phase(16, 12, 3),
        Phase(32, 8, 3, changes=1.5, fair=True, takes=True, restart=8e-4),
    ),
    shape=Shape(
        image_size=32, widths=(8, 16), depths=(1, 1), text_width=16, text_layers=1, dimension=24
    ),
)
GROWING = Phase(
    40,
    8,
    3,
    frames=0.7,
    restart=8e-4,
    shape=replace(PLAN.shape, image_size=40, patch=5, depths=(2, 1)),
    half=True,
)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The arch of the demo library, small."""
    root = tmp_path_factory.mktemp("demo")
    build(root, size=96, only=["arch"], workers=1)
    return root


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of two subjects."""
    folder = tmp_path_factory.mktemp("training")
    for _ in render_all(folder / "pictures", plan_of_data(), side=32, frame_count=1):
        pass
    return folder


def plan_of_data():
    return sittings(1, SUBJECTS)


@pytest.fixture(scope="module")
def trained(data: Path, demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder made by the whole of `gm train encoder`."""
    out = tmp_path_factory.mktemp("model")
    told: list[str] = []
    train_encoder(
        out,
        data,
        PLAN,
        rounds=1,
        subjects=SUBJECTS,
        side=32,
        frame_count=1,
        takes=1,
        demo=demo,
        told=lambda phase, done, total, current: told.append(phase),
    )
    assert set(told) >= {"make", "shoot", "measure"}
    return out


@pytest.fixture(scope="module")
def encoder(trained: Path) -> Encoder:
    return open_encoder(folder_spec(trained))


def test_the_folder_opens_like_any_other_model(encoder: Encoder) -> None:
    assert (encoder.dimension, encoder.image_size, encoder.text_length) == (24, 32, 32)
    vectors = encoder.texts(["the arch in the snow", "a ring ship"])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert encoder.reading("the biomechanical arch").unknown == ("biomechanical",)


def test_shipped_vectors_are_those_of_the_shipped_weights(
    trained: Path, encoder: Encoder, data: Path
) -> None:
    heldout = load(data / "pictures", [one for one in plan_of_data() if one.split == "heldout"])
    shipped = read(trained / publish.HELDOUT, "heldout")
    assert shipped.encoder == encoder.fingerprint
    again = publish.labelled(encoder, heldout, "heldout")
    assert again.content_ids == shipped.content_ids
    assert np.abs(again.vectors.astype(np.float32) - shipped.vectors).max() < 2e-3
    assert publish.facts_of(shipped)[0] in heldout.facts


def test_the_averaged_model_gives_the_same_vectors_before_and_after_the_disk(
    data: Path, tmp_path: Path
) -> None:
    from gm_assets.training import augment

    pictures = training_pictures(data)
    trainer = Trainer(PLAN, pictures)
    trainer.advance()
    trainer.save(tmp_path)
    publish.seal(tmp_path)
    opened = open_encoder(folder_spec(tmp_path))
    views = pictures.pixels[:5]
    with torch.inference_mode():
        values = augment.plain(torch.from_numpy(views), 32)
        rows = trainer.averaged().get_image_features(pixel_values=values).pooler_output
    rows = torch.nn.functional.normalize(rows, dim=-1).numpy()
    assert np.abs(rows - opened.images(list(views))).max() < 1e-5


def training_pictures(data: Path):
    return load(data / "pictures", [one for one in plan_of_data() if one.split == "train"])


def weights(trainer: Trainer) -> dict[str, bytes]:
    return {name: value.numpy().tobytes() for name, value in trainer.average.items()}


@pytest.mark.parametrize("stop", [4, 6, 7])
def test_a_resumed_run_ends_with_the_weights_of_one_that_never_stopped(
    data: Path, tmp_path: Path, stop: int
) -> None:
    pictures = training_pictures(data)
    plan = replace(PLAN, phases=(*PLAN.phases, GROWING))
    whole = run(plan, pictures, None, tmp_path / "whole", every=2)
    run(plan, pictures, None, tmp_path / "stopped", until=stop)
    resumed = run(plan, pictures, None, tmp_path / "stopped", resume=True)
    assert resumed.step == whole.step == plan.steps
    assert resumed.shape == whole.shape == GROWING.shape
    assert weights(resumed) == weights(whole)


def test_a_network_that_has_grown_sees_what_it_saw_before(data: Path) -> None:
    pictures = training_pictures(data)
    plan = replace(PLAN, phases=(*PLAN.phases, GROWING))
    trainer = run(plan, pictures, None, data / "grown", until=PLAN.steps)
    # Pictures without detail, so that reducing them loses nothing.
    values = torch.nn.functional.interpolate(
        torch.rand((6, 3, 4, 4), generator=torch.Generator().manual_seed(1)) * 2 - 1,
        size=(40, 40),
        mode="bicubic",
    )
    small = torch.nn.functional.interpolate(values, size=(32, 32), mode="bicubic", antialias=True)
    with torch.inference_mode():
        before = trainer.averaged().get_image_features(pixel_values=small).pooler_output
        trainer._grow()
        after = trainer.averaged().get_image_features(pixel_values=values).pooler_output
    assert trainer.shape == GROWING.shape
    alike = torch.nn.functional.cosine_similarity(before, after)
    assert alike.min() > 0.999
    apart = torch.nn.functional.cosine_similarity(before, after.roll(1, 0))
    assert alike.min() > apart.max()


def test_a_network_neither_shrinks_nor_takes_another_grid(data: Path) -> None:
    trainer = Trainer(PLAN, training_pictures(data))
    for other in (
        replace(PLAN.shape, image_size=40),
        replace(PLAN.shape, widths=(8, 24)),
        replace(PLAN.shape, depths=(1, 0)),
    ):
        with pytest.raises(ValueError, match="cannot grow"):
            network.grown(trainer.model, trainer.tokenizer, other)


def test_another_seed_gives_other_weights(data: Path) -> None:
    pictures = training_pictures(data)
    assert weights(Trainer(replace(PLAN, seed=4), pictures)) != weights(Trainer(PLAN, pictures))


def test_a_phase_sees_only_the_sittings_of_its_rounds(data: Path) -> None:
    pictures = training_pictures(data)
    late = replace(pictures, turns=np.where(np.arange(len(pictures)) % 2, 5, 0))
    plan = replace(PLAN, phases=(Phase(16, 12, 3, rounds=5), Phase(16, 12, 3)))
    trainer = Trainer(plan, late)
    seen = [trainer._batch(12, np.random.default_rng(seed)) for seed in range(5)]
    assert not late.turns[np.concatenate(seen)].any()
    trainer.step = 3
    seen = [trainer._batch(12, np.random.default_rng(seed)) for seed in range(5)]
    assert late.turns[np.concatenate(seen)].any()


def test_terms_of_held_out_compositions_are_no_wrong_answers() -> None:
    places, materials = TERMS["environment"], TERMS["material"]
    pictures = [
        Facts("frame", "arch", place, material)
        for place in places
        for material in (None, *materials)
    ]
    barred = unfair(codes([*pictures, Facts("clay", "arch")]))
    assert not any(mask[-1].any() for mask in barred.values())
    for number, one in enumerate(pictures):
        for term, other in enumerate(materials):
            completes = held_out("arch", str(one.environment), other, True)
            assert bool(barred["material"][number, term]) == (completes and other != one.material)
        if one.material is None:
            assert not barred["environment"][number].any()
            assert not barred["subject"][number].any()
            continue
        for term, place in enumerate(places):
            completes = held_out("arch", place, one.material, True)
            assert bool(barred["environment"][number, term]) == (
                completes and place != one.environment
            )


def test_words_and_endings_that_were_never_seen_fall_into_letters() -> None:
    tokenizer = network.new_tokenizer(["arch", "spire"], PLAN.shape)
    pieces = tokenizer.tokenize("the spires 7 ARCH")
    assert pieces == ["t", "##h", "##e", "spire", "##s", "7", "arch"]
    assert tokenizer.unk_token_id not in tokenizer("every letter 0 to 9")["input_ids"]


def test_a_checkpoint_of_another_plan_is_refused(data: Path, tmp_path: Path) -> None:
    pictures = training_pictures(data)
    Trainer(PLAN, pictures).keep(tmp_path / "checkpoint.safetensors")
    with pytest.raises(ValueError, match="another plan"):
        Trainer(replace(PLAN, rate=1e-2), pictures).resume(tmp_path / "checkpoint.safetensors")


def test_training_makes_the_losses_smaller(data: Path) -> None:
    longer = replace(PLAN, phases=(Phase(32, 24, 30),))
    trainer = Trainer(longer, training_pictures(data))
    losses = [sum(trainer.advance().values()) for _ in range(30)]
    assert np.mean(losses[-5:]) < 0.85 * np.mean(losses[:5])


def test_the_card_says_what_was_measured(trained: Path, encoder: Encoder) -> None:
    facts = json.loads((trained / publish.TRAINING).read_text())
    card = (trained / "README.md").read_text()
    found = publish.measure_shipped(trained, encoder)
    for stage, one in found.retrieval.items():
        kept = facts["metrics"]["retrieval"][stage]
        assert kept["at_5"] == pytest.approx(one.at_5)
        assert f"| {one.at_1:.3f} | {one.at_5:.3f} |" in card
    assert facts["demo"]["S3"]["pictures"] > 10
    assert (trained / "curve.png").stat().st_size > 500
    assert len((trained / "log.jsonl").read_text().splitlines()) == 1


def test_a_folder_with_another_weight_file_is_refused(trained: Path, tmp_path: Path) -> None:
    from gm_assets.errors import ModelError

    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\1\0")
    with pytest.raises(ModelError, match="sealed"):
        open_encoder(folder_spec(copy))


@pytest.mark.parametrize("steps", [1, 2, 7, 100, 5_000])
def test_a_shortened_plan_has_the_steps_it_was_asked_for(steps: int) -> None:
    short = Plan().shortened(steps)
    assert short.steps == max(steps, len(short.phases))
    assert all(phase.steps >= 1 for phase in short.phases)


def test_the_learning_rate_rises_then_falls_to_a_hundredth_in_every_descent() -> None:
    plan = replace(
        PLAN,
        phases=(Phase(16, 8, 60), Phase(16, 8, 140), Phase(32, 8, 100, restart=4e-4)),
        rate=1e-3,
    )
    rates = [plan.rate_at(step) for step in range(plan.steps)]
    for descent, highest in ((rates[:200], 1e-3), (rates[200:], 4e-4)):
        top = int(np.argmax(descent))
        assert descent[top] == pytest.approx(highest)
        assert descent == [*sorted(descent[: top + 1]), *sorted(descent[top + 1 :], reverse=True)]
        assert descent[-1] == pytest.approx(highest / 100, rel=0.1)


def test_a_plan_that_goes_on_after_the_end_of_another_takes_its_checkpoint(
    data: Path, tmp_path: Path
) -> None:
    pictures = training_pictures(data)
    run(PLAN, pictures, None, tmp_path)
    longer = replace(PLAN, phases=(*PLAN.phases, Phase(32, 8, 2, restart=1e-4)))
    assert run(longer, pictures, None, tmp_path, resume=True).step == PLAN.steps + 2
    # Without a descent of its own the added phase would have changed the rates before it.
    slower = replace(PLAN, phases=(*PLAN.phases, Phase(32, 8, 2)))
    with pytest.raises(ValueError, match="another plan"):
        run(slower, pictures, None, tmp_path, resume=True)


def test_frames_of_the_leash_are_seen_in_the_phases_that_ask_for_them(data: Path) -> None:
    own = training_pictures(data)
    pictures = own.joined(replace(own, takes=np.ones(len(own), np.bool_)))
    plan = replace(PLAN, phases=(Phase(16, 12, 3), Phase(16, 12, 3, takes=True)))
    trainer, bare = Trainer(plan, pictures), Trainer(plan, own)
    for seed in range(5):
        places = trainer._batch(12, np.random.default_rng(seed))
        assert np.array_equal(places, bare._batch(12, np.random.default_rng(seed)))
    trainer.step = 3
    seen = [trainer._batch(12, np.random.default_rng(seed)) for seed in range(5)]
    assert pictures.takes[np.concatenate(seen)].any()
