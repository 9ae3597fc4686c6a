"""Finding: describe a picture and it comes, with its family and with a measure of how well it fits.

`sync` keeps the vector store in step with the catalogue, `find` and `Finder` search it, `sheet`
shows hits as a contact sheet. Domain code: it knows nothing of Dagster or of the command line.
`docs/finding.md` is for users.
"""

from __future__ import annotations

from gm_assets.finding.histograms import histogram
from gm_assets.finding.opening import active_finder
from gm_assets.finding.searching import Finder, find
from gm_assets.finding.sheets import Card, draw, sheet
from gm_assets.finding.syncing import behind, embedded_models, sync, sync_all, vector_store
from gm_assets.finding.values import (
    ChainKin,
    Filters,
    Found,
    Hit,
    Kin,
    Place,
    Population,
    Question,
    Relative,
    StageKin,
    SyncReport,
)

__all__ = [
    "Card",
    "ChainKin",
    "Filters",
    "Finder",
    "Found",
    "Hit",
    "Kin",
    "Place",
    "Population",
    "Question",
    "Relative",
    "StageKin",
    "SyncReport",
    "active_finder",
    "behind",
    "draw",
    "embedded_models",
    "find",
    "histogram",
    "sheet",
    "sync",
    "sync_all",
    "vector_store",
]
