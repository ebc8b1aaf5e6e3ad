"""A run over many tasks: what fails, what is kept, and how often data are read."""

import gc
import gzip
import io
import json
import re
import shutil
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rzen_eval.cli.main import main
from rzen_eval.config import compose
from rzen_eval.core import Limit, Task
from rzen_eval.data import load as loading
from rzen_eval.engine import waiting
from rzen_eval.engine.plan import TaskSide
from rzen_eval.evaluation import kept_results, score
from rzen_eval.evaluation.progress import Progress
from rzen_eval.evaluation.session import Outcome, run
from rzen_eval.results import protocol
from tests import toys

RECIPE = "tests.evaluation.breaking"
OWN = ("model=python", "model.class=tests.evaluation.breaking:Numbers", "model.name=numbers")


@pytest.fixture
def scored(tmp_path: Path, cache: Path) -> Callable[..., Outcome]:
    """Runs tasks `before`, `bad` and `after` of the breaking recipe, of which `bad` has the options given."""

    def call(*words: str, **options: Any) -> Outcome:
        places = (f"results_dir={tmp_path / 'results'}", f"cache_dir={tmp_path / 'cache'}", "runtime.workers=0")
        config = compose.load(["task=visdoc/vidore_docvqa", *(words or OWN), *places])
        tasks = {name: breaking(name, tmp_path, cache, options if name == "bad" else {}) for name in NAMES}
        return run(config.model_copy(update={"tasks": tasks}), Progress("lines"))

    return call


NAMES = ("before", "bad", "after")


def breaking(name: str, root: Path, cache: Path, options: dict[str, Any]) -> Task:
    return toys.toy_task(root, cache, id=name, name=name.title(), recipe=RECIPE, options=options)


def test_a_run_says_what_other_results_it_replaces_and_what_other_ones_stay(
    scored: Callable[..., Outcome], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    scored()
    assert "model.name=" not in capsys.readouterr().err
    other = ("model=python", "model.class=tests.evaluation.breaking:Numbers", "model.name=numbers", "model.version=b")
    scored(*other)
    said = capsys.readouterr().err
    assert (
        f"rzen-eval: {tmp_path}/results/numbers holds results of another model, or of this one in another way" in said
    )
    assert "(version: null in these, b in this run): replaced; model.name=NAME keeps them apart" in said
    file = tmp_path / "results/numbers/before.json"
    file.with_name("elsewhere.json").write_text(file.read_text().replace('"id": "before"', '"id": "elsewhere"'))
    scored()
    said = capsys.readouterr().err
    assert ": elsewhere stay beside those of this run, so no command will read the folder; model.name=NAME" in said


@pytest.mark.parametrize(("limit", "joined"), [("2", True), ("sample:2:7", True), ("first:2", False)])
def test_whole_results_of_another_model_are_told_where_tables_would_join_this_runs_with_them(
    scored: Callable[..., Outcome], tmp_path: Path, cache: Path, limit: str, joined: bool
):
    provenance = scored().results["before"].provenance
    other = protocol.identity_of(provenance | {"model": provenance["model"] | {"version": "b"}})
    task = breaking("before", tmp_path, cache, {}).model_copy(update={"limit": Limit.model_validate(limit)})
    said = kept_results.of_others(tmp_path / "results/numbers", {"before": task}, other)
    assert (said is not None) == joined


@pytest.mark.parametrize("how", ["ours", "foreign"])
@pytest.mark.parametrize("stage", ["rows", "planning", "made again"])
def test_data_that_fail_at_any_stage_fail_their_task_alone(scored: Callable[..., Outcome], stage: str, how: str):
    outcome = scored(stage=stage, how=how)
    assert (list(outcome.results), list(outcome.failed)) == (["before", "after"], ["bad"])
    assert outcome.failed["bad"].startswith("bad: ")
    assert ("the thing is gone" if how == "ours" else "KeyError") in outcome.failed["bad"]
    assert all(result.score == 1 for result in outcome.results.values())


def test_what_a_model_that_does_not_answer_is_at_is_said(
    scored: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(waiting, "FIRST", 0.1)
    monkeypatch.setattr(sys, "stderr", said := io.StringIO())
    done = scored(OWN[0], "model.class=tests.evaluation.breaking:Waits", "model.name=slow")
    assert not done.failed
    line = r"nothing has come back for \d+ s, since \d\d:\d\d:\d\d: waiting for before, (query|candidate) 'before-0',"
    rest = r" (query|candidate) 'before-1' and 2 more; Ctrl-C ends the run and keeps what is finished"
    assert re.search(line + rest, said.getvalue())


def test_a_candidate_that_cannot_be_made_is_named(scored: Callable[..., Outcome]):
    for stage in ("planning", "made again"):
        assert scored(stage=stage).failed == {"bad": "bad: candidate 'bad-2': the thing is gone"}


@pytest.mark.parametrize("how", ["ours", "foreign", "exit", "base"])
def test_a_model_that_fails_on_a_task_in_any_way_fails_that_task_alone(scored: Callable[..., Outcome], how: str):
    outcome = scored(stage="model", how=how)
    assert (list(outcome.results), list(outcome.failed)) == (["before", "after"], ["bad"])


@pytest.mark.parametrize("stage", ["ranking", "shape"])
def test_what_cannot_be_ranked_fails_its_task_alone(
    scored: Callable[..., Outcome], stage: str, capsys: pytest.CaptureFixture[str]
):
    outcome = scored(stage=stage)
    assert (list(outcome.results), list(outcome.failed)) == (["before", "after"], ["bad"])
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"<html>", None])
def test_a_picture_that_cannot_be_loaded_fails_its_task_alone(
    scored: Callable[..., Outcome], tmp_path: Path, content: bytes | None
):
    picture = tmp_path / "page.png"
    if content:
        picture.write_bytes(content)
    outcome = scored("model=mini", "model.device=cpu", stage="picture", picture=str(picture))
    assert (list(outcome.results), list(outcome.failed)) == (["before", "after"], ["bad"])
    assert str(picture) in outcome.failed["bad"]


def test_a_result_that_cannot_be_written_fails_its_task_alone(scored: Callable[..., Outcome], tmp_path: Path):
    (tmp_path / "results" / "numbers" / "runs" / "bad.jsonl.gz").mkdir(parents=True)
    outcome = scored()
    assert (list(outcome.results), list(outcome.failed)) == (["before", "after"], ["bad"])
    assert "cannot be written" in outcome.failed["bad"]


def test_a_task_that_is_scored_again_is_loaded_and_hashed_once(
    scored: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
):
    scored()
    calls: Counter[str] = Counter()
    for name in ("load_data", "content"):
        monkeypatch.setattr(loading, name, counting(calls, getattr(loading, name)))
    # Another instruction of one task: its result is there and is of something else.
    outcome = scored(stage="other")
    assert calls == {"load_data": 3, "content": 3}
    assert not outcome.failed


def counting(calls: Counter[str], function: Callable[..., Any]) -> Callable[..., Any]:
    def counted(*args: Any) -> Any:
        calls[function.__name__] += 1
        return function(*args)

    return counted


def test_seven_functions_lead_from_the_command_line_to_a_metric(
    tmp_path: Path, fresh: Path, monkeypatch: pytest.MonkeyPatch
):
    stacks, package = [], str(Path(score.__file__).parents[1])

    def recorded(*args: Any) -> Any:
        stacks.append([frame.name for frame in traceback.extract_stack() if frame.filename.startswith(package)])
        return per_query(*args)

    per_query = score.per_query
    monkeypatch.setattr(score, "per_query", recorded)
    words = ["task=visdoc/vidore_docvqa", *OWN[:1], "model.class=tests.evaluation.test_session:Alike", "model.name=x"]
    assert main([*words, f"results_dir={tmp_path}", f"cache_dir={fresh}"]) == 0
    assert stacks[0] == ["main", "run", "run", "score", "_finish", "finish", "measure"]


def test_a_model_that_ends_the_process_never_ends_the_run_with_0(
    tmp_path: Path, fresh: Path, capsys: pytest.CaptureFixture[str]
):
    words = ["task=visdoc/vidore_docvqa", *OWN[:1], "model.class=tests.evaluation.breaking:Leaving", "model.name=x"]
    assert main([*words, f"results_dir={tmp_path}", f"cache_dir={fresh}"]) == 1
    assert "Leaving.embed failed (SystemExit: 0)" in capsys.readouterr().out


class Alike(toys.Constant):
    """Importable by name."""


RUNS, QUERIES = "runs/bad.jsonl.gz", "queries/bad.json.gz"


def damage_score(folder: Path) -> None:
    result = json.loads((folder / "bad.json").read_text())
    (folder / "bad.json").write_text(json.dumps(result | {"score": 0.25}))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "rankings missing": lambda folder: (folder / RUNS).unlink(),
    "queries missing": lambda folder: (folder / QUERIES).unlink(),
    "rankings cut short": lambda folder: (folder / RUNS).write_bytes((folder / RUNS).read_bytes()[:-9]),
    "queries cut short": lambda folder: (folder / QUERIES).write_bytes(b""),
    "rankings of another result": lambda folder: shutil.copy(folder / "runs/after.jsonl.gz", folder / RUNS),
    "queries of another result": lambda folder: (folder / QUERIES).write_bytes(
        gzip.compress(json.dumps({"query": ["0"], "score": [1.0], "exact": [1.0]}).encode())
    ),
    "a score that is not the mean of its queries": damage_score,
    "a torn result": lambda folder: (folder / "bad.json").write_bytes((folder / "bad.json").read_bytes()[:-40]),
}


@pytest.mark.parametrize("damage", list(DAMAGES))
def test_a_result_that_is_not_whole_is_scored_again_from_kept_vectors_with_a_line(
    scored: Callable[..., Outcome], tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
):
    scored()
    folder = tmp_path / "results" / "numbers"
    whole = (folder / RUNS).read_bytes()
    DAMAGES[damage](folder)
    capsys.readouterr()
    outcome = scored()
    assert outcome.results["bad"].provenance["embedding"]["computed"] == 0
    assert outcome.results["bad"].score == 1
    assert (folder / RUNS).read_bytes() == whole
    said = [line for line in capsys.readouterr().err.splitlines() if "it is scored again" in line]
    assert len(said) == 1
    assert said[0].startswith("bad: ")
    assert "scored again" not in str(scored()) + capsys.readouterr().err


def test_items_of_tasks_that_are_scored_take_no_memory(scored: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch):
    held: list[list[str]] = []

    def look(_progress: Progress, _result: Any, *, kept: bool) -> None:  # noqa: ARG001 - as the class has it
        sides = [one for one in gc.get_objects() if type(one) is TaskSide and id(one) not in others]
        held.append(sorted({side.task for side in sides if len(side.items)}))

    monkeypatch.setattr(Progress, "scored", look)
    gc.collect()
    others = {id(one): one for one in gc.get_objects() if type(one) is TaskSide}  # of tests before this
    scored()
    assert held == [["after", "bad", "before"], ["after", "bad"], ["after"]]
