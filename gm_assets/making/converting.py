"""Meshes that cannot carry a memory become GLBs that can: OBJ, STL, FBX.

The GLB names its original by the hash of its bytes (`fi:…`) as its parent, states what was
chosen on the way in its recipe, and says what the original holds that a sculpt does not. Equal
originals and settings give the same document with the same bytes; a GLB that lies there already
is verified and not made again. The original is never written.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gm_assets.errors import GmError, LibraryError, UnsupportedFormat, WriteRefused
from gm_assets.identity import read_file
from gm_assets.making.keeping import PROGRAM, Keeper, Kept, Label, kept_at
from gm_assets.memory.record import Memory, Parent, Placement
from gm_assets.sculpt.checks import Finding, examine
from gm_assets.sculpt.fbx import header_of
from gm_assets.sculpt.glb import glb_bytes
from gm_assets.sculpt.model import Sculpt
from gm_assets.sculpt.pieces import Normalisation
from gm_assets.sculpt.reading import BARE, Model, format_of, read_model

if TYPE_CHECKING:
    from gm_assets.library import Library
    from gm_assets.library.rules import Ruling

#: Formats that are converted. The others carry a memory themselves.
CONVERTED: tuple[str, ...] = ("obj", "stl", "fbx")
#: The step that recipes name.
STEP = "s3.convert"
#: Whose IPTC source type only the original's makers know.
_MAKER = replace(PROGRAM, source_type=None)

#: What a line of an OBJ file says that a sculpt does not hold.
_OBJ: tuple[tuple[bytes, str], ...] = (
    (rb"vt[ \t]", "texture coordinates"),
    (rb"vn[ \t]", "normals (made again from the creases of the shape)"),
    (rb"v(?:[ \t]+[-+.\deE]+){6,7}[ \t]*[\r\n]", "vertex colours"),
    (rb"f(?:[ \t]+[^\s#]+){4}", "polygons (they became triangles)"),
    (rb"mtllib[ \t]", "colours and textures of its material library (names are kept)"),
    (rb"[pl][ \t]", "points and lines"),
    (rb"(?:curv2?|surf)[ \t]", "free-form curves and surfaces"),
)
#: Records of an FBX file that do the same.
_FBX: tuple[tuple[str, str], ...] = (
    ("LayerElementUV", "texture coordinates"),
    ("LayerElementNormal", "normals (made again from the creases of the shape)"),
    ("LayerElementColor", "vertex colours"),
    ("Texture", "textures and the colours of materials (names are kept)"),
    ("Deformer", "skins and shape keys"),
    ("AnimationCurve", "animation"),
)


@dataclass(frozen=True)
class Wish:
    """What a caller says of a mesh that its file does not.

    Attributes:
        placement: where the GLB stands; None leaves it to the library's rules.
        up, unit: of OBJ and STL, as `sculpt.reading.read_model` takes them.
    """

    placement: Placement | None = None
    up: str = "y"
    unit: str = "m"


@dataclass(frozen=True, eq=False)
class Converted:
    """A GLB and the mesh that it was made from.

    Attributes:
        path: of the GLB.
        memory: the one in it.
        original: `fi:` of the mesh.
        format: of the mesh, in words, e.g. `binary FBX 7.4`.
        sculpt: as it was read.
        normalisation: how it was brought to size; mostly not at all.
        made: False where the GLB lay there and was verified.
        notes: what of the original is not in the GLB, and other remarks.
        findings: faults of the mesh.
    """

    path: Path
    memory: Memory
    original: str
    format: str
    sculpt: Sculpt
    normalisation: Normalisation
    made: bool
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]


def convert(
    path: Path, out: Path | None = None, wish: Wish = Wish(), library: Library | None = None
) -> Converted:
    """Make the GLB of a mesh that cannot carry a memory, or verify the one that is there.

    Args:
        path: OBJ, STL or FBX, anywhere.
        out: the GLB, or a folder for it; beside the mesh under its name by default.
        library: the one in which the GLB lies: its rules place it, and it is catalogued, as is
            the original where that lies there too.

    Raises:
        NotFound, UnreadableFile, TooLarge, MissingExtra: the mesh cannot be read.
        UnsupportedFormat: it carries a memory itself, or is of a format or version not read.
        GmError: `out` is no name of a GLB.
        WriteRefused: the folder is not managed, or cannot be written.
        LibraryError: something else lies under that name. LibraryLocked: as for `ingest`.
    """
    target = _target(path, out)
    if library is None:
        return _converted(path, target, wish, Keeper(target.parent, "", _MAKER, _now()))
    from gm_assets.library import ingest

    relative = library.relative(target)
    if not library.managed(relative):
        raise WriteRefused(
            "this folder is not managed: gm.toml forbids writing memories here",
            where=target,
            remedy="Choose another with --out, or set managed = true for this one",
        )
    folder = Path(relative).parent.as_posix().removeprefix(".")
    ruling = library.ruling(relative)
    keeper = Keeper(library.root, folder, _MAKER, _now())
    if ruling is not None:
        wish = replace(wish, placement=wish.placement or ruling.placement)
        keeper.domain, keeper.subject = ruling.domain, ruling.subject
    done = _converted(path, target, wish, keeper, ruling)
    ingest(library, [target, *_catalogued(library, path)])
    return done


def _catalogued(library: Library, path: Path) -> list[Path]:
    """The original, where it is a file that the library catalogues; else nothing."""
    if path.is_symlink():
        return []
    try:
        library.relative(path)
    except LibraryError:
        return []
    return [path]


def _converted(
    path: Path, target: Path, wish: Wish, keeper: Keeper, ruling: Ruling | None = None
) -> Converted:
    data = read_file(path)
    kind = _kind(data, path)
    original = f"fi:{hashlib.sha256(data).hexdigest()}"
    model = read_model(data, kind, name=path.stem, up=wish.up, unit=wish.unit, where=path)
    words = str(header_of(data[:4096])) if kind == "fbx" else kind.upper()
    notes = tuple(_notes(data, kind, model))
    parameters: dict[str, Any] = {"format": kind, "name": path.stem}
    if kind in BARE:
        parameters |= {"up": wish.up, "unit": wish.unit}
    recipe = {"step": STEP, "inputs": [original], "parameters": parameters}
    inside = f"{keeper.folder}/{target.name}" if keeper.folder else target.name
    stage = wish.placement.stage if wish.placement else None
    kept = kept_at(keeper.root, inside, keeper.document_id(recipe), stage)
    made = kept is None
    if kept is None:
        if os.path.lexists(target):
            raise LibraryError(
                "another file lies there than the GLB of this mesh with these settings",
                where=target,
                remedy="Name another with --out, or move it away",
            )
        kept = keeper.keep(
            target.name,
            glb_bytes(model.sculpt),
            wish.placement,
            Label(
                path.stem,
                " ".join((f"Converted from {words}.", *notes)),
                environment=ruling.environment if ruling else None,
                shot=ruling.shot if ruling else None,
            ),
            recipe,
            [Parent(role="source", content_id=original, basis="recorded")],
            results={"made": _facts(path, data, kind, words, model, notes)},
        )
    elif wish.placement is not None and wish.placement not in kept.memory.placements:
        notes = (*notes, _elsewhere(kept))
    return Converted(
        target, kept.memory, original, words, model.sculpt, model.normalisation, made, notes,
        examine(model.sculpt),
    )  # fmt: skip


def _target(path: Path, out: Path | None) -> Path:
    """The GLB to be made.

    Raises:
        GmError: a file of another suffix was asked for.
    """
    target = path if out is None else out / path.name if out.is_dir() else out
    if out is None or target != out:
        return target.with_suffix(".glb").absolute()
    if target.suffix.lower() != ".glb":
        raise GmError(
            f"{target.suffix or 'no suffix'} is not the suffix of a GLB",
            where=target,
            remedy="End it with .glb, or name a folder that exists",
        )
    return target.absolute()


def _kind(data: bytes, path: Path) -> str:
    """Which of `CONVERTED` the bytes are.

    Raises:
        UnreadableFile, UnsupportedFormat: none of them.
    """
    kind = format_of(data, path)
    if kind in CONVERTED:
        return kind
    remedy = "Take it in as it is: gm ingest, then gm place"
    if kind == "gltf":
        remedy += "; with buffers in other files, export it as one GLB"
    raise UnsupportedFormat(
        f"{kind.upper()} carries a memory itself and needs no conversion",
        where=path,
        remedy=remedy,
    )


def _facts(
    path: Path, data: bytes, kind: str, words: str, model: Model, notes: tuple[str, ...]
) -> dict[str, Any]:
    """What the memory's recipe says of the making, besides what names the document."""
    facts: dict[str, Any] = {
        "original": {"name": path.name, "format": words, "bytes": len(data)},
        "parts": len(model.sculpt.parts),
        "triangles": model.sculpt.triangles,
        "notes": list(notes),
    }
    if kind == "fbx":
        from importlib.metadata import version

        facts["reader"] = f"assimp-py {version('assimp-py')}"
    if (normalisation := model.normalisation).changes:
        facts["normalisation"] = {
            "factor": normalisation.factor,
            "offset": list(normalisation.offset),
        }
    return facts


def _notes(data: bytes, kind: str, model: Model) -> Iterator[str]:
    if missing := list(_missing(data, kind)):
        yield f"Not in the GLB: {', '.join(missing)}."
    if (normalisation := model.normalisation).changes:
        offset = ", ".join(f"{one:g}" for one in normalisation.offset)
        yield (
            f"It was brought to size: (own - ({offset}) m) * {normalisation.factor:g}; "
            "with --unit its own size may be kept."
        )


def _missing(data: bytes, kind: str) -> Iterator[str]:
    """What the original holds that a sculpt does not."""
    if kind == "obj":
        for line, what in _OBJ:
            if re.search(rb"(?:\A|\n)[ \t]*" + line, data):
                yield what
    elif kind == "fbx":
        for record, what in _FBX:
            name = record.encode()
            # A binary record has its name behind its length, an ASCII one before a colon.
            binary = bytes([len(name)]) + name in data
            if binary or re.search(rb"\n[ \t]*" + name + rb":", data):
                yield what
    elif _has_attributes(data):
        yield "attribute bytes of triangles (some programs keep colours there)"


def _has_attributes(data: bytes) -> bool:
    """Whether triangles of a binary STL file have anything in their last two bytes."""
    import numpy as np

    from gm_assets.sculpt.stl import is_binary

    if not is_binary(data):
        return False
    triangles = np.frombuffer(data, np.uint8, offset=84).reshape(-1, 50)
    return bool(triangles[:, 48:].any())


def _elsewhere(kept: Kept) -> str:
    stands = ", ".join(f"{one.key} {one.stage}" for one in kept.memory.placements) or "nowhere"
    return f"It was made before and stands {stands}: `gm place` moves it."


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
