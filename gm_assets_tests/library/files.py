"""Real files for the library's tests: pictures, models, and the library to put them in."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from gm_assets.library import Library
from gm_assets.memory.files import write_memory
from gm_assets.memory.record import Memory, mint_document_id, mint_instance_id

RULES = """
[[place]]
match = "{chain}/{stage}/{part}.{ext}"
"""


def make_library(root: Path, *, managed: bool = True, rules: str = RULES) -> Library:
    """A library with the usual rule; `rules` is appended to its gm.toml."""
    Library.init(root, name="test", managed=managed)
    config = root / "gm.toml"
    config.write_text(f'[library]\nname = "test"\nmanaged = {str(managed).lower()}\n{rules}')
    return Library.open(root)


def picture(path: Path, seed: int = 0, size: tuple[int, int] = (24, 16)) -> Path:
    """A picture whose content depends on `seed` alone; the format is the suffix's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (size[1] // 4, size[0] // 4, 3))
    image = Image.fromarray(noise.astype(np.uint8)).resize(size, Image.Resampling.NEAREST)
    image.save(path, **({"lossless": True} if path.suffix == ".webp" else {}))
    return path


def model(path: Path, height: float = 1.0) -> Path:
    """A GLB with one tetrahedron."""
    from gm_assets.sculpt.glb import glb_bytes
    from gm_assets.sculpt.model import Part, Sculpt

    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, height, 0], [0, 0, 1]], np.float32)
    faces = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]], np.uint32)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(glb_bytes(Sculpt("solid", (Part("solid", "prop", "bone", vertices, faces),))))
    return path


def remembering(path: Path, name: str, **fields: object) -> Memory:
    """Write a memory made from `fields` into the file; its document is named by `name`."""
    from gm_assets.identity import identify

    identity = identify(path)
    document = mint_document_id(name)
    memory = Memory(
        document_id=document,
        instance_id=mint_instance_id(document, identity.content_id),
        written=identity.written(),
        **fields,  # type: ignore[arg-type]
    )
    write_memory(path, memory)
    return memory


def strip_memory(path: Path) -> None:
    """Save a PNG again without its XMP, as many programs do."""
    with Image.open(path) as image:
        image.load()
        bare = Image.frombytes(image.mode, image.size, image.tobytes())
    bare.save(path)


def paint_over(path: Path, seed: int) -> None:
    """Change the pixels of a PNG and keep its XMP, as an editor does."""
    with Image.open(path) as image:
        image.load()
        packet = image.info.get("XML:com.adobe.xmp")
        size = image.size
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    if packet:
        text.add_itxt("XML:com.adobe.xmp", packet)
    fresh = picture(path.with_name("fresh.png"), seed, size)
    with Image.open(fresh) as image:
        image.load()
        fresh.unlink()
        image.save(path, pnginfo=text)


def rows(library: Library, query: str, *values: object) -> list[tuple]:
    """Rows of a query over the library's catalogue."""
    return library.catalogue().execute(query, list(values)).fetchall()


def tables(library: Library) -> dict[str, list[dict]]:
    """All rows of the store, in an order of their own."""
    named = library.store.tables().named()
    return {name: sorted(table.to_pylist(), key=repr) for name, table in named.items()}


def forget_store(library: Library) -> None:
    """Delete everything derived."""
    shutil.rmtree(library.state)
