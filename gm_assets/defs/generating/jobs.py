"""Jobs on generated frames."""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from gm_assets.defs.generating.events import Event, verify_chains_frames
from gm_assets.defs.resources import LibraryResource
from gm_assets.defs.store import listed_chains


class FrameList(dg.Config):
    """Which chains a run verifies the frames of."""

    chains: list[str] = Field(
        default=[],
        description="Chain keys such as seam-keeper.g01. Empty: every chain of the catalogue.",
    )


@dg.op(
    out=dg.Out(dg.Nothing),
    description="Verify the frames of the listed chains by their recipes and record them.",
)
def verify_listed_frames(
    context: dg.OpExecutionContext, config: FrameList, library: LibraryResource
) -> Iterator[Event]:
    opened = library.open()
    wanted = listed_chains(opened, context.instance, config.chains)
    yield from verify_chains_frames(wanted, opened, library, context.log)


@dg.job(
    description="Verify and record the frames of chains whose plans are fulfilled, made by "
    "whomever: by the demo, by `gm generate`. No model is loaded and nothing is made; a chain "
    "that lacks a frame stays as it is."
)
def verify_frames() -> None:
    verify_listed_frames()
