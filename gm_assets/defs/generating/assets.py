"""What models make of chains: sketches shaded (S1 → S2), frames that obey a sculpt (S3 → S4).

The five stages observe files, whoever made them; these two assets make some. They have no edge
to the stages that take the files in: a chain without a sketch yields nothing here, and Dagster
would skip the observing step behind it. A run records the stages itself instead.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from pydantic import Field

from gm_assets.defs.generating.checks import MADE, check_specs, made_asset
from gm_assets.defs.generating.events import Event, Work, judge_recorded, make_chains
from gm_assets.defs.partitions import chains
from gm_assets.defs.resources import LibraryResource
from gm_assets.defs.stages.checks import stage_asset

GROUP = "leash"
OWNERS = ["team:assets"]
CODE_VERSION = "1"
POOL = "gpu"


def specs() -> list[dg.AssetSpec]:
    """`shaded_references` and `shaded_frames`."""
    shared: dict[str, Any] = {
        "skippable": True,
        "group_name": GROUP,
        "code_version": CODE_VERSION,
        "owners": OWNERS,
        "kinds": {"pytorch", "image", "xmp"},
        "partitions_def": chains,
    }
    return [
        dg.AssetSpec(
            made_asset("S2"),
            deps=[stage_asset("S1")],
            description="**S1 → S2** · The chain's sketch, shaded as `plans/<chain>.yaml` asks. "
            "A model that takes lines follows them; any other obeys the passes of the sculpt "
            "that the sketch was drawn from, else of a body inflated from its outline. The "
            "files stand at S2, those passes at S1, and the run records both stages.",
            tags={"gm/stage": "S2"},
            **shared,
        ),
        dg.AssetSpec(
            made_asset("S4"),
            deps=[stage_asset("S3")],
            description="**S3 → S4** · Frames that obey the passes of the chain's sculpt, as "
            "`plans/<chain>.yaml` asks, or its subject in its environment where there is no "
            "plan. Passes and frames are files that remember; the run records S3 and S4.",
            tags={"gm/stage": "S4"},
            **shared,
        ),
    ]


class GenerateRun(dg.Config):
    """What a run asks for instead of what the plans say. Nothing named: the plans as they are."""

    prompt: str | None = Field(default=None, description="What to show.")
    negative: str | None = Field(default=None, description="What not to show.")
    views: list[str] = Field(
        default=[], description="Views: hero, front, three-quarter, turntable:12, …"
    )
    seeds: list[int] = Field(default=[], description="Of the noise; one frame a view and seed.")
    size: str | None = Field(default=None, description="512, or 640x384, in pixels.")
    steps: int | None = Field(default=None, description="Of the sampler.")
    guidance: float | None = Field(default=None, description="Of the sampler.")
    profile: str | None = Field(
        default=None, description="embedded or studio; that of GM_PROFILE by default."
    )
    frames: list[str] = Field(default=[], description="Only these entries of the plan.")
    note: str | None = Field(default=None, description="Why, for the history of the frames.")


@dg.multi_asset(
    name="shaded_chains",
    specs=specs(),
    check_specs=check_specs(),
    can_subset=True,
    partitions_def=chains,
    pool=POOL,
    backfill_policy=dg.BackfillPolicy.multi_run(25),
    description="Make the frames of chains as their plans ask; what is there with the same "
    "recipe is verified, nothing is overwritten. One run at a time (pool gpu).",
)
def shaded_chains(
    context: dg.AssetExecutionContext, config: GenerateRun, library: LibraryResource
) -> Iterator[Event]:
    from gm_assets.making.plans import Changes, parse_size

    opened = library.open()
    checked = {key.asset_key for key in context.selected_asset_check_keys}
    stages = [s for s in MADE if made_asset(s) in context.selected_asset_keys | checked]
    # "Execute check" in the UI runs unpartitioned: it asks what the memories say of all chains.
    if not (context.has_partition_key or context.has_partition_key_range):
        yield from judge_recorded(opened, stages)
        return
    changes = Changes(
        prompt=config.prompt,
        negative=config.negative,
        views=tuple(config.views) or None,
        size=parse_size(config.size) if config.size else None,
        seeds=tuple(config.seeds) or None,
        steps=config.steps,
        guidance=config.guidance,
        profile=config.profile,
        note=config.note,
        frames=tuple(config.frames) or None,
    )
    work = Work(chains=list(context.partition_keys), stages=stages, changes=changes)
    yield from make_chains(work, opened, library, context.instance, context.log)
