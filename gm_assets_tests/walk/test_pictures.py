"""Derived pictures: kept by the hash of their bytes, served by that name and no other."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from gm_assets.errors import LibraryError, NotFound
from gm_assets.library import Library, pictures
from gm_assets.library.pictures import keep_picture, kept_picture
from gm_assets.walk import create_app


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.init(tmp_path / "library")


@pytest.fixture
def client(library: Library) -> TestClient:
    return TestClient(create_app(library), base_url="http://localhost")


def sheet(grey: int = 90) -> Image.Image:
    return Image.new("RGB", (40, 30), (grey, grey, grey))


def test_a_kept_picture_is_served_under_the_hash_of_its_bytes(
    library: Library, client: TestClient
) -> None:
    name = keep_picture(library, sheet())
    answer = client.get(f"/picture/{name}.webp")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/webp"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert hashlib.sha256(answer.content).hexdigest() == name
    assert Image.open(io.BytesIO(answer.content)).size == (40, 30)


def test_the_same_picture_is_kept_once(library: Library) -> None:
    assert keep_picture(library, sheet()) == keep_picture(library, sheet())
    assert len(list((library.state / "pictures").iterdir())) == 1


@pytest.mark.parametrize(
    "name",
    ["..%2f..%2fgm.toml", "%2e%2e%2fstore%2fCURRENT", "A" * 64, "0" * 63, f"{'0' * 64}%0a", "%00"],
)
def test_no_other_name_reaches_a_file(library: Library, client: TestClient, name: str) -> None:
    keep_picture(library, sheet())
    answer = client.get(f"/picture/{name}.webp")
    assert answer.status_code == 404
    assert b"[library]" not in answer.content


def test_a_picture_that_is_gone_says_what_brings_it_back(
    library: Library, client: TestClient
) -> None:
    answer = client.get(f"/picture/{'0' * 64}.webp", params={"format": "json"})
    assert answer.status_code == 404
    assert "Materialize" in answer.json()["remedy"]
    with pytest.raises(ValueError, match="not the name"):
        kept_picture(library, "../gm.toml")
    with pytest.raises(NotFound):
        kept_picture(library, "0" * 64)


def test_the_oldest_pictures_go_first(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "KEPT", 2)
    names = []
    for grey in (10, 20, 30):
        names.append(keep_picture(library, sheet(grey)))
        if len(names) < 3:
            os.utime(kept_picture(library, names[-1]), (grey, grey))
    with pytest.raises(NotFound):
        kept_picture(library, names[0])
    assert kept_picture(library, names[1]).is_file() and kept_picture(library, names[2]).is_file()


def test_a_folder_that_cannot_be_written_is_an_error_with_a_remedy(library: Library) -> None:
    library.state.mkdir(exist_ok=True)
    (library.state / "pictures").write_text("in the way")
    with pytest.raises(LibraryError, match="GM_STATE"):
        keep_picture(library, sheet())
