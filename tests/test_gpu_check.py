"""The script that a GPU is checked with runs where there is none, and says that nothing of one was seen."""

import importlib.util
import json
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
    assert "unknown model 'no_such_model'" in found["parts"]["bench no_such_model"]["error"]
    assert "bench no_such_model: 0" in capsys.readouterr().out
