"""Small real libraries for the tests: PNG and GLB files placed by the rules of a gm.toml."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import dagster as dg
import numpy as np
from PIL import Image

from gm_assets.defs.resources import LibraryResource
from gm_assets.library import Library, ingest
from gm_assets.memory.files import read_memory, write_memory
from gm_assets.memory.record import Parent
from gm_assets.sculpt.glb import glb_bytes
from gm_assets.sculpt.model import Part, Sculpt

WALK = "http://127.0.0.1:3001"

_TOML = """
[library]
name = "small"
managed = {managed}
settle_seconds = {settle}

[[place]]
match = "{{chain}}/{{generation}}/{{stage}}/{{part}}.{{ext}}"

[[place]]
match = "{{chain}}/{{stage}}/{{part}}.{{ext}}"
"""

#: Two chains: one reaches S1, S3 and S4 (S2 and S5 are gaps), one has a sculpt alone.
SPREAD = {
    "seam-keeper": ["S1/sketch.png", "S3/clay.png", "S3/mesh.glb", "S4/frame.png"],
    "fluted-spire": ["S3/mesh.glb"],
}


def make(
    root: Path,
    spread: Mapping[str, Sequence[str]] = SPREAD,
    *,
    managed: bool = True,
    settle: float = 0,
    ingested: bool = True,
) -> Library:
    """A library with the files of `spread`: chain to paths below the chain's folder."""
    root.mkdir(parents=True)
    text = _TOML.format(managed=str(managed).lower(), settle=settle)
    (root / "gm.toml").write_text(text, "utf-8")
    for chain, files in spread.items():
        for file in files:
            add(root / chain / file)
    library = Library.open(root)
    if ingested:
        ingest(library)
    return library


def add(path: Path, seed: str | None = None) -> Path:
    """Write a PNG or GLB whose content depends on `seed` (the path's end by default)."""
    words = seed or "/".join(path.parts[-3:])
    number = int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".glb":
        path.write_bytes(glb_bytes(_wedge(number)))
    else:
        pixels = np.random.default_rng(number).integers(0, 255, (24, 32, 3), np.uint8)
        Image.fromarray(pixels).resize((320, 240), Image.Resampling.BICUBIC).save(path)
    return path


def paint(path: Path, seed: str) -> None:
    """Change the picture and keep the memory, as an editor does that preserves XMP."""
    memory = read_memory(path).memory
    assert memory is not None
    add(path, seed)
    write_memory(path, memory)


def link(child: Path, parent: Path) -> None:
    """Have `child` remember `parent` as the geometry that it was made from."""
    mine, theirs = read_memory(child).memory, read_memory(parent).memory
    assert mine is not None and theirs is not None and theirs.written is not None
    made_from = Parent(
        role="geometry",
        document_id=theirs.document_id,
        instance_id=theirs.instance_id,
        content_id=theirs.written.content_id,
        basis="recorded",
    )
    write_memory(child, mine.model_copy(update={"parents": (made_from,)}))


def resource(library: Library) -> LibraryResource:
    """The Dagster resource of a library."""
    return LibraryResource(root=str(library.root), walk_url=WALK)


def versions(instance: dg.DagsterInstance, asset: str) -> dict[str, str]:
    """The recorded data versions of an asset, by partition."""
    found = instance.event_log_storage.get_latest_tags_by_partition(
        dg.AssetKey(asset), dg.DagsterEventType.ASSET_MATERIALIZATION, ["dagster/data_version"]
    )
    return {key: tags["dagster/data_version"] for key, tags in found.items()}


def green(instance: dg.DagsterInstance, asset: str) -> set[str]:
    """The partitions of an asset that are materialized."""
    return set(instance.get_materialized_partitions(dg.AssetKey(asset)))


def _wedge(number: int) -> Sculpt:
    height = 1 + number % 1000 / 1000
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, height, 0], [0, 0, 1]], np.float32)
    faces = np.array([[0, 2, 1], [0, 3, 2], [0, 1, 3], [1, 2, 3]], np.uint32)
    return Sculpt(name="wedge", parts=(Part("wedge", "architecture", "bone", vertices, faces),))
