"""Whether a frame obeys its guide, read from the pixels without a trained model.

The silhouette is read as a hypothesis: does the picture look different inside and outside of
this outline, place by place? Every pixel goes to the side whose colours, within a window around
it, it resembles more (the local region statistics of Lankton and Tannenbaum 2008, "Localizing
region-based active contours", with the linear discriminant of Fisher 1936); the intersection
over union of that with the outline is the measure. Being given the outline flatters any
outline, so the outlines of other subjects, brought to the same place and area, are read in the
same way: they are the null, and what counts is how far the own one stands above it.

Fog and darkness hide outlines. How much of the outline can be seen at all is measured beside,
and a frame whose outline is not there to be seen is called unread, not disobedient.

The thresholds are set by true renders of the procedural world (`python -m benchmarks.obedience`
measures them, docs/obedience.md has the figures).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gm_assets.diffusion.protocol import Guide, Picture

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Verdict: TypeAlias = Literal["obeyed", "disobeyed", "unread"]

#: Name and version of the way in which silhouettes are read; figures of two are not compared.
READER = "local-contrast-1"
#: Long side in pixels at which a frame is read.
SIDE = 256
#: Colour difference that is just noticeable, in CIELAB (Mahy, Van Eycken, Oosterlinck 1994).
NOTICEABLE = 2.3
#: Standard deviation in pixels of the window within which inside and outside are compared ...
_WINDOW = 16
#: ... and of the one within which an outline is looked for.
_CLOSE = 3.0
#: The window is summed on a grid this much coarser than the picture.
_COARSE = 4
#: Within-class variance below which differences in features are not trusted.
_NOISE = 0.02
#: Distance in pixels between an edge of the guide and the edge of the picture that meets it.
_REACH = 1.5
#: Distance in pixels from an outline within which its subject might stand instead.
_NEAR = 20
#: Displacements of the edges in pixels that give the agreement by chance.
_ASIDE = (-20, -13, 13, 20)
#: A step in depth is an edge where it exceeds this part of the depth itself.
_STEP = 0.04
#: Fewest pixels of a subject from which its shading is judged.
_FEWEST = 400


@dataclass(frozen=True)
class Thresholds:
    """What a frame must reach to be called obedient.

    Attributes:
        iou: of the silhouette as read.
        margin: of that over the null.
        edges: agreement above chance.
        seen: part of the outline; a frame that fails and shows less of it may be unread.
    """

    iou: float = 0.35
    margin: float = 0.08
    edges: float = 0.3
    seen: float = 0.35


@dataclass(frozen=True)
class Agreement:
    """A measure between 0 and 1 and what chance gives for it."""

    value: float
    chance: float

    @property
    def above(self) -> float:
        """How far it stands above chance: 0 for chance, 1 for perfect agreement."""
        return (self.value - self.chance) / max(1 - self.chance, 1e-6)


@dataclass(frozen=True)
class Obedience:
    """How far one frame obeys its guide.

    Attributes:
        view: of the guide.
        iou: intersection over union, 0 to 1, of the silhouette as read with that of the guide;
            None where the guide has none or the subject fills the frame.
        null: mean of the same for the outlines of other subjects; None without others.
        rank: place of the own outline among all, 1 for the best; None without others.
        among: how many outlines were compared, the own one included.
        seen: part of the outline, 0 to 1, along which a difference can be noticed: what the
            other figures are worth in fog and darkness.
        around: part of the outline with anything to be noticed at or near it.
        edges: part of the depth's discontinuities (or of a sketch's lines) on an edge of the
            picture; its chance is that of the same edges displaced. None where the guide has
            no edge, or the picture none that can be noticed.
        normals: variance of the lightness that the normals explain; its chance is that of the
            same normals at other places. Low where the light is flat or the fog thick.
        thresholds: that the verdict was made with.
        reader: how silhouettes were read.
    """

    view: str
    iou: float | None
    null: float | None
    rank: int | None
    among: int
    seen: float | None
    around: float | None
    edges: Agreement | None
    normals: Agreement | None
    thresholds: Thresholds = field(default_factory=Thresholds)
    reader: str = READER

    @property
    def margin(self) -> float | None:
        """How far the own silhouette stands above the null."""
        return None if self.iou is None or self.null is None else self.iou - self.null

    @property
    def verdict(self) -> Verdict:
        """`obeyed`; `unread` where there is too little to be seen to tell; else `disobeyed`."""
        limits = self.thresholds
        shape = _reached((self.iou, limits.iou), (self.margin, limits.margin))
        edges = _reached((None if self.edges is None else self.edges.above, limits.edges))
        if (shape or edges) and shape is not False and edges is not False:
            return "obeyed"
        # A faint outline that fits, or nothing in sight at all: too dark to tell.
        if self.seen is not None and self.around is not None and self.seen < limits.seen:
            return "unread" if shape or self.around < limits.seen else "disobeyed"
        return "unread" if shape is edges is None else "disobeyed"

    @property
    def passed(self) -> bool:
        """Whether the frame was seen to obey."""
        return self.verdict == "obeyed"

    def record(self) -> dict[str, Any]:
        """Plain JSON values, rounded to four digits."""
        values = asdict(self) | {"margin": self.margin, "verdict": self.verdict}
        rounded: dict[str, Any] = _rounded(values)
        return rounded


def measure(
    picture: Picture,
    guide: Guide,
    others: Sequence[Mask] = (),
    thresholds: Thresholds | None = None,
) -> Obedience:
    """Measure one frame against its guide.

    Args:
        picture: (h, w, 3) uint8 sRGB, of any size in the guide's proportions.
        guide: needs none of its maps; what it lacks is not measured.
        others: (h, w) silhouettes of other subjects, of any size, for the null.

    Raises:
        ValueError: the picture is not (h, w, 3) uint8.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(f"a frame is (h, w, 3) uint8, not {picture.shape} {picture.dtype}")
    lab = _lab(picture)
    shape = lab.shape[:2]
    own = silhouette_of(guide)
    outline = None if own is None else _resized(own, shape)
    drawn = _picture_edges(lab)
    iou = null = rank = seen = around = None
    among = 0
    if outline is not None and _contour(outline).any():
        reader = Reader.of(lab)
        iou = _iou(reader.read(outline), outline)
        masks = [fitted(other, outline) for other in others if other.any()]
        rest = [_iou(reader.read(mask), mask) for mask in masks]
        among = 1 + len(rest)
        if rest:
            null = float(np.mean(rest))
            rank = 1 + sum(value >= iou for value in rest)
        seen, around = _seen(lab, outline), _around(drawn, outline)
    return Obedience(
        guide.view,
        iou,
        null,
        rank,
        among,
        seen,
        around,
        _edges(drawn, guide),
        _normals(lab, guide),
        thresholds or Thresholds(),
    )


def _reached(*pairs: tuple[float | None, float]) -> bool | None:
    """Whether every value that is there reaches its limit; None where none is there."""
    known = [value >= limit for value, limit in pairs if value is not None]
    return all(known) if known else None


def silhouette_of(guide: Guide) -> Mask | None:
    """(h, w) where the subject is, by whichever map tells it; None where none does."""
    if guide.silhouette is not None:
        return guide.silhouette
    if guide.depth is not None:
        return np.isfinite(guide.depth)
    if guide.ids is not None:
        return guide.ids > 0
    return None if guide.normal is None else np.abs(guide.normal).max(axis=2) > 0


# ---------------------------------------------------------------------------- silhouettes


@dataclass(frozen=True, eq=False)
class Reader:
    """A picture made ready for reading outlines.

    Attributes:
        features: (h, w, c) float32: colour, colour of the neighbourhood, and its unrest.
        means: the same summed over the window, with their squares: (h', w', 2 c).
    """

    features: Floats
    means: Floats

    @classmethod
    def of(cls, lab: Floats) -> Reader:
        """The reader of a picture in CIELAB, (h, w, 3)."""
        near = ndimage.gaussian_filter(lab, (2, 2, 0))
        light = lab[..., :1]
        mean = ndimage.gaussian_filter(light, (3, 3, 0))
        square = ndimage.gaussian_filter(light**2, (3, 3, 0))
        unrest = np.sqrt(np.maximum(square - mean**2, 0))
        features = np.concatenate([lab, near, unrest], axis=2)
        # Less than can be noticed is not stretched: it would be read where nobody sees it.
        spread = np.maximum(features.std(axis=(0, 1)), NOTICEABLE)
        features = ((features - features.mean(axis=(0, 1))) / spread).astype(np.float32)
        return cls(features, _windowed(np.concatenate([features, features**2], axis=2)))

    def read(self, outline: Mask) -> Mask:
        """(h, w) what resembles the inside of an outline more than its outside."""
        count = self.features.shape[2]
        weight = outline.astype(np.float32)[..., None]
        inside = self.features * weight
        sums = _windowed(np.concatenate([inside, inside * self.features, weight], axis=2))
        share = np.clip(sums[..., -1:], 1e-4, 1 - 1e-4)
        first, square = sums[..., :count], sums[..., count:-1]
        in_mean = first / share
        out_mean = (self.means[..., :count] - first) / (1 - share)
        within = (square - share * in_mean**2) + (
            self.means[..., count:] - square - (1 - share) * out_mean**2
        )
        # The discriminant is linear in the pixel's own features, so its two coefficients are
        # what is brought back from the coarse grid.
        slope = (in_mean - out_mean) / (within + _NOISE)
        offset = (slope * (in_mean + out_mean) / 2).sum(axis=2, keepdims=True)
        fine = _enlarged(np.concatenate([slope, offset], axis=2), outline.shape)
        score = np.einsum("hwc,hwc->hw", self.features, fine[..., :-1]) - fine[..., -1]
        return np.asarray(ndimage.gaussian_filter(score, 1.0) > 0)


def fitted(other: Mask, outline: Mask) -> Mask:
    """Another silhouette at the place and of the area of an outline, in its picture."""
    from PIL import Image

    rows, columns = (np.flatnonzero(other.any(axis=axis)) for axis in (1, 0))
    cut = other[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = outline.shape
    scale = (float(outline.sum()) / float(cut.sum())) ** 0.5
    size = [max(1, round(extent * scale)) for extent in (cut.shape[1], cut.shape[0])]
    # What would reach far beyond the picture is cut there anyway.
    size = [min(size[0], 4 * width), min(size[1], 4 * height)]
    image = Image.fromarray(cut.astype(np.uint8) * 255).resize((size[0], size[1]))
    shape = np.asarray(image) > 127
    result = np.zeros_like(outline)
    if not shape.any():
        return result
    centre, middle = ndimage.center_of_mass(outline), ndimage.center_of_mass(shape)
    top, left = (round(a - b) for a, b in zip(centre, middle, strict=True))
    y, x = max(top, 0), max(left, 0)
    part = shape[y - top : height - top, x - left : width - left]
    result[y : y + part.shape[0], x : x + part.shape[1]] = part
    return result


def _seen(lab: Floats, outline: Mask) -> float:
    """The part of an outline along which its two sides differ noticeably."""
    weight = outline.astype(np.float32)[..., None]
    spread = (_CLOSE, _CLOSE, 0)
    share = np.clip(ndimage.gaussian_filter(weight, spread), 1e-3, 1 - 1e-3)
    inside = ndimage.gaussian_filter(lab * weight, spread)
    outside = ndimage.gaussian_filter(lab, spread) - inside
    difference = np.linalg.norm(inside / share - outside / (1 - share), axis=2)
    return float((difference[_contour(outline)] >= NOTICEABLE).mean())


def _around(drawn: Mask, outline: Mask) -> float:
    """The part of an outline with an edge of the picture at or near it."""
    near = ndimage.distance_transform_edt(~drawn) <= _NEAR
    return float(near[_contour(outline)].mean())


def _windowed(values: Floats) -> Floats:
    """(h, w, c) means over the window, on the coarse grid."""
    height, width = values.shape[:2]
    rows, columns = -(-height // _COARSE), -(-width // _COARSE)
    padding = ((0, rows * _COARSE - height), (0, columns * _COARSE - width), (0, 0))
    padded = np.pad(values, padding, mode="edge")
    blocks = padded.reshape(rows, _COARSE, columns, _COARSE, -1).mean(axis=(1, 3))
    sigma = _WINDOW / _COARSE
    return np.asarray(ndimage.gaussian_filter(blocks, (sigma, sigma, 0), truncate=2.0))


def _enlarged(values: Floats, shape: tuple[int, int]) -> Floats:
    """(h, w, c) of the coarse grid, bilinear at the pixels of the picture."""
    rows, columns = values.shape[:2]
    y = np.clip((np.arange(shape[0], dtype=np.float32) + 0.5) / _COARSE - 0.5, 0, rows - 1)
    x = np.clip((np.arange(shape[1], dtype=np.float32) + 0.5) / _COARSE - 0.5, 0, columns - 1)
    top, left = y.astype(int), x.astype(int)
    below, right = np.minimum(top + 1, rows - 1), np.minimum(left + 1, columns - 1)
    down, across = (y - top)[:, None, None], (x - left)[None, :, None]
    lines = values[top] * (1 - down) + values[below] * down
    return np.asarray(lines[:, left] * (1 - across) + lines[:, right] * across)


def _contour(mask: Mask) -> Mask:
    """Pixels on both sides of an outline; the picture's own border is none."""
    grown = ndimage.binary_dilation(mask)
    shrunk = ndimage.binary_erosion(mask, border_value=1)
    return np.asarray(grown & ~shrunk)


def _iou(a: Mask, b: Mask) -> float:
    return float((a & b).sum() / max(int((a | b).sum()), 1))


# -------------------------------------------------------------------------- edges, normals


def _edges(drawn: Mask, guide: Guide) -> Agreement | None:
    """How many of the guide's edges lie on an edge of the picture."""
    asked = _asked_edges(guide, drawn.shape)
    if asked is None or not asked.any() or not drawn.any():
        return None
    near = np.asarray(ndimage.distance_transform_edt(~drawn) <= _REACH)
    aside = [(y, x) for y in (*_ASIDE, 0) for x in (*_ASIDE, 0) if (y, x) != (0, 0)]
    moved = [float(near[np.roll(asked, step, axis=(0, 1))].mean()) for step in aside]
    return Agreement(float(near[asked].mean()), float(np.mean(moved)))


def _asked_edges(guide: Guide, shape: tuple[int, ...]) -> Mask | None:
    """The edges that a guide asks for: steps in depth, else ink, else the outline."""
    if guide.depth is not None:
        seen = np.isfinite(guide.depth)
        if not seen.any():
            return None
        depth = np.where(seen, guide.depth, 2 * float(guide.depth[seen].max()))
        highest = ndimage.maximum_filter(depth, 3)
        edges = (highest - depth > _STEP * depth) & seen
    elif guide.lines is not None:
        edges = guide.lines > 0.5
    elif (own := silhouette_of(guide)) is not None:
        edges = _contour(own) & own
    else:
        return None
    return _resized(edges, shape, least=0.15)


def _picture_edges(lab: Floats) -> Mask:
    """Ridges of the colour gradient, the strongest tenth of the picture at most.

    Canny's thinning (1986) on the summed gradient of the three channels.
    """
    gradients = [
        np.stack([ndimage.gaussian_filter(lab[..., c], 1.2, order=o) for o in ((1, 0), (0, 1))])
        for c in range(3)
    ]
    total = np.stack(gradients)
    strength = np.sqrt((total**2).sum(axis=(0, 1)))
    leading = total[np.abs(total).sum(axis=1).argmax(axis=0), :, *np.indices(strength.shape)]
    upright = np.abs(leading[..., 0]) > np.abs(leading[..., 1])
    across = np.maximum(np.roll(strength, 1, 0), np.roll(strength, -1, 0))
    along = np.maximum(np.roll(strength, 1, 1), np.roll(strength, -1, 1))
    ridge = strength >= np.where(upright, across, along)
    floor = max(float(np.quantile(strength, 0.7)), NOTICEABLE / 4)
    return np.asarray(ridge & (strength > floor))


def _normals(lab: Floats, guide: Guide) -> Agreement | None:
    """How much of the lightness on the subject its normals explain.

    Diffuse shading under any distant light lies within 2 % of the nine lowest spherical
    harmonics of the normal (Ramamoorthi and Hanrahan 2001; Basri and Jacobs 2003).
    """
    if guide.normal is None:
        return None
    planes = [_scaled(guide.normal[..., axis], lab.shape[:2]) for axis in range(3)]
    normal = np.stack(planes, axis=2)
    length = np.linalg.norm(normal, axis=2)
    here = length > 0.9  # whole pixels of the subject, and no crease
    count = int(here.sum())
    if count < _FEWEST:
        return None
    x, y, z = (normal[here] / length[here, None]).T.astype(np.float64)
    basis = np.stack([np.ones(count), x, y, z, x * y, y * z, x * z, x * x - y * y, 3 * z * z - 1])
    light = lab[..., 0][here].astype(np.float64)
    if float(light.std()) < 1e-6:
        return Agreement(0.0, 0.0)
    # The same normals further along the rows, as surrogates of equal smoothness.
    elsewhere = [np.roll(basis, round(count * part), axis=1) for part in (0.21, 0.38, 0.55, 0.72)]
    chance = float(np.mean([_explained(light, other) for other in elsewhere]))
    return Agreement(_explained(light, basis), chance)


def _explained(values: NDArray[np.float64], basis: NDArray[np.float64]) -> float:
    """The part of the variance of (n,) values that a (k, n) basis explains, least squares."""
    coefficients, *_ = np.linalg.lstsq(basis @ basis.T, basis @ values, rcond=1e-9)
    rest = values - coefficients @ basis
    return float(np.clip(1 - rest.var() / values.var(), 0, 1))


# --------------------------------------------------------------------------------- pixels


def _lab(picture: Picture) -> Floats:
    """The picture in CIELAB (D65), float32, its long side at most `SIDE`."""
    from PIL import Image
    from skimage.color import rgb2lab

    height, width = picture.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))
    return np.asarray(rgb2lab(small), np.float32)


def _scaled(values: NDArray[Any], shape: tuple[int, ...]) -> Floats:
    """A map at another size, each pixel the mean of what it covers."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(image.resize((shape[1], shape[0]), Image.Resampling.BOX))


def _resized(mask: Mask, shape: tuple[int, ...], least: float = 0.5) -> Mask:
    """A mask at another size: True where more than `least` of a pixel is covered."""
    return np.asarray(_scaled(mask, shape) > least)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    return value
