"""Takes as tensors: what one training step of the leash is fed with.

The base model sees whole frames on their grids, the detail model squares cut from large frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gm_assets.diffusion.embedded.features import GEOMETRY, SUBSTANCES, features, flipped
from gm_assets.diffusion.embedded.lexicon import FACETS
from gm_assets.diffusion.protocol import Guide, Identified
from gm_assets.memory.record import Camera
from gm_assets.training.leash.data import Take, load
from gm_assets.training.leash.lexicon import world_lexicon
from gm_assets.world.looks import grade

if TYPE_CHECKING:
    from torch import Tensor

Chance = np.random.Generator

#: Pixels of a large frame for one of its base frame.
TIMES = 8
#: Side of a square and margin around it, in pixels of the base frame.
SQUARE, MARGIN = 16, 2
#: How often the detail model is led by a redrawn base frame, where there are any.
REDRAWN = 0.75
#: Factor on the linear light of the takes. They are exposed so that materials can be told, which
#: the encoder needs; the frames of the world are darker.
EXPOSURE = 0.72
#: How often training forgets what it is told: a facet of the words; what the ids stand for;
#: the depth; the normals.
FORGETS_WORD, FORGETS_IDS, FORGETS_DEPTH, FORGETS_NORMAL = 0.12, 0.10, 0.04, 0.04


@dataclass(frozen=True, eq=False)
class Batch:
    """One step's samples.

    Attributes:
        picture: (n, 3, h, w) uint8 sRGB.
        guide: (n, len(CHANNELS), h, w) float32.
        words: (n, facets) int64.
        prior: (n, 3, h + 2 m, w + 2 m) uint8, the part of the base frame that lies under the
            square, with a margin of `MARGIN` cells around, for the detail model.
    """

    picture: Tensor
    guide: Tensor
    words: Tensor
    prior: Tensor | None = None


class Source(Protocol):
    """Where batches come from."""

    def __len__(self) -> int:
        """How many takes there are."""

    def batch(self, count: int, chance: Chance) -> Batch:
        """So many samples chosen by `chance`."""


def guide_of(take: Take) -> Guide:
    """The guide of a take, decoded from its passes as from files."""
    record = take.record
    seen = take.depth > 0
    near, far = record["near"], record["far"]
    metres = near + (65535 - take.depth.astype(np.float32)) / np.float32(65534) * (far - near)
    normal = take.normal.astype(np.float32) / np.float32(127.5) - 1
    return Guide(
        view="take",
        camera=Camera.model_validate(record["camera"]),
        depth=np.where(seen, metres, np.inf).astype(np.float32),
        normal=np.where(seen[..., None], normal, 0).astype(np.float32),
        silhouette=seen,
        ids=take.ids.astype(np.uint32),
        table={
            number + 1: Identified(f"part-{number + 1}", semantic, material)
            for number, (semantic, material) in enumerate(record["parts"])
        },
    )


def words_of(take: Take) -> tuple[int, ...]:
    """The terms of a take's words, facet by facet."""
    facts = take.record["facts"]
    return world_lexicon().codes({facet: facts[facet] for facet in FACETS})


def pooled(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Channels (c, h, w) reduced to a width and height by area, as the pipeline does it."""
    import torch
    import torch.nn.functional as F

    small: NDArray[np.float32] = F.adaptive_avg_pool2d(torch.from_numpy(values), size[::-1]).numpy()
    return small


def _smaller(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """A picture at a width and height, (3, h, w), by area."""
    from PIL import Image

    small = Image.fromarray(_exposed(picture)).resize(size, Image.Resampling.BOX)
    return np.ascontiguousarray(np.asarray(small, np.uint8).transpose(2, 0, 1))


def _exposed(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture at `EXPOSURE`."""
    linear = grade.to_linear(np.arange(256, dtype=np.float32) / 255) * np.float32(EXPOSURE)
    table: NDArray[np.uint8] = grade.to_bytes(grade.to_srgb(linear))
    return table[picture]


@dataclass(frozen=True, eq=False)
class _Set:
    """All samples of one grid: pictures, guides as float16, words, paints."""

    pictures: NDArray[np.uint8]
    guides: NDArray[np.float16]
    words: NDArray[np.int64]
    paints: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Frames:
    """Whole frames, small."""

    sets: tuple[_Set, ...]
    trained: bool = True

    @classmethod
    def of(cls, takes: Iterable[Take], *, trained: bool = True) -> Frames:
        """All takes on their grids, prepared; about 200 KB each."""
        sorted_by_grid: dict[tuple[int, int], list[tuple[Any, ...]]] = {}
        for take in takes:
            picture = _smaller(take.picture, take.grid)
            guide = pooled(features(guide_of(take)), take.grid).astype(np.float16)
            sorted_by_grid.setdefault(take.grid, []).append(
                (picture, guide, words_of(take), _paint(take))
            )
        return cls(
            tuple(
                _Set(*(np.stack([row[column] for row in rows]) for column in range(4)))
                for _, rows in sorted(sorted_by_grid.items())
            ),
            trained,
        )

    def __len__(self) -> int:
        return sum(len(part.pictures) for part in self.sets)

    def batch(self, count: int, chance: Chance) -> Batch:
        import torch

        share = np.array([len(part.pictures) for part in self.sets], float)
        chosen = self.sets[int(chance.choice(len(self.sets), p=share / share.sum()))]
        rows = chance.integers(len(chosen.pictures), size=count)
        pictures, guides = chosen.pictures[rows], chosen.guides[rows].astype(np.float32)
        words = chosen.words[rows].copy()
        if self.trained:
            _forget(guides, words, chosen.paints[rows], chance)
            _mirror(guides, chance, pictures)
        return Batch(torch.from_numpy(pictures), torch.from_numpy(guides), torch.from_numpy(words))


def _paint(take: Take) -> int:
    paint = take.record["paint"]
    return SUBSTANCES.index(paint) if paint else 0


def _forget(
    guides: NDArray[np.float32], words: NDArray[np.int64], paints: NDArray[np.int64], chance: Chance
) -> None:
    """Forget some of what is told, in place."""
    count = len(guides)
    words[chance.random(words.shape) < FORGETS_WORD] = 0
    guides[chance.random(count) < FORGETS_DEPTH, 1] = 0
    guides[chance.random(count) < FORGETS_NORMAL, 2:6] = 0
    first = len(GEOMETRY)
    for row in np.flatnonzero(chance.random(count) < FORGETS_IDS):
        guides[row, 8:] = 0
        # Nothing is known of the parts, but the words may still say what all is made of.
        guides[row, first + int(paints[row])] = guides[row, 0]


def _mirror(guides: NDArray[np.float32], chance: Chance, *pictures: NDArray[np.uint8]) -> None:
    """Turn half of the samples left for right, in place: their guides and all their pictures."""
    turned = chance.random(len(guides)) < 0.5
    for one in pictures:
        one[turned] = one[turned][..., ::-1]
    guides[turned] = flipped(guides[turned])


#: Makes base frames (k, 3, h, w) of one true one (3, h, w) under its guide and words.
Redraw = Callable[[NDArray[np.uint8], NDArray[np.float32], tuple[int, ...]], NDArray[np.uint8]]


@dataclass(frozen=True, eq=False)
class _Large:
    """A large frame: picture, base frames, geometry channels, substances, words, paint.

    Of the base frames the first is the true one, the others are redrawn.
    """

    picture: NDArray[np.uint8]
    bases: NDArray[np.uint8]
    geometry: NDArray[np.float16]
    substance: NDArray[np.uint8]
    words: NDArray[np.int64]
    paint: int


@dataclass(frozen=True, eq=False)
class Squares:
    """Squares of 128 pixels cut from large frames."""

    frames: tuple[_Large, ...]
    trained: bool = True

    @classmethod
    def of(
        cls, takes: Iterable[Take], *, redraw: Redraw | None = None, trained: bool = True
    ) -> Squares:
        """All takes, prepared; about 6 MB each.

        Args:
            redraw: makes further base frames of a true one (`redrawing`); most samples are then
                led by one of those.
        """
        frames = []
        for take in takes:
            values = features(guide_of(take))
            substance = values[len(GEOMETRY) :]
            bases = _smaller(take.picture, take.grid)[None]
            if redraw is not None:
                made = redraw(bases[0], pooled(values, take.grid), words_of(take))
                bases = np.concatenate([bases, made])
            frames.append(
                _Large(
                    np.ascontiguousarray(_exposed(take.picture).transpose(2, 0, 1)),
                    bases,
                    values[: len(GEOMETRY)].astype(np.float16),
                    np.where(substance.any(0), substance.argmax(0) + 1, 0).astype(np.uint8),
                    np.array(words_of(take)),
                    _paint(take),
                )
            )
        return cls(tuple(frames), trained)

    def __len__(self) -> int:
        return len(self.frames)

    def batch(self, count: int, chance: Chance) -> Batch:
        import torch

        pictures, guides, words, priors, paints = [], [], [], [], []
        for number in chance.integers(len(self.frames), size=count):
            frame = self.frames[int(number)]
            base = frame.bases[0]
            if len(frame.bases) > 1 and chance.random() < REDRAWN:
                base = frame.bases[int(chance.integers(1, len(frame.bases)))]
            _, height, width = base.shape
            top = int(chance.integers(MARGIN, height - SQUARE - MARGIN + 1))
            left = int(chance.integers(MARGIN, width - SQUARE - MARGIN + 1))
            y, x, side = top * TIMES, left * TIMES, SQUARE * TIMES
            here = np.s_[:, y : y + side, x : x + side]
            pictures.append(frame.picture[here])
            known = np.arange(1, len(SUBSTANCES) + 1)[:, None, None]
            substance = frame.substance[here[1:]][None] == known
            guides.append(np.concatenate([frame.geometry[here].astype(np.float32), substance]))
            cells = SQUARE + MARGIN
            priors.append(base[:, top - MARGIN : top + cells, left - MARGIN : left + cells])
            words.append(frame.words)
            paints.append(frame.paint)
        picture, guide = np.stack(pictures), np.stack(guides).astype(np.float32)
        word, prior = np.stack(words), np.stack(priors)
        if self.trained:
            _forget(guide, word, np.array(paints), chance)
            _mirror(guide, chance, picture, prior)
        return Batch(*(torch.from_numpy(part) for part in (picture, guide, word, prior)))


def takes_in(
    folder: Path,
    names: Sequence[str],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Iterable[Take]:
    """The takes of those sittings whose files are in `folder`, in the order of the names."""
    there = [folder / f"{name}.npz" for name in names if (folder / f"{name}.npz").exists()]
    for number, path in enumerate(there):
        yield from load(path)
        if progress is not None:
            progress(number + 1, len(there))
