"""From files to guides: what a frame obeys is read from the very files that its memory names.

Passes come back through `sculpt.maps`, so that their integers decide and not the arrays they
were made from. A sketch becomes lines: its ink against its own paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gm_assets.diffusion.protocol import Guide, Identified, Picture
from gm_assets.errors import GmError
from gm_assets.identity import read_file
from gm_assets.making.keeping import Kept
from gm_assets.memory.record import Camera

if TYPE_CHECKING:
    from gm_assets.making.passes import PassSet

#: Name of the one view of a sketch.
SKETCH = "sketch"
#: Ink weaker than this part of the paper's brightness is grain, not a line.
FAINTEST = 0.06
#: Ink of a sketch whose strongest strokes are weaker than this is not stretched any further.
LEAST_STROKE = 0.18
#: Part of the shorter side within which the brightest place is taken for paper.
PAPER = 1 / 12


@dataclass(frozen=True, eq=False)
class Stand:
    """One view to be shaded: what must be obeyed, and the files that say so.

    Attributes:
        guide: the maps.
        of: the sculpt or the sketch.
        files: the passes by name; empty for a sketch.
    """

    guide: Guide
    of: Kept
    files: Mapping[str, Kept]

    @property
    def view(self) -> str:
        """Name of the view."""
        return self.guide.view

    @property
    def camera(self) -> Camera | None:
        """The camera that saw it; None for a sketch."""
        return self.guide.camera


def stand_of(root: Path, passes: PassSet, mesh: Kept) -> Stand:
    """One view of a mesh, its guide read from the files of its passes.

    Args:
        root: the library's folder.

    Raises:
        UnreadableFile, UnsupportedFormat, TooLarge: a file is not the pass that it should be.
    """
    return Stand(guide_of(root, passes.view, passes.camera, passes.files), mesh, passes.files)


def guide_of(root: Path, view: str, camera: Camera | None, files: Mapping[str, Kept]) -> Guide:
    """The guide that the files of a view's passes hold.

    Args:
        root: the library's folder.
        files: by the names of the passes; at least one.

    Raises:
        UnreadableFile, UnsupportedFormat, TooLarge: a file is not the pass that it should be.
        LibraryError: a depth pass does not state its near and far.
    """
    from gm_assets.making.passes import depth_range, id_names
    from gm_assets.sculpt import maps

    def data(name: str) -> tuple[bytes, str]:
        path = files[name].path
        assert path is not None  # passes are always kept
        return read_file(root / path), path

    table = {}
    if "ids" in files:
        names = id_names(files["ids"].memory)
        table = {number: Identified(**entry) for number, entry in names.items()}
    depth = None
    if "depth" in files:
        (pixels, where), (near, far) = data("depth"), depth_range(files["depth"].memory)
        depth = maps.read_depth(pixels, near, far, where)
    return Guide(
        view=view,
        camera=camera,
        depth=depth,
        normal=maps.read_normal(*data("normal")) if "normal" in files else None,
        silhouette=maps.read_silhouette(*data("silhouette")) if "silhouette" in files else None,
        ids=maps.read_ids(*data("ids")) if "ids" in files else None,
        table=table,
        pose=picture_at(root, files["pose"]) if "pose" in files else None,
    )


def sketch_stand(root: Path, sketch: Kept, size: tuple[int, int]) -> Stand:
    """The guide of a sketch: its lines at that width and height.

    Raises:
        GmError: there are no lines in it.
        UnreadableFile, UnsupportedFormat, TooLarge: it is no picture that can be decoded.
    """
    lines = ink(picture_at(root, sketch, size))
    if not lines.any():
        raise GmError(
            "there are no lines in the sketch",
            where=sketch.path,
            remedy="Choose a drawing whose strokes are darker than its paper",
        )
    return Stand(Guide(SKETCH, lines=lines), sketch, {})


def picture_at(root: Path, kept: Kept, size: tuple[int, int] | None = None) -> Picture:
    """The pixels of a picture, upright RGB, scaled to width and height where they are given.

    Raises:
        UnreadableFile, UnsupportedFormat, TooLarge: as `encoding.view_of`.
    """
    from PIL import Image

    from gm_assets.encoding.view import view_of

    assert kept.path is not None
    written = kept.memory.written
    whole = max(written.width or 1, written.height or 1) if written else 1
    view = view_of(root / kept.path, min(size) if size else whole, kept.path)
    if size is None or (view.shape[1], view.shape[0]) == size:
        return view
    scaled: Picture = np.asarray(Image.fromarray(view).resize(size, Image.Resampling.LANCZOS))
    return scaled


def ink(picture: Picture) -> NDArray[np.float32]:
    """How much ink lies on each pixel of a drawing, 0 for paper to 1.

    The paper is the brightest place around each pixel, smoothed, so that toned, stained and
    unevenly lit sheets come out blank. A drawing in light strokes on a dark ground is turned
    round. The strongest strokes become 1.

    Args:
        picture: (h, w, 3) uint8 sRGB.

    Returns:
        (h, w) float32.
    """
    from scipy import ndimage

    grey = picture.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32) / 255
    if float(np.median(grey)) < 0.4:
        grey = 1 - grey
    reach = max(3, round(min(grey.shape) * PAPER))
    # The grain of paper must not pass for its brightness: look at a slightly blurred sheet.
    sheet = ndimage.maximum_filter(ndimage.gaussian_filter(grey, 1.0), size=reach)
    sheet = ndimage.gaussian_filter(sheet, reach / 2)
    found = np.clip(1 - grey / np.maximum(sheet, 1e-3) - FAINTEST, 0, 1)
    strongest = max(float(np.quantile(found, 0.99)), LEAST_STROKE)
    lines: NDArray[np.float32] = np.clip(found / strongest, 0, 1).astype(np.float32)
    return lines
