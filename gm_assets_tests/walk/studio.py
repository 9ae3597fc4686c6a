"""A small library with one of everything that a page must show, made of real files."""

from __future__ import annotations

import math
import random
import struct
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

from gm_assets import containers
from gm_assets.identity import identify
from gm_assets.library import Library, ingest
from gm_assets.memory.files import read_memory, write_memory
from gm_assets.memory.record import (
    Event,
    Gap,
    Memory,
    Parent,
    Placement,
    Role,
    Stage,
    mint_document_id,
    mint_instance_id,
)
from gm_assets_tests.containers.samples import glb

HOSTILE = '<script>alert(1)</script> & "quotes" <img src=x onerror=alert(2)>'


def draw(path: Path, seed: int, size: tuple[int, int] = (420, 320)) -> None:
    """A dusky spire in fog, different for every seed."""
    chance = random.Random(seed)
    image = Image.new("RGB", size)
    pen = ImageDraw.Draw(image)
    for y in range(size[1]):
        grey = int(28 + 70 * y / size[1])
        pen.line([(0, y), (size[0], y)], fill=(grey, grey + 1, grey + 3))
    for layer in range(4):
        shade = 62 - 15 * layer
        for _ in range(3):
            x, width = chance.randrange(size[0]), chance.randrange(14, 60)
            top = chance.randrange(20, size[1] // 2) + 16 * layer
            pen.polygon(
                [(x - width, size[1]), (x, top), (x + width, size[1])], fill=(shade, shade, shade)
            )
        image = image.filter(ImageFilter.GaussianBlur(3 - 0.7 * layer))
        pen = ImageDraw.Draw(image)
    pen.ellipse([size[0] * 0.7, 40, size[0] * 0.7 + 26, 66], fill=(221, 205, 170))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def model(path: Path) -> None:
    """A real triangle mesh: a cone of 24 sides."""
    points, faces = [(0.0, 2.0, 0.0)], []
    for side in range(24):
        angle = side * math.tau / 24
        points.append((math.cos(angle), 0.0, math.sin(angle)))
        faces.append((0, 1 + (side + 1) % 24, 1 + side))
    positions = b"".join(struct.pack("<3f", *point) for point in points)
    indices = b"".join(struct.pack("<3I", *face) for face in faces)
    data = positions + indices
    document = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "spire"}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": [
            {
                "bufferView": 0,
                "componentType": 5126,
                "count": len(points),
                "type": "VEC3",
                "min": [-1, 0, -1],
                "max": [1, 2, 1],
            },
            {"bufferView": 1, "componentType": 5125, "count": 3 * len(faces), "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": len(positions)},
            {"buffer": 0, "byteOffset": len(positions), "byteLength": len(indices)},
        ],
        "buffers": [{"byteLength": len(data)}],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(glb(document, data))


def remember(
    path: Path,
    chain: str,
    stage: Stage,
    part: str,
    *,
    title: str,
    parents: tuple[tuple[Path, Role], ...] = (),
    absent: bool = False,
    gap: str | None = None,
    primary: bool = True,
    view: str | None = None,
    generation: int = 1,
    domain: str = "figures",
) -> Memory:
    """Write a memory into a file as the process that made it would."""
    identity = identify(path)
    document = mint_document_id(identity.content_id, chain, stage, part)
    links = [
        Parent(
            role=role,
            document_id=mint_document_id(identify(source).content_id, *where(source)),
            content_id=identify(source).content_id,
            basis="recorded",
        )
        for source, role in parents
    ]
    if absent:
        links.append(Parent(content_id="as:" + "a" * 64, stage="S3", basis="asserted"))
    memory = Memory(
        document_id=document,
        instance_id=mint_instance_id(document, identity.content_id),
        placements=(
            Placement(
                chain=chain,
                stage=stage,
                part=part,
                primary=primary,
                view=view,
                generation=generation,
            ),
        ),
        domain=domain,
        parents=tuple(links),
        gaps=(Gap(stage="S2", reason=gap),) if gap else (),
        history=(
            Event(
                action="created",
                when="2026-11-22T12:00:00Z",
                software_agent="gm_assets tests",
                note="horns wider than the pauldron",
                person="the hand that steered",
            ),
        ),
        title=title,
        description="Ceremonial figure before the seawall gate, snow between the planes.",
        creators=("a program",),
        keywords=("winter", "bone"),
        recipe={"seed": 7, "steps": 24, "prompt": "bone, ash, pewter"},
        digital_source_type="http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia",
        written=identity.written(),
    )
    write_memory(path, memory)
    return memory


def where(path: Path) -> tuple[str, str, str]:
    """Chain, stage and part as the name of a file of this library states them."""
    chain, stage, part = path.stem.split("_")[:3]
    return chain, stage, part


def studio(root: Path) -> Library:
    """A library of two chains in two domains, with gaps, a copy and unreadable files."""
    library = Library.init(root, name="Gothic Mechanica")
    sketch = root / "seam-keeper_S1_sketch.png"
    mesh = root / "seam-keeper_S3_mesh.glb"
    clay = root / "seam-keeper_S3_clay.png"
    frame = root / "seam-keeper_S4_frame.png"
    altered = root / "seam-keeper_S4_frame_2.png"
    for seed, path in enumerate((sketch, clay, frame, altered)):
        draw(path, seed)
    model(mesh)
    remember(sketch, *_place(sketch), title="Seam-keeper, first lines")
    remember(mesh, *_place(mesh), title="Seam-keeper", primary=False, parents=((sketch, "source"),))
    remember(
        clay,
        *_place(clay),
        title=HOSTILE,
        parents=((mesh, "geometry"),),
        gap="the photograph is lost",
    )
    remember(
        frame,
        *_place(frame),
        title="At the gate",
        parents=((mesh, "geometry"), (clay, "style")),
        absent=True,
    )
    remember(
        altered, *_place(altered), title="Second frame", primary=False, parents=((clay, "style"),)
    )
    packet = read_memory(altered).packet
    assert packet is not None
    draw(altered, 99)  # edited by a program that carried the memory over
    altered.write_bytes(b"".join(containers.embed(altered.read_bytes(), packet)))
    spire = root / "fluted-spire_S3_clay.png"
    draw(spire, 5)
    remember(spire, *_place(spire), title="Fluted spire", domain="structures")
    (root / "copies").mkdir()
    (root / "copies" / "Zweite Kopie é.png").write_bytes(sketch.read_bytes())
    draw(root / "inbox" / "unplaced.jpg", 11)
    (root / "inbox" / "broken.png").write_bytes(sketch.read_bytes()[:500])
    ingest(library)
    return library


def _place(path: Path) -> tuple[str, Stage, str]:
    chain, stage, part = where(path)
    return chain, stage, part  # type: ignore[return-value]
