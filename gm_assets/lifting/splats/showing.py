"""A picture of splats by themselves, for thumbnails: the view and paper of a clay render."""

from __future__ import annotations

import numpy as np

from gm_assets.lifting.protocol import Picture, Splats
from gm_assets.lifting.splats.raster import render_splats
from gm_assets.sculpt.cameras import frame
from gm_assets.sculpt.clay import backdrop, toned

#: Splats fainter than this, and the outermost part of the others, do not decide what is framed:
#: a few strays would shrink the subject to a speck.
_FAINT, _STRAYS = 0.1, 0.005


def portrait(splats: Splats, size: int) -> Picture:
    """(size, size, 3) uint8 sRGB of the splats from the front left.

    Raises:
        MissingExtra: numba is not installed.
    """
    solid = splats.positions[splats.opacities > _FAINT].astype(np.float64)
    cloud = solid if len(solid) else splats.positions.astype(np.float64)
    low, high = np.quantile(cloud, [_STRAYS, 1 - _STRAYS], axis=0)
    if not (high - low).max() > 0:  # one splat, or all at one place: as far as they spread
        reach = max(3 * float(splats.scales.max()), 1e-3)
        low, high = low - reach, high + reach
    corners = np.array(np.meshgrid(*np.stack([low, high], axis=1))).reshape(3, -1).T
    paper = toned(backdrop(size, size)).astype(np.float64) / 255
    picture, _ = render_splats(splats, frame(corners), size, size, background=paper)
    return picture
