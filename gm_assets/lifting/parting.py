"""Which part of the sculpt each face of a lifted surface is: what the plates were made under.

A plate that obeyed an id pass shows in every pixel one known part of the sculpt. Faces are seen
by the plates, those votes are weighed, and what no plate saw takes the part of the surface
around it. So a lifted mesh that re-enters the loop still says what of it is a living body.

The votes are the projection of labels as in multi-view texturing (after Lempitsky and Ivanov
2007, without their seam term): squarely seen and far from the border of a part counts most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse import csgraph
from scipy.spatial import cKDTree

from gm_assets.lifting.protocol import PartLabel, Plate, Surface
from gm_assets.lifting.surface import sculpt_of, sight_of
from gm_assets.sculpt.pieces import MOST_TRIANGLES
from gm_assets.sculpt.rays import Scene
from gm_assets.sculpt.shading import face_normals, unit

#: Methods whose surfaces are parted: their plates surround the subject.
METHODS: tuple[str, ...] = ("hull", "field", "fusion")
#: Most parts that are told apart, and the name of what no plate can tell.
MOST_PARTS = 256
UNSEEN = PartLabel("unseen")
#: Faces of the smallest island; smaller ones are flaws of the projection beside a border. More
#: would smooth the borders of large parts and cost small ones, such as a head below a helmet.
ISLAND = 4
#: Places of a face that are looked at, as weights of its corners: its centre, and the three
#: points of the rule of degree two (Strang and Fix 1973), since a border may cross it.
_PLACES = np.array([[2, 2, 2], [4, 1, 1], [1, 4, 1], [1, 1, 4]]) / 6
#: Pixels from the border of a part from which a vote counts in full.
_FULL = 3.0
_NONE = -1


@dataclass(frozen=True, eq=False)
class Parting:
    """A surface whose faces are parts of the sculpt.

    Attributes:
        surface: the same mesh, its faces in the order of their parts; without labels where no
            plate could tell anything of it.
        unseen: share of its area that no plate saw, 0 to 1.
        alone: share of its area in pieces of which no plate saw anything; part of `unseen`.
    """

    surface: Surface
    unseen: float
    alone: float

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the parts must know, one sentence each."""
        if self.surface.parts is None:
            what = "no plate names one where it sees the surface, or the mesh is too large"
            return (f"Its parts are not known: {what}.",)
        around = self.unseen - self.alone
        notes = []
        if round(around, 3):
            notes.append(
                f"{around:.1%} of the surface was seen by no plate; its parts are those of its "
                "surroundings."
            )
        if round(self.alone, 3):
            notes.append(
                f"{self.alone:.1%} of the surface are pieces that no plate saw: the part "
                f"{UNSEEN.name}, without a class."
            )
        return tuple(notes)

    def json(self) -> dict[str, Any]:
        """Where the parts come from and how many faces each has, as plain JSON values."""
        surface = self.surface
        counts = np.bincount([] if surface.parts is None else surface.parts,
                             minlength=len(surface.labels))  # fmt: skip
        return {
            "from": "ids passes",
            "faces": [
                {"name": label.name, "semantic": label.semantic, "count": int(count)}
                for label, count in zip(surface.labels, counts, strict=True)
            ],
            "unseen": round(self.unseen, 4),
        }


def labels_of(tables: Sequence[Mapping[int, PartLabel]]) -> tuple[PartLabel, ...]:
    """The different parts that tables of id passes name, in the order of their ids."""
    return tuple(dict.fromkeys(label for table in tables for _, label in sorted(table.items())))


def tell_apart(tables: Sequence[Mapping[int, PartLabel]]) -> bool:
    """Whether every plate has a table, and together they name at least two parts.

    More than `MOST_PARTS` are not told apart.
    """
    return bool(tables) and all(tables) and 2 <= len(labels_of(tables)) <= MOST_PARTS


def parted(surface: Surface, plates: Sequence[Plate]) -> Parting:
    """The surface with the part of every face, by the id maps of the plates.

    A face is looked at in four places. Each plate that sees one of them (the surface itself
    hides what lies behind it) votes for the part that its pixel was made under, by the square
    of the cosine between normal and view and less beside the border of a part; a pixel outside
    the silhouette, or whose id has no label, does not vote. Faces without votes, and islands
    of fewer than `ISLAND` faces that are not all of their part, take the part that is nearest
    along the mesh; walls of a closed cavity, that of the solid around it. Equal inputs give
    equal parts; nothing here runs on several threads.

    Args:
        plates: those without id maps are passed over.
    """
    labels = labels_of([plate.labels for plate in plates if plate.ids is not None])
    used = len(surface.vertices) * (len(labels) + 1)
    area = np.linalg.norm(face_normals(surface.vertices, surface.faces), axis=1)
    if not labels or used > 3 * MOST_TRIANGLES or not area.sum() > 0:
        return Parting(surface, 1.0, 1.0)
    voted = _voted(surface, plates, {label: number for number, label in enumerate(labels)})
    if (voted == _NONE).all():
        return Parting(surface, 1.0, 1.0)
    mesh = _neighbours(surface)
    parts = _with_cavities(_without_islands(_filled(voted, mesh), mesh), mesh, surface)
    alone = parts == _NONE
    parts[alone] = len(labels)
    present, numbered = np.unique(parts, return_inverse=True)
    order = np.argsort(numbered, kind="stable")
    kept = replace(
        surface,
        faces=surface.faces[order],
        labels=tuple((*labels, UNSEEN)[number] for number in present),
        parts=numbered[order].astype(np.int32),
    )
    shares = [float(area[some].sum() / area.sum()) for some in (voted == _NONE, alone)]
    return Parting(kept, *shares)


def _voted(
    surface: Surface, plates: Sequence[Plate], numbers: Mapping[PartLabel, int]
) -> NDArray[np.int64]:
    """(m,) the number of the part with the most votes; `_NONE` for faces without any."""
    scene = Scene(sculpt_of(surface, "surface"))
    corners = surface.vertices[surface.faces].astype(np.float64)
    normals = unit(face_normals(surface.vertices, surface.faces))
    shape = (len(surface.faces), len(numbers))
    votes = sparse.csr_matrix(shape)
    for plate in plates:
        if plate.ids is None:
            continue
        table = np.full(int(plate.ids.max(initial=0)) + 1, _NONE)
        for number, label in plate.labels.items():
            if 0 < number < len(table):
                table[number] = numbers[label]
        part = np.where(plate.mask, table[plate.ids], _NONE)
        inner = _inner(plate.ids)
        for place in _PLACES:
            points = np.einsum("ijk,j->ik", corners, place)
            sight = sight_of(surface, scene, plate, points, normals)
            found = part[sight.row, sight.column]
            known = found != _NONE
            weight = sight.cosine**2 * inner[sight.row, sight.column] ** 2
            where = (sight.seen[known], found[known])
            votes = votes + sparse.csr_matrix((weight[known], where), shape)
    best = np.asarray(votes.argmax(axis=1)).reshape(-1)
    return np.where(np.diff(votes.indptr) > 0, best, _NONE)


def _inner(ids: NDArray[np.uint32]) -> NDArray[np.float64]:
    """(h, w) how far inside its part a pixel lies: 1/3 at the border, 1 from three pixels on."""
    highest = ndimage.maximum_filter(ids, 3, mode="nearest")
    lowest = ndimage.minimum_filter(ids, 3, mode="nearest")
    border = highest != lowest
    if not border.any():
        return np.ones(ids.shape)
    return np.minimum(ndimage.distance_transform_edt(~border) + 1, _FULL) / _FULL


def _neighbours(surface: Surface) -> sparse.csr_matrix:
    """(m, m) metres between the centres of faces that share an edge."""
    faces = surface.faces.astype(np.int64)
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    key = edges[:, 0] * len(surface.vertices) + edges[:, 1]
    order = np.argsort(key, kind="stable")
    same = np.flatnonzero(np.diff(key[order]) == 0)
    one, other = order[same] % len(faces), order[same + 1] % len(faces)
    centres = surface.vertices[surface.faces].astype(np.float64).mean(axis=1)
    # A length of zero would be no edge to a sparse matrix.
    length = np.maximum(np.linalg.norm(centres[one] - centres[other], axis=1), 1e-12)
    graph = sparse.coo_matrix((length, (one, other)), (len(faces), len(faces))).tocsr()
    return graph.maximum(graph.T).tocsr()


def _filled(parts: NDArray[np.int64], mesh: sparse.csr_matrix) -> NDArray[np.int64]:
    """Faces without a part with that of the nearest face along the mesh that has one.

    Pieces of the mesh in which none has any stay without.
    """
    open_ = parts == _NONE
    beside = np.asarray(mesh[open_].sum(axis=0)).reshape(-1) > 0
    sources = np.flatnonzero(~open_ & beside)
    if not len(sources):
        return parts.copy()
    distance, _, nearest = csgraph.dijkstra(
        mesh, directed=False, indices=sources, min_only=True, return_predecessors=True
    )
    reached = open_ & np.isfinite(distance)
    return np.where(reached, parts[np.where(reached, nearest, 0)], parts)


def _with_cavities(
    parts: NDArray[np.int64], mesh: sparse.csr_matrix, surface: Surface
) -> NDArray[np.int64]:
    """Walls of closed cavities without a part as that of the nearest face that has one.

    What lies between the two is the solid itself, so they bound the same body; any other piece
    that nobody saw is a body of its own.
    """
    alone = np.flatnonzero(parts == _NONE)
    if not len(alone):
        return parts
    _, piece = csgraph.connected_components(mesh[alone][:, alone], directed=False)
    corners = surface.vertices[surface.faces].astype(np.float64)
    # Six times the volume between a triangle and the origin; negative in all for a cavity.
    a, b, c = corners[alone].transpose(1, 0, 2)
    volume = np.bincount(piece, np.einsum("ij,ij->i", a, np.cross(b, c)))
    cavity = alone[volume[piece] < 0]
    known = np.flatnonzero(parts != _NONE)
    centres = corners.mean(axis=1)
    _, nearest = cKDTree(centres[known]).query(centres[cavity])
    filled = parts.copy()
    filled[cavity] = parts[known[nearest]]
    return filled


def _without_islands(parts: NDArray[np.int64], mesh: sparse.csr_matrix) -> NDArray[np.int64]:
    """Islands of fewer than `ISLAND` faces as part of what is around them.

    The largest piece of a part stays however small it is, as does what nothing is around.
    """
    pairs = mesh.tocoo()
    inside = parts[pairs.row] == parts[pairs.col]
    joined = sparse.csr_matrix((pairs.data[inside], (pairs.row[inside], pairs.col[inside])),
                               mesh.shape)  # fmt: skip
    count, piece = csgraph.connected_components(joined, directed=False)
    sizes = np.bincount(piece, minlength=count)
    first = np.unique(piece, return_index=True)[1]
    order = np.lexsort((np.arange(count), -sizes, parts[first]))
    largest = np.zeros(count, bool)
    largest[order[np.unique(parts[first][order], return_index=True)[1]]] = True
    island = ((sizes < ISLAND) & ~largest)[piece]
    filled = _filled(np.where(island, _NONE, parts), mesh)
    return np.where(filled == _NONE, parts, filled)
