"""How sure a sample is."""

import numpy as np
import pytest

from rzen_eval.results.sampling import half_interval, standard_error


def test_an_error_is_worked_out_by_hand():
    # 70 of 100 hits and two more of each: 72 of 104; variance 0.692 * 0.308, over 104, of which a tenth is known.
    values = np.array([1.0] * 70 + [0.0] * 30)
    assert standard_error(values, 1000) == pytest.approx(((72 / 104) * (32 / 104) / 104 * 0.9) ** 0.5)
    assert standard_error(values, 100) == 0
    assert half_interval([0.03, 0.04]) == pytest.approx(1.96 * 2.5)


def test_a_sample_without_a_miss_is_not_taken_for_certain():
    assert 100 * 1.96 * standard_error(np.ones(100), 10_000) == pytest.approx(2.62, abs=0.01)


def test_the_interval_holds_the_score_of_all_queries_in_95_of_100_samples():
    random = np.random.default_rng(0)
    held = []
    for share in (0.02, 0.3, 0.7, 0.97):
        tasks = [(random.random(1000) < share).astype(float) for _ in range(3)]
        truth = np.mean([task.mean() for task in tasks])
        for _ in range(250):
            drawn = [random.choice(task, 100, replace=False) for task in tasks]
            half = half_interval([standard_error(values, 1000) for values in drawn]) / 100
            held.append(abs(np.mean([values.mean() for values in drawn]) - truth) <= half)
    assert 0.94 <= np.mean(held) <= 0.99
