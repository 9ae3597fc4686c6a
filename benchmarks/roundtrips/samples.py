"""The files that are sent: a picture and a mesh with a full memory, in every format.

They are made by other libraries (Pillow, tifffile, OpenImageIO, trimesh, OpenUSD), since a file
that only we write could flatter us.
"""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from gm_assets.containers import CONTAINERS
from gm_assets.identity import identify
from gm_assets.memory.files import write_memory
from gm_assets.memory.record import (
    Embedding,
    Event,
    Memory,
    Parent,
    Placement,
    mint_document_id,
    mint_instance_id,
)

#: Suffix to container, for every format that has one.
FORMATS = {
    "png": "png", "jpg": "jpeg", "webp": "webp", "tif": "tiff", "exr": "exr",
    "glb": "glb", "ply": "ply", "usda": "usda", "usdc": "usdc", "usdz": "usdz",
}  # fmt: skip


def formats() -> tuple[str, ...]:
    """The suffixes of the formats that can carry a memory here."""
    return tuple(suffix for suffix, name in FORMATS.items() if name in CONTAINERS)


def make(path: Path, seed: int = 0) -> Path:
    """Write a picture or a mesh without a memory; the format is the suffix's."""
    suffix = path.suffix[1:]
    path.parent.mkdir(parents=True, exist_ok=True)
    if suffix in ("glb", "ply"):
        _mesh(seed).export(path)
    elif suffix.startswith("usd"):
        _usd(path, seed)
    elif suffix == "exr":
        _exr(path, seed)
    elif suffix == "jpg":
        picture(seed).save(path, quality=92)
    elif suffix == "webp":
        picture(seed).save(path, lossless=True)
    else:
        picture(seed).save(path)
    return path


def picture(seed: int) -> Image.Image:
    """Some ellipses on a gradient, with enough structure for a perceptual hash."""
    random = np.random.default_rng(seed)
    across = np.linspace(40, 200, 192)[None, :, None].repeat(144, 0)
    tint = random.uniform(0.5, 1.0, 3)
    image = Image.fromarray((across * tint).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(9):
        x, y, w, h = random.integers((0, 0, 12, 12), (170, 120, 60, 60))
        colour = tuple(int(v) for v in random.integers(0, 256, 3))
        draw.ellipse((int(x), int(y), int(x + w), int(y + h)), fill=colour)
    return image


def _mesh(seed: int):  # type: ignore[no-untyped-def]  # trimesh has no type hints
    import trimesh

    mesh = trimesh.creation.icosphere(subdivisions=2, radius=1.0 + seed / 10)
    return trimesh.Trimesh(mesh.vertices * (1.0, 1.4, 0.8), mesh.faces)


def _usd(path: Path, seed: int) -> None:
    from pxr import Usd, UsdGeom

    made = path if path.suffix != ".usdz" else path.with_suffix(".usdc")
    stage = Usd.Stage.CreateNew(str(made))
    mesh = UsdGeom.Mesh.Define(stage, "/body")
    source = _mesh(seed)
    mesh.CreatePointsAttr([tuple(map(float, vertex)) for vertex in source.vertices])
    mesh.CreateFaceVertexCountsAttr([3] * len(source.faces))
    mesh.CreateFaceVertexIndicesAttr([int(i) for i in source.faces.ravel()])
    stage.SetDefaultPrim(mesh.GetPrim())
    stage.GetRootLayer().Save()
    if made is not path:
        from pxr import UsdUtils

        UsdUtils.CreateNewUsdzPackage(str(made), str(path))
        made.unlink()


def _exr(path: Path, seed: int) -> None:
    import OpenImageIO as oiio

    pixels = np.asarray(picture(seed), np.float32) / 255
    height, width = pixels.shape[:2]
    buffer = oiio.ImageBuf(oiio.ImageSpec(width, height, 3, "half"))
    buffer.set_pixels(oiio.ROI(), pixels)
    buffer.write(str(path))


def remember(
    path: Path, stage: str, part: str, parents: tuple[Memory, ...] = (), chain: str = "gate"
) -> Memory:
    """Write a memory with something in every part of it into the file."""
    identity = identify(path)
    document = mint_document_id(chain, stage, part)
    memory = Memory(
        document_id=document,
        instance_id=mint_instance_id(document, identity.content_id),
        original_document_id=document,
        placements=(Placement.model_validate({"chain": chain, "stage": stage, "part": part}),),
        subject="gate",
        parents=tuple(_parent(parent) for parent in parents),
        history=(Event(action="created", when="2026-11-22T10:00:00Z", software_agent="test"),),
        title="The gate",
        creators=("Inês Duarte",),
        keywords=("gate", "seawall"),
        creator_tool="test 1.0",
        recipe={"seed": "18446744073709551615", "steps": 20, "prompt": "a gate « λ »"},
        embeddings=(
            Embedding(
                model="ab" * 32, dimension=64, data=base64.b64encode(bytes(range(128))).decode()
            ),
        ),
        written=identity.written(),
    )
    write_memory(path, memory)
    return memory


def _parent(memory: Memory) -> Parent:
    assert memory.written is not None
    return Parent(
        document_id=memory.document_id,
        instance_id=memory.instance_id,
        content_id=memory.written.content_id,
        stream_hash=memory.written.stream_hash,
        stage=memory.placements[0].stage,
        basis="recorded",
    )
