"""How well a term can be told at all: the area under the ROC curve on labelled pictures."""

from __future__ import annotations

import numpy as np

#: Fewer labelled pictures of either kind measure nothing.
MINIMUM_LABELLED = 10
#: Below this area a term is called not measurable by the model.
MEASURABLE = 0.7


def auc(positives: np.ndarray, negatives: np.ndarray) -> float:
    """The chance that a picture with the term scores above one without; ties count half.

    This is the Mann-Whitney statistic divided by the number of pairs (Hanley and McNeil, "The
    meaning and use of the area under a ROC curve", Radiology 143, 1982).

    Args:
        positives, negatives: scores, at least one of each.

    Raises:
        ValueError: one of them is empty.
    """
    if not len(positives) or not len(negatives):
        raise ValueError("an area needs pictures with the term and pictures without it")
    ordered = np.sort(np.asarray(negatives))
    below = np.searchsorted(ordered, positives, "left").sum(dtype=np.float64)
    below_or_equal = np.searchsorted(ordered, positives, "right").sum(dtype=np.float64)
    return float((below + below_or_equal) / 2 / (len(positives) * len(negatives)))


def measured(positives: np.ndarray, negatives: np.ndarray) -> float | None:
    """`auc`, or None ("unmeasured") with fewer than `MINIMUM_LABELLED` of either kind."""
    if min(len(positives), len(negatives)) < MINIMUM_LABELLED:
        return None
    return auc(positives, negatives)


def measurable(area: float | None) -> bool | None:
    """Whether the model can tell the term; None where nobody knows."""
    return None if area is None else area >= MEASURABLE
