"""The script that a GPU is checked with runs where there is none, and says that nothing of one was seen."""

import argparse
import ast
import importlib.util
import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

SCRIPT = Path(__file__).parents[1] / "scripts" / "gpu_check.py"


def loaded(name: str) -> Any:
    """One of the scripts, which are no package."""
    made = importlib.util.spec_from_file_location(name, SCRIPT.with_name(f"{name}.py"))
    assert made is not None
    assert made.loader is not None
    module = importlib.util.module_from_spec(made)
    made.loader.exec_module(module)
    return module


@pytest.fixture
def script() -> Any:
    return loaded("gpu_check")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this is about a machine without")
def test_checks_of_a_golden_are_done_on_its_small_checkpoint(script: Any):
    assert next(script.kernels()) == ("vlm2vec_v2 float32 sdpa", {"worst": pytest.approx(1), "holds": True})
    assert script._golden("vlm2vec_v2", "float32")["holds"]
    assert script.told(lambda: script.opened("no_such_golden", "float32"))["holds"] is False


@pytest.mark.skipif(torch.cuda.is_available(), reason="this is about a machine without")
def test_a_part_that_fails_is_told_and_the_others_go_on(
    script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "found.json"
    words = ["gpu_check.py", "--output", str(file), "--parts", "ranking,bench", "--models", "no_such_model"]
    monkeypatch.setattr(sys, "argv", words)
    script.main()
    found = json.loads(file.read_text())
    assert found["device"] == "CPU: nothing here says anything of a GPU"
    assert found["parts"]["ranking"]["dot"] == {"same ids": True, "scores apart": 0.0, "holds": True}
    assert found["parts"]["ranking"]["maxsim"]["holds"]
    assert "no model/no_such_model.yaml" in found["parts"]["bench no_such_model"]["error"]
    assert re.search(r"^bench no_such_model: .* s FAILED$", capsys.readouterr().out, re.MULTILINE)


HANGS = 'sleep 600 & echo "{\\"kernels\\": 1, \\"child\\": $!}" > "$0"; wait'
DIES = 'echo "{\\"kernels\\": 1}" > "$0"; kill -ABRT $$'


@pytest.mark.parametrize(("what", "said"), [(HANGS, "not done after 3 s"), (DIES, "ended with exit code -6")])
def test_a_part_that_hangs_or_dies_ends_with_all_it_has_started_and_keeps_what_it_found(
    what: str, said: str, tmp_path: Path
):
    file = tmp_path / "part.json"
    began = time.monotonic()
    found = loaded("gpu_check_apart").apart(["/bin/sh", "-c", what, str(file)], file, 3.0)
    assert time.monotonic() - began < 60
    assert found["kernels"] == 1
    assert said in found["error"]
    if what == HANGS:
        state = Path(f"/proc/{found['child']}/stat")
        assert not state.exists() or state.read_text().split()[2] in {"Z", "X"}


def test_what_a_part_found_before_it_fails_is_kept():
    noted: list[dict[str, Any]] = []

    def part() -> Iterator[tuple[str, Any]]:
        yield "first", {"holds": True}
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    found = loaded("gpu_check_apart").gathered(part, lambda now: noted.append(dict(now)))
    assert found["first"] == {"holds": True}
    assert found["error"].startswith("RuntimeError: CUDA error")
    assert [sorted(now) for now in noted] == [["first"], ["error", "first", "where"]]


def test_all_parts_together_end_in_under_eight_minutes(script: Any):
    """The last one begins before the end of all, and its limit is what is left."""
    assert script.TOTAL < 480
    time_left = loaded("gpu_check_apart").Time(0.0)
    options = argparse.Namespace(total=0.0, models="", seconds=0.0)
    assert script._apart("kernels", options, time_left)["error"] == "left out: the 0 s of all parts were over"


def test_rows_of_the_page_of_figures_are_those_of_the_file():
    rate = {"share of peak": 0.514, "batch to bare": 1.061, "items/s": 35.2, "tokens/s": 45000.0}
    bench = {
        "speeds": {"peak_tflops": 989.0}, "shapes": {"page": rate, "text": rate | {"batch to bare": 1.094}},
        "plain loop, page": {"times": 3.456, "times, pictures prepared": 2.01},
    }  # fmt: skip
    parts = {
        "bench some_7b": bench, "two": {"one": 10.0, "two": 12.0, "times": 1.2},
        "kernels": {"a": {"holds": True}, "b": {"holds": False}, "c": {"left out": "no flash_attn"}},
    }  # fmt: skip
    assert loaded("gpu_figures").rows({"parts": parts}, hours=lambda *_: "2.34 (78 tasks)") == [
        ("embedding against the bare forward pass of the same batches", "1.09 times at most"),
        ("`some_7b`, pages: share of the peak", "51% of 989 TFLOP/s, 35.2 items/s"),
        ("`some_7b`, texts: share of the peak", "51% of 989 TFLOP/s, 35.2 items/s"),
        ("`some_7b`, pages: times the items a second of the plain loop", "3.46, pictures prepared 2.01"),
        ("`some_7b`: hours of all 78 tasks", "2.34 (78 tasks)"),
        ("pages a second of two processes on it against one", "1.20 times"),
        ("kernels", "1 of 2 hold; not b"),
    ]


def test_what_a_machine_with_a_gpu_may_lack_is_not_imported():
    """Neither by the script and the families nor by anything that they import, before a function is called."""
    root, seen = SCRIPT.parents[1], set()
    waiting = [SCRIPT, *(root / "rzen_eval/models/families").glob("*.py")]
    while waiting:
        tree = ast.parse(waiting.pop().read_text())
        for name in {name for node in tree.body for name in imported(node)} - seen:
            seen.add(name)
            place = root / ("scripts" if name.startswith("gpu_check") else ".") / name.replace(".", "/")
            waiting += [file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()]
    assert {"rzen_eval.models.families.local_model", "gpu_check_bench", "tests.tiny", "pydantic"} <= seen
    assert not {name.partition(".")[0] for name in seen} & {
        "hydra", "omegaconf", "datasets", "pandas", "pyarrow", "pytest"
    }  # fmt: skip


def imported(node: ast.stmt) -> list[str]:
    """Modules of an import, or what may be one of its names, with the packages that they lie in."""
    if isinstance(node, ast.Import):
        whole = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        whole = [f"{node.module}.{alias.name}" for alias in node.names]
    else:
        return []
    parts = [name.split(".") for name in whole]
    return [".".join(part[:end]) for part in parts for end in range(1, len(part) + 1)]
