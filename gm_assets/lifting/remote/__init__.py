"""Image-to-3D models that run elsewhere: another process, another machine, another licence.

Plates go out, one GLB comes back (`contract` has the form). Nothing is sent anywhere unless a
user names the address, by `ModelSettings.endpoint` or the variable `GM_LIFT_URL`. `catalogue`
says which models are known, under which licences; `python -m gm_assets.lifting.remote.serve`
serves one. docs/lift-models.md is for users.
"""

from __future__ import annotations

from gm_assets.lifting.remote.catalogue import KnownModel, known_models
from gm_assets.lifting.remote.client import Answer, Endpoint
from gm_assets.lifting.remote.contract import ModelCard, Order
from gm_assets.lifting.remote.lifter import ModelSettings, lift_model
from gm_assets.lifting.remote.process import serving

__all__ = [
    "Answer",
    "Endpoint",
    "KnownModel",
    "ModelCard",
    "ModelSettings",
    "Order",
    "known_models",
    "lift_model",
    "serving",
]
