"""A sheet of training pictures for the documentation: one row a look, columns by chance.

python -m gm_assets.training.sheet .cache/training/pictures docs/images/encoder-samples.webp
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from gm_assets.training.data import Pictures, load, sittings
from gm_assets.training.facts import LOOKS_OF

#: Looks in rows; frames have three.
_ROWS = (*(look for looks in LOOKS_OF.values() for look in looks), "frame", "frame")
_COLUMNS = 12
_GAP = 2


def sheet(pictures: Pictures, seed: int = 0) -> np.ndarray:
    """(h, w, 3) uint8: pictures of every look, none twice."""
    side = pictures.pixels.shape[1]
    step = side + _GAP
    canvas = np.full((len(_ROWS) * step - _GAP, _COLUMNS * step - _GAP, 3), 255, np.uint8)
    chance = np.random.Generator(np.random.PCG64(seed))
    left = {
        look: chance.permutation(
            [place for place, facts in enumerate(pictures.facts) if facts.look == look]
        ).tolist()
        for look in dict.fromkeys(_ROWS)
    }
    for row, look in enumerate(_ROWS):
        for column in range(_COLUMNS):
            if left[look]:
                top, start = row * step, column * step
                picture = pictures.pixels[left[look].pop()]
                canvas[top : top + side, start : start + side] = picture
    return canvas


def main(folder: Path, out: Path) -> None:
    """Write the sheet of the training pictures in `folder`."""
    from PIL import Image

    pictures = load(folder, [one for one in sittings() if one.split == "train"])
    Image.fromarray(sheet(pictures)).save(out, quality=82, method=6)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
