"""The medial skeleton of a silhouette: the middle lines of what is seen, one pixel wide.

It is a skeleton of the shape in the picture, by topology-preserving thinning (Zhang and Suen
1984), and no pose: where an asset has a rig, `pose` draws its joints.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def medial_skeleton(silhouette: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(h, w) True on the middle lines of a silhouette; every one of its islands keeps one."""
    from skimage.morphology import skeletonize

    # The border is paper: a subject that the picture cuts has its outline there.
    thinned = skeletonize(np.pad(silhouette, 1))
    return np.asarray(thinned[1:-1, 1:-1], bool)
