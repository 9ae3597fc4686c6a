"""Our own models as assets: what `gm train` does, with its figures and learning curve on record.

They feed nothing in the graph: a library uses the model folder that its profile names, and a
newly trained one is taken into use by pointing `GM_MODELS` at it. A training takes hours, so
"Materialize all" begins none: each is asked for by name, with `begin: true` in the launchpad.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import dagster as dg
from pydantic import Field

from gm_assets.defs.resources import LibraryResource
from gm_assets.defs.training.metadata import Progress, model_result

GROUP = "training"
OWNERS = ["team:assets"]
POOL = "gpu"


Event: TypeAlias = dg.AssetObservation | dg.MaterializeResult

_BEGIN = "A training takes hours: it begins only where this is true."


class TrainEncoder(dg.Config):
    """A training of the embedded encoder."""

    begin: bool = Field(default=False, description=_BEGIN)
    out: str = Field(
        default=".cache/models/encoder", description="Folder of the finished model; it is replaced."
    )
    data: str = Field(
        default=".cache/training", description="Where pictures and checkpoints are kept."
    )
    steps: int | None = Field(default=None, description="In all; the shipped run's by default.")
    seed: int = Field(default=7, description="Of weights, batches and captions.")
    rounds: int | None = Field(
        default=None, description="Sittings of every subject; the shipped run's by default."
    )
    subjects: list[str] = Field(
        default=[], description="Render these subjects alone; all of the world's by default."
    )
    demo: str | None = Field(
        default=None,
        description="Demo library to measure on; one is made for the occasion by default.",
    )
    resume: bool = Field(default=True, description="Go on from the last checkpoint in `data`.")


class TrainLeash(dg.Config):
    """A training of the embedded leash. One that was stopped goes on from its checkpoints."""

    begin: bool = Field(default=False, description=_BEGIN)
    out: str = Field(
        default=".cache/models/leash", description="Folder of the finished model; it is replaced."
    )
    data: str = Field(
        default=".cache/training", description="Where true frames and checkpoints are kept."
    )
    part: float = Field(default=1.0, description="Part of the shipped training's steps.")
    small: int | None = Field(
        default=None, description="Small sittings that are shot; the shipped run's by default."
    )
    large: int | None = Field(default=None, description="Large sittings, likewise.")
    subjects: list[str] = Field(
        default=[], description="Shoot these subjects alone; those of the shipped run by default."
    )


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"pytorch"},
    code_version="1",
    pool=POOL,
    output_required=False,
    description="The embedded image-text encoder, taught on the procedural world: pictures are "
    "rendered where they are missing, then come training, measures and a sealed folder with a "
    "model card. Same seed, data and versions on one thread give the same weights.",
)
def encoder_model(
    context: dg.AssetExecutionContext, config: TrainEncoder, library: LibraryResource
) -> Iterator[Event]:
    if not config.begin:
        yield _not_begun(context)
        return
    from gm_assets.training.data import ROUNDS
    from gm_assets.training.encoder import train_encoder
    from gm_assets.training.plan import Plan
    from gm_assets.world.subjects import SUBJECTS

    plan = Plan(seed=config.seed)
    if config.steps is not None:
        plan = plan.shortened(config.steps)
    trained = train_encoder(
        Path(config.out),
        Path(config.data),
        plan,
        rounds=config.rounds or ROUNDS,
        subjects=config.subjects or tuple(SUBJECTS),
        demo=Path(config.demo) if config.demo else None,
        resume=config.resume,
        told=Progress(context.log),
    )
    figures = {
        f"recall@1 {stage}": dg.MetadataValue.float(round(found.at_1, 4))
        for stage, found in trained.metrics.retrieval.items()
    }
    yield model_result(
        trained.folder, {"encoder": trained.samples}, round(trained.cpu_seconds), library, figures
    )


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"pytorch"},
    code_version="1",
    pool=POOL,
    output_required=False,
    description="The embedded leash, taught on true frames of the procedural world with the "
    "passes that they obey: frames are rendered where they are missing, then its networks are "
    "trained in turn and written with a model card, log and curve. Some subjects are held out.",
)
def leash_model(
    context: dg.AssetExecutionContext, config: TrainLeash, library: LibraryResource
) -> Iterator[Event]:
    if not config.begin:
        yield _not_begun(context)
        return
    from gm_assets.training.leash.leash import Leash, of_subjects, train_leash

    plan = of_subjects(config.subjects) if config.subjects else Leash()
    if config.part != 1:
        plan = plan.shortened(config.part)
    plan = replace(plan, small=config.small or plan.small, large=config.large or plan.large)
    taught = train_leash(Path(config.out), Path(config.data), plan, told=Progress(context.log))
    seconds = sum(taught.cpu_seconds.values())
    yield model_result(taught.folder, taught.samples, seconds, library, {})


def _not_begun(context: dg.AssetExecutionContext) -> dg.AssetObservation:
    """What a run records that was not asked to train, such as one of "Materialize all"."""
    reason = (
        "Not trained: a training takes hours. To begin one, open the launchpad (Shift and click "
        "on Materialize) and set `begin: true`."
    )
    context.log.warning(reason)
    return dg.AssetObservation(context.asset_key, description=reason)
