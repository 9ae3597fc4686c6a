"""A model in a process of its own: a real server, asked over HTTP."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gm_assets.errors import LiftError
from gm_assets.lifting import lift
from gm_assets.lifting.measures import silhouette_iou
from gm_assets.lifting.protocol import Plate
from gm_assets.lifting.remote import Endpoint, ModelCard, ModelSettings, Order, serving
from gm_assets.lifting.remote.contract import GLB_TYPE
from gm_assets.lifting.surface import sculpt_of
from gm_assets.sculpt.rays import Scene
from gm_assets_tests.lifting.shots import ball_sculpt, plates_of


@pytest.fixture(scope="module")
def plates() -> list[Plate]:
    return plates_of(ball_sculpt(), 6, 64)


@pytest.fixture(scope="module")
def outline() -> Iterator[Endpoint]:
    """The server of ours that needs no weights."""
    with serving("outline", timeout=120) as endpoint:
        yield endpoint


def at(endpoint: Endpoint, **more: Any) -> ModelSettings:
    return ModelSettings(endpoint=endpoint.url, model="", licence_read="", **more)


def test_plates_go_out_and_a_mesh_comes_back(outline: Endpoint, plates: list[Plate]) -> None:
    found = lift(plates, "model", at(outline))
    assert found.surface is not None
    scene = Scene(sculpt_of(found.surface, "ball"))
    seen = scene.silhouette(plates[0].camera, 64, 64)
    assert silhouette_iou(seen, plates[0].mask) > 0.95
    assert (found.geometry, found.colour) == ("model", "none")
    said = found.settings["model"]
    assert (said["name"], said["licence"]) == ("outline", "Apache-2.0")
    assert outline.url not in json.dumps(found.settings)
    assert "imagined" in found.notes[0]


def test_one_plate_is_enough_for_a_model_that_takes_one(
    outline: Endpoint, plates: list[Plate]
) -> None:
    first, second = (lift(plates[:1], "model", at(outline)) for _ in range(2))
    assert first.surface is not None and len(first.surface.faces) > 100
    assert first.settings["glb_sha256"] == second.settings["glb_sha256"]


def test_what_the_model_refuses_is_said_with_its_reason(
    outline: Endpoint, plates: list[Plate]
) -> None:
    with pytest.raises(LiftError, match="neither a relief nor a hull") as caught:
        lift(plates[:2], "model", at(outline))
    assert caught.value.where == outline.url


def asked(endpoint: Endpoint, method: str, path: str, body: bytes | None = None,
          **headers: str) -> tuple[int, str]:  # fmt: skip
    address = endpoint.url.removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=30)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, named)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


def test_the_server_answers_every_bad_request_and_lives_on(
    outline: Endpoint, plates: list[Plate]
) -> None:
    order = Order(tuple(plates[:1])).data()
    cases: tuple[tuple[int, tuple[str, str, bytes | None], dict[str, str]], ...] = (
        (404, ("GET", "/etc/passwd", None), {}),
        (404, ("POST", "/", order), {"Content_Type": "application/json"}),
        (415, ("POST", "/lift", order), {"Content_Type": "text/plain"}),
        (400, ("POST", "/lift", b"{"), {"Content_Type": "application/json"}),
        (413, ("POST", "/lift", b""),
         {"Content_Type": "application/json", "Content_Length": "999999999999"}),
        (413, ("POST", "/lift", b""), {"Content_Type": "application/json", "Content_Length": "-1"}),
    )  # fmt: skip
    for status, (method, path, body), headers in cases:
        found, text = asked(outline, method, path, body, **headers)
        assert found == status, text
        assert json.loads(text)["error"]
    assert asked(outline, "GET", "/model")[0] == 200


def test_nothing_is_sent_where_nobody_named_an_address(
    plates: list[Plate], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GM_LIFT_URL", raising=False)
    with pytest.raises(LiftError, match="no image-to-3D model is configured"):
        lift(plates, "model")


def test_the_address_comes_from_the_environment(
    outline: Endpoint, plates: list[Plate], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GM_LIFT_URL", outline.url)
    monkeypatch.setenv("GM_LIFT_MODEL", "trellis2")
    with pytest.raises(LiftError, match="is outline, not trellis2"):
        lift(plates, "model")


@pytest.mark.parametrize(
    "url", ["", "ftp://a", "http://", "http://u:p@h", "file:///etc", "http://h:x"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(LiftError, match="not the address"):
        Endpoint(url)


def test_a_server_that_is_not_there_is_an_error_with_a_remedy() -> None:
    with pytest.raises(LiftError, match="cannot be reached") as caught:
        _ = Endpoint("http://127.0.0.1:9").card
    assert caught.value.remedy is not None and "GM_LIFT_URL" in caught.value.remedy


def test_a_model_that_cannot_be_loaded_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(LiftError, match="ended with 9"),
        serving("shap-e", "--weights", str(tmp_path / "none"), "--device", "cpu"),
    ):
        pass


Answering = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def impostor(card: dict[str, Any] | None, answering: Answering) -> Iterator[Endpoint]:
    """A server of other people: a card, and whatever it answers to an order."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            respond(self, 200, "application/json", json.dumps(card).encode())

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            answering(self)

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield Endpoint(f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()


def respond(handler: BaseHTTPRequestHandler, status: int, kind: str, data: bytes,
            length: int | None = None, **headers: str) -> None:  # fmt: skip
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(data) if length is None else length))
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(data)


CARD = ModelCard("stranger", "1", "MIT").json()


@pytest.mark.parametrize(
    ("answering", "reason"),
    [
        (lambda h: respond(h, 200, GLB_TYPE, b"glTF" + b"\0" * 40), "not sound"),
        (lambda h: respond(h, 200, "text/html", b"<html>"), "text/html"),
        (lambda h: respond(h, 200, GLB_TYPE, b""), "not sound"),
        (lambda h: respond(h, 200, GLB_TYPE, b"glTF", 4000), "broke off|cannot be reached"),
        (lambda h: respond(h, 200, GLB_TYPE, b"", 1 << 40), "larger|broke off|cannot be reached"),
        (lambda h: respond(h, 500, "application/json", b'{"error": "no memory"}'), "no memory"),
        (lambda h: respond(h, 302, "text/html", b"", Location="http://127.0.0.1:9/"), "302"),
        (lambda h: h.connection.close(), "cannot be reached"),
    ],
)
def test_an_answer_that_is_no_sound_glb_is_not_believed(
    plates: list[Plate], answering: Answering, reason: str
) -> None:
    with impostor(CARD, answering) as endpoint, pytest.raises(LiftError, match=reason):
        lift(plates[:1], "model", at(endpoint, timeout=20))


def test_a_model_that_takes_too_long_is_given_up(plates: list[Plate]) -> None:
    gone = threading.Event()

    def slow(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", GLB_TYPE)
        handler.end_headers()
        while not gone.wait(0.05):  # a byte now and then keeps a connection alive
            try:
                handler.wfile.write(b"0")
            except OSError:
                return

    with impostor(CARD, slow) as endpoint:
        try:
            with pytest.raises(LiftError, match=r"did not answer within 0\.5 s"):
                lift(plates[:1], "model", at(endpoint, timeout=0.5))
        finally:
            gone.set()


def test_a_card_of_another_contract_is_not_believed(plates: list[Plate]) -> None:
    with (
        impostor({"name": "x"}, lambda h: None) as endpoint,
        pytest.raises(LiftError, match="not believed"),
    ):
        lift(plates[:1], "model", at(endpoint))


def test_restrictions_of_a_licence_must_be_read_first(plates: list[Plate]) -> None:
    made: list[int] = []

    def answering(handler: BaseHTTPRequestHandler) -> None:
        made.append(1)
        respond(handler, 500, "application/json", b'{"error": "reached"}')

    card = CARD | {"restrictions": ["It must not be used in the European Union."]}
    with impostor(card, answering) as endpoint:
        with pytest.raises(LiftError, match="European Union") as caught:
            lift(plates[:1], "model", at(endpoint))
        assert "GM_LIFT_LICENCE_READ=stranger" in (caught.value.remedy or "")
        assert not made  # no picture left this machine
        settings = ModelSettings(endpoint=endpoint.url, model="", licence_read="stranger")
        with pytest.raises(LiftError, match="reached"):
            lift(plates[:1], "model", settings)


def test_shap_e_runs_from_its_folder_in_a_process_of_its_own(
    tmp_path: Path, plates: list[Plate]
) -> None:
    """The very classes of the model with tiny random weights: that it runs, not how well."""
    pytest.importorskip("diffusers")
    tiny_shap_e(tmp_path)
    options = ("--weights", str(tmp_path), "--device", "cpu", "--steps", "2")
    with serving("shap-e", *options, timeout=120) as endpoint:
        assert endpoint.card.name == "shap-e" and len(endpoint.card.weights) == 64
        assert endpoint.card.version.startswith("diffusers ")
        found = lift(plates[:1], "model", at(endpoint, seed=3, timeout=300))
        with pytest.raises(LiftError, match="takes 1 to 1 plates, not 2"):
            lift(plates[:2], "model", at(endpoint))
    assert found.surface is not None and len(found.surface.faces) == 1
    assert found.settings["seed"] == 3


def tiny_shap_e(folder: Path) -> None:
    """A pipeline of Shap-E whose field is solid; its table of cubes knows one corner alone."""
    import torch
    from diffusers import HeunDiscreteScheduler, PriorTransformer, ShapEImg2ImgPipeline
    from diffusers.pipelines.shap_e import ShapERenderer
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModel

    torch.manual_seed(0)
    seeing = CLIPVisionModel(
        CLIPVisionConfig(hidden_size=16, image_size=32, projection_dim=16, intermediate_size=24,
                         num_attention_heads=2, num_hidden_layers=1, patch_size=8)
    )  # fmt: skip
    prior = PriorTransformer(
        num_attention_heads=2, attention_head_dim=16, embedding_dim=16, num_embeddings=32,
        embedding_proj_dim=16, time_embed_dim=64, num_layers=1, clip_embed_dim=32,
        additional_embeddings=0, time_embed_act_fn="gelu", norm_in_type="layer",
        embedding_proj_norm_type="layer", encoder_hid_proj_type=None, added_emb_type=None,
    )  # fmt: skip
    renderer = ShapERenderer(
        param_shapes=((8, 93), (8, 8), (8, 8), (8, 8)), d_latent=16, d_hidden=8, n_output=12,
        background=(0.1, 0.1, 0.1),
    )  # fmt: skip
    with torch.no_grad():
        renderer.mlp.mlp[6].weight[0] = 0
        renderer.mlp.mlp[6].bias[0] = 1
        renderer.mesh_decoder.cases[1, 0] = torch.tensor([0, 4, 8])
        renderer.mesh_decoder.masks[1, 0] = True
    ShapEImg2ImgPipeline(
        prior=prior,
        image_encoder=seeing,
        image_processor=CLIPImageProcessor(size=32, crop_size=32),
        scheduler=HeunDiscreteScheduler(
            beta_schedule="exp", num_train_timesteps=1024, prediction_type="sample",
            use_karras_sigmas=True, clip_sample=True,
        ),
        shap_e_renderer=renderer,
    ).save_pretrained(folder, safe_serialization=True)  # fmt: skip
    assert np.isfinite(renderer.mlp.mlp[6].bias.detach().numpy()).all()
