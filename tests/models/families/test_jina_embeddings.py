"""jina-embeddings-v4: an adapter within the checkpoint, for one of three tasks, and where its vectors come from."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from rzen_eval import Item
from rzen_eval.cli.checkpoint_findings import of_files
from rzen_eval.core import Side
from rzen_eval.errors import ConfigError, ModelError
from rzen_eval.models.prompt import render
from tests import tiny
from tests.models.families.test_late_interaction import PAGE, opened

NAMES = ["jina_embeddings_v4", "jina_embeddings_v4_multivector"]
ITEMS = [Item(text="a red circle"), Item(images=[PAGE])]
V = "<|vision_start|><|image_pad|><|vision_end|>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.jina(tmp_path_factory.mktemp("checkpoints") / "jina")


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def rows(model: Any) -> np.ndarray[Any, Any]:
    return np.concatenate([np.atleast_2d(model.embed([item])[0]) for item in ITEMS])


def test_strings(folder: Path):
    prompt = opened(NAMES[0], folder, "dim=null").spec.prompt
    asked = Item(text="sales of 2019", instruction="Find a page:")
    assert render(prompt, asked, Side.QUERY) == "Query: sales of 2019"
    assert render(prompt, asked, Side.CANDIDATE) == "Passage: sales of 2019"
    page = f"<|im_start|>user\n{V}Describe the image.<|im_end|>\n"
    for side in Side:
        assert render(prompt, Item(text="words", images=[PAGE]), side) == page


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("task", ["retrieval", "code"])
def test_the_weights_of_a_task_are_merged_into_the_checkpoint(name: str, task: str, folder: Path, copy: Path):
    adapter = load_file(copy / "adapters/adapter_model.safetensors")
    weights = load_file(copy / "model.safetensors")
    changed = 0
    for key in [key for key in weights if tiny.ADAPTED.search(key) and not key.startswith("visual.")]:
        module = "base_model.model." + key.removesuffix(".weight").replace(
            "model.layers", "model.language_model.layers"
        )
        down, up = (adapter[f"{module}.lora_{part}.{task}.weight"] for part in "AB")
        weights[key] = weights[key] + 8 / 4 * up @ down
        changed += 1
    assert changed == 3 * 7 + 1
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    shutil.rmtree(copy / "adapters")
    settings = ["dim=null", f"adapter_task={task}"]
    found = rows(opened(name, folder, *settings))
    assert np.abs(found - rows(opened(name, copy, "dim=null", "adapter=null", "adapter_task=null"))).max() < 1e-5
    other = "text-matching"
    assert np.abs(found - rows(opened(name, folder, "dim=null", f"adapter_task={other}"))).max() > 1e-2


def test_a_picture_is_the_mean_from_its_start_to_its_end_and_a_text_that_of_all(folder: Path):
    model: Any = opened(NAMES[0], folder, "dim=null")
    for item, part in ((ITEMS[0], slice(None)), (ITEMS[1], slice(4, -9))):
        plan = model.plan(item, Side.QUERY)
        staged = model.staged([plan], [model.pictures(item).load()])
        with torch.inference_mode():
            states = model._hidden(staged.batch, staged.block.sent(model.device))[0]
        marks = model.tokenizer.convert_ids_to_tokens(plan.input_ids[part].tolist())
        if item.images:
            assert (marks[0], marks[-1]) == ("<|vision_start|>", "<|vision_end|>")
        mean = torch.nn.functional.normalize(states[part].mean(0), dim=-1)
        assert np.abs(np.asarray(model.embed([item])[0]) - mean.numpy()).max() < 1e-6


def test_an_adapter_of_other_tasks_or_with_weights_of_none_is_refused(copy: Path):
    with pytest.raises(ModelError, match=r"has weights for code, retrieval, text-matching; expected one for .*=sums"):
        opened(NAMES[0], copy, "adapter_task=sums").load()
    file = copy / "adapters/adapter_model.safetensors"
    whole = load_file(file)
    key = "base_model.model.multi_vector_projector.lora_A.code.weight"
    save_file({name: weight for name, weight in whole.items() if name != key}, file)
    with pytest.raises(ModelError, match="changes other weights for code than for retrieval"):
        opened(NAMES[0], copy).load()
    save_file(whole | {"base_model.model.multi_vector_projector.weight": torch.zeros(2)}, file)
    with pytest.raises(ModelError, match=r"holds multi_vector_projector.weight, which are of no task"):
        opened(NAMES[0], copy).load()


def test_a_checkpoint_without_its_adapter_and_one_with_two_are_refused(copy: Path):
    with pytest.raises(ConfigError, match="adapter is a folder of the checkpoint itself, and base another model"):
        opened(NAMES[0], copy, "base=./other")
    (copy / "more").mkdir()
    (copy / "more/adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match="and in more/ an adapter that would not be merged"):
        opened(NAMES[0], copy)
    shutil.rmtree(copy / "adapters")
    with pytest.raises(ModelError, match=r"has no adapters/adapter_config.json, of the adapter that is merged"):
        opened(NAMES[0], copy)


def test_the_adapter_is_part_of_what_identifies_the_weights(folder: Path, copy: Path):
    before = opened(NAMES[0], folder).checkpoint.identity
    assert opened(NAMES[0], copy).checkpoint.identity == before
    config = copy / "adapters/adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"lora_alpha": 4}))
    assert opened(NAMES[0], copy).checkpoint.identity != before


def test_model_check_says_whose_weights_of_the_adapter_are_merged_and_where(folder: Path):
    (told,) = [found.found for found in of_files(opened(NAMES[0], folder, "dim=null")) if found.check == "adapter"]
    assert told.startswith("LORA in adapter_model.safetensors of ")
    assert told.endswith("; of retrieval, over the weights that it lies beside")
