"""Writing files so that a killed process, a full disk or a second writer cannot harm them.

The sequence is always the same: new bytes go to a temporary file in the same folder, are read
back, compared and synced; the original is checked to be the one that was read; then one
rename makes the new file the file, and the folder is synced. At every instant the name leads
to a whole file, the old one or the new one.

Two of our writers are kept apart by an advisory lock (flock) on the original, which the kernel
drops when its holder dies, so no lock can be left behind. The temporary is locked as well: one
that can be locked by somebody else has lost its writer and is swept.

What a plain file system cannot exclude: a foreign program that saves the same file in the
instant between the last check and the rename loses that save.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gm_assets.containers import Buffer
from gm_assets.errors import GmError, MemoryConflict, UnreadableFile, WriteRefused

#: Names of our temporaries: `.gm-write-<pid>-<random>~`.
TEMPORARY = re.compile(r"\.gm-write-(?P<pid>[0-9]+)-[0-9a-f]{16}~\Z")
#: A temporary whose lock is free is left alone this long while a process has its number:
#: between creating and locking it a living writer holds no lock.
_GRACE_SECONDS = 3600.0
#: Files up to this size are put together in memory before they are written.
_JOINED_BYTES = 8 << 20

_REASONS = {
    errno.ENOSPC: ("no space is left on the disk", "Free some space and try again"),
    errno.EDQUOT: ("the disk quota is used up", "Free some space and try again"),
    errno.EFBIG: ("the file would be larger than the limit here", "Raise the file size limit"),
    errno.EROFS: ("the file system is read-only", "Mount it writable or copy the file elsewhere"),
    errno.EACCES: ("this user may not write here", "Change the permissions of file and folder"),
    errno.EPERM: ("the system does not permit it", "Check owner and immutable flag of the file"),
    errno.ENOENT: ("the file or its folder is not there", "Make the folder, or name another one"),
}


class Signature(NamedTuple):
    """What tells cheaply that a file is still the one that was read."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Signature:
        """The signature in a stat result."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


@dataclass(frozen=True, slots=True)
class Original:
    """A file that is open, locked and read, and about to be replaced."""

    path: Path
    descriptor: int
    status: os.stat_result
    data: bytes

    @property
    def signature(self) -> Signature:
        """Of the file as it was read."""
        return Signature.of(self.status)


def _refusal(error: OSError, path: Path) -> WriteRefused:
    what, remedy = _REASONS.get(error.errno or 0, (error.strerror or str(error), None))
    return WriteRefused(f"{what}; nothing was changed", where=path, remedy=remedy)


def _conflict(path: Path) -> MemoryConflict:
    return MemoryConflict(
        "the file changed after it was read; nothing was written",
        where=path,
        remedy="Read it again and repeat the change",
    )


@contextlib.contextmanager
def original(
    path: Path,
    *,
    expected: Signature | None = None,
    follow_symlinks: bool = False,
    rehearsal: bool = False,
) -> Iterator[Original]:
    """Open, lock and read the file at `path` in order to replace it.

    A symbolic link is refused unless `follow_symlinks`; then the file that it leads to is
    replaced and the link stays. In a `rehearsal` nothing will be written: what a killed writer
    left is not removed, and a folder in which no file can be made is refused at once.

    Raises:
        WriteRefused: a symbolic link, a second hard link, a read-only file, no permission.
        MemoryConflict: another of our writers holds the file, it changed while it was read,
            or it is not the one of `expected`.
        UnreadableFile: it is gone or no regular file.
    """
    if follow_symlinks:
        path = path.resolve()
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise WriteRefused(
                "a symbolic link is not written through",
                where=path,
                remedy="Write to the file that it leads to",
            ) from None
        raise UnreadableFile.refused(error, path) from error
    try:
        # Before the lock: two names of one file share it, and each is refused for that reason.
        _check_writable(os.fstat(descriptor), path, sweeping=not rehearsal)
        _lock(descriptor, path)
        status = os.fstat(descriptor)
        _check_writable(status, path, sweeping=not rehearsal)
        if rehearsal and not os.access(path.parent, os.W_OK | os.X_OK):
            raise _refusal(OSError(errno.EACCES, ""), path)
        if not _is_at(path, status):
            raise _conflict(path)  # it was replaced between opening and locking it
        if expected is not None and Signature.of(status) != expected:
            raise _conflict(path)
        data = _read_all(descriptor)
        if (
            Signature.of(os.fstat(descriptor)) != Signature.of(status)
            or len(data) != status.st_size
        ):
            raise _conflict(path)
        yield Original(path, descriptor, status, data)
    finally:
        # Closing is not enough: a process forked meanwhile holds the same lock open.
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise MemoryConflict(
            "another process is writing this file",
            where=path,
            remedy="Wait until it is done, read the file again and repeat the change",
        ) from None
    except OSError as error:
        # Some network file systems have no locks; the check before the rename still holds.
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
            raise


def _check_writable(status: os.stat_result, path: Path, *, sweeping: bool) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableFile.no_file(path)
    # A rename needs no permission on the file itself, so what its owner said is asked here.
    if not status.st_mode & 0o222 or not os.access(path, os.W_OK):
        raise WriteRefused(
            "the file is read-only; nothing was changed",
            where=path,
            remedy="Make it writable (chmod u+w) or work on a copy",
        )
    if status.st_nlink > 1 and sweeping and sweep(path.parent):
        status = path.stat()  # a killed writer may have left the second name
    if status.st_nlink > 1:
        raise WriteRefused(
            f"the file has {status.st_nlink} hard links and a write would part them",
            where=path,
            remedy="Make it a file of its own (cp FILE FILE.new; mv FILE.new FILE)",
        )


def _is_at(path: Path, status: os.stat_result) -> bool:
    try:
        now = path.lstat()
    except OSError:
        return False
    return (now.st_dev, Signature.of(now)) == (status.st_dev, Signature.of(status))


def _read_all(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb", buffering=0, closefd=False) as file:
        file.seek(0)
        return file.readall()


def replace(
    target: Original,
    buffers: Sequence[Buffer],
    verify: Callable[[bytes], None] | None = None,
    *,
    folder_later: bool = False,
) -> Signature:
    """Put a new file made of `buffers` in the place of `target`.

    Mode, owner, group and extended attributes (ACLs are among them) are those of the original.
    The modification time becomes the time of the write, since backup and sync programs go by
    it. `verify` gets the bytes as they were read back and raises where they are not right.
    With `folder_later` the caller syncs the folder (`sync_folder`), once for many files: until
    then a power cut may bring the old file back, whole.

    Returns:
        The signature of the new file.

    Raises:
        WriteRefused: the disk is full, the folder read-only, an attribute cannot be kept, or
            the bytes read back are not the ones written.
        MemoryConflict: the original is no longer the one that was read.
    """
    path = target.path
    buffers = _joined(buffers)
    with _temporary(path, 0o600) as new:
        new.write(buffers)
        _keep_attributes(target, new.descriptor)
        new.compare_and_sync(buffers, verify)
        if not _is_at(path, target.status):
            raise _conflict(path)
        return new.rename(folder_later=folder_later)


def replace_file(
    path: str | os.PathLike[str],
    data: Buffer | Sequence[Buffer],
    *,
    expected: Signature | None = None,
    follow_symlinks: bool = False,
) -> Signature:
    """Replace an existing file by `data` with the whole write sequence.

    Raises:
        UnreadableFile: there is no such file.
        WriteRefused, MemoryConflict: as `original` and `replace`.
    """
    with original(Path(path), expected=expected, follow_symlinks=follow_symlinks) as target:
        return replace(target, _buffers(data))


def write_new(
    path: str | os.PathLike[str],
    data: Buffer | Sequence[Buffer],
    *,
    overwrite: bool = False,
) -> Signature:
    """Create a file that is whole from the first instant it can be seen under its name.

    Mode and owner are those of any new file (umask, default ACLs of the folder). With
    `overwrite` an existing file is replaced by `replace_file` and keeps its own.

    Raises:
        WriteRefused: the file exists, the disk is full, or this folder cannot be written.
        MemoryConflict: with `overwrite`, as `replace_file`.
    """
    path, buffers = Path(path), _buffers(data)
    if overwrite and os.path.lexists(path):
        return replace_file(path, buffers)
    with _temporary(path, 0o666) as new:
        new.write(buffers)
        new.compare_and_sync(buffers, None)
        return new.link()


def _joined(buffers: Sequence[Buffer]) -> Sequence[Buffer]:
    """The buffers as one where that is small: one call writes it, one compares it."""
    small = sum(map(len, buffers)) <= _JOINED_BYTES
    return [b"".join(buffers)] if small else buffers


def _buffers(data: Buffer | Sequence[Buffer]) -> Sequence[Buffer]:
    return [data] if isinstance(data, bytes | memoryview) else data


def _keep_attributes(target: Original, descriptor: int) -> None:
    """Give the new file the owner, mode and extended attributes of the original."""
    status, now = target.status, os.fstat(descriptor)
    if (status.st_uid, status.st_gid) != (now.st_uid, now.st_gid):
        os.fchown(descriptor, status.st_uid, status.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
    if not hasattr(os, "listxattr"):  # Linux only
        return
    try:
        names = os.listxattr(target.descriptor)
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.ENOSYS):
            return
        raise
    for name in names:
        value = os.getxattr(target.descriptor, name)
        try:
            os.setxattr(descriptor, name, value)
        except OSError as error:
            if _attribute(descriptor, name) == value:  # given by the system already
                continue
            raise WriteRefused(
                f"its extended attribute {name} cannot be kept ({error.strerror})",
                where=target.path,
                remedy="Write as the file's owner or remove the attribute",
            ) from None


def _attribute(descriptor: int, name: str) -> bytes | None:
    try:
        return os.getxattr(descriptor, name)
    except OSError:
        return None


class _Temporary:
    """A temporary file beside `path`, addressed through its folder's descriptor."""

    def __init__(self, path: Path, folder: int, name: str, descriptor: int) -> None:
        self.path = path
        self.folder = folder
        self.name = name
        self.descriptor = descriptor
        self.moved = False

    def write(self, buffers: Sequence[Buffer]) -> None:
        for buffer in buffers:
            view = memoryview(buffer)
            while view:
                view = view[os.write(self.descriptor, view) :]
        if hasattr(os, "posix_fadvise"):
            # The disk begins now, while the proof runs, instead of when the sync asks.
            os.posix_fadvise(self.descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    def compare_and_sync(
        self, buffers: Sequence[Buffer], verify: Callable[[bytes], None] | None
    ) -> None:
        """Open the file anew, compare what lies there with what should, and sync it."""
        reader = os.open(self.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.folder)
        try:
            data = _read_all(reader)
        finally:
            os.close(reader)
        if not _is_joined(data, buffers):
            raise WriteRefused(
                "the bytes read back differ from those written; nothing was changed",
                where=self.path,
                remedy="Check the disk (dmesg, smartctl)",
            )
        if verify is not None:
            verify(data)
        os.fsync(self.descriptor)

    def rename(self, *, folder_later: bool = False) -> Signature:
        """Become the file at `path`, whatever is there now."""
        os.replace(self.name, self.path.name, src_dir_fd=self.folder, dst_dir_fd=self.folder)
        self.moved = True
        return Signature.of(os.fstat(self.descriptor)) if folder_later else self._settle()

    def link(self) -> Signature:
        """Become the file at `path` unless something has that name."""
        name = self.path.name
        try:
            os.link(self.name, name, src_dir_fd=self.folder, dst_dir_fd=self.folder)
        except FileExistsError:
            raise WriteRefused(
                "a file of that name exists and was left alone",
                where=self.path,
                remedy="Choose another name, or move that file away",
            ) from None
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
                raise
            return self._rename_if_free()  # FAT and some network folders know no hard links
        with contextlib.suppress(OSError):  # the file is there; `sweep` takes the second name
            self.remove()
        return self._settle()

    def _rename_if_free(self) -> Signature:
        # Without hard links the check and the rename are two steps.
        if os.path.lexists(self.path):
            raise WriteRefused("a file of that name exists and was left alone", where=self.path)
        return self.rename()

    def remove(self) -> None:
        """Take the temporary's name away, unless it became the file's."""
        if not self.moved:
            self.moved = True
            os.unlink(self.name, dir_fd=self.folder)

    def _settle(self) -> Signature:
        """Sync the folder, so that the new name survives a power cut as well."""
        status = os.fstat(self.descriptor)
        _sync(self.folder, self.path)
        return Signature.of(status)


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Make the names in a folder survive a power cut; one that is gone has none to keep.

    Raises:
        GmError: the disk refuses.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _refusal(error, Path(folder)) from error
    try:
        _sync(descriptor, Path(folder))
    finally:
        os.close(descriptor)


def _sync(folder: int, where: Path) -> None:
    try:
        os.fsync(folder)
    except OSError as error:
        # Some network file systems know no sync of a folder.
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.EBADF):
            raise GmError(
                f"what was written is there, but its folder cannot be synced ({error.strerror})",
                where=where,
                remedy="Check the disk; after a power cut the old files may be back",
            ) from error


def _is_joined(data: bytes, buffers: Sequence[Buffer], block: int = 1 << 20) -> bool:
    """Whether `data` is the buffers one after the other."""
    if len(buffers) == 1 and isinstance(buffers[0], bytes):
        return data == buffers[0]
    position = 0
    for buffer in buffers:
        view = memoryview(buffer)
        for begin in range(0, len(view), block):
            # Copies of bounded size: comparing `bytes` is one memcmp, comparing views is not.
            piece = bytes(view[begin : begin + block])
            if data[position : position + len(piece)] != piece:
                return False
            position += len(piece)
    return position == len(data)


@contextlib.contextmanager
def _temporary(path: Path, mode: int) -> Iterator[_Temporary]:
    """A locked temporary in the folder of `path`, gone afterwards unless it was renamed."""
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _refusal(error, path) from error
    try:
        name = f".gm-write-{os.getpid()}-{secrets.token_hex(8)}~"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        new = _Temporary(path, folder, name, os.open(name, flags, mode, dir_fd=folder))
        try:
            _lock(new.descriptor, path)
            yield new
        finally:
            os.close(new.descriptor)
            new.remove()
    except OSError as error:
        raise _refusal(error, path) from error
    finally:
        os.close(folder)


def sweep(folder: str | os.PathLike[str]) -> list[Path]:
    """Remove the temporaries that killed writers left in `folder` (not in folders below it).

    Only names of our form are looked at, and only those are removed that no writer has locked
    and whose process is gone (or that are older than an hour).

    Returns:
        The paths that were removed.
    """
    removed: list[Path] = []
    with os.scandir(folder) as entries:
        leftovers = [Path(entry.path) for entry in entries if TEMPORARY.match(entry.name)]
    for leftover in leftovers:
        with contextlib.suppress(OSError):  # gone meanwhile, or not ours to remove
            if _is_abandoned(leftover):
                leftover.unlink()
                removed.append(leftover)
    return removed


def _is_abandoned(path: Path) -> bool:
    match = TEMPORARY.match(path.name)
    if match is None:
        return False
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return not _is_alive(int(match["pid"])) or time.time() - status.st_mtime > _GRACE_SECONDS
    finally:
        os.close(descriptor)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
