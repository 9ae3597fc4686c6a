"""`gm train leash` as one function: takes, two runs, the model folder.

The base network learns whole frames, small; the detail network then squares of large frames, led
by true base frames and by those that the base network makes of them. Each run is resumable, and a
run that is done is not repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gm_assets.training.leash.batches import Frames, Source, Squares, takes_in
from gm_assets.training.leash.data import UNSEEN, Kind, Sitting, render_all, sittings
from gm_assets.training.leash.redrawing import redraw_with
from gm_assets.training.leash.train import Plan, Run
from gm_assets.world.subjects import SUBJECTS

#: Told of what is being done, how far it is, and of how much.
Told = Callable[[str, int, int, str], None]

#: The two networks of the shipped model: arguments of `LeashUNet`.
BASE_NETWORK: dict[str, Any] = {"widths": [64, 128, 160]}
DETAIL_NETWORK: dict[str, Any] = {
    "widths": [64, 96, 112],
    "fold": 4,
    "guide_width": 8,
    "prior": True,
    "attention": False,
}


#: Large sittings that the detail network is watched on.
WATCHED = 7


@dataclass(frozen=True)
class Leash:
    """Everything that decides a training, besides versions and machine.

    Attributes:
        small, large: sittings that are shot, small and large.
        base, detail: the two runs.
        subjects: that are shot; those of `UNSEEN` are left out of training.
    """

    small: int = 436
    large: int = 68
    base: Plan = field(default_factory=lambda: Plan(BASE_NETWORK, 20_000))
    detail: Plan = field(default_factory=lambda: Plan(DETAIL_NETWORK, 8000, rate=8e-4, seed=2))
    subjects: tuple[str, ...] = tuple(SUBJECTS)

    def shortened(self, factor: float) -> Leash:
        """The same with a part of the steps in every run."""
        base, detail = (
            replace(plan, steps=max(round(plan.steps * factor), 1))
            for plan in (self.base, self.detail)
        )
        return replace(self, base=base, detail=detail)


@dataclass(frozen=True)
class Taught:
    """A finished training.

    Attributes:
        folder: of the model.
        samples, cpu_seconds: of each run.
    """

    folder: str
    samples: dict[str, int]
    cpu_seconds: dict[str, int]


def train_leash(out: Path, data: Path, plan: Leash, *, told: Told | None = None) -> Taught:
    """Train the leash and write it to `out`.

    Takes that are missing in `data` are rendered first; checkpoints and logs lie there too, and
    a training that was stopped goes on from them.

    Raises:
        MissingExtra: the packages that train models are not installed.
        ValueError: a checkpoint in `data` is of another network.
    """
    from gm_assets.diffusion.opening import PACKAGES
    from gm_assets.encoding.loading import require_packages

    require_packages(*PACKAGES)
    import torch

    from gm_assets.training.leash.publish import publish

    torch.set_num_threads(1)
    say = told or (lambda phase, done, total, current: None)
    takes = data / "leash"
    counts: dict[str, int] = {}

    for kind in ("small", "heldout", "large"):
        _shoot(takes, plan, kind, say)
    runs: dict[str, Run] = {}

    def learn(name: str, one: Plan, learned: Source, watched: Source) -> None:
        counts[name] = len(learned)
        held = watched.batch(64, np.random.Generator(np.random.PCG64(5)))
        runs[name] = Run(one, learned, held, data / f"leash-{name}")
        runs[name].resume()
        runs[name].go(progress=partial(_step, say, f"train {name}"))

    learn(
        "base",
        plan.base,
        Frames.of(takes_in(takes, _names(plan, "small"))),
        Frames.of(takes_in(takes, _names(plan, "heldout")), trained=False),
    )
    redraw = redraw_with(runs["base"].averaged())
    names = _names(plan, "large")
    # The last large sittings are watched, the others learned from.
    split = max(len(names) - WATCHED, 1)
    learn(
        "detail",
        plan.detail,
        Squares.of(takes_in(takes, names[:split]), redraw=redraw),
        Squares.of(takes_in(takes, names[split:] or names), redraw=redraw, trained=False),
    )
    say("write", 0, 1, out.name)
    publish(out, runs, counts, plan)
    return Taught(
        str(out),
        {name: run.samples for name, run in runs.items()},
        {name: round(run.seconds) for name, run in runs.items()},
    )


def _step(say: Told, phase: str, step: int, end: int, loss: float) -> None:
    say(phase, step, end, f"loss {loss:.3f}")


def sittings_of(plan: Leash, kind: Kind) -> list[Sitting]:
    """The first sittings of a kind."""
    if kind == "heldout":
        return sittings(kind, 1, plan.subjects)
    count = plan.small if kind == "small" else plan.large
    return sittings(kind, count // len(plan.subjects) + 1, plan.subjects)[:count]


def _names(plan: Leash, kind: Kind) -> list[str]:
    """The sittings of a kind that are learned from, or looked at where held out."""
    return [
        one.name
        for one in sittings_of(plan, kind)
        if kind == "heldout" or one.subject not in UNSEEN
    ]


def _shoot(folder: Path, plan: Leash, kind: Kind, say: Told) -> None:
    names = _names(plan, kind)
    wanted = [one for one in sittings_of(plan, kind) if one.name in names]
    for number, sitting in enumerate(render_all(folder, wanted)):
        say(f"shoot {kind}", number + 1, len(wanted), sitting.name)


def of_subjects(subjects: Sequence[str]) -> Leash:
    """The shipped training with some subjects alone."""
    return replace(Leash(), subjects=tuple(subjects))
