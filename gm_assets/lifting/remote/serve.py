"""Serve one image-to-3D model by the contract: `python -m gm_assets.lifting.remote.serve NAME`.

It listens on this machine alone unless another address is asked for, makes one thing at a time
and prints one line of JSON with its address when it is ready.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from gm_assets.errors import GmError
from gm_assets.lifting.remote.backends import BACKENDS, Backend, Source, open_backend
from gm_assets.lifting.remote.contract import GLB_TYPE, LIFT_PATH, MODEL_PATH, MOST_ORDER, Order

#: Seconds that a client may take between two pieces of its order.
_PATIENCE = 60


class ModelServer(ThreadingHTTPServer):
    """A backend at an address; the card is answered while something is being made.

    Args:
        address: host and port; port 0 takes a free one.
    """

    daemon_threads = True

    def __init__(self, address: tuple[str, int], backend: Backend) -> None:
        super().__init__(address, _Handler)
        self.backend = backend
        self.busy = threading.Lock()

    @property
    def url(self) -> str:
        """Where it answers."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}"


class _Handler(BaseHTTPRequestHandler):
    server: ModelServer
    protocol_version = "HTTP/1.1"
    timeout = _PATIENCE

    def do_GET(self) -> None:
        if self.path != MODEL_PATH:
            self._refuse(404, f"there is {MODEL_PATH} and {LIFT_PATH}")
            return
        self._answer(200, "application/json", _json(self.server.backend.card.json()))

    def do_POST(self) -> None:
        if self.path != LIFT_PATH:
            self._refuse(404, f"there is {MODEL_PATH} and {LIFT_PATH}")
            return
        # A page in a browser can send other types across sites without asking, this one it cannot.
        if self.headers.get_content_type() != "application/json":
            self._refuse(415, "an order is application/json")
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MOST_ORDER:
            self._refuse(413, f"an order says its length, at most {MOST_ORDER:,} bytes")
            return
        data = self.rfile.read(int(length))
        try:
            order = Order.of(data)
        except GmError as error:
            self._refuse(400, str(error))
            return
        self._make(order)

    def _make(self, order: Order) -> None:
        card = self.server.backend.card
        if not card.least <= len(order.plates) <= card.most:
            self._refuse(400, f"{card.name} takes {card.least} to {card.most} plates")
            return
        try:
            with self.server.busy:
                made = self.server.backend.make(order)
        except GmError as error:
            self._refuse(422, str(error))
        except Exception as error:  # a model of other people: whatever it raises is answered
            self.log_error("%s: %s", type(error).__name__, error)
            self._refuse(500, f"the model failed: {type(error).__name__}")
        else:
            self._answer(200, GLB_TYPE, made)

    def _refuse(self, status: int, what: str) -> None:
        self.close_connection = True  # the rest of what was sent is not read
        self._answer(status, "application/json", _json({"error": what}))

    def _answer(self, status: int, kind: str, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)


def _json(values: dict[str, Any]) -> bytes:
    return json.dumps(values).encode()


def main(arguments: Sequence[str] | None = None) -> int:
    """Load a model and serve it until interrupted; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m gm_assets.lifting.remote.serve")
    parser.add_argument("model", choices=list(BACKENDS))
    parser.add_argument("--weights", type=Path, help="folder of the weights")
    parser.add_argument("--code", type=Path, help="checkout of the model's repository")
    parser.add_argument("--device", default="cuda", help="of torch: cuda, cuda:1, cpu")
    parser.add_argument("--steps", type=int, help="of the sampler")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at")
    parser.add_argument("--port", type=int, default=8123, help="0 takes a free one")
    chosen = parser.parse_args(arguments)
    # What models print goes to stderr: stdout carries one line, which nobody reads beyond.
    line = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    source = Source(chosen.weights, chosen.code, chosen.device, chosen.steps)
    try:
        backend = open_backend(chosen.model, source)
        server = ModelServer((chosen.host, chosen.port), backend)
    except (GmError, OSError, ImportError) as error:
        print(f"{chosen.model}: {error}", file=sys.stderr)
        return error.exit_code if isinstance(error, GmError) else 1
    print(json.dumps({"url": server.url, **backend.card.json()}), file=line, flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
