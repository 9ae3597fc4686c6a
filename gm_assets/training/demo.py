"""How the encoder does on the demo library's own pictures, at their real size.

Their seeds, cameras and settings occur in no training picture. The demo is made in a temporary
folder unless a library is given; what a picture shows is taken from its memory.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from gm_assets.encoding import Encoder
from gm_assets.encoding.view import view_of
from gm_assets.memory.files import read_memory
from gm_assets.memory.record import Memory
from gm_assets.training.captions import COLUMNS, codes
from gm_assets.training.evaluate import accuracy, term_vectors
from gm_assets.training.facts import STAGE_OF, TERMS, Facts

#: The look of a picture by its part in the library; S2 and S1 by what their keywords say.
_LOOK_OF_PART = {
    "clay": "clay",
    "turntable": "turntable",
    "plate": "turntable",
    "normal": "normal",
    "depth": "depth",
    "silhouette": "silhouette",
    "frame": "frame",
}
_PICTURES = (".png", ".jpg", ".webp")


def measure_demo(encoder: Encoder, library: Path | None = None) -> dict[str, Any]:
    """Zero-shot accuracy by stage and facet on the demo, with the number of pictures.

    Args:
        library: a demo library that is there already; it is only read.
    """
    if library is not None:
        return _measured(encoder, library)
    from gm_assets.world.demo import build

    with tempfile.TemporaryDirectory(prefix="gm-demo-") as folder:
        build(Path(folder))
        return _measured(encoder, Path(folder))


def _measured(encoder: Encoder, library: Path) -> dict[str, Any]:
    vectors, facts = demo_vectors(encoder, library)
    known = codes(facts)
    stages = np.array([one.stage for one in facts])
    found: dict[str, Any] = {}
    for stage in sorted(set(stages.tolist())):
        here = stages == stage
        found[stage] = {"pictures": int(here.sum())}
        for facet in ("subject", "environment", "light", "look"):
            if len(np.unique(known[here, COLUMNS[facet]])) < 2:
                continue
            terms = term_vectors(facet, encoder.texts)
            one = accuracy(vectors[here], known[here], facet, terms, least=1)
            if one:
                found[stage][facet] = {"pictures": one.pictures, "value": one.value}
    return found


def demo_vectors(encoder: Encoder, library: Path) -> tuple[np.ndarray, list[Facts]]:
    """Vectors and facts of all pictures of a demo library that training knows a look for."""
    views, facts = [], []
    for path in sorted(library.rglob("*")):
        if path.suffix not in _PICTURES or ".gm" in path.relative_to(library).parts:
            continue
        memory = read_memory(path).memory
        if memory is not None and (known := facts_of(memory)) is not None:
            views.append(view_of(path, encoder.image_size))
            facts.append(known)
    rows = [encoder.images(views[start : start + 64]) for start in range(0, len(views), 64)]
    return np.concatenate(rows), facts


def facts_of(memory: Memory) -> Facts | None:
    """What a demo picture's memory says of it; None for parts that training does not know."""
    placement = next((one for one in memory.placements if one.primary), None) or next(
        iter(memory.placements), None
    )
    if placement is None or memory.subject not in TERMS["subject"]:
        return None
    words = set(memory.keywords)
    look = _LOOK_OF_PART.get(placement.part or "")
    if placement.part in ("sketch", "reference"):
        look = next((word for word in STAGE_OF if word in words), None)
    if look is None:
        return None
    light = next((word for word in TERMS["light"] if word in words), None)
    # A wash or a matte names the place it belongs to, and shows none of it.
    seen = look in ("frame", "silver", "dye", "plate")
    return Facts(
        look=look,
        subject=memory.subject,
        environment=memory.environment if seen else None,
        light=light if look == "frame" else None,
    )
