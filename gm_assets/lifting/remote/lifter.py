"""The method `model`: plates to a model that a user configured, its answer as a lift."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from gm_assets.errors import LiftError
from gm_assets.lifting.plates import checked
from gm_assets.lifting.protocol import Lift, Plate, Progress, Surface
from gm_assets.lifting.remote.client import Answer, Endpoint
from gm_assets.lifting.remote.contract import Order
from gm_assets.lifting.surface import watertight

#: The variables that configure a model: its address, its name, and the model whose restrictions
#: were read.
URL, MODEL, LICENCE_READ = "GM_LIFT_URL", "GM_LIFT_MODEL", "GM_LIFT_LICENCE_READ"


def _variable(name: str) -> str:
    return os.environ.get(name, "")


@dataclass(frozen=True)
class ModelSettings:
    """Which model is asked, and how.

    Attributes:
        endpoint: its address; `GM_LIFT_URL` by default, and nothing is sent without.
        model: the name that it must have; `GM_LIFT_MODEL` by default, empty for any.
        licence_read: name of the model whose licence's restrictions were read and can be kept;
            `GM_LIFT_LICENCE_READ` by default.
        seed: of its noise.
        prompt: words, for a model that reads them.
        timeout: seconds that it may take.
    """

    endpoint: str = field(default_factory=lambda: _variable(URL))
    model: str = field(default_factory=lambda: _variable(MODEL))
    licence_read: str = field(default_factory=lambda: _variable(LICENCE_READ))
    seed: int = 0
    prompt: str = ""
    timeout: float = 900.0


def lift_model(
    plates: Sequence[Plate], settings: ModelSettings | None = None,
    progress: Progress | None = None,
) -> Lift:  # fmt: skip
    """Geometry as a model imagines it from plates.

    Raises:
        LiftError: no model is configured, it is not the one that was named, its licence has
            restrictions that nobody said to have read, or as `Endpoint.lift`.
    """
    settings = settings or ModelSettings()
    plates = checked(plates, least=1, needs=("picture",))
    if progress:
        progress(0, 1, "waiting for the model")
    answer = ask(plates, settings)
    if progress:
        progress(1, 1, "received")
    return lift_of(answer, settings)


def ask(plates: Sequence[Plate], settings: ModelSettings) -> Answer:
    """What the configured model makes of plates, its file included.

    Raises:
        LiftError: as `lift_model`.
    """
    if not settings.endpoint:
        raise LiftError(
            "no image-to-3D model is configured",
            remedy=f"Start one and set {URL} to its address (docs/lift-models.md), or lift plates "
            "with depth by `relief` or `fusion`",
        )
    endpoint = Endpoint(settings.endpoint)
    card = endpoint.card
    if settings.model and card.name != settings.model:
        raise LiftError(
            f"the model there is {card.name}, not {settings.model}", where=settings.endpoint
        )
    if card.restrictions and settings.licence_read != card.name:
        raise LiftError(
            f"the licence of {card.name} ({card.licence}) has restrictions: "
            + " ".join(card.restrictions),
            where=settings.endpoint,
            remedy=f"Where you can keep them, set {LICENCE_READ}={card.name}",
        )
    order = Order(tuple(plates), settings.seed, settings.prompt)
    return endpoint.lift(order, settings.timeout)


def lift_of(answer: Answer, settings: ModelSettings) -> Lift:
    """A model's answer as a lift: its geometry without textures."""
    parts = answer.sculpt.parts
    starts = np.cumsum([0, *(len(part.vertices) for part in parts)])
    surface = Surface(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate(
            [part.faces + np.uint32(start) for part, start in zip(parts, starts, strict=False)]
        ),
    )
    notes = [
        f"{answer.card.name} imagined what no plate shows; its scale and place are its own.",
        "Textures of the model's file are not part of this surface.",
    ]
    notes += answer.card.restrictions
    return Lift(
        "model",
        surface,
        None,
        geometry="model",
        colour="none",
        watertight=watertight(surface),
        settings=recipe(answer, settings),
        notes=tuple(notes),
    )


def recipe(answer: Answer, settings: ModelSettings) -> dict[str, object]:
    """Plain JSON values for a memory: the model by its hash, never the address it was at."""
    return {
        "model": answer.card.json(),
        "seed": settings.seed,
        "prompt": settings.prompt,
        "glb_sha256": answer.sha256,
    }
