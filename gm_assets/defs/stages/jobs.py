"""Jobs that verify chains: one chain by its partition, or a list of chains in one run."""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from gm_assets.defs.resources import LibraryResource
from gm_assets.defs.stages.checks import stage_asset
from gm_assets.defs.stages.events import Event, Work, record_chains
from gm_assets.defs.store import listed_chains, take_in
from gm_assets.memory.record import STAGES

verify_chain = dg.define_asset_job(
    "verify_chain",
    selection=dg.AssetSelection.assets(*map(stage_asset, STAGES)),
    description="Verify and record the five stages of one chain, or of a range of chains. The "
    "library sensor requests it for the chains whose files changed.",
)


class ChainList(dg.Config):
    """A manifest: which chains a single run verifies."""

    chains: list[str] = Field(
        default=[],
        description="Chain keys such as seam-keeper.g01. Empty: every chain of the catalogue.",
    )
    stages: list[str] = Field(
        default=list(STAGES), description="Stages to verify, S1 to S5. Default: all five."
    )
    take_in: list[str] = Field(
        default=[],
        description="Files or folders to ingest first, as paths below the library's root; "
        "`.` is the whole library.",
    )


@dg.op(
    out=dg.Out(dg.Nothing),
    description="Make partitions of the chains in the list, verify their stages and record them.",
)
def verify_listed_chains(
    context: dg.OpExecutionContext, config: ChainList, library: LibraryResource
) -> Iterator[Event]:
    opened = library.open()
    yield from take_in(opened, config.take_in, context.log)
    stages = [stage for stage in STAGES if stage in config.stages]
    if unknown := sorted(set(config.stages) - set(STAGES)):
        raise dg.Failure(f"{', '.join(unknown)}: no such stage. Stages are S1 to S5.")
    wanted = listed_chains(opened, context.instance, config.chains)
    work = Work(chains=wanted, record=stages, check=stages)
    yield from record_chains(work, opened, library, context.instance, context.log)


@dg.job(
    description="Verify and record a list of chains in one run, whatever their order among the "
    "partitions; without a list, all of them. A backfill of scattered chains would become one "
    "run for each stretch of neighbours."
)
def verify_chains() -> None:
    verify_listed_chains()
