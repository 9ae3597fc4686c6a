"""The vocabulary as a git revision has it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from gm_assets.errors import NotFound
from gm_assets.vocabulary.loading import parse
from gm_assets.vocabulary.terms import Vocabulary

#: git answers such questions at once; a hanging one must not hang `gm`.
_SECONDS = 60.0


def at_revision(folder: Path, revision: str) -> Vocabulary:
    """The facets of `folder` in a commit, branch or tag of the git checkout that it is in.

    Raises:
        NotFound: no git, no checkout, no such revision, or no facet in it.
        InvalidVocabulary: what that revision holds breaks the rules.
    """
    if revision.startswith("-"):  # git would take it for an option
        raise NotFound(f"{revision!r} is no revision", where=folder)
    listed = _git(folder, revision, "ls-tree", "-z", "--full-tree", "--name-only", f"{revision}:./")
    names = [name for name in listed.decode("utf-8", "replace").split("\0") if name]
    files = {
        folder / name: _git(folder, revision, "cat-file", "blob", f"{revision}:./{name}")
        for name in names
        if name.endswith(".yaml") and not name.startswith(".")
    }
    if not files:
        raise NotFound(f"{revision} holds no vocabulary", where=folder)
    return parse(files)


def _git(folder: Path, revision: str, *arguments: str) -> bytes:
    try:
        return subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            check=True,
            timeout=_SECONDS,
            stdin=subprocess.DEVNULL,
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotFound(f"git does not answer ({error})", where=folder) from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip().splitlines()
        raise NotFound(
            f"git does not know {revision!r} here ({said[0] if said else 'no reason given'})",
            where=folder,
            remedy="Name a commit, a branch or a tag of the checkout that holds the vocabulary",
        ) from None
