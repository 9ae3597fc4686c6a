"""The network of the instrument and what it reads from a picture.

A U-Net (Ronneberger et al. 2015, arXiv:1505.04597) with group normalisation finds the subject and
names the environment. A second, smaller network names the material from the subject cut out of
the picture, where the first one sees too few pixels of it.

Importing this module imports torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch  # noqa: TID253
import torch.nn.functional as F  # noqa: TID253
from numpy.typing import NDArray
from safetensors.torch import load  # noqa: TID253
from torch import Tensor, nn  # noqa: TID253

from gm_assets.training.facts import PAINTS
from gm_assets.world.names import ENVIRONMENTS

FOLDER = Path(__file__).parent
WEIGHTS = FOLDER / "weights.safetensors"
MATERIAL_WEIGHTS = FOLDER / "material.safetensors"
#: Pixels of the picture that the network sees; the area of the small training frames.
AREA = 9216
#: Both sides are multiples of this.
STEP = 8
#: Side of the square that is cut around a subject, and the free part around it.
CUT, CUT_MARGIN = 64, 0.08
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
    """(n, 3, h, w) in -1..1 to the subject's logits (n, h, w), and logits of both heads.

    The material's head only takes part in training: `Substance` is asked instead.
    """

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


class Substance(nn.Module):
    """(n, 4, `CUT`, `CUT`), colours in -1..1 and silhouette, to logits of the materials."""

    def __init__(self) -> None:
        super().__init__()
        widths = (48, 96, 128)
        self.inlet = nn.Conv2d(16, widths[0], 3, padding=1)
        self.blocks = nn.ModuleList(
            _Block(a, b) for a, b in zip((widths[0], *widths[:-1]), widths, strict=True)
        )
        self.outlet = nn.Sequential(
            nn.Linear(2 * sum(widths), 128), nn.SiLU(), nn.Dropout(0.3), nn.Linear(128, len(PAINTS))
        )

    def forward(self, cuts: Tensor) -> Tensor:
        x = F.silu(self.inlet(F.pixel_unshuffle(cuts, 2)))
        levels = []
        for number, block in enumerate(self.blocks):
            x = block(x if number == 0 else F.avg_pool2d(x, 2))
            levels.append(x)
        logits: Tensor = self.outlet(_summary(levels, cuts[:, 3:]))
        return logits


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
        environment, material: logarithms of the probability of each term.
    """

    subject: Mask
    environment: Mapping[str, float]
    material: Mapping[str, float]


class Instrument:
    """The trained networks, frozen.

    Attributes:
        digest: sha256 over both files of weights.
    """

    def __init__(self, network: Network, substance: Substance, digest: str) -> None:
        self.network = network.eval()
        self.substance = substance.eval()
        self.digest = digest

    @classmethod
    def open(cls) -> Instrument:
        """The instrument that lies beside this module.

        Raises:
            OSError: it is not there.
        """
        network, substance = Network(), Substance()
        data = []
        for module, path in ((network, WEIGHTS), (substance, MATERIAL_WEIGHTS)):
            data.append(path.read_bytes())
            weights = load(data[-1])
            module.load_state_dict({name: value.float() for name, value in weights.items()})
        return cls(network, substance, hashlib.sha256(b"".join(data)).hexdigest())

    @torch.no_grad()
    def look(self, picture: NDArray[np.uint8], silhouette: Mask) -> Seen:
        """Read one picture, (h, w, 3) uint8 sRGB of any size.

        Args:
            silhouette: (h, w) where the material is looked for; the subject and the environment
                are found without it.
        """
        shown = torch.from_numpy(scaled(picture).transpose(2, 0, 1)[None].copy())
        logits, environment, _ = self.network(normalised(shown))
        material = self.substance(shown_cut(torch.from_numpy(cut_out(picture, silhouette)[None])))
        return Seen(
            (logits[0] > 0).numpy(), _named(environment, ENVIRONMENTS), _named(material, PAINTS)
        )


def _named(logits: Tensor, terms: Sequence[str]) -> dict[str, float]:
    return dict(zip(terms, F.log_softmax(logits[0], dim=0).tolist(), strict=True))


def cut_out(picture: NDArray[np.uint8], silhouette: Mask) -> NDArray[np.uint8]:
    """The square around a subject, (4, `CUT`, `CUT`): colours and silhouette, 0 to 255.

    Raises:
        ValueError: the silhouette is empty.
    """
    from PIL import Image

    rows, columns = (np.flatnonzero(silhouette.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        raise ValueError("there is no subject to cut out")
    middle = (columns[0] + columns[-1] + 1) / 2, (rows[0] + rows[-1] + 1) / 2
    half = max(rows[-1] - rows[0], columns[-1] - columns[0]) / 2 * (1 + CUT_MARGIN) + 1
    box = tuple(round(value) for value in (middle[0] - half, middle[1] - half,
                                           middle[0] + half, middle[1] + half))  # fmt: skip
    both = np.concatenate([picture, silhouette[..., None] * np.uint8(255)], axis=2)
    square = Image.fromarray(both, "RGBA").crop(box)
    bands = [band.resize((CUT, CUT), Image.Resampling.BOX) for band in square.split()]
    return np.stack([np.asarray(band) for band in bands])


def shown_cut(cuts: Tensor) -> Tensor:
    """uint8 cuts as `Substance` takes them."""
    values = cuts.float()
    return torch.cat([values[:, :3] / 127.5 - 1, values[:, 3:] / 255], dim=1)


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
