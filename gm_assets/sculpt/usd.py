"""USD: the meshes of a USDA, USDC or USDZ file, in metres and Y up (extra `usd`).

Read with `usd-core` at the earliest time of the stage: meshes that are visible and of purpose
default or render, with their transforms, names, bound materials and material subsets. A
subdivision surface is read as its cage.

Layers may name other layers anywhere on the machine. The file is therefore copied into an empty
folder of its own (a USDZ package is unpacked there), every path that leads out of it is taken
out of the copy, and only then a stage is opened. What was left out is said where nothing else
is there to see.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gm_assets.errors import MissingExtra, TooLarge, UnreadableFile, UnsupportedFormat
from gm_assets.sculpt.pieces import MOST_FILE_BYTES, MOST_PARTS, MOST_TRIANGLES, Piece, Where
from gm_assets.sculpt.polygons import triangulated

_LAYERS = (".usd", ".usda", ".usdc")
_MOST_ENTRIES = 10_000
#: Shapes of USD that are no meshes.
_IMPLICIT = ("Cube", "Sphere", "Cylinder", "Cone", "Capsule", "Plane", "NurbsPatch")


def read_usd(data: bytes, suffix: str, name: str, where: Where = None) -> Iterator[Piece]:
    """One piece for every mesh, or for every material subset of one.

    Args:
        suffix: `.usda`, `.usdc` or `.usdz`, as the content shows.

    Raises:
        MissingExtra: `usd-core` is not installed.
        UnreadableFile: not a sound USD file.
        UnsupportedFormat: it shows something, but no mesh that lies in this file.
        TooLarge: a bound was exceeded.
    """
    try:
        from pxr import Tf, Usd
    except ImportError:
        raise MissingExtra.of("usd-core", "usd") from None
    with tempfile.TemporaryDirectory(prefix="gm-usd-") as folder:
        root = _laid_out(data, suffix, Path(folder), where)
        try:
            left_out = _closed(Path(folder))
            stage = Usd.Stage.Open(str(root))
            reader = _Reader(stage, where)
            pieces = list(reader.pieces())
        except Tf.ErrorException as error:
            raise UnreadableFile(
                "not a sound USD file", where=where, remedy="Check it with `usdchecker`"
            ) from error
        if not pieces and reader.points == 0:
            raise _nothing(reader, left_out, where)
        yield from pieces or [Piece(name, "", "", np.zeros((reader.points, 3)), _no_faces())]


def _nothing(reader: _Reader, left_out: int, where: Where) -> UnsupportedFormat:
    """What to say of a stage without meshes."""
    if left_out:
        return UnsupportedFormat(
            f"its geometry lies in other files, {left_out} of them, which are not opened",
            where=where,
            remedy="Flatten it into one file: usdcat --flatten scene.usd -o flat.usdc",
        )
    if reader.implicit:
        return UnsupportedFormat(
            f"{reader.implicit} shapes, such as spheres and cubes, and no mesh",
            where=where,
            remedy="Convert them to meshes in the program that made it",
        )
    return UnsupportedFormat(
        "no visible mesh is in it", where=where, remedy="Check visibility and purpose of its prims"
    )


def _no_faces() -> NDArray[np.int64]:
    return np.zeros((0, 3), np.int64)


def _laid_out(data: bytes, suffix: str, folder: Path, where: Where) -> Path:
    """The file in `folder`, unpacked if it is a package; the path of its root layer."""
    if suffix != ".usdz":
        path = folder / f"root{suffix}"
        path.write_bytes(data)
        return path
    try:
        package = zipfile.ZipFile(io.BytesIO(data))
        entries = package.infolist()
        layers = [one for one in entries if PurePosixPath(one.filename).suffix in _LAYERS]
        # The packages are stored without compression: more bytes than the file has are a lie.
        if len(entries) > _MOST_ENTRIES or sum(one.file_size for one in layers) > MOST_FILE_BYTES:
            raise TooLarge("the package unpacks to more than is read", where=where)
        for entry in layers:
            path = (folder / entry.filename).resolve()
            if not path.is_relative_to(folder.resolve()):
                raise UnreadableFile(f"the package holds {entry.filename!r}", where=where)
            path.parent.mkdir(parents=True, exist_ok=True)
            with package.open(entry) as file:
                path.write_bytes(file.read(entry.file_size))
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError) as error:
        raise UnreadableFile(f"not a sound USDZ package: {error}", where=where) from error
    if not layers:
        raise UnreadableFile("the package holds no USD layer", where=where)
    return folder / layers[0].filename


def _closed(folder: Path) -> int:
    """Take every path out of the layers of `folder` that leads out of it; how many there were."""
    from pxr import Sdf

    inside = folder.resolve()
    left_out = 0
    for path in sorted(one for one in folder.rglob("*") if one.suffix in _LAYERS):
        layer = Sdf.Layer.FindOrOpen(str(path))
        if layer is None:
            continue
        for named in layer.GetCompositionAssetDependencies():
            target = (path.parent / named).resolve()
            if "://" in named or not target.is_relative_to(inside) or not target.is_file():
                layer.UpdateCompositionAssetDependency(named, "")
                left_out += 1
        _without_clips(layer)
        if layer.dirty:
            layer.Save()
    return left_out


def _without_clips(layer: Any) -> None:
    """Value clips are a further way to name files, and hold animation alone."""
    found: list[Any] = []
    layer.Traverse("/", found.append)
    for path in found:
        if path.IsPrimPath():
            spec = layer.GetPrimAtPath(path)
            for key in ("clips", "clipSets"):
                if spec is not None and spec.HasInfo(key):
                    spec.ClearInfo(key)


class _Reader:
    """Reads the meshes of one stage, and counts what has no mesh."""

    def __init__(self, stage: Any, where: Where) -> None:
        from pxr import Usd, UsdGeom

        self._stage, self._where = stage, where
        self._time = Usd.TimeCode.EarliestTime()
        self._places = UsdGeom.XformCache(self._time)
        self._metres = float(UsdGeom.GetStageMetersPerUnit(stage))
        self._z_up = UsdGeom.GetStageUpAxis(stage) == UsdGeom.Tokens.z
        self.points = self.implicit = 0

    def pieces(self) -> Iterator[Piece]:
        from pxr import Usd, UsdGeom

        count = triangles = 0
        for prim in Usd.PrimRange.Stage(self._stage, Usd.TraverseInstanceProxies()):
            count += 1
            if count > MOST_PARTS:
                raise TooLarge(f"more than {MOST_PARTS:,} prims", where=self._where)
            shape = UsdGeom.Imageable(prim)
            if not shape or shape.ComputeVisibility(self._time) == UsdGeom.Tokens.invisible:
                continue
            if shape.ComputePurpose() in (UsdGeom.Tokens.guide, UsdGeom.Tokens.proxy):
                continue
            if prim.IsA(UsdGeom.Mesh):
                for piece in self._mesh(prim):
                    triangles += len(piece.faces)
                    if triangles > MOST_TRIANGLES:
                        raise TooLarge(f"more than {MOST_TRIANGLES:,} triangles", where=self._where)
                    yield piece
            elif prim.IsA(UsdGeom.Points):
                self.points += len(UsdGeom.Points(prim).GetPointsAttr().Get(self._time) or ())
            elif prim.GetTypeName() in _IMPLICIT:
                self.implicit += 1

    def _mesh(self, prim: Any) -> Iterator[Piece]:
        from pxr import UsdGeom

        mesh = UsdGeom.Mesh(prim)
        points = mesh.GetPointsAttr().Get(self._time)
        counts = mesh.GetFaceVertexCountsAttr().Get(self._time)
        corners = mesh.GetFaceVertexIndicesAttr().Get(self._time)
        if not points or not counts or not corners:
            return
        vertices = np.array(points, np.float64)
        sizes, indices = np.array(counts, np.int64), np.array(corners, np.int64)
        sound = sizes.min() >= 0 and sizes.sum() == len(indices)
        if not sound or not 0 <= indices.min() <= indices.max() < len(vertices):
            raise UnreadableFile(
                f"the faces of {prim.GetPath()} contradict its points", where=self._where
            )
        kept = np.ones(len(sizes), bool)
        holes = mesh.GetHoleIndicesAttr().Get(self._time)
        if holes:
            kept[[hole for hole in holes if 0 <= hole < len(sizes)]] = False
        placed, mirrored = self._placed(prim, vertices)
        left_handed = mesh.GetOrientationAttr().Get(self._time) == UsdGeom.Tokens.leftHanded
        for label, material, chosen in self._subsets(prim, kept):
            faces = triangulated(vertices, sizes[chosen], indices[np.repeat(chosen, sizes)])
            faces = faces[:, ::-1] if mirrored != left_handed else faces
            yield Piece(label, _semantic(prim), material, placed, faces)

    def _placed(self, prim: Any, vertices: NDArray[np.float64]) -> tuple[NDArray[np.float64], bool]:
        """World positions in metres, Y up, and whether the transform mirrors."""
        matrix = np.array(self._places.GetLocalToWorldTransform(prim), np.float64)
        with np.errstate(all="ignore"):
            world = (vertices @ matrix[:3, :3] + matrix[3, :3]) * self._metres
            mirrored = bool(np.linalg.det(matrix[:3, :3]) < 0)
        if self._z_up:
            world = np.stack([world[:, 0], world[:, 2], -world[:, 1]], axis=1)
        return world, mirrored

    def _subsets(self, prim: Any, kept: NDArray) -> Iterator[tuple[str, str, NDArray]]:
        """Name, material and faces of each material subset, then of what is left of the mesh."""
        from pxr import UsdGeom, UsdShade

        left = kept.copy()
        for subset in UsdShade.MaterialBindingAPI(prim).GetMaterialBindSubsets():
            indices = UsdGeom.Subset(subset).GetIndicesAttr().Get(self._time) or ()
            chosen = np.zeros(len(kept), bool)
            chosen[[index for index in indices if 0 <= index < len(kept)]] = True
            chosen &= left
            left &= ~chosen
            if chosen.any():
                yield subset.GetPrim().GetName(), _material(subset.GetPrim()), chosen
        if left.any():
            yield prim.GetName(), _material(prim), left


def _material(prim: Any) -> str:
    from pxr import UsdShade

    material, _ = UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial()
    return material.GetPrim().GetName() if material else ""


def _semantic(prim: Any) -> str:
    """The semantic class that a prim's custom data names, as our own files write it."""
    value = prim.GetCustomDataByKey("semantic")
    return value if isinstance(value, str) else ""
