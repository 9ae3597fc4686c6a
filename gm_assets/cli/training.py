"""`gm train`: teach our own models on the procedural world."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gm_assets.cli.options import JsonOption
from gm_assets.cli.output import plain, print_json, progress_bar, safe

train = typer.Typer(
    help="Teach our own models on the procedural world.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.add_typer(train, name="train")


@train.callback()
def models() -> None:
    """Teach our own models on the procedural world."""


@train.command()
def encoder(
    out: Annotated[Path, typer.Option(help="Folder of the finished model.")] = Path(
        "models/encoder"
    ),
    data: Annotated[
        Path, typer.Option(help="Where pictures and checkpoints are kept between runs.")
    ] = Path(".cache/training"),
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="Steps in all (default: the shipped run's).", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, batches and captions.")] = 7,
    rounds: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Sittings of every subject (default: the shipped run's).",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint in the data folder.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Render training pictures, train the embedded encoder, measure it and write its folder."""
    from gm_assets.library import Progress
    from gm_assets.training.data import ROUNDS
    from gm_assets.training.encoder import train_encoder
    from gm_assets.training.plan import Plan

    plan = Plan(seed=seed)
    if steps is not None:
        plan = plan.shortened(steps)
    with progress_bar(quiet=as_json) as progress:

        def told(phase: str, done: int, total: int, current: str) -> None:
            if progress is not None:
                progress(Progress(done, total, 0, current, phase))

        trained = train_encoder(out, data, plan, rounds=rounds or ROUNDS, resume=resume, told=told)
    if as_json:
        print_json(plain(trained))
        return
    print(f"{safe(trained.folder)}: {trained.samples:,} pictures seen in {trained.steps:,} steps")
    for stage, found in trained.metrics.retrieval.items():
        print(f"{stage}: recall@1 {found.at_1:.3f}, recall@5 {found.at_5:.3f} of {found.gallery}")


@train.command()
def leash(
    out: Annotated[Path, typer.Option(help="Folder of the finished model.")] = Path("models/leash"),
    data: Annotated[
        Path, typer.Option(help="Where true frames and checkpoints are kept between runs.")
    ] = Path(".cache/training"),
    part: Annotated[
        float,
        typer.Option(min=0.0001, max=4, help="Part of the shipped training's steps."),
    ] = 1.0,
    sittings: Annotated[
        tuple[int, int] | None,
        typer.Option(
            help="Sittings that are shot, small and large (default: the shipped run's).",
            show_default=False,
        ),
    ] = None,
    subject: Annotated[
        list[str] | None,
        typer.Option(help="Shoot this subject alone (more than once for several)."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Render true frames with their passes, train the embedded leash and write its folder.

    A training that was stopped goes on where its last checkpoint is.
    """
    from dataclasses import replace

    from gm_assets.library import Progress
    from gm_assets.training.leash.leash import Leash, of_subjects, train_leash

    plan = of_subjects(subject) if subject else Leash()
    plan = plan.shortened(part) if part != 1 else plan
    if sittings is not None:
        plan = replace(plan, small=sittings[0], large=sittings[1])
    with progress_bar(quiet=as_json) as progress:

        def told(phase: str, done: int, total: int, current: str) -> None:
            if progress is not None:
                progress(Progress(done, total, 0, current, phase))

        taught = train_leash(out, data, plan, told=told)
    if as_json:
        print_json(plain(taught))
        return
    seen = sum(taught.samples.values())
    print(
        f"{safe(taught.folder)}: {seen:,} samples in {sum(taught.cpu_seconds.values()):,} s of CPU"
    )
