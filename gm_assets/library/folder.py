"""Walking a library: which names are asset files, by their directory entries alone.

Policy, in the order it is applied:

- Names that begin with a dot are skipped: `.gm`, leftovers of killed writes, and what
  other programs hide.
- Symbolic links are never followed, neither to files nor to folders, so links cannot form
  loops and nothing outside the library is read through one. A link to something inside the
  library is skipped (its target is catalogued itself); one that leads out, nowhere or in a
  circle is a problem.
- Folders that cannot be listed, and names that are not valid UTF-8, are problems. Valid
  names are kept as they are, composed or decomposed (NFC, NFD).
- A file is an asset file when its suffix is one that images or 3D files have, also where
  gm_assets does not handle the format yet (ingest says what can be done). What it truly is
  is decided by its content when it is read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from gm_assets.containers import CONTAINERS, SEALED
from gm_assets.errors import GmError, UnreadableFile, UnsupportedFormat
from gm_assets.library.values import Entry, Problem
from gm_assets.memory.atomic import TEMPORARY
from gm_assets.memory.files import Signature

#: `(size, mtime_ns, ctime_ns, inode)`, a `Signature` without its names: a walk makes one for
#: every file, and most are only compared.
Numbers: TypeAlias = tuple[int, int, int, int]

#: Formats whose files carry a memory in this version.
HANDLED = frozenset(
    suffix.removeprefix(".") for one in CONTAINERS.values() for suffix in one.suffixes
)
#: Formats whose files are catalogued and never written.
CATALOGUED = frozenset(
    suffix.removeprefix(".") for one in SEALED.values() for suffix in one.suffixes
)
#: Images and scenes that are quarantined with advice.
KNOWN = frozenset(
    (
        *("hdr", "tga", "dds", "ico", "pcx", "ppm", "pgm", "pbm", "pnm"),
        *("blend", "abc"),
    )
)
SUFFIXES = HANDLED | CATALOGUED | KNOWN

_INT64_MAX = 2**63 - 1


def stored(signature: Signature) -> Signature:
    """A signature whose numbers fit the store's signed 64-bit columns.

    Inode numbers use all 64 bits on some file systems, and times may lie past the year 2262.
    """
    size, mtime_ns, ctime_ns, inode = signature
    return Signature(size, min(mtime_ns, _INT64_MAX), min(ctime_ns, _INT64_MAX), inode & _INT64_MAX)


def printable(path: str) -> str:
    """A path as text that UTF-8 can hold: bytes that are not UTF-8 as `\\xNN`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


class Walk:
    """One walk over a folder of the library. Iterate once; then read `ignored`.

    Yields `(path, numbers)` for every asset file. On the way fill `problems`, `unreachable`
    (folders that cannot be listed), `littered` (folders with leftovers of killed writes) and
    `ignored` (how many files have other suffixes). Paths in `keep` are asset files whatever
    their suffix (they were ingested by name).
    """

    def __init__(self, root: Path, below: str = "", keep: frozenset[str] = frozenset()) -> None:
        self.root = os.fspath(root)
        self.below = below
        self.keep = keep
        self.problems: list[Problem] = []
        self.unreachable: list[str] = []
        self.littered: set[str] = set()
        self.ignored = 0

    def __iter__(self) -> Iterator[tuple[str, Numbers]]:
        prefix = f"{self.below}/" if self.below else ""
        folders = [prefix]
        suffixes, keep, root = SUFFIXES, self.keep, self.root
        int64_max = _INT64_MAX
        while folders:
            prefix = folders.pop()
            try:
                listing = os.scandir(f"{root}/{prefix}")
            except FileNotFoundError:
                continue  # removed since its parent was listed
            except OSError as error:
                self._unreachable(prefix, error)
                continue
            with listing:
                while True:
                    try:
                        entry = next(listing, None)
                    except OSError as error:  # the disk fails, a network mount goes away
                        self._unreachable(prefix, error)
                        break
                    if entry is None:
                        break
                    name = entry.name
                    if name[0] == ".":
                        if TEMPORARY.match(name):
                            self.littered.add(prefix.rstrip("/"))
                        continue
                    path = prefix + name
                    if entry.is_file(follow_symlinks=False):
                        if name.rpartition(".")[2].lower() not in suffixes and path not in keep:
                            self.ignored += 1
                            continue
                        try:
                            status = entry.stat(follow_symlinks=False)
                        except OSError:
                            continue  # removed since the folder was listed
                        if not name.isascii() and not self._is_text(path, status):
                            continue
                        mtime, inode = status.st_mtime_ns, status.st_ino
                        if mtime > int64_max or inode > int64_max:
                            yield path, stored(Signature.of(status))
                        else:
                            yield path, (status.st_size, mtime, status.st_ctime_ns, inode)
                    elif entry.is_dir(follow_symlinks=False):
                        if name.isascii() or self._is_text(path, None):
                            folders.append(path + "/")
                    else:
                        self._special(entry, path)

    def _unreachable(self, prefix: str, error: OSError) -> None:
        path = prefix.rstrip("/")
        self.unreachable.append(path)
        reason = UnreadableFile(
            f"the folder cannot be listed ({error.strerror})",
            where=f"{self.root}/{path}",
            remedy="Make it readable for this user, or hide it by a dot before its name",
        )
        self._problem(path or ".", None, reason)

    def _is_text(self, path: str, status: os.stat_result | None) -> bool:
        """Whether a non-ASCII name is valid UTF-8; records the problem where it is not."""
        try:
            path.encode()
        except UnicodeEncodeError:
            reason = UnreadableFile(
                "the name is not valid UTF-8",
                where=printable(f"{self.root}/{path}"),
                remedy="Rename it (for example: convmv -f latin1 -t utf8 --notest FILE)",
            )
            self._problem(path, status, reason)
            return False
        return True

    def _special(self, entry: os.DirEntry[str], path: str) -> None:
        """A symbolic link, pipe, socket or device."""
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            return  # removed since the folder was listed
        error = special(Path(entry.path), Path(self.root))
        if error is not None:
            self._problem(path, status, error)

    def _problem(self, path: str, status: os.stat_result | None, error: GmError) -> None:
        signature = None if status is None else stored(Signature.of(status))
        self.problems.append(Problem(printable(path), signature, error))


def special(full: Path, root: Path) -> GmError | None:
    """Why a link, pipe, socket or device is not catalogued; None where nobody needs to know."""
    where = printable(os.fspath(full))
    of_interest = full.suffix[1:].lower() in SUFFIXES
    if not full.is_symlink():
        if not of_interest:
            return None
        return UnsupportedFormat(
            "it is not a regular file", where=where, remedy="Remove or rename it"
        )
    try:
        target = full.resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: a circle, before Python 3.13
        if full.suffix and not of_interest:
            return None
        return UnsupportedFormat(
            "the link leads nowhere or in a circle", where=where, remedy="Remove it or mend it"
        )
    if target.is_relative_to(root.resolve()) or not (of_interest or target.is_dir()):
        return None  # what it leads to is catalogued itself, or is no asset
    return UnsupportedFormat(
        "the link leads out of the library, and links are not followed",
        where=where,
        remedy="Put the files themselves here: gm ingest --copy-to FOLDER PATH",
    )


def stat_entry(root: Path, path: str) -> Entry | None:
    """The entry of one path of the library, or None where no regular file is there."""
    try:
        status = (root / path).lstat()
    except (OSError, ValueError):
        return None
    return Entry(path, stored(Signature.of(status))) if stat.S_ISREG(status.st_mode) else None
