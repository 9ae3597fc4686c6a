"""Profiles: which shader runs, what it is made of, and how.

The table is `profiles.toml` beside this module. A shader is made of parts, each a folder of ours
or a repository of the hub with a seal of its own. Nothing here loads a model.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

from gm_assets.encoding.profiles import NO_PROFILE, models_folder
from gm_assets.errors import GmError, ModelError

#: The code that runs a shader.
Kind: TypeAlias = Literal["embedded", "sdxl-union"]
#: What leaves the GPU while it is not used: nothing, or each component.
Offload: TypeAlias = Literal["none", "model"]


@dataclass(frozen=True, slots=True)
class ModelPart:
    """One folder or repository that a shader is made of; an `encoding.sealing.Origin`.

    Attributes:
        role: what it is to the shader: `pipeline`, `controlnet` or `identity`.
        name: of the shader, as `gm models` calls it.
        source: the folder, or the repository on the hub.
        kind: `folder` (sealed by its SHA256SUMS) or `repository` (pinned by models.lock).
        revision: commit of the repository, 40 hexadecimal digits; None leaves it to the lock.
        files: patterns of the files that are pulled.
        licence: of the weights.
        variant: of the weight files (`fp16`: `model.fp16.safetensors`).
    """

    role: str
    name: str
    source: str
    kind: Literal["folder", "repository"] = "folder"
    revision: str | None = None
    files: tuple[str, ...] = ()
    licence: str = "not stated"
    variant: str | None = None


@dataclass(frozen=True, slots=True)
class ShaderSpec:
    """One shader and how it is run. Picklable and hashable.

    Attributes:
        name: as in `profiles.toml`, for people.
        kind: the code that runs it.
        parts: what it is made of.
        dtype: `float32`, `bfloat16` or `float16`: what it computes in on a GPU.
        device: `cpu`, `cuda`, `cuda:1`, or `auto`.
        offload: what leaves the GPU while another component computes.
        steps, guidance: of the sampler, where settings name none; None for the model's own.
        identity_scale: how strongly a picture of the subject is followed, 0 to 1.
        lines: which lines a sketch is taken for, where the model knows several.
    """

    name: str
    kind: Kind
    parts: tuple[ModelPart, ...]
    dtype: str = "float32"
    device: str = "cpu"
    offload: Offload = "none"
    steps: int | None = None
    guidance: float | None = None
    identity_scale: float = 0.6
    lines: Literal["lineart", "scribble"] = "lineart"

    @property
    def takes_lines(self) -> bool:
        """Whether it obeys the lines of a sketch; known before it is loaded."""
        return self.kind == "sdxl-union"

    def part(self, role: str) -> ModelPart:
        """The part with that role.

        Raises:
            KeyError: there is none.
        """
        found = next((part for part in self.parts if part.role == role), None)
        if found is None:
            raise KeyError(role)
        return found

    @property
    def licence(self) -> str:
        """The licences of all parts, each once."""
        return ", ".join(dict.fromkeys(part.licence for part in self.parts))


def shader_spec(profile: str) -> ShaderSpec | None:
    """The shader of a profile; None for the profile `none`.

    Raises:
        ModelError: there is no such profile.
    """
    if profile == NO_PROFILE:
        return None
    name = _table()["profile"].get(profile)
    if name is None:
        known = ", ".join((*_table()["profile"], NO_PROFILE))
        raise ModelError(f"{profile!r} is not a profile", remedy=f"Profiles are {known}")
    return named_shader(name)


def named_shader(name: str) -> ShaderSpec:
    """The shader of that name in `profiles.toml`.

    Raises:
        ModelError: there is none of that name.
    """
    entry = _table()["shader"].get(name)
    if entry is None:
        known = ", ".join(_table()["shader"])
        raise ModelError(f"no shader is called {name!r}", remedy=f"Shaders are {known}")
    rest = {key: value for key, value in entry.items() if key != "part"}
    parts = tuple(_part(name, role, one) for role, one in entry["part"].items())
    return ShaderSpec(name=name, parts=parts, **rest)


def shaders() -> tuple[ShaderSpec, ...]:
    """All shaders of the table."""
    return tuple(map(named_shader, _table()["shader"]))


def profiles_of(name: str) -> tuple[str, ...]:
    """The profiles whose shader has that name."""
    return tuple(profile for profile, one in _table()["profile"].items() if one == name)


def folder_shader(folder: str | os.PathLike[str]) -> ShaderSpec:
    """The embedded shader with the weights of another folder (training, tests)."""
    path = Path(folder).absolute()
    part = ModelPart(role="pipeline", name=path.name, source=str(path))
    return replace(named_shader("leash"), name=path.name, parts=(part,))


def _part(name: str, role: str, entry: dict[str, Any]) -> ModelPart:
    rest = {key: value for key, value in entry.items() if key not in ("folder", "repository")}
    rest["files"] = tuple(rest.get("files", ()))
    if "folder" in entry:
        source = str(models_folder(entry["folder"]))
        return ModelPart(role=role, name=name, source=source, **rest)
    return ModelPart(role=role, name=name, source=entry["repository"], kind="repository", **rest)


@cache
def _table() -> dict[str, dict[str, Any]]:
    path = Path(__file__).with_name("profiles.toml")
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:  # an installation that is damaged
        raise GmError(f"the table of shaders cannot be read ({error})", where=path) from None
