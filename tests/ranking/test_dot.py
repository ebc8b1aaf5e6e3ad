from __future__ import annotations

import tracemalloc
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from rzen_eval.errors import DataError, ModelError
from rzen_eval.ranking.dot import check_vectors, rank
from rzen_eval.ranking.metrics import score_run
from rzen_eval.ranking.top_k import RankSettings, distinct

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rzen_eval.core import Run, Vectors

MANY_BLOCKS, ONE_BLOCK = 1, 1 << 28


def line(*scores: float) -> Vectors:
    """Vectors of one dimension, whose dot products with [1] are the scores."""
    return np.array(scores, dtype=np.float32)[:, None]


def unit_rows(rng: np.random.Generator, n: int, dimensions: int) -> Vectors:
    rows = rng.standard_normal((n, dimensions))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float32)


def ids(prefix: str, n: int) -> list[str]:
    return [f"{prefix}{i:04}" for i in range(n)]


def by_brute_force(
    products: Vectors,
    query_ids: Sequence[str],
    candidate_ids: Sequence[str],
    pools: Mapping[str, Sequence[str]] | None,
    k: int,
) -> tuple[dict[str, list[str]], dict[str, list[float]], list[str]]:
    """Rankings, scores and tied queries of a plain sort by (-score, id)."""
    ranking, scores, tied = {}, {}, []
    for query_id, row in sorted(zip(query_ids, products.tolist(), strict=True)):
        score = dict(zip(candidate_ids, row, strict=True))
        pool = candidate_ids if pools is None else pools[query_id]
        ordered = sorted(pool, key=lambda name, score=score: (-score[name], name))  # type: ignore[misc]
        first_eleven = [score[name] for name in list(dict.fromkeys(ordered[: max(k, 11)]))[:11]]
        if any(above == below for above, below in pairwise(first_eleven)):
            tied.append(query_id)
        ranking[query_id], scores[query_id] = ordered[:k], [score[name] for name in ordered[:k]]
    return ranking, scores, tied


def test_candidates_come_best_first_with_their_scores() -> None:
    run = rank(line(1, -1), line(0.25, 1, 0.5), ["p", "q"], ["a", "b", "c"])
    assert run.ranking == {"p": ["b", "c", "a"], "q": ["a", "c", "b"]}
    assert run.scores == {"p": [1.0, 0.5, 0.25], "q": [-0.25, -0.5, -1.0]}
    assert run.tied == []


def test_equal_scores_come_in_the_string_order_of_their_ids() -> None:
    run = rank(line(1), line(0.5, 1, 0.5, 0.5), ["q"], ["9", "z", "10", "8"])
    assert run.ranking == {"q": ["z", "10", "8", "9"]}


@pytest.mark.parametrize("k", [1, 2, 3, 50])
def test_the_first_k_places_are_kept_even_if_a_tie_goes_on_beyond_them(k: int) -> None:
    candidates = line(*[0.5] * 30, 1)
    run = rank(line(1), candidates, ["q"], [*reversed(ids("c", 30)), "z"], settings=RankSettings(k=k))
    assert run.ranking["q"] == ["z", *ids("c", 30)][:k]


@pytest.mark.parametrize("block_bytes", [MANY_BLOCKS, 5000, ONE_BLOCK])
@pytest.mark.parametrize("k", [1, 5, 10, 12, 100])
@pytest.mark.parametrize("distinct", [3, 40, 300])
@pytest.mark.parametrize("pooled", [False, True])
def test_rankings_equal_a_stable_sort(block_bytes: int, k: int, distinct: int, pooled: bool) -> None:
    rng = np.random.default_rng([k, distinct])
    # Small integers: their products are exact in float32, and many are equal.
    queries = rng.integers(-1, 2, size=(45, 4)).astype(np.float32)
    candidates = rng.integers(-3, 4, size=(distinct, 4)).astype(np.float32)[rng.integers(distinct, size=300)]
    query_ids, candidate_ids = rng.permutation(ids("q", 45)).tolist(), rng.permutation(ids("c", 300)).tolist()
    pools = None
    if pooled:
        some = [rng.choice(candidate_ids, size=size).tolist() for size in (0, 1, 4, 10, 11, 12, 30, 200, 500)]
        pools = {query_id: some[rng.integers(len(some))] for query_id in query_ids}
    run = rank(
        queries, candidates, query_ids, candidate_ids, pools, settings=RankSettings(k=k, block_bytes=block_bytes)
    )
    expected = by_brute_force(queries @ candidates.T, query_ids, candidate_ids, pools, k)
    assert (run.ranking, run.scores, run.tied) == expected


@pytest.mark.parametrize("block_bytes", [MANY_BLOCKS, ONE_BLOCK])
def test_scores_are_dot_products_in_float32(block_bytes: int) -> None:
    rng = np.random.default_rng(1)
    queries, candidates = unit_rows(rng, 20, 96), unit_rows(rng, 500, 96)
    run = rank(queries, candidates, ids("q", 20), ids("c", 500), settings=RankSettings(block_bytes=block_bytes))
    products = queries.astype(np.float64) @ candidates.astype(np.float64).T
    for row, query_id in enumerate(ids("q", 20)):
        best = np.argsort(-products[row])[:100]
        assert run.ranking[query_id] == [f"c{column:04}" for column in best]
        assert run.scores[query_id] == pytest.approx(products[row, best].tolist(), abs=1e-6)


def test_candidates_in_pools_are_not_copied_as_a_whole() -> None:
    candidates = unit_rows(np.random.default_rng(0), 2000, 1024)
    names = ids("c", 2000)
    pools = {f"q{n}": names[n * 200 : n * 200 + 200] for n in range(10)}
    tracemalloc.start()
    run = rank(candidates[100::200], candidates, list(pools), names, pools)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [run.ranking[name][0] for name in pools] == names[100::200]
    assert most < candidates.nbytes / 2


@pytest.mark.parametrize("block_bytes", [MANY_BLOCKS, ONE_BLOCK])
def test_the_order_in_which_things_are_listed_changes_nothing(block_bytes: int) -> None:
    rng = np.random.default_rng(2)
    queries, candidates = unit_rows(rng, 30, 24), unit_rows(rng, 50, 24)[rng.integers(50, size=200)]
    query_ids, candidate_ids = ids("q", 30), ids("c", 200)
    pools = {query_id: rng.choice(candidate_ids, size=40).tolist() for query_id in query_ids[::2]}
    pools |= dict.fromkeys(query_ids[1::2], candidate_ids)
    left, right = rng.permutation(30), rng.permutation(200)
    shuffled = queries[left], candidates[right], [query_ids[i] for i in left], [candidate_ids[i] for i in right]
    turned = {query_id: pool[::-1] for query_id, pool in reversed(pools.items())}
    for first, second in ((None, None), (pools, turned)):
        run = rank(queries, candidates, query_ids, candidate_ids, first, settings=RankSettings(block_bytes=block_bytes))
        assert rank(*shuffled, second, settings=RankSettings(block_bytes=block_bytes)) == run


def test_equal_vectors_have_equal_scores_wherever_they_stand() -> None:
    rng = np.random.default_rng(3)
    for n in (2, 7, 19, 333):
        candidates = unit_rows(rng, n, 129)
        candidates[rng.permutation(n)[: n // 2 + 1]] = candidates[0]
        candidates[-1] = candidates[0]
        copies = {f"c{row:04}" for row in np.flatnonzero((candidates == candidates[0]).all(axis=1))}
        run = rank(unit_rows(rng, 5, 129), candidates, ids("q", 5), ids("c", n), settings=RankSettings(k=n))
        for query_id, ranked in run.ranking.items():
            scores = dict(zip(ranked, run.scores[query_id], strict=True))
            assert len({scores[name] for name in copies}) == 1


def test_equal_vectors_are_scored_once_whatever_the_sign_of_their_zeros() -> None:
    group, first = distinct(np.array([[1, 0.0], [0, 1], [1, -0.0], [0, 1]], dtype=np.float32), np.array([3, 2, 1, 0]))
    assert (group.tolist(), first.tolist()) == ([0, 1, 0, 1], [0, 1])


def test_a_pool_limits_what_a_query_is_ranked_against() -> None:
    pools = {"p": ["a", "c"], "q": ["c", "b"], "r": ["c", "a"], "s": []}
    run = rank(line(1, 1, -1, 1), line(0.25, 1, 0.5), ["p", "q", "r", "s"], ["a", "b", "c"], pools)
    assert run.ranking == {"p": ["c", "a"], "q": ["b", "c"], "r": ["a", "c"], "s": []}


def test_a_pool_without_the_first_of_equal_candidates_keeps_scores_with_their_vectors() -> None:
    run = rank(line(1), line(1, 0.5, 1), ["q"], ["a", "b", "c"], {"q": ["b", "c"]})
    assert (run.ranking["q"], run.scores["q"]) == (["c", "b"], [1.0, 0.5])


def test_copies_in_a_pool_stay_side_by_side_and_are_no_tie() -> None:
    pools = {"q": ["b", "a", "b", "c", "b"]}
    run = rank(line(1), line(0.25, 1, 0.5), ["q"], ["a", "b", "c"], pools)
    assert run.ranking == {"q": ["b", "b", "b", "c", "a"]}
    assert run.tied == []
    assert rank(line(1), line(0.25, 1, 0.5), ["q"], ["a", "b", "c"], pools, settings=RankSettings(k=2)).ranking == {
        "q": ["b", "b"]
    }


@pytest.mark.parametrize(
    ("equal", "tied"), [((1, 2), True), ((5, 6), True), ((10, 11), True), ((11, 12), False), ((19, 20), False)]
)
@pytest.mark.parametrize("k", [1, 10, 100])
def test_only_a_tie_that_can_move_a_metric_is_reported(equal: tuple[int, int], tied: bool, k: int) -> None:
    scores = [1 - place / 32 for place in range(20)]
    scores[equal[1] - 1] = scores[equal[0] - 1]
    assert rank(line(1), line(*scores), ["q"], ids("c", 20), settings=RankSettings(k=k)).tied == (["q"] if tied else [])


def run_of_identity(queries: Vectors, candidates: Vectors, n: int, k: int = 10) -> tuple[Run, float]:
    """The run, and hit@1 where candidate i is the one that is relevant to query i."""
    qrels = {f"q{i:04}": {f"c{i:04}": 1} for i in range(n)}
    run = rank(queries, candidates, ids("q", n), ids("c", n), settings=RankSettings(k=k))
    return run, score_run(run, qrels)["hit@1"]


def test_a_model_that_embeds_everything_alike_scores_chance() -> None:
    n = 400
    alike = np.tile(unit_rows(np.random.default_rng(4), 1, 70), (n, 1))
    run, hit = run_of_identity(alike, alike, n, k=20)
    assert hit == 1 / n
    assert set(map(tuple, run.ranking.values())) == {tuple(ids("c", 20))}
    assert run.tied == ids("q", n)


def test_a_model_that_tells_everything_apart_scores_one() -> None:
    n = 64
    apart = np.eye(n, dtype=np.float32)
    assert run_of_identity(apart, apart, n)[1] == 1.0


def test_a_tie_of_every_query_with_every_distinct_candidate_is_resolved_in_blocks() -> None:
    n, m = 300, 20_000
    candidates = line(*np.linspace(0.1, 1, m))
    run = rank(
        np.zeros((n, 1), dtype=np.float32),
        candidates,
        ids("q", n),
        ids("c", m),
        settings=RankSettings(block_bytes=1 << 22),
    )
    assert set(map(tuple, run.ranking.values())) == {tuple(sorted(ids("c", m))[:100])}


def test_a_reduced_precision_that_a_model_asked_for_does_not_reach_the_scores() -> None:
    rng = np.random.default_rng(5)
    vectors = unit_rows(rng, 40, 256), unit_rows(rng, 60, 256), ids("q", 40), ids("c", 60)
    expected = rank(*vectors)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        assert rank(*vectors) == expected
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)


def test_vectors_that_cannot_be_written_to_are_ranked_as_any_others() -> None:
    queries, candidates = line(1), line(0.5, 1)
    queries.setflags(write=False)
    candidates.setflags(write=False)
    assert rank(queries, candidates, ["q"], ["a", "b"]).ranking == {"q": ["b", "a"]}


def test_without_queries_or_candidates_the_rankings_are_empty() -> None:
    assert rank(line(), line(1), [], ["a"]).ranking == {}
    assert rank(line(1), line(), ["q"], []).ranking == {"q": []}


@pytest.mark.parametrize(
    ("query_ids", "candidate_ids", "pools", "message"),
    [
        (["q", "q"], ["a", "b"], None, "query id 'q' is listed 2 times"),
        (["p", "q"], ["b", "b"], None, "candidate id 'b' is listed 2 times"),
        (["p"], ["a", "b"], None, "one query id a vector, found 1 ids and 2 vectors"),
        (["p", "q"], ["a", "b"], {"p": ["a"]}, "query 'q' has no pool"),
        (
            ["p", "q"],
            ["a", "b"],
            {"p": ["a"], "q": ["a", "x"]},
            "pool of query 'q' lists 'x', which is not a candidate",
        ),
    ],
)
def test_ids_that_do_not_fit_are_named(
    query_ids: list[str], candidate_ids: list[str], pools: dict[str, list[str]] | None, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        rank(line(1, 1), line(1, 1), query_ids, candidate_ids, pools)


def test_queries_and_candidates_of_different_dimensions_are_an_error() -> None:
    with pytest.raises(DataError, match="queries have 1 dimensions and candidates 2"):
        rank(line(1), np.eye(2, dtype=np.float32), ["q"], ["a", "b"])


def test_good_vectors_pass_unchanged() -> None:
    vectors = unit_rows(np.random.default_rng(6), 9, 5)
    checked = check_vectors(vectors, ids("i", 9), "mini on toy, queries")
    np.testing.assert_array_equal(checked.vectors, vectors)
    assert (checked.warnings, checked.collapsed) == ([], False)
    assert checked.vectors.dtype == np.float32
    assert checked.vectors.flags.c_contiguous


@pytest.mark.parametrize("vectors", [np.eye(3), np.ones(4), np.ones((4, 0)), np.ones((4, 2, 2))])
def test_vectors_of_another_shape_are_refused(vectors: Vectors) -> None:
    with pytest.raises(ModelError, match=r"mini on toy, queries: expected vectors of shape \(4, dimensions\), found"):
        check_vectors(vectors, ids("i", 4), "mini on toy, queries")


@pytest.mark.parametrize("broken", [np.nan, np.inf, 1e300])
def test_values_that_are_not_finite_are_refused_and_located(broken: float) -> None:
    vectors = np.eye(5)
    vectors[2:4, 1] = broken
    with pytest.raises(ModelError, match="mini: 2 of 5 vectors are not finite, the first of item 'i0002'"):
        check_vectors(vectors, ids("i", 5), "mini")


def test_rows_of_another_length_are_normalised_with_a_warning() -> None:
    vectors = np.array([[3, 4], [0, 1.0005], [0.5, 0]], dtype=np.float32)
    checked = check_vectors(vectors, ids("i", 3), "mini")
    np.testing.assert_allclose(checked.vectors, np.array([[0.6, 0.8], [0, 1.0005], [1, 0]]), rtol=1e-6)
    assert checked.warnings == ["mini: 2 of 3 vectors were not of unit length (from 0.5 to 5) and were normalised"]
    assert vectors[0, 0] == 3


def test_rows_of_zeros_stay_zero_with_a_warning() -> None:
    checked = check_vectors(np.array([[1, 0], [0, 0], [0, 1]]), ids("i", 3), "mini")
    np.testing.assert_array_equal(checked.vectors[1], [0, 0])
    assert checked.warnings == ["mini: 1 of 3 vectors are zero, the first of item 'i0001'"]


@pytest.mark.parametrize(("spread", "collapsed"), [(0, True), (1e-3, True), (0.3, False)])
def test_vectors_that_are_practically_alike_are_called_collapsed(spread: float, collapsed: bool) -> None:
    rng = np.random.default_rng(7)
    vectors = unit_rows(rng, 1, 50) + spread * unit_rows(rng, 80, 50)
    checked = check_vectors(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), ids("i", 80), "mini")
    assert checked.collapsed is collapsed
    assert [warning for warning in checked.warnings if "practically alike" in warning] == checked.warnings
    assert len(checked.warnings) == collapsed


def test_vectors_that_are_all_zero_have_collapsed_and_a_single_one_cannot() -> None:
    assert check_vectors(np.zeros((3, 2)), ids("i", 3), "mini").collapsed
    assert not check_vectors(np.ones((1, 1)), ids("i", 1), "mini").collapsed
