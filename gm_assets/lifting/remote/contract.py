"""The contract with an image-to-3D model that runs elsewhere: JSON in, GLB out, over HTTP/1.1.

`GET /model` answers a JSON object, the model's card. `POST /lift` takes a JSON object (pictures
and silhouettes as PNG in base64, cameras as a memory writes them) and answers a GLB, type
`model/gltf-binary`. Whatever goes wrong is answered with a status of 400 or more and
`{"error": "one sentence"}`. Both sides check what they are sent: sizes, counts and types are
bounded before anything is allocated, and a number that is none is refused.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from gm_assets.errors import LiftError
from gm_assets.lifting.protocol import Picture, Plate
from gm_assets.memory.record import Camera

#: Name and version of this contract.
CONTRACT = "gm-lift/1"
MODEL_PATH, LIFT_PATH = "/model", "/lift"
GLB_TYPE = "model/gltf-binary"
#: Bytes at most: of a card, of an order, of the GLB that comes back.
MOST_CARD, MOST_ORDER, MOST_GLB = 1 << 16, 1 << 27, 1 << 28
#: Plates of an order, and pixels of one plate, at most.
MOST_PLATES, MOST_PIXELS = 64, 1 << 24
#: Characters of a name, of a prompt, and restrictions of a card, at most.
_NAME, _TEXT, _RESTRICTIONS = 200, 2_000, 20


@dataclass(frozen=True)
class ModelCard:
    """What a model says of itself.

    Attributes:
        name: as the catalogue calls it, e.g. `shap-e`.
        version: of the code that runs it.
        licence: of the weights.
        restrictions: what the licence forbids, in sentences; must be read before it is used.
        repository: where the weights come from; empty for a method without weights.
        weights: sha256 over the weights' files, in hexadecimal; empty without weights.
        least, most: plates that it takes.
        cameras: it makes use of the plates' cameras.
        prompt: it makes use of words.
    """

    name: str
    version: str
    licence: str
    restrictions: tuple[str, ...] = ()
    repository: str = ""
    weights: str = ""
    least: int = 1
    most: int = 1
    cameras: bool = False
    prompt: bool = False

    def json(self) -> dict[str, Any]:
        """The card as `GET /model` answers it."""
        return {"contract": CONTRACT, **asdict(self), "restrictions": list(self.restrictions)}

    @classmethod
    def of(cls, data: bytes) -> ModelCard:
        """A card from what a server answered.

        Raises:
            LiftError: it is no card of this contract.
        """
        values = parsed(data, MOST_CARD)
        name, version, licence, repository, weights = (
            _text(values, key, _NAME)
            for key in ("name", "version", "licence", "repository", "weights")
        )
        if not name or not licence:
            raise LiftError("the model does not say its name and licence")
        if weights and (len(weights) != 64 or set(weights) - set("0123456789abcdef")):
            raise LiftError("the model's `weights` is not a sha256")
        said = values.get("restrictions", [])
        if not isinstance(said, list) or len(said) > _RESTRICTIONS:
            raise LiftError("the model's `restrictions` is not a short list")
        restrictions = tuple(_text({"one": one}, "one", _TEXT) for one in said)
        least, most = (_whole(values, key, 1, 1, MOST_PLATES) for key in ("least", "most"))
        return cls(
            name,
            version,
            licence,
            restrictions,
            repository,
            weights,
            least=least,
            most=most,
            cameras=values.get("cameras") is True,
            prompt=values.get("prompt") is True,
        )


@dataclass(frozen=True, eq=False)
class Order:
    """What is asked of a model.

    Attributes:
        plates: with pictures; those of drawings have a camera that nobody took.
        seed: of its noise.
        prompt: words, for a model that reads them.
    """

    plates: tuple[Plate, ...]
    seed: int = 0
    prompt: str = ""

    def data(self) -> bytes:
        """The body of `POST /lift`.

        Raises:
            LiftError: a plate has no picture, or the order exceeds its bounds.
        """
        plates = []
        for plate in self.plates:
            if plate.picture is None:
                raise LiftError("a model needs the picture", where=plate.name)
            if plate.silhouette.size > MOST_PIXELS:
                raise LiftError(
                    f"{plate.silhouette.size:,} pixels, more than {MOST_PIXELS:,}",
                    where=plate.name,
                    remedy="Make it smaller: models of this kind see about 512 pixels",
                )
            cover = np.round(plate.silhouette * 255).astype(np.uint8)
            plates.append(
                {
                    "name": plate.name,
                    "camera": plate.camera.model_dump(mode="json"),
                    "picture": _png(plate.picture),
                    "silhouette": _png(cover),
                }
            )
        values = {"contract": CONTRACT, "seed": self.seed, "prompt": self.prompt, "plates": plates}
        data = json.dumps(values, allow_nan=False).encode()
        if len(data) > MOST_ORDER or len(plates) > MOST_PLATES:
            raise LiftError(
                f"{len(plates)} plates of {len(data):,} bytes; the bounds are {MOST_PLATES} and "
                f"{MOST_ORDER:,}",
                remedy="Send fewer or smaller plates",
            )
        return data

    @classmethod
    def of(cls, data: bytes) -> Order:
        """An order from what a client sent.

        Raises:
            LiftError: it is no order of this contract.
        """
        values = parsed(data, MOST_ORDER)
        entries = values.get("plates")
        if not isinstance(entries, list) or not 1 <= len(entries) <= MOST_PLATES:
            raise LiftError(f"`plates` is not a list of 1 to {MOST_PLATES}")
        plates = tuple(_plate(entry) for entry in entries)
        return cls(plates, _whole(values, "seed", 0, 0, 2**63 - 1), _text(values, "prompt", _TEXT))


def parsed(data: bytes, most: int) -> dict[str, Any]:
    """A JSON object of this contract.

    Raises:
        LiftError: it is larger than `most` bytes, no JSON object, or of another contract.
    """
    if len(data) > most:
        raise LiftError(f"{len(data):,} bytes of JSON, more than {most:,}")
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        raise LiftError("what was sent is not JSON") from None
    if not isinstance(values, dict) or values.get("contract") != CONTRACT:
        raise LiftError(f"what was sent is not of the contract {CONTRACT}")
    return values


def _plate(entry: Any) -> Plate:
    if not isinstance(entry, Mapping):
        raise LiftError("a plate is not a JSON object")
    name = _text(entry, "name", _NAME)
    try:
        camera = Camera.model_validate(entry.get("camera"))
    except ValidationError:
        raise LiftError("its camera is none", where=name) from None
    numbers = (*camera.matrix, camera.focal_length, *camera.film_back, camera.near, camera.far)
    if not all(map(math.isfinite, numbers)):
        raise LiftError("its camera is not finite", where=name)
    picture = _samples(entry.get("picture"), "RGB", name)
    cover = _samples(entry.get("silhouette"), "L", name)
    if picture.shape[:2] != cover.shape:
        raise LiftError("picture and silhouette differ in size", where=name)
    return Plate(name, camera, cover.astype(np.float32) / np.float32(255), picture)


def _text(values: Mapping[str, Any], name: str, most: int) -> str:
    """A line of text, control characters taken out."""
    value = values.get(name, "")
    if not isinstance(value, str) or len(value) > most:
        raise LiftError(f"`{name}` is not a text of at most {most} characters")
    return "".join(letter for letter in value if letter.isprintable())


def _whole(values: Mapping[str, Any], name: str, default: int, least: int, most: int) -> int:
    value = values.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise LiftError(f"`{name}` is not a whole number from {least} to {most}")
    return value


def _png(samples: Picture) -> str:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(samples).save(file, "PNG", compress_level=4)
    return base64.b64encode(file.getvalue()).decode()


def _samples(text: Any, mode: str, where: str) -> NDArray[np.uint8]:
    from PIL.PngImagePlugin import PngImageFile

    try:
        data = base64.b64decode(text, validate=True)
        picture = PngImageFile(io.BytesIO(data))
        if picture.width * picture.height > MOST_PIXELS:
            raise LiftError(f"a picture of more than {MOST_PIXELS:,} pixels", where=where)
        if picture.mode != mode:
            raise LiftError(f"a picture of mode {picture.mode}, not {mode}", where=where)
        return np.asarray(picture, np.uint8)
    except (TypeError, ValueError, OSError, SyntaxError, binascii.Error):
        raise LiftError("a picture is not a PNG in base64", where=where) from None
