"""Ranks of torchrun or Slurm: they share the windows, and the first alone scores."""

import os
import threading
from pathlib import Path

import pytest

from rzen_eval.cli.main import main
from rzen_eval.engine.job import Done
from rzen_eval.engine.picture_loader import Loader
from rzen_eval.engine.ranks import Rank, Ranks
from rzen_eval.engine.vector_store import VectorStore
from tests import forked
from tests.engine.toy import Toy, all_done, expected, plan, vectors


def test_ranks_share_the_windows_and_the_first_waits_for_the_others(tmp_path: Path):
    done: dict[int, list[Done]] = {}

    def take_part(rank: int) -> None:
        made = plan(VectorStore(tmp_path))
        with Loader(0) as loader:
            done[rank] = all_done(Ranks(Toy(), loader, Rank(rank, 3, rank), patience=60), made)
        if rank == 0:
            done[-1] = vectors(made)  # type: ignore[assignment]

    threads = [threading.Thread(target=take_part, args=(rank,)) for rank in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done[-1] == expected()
    windows = len(plan(VectorStore(None)).order())
    assert len(done[0]) == windows
    assert len(done[1]) + len(done[2]) < windows


def test_the_first_rank_takes_over_what_a_dead_one_has_left(tmp_path: Path):
    made = plan(VectorStore(tmp_path))
    with Loader(0) as loader:
        all_done(Ranks(Toy(), loader, Rank(0, 2, 0), patience=0.3), made)
    assert vectors(made) == expected()


@pytest.mark.parametrize(
    ("environment", "rank"),
    [
        ({}, Rank(0, 1, 0)),
        ({"RANK": "3", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}, Rank(3, 8, 1)),
        ({"SLURM_PROCID": "5", "SLURM_NTASKS": "16", "SLURM_LOCALID": "5"}, Rank(5, 16, 5)),
        ({"SLURM_PROCID": "0"}, Rank(0, 1, 0)),
    ],
)
def test_a_rank_is_what_torchrun_or_slurm_says(
    environment: dict[str, str], rank: Rank, monkeypatch: pytest.MonkeyPatch
):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Rank.of_environment() == rank


def test_torchrun_ranks_score_once_and_agree_with_one_process(tmp_path: Path, mirror: Path, checkpoint: Path):
    words = [
        "task=visdoc/vidore_docvqa", "model=rzenembed_v2_7b", f"model.checkpoint={checkpoint}", "data=mirror",
        f"data.root={mirror}", "runtime.workers=0",
    ]  # fmt: skip

    (here := tmp_path / "here").mkdir()

    def start(name: str, **environment: str) -> forked.Command:
        places = [f"{key}={tmp_path / name}" for key in ("cache_dir", "results_dir")]
        return forked.started([*words, *places], here, environment=os.environ | environment)

    runs = [
        start("alone"),
        start("ranks", RANK="0", WORLD_SIZE="2", LOCAL_RANK="0"),
        start("ranks", RANK="1", WORLD_SIZE="2", LOCAL_RANK="1"),
    ]
    assert [run.wait() for run in runs] == [0, 0, 0], [run.err for run in runs]
    assert "ViDoRe_docvqa" in runs[0].out
    shown = [run.out.replace(str(tmp_path / "ranks"), str(tmp_path / "alone")) for run in runs]
    assert shown == [runs[0].out, runs[0].out, ""]


def test_a_failure_is_reported_by_the_first_rank_alone(
    tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
):
    words = [
        "task=visdoc/vidore_docvqa", "model=rzenembed_v2_7b", f"model.checkpoint={checkpoint}", "data=mirror",
        f"data.root={tmp_path}", "runtime.workers=0", f"cache_dir={tmp_path}", f"results_dir={tmp_path / 'results'}",
    ]  # fmt: skip
    codes = []
    for rank in "01":
        monkeypatch.setenv("RANK", rank)
        monkeypatch.setenv("WORLD_SIZE", "2")
        codes.append(main(words))
    assert codes == [1, 0]
