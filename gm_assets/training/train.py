"""Training the encoder by a plan: steps, checkpoints, and the model that is kept.

What a step sees depends on the seed and the step's number alone, so a resumed run goes on as if
it had not stopped.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gm_assets.training import augment, losses, network
from gm_assets.training.captions import (
    COLUMNS,
    agreement,
    caption,
    claims,
    codes,
    known_words,
)
from gm_assets.training.data import Pictures
from gm_assets.training.evaluate import Metrics, measure
from gm_assets.training.facts import TERMS, hashed, held_out
from gm_assets.training.network import HEADS, Shape
from gm_assets.training.plan import Plan
from gm_assets.training.wordings import wordings

#: How the rest of a batch, besides frames, is shared by the stages.
OTHERS: dict[str, float] = {"S1": 0.17, "S2": 0.10, "S3": 0.21}
#: Weight of each facet in the losses of prompts and heads. Shapes and materials are learned
#: last, and hardly at all where the easier facets have the same weight.
_WEIGHT = {
    "subject": 1.0,
    "material": 0.7,
    "environment": 0.3,
    "look": 0.3,
    "light": 0.2,
    "shot": 0.15,
    "domain": 0.1,
    "stage": 0.1,
}
_TRIPLE = ("subject", "environment", "material")
#: Pictures that the figures in the log are measured on.
_WATCHED = 900


class Trainer:
    """A run: network, optimiser, moving average, and the step that comes next."""

    def __init__(self, plan: Plan, pictures: Pictures) -> None:
        import torch

        torch.manual_seed(plan.seed)
        self.plan = plan
        self.pictures = pictures
        self.known = codes(pictures.facts)
        stages = np.array([one.stage for one in pictures.facts])
        self.places = {stage: np.flatnonzero(stages == stage) for stage in (*OTHERS, "S4")}
        self.words = known_words()
        self._have(plan.shape)
        self.step = 0
        self.samples = 0
        self.seconds = 0.0

    def _have(self, shape: Shape, model: Any = None) -> None:
        """Begin with a network of a shape, grown from `model` where there is one."""
        import torch

        self.shape = shape
        self.tokenizer = network.new_tokenizer(self.words, shape)
        if model is None:
            self.model = network.new_model(self.tokenizer, shape)
        else:
            self.model = network.grown(model, self.tokenizer, shape)
        self.model.to(memory_format=torch.channels_last)
        self.heads = network.new_heads(shape)
        self.average = {name: value.clone() for name, value in self.model.state_dict().items()}
        named = [*self.model.named_parameters(), *self.heads.named_parameters(prefix="heads")]
        # The scale of the cosines is fixed (losses.SCALE); the model's own is never used.
        self.named = {name: value for name, value in named if name != "logit_scale"}
        bare = [value for value in self.named.values() if value.ndim < 2]
        matrices = [value for value in self.named.values() if value.ndim >= 2]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": self.plan.decay},
                {"params": bare, "weight_decay": 0.0},
            ],
            lr=self.plan.rate,
            betas=(0.9, 0.98),
        )

    def _grow(self) -> None:
        """Let the network grow where the next step is made by one of another shape."""
        import torch

        shape, _ = self.plan.shape_at(self.step)
        if shape != self.shape:
            torch.manual_seed(hashed(self.plan.seed, "grow", self.step) % (1 << 62))
            self._have(shape, self.averaged())

    # ------------------------------------------------------------------ one step

    def advance(self) -> dict[str, float]:
        """One step of the optimiser; returns the parts of the loss."""
        import torch

        began = time.process_time()
        self._grow()
        phase = self.plan.phase(self.step)
        chance = np.random.Generator(np.random.PCG64(hashed(self.plan.seed, "step", self.step)))
        generator = torch.Generator().manual_seed(int(chance.integers(1 << 62)))
        places = self._batch(phase.batch, chance)
        self.model.train()
        seen = torch.from_numpy(self.pictures.pixels[places])
        values = augment.augmented(seen, phase.side, generator, phase.changes)
        parts = self._losses(values, places, chance)
        for group in self.optimiser.param_groups:
            group["lr"] = self.plan.rate_at(self.step)
        self.optimiser.zero_grad(set_to_none=True)
        sum(parts.values()).backward()
        torch.nn.utils.clip_grad_norm_(list(self.named.values()), 2.0)
        self.optimiser.step()
        self._follow()
        self.step += 1
        self.samples += phase.batch
        self.seconds += time.process_time() - began
        return {name: float(value.detach()) for name, value in parts.items()}

    def _batch(self, size: int, chance: np.random.Generator) -> NDArray[np.int64]:
        """Places of a batch's pictures: stages by `OTHERS` and the phase, shuffled."""
        phase = self.plan.phase(self.step)
        rest = (1 - phase.frames) / sum(OTHERS.values())
        mixture = {**{stage: rest * share for stage, share in OTHERS.items()}, "S4": phase.frames}
        present = {stage: share for stage, share in mixture.items() if len(self.places[stage])}
        shares = np.array(list(present.values()))
        counts = chance.multinomial(size, shares / shares.sum())
        chosen = []
        for stage, count in zip(present, counts.tolist(), strict=True):
            places = self.places[stage]
            if not phase.takes:
                places = places[~self.pictures.takes[places]]
            if phase.rounds is not None:
                places = places[self.pictures.turns[places] < phase.rounds]
            chosen.append(chance.choice(places, count))
        return chance.permutation(np.concatenate(chosen))

    def _losses(
        self, values: Any, places: NDArray[np.int64], chance: np.random.Generator
    ) -> dict[str, Any]:
        import torch
        import torch.nn.functional as F

        with self._computing():
            pooled = self.model.vision_model(pixel_values=values).pooler_output
        pooled = pooled.float()
        pictures = F.normalize(self.model.visual_projection(pooled), dim=-1)
        facts = [self.pictures.facts[int(place)] for place in places]
        said = [caption(one, chance) for one in facts]
        prompts, spans = self._prompts(chance)
        with self._computing():
            rows = self._texts([*(one.text for one in said), *prompts])
        known = self.known[places]
        right = torch.from_numpy(agreement(claims(said), known))
        telling = heads = pictures.sum() * 0
        barred = unfair(known) if self.plan.phase(self.step).fair else {}
        for facet, (first, last) in spans.items():
            term = torch.from_numpy(known[:, COLUMNS[facet]].astype(np.int64))
            own = rows[len(said) + first : len(said) + last]
            apart = barred.get(facet)
            telling = telling + _WEIGHT[facet] * losses.telling(pictures, own, term, apart)
            if facet in HEADS and bool((term >= 0).any()):
                scores = self.heads[facet](pooled)
                if apart is not None:
                    scores = scores.masked_fill(apart, -200.0)
                told = F.cross_entropy(scores, term, ignore_index=-1)
                heads = heads + _WEIGHT[facet] * told
        matching = losses.matching(pictures, rows[: len(said)], right)
        return {"matching": self.plan.matching * matching, "telling": telling, "heads": heads}

    def _prompts(self, chance: np.random.Generator) -> tuple[list[str], dict[str, tuple[int, int]]]:
        """One wording of every term of every facet, and where each facet's lie."""
        texts: list[str] = []
        spans: dict[str, tuple[int, int]] = {}
        for facet, terms in TERMS.items():
            first = len(texts)
            for term in terms:
                plain = [one.text for one in wordings()[facet, term] if len(one.asserts) == 1]
                texts.append(plain[int(chance.integers(len(plain)))])
            spans[facet] = (first, len(texts))
        return texts, spans

    def _pictures(self, values: Any) -> Any:
        import torch.nn.functional as F

        return F.normalize(self.model.get_image_features(pixel_values=values).pooler_output, dim=-1)

    def _texts(self, texts: Sequence[str]) -> Any:
        """Unit rows of texts. Causal attention: padding after the end token changes nothing."""
        import torch.nn.functional as F

        length = self.shape.text_length
        ids = self.tokenizer(
            list(texts), padding=True, truncation=True, max_length=length, return_tensors="pt"
        ).input_ids
        rows = self.model.get_text_features(input_ids=ids).pooler_output
        return F.normalize(rows.float(), dim=-1)

    def _computing(self) -> Any:
        """The towers compute in the numbers of the phase."""
        import torch

        half = self.plan.phase(self.step).half
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=half)

    def _follow(self) -> None:
        """Let the averaged weights follow; at first closely."""
        import torch

        made = self.step - self.plan.shape_at(self.step)[1]
        keep = min(self.plan.average, (1 + made) / (10 + made))
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                kept = self.average[name]
                if value.is_floating_point():
                    kept.lerp_(value, 1 - keep)
                else:
                    kept.copy_(value)

    # ------------------------------------------------------------- looking, keeping

    def averaged(self) -> Any:
        """A model with the averaged weights, for inference."""
        import copy

        model = copy.deepcopy(self.model)
        model.load_state_dict(self.average)
        return model.eval()

    def watch(self, pictures: Pictures, side: int) -> Metrics:
        """Figures of the averaged weights on pictures of at most `_WATCHED`."""
        import torch

        model = self.model
        own = {name: value.clone() for name, value in model.state_dict().items()}
        model.load_state_dict(self.average)
        model.eval()
        order = np.random.Generator(np.random.PCG64(1)).permutation(len(pictures))[:_WATCHED]

        def texts(given: Sequence[str]) -> NDArray[np.float32]:
            rows: NDArray[np.float32] = self._texts(given).numpy()
            return rows

        with torch.inference_mode():
            rows = []
            for start in range(0, len(order), 100):
                block = torch.from_numpy(pictures.pixels[order[start : start + 100]])
                rows.append(self._pictures(augment.plain(block, side)))
            vectors = torch.cat(rows).numpy()
            found = measure(vectors, [pictures.facts[int(place)] for place in order], texts)
        model.load_state_dict(own)
        return found

    def save(self, folder: Path) -> None:
        """Write the averaged model as a folder that can be loaded."""
        processor = network.new_processor(self.tokenizer, self.shape)
        network.save(folder, self.averaged(), processor, self.words)

    def keep(self, path: Path) -> None:
        """Write a checkpoint: weights, average and the optimiser's moments, as safetensors."""
        from safetensors.torch import save_file

        tensors = {f"model/{name}": value for name, value in self.model.state_dict().items()}
        tensors |= {f"heads/{name}": value for name, value in self.heads.state_dict().items()}
        tensors |= {f"average/{name}": value for name, value in self.average.items()}
        for name, value in self.named.items():
            for key, moment in self.optimiser.state.get(value, {}).items():
                tensors[f"moment/{key}/{name}"] = moment
        told = {"step": self.step, "samples": self.samples, "seconds": self.seconds}
        told["plan"] = json.dumps(asdict(self.plan))  # type: ignore[assignment]
        draft = path.with_name(f".{path.name}.draft")
        kept = {name: value.detach().contiguous().clone() for name, value in tensors.items()}
        save_file(kept, draft, {key: str(value) for key, value in told.items()})
        draft.replace(path)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            ValueError: it is of another plan. One that goes on after this one's end is no
                other plan.
        """
        from safetensors import safe_open

        with safe_open(path, "pt") as file:
            told = file.metadata()
            if not self.plan.begins_like(json.loads(told["plan"]), int(told["step"])):
                raise ValueError(f"{path} is a checkpoint of another plan")
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        self.step, self.samples = int(told["step"]), int(told["samples"])
        self.seconds = float(told["seconds"])
        shape, _ = self.plan.shape_at(max(self.step - 1, 0))
        if shape != self.shape:
            self._have(shape)
        self.model.load_state_dict(_below("model/", found))
        self.heads.load_state_dict(_below("heads/", found))
        self.average = _below("average/", found)
        for name, value in self.named.items():
            keys = ("step", "exp_avg", "exp_avg_sq")
            self.optimiser.state[value] = {key: found[f"moment/{key}/{name}"] for key in keys}


def unfair(known: NDArray[np.int16]) -> dict[str, Any]:
    """Terms that would complete a picture's other facts to a held-out composition, by facet.

    Training shows no picture of such a composition. Counted as wrong answers, they would teach
    that it cannot be: an arch in the city is never of bone.

    Args:
        known: (n, facets) codes of the pictures.

    Returns:
        (n, terms) bool for `subject`, `environment` and `material`.
    """
    import torch

    subject, place, material = (known[:, COLUMNS[facet]] for facet in _TRIPLE)
    table = _held_out()
    found = {
        "subject": table[:, place, material].T & (place >= 0)[:, None] & (material >= 0)[:, None],
        "environment": table[subject, :, material] & (material >= 0)[:, None],
        "material": table[subject, place] & (place >= 0)[:, None],
    }
    for facet, own in zip(_TRIPLE, (subject, place, material), strict=True):
        stated = np.flatnonzero(own >= 0)
        found[facet][stated, own[stated]] = False  # the right answer stays one
    return {facet: torch.from_numpy(np.ascontiguousarray(mask)) for facet, mask in found.items()}


@cache
def _held_out() -> NDArray[np.bool_]:
    """(subjects, environments, materials) whether a repainted composition is held out."""
    subjects, places, materials = (TERMS[facet] for facet in _TRIPLE)
    return np.array(
        [
            [[held_out(one, place, material, True) for material in materials] for place in places]
            for one in subjects
        ]
    )


def _below(prefix: str, tensors: dict[str, Any]) -> dict[str, Any]:
    return {
        name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)
    }


def run(
    plan: Plan,
    pictures: Pictures,
    heldout: Pictures | None,
    folder: Path,
    *,
    resume: bool = False,
    until: int | None = None,
    every: int = 200,
    progress: Callable[[int, int, dict[str, float]], None] | None = None,
) -> Trainer:
    """Train to the end of the plan, with checkpoints and a log in `folder`.

    Args:
        until: stop after this step; the rest can be resumed, with more pictures.
        every: steps between two lines of the log and two checkpoints.
        progress: told of the step, of all steps and of the loss, every ten steps.
    """
    folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(plan, pictures)
    checkpoint, log = folder / "checkpoint.safetensors", folder / "log.jsonl"
    if resume and checkpoint.exists():
        trainer.resume(checkpoint)
    else:
        log.unlink(missing_ok=True)
    mean: dict[str, float] = {}
    last = plan.steps if until is None else min(until, plan.steps)
    while trainer.step < last:
        parts = trainer.advance()
        for name, value in parts.items():
            mean[name] = value if name not in mean else 0.95 * mean[name] + 0.05 * value
        if progress and trainer.step % 10 == 0:
            progress(trainer.step, plan.steps, mean)
        if trainer.step % every == 0 or trainer.step == last:
            _write_line(log, trainer, mean, heldout)
            trainer.keep(checkpoint)
    return trainer


def _write_line(
    log: Path, trainer: Trainer, mean: dict[str, float], heldout: Pictures | None
) -> None:
    phase = trainer.plan.phase(trainer.step - 1)
    line: dict[str, Any] = {
        "step": trainer.step,
        "samples": trainer.samples,
        "cpu_seconds": round(trainer.seconds, 1),
        "side": phase.side,
        "loss": {name: round(value, 4) for name, value in mean.items()},
    }
    if heldout is not None:
        line["heldout"] = brief(trainer.watch(heldout, phase.side))
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def brief(metrics: Metrics) -> dict[str, Any]:
    """The figures in few words: accuracies by stage and facet, recall by gallery."""
    return {
        "zero_shot": {
            stage: {facet: round(one.value, 3) for facet, one in facets.items()}
            for stage, facets in metrics.zero_shot.items()
        },
        "recall": {
            stage: [round(one.at_1, 3), round(one.at_5, 3)]
            for stage, one in metrics.retrieval.items()
        },
    }
