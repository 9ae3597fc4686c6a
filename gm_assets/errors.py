"""The errors of gm_assets: one small family whose messages say what, where and what to do.

Nothing here imports anything else of the package. `exit_code` is what the command line
returns for an error of that class (documented in docs/cli.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EACCES
from os import PathLike, fspath
from typing import Any, Self


class GmError(Exception):
    """Base of every error that gm_assets raises on purpose.

    Args:
        what: what is wrong, in one sentence without a final stop.
        where: the file, folder, row or setting it concerns.
        remedy: what the reader can do about it.
    """

    exit_code = 1

    def __init__(
        self, what: str, *, where: str | PathLike[str] | None = None, remedy: str | None = None
    ) -> None:
        self.what = what
        self.where = None if where is None else fspath(where)
        self.remedy = remedy
        super().__init__(what)

    def __str__(self) -> str:
        text = self.what if self.where is None else f"{self.where}: {self.what}"
        return text if self.remedy is None else f"{text}. {self.remedy}"

    def __reduce__(self) -> tuple[Any, ...]:  # errors cross process borders in parallel ingests
        return _rebuild, (type(self), self.what, self.where, self.remedy)


@contextmanager
def about(where: str | PathLike[str] | None) -> Iterator[None]:
    """Errors that are raised inside and name no place get `where`."""
    try:
        yield
    except GmError as error:
        if error.where is None and where is not None:
            error.where = fspath(where)
        raise


def _rebuild(cls: type[GmError], what: str, where: str | None, remedy: str | None) -> GmError:
    return cls(what, where=where, remedy=remedy)


class UnreadableFile(GmError):
    """The bytes cannot be read as what they claim to be: truncated, corrupt or lying."""

    exit_code = 3

    @classmethod
    def refused(cls, error: OSError, where: str | PathLike[str]) -> Self:
        """The error for a file that the system does not open or read."""
        remedy = "Give this user permission to read it" if error.errno == EACCES else None
        return cls(f"cannot be read: {error.strerror or error}", where=where, remedy=remedy)

    @classmethod
    def no_file(cls, where: str | PathLike[str]) -> Self:
        """The error for a folder, a pipe or a device where a file is asked for."""
        remedy = "Name a file, not a folder, a pipe or a device"
        return cls("not a regular file", where=where, remedy=remedy)


class UnsupportedFormat(GmError):
    """A sound file of a kind that we do not handle here."""

    exit_code = 3


class SealedFormat(UnsupportedFormat):
    """A format that is known and catalogued, and never written (`gm_assets.containers.sealed`).

    Args:
        format: its name there, a key of `SEALED`.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str | PathLike[str] | None = None,
        remedy: str | None = None,
        format: str = "",
    ) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.format = format

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_sealed, (self.what, self.where, self.remedy, self.format)


def _rebuild_sealed(what: str, where: str | None, remedy: str | None, format: str) -> SealedFormat:
    return SealedFormat(what, where=where, remedy=remedy, format=format)


class TooLarge(GmError):
    """A bound on size, count or depth was exceeded; the bound is in the message."""

    exit_code = 3


class InvalidMemory(GmError):
    """An embedded memory, or a value given for one, breaks its definition."""

    exit_code = 4


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a file: where (`file:line:column`), what, what to do."""

    where: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}. {self.remedy}"


class InvalidDocument(GmError):
    """A file that people write breaks its definition; `problems` holds all that is wrong.

    The message is the first problem's; as text the error lists every one.
    """

    exit_code = 4

    def __init__(
        self,
        what: str,
        *,
        where: str | PathLike[str] | None = None,
        remedy: str | None = None,
        problems: tuple[Problem, ...] = (),
    ) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.problems = problems

    @classmethod
    def of(cls, problems: tuple[Problem, ...]) -> Self:
        """The error for these problems, of which there is at least one."""
        first, others = problems[0], problems[1:]
        remedy = f"{first.remedy}{cls._more(others)}" if others else first.remedy
        return cls(first.what, where=first.where, remedy=remedy, problems=problems)

    @classmethod
    def _more(cls, others: tuple[Problem, ...]) -> str:
        return "".join(f"; also {other.where}: {other.what}" for other in others[:5])

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems)) or super().__str__()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).of, (self.problems,)


class InvalidVocabulary(InvalidDocument):
    """Files of a vocabulary break its definition."""

    @classmethod
    def _more(cls, others: tuple[Problem, ...]) -> str:
        return f"; `gm vocab check` lists {len(others)} more"


class InvalidPlan(InvalidDocument):
    """The plan of a chain breaks its definition."""


class MemoryConflict(GmError):
    """The file changed, or another writer was faster, between reading and replacing it."""

    exit_code = 5


class WriteRefused(GmError):
    """A write that would lose something or is not allowed here; the file was not touched."""

    exit_code = 5


class LibraryError(GmError):
    """The library folder or its gm.toml is missing, malformed or not usable as asked."""

    exit_code = 6


class LibraryLocked(LibraryError):
    """Another process is writing to this library."""

    exit_code = 7


class NotFound(GmError):
    """The named file, chain or asset is not in the library."""

    exit_code = 8


class MissingExtra(GmError):
    """A command needs packages of an optional extra that is not installed.

    Make one with `of`.
    """

    exit_code = 9

    @classmethod
    def of(cls, package: str, extra: str = "ml") -> MissingExtra:
        """The error for a `package` that could not be imported and the extra that brings it."""
        return cls(
            f"the package {package} is not installed",
            remedy=f"pip install 'gm-assets[{extra}]'",
        )


class ModelError(GmError):
    """A model is missing, damaged, not the one that was pinned, or gave what is no vector."""

    exit_code = 9


class LiftError(GmError):
    """Plates do not become geometry: too few, of different sizes, without what a method needs,
    with cameras that cannot be, or contradicting each other."""

    exit_code = 11
