"""`python -m benchmarks.instrument.training`: teaches the instrument on true renders.

It takes the small sittings that `gm train leash` renders (`<cache>/leash/small-*.npz`); one round
in eight is watched and never trained on. Exposure, mirror image, noise and a slight blur are
varied. Weights go to `weights.safetensors` in half precision, the curve and the scores to
`log.json`, both beside this file.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch  # noqa: TID253
import torch.nn.functional as F  # noqa: TID253
from numpy.typing import NDArray
from torch import Tensor, nn  # noqa: TID253

from benchmarks.instrument.network import FOLDER, WEIGHTS, Network, normalised, scaled, scaled_mask
from gm_assets.training.facts import PAINTS
from gm_assets.training.leash.data import Take, load
from gm_assets.world.names import ENVIRONMENTS

SEED = 7
BATCH = 32
RATE = 2e-3
#: One round of sittings in so many is watched.
WATCHED_ONE_IN = 8


@dataclass(frozen=True, eq=False)
class Samples:
    """True renders of one size.

    Attributes:
        pictures: (n, 3, h, w) uint8.
        subjects: (n, h, w) bool, where the passes see the subject.
        environments, materials: (n,) indices, -1 where nothing can be told.
    """

    pictures: Tensor
    subjects: Tensor
    environments: Tensor
    materials: Tensor

    def __len__(self) -> int:
        return len(self.pictures)


def main() -> None:
    """Train, score, write."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.instrument.training", description=__doc__
    )
    parser.add_argument("--takes", type=Path, default=Path(".cache/training/leash"))
    parser.add_argument("--minutes", type=float, default=14.0, help="of CPU time")
    options = parser.parse_args()
    torch.set_num_threads(1)
    trained, watched, files = gather(sorted(options.takes.glob("small-*.npz")))
    network, curve = train(trained, watched, options.minutes * 60)
    write(network, WEIGHTS)
    log = {
        "command": f"python -m benchmarks.instrument.training --minutes {options.minutes:g}",
        "seed": SEED,
        "batch": BATCH,
        "rate": RATE,
        "parameters": sum(value.numel() for value in network.parameters()),
        "files": files,
        "trained on": sum(map(len, trained)),
        "watched": sum(map(len, watched)),
        "torch": torch.__version__,
        "scores": score(network, watched),
        "curve": curve,
    }
    (FOLDER / "log.json").write_text(json.dumps(log, indent=1) + "\n", "utf-8")


def gather(paths: Iterable[Path]) -> tuple[list[Samples], list[Samples], int]:
    """Samples to train on and to watch, by size, and the number of files."""
    sets: tuple[dict[Any, list[Any]], ...] = ({}, {})
    files = 0
    for path in paths:
        turn = int(path.stem.split("-")[1])
        files += 1
        for take in load(path):
            row = _sample(take)
            part = sets[turn % WATCHED_ONE_IN == WATCHED_ONE_IN - 1]
            part.setdefault(row[0].shape, []).append(row)
    trained, watched = ([_stacked(rows) for _, rows in sorted(one.items())] for one in sets)
    return trained, watched, files


def _sample(take: Take) -> tuple[NDArray[np.uint8], NDArray[np.bool_], int, int]:
    picture = scaled(take.picture)
    facts = take.facts
    return (
        picture,
        scaled_mask(take.depth > 0, picture.shape),
        -1 if facts.environment is None else ENVIRONMENTS.index(facts.environment),
        -1 if facts.material is None else PAINTS.index(facts.material),
    )


def _stacked(rows: list[Any]) -> Samples:
    pictures = torch.from_numpy(np.stack([row[0] for row in rows])).permute(0, 3, 1, 2)
    return Samples(
        pictures.contiguous(),
        torch.from_numpy(np.stack([row[1] for row in rows])),
        torch.tensor([row[2] for row in rows]),
        torch.tensor([row[3] for row in rows]),
    )


def train(
    trained: list[Samples], watched: list[Samples], seconds: float
) -> tuple[Network, list[dict[str, float]]]:
    """A network after so many seconds of CPU time, its rate lowered along a cosine."""
    torch.manual_seed(SEED)
    chance = np.random.Generator(np.random.PCG64(SEED))
    network = Network().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.02)
    share = np.array([len(one) for one in trained], float) / sum(map(len, trained))
    curve: list[dict[str, float]] = []
    start, samples, shown = time.process_time(), 0, 0.0
    running: NDArray[np.float64] | None = None
    while (spent := time.process_time() - start) < seconds:
        part = min(spent / seconds, 1.0)
        warm = min(samples / 2000, 1.0)
        optimiser.param_groups[0]["lr"] = RATE * warm * (0.02 + 0.49 * (1 + np.cos(np.pi * part)))
        chosen = trained[int(chance.choice(len(trained), p=share))]
        losses = step(network, chosen, chance)
        optimiser.zero_grad()
        sum(losses).backward()  # type: ignore[union-attr]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        now = np.array([float(loss.detach()) for loss in losses])
        running = now if running is None else 0.97 * running + 0.03 * now
        samples += BATCH
        if spent - shown > 60:
            shown = spent
            row = {"seconds": round(spent), "samples": samples} | {
                f"loss of {name}": round(float(value), 4)
                for name, value in zip(("subject", "environment", "material"), running, strict=True)
            }
            curve.append(row | score(network, watched, 200))
            print(json.dumps(curve[-1]), flush=True)
            network.train()
    return network, curve


def step(network: Network, samples: Samples, chance: np.random.Generator) -> list[Tensor]:
    """The three losses of one batch."""
    rows = torch.from_numpy(chance.integers(len(samples), size=BATCH))
    pictures, subjects = samples.pictures[rows].float() / 255, samples.subjects[rows].float()
    if chance.random() < 0.5:
        pictures, subjects = pictures.flip(3), subjects.flip(2)
    light = torch.from_numpy(np.exp(chance.normal(-0.25, 0.35, (BATCH, 1, 1, 1)))).float()
    pictures = (pictures**2.2 * light).clamp(0, 1) ** (1 / 2.2)
    if chance.random() < 0.3:
        blurred = F.avg_pool2d(F.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, 1)
        pictures = torch.lerp(pictures, blurred, float(chance.uniform(0, 0.8)))
    pictures = pictures + torch.randn_like(pictures) * float(chance.uniform(0, 0.02))
    shown = (pictures * 2 - 1).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        logits, environment, material = network(shown)
    logits = logits.float()
    chosen = torch.sigmoid(logits)
    both = (chosen * subjects).sum((1, 2))
    dice = 1 - (2 * both + 1) / (chosen.sum((1, 2)) + subjects.sum((1, 2)) + 1)
    return [
        F.binary_cross_entropy_with_logits(logits, subjects) * 2 + dice.mean(),
        0.5 * _named(environment.float(), samples.environments[rows]),
        0.5 * _named(material.float(), samples.materials[rows]),
    ]


def _named(logits: Tensor, answers: Tensor) -> Tensor:
    """Cross entropy over the samples whose answer is known."""
    known = answers >= 0
    if not bool(known.any()):
        return logits.sum() * 0
    return F.cross_entropy(logits[known], answers[known], label_smoothing=0.05)


@torch.no_grad()
def score(network: Network, watched: list[Samples], most: int = 10_000) -> dict[str, float]:
    """Mean IoU of the subject and the share of right names on watched pictures.

    Args:
        most: pictures of each size at most.
    """
    network.eval()
    overlaps: list[float] = []
    right: dict[str, list[bool]] = {"environment": [], "material": []}
    for samples in watched:
        for first in range(0, min(len(samples), most), 64):
            rows = slice(first, min(first + 64, most))
            logits, environment, material = network(normalised(samples.pictures[rows]))
            subject, own = logits > 0, samples.subjects[rows]
            union = (subject | own).sum((1, 2)).clamp(min=1)
            overlaps += ((subject & own).sum((1, 2)) / union).tolist()
            for name, found, answers in (
                ("environment", environment, samples.environments[rows]),
                ("material", material, samples.materials[rows]),
            ):
                known = answers >= 0
                right[name] += (found.argmax(1)[known] == answers[known]).tolist()
    scores = {"iou": float(np.mean(overlaps))}
    scores |= {name: float(np.mean(values)) for name, values in right.items()}
    return {name: round(value, 4) for name, value in scores.items()}


def write(network: nn.Module, path: Path) -> None:
    """The weights in half precision."""
    from safetensors.torch import save_file

    weights = network.state_dict().items()
    save_file({name: value.half().contiguous() for name, value in weights}, path)


if __name__ == "__main__":
    main()
