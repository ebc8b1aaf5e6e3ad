"""`rzen-eval export`: the leaderboard's submission file, and what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.cli.main import main
from rzen_eval.core import Task
from rzen_eval.results import store
from tests.results.test_store import RUN, result

TASKS = manifest().entries
ABOUT = {
    "model_name": "Mine-2B", "model_backbone": "Qwen2-VL-2B", "model_size": "2.21", "embedding_dimension": "1536",
    "max_length_tokens": "2000", "model_release_date": "2026-01-31", "url": "https://example.com/mine",
}  # fmt: skip
WORDS = [f"{key}={value}" for key, value in ABOUT.items()]
EXPORT = Callable[..., str]


def write(task: Task, **fields: Any) -> None:
    metrics = {"hit@1": 0.25, "ndcg_linear@5": 0.5}
    provenance = {"versions": list(task.versions), "dataset": {"source": "hub"}} | fields.pop("provenance", {})
    said = {"task": task.name, "modality": task.modality, "metric": task.metric, "metrics": metrics, "n_queries": 9}
    store.write(
        Path("results/mine"), result(task.id, metrics[task.metric], **{**said, "provenance": provenance, **fields}), RUN
    )


@pytest.fixture
def export(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EXPORT:
    """Export in a folder with the results of all 78 tasks of data version 2.1; gives what is said."""
    monkeypatch.chdir(tmp_path)
    for task in TASKS.values():
        if "2.1" in task.versions:
            write(task)

    def run(*words: str, code: int = 0) -> str:
        assert main(["export", *words]) == code
        captured = capsys.readouterr()
        return captured.err if code else captured.out

    return run


def test_the_file_has_what_the_leaderboard_asks_for(export: EXPORT):
    content = json.loads(export("results/mine", *WORDS))
    assert list(content) == ["metadata", "metrics"]
    date = content["metadata"].pop("report_generated_date")
    assert len(date) >= 19
    assert content["metadata"] == {
        "model_name": "Mine-2B", "model_backbone": "Qwen2-VL-2B", "model_size": 2.21, "embedding_dimension": 1536,
        "max_length_tokens": 2000, "model_release_date": "2026-01-31", "url": "https://example.com/mine",
        "data_source": "Self-Reported",
    }  # fmt: skip
    benchmark = manifest().groups()
    assert {modality: list(tasks) for modality, tasks in content["metrics"].items()} == {
        modality: [name for names in groups.values() for name in names] for modality, groups in benchmark.items()
    }
    assert sum(map(len, content["metrics"].values())) == 78
    assert content["metrics"]["image"]["CIRR"] == {"hit@1": 0.25, "ndcg_linear@5": 0.5, "num_pred": 9, "num_data": 9}


def test_metrics_are_in_the_official_reading(export: EXPORT):
    write(TASKS["vidoseek_doc"], official={"ndcg_linear@5": 0.75})
    content = json.loads(export("results", *WORDS))
    assert content["metrics"]["visdoc"]["ViDoSeek-doc"]["ndcg_linear@5"] == 0.75


def test_what_the_results_say_of_their_model_need_not_be_given(export: EXPORT):
    model = {"model": {"parameters_b": 8.29, "dim": 3584, "max_length": 2000}}
    for task in TASKS.values():
        if "2.1" in task.versions:
            write(task, provenance=model)
    given = [word for word in WORDS if word.startswith(("model_name", "model_backbone", "model_release", "url"))]
    about = json.loads(export("results/mine", *given))["metadata"]
    assert (about["model_size"], about["embedding_dimension"], about["max_length_tokens"]) == (8.29, 3584, 2000)


def test_the_file_is_read_back_as_results(export: EXPORT, capsys: pytest.CaptureFixture[str]):
    assert export("results/mine", *WORDS, "--output", "mine.json") == ""
    assert main(["import", "official", "mine.json", "model=again", "data_version=2.1"]) == 0
    assert "imported 78 results" in capsys.readouterr().out
    main(["table", "--models", "mine,again", "--data-version", "2.1", "--format", "json"])
    mine, again = json.loads(capsys.readouterr().out)
    # 54 tasks of 25.00 and 24 of 50.00.
    assert mine["Overall"] == again["Overall"] == 32.69


def test_what_is_missing_is_named_with_how_to_give_it(export: EXPORT):
    assert export("results/mine", code=2) == (
        "rzen-eval: export: the leaderboard asks for model_name, model_backbone, model_size, embedding_dimension,"
        " max_length_tokens, model_release_date, url; give model_name=... model_backbone=... model_size=..."
        " embedding_dimension=... max_length_tokens=... model_release_date=... url=...\n"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("model_size=big",), "model_size=big: "),
        (("model_release_date=2026",), "model_release_date=2026: "),
        (("url=mine",), "url=mine: "),
        (("model_name=a/b",), "model_name=a/b: expected a name without '/'"),
        (("licence=mit",), "takes no settings, found 'licence=mit'"),
        (("another",), "unexpected 'another'"),
        (("--data-version", "2.0.1"), "found '2.0.1' (did you mean 2.1?)"),
    ],
)
def test_metadata_that_cannot_be_right_are_one_line(export: EXPORT, words: tuple[str, ...], said: str):
    error = export("results/mine", *WORDS, *words, code=2)
    assert said in error
    assert error.count("\n") == 1


def test_a_file_without_all_tasks_is_not_written(export: EXPORT):
    Path("results/mine/cirr.json").unlink()
    write(TASKS["edis"], limit=5)
    error = export("results/mine", *WORDS, "--output", "mine.json", code=1)
    assert "2 of 78 tasks of data version 2.1 have no full result: CIRR, EDIS; score them" in error
    assert not Path("mine.json").exists()
    error = export("results/mine", *WORDS, "--data-version", "2.0", code=1)
    assert "MomentSeeker, ViDoSeek-page, MMLongBench-page" in error


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"marks": ["other_data"]}, "CIRR was scored on other data than the benchmark's"),
        ({"provenance": {"imported": {"from": "mteb"}}}, "CIRR was imported from mteb"),
        ({"metrics": {"hit@5": 0.5}}, "CIRR: no hit@1"),
    ],
)
def test_a_score_that_does_not_belong_there_is_refused(export: EXPORT, fields: dict[str, Any], said: str):
    write(TASKS["cirr"], **fields)
    assert said in export("results/mine", *WORDS, code=1)


def test_scores_of_the_sample_say_so_in_the_file(export: EXPORT):
    write(TASKS["cirr"], provenance={"dataset": {"source": "sample"}})
    content = json.loads(export("results/mine", *WORDS))
    assert content["metadata"]["data_source"] == "made-up sample, not MMEB-V2"


def test_only_one_model_is_exported(export: EXPORT):
    store.write(Path("results/other"), result("cirr", 0.5), RUN)
    assert "results holds results of mine, other; expected those of one model" in export("results", *WORDS, code=2)
