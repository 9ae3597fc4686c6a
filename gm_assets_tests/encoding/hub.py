"""A server on this machine that speaks the hub's interface."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

#: The newest commit of every repository.
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What the server answers: the files of every repository, the same at every commit.

    `stated` takes the place of the listing of the first repository; `asked` is what it was asked.
    """

    repositories: dict[str, dict[str, bytes]]
    stated: dict[str, Any] | None = None
    asked: list[str] = field(default_factory=list)

    @property
    def files(self) -> dict[str, bytes]:
        """Those of the first repository."""
        return next(iter(self.repositories.values()))

    def listing(self, repository: str | None = None, commit: str = COMMIT) -> dict[str, Any]:
        """The answer of `/api/models/<repository>/revision/<revision>?blobs=true`."""
        siblings = []
        files = self.repositories[repository] if repository else self.files
        for name, data in files.items():
            entry: dict[str, Any] = {"rfilename": name, "size": len(data)}
            if name.endswith((".safetensors", ".bin")):
                entry["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
            else:
                blob = b"blob %d\0" % len(data) + data
                entry["blobId"] = hashlib.sha1(blob, usedforsecurity=False).hexdigest()
            siblings.append(entry)
        return {"sha": commit, "siblings": siblings}

    def answer(self, path: str) -> bytes | None:
        """What stands at an address; None for nothing."""
        self.asked.append(path)
        parts = path.partition("?")[0].strip("/").split("/")
        if parts[:2] == ["api", "models"] and len(parts) == 6:
            repository, revision = "/".join(parts[2:4]), parts[5]
            if repository not in self.repositories:
                return None
            commit = COMMIT if revision == "main" else revision
            first = repository == next(iter(self.repositories))
            stated = (self.stated if first else None) or self.listing(repository, commit)
            return json.dumps(stated).encode()
        if len(parts) > 4 and parts[2] == "resolve":
            files = self.repositories.get("/".join(parts[:2]), {})
            return files.get("/".join(parts[4:]))
        return None


@contextmanager
def serving(hub: Hub) -> Iterator[str]:
    """The server at work; gives its address for `HF_ENDPOINT`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = hub.answer(self.path)
            if data is None:
                self.send_error(404, "Repository not found")
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def files_of(folder: Path, *, without: tuple[str, ...] = ()) -> dict[str, bytes]:
    """All files below a folder by name, but those in `without`."""
    return {
        name: path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (name := path.relative_to(folder).as_posix()) not in without
    }
