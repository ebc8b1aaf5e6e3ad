"""Late interaction: MaxSim worked out by hand, by a plain double loop, and end to end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rzen_eval import evaluate, load_data
from rzen_eval.core import Item, MultiVectors, Side, Task, Vectors
from rzen_eval.errors import DataError, ModelError
from rzen_eval.evaluation.rankings import Sides, ranked
from rzen_eval.ranking.dot import rank
from rzen_eval.ranking.maxsim import rank_maxsim, runs, tiles
from rzen_eval.ranking.multivectors import as_vectors, by_item, check_multi_vectors, joined
from rzen_eval.ranking.top_k import RankSettings
from tests import toys
from tests.ranking.test_dot import by_brute_force, ids, unit_rows

SMALLEST, ROOMY = 1, 1 << 28


def many(*items: list[list[float]]) -> MultiVectors:
    return MultiVectors.of([np.array(item, dtype=np.float32) for item in items])


def ragged(rng: np.random.Generator, n: int, longest: int, dimensions: int) -> MultiVectors:
    lengths = rng.integers(1, longest + 1, size=n)
    return MultiVectors(unit_rows(rng, int(lengths.sum()), dimensions), np.cumsum([0, *lengths]))


def by_double_loop(queries: MultiVectors, candidates: MultiVectors) -> Vectors:
    """MaxSim in float64, a query vector at a time."""
    scores = np.zeros((len(queries), len(candidates)))
    for q in range(len(queries)):
        for c in range(len(candidates)):
            for vector in queries[q].astype(np.float64):
                scores[q, c] += max(float(vector @ other) for other in candidates[c].astype(np.float64))
    return scores


def shuffled(vectors: MultiVectors, order: np.ndarray) -> MultiVectors:
    return MultiVectors.of([vectors[item] for item in order.tolist()])


def test_each_query_vector_counts_with_its_nearest_candidate_vector() -> None:
    queries = many([[1, 0], [0, 1]])
    candidates = many([[0.6, 0.8]], [[1, 0], [0.8, 0.6]], [[-1, 0], [0, -1], [0, 1]])
    run = rank_maxsim(queries, candidates, ["q"], ["a", "b", "c"])
    # a: 0.6 + 0.8; b: 1 + 0.6; c: 0 + 1, since its second best is orthogonal and not the opposite one
    assert run.ranking == {"q": ["b", "a", "c"]}
    assert run.scores["q"] == pytest.approx([1.6, 1.4, 1.0])


def test_what_fills_a_block_never_wins_over_a_negative_product() -> None:
    run = rank_maxsim(many([[1, 0]]), many([[-0.6, 0.8]], [[-1, 0], [-0.8, 0.6], [-1, 0]]), ["q"], ["a", "b"])
    assert run.scores["q"] == pytest.approx([-0.6, -0.8])


@pytest.mark.parametrize("tile_bytes", [SMALLEST, 1 << 20, ROOMY])
@pytest.mark.parametrize("block_bytes", [SMALLEST, ROOMY])
@pytest.mark.parametrize("seed", range(4))
def test_rankings_and_scores_equal_a_double_loop(tile_bytes: int, block_bytes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    queries, candidates = ragged(rng, 19, 9, 8), ragged(rng, 60, 30, 8)
    run = rank_maxsim(
        queries,
        candidates,
        ids("q", 19),
        ids("c", 60),
        settings=RankSettings(k=60, block_bytes=block_bytes, tile_bytes=tile_bytes),
    )
    expected = by_double_loop(queries, candidates)
    for row, query_id in enumerate(ids("q", 19)):
        best = np.argsort(-expected[row])
        assert run.ranking[query_id] == [f"c{column:04}" for column in best]
        assert run.scores[query_id] == pytest.approx(expected[row, best].tolist(), abs=2e-6)


@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("tile_bytes", [SMALLEST, ROOMY])
def test_ties_and_pools_equal_a_stable_sort(pooled: bool, tile_bytes: int) -> None:
    rng = np.random.default_rng(8)
    # Small integers: sums of products are exact, and many are equal.
    queries = MultiVectors(rng.integers(-1, 2, size=(90, 3)).astype(np.float32), np.arange(0, 91, 3))
    lengths = rng.integers(1, 4, size=200)
    candidates = MultiVectors(
        rng.integers(-2, 3, size=(int(lengths.sum()), 3)).astype(np.float32), np.cumsum([0, *lengths])
    )
    query_ids, candidate_ids = rng.permutation(ids("q", 30)).tolist(), rng.permutation(ids("c", 200)).tolist()
    pools = None
    if pooled:
        some = [rng.choice(candidate_ids, size=size).tolist() for size in (0, 1, 4, 11, 40, 300)]
        pools = {query_id: some[rng.integers(len(some))] for query_id in query_ids}
    run = rank_maxsim(
        queries, candidates, query_ids, candidate_ids, pools, settings=RankSettings(k=20, tile_bytes=tile_bytes)
    )
    scores = by_double_loop(queries, candidates).astype(np.float32)
    assert (run.ranking, run.scores, run.tied) == by_brute_force(scores, query_ids, candidate_ids, pools, 20)
    assert run.tied


@pytest.mark.parametrize("dimensions", [5, 128, 320])
def test_neither_listing_nor_memory_nor_other_candidates_change_a_bit_of_a_score(dimensions: int) -> None:
    rng = np.random.default_rng(dimensions)
    queries, candidates = ragged(rng, 40, 60, dimensions), ragged(rng, 70, 90, dimensions)
    query_ids, candidate_ids = ids("q", 40), ids("c", 70)
    expected = rank_maxsim(queries, candidates, query_ids, candidate_ids)
    left, right = rng.permutation(40), rng.permutation(70)
    for block_bytes, tile_bytes in ((SMALLEST, SMALLEST), (5000, 1 << 19), (ROOMY, ROOMY)):
        assert expected == rank_maxsim(
            shuffled(queries, left), shuffled(candidates, right), [query_ids[i] for i in left],
            [candidate_ids[i] for i in right], settings=RankSettings(block_bytes=block_bytes, tile_bytes=tile_bytes),
        )  # fmt: skip
    some = dict.fromkeys(query_ids, candidate_ids[7:18])
    alone = rank_maxsim(queries, candidates, query_ids, candidate_ids, some)
    for query_id in query_ids:
        scores = dict(zip(expected.ranking[query_id], expected.scores[query_id], strict=True))
        assert [scores[name] for name in alone.ranking[query_id]] == alone.scores[query_id]


@pytest.mark.parametrize("dimensions", [3, 64, 129])
@pytest.mark.parametrize("pooled", [False, True])
def test_with_one_vector_an_item_the_ranking_is_that_of_the_dot_product(dimensions: int, pooled: bool) -> None:
    rng = np.random.default_rng(dimensions)
    queries, candidates = unit_rows(rng, 50, dimensions), unit_rows(rng, 90, dimensions)[rng.integers(90, size=333)]
    names = ids("q", 50), ids("c", 333)
    pools = {name: rng.choice(names[1], size=40).tolist() for name in names[0]} if pooled else None
    single = [MultiVectors(side, np.arange(len(side) + 1)) for side in (queries, candidates)]
    assert rank_maxsim(single[0], single[1], *names, pools) == rank(queries, candidates, *names, pools)


def test_equal_items_tie_and_come_in_the_order_of_their_ids() -> None:
    item = [[0.6, 0.8], [1, 0]]
    run = rank_maxsim(many([[1, 0]]), many(item, [[0, 1]], item, item[::-1]), ["q"], ["9", "b", "10", "8"])
    assert run.ranking == {"q": ["10", "8", "9", "b"]}
    assert run.tied == ["q"]


def test_a_product_is_no_larger_than_asked_unless_one_pair_is() -> None:
    lengths = np.random.default_rng(0).integers(1, 300, size=500)
    lengths[7] = 5000
    plan = tiles(lengths, 1000)
    assert sorted(np.concatenate([tile.columns for tile in plan]).tolist()) == list(range(500))
    assert all(len(tile.columns) * tile.width <= 1000 or tile.columns.tolist() == [7] for tile in plan)
    assert sum(len(tile.columns) * tile.width for tile in plan) < 1.2 * lengths.sum()
    split = runs(lengths, 1000)
    assert [row for part in split for row in range(part.start, part.stop)] == list(range(500))
    assert all(lengths[part].sum() <= 1000 or part == slice(7, 8) for part in split)


def test_without_queries_or_candidates_the_rankings_are_empty() -> None:
    nothing = MultiVectors(np.zeros((0, 2), dtype=np.float32), np.array([0]))
    assert rank_maxsim(nothing, many([[1, 0]]), [], ["a"]).ranking == {}
    assert rank_maxsim(many([[1, 0]]), nothing, ["q"], []).ranking == {"q": []}


def test_queries_and_candidates_of_different_dimensions_are_an_error() -> None:
    with pytest.raises(DataError, match="queries have 1 dimensions and candidates 2"):
        rank_maxsim(many([[1]]), many([[1, 0]]), ["q"], ["a"])


def test_good_vectors_pass_unchanged() -> None:
    vectors = ragged(np.random.default_rng(1), 5, 4, 6)
    checked = check_multi_vectors(vectors, ids("p", 5), "toy")
    np.testing.assert_array_equal(checked.vectors.rows, vectors.rows)
    assert (checked.warnings, checked.collapsed) == ([], False)


def test_an_item_without_a_vector_is_named() -> None:
    with pytest.raises(ModelError, match="toy: 1 of 2 items have no vector, the first is 'p1'"):
        check_multi_vectors(MultiVectors(np.eye(3, dtype=np.float32), np.array([0, 3, 3])), ["p0", "p1"], "toy")


def test_an_item_with_a_value_that_is_not_finite_is_named() -> None:
    with pytest.raises(ModelError, match="toy: 1 of 3 vectors are not finite, the first of item 'p1'"):
        check_multi_vectors(many([[1, 0]], [[0, 1], [np.nan, 0]]), ["p0", "p1"], "toy")


def test_rows_of_another_length_are_normalised_with_a_warning() -> None:
    checked = check_multi_vectors(many([[3, 4]], [[0, 1], [0, 0]]), ["p0", "p1"], "toy")
    np.testing.assert_allclose(checked.vectors.rows, [[0.6, 0.8], [0, 1], [0, 0]], rtol=1e-6)
    assert checked.warnings == [
        "toy: 1 of 3 vectors are zero, the first of item 'p1'",
        "toy: 1 of 3 vectors were not of unit length (from 5 to 5) and were normalised",
    ]


def test_items_of_the_same_vectors_have_collapsed_and_items_that_share_some_have_not() -> None:
    same = [[1, 0, 0], [0, 1, 0]]
    assert check_multi_vectors(many(same, same[::-1], same), ids("p", 3), "toy").collapsed
    assert not check_multi_vectors(many(same, [[1, 0, 0]], [[0, 1, 0]]), ids("p", 3), "toy").collapsed
    assert not check_multi_vectors(many(same), ["p"], "toy").collapsed


@pytest.mark.parametrize(
    ("rows", "offsets"), [((2, 2), [0, 1]), ((2, 2), [1, 2]), ((2, 2), [0, 2, 1, 2]), ((2,), [0, 2]), ((2, 2), [])]
)
def test_offsets_that_do_not_fit_the_rows_are_refused(rows: tuple[int, ...], offsets: list[int]) -> None:
    with pytest.raises(ValueError, match="MultiVectors takes rows of shape"):
        MultiVectors(np.ones(rows, dtype=np.float32), np.array(offsets))


def test_a_list_of_arrays_of_two_dimensions_is_many_vectors_an_item() -> None:
    found = as_vectors([torch.ones(2, 3, dtype=torch.bfloat16), np.ones((1, 3))], 2)
    assert isinstance(found, MultiVectors)
    assert (found.lengths.tolist(), found.rows.shape, found.rows.dtype) == ([2, 1], (3, 3), np.float32)
    assert isinstance(as_vectors([np.ones(3), np.ones(3)], 2), np.ndarray)


def test_items_of_different_dimensions_are_refused() -> None:
    with pytest.raises(ModelError, match=r"item 1 of 2 has shape \(2, 4\), expected that of item 0, \(2, 3\)"):
        as_vectors([np.ones((2, 3)), np.ones((2, 4))], 2)


@pytest.mark.parametrize(
    ("made", "found"),
    [
        (np.ones(3), r"ndarray \(of shape \(3,\)\)"),
        (np.ones((3, 2, 2, 2)), r"ndarray \(of shape \(3, 2, 2, 2\)\)"),
        (np.ones((2, 4)), "2"),
        (np.ones((3, 2)) * 1j, "ndarray \\(values of type complex128, no real numbers\\)"),
        (torch.ones(3, 2, dtype=torch.complex64), "Tensor \\(values of type complex64, no real numbers\\)"),
        (["abc"] * 3, "list \\(values of type <U3, no real numbers\\)"),
        ("abc", "str \\(neither an array nor a list\\)"),
        ([[None] * 4] * 3, "list \\(values of type object, no real numbers\\)"),
        (np.array([[None] * 4] * 3), "ndarray \\(values of type object, no real numbers\\)"),
        ([1.0, 2.0, 3.0], r"list \(item 0 of 3 has shape \(\), expected \(dimensions,\) or \(vectors, dimensions\)\)"),
        ([np.ones(4), np.ones(5), np.ones(4)], r"item 1 of 3 has shape \(5,\), expected that of item 0, \(4,\)"),
        ([np.ones(4), np.ones((2, 4)), np.ones(4)], r"item 1 of 3 has shape \(2, 4\), expected that of item 0, \(4,\)"),
        ([[1.0, [2.0]]] * 3, "list \\("),
        (None, "NoneType \\(neither an array nor a list\\)"),
        ((row for row in np.ones((3, 2))), "generator \\(neither an array nor a list\\)"),
        ({"a": np.ones(2)}, "dict \\(neither an array nor a list\\)"),
    ],
)
def test_what_is_no_vectors_of_so_many_items_is_refused(made: Any, found: str) -> None:
    with pytest.raises(ModelError, match=rf"expected vectors of 3 items from embed, .*found .*{found}"):
        as_vectors(made, 3)


@pytest.mark.parametrize(
    "made",
    [
        torch.ones(3, 2, requires_grad=True) * 2,
        torch.ones(3, 2, dtype=torch.bfloat16) * 2,
        [torch.ones(2, requires_grad=True) * 2] * 3,
        [[2, 2], [2, 2], [2, 2]],
        np.full((3, 2), 2, dtype=np.int64),
        np.full((3, 2), 2, dtype=np.float64),
    ],
)
def test_numbers_of_every_kind_are_taken(made: Any) -> None:
    found = as_vectors(made, 3)
    assert isinstance(found, np.ndarray)
    assert (found.dtype, found.tolist()) == (np.float32, [[2, 2]] * 3)


def test_an_array_of_three_dimensions_is_many_vectors_an_item() -> None:
    found = as_vectors(torch.ones(2, 3, 4), 2)
    assert isinstance(found, MultiVectors)
    assert (found.lengths.tolist(), found.rows.shape) == ([3, 3], (6, 4))


def test_items_one_by_one_are_what_they_were_together() -> None:
    assert [rows.tolist() for rows in by_item(np.eye(2, dtype=np.float32))] == [[[1, 0]], [[0, 1]]]
    assert np.array_equal(joined(by_item(np.eye(2, dtype=np.float32))), np.eye(2))
    several = MultiVectors.of([np.ones((2, 3)), np.ones((1, 3))])
    assert joined(by_item(several)).lengths.tolist() == [2, 1]
    with pytest.raises(ModelError, match="items have vectors of 9 and of 12 dimensions"):
        joined([np.ones((1, 9)), np.ones((1, 12))])


class Many:
    """Knows every shade: that of the item, between directions that all items of its side share."""

    def embed(self, items: list[Item], side: Side) -> list[Vectors]:
        found = []
        for item in items:
            vectors = np.zeros((1 + toys.shade_of(item) // 60, 6), dtype=np.float32)
            vectors[:, 5] = 1
            vectors[0] = np.eye(6)[toys.shade_of(item) // 60]
            found.append(vectors)
        return found


class Alike:
    """The same three vectors for everything."""

    def embed(self, items: list[Item], side: Side) -> MultiVectors:
        return MultiVectors(np.tile(np.eye(3, dtype=np.float32), (len(items), 1)), np.arange(0, 3 * len(items) + 1, 3))


@pytest.fixture
def task(tmp_path: Path, cache: Path) -> Task:
    toys.four_pages(tmp_path)
    return toys.toy_task(tmp_path, cache)


def test_a_model_of_many_vectors_that_knows_every_answer_scores_one(task: Task) -> None:
    result = evaluate(task, Many())
    assert (result.metrics["hit@1"], result.warnings, result.provenance["embedding"]["items"]) == (1, [], 8)


def test_a_model_of_many_vectors_that_embeds_everything_alike_scores_chance(task: Task) -> None:
    result = evaluate(task, Alike())
    assert (result.metrics["hit@1"], result.n_ties) == (1 / 4, 4)
    assert ["collapsed" in warning for warning in result.warnings] == [True, True]


def test_a_single_vector_on_one_side_is_a_row_of_one_as_with_a_class_of_the_command_line(task: Task) -> None:
    class Mixed(Many):
        def embed(self, items, side):  # type: ignore[no-untyped-def]
            return np.eye(4, 6) if side == "query" else super().embed(items, side)

    class Rows(Mixed):
        def embed(self, items, side):  # type: ignore[no-untyped-def]
            return [np.atleast_2d(one) for one in super().embed(items, side)]

    assert evaluate(task, Mixed()).metrics == evaluate(task, Rows()).metrics


def test_vectors_of_two_forms_are_not_ranked(task: Task) -> None:
    sides = Sides(np.eye(4, 6, dtype=np.float32), MultiVectors.of([np.ones((2, 6), dtype=np.float32)] * 4))
    with pytest.raises(ModelError, match="Mixed on toy: candidates have many vectors an item and queries a single one"):
        ranked(task, load_data(task), sides, "Mixed on toy")
