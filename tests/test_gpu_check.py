"""The script that a GPU is checked with runs where there is none, and says that nothing of one was seen."""

import ast
import importlib.util
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

SCRIPT = Path(__file__).parents[1] / "scripts" / "gpu_check.py"


@pytest.fixture
def script() -> Any:
    made = importlib.util.spec_from_file_location("gpu_check", SCRIPT)
    assert made is not None
    assert made.loader is not None
    module = importlib.util.module_from_spec(made)
    made.loader.exec_module(module)
    return module


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
