"""Trackers, each the real library with nothing sent anywhere."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from rzen_eval import evaluate_suite
from rzen_eval.cli.main import main
from rzen_eval.errors import ConfigError
from rzen_eval.results.exchange.trackers import Report, Track, need, tell
from tests import toys

TASK = "vidore_arxivqa"


def test_a_tracker_that_is_not_installed_is_named_before_the_work(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "wandb", None)
    with pytest.raises(ConfigError, match=r"track=wandb: .*; pip install 'rzen-eval\[wandb\]'"):
        need(Track(kind="wandb"))


def test_a_tracker_that_there_is_not_is_named(capsys: pytest.CaptureFixture[str]):
    assert main([f"task={TASK}", "track=tensorboard"]) == 2
    assert "tensorboard" in capsys.readouterr().err


def test_a_run_leaves_scores_settings_and_files_in_trackio_and_tables_on_standard_output(
    trackio: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    words = [f"task={TASK}", "limit=4", "results_dir=out", "model=python", "model.class=examples.colours:Colours"]
    monkeypatch.syspath_prepend(Path(__file__).parents[3])
    assert main([*words, "track=trackio", "track.project=cli", "track.step=7"]) == 0
    assert "rackio" not in capsys.readouterr().out
    (logged,) = trackio.SQLiteStorage.get_logs("cli", "Colours")
    result = json.loads((tmp_path / "out" / "Colours" / f"{TASK}.json").read_text())
    assert (logged[f"tasks/{TASK}"], logged["step"]) == (result["score"], 7)
    told = trackio.SQLiteStorage.get_run_config("cli", "Colours")
    assert (told["limit"], told["made_up"], told["settings"]["family"]) == ("sample:4", True, "python")
    assert [one["name"] for one in trackio.SQLiteStorage.get_artifacts("cli")] == ["Colours-results"]


def test_a_run_that_is_under_way_is_told_and_left_open(trackio: Any):
    trackio.init(project="open", name="mine", embed=False, auto_log_cpu=False)
    evaluate_suite(toys.Constant(), TASK, limit=2, track="trackio")
    trackio.log({"loss": 1.0})
    trackio.finish()
    logs = trackio.SQLiteStorage.get_logs("open", "mine")
    assert [("overall" in one, "loss" in one) for one in logs] == [(True, False), (False, True)]


def report(tmp_path: Path) -> Report:
    file = tmp_path / "a.json"
    file.write_text("{}")
    return Report(
        "m", {"overall": 0.5, "tasks/a@b": 0.25}, {"suite": "x", "model": {"dim": 4}}, [file], tmp_path / "out"
    )


@pytest.mark.filterwarnings("ignore")
def test_wandb_offline_is_a_folder_beside_the_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("wandb", reason="the extra [wandb]")
    monkeypatch.chdir(tmp_path)
    tell(Track(kind="wandb", step=3), report(tmp_path))
    (run,) = (tmp_path / "out" / "wandb").glob("offline-run-*")
    file, until = next(run.glob("*.wandb")), time.monotonic() + 10
    while b"overall" not in file.read_bytes() and time.monotonic() < until:
        time.sleep(0.05)  # a process of its own writes it
    assert b"overall" in file.read_bytes()
    assert b"m-results" in file.read_bytes()


@pytest.mark.filterwarnings("ignore")
def test_mlflow_is_a_file_beside_the_results(tmp_path: Path):
    mlflow = pytest.importorskip("mlflow", reason="the extra [mlflow]")
    before = mlflow.get_tracking_uri()
    tell(Track(kind="mlflow", step=3), report(tmp_path))
    assert mlflow.get_tracking_uri() == before
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/out/mlflow.db")
    (run,) = client.search_runs([client.get_experiment_by_name("rzen_eval").experiment_id])
    assert run.data.metrics == {"overall": 0.5, "tasks/a_b": 0.25}
    assert run.data.params == {"suite": "x", "model.dim": "4"}
    assert [one.path for one in client.list_artifacts(run.info.run_id, "results")] == ["results/a.json"]
