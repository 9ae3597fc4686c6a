"""True frames of the world with their passes, on disk: what the leash is trained on.

A sitting is one subject with one seed in a few environments, each set once and shot several
times. Its file holds the frames and, from the same cameras, the passes of the sculpt alone (with
the people who join it): the environment is in the picture and not in the passes, since the leash
has to imagine it from words.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gm_assets.memory.record import Camera
from gm_assets.sculpt.model import Sculpt
from gm_assets.sculpt.rays import Passes, Scene
from gm_assets.training.data import Pictures, render_missing, save_arrays
from gm_assets.training.facts import Facts, hashed, held_out
from gm_assets.training.lights import filled
from gm_assets.training.looks import squared
from gm_assets.training.staging import (
    INTERIOR,
    READABLE,
    VISIBLE,
    Chance,
    Sitter,
    apart,
    azimuth_of,
    developed,
    frame_camera,
    light_on,
    lit_by,
    paint_for,
    painted,
    prevailing,
    share_of,
)
from gm_assets.world.looks.frame import Built, render
from gm_assets.world.looks.indoors import within
from gm_assets.world.looks.people import COMPANIES
from gm_assets.world.looks.stages import environment
from gm_assets.world.names import ENVIRONMENTS
from gm_assets.world.subjects import SUBJECTS

#: Version of the data: another one never reads these files.
VERSION = 1
#: Width and height of the base grids that frames are shot for, all of nearly one area.
GRIDS: tuple[tuple[int, int], ...] = ((64, 64), (80, 48), (48, 80), (72, 56), (56, 72))
#: Subjects that the leash never sees in training.
UNSEEN: tuple[str, ...] = ("lantern-acolyte", "walker", "reliquary-tower")

Kind = Literal["small", "large", "heldout"]


@dataclass(frozen=True)
class Scale:
    """How finely a kind of sitting is shot, as factors on its base grid.

    Attributes:
        picture, passes: pixels of the frame and of its passes for one cell of the grid.
        detail: resolution of the sculpts.
        settings, shots: environments of a sitting, and frames in each.
    """

    picture: float
    passes: int
    detail: float
    settings: int
    shots: int


SCALES: dict[Kind, Scale] = {
    "small": Scale(1.5, 2, 0.3, 3, 10),
    "large": Scale(8, 8, 0.5, 2, 2),
    "heldout": Scale(1.5, 2, 0.3, len(ENVIRONMENTS), 3),
}


@dataclass(frozen=True)
class Sitting:
    """One subject with one seed, shot small or large, for training or held out."""

    kind: Kind
    subject: str
    turn: int

    @property
    def name(self) -> str:
        """File name without its suffix."""
        return f"{self.kind}-{self.turn:03d}-{self.subject}"

    @property
    def seed(self) -> int:
        """The sculptor's seed: never one of the demo's, which are below 100."""
        return 1_000 + hashed("leash", self.name) % 1_000_000

    @property
    def environments(self) -> tuple[str, ...]:
        """Where the frames are shot: some environments in turn, all of them for held-out."""
        count = SCALES[self.kind].settings
        if self.subject == INTERIOR:
            return ("torch-lit-interior",) * min(count, 2)
        first = self.turn * count + hashed(self.subject) % len(ENVIRONMENTS)
        return tuple(ENVIRONMENTS[(first + step) % len(ENVIRONMENTS)] for step in range(count))


def sittings(kind: Kind, rounds: int, subjects: Sequence[str] = tuple(SUBJECTS)) -> list[Sitting]:
    """The sittings of so many rounds over all subjects, in the order in which they are made."""
    return [Sitting(kind, name, turn) for turn in range(rounds) for name in subjects]


@dataclass(frozen=True, eq=False)
class Take:
    """One true frame and the passes of its sculpt.

    Attributes:
        grid: width and height of its base grid.
        picture: (h, w, 3) uint8 sRGB.
        depth: (H, W) uint16, 0 for nothing, 65535 near to 1 far, linear in metres.
        normal: (H, W, 3) uint8, camera normals from -1..1 to 0..255.
        ids: (H, W) uint8, 0 for nothing, else 1 + index into `parts`.
        record: JSON values: `camera`, `near` and `far` in metres, `parts` (semantic and material
            of each), `paint` (the material that the words name, or None), `facts`.
    """

    grid: tuple[int, int]
    picture: NDArray[np.uint8]
    depth: NDArray[np.uint16]
    normal: NDArray[np.uint8]
    ids: NDArray[np.uint8]
    record: dict[str, Any]

    @property
    def facts(self) -> Facts:
        """What is true of the picture."""
        return Facts.of(self.record["facts"])


def shoot(sitting: Sitting) -> Iterator[Take]:
    """The takes of one sitting; the same for the same sitting on one kind of machine."""
    chance = np.random.Generator(np.random.PCG64(hashed("takes", VERSION, sitting.name)))
    scale = SCALES[sitting.kind]
    sitter = Sitter.of(
        sitting.subject,
        sitting.seed,
        0,
        trained=sitting.kind != "heldout",
        detail=scale.detail,
    )
    for setting in sitting.environments:
        yield from _takes(sitter, setting, scale, chance)


def _takes(sitter: Sitter, setting: str, scale: Scale, chance: Chance) -> Iterator[Take]:
    """The takes of one set; compositions of the other split are left out."""
    aspects = [width / height for width, height in GRIDS]
    subject = apart(sitter.sculpt, setting)
    home = azimuth_of(sitter, chance, 40)
    camera, _ = frame_camera(sitter, subject, home, chance, aspects)
    number = int(chance.integers(1 << 30))
    if sitter.inside:
        stage = within(subject)
    else:
        company = str(chance.choice(sorted(COMPANIES))) if chance.random() < 0.3 else None
        stage = environment(setting, subject, camera, number, company=company)
    people = tuple(part for part in stage.parts if part.name.startswith("wanderer-"))
    built = Built.of(subject, stage)
    obeyed = Scene(Sculpt(subject.name, (*subject.parts, *people)))
    for turn in range(scale.shots):
        paint = paint_for(sitter, setting, chance)
        coat = painted(subject, paint) if paint else subject
        azimuth = home + float(chance.uniform(-13, 13))
        camera, shot = frame_camera(sitter, subject, azimuth, chance, aspects)
        grid = _grid(camera)
        lit, light = lit_by(sitter, setting, stage, subject, camera, chance)
        if chance.random() < 0.7:
            lit = filled(lit, camera, chance)
        shown = developed(lit, chance)
        width, height = (round(side * scale.picture) for side in grid)
        frame = render(coat, shown, camera, width, height, number + turn, built)
        if share_of(coat.parts, frame.ids) < VISIBLE:
            continue  # people or ground stand before it
        material = prevailing(coat.parts, frame.ids)
        if material and light_on(material, coat.parts, frame) < READABLE:
            material = None  # in the dark nothing tells what it is made of
        if held_out(sitter.name, setting, material, bool(paint)) == sitter.trained:
            continue
        passes = obeyed.passes(camera, grid[0] * scale.passes, grid[1] * scale.passes)
        if not passes.silhouette.any():
            continue
        parts = [[part.semantic, part.material] for part in (*coat.parts, *people)]
        facts = Facts("frame", sitter.name, setting, material, light, shot)
        yield _take(grid, frame.picture, passes, camera, parts, paint, facts)


def _grid(camera: Camera) -> tuple[int, int]:
    width, height = camera.film_back
    return min(GRIDS, key=lambda grid: abs(math.log(grid[0] / grid[1] * height / width)))


def _take(
    grid: tuple[int, int],
    picture: NDArray[np.uint8],
    passes: Passes,
    camera: Camera,
    parts: list[list[str]],
    paint: str | None,
    facts: Facts,
) -> Take:
    seen = passes.silhouette
    near, far = float(passes.depth[seen].min()), float(passes.depth[seen].max())
    depth = np.zeros(seen.shape, np.uint16)
    along = (passes.depth[seen] - near) / max(far - near, 1e-9)
    depth[seen] = np.round(65535 - along * 65534).astype(np.uint16)
    normal = np.where(seen[..., None], passes.normal * 0.5 + 0.5, 0.5)
    record = {
        "camera": camera.model_dump(mode="json"),
        "near": near,
        "far": far,
        "parts": parts,
        "paint": paint,
        "facts": facts.record(),
    }
    return Take(
        grid,
        picture,
        depth,
        (normal * 255 + 0.5).astype(np.uint8),
        passes.ids.astype(np.uint8),
        record,
    )


def render_all(
    folder: Path, plan: Sequence[Sitting], part: tuple[int, int] = (0, 1)
) -> Iterator[Sitting]:
    """`render_missing` for takes."""
    return render_missing(folder, plan, lambda path, one: save(path, list(shoot(one))), part)


def save(path: Path, takes: Sequence[Take]) -> None:
    """Write the takes of a sitting; the file appears whole or not at all."""
    arrays: dict[str, NDArray[Any]] = {}
    for number, take in enumerate(takes):
        arrays |= {
            f"{number}.picture": take.picture,
            f"{number}.depth": take.depth,
            f"{number}.normal": take.normal,
            f"{number}.ids": take.ids,
        }
    records = json.dumps([{"grid": take.grid, **take.record} for take in takes])
    save_arrays(path, records=np.frombuffer(records.encode(), np.uint8), **arrays)


def load(path: Path) -> list[Take]:
    """The takes that `save` wrote.

    Raises:
        ValueError, KeyError: the file is not one of them.
    """
    with np.load(path, allow_pickle=False) as file:
        records = json.loads(bytes(file["records"]).decode())
        return [
            Take(
                tuple(record.pop("grid")),
                file[f"{number}.picture"],
                file[f"{number}.depth"],
                file[f"{number}.normal"],
                file[f"{number}.ids"],
                record,
            )
            for number, record in enumerate(records)
        ]


def as_pictures(folder: Path, plan: Sequence[Sitting], side: int) -> Pictures:
    """The frames of those sittings whose files are in `folder`, as the encoder is shown them.

    Raises:
        ValueError: there is none.
    """
    pictures, facts, turns = [], [], []
    for sitting in plan:
        path = folder / f"{sitting.name}.npz"
        for take in load(path) if path.exists() else ():
            pictures.append(squared(take.picture, side))
            facts.append(take.facts)
            turns.append(sitting.turn)
    if not pictures:
        raise ValueError(f"no takes in {folder}")
    return Pictures(
        np.stack(pictures), tuple(facts), np.array(turns), np.ones(len(facts), np.bool_)
    )
