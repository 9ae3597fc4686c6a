"""The scenes of the leash's benchmark: held-out subjects, seeds, views and compositions.

A scene is one subject before one camera. It is shown twice, under two sets of words, so that
what words change can be told from what the passes hold. Sculptor's seeds are those of no
training and no demo; three of the twelve subjects were never trained on, and of the others only
compositions of subject, environment and material that training leaves out are asked for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gm_assets.diffusion.protocol import Guide, Identified, Words
from gm_assets.memory.record import Camera
from gm_assets.sculpt.cameras import frame as framed
from gm_assets.sculpt.model import Sculpt
from gm_assets.sculpt.rays import Scene as Rays
from gm_assets.training.facts import PAINTS, hashed, held_out
from gm_assets.training.leash.batches import EXPOSURE
from gm_assets.training.leash.data import UNSEEN
from gm_assets.training.lights import NATIVE, filled
from gm_assets.training.staging import painted
from gm_assets.world.demo.desk import body
from gm_assets.world.looks import grade
from gm_assets.world.looks.frame import Stage, render
from gm_assets.world.looks.stages import environment
from gm_assets.world.names import ENVIRONMENTS
from gm_assets.world.subjects import SUBJECTS

Picture = NDArray[np.uint8]

#: The twelve subjects that silhouettes are ranked among.
AMONG: tuple[str, ...] = (
    *UNSEEN,
    "seam-keeper",
    "recon-pilot",
    "dry-dock-rigger",
    "ring-freighter",
    "coalition-cutter",
    "breathing-engine",
    "fluted-spire",
    "arch",
    "branching-gate",
)
#: Side of the square frames in pixels.
SIDE = 512
#: Resolution of the sculpts.
DETAIL = 0.5
#: Views of a turntable and degrees between them.
TURNS, STRIDE = 6, 12.0


@dataclass(frozen=True)
class Composition:
    """What the words ask for."""

    environment: str
    material: str

    @property
    def light(self) -> str:
        """The light that the environment brings."""
        return NATIVE[self.environment]

    def words(self, subject: str) -> Words:
        """The prompt, in words that the embedded model knows."""
        named = (subject, self.material, self.environment, self.light)
        return Words(", ".join(name.replace("-", " ") for name in named))


@dataclass(frozen=True)
class Scene:
    """One subject before one camera, and the two compositions it is shown in.

    Attributes:
        subject: its slug.
        view: name of the view.
        azimuth, elevation, lens, margin: of the camera.
        shown: the two compositions; both their terms differ.
    """

    subject: str
    view: str
    azimuth: float
    elevation: float
    lens: float
    margin: float
    shown: tuple[Composition, Composition]

    @property
    def name(self) -> str:
        """A name for files and captions."""
        return f"{self.subject}-{self.view}"

    @property
    def seed(self) -> int:
        """The sculptor's seed: one a subject, so that its views show one thing."""
        return 2_000_000 + hashed("benchmark", self.subject) % 1_000_000

    def other(self, composition: Composition) -> Composition:
        """The other one of its two compositions."""
        return self.shown[0] if composition == self.shown[1] else self.shown[1]

    @cached_property
    def sculpt(self) -> Sculpt:
        """The subject, as its sculptor made it."""
        return SUBJECTS[self.subject].build(self.seed, DETAIL)

    def camera(self, turn: float = 0.0) -> Camera:
        """The camera, `turn` degrees further around the subject."""
        return framed(
            body(self.sculpt),
            azimuth=self.azimuth + turn,
            elevation=self.elevation,
            focal_length=self.lens,
            margin=self.margin,
            lift=-0.02,
        )

    def guide(self, camera: Camera, view: str = "") -> Guide:
        """The passes of the sculpt alone."""
        passes = Rays(self.sculpt).passes(camera, SIDE, SIDE)
        table = {
            number + 1: Identified(part.name, part.semantic, part.material)
            for number, part in enumerate(self.sculpt.parts)
        }
        return Guide(
            view or self.view,
            camera,
            depth=passes.depth,
            normal=passes.normal,
            silhouette=passes.silhouette,
            ids=passes.ids,
            table=table,
        )

    def stage(self, composition: Composition) -> Stage:
        """What surrounds the subject, with a photographer's weak light from beside the camera."""
        chance = np.random.Generator(np.random.PCG64(hashed("light", self.name, composition)))
        camera = self.camera()
        stage = environment(composition.environment, self.sculpt, camera, self.seed)
        return filled(stage, camera, chance)

    def true(
        self, composition: Composition, camera: Camera | None = None, side: int = SIDE
    ) -> Picture:
        """The true render: the same subject painted and set where the words say.

        Exposed as the frames that the leash learned from.
        """
        sculpt = painted(self.sculpt, composition.material)
        stage = self.stage(composition)
        develop = dataclasses.replace(stage.develop, grain=stage.develop.grain * 0.4)
        stage = dataclasses.replace(stage, develop=develop)
        picture = render(sculpt, stage, camera or self.camera(), side, side, self.seed).picture
        linear = grade.to_linear(picture.astype(np.float32) / 255) * np.float32(EXPOSURE)
        return grade.to_bytes(grade.to_srgb(linear))


def scenes(views: int = 2, subjects: Sequence[str] = AMONG) -> list[Scene]:
    """So many views of every subject; the same in every process."""
    return [_scene(subject, number) for subject in subjects for number in range(views)]


def _scene(subject: str, number: int) -> Scene:
    chance = np.random.Generator(np.random.PCG64(hashed("scene", subject, number)))
    choices = [
        Composition(setting, paint)
        for setting in ENVIRONMENTS
        for paint in PAINTS
        if subject in UNSEEN or held_out(subject, setting, paint, True)
    ]
    first = choices[int(chance.integers(len(choices)))]
    others = [
        one
        for one in choices
        if one.environment != first.environment and one.material != first.material
    ]
    second = others[int(chance.integers(len(others)))]
    return Scene(
        subject,
        f"v{number}",
        azimuth=SUBJECTS[subject].view.azimuth + float(chance.uniform(-70, 70)),
        elevation=float(chance.uniform(2, 9)),
        lens=float(chance.uniform(55, 120)),
        margin=float(chance.uniform(0.08, 0.34)),
        shown=(first, second),
    )
