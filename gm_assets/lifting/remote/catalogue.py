"""The image-to-3D models that are known by name, with their licences. Nothing is loaded here."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gm_assets.errors import GmError, LiftError


@dataclass(frozen=True)
class KnownModel:
    """One model of the catalogue.

    Attributes:
        name: as `gm` calls it.
        repository: of its weights on the hub.
        licence: of the weights.
        memory: of the GPU in gigabytes; None where its authors do not say.
        code: repository whose checkout its server needs; empty where diffusers has it.
        restrictions: what the licence forbids, in sentences.
        drawing: it takes a sketch and words.
    """

    name: str
    repository: str
    licence: str
    memory: int | None = None
    code: str = ""
    restrictions: tuple[str, ...] = ()
    drawing: bool = False


def known_models(profile: str | None = None) -> tuple[KnownModel, ...]:
    """The models of a profile in the order in which it prefers them; all without one."""
    table = _table()
    names = table["model"] if profile is None else table["profile"].get(profile, ())
    return tuple(map(known_model, names))


def known_model(name: str) -> KnownModel:
    """The model of that name.

    Raises:
        LiftError: there is none.
    """
    models = _table()["model"]
    if name not in models:
        raise LiftError(
            f"no image-to-3D model is called {name!r}", remedy=f"Known are {', '.join(models)}"
        )
    values = dict(models[name])
    return KnownModel(name, restrictions=tuple(values.pop("restrictions", ())), **values)


@cache
def _table() -> dict[str, Any]:
    path = Path(__file__).with_name("catalogue.toml")
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:  # an installation that is damaged
        raise GmError(f"the catalogue cannot be read ({error})", where=path) from None
