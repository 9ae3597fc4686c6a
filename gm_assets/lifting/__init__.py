"""Back into 3D: posed plates become geometry that can be edited.

`lift(plates, "field")` gives a `Lift`; `methods()` says what each method needs and can know.
docs/lifting.md is for users.
"""

from __future__ import annotations

from gm_assets.lifting.methods import MethodFacts, lift, method_facts, methods
from gm_assets.lifting.protocol import (
    FieldSettings,
    FusionSettings,
    HullSettings,
    Lift,
    Lifter,
    Method,
    Plate,
    Progress,
    ReliefSettings,
    Splats,
    SplatSettings,
    Surface,
)

__all__ = [
    "FieldSettings",
    "FusionSettings",
    "HullSettings",
    "Lift",
    "Lifter",
    "Method",
    "MethodFacts",
    "Plate",
    "Progress",
    "ReliefSettings",
    "SplatSettings",
    "Splats",
    "Surface",
    "lift",
    "method_facts",
    "methods",
]
