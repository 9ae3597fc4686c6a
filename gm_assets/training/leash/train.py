"""Training the leash: one network on its noisy pictures, resumable, logged.

Both networks predict the clean picture in a noisy one, on the schedule of the pipeline, with
zero terminal signal (Lin et al. 2024, "Common diffusion noise schedules and sample steps are
flawed"). What a step sees depends on the seed and the step's
number alone, so a resumed run goes on as if it had not stopped.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gm_assets.diffusion.embedded.pictures import to_values
from gm_assets.training.facts import hashed
from gm_assets.training.leash.batches import MARGIN, Batch, Source

#: Times of the schedule.
_TIMES = 1000
#: What the error of a nearly clean picture weighs at most, that of pure noise being 1.
MOST_WEIGHT = 20.0


@dataclass(frozen=True)
class Plan:
    """How one network is trained.

    Attributes:
        network: arguments of `LeashUNet`.
        steps, batch: steps of the run, samples of each.
        rate: of learning, at its highest; it grows over `warmup` steps and falls to a
            twentieth along half a cosine.
        decay: of the weights.
        average: decay of the averaged weights, which are the ones kept.
        seed: of weights and batches.
    """

    network: Mapping[str, Any]
    steps: int
    batch: int = 16
    rate: float = 1e-3
    warmup: int = 200
    decay: float = 0.01
    average: float = 0.999
    seed: int = 0

    def rate_at(self, step: int) -> float:
        """The rate of learning of a step."""
        rise = min(1.0, (step + 1) / self.warmup)
        along = min(1.0, step / max(self.steps, 1))
        return self.rate * rise * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * along)))


@dataclass(eq=False)
class Run:
    """A run in a folder: `checkpoint.safetensors`, `state.json`, `log.jsonl`."""

    plan: Plan
    source: Source
    watched: Batch | None
    folder: Path
    model: Any = field(init=False)
    average: dict[str, Any] = field(init=False)
    optimiser: Any = field(init=False)
    signal: Any = field(init=False)
    step: int = 0
    samples: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        import torch

        from gm_assets.diffusion.embedded.network import LeashUNet
        from gm_assets.diffusion.embedded.pipeline import new_scheduler

        torch.manual_seed(self.plan.seed)
        self.model = LeashUNet(**self.plan.network).to(memory_format=torch.channels_last)
        self.average = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), self.plan.rate, (0.9, 0.99), weight_decay=self.plan.decay
        )
        self.signal = new_scheduler().alphas_cumprod
        self.folder.mkdir(parents=True, exist_ok=True)

    # --------------------------------------------------------------------- steps

    def go(
        self,
        *,
        until: int | None = None,
        seconds: float | None = None,
        every: int = 250,
        progress: Callable[[int, int, float], None] | None = None,
    ) -> None:
        """Train to the end, to a step, or for so many seconds of this process's time.

        A checkpoint and a line of the log are written every so many steps and at the end.
        """
        import torch

        torch.set_flush_denormal(True)  # arithmetic on denormal numbers is slow
        try:
            self._steps(min(self.plan.steps, until or self.plan.steps), seconds, every, progress)
        finally:  # it holds for the whole thread, numpy included
            torch.set_flush_denormal(False)

    def _steps(
        self,
        end: int,
        seconds: float | None,
        every: int,
        progress: Callable[[int, int, float], None] | None,
    ) -> None:
        begun, losses = time.process_time(), []
        self.model.train()
        while self.step < end:
            losses.append(self._learn())
            spent = time.process_time() - begun
            over = seconds is not None and spent > seconds
            if progress is not None:
                progress(self.step, end, losses[-1])
            if self.step % every == 0 or self.step == end or over:
                self.seconds, begun = self.seconds + spent, time.process_time()
                seconds = None if seconds is None else seconds - spent
                self._note(float(np.mean(losses)))
                self.keep()
                losses = []
            if over:
                return

    def _learn(self) -> float:
        import torch

        chance = np.random.Generator(np.random.PCG64(hashed("step", self.plan.seed, self.step)))
        batch = self.source.batch(self.plan.batch, chance)
        noise = torch.Generator().manual_seed(int(chance.integers(1 << 60)))
        for group in self.optimiser.param_groups:
            group["lr"] = self.plan.rate_at(self.step)
        with torch.autocast("cpu", torch.bfloat16):
            loss = self._loss(self.model, batch, noise)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.step += 1
        self.samples += self.plan.batch
        keep = min(self.plan.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                self.average[name].lerp_(value, 1 - keep)
        return float(loss.detach())

    def _loss(self, model: Any, batch: Batch, noise: Any) -> Any:
        """Weighted mean squared error of what is predicted, at times drawn from `noise`.

        The weight is one more than the ratio of signal to noise (Salimans and Ho 2022,
        "Progressive distillation"), capped (Hang et al. 2023, "Min-SNR weighting"). Without it the
        small errors of the last times hardly count, and what a sample ends in is blotched: the
        network of such a run left more error at time 40 than there was noise.
        """
        import torch

        from gm_assets.diffusion.embedded.pipeline import clouded, enlarged

        clean = to_values(batch.picture)
        count = len(clean)
        # Times in strata, so that every step sees all of them; late ones, where the frame is
        # composed, a little more often.
        drawn = ((torch.arange(count) + torch.rand(count, generator=noise)) / count) ** 0.8
        times = (drawn * _TIMES).long().clamp(max=_TIMES - 1)
        ratio = self.signal[times] / (1 - self.signal[times])
        weight = (ratio + 1).clamp(max=MOST_WEIGHT)
        signal = self.signal[times].sqrt()[:, None, None, None]
        spread = (1 - self.signal[times]).sqrt()[:, None, None, None]
        cloud = torch.randn(clean.shape, generator=noise)
        noisy = signal * clean + spread * cloud
        given: dict[str, Any] = {}
        if batch.prior is not None:
            blur = torch.rand(count, generator=noise)
            grain = torch.randn(batch.prior.shape, generator=noise)
            prior = clouded(to_values(batch.prior), blur, grain)
            rim = MARGIN * clean.shape[-1] // (prior.shape[-1] - 2 * MARGIN)
            large = enlarged(prior, *(side + 2 * rim for side in clean.shape[-2:]))
            given = {"prior": large[:, :, rim:-rim, rim:-rim], "blur": blur}
        layout = torch.channels_last
        found = model(
            noisy.contiguous(memory_format=layout),
            times / (_TIMES - 1),
            batch.guide.contiguous(memory_format=layout),
            batch.words,
            **given,
        )
        errors = (found.float() - clean).square().mean(dim=(1, 2, 3))
        return (weight * errors).mean()

    # ------------------------------------------------------------------- keeping

    def _note(self, loss: float) -> None:
        import torch

        line: dict[str, Any] = {
            "step": self.step,
            "samples": self.samples,
            "cpu_seconds": round(self.seconds),
            "loss": round(loss, 5),
        }
        if self.watched is not None:
            with torch.inference_mode():
                noise = torch.Generator().manual_seed(7)
                line["heldout"] = round(float(self._loss(self.averaged(), self.watched, noise)), 5)
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")

    def averaged(self) -> Any:
        """A network with the averaged weights, for inference."""
        from gm_assets.diffusion.embedded.network import LeashUNet

        model = LeashUNet(**self.plan.network)
        model.load_state_dict(self.average)
        return model.eval()

    def keep(self) -> None:
        """Write a checkpoint; it appears whole or not at all."""
        from safetensors.torch import save_file

        tensors = {f"model/{name}": value for name, value in self.model.state_dict().items()}
        tensors |= {f"average/{name}": value for name, value in self.average.items()}
        for name, value in self.model.named_parameters():
            for key, moment in self.optimiser.state.get(value, {}).items():
                tensors[f"{key}/{name}"] = moment
        draft = self.folder / "checkpoint.draft"
        save_file({name: value.contiguous() for name, value in tensors.items()}, draft)
        state = {
            "step": self.step,
            "samples": self.samples,
            "seconds": self.seconds,
            "plan": asdict(self.plan),
        }
        (self.folder / "state.json").write_text(json.dumps(state, indent=1) + "\n", "utf-8")
        draft.replace(self.folder / "checkpoint.safetensors")

    def resume(self) -> bool:
        """Go on from the folder's checkpoint, if there is one of the same network.

        Raises:
            ValueError: it is of another network.
        """
        from safetensors.torch import load_file

        path = self.folder / "checkpoint.safetensors"
        if not path.exists():
            return False
        state = json.loads((self.folder / "state.json").read_text("utf-8"))
        if state["plan"]["network"] != json.loads(json.dumps(asdict(self.plan)["network"])):
            raise ValueError(f"{path} is of another network; begin in another folder")
        tensors = load_file(path)
        kinds: dict[str, dict[str, Any]] = {}
        for key, value in tensors.items():
            kind, name = key.split("/", 1)
            kinds.setdefault(kind, {})[name] = value
        self.model.load_state_dict(kinds["model"])
        self.average = kinds["average"]
        for name, value in self.model.named_parameters():
            moments = {
                key: kinds[key][name] for key in ("step", "exp_avg", "exp_avg_sq") if key in kinds
            }
            if len(moments) == 3:
                self.optimiser.state[value] = moments
        self.step, self.samples = int(state["step"]), int(state["samples"])
        self.seconds = float(state["seconds"])
        return True
