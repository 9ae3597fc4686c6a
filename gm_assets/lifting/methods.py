"""The methods of lifting by name: what each needs, and what it can and cannot know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, get_args

from gm_assets.errors import LiftError
from gm_assets.lifting.protocol import (
    FieldSettings,
    FusionSettings,
    Geometry,
    HullSettings,
    Lift,
    Lifter,
    Method,
    Plate,
    Progress,
    ReliefSettings,
    SplatSettings,
)


@dataclass(frozen=True)
class MethodFacts:
    """What a method is.

    Attributes:
        name: of the method.
        makes: what comes out.
        least: plates that it needs at least.
        needs: maps of every plate that it needs beside the silhouette.
        geometry: where its geometry comes from.
        knows: what it can know and what it cannot, in one or two sentences.
        settings: class of its settings; None where it has its own.
        home: `module:function` of its lifter.
    """

    name: Method
    makes: str
    least: int
    needs: tuple[str, ...]
    geometry: Geometry
    knows: str
    settings: type | None
    home: str


_METHODS: tuple[MethodFacts, ...] = (
    MethodFacts(
        "hull",
        "watertight mesh",
        3,
        (),
        "silhouettes",
        "The largest solid that agrees with every silhouette. A hollow that no outline shows "
        "stays filled, and what no camera sees from the side is guessed by the others' cones.",
        HullSettings,
        "gm_assets.lifting.hull:lift_hull",
    ),
    MethodFacts(
        "field",
        "watertight mesh",
        6,
        ("picture",),
        "plates",
        "Hollows that colour shows from several sides, within the visual hull. Where the plates "
        "are without texture or contradict each other it stays near the hull.",
        FieldSettings,
        "gm_assets.lifting.field:lift_field",
    ),
    MethodFacts(
        "splats",
        "Gaussian splats",
        6,
        ("picture",),
        "plates",
        "How the subject looks from between the plates. It is no surface: nothing can be "
        "printed or sculpted from it.",
        SplatSettings,
        "gm_assets.lifting.splats:fit_splats",
    ),
    MethodFacts(
        "fusion",
        "watertight mesh",
        3,
        ("depth",),
        "depth of the sculpt",
        "The sculpt's own geometry again, from its depth passes. It says nothing about whether "
        "the plates agree with it.",
        FusionSettings,
        "gm_assets.lifting.fusion:lift_fusion",
    ),
    MethodFacts(
        "relief",
        "open mesh, or a slab with a flat back",
        1,
        ("depth",),
        "depth of the sculpt",
        "The side that one plate shows. The rest is not known and not made up.",
        ReliefSettings,
        "gm_assets.lifting.relief:lift_relief",
    ),
    MethodFacts(
        "drawing",
        "watertight mesh, or a relief",
        1,
        (),
        "drawn outlines",
        "A solid that agrees with two or three drawn outlines; from one outline a swollen relief.",
        None,
        "gm_assets.lifting.drawn_solid:lift_drawing",
    ),
    MethodFacts(
        "model",
        "mesh",
        1,
        ("picture",),
        "model",
        "What a generative model imagines behind one picture. What no plate shows is invented.",
        None,
        "gm_assets.lifting.remote:lift_model",
    ),
)


def methods() -> tuple[MethodFacts, ...]:
    """All methods with what they need and can know."""
    return _METHODS


def method_facts(name: str) -> MethodFacts:
    """The facts of one method.

    Raises:
        LiftError: there is no such method.
    """
    for facts in _METHODS:
        if facts.name == name:
            return facts
    raise LiftError(
        f"there is no method {name!r}", remedy=f"Methods are {', '.join(get_args(Method))}"
    )


def lift(
    plates: Sequence[Plate],
    method: Method,
    settings: Any = None,
    progress: Progress | None = None,
) -> Lift:
    """Geometry from plates by a named method.

    Args:
        settings: of the method's class (`methods()`); its defaults without.
        progress: called as the method goes on.

    Raises:
        LiftError: there is no such method, the settings are another method's, the plates do
            not suffice, do not fit together, or contradict each other.
        MissingExtra: the method needs packages of an extra that is not installed.
    """
    facts = method_facts(method)
    if facts.settings is not None:
        settings = facts.settings() if settings is None else settings
        if not isinstance(settings, facts.settings):
            raise LiftError(
                f"settings of {type(settings).__name__} are not those of method {method!r}",
                remedy=f"Pass a {facts.settings.__name__}",
            )
    module, _, name = facts.home.partition(":")
    lifter: Lifter = getattr(import_module(module), name)
    return lifter(plates, settings, progress)
