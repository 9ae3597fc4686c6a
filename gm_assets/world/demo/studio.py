"""From a picture or a sculpt to a file that remembers: encoding, identity, memory, writing.

Documents are named by their recipe (UUIDv5), so a second build of the same world gives the
same ids; times are those of the build.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import gm_assets
from gm_assets import containers
from gm_assets.errors import GmError, LibraryError
from gm_assets.identity import Identity, identify, identify_bytes
from gm_assets.library.encoders import Embedder
from gm_assets.memory.files import dump_packet, read_memory, write_new
from gm_assets.memory.record import (
    SOURCE_TYPE,
    Camera,
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
from gm_assets.world.names import CREATOR, RIGHTS

TOOL = f"gm_assets world {gm_assets.__version__} (procedural)"
#: IPTC: created purely by an algorithm, not based on any training data.
ALGORITHMIC = SOURCE_TYPE + "algorithmicMedia"


@dataclass(frozen=True)
class Kept:
    """A document that was made: enough to name it as a parent.

    Attributes:
        path: relative to the library, or None where the file was not kept.
    """

    path: str | None
    memory: Memory
    stage: Stage

    def parent(self, role: Role) -> Parent:
        """The link that a child declares, recorded by the process that makes it."""
        written = self.memory.written
        assert written is not None  # the studio always writes an identity
        return Parent(
            role=role,
            document_id=self.memory.document_id,
            instance_id=self.memory.instance_id,
            content_id=written.content_id,
            stream_hash=written.stream_hash,
            stage=self.stage,
            basis="recorded",
        )

    @property
    def content_id(self) -> str:
        written = self.memory.written
        assert written is not None
        return written.content_id


@dataclass(frozen=True)
class Label:
    """What a memory says besides its identity and its making."""

    title: str
    description: str
    keywords: tuple[str, ...] = ()
    environment: str | None = None
    shot: str | None = None
    camera: Camera | None = None
    gaps: tuple[Gap, ...] = ()


@dataclass
class Studio:
    """Makes the files of one chain.

    Attributes:
        root: the library's folder.
        domain, subject: vocabulary ids of the chain.
        when: ISO 8601 time that memories name as their creation.
        embedder: gives pictures the vectors that their memories hold; None leaves them out.
        kept: all documents made so far.
    """

    root: Path
    domain: str
    subject: str
    when: str
    embedder: Embedder | None = None
    kept: list[Kept] = field(default_factory=list)

    def keep(
        self,
        name: str,
        data: bytes,
        placement: Placement,
        label: Label,
        recipe: dict[str, Any],
        parents: Sequence[Parent] = (),
        *,
        write: bool = True,
        history: Sequence[Event] = (),
        document_id: str | None = None,
        turn: int = 0,
        extra: Sequence[Placement] = (),
    ) -> Kept:
        """Give bytes their memory and write them below `<domain>/<subject>/`.

        Args:
            write: False gives the document its identity but leaves the file out of the library.
            document_id: of the document that this is a new content of.
            turn: how many contents that document had before.
            extra: further placements of the same document.
        """
        where = f"{self.domain}/{self.subject}/{name}"
        identity = identify_bytes(data, where)
        recipe = {"generator": "gm_assets.world", "version": gm_assets.__version__, **recipe}
        document = document_id or mint_document_id(_recipe_hash(recipe))
        memory = Memory(
            document_id=document,
            instance_id=mint_instance_id(document, identity.content_id, turn),
            original_document_id=document,
            placements=(placement, *extra),
            domain=self.domain,
            subject=self.subject,
            environment=label.environment,
            shot=label.shot,
            camera=label.camera,
            parents=tuple(parents),
            gaps=label.gaps,
            history=(
                Event(
                    action="created",
                    when=self.when,
                    software_agent=TOOL,
                    parameters=str(recipe["step"]),
                ),
                *history,
            ),
            title=label.title,
            description=label.description,
            creators=(CREATOR,),
            keywords=("Gothic Mechanica", "procedural", *label.keywords),
            rights=RIGHTS,
            creator_tool=TOOL,
            create_date=self.when,
            digital_source_type=ALGORITHMIC,
            written=identity.written(),
            recipe=recipe,
        )
        if write:
            if self.embedder is not None:
                memory, _ = self.embedder.given(memory, identity.kind, data)
            _write(self.root / where, data, identity, memory)
        made = Kept(where if write else None, memory, placement.stage)
        self.kept.append(made)
        return made


def _write(path: Path, data: bytes, identity: Identity, memory: Memory) -> None:
    """Write one file, unless a build that was interrupted has written it.

    Raises:
        LibraryError: something else lies there.
    """
    packet = dump_packet(identity.format, memory)
    path.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(path):
        there = _memory_at(path)
        if there is None or there.document_id != memory.document_id:
            raise LibraryError(
                "the demo writes a file of that name, and another one lies there",
                where=path,
                remedy="Move it away, or make the demo in another folder",
            )
        same = there.instance_id == memory.instance_id and there.written == memory.written
        if same and identify(path).content_id == identity.content_id:
            return
    write_new(path, containers.embed(data, packet, str(path)), overwrite=True)


def _memory_at(path: Path) -> Memory | None:
    """The memory of the file at `path`; None where there is none that can be read."""
    with suppress(GmError):
        return read_memory(path).memory
    return None


def _recipe_hash(recipe: dict[str, Any]) -> str:
    import rfc8785

    return hashlib.sha256(rfc8785.dumps(recipe)).hexdigest()


# ------------------------------------------------------------------ encoding


def png(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    """8-bit grey, RGB or RGBA, or 16-bit grey, as PNG."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=6)
    return file.getvalue()


def jpeg(pixels: NDArray[np.uint8], quality: int = 90) -> bytes:
    """RGB as a JPEG without colour subsampling, which would smear pencil and red cloth."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=0, optimize=True)
    return file.getvalue()


def webp(pixels: NDArray[np.uint8], quality: int | None = None) -> bytes:
    """RGB or RGBA as WebP, lossless unless a quality is given."""
    from PIL import Image

    file = io.BytesIO()
    image = Image.fromarray(pixels)
    if quality is None:
        image.save(file, "WEBP", lossless=True, quality=60, method=3)
    else:
        image.save(file, "WEBP", quality=quality, method=4)
    return file.getvalue()


def pixels_of(data: bytes) -> NDArray[np.uint8]:
    """The RGB pixels of an encoded picture, as whoever opens the file sees them."""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def depth_png(depth: NDArray[np.float32]) -> tuple[bytes, float, float]:
    """Depth as 16-bit grey, and its near and far in metres.

    0 is nothing; 65535 is near, 1 is far, linear in depth.
    """
    seen = np.isfinite(depth)
    near, far = float(depth[seen].min()), float(depth[seen].max())
    span = max(far - near, 1e-9)
    steps = np.zeros(depth.shape, np.uint16)
    steps[seen] = np.round(65535 - (depth[seen] - near) / span * 65534).astype(np.uint16)
    return png(steps), near, far


def normal_png(normal: NDArray[np.float32], seen: NDArray[np.bool_]) -> bytes:
    """Camera normals as RGB, -1 to 1 mapped to 0 to 255; mid grey where there is nothing."""
    colour = np.where(seen[..., None], normal * 0.5 + 0.5, 0.5)
    return png((colour * 255 + 0.5).astype(np.uint8))
