"""ExifTool, the independent reader of our XMP: a current one from npm, in `.cache`.

Debian's 12.57 does not know the IPTC 2025.1 properties (13.40 is the first that does).
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

VERSION = "13.58.0"
_PREFIX = Path(__file__).parents[2] / ".cache" / "exiftool"
_PROGRAM = _PREFIX / "node_modules" / "exiftool-vendored.pl" / "bin" / "exiftool"


@dataclass(frozen=True)
class ExifTool:
    """A working ExifTool."""

    command: tuple[str, ...]

    def __call__(self, *arguments: str | Path) -> str:
        """Run it; its stdout."""
        done = subprocess.run(
            [*self.command, *map(str, arguments)], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def read(self, file: Path) -> dict[str, Any]:
        """Everything in the file's XMP, with structures, by `group:tag`."""
        (found,) = json.loads(self("-json", "-struct", "-G1", "-XMP:all", file))
        return found


@pytest.fixture(scope="session")
def exiftool() -> ExifTool:
    """The pinned ExifTool, installed by npm into `.cache` on first use."""
    if shutil.which("perl") is None:
        pytest.skip("perl is not installed: ExifTool cannot run")
    if not _PROGRAM.exists():
        if shutil.which("npm") is None:
            pytest.skip("npm is not installed: ExifTool cannot be fetched")
        package = f"exiftool-vendored.pl@{VERSION}"
        options = ("--silent", "--no-audit", "--no-fund", "--prefix", str(_PREFIX))
        done = subprocess.run(["npm", "install", *options, package], capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"npm could not install {package}: {done.stderr.strip()[-200:]}")
    return ExifTool(("perl", str(_PROGRAM)))
