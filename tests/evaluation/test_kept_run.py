"""A run that keeps every result does nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

from rzen_eval.cli.main import main
from rzen_eval.models.declaration.local import ModelSpec
from rzen_eval.models.device import surely_cpu

RUN = """
import sys
import hydra
composed, compose = [], hydra.compose
hydra.compose = lambda *args, **more: composed.append(more["overrides"]) or compose(*args, **more)
from rzen_eval.cli.main import main
code = main(sys.argv[1:])
heavy = {"datasets", "transformers", "torch", "decord", "matplotlib", "peft", "ray", "rich", "sklearn", "torchvision"}
print(f"imported: {sorted(heavy & set(sys.modules))}\\ncomposed: {len(composed)} times", file=sys.stderr)
sys.exit(code)
"""


KEPT = "kept from an earlier run"


@pytest.fixture
def settings(tmp_path: Path, mirror: Path, checkpoint: Path) -> list[str]:
    """Of a run of two tasks."""
    return [
        "task=[vidore_docvqa,visrag_chartqa]", "model=rzenembed_v2_7b", f"model.checkpoint={checkpoint}",
        "model.device=cpu", "data=mirror", f"data.root={mirror}", f"results_dir={tmp_path / 'results'}",
        f"cache_dir={tmp_path / 'cache'}", "runtime.workers=0",
    ]  # fmt: skip


def test_a_run_that_keeps_everything_reads_no_rows_and_opens_no_model(settings: list[str], tmp_path: Path):
    def run() -> str:
        """In a process of its own; gives what it said."""
        program = [sys.executable, "-c", RUN, *settings]
        found = subprocess.run(program, capture_output=True, text=True, check=True, cwd=tmp_path)
        return found.stderr + found.stdout

    first = run()
    assert "imported: ['datasets', 'torch', 'transformers']" in first
    second = run()
    assert second.count(KEPT) == 2
    assert "imported: []" in second
    assert "composed: 1 times" in second
    assert [line for line in second.splitlines() if "|" in line] == [line for line in first.splitlines() if "|" in line]


def test_what_is_not_kept_is_scored_all_the_same(
    settings: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(settings) == 0
    (tmp_path / "results/rzenembed_v2_7b/visrag_chartqa.json").unlink()
    assert capsys.readouterr().err.count(KEPT) == 0
    assert main(settings) == 0
    assert capsys.readouterr().err.count(KEPT) == 1
    assert (tmp_path / "results/rzenembed_v2_7b/visrag_chartqa.json").is_file()


def test_another_setting_of_the_model_is_not_taken_for_the_one_that_is_known(
    settings: list[str], capsys: pytest.CaptureFixture[str]
):
    for words in (settings, [*settings, "model.prompt.system=Hello."]):
        assert main(words) == 0
        assert KEPT not in capsys.readouterr().err


@pytest.mark.parametrize(("device", "sure"), [("cpu", True), ("cuda:0", False), ("mps", False)])
def test_only_a_model_that_must_run_on_the_cpu_is_known_without_torch(device: str, sure: bool):
    spec = ModelSpec(
        name="m", family="qwen2_vl", checkpoint="x", device=device,
        prompt={"template": "{media}{text}", "image": "<i>"},
        image={"min_tokens": 1, "max_tokens": 2}, frame={"min_tokens": 1, "max_tokens": 2},
    )  # fmt: skip
    assert surely_cpu(spec) is sure
