"""`python -m benchmarks.obedience`: what the model-free reader says of true renders.

The thresholds of `gm_assets.diffusion.obedience` stand on these figures: the ceiling that true
renders of the benchmark's scenes reach, and what is left of it when the same renders are made to
disobey (moved, enlarged, mirrored, exchanged) or are only hard to read (dark, blurred).
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy import ndimage

from benchmarks.leash import Frame, kept
from benchmarks.scenes import Picture, scenes
from gm_assets.diffusion.obedience import Obedience, measure

DOCUMENT = Path(__file__).parents[1] / "docs" / "obedience.md"
BEGIN, END = "<!-- figures: python -m benchmarks.obedience --write -->", "<!-- end -->"
CACHE = Path(".cache/benchmarks/leash/true")


def _moved(part: float) -> Callable[[Picture], Picture]:
    return lambda picture: np.roll(picture, round(part * picture.shape[1]), axis=1)


def _dark(factor: float) -> Callable[[Picture], Picture]:
    return lambda picture: (picture * factor).astype(np.uint8)


def _blurred(part: float) -> Callable[[Picture], Picture]:
    def blur(picture: Picture) -> Picture:
        sigma = part * picture.shape[0]
        return np.asarray(ndimage.gaussian_filter(picture, (sigma, sigma, 0)))

    return blur


def _enlarged(picture: Picture) -> Picture:
    """The middle of the picture, 15 % larger."""
    from PIL import Image

    height, width = picture.shape[:2]
    box = (width * 0.065, height * 0.065, width * 0.935, height * 0.935)
    image = Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC, box)
    return np.asarray(image)


#: From a true render to what is measured against its guide.
CASES: Mapping[str, Callable[[Picture], Picture]] = {
    "true render": lambda picture: picture,
    "at 0.3 of its brightness": _dark(0.3),
    "at 0.1 of its brightness": _dark(0.1),
    "blurred by 0.5 % of its height": _blurred(0.005),
    "blurred by 1 %": _blurred(0.01),
    "moved by 3 % of its width": _moved(0.03),
    "moved by 8 %": _moved(0.08),
    "enlarged by 15 %": _enlarged,
    "mirrored": lambda picture: np.ascontiguousarray(picture[:, ::-1]),
}
EXCHANGED = "another subject's render"


def main() -> None:
    """Measure and print, or write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.obedience", description=__doc__)
    parser.add_argument("--views", type=int, default=2, help="of each subject")
    parser.add_argument("--write", action="store_true", help=f"into docs/{DOCUMENT.name}")
    options = parser.parse_args()
    text = table(options.views)
    if not options.write:
        print(text)
        return
    document = DOCUMENT.read_text("utf-8")
    head, _, rest = document.partition(BEGIN)
    _, _, tail = rest.partition(END)
    DOCUMENT.write_text(f"{head}{BEGIN}\n\n{text}\n{END}{tail}", "utf-8")


def table(views: int) -> str:
    """All cases as Markdown: quantiles of the measures, and the verdicts."""
    frames = list(_true_frames(views))
    names = ("silhouette", "over its null", "outline seen", "edges over chance", "normals")
    lines = [
        f"{len(frames)} true renders at 512 × 512 of `benchmarks.scenes`; quantiles 5, 50, 95 %.\n",
        f"| picture | {' | '.join(names)} | own first of 12 | obeyed | unread | disobeyed |",
        f"| --- |{' --- |' * (len(names) + 4)}",
    ]
    for name, change in CASES.items():
        found = [_measured(frames, frame, change(frame.picture)) for frame in frames]
        lines.append(_row(name, found))
    half = len(frames) // 2
    strangers = [frames[(number + half) % len(frames)].picture for number in range(len(frames))]
    found = [_measured(frames, *pair) for pair in zip(frames, strangers, strict=True)]
    lines.append(_row(EXCHANGED, found))
    return "\n".join(lines) + "\n"


def _true_frames(views: int) -> list[Frame]:
    frames = []
    for scene in scenes(views):
        guide = scene.guide(scene.camera())
        for place, composition in enumerate(scene.shown):
            path = CACHE / f"{scene.name}-{'ab'[place]}.png"
            picture = kept(path, lambda s=scene, c=composition: s.true(c))
            frames.append(Frame(scene, composition, guide, picture))
    return frames


def _measured(frames: Sequence[Frame], frame: Frame, picture: Picture) -> Obedience:
    others = {
        other.scene.subject: other.guide.map("silhouette")
        for other in frames
        if other.scene.view == frame.scene.view and other.scene.subject != frame.scene.subject
    }
    return measure(picture, frame.guide, list(others.values()))


def _row(name: str, found: Sequence[Obedience]) -> str:
    verdicts = Counter(one.verdict for one in found)
    first = sum(one.rank == 1 for one in found) / len(found)
    cells = [
        _quantiles([one.iou for one in found]),
        _quantiles([one.margin for one in found]),
        _quantiles([one.seen for one in found]),
        _quantiles([one.edges.above if one.edges else None for one in found]),
        _quantiles([one.normals.value if one.normals else None for one in found]),
        f"{first:.2f}",
        *(f"{verdicts[verdict]}" for verdict in ("obeyed", "unread", "disobeyed")),
    ]
    return f"| {name} | {' | '.join(cells)} |"


def _quantiles(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    return " ".join(f"{value:.2f}" for value in np.quantile(known, (0.05, 0.5, 0.95)))


if __name__ == "__main__":
    main()
