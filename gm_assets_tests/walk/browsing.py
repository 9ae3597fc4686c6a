"""A walk on a real port and a real browser before it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from gm_assets.library import Library
from gm_assets.walk.app import create_app

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def served(library: Library) -> Iterator[str]:
    """Serve the walk over a library; gives its address."""
    config = uvicorn.Config(create_app(library), port=0, log_level="warning")
    listener = config.bind_socket()
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@contextmanager
def chromium() -> Iterator[Any]:
    """The system's Chromium; the test is skipped where there is none."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def look(browser: Any, url: str, width: int) -> None:
    """Open a page: every picture is drawn, nothing overflows, nothing is blocked."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(url)
    page.evaluate("document.querySelectorAll('img').forEach(i => { i.loading = 'eager' })")
    page.wait_for_load_state("networkidle")  # waiting for a script is what the policy forbids
    widths = page.evaluate("[...document.images].map(i => i.naturalWidth)")
    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    page.close()
    assert widths
    assert min(widths) > 0
    assert overflow <= 0
    assert complaints == []
