"""A second stage on rankings that are kept: scores, ties, what is computed once, and what is refused."""

import gzip
import json
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rzen_eval.config import compose
from rzen_eval.config.schema import RunConfig
from rzen_eval.core import Mark
from rzen_eval.evaluation.progress import Progress
from rzen_eval.evaluation.rerank import Stages, ranked, rerank
from rzen_eval.evaluation.session import Outcome, run
from rzen_eval.ranking.metrics import per_query
from rzen_eval.results import per_query as beside
from rzen_eval.results import store
from rzen_eval.results.statistics.stages import changes
from tests import toys
from tests.conftest import FIXTURES
from tests.evaluation import judges
from tests.loopback import Hub

FIRST = ("model=python", "model.class=tests.evaluation.judges:Embedder", "model.name=first")


@dataclass
class Bench:
    """Four queries about four pages, and both stages on them."""

    root: Path

    def config(self, *words: str, **fields: Any) -> RunConfig:
        places = (f"results_dir={self.root / 'results'}", f"cache_dir={self.root / 'cache'}", "runtime.workers=0")
        config = compose.load(["task=visdoc/vidore_docvqa", *words, *places])
        task = toys.toy_task(self.root / "mirror", self.root / "cache", **fields)
        return config.model_copy(update={"tasks": {task.id: task}, "limit": task.limit})

    def first(self, **fields: Any) -> Outcome:
        return run(self.config(*FIRST, **fields), Progress("quiet"))

    def second(self, judge: str = "Shades", *words: str, top_k: int = 4, **fields: Any) -> Outcome:
        own = ("reranker=python", f"reranker.class=tests.evaluation.judges:{judge}", "reranker.batch_size=2")
        config = self.config(*own, *words, **fields)
        assert config.reranker is not None
        stages = Stages(self.root / "results/first", "first", top_k, config.reranker)
        return rerank(config, stages, Progress("quiet"))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    judges.ASKED.clear()
    (tmp_path / "mirror").mkdir()
    toys.four_pages(tmp_path / "mirror")
    made = Bench(tmp_path)
    assert made.first().failed == {}
    return made


def test_candidates_are_in_the_order_of_the_new_scores(bench: Bench):
    outcome = bench.second("Shades", "reranker.options={sign: 1.0}")
    assert outcome.failed == {}
    folder = bench.root / "results" / "first+Shades"
    kept = beside.read_run(folder, "toy")
    assert kept is not None
    # The furthest shade first; of q0 that is p3.
    assert kept.ranking["q0"] == ["p3", "p2", "p1", "p0"]
    assert kept.scores["q0"] == [180, 120, 60, 0]
    result = store.read(folder / "toy.json")
    # The page that a query is about is the last of its four.
    assert result.exact == result.score == pytest.approx(1 / np.log2(5))
    said = result.provenance["second_stage"]
    assert said["top_k"] == 4
    assert said["reranker"]["class"] == "tests.evaluation.judges:Shades"
    assert said["first_stage"]["name"] == "first"
    assert said["first_stage"]["exact"] == 1
    assert result.provenance["model"]["name"] == "first+Shades"


def test_equal_scores_keep_the_order_of_the_first_stage_and_are_counted(bench: Bench):
    result = bench.second("Flat").results["toy"]
    assert result.exact == 1
    assert result.n_ties == 4
    assert result.marks == (Mark.COLLAPSED,)
    assert "so the first stage's order stays" in result.warnings[-1]
    # Of q1 the shades 0 and 120 are as far away as each other.
    result = bench.second("Shades").results["toy"]
    assert (result.exact, result.n_ties, result.marks) == (1, 2, ())


def test_a_larger_top_k_and_a_second_run_compute_only_what_is_missing(bench: Bench):
    assert bench.second(top_k=2).results["toy"].exact == 1
    assert sum(judges.ASKED) == 8
    judges.ASKED.clear()
    assert bench.second(top_k=3).results["toy"].n_candidates == 4
    assert sum(judges.ASKED) == 4
    judges.ASKED.clear()
    again = bench.second(top_k=3).results["toy"]
    assert judges.ASKED == []
    assert again.provenance["second_stage"]["top_k"] == 3
    bench.second("Shades", "reranker.version=b", top_k=3)
    assert sum(judges.ASKED) == 12


def test_results_tell_that_a_reranker_was_taken_without_a_pin(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "home/hub"))
    shutil.copytree(FIXTURES / "reranker/tiny", tmp_path / "hub/a/judge")
    own = ["checkpoint=a/judge", "revision=null", "name=judge", "device=cpu", "prompt.spelled=[]"]
    config = bench.config("reranker=qwen3_vl_reranker_2b", *(f"reranker.{word}" for word in own))
    assert config.reranker is not None
    stages = Stages(tmp_path / "results/first", "first", 2, config.reranker)
    with Hub(tmp_path / "hub") as served:
        served.lead(monkeypatch)
        outcome = rerank(config, stages, Progress("quiet"))
    assert outcome.failed == {}
    (said,) = [text for text in outcome.results["toy"].warnings if "pin" in text]
    assert re.fullmatch(
        r"judge: a/judge has no pin and was taken at its newest commit, (\w{40}); reranker\.revision=\1 gives the same"
        r" weights again",
        said,
    )


def test_what_is_not_among_the_candidates_is_missed(bench: Bench):
    file = bench.root / "results/first/runs/toy.jsonl.gz"
    lines = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    for line in lines:
        line["candidates"] = line["candidates"][1:] + line["candidates"][:1]
    rewrite(file, lines)
    assert bench.second(top_k=3).results["toy"].exact == 0
    assert bench.second(top_k=4).results["toy"].exact == 1


def rewrite(file: Path, lines: list[dict[str, Any]]) -> None:
    """Other rankings beside a result, as if they had been written with it."""
    content = gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode(), mtime=0)
    file.write_bytes(content)
    result = file.parents[1] / f"{file.name.partition('.')[0]}.json"
    said = json.loads(result.read_text())
    said["provenance"]["files"]["runs"] = beside.digest(content)
    result.write_text(json.dumps(said))


@pytest.mark.parametrize("stop", [3, 5])
def test_a_run_that_is_stopped_goes_on_and_ends_with_equal_results(
    bench: Bench, stop: int, monkeypatch: pytest.MonkeyPatch
):
    whole = bench.second("Shades", "reranker.version=another").results["toy"]
    total = sum(judges.ASKED)
    (bench.root / "results/first+Shades/toy.json").unlink()
    judges.ASKED.clear()
    monkeypatch.setattr(judges, "STOP", [stop])
    with pytest.raises(KeyboardInterrupt):
        bench.second()
    before = sum(judges.ASKED)
    assert 0 < before < total
    assert not (bench.root / "results/first+Shades/toy.json").is_file()
    monkeypatch.setattr(judges, "STOP", [])
    result = bench.second().results["toy"]
    # What was in the window that it was stopped in is done again.
    assert total <= sum(judges.ASKED) < total + before
    assert (result.metrics, result.exact, result.n_ties) == (whole.metrics, whole.exact, whole.n_ties)


def test_limit_scores_the_queries_that_it_leaves(bench: Bench):
    result = bench.second(limit=2).results["toy"]
    assert (result.n_queries, str(result.limit), result.exact) == (2, "sample:2", 1)
    assert sum(judges.ASKED) == 8


Change = Callable[[Bench], Outcome]


def other_grades(bench: Bench) -> Outcome:
    return renewed(bench, "q0", [("q0", "p1", 1), *[(f"q{i}", f"p{i}", 1) for i in range(1, 4)]])


def renewed(
    bench: Bench, query: str, qrels: list[tuple[str, str, int]], pages: Sequence[str] = ("p0", "p1", "p2", "p3")
) -> Outcome:
    """Another repository in the place of the one that the first stage read."""
    (bench.root / "other").mkdir()
    names = {query: "shade 0"} | {f"q{i}": f"shade {60 * i}" for i in range(1, 4)}
    toys.write_beir(bench.root / "other", names, {name: toys.page(60 * i) for i, name in enumerate(pages)}, qrels)
    (bench.root / "mirror").rename(bench.root / "old")
    (bench.root / "other").rename(bench.root / "mirror")
    return bench.second(n_candidates=len(pages))


def fewer_pages(bench: Bench) -> Outcome:
    return renewed(bench, "q0", [(f"q{i}", f"p{min(i, 2)}", 1) for i in range(4)], pages=["p0", "p1", "p2"])


def another_page(bench: Bench) -> Outcome:
    without_judgements(bench)
    return renewed(bench, "q0", [(f"q{i}", "p0", 1) for i in range(4)], pages=["p0", "p1", "p2", "new"])


def another_query(bench: Bench) -> Outcome:
    without_judgements(bench)
    return renewed(bench, "new", [("new", "p0", 1), *[(f"q{i}", f"p{i}", 1) for i in range(1, 4)]])


def without_judgements(bench: Bench) -> None:
    """A result as older releases wrote it."""
    file = bench.root / "results/first/toy.json"
    said = json.loads(file.read_text())
    del said["provenance"]["dataset"]["judgements"]
    file.write_text(json.dumps(said))


def no_result(bench: Bench) -> Outcome:
    (bench.root / "results/first/toy.json").unlink()
    return bench.second()


def shorter(bench: Bench) -> Outcome:
    file = bench.root / "results/first/runs/toy.jsonl.gz"
    lines = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    rewrite(file, [line | {key: line[key][:3] for key in ("candidates", "scores")} for line in lines])
    return bench.second(top_k=4)


def a_part_of_the_queries(bench: Bench) -> Outcome:
    (bench.root / "results/first/toy.json").unlink()
    bench.first(limit=2)
    return bench.second()


def a_second_stage(bench: Bench) -> Outcome:
    bench.second()
    (bench.root / "results/first").rename(bench.root / "results/old")
    (bench.root / "results/first+Shades").rename(bench.root / "results/first")
    return bench.second("Flat")


def damaged(bench: Bench) -> Outcome:
    file = bench.root / "results/first/runs/toy.jsonl.gz"
    file.write_bytes(file.read_bytes()[:-10])
    return bench.second()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (other_grades, r"made with other queries, pools or grades than those that are read here; score the task again"),
        (fewer_pages, r"made with 4 queries and 4 candidates, and here are 4 and 3; these are not the same data"),
        (another_page, r"name p3 for query 'q0', and the data have no such candidate; score the task again"),
        (another_query, r"have no query new; score the task again"),
        (no_result, r"toy: no result in .*/results/first; score it first, with the same data"),
        (shorter, r"keep 3 of 4 candidates of query 'q0', and top_k=4 asks for more; give top_k=3 or less"),
        (a_part_of_the_queries, r"have no query q\d and \d more|q\d; give limit=sample:2, as that run did"),
        (a_second_stage, r"is of a second stage already; give the folder of an embedding run"),
        (damaged, r"runs/toy.jsonl.gz is cut short or of another result; score the task again"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_first_stage_that_does_not_fit_is_refused_in_one_line(bench: Bench, change: Change, message: str):
    outcome = change(bench)
    assert list(outcome.failed) == ["toy"]
    assert "\n" not in outcome.failed["toy"]
    assert re.search(message, outcome.failed["toy"]), outcome.failed["toy"]


@pytest.mark.parametrize(
    ("judge", "message"),
    [
        ("Nan", "Nan: expected 2 scores for 2 candidates, an array of shape (2,), found nan among them"),
        ("Short", "Short: expected 2 scores for 2 candidates, an array of shape (2,), found shape (1,)"),
        (
            "Complex",
            "Complex: expected 2 scores for 2 candidates, an array of shape (2,), found ndarray (values of type",
        ),
        ("Words", "Words: expected 2 scores for 2 candidates, an array of shape (2,), found list (values of type <U3"),
    ],
)
def test_scores_that_are_none_fail_their_task_in_a_line(bench: Bench, judge: str, message: str):
    outcome = bench.second(judge)
    assert message in outcome.failed["toy"]


def test_where_the_second_stage_helped_and_hurt_is_counted_by_query(bench: Bench):
    bench.second("Shades", "reranker.options={sign: 1.0}")
    first, second = (store.read_model(bench.root / "results" / name) for name in ("first", "first+Shades"))
    [line] = changes(first, second)
    assert (line.before, line.helped, line.hurt, line.same) == (1, 0, 4, 0)


def test_a_first_stage_that_was_scored_anew_since_is_not_what_came_before(bench: Bench):
    bench.second("Shades", "reranker.options={sign: 1.0}")
    first, second = (store.read_model(bench.root / "results" / name) for name in ("first", "first+Shades"))
    result = first.first
    files = {"runs": "sha256:other", "queries": "sha256:other"}
    anew = result.model_copy(update={"provenance": result.provenance | {"files": files}})
    assert changes(replace(first, results={"toy": anew}), second) == []
    short = replace(first, folder=bench.root / "elsewhere")
    [line] = changes(short, second)
    assert (line.before, line.helped) == (1, None)


def test_results_of_another_second_stage_that_are_replaced_are_said(bench: Bench, capsys: pytest.CaptureFixture[str]):
    bench.second()
    assert "holds results" not in capsys.readouterr().err
    bench.second(top_k=2)
    said = capsys.readouterr().err
    assert "first+Shades holds results of another model, or of this one in another way" in said
    assert "second_stage.top_k: 4 in these, 2 in this run" in said
    assert "reranker.name=NAME keeps them apart" in said


def test_graded_pages_are_scored_as_the_reference_mended():
    """What the authors' own functions give where ties keep the first stage's order and labels their grades."""
    lines = {
        name: [json.loads(line) for line in (FIXTURES / f"reranker/pages_graded_{name}.jsonl").read_text().splitlines()]
        for name in ("input", "pred", "mended")
    }
    listed = {
        line["query"]: first["prediction"][:20] for line, first in zip(lines["input"], lines["pred"], strict=True)
    }
    known = {line["query"]: line["scores"] for line in lines["input"]}
    listed = {query: [name for name in names if name in known[query]] for query, names in listed.items()}
    scores = np.array([known[query][name] for query, names in listed.items() for name in names], dtype=np.float64)
    made = ranked(listed, scores, "the table")
    qrels = {line["query"]: dict(zip(line["label"], line["rel_scores"], strict=True)) for line in lines["input"]}
    found = per_query(made, qrels)
    for row, (query, expected) in enumerate(zip(listed, lines["mended"], strict=True)):
        assert made.ranking[query] == expected["prediction"]
        for metric in ("hit@1", "ndcg_linear@5"):
            assert found.values[metric][row] == pytest.approx(expected[metric], abs=1e-12), (query, metric)
