"""Scores of tasks that follow mteb, against what mteb made of the same repository and vectors."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rzen_eval import evaluate, load_data, load_task
from rzen_eval.core import Item, Side, Vectors
from rzen_eval.errors import ConfigError, ModelError
from rzen_eval.evaluation.score import Scored
from tests.conftest import FIXTURES
from tests.toys import page
from tests.vidore3 import Table, write

GOLDEN = FIXTURES / "vidore_v3"
MODELS = ("ties", "near", "free", "multi", "multi_free")
"""Tables of vectors; `near` is compared by dot product, the single others by cosine, the rest token by token."""
OURS = {
    "ndcg": "ndcg_linear",
    "hit_rate": "hit",
    "precision": "precision",
    "recall": "recall",
    "map": "map",
    "mrr": "mrr",
}


def golden(language: str, model: str) -> Scored:
    task = load_task(f"vidore_v3/vidore3_finance_en_{language}", "data=mirror", f"data.root={GOLDEN / 'mirror'}")
    data = load_data(task)
    with np.load(GOLDEN / "vectors.npz") as vectors:
        sides = [
            [vectors[f"Vidore3FinanceEnRetrieval|{model}|{side}|{name}"] for name in ids]
            for side, ids in (("q", data.query_ids), ("d", data.candidate_ids))
        ]
    return Table(*sides, similarity="dot" if model == "near" else "cosine").scored(task)


def official(found: Scored, metric: str) -> float:
    return found.result.official.get(metric, found.result.metrics[metric])


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GOLDEN / "expected.json").read_text())
    return found


@pytest.mark.parametrize("model", MODELS)
def test_scores_equal_mtebs_for_every_query_subset_and_task(model: str, expected: dict[str, Any]):
    printed = []
    for language, subset in expected[model]["subsets"].items():
        found = golden(language, model)
        for query_id, value in zip(found.queries.query_ids, found.queries.score, strict=True):
            one = subset["queries"][query_id]
            assert value == pytest.approx(one["ndcg_at_10"], abs=1e-14)
            assert list(found.run.ranking[query_id][:10]) == one["top"]
        for name, value in subset["metrics"].items():
            family, _, k = name.rpartition("_at_")
            assert round(official(found, f"{OURS.get(family, family)}@{k}"), 5) == round(value, 5), name
        assert round(found.result.score, 5) == subset["main_score"]
        printed.append(round(found.result.score, 5))
    assert np.mean(printed) == pytest.approx(expected[model]["task_score"], abs=1e-14)


LATE = [[[1, 0]]], [[[-0.6, 0.8], [-0.6, -0.8]], [[-1, 0]]]
"""A question that both pages are opposed to; the shorter one, p2, is filled up with a vector of zeros."""


@pytest.mark.parametrize("vectors", [([[1, 0]], [[2, 0], [2, 0]]), LATE], ids=["tied pages", "a shorter page"])
def test_the_textbook_reading_has_neither_mtebs_ties_nor_its_zeros(tmp_path: Path, vectors: tuple[Any, Any]):
    write(tmp_path, {"p1": page(10), "p2": page(10)}, {"english": {"q": "Which?"}}, [("q", "p2", 1)])
    task = load_task("vidore_v3/vidore3_hr_english", "data=mirror", f"data.root={tmp_path}")
    result = Table(*vectors).scored(task).result
    assert (result.score, result.exact) == (1.0, pytest.approx(1 / np.log2(3)))
    assert result.n_ties == (vectors is not LATE)


def test_lengths_count_where_a_model_is_compared_by_dot_product(tmp_path: Path):
    write(tmp_path, {"p1": page(10), "p2": page(20)}, {"english": {"q": "Which?"}}, [("q", "p2", 1)])
    task = load_task("vidore_v3/vidore3_hr_english", "data=mirror", f"data.root={tmp_path}")
    vectors = [[1.0, 0.0]], [[0.9, 0.1], [3.0, 3.0]]
    by_cosine, by_dot = (Table(*vectors, similarity=name).scored(task).result for name in ("cosine", "dot"))
    assert (by_cosine.exact, by_dot.exact) == (pytest.approx(1 / np.log2(3)), 1.0)
    assert (by_cosine.score, by_dot.score) == (by_cosine.exact, by_dot.exact)


class Far:
    """Compares by a measure that mteb's tasks here have no use for."""

    similarity = "euclidean"

    def embed(self, items: Sequence[Item], side: Side) -> Vectors:
        return np.ones((len(items), 1), dtype=np.float32)


def test_another_similarity_is_refused(tmp_path: Path):
    write(tmp_path, {"p1": page(10), "p2": page(20)}, {"english": {"q": "Which?"}}, [("q", "p1", 1)])
    task = load_task("vidore_v3/vidore3_hr_english", "data=mirror", f"data.root={tmp_path}")
    with pytest.raises(ModelError, match=r"Table\.similarity: expected 'cosine' or 'dot', found 'euclidean'"):
        Table([[1.0]], [[1.0], [0.5]], similarity="euclidean").scored(task)
    with pytest.raises(ModelError, match=r"Far\.similarity: expected 'cosine' or 'dot', found 'euclidean'"):
        evaluate(task, Far())


def test_a_task_of_mtebs_with_pools_is_refused():
    with pytest.raises(ConfigError, match="mteb ranks the whole corpus, found pool: query"):
        load_task("vidore_v3/vidore3_hr_english", "tasks.vidore3_hr_english.pool=query")
