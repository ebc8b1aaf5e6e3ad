"""Evaluation of one task from end to end, with embedders whose scores are known."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from rzen_eval import evaluate, load_data, load_model, load_task
from rzen_eval.core import Mark, Run, Task, TaskData
from rzen_eval.data.query_choice import judgements
from rzen_eval.engine.picture_loader import Loader
from rzen_eval.errors import DataError, ModelError
from rzen_eval.evaluation.rankings import Rankings
from rzen_eval.evaluation.score import measure, score
from tests import toys


@pytest.fixture
def task(tmp_path: Path, cache: Path) -> Task:
    toys.four_pages(tmp_path)
    return toys.toy_task(tmp_path, cache)


def test_a_model_that_embeds_everything_alike_scores_chance(task: Task):
    result = evaluate(task, toys.Constant())
    assert result.metrics["hit@1"] == pytest.approx(1 / task.n_queries)
    assert result.n_ties == 4
    assert result.marks == (Mark.COLLAPSED,)
    assert any("collapsed" in warning for warning in result.warnings)


def test_a_model_that_knows_every_answer_scores_one(task: Task):
    result = evaluate(task, toys.Oracle())
    assert (result.score, result.exact, result.metrics["mrr@10"], result.n_ties) == (1, 1, 1, 4)
    assert (result.warnings, result.marks) == ([], ())


def test_the_order_of_the_corpus_changes_nothing(tmp_path: Path, cache: Path, task: Task):
    other = tmp_path / "other"
    toys.write_beir(
        other,
        {f"q{i}": f"shade {60 * i}" for i in range(4)},
        [(f"p{i}", toys.page(60 * i)) for i in (3, 1, 0, 2)],
        [(f"q{i}", f"p{i}", 1) for i in (2, 0, 3, 1)],
    )
    for embedder in (toys.Constant(), toys.Oracle()):
        assert evaluate(toys.toy_task(other, cache), embedder).metrics == evaluate(task, embedder).metrics


def test_nan_is_refused_with_model_and_task_named(task: Task):
    with pytest.raises(ModelError, match=r"Broken on toy, queries.*1 of 4"):
        evaluate(task, toys.Broken())


def test_what_an_embedder_returns_may_be_a_torch_tensor_of_any_kind(task: Task):
    class Torch(toys.Oracle):
        def embed(self, items, side):
            return torch.tensor(super().embed(items, side), dtype=torch.bfloat16, requires_grad=True)

    assert evaluate(task, Torch()).score == 1


def test_what_is_no_array_is_refused(task: Task):
    class Ragged:
        def embed(self, items, side):
            return [[1.0, 2.0], [1.0]]

    with pytest.raises(ModelError, match="expected vectors of 4 items from embed, an array of shape"):
        evaluate(task, Ragged())


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_is_no_number_is_no_result(task: Task):
    data = replace(load_data(task), qrels={"q0": {"p0": float("inf")}})
    run = Run({"q0": ["p0"]}, {"q0": [1.0]})
    with pytest.raises(DataError, match=r"toy: ndcg_exponential@1 is nan, no number"):
        measure(task, data, Rankings(run, run), [], {}, collapsed=False)


def test_a_query_without_text_is_named(tmp_path: Path, cache: Path):
    toys.write_beir(tmp_path, {"q7": ""}, {"p0": toys.page(0)}, [("q7", "p0", 1)])
    with pytest.raises(DataError, match="row 0 of toys/pages, queries: query is empty; expected a text"):
        load_data(toys.toy_task(tmp_path, cache))


def test_a_result_says_where_it_comes_from(task: Task):
    result = evaluate(task, toys.Oracle())
    told = result.provenance
    assert told["model"] == {"name": "Oracle"}
    assert told["dataset"]["repo"] == toys.REPO
    assert told["dataset"]["revision"].startswith("files:")
    assert {"rzen_eval", "torch", "transformers", "code"} <= set(told["software"])
    assert told["embedding"]["items"] == 8
    assert (result.n_queries, result.n_candidates, result.limit) == (4, 4, None)
    assert len(result.metrics) == 24


def test_a_real_model_leaves_prompts_budgets_and_speed_in_the_record(task: Task, checkpoint: Path):
    told = evaluate(task, load_model("rzenembed_v2_7b", f"checkpoint={checkpoint}", "device=cpu")).provenance
    head = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
    tail = "<|im_end|>\n<|im_start|>assistant\n<|endoftext|>"
    assert told["prompts"]["query"] == f"{head}Find: shade 0{tail}"
    assert told["prompts"]["candidate"] == f"{head}<|vision_start|><|image_pad|><|vision_end|>Read.{tail}"
    assert told["model"]["image"] == {"min_tokens": 256, "max_tokens": 1280}
    assert told["model"]["weights"].startswith("sha256:")
    assert told["embedding"]["tokens_per_second"] > 0
    assert told["embedding"]["padding_share"] < 0.05


def test_a_task_without_queries_is_refused(mirror: Path, cache: Path):
    dataset = {"repo": "vidore/esg_reports_v2", "split": "test", "language": "finnish"}
    with pytest.raises(DataError, match="toy: vidore/esg_reports_v2 has no queries"):
        load_data(toys.toy_task(mirror, cache, dataset=dataset))


def test_limit_scores_the_first_queries_against_the_whole_corpus(tmp_path: Path, cache: Path):
    toys.four_pages(tmp_path)
    result = evaluate(toys.toy_task(tmp_path, cache, limit="first:2"), toys.Oracle())
    assert (result.n_queries, result.n_candidates, str(result.limit), result.warnings) == (2, 4, "first:2", [])
    assert result.sampled is None


def test_a_random_sample_says_of_how_many_it_is_and_how_sure_its_score_is(tmp_path: Path, cache: Path):
    toys.four_pages(tmp_path)
    whole = evaluate(toys.toy_task(tmp_path, cache), toys.Oracle())
    result = evaluate(toys.toy_task(tmp_path, cache, limit=2), toys.Oracle())
    assert (result.n_queries, result.n_candidates, str(result.limit), result.score) == (2, 4, "sample:2", 1.0)
    sampled = result.sampled
    assert sampled is not None
    assert (sampled.n_queries, sampled.judgements) == (4, whole.provenance["dataset"]["judgements"])
    # Two hits, with two hits and two misses added: variance 2/9 over 6 queries, half of the task unseen.
    assert sampled.error == pytest.approx((2 / 9 / 6 / 2) ** 0.5)
    assert evaluate(toys.toy_task(tmp_path, cache, limit=9), toys.Oracle()).sampled.error == 0


def test_integer_ids_with_mixed_grades_have_two_readings(tmp_path: Path, cache: Path):
    ids = [742, 743, 1261, 5]
    toys.write_beir(
        tmp_path,
        {0: "shade 0"},
        {name: toys.page(60 * i) for i, name in enumerate(ids)},
        [(0, 742, 1), (0, 743, 3), (0, 1261, 1)],
    )

    class Graded(toys.Oracle):
        """Ranks 743 first, then the other two, then the rest."""

        def embed(self, items, side):
            vectors = super().embed(items, side)
            if side == "query":
                vectors[0] = [0.5, 0.7, 0.4, 0.3, 0]
            return vectors

    result = evaluate(toys.toy_task(tmp_path, cache, n_queries=1), Graded())
    assert result.exact == pytest.approx(1)
    assert result.score == pytest.approx(0.8213, abs=5e-5)
    assert result.official["ndcg_exponential@5"] == pytest.approx(0.7277, abs=5e-5)
    assert "hit@1" not in result.official


def test_string_ids_have_one_reading_whatever_the_grades(tmp_path: Path, cache: Path):
    toys.write_beir(
        tmp_path, {"q": "shade 0"}, {f"p{i}": toys.page(60 * i) for i in range(4)}, [("q", "p0", 3), ("q", "p2", 1)]
    )
    result = evaluate(toys.toy_task(tmp_path, cache, n_queries=1), toys.Oracle())
    assert result.official == {}
    assert result.score == result.exact


def test_data_and_runs_print_their_counts_and_not_their_contents(task: Task):
    data = load_data(task)
    assert repr(data) == "<TaskData: 4 queries, 4 candidates in one corpus>"
    assert repr(replace(data, pools={})) == "<TaskData: 4 queries, 4 candidates in pools>"
    run = Run({"q": ["a", "b"], "r": []}, {"q": [0.5, 0.25], "r": []}, ["q"])
    assert repr(run) == "<Run: 2 queries, up to 2 candidates each, 1 tied>"


def test_counts_that_differ_are_a_warning_for_a_mirror_and_an_error_where_asked_for(tmp_path: Path, cache: Path):
    toys.four_pages(tmp_path)
    task = toys.toy_task(tmp_path, cache, n_queries=7)
    expected = "expected 7 queries and 4 candidates in toys/pages, found 4 and 4"
    found = evaluate(task, toys.Oracle())
    assert expected in found.warnings[0]
    assert found.marks == (Mark.OTHER_DATA,)
    assert found.provenance["options"] == dict(task.options)
    strict = task.model_copy(update={"source": task.source.model_copy(update={"strict": True})})
    with pytest.raises(DataError, match=expected):
        load_data(strict)


def test_a_task_from_the_mirror_loads_by_name(mirror: Path):
    data = load_data(load_task("visdoc/vidore_docvqa", "data=mirror", f"data.root={mirror}"))
    assert (len(data.queries), len(data.candidates), data.integer_ids) == (8, 14, True)
    assert data.queries[0].instruction == "Find a document image that matches the given query:"
    assert data.candidates[0].instruction == "Understand the content of the provided document image."
    assert data.candidates[3].images[0].read().startswith(b"\x89PNG")


def test_english_queries_alone_are_ranked_against_the_same_pages(mirror: Path):
    every, english = (
        load_data(load_task(f"visdoc/vidore_esg_reports_v2{version}", "data=mirror", f"data.root={mirror}"))
        for version in ("_multilingual", "")
    )
    assert (len(every.queries), len(english.queries)) == (32, 8)
    assert every.candidate_ids == english.candidate_ids
    assert set(english.query_ids) < set(every.query_ids)


def test_queries_average_to_the_result_in_both_readings(tmp_path: Path, cache: Path):
    # One query of four has mixed grades and integer ids, so its readings differ; those of the others do not.
    toys.write_beir(
        tmp_path,
        {i: f"shade {60 * i}" for i in range(4)},
        {742 + i: toys.page(60 * i) for i in range(4)},
        [(0, 743, 3), (0, 742, 1), (1, 743, 1), (2, 744, 1), (3, 745, 1)],
    )
    with Loader(0) as loader:
        found = score(toys.toy_task(tmp_path, cache), toys.Oracle(), loader, tokens_per_batch=1)
    assert found.queries.query_ids == ["0", "1", "2", "3"]
    for values, mean in ((found.queries.score, found.result.score), (found.queries.exact, found.result.exact)):
        assert values.mean() == pytest.approx(mean, abs=1e-12)
        assert values[1:].tolist() == [1, 1, 1]
    assert found.queries.score[0] != found.queries.exact[0]


def test_judgements_are_told_apart_by_ids_grades_and_pools_but_not_by_order():
    qrels = {"q": {"a": 1.0}, "r": {"b": 2.0}}
    data = TaskData(["q", "r"], [], ["a", "b"], [], qrels)
    same = replace(data, query_ids=["r", "q"], candidate_ids=["b", "a"], qrels=dict(reversed(qrels.items())))
    assert judgements(same) == judgements(data)
    others = [
        replace(data, qrels=qrels | {"q": {"b": 1.0}}),
        replace(data, qrels=qrels | {"r": {"b": 1.0}}),
        replace(data, candidate_ids=["a", "b", "c"]),
        replace(data, pools={"q": ["a"], "r": ["a", "b"]}),
    ]
    assert len({judgements(data), *map(judgements, others)}) == 5
