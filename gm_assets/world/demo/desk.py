"""The desk at which one chain is made: its plan, what is there already, and small helpers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gm_assets.library.encoders import Embedder
from gm_assets.making.keeping import Keeper, Kept
from gm_assets.memory.record import Camera, Gap, Parent, Placement, Role, Stage
from gm_assets.sculpt.cameras import frame as framed
from gm_assets.sculpt.cameras import look_at
from gm_assets.sculpt.model import Sculpt
from gm_assets.world.demo.plans import Chain
from gm_assets.world.demo.studio import studio
from gm_assets.world.looks.strokes import Sheet
from gm_assets.world.subjects import SUBJECTS, Subject

#: Papers in turn, so that no two neighbours look alike.
PAPERS: tuple[tuple[float, float, float], ...] = (
    (0.735, 0.695, 0.620),
    (0.640, 0.645, 0.640),
    (0.800, 0.775, 0.715),
    (0.665, 0.610, 0.535),
    (0.575, 0.600, 0.625),
)


@dataclass
class Desk:
    """The state of one chain while it is made.

    Attributes:
        plan: what is to be made.
        size: long side of the large pictures in pixels.
        studio: keeps the files.
        seed: of the sculptor; a chain that begins with a drawing takes it from there.
        number: moves papers, noise and staging from chain to chain.
        drawing, reference, mesh: the S1, S2 and S3 documents, once made.
        drawn, referred: pixels of the drawing and the reference as their files hold them.
        stated: stages whose gap a memory has stated.
    """

    plan: Chain
    size: int
    studio: Keeper
    seed: int
    number: int
    drawing: Kept | None = None
    reference: Kept | None = None
    mesh: Kept | None = None
    drawn: NDArray[np.uint8] | None = None
    referred: NDArray[np.uint8] | None = None
    stated: set[Stage] = field(default_factory=set)

    @classmethod
    def of(
        cls, plan: Chain, root: Path, when: str, size: int, embedder: Embedder | None = None
    ) -> Desk:
        """An empty desk."""
        subject = SUBJECTS[plan.subject]
        return cls(
            plan=plan,
            size=size,
            studio=studio(root, subject.domain, plan.name, plan.subject, when, embedder),
            seed=plan.seed,
            number=sum(plan.name.encode()) + plan.seed,
        )

    @property
    def subject(self) -> Subject:
        """The program that sculpts this chain's subject."""
        return SUBJECTS[self.plan.subject]

    def place(
        self, stage: Stage, part: str, *, primary: bool = False, generation: int = 1, **more: Any
    ) -> Placement:
        return Placement(
            chain=self.plan.name,
            generation=generation,
            stage=stage,
            part=part,
            primary=primary,
            **more,
        )

    def recipe(
        self, step: str, inputs: list[Kept] | None = None, **parameters: Any
    ) -> dict[str, Any]:
        return {
            "step": step,
            "subject": self.plan.subject,
            "seed": self.seed,
            "inputs": [kept.content_id for kept in inputs or []],
            "parameters": parameters,
        }

    def gaps(self) -> tuple[Gap, ...]:
        """The plan's gaps, stated once, by the first document of the chain that is kept."""
        wanted = [one for one in self.plan.missing if one.stage not in self.stated]
        self.stated |= {one.stage for one in wanted}
        return tuple(Gap(stage=one.stage, reason=one.reason) for one in wanted)

    def extent(self, aspect: float, large: float = 1.0) -> tuple[int, int]:
        """Even width and height of a picture whose long side is `large` of the demo's size."""
        side = self.size * large
        width, height = (side, side / aspect) if aspect >= 1 else (side * aspect, side)
        return round(width / 2) * 2, round(height / 2) * 2

    def hero(self, sculpt: Sculpt, margin: float = 0.14) -> tuple[Camera, float]:
        """The subject's hero camera, with an aspect kept within 0.6 to 1.6.

        A subject that is seen from inside has no outside to show: its first shot's camera.
        """
        for shot in self.plan.frames:
            if shot.inside is not None:
                eye, target = shot.inside
                return look_at(eye, target, focal_length=shot.lens, aspect=shot.aspect), shot.aspect
        view = self.subject.view
        aspect = min(max(view.aspect, 0.6), 1.6)
        camera = framed(
            body(sculpt),
            azimuth=view.azimuth,
            elevation=view.elevation,
            focal_length=view.focal_length,
            aspect=aspect,
            margin=margin,
        )
        return camera, aspect

    @property
    def from_inside(self) -> bool:
        """Whether the chain's cameras stand within the subject."""
        return any(shot.inside is not None for shot in self.plan.frames)

    def parents_of(self, kept: Kept | None, role: Role) -> list[Parent]:
        return [] if kept is None else [kept.parent(role)]

    def sheet(self) -> Sheet:
        return Sheet(
            paper=PAPERS[self.number % len(PAPERS)],
            hatch=38.0 + self.number % 5 * 8,
            stains=0.35 + 0.1 * (self.number % 4),
            seed=self.number,
        )


def body(sculpt: Sculpt) -> NDArray[np.float32]:
    """The vertices that a camera frames: everything but ground and the person for scale."""
    chosen = [
        part.vertices
        for part in sculpt.parts
        if part.semantic != "ground" and not part.name.startswith("visitor")
    ]
    return np.concatenate(chosen or [part.vertices for part in sculpt.parts])
