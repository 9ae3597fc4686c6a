"""The five stages of a chain as assets, and the mesh that re-enters the loop.

One multi-asset holds all five, with skippable specs: a stage that yields nothing is a gap,
and a gap must not make Dagster skip the stages after it. An edge of the graph means "may
feed"; the links that really exist, with their evidence, are in the metadata.
"""

from collections.abc import Iterator, Sequence

import dagster as dg
from pydantic import Field

from gm_assets.defs.partitions import chains
from gm_assets.defs.resources import LibraryResource
from gm_assets.defs.stages.checks import check_specs, stage_asset
from gm_assets.defs.stages.events import Event, Work, record_chains
from gm_assets.defs.store import take_in
from gm_assets.memory.record import STAGES, Stage

GROUP = "loop"
OWNERS = ["team:assets"]
CODE_VERSION = "1"

REENTRY = dg.AssetKey("reentry_mesh")


def _spec(
    stage: Stage, description: str, *, kinds: set[str], feeds: Sequence[dg.AssetKey]
) -> dg.AssetSpec:
    return dg.AssetSpec(
        stage_asset(stage),
        deps=feeds,
        description=f"**{stage}** · {description}\n\nMaterializing a chain reads and identifies "
        "its files of this stage again and records what they are and what their links are "
        "worth. A chain without files here stays unmaterialized: that is its gap.",
        skippable=True,
        group_name=GROUP,
        code_version=CODE_VERSION,
        owners=OWNERS,
        kinds=kinds,
        tags={"gm/stage": stage},
        partitions_def=chains,
    )


def stage_specs() -> list[dg.AssetSpec]:
    """The five stages, in the order in which one may feed the next."""
    return [
        _spec("S1", "Hand-drawn sketch.", kinds={"image", "xmp"}, feeds=[]),
        _spec(
            "S2",
            "Reference: a photograph, or a sketch that was shaded.",
            kinds={"image", "xmp"},
            feeds=[stage_asset("S1")],
        ),
        _spec(
            "S3",
            "Sculpt: the mesh, its clay renders and its geometry passes.",
            kinds={"gltf", "image", "xmp"},
            feeds=[stage_asset("S2"), REENTRY],
        ),
        _spec(
            "S4",
            "Generative image, conditioned on the sculpt.",
            kinds={"image", "xmp"},
            feeds=[stage_asset("S3")],
        ),
        _spec(
            "S5",
            "Structure: geometry recovered from plates of the chain.",
            kinds={"gltf", "xmp"},
            feeds=[stage_asset("S4")],
        ),
    ]


reentry_mesh = dg.AssetSpec(
    REENTRY,
    description="A structure of an earlier generation that a person accepted as the sculpt of "
    "this one. The loop is unrolled by generations, so the graph stays acyclic: the S5 of "
    "`seam-keeper.g01` feeds the S3 of `seam-keeper.g02` through here. The file is placed a "
    "second time, not copied; its history holds the acceptance.",
    group_name=GROUP,
    owners=OWNERS,
    kinds={"gltf", "xmp"},
    tags={"gm/stage": "S5"},
    partitions_def=chains,
)


class StageRun(dg.Config):
    """What a run of the stages does before it verifies them."""

    take_in: list[str] = Field(
        default=[],
        description="Files to ingest first, as paths below the library's root. The library "
        "sensor names here what is new, moved, changed or gone; by hand it stays empty.",
    )


@dg.multi_asset(
    name="chain_stages",
    specs=stage_specs(),
    check_specs=check_specs(),
    can_subset=True,
    partitions_def=chains,
    backfill_policy=dg.BackfillPolicy.multi_run(500),
    description="Verify and record the files of chains, stage by stage.",
)
def chain_stages(
    context: dg.AssetExecutionContext, config: StageRun, library: LibraryResource
) -> Iterator[Event]:
    opened = library.open()
    yield from take_in(opened, config.take_in, context.log)
    # "Execute check" in the UI runs unpartitioned: it then asks every chain.
    selected = (
        context.partition_keys
        if context.has_partition_key_range or context.has_partition_key
        else context.instance.get_dynamic_partitions("chains")
    )
    checked = {key.asset_key for key in context.selected_asset_check_keys}
    work = Work(
        chains=list(selected),
        record=[s for s in STAGES if stage_asset(s) in context.selected_asset_keys],
        check=[s for s in STAGES if stage_asset(s) in checked],
    )
    yield from record_chains(work, opened, library, context.instance, context.log)
