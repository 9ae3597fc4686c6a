"""Asking a model at an address: the card, then geometry, both bounded in bytes and time.

Redirects are not followed: plates go to the address that the user named and to no other. A GLB
is believed only after it was parsed, its triangles counted and its coordinates found finite.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

from gm_assets.errors import GmError, LiftError
from gm_assets.lifting.remote.contract import (
    GLB_TYPE,
    LIFT_PATH,
    MODEL_PATH,
    MOST_CARD,
    MOST_GLB,
    ModelCard,
    Order,
)
from gm_assets.sculpt.model import Sculpt

#: Triangles that a model may answer at most.
MOST_TRIANGLES = 5_000_000
#: Seconds to reach a server, and to get its card.
_REACH, _CARD = 10.0, 30.0
_CHUNK = 1 << 18


@dataclass(frozen=True, eq=False)
class Answer:
    """What a model made.

    Attributes:
        card: of the model.
        glb: the file as it came, textures and all.
        sculpt: its geometry, validated.
    """

    card: ModelCard
    glb: bytes
    sculpt: Sculpt

    @property
    def sha256(self) -> str:
        """Hash of the GLB, in hexadecimal."""
        return hashlib.sha256(self.glb).hexdigest()


@dataclass(frozen=True)
class Endpoint:
    """A model at an address that a user named, e.g. `http://127.0.0.1:8123`.

    Raises:
        LiftError: it is no `http` or `https` address of a server.
    """

    url: str

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            sound = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
        except ValueError:
            sound = None
        if not sound or parts.username or parts.query or parts.fragment:
            raise LiftError(
                "this is not the address of a model",
                where=self.url,
                remedy="Write it like http://127.0.0.1:8123",
            )

    @cached_property
    def card(self) -> ModelCard:
        """What the model says of itself, asked once.

        Raises:
            LiftError: it cannot be reached, takes too long, or answers nothing of the contract.
        """
        data, _ = self._ask("GET", MODEL_PATH, None, MOST_CARD, _CARD)
        try:
            return ModelCard.of(data)
        except LiftError as error:
            raise self._refused(error.what) from None

    def lift(self, order: Order, timeout: float = 900.0) -> Answer:
        """Have the model make geometry of plates.

        Args:
            timeout: seconds that it may take in all.

        Raises:
            LiftError: it takes another number of plates, cannot be reached, takes too long,
                refuses, or answers what is no sound GLB.
        """
        card = self.card
        if not card.least <= len(order.plates) <= card.most:
            raise LiftError(
                f"{card.name} takes {card.least} to {card.most} plates, not {len(order.plates)}",
                where=self.url,
                remedy="Choose the plates to be sent",
            )
        data, kind = self._ask("POST", LIFT_PATH, order.data(), MOST_GLB, timeout)
        if kind != GLB_TYPE:
            raise self._refused(f"it answered {kind[:80]!r}, not {GLB_TYPE}")
        return Answer(card, data, self._sculpt(data))

    def _sculpt(self, data: bytes) -> Sculpt:
        from gm_assets.sculpt.glb import parse_glb

        try:
            sculpt = parse_glb(data, name="model", where=self.url)
        except GmError as error:
            raise self._refused(f"its GLB is not sound: {error.what}") from None
        if not 0 < sculpt.triangles <= MOST_TRIANGLES:
            raise self._refused(
                f"its GLB has {sculpt.triangles:,} triangles, not 1 to {MOST_TRIANGLES:,}"
            )
        low, high = sculpt.bounds
        if not (high - low).max() > 0:
            raise self._refused("its GLB has no extent")
        return sculpt

    def _ask(
        self, method: str, path: str, body: bytes | None, most: int, timeout: float
    ) -> tuple[bytes, str]:
        """The body of an answer and its type."""
        parts = urlsplit(self.url)
        assert parts.hostname is not None  # checked when it was made
        secure = parts.scheme == "https"
        connection = (HTTPSConnection if secure else HTTPConnection)(
            parts.hostname, parts.port, timeout=min(_REACH, timeout)
        )
        end = time.monotonic() + timeout
        try:
            connection.connect()
            connection.sock.settimeout(timeout)
            headers = {"Content-Type": "application/json"} if body is not None else {}
            connection.request(method, parts.path.rstrip("/") + path, body, headers)
            response = connection.getresponse()
            large = most if response.status == 200 else MOST_CARD
            data = self._body(connection, response, large, end, timeout)
        except TimeoutError:
            raise self._late(timeout) from None
        except (OSError, HTTPException) as error:
            raise LiftError(
                f"the model cannot be reached ({error or type(error).__name__})",
                where=self.url,
                remedy="Start its server (docs/lift-models.md), or correct GM_LIFT_URL",
            ) from None
        finally:
            connection.close()
        if response.status != 200:
            raise self._refused(f"it answered {response.status}: {_said(data)}")
        return data, response.headers.get_content_type()

    def _body(
        self,
        connection: HTTPConnection,
        response: HTTPResponse,
        most: int,
        end: float,
        timeout: float,
    ) -> bytes:
        data = bytearray()
        while True:
            left = end - time.monotonic()
            if left <= 0:
                raise self._late(timeout)
            if connection.sock is not None:
                connection.sock.settimeout(left)
            chunk = response.read1(_CHUNK)
            if not chunk:
                break
            data += chunk
            if len(data) > most:
                raise self._refused(f"its answer is larger than {most:,} bytes")
        if response.length:  # fewer bytes came than were announced
            raise self._refused("its answer broke off")
        return bytes(data)

    def _late(self, timeout: float) -> LiftError:
        return LiftError(
            f"the model did not answer within {timeout:g} s",
            where=self.url,
            remedy="Give it more time, or look at what its server prints",
        )

    def _refused(self, what: str) -> LiftError:
        return LiftError(
            f"the model was not believed: {what}"
            if not what.startswith("it answered")
            else f"the model refused: {what}",
            where=self.url,
            remedy="Look at what its server prints",
        )


def _said(data: bytes) -> str:
    """The sentence of an error, or what can be read of it."""
    try:
        values = json.loads(data)
        text = values["error"] if isinstance(values, dict) else ""
    except (ValueError, KeyError, RecursionError):
        text = data[:200].decode("utf-8", "replace")
    return "".join(letter for letter in str(text)[:500] if letter.isprintable())
