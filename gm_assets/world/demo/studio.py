"""How the demo keeps its files: who made them, and their encoding.

Documents are named by their recipe, so a second build of the same world gives the same ids;
times are those of the build.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import gm_assets
from gm_assets.library.encoders import Embedder
from gm_assets.making.keeping import Keeper, Maker
from gm_assets.world.names import CREATOR, RIGHTS

TOOL = f"gm_assets world {gm_assets.__version__} (procedural)"
MAKER = Maker(
    generator="gm_assets.world",
    tool=TOOL,
    creators=(CREATOR,),
    rights=RIGHTS,
    keywords=("Gothic Mechanica", "procedural"),
)


def studio(
    root: Path,
    domain: str,
    chain: str,
    subject: str,
    when: str,
    embedder: Embedder | None = None,
) -> Keeper:
    """What keeps the files of one chain, below `<domain>/<chain>/`.

    Args:
        root: the library's folder.
        domain, subject: vocabulary ids of what the chain shows.
        when: ISO 8601 time that memories name as their creation.
    """
    # A build that goes on after a stop makes the first take again before the revised one.
    return Keeper(root, f"{domain}/{chain}", MAKER, when, domain, subject, embedder, replaces=True)


# ------------------------------------------------------------------ encoding


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
