"""What is lifted from the plates of chains (S4 → S5).

As the assets of the leash, this one makes files and records the stage that they stand at; the
stage itself observes files, whoever made them.
"""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from gm_assets.defs.lifting.checks import LIFTED, check_specs
from gm_assets.defs.lifting.events import Event, Work, judge_recorded, lift_chains
from gm_assets.defs.partitions import chains
from gm_assets.defs.resources import LibraryResource
from gm_assets.defs.stages.checks import stage_asset

GROUP = "lifting"
OWNERS = ["team:assets"]
CODE_VERSION = "1"
POOL = "gpu"


class LiftRun(dg.Config):
    """What a run asks for instead of what the plans say. Nothing named: the plans as they are."""

    methods: list[str] = Field(
        default=[], description="hull, field, splats, fusion, relief; the first mesh stands."
    )
    frames: str | None = Field(
        default=None, description="Entry of the plan's frames that are the plates."
    )
    views: list[str] = Field(
        default=[],
        description="Make these plates first, e.g. turntable:24@5/25. Empty: lift what is there.",
    )
    settings: dict[str, str] = Field(
        default={}, description="Of the methods, e.g. resolution: 96, steps: 300,500."
    )
    held_out: int | None = Field(
        default=None, description="Measure against every so many-th plate; 0 holds none out."
    )
    note: str | None = Field(default=None, description="Why, for the history of the structures.")


@dg.multi_asset(
    name="lifted_chains",
    specs=[
        dg.AssetSpec(
            LIFTED,
            deps=[stage_asset("S4")],
            description="**S4 → S5** · Structures lifted from the posed plates of a chain, as the "
            "section S5 of `plans/<chain>.yaml` asks: visual hull, radiance field, splats, fused "
            "depth, relief. They are files that remember every plate; the run records S5.",
            skippable=True,
            group_name=GROUP,
            code_version=CODE_VERSION,
            owners=OWNERS,
            kinds={"pytorch", "gltf", "xmp"},
            tags={"gm/stage": "S5"},
            partitions_def=chains,
        )
    ],
    check_specs=check_specs(),
    can_subset=True,
    partitions_def=chains,
    pool=POOL,
    backfill_policy=dg.BackfillPolicy.multi_run(25),
    description="Lift the plates of chains as their plans ask; what is there with the same "
    "recipe is verified, nothing is overwritten. One run at a time (pool gpu).",
)
def lifted_chains(
    context: dg.AssetExecutionContext, config: LiftRun, library: LibraryResource
) -> Iterator[Event]:
    from gm_assets.making.lift_plans import LiftChanges

    opened = library.open()
    # "Execute check" in the UI runs unpartitioned: it asks what the memories say of all chains.
    if not (context.has_partition_key or context.has_partition_key_range):
        yield judge_recorded(opened)
        return
    settings = {
        key: tuple(value.split(",")) if "," in value else value
        for key, value in config.settings.items()
    }
    changes = LiftChanges(
        methods=tuple(config.methods) or None,
        frames=config.frames,
        views=tuple(config.views) or None,
        settings=settings,
        held_out=config.held_out,
        note=config.note,
    )
    work = Work(chains=list(context.partition_keys), changes=changes)
    yield from lift_chains(work, opened, library, context.instance, context.log)
