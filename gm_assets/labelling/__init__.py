"""Labels: what the terms of the vocabulary score on the pictures of a library.

Scores are cosines of vectors, told against a frozen reference; nothing here looks at a
picture, and no score depends on other terms or other pictures. `docs/labels.md` is for users.
"""

from __future__ import annotations

from gm_assets.labelling.labelled import InvalidReference, Labelled
from gm_assets.labelling.opening import TextsOf
from gm_assets.labelling.queries import (
    Condition,
    InvalidQuestion,
    Label,
    Matching,
    Score,
    best,
    best_of_each,
    histogram,
    labels_of,
    matching,
)
from gm_assets.labelling.ready import prepare
from gm_assets.labelling.reference import (
    Reference,
    heldout_for,
    make_reference,
    open_reference,
    other_references,
    reference_for,
)
from gm_assets.labelling.roc import auc, measurable, measured
from gm_assets.labelling.scores import TermScale, cosines, percentile, scale, z
from gm_assets.labelling.tables import (
    SHARDS,
    FacetState,
    LabelReport,
    ShardLabels,
    TermFacts,
    forget,
    label_facet,
    states,
)

__all__ = [
    "SHARDS",
    "Condition",
    "FacetState",
    "InvalidQuestion",
    "InvalidReference",
    "Label",
    "LabelReport",
    "Labelled",
    "Matching",
    "Reference",
    "Score",
    "ShardLabels",
    "TermFacts",
    "TermScale",
    "TextsOf",
    "auc",
    "best",
    "best_of_each",
    "cosines",
    "forget",
    "heldout_for",
    "histogram",
    "label_facet",
    "labels_of",
    "make_reference",
    "matching",
    "measurable",
    "measured",
    "open_reference",
    "other_references",
    "percentile",
    "prepare",
    "reference_for",
    "scale",
    "states",
    "z",
]
