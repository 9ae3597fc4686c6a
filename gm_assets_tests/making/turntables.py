"""Turntable pictures of a sculpt with mattes in their alpha, and structures of chains."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gm_assets.library import Library, ingest
from gm_assets.making.keeping import Keeper, Kept, Label
from gm_assets.making.sources import Chain
from gm_assets.making.structures import sculpt_at
from gm_assets.memory.record import Camera, Placement, Stage
from gm_assets.sculpt.maps import png
from gm_assets.sculpt.rays import Scene
from gm_assets.sculpt.views import views_of
from gm_assets_tests.making.studio import HAND, WHEN


def make_turntable(
    library: Library,
    chain: str = "watcher",
    views: str = "turntable:12@5/30",
    side: int = 80,
    *,
    stage: Stage = "S3",
    of: str | None = None,
    folder: str = "turntable",
    cameras: Sequence[Camera] | None = None,
) -> list[Kept]:
    """Pictures that show normals as colours, their coverage as alpha, ingested.

    Args:
        of: another chain whose sculpt is shown.
        cameras: that the memories state, where they are not those that saw the sculpt.
    """
    mesh = Chain.of(library, of or chain).source("S3")
    sculpt = sculpt_at(library.root, mesh)
    scene = Scene(sculpt)
    keeper = Keeper(library.root, chain, HAND, WHEN, "figures", chain)
    for number, view in enumerate(views_of(sculpt, [views])):
        passes = scene.passes(view.camera, side, side)
        colour = np.round((passes.normal_world * 0.5 + 0.5) * 255).astype(np.uint8)
        alpha = np.round(scene.coverage(view.camera, side, side) * 255).astype(np.uint8)
        pixels = np.dstack([colour, alpha])
        pixels[alpha == 0] = 0
        camera = cameras[number] if cameras else view.camera
        placement = Placement(
            chain=chain,
            stage=stage,
            part="plate" if stage == "S4" else "turntable",
            view=view.name,
            frame=None,
        )
        keeper.keep(
            f"{folder}/{view.name}.png",
            png(pixels),
            placement,
            Label(f"{chain} {view.name}", "", camera=camera),
            {"step": "by-hand.turntable", "folder": folder, "number": number, "side": side},
            [mesh.parent("geometry")],
        )
    ingest(library)
    return keeper.kept
