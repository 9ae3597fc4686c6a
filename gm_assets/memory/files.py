"""Memories in files: read one, write one, and prove that nothing else changed.

`read_memory` is the fast path of a rebuild: it reads headers and the packet, no pixels.
`write_memory` is the write sequence of `atomic.py` with the proof in the middle: the file as it
was read back must differ from the original in its memory and in nothing else.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

from gm_assets import containers
from gm_assets.containers import Buffer, Layout, json_text
from gm_assets.errors import InvalidMemory, UnreadableFile, WriteRefused
from gm_assets.memory import xmp, xmp_json
from gm_assets.memory.atomic import (
    Original,
    Signature,
    original,
    replace,
    replace_file,
    sweep,
    sync_folder,
    write_new,
)
from gm_assets.memory.record import Memory

#: Longer ids are no ids (`memory.record.XmpId`).
MAX_ID = 512

__all__ = [
    "Found",
    "Signature",
    "dump_packet",
    "foreign_document_id",
    "load_packet",
    "read_memory",
    "replace_file",
    "sweep",
    "sync_folder",
    "write_memory",
    "write_new",
]


@dataclass(frozen=True, slots=True)
class Found:
    """What a file says of itself, read without its pixels.

    Attributes:
        memory: the memory; None where the file holds none of ours.
        source: the packet it came from, or a foreign one, as it was found.
        format: a key of `containers.CONTAINERS`, by content.
        size: bytes in the file.
        signature: of the file at the time it was read.
        notes: what is unusual but not an error.
    """

    memory: Memory | None
    source: containers.Packet
    format: str
    size: int
    signature: Signature
    notes: tuple[str, ...]

    @property
    def packet(self) -> bytes | None:
        """The packet as bytes; None where there is none."""
        return self.source.data


def read_memory(path: str | os.PathLike[str]) -> Found:
    """Read the memory of a file: headers and packet only. Symbolic links are followed.

    Raises:
        UnreadableFile: gone, not permitted, empty, truncated where it was read, or no file.
        UnsupportedFormat: a format that carries no memory here.
        InvalidMemory: a packet that is no XMP, or a memory that breaks its definition.
        TooLarge: a packet beyond 4 MB.
    """
    where = os.fspath(path)
    file, status = _open(where)
    with file:
        try:
            packet = containers.find_packet(file, where)
        except OSError as error:
            raise UnreadableFile.refused(error, where) from error
    payload = packet.payload
    memory = None if payload is None else load_packet(packet.format, payload, where)
    return Found(
        memory=memory,
        source=packet,
        format=packet.format,
        size=status.st_size,
        signature=Signature.of(status),
        notes=packet.notes,
    )


def foreign_document_id(path: str | os.PathLike[str]) -> str | None:
    """The xmpMM:DocumentID that other programs gave a picture without a memory of ours.

    None for a file that has none, has a memory, cannot be read, or is a model. Reads headers.
    """
    where = os.fspath(path)
    try:
        file, _ = _open(where)
        with file:
            packet = containers.find_packet(file, where)
        data = packet.data
        if data is None or containers.is_model(packet.format) or xmp.load(data, where) is not None:
            return None
        found = xmp.document_id(data)
    except Exception:  # whatever a file holds: what is wrong with it, the ingest will say
        return None
    return found if found and len(found) <= MAX_ID else None


def _open(where: str) -> tuple[FileIO, os.stat_result]:
    """Open a regular file without buffer: the container readers ask for few, large blocks."""
    try:
        # Not blocking, since a named pipe would wait for a writer.
        descriptor = os.open(where, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise UnreadableFile.refused(error, where) from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise UnreadableFile.no_file(where)
    return FileIO(descriptor), status


def load_packet(
    format: str, packet: bytes | dict[str, Any], where: str | None = None
) -> Memory | None:
    """The memory in a packet as `format` carries it: XMP, or JSON-LD (parsed or not) in a model.

    Raises:
        InvalidMemory, TooLarge: as `xmp.load` and `xmp_json.load`.
    """
    if isinstance(packet, dict):
        return xmp_json.load(packet, where)
    if not containers.is_model(format):
        return xmp.load(packet, where)
    try:
        value = json.loads(packet)
    except (ValueError, RecursionError):
        raise InvalidMemory(
            "its memory is damaged: it is not the JSON that was written",
            where=where,
            remedy="Restore the file, or remove the damaged memory with a text editor",
        ) from None
    return xmp_json.load(value, where)


def dump_packet(format: str, memory: Memory, onto: bytes | None = None) -> bytes:
    """The packet of `memory` as `format` carries it, merged into `onto`.

    Raises:
        WriteRefused, InvalidMemory, TooLarge: as `xmp.dump` and `xmp_json.dump`.
    """
    if not containers.is_model(format):
        return xmp.dump(memory, onto)
    try:
        foreign = None if onto is None else json.loads(onto)
    except (ValueError, RecursionError):
        raise WriteRefused(
            "the memory that is already there is damaged and cannot be merged",
            remedy="Restore the file, or remove the damaged memory with a text editor",
        ) from None
    return json_text.dumps(xmp_json.dump(memory, foreign))


def write_memory(
    path: str | os.PathLike[str],
    memory: Memory,
    *,
    expected: Signature | None = None,
    break_credentials: bool = False,
    follow_symlinks: bool = False,
    folder_later: bool = False,
) -> Signature:
    """Write `memory` into a file; everything in it that is not ours stays as it is.

    Foreign XMP is merged. The new file is proven before it takes the old one's place: read
    back, its memory is the one given, its picture's bytes (stream hash; for a model all that the
    asset hash covers) and all bytes outside the memory are those of the original. The file's
    modification time becomes the time of the write; mode, owner and attributes stay.

    Args:
        expected: the signature of the file that `memory` was made for.
        break_credentials: write although C2PA credentials in the file become invalid.
        follow_symlinks: write to the file that a symbolic link leads to.
        folder_later: the caller syncs the folder when many files are written (`sync_folder`).

    Returns:
        The signature of the new file.

    Raises:
        WriteRefused: C2PA credentials, a newer memory, foreign XMP that cannot be merged, a
            packet that the format cannot carry, links, a read-only file, a full disk.
        MemoryConflict: the file is not the one of `expected`, changed meanwhile, or another of
            our writers holds it.
        UnsupportedFormat, UnreadableFile, InvalidMemory, TooLarge: the file or the memory is
            not sound. In every case the file is as it was.
    """
    with original(Path(path), expected=expected, follow_symlinks=follow_symlinks) as target:
        where = os.fspath(target.path)
        before, packet, buffers = _embedded(target, memory, break_credentials)

        def prove(data: bytes) -> None:
            after = containers.parse(data, where)
            if after.packet != packet:
                raise _unproven("the memory does not read back", where)
            if difference := _difference(target.data, before, data, after):
                raise _unproven(difference, where)

        return replace(target, buffers, prove, folder_later=folder_later)


def rehearse_memory(
    path: str | os.PathLike[str], memory: Memory, *, expected: Signature | None = None
) -> None:
    """Do all of `write_memory` but the write, so that a dry run says what would be refused.

    Raises:
        GmError: as `write_memory`. A disk that fills up and attributes that cannot be kept are
            seen only while writing.
    """
    with original(Path(path), expected=expected, rehearsal=True) as target:
        _embedded(target, memory, break_credentials=False)


def _embedded(
    target: Original, memory: Memory, break_credentials: bool
) -> tuple[Layout, bytes, list[Buffer]]:
    """The layout of a file, the packet that it gets, and the new file as buffers."""
    where = os.fspath(target.path)
    before = containers.parse(target.data, where)
    if before.has_c2pa and not break_credentials:
        raise WriteRefused(
            "the file carries C2PA credentials, which any write makes invalid",
            where=where,
            remedy="Say so with `gm place --break-credentials`, or use an unsigned copy",
        )
    packet = dump_packet(before.format, memory, before.packet)
    _check_reads_back(before.format, memory, packet, where)
    return before, packet, containers.embed(target.data, packet, where)


def _difference(old: bytes, before: Layout, new: bytes, after: Layout) -> str | None:
    return containers.container(before.format).difference(old, before, new, after)


def _unproven(what: str, where: str) -> WriteRefused:
    return WriteRefused(
        f"the new file could not be proven: {what}; nothing was changed",
        where=where,
        remedy="Please report this file",
    )


def _check_reads_back(format: str, memory: Memory, packet: bytes, where: str) -> None:
    """Refuse a packet from which `memory` does not come back.

    A packet merged with foreign XMP may say more: a title where ours is silent, events of
    other programs. It never says less.
    """
    back = load_packet(format, packet, where)
    if back is None:
        raise InvalidMemory("the memory does not read back from its packet", where=where)
    if back == memory:
        return
    for name in Memory.model_fields:
        given, read = getattr(memory, name), getattr(back, name)
        if given is None or given == () or given == read:
            continue
        # Frozen values hash by their fields; 10,000 events must not be compared pair by pair.
        if name in ("history", "unknown") and set(given) <= set(read):
            continue
        raise InvalidMemory(f"the memory's {name} does not read back", where=where)
