"""Thumbnails: small WebP pictures of contents, for pages and for Dagster.

They show, and prove nothing: the EXIF orientation is applied, 16-bit samples are stretched to
what a screen shows, alpha is kept. A mesh is rendered as clay, Gaussian splats as they are.
Thumbnails lie in `.gm/thumbs` by content and size and can be deleted at any time.
"""

from __future__ import annotations

import io
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gm_assets.containers import is_model, is_sealed
from gm_assets.errors import GmError, LibraryError, NotFound, UnreadableFile
from gm_assets.library.folder import stored
from gm_assets.memory.files import Signature
from gm_assets.memory.record import CONTENT_ID

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    from gm_assets.containers import Layout
    from gm_assets.library.library import Library

MIN_SIZE, MAX_SIZE = 16, 2048
#: Quality of the WebP: a 256-pixel thumbnail takes about 10 kB.
QUALITY = 82
#: The EXIF tag of the orientation.
ORIENTATION = 274


def thumbnail(library: Library, content_id: str, size: int = 256) -> Path:
    """The path of a thumbnail, made if it is not there yet.

    Libraries that were opened read-only get thumbnails too, as long as the state folder can
    be written.

    Args:
        content_id: of a content that the store knows.
        size: pixels of the longer side, 16 to 2048. Small pictures are not enlarged.

    Raises:
        NotFound: no file of the library holds that content now.
        UnreadableFile: its file cannot be shown.
        UnsupportedFormat: nothing here decodes its format (HEIC, camera raw).
        LibraryError: the thumbnail cannot be written.
        ValueError: not a content id, or a size out of bounds.
    """
    if not CONTENT_ID.match(content_id):
        raise ValueError(f"{content_id!r} is not a content id")
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise ValueError(f"size {size} is not between {MIN_SIZE} and {MAX_SIZE}")
    kind, digest = content_id.split(":")[:2]
    target = library.thumbs / digest[:2] / f"{kind}-{digest}-{size}.webp"
    if not target.exists():
        _save(target, _draw(library, content_id, size))
    return target


def _draw(library: Library, content_id: str, size: int) -> Image.Image:
    """A picture of the first file that holds the content and can be shown."""
    reason: GmError = NotFound(
        "no file of the library holds that content",
        where=content_id,
        remedy="Ingest the library again if files were added",
    )
    for path, format, signature in _files_with(library, content_id):
        full = library.root / path
        try:
            data = _unchanged(full, signature, content_id)
            if data is None:
                continue
            return _drawn(data, format, full, size)
        except GmError as error:
            reason = error if error.where else type(error)(error.what, where=full)
        except Exception as error:
            reason = UnreadableFile(f"it cannot be shown ({error})", where=full)
    raise reason


def _drawn(data: bytes, format: str, full: Path, size: int) -> Image.Image:
    """A picture of a file of a format, at most `size` pixels on its longer side."""
    if is_model(format):
        return _model(data, format, size)
    if is_sealed(format):
        from gm_assets.identity.sealed import opened

        return _scaled(opened(data, format, os.fspath(full)), size)
    return _picture(data, full, size)


def _files_with(library: Library, content_id: str) -> list[tuple[str, str, Signature]]:
    rows = (
        library.catalogue()
        .execute(
            "select path, format, size, mtime_ns, ctime_ns, inode from files "
            "where content_id = ? order by path limit 8",
            [content_id],
        )
        .fetchall()
    )
    return [(path, format, Signature(*signature)) for path, format, *signature in rows]


def _unchanged(full: Path, signature: Signature, content_id: str) -> bytes | None:
    """The bytes of a file that still holds the content that the store knows, else None.

    A thumbnail is kept under its content's name, so an edited file must not sit for it; nor
    may a link that has taken the file's place. A file whose signature alone is another, as
    after `chmod -R` or a restored backup, is identified again.
    """
    from gm_assets.identity import identify_bytes, read_file

    try:
        status = full.lstat()
        if not stat.S_ISREG(status.st_mode):
            return None
        data = read_file(full)
        if Signature.of(full.lstat()) != Signature.of(status):
            return None
    except (FileNotFoundError, NotFound):
        return None
    if stored(Signature.of(status)) == signature:
        return data
    with suppress(GmError):
        return data if identify_bytes(data, os.fspath(full)).content_id == content_id else None
    return None


def _picture(data: bytes, full: Path, size: int) -> Image.Image:
    """The first frame of an image, upright, at most `size` pixels on its longer side."""
    from gm_assets.containers import parse
    from gm_assets.identity.bounds import check_raster

    layout = parse(data, os.fspath(full))
    check_raster(layout, os.fspath(full))
    image = _open(data, layout, os.fspath(full))
    # JPEG decoders can decode at a half, a quarter or an eighth of the size.
    image.draft("RGB", (size * 2, size * 2))
    return _scaled(image, size)


def _scaled(image: Image.Image, size: int) -> Image.Image:
    """An opened image in eight bits, upright, at most `size` pixels on its longer side."""
    from PIL import Image, ImageOps

    shown = _eight_bit(image)
    shown.thumbnail((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return ImageOps.exif_transpose(shown)


def _open(data: bytes, layout: Layout, where: str) -> Image.Image:
    """Open with the decoder of the sniffed format: `check_raster` has bounded the size."""
    from PIL import JpegImagePlugin, PngImagePlugin, WebPImagePlugin

    file = io.BytesIO(data)
    if layout.format == "png":
        return PngImagePlugin.PngImageFile(file)
    if layout.format == "jpeg":
        return JpegImagePlugin.JpegImageFile(file)
    if layout.format in ("tiff", "exr"):
        from gm_assets.identity.shown import opened

        image = opened(data, layout, where)
        if layout.exif_orientation is not None:
            turned = image.getexif()
            turned[ORIENTATION] = layout.exif_orientation
            image.info["exif"] = turned.tobytes()
        return image
    return WebPImagePlugin.WebPImageFile(file)


def _eight_bit(image: Image.Image) -> Image.Image:
    """The image as RGB or RGBA; deep grey samples (depth passes) stretched to their range."""
    import numpy as np
    from PIL import Image

    if image.mode.startswith(("I", "F")):
        shown = Image.fromarray(_stretched(np.asarray(image, np.float64)))
        shown.info.update(image.info)
        return shown.convert("RGB")
    see_through = image.has_transparency_data
    converted = image.convert("RGBA" if see_through else "RGB")
    converted.info.update(image.info)  # the orientation is applied after scaling
    return converted


def _stretched(samples: np.ndarray) -> np.ndarray:
    """Samples stretched so that the 0.5 to 99.5 % percentiles fill eight bits."""
    import numpy as np

    # Nothing (0) and infinitely far (the maximum) say nothing about the range between.
    inside = samples[(samples > samples.min()) & (samples < samples.max())]
    low, high = np.percentile(inside if inside.size else samples, (0.5, 99.5))
    scaled = (samples - low) / max(float(high - low), 1e-12)
    return (np.clip(scaled, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


def _model(data: bytes, format: str, size: int) -> Image.Image:
    """A clay render of a mesh, or Gaussian splats as they are."""
    import numpy as np
    from PIL import Image

    from gm_assets.lifting.formats import splats_in
    from gm_assets.lifting.splats.showing import portrait
    from gm_assets.sculpt.cameras import frame
    from gm_assets.sculpt.clay import clay
    from gm_assets.sculpt.rays import Scene
    from gm_assets.sculpt.reading import read_sculpt

    if (splats := splats_in(data, format)) is not None:
        return Image.fromarray(portrait(splats, size))
    sculpt = read_sculpt(data, format)
    points = np.concatenate([part.vertices for part in sculpt.parts])
    return Image.fromarray(clay(Scene(sculpt), frame(points), size, size))


def _save(target: Path, image: Image.Image) -> None:
    """Write the WebP so that nobody ever sees half of it; no sync, it can be made again."""
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        image.save(temporary, "WEBP", quality=QUALITY, method=4)
        temporary.replace(target)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise LibraryError(
            f"the thumbnail cannot be written ({error.strerror or error})",
            where=target.parent,
            remedy="Make .gm writable, or set GM_STATE to a folder that is",
        ) from None
