"""Gaussian splats: fitted to posed plates and drawn, on the processor or on a CUDA device.

`fit_splats(plates)` gives a `Lift`, `render_splats(splats, camera, width, height)` a picture.
The file formats are in `gm_assets.lifting.formats`.
"""

from __future__ import annotations

from gm_assets.lifting.splats.fit import fit_splats
from gm_assets.lifting.splats.raster import render_splats

__all__ = ["fit_splats", "render_splats"]
