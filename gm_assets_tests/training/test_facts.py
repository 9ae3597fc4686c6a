"""What is held out stays out, and what is true is decided before a word is said."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from gm_assets.training.data import sittings
from gm_assets.training.facts import (
    DEMO_SETTINGS,
    DOMAIN_OF,
    PAINTS,
    SECTOR,
    Facts,
    held_out,
    in_held_out_sector,
)
from gm_assets.world.demo.chains import CHAINS
from gm_assets.world.names import ENVIRONMENTS


def test_every_setting_of_the_demo_is_held_out_as_its_sculptor_made_it() -> None:
    for subject, environment in DEMO_SETTINGS:
        for material in (None, *PAINTS):
            assert held_out(subject, environment, material, painted=False)


def test_every_term_occurs_in_training_and_among_the_held_out_compositions() -> None:
    cells = list(product(DOMAIN_OF, ENVIRONMENTS, PAINTS))
    kept = [cell for cell in cells if held_out(*cell, painted=True)]
    assert 0.1 < len(kept) / len(cells) < 0.2
    for place in range(3):
        terms = {cell[place] for cell in cells}
        assert {cell[place] for cell in kept} == terms
        assert {cell[place] for cell in cells if not held_out(*cell, painted=True)} == terms


def test_each_subject_has_one_sector_that_no_drawing_is_made_from() -> None:
    turn = np.arange(0, 360, 0.5)
    for subject in DOMAIN_OF:
        inside = np.array([in_held_out_sector(subject, float(angle)) for angle in turn])
        assert inside.sum() / 2 == pytest.approx(SECTOR, abs=1)
        assert np.abs(np.diff(inside.astype(int))).sum() <= 3


def test_no_sitting_has_the_seed_of_another_or_of_the_demo() -> None:
    plan = sittings()
    seeds = {sitting.seed for sitting in plan}
    assert len(seeds) > 0.99 * len(plan)
    apart = {sitting.seed for sitting in plan if sitting.split != "train"}
    assert not apart & {sitting.seed for sitting in plan if sitting.split == "train"}
    assert not seeds & {chain.seed for chain in CHAINS}


def test_facts_come_back_from_their_record_and_unknown_terms_are_refused() -> None:
    facts = Facts("frame", "arch", "ash-plain", "bone", "overcast", "wide")
    assert Facts.of(facts.record()) == facts
    with pytest.raises(ValueError, match="no environment"):
        Facts.of({**facts.record(), "environment": "beach"})
