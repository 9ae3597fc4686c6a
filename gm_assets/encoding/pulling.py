"""Pulling a model from the hub: the one place of gm_assets that touches the network.

The hub's HTTP interface is asked for the commit and its files (`/api/models/<repository>/revision/
<revision>?blobs=true`), and each file is taken from `/<repository>/resolve/<commit>/<file>`.
Taken are weights as safetensors, configuration, tokenizer and processor files: those of the top
folder, or those that a profile names; pickled weights and code never are. What arrives is compared
with the hashes that the hub states (SHA-256 for large files, git's blob SHA-1 for small ones), and
`models.lock` pins it from then on.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Any

from gm_assets.encoding.sealing import (
    Origin,
    file_sha256,
    require_commit,
    snapshot_folder,
    write_lock,
)
from gm_assets.errors import ModelError

ENDPOINT = "https://huggingface.co"
#: What is taken of a repository.
SUFFIXES = (".safetensors", ".json", ".txt", ".model", ".jinja")
MAX_FILES = 256
MAX_FILE_BYTES = 50_000_000_000
MAX_ANSWER_BYTES = 16_000_000
BLOCK = 1 << 20
TIMEOUT_S = 60
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}\Z")
_NAME = re.compile(r"[A-Za-z0-9_][\w.-]{0,199}\Z")


@dataclass(frozen=True, slots=True)
class Remote:
    """One file of a commit as the hub states it; one of the two hashes is there."""

    name: str
    size: int
    sha256: str | None
    blob_sha1: str | None


@dataclass(frozen=True, slots=True)
class Pulled:
    """A repository that lies here now, pinned: its commit, folder and files with SHA-256."""

    repository: str
    revision: str
    folder: Path
    files: dict[str, str]


def pull(origin: Origin, *, progress: Callable[[int, int, int, str], None] | None = None) -> Pulled:
    """Download what `origin` names and pin it. Files that are here already are kept.

    Args:
        progress: called with files done, files in all, bytes so far, the file at hand.

    Raises:
        ModelError: not a model of the hub, or not pinned; no such repository or commit; it has no
            safetensors, or lacks a file that is needed; the network fails; a file is not the
            one that the hub states.
    """
    if origin.kind != "repository" or not _REPOSITORY.match(origin.source):
        raise ModelError(
            "this model comes with gm_assets: there is nothing to pull", where=origin.name
        )
    require_commit(origin)
    revision, remote = _commit(origin)
    folder = snapshot_folder(origin.source, revision)
    files, received = {}, 0
    for number, item in enumerate(remote):
        if progress is not None:
            progress(number, len(remote), received, item.name)
        (folder / item.name).parent.mkdir(parents=True, exist_ok=True)
        files[item.name] = _fetched(origin.source, revision, item, folder / item.name)
        received += item.size
    write_lock(origin.source, revision, files)
    if progress is not None:
        progress(len(remote), len(remote), received, "")
    return Pulled(origin.source, revision, folder, files)


def _commit(origin: Origin) -> tuple[str, list[Remote]]:
    """The commit of its revision (the newest without one), and its files that we take."""
    repository, revision = origin.source, origin.revision
    path = f"/api/models/{repository}/revision/{revision or 'main'}?blobs=true"
    with _request(path) as answer:
        data = answer.read(MAX_ANSWER_BYTES + 1)
    try:
        stated = json.loads(data)
        commit = stated["sha"]
        siblings = [entry for entry in stated["siblings"] if _is_safe(entry["rfilename"])]
        files = [_remote(entry) for entry in siblings if _is_taken(entry["rfilename"], origin)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(
            f"the hub's answer is not what its interface promises ({error})", where=repository
        ) from None
    if not _COMMIT.match(commit) or (revision is not None and revision != commit):
        raise ModelError(f"the hub answered with commit {commit!r}", where=repository)
    if not any(file.name.endswith(".safetensors") for file in files) or len(files) > MAX_FILES:
        raise ModelError(
            "it has no weights as safetensors, and pickled ones are not loaded",
            where=repository,
            remedy="Choose a model that has them, or convert it yourself",
        )
    absent = [p for p in origin.files if not any(_matches(file.name, p) for file in files)]
    if absent:
        raise ModelError(
            f"commit {commit} has no {', '.join(absent)}",
            where=repository,
            remedy="The profile names files of another commit or model: see its profiles.toml",
        )
    return commit, sorted(files, key=lambda file: file.size)


def _is_safe(name: str) -> bool:
    """Whether a file of that name may be written below our folder, and is of a kind we load."""
    return all(map(_NAME.match, name.split("/"))) and name.endswith(SUFFIXES)


def _is_taken(name: str, origin: Origin) -> bool:
    if not origin.files:
        return "/" not in name
    return any(_matches(name, pattern) for pattern in origin.files)


def _matches(name: str, pattern: str) -> bool:
    """Shell patterns, folder by folder: `*` matches no `/`."""
    names, patterns = name.split("/"), pattern.split("/")
    return len(names) == len(patterns) and all(map(fnmatchcase, names, patterns))


def _remote(entry: dict[str, Any]) -> Remote:
    large = entry.get("lfs") or {}
    size = int(large.get("size", entry["size"]))
    if not 0 <= size <= MAX_FILE_BYTES:
        raise ValueError(f"{entry['rfilename']} of {size} bytes")
    if large:
        return Remote(entry["rfilename"], size, str(large["sha256"]), None)
    return Remote(entry["rfilename"], size, None, str(entry["blobId"]))


def _fetched(repository: str, revision: str, item: Remote, target: Path) -> str:
    """Have the file at `target`; returns its SHA-256."""
    if target.is_file() and target.stat().st_size == item.size:
        present = file_sha256(target)
        if present == item.sha256 or _blob_sha1(target) == item.blob_sha1:
            return present
    part = target.with_name(f".{target.name}.part")
    sha256, sha1 = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % item.size, usedforsecurity=False)
    size = 0
    try:
        path = f"/{repository}/resolve/{revision}/{item.name}"
        with _request(path) as answer, part.open("wb") as file:
            while size <= item.size and (block := answer.read(BLOCK)):
                size += len(block)
                sha256.update(block)
                sha1.update(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        same = sha256.hexdigest() == item.sha256 or sha1.hexdigest() == item.blob_sha1
        if size != item.size or not same:
            raise ModelError(
                "the file that arrived is not the one that the hub states",
                where=f"{repository}/{item.name}",
                remedy="Pull again; if it stays so, something between here and the hub changes it",
            )
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return sha256.hexdigest()


def _blob_sha1(path: Path) -> str:
    """The name that git gives to a file's content."""
    data = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


@contextmanager
def _request(path: str) -> Iterator[IO[bytes]]:
    endpoint = (os.environ.get("HF_ENDPOINT") or ENDPOINT).rstrip("/")
    url = endpoint + urllib.parse.quote(path, safe="/?=&")
    request = urllib.request.Request(url, headers={"User-Agent": "gm_assets"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            yield answer
    except urllib.error.HTTPError as error:
        advice = "Look at the repository's name, and whether its licence must be accepted first"
        raise ModelError(
            f"the hub answered {error.code} {error.reason}", where=url, remedy=advice
        ) from None
    except (OSError, ValueError) as error:
        raise ModelError(
            f"the hub cannot be reached ({error})",
            where=url,
            remedy="Pull on a machine with network, and copy the models folder (GM_MODELS)",
        ) from None
