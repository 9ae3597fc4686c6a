"""Structures as files: lifted, written with their memory, and read back to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gm_assets.errors import LiftError
from gm_assets.identity import read_file
from gm_assets.lifting.methods import lift, method_facts
from gm_assets.lifting.protocol import Lift, Progress, Surface
from gm_assets.making.keeping import Kept
from gm_assets.sculpt.model import Sculpt

if TYPE_CHECKING:
    from PIL import Image

    from gm_assets.library import Library
    from gm_assets.lifting.protocol import Plate, Splats
    from gm_assets.making.lifting import Bench, Order, Structure
    from gm_assets.making.plates import Source
    from gm_assets.memory.record import Parent

#: Other files that hold the same splats, by the ending of their name.
SPLAT_FORMS: tuple[str, ...] = ("ply", "usda")
#: Views of a comparison, and the longer side of a cell in pixels.
SHOWN, ACROSS = 6, 192


def made_now(bench: Bench, order: Order, told: Progress | None) -> Kept:
    """Lift a structure, measure it and write it.

    Raises:
        GmError: as `lift_chain`.
    """
    from gm_assets.lifting.measures import measure

    used = bench.read(order.used, order.passes)
    lifted = lift(used, order.facts.name, order.settings, told)
    told_apart: dict[str, Any] = {}
    if "ids" in order.passes and lifted.surface is not None:
        lifted, told_apart = _parted(lifted, lifted.surface, used)
    against = bench.read(order.held_out, ("silhouette",)) or used
    reference = bench.reference()
    found = measure(lifted, against, reference[1] if reference else None).json()
    found["held_out"] = bool(order.held_out)
    if reference is not None:
        found["reference"] = reference[0].content_id
    results = {"made": _facts(lifted), **told_apart, "measures": found}
    return bench.keeper(order.used).keep(
        order.name,
        encoded(lifted, f"{bench.chain.name} {order.facts.name}"),
        bench.placement(order.facts.name),
        bench.label(order, lifted, found),
        order.recipe,
        _parents(order.used, order.passes),
        results=results,
        history=bench.history(),
    )


def _parted(lifted: Lift, surface: Surface, used: Sequence[Plate]) -> tuple[Lift, dict[str, Any]]:
    """A lift whose faces are parts of the sculpt, and what its recipe says of them."""
    from gm_assets.lifting.parting import parted

    found = parted(surface, used)
    notes = (*lifted.notes, *found.notes)
    return replace(lifted, surface=found.surface, notes=notes), {"parts": found.json()}


def encoded(lifted: Lift, name: str) -> bytes:
    """A lift as a GLB: its mesh, or its splats where it has no mesh.

    Raises:
        LiftError: it has neither.
    """
    from gm_assets.lifting.surface import surface_glb

    if lifted.surface is not None:
        return surface_glb(lifted.surface, name)
    if lifted.splats is None:
        raise LiftError("nothing came of the plates", where=lifted.method)
    from gm_assets.lifting.formats.splat_glb import splat_glb

    return splat_glb(lifted.splats)


def beside(bench: Bench, order: Order, kept: Kept) -> tuple[Kept, ...]:
    """The splats of a structure in other formats, made or verified.

    They are written from the splats that the GLB holds, so that all files hold the same.
    """
    if order.facts.name != "splats":
        return ()
    lifted: Lift | None = None
    keeper = bench.keeper(order.used)
    recorded = kept.memory.recipe or {}
    results: dict[str, Any] = {
        name: recorded[name] for name in ("made", "measures") if name in recorded
    }
    found = []
    for form in SPLAT_FORMS:
        recipe = {**order.recipe, "form": form, "of": kept.content_id}
        name = f"{order.name.removesuffix('.glb')}.{form}"
        there = bench.there(name, keeper.document_id(recipe))
        if there is None:
            lifted = lifted or lift_at(bench.library.root, kept)
            assert lifted.splats is not None  # the method makes them
            label = bench.label(order, lifted, {})
            there = keeper.keep(
                name,
                _written(lifted.splats, form),
                bench.placement("splats", variant=form),
                replace(label, title=f"{label.title}, {form.upper()}"),
                recipe,
                _parents(order.used, order.passes),
                results=results,
                history=bench.history(),
            )
        found.append(there)
    return tuple(found)


def lift_at(root: Path, kept: Kept) -> Lift:
    """A structure read back from its file, to be looked at and measured.

    Raises:
        UnreadableFile, UnsupportedFormat, TooLarge: it cannot be read.
    """
    recipe = kept.memory.recipe or {}
    facts = method_facts(str(recipe.get("method")))
    made = recipe.get("made")
    said = made if isinstance(made, dict) else {}
    splats = facts.name == "splats"
    return Lift(
        facts.name,
        None if splats else surface_at(root, kept),
        _splats_at(root, kept) if splats else None,
        geometry=facts.geometry,
        colour=said.get("colour", "none"),
        watertight=bool(said.get("watertight")),
        settings=recipe.get("settings", {}),
        notes=tuple(said.get("notes", ())),
    )


def surface_at(root: Path, kept: Kept) -> Surface:
    """The mesh of a lifted GLB as one piece, with its vertex colours as sRGB.

    Raises:
        UnreadableFile, UnsupportedFormat, TooLarge: it cannot be read, or is no such GLB.
    """
    from gm_assets.lifting.surface import read_surface

    assert kept.path is not None  # structures are files
    return read_surface(read_file(root / kept.path), kept.path)


def sculpt_at(root: Path, kept: Kept) -> Sculpt:
    """The sculpt of a chain, as `sculpt_in`."""
    assert kept.path is not None  # a chain's sculpt is a file
    return sculpt_in(root / kept.path)


def sculpt_in(path: Path) -> Sculpt:
    """A sculpt in the coordinates of its file, which cameras refer to.

    Raises:
        GmError: as `sculpt.reading.read_model`.
    """
    from gm_assets.sculpt.reading import read_model

    model = read_model(path)
    brought = model.normalisation
    if not brought.changes:
        return model.sculpt
    parts = tuple(
        replace(
            part,
            vertices=(part.vertices / brought.factor + np.array(brought.offset)).astype(np.float32),
        )
        for part in model.sculpt.parts
    )
    return Sculpt(model.sculpt.name, parts)


def sheet_of(library: Library, structure: Structure) -> Image.Image:
    """Plate, structure and difference, a view a row; held-out views where there are any.

    Raises:
        GmError: a file cannot be read any more.
    """
    from PIL import Image

    from gm_assets.lifting.measures import comparison_sheet

    against = structure.held_out or structure.used
    chosen = [
        against[number * len(against) // min(SHOWN, len(against))]
        for number in range(min(SHOWN, len(against)))
    ]
    plates: list[Plate] = [one.plate(library.root, ("silhouette",)) for one in chosen]
    lifted = lift_at(library.root, structure.kept)
    return Image.fromarray(comparison_sheet(lifted, plates, side=ACROSS, most=SHOWN))


def _facts(lifted: Lift) -> dict[str, Any]:
    """What a lift says of itself, for the recipe of its file."""
    count = len(lifted.surface.faces) if lifted.surface is not None else 0
    facts: dict[str, Any] = {
        "geometry": lifted.geometry,
        "colour": lifted.colour,
        "watertight": lifted.watertight,
        "notes": list(lifted.notes),
    }
    if count:
        facts["triangles"] = count
    if lifted.splats is not None:
        facts["splats"] = len(lifted.splats.positions)
    return facts


def _parents(used: Sequence[Source], passes: Sequence[str]) -> list[Parent]:
    """The links to every plate that was used, then to the passes that were."""
    links = [link for one in used for link in one.parents(passes)]
    return sorted(links, key=lambda link: link.role != "source")


def _splats_at(root: Path, kept: Kept) -> Splats:
    from gm_assets.lifting.formats.splat_glb import read_splat_glb

    assert kept.path is not None
    return read_splat_glb(read_file(root / kept.path), kept.path)


def _written(splats: Splats, form: str) -> bytes:
    if form == "ply":
        from gm_assets.lifting.formats.splat_ply import splat_ply

        return splat_ply(splats)
    from gm_assets.lifting.formats.splat_usd import splat_usd

    return splat_usd(splats)
