"""Checkpoints: every weight is used, or the model is refused."""

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from rzen_eval import Item, Side, load_model
from rzen_eval.errors import ModelError
from rzen_eval.models.checkpoint import audit
from rzen_eval.models.checkpoint import files as weights


@pytest.fixture
def copy(checkpoint: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "checkpoint"
    shutil.copytree(checkpoint, folder)
    return folder


def refused(folder: Path, *overrides: str) -> str:
    with pytest.raises(ModelError) as caught:
        load_model("rzenembed_v2_7b", f"checkpoint={folder}", "device=cpu", *overrides)
    assert "\n" not in str(caught.value)
    assert "rzenembed_v2_7b" in str(caught.value) or str(folder) in str(caught.value)
    return str(caught.value)


def rewrite(folder: Path, change: str) -> None:
    file = folder / "model.safetensors"
    tensors = load_file(file)
    if change == "missing":
        del tensors["model.layers.1.mlp.up_proj.weight"]
    elif change == "unexpected":
        tensors["model.layers.9.mlp.up_proj.weight"] = tensors["model.layers.1.mlp.up_proj.weight"].clone()
    elif change == "shape":
        tensors["model.norm.weight"] = tensors["model.norm.weight"][:32].clone()
    save_file(tensors, file, metadata={"format": "pt"})


def test_a_missing_weight_is_refused(copy: Path):
    rewrite(copy, "missing")
    assert "1 weights missing" in refused(copy)


def test_an_unexpected_weight_is_refused(copy: Path):
    rewrite(copy, "unexpected")
    assert "layers.9.mlp.up_proj.weight" in refused(copy)


def test_a_weight_of_another_shape_is_refused(copy: Path):
    rewrite(copy, "shape")
    assert "norm.weight" in refused(copy)


def test_a_language_model_head_is_the_one_weight_that_an_embedder_may_leave_out(copy: Path):
    tensors = load_file(copy / "model.safetensors")
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].clone()
    save_file(tensors, copy / "model.safetensors", metadata={"format": "pt"})
    load_model("rzenembed_v2_7b", f"checkpoint={copy}", "device=cpu")


def test_a_key_that_loading_ignores_silently_is_noticed_by_the_count(copy: Path):
    spec = load_model("rzenembed_v2_7b", f"checkpoint={copy}", "device=cpu").spec
    stored = audit.stored_keys([copy / "model.safetensors"])
    audit.check_loaded(spec, copy, {}, len(stored), stored)
    with pytest.raises(ModelError, match="some keys were ignored"):
        audit.check_loaded(spec, copy, {}, len(stored) - 1, stored)


@pytest.mark.parametrize(
    ("removed", "said"),
    [
        ("config.json", "no config.json"),
        ("model.safetensors", "no weights"),
    ],
)
def test_an_incomplete_folder_is_refused_with_what_is_missing(copy: Path, removed: str, said: str):
    (copy / removed).unlink()
    assert said in refused(copy)


def test_a_folder_without_a_tokenizer_is_refused(copy: Path):
    for name in weights.TOKENIZERS:
        (copy / name).unlink(missing_ok=True)
    assert "no tokenizer" in refused(copy)


def test_a_damaged_weight_file_is_refused(copy: Path):
    (copy / "model.safetensors").write_bytes((copy / "model.safetensors").read_bytes()[:1000])
    assert "model.safetensors is damaged (" in refused(copy)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path):
    assert "no folder at" in refused(tmp_path / "nowhere")


def test_a_checkpoint_of_another_family_is_refused(copy: Path):
    config = copy / "config.json"
    config.write_text(config.read_text().replace('"qwen2_vl"', '"llama"'))
    assert "declared as qwen2_vl" in refused(copy)


def test_a_device_that_is_not_there_is_refused(checkpoint: Path):
    assert "device 'cuda:7' is not there" in refused(checkpoint, "device=cuda:7")


def test_flash_attention_is_refused_where_it_cannot_run(checkpoint: Path):
    assert "attention=sdpa" in refused(checkpoint, "attention=flash_attention_2")


def test_a_truncation_saved_with_a_tokenizer_cuts_no_prompt(copy: Path):
    file = copy / "tokenizer.json"
    saved = json.loads(file.read_text())
    saved["truncation"] = {"direction": "Right", "max_length": 5, "strategy": "LongestFirst", "stride": 0}
    file.write_text(json.dumps(saved))
    model = load_model("rzenembed_v2_7b", f"checkpoint={copy}", "device=cpu")
    assert model.plan(Item(text="a red circle on a white page"), Side.QUERY).length > 20
