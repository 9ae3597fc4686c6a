"""A library of many small files with memories, for what a rebuild and a rescan cost.

A quarter each PNG, JPEG, WebP and GLB, in a folder a chain. The memories are of the size that
the demo library's have: placements, parents, history, words and a recipe.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from gm_assets import containers
from gm_assets.identity import identify_bytes
from gm_assets.library import Library
from gm_assets.memory.files import dump_packet
from gm_assets.memory.record import (
    Embedding,
    Event,
    Memory,
    Parent,
    Placement,
    mint_document_id,
    mint_instance_id,
)

FORMATS = ("png", "jpeg", "webp", "glb")
_SUFFIX = {"png": "png", "jpeg": "jpg", "webp": "webp", "glb": "glb"}
_CHAIN_FILES = 20


def make(
    root: Path,
    count: int,
    formats: Sequence[str] = FORMATS,
    embeddings: Sequence[Embedding] | None = None,
) -> Library:
    """Make a library of `count` files below `root`, which must not exist.

    Args:
        formats: of the files, in turns.
        embeddings: a vector for the memory of each file.
    """
    library = Library.init(root)
    parent: Memory | None = None
    for number in range(count):
        format = formats[number % len(formats)]
        data = _model(number) if format == "glb" else _picture(number, format)
        chain, place = divmod(number, _CHAIN_FILES)
        memory = _memory(data, f"chain-{chain:05d}", place, parent if place else None)
        if embeddings is not None:
            memory = memory.model_copy(update={"embeddings": (embeddings[number],)})
        folder = root / f"chain-{chain:05d}"
        folder.mkdir(exist_ok=True)
        packet = dump_packet(format, memory)
        (folder / f"{place:02d}.{_SUFFIX[format]}").write_bytes(
            b"".join(containers.embed(data, packet))
        )
        parent = memory
    return library


def _picture(number: int, format: str) -> bytes:
    samples = np.random.default_rng(number).integers(0, 256, (24, 32, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(samples).save(buffer, format)
    return buffer.getvalue()


def _model(number: int) -> bytes:
    points = np.random.default_rng(number).random((24, 3), np.float32).tobytes()
    view = {"buffer": 0, "byteLength": len(points)}
    accessor = {"bufferView": 0, "componentType": 5126, "count": 24, "type": "VEC3"}
    document = {
        "asset": {"version": "2.0"},
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "buffers": [{"byteLength": len(points)}],
        "bufferViews": [view],
        "accessors": [accessor],
    }
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    size = 12 + 8 + len(text) + 8 + len(points)
    return b"".join(
        (
            struct.pack("<4sII", b"glTF", 2, size),
            struct.pack("<I4s", len(text), b"JSON") + text,
            struct.pack("<I4s", len(points), b"BIN\0") + points,
        )
    )


def _memory(data: bytes, chain: str, place: int, parent: Memory | None) -> Memory:
    written = identify_bytes(data).written()
    document = mint_document_id(written.content_id, chain, str(place))
    parents: tuple[Parent, ...] = ()
    if parent is not None and parent.written is not None:
        parents = (
            Parent(
                role="source",
                document_id=parent.document_id,
                instance_id=parent.instance_id,
                content_id=parent.written.content_id,
                stage="S3",
                basis="recorded",
            ),
        )
    return Memory(
        document_id=document,
        instance_id=mint_instance_id(document, written.content_id),
        placements=(Placement(chain=chain, stage="S3", part="clay", frame=place),),
        domain="hardware",
        subject="ring-freighter",
        parents=parents,
        history=(
            Event(action="created", when="2026-11-22T10:00:00Z", software_agent="benchmarks"),
            Event(action="produced", when="2026-11-22T10:00:01Z", changed="/content"),
        ),
        title=f"Part {place} of {chain}",
        description="A small file of the benchmark's library.",
        creators=("gm_assets benchmarks",),
        keywords=("benchmark", chain),
        written=written,
        recipe={"seed": place, "steps": 30, "code": "benchmarks", "prompt": "ring freighter"},
    )
