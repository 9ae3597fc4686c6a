"""Passes of a drawing: outline, depth and normals that lines alone let one guess.

A sketch that nobody drew from a sculpt has no geometry. What its lines enclose is swollen to a
rounded body (Johnston 2002, "Lumo"; `gm_assets.lifting.inflation` has the method), and that
body's silhouette, depth and normals become files like the passes of a sculpt: each names the
sketch by hash, holds the camera that is thought to have seen the sheet, and says in its recipe
and in its description that it was guessed from a drawing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gm_assets.errors import LiftError
from gm_assets.lifting.drawing import drawing_camera, drawn_outline, inflate, ink
from gm_assets.making.guides import INFLATED, SKETCH, picture_at
from gm_assets.making.keeping import Keeper, Kept, Label, kept_at, recipe_hash
from gm_assets.making.passes import PassSet
from gm_assets.memory.record import Placement
from gm_assets.sculpt import maps

#: Variant of their placements: they never go before the drawing itself.
VARIANT = "inflated"
#: Every pass that a drawing has, and what its description says.
DRAWN: dict[str, str] = {
    "silhouette": "White on what the lines of a drawing enclose.",
    "depth": "Depth of a body inflated from a drawing: 65535 near, 1 far, 0 nothing, linear.",
    "normal": "Normals of a body inflated from a drawing, in camera axes.",
}


def drawn_passes(
    keeper: Keeper, sketch: Kept, placement: Placement, size: tuple[int, int]
) -> PassSet:
    """Make the passes of a drawing, or verify those that are there.

    Args:
        keeper: writes the files, to `passes/sketch-<size>-<8 digits>` below its folder.
        sketch: the drawing, a file of the keeper's library.
        placement: where it stands; its passes stand beside it.
        size: their width and height in pixels, in the drawing's proportions.

    Raises:
        LiftError: there are no lines in the drawing, or they enclose nothing.
        LibraryError: something else lies under the name of a pass.
        UnreadableFile, UnsupportedFormat, TooLarge: the drawing cannot be read.
    """
    return _Passes(keeper, sketch, placement, size).made()


class _Passes:
    """The passes of one drawing on their way into files."""

    def __init__(
        self, keeper: Keeper, sketch: Kept, placement: Placement, size: tuple[int, int]
    ) -> None:
        self._keeper, self._sketch, self._placement, self._size = keeper, sketch, placement, size
        self._camera = drawing_camera(*size)

    def made(self) -> PassSet:
        recipes = {name: self._recipe(name) for name in DRAWN}
        digits = recipe_hash(recipes["depth"])[:8]
        width, height = self._size
        folder = f"passes/{SKETCH}-{width}x{height}-{digits}"
        files: dict[str, Kept] = {}
        made = []
        for name, recipe in recipes.items():
            path = f"{folder}/{name}.png"
            kept = kept_at(
                self._keeper.root,
                "/".join(filter(None, (self._keeper.folder, path))),
                self._keeper.document_id(recipe),
                self._sketch.stage,
            )
            if kept is None:
                kept = self._keep(name, path, recipe)
                made.append(name)
            files[name] = kept
        return PassSet(SKETCH, self._camera, files, tuple(made))

    def _recipe(self, name: str) -> dict[str, Any]:
        """What makes the pass again."""
        width, height = self._size
        return {
            "step": f"{(self._sketch.stage or 'S1').lower()}.{name}",
            "inputs": [self._sketch.content_id],
            "parameters": {
                "view": SKETCH,
                "width": width,
                "height": height,
                "camera": self._camera.model_dump(mode="json"),
                "geometry": INFLATED,
            },
        }

    def _keep(self, name: str, path: str, recipe: Mapping[str, Any]) -> Kept:
        data, results = self._encoded(name)
        title = self._sketch.memory.title or self._placement.chain.replace("-", " ").capitalize()
        placement = self._placement.model_copy(
            update={
                "part": name,
                "view": SKETCH,
                "frame": None,
                "variant": VARIANT,
                "primary": False,
            }
        )
        label = Label(
            f"{title}: {name}", DRAWN[name], (name, "pass", "drawing"), camera=self._camera
        )
        return self._keeper.keep(
            path,
            data,
            placement,
            label,
            recipe,
            (self._sketch.parent("source"),),
            results=results,
        )

    def _encoded(self, name: str) -> tuple[bytes, dict[str, Any]]:
        depth, normal = self._body
        seen = np.isfinite(depth)
        if name == "silhouette":
            return maps.silhouette_png(seen), {}
        if name == "normal":
            return maps.normal_png(normal, seen), {}
        data, near, far = maps.depth_png(depth)
        return data, {"near": near, "far": far}

    @cached_property
    def _body(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Depth and normals of what the drawing shows, as `inflate` gives them."""
        picture = picture_at(self._keeper.root, self._sketch, self._size)
        try:
            return inflate(ink(picture), drawn_outline(picture))
        except LiftError as error:
            raise LiftError(error.what, where=self._sketch.path, remedy=error.remedy) from None
