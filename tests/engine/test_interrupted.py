"""Runs that are interrupted, killed or out of space leave nothing in halves, and the next one goes on."""

import json
import resource
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

TASKS = ("visdoc/vidore_docvqa", "visdoc/visrag_chartqa", "visdoc/vidoseek_doc")


def results(tmp_path: Path) -> Path:
    return tmp_path / "results" / "rzenembed_v2_7b"


def spawn(tmp_path: Path, mirror: Path, checkpoint: Path, **options) -> subprocess.Popen[str]:
    words = [
        sys.executable, "-m", "rzen_eval", f"task=[{','.join(TASKS)}]", "model=rzenembed_v2_7b",
        f"model.checkpoint={checkpoint}", "model.device=cpu", "data=mirror", f"data.root={mirror}",
        f"results_dir={tmp_path / 'results'}", "runtime.workers=1",
    ]  # fmt: skip
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


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


def test_after_an_interrupt_what_is_finished_stays_and_the_next_run_goes_on(tmp_path: Path):
    (tmp_path / "holding.py").write_text(HOLDING)
    (hold := tmp_path / "hold").touch()
    words = [
        sys.executable, "-m", "rzen_eval", "task=[visdoc/vidore_docvqa,visdoc/vidore_tatdqa,visdoc/vidore_arxivqa]",
        "model=python", "model.class=holding:Holding", f"model.options.file={hold}", "results_dir=results",
        "cache_dir=cache",
    ]  # fmt: skip
    piped: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": tmp_path}
    # A shell that starts the tests in the background has SIGINT ignored, and children inherit that.
    piped["preexec_fn"] = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(words, **piped)
    folder = tmp_path / "results" / "Holding"
    first = folder / "vidore_docvqa.json"
    deadline = time.monotonic() + 120
    while not first.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; finished tasks are kept" in err
    assert "Traceback" not in err
    stays = first.stat().st_mtime_ns
    assert not list(folder.rglob(".*"))
    assert len(list(folder.glob("*.json"))) < 3
    hold.unlink()
    again = subprocess.Popen(words, **piped)
    _, err = again.communicate(timeout=120)
    assert again.returncode == 0
    assert first.stat().st_mtime_ns == stays
    assert len(list(folder.glob("*.json"))) == 3


def test_a_killed_run_goes_on_from_the_vectors_that_it_kept(
    tmp_path: Path, mirror: Path, checkpoint: Path, cache: Path
):
    kept = cache / "vectors"
    shutil.rmtree(kept, ignore_errors=True)
    undisturbed = spawn(tmp_path, mirror, checkpoint)
    undisturbed.communicate(timeout=120)
    expected = {file.name: json.loads(file.read_text())["metrics"] for file in results(tmp_path).glob("*.json")}
    shutil.rmtree(kept)
    shutil.rmtree(results(tmp_path))
    process = spawn(tmp_path, mirror, checkpoint)
    deadline = time.monotonic() + 60
    while len(list(kept.rglob("*.vectors"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    process.communicate(timeout=60)
    chunks = {file.name for file in kept.rglob("*.vectors")}
    again = spawn(tmp_path, mirror, checkpoint)
    _, err = again.communicate(timeout=120)
    assert again.returncode == 0, err
    assert chunks <= {file.name for file in kept.rglob("*.vectors")}
    found = {file.name: json.loads(file.read_text()) for file in results(tmp_path).glob("*.json")}
    assert {name: result["metrics"] for name, result in found.items()} == expected
    speeds = [result["provenance"]["embedding"] for result in found.values()]
    assert sum(speed["computed"] for speed in speeds) < sum(speed["items"] for speed in speeds)


def test_no_space_left_is_one_line_a_task_and_leaves_no_half_of_a_file(tmp_path: Path, mirror: Path, checkpoint: Path):
    spawn(tmp_path, mirror, checkpoint).communicate(timeout=120)
    shutil.rmtree(results(tmp_path))

    def little_space() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))

    _, err = (process := spawn(tmp_path, mirror, checkpoint, preexec_fn=little_space)).communicate(timeout=120)
    assert process.returncode == 1
    assert "Traceback" not in err
    assert err.count("cannot be written") == 3
    assert list(results(tmp_path).rglob("*.json")) == []
    assert list(results(tmp_path).rglob(".*")) == []
