"""Results on disk."""

import gzip
import json
import shutil
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rzen_eval.core import Mark, QueryScores, Result, Run
from rzen_eval.errors import ConfigError, ResultError
from rzen_eval.results import per_query, store

RUN = Run({"q": ["x", "y"]}, {"q": [0.5, 0.25]})


def result(name: str, score: float, **fields: Any) -> Result:
    return Result.model_validate(
        {
            "id": name, "task": name, "modality": "visdoc", "group": "ViDoRe-V1", "metric": "ndcg_linear@5",
            "score": score, "exact": score, "metrics": {"ndcg_linear@5": score}, "official": {}, "n_queries": 1,
            "n_candidates": 2, "n_ties": 0, "limit": None, "warnings": [],
            "provenance": {"fingerprint": "f", "dataset": {"source": "hub"}},
        }
        | fields
    )  # fmt: skip


def test_a_result_comes_back_as_it_was_written(tmp_path: Path):
    written = result("a", 0.5)
    file = store.write(tmp_path, written, RUN)
    assert file == tmp_path / "a.json"
    came = store.read(file)
    assert came.model_copy(update={"provenance": written.provenance}) == written
    assert came.provenance | written.provenance == came.provenance


def test_the_files_are_those_of_the_contract(tmp_path: Path):
    store.write(tmp_path, result("a", 0.5), RUN)
    assert sorted(file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*.*")) == [
        "a.json",
        "runs/a.jsonl.gz",
    ]
    assert {
        "id", "task", "modality", "group", "metric", "score", "exact", "metrics", "official", "n_queries",
        "n_candidates", "n_ties", "limit", "sampled", "marks", "warnings", "provenance",
    } <= set(json.loads((tmp_path / "a.json").read_text()))  # fmt: skip
    line = json.loads(gzip.decompress((tmp_path / "runs/a.jsonl.gz").read_bytes()))
    assert line == {"query": "q", "candidates": ["x", "y"], "scores": [0.5, 0.25]}


def test_rankings_are_packed_line_by_line():
    names, scores = [f"candidate {place}" for place in range(100)], [1 / (place + 1) for place in range(100)]
    run = Run({str(query): names for query in range(1500)}, {str(query): scores for query in range(1500)})
    tracemalloc.start()
    packed = per_query.packed(run, None)["runs"]
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    text = gzip.decompress(packed)
    assert [json.loads(line)["query"] for line in text.splitlines()] == list(run.ranking)
    assert packed[:8] == gzip.compress(text, mtime=0)[:8], "no time in it"
    assert packed[10:] == gzip.compress(text, mtime=0)[10:]
    assert most < len(text) / 4


def test_a_folder_that_cannot_be_written_is_one_line_with_the_score(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ResultError, match=r"a: scored 0\.5000 but .* cannot be written .* results_dir=FOLDER"):
        store.write(tmp_path / "file", result("a", 0.5), RUN)


def test_a_damaged_result_is_refused_by_name(tmp_path: Path):
    (tmp_path / "a.json").write_text('{"id": "a"')
    with pytest.raises(ResultError, match=r"a\.json.*score the task again"):
        store.read(tmp_path / "a.json")


def test_a_result_that_was_written_before_there_were_marks_has_those_that_its_warnings_tell(tmp_path: Path):
    said = ["a: expected 9 queries and 4 candidates in r, found 8 and 4: not the benchmark's data"]
    said.append("mini on a, queries: collapsed: all 8 vectors are practically alike (mean cosine 1.000000), so ...")
    for warnings, marks in ((said, {Mark.OTHER_DATA, Mark.COLLAPSED}), (said[:1], {Mark.OTHER_DATA}), ([], set())):
        older = result("a", 0.5, warnings=warnings).model_dump(mode="json")
        del older["marks"]
        (tmp_path / "a.json").write_text(json.dumps(older))
        assert set(store.read(tmp_path / "a.json").marks) == marks
    (tmp_path / "a.json").write_text(json.dumps(older | {"warnings": said, "marks": []}))
    assert store.read(tmp_path / "a.json").marks == ()


def test_a_result_says_where_it_comes_from_and_whether_it_counts():
    here = result("a", 0.5, provenance={"dataset": {"source": "mirror"}, "versions": ["2.1"]})
    assert (here.source, here.versions, here.imported_from) == ("mirror", ("2.1",), None)
    assert (here.counts_in("2.1"), here.counts_in("2.0")) == (True, False)
    variant = result(
        "a", 0.5, provenance={"dataset": {"source": "imported"}, "versions": [], "imported": {"from": "mteb"}}
    )
    assert (variant.source, variant.imported_from, variant.counts_in("2.1")) == ("imported", "mteb", False)
    silent = result("a", 0.5, provenance={})
    assert (silent.source, silent.versions, silent.counts_in("2.0")) == (None, None, True)


def test_the_files_beside_a_result_are_those_that_were_written_with_it(tmp_path: Path):
    scores = QueryScores(["q"], np.array([0.5]), np.array([0.5]))
    for name in ("a", "b"):
        store.write(tmp_path, result(name, 0.5), Run({"q": [name]}, {"q": [0.9]}), scores)
    written = store.read(tmp_path / "a.json")
    assert per_query.fault(tmp_path, written) is None
    shutil.copy(tmp_path / "runs/b.jsonl.gz", tmp_path / "runs/a.jsonl.gz")
    assert per_query.fault(tmp_path, written) == f"{tmp_path}/runs/a.jsonl.gz is cut short or of another result"
    (tmp_path / "runs/a.jsonl.gz").unlink()
    assert (
        per_query.fault(tmp_path, written) == f"{tmp_path}/runs/a.jsonl.gz cannot be read (No such file or directory)"
    )


def test_scores_of_single_queries_come_back_in_the_order_of_their_ids(tmp_path: Path):
    queries = QueryScores(["b", "a"], np.array([1.0, 0.0]), np.array([0.5, 0.0]))
    written = result("a", 0.5, exact=0.25, n_queries=2)
    store.write(tmp_path, written, RUN, queries)
    found = per_query.read_queries(tmp_path, written)
    assert found is not None
    assert (found.query_ids, found.score.tolist(), found.exact.tolist()) == (["a", "b"], [0.0, 1.0], [0.0, 0.5])
    assert json.loads(gzip.decompress((tmp_path / "queries/a.json.gz").read_bytes())) == {
        "query": ["b", "a"], "score": [1.0, 0.0], "exact": [0.5, 0.0],
    }  # fmt: skip


def test_a_result_of_another_evaluator_has_no_queries(tmp_path: Path):
    store.write_alone(tmp_path, result("a", 0.5))
    assert per_query.read_queries(tmp_path, result("a", 0.5)) is None


def test_queries_of_another_result_are_refused(tmp_path: Path):
    store.write(tmp_path, result("a", 0.5), RUN, QueryScores(["q"], np.array([0.5]), np.array([0.5])))
    with pytest.raises(ResultError, match=r"expected 1 queries with a mean of 0\.7000, found 1 with 0\.5000"):
        per_query.read_queries(tmp_path, result("a", 0.7))
    (tmp_path / "queries/a.json.gz").write_bytes(b"not compressed")
    with pytest.raises(ResultError, match=r"queries/a\.json\.gz cannot be read .* score the task again"):
        per_query.read_queries(tmp_path, result("a", 0.5))


@pytest.fixture
def results_dir(tmp_path: Path) -> Path:
    """Results of two models, and a folder that is empty."""
    folder = tmp_path / "results"
    store.write(folder / "mine", result("a", 0.5), RUN)
    store.write_alone(folder / "mine", result("b", 0.25))
    store.write_alone(folder / "theirs", result("a", 0.75))
    (folder / "empty").mkdir()
    return folder


def test_results_are_read_by_model_from_its_own_folder_or_the_one_above(results_dir: Path):
    both = store.read_models(results_dir)
    assert [(model.name, model.folder, list(model.results)) for model in both] == [
        ("mine", results_dir / "mine", ["a", "b"]),
        ("theirs", results_dir / "theirs", ["a"]),
    ]
    assert store.read_models(results_dir / "mine") == both[:1]
    assert both[0].first.score == 0.5


def test_a_model_is_found_by_name_or_folder_and_cut_to_the_tasks_that_are_wanted(results_dir: Path):
    assert store.one_model("theirs", results_dir).name == "theirs"
    assert list(store.one_model(str(results_dir / "mine"), Path("elsewhere"), {"b", "c"}).results) == ["b"]
    assert list(store.read_model(results_dir / "mine", {"a"}, "Mine-7B").results) == ["a"]
    assert store.read_model(results_dir / "nowhere").results == {}


@pytest.mark.parametrize(
    ("name", "only", "message"),
    [
        ("theires", None, r"no results of 'theires': .*results holds mine, theirs \(did you mean theirs\?\)"),
        (".", None, r"holds results of mine, theirs; expected those of one model, such as .*mine"),
        ("empty", None, r"empty holds no results; expected <model>/<task>\.json"),
        ("mine", {"c"}, r"mine holds no results of the chosen tasks; leave task= out to see all 2"),
    ],
)
def test_what_is_not_one_models_results_is_said_in_a_line(
    results_dir: Path, name: str, only: set[str] | None, message: str
):
    with pytest.raises(ConfigError, match=message):
        store.one_model(name, results_dir, only)


def test_models_of_one_name_are_told_apart_by_their_folders(results_dir: Path):
    mine, theirs = store.read_models(results_dir)
    again = replace(mine, folder=Path("other/mine"))
    assert [model.name for model in store.told_apart([mine, theirs, again])] == [
        f"mine ({results_dir / 'mine'})",
        "theirs",
        "mine (other/mine)",
    ]


def test_rankings_come_back_as_they_were_written_and_are_none_where_none_were_kept(results_dir: Path):
    found = per_query.read_run(results_dir / "mine", "a")
    assert found == RUN
    assert per_query.read_run(results_dir / "mine", "b") is None
    (results_dir / "mine/runs/a.jsonl.gz").write_bytes(b"not compressed")
    with pytest.raises(ResultError, match=r"runs/a\.jsonl\.gz is damaged \(.*\); remove it and score the task again"):
        per_query.read_run(results_dir / "mine", "a")
