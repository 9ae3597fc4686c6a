"""What goes into a generative step and what comes out of it.

A `Guide` is the geometry of one view: maps of one size that a frame must obey. A `Shader` is a
model that turns words and guides into frames. Nothing here knows a file, a library or a
particular model, so that the same guides serve our own small network and a hub model alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gm_assets.memory.record import Camera

if TYPE_CHECKING:
    from gm_assets.diffusion.profiles import ShaderSpec

Picture = NDArray[np.uint8]

#: The maps that a guide may hold and that settings may weigh.
MAPS: tuple[str, ...] = ("depth", "normal", "silhouette", "ids", "pose", "lines")


@dataclass(frozen=True)
class Identified:
    """What one number of an id pass stands for.

    Attributes:
        name: of the part, e.g. `headdress`.
        semantic: what it is, e.g. `living-body`; empty where nobody said.
        material: what it is made of, e.g. `bone`; empty where nobody said.
    """

    name: str
    semantic: str = ""
    material: str = ""


@dataclass(frozen=True, eq=False)
class Guide:
    """The geometry of one view: maps of one height and width, row 0 at the top.

    Attributes:
        view: its name, e.g. `hero` or `t03`.
        camera: the camera that saw it; None for a sketch.
        depth: (h, w) float32 metres along the camera's axis, infinite where nothing is.
        normal: (h, w, 3) float32 unit normals in camera axes (+X right, +Y up, +Z towards the
            camera), zero where nothing is.
        silhouette: (h, w) bool, True on the subject.
        ids: (h, w) uint32, 0 for nothing, else a key of `table`.
        table: what the ids stand for.
        pose: (h, w, 3) uint8, the rig's pose as a picture.
        lines: (h, w) float32, ink of a sketch, 0 for paper to 1.

    Raises:
        ValueError: there is no map, or two of them differ in height and width.
    """

    view: str
    camera: Camera | None = None
    depth: NDArray[np.float32] | None = None
    normal: NDArray[np.float32] | None = None
    silhouette: NDArray[np.bool_] | None = None
    ids: NDArray[np.uint32] | None = None
    table: Mapping[int, Identified] = field(default_factory=dict)
    pose: Picture | None = None
    lines: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        sizes = {name: self.map(name).shape[:2] for name in self.maps}
        if len(set(sizes.values())) != 1:
            raise ValueError(f"the maps of view {self.view!r} are not of one size: {sizes}")

    @property
    def maps(self) -> tuple[str, ...]:
        """Names of the maps that are there."""
        return tuple(name for name in MAPS if getattr(self, name) is not None)

    def map(self, name: str) -> NDArray[Any]:
        """The map of that name.

        Raises:
            KeyError: it is not there.
        """
        values: NDArray[Any] | None = getattr(self, name) if name in MAPS else None
        if values is None:
            raise KeyError(name)
        return values

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the maps in pixels."""
        height, width = self.map(self.maps[0]).shape[:2]
        return width, height


@dataclass(frozen=True)
class Words:
    """What a frame is told: a prompt, and what it should not show."""

    prompt: str
    negative: str = ""


@dataclass(frozen=True)
class Reading:
    """What a model takes from words.

    Attributes:
        understood: what the words mean to the model, e.g. `{"environment": "night-city"}`; a
            model that reads free text says `{"prompt": ...}`.
        unknown: words that carry no meaning for it.
    """

    understood: Mapping[str, str]
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """How frames are made.

    Attributes:
        width, height: of the frames in pixels.
        seed: of the noise; every guide of one call begins from the same one.
        steps, guidance: of the sampler; None for the model's own.
        weights: how strongly each map is obeyed, 0 to 1; a map that is not named has 1 where
            the model takes it.
    """

    width: int = 512
    height: int = 512
    seed: int = 0
    steps: int | None = None
    guidance: float | None = None
    weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Shaded:
    """A finished frame.

    Attributes:
        view: the guide that it obeys.
        picture: (height, width, 3) uint8 sRGB.
        recipe: plain JSON values that, with the guides, make it again: scheduler, steps,
            guidance, seed, what was understood of the words, determinism settings.
    """

    view: str
    picture: Picture
    recipe: Mapping[str, Any]


class Shader(Protocol):
    """A generative model on a leash."""

    @property
    def spec(self) -> ShaderSpec:
        """The entry of a profile that it was opened from."""

    @property
    def fingerprint(self) -> str:
        """sha256 over its configuration and weights, in hexadecimal."""

    @property
    def obeys(self) -> tuple[str, ...]:
        """The maps that it takes, of `MAPS`."""

    def reading(self, words: Words) -> Reading:
        """What the words mean to it."""

    def shade(
        self,
        words: Words,
        settings: Settings,
        guides: Sequence[Guide],
        *,
        identity: Picture | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Iterator[Shaded]:
        """One frame for every guide, in their order, each as soon as it is done.

        Args:
            identity: a picture whose subject the frames should keep, where the model can.
            progress: called with steps done and steps in all.

        Raises:
            GmError: a map that the model needs is missing, the subject is not in the view, the
                size cannot be made, or the memory does not suffice.
        """
