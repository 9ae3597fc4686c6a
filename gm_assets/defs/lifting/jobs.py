"""Jobs of the loop: turn chains, verify structures, begin generations with what was accepted."""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from gm_assets.defs.lifting.events import (
    Event,
    reenter_files,
    turn_chains,
    verify_structures_of,
)
from gm_assets.defs.resources import LibraryResource
from gm_assets.defs.store import listed_chains


class TurnRun(dg.Config):
    """Which chains a run turns."""

    chains: list[str] = Field(
        description="Chain keys such as seam-keeper.g01. How often each is turned, and who "
        "accepts between the turns, its plan says (`turns`, `accept`)."
    )


@dg.op(
    out=dg.Out(dg.Nothing),
    pool="gpu",
    description="Make plates from the sculpt, lift them, and begin the next generation where "
    "the plan accepts the structure; as often as the plan says.",
)
def turn_listed_chains(
    context: dg.OpExecutionContext, config: TurnRun, library: LibraryResource
) -> Iterator[Event]:
    yield from turn_chains(config.chains, library.open(), library, context.instance, context.log)


@dg.job(
    description="Turn chains: passes of the sculpt, plates that obey them, structures lifted "
    "from the plates and, where `accept: plan` stands in the plan, the next generation, up to "
    "`turns`. Started by a person; no sensor requests it. What is there is verified."
)
def loop_turn() -> None:
    turn_listed_chains()


class StructureList(dg.Config):
    """Which chains a run verifies the structures of."""

    chains: list[str] = Field(
        default=[],
        description="Chain keys such as seam-keeper.g01. Empty: every chain of the catalogue.",
    )


@dg.op(
    out=dg.Out(dg.Nothing),
    description="Verify the structures of the listed chains by their recipes and record them.",
)
def verify_listed_structures(
    context: dg.OpExecutionContext, config: StructureList, library: LibraryResource
) -> Iterator[Event]:
    opened = library.open()
    wanted = listed_chains(opened, context.instance, config.chains)
    yield from verify_structures_of(wanted, opened, library, context.instance, context.log)


@dg.job(
    description="Verify and record the structures of chains whose plans are fulfilled, lifted by "
    "whomever: by the demo, by `gm lift`. Nothing is lifted; a chain that lacks one stays as it "
    "is."
)
def verify_structures() -> None:
    verify_listed_structures()


class ReentryRun(dg.Config):
    """Which structures re-enter."""

    files: list[str] = Field(description="Accepted structures, as paths below the library's root.")


@dg.op(
    out=dg.Out(dg.Nothing),
    description="Place accepted structures as the sculpts of the next generations of their "
    "chains, make partitions of those and record them.",
)
def reenter_listed_files(
    context: dg.OpExecutionContext, config: ReentryRun, library: LibraryResource
) -> Iterator[Event]:
    yield from reenter_files(config.files, library.open(), library, context.instance, context.log)


@dg.job(
    description="Begin the next generation of chains with structures that a person accepted "
    "(gm accept). The re-entry sensor requests it for new acceptances; nothing is generated."
)
def reenter_accepted() -> None:
    reenter_listed_files()
