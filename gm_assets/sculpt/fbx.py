"""FBX, binary and ASCII: the meshes of a scene, in metres and Y up (extra `fbx`).

FBX has no public specification. Its meshes are read by Assimp (BSD-3-Clause) through the
package `assimp-py` (MIT), which heeds the unit and the axes that the file states. Assimp is
native code and the file may be anybody's, so it is read by a process of its own with bounds on
memory, time and output: what brings that process down is an answer, not the end of this one.

What the file says of itself, its first bytes, is read here and needs no package.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gm_assets.errors import GmError, MissingExtra, TooLarge, UnreadableFile, UnsupportedFormat
from gm_assets.sculpt.pieces import MOST_PARTS, MOST_TRIANGLES, Piece, Where, clean_name
from gm_assets.sculpt.shading import places

#: How a binary file begins; a version in four bytes, little-endian, follows.
MAGIC = b"Kaydara FBX Binary  \0\x1a\0"
#: Versions that are read: FBX 7.1 (FBX SDK 2011) and later 7s.
VERSIONS = (7100, 7999)
#: Bounds on the process that reads: bytes of memory and of output, and seconds.
MOST_MEMORY = 6 * 1024**3
MOST_OUTPUT = 2 * 1024**3
MOST_SECONDS = 600

_ASCII = re.compile(rb"\A(?:\xef\xbb\xbf)?;\s*FBX\s+(\d{1,2})\.(\d{1,2})")
_STATED = re.compile(rb"^\s*FBXVersion:\s*(\d{1,6})\s*$", re.MULTILINE)
_HEAD = 4096
_REMEDY = "Export the model as GLB from the program that made it, or as FBX 7.4 (2014) or later"
#: What Assimp appends to the names of the nodes that it makes for pivots.
_PIVOT = "_$AssimpFbx$"
#: The material that it gives to meshes without one.
_NONE = "DefaultMaterial"
_BROKEN, _LARGE = 3, 4


@dataclass(frozen=True)
class Header:
    """What the first bytes of an FBX file say.

    Attributes:
        version: as the file writes it, e.g. 7400 for FBX 7.4.
        binary: False for ASCII.
    """

    version: int
    binary: bool

    def __str__(self) -> str:
        kind = "binary" if self.binary else "ASCII"
        return f"{kind} FBX {self.version // 1000}.{self.version // 100 % 10}"


def header_of(head: bytes, where: Where = None) -> Header | None:
    """The header of an FBX file from its first 4,096 bytes, or None where it is none.

    Raises:
        UnreadableFile: it begins like FBX and does not go on so.
    """
    if head.startswith(b"Kaydara FBX"):
        if not head.startswith(MAGIC) or len(head) < len(MAGIC) + 4:
            raise UnreadableFile(
                "it begins like binary FBX, and its header is damaged or cut short",
                where=where,
                remedy="Get the file again",
            )
        return Header(struct.unpack_from("<I", head, len(MAGIC))[0], True)
    if (titled := _ASCII.match(head)) is None:
        return None
    stated = _STATED.search(head, 0, _HEAD)
    version = int(stated[1]) if stated else int(titled[1]) * 1000 + int(titled[2]) * 100
    return Header(version, False)


def read_fbx(data: bytes, name: str, where: Where = None) -> Iterator[Piece]:
    """One piece for every mesh of the scene and each of its materials, where the scene puts it.

    Skinned meshes are read in the pose of their binding; shape keys and animation are not.

    Raises:
        UnreadableFile: damaged, cut short, or it brings the reader down.
        UnsupportedFormat: a version that is not read.
        MissingExtra: `assimp-py` is not installed.
        TooLarge: it takes more time or memory than allowed, or holds too many triangles.
    """
    header = header_of(data[:_HEAD], where)
    if header is None:
        raise UnreadableFile("no FBX file", where=where)
    if not 1000 <= header.version < 10_000:
        raise UnreadableFile(
            f"its header states version {header.version}, which no FBX has",
            where=where,
            remedy="Get the file again, or export it as GLB",
        )
    if not VERSIONS[0] <= header.version <= VERSIONS[1]:
        raise UnsupportedFormat(
            f"{header}; readable are 7.1 and later 7s", where=where, remedy=_REMEDY
        )
    if importlib.util.find_spec("assimp_py") is None:
        missing = MissingExtra.of("assimp-py", "fbx")
        raise MissingExtra(
            f"{header} is read with the package assimp-py, which is not installed",
            where=where,
            remedy=f"{missing.remedy}, or export the model as GLB",
        )
    with tempfile.TemporaryDirectory(prefix="gm-fbx-") as folder:
        source, target = Path(folder, "scene.fbx"), Path(folder, "scene.npz")
        source.write_bytes(data)
        _run(source, target, header, where)
        with np.load(target, allow_pickle=False) as found:
            vertices, faces, counts = found["vertices"], found["faces"], found["counts"]
            labels = json.loads(found["labels"].tobytes())
    at_vertex = at_face = 0
    for (n, m), (label, material) in zip(counts.tolist(), labels, strict=True):
        yield _welded(
            clean_name(label, name),
            clean_name(material, ""),
            vertices[at_vertex : at_vertex + n],
            faces[at_face : at_face + m],
        )
        at_vertex, at_face = at_vertex + n, at_face + m


def _welded(name: str, material: str, own: NDArray[np.float64], faces: NDArray) -> Piece:
    """A piece whose vertices are joined where they coincide; Assimp has one for every corner."""
    if not len(own) or not np.isfinite(own).all():
        return Piece(name, "", material, own, faces)
    place = places(own.astype(np.float32))
    first = np.unique(place, return_index=True)[1]
    return Piece(name, "", material, own[first], place[faces])


def _run(source: Path, target: Path, header: Header, where: Where) -> None:
    """Read `source` in a process of its own, which writes `target`."""
    # The other process imports from where this one does (a checkout, PYTHONPATH, the user's
    # packages); -P: and not from its working folder.
    paths = os.pathsep.join(path for path in sys.path if Path(path).is_absolute())
    command = [sys.executable, "-P", "-m", "gm_assets.sculpt.fbx", str(source), str(target)]
    try:
        done = subprocess.run(
            command, cwd=source.parent, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=MOST_SECONDS, env={**os.environ, "PYTHONPATH": paths},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise TooLarge(
            f"{header}: not read within {MOST_SECONDS} seconds", where=where, remedy=_REMEDY
        ) from None
    if done.returncode == 0 and target.is_file():
        return
    said = clean_name(done.stderr[-2000:].decode("utf-8", "replace").strip().split("\n")[-1], "")
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL, _LARGE):
        raise TooLarge(f"{header}: {said or 'too large'}", where=where, remedy=_REMEDY)
    if done.returncode < 0:
        said = f"the reader did not survive it (signal {-done.returncode})"
    elif done.returncode != _BROKEN:  # not the file's fault
        raise GmError(f"{header}: its reader ended with: {said}", where=where, remedy=_REMEDY)
    raise UnreadableFile(f"damaged {header}: {said}", where=where, remedy=_REMEDY)


# ------------------------------------------------------------- in a process of its own


def _main(source: str, target: str) -> int:
    """Read one file and write its triangles; the exit code says how it went."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_OUTPUT, MOST_OUTPUT))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    import assimp_py

    flags = (
        assimp_py.Process_Triangulate
        | assimp_py.Process_SortByPType
        | assimp_py.Process_GlobalScale  # to metres, from the unit that the file states
    )
    try:
        _write(assimp_py.import_file(source, flags), target)
    except _TooMany:
        print(f"more than {MOST_TRIANGLES:,} triangles or {MOST_PARTS:,} parts", file=sys.stderr)
        return _LARGE
    except MemoryError:
        print(f"more than {MOST_MEMORY >> 30} GiB of memory are needed", file=sys.stderr)
        return _LARGE
    except (RuntimeError, ValueError, IndexError) as error:
        reason = str(error).rpartition(f"'{source}':")[2].strip()
        print(reason or "Assimp gives no reason", file=sys.stderr)
        return _BROKEN
    return 0


class _TooMany(Exception):
    """The scene shows more than is read; few meshes may be shown many times."""


def _write(scene: Any, target: str) -> None:
    vertices, faces = [np.zeros((0, 3))], [np.zeros((0, 3), np.uint32)]
    counts: list[tuple[int, int]] = []
    labels: list[tuple[str, str]] = []
    triangles = 0
    waiting: list[tuple[Any, NDArray]] = [(scene.root_node, np.eye(4))]
    while waiting:
        node, above = waiting.pop()
        to_world = above @ np.asarray(node.transformation, np.float64).reshape(4, 4)
        for number in node.mesh_indices:
            mesh = scene.meshes[number]
            if mesh.num_indices != 3 * mesh.num_faces:
                continue  # points or lines
            triangles += mesh.num_faces
            if triangles > MOST_TRIANGLES or len(counts) >= MOST_PARTS:
                raise _TooMany
            own = np.asarray(mesh.vertices, np.float64).reshape(-1, 3)
            corners = np.asarray(mesh.indices, np.uint32).reshape(-1, 3)
            mirrored = np.linalg.det(to_world[:3, :3]) < 0
            vertices.append(own @ to_world[:3, :3].T + to_world[:3, 3])
            faces.append(corners[:, ::-1] if mirrored else corners)
            counts.append((len(own), len(corners)))
            material = str(scene.materials[mesh.material_index].get("NAME", ""))
            label = str(node.name or mesh.name).split(_PIVOT)[0]
            labels.append((label, "" if material == _NONE else material))
        waiting += [(child, to_world) for child in reversed(node.children)]
    np.savez(
        target,
        vertices=np.concatenate(vertices),
        faces=np.concatenate(faces),
        counts=np.array(counts, np.int64).reshape(-1, 2),
        labels=np.frombuffer(json.dumps(labels).encode(), np.uint8),
    )


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:3]))
