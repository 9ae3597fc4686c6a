"""How OBJ, STL and FBX files are told: meshes whose formats have no place for a memory.

The content decides. OBJ and STL have no signature: an OBJ file is told by a line that only it
has, a binary STL file by its length. A name counts only where the first bytes leave it open, as
those of an OBJ file do that begins with a long comment.
"""

from __future__ import annotations

import re
import struct
from pathlib import PurePath

_FBX = re.compile(rb"Kaydara FBX|;\s*FBX\s")
_SOLID = re.compile(rb"\s*solid\b", re.IGNORECASE)
_STL = re.compile(rb"\s*solid\b[^\n]*\n\s*(?:facet|endsolid)\b", re.IGNORECASE)
_OBJ = re.compile(
    rb"^[ \t]*(?:v[ntp]?(?:[ \t]+[-+]?[.\d]+(?:[eE][-+]?\d+)?){2}"
    rb"|f(?:[ \t]+-?\d[-\d/]*){3}|(?:mtllib|usemtl)[ \t]+\S)",
    re.MULTILINE,
)
#: Lines of an OBJ file that other texts have as well: none, comments, names of groups.
_QUIET = re.compile(rb"[ \t]*(?:#.*|[ogs](?:[ \t].*)?)?")

#: Bytes of a binary STL file before its triangles, and of one triangle.
STL_HEADER, STL_TRIANGLE = 84, 50
#: Why a file is not what its name says.
_NOT: dict[str, str] = {
    ".obj": "OBJ, but its first lines are not those of an OBJ file",
    ".stl": "STL, but it is neither an ASCII STL nor as long as a binary one says that it is",
    ".fbx": "FBX, but it does not begin like an FBX file",
}


def bare_of(head: bytes, size: int | None = None, where: str | None = None) -> str | None:
    """`obj`, `stl` or `fbx`, where a file is one of these.

    Args:
        head: its first 512 bytes.
        size: how many bytes it has; where that is not known, no binary STL is told.
        where: its name.
    """
    text = head.removeprefix(b"\xef\xbb\xbf").replace(b"\r", b"\n")
    suffix = PurePath(where).suffix.lower() if where else ""
    if _FBX.match(text):
        return "fbx"
    if size is not None and is_binary_stl(head, size):
        return "stl"
    if b"\0" in head:
        return None
    if _STL.match(text) or (suffix == ".stl" and _SOLID.match(text)):
        return "stl"
    if _OBJ.search(text) or (suffix == ".obj" and _is_quiet(text, len(head) == size)):
        return "obj"
    return None


def is_binary_stl(head: bytes, size: int) -> bool:
    """Whether a file has as many bytes as the number of triangles in its header demands."""
    if len(head) < STL_HEADER:
        return False
    (triangles,) = struct.unpack_from("<I", head, STL_HEADER - 4)
    return bool(size == STL_HEADER + STL_TRIANGLE * triangles)


def misnamed(where: str | None) -> str | None:
    """What is wrong with a file of that name that is no mesh; None for names of other formats."""
    return _NOT.get(PurePath(where).suffix.lower()) if where else None


def _is_quiet(text: bytes, whole: bool) -> bool:
    """Whether the lines leave open what they are; the last is cut off unless the text is whole."""
    lines = text.split(b"\n")
    if not whole and len(lines) > 1:
        lines = lines[:-1]
    return bool(text.strip()) and all(_QUIET.fullmatch(line) for line in lines)
