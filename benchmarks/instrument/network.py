"""The network of the instrument and what it reads from a picture.

A U-Net (Ronneberger et al. 2015, arXiv:1505.04597) with group normalisation; the two heads look
at its features, the material's where the subject was found, the environment's everywhere.

Importing this module imports torch.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch  # noqa: TID253
import torch.nn.functional as F  # noqa: TID253
from numpy.typing import NDArray
from torch import Tensor, nn  # noqa: TID253

from gm_assets.training.facts import PAINTS
from gm_assets.world.names import ENVIRONMENTS

FOLDER = Path(__file__).parent
WEIGHTS = FOLDER / "weights.safetensors"
#: Pixels of the picture that the network sees; the area of the small training frames.
AREA = 9216
#: Both sides are multiples of this.
STEP = 8
_WIDTHS = (24, 48, 80, 128)

Mask = NDArray[np.bool_]


class _Block(nn.Module):
    """Two convolutions with a way around them."""

    def __init__(self, inlet: int, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inlet, width, 3, padding=1)
        self.norm = nn.GroupNorm(8, width)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.norm_two = nn.GroupNorm(8, width)
        self.around = nn.Conv2d(inlet, width, 1) if inlet != width else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = F.silu(self.norm(self.first(x)))
        return F.silu(self.norm_two(self.second(y)) + self.around(x))


class Network(nn.Module):
    """(n, 3, h, w) in -1..1 to the subject's logits (n, h, w), and logits of both heads."""

    def __init__(self) -> None:
        super().__init__()
        fine, *widths = _WIDTHS
        self.inlet = nn.Conv2d(3, fine, 3, padding=1)
        ins = (4 * fine, *widths[:-1])
        self.downs = nn.ModuleList(_Block(a, b) for a, b in zip(ins, widths, strict=True))
        self.ups = nn.ModuleList(
            _Block(a + b, b) for a, b in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.unfold = nn.Conv2d(widths[0], 4 * fine, 1)
        self.outlet = nn.Conv2d(2 * fine, 1, 3, padding=1)
        summary = 2 * sum(widths)
        self.environment = nn.Sequential(
            nn.Linear(summary, 128), nn.SiLU(), nn.Dropout(0.1), nn.Linear(128, len(ENVIRONMENTS))
        )
        self.material = nn.Sequential(
            nn.Linear(summary, 128), nn.SiLU(), nn.Dropout(0.1), nn.Linear(128, len(PAINTS))
        )

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        fine = F.silu(self.inlet(pictures))
        x = F.pixel_unshuffle(fine, 2)
        levels = []
        for number, down in enumerate(self.downs):
            x = down(x if number == 0 else F.avg_pool2d(x, 2))
            levels.append(x)
        for up, skip in zip(self.ups, levels[-2::-1], strict=True):
            x = up(torch.cat([F.interpolate(x, scale_factor=2), skip], dim=1))
        last = F.pixel_shuffle(self.unfold(x), 2)
        logits = self.outlet(torch.cat([F.silu(last), fine], dim=1))[:, 0]
        here = torch.sigmoid(logits.detach())[:, None]
        everywhere = torch.ones_like(here)
        return (
            logits,
            self.environment(_summary(levels, everywhere)),
            self.material(_summary(levels, here)),
        )


def _summary(levels: list[Tensor], weight: Tensor) -> Tensor:
    """Weighted mean and deviation of every channel of every level, (n, 2 c)."""
    parts = []
    for level in levels:
        share = F.adaptive_avg_pool2d(weight, level.shape[-2:])
        total = share.sum((2, 3)) + 1e-3
        mean = (level * share).sum((2, 3)) / total
        square = (level * level * share).sum((2, 3)) / total
        parts += [mean, (square - mean * mean).clamp(min=1e-5).sqrt()]
    return torch.cat(parts, dim=1)


@dataclass(frozen=True, eq=False)
class Seen:
    """What the instrument reads from one picture.

    Attributes:
        subject: (h, w) True where it sees the subject, at its own resolution.
        environment, material: the terms that it names.
    """

    subject: Mask
    environment: str
    material: str


class Instrument:
    """The trained network, frozen."""

    def __init__(self, network: Network, digest: str) -> None:
        self.network = network.eval()
        self.digest = digest

    @classmethod
    def open(cls, path: Path = WEIGHTS) -> Instrument:
        """The instrument that lies beside this module.

        Raises:
            OSError: it is not there.
        """
        from safetensors.torch import load

        data = path.read_bytes()
        network = Network()
        network.load_state_dict({name: value.float() for name, value in load(data).items()})
        return cls(network, hashlib.sha256(data).hexdigest())

    @torch.no_grad()
    def look(self, picture: NDArray[np.uint8]) -> Seen:
        """Read one picture, (h, w, 3) uint8 sRGB of any size."""
        shown = torch.from_numpy(scaled(picture).transpose(2, 0, 1)[None].copy())
        logits, environment, material = self.network(normalised(shown))
        return Seen(
            (logits[0] > 0).numpy(),
            ENVIRONMENTS[int(environment.argmax())],
            PAINTS[int(material.argmax())],
        )


def normalised(pictures: Tensor) -> Tensor:
    """uint8 as the network takes it."""
    return pictures.float() / 127.5 - 1


def size_for(width: int, height: int) -> tuple[int, int]:
    """The width and height at which a picture is seen."""
    scale = (AREA / (width * height)) ** 0.5
    sides = [max(STEP, round(side * scale / STEP) * STEP) for side in (width, height)]
    return sides[0], sides[1]


def scaled(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture at the size at which it is seen, by area."""
    from PIL import Image

    size = size_for(picture.shape[1], picture.shape[0])
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))


def scaled_mask(mask: Mask, shape: tuple[int, ...]) -> Mask:
    """A silhouette at the size at which the subject is seen."""
    from PIL import Image

    image = Image.fromarray(mask.astype(np.float32))
    return np.asarray(image.resize((shape[1], shape[0]), Image.Resampling.BOX)) > 0.5


def iou(a: Mask, b: Mask) -> float:
    """Intersection over union, 0 to 1."""
    return float((a & b).sum() / max(int((a | b).sum()), 1))
