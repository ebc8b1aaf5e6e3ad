"""However the process of a run ends, there is a line and an exit code that is right."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rzen_eval.cli import guard
from rzen_eval.cli.main import COMMANDS
from tests import forked

KEPT = "finished tasks are kept and the same command goes on from there\n"


def watched(work: str, grace: float = 10) -> subprocess.Popen[str]:
    """A process that does a little work under guard."""
    code = (
        "import os, signal, sys, threading, time\nfrom rzen_eval.cli import guard\n"
        f"guard.GRACE = {grace}\ndef work():\n    {work}\nsys.exit(guard.watched(work))\n"
    )
    command = [sys.executable, "-c", code]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_line_is_one_write_also_where_nothing_is_buffered(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    ours, theirs = os.pipe2(os.O_DIRECT)
    code = "import os; from rzen_eval.cli import guard; guard.watched(lambda: os._exit(0))"
    subprocess.run([sys.executable, "-c", code], stderr=theirs, check=False, timeout=60)
    assert os.read(ours, 4096).decode().endswith(KEPT)
    os.close(ours)
    os.close(theirs)


def ended(work: str, grace: float = 10) -> tuple[int, str]:
    """Exit code, and what was said on standard error."""
    with watched(work, grace) as process:
        _, errors = process.communicate(timeout=60)
    return process.returncode, errors


def test_every_command_that_opens_a_model_is_guarded():
    opening = {
        name
        for name, command in COMMANDS.items()
        if re.search(r"open_model|open_reranker|evaluation\.(rerank|session)", source(command.module))
    }
    assert opening | {"multirun"} == guard.RUNS_MODELS


def source(module: str) -> str:
    return (Path(guard.__file__).parent / f"{module}.py").read_text()


@pytest.mark.parametrize("code", [0, 1, 2, 130])
def test_work_that_is_done_gives_its_own_exit_code(code: int):
    assert ended(f"return {code}") == (code, "")


@pytest.mark.parametrize(("how", "code"), [("sys.exit(2)", 2), ("sys.exit()", 0)])
def test_leaving_on_purpose_is_an_end(how: str, code: int):
    assert ended(how) == (code, "")


@pytest.mark.parametrize(
    ("how", "line"),
    [
        ("os._exit(0)", "the process was left with exit code 0 in the middle of its work, as os._exit does"),
        ("os._exit(3)", "the process was left with exit code 3 in the middle of its work, as os._exit does"),
        ("os.kill(os.getpid(), 9)", "the process was ended by SIGKILL, as the system does for want of memory"),
        ("signal.raise_signal(signal.SIGSEGV)", "the process was ended by SIGSEGV"),
    ],
)
def test_an_end_in_the_middle_is_one_line_and_a_failure(how: str, line: str):
    assert ended(how) == (1, f"rzen-eval: {line}; {KEPT}")


def test_an_error_that_nobody_expected_fails_with_its_traceback():
    code, errors = ended("raise ValueError('a mistake')")
    assert (code, errors.splitlines()[-1]) == (1, "ValueError: a mistake")


def test_a_process_that_the_work_forks_does_not_end_it():
    assert ended("os.fork(); time.sleep(0.5 if os.getppid() == 1 else 1); return 0") == (0, "")


def test_a_thread_that_never_ends_is_ended_when_the_work_is_done():
    code, errors = ended("threading.Thread(target=time.sleep, args=(600,)).start(); return 0", grace=1)
    assert (code, errors) == (0, "rzen-eval: all is done, and something of the model still runs; it is ended\n")


@contextmanager
def begun(work: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process under guard that has begun its work, and the number of the one that does it."""
    with watched(f"print(os.getpid(), flush=True); {work}") as process:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())


def test_a_signal_reaches_the_work():
    with begun("time.sleep(60)") as (process, _):
        process.terminate()
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (143, f"rzen-eval: the process was ended by SIGTERM; {KEPT}")


def test_an_interrupt_is_the_works_own_affair():
    work = "signal.signal(signal.SIGINT, lambda *_: sys.exit(130)); time.sleep(60)"
    with begun(work) as (process, _):
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "")


def test_the_work_ends_with_its_guard():
    with begun("time.sleep(60)") as (process, inner):
        process.kill()
        process.wait()
        for _ in range(100):
            if state(inner) in {"", "Z"}:
                return
            time.sleep(0.1)
        os.kill(inner, signal.SIGKILL)
    pytest.fail("it goes on")


def state(process: int) -> str:
    """Of a process: `Z` where it is dead and nobody has asked for it, nothing where it is gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


MODELS = """
import ctypes, os
class Leaves:
    def embed(self, items, side): os._exit(0)
"""


def test_a_model_that_leaves_the_process_fails_the_run(tmp_path: Path, cache: Path):
    (tmp_path / "models.py").write_text(MODELS)
    words = ["task=visdoc/vidore_arxivqa", "model=python", "model.class=models:Leaves", "results_dir=out"]
    command = [sys.executable, "-m", "rzen_eval", *words, "runtime.progress=quiet", f"cache_dir={cache}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"with exit code 0 in the middle of its work, as os._exit does; {KEPT}" in done.stderr


def without_standard_output() -> int:
    os.close(1)
    sys.stdout = None  # type: ignore[assignment] - as Python has it where it is closed
    sys.argv = ["rzen-eval", "tasks"]
    code = guard.entry()
    return code or int(Path("/proc/self/fd/1").readlink() != Path(os.devnull))


def test_standard_output_that_is_closed_is_no_error_and_no_files_number(tmp_path: Path):
    found = forked.ended(without_standard_output, tmp_path)
    assert (found.code, found.text) == (0, "")
