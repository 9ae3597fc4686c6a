"""Which bytes a model is: the hashes that it was sealed with, checked before it is loaded.

A folder of our own carries `SHA256SUMS` (the format of coreutils: `sha256sum -c SHA256SUMS`
checks it too). A model from the hub is pinned by `models.lock`, which `gm models pull` writes:

    {"google/siglip2-base-patch16-224":
        {"revision": "<commit>", "files": {"config.json": "<sha256>", ...}}}

A model without its seal, or with a file that is not the sealed one, is refused.

Hashing large files again in every process would take seconds; the hash of a file above
`REMEMBERED_BYTES` is kept in the user's cache under its size, times and inode, which the
kernel changes with the file.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from gm_assets.encoding.profiles import cache_folder, pulled_folder
from gm_assets.errors import GmError, ModelError
from gm_assets.memory.files import Signature, write_new

SUMS = "SHA256SUMS"
LOCK = "models.lock"
#: Files from which a model is loaded, at any depth. Nothing else in a folder changes what it makes.
MODEL_SUFFIXES = (".json", ".txt", ".model", ".jinja", ".safetensors", ".py", ".bin")
#: Files of our own models that have such a suffix and are not loaded.
NOT_LOADED = frozenset(("training.json", "words.txt"))
#: A lock or list of hashes that is larger is none.
MAX_LIST_BYTES = 4_000_000
REMEMBERED_BYTES = 64_000_000
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")


class Origin(Protocol):
    """Where the files of a model come from: an encoder, or one part of a shader."""

    @property
    def name(self) -> str:
        """What `gm models` calls the model."""

    @property
    def source(self) -> str:
        """Its folder, or its repository on the hub."""

    @property
    def kind(self) -> Literal["folder", "repository"]:
        """`folder` (sealed by its SHA256SUMS) or `repository` (pinned by models.lock)."""

    @property
    def revision(self) -> str | None:
        """Commit of the repository, 40 hexadecimal digits; None leaves it to the lock."""

    @property
    def files(self) -> tuple[str, ...]:
        """Patterns of the files that are pulled (`unet/*.json`); none: those of the top folder."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A model folder whose files are those that it was sealed with.

    `files` maps the names of the files that are loaded to their SHA-256, in order of name.
    """

    folder: Path
    files: dict[str, str]
    revision: str | None = None


def sealed(origin: Origin) -> Sealed:
    """The model's folder after every file that is loaded was compared with its seal.

    Raises:
        ModelError: not there, not sealed, a file missing, added or changed.
    """
    folder, revision, expected = _expected(origin)
    present = loaded_files(folder)
    relevant = {name: digest for name, digest in expected.items() if _is_loaded(name)}
    for name in sorted({*present, *relevant}):
        if name not in relevant:
            raise _refused("is not among the files that the model was sealed with", folder / name)
        if name not in present:
            raise _refused("is missing", folder / name)
        if file_sha256(folder / name) != relevant[name]:
            raise _refused("is not the file that the model was sealed with", folder / name)
    return Sealed(folder, dict(sorted(relevant.items())), revision)


def damaged_files(origin: Origin) -> tuple[str, ...]:
    """Names of sealed files, loaded or not, that are missing or changed (`gm models verify`).

    Raises:
        ModelError: the model is not there or not sealed.
    """
    folder, _, expected = _expected(origin)
    return tuple(
        name
        for name, digest in sorted(expected.items())
        if not (folder / name).is_file() or file_sha256(folder / name) != digest
    )


def seal(folder: str | os.PathLike[str]) -> Path:
    """Write `SHA256SUMS` over every file of a finished model folder; returns its path."""
    root = Path(folder)
    names = sorted(
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and path.name != SUMS and not path.name.startswith(".")
    )
    lines = (f"{_sha256(root / name)}  {name}\n" for name in names)
    target = root / SUMS
    write_new(target, "".join(lines).encode(), overwrite=True)
    return target


def read_sums(folder: Path) -> dict[str, str]:
    """The hashes of a folder's `SHA256SUMS` by file name.

    Raises:
        ModelError: no such folder or list, or a malformed one.
    """
    if not folder.is_dir():
        raise ModelError(
            "there is no such model folder",
            where=folder,
            remedy="`gm models list` says which models are here; GM_PROFILE=none works without",
        )
    text = _bounded(folder / SUMS)
    sums: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        digest, _, name = line.partition("  ")
        if not _SHA256.match(digest) or not _is_below(name):
            raise ModelError(
                "not a line of sha256sum", where=f"{folder / SUMS}:{number}", remedy=_AGAIN
            )
        sums[name] = digest
    return sums


def read_lock() -> dict[str, Any]:
    """models.lock: repository -> `{"revision", "files"}`; empty where nothing was pulled.

    Raises:
        ModelError: malformed.
    """
    path = pulled_folder() / LOCK
    if not path.exists():
        return {}
    try:
        lock = json.loads(_bounded(path))
        for entry in lock.values():
            sound = all(_is_below(n) and _SHA256.match(d) for n, d in entry["files"].items())
            if not sound or not _COMMIT.match(entry["revision"]):
                raise ValueError("a name, hash or commit in it is none")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(
            f"the lock of the pulled models is malformed ({error})", where=path, remedy=_AGAIN
        ) from None
    found: dict[str, Any] = lock
    return found


def require_commit(origin: Origin) -> None:
    """Refuse a revision that is a branch or a tag: what it names can change.

    Raises:
        ModelError: it is one.
    """
    if origin.revision is not None and not _COMMIT.match(origin.revision):
        raise ModelError(
            f"the model is not pinned: its revision {origin.revision!r} is no commit",
            where=origin.source,
            remedy="Name a commit of 40 hexadecimal digits, or none and let models.lock pin it",
        )


def write_lock(repository: str, revision: str, files: Mapping[str, str]) -> Path:
    """Pin a pulled repository in models.lock; returns its path.

    Files of the same commit that another model of that repository needs stay pinned.
    """
    lock = read_lock()
    before = lock.get(repository, {})
    kept = before["files"] if before.get("revision") == revision else {}
    lock[repository] = {"revision": revision, "files": dict(sorted((kept | dict(files)).items()))}
    path = pulled_folder() / LOCK
    text = json.dumps(dict(sorted(lock.items())), indent=1) + "\n"
    write_new(path, text.encode(), overwrite=True)
    return path


def snapshot_folder(repository: str, revision: str) -> Path:
    """Where the files of one commit of a repository lie."""
    return pulled_folder() / repository.replace("/", "--") / revision


def loaded_files(folder: Path) -> tuple[str, ...]:
    """Names of the files below `folder` from which a model is loaded, sorted.

    Raises:
        ModelError: it cannot be read.
    """

    def fail(error: OSError) -> None:
        raise ModelError(
            f"the model folder cannot be read ({error.strerror})", where=folder, remedy=_AGAIN
        )

    names = [
        Path(root, name).relative_to(folder).as_posix()
        for root, _, files in os.walk(folder, onerror=fail)
        for name in files
    ]
    return tuple(sorted(filter(_is_loaded, names)))


def file_sha256(path: Path) -> str:
    """SHA-256 of a file; that of a large one from the cache while its signature is the same.

    Raises:
        ModelError: it cannot be read.
    """
    try:
        signature = Signature.of(path.stat())
        if signature.size < REMEMBERED_BYTES:
            return _sha256(path)
        key = json.dumps([os.fspath(path.absolute()), *signature])
        note = cache_folder() / "hashes" / hashlib.sha256(os.fsencode(path.absolute())).hexdigest()
        with suppress(OSError, ValueError):
            kept, _, digest = note.read_text("utf-8").partition("\n")
            if kept == key and _SHA256.match(digest):
                return digest
        digest = _sha256(path)
        with suppress(OSError, GmError):  # without the note the file is hashed again
            note.parent.mkdir(parents=True, exist_ok=True)
            write_new(note, f"{key}\n{digest}".encode(), overwrite=True)
        return digest
    except OSError as error:
        raise ModelError(f"it cannot be read ({error.strerror})", where=path) from None


_AGAIN = "Get the model again: `gm models pull`, or the checkout's models folder"


def _expected(origin: Origin) -> tuple[Path, str | None, dict[str, str]]:
    """Folder, commit and hashes of a model as they were sealed."""
    if origin.kind == "folder":
        return Path(origin.source), None, read_sums(Path(origin.source))
    require_commit(origin)
    entry = read_lock().get(origin.source)
    wanted = origin.revision or (entry or {}).get("revision")
    if entry is None or entry["revision"] != wanted:
        raise ModelError(
            "the model was not pulled" if entry is None else f"revision {wanted} was not pulled",
            where=origin.source,
            remedy=f"`gm models pull {origin.name}` downloads it",
        )
    return snapshot_folder(origin.source, entry["revision"]), entry["revision"], entry["files"]


def _is_loaded(name: str) -> bool:
    return name.endswith(MODEL_SUFFIXES) and name not in NOT_LOADED


def _is_below(name: str) -> bool:
    parts = name.split("/")
    return bool(name) and not name.startswith("/") and not {"", ".", ".."} & set(parts)


def _bounded(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_LIST_BYTES + 1)
        if len(data) > MAX_LIST_BYTES:
            raise ModelError("it is too large to be a list of hashes", where=path, remedy=_AGAIN)
        return data.decode("utf-8")
    except FileNotFoundError:
        raise ModelError("the model is not sealed: it has no such list of hashes", where=path,
                         remedy=_AGAIN) from None  # fmt: skip
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"it cannot be read ({error})", where=path, remedy=_AGAIN) from None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refused(what: str, path: Path) -> ModelError:
    return ModelError(f"the model is refused: this file {what}", where=path, remedy=_AGAIN)


def digest_of(lines: Iterable[str]) -> str:
    """SHA-256 of lines of text."""
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
