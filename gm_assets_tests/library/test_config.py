"""gm.toml: what it may say, and how mistakes in it are reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from gm_assets.errors import LibraryError
from gm_assets.library import Library
from gm_assets.library.config import config_text, parse_config

WHERE = Path("/library/gm.toml")


def parsed(text: str):
    return parse_config(text.encode(), where=WHERE)


def test_an_empty_file_means_a_managed_library_named_after_its_folder() -> None:
    config = parsed("")
    assert (config.name, config.managed, config.settle_seconds) == ("library", True, 10.0)
    assert config.places == ()


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[library]\nmanged = true\n", 2, "Did you mean `managed`?"),
        ("[library]\nname = 3\n", 2, "a text in quotes"),
        ('[library]\nmanaged = "yes"\n', 2, "true or false"),
        ("\n[library]\nsettle_seconds = -1\n", 3, "between 0 and 86400"),
        ("[library]\nsettle_seconds = true\n", 2, "a number"),
        ("colour = 1\n", 1, "unknown key `colour`"),
        ('[encoder]\nprofile = "cloud"\n', 2, "not one of embedded, studio, none"),
        ("[encoder]\nruntime = 8\n", 2, "a text in quotes"),
        ('[encoder]\nmodel = "x"\n', 2, "unknown key `model`"),
        ("[libary]\n", 1, "Did you mean `library`?"),
        ('[[folder]]\npath = "../out"\nmanaged = true\n', 2, "inside the library"),
        ('[[folder]]\npath = "a"\n', 1, "needs `managed`"),
        ('[[folder]]\nmanaged = true\npath = "a"\nglob = "b"\n', 1, "either `path` or `glob`"),
        ('[[place]]\nmatch = "{chian}/{stage}/{part}"\n', 2, "`chian`"),
        ('[[place]]\nmatch = "{chain}/{stage}/x.{ext}"\n', 2, "nothing about part"),
        ('[[place]]\nregex = "("\nchain = "a"\n', 2, "not a valid pattern"),
        ('[[place]]\nmatch = "{chain"\nstage = "S1"\npart = "x"\n', 2, "without its partner"),
        (
            '[[place]]\nmatch = "{chain}/{stage}/{part}"\n[[place]]\nmatch = "a"\nstage = "S9"\n',
            5,
            "S1, S2, S3, S4 or S5",
        ),
        ('[[place]]\nmatch = "{chain}"\nstage = "S1"\npart = "Not A Slug"\n', 4, "a slug"),
        ('[[place]]\nmatch = "{chain}"\nstages = { a = "S7" }\npart = "b"\n', 3, "must map names"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_what_to_do(text: str, line: int, words: str) -> None:
    with pytest.raises(LibraryError) as caught:
        parsed(text)
    assert caught.value.where == f"{WHERE}:{line}"
    assert words in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize("text", ["[library", "a = \x00", "[library]\nname = 'a'\nname = 'b'"])
def test_what_is_not_toml_is_refused_with_the_parser_s_words(text: str) -> None:
    with pytest.raises(LibraryError, match="not valid TOML"):
        parsed(text)


def test_the_first_folder_that_matches_says_whether_it_is_managed() -> None:
    config = parsed(
        '[[folder]]\npath = "in/ours"\nmanaged = true\n'
        '[[folder]]\npath = "in"\nmanaged = false\n'
        '[[folder]]\nglob = "shots/*/plates"\nmanaged = false\n'
    )
    managed = ["in/ours/a.png", "in.png", "into/a.png", "shots/plates/a.png", "a.png"]
    unmanaged = ["in/a.png", "in/ours2/a.png", "shots/010/plates/deep/a.png"]
    assert [config.manages(path) for path in managed] == [True] * 5
    assert [config.manages(path) for path in unmanaged] == [False] * 3


@pytest.mark.parametrize("managed", [True, False])
def test_what_init_writes_is_a_valid_configuration(managed: bool) -> None:
    config = parsed(config_text('A "quoted" \\ name\n', managed))
    assert config.managed is managed
    assert config.name == 'A "quoted" \\ name '


def test_a_folder_without_gm_toml_is_no_library(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="gm init"):
        Library.open(tmp_path)


def test_init_refuses_a_library_and_a_folder_inside_one(tmp_path: Path) -> None:
    library = Library.init(tmp_path / "library")
    with pytest.raises(LibraryError, match="already"):
        Library.init(library.root)
    with pytest.raises(LibraryError, match="inside the library"):
        Library.init(library.root / "deeper")


def test_paths_outside_are_refused_and_inside_ones_are_relative(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (library.root / "a").mkdir()
    picture = library.root / "a" / "x.png"
    picture.touch()
    assert library.relative(picture) == "a/x.png"
    assert library.relative("a/x.png") == "a/x.png"
    monkeypatch.chdir(library.root / "a")
    assert library.relative("x.png") == "a/x.png"
    assert library.relative("..") == ""
    with pytest.raises(LibraryError, match="--copy-to"):
        library.relative(library.root / "a/../../elsewhere.png")
    with pytest.raises(LibraryError, match="dot"):
        library.relative(library.root / ".gm/thumbs/a.webp")
    with pytest.raises(LibraryError, match="UTF-8"):
        library.relative(library.root / "caf\udce9.png")


def test_a_library_behind_a_symbolic_link_is_the_same_library(
    library: Library, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(library.root)
    through = Library.open(tmp_path / "link")
    assert through.relative(library.root / "x.png") == "x.png"
    assert library.relative(tmp_path / "link" / "x.png") == "x.png"


def test_the_examples_in_the_documentation_are_valid_and_do_what_they_say() -> None:
    text = (Path(__file__).parents[2] / "docs" / "library.md").read_text()
    first, second = (parsed(block.split("```")[0]) for block in text.split("```toml\n")[1:])
    assert not first.manages("from-clients/a.png") and first.manages("a.png")
    ruling = first.places[1].place("sketches/2026/gate_v2.png")
    assert ruling is not None and ruling.domain == "figures"
    assert (ruling.placement.chain, ruling.placement.variant) == ("gate", "v2")
    plate = second.places[0].place("plates/gate.g02/left.0007.png")
    assert plate is not None
    assert (plate.placement.stage, plate.placement.key) == ("S4", "gate.g02")
    clay = second.places[1].place("gate/clay.png")
    assert clay is not None and clay.placement.primary
