"""Sculpts from drawings (S1 → S3), for the chains that truly begin with them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

import dagster as dg
from pydantic import Field

from gm_assets.defs.lifting.assets import CODE_VERSION, GROUP, OWNERS
from gm_assets.defs.partitions import chains
from gm_assets.defs.reasons import reason_of
from gm_assets.defs.resources import LibraryResource
from gm_assets.defs.stages.checks import stage_asset
from gm_assets.defs.stages.events import DATA_VERSION_TAG, record_chains
from gm_assets.defs.stages.events import Work as StageWork
from gm_assets.memory.record import Stage

if TYPE_CHECKING:
    from gm_assets.library import Library
    from gm_assets.lifting.drawn_solid import DrawingSettings

DRAWN = dg.AssetKey("drawn_sculpts")
Event: TypeAlias = dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckEvaluation


class DrawnRun(dg.Config):
    """How drawings become geometry."""

    resolution: int = Field(default=128, description="Voxels along the longest side, 16 to 256.")
    rounded: bool = Field(
        default=True, description="Ellipses where two outlines would leave rectangles."
    )


@dg.multi_asset(
    name="drawn_chains",
    specs=[
        dg.AssetSpec(
            DRAWN,
            deps=[stage_asset("S1")],
            description="**S1 → S3** · The solid that two or three drawings of a chain agree on "
            "(views `front`, `side`, `top`). A chain with one drawing is left alone: what one "
            "outline bounds is a relief, which `gm sculpt` makes where it is wanted.",
            skippable=True,
            group_name=GROUP,
            code_version=CODE_VERSION,
            owners=OWNERS,
            kinds={"gltf", "xmp"},
            tags={"gm/stage": "S3"},
            partitions_def=chains,
        )
    ],
    partitions_def=chains,
    backfill_policy=dg.BackfillPolicy.multi_run(25),
    description="Make the sculpts of chains from their drawings; one that is there with the same "
    "recipe is verified.",
)
def drawn_chains(
    context: dg.AssetExecutionContext, config: DrawnRun, library: LibraryResource
) -> Iterator[Event]:
    from gm_assets.lifting.drawn_solid import DrawingSettings

    opened = library.open()
    settings = DrawingSettings(resolution=config.resolution, rounded=config.rounded)
    reasons: dict[str, str] = {}
    for key in context.partition_keys:
        try:
            yield from _sculpted(context, opened, library, key, settings)
        except Exception as error:
            # Any fault of one chain, foreseen or not, stays with that chain.
            reasons[key] = reason_of(error)
            context.log.error(f"{key}: {reasons[key]}")
            yield dg.AssetObservation(
                DRAWN,
                partition=key,
                description=reasons[key],
                metadata={"library": str(opened.root), "failed": reasons[key]},
            )
    if reasons and len(context.partition_keys) == len(reasons):
        raise dg.Failure("; ".join(reasons.values()), allow_retries=False)


def _sculpted(
    context: dg.AssetExecutionContext,
    library: "Library",
    resource: LibraryResource,
    key: str,
    settings: "DrawingSettings",
) -> Iterator[Event]:
    """Make or verify one chain's sculpt; one that has fewer than two views is observed."""
    from gm_assets.lineage.chains import data_version
    from gm_assets.making.sculpting import sculpt_chain
    from gm_assets.making.sources import NothingToObey

    try:
        done = sculpt_chain(library, key, settings, least=2)
    except NothingToObey as error:
        said = str(error)
        yield dg.AssetObservation(DRAWN, partition=key, description=said, metadata={"gap": said})
        return
    stands: tuple[Stage, ...] = ("S3",)
    work = StageWork(chains=[done.key], record=stands, check=stands)
    yield from record_chains(work, library, resource, context.instance, context.log)
    agreement = {
        f"outline IoU {view}": dg.MetadataValue.float(float(value))
        for view, value in done.measures.get("outline_iou", {}).items()
    }
    yield dg.AssetMaterialization(
        asset_key=DRAWN,
        partition=done.key,
        description=f"{done.kept.path} {'made' if done.made else 'verified'}.",
        metadata={
            "path": str(done.kept.path),
            "drawings": dg.MetadataValue.json(
                {view: str(kept.path) for view, kept in done.drawings.items()}
            ),
            "knows": dg.MetadataValue.md("\n".join(f"- {note}" for note in done.notes)),
            **agreement,
        },
        tags={DATA_VERSION_TAG: data_version([done.kept.content_id]) or "none"},
    )
