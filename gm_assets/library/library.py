"""The library: a folder with gm.toml at its root, and the derived stores beside it.

`Library` knows where things are, what may be written, and who may write now. What is done
with the files is in the modules beside this one.

Derived things lie in `<root>/.gm`. Where that folder cannot be written (media that are
mounted read-only), the setting `GM_STATE` names a folder that holds them instead, one
folder below it for each library.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gm_assets.errors import LibraryError, ModelError
from gm_assets.library.config import CONFIG_NAME, LibraryConfig, config_text, load_config
from gm_assets.library.lock import writer_lock
from gm_assets.library.rules import Ruling, rule_for, slug
from gm_assets.settings import Settings, chosen_profile, state_folder

if TYPE_CHECKING:
    import duckdb

    from gm_assets.encoding import EncoderSpec
    from gm_assets.stores import Store
    from gm_assets.stores.vectors import VectorStore

STATE_FOLDER = ".gm"


@dataclass(frozen=True)
class Library:
    """An open library.

    Attributes:
        root: its folder, absolute.
        config: gm.toml as it was when the library was opened.
        state: the folder of everything derived (`.gm`, or below `GM_STATE`).
        read_only: nothing is written, neither files nor stores; no lock is taken.
        wait: seconds that a writer waits for another one before LibraryLocked.
    """

    root: Path
    config: LibraryConfig
    state: Path
    read_only: bool = False
    wait: float = 0.0
    _catalogues: dict[tuple[int, str], duckdb.DuckDBPyConnection] = field(
        default_factory=dict, repr=False, compare=False
    )

    @classmethod
    def init(
        cls, root: str | os.PathLike[str], *, name: str | None = None, managed: bool = True
    ) -> Library:
        """Make a folder a library: write its gm.toml and open it.

        Args:
            root: the folder; made where it does not exist. Files in it are not touched.
            name: shown in reports and pages; the folder's name by default.
            managed: whether gm_assets may write memories into the files.

        Raises:
            LibraryError: it is a library already, lies inside another, or cannot be written.
        """
        folder = Path(root).absolute()
        path = folder / CONFIG_NAME
        if path.exists():
            raise LibraryError(
                "this folder is a library already",
                where=folder,
                remedy="Open it, or change its gm.toml",
            )
        for outer in folder.parents:
            if (outer / CONFIG_NAME).is_file():
                raise LibraryError(
                    f"this folder lies inside the library {outer}",
                    where=folder,
                    remedy="Use that library, or choose a folder outside it",
                )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(config_text(name or folder.name, managed))
        except OSError as error:
            raise LibraryError(
                f"the library cannot be made here ({error.strerror})",
                where=folder,
                remedy="Choose a folder that this user may write",
            ) from None
        return cls.open(folder)

    @classmethod
    def open(
        cls, root: str | os.PathLike[str], *, read_only: bool = False, wait: float = 0.0
    ) -> Library:
        """Open the library at `root`.

        Raises:
            LibraryError: there is no gm.toml, or it is malformed (the message names the line).
        """
        folder = Path(root).absolute()
        config = load_config(folder / CONFIG_NAME)
        return cls(folder, config, _state_folder(folder), read_only, wait)

    @property
    def store(self) -> Store:
        """The derived store of this library."""
        from gm_assets.stores import Store

        return Store(self.state / "store")

    def catalogue(self) -> duckdb.DuckDBPyConnection:
        """A cursor on the catalogue of the current generation.

        The connection is kept for further calls until another generation is current or
        labels changed; reports over thousands of chains ask it again and again.

        Raises:
            LibraryError: nothing was ever committed, or the store is damaged.
        """
        generation = self.store.current()
        state = (generation.number, generation.labels.mark())
        connection = self._catalogues.get(state)
        if connection is None:
            connection = generation.connect()
            self._catalogues.clear()
            self._catalogues[state] = connection
        return connection.cursor()

    def encoder_spec(self) -> EncoderSpec | None:
        """The encoder that is active here; None where vectors are switched off.

        `GM_PROFILE` where it is set, else gm.toml's `[encoder]`, else the profile `embedded`.

        Raises:
            GmError: `GM_PROFILE` is not a profile.
        """
        from gm_assets.encoding.profiles import encoder_spec

        profile = chosen_profile() or self.config.profile or Settings.profile
        return encoder_spec(profile, runtime=self.config.runtime)

    def active_encoder(self) -> EncoderSpec:
        """The encoder that is active here; nothing is loaded.

        Raises:
            ModelError: vectors are switched off.
            GmError: `GM_PROFILE` is not a profile.
        """
        spec = self.encoder_spec()
        if spec is None:
            raise ModelError(
                "vectors are switched off: the active profile is `none`",
                where=self.root,
                remedy="Choose another with GM_PROFILE or [encoder] in gm.toml",
            )
        return spec

    @cached_property
    def vectors(self) -> VectorStore:
        """The vector store of this library."""
        from gm_assets.stores.vectors import VectorStore

        return VectorStore(self.state / "vectors")

    @property
    def thumbs(self) -> Path:
        """The folder of derived thumbnails."""
        return self.state / "thumbs"

    def relative(self, path: str | os.PathLike[str]) -> str:
        """A path as the store names it: below the root, `/` between the parts.

        A relative `path` is looked up from the working folder first, as on a command line,
        and from the root where nothing is there. `..` and `.` are resolved by name; symbolic
        links in the path of a file are not followed, save those above the root.

        Raises:
            LibraryError: it lies outside the library, or it is a name that is never catalogued
                (hidden, or not valid UTF-8).
        """
        given = Path(path)
        if not given.is_absolute() and not given.exists():
            inside = self.root / given
            given = inside if os.path.lexists(inside) else given
        full = Path(os.path.normpath(given.absolute()))
        for root in (self.root, self.root.resolve()):
            for candidate in (full, full.parent.resolve() / full.name):
                if candidate == root:
                    return ""
                if candidate.is_relative_to(root):
                    return _catalogued(candidate.relative_to(root).as_posix(), full)
        raise LibraryError(
            f"it lies outside the library {self.root}",
            where=full,
            remedy="Move it there yourself, or bring a copy: gm ingest --copy-to FOLDER PATH",
        )

    def managed(self, path: str | os.PathLike[str]) -> bool:
        """Whether memories may be written into that file (gm.toml `managed`)."""
        text = path if isinstance(path, str) else os.fspath(path)
        return self.config.manages(self.relative(text) if text.startswith("/") else text)

    def ruling(self, path: str) -> Ruling | None:
        """What the placement rules say of a path (relative to the root)."""
        return rule_for(self.config.places, path)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the library's one writer for the time of the `with` block.

        Raises:
            LibraryLocked: another process is writing (after `wait` seconds).
            LibraryError: the library was opened read-only, or its state folder cannot be made.
        """
        if self.read_only:
            raise LibraryError(
                "the library was opened read-only", where=self.root, remedy="Open it for writing"
            )
        try:
            self.state.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LibraryError(
                f"the folder of the derived stores cannot be made ({error.strerror})",
                where=self.state,
                remedy="Make the library's folder writable, or set GM_STATE to a folder that is",
            ) from None
        with writer_lock(self.state / "lock", self.wait):
            yield


def _state_folder(root: Path) -> Path:
    """`.gm`, or the library's own folder below `GM_STATE`."""
    elsewhere = state_folder()
    if elsewhere is None:
        return root / STATE_FOLDER
    # Two libraries may have one name: the path's hash tells them apart.
    key = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
    return elsewhere / f"{slug(root.name) or 'library'}-{key}"


def _catalogued(path: str, full: Path) -> str:
    """`path`, unless its name is one that a library never catalogues. Raises LibraryError."""
    if any(part.startswith(".") for part in path.split("/")):
        raise LibraryError(
            "names that begin with a dot are not part of a library",
            where=full,
            remedy="Rename it, or move it out of the hidden folder",
        )
    try:
        path.encode()
    except UnicodeEncodeError:
        raise LibraryError(
            "the name is not valid UTF-8",
            where=os.fsencode(full).decode("utf-8", "backslashreplace"),
            remedy="Rename it (for example: convmv -f latin1 -t utf8 --notest FILE)",
        ) from None
    return path
