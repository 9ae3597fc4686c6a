"""The walk over a real library: pages, JSON twins, pictures, files, refusals."""

from __future__ import annotations

import colorsys
import io
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

import gm_assets.walk
from gm_assets.errors import GmError
from gm_assets.identity import identify
from gm_assets.library import Library, ingest
from gm_assets.memory.files import read_memory, write_memory
from gm_assets.memory.record import Memory, mint_document_id, mint_instance_id
from gm_assets.walk import create_app, serve
from gm_assets_tests.walk.studio import HOSTILE, draw, studio

SKETCH, CLAY = "seam-keeper_S1_sketch.png", "seam-keeper_S3_clay.png"
MESH, ALTERED = "seam-keeper_S3_mesh.glb", "seam-keeper_S4_frame_2.png"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return studio(tmp_path_factory.mktemp("walk") / "library")


@pytest.fixture(scope="module")
def client(library: Library) -> Iterator[TestClient]:
    with TestClient(create_app(library), base_url="http://localhost") as client:
        yield client


def document_of(library: Library, name: str) -> str:
    memory = read_memory(library.root / name).memory
    assert memory is not None
    return memory.document_id


def content_of(library: Library, name: str) -> str:
    return identify(library.root / name).content_id


def get_json(client: TestClient, url: str) -> Any:
    answer = client.get(url)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_index_shows_chains_by_domain_with_their_gaps(client: TestClient) -> None:
    page = client.get("/").text
    assert page.index("figures") < page.index("seam-keeper.g01") < page.index("structures")
    assert "the photograph is lost" in page
    index = get_json(client, "/index.json")
    states = {
        chain["key"]: [stage["state"] for stage in chain["stages"]]
        for domain in index["domains"]
        for chain in domain["chains"]
    }
    assert states["seam-keeper.g01"] == ["present", "gap", "present", "present", "gap"]
    assert index["totals"]["quarantined"] == 1
    assert index["totals"]["altered"] == 1


def test_a_chain_shows_the_evidence_of_every_link_in_both_words(client: TestClient) -> None:
    chain = get_json(client, "/chain/seam-keeper.g01.json")
    links = {
        (row["link"]["role"], row["link"]["resolution"], row["link"]["basis"])
        for section in chain["sections"]
        for row in section["links"]
    }
    assert ("geometry", "resolved", "recorded") in links
    assert ("source", "absent", "asserted") in links
    assert ("style", "altered", "recorded") in links
    page = client.get("/chain/seam-keeper").text  # a bare name is the first generation
    assert "A gap: the photograph is lost" in page
    assert "no memory says why" in page
    assert "not in the library (S3)" in page


def test_an_asset_shows_memory_identity_family_and_history(
    client: TestClient, library: Library
) -> None:
    page = client.get(f"/asset/{document_of(library, MESH)}").text
    for text in (
        content_of(library, MESH),
        "horns wider than the pauldron",
        "the hand that steered",
        "&#34;prompt&#34;: &#34;bone, ash, pewter&#34;",
        "Seam-keeper, first lines",
        "download the model",
    ):
        assert text in page
    asset = get_json(client, f"/asset/{document_of(library, MESH)}.json")
    assert {row["child"]["title"] for row in asset["children"]} == {HOSTILE, "At the gate"}
    assert (asset["ancestors"], asset["descendants"]) == (1, 3)


def test_an_asset_is_found_by_its_content_and_lists_its_copies(
    client: TestClient, library: Library
) -> None:
    asset = get_json(client, f"/asset/{content_of(library, SKETCH)}?format=json")
    assert asset["document"]["document_id"] == document_of(library, SKETCH)
    paths = [file["path"] for file in asset["files"]]
    assert sorted(paths) == sorted(["copies/Zweite Kopie é.png", SKETCH])


def test_an_altered_asset_says_what_its_memory_states(client: TestClient, library: Library) -> None:
    asset = get_json(client, f"/asset/{document_of(library, ALTERED)}.json")
    stated = asset["files"][0]["stated_content_id"]
    assert asset["document"]["altered"] is True
    assert stated not in (None, content_of(library, ALTERED))
    assert stated in client.get(f"/asset/{document_of(library, ALTERED)}").text


def test_metadata_is_shown_as_text_and_nothing_may_run(
    client: TestClient, library: Library
) -> None:
    for url in ("/sheet", "/chain/seam-keeper.g01", f"/asset/{document_of(library, CLAY)}"):
        answer = client.get(url)
        assert "<script" not in answer.text
        assert "<img src=x" not in answer.text
        assert "&lt;script&gt;" in answer.text
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "script-src" not in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    title = get_json(client, f"/asset/{document_of(library, CLAY)}.json")["document"]["title"]
    assert title == HOSTILE


def test_pages_name_no_foreign_address(client: TestClient, library: Library) -> None:
    pages = [client.get(url).text for url in ("/", "/chain/seam-keeper", "/sheet", "/quarantine")]
    pages.append(client.get("/static/walk.css").text)
    pages.append(client.get(f"/asset/{document_of(library, SKETCH)}").text)
    for page in pages:
        references = re.findall(r"(?:src|href)=\"([^\"]*)\"|url\(([^)]*)\)", page)
        assert all(a.startswith(("/", "#")) and not a.startswith("//") for a, b in references if a)
        assert not any(b for _, b in references)


def test_the_interface_uses_no_red(client: TestClient) -> None:
    colours = re.findall(r"#([0-9a-f]{6}|[0-9a-f]{3})\b", client.get("/static/walk.css").text)
    assert len(colours) > 8
    for colour in colours:
        wide = colour if len(colour) == 6 else "".join(c * 2 for c in colour)
        red, green, blue = (int(wide[i : i + 2], 16) / 255 for i in (0, 2, 4))
        hue, _, saturation = colorsys.rgb_to_hls(red, green, blue)
        assert saturation < 0.25 or 25 / 360 < hue < 330 / 360, f"#{colour} is red"


def test_thumbnails_are_small_webp_pictures_of_pictures_and_models(
    client: TestClient, library: Library
) -> None:
    for name in (SKETCH, MESH):
        answer = client.get(f"/thumb/{content_of(library, name)}.webp")
        assert answer.headers["Content-Type"] == "image/webp"
        image = Image.open(io.BytesIO(answer.content))
        assert max(image.size) == 256
    large = client.get(f"/thumb/{content_of(library, MESH)}.webp?size=512")
    assert Image.open(io.BytesIO(large.content)).size == (512, 512)


def test_thumbnails_of_other_sizes_or_unknown_contents_are_refused(
    client: TestClient, library: Library
) -> None:
    known = content_of(library, SKETCH)
    assert client.get(f"/thumb/{known}.webp?size=257").status_code == 400
    assert client.get(f"/thumb/{known}.webp?size={'9' * 500}").status_code == 400
    assert client.get(f"/thumb/as:{'f' * 64}.webp").status_code == 404
    assert client.get("/thumb/nonsense.webp").status_code == 404


def test_files_are_served_by_content_and_models_as_a_download(
    client: TestClient, library: Library
) -> None:
    picture = client.get(f"/file/{content_of(library, SKETCH)}")
    assert picture.content == (library.root / SKETCH).read_bytes()
    assert picture.headers["Content-Type"] == "image/png"
    assert picture.headers["Content-Disposition"].startswith("inline")
    assert "sandbox" in picture.headers["Content-Security-Policy"]
    model = client.get(f"/file/{content_of(library, MESH)}")
    assert model.content == (library.root / MESH).read_bytes()
    assert model.headers["Content-Type"] == "model/gltf-binary"
    assert model.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize(
    "url",
    [
        "/file/..%2F..%2Fetc%2Fpasswd",
        "/file/gm.toml",
        "/thumb/..%2Fgm.toml.webp",
        "/static/..%2Fapp.py",
        "/static/../app.py",
    ],
)
def test_no_path_can_be_asked_for(client: TestClient, url: str) -> None:
    assert client.get(url).status_code == 404


def test_a_file_that_changed_since_the_scan_is_not_served(tmp_path: Path) -> None:
    library = Library.init(tmp_path / "library")
    path = library.root / "a.png"
    draw(path, 3)
    ingest(library)
    content = content_of(library, "a.png")
    with TestClient(create_app(library), base_url="http://localhost") as client:
        assert client.get(f"/file/{content}").status_code == 200
        outside = tmp_path / "secret.png"
        path.rename(outside)  # the same file, time and size, behind a link that leads outside
        path.symlink_to(outside)
        assert client.get(f"/file/{content}").status_code == 404
        path.unlink()
        draw(path, 4)
        answer = client.get(f"/file/{content}?format=json")
        assert answer.status_code == 404
        assert "gm ingest" in answer.json()["remedy"]


def test_a_new_generation_is_seen_without_a_restart(tmp_path: Path) -> None:
    library = Library.init(tmp_path / "library")
    with TestClient(create_app(library), base_url="http://localhost") as client:
        answer = client.get("/health")
        assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
        assert client.get("/").status_code == 503
        assert "Nothing here yet" in client.get("/").text
        assert "gm ingest" in client.get("/").text
        draw(library.root / "a.png", 1)
        ingest(library)
        assert client.get("/health").json()["documents"] == 1
        assert "No chain yet" in client.get("/").text
        draw(library.root / "b.png", 2)
        ingest(library)
        assert client.get("/health").json()["documents"] == 2
        assert get_json(client, "/sheet.json?unplaced=1")["total"] == 2


def test_two_documents_of_one_content_are_a_choice(tmp_path: Path) -> None:
    root = tmp_path / "library"
    library = Library.init(root)
    with (root / "gm.toml").open("a", encoding="utf-8") as config:
        config.write('\n[[place]]\nmatch = "{chain}/{stage}/{part}.{ext}"\n')
    library = Library.open(root)
    for chain in ("left-gate", "right-gate"):
        draw(root / chain / "S2" / "reference.png", 1)
    ingest(library)
    content = content_of(library, "left-gate/S2/reference.png")
    with TestClient(create_app(library), base_url="http://localhost") as client:
        choice = get_json(client, f"/asset/{content}?format=json")
        assert len(choice["documents"]) == 2
        assert "2 documents" in client.get(f"/asset/{content}").text
        asset = get_json(client, f"/asset/{choice['documents'][0]['document_id']}?format=json")
        assert len(asset["same_content"]) == 1


def test_long_lists_are_cut_into_pages(tmp_path: Path) -> None:
    library = Library.init(tmp_path / "library")
    for number in range(100):
        Image.new("RGB", (2, 2), (number, 0, 9)).save(library.root / f"{number:03d}.png")
    ingest(library)
    with TestClient(create_app(library), base_url="http://localhost") as client:
        first = get_json(client, "/sheet.json")
        last = get_json(client, "/sheet.json?page=99")
        assert (len(first["documents"]), len(last["documents"])) == (96, 4)
        assert last["page"] == {"number": 2, "count": 2}
        assert "page 1 of 2" in client.get("/sheet?page=nonsense").text


def test_quarantined_files_are_listed_with_reason_and_remedy(client: TestClient) -> None:
    page = client.get("/quarantine").text
    assert "inbox/broken.png" in page
    assert "truncated" in page


def test_what_is_not_here_is_said_in_the_form_asked_for(client: TestClient) -> None:
    for url in ("/chain/no-such-chain", "/chain/NOT A KEY", "/asset/xmp.did:none", "/nothing"):
        assert client.get(url).status_code == 404
        assert client.get(url, params={"format": "json"}).json()["error"]


def test_nothing_can_be_changed_and_other_hosts_are_refused(client: TestClient) -> None:
    assert client.post("/").status_code == 405
    assert client.delete("/asset/xmp.did:none").status_code == 405
    assert client.get("/", headers={"Host": "attacker.example"}).status_code == 400
    assert client.get("/", headers={"Host": "127.0.0.1:3001"}).status_code == 200


def test_a_port_in_use_is_a_clear_error(library: Library) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(GmError, match=r"in use.*--port"):
            serve(library, port=other.getsockname()[1])


def test_templates_and_style_are_part_of_the_package() -> None:
    folder = Path(gm_assets.walk.__file__).parent
    assert (folder / "static" / "walk.css").is_file()
    assert (folder / "templates" / "base.html").is_file()


def test_a_title_cannot_turn_the_order_of_what_is_read(tmp_path: Path) -> None:
    library = Library.init(tmp_path / "library")
    path = library.root / "a.png"
    draw(path, 1)
    identity = identify(path)
    document = mint_document_id("turned")
    write_memory(
        path,
        Memory(
            document_id=document,
            instance_id=mint_instance_id(document, identity.content_id),
            written=identity.written(),
            title="\u202egnp.exe",
        ),
    )
    ingest(library)
    with TestClient(create_app(library), base_url="http://localhost") as client:
        page = client.get(f"/asset/{document}").text
    assert "\\u202egnp.exe" in page and "\u202e" not in page
