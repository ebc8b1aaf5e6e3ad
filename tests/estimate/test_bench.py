"""How fast a model is, and what that says of tasks."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from rzen_eval import Item
from rzen_eval.cli.main import main
from rzen_eval.config import compose
from rzen_eval.errors import ConfigError
from rzen_eval.estimate.bench import Kind, _Run
from rzen_eval.estimate.checkpoint import known
from rzen_eval.estimate.cost import Amount, TaskCost
from rzen_eval.estimate.devices import named
from rzen_eval.estimate.flops import anatomy
from rzen_eval.estimate.speed import Shape, Speeds, kept, read
from rzen_eval.models.families.random_weights import random_model, small
from tests.conftest import FIXTURES

QWEN = FIXTURES / "tiny_qwen2vl"
BUDGETS = ["model.image={min_tokens: 4, max_tokens: 9}", "model.frame={min_tokens: 4, max_tokens: 4}"]


def shape(name: str, tflops: float) -> Shape:
    """Ten items a batch of a second."""
    parts = dict.fromkeys(("tower_ms", "language_ms", "copies_ms", "waiting_ms", "python_ms"), 0.0)
    return Shape(name=name, tokens=7, items=10, flops=round(tflops * 1e11), batch_ms=1000, bare_ms=900, **parts)


def speeds(model: str = "toy") -> Speeds:
    rates = {"text": 1.0, "picture": 2.0, "page": 4.0, "clip": 8.0}
    return Speeds(
        model=model, weights="random", device="a device", dtype="float32", attention="sdpa, packed", peak_tflops=10,
        peak_source="made up", memory_gb=1, versions={}, shapes=tuple(shape(*one) for one in rates.items()),
    )  # fmt: skip


def cost(modality: Any, queries: Amount, candidates: Amount) -> TaskCost:
    return TaskCost("t", modality, 1, 1, queries, candidates, "counts")


def test_rates_are_of_a_batch():
    one = shape("page", 4.0)
    assert one.items_a_second == 10
    assert one.tokens_a_second == 70
    assert one.tflops == pytest.approx(4.0)


def test_each_side_of_a_task_takes_the_time_of_the_shape_that_it_is_like():
    text, picture = Amount(items=1, flops=10**12), Amount(items=1, images=1, flops=10**12)
    frames = Amount(items=1, frames=8, flops=10**12)
    assert speeds().seconds([cost("visdoc", text, picture)]) == pytest.approx(1 + 1 / 4)
    assert speeds().seconds([cost("image", picture, text)]) == pytest.approx(1 / 2 + 1)
    assert speeds().seconds([cost("video", text, frames)]) == pytest.approx(1 + 1 / 8)


def test_a_file_of_another_model_or_kind_is_refused(tmp_path: Path):
    file = kept(tmp_path, "toy")
    with pytest.raises(ConfigError, match=r"toy.json cannot be read .*; `rzen-eval bench model=toy` makes it"):
        read(file, "toy")
    file.parent.mkdir()
    file.write_text(speeds().model_dump_json())
    assert read(file, "toy") == speeds()
    with pytest.raises(ConfigError, match="is of toy, expected of other"):
        read(file, "other")
    file.write_text("{}")
    with pytest.raises(ConfigError, match="is not what rzen-eval bench"):
        read(file, "toy")


def test_a_checkpoint_is_measured_kept_and_taken_for_an_estimate(
    tmp_path: Path, fresh: Path, capsys: pytest.CaptureFixture[str]
):
    model = ["model=custom", f"model.checkpoint={QWEN}", "model.family=qwen2_vl", "model.device=cpu", *BUDGETS]
    places, out = [f"cache_dir={fresh}"], tmp_path / "bench.json"
    task = ["task=visdoc/vidore_arxivqa", "data=sample"]
    words = ["bench", *model, *places, *task, "--seconds", "0", "--format", "json", "--output", str(out)]
    assert main(words) == 0
    found = json.loads(out.read_text())
    assert [row["items"] for row in found["rows"]] == ["text", "picture", "page", "clip"]
    assert [row["tokens"] for row in found["rows"]][:3] == [40, 46, 46]
    for part in ("items/s", "bare ms", "language ms", "Python ms"):
        assert all(row[part] > 0 for row in found["rows"]), part
    assert [row["tower ms"] > 0 for row in found["rows"]] == [False, True, True, True]
    assert found["weights"] == "of its checkpoint"
    assert found["attention"] == "sdpa, packed"
    assert [row["tasks"] for row in found["hours"]] == ["visdoc (1)", "in all (1)"]
    capsys.readouterr()
    assert main(["estimate", *model, *places, *task, "--devices", "here,h100", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    (row,) = told["tasks"]
    assert row["seconds_h100"] < row["seconds_here"]
    assert any("as measured on CPU" in note for note in told["notes"])


FAMILIES = [
    "rzenembed_v2_7b", "lamra_ret_qwen2_5vl_7b", "qwen3_vl_embedding_8b", "cafe_7b", "colpali_v1_3", "colqwen2",
    "colqwen2_5", "tomoro_colqwen3_4b", "colqwen3_5", "nemotron_colembed_vl_4b_v2", "jina_embeddings_v4",
    "omni_embed_nemotron_3b",
]  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_a_small_architecture_of_every_family_has_random_weights_and_vectors_of_unit_length(name: str):
    spec = compose.load([f"model={name}", "model.device=cpu"], [], need_tasks=False).model
    whole = known(spec).config
    config = small(whole)
    sizes = [anatomy(one, spec.family).parameters for one in (config, whole)]
    assert sizes[0] < sizes[1] / 100
    model = random_model(spec, config)
    from rzen_eval.estimate.bench import prepared

    kind = prepared(model, Item(text="a"))
    (made,) = model.forward([kind.plan], [kind.pixels])
    assert np.linalg.norm(np.atleast_2d(made), axis=1) == pytest.approx(1, abs=1e-3)


def test_a_batch_that_does_not_fit_is_measured_with_half_its_items():
    tried: list[int] = []

    def forward(planned: list[Any], _pixels: list[Any]) -> None:
        tried.append(len(planned))
        if len(planned) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")

    run = _Run(SimpleNamespace(forward=forward), Kind(None, ()), 13, 0.0)  # type: ignore[arg-type]
    run.warm()
    assert (tried, run.items) == ([13, 6, 3], 3)


PEAKS = {
    "NVIDIA H100 80GB HBM3": 989, "NVIDIA H100 PCIe": 756, "NVIDIA H100 NVL": 835, "NVIDIA H200": 989,
    "NVIDIA H200 NVL": 835, "NVIDIA GH200 480GB": 989, "NVIDIA A100-SXM4-40GB": 312, "NVIDIA A100 80GB PCIe": 312,
    "NVIDIA A100-PCIE-40GB": 312, "NVIDIA B200": 2250, "NVIDIA L40S": 362, "NVIDIA GeForce RTX 4090": 165,
    "NVIDIA H100 80GB HBM3 MIG 1g.10gb": None, "NVIDIA A100-SXM4-80GB MIG 3g.40gb": None, "NVIDIA H20": None,
    "NVIDIA GeForce RTX 4090 D": None, "NVIDIA GeForce RTX 4090 Laptop GPU": None, "NVIDIA L40": None,
    "NVIDIA RTX A1000": None, "AMD Instinct MI300X": None,
}  # fmt: skip


@pytest.mark.parametrize("name", PEAKS)
def test_the_peak_is_that_of_the_very_device_and_else_is_measured(name: str):
    found = named(name)
    assert (found.tflops if found else None) == PEAKS[name]
