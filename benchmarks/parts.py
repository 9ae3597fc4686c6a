"""`python -m benchmarks.parts LIBRARY`: what lifting keeps of the parts of a sculpt.

Takes every structure of a library that was lifted from plates and keeps parts (the turned
chains of `gm demo`), and compares it with the sculpt that its plates were made under: id passes
of both from the cameras of the plates that were held out, and part by part over its area. Which
plates and which sculpt those are stands in the recipe of the structure. `--write` puts the table
into docs/lifting.md, `--json` prints a document.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from gm_assets.errors import GmError, NotFound
from gm_assets.library import Library
from gm_assets.lifting.measures import SAMPLES, spread
from gm_assets.making.keeping import Kept, kept_at
from gm_assets.making.structures import sculpt_in
from gm_assets.memory.record import Camera
from gm_assets.sculpt.model import SEMANTICS, Sculpt
from gm_assets.sculpt.rays import Scene

DOCUMENT = Path(__file__).parents[1] / "docs" / "lifting.md"
BEGIN, END = "<!-- figures: python -m benchmarks.parts LIBRARY --write -->", "<!-- end -->"
#: Points that stand for a sculpt where the one nearest to a place of the lift is looked for.
DENSE = 1_000_000

_STRUCTURES = """
select p.key, min(f.path), f.document_id
from placements p join assets a using (document_id) join files f using (document_id)
where p.stage = 'S5' and f.kind = 'model' and f.memory = 'embedded'
  and json_extract(a.recipe, '$.parts') is not null
group by p.key, f.document_id order by p.key, min(f.path)"""
_SCULPT = """
select path, document_id from files
where content_id = $content and memory = 'embedded' order by path limit 1"""
#: A plate of a chain by its name in a recipe (`making.plates`): that of its view, with digits of
#: its document where two have one view. Views of a symmetric subject may have equal pixels.
_PLATE = """
select f.path, f.document_id from files f join placements p using (document_id)
where f.content_id = $content and f.memory = 'embedded' and p.key = $key
  and $name in (coalesce(p.view, 'view'),
    coalesce(p.view, 'view') || '-' || left(split_part(f.document_id, ':', -1), 8))
order by f.path limit 1"""


@dataclass(frozen=True)
class Overlap:
    """One part, or one class, in the id passes of both meshes, all views together.

    Attributes:
        pixels: that it covers in those of the sculpt.
        iou: intersection over union, 0 to 1; None where neither shows it.
    """

    pixels: int
    iou: float | None


@dataclass(frozen=True)
class Agreement:
    """How far the parts of a lifted mesh are those of its sculpt. Parts are those of one name.

    Attributes:
        parts: those of the sculpt, by name.
        kept: how many of these the lift has as well.
        iou: that of the parts, weighted by their pixels, 0 to 1.
        classes: all parts of one class together, by class of the sculpt.
        area: part of the lift's area whose nearest point on the sculpt is of the same part.
    """

    parts: Mapping[str, Overlap]
    kept: int
    iou: float
    classes: Mapping[str, Overlap]
    area: float


@dataclass(frozen=True)
class Row:
    """One structure.

    Attributes:
        key: of its chain.
        path: of its file in the library.
        method: how it was lifted.
        plates, held_out: how many it was lifted from, and how many it is compared in.
        found: the comparison.
        unseen: part of its area that none of its plates saw, as its recipe says.
    """

    key: str
    path: str
    method: str
    plates: int
    held_out: int
    found: Agreement
    unseen: float


def main() -> None:
    """Measure and print, or write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parts", description=__doc__)
    parser.add_argument("library", type=Path, help="a library with turned chains, as of gm demo")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--write", action="store_true", help=f"into docs/{DOCUMENT.name}")
    form.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    try:
        rows = measured(Library.open(options.library))
    except GmError as error:
        raise SystemExit(str(error)) from None
    if options.json:
        print(json.dumps({"structures": [asdict(row) for row in rows]}, indent=1))
    elif options.write:
        DOCUMENT.write_text(written(DOCUMENT.read_text("utf-8"), table(rows)), "utf-8")
    else:
        print(table(rows))


def written(document: str, text: str) -> str:
    """The document with `text` between its markers.

    Raises:
        SystemExit: it has no such markers.
    """
    head, begin, rest = document.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{DOCUMENT.name} has no {BEGIN} with an {END} behind it")
    return f"{head}{BEGIN}\n\n{text}\n{END}{tail}"


def table(rows: Sequence[Row]) -> str:
    """All structures as Markdown; an empty cell is a class that the sculpt does not have."""
    named = {name for row in rows for name in row.found.classes}
    classes = [*(name for name in SEMANTICS if name in named), *sorted(named - {*SEMANTICS})]
    names = ["chain", "lifted by, from, held out", "parts, kept", "parts, weighted"]
    names += [name.replace("-", " ") for name in classes]
    names += ["area by part", "seen by no plate"]
    lines = [f"| {' | '.join(names)} |", f"|{' --- |' * len(names)}"]
    for row in rows:
        found = row.found
        cells = [row.key, f"{row.method}, {row.plates}, {row.held_out}"]
        cells += [f"{len(found.parts)}, {found.kept}", f"{found.iou:.3f}"]
        cells += [_cell(found.classes, name) for name in classes]
        lines.append(f"| {' | '.join(cells)} | {found.area:.0%} | {row.unseen:.0%} |")
    return "\n".join(lines).replace("%", " %") + "\n"


def _cell(classes: Mapping[str, Overlap], name: str) -> str:
    if name not in classes:
        return ""
    iou = classes[name].iou
    return "not seen" if iou is None else f"{iou:.3f}"


def measured(library: Library) -> list[Row]:
    """Every structure of a library that keeps parts, by chain.

    Raises:
        NotFound: there is none, or its sculpt or the plates that it is compared in are not there.
        GmError: nothing was ingested yet, or a file cannot be read.
    """
    found = library.catalogue().execute(_STRUCTURES).fetchall()
    if not found:
        raise NotFound(
            "no lifted structure keeps parts",
            where=library.root,
            remedy="Make a library that has some: gm demo FOLDER",
        )
    return [_row(library, key, _kept(library, path, document)) for key, path, document in found]


def _row(library: Library, key: str, structure: Kept) -> Row:
    recipe = structure.memory.recipe or {}
    manifest, path = recipe["manifest"], str(structure.path)
    wanted = manifest.get("held out", {})
    if not wanted:
        raise NotFound(
            "it was lifted from all of its plates, so none is left to compare in",
            where=path,
            remedy="Lift it again with plates held out (held_out in the plan of its chain)",
        )
    reference = {"content": recipe["measures"].get("reference")}
    sculpt = _found(library, _SCULPT, reference, f"the sculpt of {path}")
    held = [
        _found(library, _PLATE, {"key": key, "name": name, "content": content},
               f"plate {name} of {path}")
        for name, content in wanted.items()
    ]  # fmt: skip
    agreed = agreement(
        sculpt_in(library.root / str(sculpt.path)), sculpt_in(library.root / path), _shots(held)
    )
    unseen = recipe["parts"]["unseen"]
    return Row(key, path, recipe["method"], len(manifest["plates"]), len(held), agreed, unseen)


def _found(library: Library, query: str, values: Mapping[str, str | None], what: str) -> Kept:
    """The file that a query of the catalogue finds.

    Raises:
        NotFound: there is none, or it was edited or moved since.
    """
    row = library.catalogue().execute(query, dict(values)).fetchone()
    if row is None:
        raise NotFound(f"{what} is not there", where=library.root, remedy="Take it in: gm ingest")
    return _kept(library, *row)


def _kept(library: Library, path: str, document: str) -> Kept:
    """A file of the catalogue, read and identified now.

    Raises:
        NotFound: it was edited or moved since.
    """
    kept = kept_at(library.root, path, document, None)
    if kept is None:
        raise NotFound(
            "it was edited or moved since it was taken in", where=path, remedy="Run gm ingest"
        )
    return kept


@dataclass(frozen=True)
class Shot:
    """A camera and the size of its picture in pixels."""

    camera: Camera
    width: int
    height: int


def _shots(plates: Iterable[Kept]) -> list[Shot]:
    found = []
    for plate in plates:
        camera, size = plate.memory.camera, plate.memory.written
        assert camera and size and size.width and size.height  # as of every plate
        found.append(Shot(camera, size.width, size.height))
    return found


def agreement(sculpt: Sculpt, lifted: Sculpt, shots: Sequence[Shot]) -> Agreement:
    """Compare the parts of a lifted mesh with those of its sculpt, in the same coordinates.

    Args:
        shots: views to compare id passes in, none of which it was lifted from.

    Raises:
        LiftError: one of them has no area.
    """
    own, other = Scene(sculpt), Scene(lifted)
    seen = [
        (own.ids(one.camera, one.width, one.height), other.ids(one.camera, one.width, one.height))
        for one in shots
    ]
    names = [[part.name for part in one.parts] for one in (sculpt, lifted)]
    parts = _overlaps(seen, *names)
    classes = _overlaps(seen, *([part.semantic for part in one.parts] for one in (sculpt, lifted)))
    shown = sum(one.pixels for one in parts.values())
    points, faces = spread(other, SAMPLES)
    dense, owners = spread(own, DENSE)
    _, nearest = cKDTree(dense).query(points)
    there = np.array(names[0])[own.face_part[owners[nearest]]]
    here = np.array(names[1])[other.face_part[faces]]
    return Agreement(
        parts,
        len(parts.keys() & set(names[1])),
        sum(one.pixels * (one.iou or 0.0) for one in parts.values()) / max(shown, 1),
        {name: one for name, one in classes.items() if name},
        float((there == here).mean()),
    )


def _overlaps(
    seen: Sequence[tuple[NDArray, NDArray]], own: Sequence[str], other: Sequence[str]
) -> dict[str, Overlap]:
    """What two meshes show of each kind of part.

    Args:
        seen: id passes of both, a pair a view.
        own, other: the kind of each of their parts; those of `own` are told of.
    """
    kinds = list(dict.fromkeys((*own, *other)))
    count = len(kinds) + 1  # nothing is a kind too, the first
    tables = [np.array([0, *(kinds.index(kind) + 1 for kind in some)]) for some in (own, other)]
    crossed = np.zeros((count, count), np.int64)
    for first, second in seen:
        pair = tables[0][first] * count + tables[1][second]
        crossed += np.bincount(pair.reshape(-1), minlength=crossed.size).reshape(crossed.shape)
    both, mine, theirs = np.diag(crossed), crossed.sum(axis=1), crossed.sum(axis=0)
    either = mine + theirs - both
    return {
        kind: Overlap(int(mine[at]), float(both[at] / either[at]) if either[at] else None)
        for at, kind in enumerate(kinds, 1)
        if kind in own
    }


if __name__ == "__main__":
    main()
