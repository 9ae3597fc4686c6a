"""Running the real `gm` in this process, and the small libraries that it runs on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gm_assets.cli.main import main


@dataclass(frozen=True)
class Result:
    """What a run of `gm` printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The JSON document on stdout."""
        return json.loads(self.out)


class Gm:
    """`gm` on one library: the folder is passed as `--library`."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self._capsys = capsys

    def __call__(self, *arguments: str | Path, code: int = 0) -> Result:
        """Run it and expect `code`."""
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main(["--library", str(self.root), *map(str, arguments)])
        printed = self._capsys.readouterr()
        result = Result(int(stopped.value.code or 0), printed.out, printed.err)
        assert result.code == code, result
        return result


def noise(path: Path, seed: int, size: tuple[int, int] = (40, 30)) -> Path:
    """A picture of random pixels that are the same for the same seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path
