"""`gm train encoder` as one function: pictures, training, measures, the model folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gm_assets.training.data import (
    FRAMES,
    ROUNDS,
    SIDE,
    Pictures,
    Sitting,
    load,
    render_all,
    sittings,
)
from gm_assets.training.evaluate import Metrics
from gm_assets.training.facts import Split
from gm_assets.training.leash import data as leash_data
from gm_assets.training.leash.leash import Leash, sittings_of
from gm_assets.training.plan import Plan
from gm_assets.training.train import run
from gm_assets.world.subjects import SUBJECTS

#: Told of what is being done, how far it is, and of how much.
Told = Callable[[str, int, int, str], None]


@dataclass(frozen=True)
class Trained:
    """A finished training.

    Attributes:
        folder: of the model.
        steps, samples: of the run; cpu_seconds: of its steps.
        metrics: on the held-out pictures.
    """

    folder: str
    steps: int
    samples: int
    cpu_seconds: float
    metrics: Metrics


def train_encoder(
    out: Path,
    data: Path,
    plan: Plan,
    *,
    rounds: int = ROUNDS,
    subjects: Sequence[str] = tuple(SUBJECTS),
    side: int = SIDE,
    frame_count: int = FRAMES,
    takes: int | None = None,
    demo: Path | None = None,
    resume: bool = False,
    told: Told | None = None,
) -> Trained:
    """Train an encoder and write it to `out`.

    Pictures that are missing in `data` are rendered first; the checkpoint and the log of the
    run lie there too. With the same seed, data and versions, one thread and one kind of
    processor, the weights come out the same.

    Args:
        rounds: of sittings over all subjects.
        side: of the rendered pictures in pixels; training and the processor reduce them.
        frame_count: frames in each environment of a sitting.
        takes: small sittings of the leash whose frames are seen in the phases that ask for them;
            by default as many of those that the leash is trained on as there are of rounds and
            subjects.
        demo: a demo library to measure on; without one it is made in a temporary folder.
        resume: go on from the checkpoint in `data`, if there is one.

    Raises:
        MissingExtra: the packages that train models are not installed.
        ValueError: the checkpoint is of another plan.
    """
    from gm_assets.encoding.loading import require_packages

    require_packages()
    import torch

    from gm_assets.training.publish import publish

    torch.set_num_threads(1)
    say = told or (lambda phase, done, total, current: None)
    plan_of_data = sittings(rounds, subjects)
    made = render_all(data / "pictures", plan_of_data, side=side, frame_count=frame_count)
    for number, sitting in enumerate(made):
        say("make", number + 1, len(plan_of_data), sitting.name)
    training, heldout, reference = (
        _of_split(data / "pictures", plan_of_data, split)
        for split in ("train", "heldout", "reference")
    )
    if any(phase.takes for phase in plan.phases):
        if takes is None:
            takes = round(Leash().small * rounds / ROUNDS * len(subjects) / len(SUBJECTS))
        training = training.joined(_takes(data / "leash", max(takes, 1), subjects, side, say))
    torch.set_flush_denormal(True)  # arithmetic on denormal numbers is slow
    try:
        trainer = run(
            plan,
            training,
            heldout,
            data / "run",
            resume=resume,
            progress=lambda step, steps, loss: say("train", step, steps, _total(loss)),
        )
    finally:  # it holds for the whole thread, numpy included
        torch.set_flush_denormal(False)
    say("measure", 0, 1, out.name)
    metrics = publish(out, trainer, heldout, reference, data / "run" / "log.jsonl", demo)
    return Trained(str(out), trainer.step, trainer.samples, round(trainer.seconds, 1), metrics)


def _total(loss: dict[str, float]) -> str:
    return f"loss {sum(loss.values()):.2f}"


def _takes(folder: Path, count: int, subjects: Sequence[str], side: int, say: Told) -> Pictures:
    """The frames of small sittings of the leash; those that are missing are shot."""
    plan = sittings_of(Leash(small=count, subjects=tuple(subjects)), "small")
    for number, sitting in enumerate(leash_data.render_all(folder, plan)):
        say("shoot", number + 1, count, sitting.name)
    return leash_data.as_pictures(folder, plan, side)


def _of_split(folder: Path, plan: Sequence[Sitting], split: Split) -> Pictures:
    return load(folder, [sitting for sitting in plan if sitting.split == split])
