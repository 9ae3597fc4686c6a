"""From files to guides: what a frame obeys is read from the very files that its memory names.

Passes come back through `sculpt.maps`, so that their integers decide and not the arrays they
were made from. A sketch becomes lines: its ink against its own paper. For a model that takes no
lines, `drawn` makes passes of it.
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
from gm_assets.memory.record import Camera, Parent

if TYPE_CHECKING:
    from gm_assets.making.passes import PassSet

#: Name of the one view of a sketch.
SKETCH = "sketch"
#: What recipes call the way from a drawing to a body, where no sculpt was there to obey.
INFLATED = "inflated from the outline of the drawing (Johnston 2002, Lumo)"


@dataclass(frozen=True, eq=False)
class Stand:
    """One view to be shaded: the files that say what must be obeyed.

    Attributes:
        root: the library's folder.
        view: its name.
        size: width and height of its maps in pixels.
        sources: the files by name: `sculpt`, `sketch`, and passes by theirs.
        camera: the camera that saw it, or is thought to have seen a sheet; None for lines alone.
    """

    root: Path
    view: str
    size: tuple[int, int]
    sources: Mapping[str, Kept]
    camera: Camera | None = None

    @property
    def guide(self) -> Guide:
        """The maps, read from the files each time: a turntable's would not fit into memory.

        Raises:
            GmError: as `guide_of`.
        """
        return guide_of(self.root, self.view, self.sources, self.camera, self.size)

    @property
    def passes(self) -> bool:
        """Whether there are passes, and not the lines of a sketch alone."""
        return self.sources.keys() != {"sketch"}

    @property
    def drawn(self) -> bool:
        """Whether the passes were guessed from a drawing, and not made from a sculpt."""
        return self.passes and "sculpt" not in self.sources

    @property
    def parents(self) -> tuple[Parent, ...]:
        """The links that its frames declare: a sketch is their source, the rest geometry."""
        return tuple(
            kept.parent("source" if name == "sketch" else "geometry")
            for name, kept in self.sources.items()
        )


def stand_of(
    root: Path, passes: PassSet, sculpt: Kept | None = None, sketch: Kept | None = None
) -> Stand:
    """One view with its passes.

    Args:
        root: the library's folder.
        sculpt: what they were made from; None for those of a drawing.
        sketch: a drawing of the sculpt in that view, whose lines are to be obeyed as well, or
            the one that the passes were guessed from.
    """
    drawn = {} if sketch is None else {"sketch": sketch}
    made = {} if sculpt is None else {"sculpt": sculpt}
    written = next(iter(passes.files.values())).memory.written
    assert written is not None and written.width and written.height  # passes are pictures
    sources = {**drawn, **made, **passes.files}
    return Stand(root, passes.view, (written.width, written.height), sources, passes.camera)


def sketch_stand(root: Path, sketch: Kept, size: tuple[int, int]) -> Stand:
    """A sketch alone, its lines at that width and height."""
    return Stand(root, SKETCH, size, {"sketch": sketch})


def guide_of(
    root: Path,
    view: str,
    sources: Mapping[str, Kept],
    camera: Camera | None = None,
    size: tuple[int, int] | None = None,
) -> Guide:
    """The guide that files hold: passes of one view, or a sketch, or both.

    Args:
        root: the library's folder.
        sources: as `Stand.sources`.
        size: width and height of the lines; those of the sketch by default.

    Raises:
        UnreadableFile, UnsupportedFormat, TooLarge: a file is not what it should be.
        LibraryError: a depth pass does not state its near and far.
        GmError: there are no lines in the sketch.
    """
    from gm_assets.making.passes import depth_range, id_names
    from gm_assets.sculpt import maps

    def data(name: str) -> tuple[bytes, str]:
        path = sources[name].path
        assert path is not None  # passes are always kept
        return read_file(root / path), path

    table = {}
    if "ids" in sources:
        names = id_names(sources["ids"].memory)
        table = {number: Identified(**entry) for number, entry in names.items()}
    depth = None
    if "depth" in sources:
        (pixels, where), (near, far) = data("depth"), depth_range(sources["depth"].memory)
        depth = maps.read_depth(pixels, near, far, where)
    return Guide(
        view=view,
        camera=camera,
        depth=depth,
        normal=maps.read_normal(*data("normal")) if "normal" in sources else None,
        silhouette=maps.read_silhouette(*data("silhouette")) if "silhouette" in sources else None,
        ids=maps.read_ids(*data("ids")) if "ids" in sources else None,
        table=table,
        pose=picture_at(root, sources["pose"]) if "pose" in sources else None,
        lines=_lines(root, sources["sketch"], size) if "sketch" in sources else None,
    )


def _lines(root: Path, sketch: Kept, size: tuple[int, int] | None) -> NDArray[np.float32]:
    from gm_assets.lifting.drawing import ink

    lines = ink(picture_at(root, sketch, size))
    if not lines.any():
        raise GmError(
            "there are no lines in the sketch",
            where=sketch.path,
            remedy="Choose a drawing whose strokes are darker than its paper",
        )
    return lines


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
