"""Declarations load what the hub serves under their repository ids, and score a task of each group."""

import json
from pathlib import Path

import pytest

from rzen_eval.cli.main import main
from tests import standins
from tests.loopback import Hub


@pytest.mark.parametrize("name", ["gme_2b_mmeb", "b3_qwen2_2b"])
def test_a_declaration_loads_from_the_hub_and_scores_a_task_of_each_group(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("peft")
    spec = standins.declared()[name]
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "home/hub"))
    with Hub(tmp_path / "hub") as hub:
        hub.lead(monkeypatch)
        there = standins.put(hub.root, name, spec, api="")
        tasks = standins.ONE_OF_EACH if name == "gme_2b_mmeb" else standins.ONE_OF_EACH[:1]
        assert main([*standins.words(name, tmp_path, tasks), *there]) == 0
        commit = hub.commit(hub.folder(spec.checkpoint, spec.revision or "main") or tmp_path)
    results = [json.loads(file.read_text()) for file in sorted((tmp_path / "results" / name).glob("*.json"))]
    assert len(results) == len(tasks)
    for result in results:
        said = result["provenance"]["model"]
        assert (said["license"], said["revision"]) == ("apache-2.0", spec.revision)
        assert said["weights"].split(" over ")[0] == commit
