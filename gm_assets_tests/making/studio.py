"""A small library of two chains with sculpt, sketch and reference, and tiny shaders for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from gm_assets.diffusion.profiles import ShaderSpec, folder_shader
from gm_assets.encoding import seal
from gm_assets.library import Library, ingest
from gm_assets.making.keeping import Keeper, Kept, Label, Maker
from gm_assets.memory.record import Gap, Placement, Stage
from gm_assets.sculpt.glb import glb_bytes
from gm_assets.sculpt.maps import png
from gm_assets.sculpt.model import Part, Sculpt

WHEN = "2026-11-22T10:00:00+00:00"
HAND = Maker(generator="tests", tool="tests")


def box(
    name: str, low: tuple[float, float, float], high: tuple[float, float, float], **more: str
) -> Part:
    """A box from its lowest to its highest corner, in metres."""
    corners = np.array(
        [[(low, high)[(n >> axis) & 1][axis] for axis in range(3)] for n in range(8)], np.float32
    )
    quads = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    faces = [tri for a, b, c, d in quads for tri in ((a, b, c), (a, c, d))]
    return Part(
        name, more.get("semantic", ""), more.get("material", ""), corners,
        np.array(faces, np.uint32),
    )  # fmt: skip


def figure() -> Sculpt:
    """A body with a head."""
    body = box("coat", (-0.3, 0, -0.2), (0.3, 1.4, 0.2), semantic="cloth", material="waxed-canvas")
    head = box("head", (-0.12, 1.4, -0.12), (0.12, 1.75, 0.12), semantic="living-body")
    return Sculpt("watcher", (body, head))


def gate() -> Sculpt:
    """Two pillars and a lintel."""
    pillars = [
        box(f"pillar-{n}", (x, 0, 0), (x + 0.4, 2, 0.4), material="wet-basalt")
        for n, x in enumerate((-1.0, 0.6))
    ]
    return Sculpt("gate", (*pillars, box("lintel", (-1, 2, 0), (1, 2.3, 0.4))))


def drawing(size: tuple[int, int] = (96, 144)) -> np.ndarray:
    """Strokes on toned paper."""
    image = Image.new("RGB", size, (206, 196, 170))
    pen = ImageDraw.Draw(image)
    width, height = size
    pen.rectangle((width // 4, height // 4, 3 * width // 4, height - 8), outline=(40, 36, 30))
    pen.ellipse((3 * width // 8, 8, 5 * width // 8, height // 4), outline=(40, 36, 30))
    return np.asarray(image)


def put(
    library: Library, chain: str, name: str, data: bytes, stage: Stage, part: str, **more: object
) -> Kept:
    """Keep bytes as the primary file of a stage."""
    keeper = Keeper(library.root, chain, HAND, WHEN, "figures", chain)
    placement = Placement(chain=chain, stage=stage, part=part, primary=True, frame=None)
    label = Label(f"{chain} {part}", "", **more)  # type: ignore[arg-type]
    return keeper.keep(name, data, placement, label, {"step": f"by-hand.{chain}.{part}"})


def make_library(root: Path) -> Library:
    """The chains `watcher` (sketch, reference, sculpt) and `gate` (sculpt only), ingested."""
    library = Library.init(root)
    put(library, "watcher", "sketch.png", png(drawing()), "S1", "sketch")
    grey = np.full((64, 48, 3), 90, np.uint8)
    put(library, "watcher", "reference.png", png(grey), "S2", "reference", environment="ash-plain")
    put(library, "watcher", "sculpt/watcher.glb", glb_bytes(figure()), "S3", "mesh")
    gap = Gap(stage="S1", reason="Nothing was drawn")
    put(library, "gate", "gate.glb", glb_bytes(gate()), "S3", "mesh", gaps=(gap,))
    ingest(library)
    return library


def make_leash(folder: Path) -> ShaderSpec:
    """The embedded shader with random weights of its own classes, sealed."""
    import torch

    from gm_assets.diffusion.embedded.network import LeashUNet
    from gm_assets.training.leash.publish import write

    torch.manual_seed(0)
    small = {"widths": [32, 32], "blocks": 1}
    networks = (
        LeashUNet(**small),
        LeashUNet(fold=4, guide_width=8, prior=True, attention=False, **small),
    )
    with torch.no_grad():
        for network in networks:  # as made, the last layers are zero: nothing would show
            for parameter in network.parameters():
                if parameter.dim() > 1 and not parameter.any():
                    parameter.copy_(torch.randn_like(parameter) * 0.1)
    write(folder, *networks)
    seal(folder)
    return folder_shader(folder)
