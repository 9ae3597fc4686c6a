"""The program itself: help, version, settings, errors, doctor, and its speed of import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gm_assets.errors import GmError
from gm_assets.memory.files import read_memory, write_memory
from gm_assets.settings import Settings, available_cpus
from gm_assets_tests.cli.gm import Gm, noise

HEAVY = ("lxml", "pydantic", "numpy", "duckdb", "pyarrow", "PIL", "dagster", "starlette", "scipy")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gm_assets.cli.main", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=120,
    )


def test_help_lists_the_commands_and_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom gm_assets.cli.main import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []", done.stderr
    for command in ("init", "demo", "ingest", "place", "revise", "show", "chain", "chains"):
        assert f" {command} " in done.stdout


def test_version_and_usage_errors() -> None:
    assert run("--version").stdout.startswith("gm_assets ")
    wrong = run("chains", "--nonsense")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "--nonsense" in wrong.stderr
    assert run("nothing").returncode == 2


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("show", "--json"), "Missing argument 'file'."),
        (("chains", "--nonsense", "--json"), "No such option: --nonsense"),
        (("nothing", "--json"), "No such command 'nothing'."),
        (("ingest", "--workers", "0", "--json"), "Invalid value for '--workers'"),
    ],
)
def test_wrong_usage_is_a_document_where_json_was_asked(
    arguments: tuple[str, ...], what: str
) -> None:
    wrong = run(*arguments)
    error = json.loads(wrong.stdout)["error"]
    assert wrong.returncode == error["exit_code"] == 2
    assert error["error"] == "UsageError" and what in error["what"]
    assert "Usage: gm" in wrong.stderr


def test_a_reader_that_has_gone_ends_a_command_without_a_word() -> None:
    command = [sys.executable, "-m", "gm_assets.cli.main", "vocab", "check", "--json"]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_pipe_that_breaks_elsewhere_is_an_error_like_any_other() -> None:
    code = (
        "from gm_assets.cli.main import app, main\n"
        "@app.command()\n"
        "def burst() -> None:\n"
        "    raise BrokenPipeError(32, 'Broken pipe')\n"
        "main(['burst'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "gm: Broken pipe" in done.stderr and "gm doctor" in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_offered(shell: str) -> None:
    assert "gm" in run("--show-completion", shell).stdout


def test_an_error_is_one_message_and_with_debug_a_traceback(tmp_path: Path) -> None:
    plain = run("--library", str(tmp_path), "chains")
    assert plain.returncode == 6
    assert plain.stdout == ""
    assert plain.stderr.splitlines() == [
        f"gm: {tmp_path}: this folder is not a library: it has no gm.toml",
        "    Make it one with `gm init`, or name another with --library or GM_LIBRARY",
    ]
    debug = run("--debug", "--library", str(tmp_path), "chains")
    assert "Traceback" in debug.stderr
    document = json.loads(run("--library", str(tmp_path), "chains", "--json").stdout)
    assert document["error"] == {
        "error": "LibraryError",
        "what": "this folder is not a library: it has no gm.toml",
        "where": str(tmp_path),
        "remedy": "Make it one with `gm init`, or name another with --library or GM_LIBRARY",
        "exit_code": 6,
    }


def test_the_library_comes_from_option_or_environment(gm: Gm, tmp_path: Path) -> None:
    noise(gm.root / "a.png", 1)
    gm("ingest")
    assert run("chains", GM_LIBRARY=str(gm.root)).returncode == 0
    assert run("chains", GM_LIBRARY=str(tmp_path)).returncode == 6
    assert run("chains", "--library", str(gm.root), GM_LIBRARY=str(tmp_path)).returncode == 0


def test_a_name_that_is_not_utf8_is_printed_as_an_escape(gm: Gm) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    try:
        (gm.root / name).write_bytes(b"")
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    assert "caf\\xe9.png" in gm("ingest").out
    assert gm("ingest", "--json").json["report"]["unchanged"] == 1


def test_names_and_titles_cannot_drive_the_terminal_or_forge_lines(gm: Gm) -> None:
    path = gm.root / "a\x1b[2J\nb\u202egnp.png"
    noise(path, 1)
    gm("ingest")
    memory = read_memory(path).memory
    assert memory is not None
    write_memory(path, memory.model_copy(update={"title": "x\u200f\u2028y\x9b", "rights": "r\x85"}))
    broken = gm.root / "c\x1b]0;t\x07\nd.png"
    broken.write_bytes(b"")
    done = [gm("ingest"), gm("show", path), gm("check", code=10), gm("show", broken, code=3)]
    printed = "".join(result.out + result.err for result in done)
    assert not set(printed) & set("\x1b\x07\x85\x9b\u200f\u202e\u2028")
    assert "a\\x1b[2J" in printed and "\\u202egnp.png" in printed and "x\\u200f\\u2028y" in printed
    assert not [line for line in printed.split("\n") if line.startswith(("b\\u202e", "d.png"))]


def test_output_in_an_ascii_locale_is_escaped_not_fatal(gm: Gm) -> None:
    noise(gm.root / "é.png", 1)
    ascii_only = {"PYTHONIOENCODING": "ascii", "GM_LIBRARY": str(gm.root)}
    done = run("ingest", "--dry-run", "--json", **ascii_only)
    (outcome,) = json.loads(done.stdout)["report"]["outcomes"]
    assert outcome["path"] == "é.png"
    assert "\\xe9.png" in run("show", str(gm.root / "é.png"), **ascii_only).stdout


def test_doctor_finds_a_sound_library_sound(family: Gm) -> None:
    report = family("doctor", "--json").json
    findings = {finding["topic"]: finding for finding in report["findings"]}
    assert report["problems"] == 0
    assert findings["store"]["detail"].endswith("2 files, 2 documents")
    assert findings["profile"]["detail"] == "none"
    assert findings["walk"]["state"] in ("note", "ok")
    assert "ok" in family("doctor").out


def test_doctor_names_what_is_wrong_and_what_to_do(
    gm: Gm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (gm.root / "bad.png").write_bytes(b"")
    gm("ingest")
    findings = {f["topic"]: f for f in gm("doctor", "--json").json["findings"]}
    assert (findings["quarantine"]["state"], findings["quarantine"]["detail"]) == ("note", "1")
    part = next((gm.root / ".gm" / "store" / "parts").glob("quarantine-*"))
    part.write_bytes(b"damaged")
    broken = gm("doctor", "--json", code=10).json
    assert [f["topic"] for f in broken["findings"] if f["state"] == "problem"] == ["store"]
    monkeypatch.setenv("GM_PROFILE", "cloud")
    settings = {f["topic"]: f for f in gm("doctor", "--json", code=10).json["findings"]}
    assert "cloud" in settings["settings"]["detail"]


def test_settings_have_defaults_and_read_the_environment() -> None:
    assert Settings.from_environment({}) == Settings(workers=available_cpus())
    chosen = Settings.from_environment(
        {
            "GM_LIBRARY": "/data/lib",
            "GM_WALK_URL": "http://studio:3001/",
            "GM_PROFILE": "studio",
            "GM_WORKERS": "3",
        }
    )
    assert chosen == Settings(Path("/data/lib"), "http://studio:3001", "studio", 3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GM_WORKERS", "0"),
        ("GM_WORKERS", "many"),
        ("GM_PROFILE", "cloud"),
        ("GM_WALK_URL", "walk:3001"),
        ("GM_WALK_URL", "file:///etc"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(GmError) as refused:
        Settings.from_environment({name: value})
    assert refused.value.where == name
    assert refused.value.remedy
