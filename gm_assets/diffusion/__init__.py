"""The leash: diffusion that obeys the geometry of a sculpt.

`open_shader(shader_spec("embedded"))` gives a `Shader`; its `shade` turns words and guides into
frames. docs/leash.md is for users.
"""

from __future__ import annotations

from gm_assets.diffusion.opening import (
    active_fingerprint,
    obstacle,
    open_shader,
    shared_shader,
)
from gm_assets.diffusion.profiles import ShaderSpec, named_shader, shader_spec
from gm_assets.diffusion.protocol import (
    MAPS,
    Guide,
    Identified,
    Reading,
    Settings,
    Shaded,
    Shader,
    Words,
)

__all__ = [
    "MAPS",
    "Guide",
    "Identified",
    "Reading",
    "Settings",
    "Shaded",
    "Shader",
    "ShaderSpec",
    "Words",
    "active_fingerprint",
    "named_shader",
    "obstacle",
    "open_shader",
    "shader_spec",
    "shared_shader",
]
