"""How good a hit is: percentiles of its cosine, and whether anything matches at all.

A nearest picture always exists; whether it resembles the question is another matter. So a
question's cosines are also taken with pictures that stand outside the library: the frozen
reference of the model (`labelling.reference`). A hit's percentile says how many of those the
question fits less well. Without a reference it says how many of the library's own, which
orders the hits and cannot say that nothing matches. `yardstick` has the other half of the
answer: how near texts come to pictures that they do describe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gm_assets.finding.values import Hit, Population
from gm_assets.stores.vectors.exact import unit

if TYPE_CHECKING:
    from gm_assets.finding.yardstick import Yardstick
    from gm_assets.library import Library
    from gm_assets.stores.vectors import VectorStore

#: Pictures from which percentiles are shown.
SPEAKING = 100
#: Pictures that stand for a larger library: percentiles are then good to 0.02.
SAMPLE = 4_096
#: A best hit below this percentile of the reference is what any question gets.
UNUSUAL = 99.0


@dataclass(frozen=True)
class Background:
    """Pictures that cosines of a question are compared with.

    Attributes:
        name: as `Population.name`.
        rows: (n, d) float32.
    """

    name: str
    rows: np.ndarray

    @property
    def population(self) -> Population:
        """What percentiles are taken among, for people."""
        return Population(self.name, len(self.rows))

    def scale(self, vector: np.ndarray) -> Scale:
        """How the cosines of one question lie."""
        return Scale(np.sort(self.rows @ vector))


@dataclass(frozen=True)
class Scale:
    """The cosines of a question with the background, ascending."""

    cosines: np.ndarray

    def percentiles(self, cosines: np.ndarray) -> list[float | None]:
        """The part of the background below each cosine in per cent, equal ones counted half.

        None where the background is too small to say.
        """
        if len(self.cosines) < SPEAKING:
            return [None] * len(cosines)
        asked = np.asarray(cosines, np.float32)
        below = np.searchsorted(self.cosines, asked, "left")
        within = np.searchsorted(self.cosines, asked, "right")
        return [float(one) for one in 50.0 * (below + within) / len(self.cosines)]

    def z(self, cosines: np.ndarray) -> np.ndarray:
        """Cosines in standard deviations from the background's mean."""
        deviation = float(self.cosines.std()) if len(self.cosines) else 0.0
        mean = float(self.cosines.mean()) if len(self.cosines) else 0.0
        return np.asarray((cosines - mean) / max(deviation, 1e-6), np.float32)


def background(library: Library, store: VectorStore, model: str) -> Background:
    """The reference of the model where there is one, else the library's own vectors."""
    from gm_assets.labelling.reference import reference_for

    reference = reference_for(library, model)
    if reference is not None:
        return Background("reference", unit(reference.pictures.vectors))
    rows = unit(store.sample(model, SAMPLE).rows)
    return Background("library" if len(rows) < SAMPLE else "sample", rows)


def judge(
    hits: Sequence[Hit], wanted: Scale | None, ground: Background, measure: Yardstick | None
) -> tuple[bool | None, list[str]]:
    """Whether anything really matches, and what to say where nothing does.

    Args:
        wanted: None where no vector was asked for.
        measure: of texts; None where there is none, or the question holds a picture.

    Returns:
        True, False, or None where it cannot be told; notes.
    """
    if not hits:
        return False, ["nothing here fits"]
    if wanted is None:
        return None, ["only words were looked for"] if hits[0].by_words else []
    best = max(hits, key=lambda hit: hit.cosine or -1.0)
    if ground.name != "reference" or best.percentile is None or best.cosine is None:
        return None, []
    if best.percentile < UNUSUAL:
        as_well = 100.0 - best.percentile
        said = (
            f"nothing here really matches: {as_well:.0f} % of {ground.population} fit the "
            f"question as well as the best hit (cosine {best.cosine:.3f})"
        )
        return False, [said]
    if measure is None:
        return None, []
    if best.cosine < measure.low:
        said = (
            f"nothing here really matches: the best hit has the cosine {best.cosine:.3f}; texts "
            f"of the vocabulary reach {measure.low:.3f} to {measure.median:.3f} and more with "
            "pictures that they describe"
        )
        return False, [said]
    return True, []
