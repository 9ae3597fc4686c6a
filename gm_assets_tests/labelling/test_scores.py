"""Cosines, scales, percentiles, z-scores and areas against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, percentileofscore

from gm_assets.labelling import auc, cosines, measurable, measured, percentile, scale, z
from gm_assets.labelling.roc import MINIMUM_LABELLED
from gm_assets.labelling.scores import KNOTS, fixed, term_vector
from gm_assets_tests.labelling.pictures import unit

#: Values with many ties and close neighbours.
values = st.lists(
    st.one_of(
        st.floats(-1, 1, width=32, allow_subnormal=False),
        st.sampled_from([-0.5, 0.0, 0.25, 0.5]),
    ),
    min_size=1,
    max_size=600,
).map(lambda found: np.array(found, np.float32))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 40), st.integers(1, 40), st.sampled_from([3, 24, 96, 768]), st.integers(0, 2**31)
)
def test_a_score_is_the_same_bit_for_bit_whatever_is_scored_beside_it(
    terms: int, pictures: int, dimension: int, seed: int
) -> None:
    rows = fixed(unit(terms, dimension, seed).astype(np.float64) * 0.9999)
    shown = unit(pictures, dimension, seed + 1)
    together = cosines(rows, shown)
    for term in range(terms):
        alone = cosines(rows[term : term + 1], shown[::-1])[0, ::-1]
        assert together[term].tobytes() == np.ascontiguousarray(alone).tobytes()
    for number in range(pictures):
        assert together[:, number].tobytes() == cosines(rows, shown[number : number + 1]).tobytes()


def test_a_cosine_is_a_cosine() -> None:
    rows, shown = unit(5, 96).astype(np.float32), unit(9_000, 96, 1)
    exact = shown.astype(np.float64)
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    found = cosines(fixed(rows), shown)
    assert found.dtype == np.float32 and found.shape == (5, 9_000)
    assert np.abs(found - rows.astype(np.float64) @ exact.T).max() < 1e-6


def test_the_vector_of_a_term_is_the_unit_mean_of_unit_vectors() -> None:
    prompts = np.array([[2.0, 0.0], [0.0, 0.5]])
    assert term_vector(prompts) == pytest.approx([2**-0.5, 2**-0.5])
    for bad in ([[1.0, 0.0], [-1.0, 0.0]], [[0.0, 0.0]], [[np.nan, 1.0]]):
        with pytest.raises(ValueError, match="direction"):
            term_vector(np.array(bad))


@settings(max_examples=200, deadline=None)
@given(values, values)
def test_the_sketch_stays_within_its_bound_of_exact_mid_ranks(
    reference: np.ndarray, asked: np.ndarray
) -> None:
    found = percentile(asked, scale(reference))
    exact = percentileofscore(reference, asked, kind="mean")
    # half a step of float32 may put a knot on either side of its neighbours
    near = np.array(
        [np.sum((np.abs(reference - x) < 1e-6) & (reference != x)) for x in asked], float
    )
    bound = 100 / (KNOTS - 1) + (200 + 100 * near) / len(reference)
    assert np.all(np.abs(found - exact) <= bound)


@settings(max_examples=200, deadline=None)
@given(values, values)
def test_percentiles_and_z_scores_are_monotone_and_in_range(
    reference: np.ndarray, asked: np.ndarray
) -> None:
    sorted_values = np.sort(asked)
    of = scale(reference)
    ranks = percentile(sorted_values, of)
    assert np.all(np.diff(ranks) >= 0) and ranks.min() >= 0 and ranks.max() <= 100
    assert np.all(percentile(sorted_values[sorted_values > of.maximum], of) == 100)
    if of.deviation > 0:
        assert np.all(np.diff(z(sorted_values, of)) >= 0)
    else:
        assert np.isnan(z(sorted_values, of)).all()


@given(values, st.randoms())
def test_a_scale_does_not_depend_on_the_order_of_the_pictures(
    reference: np.ndarray, chance
) -> None:  # type: ignore[no-untyped-def]
    shuffled = reference.tolist()
    chance.shuffle(shuffled)
    one, other = scale(reference), scale(np.array(shuffled, np.float32))
    assert (one.mean, one.deviation, one.maximum) == (other.mean, other.deviation, other.maximum)
    assert one.knots.tobytes() == other.knots.tobytes()


def test_equal_cosines_are_in_the_middle() -> None:
    of = scale(np.full(100, 0.25, np.float32))
    assert percentile(np.array([0.2, 0.25, 0.3], np.float32), of).tolist() == [0, 50, 100]


def test_two_thousand_pictures_are_needed_for_percentiles() -> None:
    assert not scale(np.zeros(1_999, np.float32)).speaks
    assert scale(np.zeros(2_000, np.float32)).speaks


@given(values, values)
def test_an_area_is_the_mann_whitney_statistic(
    positives: np.ndarray, negatives: np.ndarray
) -> None:
    statistic = mannwhitneyu(positives, negatives).statistic
    assert auc(positives, negatives) == pytest.approx(statistic / len(positives) / len(negatives))


def test_few_labelled_pictures_measure_nothing() -> None:
    many, few = np.arange(MINIMUM_LABELLED), np.arange(MINIMUM_LABELLED - 1)
    assert measured(many + 100, many) == 1.0
    assert measured(few, many) is None and measured(many, few) is None
    assert (measurable(None), measurable(0.69), measurable(0.7)) == (None, False, True)
    with pytest.raises(ValueError, match="needs pictures"):
        auc(many, many[:0])
