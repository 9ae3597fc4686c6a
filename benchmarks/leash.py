"""`python -m benchmarks.leash`: does the embedded leash obey, and do its words change anything?

Makes frames of held-out scenes (`benchmarks.scenes`), renders the same scenes truly, and asks the
frozen instrument (`benchmarks.instrument`) about both. Every figure of a made frame stands beside
that of the true one: what the instrument cannot read in a dark true render is not asked of a made
one. Pictures are kept in the cache, so that a second run only measures.

Exit code 0 where every line is within its limit, 1 where one is not.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from benchmarks.instrument.network import Instrument, iou, scaled_mask
from benchmarks.measure import Line
from benchmarks.scenes import SIDE, STRIDE, TURNS, Composition, Picture, Scene, scenes
from benchmarks.turntable import Drift, drift
from gm_assets.diffusion import Guide, Settings, Shader, open_shader, shader_spec
from gm_assets.diffusion.embedded.shader import DETAIL_STEPS, GUIDANCE, STEPS, TINT
from gm_assets.diffusion.obedience import Obedience, measure
from gm_assets.diffusion.profiles import folder_shader
from gm_assets.diffusion.sheets import Row, line_of, sheet
from gm_assets.memory.record import Camera
from gm_assets.training.leash.data import UNSEEN
from gm_assets.world.looks.grade import is_red

RESULT = Path(__file__).parent / "results" / "leash.json"
SEED = 1


@dataclass(frozen=True)
class Reading:
    """What was read from one frame.

    Attributes:
        scene: name of the scene.
        unseen: whether the leash never saw the subject in training.
        iou: of the instrument's silhouette with the pass.
        null: mean of the same with the passes of the eleven other subjects.
        first: whether the own pass is the best of the twelve.
        environment, material: how much more probable the instrument finds what the frame's words
            ask for than what those of the scene's other frame ask for, as a logarithm.
        environment_named, material_named: whether it finds that the most probable of all.
        red: part of the picture that is red where no living body is.
        obeyed: verdict of the reader that needs no model.
    """

    scene: str
    unseen: bool
    iou: float
    null: float
    first: bool
    environment: float
    material: float
    environment_named: bool
    material_named: bool
    red: float
    obeyed: str


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a scene in one of its compositions."""

    scene: Scene
    composition: Composition
    guide: Guide
    picture: Picture


#: Gives the frame of a scene in a composition for a guide, made or true.
Maker = Callable[[Scene, Composition, Guide, str], Picture]


class Studio:
    """Makes frames and true renders, and keeps them as PNG below a folder.

    Attributes:
        seconds: CPU seconds of every frame that was made, by its name; kept beside the frames.
    """

    def __init__(self, shader: Shader, cache: Path) -> None:
        self._shader = shader
        how = f"{STEPS}+{DETAIL_STEPS}-g{GUIDANCE}-t{TINT}-s{SEED}"
        self._made = cache / f"made-{shader.fingerprint[:16]}-{how}"
        self._true = cache / "true"
        self._clock = self._made / "seconds.json"
        known = json.loads(self._clock.read_text("utf-8")) if self._clock.exists() else {}
        self.seconds: dict[str, float] = known

    def made(self, scene: Scene, composition: Composition, guide: Guide, name: str) -> Picture:
        """The frame of the embedded leash."""
        return kept(
            self._made / f"{name}.png", lambda: self._shade(scene, composition, guide, name)
        )

    def true(self, scene: Scene, composition: Composition, guide: Guide, name: str) -> Picture:
        """The true render from the same camera."""
        camera: Camera | None = guide.camera
        return kept(self._true / f"{name}.png", lambda: scene.true(composition, camera))

    def _shade(self, scene: Scene, composition: Composition, guide: Guide, name: str) -> Picture:
        start = time.process_time()
        settings = Settings(SIDE, SIDE, seed=SEED)
        (shaded,) = self._shader.shade(composition.words(scene.subject), settings, [guide])
        self.seconds[name] = round(time.process_time() - start, 3)
        self._clock.write_text(json.dumps(self.seconds, indent=1) + "\n", "utf-8")
        return shaded.picture


def kept(path: Path, make: Callable[[], Picture]) -> Picture:
    """The picture at `path`, made where it is missing."""
    from PIL import Image

    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".part")
        Image.fromarray(make()).save(draft, "PNG")
        draft.replace(path)
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def main() -> int:
    """Make, render, measure, print."""
    options = _options()
    console = Console(stderr=True)
    spec = folder_shader(options.model) if options.model else shader_spec("embedded")
    assert spec is not None
    studio = Studio(open_shader(spec), options.cache)
    instrument = Instrument.open()
    chosen = scenes(options.views)
    made = list(_frames(chosen, studio.made, console, "made"))
    true = list(_frames(chosen, studio.true, console, "true"))
    readings = {
        "made": _read(made, instrument),
        "true": _read(true, instrument),
    }
    turned = [scene for scene in chosen if scene.subject in UNSEEN and scene.view == "v0"]
    drifts = {
        "made": [_turned(scene, studio.made) for scene in turned],
        "true": [_turned(scene, studio.true) for scene in turned],
    }
    lines = _lines(readings, drifts, list(studio.seconds.values()))
    for line in lines:
        print(_shown(line))
    if options.save:
        _save(lines, readings, instrument.digest)
    if options.sheet:
        _sheet(made, true).save(options.sheet)
    return 0 if all(line.holds for line in lines) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.leash", description=__doc__)
    parser.add_argument("--views", type=int, default=2, help="of each subject")
    parser.add_argument("--model", type=Path, help="a model folder instead of models/leash")
    parser.add_argument("--cache", type=Path, default=Path(".cache/benchmarks/leash"))
    parser.add_argument("--save", action="store_true", help=f"write {RESULT.name}")
    parser.add_argument("--sheet", type=Path, help="write a contact sheet, made beside true")
    return parser.parse_args()


def _shown(line: Line) -> str:
    limit = f"{'≤' if line.at_most else '≥'} {line.limit:g}"
    detail = ", ".join(f"{name} {value:.4g}" for name, value in line.detail.items())
    state = "holds " if line.holds else "MISSED"
    return f"{state}  {line.name}: {line.value:.3f} {line.unit} ({limit})\n        {detail}"


def _frames(chosen: Sequence[Scene], maker: Maker, console: Console, what: str) -> Iterator[Frame]:
    for number, scene in enumerate(chosen):
        console.print(f"{what} {number + 1} of {len(chosen)}: {scene.name}")
        guide = scene.guide(scene.camera())
        for place, composition in enumerate(scene.shown):
            name = f"{scene.name}-{'ab'[place]}"
            yield Frame(scene, composition, guide, maker(scene, composition, guide, name))


# ------------------------------------------------------------------------------- readings


def _read(frames: Sequence[Frame], instrument: Instrument) -> list[Reading]:
    """What the instrument and the model-free reader say of every frame."""
    subjects = {(one.scene.subject, one.scene.view): one.guide for one in frames}
    readings = []
    for frame in frames:
        scene = frame.scene
        others = [
            guide.map("silhouette")
            for (subject, view), guide in subjects.items()
            if view == scene.view and subject != scene.subject
        ]
        seen = instrument.look(frame.picture, frame.guide.map("silhouette"))
        asked, other = frame.composition, scene.other(frame.composition)
        shape = seen.subject.shape
        own = iou(seen.subject, scaled_mask(frame.guide.map("silhouette"), shape))
        rest = [iou(seen.subject, scaled_mask(mask, shape)) for mask in others]
        readings.append(
            Reading(
                scene.name,
                scene.subject in UNSEEN,
                own,
                fmean(rest),
                own > max(rest),
                seen.environment[asked.environment] - seen.environment[other.environment],
                seen.material[asked.material] - seen.material[other.material],
                asked.environment == max(seen.environment, key=lambda n: seen.environment[n]),
                asked.material == max(seen.material, key=lambda n: seen.material[n]),
                _red_outside(frame),
                _obedience(frame, others).verdict,
            )
        )
    return readings


def _obedience(frame: Frame, others: Sequence[NDArray[np.bool_]] = ()) -> Obedience:
    return measure(frame.picture, frame.guide, others)


def _red_outside(frame: Frame) -> float:
    """The part of a picture that is red where no living body is, an edge of it included."""
    from scipy import ndimage

    bodies = [
        number for number, part in frame.guide.table.items() if part.semantic == "living-body"
    ]
    body = np.isin(frame.guide.map("ids"), bodies)
    return float((is_red(frame.picture) & ~ndimage.binary_dilation(body, iterations=2)).mean())


def _turned(scene: Scene, maker: Maker) -> Drift:
    """How far neighbouring views of a turntable differ on the subject."""
    composition = scene.shown[0]
    views = []
    for turn in range(TURNS):
        guide = scene.guide(scene.camera(turn * STRIDE), f"t{turn:02d}")
        name = f"{scene.subject}-turn-{turn:02d}"
        views.append((guide, maker(scene, composition, guide, name)))
    return drift(views)


# ---------------------------------------------------------------------------------- lines


def _lines(
    readings: dict[str, list[Reading]], drifts: dict[str, list[Drift]], seconds: Sequence[float]
) -> list[Line]:
    lines = [
        *_silhouettes(readings),
        *(_words(readings, facet) for facet in ("environment", "material")),
        _turntables(drifts),
        _verdicts(readings),
    ]
    if seconds:
        detail = {"longest": max(seconds), "frames": len(seconds)}
        name = f"CPU seconds of a frame at {SIDE} x {SIDE}"
        lines.append(Line(name, median(seconds), 10.0, unit="s", detail=detail))
    return lines


def _means(readings: dict[str, list[Reading]], value: Callable[[Reading], float]) -> list[float]:
    """Means over the made and the true frames."""
    return [fmean(value(one) for one in readings[of]) for of in ("made", "true")]


def _silhouettes(readings: dict[str, list[Reading]]) -> list[Line]:
    iou, true_iou = _means(readings, lambda one: one.iou)
    null, true_null = _means(readings, lambda one: one.null)
    first, true_first = _means(readings, lambda one: one.first)
    kept = {of: [one for one in some if one.unseen] for of, some in readings.items()}
    unseen, true_unseen = _means(kept, lambda one: one.iou)
    overlaps = {
        "made": iou,
        "true": true_iou,
        "unseen subjects made": unseen,
        "unseen subjects true": true_unseen,
        "frames": len(readings["made"]),
    }
    nulls = {"null": null, "true over its null": true_iou - true_null}
    ranks = {"made": first, "true": true_first}
    return [
        Line("silhouette IoU by that of true renders", iou / true_iou, 0.95, False, "", overlaps),
        Line("silhouette IoU over its null", iou - null, 0.4, False, "", nulls),
        Line(
            "own pass first of 12, less true renders", first - true_first, -0.03, False, "", ranks
        ),
    ]


def _words(readings: dict[str, list[Reading]], facet: str) -> Line:
    made, true = _changed(readings["made"], facet), _changed(readings["true"], facet)
    named, true_named = _means(readings, lambda one: getattr(one, f"{facet}_named"))
    detail = {"made": made, "true": true, "named in made": named, "named in true": true_named}
    name = f"{facet} changed by words alone, by true renders"
    # Shares of equal counts: 18 scenes of 20 are nine tenths, whatever the division leaves.
    return Line(name, round(made / max(true, 1e-6), 9), 0.9, False, "", detail)


def _turntables(drifts: dict[str, list[Drift]]) -> Line:
    made, true = (fmean(one.neighbours for one in drifts[of]) for of in ("made", "true"))
    mixed, true_mixed = (fmean(one.strangers for one in drifts[of]) for of in ("made", "true"))
    detail = {"made": made, "true": true, "strangers made": mixed, "strangers true": true_mixed}
    name = "turntable: colour difference of neighbouring views, by true ones"
    return Line(name, made / true, float("inf"), True, "", detail)


def _verdicts(readings: dict[str, list[Reading]]) -> Line:
    obeyed, true_obeyed = _means(readings, lambda one: one.obeyed == "obeyed")
    red, true_red = _means(readings, lambda one: one.red)
    detail = {"true": true_obeyed, "red outside of bodies": red, "the same in true": true_red}
    return Line("frames that obey as gm_assets reads them", obeyed, 0.0, False, "", detail)


def _changed(readings: Sequence[Reading], facet: str) -> float:
    """The share of scenes whose two frames differ toward what their words ask for.

    Of two frames of one scene, which is the one of these words? The instrument finds it where
    the odds of the two terms, in the frame that asks for the first and in the one that asks for
    the second, stand in the right order; chance is 0.5.
    """
    odds: dict[str, float] = {}
    for one in readings:
        odds[one.scene] = odds.get(one.scene, 0.0) + getattr(one, facet)
    return fmean(both > 0 for both in odds.values())


def _save(lines: Sequence[Line], readings: dict[str, list[Reading]], instrument: str) -> None:
    RESULT.parent.mkdir(exist_ok=True)

    def finite(line: Line) -> dict[str, Any]:
        limit = line.limit if np.isfinite(line.limit) else None
        return asdict(line) | {"limit": limit, "holds": line.holds}

    result = {
        "when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "instrument": instrument,
        "lines": [finite(line) for line in lines],
        "readings": {name: [asdict(one) for one in some] for name, some in readings.items()},
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


def _sheet(made: Sequence[Frame], true: Sequence[Frame]) -> Any:
    """Passes, made frame and true render: one frame of every subject, compositions in turn."""
    first = [pair for pair in zip(made, true, strict=True) if pair[0].scene.view == "v0"]
    chosen = [pair for n, pair in enumerate(first) if n % 2 == n // 2 % 2]
    rows = [
        Row(
            ours.guide,
            ours.picture,
            (
                f"{ours.scene.subject}: {ours.composition.words(ours.scene.subject).prompt}",
                line_of(_obedience(ours)),
            ),
            (theirs.picture,),
        )
        for ours, theirs in chosen
    ]
    heading = ("The embedded leash on held-out scenes", "passes, frame made, true render")
    return sheet(rows, heading, side=200, maps=("depth", "normal", "ids"))


if __name__ == "__main__":
    sys.exit(main())
