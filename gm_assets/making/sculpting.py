"""`sculpt_chain`: from the drawn views of a chain to its sculpt (S1 → S3).

A chain may truly begin with a drawing. Two or three drawings of its first stage that say from
where they were drawn (`front`, `side`, `top`) bound a solid; one drawing bounds a relief. What
that can know and what it guesses stands in the memory of the sculpt.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from gm_assets.errors import GmError
from gm_assets.library import ProgressFunction
from gm_assets.lifting.drawn_solid import DrawingSettings, drawn_plate, lift_drawing
from gm_assets.lifting.inflation import View
from gm_assets.making.guides import picture_at
from gm_assets.making.housing import catalogue, document_at, refuse_unwritable
from gm_assets.making.keeping import PROGRAM, Keeper, Kept, Label, kept_at, recipe_hash
from gm_assets.making.lifting import DIGITS
from gm_assets.making.sources import Chain, NothingToObey
from gm_assets.memory.record import Placement
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.library import Library
    from gm_assets.lifting.protocol import Lift, Plate, Surface

#: Views that a drawing can be of, in the order in which they are named.
VIEWS: tuple[View, ...] = get_args(View)
#: Longer side at which drawings are read, in pixels.
SIDE = 1024
#: Where the views are seen from: degrees around Y, and above the horizon.
_SEEN: dict[str, tuple[float, float]] = {"front": (0, 0), "side": (90, 0), "top": (0, 90)}
#: Lens through which a sculpt looks as without perspective, millimetres, and the side in pixels
#: at which outlines are compared.
LENS, COMPARED = 2000.0, 384

_DRAWINGS = """
select p.view, f.path, f.document_id
from placements p join files f using (document_id)
where p.key = ? and p.stage = 'S1' and f.memory = 'embedded' and f.format <> 'glb'
order by p."primary" desc, f.path"""


@dataclass(frozen=True)
class Sculpted:
    """What `sculpt_chain` did.

    Attributes:
        key: of the chain.
        kept: the sculpt.
        made: False where it lay there already and was verified.
        drawings: what it was made from, by view.
        seconds: wall time.
    """

    key: str
    kept: Kept
    made: bool
    drawings: Mapping[str, Kept]
    seconds: float

    @property
    def measures(self) -> Mapping[str, Any]:
        """How its outlines agree with the drawn ones."""
        return dict((self.kept.memory.recipe or {}).get("measures", {}))

    @property
    def notes(self) -> tuple[str, ...]:
        """What it can know, and what is guessed."""
        return tuple((self.kept.memory.recipe or {}).get("made", {}).get("notes", ()))


def sculpt_chain(
    library: Library,
    key: str,
    settings: DrawingSettings | None = None,
    *,
    least: int = 1,
    note: str | None = None,
    progress: ProgressFunction | None = None,
) -> Sculpted:
    """Make a chain's sculpt from its drawings, or verify the one that is there.

    Args:
        key: of the chain, e.g. `seam-keeper.g01`; a bare name means its first generation.
        least: drawings that it is to be made from at least; from one comes a relief.
        note: why, for the sculpt's description.

    Raises:
        NotFound: no such chain. NothingToObey: it has no drawing, or fewer than that.
        LiftError: a drawing has no outline, or the drawings contradict each other.
        WriteRefused: the folder is not managed. LibraryLocked, LibraryError: as for `ingest`.
    """
    started = time.monotonic()
    chain = Chain.of(library, key)
    folder = f"{chain.folder}/sculpt"
    refuse_unwritable(library, folder, "sculpt.glb", "Set managed = true for it in gm.toml")
    drawings = drawings_of(chain)
    if len(drawings) < least:
        raise NothingToObey(
            f"{counted(len(drawings), 'drawing')} that can be used, not {least}",
            where=chain.key,
            remedy="Place drawings with --stage S1 --view front, side or top",
        )
    settings = settings or DrawingSettings()
    keeper = Keeper(
        library.root,
        folder,
        PROGRAM,
        datetime.now(UTC).isoformat(timespec="seconds"),
        chain.domain,
        chain.subject,
    )
    recipe = _recipe(chain, settings, drawings)
    document = keeper.document_id(recipe)
    name = f"drawn-{document.rpartition(':')[2][:DIGITS]}.glb"
    kept = document_at(library.root, f"{folder}/{name}", document, "S3", "sculpt")
    made = kept is None
    if kept is None:
        kept = _made(chain, keeper, name, settings, drawings, recipe, note)
    catalogue(library, [kept], progress)
    return Sculpted(chain.key, kept, made, drawings, time.monotonic() - started)


def drawings_of(chain: Chain) -> dict[str, Kept]:
    """The drawings of a chain that a sculpt can be made from, by view, read and identified now.

    Those that are placed with a view `front`, `side` or `top`, one of each; where fewer than two
    are, the drawing that stands for the stage, as the front.

    Raises:
        NothingToObey: the chain has no drawing. LibraryError: as `Chain.source`.
    """
    rows = chain.library.catalogue().execute(_DRAWINGS, [chain.key]).fetchall()
    found: dict[str, Kept] = {}
    for view, path, document in rows:
        if view not in VIEWS or view in found:
            continue
        with suppress(GmError):
            kept = kept_at(chain.library.root, path, document, "S1")
            if kept is not None:
                found[view] = kept
    if len(found) < 2:
        return {"front": chain.source("S1")}
    return {view: found[view] for view in VIEWS if view in found}


def _made(
    chain: Chain,
    keeper: Keeper,
    name: str,
    settings: DrawingSettings,
    drawings: Mapping[str, Kept],
    recipe: Mapping[str, Any],
    note: str | None,
) -> Kept:
    from gm_assets.lifting.surface import surface_glb

    plates = [_plate(chain, view, kept) for view, kept in drawings.items()]
    if len(plates) > 1:  # paper and ink are not the colours of a solid
        plates = [replace(plate, picture=None) for plate in plates]
    lifted = lift_drawing(plates, settings)
    assert lifted.surface is not None  # drawings become surfaces
    found = {plate.name: round(outline_agreement(lifted.surface, plate), 5) for plate in plates}
    first = not chain.has("S3")
    return keeper.keep(
        name,
        surface_glb(lifted.surface, chain.name),
        Placement(
            chain=chain.name,
            generation=chain.generation,
            stage="S3",
            part="mesh",
            frame=None,
            variant=None if first else "drawn",
            primary=first,
        ),
        _label(chain, lifted, drawings, note),
        recipe,
        [kept.parent("source") for kept in drawings.values()],
        results={
            "made": {
                "geometry": lifted.geometry,
                "colour": lifted.colour,
                "watertight": lifted.watertight,
                "triangles": len(lifted.surface.faces),
                "notes": list(lifted.notes),
            },
            "measures": {
                "outline_iou": found,
                "silhouette_iou": round(sum(found.values()) / len(found), 5),
            },
        },
    )


def outline_agreement(surface: Surface, plate: Plate) -> float:
    """Intersection over union of a surface's outline and a drawn one, 0 to 1.

    Drawings have neither perspective nor a scale of their own: the surface is seen through a
    very long lens, and both outlines are cut to their boxes and brought to one size.
    """
    from PIL import Image

    from gm_assets.lifting.surface import sculpt_of
    from gm_assets.sculpt.cameras import frame
    from gm_assets.sculpt.rays import Scene

    azimuth, elevation = _SEEN[plate.name]
    camera = frame(
        surface.vertices, azimuth=azimuth, elevation=elevation, focal_length=LENS, margin=0.02
    )
    shown = Scene(sculpt_of(surface, "drawn")).silhouette(camera, COMPARED, COMPARED)
    masks = []
    for mask in (shown, plate.silhouette >= 0.5):
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not len(rows):
            return 0.0
        cut = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        scaled = Image.fromarray(cut.astype(np.uint8) * 255).resize((COMPARED, COMPARED))
        masks.append(np.asarray(scaled) >= 128)
    both, either = masks[0] & masks[1], masks[0] | masks[1]
    return float(both.sum() / max(int(either.sum()), 1))


def _plate(chain: Chain, view: str, kept: Kept) -> Plate:
    written = kept.memory.written
    assert written is not None and written.width and written.height  # drawings are pictures
    scale = min(1.0, SIDE / max(written.width, written.height))
    size = (max(1, round(written.width * scale)), max(1, round(written.height * scale)))
    return drawn_plate(picture_at(chain.library.root, kept, size), _view(view))


def _view(name: str) -> View:
    return next(view for view in VIEWS if view == name)


def _label(chain: Chain, lifted: Lift, drawings: Mapping[str, Kept], note: str | None) -> Label:
    subject = (chain.subject or chain.name).replace("-", " ").capitalize()
    said = " ".join((*([note] if note else []), *lifted.notes))
    return Label(
        f"{subject}: sculpt from {counted(len(drawings), 'drawing')}",
        f"Geometry: {lifted.geometry} ({', '.join(drawings)}). {said}",
        ("sculpt", "drawn"),
    )


def _recipe(
    chain: Chain, settings: DrawingSettings, drawings: Mapping[str, Kept]
) -> dict[str, Any]:
    chosen = {"method": "drawing", "settings": asdict(settings)}
    return {
        "step": "s3.drawing",
        "chain": chain.key,
        "plan": recipe_hash(chosen),
        **chosen,
        "manifest": {view: kept.content_id for view, kept in drawings.items()},
        "determinism": {"threads": 1, "budget": "resolution"},
    }
