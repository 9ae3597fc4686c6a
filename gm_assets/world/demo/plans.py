"""What a chain of the demo library is planned to be: what is made, from what, what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from gm_assets.memory.record import Stage

Drawing: TypeAlias = Literal["mesh", "elevation", "views"]
Reference: TypeAlias = Literal["wash", "silver", "dye", "plate"]


@dataclass(frozen=True)
class Shot:
    """One frame: where the camera stands and what surrounds the subject.

    Attributes:
        name: slug, unique within its chain; the frame's variant.
        environment, shot, light: vocabulary ids.
        azimuth, elevation: degrees; of the camera around the subject.
        lens: focal length in millimetres.
        aspect: width by height.
        margin: free part of the frame around the subject.
        lift: how far the subject is moved up in the frame, as a part of its half height.
        company: the people in the picture, a key of `looks.people.COMPANIES`, or nobody.
        exposure: factor on the stage's own.
        inside: the camera stands in the subject itself: eye and target in metres.
        red_beacon: a red lamp on a machine, against the law, on purpose.
        seed: of the frame that a model makes of this shot: the first whose frame obeys.
        title, description: what the memory says.
    """

    name: str
    environment: str
    shot: str
    light: str
    azimuth: float
    elevation: float
    lens: float
    aspect: float
    title: str
    description: str
    margin: float = 0.18
    lift: float = 0.0
    company: str | None = None
    exposure: float = 1.0
    inside: tuple[tuple[float, float, float], tuple[float, float, float]] | None = None
    red_beacon: bool = False
    seed: int = 1


@dataclass(frozen=True)
class Missing:
    """A stage that is not there, and the reason that is shown."""

    stage: Stage
    reason: str


@dataclass(frozen=True)
class Chain:
    """One chain of the demo.

    Attributes:
        subject: slug of the subject.
        seed: of the subject's sculptor (a chain that begins with a drawing takes its own).
        drawing: how S1 is made: from the mesh; first, by rule; first, as front and side, with no
            mesh but what these drawings say; None for no drawing.
        drawing_kept: False makes the drawing but leaves it out of the library, so that what
            was made from it waits for its twin.
        reference: how S2 is made.
        frames: the S4 frames.
        turntable: number of turntable views.
        passes: depth, normals and silhouette of the hero camera.
        sculpt_kept: False leaves the mesh and its renders out of the library.
        lifted: a visual hull is carved from the turntable.
        plates_first: the chain begins with posed plates; there is no sculpt.
        revised: the sculpt was revised after its children had been made.
        second: the frame of the second generation, where the hull re-entered as a sculpt.
        turns: how often the loop is turned with plates that a model makes; 0 for never.
        missing: gaps with their reasons.
        detail: resolution of the sculpt.
        named: the chain, where it does not have the name of its subject.
    """

    subject: str
    seed: int
    drawing: Drawing | None = "mesh"
    drawing_kept: bool = True
    reference: Reference | None = "wash"
    frames: tuple[Shot, ...] = ()
    turntable: int = 6
    passes: bool = False
    sculpt_kept: bool = True
    lifted: bool = False
    plates_first: bool = False
    revised: bool = False
    second: Shot | None = None
    turns: int = 0
    missing: tuple[Missing, ...] = ()
    detail: float = 0.56
    named: str | None = None

    @property
    def name(self) -> str:
        """The chain's name."""
        return self.named or self.subject
