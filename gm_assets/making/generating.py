"""`generate`: from a chain and its plan to frames in the library.

S3 → S4: the passes of the plan's views are made from the sculpt (or verified), a shader makes
frames that obey them. S1 → S2: the lines of the sketch are what is obeyed. What lies there with
the same recipe is verified; the rest is made, measured, written and catalogued.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gm_assets.errors import GmError
from gm_assets.library import Progress, ProgressFunction
from gm_assets.making.commission import Commission
from gm_assets.making.frames import Frame, NotMade, Told
from gm_assets.making.guides import INFLATED
from gm_assets.making.housing import catalogue
from gm_assets.making.keeping import Kept, recipe_hash
from gm_assets.making.plans import NO_CHANGES, Changes, Made

if TYPE_CHECKING:
    from gm_assets.diffusion.profiles import ShaderSpec
    from gm_assets.library import Library

#: Units of progress of one frame.
PARTS = 100


@dataclass(frozen=True)
class Wanted:
    """One frame that a plan asks for, before anything is made.

    Attributes:
        name: of the plan's entry; empty where it has none.
        view, seed, size: which frame; width and height in pixels.
        prompt: what the model will be told.
        path: where it lies already, by the catalogue; None where it is to be made.
    """

    name: str
    view: str
    seed: int
    size: tuple[int, int]
    prompt: str
    path: str | None


@dataclass(frozen=True)
class Preview:
    """What `generate` would do.

    Attributes:
        key, stage: the chain and what is made of it.
        plan: its file; None for the default of a chain without one.
        model: name of the shader.
        obstacle: why the shader cannot run here; None where it can.
        frames: all that the plan asks for.
    """

    key: str
    stage: Made
    plan: Path | None
    model: str
    obstacle: GmError | None
    frames: tuple[Wanted, ...]


@dataclass(frozen=True)
class Generated:
    """What `generate` did.

    Attributes:
        key, stage, plan, model: as in `Preview`.
        frames: all frames of the plan, in its order.
        passes: files of the passes that they obey, made or verified.
        notes: what a person should know, such as words that the model does not understand.
        seconds: wall time.
    """

    key: str
    stage: Made
    plan: Path | None
    model: str
    frames: tuple[Frame, ...]
    passes: tuple[Kept, ...]
    notes: tuple[str, ...]
    seconds: float

    @property
    def made(self) -> int:
        """How many frames were made now; the others were verified."""
        return sum(frame.made for frame in self.frames)


def generate(
    library: Library,
    key: str,
    stage: Made,
    changes: Changes = NO_CHANGES,
    *,
    spec: ShaderSpec | None = None,
    progress: ProgressFunction | None = None,
) -> Generated:
    """Make the frames of a chain's plan, or verify those that are there.

    Safe to kill at any instant: every file is whole, and the next call makes the rest.

    Args:
        key: of the chain, e.g. `seam-keeper.g01`; a bare name means its first generation.
        changes: what is wanted instead of what the plan says.
        spec: the shader; that of the plan's profile, else of `GM_PROFILE`, by default.
        progress: called with the phase `shade`, in hundredths of frames, and those of `ingest`.

    Raises:
        NotFound: no such chain. NothingToObey: it has no sculpt (for S4) or sketch (for S2).
        InvalidPlan: the plan has problems.
        ModelError, MissingExtra: the shader is not here, not the pinned one, or too large.
        GmError: a view sees nothing of the subject, or the model cannot make the size.
        WriteRefused: the folder is not managed. LibraryLocked, LibraryError: as for `ingest`.
    """
    return _followed(Commission.of(library, key, stage, changes, spec), progress)


def verify(library: Library, key: str, stage: Made) -> Generated:
    """Verify the frames of a chain's plan where all of them are there; none is made.

    Raises:
        NotMade: one or more are missing.
        NotFound, NothingToObey, InvalidPlan, ModelError, GmError: as `generate`.
    """
    known = preview(library, key, stage)
    if known.obstacle is not None:
        raise known.obstacle
    if missing := sum(frame.path is None for frame in known.frames):
        raise NotMade.of(known.key, stage, missing)
    commission = Commission.of(library, key, stage, NO_CHANGES, None)
    commission.easel.verifies = True
    return _followed(commission, None)


def preview(
    library: Library,
    key: str,
    stage: Made,
    changes: Changes = NO_CHANGES,
    *,
    spec: ShaderSpec | None = None,
) -> Preview:
    """What `generate` would do with the same arguments; nothing is written, no model loaded.

    Raises:
        NotFound, InvalidPlan, GmError: as `generate`, as far as it can be known.
    """
    from gm_assets.diffusion.opening import obstacle

    commission = Commission.of(library, key, stage, changes, spec)
    error = obstacle(commission.spec)
    there = {} if error is not None else commission.catalogued()
    frames = []
    for entry in commission.plan.frames:
        size, views = commission.size(entry), commission.views(entry)
        prompt = entry.words(commission.chain.names).prompt
        for seed in entry.seeds:
            for view in views:
                path = None
                if there:
                    chosen = commission.easel.chosen(entry, seed, view, size)
                    path = there.get(recipe_hash(chosen))
                frames.append(Wanted(entry.name, view, seed, size, prompt, path))
    return Preview(
        commission.chain.key,
        stage,
        commission.plan.source,
        commission.spec.name,
        error,
        tuple(frames),
    )


def _followed(commission: Commission, progress: ProgressFunction | None) -> Generated:
    """Make or verify what a commission asks for, and take it into the catalogue."""
    started = time.monotonic()
    try:
        frames = tuple(commission.frames(_told(progress)))
    except Exception:
        # What was made before the error stays, so the catalogue should know it.
        with suppress(GmError):
            catalogue(commission.library, commission.kept)
        raise
    catalogue(commission.library, commission.kept, progress)
    mine = {frame.kept.path for frame in frames}
    passes = {kept.path: kept for kept in commission.kept if kept.path not in mine}
    return Generated(
        commission.chain.key,
        commission.plan.stage,
        commission.plan.source,
        commission.spec.name,
        frames,
        tuple(passes.values()),
        _notes(frames),
        time.monotonic() - started,
    )


def _told(progress: ProgressFunction | None) -> Told | None:
    """Progress of frames as that of a library call."""
    if progress is None:
        return None

    def told(done: int, total: int, part: float, name: str) -> None:
        count = min(done + part, total)
        progress(Progress(round(count * PARTS), total * PARTS, 0, name, "shade"))

    return told


def _notes(frames: tuple[Frame, ...]) -> tuple[str, ...]:
    unknown = dict.fromkeys(
        word
        for frame in frames
        for word in (frame.kept.memory.recipe or {}).get("not understood", ())
    )
    notes = [f"the model does not understand: {', '.join(unknown)}"] if unknown else []
    if any("geometry" in (frame.kept.memory.recipe or {}) for frame in frames):
        notes.append(
            "this model takes no lines, and no sculpt is known that the sketch was drawn "
            f"from: its geometry was {INFLATED}"
        )
    return tuple(notes)
