"""`gm train leash` as one function: takes, three runs, the model folder.

The base network learns small frames first at 64 pixels, where a step is cheap, then at its own
96; the detail network learns squares of large frames. Each run is resumable, and a run that is
done is not repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gm_assets.training.leash.batches import BASE, Frames, Source, Squares, takes_in
from gm_assets.training.leash.data import UNSEEN, Kind, render_all, sittings
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


@dataclass(frozen=True)
class Leash:
    """Everything that decides a training, besides versions and machine.

    Attributes:
        small, large: rounds of sittings, small and large.
        first, base, detail: the three runs.
        cells: pixels for one cell of the grid, in the first run.
        subjects: that are shot; those of `UNSEEN` are left out of training.
    """

    small: int = 22
    large: int = 5
    first: Plan = field(default_factory=lambda: Plan(BASE_NETWORK, 1200, rate=6e-4))
    base: Plan = field(default_factory=lambda: Plan(BASE_NETWORK, 3000, rate=3e-4, seed=1))
    detail: Plan = field(default_factory=lambda: Plan(DETAIL_NETWORK, 3000, rate=5e-4, seed=2))
    cells: float = 1.0
    subjects: tuple[str, ...] = tuple(SUBJECTS)

    def shortened(self, factor: float) -> Leash:
        """The same with a part of the steps in every run."""
        first, base, detail = (
            replace(plan, steps=max(round(plan.steps * factor), 1))
            for plan in (self.first, self.base, self.detail)
        )
        return replace(self, first=first, base=base, detail=detail)


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

    def frames(kind: Kind, cells: float) -> Frames:
        return Frames.of(takes_in(takes, _names(plan, kind)), cells, trained=kind != "heldout")

    for kind in ("small", "heldout", "large"):
        _shoot(takes, plan, kind, say)
    run_of = {"first": plan.first, "base": plan.base, "detail": plan.detail}
    runs: dict[str, Run] = {}
    for name, one in run_of.items():
        source: Source
        watched: Source
        if name == "detail":
            names = _names(plan, "large")
            # The last large sittings are watched, the others trained on.
            split = max(len(names) - len(plan.subjects) // 2, 1)
            source = Squares.of(takes_in(takes, names[:split]))
            watched = Squares.of(takes_in(takes, names[split:] or names), trained=False)
        else:
            cells = plan.cells if name == "first" else BASE
            source, watched = frames("small", cells), frames("heldout", cells)
        counts[name] = len(source)
        held = watched.batch(64, np.random.Generator(np.random.PCG64(5)))
        run = Run(one, source, held, data / f"leash-{name}")
        if not run.resume() and name == "base":
            run.begin_from(data / "leash-first")
        phase = f"train {name}"
        run.go(progress=partial(_step, say, phase))
        runs[name] = run
    say("write", 0, 1, out.name)
    publish(out, runs, counts, plan)
    return Taught(
        str(out),
        {name: run.step * run.plan.batch for name, run in runs.items()},
        {name: round(run.seconds) for name, run in runs.items()},
    )


def _step(say: Told, phase: str, step: int, end: int, loss: float) -> None:
    say(phase, step, end, f"loss {loss:.3f}")


def _names(plan: Leash, kind: Kind) -> list[str]:
    """The sittings of a kind that are learned from, or looked at where held out."""
    rounds = {"small": plan.small, "large": plan.large, "heldout": 1}[kind]
    chosen = [name for name in plan.subjects if kind == "heldout" or name not in UNSEEN]
    return [sitting.name for sitting in sittings(kind, rounds, chosen)]


def _shoot(folder: Path, plan: Leash, kind: Kind, say: Told) -> None:
    names = set(_names(plan, kind))
    rounds = {"small": plan.small, "large": plan.large, "heldout": 1}[kind]
    wanted = [one for one in sittings(kind, rounds, plan.subjects) if one.name in names]
    for number, sitting in enumerate(render_all(folder, wanted)):
        say(f"shoot {kind}", number + 1, len(wanted), sitting.name)


def of_subjects(subjects: Sequence[str]) -> Leash:
    """The shipped training with some subjects alone."""
    return replace(Leash(), subjects=tuple(subjects))
