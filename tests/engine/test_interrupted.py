"""Runs that are interrupted, killed or out of space leave nothing in halves, and the next one goes on."""

import json
import resource
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import forked
from tests.conftest import Command

TASKS = ("visdoc/vidore_docvqa", "visdoc/visrag_chartqa", "visdoc/vidoseek_doc")


def results(tmp_path: Path) -> Path:
    return tmp_path / "results" / "rzenembed_v2_7b"


def words(tmp_path: Path, mirror: Path, checkpoint: Path) -> list[str]:
    return [
        f"task=[{','.join(TASKS)}]", "model=rzenembed_v2_7b", f"model.checkpoint={checkpoint}", "model.device=cpu",
        "data=mirror", f"data.root={mirror}", f"results_dir={results(tmp_path).parent}", "runtime.workers=1",
    ]  # fmt: skip


HOLDING = """
import time
from pathlib import Path
import numpy as np


class Holding:
    def __init__(self, file):
        self.file, self.seen = Path(file), 0

    def embed(self, items, side):
        while self.seen >= 64 and self.file.exists():
            time.sleep(0.02)
        self.seen += len(items)
        return np.eye(4, dtype="float32")[[len(item.text or "") % 4 for item in items]]
"""
"""A model that goes no further than 64 items, or the batch that reaches them, while a file is there.

Of tasks with 16 queries and 24 candidates, the longest 24 of all first, that is enough for one and not for three.
"""


@pytest.mark.usefixtures("sample_root")
def test_after_an_interrupt_what_is_finished_stays_and_the_next_run_goes_on(tmp_path: Path):
    (tmp_path / "holding.py").write_text(HOLDING)
    (hold := tmp_path / "hold").touch()
    settings = [
        "task=[visdoc/vidore_docvqa,visdoc/vidore_tatdqa,visdoc/vidore_arxivqa]", "model=python",
        "model.class=holding:Holding", f"model.options.file={hold}", "results_dir=results",
    ]  # fmt: skip
    command = forked.started(settings, tmp_path)
    folder = tmp_path / "results" / "Holding"
    first = folder / "vidore_docvqa.json"
    deadline = time.monotonic() + 120
    while not first.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    command.signal(signal.SIGINT)
    assert command.wait() == 130
    assert "interrupted; finished tasks are kept" in command.err
    assert "Traceback" not in command.err
    stays = first.stat().st_mtime_ns
    assert not list(folder.rglob(".*"))
    assert len(list(folder.glob("*.json"))) < 3
    hold.unlink()
    assert forked.started(settings, tmp_path).wait() == 0
    assert first.stat().st_mtime_ns == stays
    assert len(list(folder.glob("*.json"))) == 3


def test_a_killed_run_goes_on_from_the_vectors_that_it_kept(
    tmp_path: Path, mirror: Path, checkpoint: Path, cache: Path
):
    settings, kept = words(tmp_path, mirror, checkpoint), cache / "vectors"
    shutil.rmtree(kept, ignore_errors=True)
    assert forked.started(settings, tmp_path).wait() == 0
    expected = {file.name: json.loads(file.read_text())["metrics"] for file in results(tmp_path).glob("*.json")}
    shutil.rmtree(kept)
    shutil.rmtree(results(tmp_path))
    command = forked.started(settings, tmp_path)
    deadline = time.monotonic() + 60
    while len(list(kept.rglob("*.vectors"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    command.signal(signal.SIGKILL)
    command.wait()
    chunks = {file.name for file in kept.rglob("*.vectors")}
    again = forked.started(settings, tmp_path)
    assert again.wait() == 0, again.err
    assert chunks <= {file.name for file in kept.rglob("*.vectors")}
    found = {file.name: json.loads(file.read_text()) for file in results(tmp_path).glob("*.json")}
    assert {name: result["metrics"] for name, result in found.items()} == expected
    speeds = [result["provenance"]["embedding"] for result in found.values()]
    assert sum(speed["computed"] for speed in speeds) < sum(speed["items"] for speed in speeds)


@contextmanager
def little_space() -> Iterator[None]:
    """No file of this process may be longer than 600 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_no_space_left_is_one_line_a_task_and_leaves_no_half_of_a_file(
    tmp_path: Path, mirror: Path, checkpoint: Path, run: Command
):
    run(*words(tmp_path, mirror, checkpoint))
    shutil.rmtree(results(tmp_path))
    with little_space():
        said = run(*words(tmp_path, mirror, checkpoint), code=1)
    assert "Traceback" not in said
    assert said.count("cannot be written") == 3
    assert list(results(tmp_path).rglob("*.json")) == []
    assert list(results(tmp_path).rglob(".*")) == []
