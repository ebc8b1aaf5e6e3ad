from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import RR, P, R, Success, nDCG

from rzen_eval.core import Run
from rzen_eval.errors import ConfigError, DataError
from rzen_eval.ranking.metrics import METRICS, Reading, checked_name, per_query, score_run

if TYPE_CHECKING:
    from collections.abc import Mapping

FIXTURES = Path(__file__).parents[1] / "fixtures" / "metrics"
CASES = json.loads((FIXTURES / "cases.json").read_text())
EXPECTED = json.loads((FIXTURES / "expected.json").read_text())
NOT_A_MAPPING = [case["id"] for case in CASES if case["tag"].startswith("error_")]
GOLDEN = [pytest.param(case, id=f"{case['id']}-{case['tag']}") for case in CASES if case["id"] not in NOT_A_MAPPING]
READINGS: tuple[Reading, Reading] = ("exact", "official")

rankings = st.lists(st.integers(0, 20), max_size=25)
judgements = st.dictionaries(st.integers(0, 20), st.sampled_from([0, 0.5, 1, 2, 3]), max_size=15)
topics = st.dictionaries(st.integers(0, 9), st.tuples(rankings, judgements), min_size=1, max_size=6)
quick = settings(max_examples=150, deadline=None)


def one(ranking: list[Any], judged: Mapping[Any, float], reading: Reading = "exact") -> dict[str, float]:
    return score_run({"q": ranking}, {"q": judged}, reading)


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize(
    ("ranking", "relevant", "expected"),
    [
        ("abcde", "b", {"hit@1": 0, "hit@5": 1, "ndcg_linear@5": 0.63093, "precision@5": 0.2, "recall@5": 1}),
        ("abcde", "b", {"f1@5": 0.333333, "map@5": 0.5, "mrr@5": 0.5, "mrr@1": 0}),
        ("ab", "a", {"hit@1": 1, "ndcg_exponential@5": 1, "precision@5": 0.2, "precision@10": 0.1, "map@5": 1}),
        ("abcdefg", "abcdefg", {"precision@5": 1, "recall@5": 0.714286, "f1@5": 0.833333, "map@5": 1, "mrr@5": 1}),
        ("axyzb", "ab", {"hit@1": 1, "ndcg_linear@5": 0.850345, "precision@5": 0.4, "f1@5": 0.571429, "map@5": 0.7}),
        ("abc", "", {"recall@1": 1, "recall@10": 1, "hit@5": 0, "precision@5": 0, "f1@5": 0, "map@5": 0, "mrr@5": 0}),
        ("", "a", dict.fromkeys(METRICS, 0.0)),
    ],
)
def test_the_definitions_of_the_protocol_hold(
    ranking: str, relevant: str, expected: dict[str, float], reading: Reading
) -> None:
    found = one(list(ranking), dict.fromkeys(relevant, 1), reading)
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("reading", READINGS)
def test_with_one_positive_and_no_copies_every_metric_at_1_is_the_same(reading: Reading) -> None:
    found = one(["a", "b"], {"a": 1}, reading)
    assert {found[name] for name in METRICS if name.endswith("@1")} == {1.0}


@pytest.mark.parametrize(
    ("ranking", "expected"),
    [
        ("xxyzw", {"hit@1": 1, "ndcg_linear@5": 1.63093, "map@5": 2.0, "mrr@5": 1, "precision@5": 0.2}),
        ("yxxzw", {"hit@1": 0, "ndcg_linear@5": 1.13093, "map@5": 1.166667, "mrr@5": 0.5, "precision@5": 0.2}),
    ],
)
def test_officially_a_copy_of_the_positive_gains_again(ranking: str, expected: dict[str, float]) -> None:
    found = one(list(ranking), {"x": 1}, "official")
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-5)


def test_in_the_exact_reading_a_copy_vanishes_and_later_candidates_move_up() -> None:
    assert one(list("yxxzw"), {"x": 1}) == one(list("yxzw"), {"x": 1})
    assert one(["y"] * 10 + ["x"], {"x": 1})["mrr@5"] == 0.5


def test_a_perfect_graded_ranking_officially_stays_below_one() -> None:
    judged = {742: 1, 743: 3, 1261: 1}
    official, exact = one([743, 742, 1261], judged, "official"), one([743, 742, 1261], judged)
    assert official["ndcg_linear@5"] == pytest.approx(0.8213, abs=5e-5)
    assert official["ndcg_exponential@5"] == pytest.approx(0.7277, abs=5e-5)
    assert exact["ndcg_linear@5"] == exact["ndcg_exponential@5"] == 1.0
    same = [name for name in METRICS if not name.startswith("ndcg")]
    assert [official[name] for name in same] == [exact[name] for name in same]


def test_a_set_order_that_keeps_the_high_grade_in_place_changes_nothing() -> None:
    judged = {1177: 3, 1161: 1, 1162: 1, 1163: 1}
    assert one(list(judged), judged, "official") == one(list(judged), judged)


def test_the_official_set_grows_from_a_list_and_not_from_a_mapping() -> None:
    judged = {393: 1, 2063: 1, 544: 1, 1046: 1, 3285: 3}
    assert list(set(list(judged)))[-1] == 1046  # noqa: C414 - a set of the mapping itself ends in 2063
    assert one([1046], judged, "official")["ndcg_linear@1"] == 1.0
    assert one([1046], judged)["ndcg_linear@1"] == pytest.approx(1 / 3)


def test_the_two_readings_of_graded_string_ids_are_the_same() -> None:
    judged = {"p1": 1, "p2": 3, "p3": 1}
    assert one(["p2", "p1", "p3"], judged, "official") == one(["p2", "p1", "p3"], judged)


def test_a_grade_of_zero_is_a_label_officially_and_irrelevant_otherwise() -> None:
    assert one(["a"], {"a": 0, "b": 1}, "official")["hit@1"] == 1.0
    assert one(["a"], {"a": 0, "b": 1})["hit@1"] == 0.0


@pytest.mark.parametrize("case", GOLDEN)
def test_the_official_reading_gives_what_the_official_evaluator_gave(case: dict[str, Any]) -> None:
    judged = judged_by(case)
    expected = EXPECTED["seed0"][case["id"]]
    if len(set(judged.values())) > 1 and any(isinstance(candidate_id, str) for candidate_id in judged):
        expected = expected | EXPECTED["ndcg_aligned"][case["id"]]  # the rest depends on the hash seed
    assert one(case["prediction"], judged, "official") == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("case", GOLDEN)
def test_the_exact_reading_keeps_grades_with_their_candidates(case: dict[str, Any]) -> None:
    judged, ranking = judged_by(case), case["prediction"]
    expected = EXPECTED["seed0"][case["id"]] | EXPECTED["ndcg_aligned"][case["id"]]
    if case["tag"] == "duplicate_predictions":
        expected = one(list(dict.fromkeys(ranking)), judged, "official")
    if 0 in judged.values():
        expected = EXPECTED["ndcg_aligned"][case["id"]]  # the other metrics take a grade of zero for relevant
    found = one(ranking, judged)
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)


def test_only_labels_without_one_grade_each_are_left_out_of_the_golden_cases() -> None:
    left_out = [case for case in CASES if case["id"] in NOT_A_MAPPING]
    assert [len(case["label"]) - len(case["rel_scores"]) for case in left_out] == [1]


def judged_by(case: dict[str, Any]) -> dict[Any, float]:
    labels = case["label"] if isinstance(case["label"], list) else [case["label"]]
    labels = list(dict.fromkeys(labels))
    return dict(zip(labels, case["rel_scores"] or [1] * len(labels), strict=True))


def test_every_metric_agrees_with_ir_measures_where_the_definitions_coincide() -> None:
    rng = random.Random(0)
    corpus = [f"d{i}" for i in range(30)]
    run = {f"q{i}": rng.sample(corpus, k=rng.randint(0, 30)) for i in range(40)}
    qrels = {
        query_id: {name: rng.randint(1, 3) for name in rng.sample(corpus, k=rng.randint(1, 12))} for query_id in run
    }
    scored = {query_id: {name: -float(i) for i, name in enumerate(ranked)} for query_id, ranked in run.items()}
    names = {"hit": Success, "ndcg_linear": nDCG, "precision": P, "recall": R, "mrr": RR}
    measures = {f"{family}@{k}": measure @ k for family, measure in names.items() for k in (1, 5, 10)}
    found = ir_measures.calc_aggregate(list(measures.values()), qrels, scored)
    ours = score_run(run, qrels)
    assert {name: ours[name] for name in measures} == pytest.approx({name: found[measures[name]] for name in measures})


def test_the_names_come_in_a_fixed_order() -> None:
    assert list(one(["a"], {"a": 1})) == list(METRICS)
    assert METRICS[:4] == ("hit@1", "hit@5", "hit@10", "ndcg_linear@1")
    assert len(METRICS) == 24


def test_scores_are_means_of_the_queries_in_the_order_of_the_judgements() -> None:
    qrels = {"b": {"x": 1}, "a": {"x": 1}, "c": {"x": 1}}
    found = per_query({"a": ["y", "x"], "b": ["x"]}, qrels)
    assert found.query_ids == ("b", "a", "c")
    np.testing.assert_array_equal(found.values["mrr@5"], [1.0, 0.5, 0.0])
    assert found.means()["mrr@5"] == 0.5


def test_a_run_is_scored_by_its_rankings() -> None:
    run = Run(ranking={"q": ["a", "b"]}, scores={"q": [0.9, 0.1]})
    assert score_run(run, {"q": {"b": 1}}) == one(["a", "b"], {"b": 1})


def test_a_judged_query_that_the_run_lacks_scores_as_an_empty_ranking() -> None:
    assert score_run({"a": ["x"]}, {"a": {"x": 1}, "b": {"x": 1}})["hit@1"] == 0.5


def test_a_ranked_query_that_is_not_judged_is_an_error() -> None:
    with pytest.raises(DataError, match=r"query 'b'.*do not judge"):
        score_run({"a": ["x"], "b": ["x"]}, {"a": {"x": 1}})


def test_without_judgements_there_is_nothing_to_score() -> None:
    with pytest.raises(DataError, match="judge no query"):
        score_run({}, {})


def test_ids_that_can_never_match_are_an_error_and_not_a_score_of_zero() -> None:
    with pytest.raises(DataError, match="run's ids are int, those of the qrels str"):
        score_run({"q": [17, 3]}, {"q": {"17": 1}})  # type: ignore[misc]


def test_an_unknown_reading_is_an_error() -> None:
    with pytest.raises(ConfigError, match="'textbook'; choose one of exact, official"):
        score_run({}, {"q": {"a": 1}}, "textbook")  # type: ignore[arg-type]


def test_an_unknown_metric_is_answered_with_the_nearest() -> None:
    assert checked_name("ndcg_linear@5") == "ndcg_linear@5"
    with pytest.raises(ConfigError, match=r"'ndcg_liner@5' \(did you mean ndcg_linear@5\?\)"):
        checked_name("ndcg_liner@5")
    with pytest.raises(ConfigError, match=r"'accuracy'; expected one of hit, .*, at 1, 5 or 10"):
        checked_name("accuracy")


@quick
@given(topics, st.randoms(use_true_random=False))
def test_the_order_of_queries_and_judgements_changes_nothing(
    topics: dict[int, tuple[list[int], dict[int, float]]], rng: random.Random
) -> None:
    run = {query_id: ranked for query_id, (ranked, _) in topics.items()}
    qrels = {query_id: judged for query_id, (_, judged) in topics.items()}
    shuffled = {
        query_id: dict(rng.sample(sorted(qrels[query_id].items()), k=len(qrels[query_id])))
        for query_id in rng.sample(sorted(qrels), k=len(qrels))
    }
    assert score_run(run, shuffled) == score_run(run, qrels)


@quick
@given(rankings, judgements)
def test_no_exact_value_leaves_the_range_from_0_to_1(ranking: list[int], judged: dict[int, float]) -> None:
    assert all(0 <= value <= 1 for value in one(ranking, judged).values())


@quick
@given(st.permutations(range(21)), judgements, st.lists(st.integers(100, 120)))
def test_irrelevant_candidates_after_the_tenth_place_change_nothing(
    ranking: list[int], judged: dict[int, float], tail: list[int]
) -> None:
    for reading in READINGS:
        assert one(ranking[:10] + tail, judged, reading) == one(ranking[:10], judged, reading)


@quick
@given(judgements.filter(lambda judged: any(judged.values())))
def test_a_perfect_ranking_scores_one(judged: dict[int, float]) -> None:
    found = one(sorted(judged, key=lambda candidate_id: -judged[candidate_id]), judged)
    perfect = [name for name in METRICS if name.startswith(("hit", "ndcg", "map", "mrr"))]
    assert [found[name] for name in perfect] == [1.0] * len(perfect)


@quick
@given(st.lists(st.integers(0, 20), unique=True), st.sets(st.integers(0, 20)), st.sampled_from([1, 2, 3]))
def test_the_readings_agree_without_copies_and_with_one_grade(
    ranking: list[int], relevant: set[int], grade: int
) -> None:
    judged = dict.fromkeys(relevant, grade)
    assert one(ranking, judged, "official") == one(ranking, judged, "exact")
