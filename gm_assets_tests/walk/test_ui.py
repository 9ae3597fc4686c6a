"""The walk in a real browser: pictures are drawn, nothing is blocked, nothing overflows."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from gm_assets.memory.files import read_memory
from gm_assets.walk.app import create_app
from gm_assets_tests.walk.studio import studio

pytestmark = pytest.mark.ui

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    library = studio(tmp_path_factory.mktemp("walk-ui") / "library")
    config = uvicorn.Config(create_app(library), port=0, log_level="warning")
    listener = config.bind_socket()
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", library.root
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("page_name", ["index", "chain", "asset", "sheet"])
def test_every_picture_is_drawn_and_nothing_overflows(
    site: tuple[str, Path], browser: Any, page_name: str, width: int
) -> None:
    address, root = site
    memory = read_memory(root / "seam-keeper_S4_frame.png").memory
    assert memory is not None
    urls = {
        "index": "/",
        "chain": "/chain/seam-keeper.g01",
        "asset": f"/asset/{memory.document_id}",
        "sheet": "/sheet",
    }
    page = browser.new_page(viewport={"width": width, "height": 900})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(address + urls[page_name])
    page.evaluate("document.querySelectorAll('img').forEach(i => { i.loading = 'eager' })")
    page.wait_for_load_state("networkidle")  # waiting for a script is what the policy forbids
    widths = page.evaluate("[...document.images].map(i => i.naturalWidth)")
    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    page.close()
    assert widths
    assert min(widths) > 0
    assert overflow <= 0
    assert complaints == []
