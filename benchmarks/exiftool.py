"""The ExifTool that the tests use as the independent reader (npm `exiftool-vendored.pl`)."""

from __future__ import annotations

import subprocess
from pathlib import Path

CACHE = Path(__file__).parent.parent / ".cache" / "exiftool"
_PACKAGE = "exiftool-vendored.pl"


def command() -> list[str]:
    """`perl .../exiftool`; installs it where it is not there yet.

    Raises:
        subprocess.CalledProcessError: npm failed.
    """
    script = CACHE / "node_modules" / _PACKAGE / "bin" / "exiftool"
    if not script.is_file():
        install = ["npm", "install", "--silent", "--no-audit", "--prefix", str(CACHE), _PACKAGE]
        subprocess.run(install, check=True)
    return ["perl", str(script)]
