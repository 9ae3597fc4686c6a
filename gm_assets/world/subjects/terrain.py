"""Ground as height fields: watertight slabs under citadels, docks and dunes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gm_assets.world.sdf.meshing import Mesh, simplified

Array = NDArray[np.float64]


def heightfield(
    across: tuple[float, float],
    deep: tuple[float, float],
    number: int,
    height: Callable[[Array, Array], Array],
    *,
    floor: float,
    tolerance: float,
) -> Mesh:
    """A slab whose upper side follows `height`.

    Args:
        across: least and greatest x, metres.
        deep: least and greatest z, metres.
        number: samples along the longer side.
        height: from x and z (n,) to y (n,), metres.
        floor: y of the flat underside, below every height.
        tolerance: of the simplification, metres.
    """
    wide, long = across[1] - across[0], deep[1] - deep[0]
    columns = max(4, round(number * wide / max(wide, long)))
    rows = max(4, round(number * long / max(wide, long)))
    x, z = np.meshgrid(np.linspace(*across, columns), np.linspace(*deep, rows))
    flat_x, flat_z = x.ravel(), z.ravel()
    top = np.stack([flat_x, height(flat_x, flat_z), flat_z], axis=-1)
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b = index[:-1, :-1].ravel(), index[:-1, 1:].ravel()
    c, d = index[1:, 1:].ravel(), index[1:, :-1].ravel()
    faces = np.concatenate([np.stack([a, d, c], -1), np.stack([a, c, b], -1)])
    rim = np.concatenate([index[0, :-1], index[:-1, -1], index[-1, :0:-1], index[:0:-1, 0]])
    count = len(top)
    foot = top[rim] * [1.0, 0.0, 1.0] + [0.0, floor, 0.0]
    middle = np.array([[sum(across) / 2, floor, sum(deep) / 2]])
    i = np.arange(len(rim))
    j = (i + 1) % len(rim)
    skirt = np.concatenate(
        [
            np.stack([rim[i], rim[j], count + j], -1),
            np.stack([rim[i], count + j, count + i], -1),
            np.stack([count + i, count + j, np.full(len(rim), count + len(rim))], -1),
        ]
    )
    slab = Mesh(np.concatenate([top, foot, middle]), np.concatenate([faces, skirt]))
    return simplified(slab, tolerance)
