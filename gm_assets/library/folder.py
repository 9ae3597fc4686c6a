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

from gm_assets.library.values import Entry, Problem, Signature

#: Formats whose files carry a memory in this version.
HANDLED = frozenset(("png", "apng", "jpg", "jpeg", "jpe", "jfif", "webp", "glb"))
#: Images, camera raws, scenes and meshes that are quarantined with advice.
KNOWN = frozenset(
    ("tif", "tiff", "exr", "hdr", "bmp", "gif", "psd", "psb", "avif", "heic", "heif", "jxl")
    + ("jp2", "j2k", "tga", "dds", "ico", "pcx", "ppm", "pgm", "pbm", "pnm")
    + ("raw", "dng", "cr2", "cr3", "nef", "arw", "orf", "raf", "rw2")
    + ("gltf", "usd", "usda", "usdc", "usdz", "ply", "obj", "stl", "fbx", "3mf", "blend", "abc")
)
SUFFIXES = HANDLED | KNOWN

_INT64_MAX = 2**63 - 1


def signature(status: os.stat_result) -> Signature:
    """The signature of a file, every number within a signed 64-bit column.

    Inode numbers use all 64 bits on some file systems, and times may lie past the year
    2262; such numbers wrap around, which keeps equality.
    """
    numbers = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    if max(numbers) <= _INT64_MAX and numbers[1] > -_INT64_MAX:
        return numbers
    size, *others = ((n + 2**63) % 2**64 - 2**63 for n in numbers)
    return (size, *others)  # type: ignore[return-value]


def printable(path: str) -> str:
    """A path as text that UTF-8 can hold: bytes that are not UTF-8 as `\\xNN`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


class Walk:
    """One walk over a folder of the library. Iterate once; then read `ignored`.

    Yields an `(path, signature)` for every asset file. `problems`, `unreachable` and
    `ignored` fill on the way. `keep` says of a path with another suffix whether it is an
    asset file all the same (one that was ingested by name).
    """

    def __init__(self, root: Path, below: str = "", keep: frozenset[str] = frozenset()) -> None:
        self.root = os.fspath(root)
        self.below = below
        self.keep = keep
        self.problems: list[Problem] = []
        self.unreachable: list[str] = []
        self.ignored = 0

    def __iter__(self) -> Iterator[tuple[str, Signature]]:
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
                            yield path, signature(status)
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
        self.problems.append(
            Problem(
                path or ".",
                None,
                "UnreadableFile",
                f"the folder cannot be listed ({error.strerror})",
                "Make it readable for this user, or exclude it by a leading dot in its name",
            )
        )

    def _is_text(self, path: str, status: os.stat_result | None) -> bool:
        """Whether a non-ASCII name is valid UTF-8; records the problem where it is not."""
        try:
            path.encode()
        except UnicodeEncodeError:
            self.problems.append(
                Problem(
                    printable(path),
                    None if status is None else signature(status),
                    "UnreadableFile",
                    "the name is not valid UTF-8",
                    "Rename it (convmv -f latin1 -t utf8, for example)",
                )
            )
            return False
        return True

    def _special(self, entry: os.DirEntry[str], path: str) -> None:
        """A symbolic link, pipe, socket or device."""
        if not entry.is_symlink():
            if path.rpartition(".")[2].lower() in SUFFIXES:
                self._problem(entry, path, "it is not a regular file", "Remove or rename it")
            return
        try:
            target = Path(entry.path).resolve(strict=True)
        except (OSError, RuntimeError):  # RuntimeError: a circle, before Python 3.13
            self._problem(
                entry, path, "the link leads nowhere or in a circle", "Remove or mend the link"
            )
            return
        if not target.is_relative_to(Path(self.root).resolve()):
            self._problem(
                entry,
                path,
                "the link leads out of the library, and links are not followed",
                "Put the files themselves here: gm ingest --copy-to FOLDER PATH",
            )

    def _problem(self, entry: os.DirEntry[str], path: str, reason: str, remedy: str) -> None:
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            return
        self.problems.append(
            Problem(printable(path), signature(status), "UnsupportedFormat", reason, remedy)
        )


def stat_entry(root: Path, path: str) -> Entry | None:
    """The entry of one path of the library, or None where no regular file is there."""
    try:
        status = (root / path).stat(follow_symlinks=False)
    except (OSError, ValueError):
        return None
    return Entry(path, signature(status)) if stat.S_ISREG(status.st_mode) else None
