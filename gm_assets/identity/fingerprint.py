"""`identify`: everything that can be known of a file from one read of it.

Specification: the schemes of `streams` (st1), `samples` (px1), `perceptual` (ph1), `models`
(as1) and `geometry` (ge1). What a file is, its content says; a name that says otherwise is
noted and changes nothing.

Safe in threads and processes: nothing global is set. hashlib and Pillow's decoders release the
interpreter lock; `docs/identity.md` has the measured scaling of both kinds of pool.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gm_assets import containers
from gm_assets.containers.sealed import SEALED, stated_size
from gm_assets.errors import MemoryConflict, NotFound, SealedFormat, TooLarge, UnreadableFile
from gm_assets.identity.bounds import MAX_FILE_BYTES
from gm_assets.identity.decode import decode
from gm_assets.identity.models import ASSET_SCHEME, model_hashes
from gm_assets.identity.perceptual import PERCEPTUAL_SCHEME
from gm_assets.identity.samples import PIXEL_SCHEME
from gm_assets.identity.streams import STREAM_SCHEME, stream_hash

if TYPE_CHECKING:
    from gm_assets.memory.record import Written


@dataclass(frozen=True, slots=True)
class Identity:
    """What a file is. Hashes are 64 lower-case hex digits, the perceptual one 16.

    Attributes:
        format: a key of `containers.CONTAINERS`, or of `SEALED` where files are never written.
            kind: 'image' or 'model'.
        size: bytes. file_hash: SHA-256 of all of them.
        content_id: the typed key of the content: `px:<pixel_hash>:<W>x<H>`,
            `as:<asset_hash>`, `st:<stream_hash>` where samples have no canonical form, or
            `fi:<file_hash>` of files that are never written.
        stream_hash: images only (`st1`).
        pixel_hash, pixel_layout: images (`px1`); where None, `no_pixel_reason` says why.
        width, height: pixels as stored, before orientation; of a sealed format as its header
            states them, where it does. frames: 1, or more if animated.
        lossy: whether the samples depend on the decoder; `decoder` then names it (also for
            animations, whose frames it composes).
        orientation: EXIF, 1 to 8. icc_sha256: of the decompressed ICC profile.
        asset_hash, geometry_hash: 3D (`as1`, `ge1`); where the latter is None,
            `no_geometry_reason` says why.
        packet: the raw memory packet met on the way.
        notes: what is unusual but no error, e.g. a name with another format's suffix.
    """

    format: str
    kind: str
    size: int
    file_hash: str
    content_id: str
    stream_hash: str | None = None
    stream_scheme: str | None = None
    pixel_hash: str | None = None
    pixel_scheme: str | None = None
    pixel_layout: str | None = None
    no_pixel_reason: str | None = None
    width: int | None = None
    height: int | None = None
    frames: int = 1
    lossy: bool = False
    decoder: str | None = None
    orientation: int | None = None
    icc_sha256: str | None = None
    perceptual_hash: str | None = None
    perceptual_scheme: str | None = None
    asset_hash: str | None = None
    asset_scheme: str | None = None
    geometry_hash: str | None = None
    no_geometry_reason: str | None = None
    packet: bytes | None = None
    notes: tuple[str, ...] = ()

    def written(self) -> Written:
        """The identity in the form that a memory keeps (`gm_assets.memory.record`)."""
        from gm_assets.memory.record import Written

        return Written(
            content_id=self.content_id,
            pixel_hash=self.pixel_hash,
            pixel_scheme=self.pixel_scheme,
            stream_hash=self.stream_hash,
            stream_scheme=self.stream_scheme,
            asset_hash=self.asset_hash,
            asset_scheme=self.asset_scheme,
            geometry_hash=self.geometry_hash,
            perceptual_hash=self.perceptual_hash,
            perceptual_scheme=self.perceptual_scheme,
            width=self.width,
            height=self.height,
            orientation=self.orientation,
            icc_sha256=self.icc_sha256,
            decoder=self.decoder,
        )


def identify(path: str | os.PathLike[str]) -> Identity:
    """Read a file once and hash everything.

    Raises:
        NotFound: there is no such file.
        UnreadableFile: not a regular file, not permitted, truncated, damaged or lying.
        UnsupportedFormat: another format; the message names it where it is known.
        TooLarge: beyond the bounds of `bounds.py`.
        MemoryConflict: the file was changed while it was read.
    """
    return identify_bytes(read_file(path), os.fspath(path))


def identify_bytes(data: bytes, where: str | None = None) -> Identity:
    """The identity of a file's bytes; `where` is its name for messages and notes.

    Raises:
        UnreadableFile, UnsupportedFormat, TooLarge: as `identify`.
    """
    try:
        layout = containers.parse(data, where)
    except SealedFormat as sealed:
        return _sealed(data, sealed.format, where)
    file_hash = hashlib.sha256(data).hexdigest()
    suffixes = containers.container(layout.format).suffixes
    notes = layout.notes + _name_note(layout.format.upper(), suffixes, where)
    if containers.is_model(layout.format):
        model = model_hashes(data, where, layout=layout)
        return Identity(
            format=layout.format,
            kind="model",
            size=len(data),
            file_hash=file_hash,
            content_id=f"as:{model.asset_hash}",
            asset_hash=model.asset_hash,
            asset_scheme=ASSET_SCHEME,
            geometry_hash=model.geometry_hash,
            no_geometry_reason=model.no_geometry_reason,
            packet=layout.packet,
            notes=notes,
        )
    decoded = decode(data, layout, where)
    stream = stream_hash(data, layout)
    pixels = decoded.pixels
    size = f"{decoded.width}x{decoded.height}"
    return Identity(
        format=layout.format,
        kind="image",
        size=len(data),
        file_hash=file_hash,
        content_id=f"px:{pixels.hexdigest}:{size}" if pixels else f"st:{stream}",
        stream_hash=stream,
        stream_scheme=STREAM_SCHEME,
        pixel_hash=pixels.hexdigest if pixels else None,
        pixel_scheme=PIXEL_SCHEME if pixels else None,
        pixel_layout=pixels.layout if pixels else None,
        no_pixel_reason=decoded.reason,
        width=decoded.width,
        height=decoded.height,
        frames=decoded.frames,
        lossy=layout.lossy,
        decoder=decoded.decoder,
        orientation=layout.exif_orientation,
        icc_sha256=hashlib.sha256(layout.icc).hexdigest() if layout.icc else None,
        perceptual_hash=decoded.perceptual,
        perceptual_scheme=PERCEPTUAL_SCHEME if decoded.perceptual else None,
        packet=layout.packet,
        notes=notes,
    )


def _sealed(data: bytes, format: str, where: str | None) -> Identity:
    """The identity of a file that is never written: its bytes, whatever could decode them here."""
    known = SEALED[format]
    width, height = stated_size(data, format, where) or (None, None)
    file_hash = hashlib.sha256(data).hexdigest()
    by_hash = f"{known.title} files are known by their file hash, not by their"
    is_image = known.kind == "image"
    return Identity(
        format=format,
        kind=known.kind,
        size=len(data),
        file_hash=file_hash,
        content_id=f"fi:{file_hash}",
        no_pixel_reason=f"{by_hash} pixels" if is_image else None,
        no_geometry_reason=None if is_image else f"{by_hash} geometry",
        width=width,
        height=height,
        notes=_name_note(known.title, known.suffixes, where),
    )


def read_file(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a regular file that nobody changed meanwhile. Raises as `identify`."""
    where = os.fspath(path)
    try:
        # O_NONBLOCK: opening a named pipe must not wait for a writer that never comes.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound("there is no such file", where=where) from None
    except OSError as error:
        raise UnreadableFile.refused(error, where) from None
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise UnreadableFile.no_file(where)
        if before.st_size > MAX_FILE_BYTES:
            raise TooLarge(
                f"{before.st_size:,} bytes, more than the {MAX_FILE_BYTES:,} that are read",
                where=where,
            )
        with open(descriptor, "rb", buffering=0, closefd=False) as file:
            data = file.readall()
        after = os.fstat(descriptor)
    except OSError as error:
        raise UnreadableFile.refused(error, where) from None
    finally:
        os.close(descriptor)
    if len(data) != before.st_size or _state(before) != _state(after):
        raise MemoryConflict(
            "the file was changed while it was read",
            where=where,
            remedy="Read it again when its writer has finished",
        )
    return data


def _state(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _name_note(title: str, suffixes: tuple[str, ...], where: str | None) -> tuple[str, ...]:
    suffix = Path(where).suffix.lower() if where else ""
    if not suffix or suffix in suffixes:
        return ()
    return (f"named {suffix}, but its content is {title}",)
