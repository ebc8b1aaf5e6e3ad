"""ColQwen2.5, ColQwen3 and ColQwen3.5: names and configurations of their makers, and how they are read."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from rzen_eval import Item
from rzen_eval.core import Side
from rzen_eval.errors import ConfigError, ModelError
from tests import standins, tiny
from tests.models.families.test_late_interaction import ITEMS, PAGE, opened

MAKERS = {
    "colqwen2_5": "colqwen2_5",
    "tomoro": "tomoro_colqwen3_4b",
    "ops": "ops_colqwen3_4b",
    "colqwen3_5": "colqwen3_5",
}
"""A declaration that reads what each maker saves."""


def test_a_text_behind_a_picture_is_cut_and_what_follows_it_is_not(tmp_path: Path):
    folder = tiny.colqwen(tmp_path / "tomoro", "tomoro")
    item = Item(text="word " * 200, images=[PAGE])
    whole = opened("tomoro_colqwen3_4b", folder, "dim=null").plan(item, Side.QUERY).input_ids.tolist()
    cut = opened("tomoro_colqwen3_4b", folder, "dim=null", "max_length=120").plan(item, Side.QUERY).input_ids.tolist()
    assert (len(whole) > 200, len(cut)) == (True, 120)
    assert (cut[:118], cut[118:]) == (whole[:118], whole[-2:])
    with pytest.raises(ConfigError, match=r"and \{text\} at most once, behind it"):
        opened("tomoro_colqwen3_4b", folder, "prompt.pictured='{text}{media}'")


@pytest.mark.parametrize("maker", MAKERS)
def test_a_later_colqwen_saved_by_transformers_gives_the_same_vectors(maker: str, tmp_path: Path):
    from transformers import ColQwen2ForRetrieval

    folder, saved = tiny.colqwen(tmp_path / maker, maker), tmp_path / "saved"
    model = opened(MAKERS[maker], folder, "dim=null")
    stock: Any = ColQwen2ForRetrieval(model.config)
    stock.load_state_dict(model._model.state_dict())
    stock.save_pretrained(saved)
    for file in (*folder.glob("*token*"), folder / "preprocessor_config.json"):
        shutil.copy(file, saved)
    found, expected = opened(MAKERS[maker], saved).embed(ITEMS, "query"), model.embed(ITEMS, "query")
    assert np.abs(found.rows - expected.rows).max() < 1e-6


def test_a_colqwen_over_another_model_is_refused(tmp_path: Path):
    folder = tiny.colqwen(tmp_path / "colqwen3_5", "colqwen3_5")
    with pytest.raises(ModelError, match="says model_type 'qwen3_5'; expected qwen3_vl or colqwen3 or ops_colqwen3"):
        opened("ops_colqwen3_4b", folder)
    config = folder / "config.json"
    config.write_text(json.dumps({"model_type": "colqwen2", "vlm_config": json.loads(config.read_text())}))
    with pytest.raises(ModelError, match="'colqwen2' over 'qwen3_5'; expected qwen2_5_vl, or colqwen2 over qwen2_5_vl"):
        opened("colqwen2_5", folder)


def test_a_layer_of_other_dimensions_than_the_configuration_says_is_refused(tmp_path: Path):
    folder = tiny.colqwen(tmp_path / "colqwen3_5", "colqwen3_5")
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"dim": 16}))
    with pytest.raises(ModelError, match="weights of another shape"):
        opened("colqwen3_5", folder).load()


def test_the_adapter_of_colqwen2_5_is_merged_under_its_old_names(tmp_path: Path):
    base, folder = tiny.colqwen(tmp_path / "base", "colqwen2_5"), tmp_path / "adapter"
    standins._adapter(base, folder, standins.Shape(str(base)))
    stored, weights = load_file(folder / "adapter_model.safetensors"), load_file(base / "model.safetensors")
    changed = {name.removeprefix("base_model.model.").rpartition(".lora_")[0] for name in stored}
    assert {"model.layers.0.self_attn.q_proj", "custom_text_proj"} < changed
    for name in changed:
        up, down = (stored[f"base_model.model.{name}.lora_{part}.weight"] for part in "BA")
        weights[f"{name}.weight"] = weights[f"{name}.weight"] + 16 / 4 * up @ down
    merged = Path(shutil.copytree(base, tmp_path / "merged"))
    save_file(weights, merged / "model.safetensors", metadata={"format": "pt"})
    made = [opened("colqwen2_5", place).embed(ITEMS, "query").rows for place in (folder, merged, base)]
    assert np.abs(made[0] - made[1]).max() < 1e-5
    assert np.abs(made[0] - made[2]).max() > 1e-2
