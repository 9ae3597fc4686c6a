"""Skins of glTF documents: vertices where their joints hold them.

Specification: glTF 2.0, section 3.7.3. A skinned mesh is placed by its joints alone; the
transform of its own node is ignored, and many exporters leave another unit or axis there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from gm_assets.sculpt.gltf import Gltf

MOST_JOINTS = 10_000

Floats = NDArray[np.float64]


def joints_of(document: Gltf, skin: Any) -> list[int]:
    """Numbers of the nodes that are a skin's joints.

    Raises:
        UnreadableFile: they are no list of nodes, or more than `MOST_JOINTS`.
    """
    joints = skin.get("joints") if isinstance(skin, dict) else None
    if (
        not isinstance(joints, list)
        or len(joints) > MOST_JOINTS
        or not all(isinstance(one, int) for one in joints)
    ):
        raise document.broken("a skin's joints are no list of nodes")
    return joints


def joint_matrices(document: Gltf, skin: Any, worlds: Mapping[int, Floats]) -> Floats:
    """(j, 4, 4) from the mesh as modelled to the world, for each joint of a skin.

    Args:
        worlds: world transforms of the scene's nodes.

    Raises:
        UnreadableFile: a joint is not in the scene, or the skin contradicts itself.
    """
    joints = joints_of(document, skin)
    if not all(joint in worlds for joint in joints) or not joints:
        raise document.broken("a skin names a joint that is not in the scene")
    matrices = np.stack([worlds[joint] for joint in joints])
    if "inverseBindMatrices" not in skin:
        return matrices
    bound = document.accessor(skin["inverseBindMatrices"], "MAT4").astype(np.float64)
    if len(bound) < len(joints):
        raise document.broken("a skin has fewer matrices than joints")
    # Column by column in the file.
    return matrices @ bound[: len(joints)].reshape(-1, 4, 4).transpose(0, 2, 1)


def posed(
    document: Gltf, attributes: Mapping[str, Any], vertices: Floats, matrices: Floats
) -> Floats:
    """(n, 3) vertices blended between the joints that hold them, up to four each.

    Raises:
        UnreadableFile: joints and weights do not fit the vertices or the skin.
    """
    joints = document.accessor(attributes["JOINTS_0"], "VEC4").astype(np.int64)
    weights = document.accessor(attributes["WEIGHTS_0"], "VEC4").astype(np.float64)
    if not len(joints) == len(weights) == len(vertices):
        raise document.broken("a skinned mesh has not one set of weights for each vertex")
    if len(joints) and not 0 <= joints.min() <= joints.max() < len(matrices):
        raise document.broken("a vertex is held by a joint that its skin does not have")
    total = weights.sum(axis=1, keepdims=True)
    # Exporters round: weights need not add up to one, and loose vertices have none.
    weights = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    weights[total[:, 0] <= 0, 0] = 1
    result = np.zeros_like(vertices)
    with np.errstate(all="ignore"):  # what overflows is refused when it is gathered
        for place in range(4):
            matrix = matrices[joints[:, place]]
            moved = np.einsum("nij,nj->ni", matrix[:, :3, :3], vertices) + matrix[:, :3, 3]
            result += weights[:, place, None] * moved
    return result
