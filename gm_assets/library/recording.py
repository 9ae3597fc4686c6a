"""Recording: rows of handled files on their way into the store, committed now and then."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gm_assets.errors import GmError, LibraryError, UnreadableFile
from gm_assets.library.examine import Examined
from gm_assets.library.folder import stored
from gm_assets.library.values import Problem
from gm_assets.memory.files import sync_folder
from gm_assets.memory.record import Placement

if TYPE_CHECKING:
    from gm_assets.library.library import Library

#: Seconds of work that a killed run may lose, at most; more where a commit itself takes long,
#: so that committing never costs more than a tenth of the run.
COMMIT_SECONDS = 20.0
#: Rows that are held before they are committed in any case.
COMMIT_FILES = 50_000


class Recorder:
    """Adds and drops rows of files against the current generation of a library's store.

    Raises (every method): LibraryError where the store is damaged or cannot be written,
    GmError where the disk refuses.
    """

    def __init__(self, library: Library, *, from_nothing: bool = False) -> None:
        """Begin; `from_nothing` replaces the whole store at the first commit."""
        self._root = library.root
        self._folders: set[Path] = set()  # with files whose new names are not synced yet
        self._store = library.store
        self._builder = self._store.rebuild() if from_nothing else self._store.update()
        self._touched = from_nothing
        self._last = time.monotonic()
        self._pause = COMMIT_SECONDS

    def add(
        self, examined: Examined, managed: bool, placement_by_rule: Placement | None
    ) -> str | None:
        """Take the row of one file that was read; returns the id of its document.

        A file that waits gives no row: what the store says of it stays until the next run.
        """
        if examined.waiting is not None:
            return None
        self._touched = True
        signature = stored(examined.signature) if examined.signature else None
        if examined.error is not None or signature is None:
            self._builder.quarantine(examined.path, signature, _error(examined))
            document_id = None
        else:
            document_id = self._builder.add_file(
                examined.path,
                signature,
                managed,
                examined.identity,
                examined.memory,
                examined.notes,
                placement_by_rule,
                format=examined.format,
            )
        return document_id

    def wrote(self, path: str) -> None:
        """Say that a worker wrote a memory into this file and left its folder to `commit`."""
        self._folders.add((self._root / path).parent)

    def rewrote(self, library: Library, examined: Examined) -> None:
        """Take the row of a file whose memory a worker wrote, and commit where it is time."""
        self.wrote(examined.path)
        self.add_ruled(library, examined)

    def add_ruled(self, library: Library, examined: Examined) -> None:
        """`add` by what gm.toml says of the path, and commit where it is time."""
        ruling = library.ruling(examined.path)
        self.add(examined, library.managed(examined.path), ruling.placement if ruling else None)
        if self.due:
            self.commit()

    @property
    def due(self) -> bool:
        """Whether it is time to commit what was added."""
        waited = time.monotonic() - self._last
        return self._touched and (waited > self._pause or len(self._builder) >= COMMIT_FILES)

    def quarantine(self, problems: Iterable[Problem]) -> None:
        """Add names that cannot be catalogued."""
        for problem in problems:
            self._touched = True
            self._builder.quarantine(problem.path, problem.signature, problem.error)

    def drop(self, paths: Iterable[str]) -> None:
        """Drop what the store says of these paths."""
        paths = list(paths)
        self._touched = self._touched or bool(paths)
        self._builder.without(paths)

    def commit(self) -> int:
        """Commit what was added and dropped; returns the current generation.

        The folders of written files are synced first: a row never says more than the disk.
        """
        started = time.monotonic()
        for folder in sorted(self._folders):
            sync_folder(folder)
        self._folders.clear()
        if self._touched:
            try:
                self._store.commit(self._builder.build())
            except OSError as error:
                raise LibraryError(
                    f"the store cannot be written ({error.strerror or error})",
                    where=self._store.root,
                    remedy="Free some space or make the folder writable; then run it again, "
                    "what is done stays done",
                ) from None
            self._builder = self._store.update()
            self._touched = False
        self._last = time.monotonic()
        self._pause = max(COMMIT_SECONDS, 10 * (self._last - started))
        return self._store.generation


def _error(examined: Examined) -> GmError:
    return examined.error or UnreadableFile("it cannot be read", where=examined.path)


def config_changed(library: Library) -> bool:
    """Whether gm.toml is another one than at the last complete ingest."""
    try:
        return _config_mark(library).read_text("ascii").strip() != library.config.digest
    except (OSError, UnicodeDecodeError):
        return True


def mark_config(library: Library) -> None:
    """Say that every file was looked at under the gm.toml of now."""
    with suppress(OSError):  # without the mark the next ingest only looks again
        _config_mark(library).write_text(f"{library.config.digest}\n", "ascii")


def _config_mark(library: Library) -> Path:
    return library.state / "config.sha256"
