"""Plans of the demo's chains, and the frames that a model makes of them (S2 and S4).

A chain whose sculpt is in the library gets `plans/<chain>.yaml`, as a person would write it:
the shots of the demo, with the words that a model needs. The frames are then made by the same
call as `gm generate` makes. Without a model, or with the profile `none`, the demo has its
procedural frames alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from gm_assets.diffusion.profiles import shader_spec
from gm_assets.errors import GmError
from gm_assets.library import Library, Progress, ProgressFunction
from gm_assets.lifting.drawn_solid import DrawingSettings
from gm_assets.making.generating import generate
from gm_assets.making.plans import FOLDER, NO_CHANGES, Changes, Made
from gm_assets.making.sculpting import sculpt_chain
from gm_assets.memory.files import write_new
from gm_assets.settings import chosen_profile
from gm_assets.world.demo.looping import turn_chains
from gm_assets.world.demo.plans import Chain, Shot
from gm_assets.world.demo.shipping import PLATES

#: The profile where nobody names one.
DEFAULT = "embedded"
#: Side of a square frame in pixels; others have its area.
SIDE = 512
#: Side of the plates of a turntable, and their views.
PLATE_SIDE, VIEWS = 160, "turntable:24@5/25"
#: The drawings of the demo are of masonry: sections stay square.
SQUARE = DrawingSettings(rounded=False)
#: Who wrote the plans of the demo.
WRITER = "gm_assets world (scripted)"
_HEAD = "# What `gm generate {name}` makes of this chain (docs/generate.md).\n"


def shaded(plan: Chain) -> bool:
    """Whether a chain of the demo has a sculpt that a model can obey, seen from outside."""
    return (plan.sculpt_kept or drawn_first(plan)) and not plan.plates_first and bool(_shots(plan))


def drawn_first(plan: Chain) -> bool:
    """Whether its sculpt is to be made from its drawings."""
    return plan.drawing == "views"


def drawn_from_sculpt(plan: Chain) -> bool:
    """Whether its sketch is in the library and brings the passes of its sculpt along."""
    return plan.drawing == "mesh" and plan.drawing_kept and not plan.revised


def _shots(plan: Chain) -> tuple[Shot, ...]:
    return tuple(shot for shot in plan.frames if shot.inside is None and not shot.red_beacon)


def plan_text(plan: Chain) -> str:
    """The plan of a chain as YAML."""
    frames = [
        {
            "name": shot.name,
            "prompt": shot.title,
            "environment": shot.environment,
            "light": shot.light,
            "size": "{}x{}".format(*_size(shot.aspect)),
            **({"seeds": [shot.seed]} if shot.seed != 1 else {}),
            "views": [
                {
                    "name": shot.name,
                    "azimuth": shot.azimuth,
                    "elevation": shot.elevation,
                    "lens": shot.lens,
                    "margin": max(shot.margin, 0.0),
                    "lift": shot.lift,
                }
            ],
        }
        for shot in _shots(plan)
    ]
    first = frames[0]
    stages: dict[str, object] = {}
    if drawn_from_sculpt(plan) or drawn_first(plan):
        stages["S2"] = {key: first[key] for key in ("environment", "light")}
    if plan.turns:
        stages = {"writer": WRITER, **stages, "S4": {"frames": [*frames, _plates(plan)]}}
        stages["S5"] = _lifting(plan)
    else:
        stages["S4"] = {"frames": frames}
    text = yaml.safe_dump(stages, sort_keys=False, allow_unicode=True)
    return _HEAD.format(name=plan.name) + text


def _plates(plan: Chain) -> dict[str, object]:
    """The entry of the plates: all around the sculpt, in even light."""
    return {
        "name": PLATES,
        "prompt": plan.subject.replace("-", " "),
        "environment": "ash-plain",
        "light": "overcast",
        "size": PLATE_SIDE,
        "views": [VIEWS],
    }


def _lifting(plan: Chain) -> dict[str, object]:
    """What is lifted from the plates, and whether it re-enters."""
    # Plates that a model made disagree about flat walls, which a field then pits; outlines do not.
    method = "hull" if drawn_first(plan) else "field"
    found: dict[str, object] = {"frames": PLATES, "methods": [method]}
    if plan.turns > 1:
        found |= {"turns": plan.turns, "accept": "plan"}
    return found


def _size(aspect: float) -> tuple[int, int]:
    """Width and height in pixels, multiples of 64."""
    width = max(round(SIDE * aspect**0.5 / 64), 4) * 64
    return width, max(round(SIDE * SIDE / width / 64), 4) * 64


def shade(
    library: Library,
    plans: Sequence[Chain],
    progress: ProgressFunction | None = None,
    *,
    full: bool = False,
) -> tuple[str, ...]:
    """Write the plans that are missing, then make what they ask for.

    Args:
        full: make the plates and structures that are shipped as well.

    Returns:
        What a person should know: why there are no frames, or why one chain has none.
    """
    from gm_assets.diffusion.opening import obstacle

    wanted = [plan for plan in plans if shaded(plan)]
    for plan in wanted:
        path = library.root / FOLDER / f"{plan.name}.yaml"
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            write_new(path, plan_text(plan).encode())
        if drawn_first(plan):
            sculpt_chain(library, plan.name, SQUARE)
    spec = shader_spec(chosen_profile() or DEFAULT)
    if spec is None:
        return ()
    error = obstacle(spec)
    if error is not None:
        return (f"No generated frames: {error}",)
    notes = []
    for number, plan in enumerate(wanted):
        if progress is not None:
            progress(Progress(number, len(wanted), 0, plan.name, "shade"))
        sketched = drawn_from_sculpt(plan) or drawn_first(plan)
        stages: tuple[Made, ...] = ("S2", "S4") if sketched else ("S4",)
        for stage in stages:
            try:
                generate(library, plan.name, stage, _shown(plan, stage), spec=spec)
            except GmError as error:
                notes.append(f"{plan.name} has no generated frame at {stage}: {error}")
    if progress is not None and wanted:
        progress(Progress(len(wanted), len(wanted), 0, wanted[-1].name, "shade"))
    return (*notes, *turn_chains(library, wanted, spec, full=full, progress=progress))


def _shown(plan: Chain, stage: Made) -> Changes:
    """The frames to look at: plates are made, or put there, when the chain is turned."""
    if stage == "S2" or not plan.turns:
        return NO_CHANGES
    return Changes(frames=tuple(shot.name for shot in _shots(plan)))
