"""The web application: routes, headers, errors, files. Read-only; every answer is a GET.

A request never names a path: pictures and files are asked for by content id and found through
the store. Metadata is hostile text: templates escape everything, and the content security
policy allows this origin's style sheet and pictures and nothing else, no script at all.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from gm_assets import __version__, containers
from gm_assets.errors import (
    GmError,
    LibraryError,
    MissingExtra,
    ModelError,
    NotFound,
    UnsupportedFormat,
)
from gm_assets.memory.record import CONTENT_ID, STAGES
from gm_assets.walk.gathering import gathered
from gm_assets.walk.pages import ChoicePage, Reader, StoredFile
from gm_assets.walk.searching import Searcher, Wanted
from gm_assets.words import escaped

if TYPE_CHECKING:
    import duckdb

    from gm_assets.library import Library

HOST, PORT = "127.0.0.1", 3001
THUMBNAIL_SIZES = (256, 512, 1024)
#: Thumbnails drawn at the same time.
_DRAWINGS = 4

#: For pictures that are named by a hash: what lies behind the name does not change.
_LASTING = "public, max-age=86400"

_HERE = Path(__file__).parent
_POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_STAGE_NAMES = {
    "S1": "sketch",
    "S2": "reference",
    "S3": "sculpt",
    "S4": "generative",
    "S5": "structure",
}


class Catalogue:
    """The store's current generation behind one lock: a reader serves one thread at a time."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._lock = threading.Lock()
        self._con: duckdb.DuckDBPyConnection | None = None
        self._reader: Reader | None = None

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """A reader of the generation that is current now.

        Raises:
            LibraryError: there is no store yet, or it is damaged.
        """
        with self._lock:
            current = self._library.store.current()
            if self._reader is None or self._reader.generation != current.number:
                self._forget()
                self._con = current.connect()
                self._reader = Reader(self._con, self._library.config.name, current.number)
            yield self._reader

    def close(self) -> None:
        """Let the store go; a later reader opens it again."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        if self._con is not None:
            self._con.close()
        self._con = self._reader = None


class Walk:
    """The endpoints over one library."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.catalogue = Catalogue(library)
        self.searcher = Searcher(library)
        # A page asks for a hundred thumbnails at once; a large picture takes much memory.
        self._drawing = threading.BoundedSemaphore(_DRAWINGS)
        self.templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            finalize=_visible,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.templates.globals.update(
            library=library.config.name,
            stages=STAGES,
            stage_names=_STAGE_NAMES,
            version=__version__,
        )
        self.templates.filters.update(
            segment=lambda text: quote(str(text), safe=":"),
            bytes=_bytes,
            gathered=gathered,
            pretty=_pretty_json,
            short=_short,
        )

    def index(self, request: Request) -> Response:
        """`/`: all chains by domain."""
        return self._page(request, "index.html", lambda reader: reader.index(_number(request)))

    def chain(self, request: Request) -> Response:
        """`/chain/<key>`: one turn of a chain."""
        key = _stem(request, "key")
        return self._page(request, "chain.html", lambda reader: reader.chain(key))

    def asset(self, request: Request) -> Response:
        """`/asset/<document id or content id>`: one document."""
        name = _stem(request, "name")
        return self._page(request, "asset.html", lambda reader: reader.asset(name))

    def sheet(self, request: Request) -> Response:
        """`/sheet`: all documents; `?unplaced=1`: those in no chain."""
        unplaced = request.query_params.get("unplaced") == "1"
        return self._page(
            request,
            "sheet.html",
            lambda reader: reader.sheet(unplaced=unplaced, number=_number(request)),
        )

    def find(self, request: Request) -> Response:
        """`/find?q=&not=&like=&stage=`: search by description or by example."""
        wanted = Wanted.of(request.query_params)
        like = None
        if wanted.like is not None:
            with self.catalogue.reader() as reader:
                files = reader.files_of_content(wanted.like)
            held = filter(None, map(self._unchanged, files))
            like = next(map(str, held), None)
        page = self.searcher.page(wanted, like)
        if _wants_json(request):
            return _json(asdict(page))
        return self._html("find.html", 200, page=page)

    def quarantine(self, request: Request) -> Response:
        """`/quarantine`: files that could not be read."""
        return self._page(
            request, "quarantine.html", lambda reader: reader.quarantine(_number(request))
        )

    def health(self, _: Request) -> Response:
        """`/health`: whether the library can be shown, as JSON; 503 where it cannot."""
        answer: dict[str, Any] = {"library": self.library.config.name, "version": __version__}
        try:
            with self.catalogue.reader() as reader:
                answer |= {"status": "ok", "generation": reader.generation}
                answer |= asdict(reader.totals())
        except GmError as error:
            return _json(answer | {"status": "unavailable", "reason": str(error)}, 503)
        return _json(answer)

    def thumbnail(self, request: Request) -> Response:
        """`/thumb/<content id>.webp`: a small picture; `?size=` 256, 512 or 1024."""
        from gm_assets.library import thumbnail

        content_id = _content_id(request)
        wanted = request.query_params.get("size", "256")
        size = int(wanted) if wanted.isdecimal() and len(wanted) < 6 else 0
        if size not in THUMBNAIL_SIZES:
            raise HTTPException(400, f"size is one of {', '.join(map(str, THUMBNAIL_SIZES))}")
        with self._drawing:
            path = thumbnail(self.library, content_id, size)
        headers = {"Cache-Control": _LASTING, **_file_headers()}
        return FileResponse(path, media_type="image/webp", headers=headers)

    def picture(self, request: Request) -> Response:
        """`/picture/<name>.webp`: a derived picture, such as a contact sheet of labels."""
        from gm_assets.library.pictures import PICTURE_NAME, kept_picture

        name = str(request.path_params["name"])
        if not PICTURE_NAME.match(name):
            raise HTTPException(404, "not the name of a picture")
        headers = {"Cache-Control": _LASTING, **_file_headers()}
        return FileResponse(
            kept_picture(self.library, name), media_type="image/webp", headers=headers
        )

    def file(self, request: Request) -> Response:
        """`/file/<content id>`: the file itself; models are offered as a download."""
        content_id = _content_id(request)
        with self.catalogue.reader() as reader:
            files = reader.files_of_content(content_id)
        for stored in files:
            if (path := self._unchanged(stored)) is not None:
                return self._file(path, stored)
        raise NotFound(
            "no file holds this content now" if files else "no such content in the library",
            where=content_id,
            remedy="Run `gm ingest` to take note of what changed",
        )

    def _unchanged(self, stored: StoredFile) -> Path | None:
        """The file's path where it is still the one that the store has read, and inside."""
        try:
            path = (self.library.root / stored.path).resolve(strict=True)
            status = path.stat()
        except (OSError, ValueError):
            return None
        inside = path.is_relative_to(self.library.root.resolve())
        same = (status.st_size, status.st_mtime_ns) == (stored.size, stored.mtime_ns)
        return path if inside and same else None

    def _file(self, path: Path, stored: StoredFile) -> Response:
        try:
            media_type = containers.container(stored.format).media_type
        except UnsupportedFormat:
            media_type = "application/octet-stream"
        shown = media_type.startswith("image/")
        return FileResponse(
            path,
            media_type=media_type,
            filename=path.name.encode("utf-8", "replace").decode(),
            content_disposition_type="inline" if shown else "attachment",
            headers={"Cache-Control": "no-cache", **_file_headers()},
        )

    def _page(self, request: Request, template: str, read: Callable[[Reader], Any]) -> Response:
        with self.catalogue.reader() as reader:
            page = read(reader)
        if _wants_json(request):
            return _json(asdict(page))
        if isinstance(page, ChoicePage):
            template = "choice.html"
        return self._html(template, 200, page=page)

    def _html(self, template: str, status: int, **values: Any) -> Response:
        text = self.templates.get_template(template).render(**values)
        headers = {"Cache-Control": "no-cache", **_HEADERS}
        # Paths that are not UTF-8 hold lone surrogates.
        return HTMLResponse(text.encode("utf-8", "replace"), status, headers)

    def _is_empty(self) -> bool:
        with suppress(GmError):  # a damaged store is not an empty one
            return not self.library.store.generation
        return False

    def failed(self, request: Request, error: Exception) -> Response:
        """An error of ours, or of the request, as a page or as JSON."""
        if isinstance(error, GmError):
            status = 404 if isinstance(error, NotFound) else 500
            if isinstance(error, UnsupportedFormat):  # a sound file that nothing here decodes
                status = 415
            if isinstance(error, LibraryError | MissingExtra | ModelError):
                status = 503
            facts = {"error": error.what, "where": error.where, "remedy": error.remedy}
        else:
            assert isinstance(error, HTTPException)
            status = error.status_code
            facts = {"error": error.detail, "where": request.url.path, "remedy": None}
        if _wants_json(request):
            return _json(facts, status)
        empty = status == 503 and self._is_empty()
        return self._html("error.html", status, code=status, empty=empty, **facts)


def _visible(value: Any) -> Any:
    """What a template prints: a title must not turn the order of what stands beside it."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return escaped(value)
    return value


def create_app(library: Library, *, allowed_hosts: tuple[str, ...] = ()) -> Starlette:
    """The application over one library.

    Args:
        library: opened read-only or not; no file of it is ever written. Of the derived stores
            thumbnails are, and, unless opened read-only, the vectors that a search brings up
            to date.
        allowed_hosts: further names under which the server may be addressed. Loopback names
            always are; others are refused, so that a foreign page cannot reach the library by
            rebinding its name to this address.
    """
    walk = Walk(library)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        walk.catalogue.close()

    hosts = ["127.0.0.1", "localhost", "[::1]", "::1", *allowed_hosts]
    return Starlette(
        routes=[
            Route("/", walk.index),
            Route("/index.json", walk.index),
            Route("/chain/{key}", walk.chain),
            Route("/asset/{name:path}", walk.asset),
            Route("/sheet", walk.sheet),
            Route("/sheet.json", walk.sheet),
            Route("/find", walk.find),
            Route("/find.json", walk.find),
            Route("/quarantine", walk.quarantine),
            Route("/quarantine.json", walk.quarantine),
            Route("/thumb/{content_id}.webp", walk.thumbnail),
            Route("/picture/{name}.webp", walk.picture),
            Route("/file/{content_id}", walk.file),
            Route("/health", walk.health),
            Mount("/static", StaticFiles(directory=_HERE / "static")),
        ],
        lifespan=lifespan,
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts)],
        exception_handlers={GmError: walk.failed, HTTPException: walk.failed},
    )


def serve(library: Library, host: str = HOST, port: int = PORT) -> None:
    """Serve the walk until interrupted.

    Raises:
        GmError: the address cannot be used, e.g. because another server has it.
    """
    import uvicorn

    listener = _listen(host, port)
    # On another address than loopback the names of this machine are not known here.
    hosts = () if host in ("127.0.0.1", "localhost", "::1") else ("*",)
    app = create_app(library, allowed_hosts=hosts)
    config = uvicorn.Config(app, log_level="warning", server_header=False)
    with listener:
        uvicorn.Server(config).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise GmError(
            f"the walk cannot listen here ({error.strerror})",
            where=f"{host}:{port}",
            remedy="Stop the server that has this port, or choose another with --port",
        ) from error
    return listener


def _file_headers() -> dict[str, str]:
    # A picture opened by itself gets no rights either; Dagster's pages may show it.
    return {**_HEADERS, "Content-Security-Policy": "default-src 'none'; sandbox"}


def _wants_json(request: Request) -> bool:
    return request.url.path.endswith(".json") or request.query_params.get("format") == "json"


def _stem(request: Request, name: str) -> str:
    return str(request.path_params[name]).removesuffix(".json")


def _content_id(request: Request) -> str:
    content_id = str(request.path_params["content_id"])
    if not CONTENT_ID.match(content_id):
        raise HTTPException(404, "not a content id")
    return content_id


def _number(request: Request) -> int:
    text = request.query_params.get("page", "1")
    return int(text) if text.isdecimal() and len(text) < 8 else 1


def _json(value: Any, status: int = 200) -> Response:
    text = json.dumps(value, ensure_ascii=True, indent=1, default=_plain)
    headers = {"Cache-Control": "no-cache", **_HEADERS}
    return Response(text + "\n", status, headers, media_type="application/json")


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)


def _bytes(size: int | None) -> str:
    if size is None:
        return "unknown"
    amount = float(size)
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:,.0f} {unit}" if unit == "B" else f"{amount:,.1f} {unit}"
        amount /= 1000
    raise AssertionError("unreachable")


def _pretty_json(text: str) -> str:
    """A recipe or camera indented for reading; as it stands where it is not JSON."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _short(text: str | None, length: int = 18) -> str:
    """A hash or id cut for reading; the whole is in the title beside it."""
    text = text or ""
    return text if len(text) <= length else text[: length - 1] + "\u2026"


__all__ = ["HOST", "PORT", "Catalogue", "Walk", "create_app", "serve"]
