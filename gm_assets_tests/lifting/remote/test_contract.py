"""What is sent to a model and what it may answer."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gm_assets.errors import LiftError
from gm_assets.lifting.protocol import Plate
from gm_assets.lifting.remote import ModelCard, Order, known_models
from gm_assets.lifting.remote.catalogue import known_model
from gm_assets.lifting.remote.contract import CONTRACT, MOST_CARD
from gm_assets_tests.lifting.shots import ball_sculpt, plates_of


@pytest.fixture(scope="module")
def plate() -> Plate:
    return plates_of(ball_sculpt(), 3, 32)[0]


def changed(plate: Plate, **values: Any) -> bytes:
    """An order of one plate in which entries of that plate have other values."""
    order = json.loads(Order((plate,)).data())
    order["plates"][0].update(values)
    return json.dumps(order).encode()


def test_an_order_arrives_as_it_was_sent(plate: Plate) -> None:
    order = Order.of(Order((plate,), 7, "a walker of cast iron").data())
    (sent,) = order.plates
    assert (order.seed, order.prompt) == (7, "a walker of cast iron")
    assert sent.camera == plate.camera and sent.name == plate.name
    assert sent.picture is not None and plate.picture is not None
    assert np.array_equal(sent.picture, plate.picture)
    assert np.abs(sent.silhouette - plate.silhouette).max() <= 0.5 / 255
    assert sent.depth is None and sent.normal is None


def test_a_card_arrives_as_it_was_sent() -> None:
    card = ModelCard("m", "1", "MIT", ("Not on Sundays.",), "a/b", "0" * 64, 2, 5, True, True)
    assert ModelCard.of(json.dumps(card.json()).encode()) == card


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"picture": "%%%"}, "no|not a PNG"),
        ({"picture": base64.b64encode(b"BM" + b"0" * 100).decode()}, "not a PNG"),
        ({"picture": None}, "not a PNG"),
        ({"camera": None}, "camera is none"),
        ({"camera": {"matrix": [1] * 15}}, "camera is none"),
        ({"name": 3}, "name"),
        ({"name": "x" * 1000}, "name"),
    ],
)
def test_an_order_that_lies_is_refused(plate: Plate, values: dict[str, Any], reason: str) -> None:
    with pytest.raises(LiftError, match=reason):
        Order.of(changed(plate, **values))


def test_a_camera_that_is_not_finite_is_refused(plate: Plate) -> None:
    camera = plate.camera.model_dump(mode="json") | {"far": float("inf")}
    with pytest.raises(LiftError, match="camera"):
        Order.of(changed(plate, camera=camera))


def test_pictures_of_two_sizes_or_modes_are_refused(plate: Plate) -> None:
    order = json.loads(Order((plate,)).data())
    entry = order["plates"][0]
    for silhouette in (entry["picture"], _of(plates_of(ball_sculpt(), 3, 40)[0], "silhouette")):
        with pytest.raises(LiftError, match=r"mode|differ in size"):
            Order.of(changed(plate, silhouette=silhouette))


def _of(plate: Plate, name: str) -> str:
    return str(json.loads(Order((plate,)).data())["plates"][0][name])


def test_a_png_of_a_billion_pixels_is_refused_before_it_is_decoded(plate: Plate) -> None:
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"0" * 100))
    with pytest.raises(LiftError, match="more than"):
        Order.of(changed(plate, picture=base64.b64encode(bomb).decode()))


def test_a_plate_without_a_picture_is_not_sent(plate: Plate) -> None:
    with pytest.raises(LiftError, match="needs the picture"):
        Order((replace(plate, picture=None),)).data()


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["contract", "name", "licence", "plates", "least", "weights"]),
                    inner | st.just(CONTRACT),
                    max_size=4,
                )
            ),
            max_leaves=8,
        ).map(lambda values: json.dumps(values).encode()),
    )
)
def test_whatever_is_sent_is_read_or_refused(data: bytes) -> None:
    for kind in (ModelCard, Order):
        try:
            kind.of(data)
        except LiftError:
            pass


def test_a_card_that_breaks_its_bounds_is_refused() -> None:
    good = ModelCard("m", "1", "MIT").json()
    for values in (
        {"contract": "gm-lift/9"}, {"name": ""}, {"licence": None}, {"weights": "abc"},
        {"least": 0}, {"most": True}, {"restrictions": ["x"] * 100}, {"restrictions": "none"},
    ):  # fmt: skip
        with pytest.raises(LiftError):
            ModelCard.of(json.dumps(good | values).encode())
    with pytest.raises(LiftError, match="more than"):
        ModelCard.of(b" " * (MOST_CARD + 1))
    assert ModelCard.of(json.dumps(good | {"name": "a\x1b[31mb"}).encode()).name == "a[31mb"


def test_the_catalogue_spells_out_licences() -> None:
    models = {model.name: model for model in known_models("studio")}
    assert set(models) == {model.name for model in known_models()}
    assert all(model.licence and model.repository for model in models.values())
    (regions, users) = models["hunyuan3d-2.1"].restrictions
    assert "European Union, the United Kingdom or South Korea" in regions and "million" in users
    assert models["triposg-scribble"].drawing and not models["triposg"].drawing
    with pytest.raises(LiftError, match="Known are"):
        known_model("magic")
    assert known_models("embedded") == ()
