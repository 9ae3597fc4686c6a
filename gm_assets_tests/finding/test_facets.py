"""The contact sheet of a facet: a row a term, whatever the model makes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gm_assets.encoding import Encoder, open_encoder
from gm_assets.finding.facets import BEST, LINE, MARGIN, TILE, facet_sheet, told
from gm_assets.labelling import TermFacts, label_facet
from gm_assets.library import Library
from gm_assets_tests.encoding.models import make_dual
from gm_assets_tests.labelling.pictures import facet, give_vectors, make_pictures

PICTURES = 4


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return open_encoder(make_dual(tmp_path_factory.mktemp("models") / "dual"))


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return make_pictures(tmp_path / "library", PICTURES)


def test_every_term_has_a_row_of_its_best_pictures(library: Library, encoder: Encoder) -> None:
    give_vectors(library, encoder.fingerprint, encoder.dimension)
    report = label_facet(library, facet(), encoder)
    sheet = facet_sheet(library, report)
    assert sheet is not None
    assert sheet.height == 2 * MARGIN + len(report.terms) * (TILE + LINE + MARGIN)
    pixels = np.asarray(sheet)
    tiles = [
        pixels[MARGIN : MARGIN + TILE, left : left + TILE]
        for left in range(sheet.width - MARGIN - BEST * (TILE + MARGIN), sheet.width, TILE + MARGIN)
    ][:BEST]
    assert [bool(tile.std() > 5) for tile in tiles] == [True] * PICTURES + [False]


def test_a_picture_that_is_gone_leaves_its_frame_empty(library: Library, encoder: Encoder) -> None:
    give_vectors(library, encoder.fingerprint, encoder.dimension)
    report = label_facet(library, facet(), encoder)
    for path in library.root.rglob("*.png"):
        path.unlink()
    assert facet_sheet(library, report) is not None


def test_without_labels_there_is_no_sheet(library: Library, encoder: Encoder) -> None:
    assert facet_sheet(library, label_facet(library, facet(), encoder)) is None


def test_how_well_a_term_is_told_is_said_in_words() -> None:
    def words(auc: float | None, measurable: bool | None) -> str:
        return told(TermFacts("dusk", "dusk", auc, None, measurable))

    assert words(None, None) == "unmeasured"
    assert words(0.91, True) == "AUC 0.91"
    assert words(0.55, False) == "not measurable (0.55)"
