"""A second stage from the command line, on the bundled sample with the bundled model as a judge."""

import json
from pathlib import Path

import pytest

from rzen_eval.cli.main import main


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, sample_root: Path) -> Path:  # noqa: ARG001 - it is made once
    """Both stages on four queries of a task of images."""
    folder = tmp_path_factory.mktemp("both") / "results"
    assert main([*settings(folder)]) == 0
    assert main(["rerank", str(folder / "mini"), "reranker=mini_judge", "--top-k", "3", *settings(folder)]) == 0
    return folder


def settings(folder: Path) -> list[str]:
    return ["task=nights", "limit=4", f"results_dir={folder}", "runtime.progress=quiet", "runtime.workers=0"]


def test_the_pair_has_results_of_its_own_and_a_line_for_each_task(results: Path, capsys: pytest.CaptureFixture[str]):
    again = ["rerank", "mini", "reranker=mini_judge", "top_k=3", *settings(results)[:-2], "runtime.progress=lines"]
    assert main(again) == 0
    out, err = capsys.readouterr()
    assert "kept from an earlier run" in err
    head, *rows = [line for line in out.splitlines() if line.startswith("|")][:3]
    assert [cell.strip() for cell in head.strip("|").split("|")][:4] == [
        "task", "metric", "first stage", "second stage",
    ]  # fmt: skip
    assert rows[1].startswith("| NIGHTS")
    said = json.loads((results / "mini+mini_judge/nights.json").read_text())["provenance"]
    assert said["second_stage"]["top_k"] == 3
    assert said["prompts"]["query"].startswith("<|im_start|>user\nFind ")
    assert said["embedding"]["items"] == 12


def test_compare_takes_both_stages(results: Path, capsys: pytest.CaptureFixture[str]):
    pair = [str(results / name) for name in ("mini", "mini+mini_judge")]
    assert main(["compare", *pair]) == 0
    assert "mini+mini_judge" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rerank", "mini"], "rerank: no reranker is chosen; give reranker=NAME, one of conf/reranker"),
        (["rerank", "mini", "reranker=mini_jugde"], "unknown reranker 'mini_jugde' (did you mean mini_judge?)"),
        (["rerank", "absent", "reranker=mini_judge"], "no results of 'absent'"),
        (["rerank", "mini", "reranker=mini_judge", "top_k=0"], "expected a whole number, 1 to 1000, found '0'"),
        (["rerank", "mini", "reranker=mini_judge", "reranker.top=1"], "unknown key reranker.top"),
        (["rerank", "mini", "reranker=mini_judge", "model=mini"], "rerank: takes the settings reranker=, task="),
        (["reranker=mini_judge"], "run: reranker=mini_judge is a second stage, for results that are there: rzen-eval"),
    ],
)
def test_wrong_words_get_one_line(words: list[str], message: str, results: Path, capsys: pytest.CaptureFixture[str]):
    assert main([*words, *settings(results)]) == 2
    err = capsys.readouterr().err.strip()
    assert message in err
    assert "\n" not in err
