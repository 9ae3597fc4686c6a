"""Files of Gaussian splats: GLB, PLY and USD, made as bytes; GLB and PLY are read as well.

What is read may be anybody's: counts are bounded before arrays are made, values that are not
finite or out of their range are refused, and nothing outside the bytes is opened. A memory is
written into these files by `gm_assets.memory`.
"""

from __future__ import annotations

from gm_assets.lifting.formats.reading import splats_in
from gm_assets.lifting.formats.splat_glb import read_splat_glb, splat_glb
from gm_assets.lifting.formats.splat_ply import read_splat_ply, splat_ply
from gm_assets.lifting.formats.splat_usd import splat_usd

__all__ = [
    "read_splat_glb",
    "read_splat_ply",
    "splat_glb",
    "splat_ply",
    "splat_usd",
    "splats_in",
]
