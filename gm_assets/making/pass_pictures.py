"""The passes of one view as pictures: what is drawn for each, before it becomes a file."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from gm_assets.errors import GmError
from gm_assets.sculpt import maps
from gm_assets.sculpt.pathtrace import pathtraced

if TYPE_CHECKING:
    from gm_assets.making.passes import Mesh, PassOrder
    from gm_assets.sculpt.rays import Passes
    from gm_assets.sculpt.views import View


class PassPictures:
    """The passes of one view as arrays, each made when it is first needed."""

    def __init__(self, mesh: Mesh, order: PassOrder, view: View) -> None:
        self._mesh, self._order, self._view = mesh, order, view
        self._camera = mesh.model.normalisation.entered(view.camera)

    @cached_property
    def _passes(self) -> Passes:
        passes = self._mesh.scene.passes(self._camera, self._order.width, self._order.height)
        if not passes.silhouette.any():
            raise GmError(
                f"the camera {self._view.name!r} does not see the subject",
                where=self._mesh.path,
                remedy="Choose another view; `hero` always frames it",
            )
        return passes

    def encoded(self, name: str) -> tuple[bytes, dict[str, Any]]:
        """A pass as PNG, and what its recipe has to say about the making."""
        encoder: Callable[[], tuple[bytes, dict[str, Any]]] = {
            "depth": self._depth,
            "normal": lambda: (self._normals(self._passes.normal), {}),
            "normal-world": lambda: (self._normals(self._passes.normal_world), {}),
            "silhouette": self._silhouette,
            "ids": self._ids,
            "skeleton": self._skeleton,
            "pose": self._pose,
            "clay": self._clay,
            "final": self._final,
        }[name]
        data, results = encoder()
        normalisation = self._mesh.model.normalisation
        if normalisation.changes:
            brought = {"factor": normalisation.factor, "offset": list(normalisation.offset)}
            results = {**results, "normalisation": brought}
        return data, results

    def _depth(self) -> tuple[bytes, dict[str, Any]]:
        data, near, far = maps.depth_png(self._passes.depth)
        factor = self._mesh.model.normalisation.factor
        return data, {"near": near / factor, "far": far / factor}

    def _normals(self, normals: np.ndarray) -> bytes:
        return maps.normal_png(normals, self._passes.silhouette)

    def _silhouette(self) -> tuple[bytes, dict[str, Any]]:
        seen = self._passes.silhouette
        samples = self._order.samples
        if samples > 1:
            size = (self._order.width, self._order.height)
            return maps.silhouette_png(
                self._mesh.scene.coverage(self._camera, *size, samples=samples)
            ), {}
        return maps.silhouette_png(seen), {}

    def _ids(self) -> tuple[bytes, dict[str, Any]]:
        return maps.ids_png(self._passes.ids), {"ids": maps.id_table(self._mesh.sculpt)}

    def _skeleton(self) -> tuple[bytes, dict[str, Any]]:
        from gm_assets.sculpt.skeleton import medial_skeleton

        return maps.silhouette_png(medial_skeleton(self._passes.silhouette)), {}

    def _pose(self) -> tuple[bytes, dict[str, Any]]:
        from gm_assets.sculpt.pose import draw_pose, rig_of

        rig = rig_of(self._mesh.data, self._mesh.path)
        if rig is None:
            raise GmError(
                "the mesh has no rig, so it has no pose",
                where=self._mesh.path,
                remedy="Leave the pass `pose` out; `skeleton` is drawn from any silhouette",
            )
        size = (self._order.width, self._order.height)
        return maps.png(draw_pose(rig, self._view.camera, *size)), {"joints": list(rig.names)}

    def _clay(self) -> tuple[bytes, dict[str, Any]]:
        from gm_assets.sculpt.clay import clay

        _ = self._passes  # a camera that sees nothing is refused before the light is set up
        size = (self._order.width, self._order.height)
        return maps.png(clay(self._mesh.scene, self._camera, *size)), {}

    def _final(self) -> tuple[bytes, dict[str, Any]]:
        _ = self._passes
        order = self._order
        picture = pathtraced(self._mesh.scene, self._camera, order.width, order.height, order.final)
        return maps.png(picture), {}
