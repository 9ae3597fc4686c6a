"""Passes of one mesh file on request: in the library where it lies, or in a folder of their own.

In a library they go to the folder of their chain, get its subject and its vectors, and are
catalogued. Elsewhere they are files with a memory like any others, for whoever has no library.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gm_assets.errors import GmError, InvalidMemory
from gm_assets.making.housing import refuse_unwritable
from gm_assets.making.keeping import PROGRAM, Keeper, Label, kept_at
from gm_assets.making.passes import Mesh, PassOrder, PassSet, make_passes, mesh_of
from gm_assets.memory.record import Placement, parse_chain_key
from gm_assets.sculpt.checks import Finding, examine

if TYPE_CHECKING:
    from gm_assets.library import Library, ProgressFunction


@dataclass(frozen=True, eq=False)
class Viewed:
    """What a request made or verified.

    Attributes:
        root: the library's folder, or that of the files.
        mesh: as it was read.
        sets: the passes by view.
        exr: float depth files that were written.
        findings: what is remarkable about the mesh.
    """

    root: Path
    mesh: Mesh
    sets: tuple[PassSet, ...]
    exr: tuple[Path, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Stated:
    """What a caller says of a mesh that its file does not.

    Attributes:
        chain: chain or key that the passes stand in.
        up, unit: as `sculpt.reading.read_model` takes them.
    """

    chain: str | None = None
    up: str = "y"
    unit: str = "m"

    def placement(self) -> Placement | None:
        """The placement of a mesh whose memory has none.

        Raises:
            InvalidMemory: `chain` is no chain key.
        """
        if self.chain is None:
            return None
        try:
            name, generation = parse_chain_key(self.chain)
        except ValueError as error:
            raise InvalidMemory(str(error), where="--chain") from None
        return Placement(chain=name, generation=generation, stage="S3", part="mesh", frame=None)


def passes_in_library(
    library: Library,
    path: Path,
    order: PassOrder,
    stated: Stated = Stated(),
    *,
    exr: Path | None = None,
    progress: ProgressFunction | None = None,
) -> Viewed:
    """Passes of a mesh of the library, beside the files of its chain, and catalogued.

    Args:
        exr: a folder for depth as OpenEXR, one file for every view.

    Raises:
        GmError: as `make_passes`.
        WriteRefused: their folder is not managed.
        LibraryError, LibraryLocked: as `library.ingest`.
    """
    from gm_assets.library import ingest
    from gm_assets.library.encoders import Embedder, embedder_of

    relative = library.relative(path)
    ruling = library.ruling(relative)
    placement = stated.placement() or (ruling.placement if ruling else None)
    mesh = mesh_of(library.root, relative, placement=placement, up=stated.up, unit=stated.unit)
    folder = _folder(library, mesh, relative)
    remedy = "Choose another with --out, or set managed = true for this one"
    refuse_unwritable(library, folder, "depth.png", remedy)
    memory, embedder = mesh.memory, embedder_of(library)
    keeper = Keeper(
        library.root,
        folder,
        PROGRAM,
        _now(),
        memory.domain if memory else ruling.domain if ruling else None,
        memory.subject if memory else ruling.subject if ruling else None,
        embedder if isinstance(embedder, Embedder) else None,
    )
    try:
        sets = make_passes(mesh, keeper, order, progress=progress)
    finally:
        # What was made before an error stays, so the catalogue should know it.
        made = [library.root / kept.path for kept in keeper.kept if kept.path]
        if made:
            ingest(library, made)
    return Viewed(
        library.root, mesh, sets, _exr(mesh, order, sets, exr, keeper), examine(mesh.sculpt)
    )


def passes_in_folder(
    path: Path,
    out: Path,
    order: PassOrder,
    stated: Stated = Stated(),
    *,
    exr: Path | None = None,
    progress: ProgressFunction | None = None,
) -> Viewed:
    """Passes of any mesh file, as `<out>/<view>/<pass>.png`.

    Without a chain in its memory or `stated`, they stand in one that is named after the file.

    Raises:
        GmError: as `make_passes`.
    """
    if stated.chain is None:
        slug = re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "mesh"
        stated = replace(stated, chain=slug[:96].strip("-"))
    mesh = mesh_of(
        Path(), path.absolute(), placement=stated.placement(), up=stated.up, unit=stated.unit
    )
    memory = mesh.memory
    keeper = Keeper(
        out,
        "",
        PROGRAM,
        _now(),
        memory.domain if memory else None,
        memory.subject if memory else None,
    )
    sets = make_passes(mesh, keeper, order, folder="", progress=progress)
    return Viewed(out, mesh, sets, _exr(mesh, order, sets, exr, keeper), examine(mesh.sculpt))


def _exr(
    mesh: Mesh, order: PassOrder, sets: tuple[PassSet, ...], folder: Path | None, keeper: Keeper
) -> tuple[Path, ...]:
    """Depth as OpenEXR, one file with its memory for every view, made or verified.

    Raises:
        LibraryError: another file lies there. WriteRefused: it cannot be written.
    """
    from gm_assets.sculpt.exr import depth_exr

    if folder is None:
        return ()
    normalisation, own = mesh.model.normalisation, mesh.placement
    folder.mkdir(parents=True, exist_ok=True)
    beside = replace(keeper, root=folder, folder="", embedder=None, kept=[])
    written = []
    for one in sets:
        name = f"{one.view}.exr"
        parameters = {
            "view": one.view,
            "width": order.width,
            "height": order.height,
            "camera": one.camera.model_dump(mode="json"),
        }
        recipe = {
            "step": f"{own.stage.lower()}.depth-float",
            "inputs": [mesh.content_id, *mesh.buffers],
            "parameters": parameters,
        }
        if kept_at(folder, name, beside.document_id(recipe), own.stage) is None:
            camera = normalisation.entered(one.camera)
            depth = mesh.scene.passes(camera, order.width, order.height).depth
            placement = own.model_copy(
                update={"part": "depth", "view": one.view, "variant": "float", "primary": False}
            )
            label = Label(
                f"{mesh.title}: depth in metres, {one.view}",
                "Distance along the camera's axis in metres, infinite where there is nothing.",
                ("depth", "pass"),
                camera=one.camera,
            )
            data = depth_exr(depth / normalisation.factor, one.camera)
            beside.keep(name, data, placement, label, recipe, mesh.parents)
        written.append(folder / name)
    return tuple(written)


def _folder(library: Library, mesh: Mesh, relative: str) -> str:
    """Where the chain's passes go: its folder as the catalogue knows it, else the mesh's own."""
    from gm_assets.making.sources import Chain

    try:
        return Chain.of(library, mesh.placement.key).folder
    except GmError:  # nothing of the chain is in the catalogue yet
        return Path(relative).parent.as_posix().removeprefix(".")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
