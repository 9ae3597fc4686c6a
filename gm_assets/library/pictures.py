"""Derived pictures: contact sheets and the like, kept for pages and for Dagster.

A picture lies in `.gm/pictures` under the SHA-256 of its bytes, so that what was shown once
stays what it was. The folder can be deleted at any time; an old event then shows its words
instead.
"""

from __future__ import annotations

import hashlib
import io
import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gm_assets.errors import LibraryError, NotFound

if TYPE_CHECKING:
    from PIL import Image

    from gm_assets.library.library import Library

FOLDER = "pictures"
#: Quality of the WebP.
QUALITY = 82
#: Pictures kept; the oldest go first.
KEPT = 400
#: WebP holds at most 16,383 pixels a side.
MAX_SIDE = 16_383

PICTURE_NAME = re.compile(r"[0-9a-f]{64}\Z")


def keep_picture(library: Library, image: Image.Image) -> str:
    """Keep a picture as WebP; returns its name, 64 hexadecimal digits.

    Raises:
        LibraryError: it cannot be written.
        ValueError: more than `MAX_SIDE` pixels wide or high.
    """
    if max(image.size) > MAX_SIDE:
        raise ValueError(f"{image.width} x {image.height} pixels are too many for a WebP")
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=QUALITY, method=2)
    data = buffer.getvalue()
    name = hashlib.sha256(data).hexdigest()
    target = _path(library, name)
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        temporary.replace(target)
        _remove_oldest(target.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise LibraryError(
            f"the picture cannot be written ({error.strerror or error})",
            where=target.parent,
            remedy="Make .gm writable, or set GM_STATE to a folder that is",
        ) from None
    return name


def kept_picture(library: Library, name: str) -> Path:
    """The path of a kept picture.

    Raises:
        ValueError: not the name of one.
        NotFound: it is not kept (any more).
    """
    if not PICTURE_NAME.match(name):
        raise ValueError(f"{name!r} is not the name of a picture")
    path = _path(library, name)
    if not path.is_file():
        raise NotFound(
            "no such picture is kept",
            where=name[:16],
            remedy="Materialize the asset that shows it again",
        )
    return path


def _path(library: Library, name: str) -> Path:
    return library.state / FOLDER / f"{name}.webp"


def _remove_oldest(folder: Path) -> None:
    """Keep the `KEPT` newest pictures; another process may be removing the same ones."""
    dated = []
    for path in folder.glob("*.webp"):
        with suppress(FileNotFoundError):
            dated.append((path.stat().st_mtime_ns, path))
    for _, path in sorted(dated)[:-KEPT]:
        with suppress(OSError):
            path.unlink()
