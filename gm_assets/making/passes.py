"""Geometry passes of a mesh as files that remember: depth, normals, silhouette, ids and more.

Each pass names the mesh by hash, holds its camera in the mesh's own coordinates, and has a
recipe that makes it again; its document id is the UUIDv5 of that recipe. Passes that are there
already, with the content that their memory states, are verified and not made again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gm_assets.containers import HEAD, is_model, sniff
from gm_assets.errors import GmError, LibraryError, UnsupportedFormat
from gm_assets.identity import Identity, identify_bytes, read_file
from gm_assets.making.keeping import Keeper, Kept, Label, kept_at, recipe_hash
from gm_assets.making.pass_pictures import PassPictures
from gm_assets.memory.files import load_packet
from gm_assets.memory.record import Camera, Memory, Parent, Placement, Stage
from gm_assets.sculpt.model import Sculpt
from gm_assets.sculpt.pathtrace import Final
from gm_assets.sculpt.reading import BARE, Model, format_of, open_document, read_model
from gm_assets.sculpt.views import Lens, View, views_of

if TYPE_CHECKING:
    from gm_assets.library import ProgressFunction
    from gm_assets.sculpt.rays import Scene

#: Every pass, by the name that its placement's part has too.
PASSES: dict[str, str] = {
    "depth": "Depth along the camera's axis: 65535 near, 1 far, 0 nothing, linear.",
    "normal": "Normals in camera axes.",
    "normal-world": "Normals in the mesh's own axes.",
    "silhouette": "White where the subject is seen.",
    "ids": "Part ids, 0 for nothing; the recipe names them.",
    "skeleton": "Medial skeleton of the silhouette.",
    "pose": "The rig's joints and bones.",
    "clay": "Clay render of the geometry, lit as in a studio.",
    "final": "Path-traced render, lit as in a studio.",
}
#: Those that are made where nobody chooses.
USUAL: tuple[str, ...] = ("depth", "normal", "silhouette", "ids")
#: Smallest and largest side of a pass in pixels, its most pixels (all passes of one view take
#: 33 bytes for each), and most sub-pixels along a pixel's side.
SIDES = (16, 16_384)
MOST_PIXELS = 1 << 26
MOST_SAMPLES = 8


@dataclass(frozen=True)
class PassOrder:
    """Which passes of which views, and how large.

    Attributes:
        views: as `sculpt.views.views_of` names them.
        passes: of `PASSES`.
        width, height: pixels.
        lens: of the cameras of named views.
        samples: sub-pixels along each side of a pixel that the silhouette is sampled at; with
            one it is hard-edged.
        final: how the pass `final` is traced.

    Raises:
        GmError: a pass is unknown, or a number beyond its bounds.
    """

    views: tuple[str, ...] = ("hero",)
    passes: tuple[str, ...] = USUAL
    width: int = 512
    height: int = 512
    lens: Lens = field(default_factory=Lens)
    samples: int = 1
    final: Final = field(default_factory=Final)

    def __post_init__(self) -> None:
        unknown = [name for name in self.passes if name not in PASSES]
        if unknown or not self.passes:
            raise GmError(
                f"there is no pass {unknown[0]!r}" if unknown else "no pass was asked for",
                remedy=f"Passes are {', '.join(PASSES)}",
            )
        least, most = SIDES
        if not (least <= self.width <= most and least <= self.height <= most):
            raise GmError(
                f"a pass of {self.width} x {self.height} pixels",
                remedy=f"Choose sides between {least} and {most} pixels",
            )
        if self.width * self.height > MOST_PIXELS:
            raise GmError(
                f"a pass of {self.width} x {self.height} pixels",
                remedy=f"Choose at most {MOST_PIXELS:,} pixels in all",
            )
        if not 1 <= self.samples <= MOST_SAMPLES:
            raise GmError(f"{self.samples} samples", remedy=f"Choose 1 to {MOST_SAMPLES}")


@dataclass(frozen=True, eq=False)
class Mesh:
    """A mesh file, read and identified in one go.

    Attributes:
        path: of the file.
        content_id: `as:`; `fi:` of a format that carries no memory.
        memory: the one in the file, if there is one.
        placement: where the mesh stands; its passes stand beside it.
        up, unit: what the caller stated for a format that does not.
        buffers: `fi:` of the files beside a `.gltf` that hold its geometry.
    """

    path: Path
    data: bytes
    content_id: str
    memory: Memory | None
    placement: Placement
    up: str = "y"
    unit: str = "m"
    buffers: tuple[str, ...] = ()

    @cached_property
    def model(self) -> Model:
        """The mesh as read; its sculpt may have been brought to size.

        Raises:
            GmError: as `sculpt.reading.read_model`.
        """
        name = self.memory.title if self.memory and self.memory.title else None
        source = self.path if self.path.suffix.lower() == ".gltf" else self.data
        return read_model(
            source, name=name or self.path.stem, up=self.up, unit=self.unit, where=self.path
        )

    @property
    def sculpt(self) -> Sculpt:
        """The geometry, near the origin."""
        return self.model.sculpt

    @cached_property
    def scene(self) -> Scene:
        """The geometry, made ready for rays."""
        from gm_assets.sculpt.rays import Scene

        return Scene(self.sculpt)

    @property
    def parents(self) -> tuple[Parent, ...]:
        """The links that its passes declare: to the mesh, and to buffers beside it."""
        memory = self.memory
        own = Parent(
            role="geometry",
            document_id=memory.document_id if memory else None,
            instance_id=memory.instance_id if memory else None,
            content_id=self.content_id,
            stage=self.placement.stage,
            basis="recorded",
        )
        beside = (
            Parent(role="geometry", content_id=one, stage=self.placement.stage, basis="recorded")
            for one in self.buffers
        )
        return (own, *beside)

    @property
    def title(self) -> str:
        """What people call it."""
        return self.sculpt.name.removesuffix(": sculpt")


@dataclass(frozen=True, eq=False)
class PassSet:
    """The passes of one view.

    Attributes:
        view: its name.
        camera: in the mesh's own coordinates.
        files: the documents by pass.
        made: names of those that this call made; the others were there and sound.
    """

    view: str
    camera: Camera
    files: Mapping[str, Kept]
    made: tuple[str, ...]


def _identity(data: bytes, path: str | Path) -> Identity | None:
    """What a mesh file is; None for formats that carry no memory, known by their bytes."""
    if not is_model(sniff(data[:HEAD])):
        return None
    try:
        return identify_bytes(data, str(path))
    except UnsupportedFormat:  # glTF with its buffers beside it
        return None


def mesh_of(
    root: Path,
    path: str | Path,
    *,
    placement: Placement | None = None,
    up: str = "y",
    unit: str = "m",
) -> Mesh:
    """Read and identify a mesh file.

    Args:
        root: the library's folder, or any other that `path` is relative to.
        placement: of a mesh whose memory has none; with none at all it cannot have passes.
        up, unit: for formats that do not state them, as `read_model` takes them.

    Raises:
        NotFound, UnreadableFile, UnsupportedFormat, TooLarge: the file cannot be read.
        LibraryError: it was edited since its memory was written, or nothing places it.
    """
    full = root / path
    data = read_file(full)
    memory = None
    buffers: tuple[str, ...] = ()
    identity = _identity(data, path)
    if identity is not None:
        content_id = identity.content_id
        if identity.packet is not None:
            memory = load_packet(identity.format, identity.packet, str(path))
        if memory and memory.written and memory.written.content_id != content_id:
            raise LibraryError(
                "it was edited since its memory was written",
                where=full,
                remedy="Keep the edit with `gm revise`",
            )
    else:
        content_id = _file_id(data)
        if format_of(data, full) == "gltf":
            buffers = tuple(map(_file_id, open_document(data, "gltf", full).beside()))
    stands = _placement(memory) or placement
    if stands is None:
        raise LibraryError(
            "the mesh stands in no chain, so its passes would stand nowhere",
            where=full,
            remedy="Place it: gm place FILE --chain NAME --stage S3 --part mesh; "
            "a file that cannot carry a memory needs --chain NAME",
        )
    return Mesh(full, data, content_id, memory, stands, up, unit, buffers)


def _file_id(data: bytes | memoryview) -> str:
    return f"fi:{hashlib.sha256(data).hexdigest()}"


def _placement(memory: Memory | None) -> Placement | None:
    """Where a mesh stands as a sculpt, or else as a lifted structure."""
    found = memory.placements if memory else ()
    for stage in ("S3", "S5"):
        for placement in found:
            if placement.stage == stage:
                return placement
    return None


def make_passes(
    mesh: Mesh,
    keeper: Keeper,
    order: PassOrder,
    *,
    cameras: Sequence[View] | None = None,
    folder: str | None = None,
    progress: ProgressFunction | None = None,
) -> tuple[PassSet, ...]:
    """Make the passes of a mesh, or verify those that are there.

    Args:
        keeper: writes the files.
        cameras: in the mesh's own coordinates, instead of those of `order.views`.
        folder: of the files, below the keeper's; each view has its own within. Without it they
            go to `passes/<view>-<size>-<8 digits>`, which no other mesh or camera shares.
        progress: called after each view, with phase `make`.

    Returns:
        One set for every view, in their order.

    Raises:
        GmError: a view is unknown, a camera does not see the subject, a pose was asked of a
            mesh without a rig.
        LibraryError: something else lies under the name of a pass.
        UnreadableFile, UnsupportedFormat, TooLarge, MissingExtra: as `read_model`.
    """
    if cameras is None:
        near = views_of(mesh.sculpt, order.views, aspect=order.width / order.height,
                        lens=order.lens)  # fmt: skip
        normalisation = mesh.model.normalisation
        cameras = [View(view.name, normalisation.restored(view.camera)) for view in near]
    sets = []
    for number, view in enumerate(cameras, 1):
        sets.append(_View(mesh, keeper, order, view, folder).made())
        if progress is not None:
            from gm_assets.library import Progress

            progress(Progress(number, len(cameras), 0, view.name, "make"))
    return tuple(sets)


def depth_range(memory: Memory) -> tuple[float, float]:
    """Near and far of a depth pass in metres, as its recipe states them.

    Raises:
        LibraryError: it does not.
    """
    recipe = memory.recipe or {}
    for stated in (recipe, recipe.get("parameters")):
        if isinstance(stated, dict) and {"near", "far"} <= stated.keys():
            near, far = stated["near"], stated["far"]
            if all(isinstance(one, int | float) for one in (near, far)):
                return float(near), float(far)
    raise LibraryError(
        "the recipe of the depth pass does not state its near and far",
        where=memory.title,
        remedy="Make it again with `gm passes`",
    )


def id_names(memory: Memory) -> dict[int, dict[str, str]]:
    """What the ids of an id pass stand for: `name`, `semantic` and `material` of each.

    Ids that the recipe does not name, or not in this form, are left out, as are those of more
    than five digits, which no pass has.
    """
    recipe = memory.recipe or {}
    parameters = recipe.get("parameters")
    table = recipe.get("ids") or (parameters.get("ids") if isinstance(parameters, dict) else None)
    if not isinstance(table, dict):
        return {}
    return {
        int(number): {key: str(entry.get(key, "")) for key in ("name", "semantic", "material")}
        for number, entry in table.items()
        if isinstance(entry, dict) and number.isascii() and number.isdigit() and len(number) <= 5
    }


@dataclass(frozen=True, eq=False)
class _View:
    """One view of one mesh on its way into files."""

    mesh: Mesh
    keeper: Keeper
    order: PassOrder
    view: View
    folder: str | None

    def made(self) -> PassSet:
        stage = self.mesh.placement.stage
        recipes = {name: self.recipe(name, stage) for name in dict.fromkeys(self.order.passes)}
        paths = {name: f"{self.place(recipes)}/{self.file(name)}.png" for name in recipes}
        files: dict[str, Kept] = {}
        for name, recipe in recipes.items():
            kept = kept_at(
                self.keeper.root,
                "/".join(filter(None, (self.keeper.folder, paths[name]))),
                self.keeper.document_id(recipe),
                stage,
            )
            if kept is not None:
                files[name] = kept
        made = tuple(name for name in recipes if name not in files)
        if made:
            drawing = PassPictures(self.mesh, self.order, self.view)
            for name in made:
                data, results = drawing.encoded(name)
                files[name] = self.keeper.keep(
                    paths[name],
                    data,
                    self.placement(name, stage),
                    self.label(name),
                    recipes[name],
                    self.mesh.parents,
                    results=results,
                )
        in_order = {name: files[name] for name in recipes}
        return PassSet(self.view.name, self.view.camera, in_order, made)

    def file(self, name: str) -> str:
        """The name of a pass's file: finals with more paths lie beside those with fewer."""
        final = self.order.final
        if name != "final":
            return name
        return f"{name}-{final.paths}" + ("-llvm" if final.variant == "llvm_ad_rgb" else "")

    def recipe(self, name: str, stage: Stage) -> dict[str, Any]:
        """What makes the pass again, without what only the making tells."""
        parameters: dict[str, Any] = {
            "view": self.view.name,
            "width": self.order.width,
            "height": self.order.height,
            "camera": self.view.camera.model_dump(mode="json"),
        }
        if name == "silhouette" and self.order.samples > 1:
            parameters["samples"] = self.order.samples
        if name == "final":
            parameters["final"] = self.order.final.recipe()
        if format_of(self.mesh.data, self.mesh.path) in BARE:
            parameters |= {"up": self.mesh.up, "unit": self.mesh.unit}
        return {
            "step": f"{stage.lower()}.{name}",
            "inputs": [self.mesh.content_id, *self.mesh.buffers],
            "parameters": parameters,
        }

    def place(self, recipes: Mapping[str, dict[str, Any]]) -> str:
        """The folder of the view's files, below the keeper's."""
        if self.folder is not None:
            return "/".join(filter(None, (self.folder, self.view.name)))
        one = next(iter(recipes.values()))
        shared = {key: one["parameters"][key] for key in ("width", "height", "camera")}
        digits = recipe_hash({"inputs": one["inputs"], **shared})[:8]
        return f"passes/{self.view.name}-{self.order.width}x{self.order.height}-{digits}"

    def placement(self, name: str, stage: Stage) -> Placement:
        own = self.mesh.placement
        return Placement(
            chain=own.chain,
            generation=own.generation,
            stage=stage,
            part=name,
            view=self.view.name,
            frame=None,
        )

    def label(self, name: str) -> Label:
        return Label(
            f"{self.mesh.title}: {name}, {self.view.name}",
            PASSES[name],
            (name, "pass"),
            camera=self.view.camera,
        )
