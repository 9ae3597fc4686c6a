"""docs/cli.md is true to the program: commands, options, JSON keys, exit codes."""

from __future__ import annotations

import re
from pathlib import Path

import typer.main

from gm_assets import errors
from gm_assets.cli.main import app
from gm_assets_tests.cli.gm import Gm

TEXT = (Path(__file__).parents[2] / "docs" / "cli.md").read_text("utf-8")
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def section(title: str) -> str:
    """The text below a heading up to the next of its level."""
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_every_command_is_in_the_table_and_no_other() -> None:
    table = TEXT.partition("\n## ")[0]
    assert set(re.findall(r"\| \[`gm (\w+)`\]", table)) == set(COMMANDS)


def test_advice_and_documents_name_commands_that_exist() -> None:
    """In code `gm X` stands in backquotes, in advice without them as often."""
    root = Path(__file__).parents[2]
    sources = [*root.glob("*.md"), *root.glob("docs/*.md"), *root.glob("gm_assets/**/*.py")]
    named = {
        (path.name, word)
        for path in sources
        for word in re.findall(
            r"(?:`|^|[:;,(] ?|or |with |Run )gm ([a-z]+)\b", path.read_text("utf-8"), re.M
        )
    }
    assert len(named) > 50
    assert not {(name, word) for name, word in named if word not in COMMANDS}


def test_every_option_is_described() -> None:
    everywhere = {"--library", "--json", "--help"}
    for name, command in COMMANDS.items():
        usage = re.findall(rf"^gm {name}\b.*(?:\n {{9}}.*)*", TEXT, re.MULTILINE)
        assert usage, name
        for parameter in command.params:
            names = {*parameter.opts, *parameter.secondary_opts}
            if parameter.param_type_name == "option" and not names & everywhere:
                assert any(option in usage[0] for option in names), (name, names)


def test_the_exit_codes_are_those_of_the_errors() -> None:
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", TEXT, re.MULTILINE)}
    family = [value for value in vars(errors).values() if isinstance(value, type)]
    assert {error.exit_code for error in family if issubclass(error, errors.GmError)} < codes


def test_the_keys_of_the_json_are_named(family: Gm) -> None:
    for title, arguments in (
        ("gm ingest", ("ingest",)),
        ("gm show", ("show", "plate.jpg")),
        ("gm chain and gm chains", ("chain", "seam-keeper")),
        ("gm rebuild", ("rebuild",)),
        ("gm check", ("check",)),
        ("gm doctor", ("doctor",)),
    ):
        document = family(*arguments, "--json").json
        report = document.get("report", {})
        first = next((v[0] for v in document.values() if isinstance(v, list) and v), {})
        described = section(title)
        for key in (*document, *report, *(first if isinstance(first, dict) else ())):
            assert f"`{key}`" in described or f'"{key}"' in described, (title, key)
