"""OBJ, STL and FBX: meshes whose formats have no place for a memory.

They are recognised only to say how they are taken in: `gm convert` makes a GLB that carries
the memory and names the original by its hash.
"""

from __future__ import annotations

import re
from pathlib import PurePath

from gm_assets.errors import UnsupportedFormat

#: Common names by suffix; binary STL is known by its length, which first bytes do not tell.
BARE: dict[str, str] = {".obj": "OBJ", ".stl": "STL", ".fbx": "FBX"}

_FBX = re.compile(rb"Kaydara FBX|(?:\xef\xbb\xbf)?;\s*FBX\s")
_STL = re.compile(rb"\s*solid\b", re.IGNORECASE)
_OBJ = re.compile(rb"^[ \t]*(?:v|vn|vt|f|o|g|mtllib|usemtl)[ \t]+[^\0]", re.MULTILINE)


def refused(head: bytes, where: str | None = None) -> UnsupportedFormat | None:
    """The error that names such a mesh and the command that takes it in; None for other files.

    Args:
        head: the first bytes.
        where: the file; its suffix counts only where the bytes say nothing.
    """
    named = BARE.get(PurePath(where).suffix.lower()) if where else None
    if _FBX.match(head):
        kind = "FBX"
    elif _STL.match(head):
        kind = "STL"
    elif b"\0" not in head and _OBJ.search(head):
        kind = "OBJ"
    elif named is None:
        return None
    else:
        return UnsupportedFormat(
            f"by its name it is {named}, which cannot carry a memory",
            where=where,
            remedy=_remedy(where),
        )
    return UnsupportedFormat(f"{kind} cannot carry a memory", where=where, remedy=_remedy(where))


def _remedy(where: str | None) -> str:
    return f"Make a GLB of it that can: gm convert {PurePath(where).name if where else 'FILE'}"
