"""`python -m benchmarks.instrument.materials`: teaches the network that names materials.

It takes the true renders of `gm train leash`, small and large, whose material can be told; one
round in eight is watched and never trained on. Weights go to `material.safetensors`, the curve
and the scores to `materials.json`.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch  # noqa: TID253
import torch.nn.functional as F  # noqa: TID253
from torch import Tensor  # noqa: TID253

from benchmarks.instrument.network import (
    FOLDER,
    MATERIAL_WEIGHTS,
    Substance,
    cut_out,
    shown_cut,
)
from benchmarks.instrument.training import SEED, WATCHED_ONE_IN, write
from gm_assets.training.facts import PAINTS
from gm_assets.training.leash.data import load

BATCH = 48
RATE = 2e-3

#: Cuts (n, 4, CUT, CUT) uint8 and the index of each one's material.
Cuts = tuple[Tensor, Tensor]


def main() -> None:
    """Train, score, write."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.instrument.materials", description=__doc__
    )
    parser.add_argument("--takes", type=Path, default=Path(".cache/training/leash"))
    parser.add_argument("--minutes", type=float, default=6.0, help="of CPU time")
    options = parser.parse_args()
    torch.set_num_threads(1)
    paths = [*sorted(options.takes.glob("small-*.npz")), *sorted(options.takes.glob("large-*.npz"))]
    trained, watched = gather(paths)
    network, curve = train(trained, watched, options.minutes * 60)
    write(network, MATERIAL_WEIGHTS)
    log = {
        "command": f"python -m benchmarks.instrument.materials --minutes {options.minutes:g}",
        "seed": SEED,
        "batch": BATCH,
        "rate": RATE,
        "parameters": sum(value.numel() for value in network.parameters()),
        "files": len(paths),
        "trained on": len(trained[1]),
        "watched": len(watched[1]),
        "torch": torch.__version__,
        "right": right(network, watched),
        "curve": curve,
    }
    (FOLDER / "materials.json").write_text(json.dumps(log, indent=1) + "\n", "utf-8")


def gather(paths: list[Path]) -> tuple[Cuts, Cuts]:
    """Cuts to train on and to watch."""
    rows: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    answers: tuple[list[int], list[int]] = ([], [])
    for path in paths:
        watched = int(path.stem.split("-")[1]) % WATCHED_ONE_IN == WATCHED_ONE_IN - 1
        for take in load(path):
            if take.facts.material is None:
                continue
            height, width = take.picture.shape[:2]
            y = (np.arange(height) * take.depth.shape[0] // height).astype(int)
            x = (np.arange(width) * take.depth.shape[1] // width).astype(int)
            silhouette = take.depth[np.ix_(y, x)] > 0
            if silhouette.any():
                rows[watched].append(cut_out(take.picture, silhouette))
                answers[watched].append(PAINTS.index(take.facts.material))
    first, second = (
        (torch.from_numpy(np.stack(some)), torch.tensor(right))
        for some, right in zip(rows, answers, strict=True)
    )
    return first, second


def train(trained: Cuts, watched: Cuts, seconds: float) -> tuple[Substance, list[dict[str, float]]]:
    """A network after so many seconds of CPU time, its rate lowered along a cosine."""
    torch.manual_seed(SEED)
    chance = np.random.Generator(np.random.PCG64(SEED))
    network = Substance().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.05)
    curve: list[dict[str, float]] = []
    start, samples, shown, running = time.process_time(), 0, 0.0, 2.0
    while (spent := time.process_time() - start) < seconds:
        part = spent / seconds
        warm = min(samples / 2000, 1.0)
        optimiser.param_groups[0]["lr"] = RATE * warm * (0.02 + 0.49 * (1 + np.cos(np.pi * part)))
        rows = torch.from_numpy(chance.integers(len(trained[1]), size=BATCH))
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(varied(trained[0][rows], chance))
        loss = F.cross_entropy(logits.float(), trained[1][rows], label_smoothing=0.05)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        running = 0.98 * running + 0.02 * float(loss.detach())
        samples += BATCH
        if spent - shown > 30:
            shown = spent
            curve.append(
                {
                    "seconds": round(spent),
                    "samples": samples,
                    "loss": round(running, 4),
                    "right": right(network, watched),
                }
            )
            print(json.dumps(curve[-1]), flush=True)
            network.train()
    return network, curve


def varied(cuts: Tensor, chance: np.random.Generator) -> Tensor:
    """Mirrored, moved, lighter and darker, now and then blurred and noisy."""
    shown = shown_cut(cuts)
    if chance.random() < 0.5:
        shown = shown.flip(3)
    y, x = (int(step) for step in chance.integers(-5, 6, 2))
    shown = shown.roll((y, x), (2, 3))
    colours, silhouette = shown[:, :3] * 0.5 + 0.5, shown[:, 3:]
    light = torch.from_numpy(np.exp(chance.normal(-0.25, 0.3, (len(cuts), 1, 1, 1)))).float()
    colours = (colours**2.2 * light).clamp(0, 1) ** (1 / 2.2)
    if chance.random() < 0.4:
        blurred = F.avg_pool2d(F.pad(colours, (1, 1, 1, 1), mode="replicate"), 3, 1)
        colours = torch.lerp(colours, blurred, float(chance.uniform(0, 1)))
    colours = colours + torch.randn_like(colours) * float(chance.uniform(0, 0.02))
    both = torch.cat([colours * 2 - 1, silhouette], dim=1)
    return both.contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def right(network: Substance, cuts: Cuts) -> float:
    """The share of watched pictures whose material is named."""
    network.eval()
    found = [network(shown_cut(some)).argmax(1) for some in cuts[0].split(128)]
    return round(float((torch.cat(found) == cuts[1]).float().mean()), 4)


if __name__ == "__main__":
    main()
