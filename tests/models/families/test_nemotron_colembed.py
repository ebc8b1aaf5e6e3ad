"""Nemotron ColEmbed V2: what it is read from, and where its vectors are taken."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rzen_eval import Item
from rzen_eval.cli.main import main
from rzen_eval.core import Side
from rzen_eval.errors import ModelError
from tests import tiny
from tests.models.families.test_late_interaction import PAGE, opened

NAME = "nemotron_colembed_vl_4b_v2"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.nemotron(tmp_path_factory.mktemp("checkpoints") / "nemotron")


def test_a_vector_is_what_the_last_layer_leaves_and_every_token_sees_all_others(folder: Path):
    model: Any = opened(NAME, folder, "dim=null")
    found = np.asarray(model.embed([Item(text="a cat")])[0])
    text = model._model.language_model
    ids = torch.from_numpy(model.plan(Item(text="a cat"), Side.QUERY).input_ids)[None]
    left: list[torch.Tensor] = []
    hook = text.layers[-1].register_forward_hook(lambda _layer, _given, made: left.append(made))
    sees = torch.ones(1, 1, ids.shape[1], ids.shape[1], dtype=torch.bool)
    model.pad()
    with torch.inference_mode():
        normed = text(inputs_embeds=text.embed_tokens(ids), attention_mask=sees, use_cache=False).last_hidden_state
    hook.remove()
    before, after = (torch.nn.functional.normalize(one[0], dim=-1).numpy() for one in (left[0], normed))
    assert np.abs(found - before).max() < 1e-5
    assert (found * after).sum(1).max() < 0.99


def test_pages_have_the_sizes_of_the_checkpoint_and_texts_of_the_512_tokens_the_first(folder: Path):
    model: Any = opened(NAME, folder, "dim=null")
    assert (model.spec.image.min_tokens, model.spec.image.max_tokens) == (4, 64)
    long = "word " * 600
    cut, whole = (
        model.plan(Item(text=long), Side.QUERY).input_ids,
        model.encoded(model.prompt(Item(text=long), Side.QUERY)),
    )
    assert cut.tolist() == whole[:512]
    assert model.plan(Item(text=long, images=[PAGE]), Side.CANDIDATE).length > 600


@pytest.mark.parametrize(("name", "said"), [("pooling", "last"), ("model_type", "qwen3_vl")])
def test_another_pooling_or_model_is_refused(name: str, said: str, tmp_path: Path):
    folder = tiny.nemotron(tmp_path / "nemotron")
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {name: said}))
    with pytest.raises(ModelError, match=f"says {name} '{said}'; expected "):
        opened(NAME, folder)


def test_model_check_tells_sizes_of_pages_and_that_a_text_beside_one_counts(
    folder: Path, capfd: pytest.CaptureFixture[str]
):
    words = [f"model={NAME}", f"model.checkpoint={folder}", "model.dim=null", "model.device=cpu"]
    assert main(["model-check", *words]) == 0
    told, warned = capfd.readouterr()
    (pictures,) = [line for line in told.splitlines() if line.startswith("| pictures ")]
    (beside,) = [line for line in told.splitlines() if "to a text beside the image" in line]
    assert "4,096 to 65,536 pixels, which hold" in pictures
    assert "uses none" not in beside
    assert "instantiate a model of type" not in warned
