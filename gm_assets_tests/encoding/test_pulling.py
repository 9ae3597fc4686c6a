"""Pulling a model from a server that speaks the hub's interface, on this machine."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gm_assets.encoding import EncoderSpec, named_encoder, open_encoder
from gm_assets.encoding.pulling import pull
from gm_assets.encoding.sealing import read_lock
from gm_assets.errors import ModelError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "google/siglip2-base-patch16-224"


@dataclass
class Hub:
    """What the server answers: the files of one commit, and what it was asked."""

    files: dict[str, bytes]
    stated: dict[str, Any] | None = None
    asked: list[str] = field(default_factory=list)

    def listing(self) -> dict[str, Any]:
        """The answer of `/api/models/<repository>/revision/<revision>?blobs=true`."""
        siblings = []
        for name, data in self.files.items():
            entry: dict[str, Any] = {"rfilename": name, "size": len(data)}
            if name.endswith((".safetensors", ".bin")):
                entry["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
            else:
                blob = b"blob %d\0" % len(data) + data
                entry["blobId"] = hashlib.sha1(blob, usedforsecurity=False).hexdigest()
            siblings.append(entry)
        return {"sha": COMMIT, "siblings": siblings}


@pytest.fixture
def hub(dual: EncoderSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub with the tiny model, and things that must not be taken."""
    names = [p for p in Path(dual.source).iterdir() if p.name not in ("SHA256SUMS", "words.txt")]
    files = {path.name: path.read_bytes() for path in names}
    files |= {"pytorch_model.bin": b"pickle", "run.py": b"print()", "onnx/model.json": b"{}"}
    files |= {"README.md": b"# Model", ".gitattributes": b""}
    state = Hub(files)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            path = self.path.partition("?")[0]
            if path in (f"/api/models/{REPOSITORY}/revision/{r}" for r in ("main", COMMIT)):
                self._answer(json.dumps(state.stated or state.listing()).encode())
            elif path.startswith(start := f"/{REPOSITORY}/resolve/{COMMIT}/"):
                self._answer(state.files[path.removeprefix(start)])
            else:
                self.send_error(404, "Repository not found")

        def _answer(self, data: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("GM_MODELS", str(tmp_path))
    yield state
    server.shutdown()
    server.server_close()


def test_a_pulled_model_is_pinned_and_opens(hub: Hub, dual: EncoderSpec) -> None:
    told: list[tuple[int, int, int, str]] = []
    pulled = pull(named_encoder("siglip2-base"), progress=lambda *now: told.append(now))
    assert pulled.revision == COMMIT and read_lock()[REPOSITORY]["files"] == pulled.files
    assert set(pulled.files) == {path.name for path in pulled.folder.iterdir()}
    assert set(pulled.files).isdisjoint({"pytorch_model.bin", "run.py", "README.md"})
    assert told[-1][0] == told[-1][1] == len(pulled.files)
    assert open_encoder(named_encoder("siglip2-base")).dimension == 24


def test_what_is_here_already_is_not_downloaded_again(hub: Hub) -> None:
    spec = named_encoder("siglip2-base")
    first = pull(spec)
    (first.folder / "config.json").write_text("{}")
    hub.asked.clear()
    assert pull(spec).files == first.files
    assert [path.rpartition("/")[2] for path in hub.asked[1:]] == ["config.json"]


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_file_that_is_not_the_stated_one_is_refused_and_not_kept(
    hub: Hub, name: str, tmp_path: Path
) -> None:
    hub.stated = hub.listing()
    data = bytearray(hub.files[name])
    data[10] ^= 1
    hub.files[name] = bytes(data)
    with pytest.raises(ModelError, match="not the one that the hub states"):
        pull(named_encoder("siglip2-base"))
    assert read_lock() == {}
    assert not [p for p in tmp_path.rglob("*") if p.name in (name, f".{name}.part")]


def test_weights_that_are_only_pickled_are_refused(hub: Hub) -> None:
    del hub.files["model.safetensors"]
    with pytest.raises(ModelError, match="no weights as safetensors"):
        pull(named_encoder("siglip2-base"))


@pytest.mark.parametrize(
    "stated",
    [
        [],
        {"sha": "main", "siblings": []},
        {"sha": COMMIT},
        {"sha": COMMIT, "siblings": [{"rfilename": "../x.json", "size": 1, "blobId": "0"}]},
        {"sha": COMMIT, "siblings": [{"rfilename": "a.json", "size": -1, "blobId": "0"}]},
    ],
)
def test_an_answer_that_is_none_of_the_hubs_is_refused(
    hub: Hub, stated: Any, tmp_path: Path
) -> None:
    hub.stated = stated or ["x"]  # type: ignore[assignment]
    with pytest.raises(ModelError):
        pull(named_encoder("siglip2-base"))
    assert read_lock() == {} and not (tmp_path.parent / "x.json").exists()


def test_a_repository_that_is_not_there_and_no_network_are_clear_errors(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError, match="404"):
        pull(named_encoder("clip-vit-large"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(ModelError, match="cannot be reached"):
        pull(named_encoder("siglip2-base"))
    with pytest.raises(ModelError, match="nothing to pull"):
        pull(named_encoder("embedded"))
