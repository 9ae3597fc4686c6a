"""What a materialization of a model shows: its folder, what it learned from, and the curve."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from gm_assets.errors import GmError

if TYPE_CHECKING:
    from gm_assets.defs.resources import LibraryResource

#: Seconds between two lines of progress; every line is an event in Dagster's database.
INTERVAL_S = 60.0
#: What a sealed model folder states of its files, and the learning curve beside them.
SEAL, CURVE = "SHA256SUMS", "curve.png"


class Progress:
    """Progress of a training as lines in the log of a run: each phase once, then now and then."""

    def __init__(self, log: dg.DagsterLogManager) -> None:
        self._log = log
        self._phase = ""
        self._due = 0.0

    def __call__(self, phase: str, done: int, total: int, current: str) -> None:
        """Take what a training tells: its phase, how far it is, and of what."""
        if phase == self._phase and time.monotonic() < self._due:
            return
        self._phase, self._due = phase, time.monotonic() + INTERVAL_S
        self._log.info(f"{phase}: {done:,} of {total:,}, {current}")


def model_result(
    folder: str,
    samples: Mapping[str, int],
    cpu_seconds: int,
    library: LibraryResource,
    figures: Mapping[str, dg.MetadataValue],
) -> dg.MaterializeResult:
    """The record of a finished training.

    Its data version is the hash of the folder's seal, so the same weights are the same version.

    Args:
        samples: that each of its runs saw.
        figures: what was measured.
    """
    path = Path(folder).absolute()
    metadata: dict[str, dg.MetadataValue] = {}
    if (curve := _curve(path / CURVE, library)) is not None:
        metadata["learning curve"] = curve
    metadata |= {
        **figures,
        "folder": dg.MetadataValue.path(path),
        **{f"samples {name}": dg.MetadataValue.int(count) for name, count in samples.items()},
        "CPU seconds": dg.MetadataValue.int(cpu_seconds),
        "use it": dg.MetadataValue.text(f"GM_MODELS={path.parent}"),
    }
    version = hashlib.sha256((path / SEAL).read_bytes()).hexdigest()
    return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(version))


def _curve(path: Path, resource: LibraryResource) -> dg.MarkdownMetadataValue | None:
    """The curve as a picture of the walk; None where there is none, or no library to keep it."""
    from PIL import Image

    from gm_assets.library.pictures import keep_picture

    if not path.is_file():
        return None
    try:
        with Image.open(path, formats=("PNG",)) as image:
            url = resource.picture_url(keep_picture(resource.open(), image.convert("RGB")))
    except GmError:
        return None
    return dg.MetadataValue.md(f"![learning curve (gm walk shows it; it does not answer)]({url})")
