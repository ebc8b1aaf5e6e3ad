"""Adapters merged at load, against the same adapters run unmerged by peft."""

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from rzen_eval import Item, load_model
from rzen_eval.core import Vectors
from rzen_eval.errors import ModelError
from rzen_eval.models.families import attention
from tests.conftest import FIXTURES

peft = pytest.importorskip("peft")

BASE = FIXTURES / "tiny_qwen2vl"
TARGETS = r"^(?!.*lm_head).*\.(q_proj|k_proj|down_proj|qkv|fc1)$"
ITEMS = [
    Item(text="a red circle", instruction="Find an image:"),
    Item(images=[Image.new("RGB", (90, 60), (200, 30, 30))], instruction="Represent the given image."),
]


def adapter(folder: Path, *, dora: bool, names: str, **settings: Any) -> tuple[Path, Vectors]:
    """An adapter as training with peft leaves it, and the vectors that peft computes with it, unmerged.

    Args:
        folder: where to put it.
        dora: with magnitudes.
        names: of its weights: those of transformers "4.45" to 4.51, when Qwen2-VL was `model` and `visual`, or of "5".
        settings: further ones of the configuration.
    """
    from transformers import Qwen2VLForConditionalGeneration

    whole = Qwen2VLForConditionalGeneration.from_pretrained(BASE, dtype=torch.float32)
    config = peft.LoraConfig(r=4, lora_alpha=16, target_modules=TARGETS, use_dora=dora, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        wrapped = peft.get_peft_model(whole, config)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, weight in wrapped.named_parameters():
            if "lora_" in name and "magnitude" not in name:
                weight.normal_(0, 0.2, generator=generator)
            elif "magnitude" in name:
                weight.mul_(torch.rand(weight.shape, generator=generator) + 0.5)
    wrapped.save_pretrained(folder)
    says = json.loads((folder / "adapter_config.json").read_text()) | {"base_model_name_or_path": str(BASE)}
    (folder / "adapter_config.json").write_text(json.dumps(says))
    if names == "4.45":
        weights = load_file(folder / "adapter_model.safetensors")
        old = {
            name.replace(".model.language_model.", ".model.").replace(".model.visual.", ".visual."): weight
            for name, weight in weights.items()
        }
        assert len(old) == len(weights)
        save_file(old, folder / "adapter_model.safetensors")
    # The unmerged vectors: our own forward over the wrapped modules, which peft has put in place of the plain ones.
    model = load_model("vlm2vec_v2_2b", f"checkpoint={BASE}", "dim=null", "dtype=float32", "device=cpu")
    model.__dict__["_model"] = wrapped.base_model.model.model.eval()
    attention.use(model.__dict__["_model"], model.attention, packed=model.packed)
    return folder, model.embed(ITEMS, "query")


def embed(checkpoint: Path, *overrides: str) -> Vectors:
    model = load_model(
        "vlm2vec_v2_2b", f"checkpoint={checkpoint}", "dim=null", "dtype=float32", "device=cpu", *overrides
    )
    return model.embed(ITEMS, "query")


@pytest.mark.parametrize("names", ["4.45", "5"])
@pytest.mark.parametrize("dora", [False, True], ids=["lora", "dora"])
def test_merged_vectors_equal_the_unmerged_forward_of_peft(tmp_path: Path, dora: bool, names: str):
    folder, unmerged = adapter(tmp_path / "adapter", dora=dora, names=names)
    merged = embed(folder)
    assert np.abs(merged - unmerged).max() < 2e-6
    assert np.abs(merged - embed(BASE)).max() > 0.05


LAYER = "model.language_model.layers.0.self_attn.q_proj"


@pytest.mark.parametrize("names", ["4.45", "5"])
@pytest.mark.parametrize(
    "settings",
    [
        {"use_rslora": True, "alpha_pattern": {"q_proj": 2}, "rank_pattern": {"qkv": 8}},
        {"alpha_pattern": {LAYER: 160}, "rank_pattern": {LAYER: 2}},
        {"alpha_pattern": {r"language_model\.layers\.[01]\..*_proj": 64}, "rank_pattern": {r".*\.1\.mlp\..*": 8}},
        {"alpha_pattern": {"^model.language_model.layers.1.mlp.down_proj": 64}},
    ],
    ids=["suffix", "name", "expression", "anchored"],
)
def test_scales_and_ranks_by_module_are_those_that_peft_finds(tmp_path: Path, settings: dict[str, Any], names: str):
    """A pattern is one of the names that the adapter was made for, whatever the base calls its modules now."""
    old = {"language_model.": "", r"language_model\.": ""} if names == "4.45" else {}

    def renamed(pattern: str) -> str:
        for new, was in old.items():
            pattern = pattern.replace(new, was)
        return pattern

    folder, unmerged = adapter(tmp_path / "adapter", dora=False, names=names, **settings)
    says = json.loads((folder / "adapter_config.json").read_text())
    for key in ("alpha_pattern", "rank_pattern"):
        says[key] = {renamed(pattern): value for pattern, value in settings.get(key, {}).items()}
    (folder / "adapter_config.json").write_text(json.dumps(says))
    assert np.abs(embed(folder) - unmerged).max() < 2e-6


def pickled(folder: Path) -> Path:
    """The adapter as the authors' trainer left it: no safetensors, and names of magnitudes without their last part."""
    file = folder / "adapter_model.safetensors"
    weights = {
        name.removesuffix(".weight") if "magnitude" in name else name: weight
        for name, weight in load_file(file).items()
    }
    file.unlink()
    torch.save(weights, folder / "adapter_model.bin")
    return folder / "adapter_model.bin"


def test_an_adapter_in_a_pickle_is_taken_where_that_is_allowed(tmp_path: Path):
    folder, unmerged = adapter(tmp_path / "adapter", dora=True, names="4.45")
    file = pickled(folder)
    with pytest.raises(
        ModelError, match=r"adapter_model\.bin is there, a pickle, which is taken with model\.pickled_w"
    ):
        embed(folder, "pickled_weights=false")
    before = load_model("vlm2vec_v2_2b", f"checkpoint={folder}", "dim=null", "pickled_weights=true").provenance()
    assert np.abs(embed(folder, "pickled_weights=true") - unmerged).max() < 2e-6
    weights = torch.load(file, weights_only=True)
    torch.save({name: weight * 2 for name, weight in weights.items()}, file)
    after = load_model("vlm2vec_v2_2b", f"checkpoint={folder}", "dim=null", "pickled_weights=true").provenance()
    assert before["weights"] != after["weights"]


def test_a_pickle_that_would_run_code_is_not_read(tmp_path: Path):
    folder, _ = adapter(tmp_path / "adapter", dora=False, names="5")
    file, trace = pickled(folder), tmp_path / "trace"

    class Runs:
        def __reduce__(self) -> Any:
            return Path.touch, (trace,)

    torch.save({"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight": Runs()}, file)
    with pytest.raises(ModelError, match=r"adapter_model\.bin holds something else than weights"):
        embed(folder, "pickled_weights=true")
    assert not trace.exists()


def test_in_16_bits_the_sum_is_made_in_full_precision_and_rounded_once(tmp_path: Path):
    """As where the whole base is in full precision: the weights of the two are the same bits."""
    folder, _ = adapter(tmp_path / "adapter", dora=True, names="5")
    half, full = (
        load_model("vlm2vec_v2_2b", f"checkpoint={folder}", "dim=null", "device=cpu", f"dtype={dtype}")._model
        for dtype in ("bfloat16", "float32")
    )
    expected = full.state_dict()
    assert all(torch.equal(weight, expected[name].to(weight.dtype)) for name, weight in half.state_dict().items())


def test_a_base_model_can_be_given_where_the_adapter_names_one_that_is_not_there(tmp_path: Path):
    folder, unmerged = adapter(tmp_path / "adapter", dora=False, names="5")
    config = folder / "adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"base_model_name_or_path": "/gone/qwen2-vl"}))
    with pytest.raises(ModelError, match=r"no folder at /gone/qwen2-vl; model\.base= takes a folder"):
        embed(folder)
    assert np.abs(embed(folder, f"base={BASE}") - unmerged).max() < 2e-6


def test_a_weight_of_the_adapter_that_has_no_place_is_an_error(tmp_path: Path):
    folder, _ = adapter(tmp_path / "adapter", dora=False, names="5")
    file = folder / "adapter_model.safetensors"
    weights = load_file(file)
    weights["base_model.model.model.language_model.layers.7.self_attn.q_proj.lora_A.weight"] = torch.zeros(4, 64)
    save_file(weights, file)
    with pytest.raises(ModelError, match=r"1 weights that qwen2_vl has no place for \(language_model\.layers\.7"):
        embed(folder)


def test_half_an_adapter_is_an_error(tmp_path: Path):
    folder, _ = adapter(tmp_path / "adapter", dora=True, names="5")
    file = folder / "adapter_model.safetensors"
    weights = load_file(file)
    del weights["base_model.model.model.language_model.layers.1.self_attn.k_proj.lora_B.weight"]
    save_file(weights, file)
    with pytest.raises(
        ModelError, match=r"does not fit its base model: missing .*layers\.1\.self_attn\.k_proj\.lora_B"
    ):
        embed(folder)


def test_an_adapter_beside_whole_weights_is_refused_since_one_of_them_would_go_unused(tmp_path: Path):
    folder, _ = adapter(tmp_path / "adapter", dora=False, names="5")
    (folder / "model.safetensors").write_bytes((BASE / "model.safetensors").read_bytes())
    with pytest.raises(ModelError, match=r"holds an adapter and other weights \(model\.safetensors\)"):
        embed(folder)


def test_a_base_for_a_whole_model_is_refused():
    with pytest.raises(ModelError, match=r"model\.base is given, but .* has no adapter_config\.json"):
        embed(BASE, f"base={BASE}")


def test_provenance_names_the_adapter_and_its_base(tmp_path: Path):
    folder, _ = adapter(tmp_path / "adapter", dora=False, names="5")
    model = load_model("vlm2vec_v2_2b", f"checkpoint={folder}", "dim=null", "dtype=float32", "device=cpu")
    base = load_model("vlm2vec_v2_2b", f"checkpoint={BASE}", "dim=null", "dtype=float32", "device=cpu")
    ours, theirs = model.provenance()["weights"].split(" over ")
    assert theirs == base.provenance()["weights"]
    assert ours.startswith("sha256:")
    assert ours != theirs


def test_without_peft_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder, _ = adapter(tmp_path / "adapter", dora=False, names="5")
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(ModelError, match=r"holds an adapter, which needs peft; pip install 'rzen-eval\[adapters\]'"):
        embed(folder)


def test_in_16_bits_only_the_weights_are_cast_after_merging(tmp_path: Path):
    folder, unmerged = adapter(tmp_path / "adapter", dora=True, names="5")
    model = load_model("vlm2vec_v2_2b", f"checkpoint={folder}", "dim=null", "dtype=bfloat16", "device=cpu")
    assert {weight.dtype for weight in model._model.parameters()} == {torch.bfloat16}
    assert model._model.language_model.rotary_emb.inv_freq.dtype == torch.float32
    assert (model.embed(ITEMS, "query") * unmerged).sum(axis=1).min() > 0.99
