"""The plan of a training of the encoder: phases, and the learning rate of every step.

A run has phases of growing picture size: shapes are learned at 64 pixels at half of the cost,
and the last part at the full size.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from gm_assets.training.network import Shape


@dataclass(frozen=True)
class Phase:
    """A part of a run.

    Attributes:
        side: of its pictures in pixels.
        batch: pictures in a step.
        steps: how many.
        changes: strength of the changes to its pictures (`augment.augmented`).
        fair: terms of held-out compositions are not counted as wrong answers (`unfair`).
        rounds: it sees the sittings of the first so many rounds; None for all. A first phase
            can so begin while pictures for the later ones are still being rendered.
        takes: it sees the frames that the leash is trained on too.
        frames: the part of a batch that is frames (S4).
        restart: the highest learning rate from here on; it warms up anew, and falls along
            another half of a cosine (Loshchilov and Hutter 2017, arXiv:1608.03983).
        shape: of the network from here on. The averaged weights of the phase before grow into it
            (`network.grown`); heads and moments begin anew.
        half: the towers compute in bfloat16; weights, losses and moments stay float32
            (Micikevicius et al. 2018, arXiv:1710.03740). Pays on processors that have
            instructions for it (AVX-512 BF16, AMX), and is slow on others.
    """

    side: int
    batch: int
    steps: int
    rounds: int | None = None
    changes: float = 1.0
    fair: bool = False
    takes: bool = False
    frames: float = 0.52
    restart: float | None = None
    shape: Shape | None = None
    half: bool = False


#: What the network grows into: the same grid of squares, of 5 pixels instead of 4, and a block
#: more in each stage.
GROWN = Shape(image_size=120, patch=5, depths=(2, 3, 6, 2))
_LAST = Phase(120, 128, 1, changes=1.7, fair=True, frames=0.64, shape=GROWN, half=True)


@dataclass(frozen=True)
class Plan:
    """Everything that decides a run, besides its data.

    Attributes:
        seed: of weights, batches, captions and changes.
        phases: in order.
        rate: highest learning rate of AdamW; it warms up and falls along a cosine, until a
            phase begins it anew.
        decay: weight decay of matrices.
        average: decay of the moving average of weights that is kept.
        matching: weight of matching captions against that of prompts and heads.
        shape: of the network until a phase has another.
    """

    seed: int = 7
    phases: tuple[Phase, ...] = (
        Phase(64, 128, 400, rounds=2),
        Phase(64, 128, 400, rounds=5),
        Phase(64, 128, 600, rounds=6),
        Phase(64, 128, 550, rounds=12, changes=1.7),
        Phase(64, 128, 450, rounds=12, changes=1.7, fair=True),
        Phase(64, 128, 500, rounds=12, changes=1.2, fair=True),
        Phase(96, 128, 1200, rounds=12, changes=1.7, fair=True, takes=True, restart=8e-4),
        Phase(96, 128, 1200, rounds=12, changes=1.2, fair=True, takes=True),
        replace(_LAST, steps=1000, rounds=17, restart=6e-4),
        replace(_LAST, steps=1200, rounds=28),
        replace(_LAST, steps=1400, changes=1.2),
    )
    rate: float = 1.6e-3
    decay: float = 0.05
    average: float = 0.998
    matching: float = 0.5
    shape: Shape = field(default_factory=Shape)

    @property
    def steps(self) -> int:
        """Steps of all phases."""
        return sum(phase.steps for phase in self.phases)

    def phase(self, step: int) -> Phase:
        """The phase that a step belongs to."""
        for phase in self.phases:
            if step < phase.steps:
                return phase
            step -= phase.steps
        return self.phases[-1]

    def shape_at(self, step: int) -> tuple[Shape, int]:
        """The shape of the network that makes a step, and the first step with that shape."""
        shape, since, first = self.shape, 0, 0
        for phase in self.phases:
            if phase.shape is not None and phase.shape != shape:
                if step < first:
                    break
                shape, since = phase.shape, first
            first += phase.steps
        return shape, since

    def shortened(self, steps: int) -> Plan:
        """The same plan in another number of steps, its phases in proportion."""
        counts = [max(round(phase.steps * steps / self.steps), 1) for phase in self.phases]
        while sum(counts) > max(steps, len(counts)):
            counts[counts.index(max(counts))] -= 1
        counts[0] += max(steps - sum(counts), 0)
        phases = tuple(
            replace(phase, steps=count) for phase, count in zip(self.phases, counts, strict=True)
        )
        return replace(self, phases=phases)

    def rate_at(self, step: int) -> float:
        """The learning rate of a step: 5 % warm-up, then half a cosine down to 1 %."""
        first, steps, rate = self._descent(step)
        warm = max(steps // 20, 1)
        if step - first < warm:
            return rate * (step - first + 1) / warm
        part = (step - first - warm) / max(steps - warm, 1)
        return rate * (0.01 + 0.99 * (0.5 + 0.5 * math.cos(math.pi * part)))

    def _descent(self, step: int) -> tuple[int, int, float]:
        """First step, steps and highest rate of the descent that a step belongs to."""
        first, end, rate = 0, 0, self.rate
        for phase in self.phases:
            if phase.restart is not None:
                if step < end:
                    break
                first, rate = end, phase.restart
            end += phase.steps
        return first, end - first, rate

    def begins_like(self, other: Mapping[str, Any], step: int) -> bool:
        """Whether the first steps of another plan, as JSON, were those of this one.

        The descent that the last of them belongs to has to be the same to its end.
        """
        mine = json.loads(json.dumps(asdict(self)))
        length, end = 0, 0
        first, steps, _ = self._descent(max(step - 1, 0))
        for phase in self.phases:
            if end < first + steps:
                length, end = length + 1, end + phase.steps
        return {**mine, "phases": mine["phases"][:length]} == {
            **other,
            "phases": list(other["phases"])[:length],
        }
