"""The plates of a chain: posed pictures, and what says which of their pixels are the subject.

A plate is a frame whose memory holds a camera and whose parents hold the silhouette pass that
it obeys (and its depth and id passes), or a picture whose alpha is a matte. They are found
through the catalogue by hash, then read and identified again. A picture that cannot serve is
left out and named with the reason.
"""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gm_assets import containers
from gm_assets.errors import GmError, LiftError, NotFound, TooLarge
from gm_assets.identity import bounds, read_file
from gm_assets.making.guides import picture_at
from gm_assets.making.keeping import Kept, kept_at
from gm_assets.making.passes import depth_range, id_names
from gm_assets.memory.record import Camera, Parent, Stage
from gm_assets.sculpt import maps
from gm_assets.sculpt.pieces import clean_name
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.library import Library
    from gm_assets.lifting.protocol import PartLabel, Plate

#: Views from which a set of frames counts as a turntable, before sets of other kinds.
ENOUGH = 8
#: Most plates of one set, and most pixels of all of them (15 bytes for each in memory).
MOST_PLATES = 512
MOST_PIXELS = 1 << 27
#: Pictures that are named where they were left out of a set.
NAMED = 5

#: Parts of pictures that may be plates, by stage.
_PARTS: dict[Stage, tuple[str, ...]] = {"S3": ("turntable",), "S4": ("frame", "plate", "turntable")}
_PASSES = ("silhouette", "depth", "normal", "ids")

_PICTURES = """
select a.path, p.document_id, p.stage, p.view, p.variant, f.width, f.height, f.pixel_layout,
       f.orientation, a.recipe, p.part
from placements p join assets a using (document_id) join files f on f.path = a.path
where p.key = $key and a.kind = 'image' and a.camera is not null and f.memory = 'embedded'
  and ((p.stage = 'S3' and list_contains($s3, p.part))
       or (p.stage = 'S4' and list_contains($s4, p.part)))
order by p.stage desc, p.variant nulls first, p.view, a.path"""
#: Passes and meshes that pictures of a chain declare as their geometry, where they are now.
_GEOMETRY = """
select l.document_id, l.parent_content_id, l.parent_document_id, f.path, f.document_id,
       f.content_id, g.part, g.key
from parents l
join placements p on p.document_id = l.document_id and p.key = $key
left join files f on (f.content_id = l.parent_content_id or f.document_id = l.parent_document_id)
                 and f.memory = 'embedded'
left join placements g on g.document_id = f.document_id
where l.role = 'geometry'"""
_SCULPTS = """
select 1 from placements p join assets a using (document_id)
where p.key = ? and p.stage = 'S3' and p.part = 'mesh' and not a.provisional limit 1"""


class NothingToLift(NotFound):
    """A chain has no plates, or too few, for what was asked: a gap, no fault."""


@dataclass(frozen=True)
class LeftOut:
    """A picture that cannot be a plate.

    Attributes:
        path: of the picture.
        reason: why.
        fault: something is wrong with it; False where it only lacks a silhouette or a pass, as
            every picture does that was not meant to be a plate.
    """

    path: str
    reason: str
    fault: bool = True


@dataclass(frozen=True)
class Source:
    """One plate as files.

    Attributes:
        name: of its view, unique in the set.
        kept: the picture.
        passes: those among its parents, by part; empty where its alpha is the matte.
    """

    name: str
    kept: Kept
    passes: Mapping[str, Kept]

    @property
    def camera(self) -> Camera:
        """The camera that saw it."""
        camera = self.kept.memory.camera
        assert camera is not None  # pictures without one are no plates
        return camera

    @property
    def labels(self) -> dict[int, PartLabel]:
        """What the ids of its id pass stand for; empty without such a pass or its table."""
        from gm_assets.lifting.protocol import PartLabel

        if "ids" not in self.passes:
            return {}
        return {
            number: PartLabel(
                clean_name(said["name"], "part"),
                clean_name(said["semantic"], ""),
                clean_name(said["material"], ""),
            )
            for number, said in id_names(self.passes["ids"].memory).items()
            if number > 0
        }

    def parents(self, used: Collection[str]) -> tuple[Parent, ...]:
        """The links that a structure declares: to the picture, and to the passes it used."""
        named = [self.passes[name] for name in used if name in self.passes]
        return (self.kept.parent("source"), *(kept.parent("geometry") for kept in named))

    def plate(self, root: Path, used: Collection[str]) -> Plate:
        """The plate, read from the files.

        Args:
            root: the library's folder.
            used: passes that are wanted.

        Raises:
            GmError: a file cannot be read, or its maps differ in size.
        """
        from gm_assets.lifting.protocol import PartLabel, Plate

        if "silhouette" in self.passes:
            picture = picture_at(root, self.kept)
            coverage = maps.read_silhouette(*_bytes(root, self.passes["silhouette"]))
            silhouette = coverage.astype(np.float32)
        else:
            picture, silhouette = matte_at(root, self.kept)
        depth = normal = None
        if "depth" in used and "depth" in self.passes:
            near, far = depth_range(self.passes["depth"].memory)
            data, where = _bytes(root, self.passes["depth"])
            depth = maps.read_depth(data, near, far, where)
        if "normal" in used and "normal" in self.passes:
            normal = maps.read_normal(*_bytes(root, self.passes["normal"]))
        ids, labels = None, dict[int, PartLabel]()
        if "ids" in used and "ids" in self.passes:
            ids = maps.read_ids(*_bytes(root, self.passes["ids"]))
            labels = self.labels
        try:
            return Plate(self.name, self.camera, silhouette, picture, depth, normal, ids, labels)
        except ValueError as error:
            raise LiftError(
                f"a pass has another size than its picture: {error}",
                where=self.kept.path,
                remedy="Make frame and passes again with gm generate",
            ) from None


@dataclass(frozen=True, eq=False)
class PlateSet:
    """Plates that belong together: one chain, one sculpt, one size, the same words.

    Attributes:
        name: the entry of the plan that they belong to; empty where it has none.
        stage: where they stand.
        sources: in the order of their views.
        left_out: pictures of the same kind that could have belonged to it, with the reason.
    """

    name: str
    stage: Stage
    sources: tuple[Source, ...]
    left_out: tuple[LeftOut, ...] = ()

    def plates(self, root: Path, used: Collection[str]) -> tuple[Plate, ...]:
        """All plates, read from the files.

        Raises:
            TooLarge: they would not fit into memory. GmError: as `Source.plate`.
        """
        pixels = 0
        for source in self.sources:
            written = source.kept.memory.written
            pixels += (written.width or 0) * (written.height or 0) if written else 0
        if pixels > MOST_PIXELS or len(self.sources) > MOST_PLATES:
            raise TooLarge(
                f"{counted(len(self.sources), 'plate')} with {pixels:,} pixels, more than "
                f"{MOST_PLATES} or {MOST_PIXELS:,}",
                remedy="Lift from fewer or smaller frames",
            )
        return tuple(source.plate(root, used) for source in self.sources)


@dataclass(frozen=True, eq=False)
class _Picture:
    """A picture of the chain as the catalogue has it."""

    path: str
    document_id: str
    stage: Stage
    view: str | None
    variant: str | None
    size: tuple[int, int]
    alpha: bool
    turned: bool
    recipe: Mapping[str, Any]
    part: str

    def akin(self, other: _Picture) -> bool:
        """Whether both were made as pictures of one kind, such as frames of one entry."""
        mine, theirs = (
            (one.stage, one.part, one.variant, one.size, one.recipe.get("step"))
            for one in (self, other)
        )
        return mine == theirs


@dataclass
class _Geometry:
    """What one picture declares as its geometry.

    Attributes:
        passes: path and document by part.
        meshes: content ids of models.
        finding: why it cannot be used.
    """

    passes: dict[str, tuple[str, str]] = field(default_factory=dict)
    meshes: set[str] = field(default_factory=set)
    finding: str | None = None


def plates_of(
    library: Library,
    key: str,
    *,
    least: int,
    needs: Collection[str] = (),
    entry: str | None = None,
    only: Collection[str] | None = None,
) -> PlateSet:
    """The plates of a chain.

    Of several sets the one at S4 with at least `ENOUGH` views comes first, then the one with
    the most plates.

    Args:
        key: of the chain, e.g. `seam-keeper.g01`.
        least: plates that are needed.
        needs: passes that every plate must have.
        entry: of the plan's frames that they belong to; any by default.
        only: ids of the documents that may be plates.

    Raises:
        NothingToLift: there are too few.
        LiftError: there would be enough, but they are of another chain or sculpt, their
            cameras are not those of their passes, or they have no silhouette.
        LibraryError: nothing was ingested yet.
    """
    geometry = _geometry(library, key)
    groups: dict[str, list[_Picture]] = defaultdict(list)
    left_out: dict[_Picture, LeftOut] = {}
    for one in _pictures(library, key):
        if (only is not None and one.document_id not in only) or (
            entry is not None and one.variant != (entry or None)
        ):
            continue
        unfit = _unfit(one, geometry[one.document_id], needs)
        if unfit is not None:
            left_out[one] = unfit
        else:
            groups[_kind(one, geometry[one.document_id])].append(one)
    most = 0
    for kind in sorted(groups, key=lambda kind: _rank(groups[kind])):
        chosen = groups[kind]
        sources = []
        for name, one in _named(chosen):
            try:
                sources.append(_source(library.root, name, one, geometry[one.document_id]))
            except GmError as error:
                left_out[one] = LeftOut(one.path, error.what)
        if len(sources) >= least:
            first = chosen[0]
            akin = tuple(out for one, out in left_out.items() if one.akin(first))
            return PlateSet(first.variant or "", first.stage, tuple(sources), akin)
        most = max(most, len(sources))
    sculpted = library.catalogue().execute(_SCULPTS, [key]).fetchone() is not None
    raise _too_few(key, most, least, needs, entry, tuple(left_out.values()), sculpted)


def matte_at(root: Path, kept: Kept) -> tuple[np.ndarray, np.ndarray]:
    """A picture and the matte in its alpha: (h, w, 3) uint8 and (h, w) float32, 0 to 1.

    Raises:
        UnreadableFile, UnsupportedFormat, TooLarge: it cannot be read.
        LiftError: it has no alpha.
    """
    from PIL import Image

    data, where = _bytes(root, kept)
    layout = containers.parse(data, where)
    bounds.check_raster(layout, where)
    with Image.open(io.BytesIO(data), formats=("PNG", "WEBP", "TIFF")) as image:
        if "A" not in image.getbands() and "transparency" not in image.info:
            raise LiftError(
                "it has no alpha that would say what of it is the subject",
                where=where,
                remedy="Give it a matte, or frames that obey a silhouette pass",
            )
        pixels = np.asarray(image.convert("RGBA"))
    coverage = pixels[..., 3].astype(np.float32) / np.float32(255)
    return np.ascontiguousarray(pixels[..., :3]), coverage


def _bytes(root: Path, kept: Kept) -> tuple[bytes, str]:
    assert kept.path is not None  # plates are files
    return read_file(root / kept.path), kept.path


def _pictures(library: Library, key: str) -> Iterable[_Picture]:
    values = {"key": key, "s3": list(_PARTS["S3"]), "s4": list(_PARTS["S4"])}
    for row in library.catalogue().execute(_PICTURES, values).fetchall():
        path, document, stage, view, variant, width, height, layout, turned, recipe, part = row
        yield _Picture(
            path,
            document,
            stage,
            view,
            variant,
            (width or 0, height or 0),
            str(layout).startswith("rgba"),
            turned not in (None, 1),
            json.loads(recipe) if recipe else {},
            part,
        )


def _geometry(library: Library, key: str) -> Mapping[str, _Geometry]:
    """What the pictures of a chain declare as their geometry, by document.

    A chain without a sculpt of its own may have begun with a plate of another one.
    """
    rows = library.catalogue().execute(_GEOMETRY, {"key": key}).fetchall()
    found: dict[str, _Geometry] = defaultdict(_Geometry)
    elsewhere: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for child, content, named, path, document, held, part, stands in rows:
        one = found[child]
        if content.startswith("as:"):
            one.meshes.add(content)
            if path is not None and (held == content or document == named):
                where = "here" if stands == key else "other"
                elsewhere[child][content].add(where if held == content else f"changed {where}")
        elif part in _PASSES and document == (named or document):
            if held == content:
                one.passes[part] = (path, document)
            elif part not in one.passes:
                one.finding = f"its {part} pass was revised since"
    own = library.catalogue().execute(_SCULPTS, [key]).fetchone()
    for child, contents in elsewhere.items() if own else ():
        for states in contents.values():
            if "here" not in states and "changed here" in states:
                found[child].finding = "the sculpt that it shows was revised since"
            elif "here" not in states:
                found[child].finding = "it shows a sculpt of another chain"
    return found


def _unfit(one: _Picture, geometry: _Geometry, needs: Collection[str]) -> LeftOut | None:
    """Why a picture cannot be a plate, as far as the catalogue knows."""
    if geometry.finding is not None:
        return LeftOut(one.path, geometry.finding)
    if "silhouette" not in geometry.passes and not one.alpha:
        reason = "no silhouette: no such pass is among its parents here, and it has no alpha"
        return LeftOut(one.path, reason, fault=False)
    if one.turned and "silhouette" not in geometry.passes:
        reason = "it is turned by its EXIF orientation, and its camera does not say so"
        return LeftOut(one.path, reason)
    missing = [name for name in needs if name not in geometry.passes]
    if missing:
        reason = f"no {missing[0]} pass is among its parents here"
        return LeftOut(one.path, reason, fault=False)
    return None


def _kind(one: _Picture, geometry: _Geometry) -> str:
    """What plates of one set share, as text: everything but the view."""
    said = ("prompt", "negative", "seed", "steps", "guidance", "weights", "model")
    shared = {
        "stage": one.stage,
        "part": one.part,
        "variant": one.variant,
        "size": list(one.size),
        "meshes": sorted(geometry.meshes),
        **{name: one.recipe.get(name) for name in said if name in one.recipe},
    }
    return json.dumps(shared, sort_keys=True)


def _rank(pictures: Sequence[_Picture]) -> tuple[Any, ...]:
    """Order of the sets: turntables of S4, then the most plates."""
    count = len(pictures)
    first = pictures[0]
    return (not (count >= ENOUGH and first.stage == "S4"), -count, first.stage != "S4", first.path)


def _named(pictures: Sequence[_Picture]) -> Iterable[tuple[str, _Picture]]:
    """Pictures with the names of their views, each name once."""
    taken: set[str] = set()
    for one in pictures:
        name = one.view or "view"
        if name in taken:  # t01 of a turntable of 12 is not that of one of 24
            name = f"{name}-{one.document_id.rpartition(':')[2][:8]}"
        taken.add(name)
        yield name, one


def _source(root: Path, name: str, one: _Picture, geometry: _Geometry) -> Source:
    """A plate's files, read and identified now.

    Raises:
        LiftError: it does not hold what its memory states, or its camera is not its pass's.
        UnreadableFile: a file cannot be read.
    """
    kept = _sound(root, one.path, one.document_id, one.stage)
    passes = {
        part: _sound(root, path, document, "S3")
        for part, (path, document) in geometry.passes.items()
    }
    for part, seen in passes.items():
        if seen.memory.camera != kept.memory.camera:
            raise LiftError(f"its camera is not that of its {part} pass", where=one.path)
    return Source(name, kept, passes)


def _sound(root: Path, path: str, document_id: str, stage: Stage) -> Kept:
    kept = kept_at(root, path, document_id, stage)
    if kept is None:
        raise LiftError(f"{path} was edited or moved since it was taken in", where=path)
    return kept


def _too_few(
    key: str,
    most: int,
    least: int,
    needs: Collection[str],
    entry: str | None,
    left_out: Sequence[LeftOut],
    sculpted: bool,
) -> GmError:
    """The error for a chain without enough plates: a gap, or a fault where they were refused."""
    kind = f" of the frames {entry!r}" if entry else ""
    with_ = f" with {' and '.join(needs)}" if needs else ""
    what = f"{counted(most, 'plate')}{kind} with camera and silhouette{with_}, {least} are needed"
    ordered = sorted(left_out, key=lambda one: (not one.fault, one.path))
    named = "; ".join(f"{one.path}: {one.reason}" for one in ordered[:NAMED])
    more = f"; and {len(left_out) - NAMED} more" if len(left_out) > NAMED else ""
    what += f"; left out: {named}{more}" if left_out else ""
    if most + sum(one.fault for one in left_out) >= least:
        return LiftError(
            what,
            where=key,
            remedy="Make them again with gm generate, or take in what is missing with gm ingest",
        )
    remedy = f"Make some and lift them: gm lift {key} --views turntable:24@5/25"
    if not sculpted:
        remedy = (
            "Plates are made under the passes of a sculpt, and this chain has none: give it one "
            f"(gm place FILE --chain {key} --stage S3 --part mesh), or gm sculpt from drawings"
        )
    return NothingToLift(what, where=key, remedy=remedy)
