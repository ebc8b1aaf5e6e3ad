"""A second stage from the command line, on the bundled sample with the bundled model as a judge."""

import contextlib
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from rzen_eval import Item
from rzen_eval.cli.main import main
from rzen_eval.config.compose import load
from rzen_eval.results import store
from rzen_eval.results.statistics.stages import changes

PAGE = (Path(__file__).parents[2] / "docs" / "rerank.md").read_text()
QUIET = ["runtime.progress=quiet", "runtime.workers=0"]


def commands(block: int) -> list[list[str]]:
    """Words of the commands of a block of the page, without `rzen-eval`."""
    found = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)[block]
    return [shlex.split(line, comments=True)[1:] for line in found.splitlines()]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, sample_root: Path) -> Path:  # noqa: ARG001 - it is made once
    """Both stages, by the first commands of the page."""
    folder = tmp_path_factory.mktemp("both")
    with contextlib.chdir(folder):
        first, second, _ = commands(0)
        assert main([*first, *QUIET]) == 0
        assert main([*second, *QUIET]) == 0
    return folder / "results"


def settings(folder: Path) -> list[str]:
    return ["task=nights", f"results_dir={folder}"]


def test_the_pair_has_results_of_its_own_and_a_line_for_each_task(results: Path, capsys: pytest.CaptureFixture[str]):
    again = ["rerank", "mini", "reranker=mini_judge", "top_k=10", *settings(results), "runtime.progress=lines"]
    assert main(again) == 0
    out, err = capsys.readouterr()
    assert "kept from an earlier run" in err
    head, *rows = [line for line in out.splitlines() if line.startswith("|")][:3]
    assert [cell.strip() for cell in head.strip("|").split("|")][:4] == [
        "task", "metric", "first stage", "second stage",
    ]  # fmt: skip
    assert rows[1].startswith("| NIGHTS")
    said = json.loads((results / "mini+mini_judge/nights.json").read_text())["provenance"]
    assert said["second_stage"]["top_k"] == 10
    assert said["prompts"]["query"].startswith("<|im_start|>user\nFind ")
    assert said["embedding"]["items"] == 160


def test_the_settings_of_the_published_pair_compose():
    first, second = commands(1)
    assert len(load(first).tasks) == 44
    chosen = load(second[2:])
    assert chosen.reranker is not None
    assert (chosen.reranker.name, len(chosen.tasks), chosen.tasks["msr_vtt"].frames) == ("qwen3_vl_reranker_2b", 44, 64)


def test_the_lines_of_python_on_the_page_run():
    own, loaded = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(own, names)  # noqa: S102 - our own page
    items = [Item(text="a"), Item(text="b")]
    assert names["Judge"]().score(items[0], items) == [1.0, 0.0]
    *_, last = loaded.strip().splitlines()
    exec(loaded.replace(last, f"scores = {last}"), names)  # noqa: S102
    assert names["scores"].shape == (2,)


def test_compare_takes_both_stages(results: Path, capsys: pytest.CaptureFixture[str]):
    with contextlib.chdir(results.parent):
        assert main(commands(0)[2]) == 0
    assert "mini+mini_judge" in capsys.readouterr().out


def test_the_report_says_where_the_second_stage_helped_and_hurt(results: Path, tmp_path: Path):
    file = tmp_path / "report.html"
    assert main(["report", str(results / "mini+mini_judge"), "--output", str(file), "--thumbnails", "0"]) == 0
    text = file.read_text()
    assert "mini+mini_judge after mini" in text
    assert re.search(r"<th[^>]*>helped</th>", text)
    first, second = (store.read_model(results / name) for name in ("mini", "mini+mini_judge"))
    [line] = changes(first, second)
    assert re.search(rf"NIGHTS</t[hd]>.*?<td[^>]*>{line.helped}</td>\s*<td[^>]*>{line.hurt}</td>", text, re.DOTALL)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rerank", "mini"], "rerank: no reranker is chosen; give reranker=NAME, one of conf/reranker"),
        (["rerank", "mini", "reranker=mini_jugde"], "unknown reranker 'mini_jugde' (did you mean mini_judge?)"),
        (["rerank", "absent", "reranker=mini_judge"], "no results of 'absent'"),
        (["rerank", "mini", "reranker=mini_judge", "top_k=0"], "expected a whole number, 1 to 1000, found '0'"),
        (["rerank", "mini", "reranker=mini_judge", "reranker.top=1"], "unknown key reranker.top"),
        (["rerank", "mini", "reranker=mini_judge", "model=mini"], "rerank: takes the settings task=, data="),
        (["reranker=mini_judge"], "run: reranker=mini_judge is a second stage, for results that are there: rzen-eval"),
    ],
)
def test_wrong_words_get_one_line(words: list[str], message: str, results: Path, capsys: pytest.CaptureFixture[str]):
    assert main([*words, *settings(results)]) == 2
    err = capsys.readouterr().err.strip()
    assert message in err
    assert "\n" not in err
