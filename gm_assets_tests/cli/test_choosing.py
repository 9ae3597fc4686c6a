"""Which library a command works on, and what long work says where no terminal is."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gm_assets.cli import output
from gm_assets.cli.main import main
from gm_assets.library import Library, Progress
from gm_assets.memory.files import read_memory
from gm_assets_tests.cli.gm import Gm, noise


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    """Run `gm` without `--library`; its JSON."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main([*arguments, "--json"])
    assert not stopped.value.code
    return json.loads(capsys.readouterr().out)


def test_the_files_named_choose_the_library(
    gm: Gm, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "elsewhere" / "project"
    Library.init(other)
    path = noise(other / "deep" / "a.png", 1)
    monkeypatch.setenv("GM_LIBRARY", str(gm.root))
    assert run(capsys, "ingest", str(path.parent))["library"] == str(other)
    assert read_memory(path).memory is not None
    assert run(capsys, "show", str(path))["lineage"] is not None
    placed = run(capsys, "place", str(path), "--chain", "pier", "--stage", "S2")
    assert placed["library"] == str(other)
    assert run(capsys, "ingest")["library"] == str(gm.root)


def test_files_from_outside_do_not_choose_where_they_are_copied_to(
    gm: Gm, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Library.init(tmp_path / "other")
    path = noise(tmp_path / "other" / "a.png", 1)
    monkeypatch.setenv("GM_LIBRARY", str(gm.root))
    assert run(capsys, "ingest", str(path), "--copy-to", "inbox")["library"] == str(gm.root)
    assert (gm.root / "inbox" / "a.png").is_file()


def test_a_working_folder_in_a_library_is_that_library(
    gm: Gm, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    below = tmp_path / "elsewhere" / "project" / "deep"
    Library.init(below.parent)
    noise(below / "a.png", 1)
    monkeypatch.chdir(below)
    assert run(capsys, "ingest")["library"] == str(below.parent)


def test_a_log_gets_a_line_for_each_chain_made_and_few_for_files(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with output.progress_bar() as progress:
        assert progress is not None
        progress(Progress(1, 2, 0, "arch", "make"))
        progress(Progress(2, 2, 0, "gate", "make"))
        for number in range(100):
            progress(Progress(number, 100, 0, "a.png", "read"))
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["making: 1 of 2 (arch)", "making: 2 of 2 (gate)"]


def test_an_interrupted_command_says_that_it_can_go_on(gm: Gm) -> None:
    for seed in range(60):
        noise(gm.root / f"{seed}.png", seed, (900, 700))
    process = subprocess.Popen(
        [sys.executable, "-m", "gm_assets.cli.main", "ingest", str(gm.root)],
        stderr=subprocess.PIPE,
        text=True,
        # Test runners in the background start their children with SIGINT ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    while read_memory(gm.root / "0.png").memory is None:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert "interrupted" in process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert gm("ingest", "--json").json["report"]["counts"]["quarantined"] == 0
