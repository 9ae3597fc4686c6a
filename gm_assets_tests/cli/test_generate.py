"""`gm generate`: what it prints, and how it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from gm_assets.identity import identify
from gm_assets_tests.cli.gm import Gm
from gm_assets_tests.making.studio import make_leash, make_library


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models whose leash has random weights."""
    folder = tmp_path_factory.mktemp("models")
    make_leash(folder / "leash")
    return folder


@pytest.fixture
def gm(
    tmp_path: Path,
    weights: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Gm:
    """`gm` on the chains `watcher` and `gate`; the profile `embedded` has random weights."""
    for name in ("GM_LIBRARY", "GM_STATE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GM_MODELS", str(weights))
    monkeypatch.setenv("GM_WORKERS", "1")
    return Gm(make_library(tmp_path / "library").root, capsys)


QUICK = ("--profile", "embedded", "--size", "128", "--steps", "2")


def test_frames_are_listed_with_hashes_and_measures(gm: Gm) -> None:
    document = gm("generate", "watcher", *QUICK, "--seed", "3", "--seed", "4", "--json").json
    assert (document["chain"], document["stage"], document["plan"]) == ("watcher.g01", "S4", None)
    assert [(frame["seed"], frame["made"]) for frame in document["frames"]] == [
        (3, True),
        (4, True),
    ]
    for frame in document["frames"]:
        identity = identify(gm.root / frame["path"])
        assert identity.content_id == frame["content_id"]
        assert identity.pixel_hash == frame["pixel_hash"]
        assert identity.stream_hash == frame["stream_hash"]
        assert 0 <= frame["silhouette_iou"] <= 1 and 0 <= frame["null"] <= 1
        assert frame["verdict"] == frame["obedience"]["verdict"]
    assert len(document["passes"]) == 4
    again = gm("generate", "watcher", *QUICK, "--seed", "3")
    assert "0 frames made, 1 verified" in again.out


def test_a_dry_run_writes_nothing(gm: Gm) -> None:
    before = sorted(gm.root.rglob("*.png"))
    document = gm(
        "generate", "watcher", *QUICK, "--views", "hero,front", "--dry-run", "--json"
    ).json
    assert document["dry_run"] is True and document["obstacle"] is None
    assert [(frame["view"], frame["path"]) for frame in document["frames"]] == [
        ("hero", None),
        ("front", None),
    ]
    assert sorted(gm.root.rglob("*.png")) == before
    assert (
        "2 to be made"
        in gm("generate", "watcher", *QUICK, "--views", "hero,front", "--dry-run").out
    )


def test_words_that_mean_nothing_to_the_model_are_named(gm: Gm) -> None:
    result = gm("generate", "watcher", *QUICK, "--prompt", "a zeppelin at night")
    assert "does not understand: " in result.err and "zeppelin" in result.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("generate", "nobody"), 8, "no file of that chain is in the catalogue"),
        (("generate", "gate", "--stage", "S2"), 8, "Nothing was drawn"),
        (("generate", "watcher", "--stage", "S5"), 8, "no stage that can be made"),
        (("generate", "watcher", "--size", "big"), 1, "no size of a frame"),
        (("generate", "watcher", "--views", "sideways"), 1, "there is no view 'sideways'"),
        (("generate", "watcher", "--frame", "storm"), 8, "the plan has no frame 'storm'"),
        (("generate", "watcher", "--profile", "cloud"), 9, "is not a profile"),
        (("generate", "watcher", "--profile", "none"), 9, "switched off"),
        (("generate", "watcher", "--profile", "studio"), 9, ""),
    ],
)
def test_what_cannot_be_made_is_refused_with_a_remedy(
    gm: Gm, arguments: tuple[str, ...], code: int, said: str
) -> None:
    more = () if "--profile" in arguments else ("--profile", "embedded")
    result = gm(*arguments, *more, code=code)
    assert said in result.err
    assert len(result.err.strip().splitlines()) == 2, result.err
    assert not (gm.root / "watcher/frames").exists()


def test_a_broken_plan_is_refused_with_its_line(gm: Gm) -> None:
    (gm.root / "plans").mkdir()
    (gm.root / "plans/watcher.yaml").write_text("prompt: a\nsceds: 4\n")
    result = gm("generate", "watcher", *QUICK, "--json", code=4)
    assert result.json["error"]["where"].endswith("plans/watcher.yaml:2:1")
    assert "Did you mean `seeds`?" in result.json["error"]["remedy"]
