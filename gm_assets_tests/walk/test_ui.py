"""The walk in a real browser: pictures are drawn, nothing is blocked, nothing overflows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gm_assets.memory.files import read_memory
from gm_assets_tests.walk.browsing import chromium, look, served
from gm_assets_tests.walk.studio import studio

pytestmark = pytest.mark.ui


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    library = studio(tmp_path_factory.mktemp("walk-ui") / "library")
    with served(library) as address:
        yield address, library.root


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


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
    look(browser, address + urls[page_name], width)
