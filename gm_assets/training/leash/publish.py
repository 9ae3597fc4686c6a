"""From finished runs to a model folder: weights in half precision, lexicon, card, seal."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gm_assets.encoding.sealing import seal
from gm_assets.training.leash.lexicon import world_lexicon

if TYPE_CHECKING:
    from gm_assets.training.leash.leash import Leash
    from gm_assets.training.leash.train import Run


def write(folder: Path, base: Any, detail: Any) -> None:
    """Write two networks, the scheduler and the lexicon; the folder is not yet sealed."""
    import torch

    from gm_assets.diffusion.embedded.pipeline import LeashPipeline, new_scheduler

    folder.mkdir(parents=True, exist_ok=True)
    for network in (base, detail):
        torch.nn.Module.to(network, torch.float16)
    pipeline = LeashPipeline(base, detail, new_scheduler())
    pipeline.save_pretrained(folder, safe_serialization=True)
    for weights in folder.rglob("*.safetensors"):
        weights.chmod(0o644)  # safetensors writes for its owner alone
    world_lexicon().write(folder)


def publish(folder: Path, runs: Mapping[str, Run], counts: Mapping[str, int], plan: Leash) -> None:
    """Fill `folder` with the averaged networks and everything that belongs to them.

    Args:
        runs: `base` and `detail`.
        counts: takes that each run learned from.
    """
    write(folder, runs["base"].averaged(), runs["detail"].averaged())
    facts = _facts(runs, counts, plan)
    (folder / "training.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    for name, run in runs.items():
        shutil.copyfile(run.folder / "log.jsonl", folder / f"log-{name}.jsonl")
    draw({name: folder / f"log-{name}.jsonl" for name in runs}, folder / "curve.png")
    (folder / "README.md").write_text(card(facts), "utf-8")
    seal(folder)


def _facts(runs: Mapping[str, Run], counts: Mapping[str, int], plan: Leash) -> dict[str, Any]:
    import platform

    import diffusers
    import torch

    import gm_assets
    from gm_assets.training.leash.batches import EXPOSURE
    from gm_assets.training.leash.data import UNSEEN, VERSION

    return {
        "plan": {"small": plan.small, "large": plan.large},
        "takes_version": VERSION,
        "exposure": EXPOSURE,
        "unseen_subjects": list(UNSEEN),
        "runs": {
            name: {
                "plan": asdict(run.plan),
                "takes": counts[name],
                "steps": run.step,
                "samples": run.samples,
                "cpu_seconds": round(run.seconds),
                "parameters": sum(value.numel() for value in run.model.parameters()),
                "last": json.loads((run.folder / "log.jsonl").read_text().splitlines()[-1]),
            }
            for name, run in runs.items()
        },
        "versions": {
            "gm_assets": gm_assets.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "diffusers": diffusers.__version__,
            "machine": platform.machine(),
        },
    }


def card(facts: Mapping[str, Any]) -> str:
    """The text of `README.md` for a model with this `training.json`."""
    runs = facts["runs"]
    minutes = sum(run["cpu_seconds"] for run in runs.values()) / 60
    rows = [
        f"| {name} | {run['parameters']:,} | {run['takes']:,} | {run['samples']:,} "
        f"| {run['cpu_seconds'] / 60:.0f} | {run['last'].get('heldout', 'n/a')} |"
        for name, run in runs.items()
    ]
    unseen = ", ".join(facts["unseen_subjects"])
    return "\n".join(
        (
            "---",
            "license: apache-2.0",
            "library_name: diffusers",
            "tags: [diffusion, geometry-conditioned, procedural]",
            "---",
            "",
            "# The embedded leash of gm_assets",
            "",
            "A small diffusion model in pixels that obeys the passes of a sculpt (silhouette,",
            "depth, camera normals, object ids) and takes its environment, light and material",
            "from words. It knows the procedural world *Gothic Mechanica* and little else: other",
            "places cannot be asked of it, and words that are not in `lexicon.json` mean nothing.",
            "Geometry it takes from any mesh.",
            "",
            "Two networks of one class (`LeashUNet`): the base network draws the whole frame at",
            "about 64 x 64 pixels, the detail network draws the large frame from that and the",
            "passes. Both begin from noise; no render enters.",
            "",
            "| run | parameters | true frames | samples | CPU minutes | held-out loss |",
            "| --- | --- | --- | --- | --- | --- |",
            *rows,
            "",
            "The loss is the error of the clean picture, weighed by the signal that is left (see",
            "`docs/leash.md`), on frames of compositions that training does not show.",
            "",
            f"Training took {minutes:.0f} minutes of one CPU core, with `gm train leash`; seeds,",
            "versions and plans are in `training.json`, the logs in `log-*.jsonl`, the curve in",
            "`curve.png`.",
            "",
            f"Never seen in training: {unseen};",
            "one composition of subject, environment and material in seven; and every subject as",
            "its sculptor made it in an environment where the demo shows it.",
            "",
            "How well it obeys is measured by `python -m benchmarks.leash` and written in",
            "`docs/leash.md`.",
            "",
            "Licence: Apache-2.0. No photograph, scan or other model took part in its making.",
            "",
        )
    )


def draw(logs: Mapping[str, Path], path: Path) -> None:
    """Draw the losses of the runs, training thin and held-out thick, over samples, as a PNG."""
    from PIL import Image, ImageDraw

    ink, faint = (40, 40, 44), (205, 203, 198)
    colours = ((176, 58, 46), (31, 97, 141), (30, 132, 73))
    image = Image.new("RGB", (960, 420), (250, 249, 246))
    pen = ImageDraw.Draw(image)
    for number, (name, log) in enumerate(logs.items()):
        lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
        left, right, top, bottom = 50 + 305 * number, 315 + 305 * number, 50, 360
        most = max(line["samples"] for line in lines)
        values = [line[key] for line in lines for key in ("loss", "heldout") if key in line]
        low, high = min(values), max(values)
        pen.text((left, 18), f"{name}: loss over {most:,} samples", fill=ink)
        pen.rectangle((left, top, right, bottom), outline=faint)
        pen.text((left - 36, top), f"{high:.2f}", fill=ink)
        pen.text((left - 36, bottom - 10), f"{low:.2f}", fill=ink)
        for key, width in (("loss", 1), ("heldout", 3)):
            places = [
                (
                    left + (right - left) * line["samples"] / most,
                    bottom - (bottom - top) * (line[key] - low) / max(high - low, 1e-9),
                )
                for line in lines
                if key in line
            ]
            if len(places) > 1:
                pen.line(places, fill=colours[number % 3], width=width)
    pen.text((50, 385), "thin: training, thick: held-out compositions", fill=ink)
    image.save(path, optimize=True)
