"""A turn of the loop: plates from the sculpt (S3 → S4), structures from the plates (S4 → S5).

Where a plan says so (`accept: plan`), the structure is accepted in its name and becomes the
sculpt of the next generation, up to the generation that the plan names. Elsewhere a turn ends
with structures that wait for a person.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gm_assets.errors import GmError
from gm_assets.library import ProgressFunction, accept, acceptance
from gm_assets.making.generating import Generated, generate
from gm_assets.making.lift_plans import NO_LIFT_CHANGES, USUAL_VIEWS, LiftChanges, LiftPlan
from gm_assets.making.lifting import Lifted, Structure, lift_chain, lift_plan
from gm_assets.making.plans import Changes
from gm_assets.making.reentering import Reentered, reenter
from gm_assets.making.sources import Chain
from gm_assets.memory.record import chain_key, parse_chain_key

if TYPE_CHECKING:
    from gm_assets.diffusion.profiles import ShaderSpec
    from gm_assets.library import Library

#: Side of plates whose entry names no size, in pixels: a turntable has many.
PLATE_SIDE = 256


@dataclass(frozen=True, eq=False)
class Turn:
    """One turn of a chain.

    Attributes:
        key: of the chain and generation.
        generated: the plates.
        lifted: the structures.
        reentered: the structure that began the next generation; None where none did.
        ended: why the next generation was not begun; None where it was.
    """

    key: str
    generated: Generated
    lifted: Lifted
    reentered: Reentered | None
    ended: str | None


def turn(
    library: Library,
    key: str,
    changes: LiftChanges = NO_LIFT_CHANGES,
    *,
    spec: ShaderSpec | None = None,
    progress: ProgressFunction | None = None,
) -> tuple[Generated, Lifted]:
    """Make the plates of a chain and lift them, or verify what is there.

    Args:
        changes: of the plan's S5; its `views` are those of the plates.
        spec: the shader, as for `generate`.

    Raises:
        GmError: as `generate` and `lift_chain`.
    """
    plan = changes.of(lift_plan(library, key))
    generated = generate(
        library, key, "S4", _plates(library, key, plan), spec=spec, progress=progress
    )
    documents = {frame.kept.memory.document_id for frame in generated.frames}
    lifted = lift_chain(library, key, changes, only=documents, progress=progress)
    return generated, lifted


def turns(
    library: Library,
    key: str,
    *,
    spec: ShaderSpec | None = None,
    progress: ProgressFunction | None = None,
) -> Iterator[Turn]:
    """Turn a chain as often as its plan says, each turn as soon as it is done.

    The plan of the chain is read again for every generation, so that one may have its own. No
    generation beyond `turns` is begun, however often this is called.

    Raises:
        GmError: as `turn`; what was made before stays.
    """
    name, generation = parse_chain_key(Chain.of(library, key).key)
    while True:
        key = chain_key(name, generation)
        plan = lift_plan(library, key)
        generated, lifted = turn(library, key, spec=spec, progress=progress)
        reentered, ended = _next(library, plan, generation, lifted)
        yield Turn(key, generated, lifted, reentered, ended)
        if reentered is None:
            return
        generation += 1


def _plates(library: Library, key: str, plan: LiftPlan) -> Changes:
    """What is wanted of S4: the views of one entry of the plan, with its first seed."""
    chain = Chain.of(library, key)
    made = chain.plan("S4")
    entry = next((one for one in made.frames if one.name == plan.frames), made.frames[0])
    views = plan.views or (None if plan.frames else USUAL_VIEWS)
    size = (PLATE_SIDE, PLATE_SIDE) if entry.width is None else None
    return Changes(
        frames=(entry.name,), views=views, size=size, seeds=entry.seeds[:1], note=plan.note
    )


def _next(
    library: Library, plan: LiftPlan, generation: int, lifted: Lifted
) -> tuple[Reentered | None, str | None]:
    """The structure that begins the next generation, or why none does."""
    surface = lifted.surface
    if surface is None:
        return None, "no mesh was lifted: splats are no sculpt"
    if plan.accept != "plan":
        return None, "the structure waits for a person: gm accept, then gm reenter"
    if generation >= plan.turns:
        return None, f"the plan asks for {plan.turns} turns, and this was the last"
    if not surface.agrees(plan.agrees):
        return None, (
            f"the structure does not agree with its plates (silhouette IoU {surface.iou}, the "
            f"plan wants {plan.agrees})"
        )
    path = surface.kept.path
    assert path is not None  # structures are files
    try:
        _accept(library, plan, surface)
        return reenter(library, library.root / path, person=plan.writer, note=plan.note), None
    except GmError as error:
        return None, str(error)


def _accept(library: Library, plan: LiftPlan, structure: Structure) -> None:
    """Accept a structure in the name of the plan, unless it is accepted already."""
    from gm_assets.memory.files import read_memory

    path = library.root / str(structure.kept.path)
    memory = read_memory(path).memory
    if memory is not None and acceptance(memory) is not None:
        return
    assert plan.source is not None  # only a plan that somebody wrote accepts
    said = (
        f"accept: plan, {plan.source.relative_to(library.root).as_posix()}, silhouette IoU "
        f"{structure.iou} of at least {plan.agrees}"
    )
    accept(library, path, person=plan.writer, note=plan.note, plan=said)
