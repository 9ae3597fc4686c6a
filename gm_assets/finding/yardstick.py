"""What a good match looks like: how near the vocabulary's own texts come to known pictures.

The rank of a cosine among reference pictures cannot tell a description that fits one of them
from one that fits none: something always ranks first. So the texts of the vocabulary, which
do describe what the reference shows, are held against the reference, and the best cosine that
each of them reaches is noted. A question whose best hit stays below nearly all of these has
found nothing that it describes.

The figures depend on model, reference and vocabulary alone and are kept in `.gm/finding`.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gm_assets.errors import GmError

if TYPE_CHECKING:
    from gm_assets.encoding import Encoder
    from gm_assets.finding.quality import Background
    from gm_assets.library import Library

#: Of the vocabulary's texts so many per cent stay below `Yardstick.low`.
LOW = 5.0
#: Texts that are encoded for it at most.
TEXTS = 400
#: Fewer say nothing.
FEWEST = 20


@dataclass(frozen=True, slots=True)
class Yardstick:
    """The best cosines that the vocabulary's texts reach with reference pictures.

    Attributes:
        low: the 5th percentile of them. median: the 50th.
        texts: how many there are.
    """

    low: float
    median: float
    texts: int


def vocabulary_texts(library: Library) -> list[str]:
    """The texts of the vocabulary in force, at most `TEXTS`; none where it is not sound."""
    from gm_assets.vocabulary import folder_for, load

    try:
        vocabulary = load(folder_for(library.root))
    except GmError:  # `gm vocab check` says what is wrong with it
        return []
    texts = {
        text
        for facet in vocabulary.facets.values()
        for term in facet.terms
        for text in facet.prompts_of(term)
    }
    return sorted(texts)[:TEXTS]


def yardstick(library: Library, encoder: Encoder, ground: Background) -> Yardstick | None:
    """The yardstick of a library; None without a reference, or with a vocabulary too small.

    Made once and kept; a library that cannot be written to makes it again each time.
    """
    if ground.name != "reference":
        return None
    texts = vocabulary_texts(library)
    if len(texts) < FEWEST:
        return None
    path = _path(library, encoder.fingerprint, ground, texts)
    with suppress(OSError, ValueError, TypeError):
        return Yardstick(**json.loads(path.read_text()))
    best = (encoder.texts(texts) @ ground.rows.T).max(axis=1)
    low, median = np.percentile(best, (LOW, 50.0))
    made = Yardstick(float(low), float(median), len(texts))
    if not library.read_only:
        with suppress(OSError, GmError):
            _keep(path, made)
    return made


def _path(library: Library, model: str, ground: Background, texts: list[str]) -> Path:
    key = hashlib.sha256(f"{model}\n{chr(10).join(texts)}\n".encode())
    key.update(ground.rows.astype("<f2").tobytes())
    return library.state / "finding" / f"{key.hexdigest()[:32]}.json"


def _keep(path: Path, made: Yardstick) -> None:
    from gm_assets.memory.files import write_new

    path.parent.mkdir(parents=True, exist_ok=True)
    write_new(path, json.dumps(asdict(made)).encode(), overwrite=True)
