"""Reading and writing one file: what workers of ingest, verify and rebuild run.

Functions here take and give plain values, open no store, and never raise for what a file
holds: a batch goes on whatever one file does. An unexpected exception of a decoder counts as
an unreadable file, with the exception in the reason.
"""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gm_assets.containers import is_model, is_sealed
from gm_assets.errors import (
    GmError,
    InvalidMemory,
    MemoryConflict,
    NotFound,
    SealedFormat,
    TooLarge,
    UnreadableFile,
)
from gm_assets.memory.files import (
    Signature,
    load_packet,
    read_memory,
    rehearse_memory,
    write_memory,
)
from gm_assets.memory.record import GM_NAMESPACE

if TYPE_CHECKING:
    from gm_assets.identity import Identity
    from gm_assets.memory.foreign import Foreign
    from gm_assets.memory.record import Memory

#: Kernels stamp files with a clock that ticks every 1 to 10 ms. A file touched this recently
#: could change once more without its times changing.
RACY_NS = 20_000_000
#: A packet without it holds no memory of ours.
_NAMESPACE = GM_NAMESPACE.encode()


@dataclass(frozen=True, slots=True)
class Examined:
    """What one file is and remembers now.

    One of three: `error` says why the file cannot be read; `waiting` says that it changed or
    vanished meanwhile; else it was read, and `identity` is there unless only the memory was
    asked for. `memory_error` is set where the picture is sound and the packet in it is not.
    `foreign` is what other programs left in a file without a memory.
    """

    path: str
    signature: Signature | None = None
    format: str | None = None
    identity: Identity | None = None
    memory: Memory | None = None
    memory_error: GmError | None = None
    foreign: Foreign | None = None
    notes: tuple[str, ...] = ()
    error: GmError | None = None
    waiting: str | None = None


@dataclass(frozen=True, slots=True)
class Wrote:
    """A file after a memory was written into it.

    `memory` is read back from the file: merged with what other programs had said in it.
    """

    signature: Signature
    file_hash: str
    memory: Memory | None


def examine(root: str, path: str) -> Examined:
    """Read, identify and remember one file: one read of its bytes.

    Of a picture without a memory the headers are read once more, for what others left there.
    The signature is the one that the file had both before and after reading.
    """
    from gm_assets.identity import identify
    from gm_assets.memory.foreign import read_foreign

    full = Path(root) / path
    foreign = None
    try:
        before = _settled(full)
        identity = identify(full)
        told = not (is_model(identity.format) or is_sealed(identity.format))
        if told and _NAMESPACE not in (identity.packet or b""):
            foreign = read_foreign(full, identity.packet)
        after = Signature.of(full.lstat())
    except (FileNotFoundError, NotFound):
        return Examined(path, waiting="it vanished before it could be read")
    except MemoryConflict as error:
        return Examined(path, waiting=error.what)
    except Exception as error:
        return failed(root, path, error)
    if before != after:
        return Examined(path, waiting="it changed while it was read")
    memory, memory_error = None, None
    if identity.packet is not None:
        try:
            memory = load_packet(identity.format, identity.packet, os.fspath(full))
        except GmError as error:
            memory_error = error
        except Exception as error:
            memory_error = InvalidMemory(
                f"its memory cannot be read ({type(error).__name__}: {error})", where=full
            )
    # The packet has served; with 4 MB a file it would fill the memory while rows wait.
    identity = replace(identity, packet=None)
    notes = identity.notes if memory_error is None else (*identity.notes, memory_error.what)
    return Examined(path, before, identity.format, identity, memory, memory_error, foreign, notes)


def remember(root: str, path: str) -> Examined:
    """Read only the memory of one file: headers and packet, no pixels, no hashes.

    Of a file that is never written this is its format and nothing more.
    """
    full = f"{root}/{path}"
    try:
        found = read_memory(full)
    except (InvalidMemory, TooLarge) as error:
        return _without_memory(root, path, error)
    except SealedFormat as sealed:
        return _sealed(root, path, sealed)
    except UnreadableFile as error:
        if not os.path.lexists(full):
            return Examined(path, waiting="it vanished before it could be read")
        return failed(root, path, error)
    except Exception as error:
        return failed(root, path, error)
    return Examined(path, found.signature, found.format, None, found.memory, notes=found.notes)


def write(root: str, path: str, memory: Memory, expected: Signature) -> Wrote | GmError:
    """Write `memory` into a file that still has the signature `expected`.

    The picture is the one that was identified (write_memory proves it), so only the hash of
    the new bytes is computed. The folder is synced when the file's row is committed
    (`recording.Recorder`). An error is returned, not raised.
    """
    full = Path(root) / path
    try:
        signature = write_memory(full, memory, expected=expected, folder_later=True)
        with full.open("rb") as file:
            file_hash = hashlib.file_digest(file, "sha256").hexdigest()
            found = read_memory(full)
            if not (Signature.of(os.fstat(file.fileno())) == found.signature == signature):
                raise MemoryConflict(
                    "another program changed it just after its memory was written", where=full
                )
    except Exception as error:
        return _explained(full, error)
    return Wrote(signature, file_hash, found.memory)


def rehearse(root: str, path: str, memory: Memory, expected: Signature) -> GmError | None:
    """Why `write` would refuse this, as far as that is known without writing."""
    full = Path(root) / path
    try:
        rehearse_memory(full, memory, expected=expected)
    except Exception as error:
        return _explained(full, error)
    return None


def _settled(full: Path) -> Signature:
    """The file's signature, once its times are old enough to tell a later change apart."""
    signature = Signature.of(full.lstat())
    age = time.time_ns() - max(signature.mtime_ns, signature.ctime_ns)
    if 0 <= age < RACY_NS:
        time.sleep((RACY_NS - age) / 1e9)
        signature = Signature.of(full.lstat())
    return signature


def _without_memory(root: str, path: str, error: GmError) -> Examined:
    """A file whose packet cannot be read; what else it is, its first bytes say."""
    from gm_assets.containers import HEAD, sniff

    full = Path(root) / path
    try:
        signature = Signature.of(full.lstat())
        with full.open("rb") as file:
            format = sniff(file.read(HEAD))
    except OSError as gone:
        return failed(root, path, gone)
    return Examined(path, signature, format, memory_error=error, notes=(error.what,))


def _sealed(root: str, path: str, sealed: SealedFormat) -> Examined:
    """A file that is never written, so that there is no memory to read."""
    try:
        signature = Signature.of((Path(root) / path).lstat())
    except OSError as gone:
        return failed(root, path, gone)
    return Examined(path, signature, sealed.format, notes=(sealed.what,))


def failed(root: str, path: str, error: Exception) -> Examined:
    """A file that cannot be read, with its signature and the reason as one of our errors."""
    full = Path(root) / path
    try:
        signature = Signature.of(full.lstat())
    except OSError:
        return Examined(path, waiting="it vanished before it could be read")
    return Examined(path, signature, error=_explained(full, error))


def _explained(full: Path, error: Exception) -> GmError:
    """Any exception as one of ours."""
    if isinstance(error, GmError):
        return error
    if isinstance(error, OSError):
        return UnreadableFile(
            f"it cannot be read ({error.strerror or error})",
            where=full,
            remedy="Check its permissions and the disk",
        )
    if isinstance(error, MemoryError):
        return TooLarge(
            "there is not enough memory to decode it",
            where=full,
            remedy="Ingest it alone (--workers 1), or on a machine with more memory",
        )
    return UnreadableFile(
        f"reading it failed unexpectedly ({type(error).__name__}: {error})",
        where=full,
        remedy="If other programs open it, please report it with the file",
    )
