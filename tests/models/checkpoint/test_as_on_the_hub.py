"""What decides a vector beside the weights: tokens at the end of a prompt, names of weights, pins of a base."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from rzen_eval import Item, load_model
from rzen_eval.cli.checkpoint_findings import of_files, of_pictures, of_tokens
from rzen_eval.config import compose
from rzen_eval.core import Side
from rzen_eval.errors import ModelError
from rzen_eval.models import open_reranker
from tests import standins
from tests.conftest import FIXTURES
from tests.loopback import Hub

TINY = FIXTURES / "tiny_qwen2vl"
QWEN3 = FIXTURES / "golden/tiny_qwen3vl"
BASE = "Qwen/Qwen2-VL-2B-Instruct"
END = 877
"""<|endoftext|> in the small tokenizers."""


def opened(name: str, folder: Path, *settings: str) -> Any:
    return load_model(name, f"checkpoint={folder}", "dim=null", "dtype=float32", "device=cpu", *settings)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TINY, tmp_path / "model"))


def test_a_tokenizer_that_ends_prompts_as_published_is_pooled_there_cut_or_not(tmp_path: Path):
    folder = Path(shutil.copytree(QWEN3, tmp_path / "model"))
    standins._append(folder, "<|endoftext|>")
    model = opened("qwen3_vl_embedding_2b", folder, "max_length=60")
    assert model.notes() == []
    for one in (Item(text="a cat"), Item(text="a cat " * 100)):
        ids = model.plan(one, Side.QUERY).input_ids.tolist()
        assert (ids[-1], ids.count(END)) == (END, 1)


def test_a_tokenizer_of_the_users_own_that_ends_them_otherwise_is_told():
    (note,) = opened("qwen3_vl_embedding_2b", QWEN3).notes()
    assert "whose state is the vector, and not in '<|endoftext|>'" in note


def test_a_pooled_token_that_is_there_twice_is_refused(copy: Path):
    standins._append(copy, "<|endoftext|>")
    with pytest.raises(ModelError, match=r"prompts end in <\|endoftext\|> twice, once by the template and once by the"):
        opened("gme_2b", copy)


def test_a_tokenizer_that_knows_emb_is_told(copy: Path):
    assert opened("lamra_ret_mmeb", copy).notes() == []
    tokenizer: Any = AutoTokenizer.from_pretrained(copy)
    tokenizer.add_tokens(["<emb>"])
    tokenizer.save_pretrained(copy)
    (note,) = opened("lamra_ret_mmeb", copy).notes()
    assert "'<emb>' is a token, which is to be read in pieces" in note


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "home/hub"))
    with Hub(tmp_path / "hub") as served:
        served.lead(monkeypatch)
        yield served


def fetched(hub: Hub, name: str, *settings: str) -> Any:
    """A declared model from a small repository of its true shape."""
    there = standins.put(hub.root, name, standins.local()[name], api="")
    return load_model(name, "dim=null", "dtype=float32", "device=cpu", *there, *settings)


@pytest.mark.parametrize("name", ["qwen3_vl_embedding_2b", "gme_7b"])
def test_a_repository_of_its_true_shape_loads(hub: Hub, name: str):
    model = fetched(hub, name)
    assert model.notes() == []
    assert model.embed([Item(text="a cat")]).shape == (1, 64)


@pytest.mark.parametrize(
    "name",
    [
        "colqwen2_5",
        "colnomic_embed_multimodal_3b",
        "tomoro_colqwen3_8b",
        "ops_colqwen3_4b",
        "nemotron_colembed_vl_8b_v2",
        "jina_embeddings_v4_multivector",
    ],
)
def test_a_repository_of_late_interaction_of_its_true_shape_loads(hub: Hub, name: str):
    model = fetched(hub, name)
    assert model.notes() == []
    assert model.embed([Item(text="a cat")]).lengths.sum() > 5


def test_what_has_no_pin_is_named_with_the_commit_that_was_taken(hub: Hub):
    model = fetched(hub, "b3_qwen2_2b")
    adapter, base = model.checkpoint.identity.split(" over ")
    taken = "has no pin and was taken at its newest commit,"
    assert model.notes() == [
        f"b3_qwen2_2b: raghavlite/B3_Qwen2_2B {taken} {adapter}; model.revision={adapter} gives the same weights again",
        f"b3_qwen2_2b: {BASE} {taken} {base}; model.base_revision={base} gives the same weights again",
    ]
    assert fetched(hub, "colqwen2").notes() == []


def test_a_cross_encoder_without_a_pin_is_named_likewise(hub: Hub, tmp_path: Path):
    (hub.root / "a/judge").mkdir(parents=True)
    save_file({"w": torch.zeros(1)}, hub.root / "a/judge/model.safetensors")
    spec = compose.load(["reranker=cross_encoder", "reranker.checkpoint=a/judge"], need_tasks=False).reranker
    assert spec is not None
    model: Any = open_reranker(spec, tmp_path / "cache")
    (said,) = model.notes()
    assert said.startswith("judge: a/judge has no pin and was taken at its newest commit, ")
    assert "; reranker.revision=" in said


def test_files_names_and_tokens_are_told_as_they_were_found(hub: Hub):
    model = fetched(hub, "b3_qwen2_2b")
    told = {finding.check: finding.found for finding in (*of_files(model), *of_tokens(model))}
    assert told["files"].startswith("model.safetensors of 0.00")
    assert "weights, of model.embed_tokens, model.layers, model.norm" in told["names"]
    assert told["adapter"].startswith("LORA in adapter_model.bin of ")
    assert told["adapter"].endswith("over Qwen/Qwen2-VL-2B-Instruct")
    assert told["no pin"].startswith("Qwen/Qwen2-VL-2B-Instruct has no pin")
    assert told["tokens at the end"] == "'a' 'Ġred' 'Ġcircle'"


def test_picture_sizes_of_a_file_are_told_beside_those_that_hold(tmp_path: Path):
    folder = Path(shutil.copytree(QWEN3, tmp_path / "model"))
    standins._append(folder, "<|endoftext|>")
    file = folder / "preprocessor_config.json"
    sizes = {"size": {"shortest_edge": 4096, "longest_edge": 1_310_720}}
    file.write_text(json.dumps(json.loads(file.read_text()) | sizes))
    model = opened("qwen3_vl_embedding_2b", folder)
    assert of_pictures(model).found.endswith(
        ", 4,096 to 1,310,720 pixels; the declaration's hold: 4,096 to 1,843,200 pixels"
    )
    (tokens,) = of_tokens(model)
    assert tokens.passed
    assert tokens.found.endswith("'<|endoftext|>'; declared to end in '<|endoftext|>'")


@pytest.mark.parametrize("prefix", [("model.", "model.language_model."), ("visual.", "model.visual.")], ids=str)
def test_names_of_newer_transformers_load_alike(copy: Path, prefix: tuple[str, str]):
    items = [Item(text="a cat"), Item(images=[FIXTURES / "rzen/images/i07_grey.png"])]
    before = opened("gme_2b", copy).embed(items)
    weights = load_file(copy / "model.safetensors")
    pairs = [("model.", "model.language_model."), ("visual.", "model.visual.")]
    renamed = {
        next((new + name.removeprefix(old) for old, new in pairs if name.startswith(old)), name): weight
        for name, weight in weights.items()
    }
    assert any(name.startswith(prefix[1]) for name in renamed)
    save_file(renamed, copy / "model.safetensors", metadata={"format": "pt"})
    assert np.array_equal(opened("gme_2b", copy).embed(items), before)


@pytest.mark.parametrize("name", ["lm_head.weight", "model.lm_head.weight", "visual.rotary_pos_emb.inv_freq"])
def test_weights_that_an_embedding_does_without_may_be_stored(copy: Path, name: str):
    before = opened("gme_2b", copy).embed([Item(text="a cat")])
    weights = load_file(copy / "model.safetensors")
    weights[name] = weights["model.norm.weight"].clone()
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    assert np.array_equal(opened("gme_2b", copy).embed([Item(text="a cat")]), before)


def test_a_whole_model_with_an_adapter_below_is_refused(copy: Path):
    (copy / "lora").mkdir()
    (copy / "lora/adapter_config.json").write_text('{"peft_type": "LORA"}')
    with pytest.raises(ModelError, match="holds a whole model, and in lora/ an adapter that would not be merged"):
        opened("gme_2b", copy)


def test_texts_that_are_cut_to_the_length_are_counted():
    model = opened("gme_2b", TINY, "max_length=60")
    told = [model.cuts(model.rendered(Item(text=text), Side.QUERY)) for text in ("a cat", "a cat " * 100)]
    assert told == [False, True]
