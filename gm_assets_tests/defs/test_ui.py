"""The Dagster UI in headless Chromium: pictures without a click, a gap that is seen."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from gm_assets.defs.labels.jobs import describe_library
from gm_assets.defs.resources import LibraryResource
from gm_assets.defs.stages.jobs import verify_chains
from gm_assets.library import Library
from gm_assets_tests.defs import small

pytestmark = pytest.mark.ui

CHROMIUM = "/usr/bin/chromium"
CHECKOUT = Path(__file__).parents[2]
SEAM = "seam-keeper.g01"
PATIENCE_MS = 30_000


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[str]:
    """A recorded and labelled small library, its walk and its Dagster UI; the UI's address."""
    folder = tmp_path_factory.mktemp("ui")
    with pytest.MonkeyPatch.context() as active:
        active.setenv("GM_PROFILE", "embedded")
        active.setenv("GM_MODELS", str(models / "first"))
        active.chdir(folder)  # Dagster reads the .env of its folder; `gm up` leaves one here
        library = small.make(folder / "library")
        yield from _served(folder, library)


def _served(folder: Path, library: Library) -> Iterator[str]:
    walk, port = _free_port(), _free_port()
    home = folder / "dagster_home"
    home.mkdir()
    shutil.copyfile(CHECKOUT / "dagster.yaml", home / "dagster.yaml")
    resource = LibraryResource(root=str(library.root), walk_url=f"http://127.0.0.1:{walk}")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        for job in (verify_chains, describe_library):
            job.execute_in_process(instance=instance, resources={"library": resource})
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(home),
        "GM_LIBRARY": str(library.root),
        "GM_WALK_URL": resource.walk_url,
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }
    binaries = Path(sys.executable).parent
    commands = [
        [sys.executable, "-m", "gm_assets.cli.main", "walk", "--port", str(walk)],
        [
            str(binaries / "dagster-webserver"),
            *("--workspace", str(CHECKOUT / "workspace.yaml"), "--host", "127.0.0.1"),
            *("--port", str(port)),
        ],
    ]
    with _running(commands, environment, folder):
        _wait_for(f"http://127.0.0.1:{walk}/health")
        _wait_for(f"http://127.0.0.1:{port}/server_info")
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def page(ui: str) -> Iterator[object]:
    """A browser page of a size that shows a whole partition."""
    from playwright.sync_api import sync_playwright

    if not Path(CHROMIUM).exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser.new_page(viewport={"width": 1500, "height": 1100})
        browser.close()


def test_the_picture_of_a_stage_shows_without_a_click(ui: str, page) -> None:  # type: ignore[no-untyped-def]
    page.goto(f"{ui}/assets/s3_sculpt?view=partitions&partition={SEAM}")
    picture = page.locator("img[alt*='S3']").first
    picture.wait_for(timeout=PATIENCE_MS)
    page.wait_for_function(
        "() => document.querySelector(\"img[alt*='S3']\").complete", timeout=PATIENCE_MS
    )
    assert picture.evaluate("image => image.naturalWidth") > 0


def test_labels_show_the_best_pictures_of_a_facet_without_a_click(ui: str, page) -> None:  # type: ignore[no-untyped-def]
    page.goto(f"{ui}/assets/labels?view=partitions&partition=lights")
    sheet = page.locator("img[alt*='best pictures']").first
    sheet.wait_for(timeout=PATIENCE_MS)
    page.wait_for_function(
        "() => document.querySelector(\"img[alt*='best pictures']\").complete",
        timeout=PATIENCE_MS,
    )
    assert sheet.evaluate("image => image.naturalWidth") > 500


def test_a_gap_is_shown_as_missing(ui: str, page) -> None:  # type: ignore[no-untyped-def]
    page.goto(f"{ui}/assets/s2_reference?view=partitions&partition={SEAM}")
    page.get_by_text(SEAM).first.wait_for(timeout=PATIENCE_MS)
    page.get_by_text("Missing").first.wait_for(timeout=PATIENCE_MS)
    assert page.locator("img[alt*='S2']").count() == 0


def test_the_graph_names_every_stage(ui: str, page) -> None:  # type: ignore[no-untyped-def]
    page.goto(f"{ui}/asset-groups/~/s3_sculpt")
    for name in ("s1_sketch", "s2_reference", "s3_sculpt", "s4_generative", "s5_structure"):
        page.get_by_text(name, exact=True).first.wait_for(timeout=PATIENCE_MS)


@contextmanager
def _running(
    commands: list[list[str]], environment: dict[str, str], folder: Path
) -> Iterator[None]:
    running = []
    try:
        for number, command in enumerate(commands):
            with (folder / f"{number}.log").open("wb") as log:
                running.append(
                    subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
                )
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)
