"""Training pictures on disk: made in sittings, each one file, resumable, without pickles.

A sitting is one subject with one seed: its desk views and its frames in a few environments.
Sittings are planned in rounds over all subjects, so that any number of finished ones is
balanced. A file holds `pictures` (n, side, side, 3) uint8 and `facts`, the JSON of n records.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from gm_assets.training.facts import Facts, Split, hashed
from gm_assets.training.looks import Sample, desk_views, drawings, frames
from gm_assets.training.staging import INTERIOR, Sitter
from gm_assets.world.names import ENVIRONMENTS
from gm_assets.world.subjects import SUBJECTS

#: Version of the pictures: another one never reads these.
VERSION = 2
#: Side of the pictures in pixels. They are reduced to the encoder's side by the same filter
#: that reduces a view; larger ones serve a model of more pixels too.
SIDE = 128
#: Resolution of the sculpts.
DETAIL = 0.3
#: Frames in each environment of a sitting.
FRAMES = 10
#: Sittings of each subject that are held out, and that the reference comes from.
APART: dict[Split, int] = {"heldout": 2, "reference": 3}
#: The round from which sittings are frames alone.
FILMED = 6
#: Rounds of training sittings in a full data set.
ROUNDS = 36


@dataclass(frozen=True)
class Sitting:
    """One subject with one seed.

    Attributes:
        split: what its pictures are for.
        turn: the round that it belongs to.
        kind: `whole` has drawings, clay and frames, `drawn` no frames, `filmed` frames alone.
    """

    split: Split
    subject: str
    turn: int
    kind: Literal["whole", "drawn", "filmed"] = "whole"

    @property
    def name(self) -> str:
        """File name without its suffix."""
        suffix = "" if self.kind == "whole" else f"-{self.kind}"
        return f"{self.split}-{self.turn:03d}-{self.subject}{suffix}"

    @property
    def seed(self) -> int:
        """The sculptor's seed: never one of the demo's, which are below 100."""
        return 1_000 + hashed("sculpt", self.name) % 1_000_000

    @property
    def environments(self) -> tuple[str, ...]:
        """Where the frames are made: three environments in turn, all of them for held-out."""
        if self.subject == INTERIOR:
            return ("torch-lit-interior",) * 2
        if self.split == "heldout":
            return ENVIRONMENTS
        first = self.turn * 3 + hashed(self.subject) % len(ENVIRONMENTS)
        return tuple(ENVIRONMENTS[(first + step) % len(ENVIRONMENTS)] for step in range(3))


def sittings(
    rounds: int = ROUNDS, subjects: Sequence[str] = tuple(SUBJECTS), apart: int | None = None
) -> list[Sitting]:
    """All sittings in the order in which they are made.

    The held-out ones follow the second round, so that curves can be drawn early.

    Args:
        apart: held-out and reference sittings of a subject, where not `APART`.
    """
    plan = [
        Sitting("train", name, turn, kind)
        for turn in range(rounds)
        for kind in _kinds(turn)
        for name in subjects
    ]
    kept = [
        Sitting(split, name, turn)
        for split, count in APART.items()
        for turn in range(count if apart is None else apart)
        for name in subjects
    ]
    early = 2 * len(subjects)
    return plan[:early] + kept + plan[early:]


def _kinds(turn: int) -> tuple[Literal["whole", "drawn", "filmed"], ...]:
    """The sittings of a subject in one round: from `FILMED` on frames alone.

    Drawings and clay are learned from few pictures; frames are where more of them pay.
    """
    if turn >= FILMED:
        return ("filmed",)
    return ("whole", "drawn") if turn > 1 else ("whole",)


def make(sitting: Sitting, side: int = SIDE, frame_count: int = FRAMES) -> list[Sample]:
    """The pictures of one sitting; the same for the same sitting on one kind of machine."""
    chance = np.random.Generator(np.random.PCG64(hashed("sitting", VERSION, sitting.name)))
    trained = sitting.split != "heldout"
    sitter = Sitter.of(sitting.subject, sitting.seed, side, trained=trained, detail=DETAIL)
    if sitting.kind == "drawn":
        return drawings(sitter, chance)
    samples = desk_views(sitter, chance) if sitting.kind == "whole" else []
    count = frame_count if trained else max(frame_count * 2 // 5, 1)
    for setting in sitting.environments:
        samples += frames(sitter, setting, count, chance, strict=sitting.split != "train")
    return samples


def render_all(
    folder: Path,
    plan: Sequence[Sitting],
    *,
    part: tuple[int, int] = (0, 1),
    side: int = SIDE,
    frame_count: int = FRAMES,
) -> Iterator[Sitting]:
    """`render_missing` for the pictures of the encoder."""
    return render_missing(
        folder, plan, lambda path, one: save(path, make(one, side, frame_count)), part
    )


class Named(Protocol):
    """A sitting of any kind."""

    @property
    def name(self) -> str:
        """File name without its suffix."""


Sat = TypeVar("Sat", bound=Named)


def render_missing(
    folder: Path,
    plan: Sequence[Sat],
    write: Callable[[Path, Sat], None],
    part: tuple[int, int] = (0, 1),
) -> Iterator[Sat]:
    """Make the sittings that are missing in `folder`, and name each when its file is there.

    Args:
        write: makes one and writes its file.
        part: number of this process and of all processes; each takes its share.
    """
    folder.mkdir(parents=True, exist_ok=True)
    number, of = part
    for sitting in plan[number::of]:
        path = folder / f"{sitting.name}.npz"
        if not path.exists():
            write(path, sitting)
        yield sitting


def save(path: Path, samples: Sequence[Sample]) -> None:
    """Write the pictures of a sitting; the file appears whole or not at all."""
    facts = json.dumps([sample.facts.record() for sample in samples])
    pictures = np.stack([sample.picture for sample in samples])
    save_arrays(path, pictures=pictures, facts=np.frombuffer(facts.encode(), np.uint8))


def save_arrays(path: Path, **arrays: NDArray[Any]) -> None:
    """Write arrays as one `.npz`; the file appears whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    draft.replace(path)


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures of one split.

    Attributes:
        pixels: (n, side, side, 3) uint8.
        facts: n.
        turns: (n,) the round of each picture's sitting.
        takes: (n,) bool, which are frames of the takes that the leash is trained on.
    """

    pixels: NDArray[np.uint8]
    facts: tuple[Facts, ...]
    turns: NDArray[np.int64]
    takes: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.facts)

    def joined(self, other: Pictures) -> Pictures:
        """These pictures and then the others.

        Raises:
            ValueError: they are not of one side.
        """
        return Pictures(
            np.concatenate([self.pixels, other.pixels]),
            self.facts + other.facts,
            np.concatenate([self.turns, other.turns]),
            np.concatenate([self.takes, other.takes]),
        )


def load(folder: Path, plan: Sequence[Sitting]) -> Pictures:
    """The pictures of those sittings whose files are in `folder`, in the plan's order.

    Raises:
        ValueError: there is none, or a file is not what `save` writes.
    """
    blocks, facts, turns = [], [], []
    for sitting in plan:
        path = folder / f"{sitting.name}.npz"
        if not path.exists():
            continue
        with np.load(path, allow_pickle=False) as file:
            records = json.loads(bytes(file["facts"]).decode())
            pictures = file["pictures"]
        if pictures.dtype != np.uint8 or pictures.ndim != 4 or len(pictures) != len(records):
            raise ValueError(f"{path} does not hold as many pictures as facts")
        blocks.append(pictures)
        facts += [Facts.of(record) for record in records]
        turns += [sitting.turn] * len(records)
    if not blocks:
        raise ValueError(f"no pictures in {folder}")
    none = np.zeros(len(facts), np.bool_)
    return Pictures(np.concatenate(blocks), tuple(facts), np.array(turns), none)
