"""Fewer dimensions and fewer bits, worked out by hand."""

import numpy as np
import pytest

from rzen_eval.ranking.dot import rank
from rzen_eval.ranking.quantise import Precision, quantise, truncate
from tests.ranking.test_dot import ids, unit_rows

BOTH = np.array([[0.6, -0.8, 0], [0, 0, 1]], dtype=np.float32)


@pytest.mark.parametrize(
    ("precision", "dims", "expected"),
    [("float32", 3584, 14336), ("float16", 3584, 7168), ("int8", 3584, 3584), ("binary", 3584, 448), ("binary", 9, 2)],
)
def test_a_vector_takes_its_dimensions_times_its_bits(precision: str, dims: int, expected: int):
    assert Precision(precision).bytes(dims) == expected


def test_fewer_dimensions_are_made_unit_length_again_and_zeros_stay_zeros():
    vectors = np.array([[0.48, 0.64, 0.6], [0, 0, 1]], dtype=np.float32)
    np.testing.assert_allclose(truncate(vectors, 2), [[0.6, 0.8], [0, 0]], rtol=1e-6)
    assert truncate(vectors, 3) is vectors
    assert vectors[0, 0] == np.float32(0.48)


def test_float32_is_what_was_stored():
    queries, candidates = quantise(BOTH, BOTH, Precision.FLOAT32)
    assert queries is BOTH
    assert candidates is BOTH


def test_float16_rounds_candidates_to_eleven_bits_and_leaves_queries():
    third = np.full((1, 1), 1 / 3, dtype=np.float32)
    queries, candidates = quantise(third, third, Precision.FLOAT16)
    assert queries is third
    # 1/3 = 1.0101..b x 2^-2: ten bits after the point are 0101010101, so 1365 / 4096
    assert candidates[0, 0] == 1365 / 4096


def test_int8_rounds_candidates_to_the_nearest_of_256_values_between_the_dimensions_lowest_and_highest():
    # First dimension from -0.5 to 0.52: steps of 1.02 / 255 = 0.004. Second: from 0 to 0.255, steps of 0.001.
    candidates = np.array([[-0.5, 0], [0.52, 0.255], [0.0013, 0.1004], [0.0021, 0.1006]], dtype=np.float32)
    queries, values = quantise(BOTH[:, :2], candidates, Precision.INT8)
    np.testing.assert_allclose(values, [[-0.5, 0], [0.52, 0.255], [0, 0.1], [0.004, 0.101]], atol=1e-6)
    np.testing.assert_array_equal(queries, BOTH[:, :2])


def test_int8_keeps_a_dimension_that_never_changes():
    values = quantise(BOTH, np.full((3, 3), 0.25, dtype=np.float32), Precision.INT8)[1]
    np.testing.assert_array_equal(values, np.full((3, 3), 0.25))


def test_int8_is_off_by_at_most_half_a_step():
    candidates = unit_rows(np.random.default_rng(0), 500, 32)
    values = quantise(candidates, candidates, Precision.INT8)[1]
    steps = np.ptp(candidates, axis=0) / 255
    assert (np.abs(values - candidates) <= steps * 0.5001).all()


def test_binary_scores_are_dimensions_less_twice_the_hamming_distance():
    rng = np.random.default_rng(1)
    queries, candidates = unit_rows(rng, 6, 20), unit_rows(rng, 40, 20)
    run = rank(*quantise(queries, candidates, Precision.BINARY), ids("q", 6), ids("c", 40))
    left, right = np.packbits(queries > 0, axis=1), np.packbits(candidates > 0, axis=1)
    for row in range(6):
        distances = {f"c{c:04}": int(np.unpackbits(left[row] ^ right[c]).sum()) for c in range(40)}
        assert run.ranking[f"q{row:04}"] == sorted(distances, key=lambda name: (distances[name], name))
        assert run.scores[f"q{row:04}"] == [20 - 2 * distances[name] for name in run.ranking[f"q{row:04}"]]


def test_binary_keeps_whether_a_dimension_is_above_zero_and_equal_distances_tie():
    queries, candidates = quantise(BOTH, BOTH, Precision.BINARY)
    assert candidates.tolist() == [[1, -1, -1], [-1, -1, 1]]
    run = rank(queries[:1], -candidates, ["q"], ["b", "a"])
    # -candidates: (-1, 1, 1) is three bits from the query (1, -1, -1), (1, 1, -1) is one
    assert (run.ranking, run.scores) == ({"q": ["a", "b"]}, {"q": [1.0, -3.0]})
    assert rank(queries[:1], candidates[[0, 0]], ["q"], ["b", "a"]).tied == ["q"]
