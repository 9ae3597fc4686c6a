"""3MF: the build items of a 3D Manufacturing Format package, in metres and Y up.

Specification: 3MF Core 1.3 (meshes, components, build items, units) and Production 1.1 as far
as components that lie in other parts of the same package. Supports and other objects that are
not models are passed over; materials and colours are not read. XML is parsed without entities
and without the network, and nothing outside the package is opened.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gm_assets.errors import TooLarge, UnreadableFile
from gm_assets.sculpt.pieces import (
    MOST_PARTS,
    MOST_TRIANGLES,
    Piece,
    Where,
    clean_name,
)

_CORE = "{http://schemas.microsoft.com/3dmanufacturing/core/2015/02}"
_PATH = "{http://schemas.microsoft.com/3dmanufacturing/production/2015/06}path"
_START = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"
_METRES = {
    "micron": 1e-6,
    "millimeter": 1e-3,
    "centimeter": 1e-2,
    "inch": 0.0254,
    "foot": 0.3048,
    "meter": 1.0,
}
_MOST_DEPTH = 32
#: As a tree, XML takes some fifteen times its size in memory.
MOST_XML_BYTES = 512 * 1024**2
#: Z up becomes Y up: x, z, -y.
_UPRIGHT = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])

Matrix = NDArray[np.float64]


@dataclass(eq=False)
class _Object:
    """One object of a model part: a mesh, or components that place others."""

    name: str
    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    components: list[tuple[str, str, Matrix]] = field(default_factory=list)


@dataclass(eq=False)
class _Model:
    """One model part of the package."""

    unit: float
    objects: dict[str, _Object]
    items: list[tuple[str, str, Matrix]]


def read_3mf(data: bytes, name: str, where: Where = None) -> Iterator[Piece]:
    """One piece for every mesh that the build places.

    Raises:
        UnreadableFile: not a sound package, or it contradicts itself.
        TooLarge: it unpacks to more than is read, or its components nest too deep.
    """
    try:
        package = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise UnreadableFile(f"not a sound ZIP: {error}", where=where) from error
    with package:
        yield from _Reader(package, where).pieces(name)


class _Reader:
    def __init__(self, package: zipfile.ZipFile, where: Where) -> None:
        self._package, self._where = package, where
        self._models: dict[str, _Model] = {}
        self._unpacked = self._triangles = self._parts = 0

    def broken(self, what: str) -> UnreadableFile:
        return UnreadableFile(f"3MF: {what}", where=self._where, remedy="Export the model again")

    def pieces(self, name: str) -> Iterator[Piece]:
        start = self._start()
        model = self._model(start)
        scale = np.diag([model.unit, model.unit, model.unit, 1.0])
        for path, number, matrix in model.items:
            yield from self._placed(path or start, number, _UPRIGHT @ scale @ matrix, name, 0)

    def _placed(
        self, path: str, number: str, matrix: Matrix, name: str, depth: int
    ) -> Iterator[Piece]:
        """The meshes of an object and of its components."""
        self._parts += 1
        if depth > _MOST_DEPTH or self._parts > MOST_PARTS:
            raise TooLarge("its components are too many or nest too deep", where=self._where)
        found = self._model(path).objects.get(number)
        if found is None:
            raise self.broken(f"there is no object {number!r}")
        if len(found.faces):
            self._triangles += len(found.faces)
            if self._triangles > MOST_TRIANGLES:
                raise TooLarge(f"more than {MOST_TRIANGLES:,} triangles", where=self._where)
            with np.errstate(all="ignore"):  # what overflows is refused when it is gathered
                placed = found.vertices @ matrix[:3, :3].T + matrix[:3, 3]
                mirrored = bool(np.linalg.det(matrix[:3, :3]) < 0)
            faces = found.faces[:, ::-1] if mirrored else found.faces
            yield Piece(found.name or name, "", "", placed, faces)
        for inner, other, inward in found.components:
            yield from self._placed(inner or path, other, matrix @ inward, name, depth + 1)

    def _start(self) -> str:
        """The part that the package's relationships name as its model."""
        tree = self._parsed("_rels/.rels")
        for relation in tree.iter():
            if relation.get("Type") == _START:
                return str(relation.get("Target", "")).lstrip("/")
        raise self.broken("the package names no 3D model")

    def _parsed(self, path: str) -> Any:
        from lxml import etree

        try:
            entry = self._package.getinfo(path)
            self._unpacked += entry.file_size
            if self._unpacked > MOST_XML_BYTES:
                raise TooLarge(f"it unpacks to more than {MOST_XML_BYTES} bytes", where=self._where)
            with self._package.open(entry) as file:
                data = file.read(entry.file_size)
        except KeyError:
            raise self.broken(f"the package has no {path!r}") from None
        except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, NotImplementedError) as error:
            raise self.broken(f"{path!r} cannot be unpacked: {error}") from error
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True
        )
        try:
            return etree.fromstring(data, parser)
        except etree.XMLSyntaxError as error:
            raise self.broken(f"{path!r} is not sound XML: {error}") from error

    def _model(self, path: str) -> _Model:
        path = path.lstrip("/")
        if path not in self._models:
            tree = self._parsed(path)
            unit = _METRES.get(tree.get("unit", "millimeter"))
            if unit is None:
                raise self.broken(f"its unit is {tree.get('unit')!r}")
            objects = {
                str(one.get("id")): self._object(one)
                for one in tree.iter(f"{_CORE}object")
                if one.get("type", "model") == "model"
            }
            items = [self._reference(item) for item in tree.iter(f"{_CORE}item")]
            items = [item for item in items if item[0] or item[1] in objects]
            self._models[path] = _Model(unit, objects, items)
        return self._models[path]

    def _object(self, element: Any) -> _Object:
        vertices, faces = np.zeros((0, 3)), np.zeros((0, 3), np.int64)
        mesh = element.find(f"{_CORE}mesh")
        if mesh is not None:
            vertices = self._values(mesh.iter(f"{_CORE}vertex"), ("x", "y", "z"))
            corners = self._values(mesh.iter(f"{_CORE}triangle"), ("v1", "v2", "v3"))
            faces = corners.astype(np.int64)
        name = clean_name(element.get("name"), "")
        inner = [self._reference(one) for one in element.iter(f"{_CORE}component")]
        return _Object(name, vertices, faces, inner)

    def _values(self, elements: Any, keys: tuple[str, str, str]) -> NDArray[np.float64]:
        """(n, 3) three attributes of every element."""
        try:
            flat = [float(one.attrib[key]) for one in elements for key in keys]
        except (KeyError, ValueError):
            raise self.broken(f"{', '.join(keys)} are not three numbers") from None
        return np.array(flat, np.float64).reshape(-1, 3)

    def _reference(self, element: Any) -> tuple[str, str, Matrix]:
        """Path, object id and transform (row vectors, 4 x 3) of a component or build item."""
        matrix = np.eye(4)
        if (text := element.get("transform")) is not None:
            try:
                numbers = np.array([float(word) for word in text.split()]).reshape(4, 3)
            except ValueError:
                raise self.broken("a transform is not made of twelve numbers") from None
            matrix[:3] = numbers.T
        return str(element.get(_PATH) or ""), str(element.get("objectid")), matrix
