"""The search page over a gallery whose memories hold vectors of a tiny encoder."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

pytest.importorskip("lancedb")
pytest.importorskip("torch")

from gm_assets.encoding import open_encoder
from gm_assets.identity import identify
from gm_assets.library import Library
from gm_assets.walk import create_app
from gm_assets_tests.encoding.models import make_dual
from gm_assets_tests.finding.gallery import make_gallery
from gm_assets_tests.walk.browsing import chromium, look, served


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """The gallery, with the tiny encoder as the active one."""
    models = tmp_path_factory.mktemp("models")
    spec = make_dual(models / "encoder")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GM_PROFILE", "none")
        made = make_gallery(tmp_path_factory.mktemp("walk-find") / "library", open_encoder(spec))
        patch.setenv("GM_MODELS", str(models))
        patch.setenv("GM_PROFILE", "embedded")
        yield Library.open(made.root)


@pytest.fixture(scope="module")
def client(library: Library) -> Iterator[TestClient]:
    with TestClient(create_app(library), base_url="http://localhost") as client:
        yield client


def test_the_walk_of_the_command_line_finds_what_was_only_ingested(library: Library) -> None:
    shutil.rmtree(library.state / "vectors", ignore_errors=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gm_assets.cli.main", "walk", "-L", str(library.root)]
    with subprocess.Popen([*command, "--port", str(port)], stderr=subprocess.PIPE) as walk:
        try:
            found = _answer(f"http://127.0.0.1:{port}/find.json?q=seam+keeper", walk)
        finally:
            walk.terminate()
    assert found["found"]["hits"]


def _answer(url: str, server: subprocess.Popen[bytes]) -> dict[str, Any]:
    """The JSON at `url`, as soon as the server listens."""
    while server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError:
            raise
        except urllib.error.URLError:
            time.sleep(0.1)
    raise AssertionError(server.stderr and server.stderr.read())


def test_the_page_asks_before_anything_was_asked(client: TestClient) -> None:
    answer = client.get("/find")
    assert answer.status_code == 200
    assert 'name="q"' in answer.text and "hits" not in answer.text
    assert "form-action 'self'" in answer.headers["content-security-policy"]


def test_a_description_brings_hits_with_their_quality_and_their_family(client: TestClient) -> None:
    answer = client.get("/find.json", params={"q": "seam keeper clay", "stage": "S4"}).json()
    hits = answer["found"]["hits"]
    assert hits and all(place["stage"] == "S4" for hit in hits for place in hit["places"])
    assert all(-1 <= hit["cosine"] <= 1 for hit in hits)
    assert hits[0]["kin"]["chains"][0]["stages"][0]["stage"] == "S1"
    page = client.get("/find", params={"q": "seam keeper clay", "stage": "S4"})
    assert page.status_code == 200
    assert page.text.count('class="card"') == len(hits)
    assert 'class="gap"' in page.text  # the reference of one chain is missing, and shown so


def test_pictures_like_one_of_the_library_leave_it_out(
    client: TestClient, library: Library
) -> None:
    path = library.root / "seam-keeper" / "S4" / "frame.png"
    content = identify(path).content_id
    hits = client.get("/find.json", params={"like": content}).json()["found"]["hits"]
    assert hits and content not in {hit["content_id"] for hit in hits}
    assert content in client.get("/find", params={"like": content}).text


@pytest.mark.parametrize("like", ["../../etc/passwd", "/etc/passwd", "px:zz:1x1", "x" * 5000])
def test_an_address_never_names_a_file(client: TestClient, like: str) -> None:
    page = client.get("/find.json", params={"like": like})
    assert page.status_code == 200 and page.json()["found"] is None


def test_a_content_that_is_not_here_is_not_found(client: TestClient) -> None:
    answer = client.get("/find.json", params={"like": f"px:{'0' * 64}:1x1"})
    assert answer.status_code == 404 and "no such content" in answer.json()["error"]


def test_hostile_words_are_only_words(client: TestClient) -> None:
    answer = client.get("/find", params={"q": '<script>alert(1)</script> "spire', "not": "<b>"})
    assert answer.status_code == 200
    assert "<script>" not in answer.text


def test_without_a_model_the_page_says_what_to_do(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(library.root, tmp_path / "library")
    monkeypatch.setenv("GM_PROFILE", "studio")
    monkeypatch.setenv("GM_MODELS", str(tmp_path / "nothing"))
    with TestClient(
        create_app(Library.open(tmp_path / "library")), base_url="http://localhost"
    ) as c:
        answer = c.get("/find.json", params={"q": "a spire"})
    assert answer.status_code == 503
    assert "gm models pull" in answer.json()["remedy"]


@pytest.mark.ui
def test_a_search_in_the_browser_shows_its_hits_and_their_families(library: Library) -> None:
    with served(library) as address, chromium() as browser:
        for width in (390, 1440):
            look(browser, f"{address}/find?q=the+seam+keeper&not=snow", width)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{address}/find")
        page.fill("input[name=q]", "ring freighter above the seawall gate")
        page.select_option("select[name=stage]", "S4")
        page.click("button")
        page.wait_for_selector(".hits .card")
        assert "stage=S4" in page.url
        assert all("S4" in text for text in page.locator(".hits .note >> nth=0").all_inner_texts())
        page.close()
