"""Small libraries for the tests: files with memories, as values, and stores made of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from gm_assets.identity import PIXEL_SCHEME, STREAM_SCHEME, Identity
from gm_assets.memory.atomic import Signature
from gm_assets.memory.record import (
    Event,
    Gap,
    Memory,
    Parent,
    Placement,
    Written,
    mint_instance_id,
)
from gm_assets.stores import Store, TableBuilder


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def content(name: str) -> str:
    """The content id of a made-up 8x8 picture."""
    return f"px:{sha('pixels ' + name)}:8x8"


def stream(name: str) -> str:
    return sha("stream " + name)


def document(name: str) -> str:
    return f"xmp.did:{name}"


def link(
    parent: str | None = None,
    *,
    holds: str,
    stream_hash: str | None = None,
    basis: str = "recorded",
    role: str = "source",
) -> Parent:
    return Parent.model_validate(
        {
            "role": role,
            "document_id": None if parent is None else document(parent),
            "content_id": content(holds),
            "stream_hash": stream_hash,
            "basis": basis,
        }
    )


def memory(
    name: str,
    holds: str,
    *parents: Parent,
    placements: tuple[Placement, ...] = (),
    was: tuple[str, ...] = (),
    when: str = "2026-01-01T00:00:00Z",
    gaps: tuple[Gap, ...] = (),
    title: str | None = None,
    stream_of: str | None = None,
) -> Memory:
    """A memory of document `name` that states content `holds` and held `was` before."""
    document_id = document(name)
    history = [Event(action="created", when="2025-12-31T00:00:00Z")]
    history += [Event(action="gm:revised", when=when, content_id=content(old)) for old in was]
    return Memory(
        document_id=document_id,
        instance_id=mint_instance_id(document_id, content(holds)),
        placements=placements,
        parents=parents,
        gaps=gaps,
        history=tuple(history),
        title=title,
        written=Written(
            content_id=content(holds),
            pixel_hash=sha("pixels " + holds),
            pixel_scheme=PIXEL_SCHEME,
            stream_hash=stream(stream_of or holds),
            stream_scheme=STREAM_SCHEME,
            width=8,
            height=8,
        ),
    )


def identity(holds: str, *, stream_of: str | None = None) -> Identity:
    """The identity of a file that holds the made-up picture `holds`."""
    return Identity(
        format="png",
        kind="image",
        size=100,
        file_hash=sha("file " + holds),
        content_id=content(holds),
        stream_hash=stream(stream_of or holds),
        stream_scheme=STREAM_SCHEME,
        pixel_hash=sha("pixels " + holds),
        pixel_scheme=PIXEL_SCHEME,
        pixel_layout="rgb8",
        width=8,
        height=8,
        perceptual_hash="0123456789abcdef",
    )


@dataclass(frozen=True)
class File:
    """One file of a world: `holds` is what it really holds, None where nobody looked."""

    path: str
    memory: Memory | None = None
    holds: str | None = None
    rule: Placement | None = None


def signature(path: str) -> Signature:
    return Signature(100, 1, 1, int(sha(path)[:8], 16))


def add(builder: TableBuilder, files: list[File]) -> TableBuilder:
    for file in files:
        builder.add_file(
            file.path,
            signature(file.path),
            True,
            None if file.holds is None else identity(file.holds),
            file.memory,
            (),
            file.rule,
            format="png",
        )
    return builder


def store_of(root: Path, files: list[File]) -> Store:
    """A store with one generation that holds these files."""
    store = Store(root)
    store.commit(add(store.rebuild(), files).build())
    return store


def place(chain: str, stage: str, part: str = "frame", generation: int = 1, **more) -> Placement:
    return Placement.model_validate(
        {"chain": chain, "stage": stage, "part": part, "generation": generation, **more}
    )
