"""What stays from turn to turn: the shapes of a chain compared, generation by generation.

The shapes are the sculpt of each generation and the structure that came of the last one. They
are compared with the first and with the one before: silhouettes from the cameras of one
turntable, distances between surfaces, and the look of the frames as the encoder sees it. A loop
that keeps its subject has a flat curve; the null is what other subjects of the library reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gm_assets.errors import GmError, LibraryError, NotFound
from gm_assets.making.keeping import Kept, kept_at
from gm_assets.making.sources import Chain
from gm_assets.making.structures import sculpt_at
from gm_assets.memory.files import read_memory
from gm_assets.memory.record import Camera, chain_key, parse_chain_key

if TYPE_CHECKING:
    from gm_assets.library import Library
    from gm_assets.sculpt.model import Sculpt
    from gm_assets.sculpt.rays import Scene

#: Views of the turntable, and the side of their silhouettes in pixels.
VIEWS, SIDE = "turntable:8@10/35", 256
#: Other subjects that the null is taken over.
OTHERS = 6
#: Frames of a generation whose vectors make up its look, at most.
MOST_FRAMES = 256

_SHAPES = """
select p.generation, p.stage, p.part, p."primary", a.path, a.document_id, a.content_id
from placements p join assets a using (document_id)
where p.chain = ? and a.kind = 'model' and not a.provisional and p.part <> 'splats'
  and (p.stage = 'S5' or (p.stage = 'S3' and p.part = 'mesh'))
order by p.generation, p.stage, p."primary" desc, a.path"""
_FRAMES = """
select distinct a.path from placements p join assets a using (document_id)
where p.key = ? and p.stage = 'S4' and a.kind = 'image' order by a.path"""


@dataclass(frozen=True)
class Compared:
    """One shape against another.

    Attributes:
        silhouette_iou: mean over the views, each from the same camera, 0 to 1.
        point_to_surface: mean distance from the shape to the other, as a part of the diagonal
            of the other.
        completeness: share of the other that the shape comes near to.
        look: cosine of the mean vectors of the frames; None where one has no frames or vectors.
    """

    silhouette_iou: float
    point_to_surface: float | None
    completeness: float | None
    look: float | None


@dataclass(frozen=True)
class Shape:
    """One shape of a chain.

    Attributes:
        key: of the generation, e.g. `seam-keeper.g02`.
        stage: `S3` for a sculpt, `S5` for the structure that came of the last generation.
        path, content_id: the file.
        frames: frames that obey it; none for a structure that nothing was made from yet.
        first, before: against the first shape, and against the one before; None for the first.
    """

    key: str
    stage: str
    path: str
    content_id: str
    frames: int
    first: Compared | None
    before: Compared | None


@dataclass(frozen=True)
class Persistence:
    """The shapes of a chain in their order.

    Attributes:
        chain: its name.
        shapes: the first is what the others are compared with.
        null: mean silhouette IoU of other subjects with the first shape, each framed by its own
            turntable; None where there are none.
    """

    chain: str
    shapes: tuple[Shape, ...]
    null: float | None

    def json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class _Seen:
    """A shape made ready to be compared."""

    sculpt: Sculpt
    scene: Scene
    outlines: tuple[NDArray[np.bool_], ...]
    look: NDArray[np.float32] | None


def persistence(library: Library, chain: str) -> Persistence:
    """Compare the shapes of a chain.

    Args:
        chain: its name, or the key of one of its generations.

    Raises:
        NotFound: there is no such chain, or it has no shape.
        LibraryError: a file was edited since it was taken in. UnreadableFile: it is damaged.
    """
    try:
        name = parse_chain_key(chain)[0]
    except ValueError as error:
        raise NotFound(str(error), remedy="`gm chains` lists the chains") from None
    files = _files(library, name)
    if not files:
        raise NotFound(
            "the chain has no sculpt and no structure that could be compared",
            where=name,
            remedy="Give it a sculpt (gm place), or lift its plates (gm lift)",
        )
    cameras: tuple[Camera, ...] = ()
    shapes: list[Shape] = []
    seen: list[_Seen] = []
    for key, stage, kept in files:
        sculpt = sculpt_at(library.root, kept)
        cameras = cameras or _cameras(sculpt)
        frames = _frames(library, key) if stage == "S3" else ()
        seen.append(_seen(library, sculpt, cameras, frames))
        first = _compared(seen[-1], seen[0]) if shapes else None
        before = _compared(seen[-1], seen[-2]) if shapes else None
        assert kept.path is not None
        shapes.append(Shape(key, stage, kept.path, kept.content_id, len(frames), first, before))
    return Persistence(name, tuple(shapes), _null(library, name, seen[0]))


def _files(library: Library, name: str) -> list[tuple[str, str, Kept]]:
    """The sculpt of each generation, and the structure of the last: key, stage and file."""
    sculpts: dict[int, tuple[str, str]] = {}
    structures: dict[int, tuple[str, str]] = {}
    for generation, stage, _, _, path, document, _ in (
        library.catalogue().execute(_SHAPES, [name]).fetchall()
    ):
        (sculpts if stage == "S3" else structures).setdefault(generation, (path, document))
    found = []
    for generation in sorted({*sculpts, *structures}):
        for stage, files in (("S3", sculpts), ("S5", structures)):
            # A structure that re-entered is the next generation's sculpt: it counts once.
            reentered = stage == "S5" and generation + 1 in sculpts
            if generation in files and not reentered:
                kept = _sound(library, *files[generation], stage)
                found.append((chain_key(name, generation), stage, kept))
    return found


def _sound(library: Library, path: str, document: str, stage: str) -> Kept:
    kept = kept_at(library.root, path, document, stage)  # type: ignore[arg-type]
    if kept is None:
        raise LibraryError(
            "its content is not the one that its memory states, or it was moved",
            where=library.root / path,
            remedy="`gm revise` keeps the edit, `gm ingest` takes in what was moved",
        )
    return kept


def _cameras(sculpt: Sculpt) -> tuple[Camera, ...]:
    from gm_assets.sculpt.views import views_of

    return tuple(view.camera for view in views_of(sculpt, [VIEWS]))


def _seen(
    library: Library, sculpt: Sculpt, cameras: Sequence[Camera], frames: Sequence[str]
) -> _Seen:
    from gm_assets.sculpt.rays import Scene

    scene = Scene(sculpt)
    outlines = tuple(scene.silhouette(camera, SIDE, SIDE) for camera in cameras)
    return _Seen(sculpt, scene, outlines, _look(library, frames))


def _frames(library: Library, key: str) -> tuple[str, ...]:
    return tuple(path for (path,) in library.catalogue().execute(_FRAMES, [key]).fetchall())


def _look(library: Library, frames: Sequence[str]) -> NDArray[np.float32] | None:
    """The mean of the vectors that the frames' memories hold, of length 1; None without any."""
    from gm_assets.encoding import active_fingerprint, unpack

    spec = library.encoder_spec()
    if spec is None or not frames:
        return None
    rows = []
    try:
        model = active_fingerprint(spec)
    except GmError:  # no model here: nobody knows which vectors are its
        return None
    for path in frames[:MOST_FRAMES]:
        try:
            memory = read_memory(library.root / path).memory
            found = memory.embeddings if memory else ()
            rows += [unpack(one).astype(np.float32) for one in found if one.model == model]
        except GmError:  # a frame that cannot be read has no look
            continue
    if not rows:
        return None
    mean: NDArray[np.float32] = np.mean(rows, axis=0)
    return mean / max(float(np.linalg.norm(mean)), 1e-9)


def _compared(shape: _Seen, other: _Seen) -> Compared:
    from gm_assets.lifting.measures import compare
    from gm_assets.lifting.protocol import Surface

    vertices, faces = shape.scene.vertices, shape.scene.faces
    distances = None
    if len(faces):
        distances = compare(Surface(vertices, faces), other.sculpt)
    look = None
    if shape.look is not None and other.look is not None:
        look = round(float(shape.look @ other.look), 4)
    return Compared(
        round(_agreement(shape.outlines, other.outlines), 4),
        round(distances.point_to_surface, 5) if distances else None,
        round(distances.completeness, 4) if distances else None,
        look,
    )


def _agreement(outlines: Sequence[NDArray[np.bool_]], others: Sequence[NDArray[np.bool_]]) -> float:
    from gm_assets.lifting.measures import silhouette_iou

    return float(np.mean([silhouette_iou(a, b) for a, b in zip(outlines, others, strict=True)]))


def _null(library: Library, name: str, first: _Seen) -> float | None:
    """What other subjects reach, each framed as large as it is."""
    from gm_assets.sculpt.rays import Scene
    from gm_assets.sculpt.reading import read_sculpt

    scores = []
    for path in Chain(library, f"{name}.g01", None, None, None, "", {}).meshes_of_others(OTHERS):
        try:
            sculpt = read_sculpt(library.root / path)
            cameras = _cameras(sculpt)
        except GmError:
            continue
        scene = Scene(sculpt)
        outlines = [scene.silhouette(camera, SIDE, SIDE) for camera in cameras]
        scores.append(_agreement(outlines, first.outlines))
    return round(float(np.mean(scores)), 4) if scores else None
