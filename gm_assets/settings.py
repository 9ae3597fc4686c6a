"""Settings from the environment, the same for the command line, the walk and Dagster.

| variable | meaning | default |
| --- | --- | --- |
| `GM_LIBRARY` | folder of the library | `./library` |
| `GM_WALK_URL` | where `gm walk` answers; links in Dagster point there | `http://127.0.0.1:3001` |
| `GM_PROFILE` | which models run: `embedded` (offline), `studio` (hub) or `none` | `embedded` |
| `GM_MODELS` | a folder of models, looked in first; pulled ones go there | the user's cache |
| `GM_WORKERS` | processes that read files in parallel | the CPUs this process may use |
| `GM_STATE` | a folder for derived stores, where the library's own cannot be written | `.gm` |
| `GM_VOCAB` | folder of the vocabulary | the library's `vocab/`, else the project's |
| `GM_OFFLOAD` | what leaves the GPU while it is not used: `none`, `model` | the profile's |
| `GM_DUCKDB_THREADS` | threads of DuckDB | the CPUs this process may use |
| `GM_DUCKDB_MEMORY` | memory of DuckDB, e.g. `2GB` | half of the machine's |

The last five belong to the library, its store, its vocabulary and the leash, which read them
by themselves: they hold for every program that opens one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args
from urllib.parse import urlsplit

from gm_assets.errors import GmError

DUCKDB_THREADS = "GM_DUCKDB_THREADS"
DUCKDB_MEMORY = "GM_DUCKDB_MEMORY"

Profile: TypeAlias = Literal["embedded", "studio", "none"]
PROFILES: tuple[Profile, ...] = get_args(Profile)
Runtime: TypeAlias = Literal["torch", "onnx", "onnx-int8"]
#: What computes the image tower of an encoder.
RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)
#: More processes than this gain nothing and cost memory.
MAX_WORKERS = 256


@dataclass(frozen=True)
class Settings:
    """One set of settings; made by `from_environment`, or by hand in tests."""

    library: Path = Path("library")
    walk_url: str = "http://127.0.0.1:3001"
    profile: Profile = "embedded"
    workers: int = 1

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the variables; an empty one counts as unset.

        Raises:
            GmError: a variable holds a value that it cannot have.
        """
        env = os.environ if environment is None else environment
        return cls(
            library=Path(env.get("GM_LIBRARY") or cls.library).expanduser(),
            walk_url=_url(env.get("GM_WALK_URL") or cls.walk_url),
            profile=chosen_profile(env) or cls.profile,
            workers=_workers(env.get("GM_WORKERS")),
        )


def state_folder() -> Path | None:
    """`GM_STATE`, absolute; None where derived stores lie in their library."""
    folder = os.environ.get("GM_STATE")
    return Path(folder).expanduser().absolute() if folder else None


def vocabulary_folder() -> Path | None:
    """`GM_VOCAB`, absolute; None where it is not set."""
    folder = os.environ.get("GM_VOCAB")
    return Path(folder).expanduser().absolute() if folder else None


def chosen_profile(environment: Mapping[str, str] | None = None) -> Profile | None:
    """`GM_PROFILE` where it is set; then it goes before what a library's gm.toml says.

    Raises:
        GmError: it is not a profile.
    """
    text = (os.environ if environment is None else environment).get("GM_PROFILE")
    return _profile(text) if text else None


def duckdb_bounds() -> tuple[str | int, str]:
    """Threads and memory that DuckDB may use; DuckDB judges what the environment says."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    half = f"{max(256, pages // 2**21)}MiB"
    return os.environ.get(DUCKDB_THREADS) or available_cpus(), os.environ.get(DUCKDB_MEMORY) or half


def available_cpus() -> int:
    """CPUs that this process may run on (its affinity, which containers and taskset limit)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise GmError(
            f"{text!r} is not an http address",
            where="GM_WALK_URL",
            remedy="Give scheme, host and port, e.g. http://127.0.0.1:3001",
        )
    return text.rstrip("/")


def _profile(text: str) -> Profile:
    if text not in PROFILES:
        raise GmError(
            f"{text!r} is not a profile", where="GM_PROFILE", remedy=f"Use {', '.join(PROFILES)}"
        )
    return text


def _workers(text: str | None) -> int:
    if not text:
        return available_cpus()
    if not text.isdecimal() or not 1 <= int(text) <= MAX_WORKERS:
        raise GmError(
            f"{text!r} is not a number of workers",
            where="GM_WORKERS",
            remedy=f"Use a number from 1 to {MAX_WORKERS}",
        )
    return int(text)
