"""Profiles: which encoder runs, from where, and how.

The table is `profiles.toml` beside this module. A profile names one encoder; `gm embed --model`
may name any encoder of the table. Nothing here loads a model.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import gm_assets
from gm_assets.errors import GmError, ModelError
from gm_assets.settings import RUNTIMES, Runtime

#: The profile that runs no model at all: files get no vectors.
NO_PROFILE = "none"


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """One encoder and how it is run. Picklable: workers open it themselves.

    Attributes:
        name: as in `profiles.toml`, for people.
        source: the folder of the model, or its repository on the hub.
        kind: `folder` (sealed by its SHA256SUMS) or `repository` (pinned by models.lock).
        revision: commit of the repository, 40 hexadecimal digits; None leaves it to the lock.
        dtype: `float32`, `bfloat16` or `float16`, of weights and computation.
        runtime: what computes the image tower; part of the fingerprint.
        device: `cpu`, `cuda`, `cuda:1`, `mps`, or `auto`. Not part of the fingerprint.
        licence: of the weights.
        at_ingest: whether ingest writes its vectors into memories.
        files: which files of the repository are pulled; none: the usual ones of its top folder.
    """

    name: str
    source: str
    kind: Literal["folder", "repository"] = "folder"
    revision: str | None = None
    dtype: str = "float32"
    runtime: Runtime = "torch"
    device: str = "cpu"
    licence: str = "not stated"
    at_ingest: bool = True
    files: tuple[str, ...] = ()

    def running(self, runtime: str | None) -> EncoderSpec:
        """The same encoder on another runtime (None: as it is). Raises ModelError."""
        if runtime is None:
            return self
        if runtime not in RUNTIMES:
            raise ModelError(
                f"{runtime!r} is not a runtime", remedy=f"Use one of {', '.join(RUNTIMES)}"
            )
        return replace(self, runtime=runtime)


def encoder_spec(profile: str, *, runtime: str | None = None) -> EncoderSpec | None:
    """The encoder of a profile; None for the profile `none`.

    Raises:
        ModelError: there is no such profile or runtime.
    """
    if profile == NO_PROFILE:
        return None
    name = _table()["profile"].get(profile)
    if name is None:
        known = ", ".join((*_table()["profile"], NO_PROFILE))
        raise ModelError(f"{profile!r} is not a profile", remedy=f"Profiles are {known}")
    return named_encoder(name).running(runtime)


def named_encoder(name: str) -> EncoderSpec:
    """The encoder of that name in `profiles.toml`.

    Raises:
        ModelError: there is none of that name.
    """
    entry = _table()["encoder"].get(name)
    if entry is None:
        known = ", ".join(_table()["encoder"])
        raise ModelError(f"no encoder is called {name!r}", remedy=f"Encoders are {known}")
    rest = {key: value for key, value in entry.items() if key not in ("folder", "repository")}
    if "folder" in entry:
        return EncoderSpec(name=name, source=str(models_folder(entry["folder"])), **rest)
    return EncoderSpec(name=name, source=entry["repository"], kind="repository", **rest)


def encoders() -> tuple[EncoderSpec, ...]:
    """All encoders of the table."""
    return tuple(map(named_encoder, _table()["encoder"]))


def profiles_of(name: str) -> tuple[str, ...]:
    """The profiles whose encoder has that name."""
    return tuple(profile for profile, one in _table()["profile"].items() if one == name)


def models_folder(name: str) -> Path:
    """The folder of one of our own models: below `GM_MODELS` where it is there, else our own.

    In a checkout our own lie in `models/` beside the package, in an installed wheel inside it.
    """
    given = os.environ.get("GM_MODELS")
    if given and (folder := Path(given).expanduser().absolute() / name).is_dir():
        return folder
    package = Path(gm_assets.__file__).absolute().parent
    installed = package / "models" / name
    return installed if installed.is_dir() else package.parent / "models" / name


def pulled_folder() -> Path:
    """Where pulled models and their lock lie: `GM_MODELS`, else below the user's cache."""
    given = os.environ.get("GM_MODELS")
    return Path(given).expanduser().absolute() if given else cache_folder() / "models"


def cache_folder() -> Path:
    """The user's cache of gm_assets (`XDG_CACHE_HOME`); everything in it can be made again."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser().absolute() / "gm-assets"


@cache
def _table() -> dict[str, dict[str, Any]]:
    path = Path(__file__).with_name("profiles.toml")
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:  # an installation that is damaged
        raise GmError(f"the table of models cannot be read ({error})", where=path) from None
