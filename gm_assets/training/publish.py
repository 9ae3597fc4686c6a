"""From a trained model to a model folder that says what it is.

The shipped weights are opened through `gm_assets.encoding`, like any other model, and make the
vectors of the reference and of the held-out pictures; every figure of the card is measured on
those held-out vectors. Written last, `SHA256SUMS` seals the folder.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gm_assets.encoding import Encoder, open_encoder
from gm_assets.encoding.fingerprint import folder_spec
from gm_assets.encoding.sealing import seal
from gm_assets.identity.samples import pixel_hash
from gm_assets.labelling.labelled import LABELS, Kind, Labelled, read
from gm_assets.training import card
from gm_assets.training.curve import draw
from gm_assets.training.data import Pictures
from gm_assets.training.evaluate import Metrics, measure
from gm_assets.training.facts import STAGE_OF, Facts
from gm_assets.vocabulary import load, repository_folder

if TYPE_CHECKING:
    from gm_assets.training.train import Trainer

HELDOUT, REFERENCE, TRAINING = "heldout.parquet", "reference.parquet", "training.json"
#: Pictures that go through the encoder at once.
_BATCH = 64


def publish(
    folder: Path,
    trainer: Trainer,
    heldout: Pictures,
    reference: Pictures,
    log: Path,
    demo: Path | None = None,
) -> Metrics:
    """Fill `folder` with the averaged model and everything that belongs to it.

    Args:
        log: the run's `log.jsonl`.
        demo: a demo library to measure on; without one it is made in a temporary folder.

    Raises:
        ModelError: the model that was written cannot be opened.
    """
    from gm_assets.training.demo import measure_demo

    trainer.save(folder)
    seal(folder)
    encoder = open_encoder(folder_spec(folder))
    labelled(encoder, heldout, "heldout").write(folder / HELDOUT)
    labelled(encoder, reference, "reference").write(folder / REFERENCE)
    metrics = measure_shipped(folder, encoder)
    facts = training_facts(trainer, heldout, reference, metrics)
    facts["reference"] = asdict(measure_shipped(folder, encoder, "reference"))
    facts["demo"] = measure_demo(encoder, demo)
    (folder / TRAINING).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    shutil.copyfile(log, folder / "log.jsonl")
    draw(folder / "log.jsonl", folder / "curve.png")
    (folder / "README.md").write_text(card.card(facts), encoding="utf-8")
    seal(folder)
    return metrics


def labelled(encoder: Encoder, pictures: Pictures, kind: Kind) -> Labelled:
    """The vectors of pictures with their facts; pictures that are equal are taken once."""
    seen: dict[str, int] = {}
    for number, pixels in enumerate(pictures.pixels):
        height, width = pixels.shape[:2]
        seen.setdefault(f"px:{pixel_hash(pixels).hexdigest}:{width}x{height}", number)
    chosen = list(seen.values())
    rows = [
        encoder.images([pictures.pixels[place] for place in chosen[start : start + _BATCH]])
        for start in range(0, len(chosen), _BATCH)
    ]
    facts = [pictures.facts[place] for place in chosen]
    labels = {name: [one.value(name) for one in facts] for name in LABELS}
    return Labelled.of(kind, encoder.fingerprint, list(seen), np.concatenate(rows), labels)


def facts_of(shipped: Labelled) -> list[Facts]:
    """The facts of the pictures of a file of labelled vectors, in its order."""
    columns = [shipped.labels[field.name] for field in dataclasses.fields(Facts)]
    return [Facts(*row) for row in zip(*columns, strict=True)]


def measure_shipped(folder: Path, encoder: Encoder, kind: Kind = "heldout") -> Metrics:
    """The figures of a model folder, from the vectors of one kind that lie in it."""
    shipped = read(folder / (HELDOUT if kind == "heldout" else REFERENCE), kind)
    return measure(shipped.vectors.astype(np.float32), facts_of(shipped), encoder.texts)


def training_facts(
    trainer: Trainer, heldout: Pictures, reference: Pictures, metrics: Metrics
) -> dict[str, Any]:
    """What `training.json` holds: plan, data, time, versions and figures."""
    import platform

    import torch
    import transformers

    import gm_assets

    plan = trainer.plan
    return {
        "plan": asdict(plan),
        "shape": asdict(trainer.shape),
        "parameters": sum(value.numel() for value in trainer.model.parameters()),
        "steps": trainer.step,
        "samples": trainer.samples,
        "cpu_seconds": round(trainer.seconds),
        "pictures": {
            "training": by_stage(trainer.pictures.facts),
            "takes": int(trainer.pictures.takes.sum()),
            "heldout": by_stage(heldout.facts),
            "reference": by_stage(reference.facts),
        },
        "versions": {
            "gm_assets": gm_assets.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "machine": platform.machine(),
        },
        "vocabulary": load(repository_folder()).version,
        "metrics": asdict(metrics),
    }


def by_stage(facts: Sequence[Facts]) -> dict[str, int]:
    """How many pictures of each stage."""
    stages = [one.stage for one in facts]
    return {stage: stages.count(stage) for stage in sorted(set(STAGE_OF.values()))}
