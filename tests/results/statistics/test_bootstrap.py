"""Intervals, permutation tests and their correction, against enumeration and textbook formulas."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rzen_eval.results.statistics import bootstrap

HITS = np.array([1.0] * 700 + [0.0] * 300)
NDCG = np.random.default_rng(1).random(400)


@pytest.mark.parametrize("values", [HITS, NDCG], ids=["few values", "as many values as queries"])
def test_resampled_means_spread_as_the_standard_error_says(values: np.ndarray):
    means = bootstrap.resampled(values, "t")
    assert means.shape == (bootstrap.RESAMPLES,)
    error = values.std() / np.sqrt(len(values))
    assert means.mean() == pytest.approx(values.mean(), abs=0.05 * error)
    assert means.std() == pytest.approx(error, rel=0.03)


def test_the_interval_of_a_proportion_is_that_of_the_binomial_distribution():
    # 700 of 1,000: quantiles 0.025 and 0.975 of Binomial(1000, 0.7) are 671 and 728.
    found = bootstrap.interval(bootstrap.resampled(HITS, "t"))
    assert found.low == pytest.approx(0.671, abs=0.0015)
    assert found.high == pytest.approx(0.728, abs=0.0015)
    assert found.half == pytest.approx((found.high - found.low) / 2)


def test_the_average_of_two_tasks_is_stratified():
    # One task says 1 for every query, the other 0: resampling within tasks the average cannot move, and mixing them
    # it would.
    means = [bootstrap.resampled(np.full(50, value), f"t{value}") for value in (0.0, 1.0)]
    assert bootstrap.interval(np.mean(means, axis=0)) == bootstrap.Interval(0.5, 0.5)


@pytest.mark.parametrize(
    "differences",
    [
        [1, 1, 1, 1, 1, -1, 0, 0],
        [0.5, 0.25, -0.125, 0.75, 0.3, 0.61, 0.2],
        [1] * 10,
    ],
)
def test_the_p_value_is_that_of_all_flips(differences: list[float]):
    observed = abs(sum(differences))
    flips = [abs(np.dot(signs, differences)) for signs in product((-1, 1), repeat=len(differences))]
    exact = np.mean([flip >= observed - 1e-12 for flip in flips])
    for padding in (0, 1000):  # ties, which make the values few and change no p-value
        values = np.array([*differences, *[0.0] * padding])
        found = bootstrap.p_value(values.mean(), bootstrap.flipped(values, "t"))
        assert found == pytest.approx(exact, abs=0.015)


def test_models_that_are_alike_on_every_query_have_p_value_one():
    assert bootstrap.p_value(0.0, bootstrap.flipped(np.zeros(9), "t")) == 1


def test_a_p_value_is_never_zero():
    values = np.ones(2000)
    assert bootstrap.p_value(1.0, bootstrap.flipped(values, "t", flips=999)) == pytest.approx(0.001)


def test_seed_and_task_set_the_numbers():
    first = bootstrap.resampled(NDCG, "t")
    assert (first == bootstrap.resampled(NDCG, "t")).all()
    assert (first != bootstrap.resampled(NDCG, "u")).any()
    assert (first != bootstrap.resampled(NDCG, "t", seed=1)).any()


def test_memory_is_bounded_without_changing_a_number(monkeypatch: pytest.MonkeyPatch):
    whole = bootstrap.resampled(HITS, "t"), bootstrap.flipped(HITS, "t")
    monkeypatch.setattr(bootstrap, "CELLS", 1000)
    parts = bootstrap.resampled(HITS, "t"), bootstrap.flipped(HITS, "t")
    assert all((one == other).all() for one, other in zip(whole, parts, strict=True))


def test_corrections_are_those_worked_out_by_hand():
    p_values = [0.01, 0.04, 0.03, 0.005]
    assert bootstrap.holm(p_values) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert bootstrap.benjamini_hochberg(p_values) == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert bootstrap.holm([]) == bootstrap.benjamini_hochberg([]) == []


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(1e-4, 1), min_size=1, max_size=20))
def test_a_correction_never_lowers_a_p_value_and_keeps_their_order(p_values: list[float]):
    for correct in (bootstrap.holm, bootstrap.benjamini_hochberg):
        corrected = correct(p_values)
        assert all(p <= after <= 1 for p, after in zip(np.array(p_values) * (1 - 1e-12), corrected, strict=True))
        assert np.array(corrected)[np.argsort(p_values)].tolist() == sorted(corrected)
    assert all(np.array(bootstrap.holm(p_values)) >= np.array(bootstrap.benjamini_hochberg(p_values)) - 1e-12)
