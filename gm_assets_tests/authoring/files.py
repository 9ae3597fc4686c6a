"""Pictures that look alike or not, and libraries of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from gm_assets.authoring.stock import Item
from gm_assets.authoring.values import Statement
from gm_assets.library import Library, ingest
from gm_assets.memory.record import Memory
from gm_assets_tests.library.files import remembering, strip_memory

PERSON = "Ada"


def scene(path: Path, seed: int, size: tuple[int, int] = (96, 64)) -> Path:
    """A soft picture of `seed`: at every size it looks the same, other seeds look different."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    image = Image.fromarray(coarse).resize((192, 128), Image.Resampling.BICUBIC)
    image.resize(size, Image.Resampling.BOX).save(path)
    return path


def item(path: str, perceptual_hash: str | None = None, kind: str = "image") -> Item:
    """A document that only has a name."""
    return Item(
        path=path,
        document_id=f"xmp.did:{path}",
        content_id=f"st:{abs(hash(path)):064x}",
        kind=kind,
        format="glb" if kind == "model" else "png",
        width=8,
        height=8,
        perceptual_hash=perceptual_hash,
        managed=True,
        altered=False,
        memory="embedded",
        created=None,
        generated=False,
    )


def says(line: int, path: str, parent: str, role: str = "source") -> Statement:
    """A line that states a parent."""
    return Statement(line=line, path=path, parent=parent, role=role)  # type: ignore[arg-type]


def snapshot(library: Library) -> dict[str, bytes]:
    """Every file of the library that is not derived, with its bytes."""
    return {
        str(path.relative_to(library.root)): path.read_bytes()
        for path in sorted(library.root.rglob("*"))
        if path.is_file() and ".gm" not in path.parts
    }


def twin_of(library: Library, source: str, target: str, **fields: object) -> Memory:
    """A copy of a picture that a program saved anew, with a memory of its own, ingested."""
    path = library.root / target
    path.write_bytes((library.root / source).read_bytes())
    strip_memory(path)
    memory = remembering(path, target, **fields)
    ingest(library, workers=1)
    return memory
