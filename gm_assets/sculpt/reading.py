"""Any mesh file as a sculpt: GLB and glTF, OBJ, PLY, STL, FBX, 3MF and USD.

The content decides which reader takes a file; the suffix only where content cannot (OBJ is
plain text). A file is never silently empty: no triangles, placeholders, points without a
surface and numbers that are not finite are errors that say so. Nothing that a file names is
opened, except buffers of a glTF that are plain names in its own folder.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import struct
import urllib.parse
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path, PurePosixPath

import numpy as np

from gm_assets.containers import json_text
from gm_assets.errors import TooLarge, UnreadableFile, UnsupportedFormat, about
from gm_assets.identity import read_file
from gm_assets.sculpt.fbx import header_of, read_fbx
from gm_assets.sculpt.glb import open_glb
from gm_assets.sculpt.gltf import Gltf
from gm_assets.sculpt.model import Sculpt
from gm_assets.sculpt.obj import read_obj
from gm_assets.sculpt.pieces import MOST_FILE_BYTES, Normalisation, Piece, Where, gathered
from gm_assets.sculpt.ply import read_ply
from gm_assets.sculpt.semantics import semantic_of
from gm_assets.sculpt.stl import is_binary, read_stl
from gm_assets.sculpt.threemf import read_3mf
from gm_assets.sculpt.usd import read_usd

#: Formats that are read, by the names that `format=` takes.
FORMATS: tuple[str, ...] = (
    *("glb", "gltf", "obj", "ply", "stl", "fbx", "3mf", "usda", "usdc", "usdz"),
)
#: Formats that state neither axes nor units.
BARE: tuple[str, ...] = ("obj", "ply", "stl")
#: Metres of the units that a caller may state for bare formats.
UNITS: dict[str, float] = {"m": 1.0, "cm": 0.01, "mm": 0.001, "in": 0.0254, "ft": 0.3048}

_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"BLENDER", "a Blender file"),
    (b"Ogawa", "Alembic"),
    (b"\x1f\x8b", "compressed by gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed by Zstandard"),
    (b"PK", "a ZIP archive"),
)
_OBJ_LINE = re.compile(rb"^\s*(v|vn|vt|f|o|g|mtllib|usemtl)\s", re.MULTILINE)
_MOST_JSON = 64 * 1024 * 1024


@dataclass(frozen=True, eq=False)
class Model:
    """A mesh file as it was read.

    Attributes:
        sculpt: near the origin and of a usual size, as `normalisation` says.
        normalisation: what was done to the file's own coordinates; mostly nothing.
        format: one of `FORMATS`.
    """

    sculpt: Sculpt
    normalisation: Normalisation
    format: str


def read_sculpt(
    source: str | PathLike[str] | bytes, format: str | None = None, *, name: str | None = None
) -> Sculpt:
    """The shape in a mesh file. `read_model` also says how it was brought to size.

    Raises:
        GmError: as `read_model`.
    """
    return read_model(source, format, name=name).sculpt


def read_model(
    source: str | PathLike[str] | bytes,
    format: str | None = None,
    *,
    name: str | None = None,
    up: str = "y",
    unit: str = "m",
    where: str | PathLike[str] | None = None,
) -> Model:
    """Read a mesh file.

    Parts keep the names and materials of meshes, nodes, groups or prims; what a part is comes
    from the file or from the words of its name (`semantics`), else it stays open.

    Args:
        source: a path, or the file's bytes.
        format: one of `FORMATS`; found from the content by default.
        name: of the sculpt; the file's own or its stem by default.
        up: `y` or `z`, for formats that do not state it (`BARE`).
        unit: one of `UNITS`, for the same formats.
        where: the file that bytes came from, named in errors; nothing is opened there.

    Raises:
        NotFound: there is no such file.
        UnreadableFile: damaged, contradicting itself, or without a shape.
        UnsupportedFormat: another format, a point cloud, or geometry in a form not read here.
        TooLarge: a bound was exceeded.
        MissingExtra: USD, FBX or Draco, and the package that reads it is not installed.
        ValueError: `format`, `up` or `unit` is none of those named.
    """
    if (format is not None and format not in FORMATS) or up not in ("y", "z") or unit not in UNITS:
        raise ValueError(f"no way to read {format!r} with {up!r} up in {unit!r}")
    if isinstance(source, bytes):
        with about(where):
            return _model(source, None, format, name, up, unit)
    path = Path(source)
    with about(path):
        return _model(read_file(path), path, format, name, up, unit)


def _model(
    data: bytes, path: Path | None, format: str | None, name: str | None, up: str, unit: str
) -> Model:
    """As `read_model`; `path` says where files lie that the mesh names."""
    if len(data) > MOST_FILE_BYTES:
        raise TooLarge(f"{len(data):,} bytes, more than {MOST_FILE_BYTES:,}", where=path)
    title = name or (path.stem if path is not None else "sculpt")
    kind = format or format_of(data, path)
    try:
        title, pieces = _read(data, kind, title if name is None else name, path)
        if kind in BARE:
            pieces = _stated(pieces, up, UNITS[unit])
        sculpt, normalisation = gathered(name or title, map(_meant, pieces), path)
    except (ValueError, IndexError, KeyError, OverflowError, TypeError, struct.error) as error:
        # What hostile numbers lead a reader to, beyond what it checks itself.
        raise UnreadableFile(f"damaged {kind.upper()}: {error}", where=path) from error
    except MemoryError:
        raise TooLarge(
            "the mesh does not fit into this machine's memory", where=path, remedy="Reduce the mesh"
        ) from None
    return Model(sculpt, normalisation, kind)


def format_of(data: bytes, path: Path | None = None) -> str:
    """Which of `FORMATS` the content is.

    Raises:
        UnreadableFile: empty, or nothing that is known.
        UnsupportedFormat: a format that is known and not read.
    """
    if not data.strip(b"\0 \r\n\t"):
        raise UnreadableFile("the file is empty", where=path)
    head = data[:64]
    if head.startswith(b"glTF"):
        return "glb"
    if head.startswith((b"ply\n", b"ply\r")):
        return "ply"
    if head.startswith(b"PXR-USDC"):
        return "usdc"
    if head.startswith(b"#usda"):
        return "usda"
    if head.startswith(b"PK") and (packed := _in_package(data)) is not None:
        return packed
    if header_of(data[:4096], path) is not None:
        return "fbx"
    if head.startswith(b"version https://git-lfs"):
        raise UnreadableFile("a Git LFS pointer", where=path, remedy="Run `git lfs pull`")
    for start, what in _FOREIGN:
        if head.startswith(start):
            raise UnsupportedFormat(
                f"{what}, which is not read here", where=path, remedy="Export it as GLB"
            )
    if is_binary(data) or head.lstrip()[:5].lower() == b"solid":
        return "stl"
    if head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{"):
        return "gltf"
    suffix = path.suffix.lower() if path is not None else ""
    if suffix == ".stl":
        return "stl"
    if b"\0" not in data[:4096] and (suffix == ".obj" or _OBJ_LINE.search(data, 0, 65536)):
        return "obj"
    raise UnreadableFile(
        "no mesh format that is known",
        where=path,
        remedy=f"Readable are {', '.join(FORMATS)}",
    )


def _in_package(data: bytes) -> str | None:
    """`3mf` or `usdz` where a ZIP archive is one."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            names = package.namelist()
    except (zipfile.BadZipFile, ValueError, OSError):
        return None
    if any(name.lower().endswith(".model") for name in names) and "_rels/.rels" in names:
        return "3mf"
    layers = (".usd", ".usda", ".usdc")
    return "usdz" if any(PurePosixPath(name).suffix in layers for name in names) else None


def _read(data: bytes, kind: str, title: str, path: Path | None) -> tuple[str, Iterable[Piece]]:
    """The name of the whole and its pieces."""
    if kind in ("glb", "gltf"):
        document = open_document(data, kind, path)
        return document.title(title), document.pieces()
    if kind in ("usda", "usdc", "usdz"):
        return title, read_usd(data, f".{kind}", title, path)
    readers: dict[str, Callable[[bytes, str, Where], Iterator[Piece]]] = {
        "obj": read_obj,
        "ply": read_ply,
        "stl": read_stl,
        "fbx": read_fbx,
        "3mf": read_3mf,
    }
    return title, readers[kind](data, title, path)


def open_document(data: bytes, kind: str, path: Path | None = None) -> Gltf:
    """The document of a `glb` or `gltf`, with the buffers that lie beside it.

    Raises:
        UnreadableFile, UnsupportedFormat, TooLarge: it is not sound glTF 2.0.
    """
    outside = _Neighbours(path)
    if kind == "glb":
        return open_glb(data, path, outside)
    if len(data) > _MOST_JSON:
        raise TooLarge(f"a glTF document of more than {_MOST_JSON} bytes", where=path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"not UTF-8: {error}", where=path) from error
    document = json_text.loads(text, None if path is None else str(path))
    if not isinstance(document, dict) or not isinstance(document.get("asset"), dict):
        raise UnreadableFile("a JSON text that is no glTF document", where=path)
    return Gltf(document, memoryview(b""), path, outside)


class _Neighbours:
    """Buffers of a glTF document: data URIs, and files beside it by their plain names."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def __call__(self, uri: str) -> bytes:
        if uri.startswith("data:"):
            head, _, body = uri.partition(",")
            try:
                if head.endswith(";base64"):
                    return base64.b64decode(body, validate=True)
            except (binascii.Error, ValueError):
                pass
            raise UnreadableFile("a data URI that is not base64", where=self._path)
        name = urllib.parse.unquote(uri)
        plain = name and not re.search(r"[/\\:\0]", name) and name not in (".", "..")
        if self._path is None or not plain:
            raise UnsupportedFormat(
                f"its geometry lies in {name[:80]!r}, which is not opened",
                where=self._path,
                remedy="Put the buffer beside the .gltf file, or export it as one GLB",
            )
        beside = self._path.parent / name
        if beside.is_symlink():
            raise UnsupportedFormat("a link, which is not followed", where=beside)
        return read_file(beside)


def _stated(pieces: Iterable[Piece], up: str, metres: float) -> Iterator[Piece]:
    """The pieces in metres and Y up, from what the caller says of a bare format."""
    for piece in pieces:
        own = piece.vertices
        vertices = np.stack([own[:, 0], own[:, 2], -own[:, 1]], axis=1) if up == "z" else own
        yield replace(piece, vertices=vertices * metres if metres != 1.0 else vertices)


def _meant(piece: Piece) -> Piece:
    """The piece with its class, where words say it and the file does not."""
    if piece.semantic:
        return piece
    return replace(piece, semantic=semantic_of(piece.name, piece.material))
