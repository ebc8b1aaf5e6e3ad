"""WeMM-Embedding: what its authors' evaluation does, against the stock model fed by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from rzen_eval import Item, load_model
from rzen_eval.core import Side
from rzen_eval.errors import DataError, ModelError
from tests import standins, tiny
from tests.models.families.test_qwen_families import FRAMES, SECOND, STILL, ByHand, picture

EMBEDDING = "<embedding>"
ITEMS = [
    (Item(text=" a red circle\n", instruction="Find an image: "), "Find an image:  a red circle"),
    (Item(images=[STILL], instruction="Represent the given image. "), "Represent the given image."),
    (Item(text="what?", images=[SECOND, STILL], instruction="Answer:"), "Answer: what?"),
    (Item(frames=FRAMES), ""),
    (Item(text="a cat", frames=FRAMES[:1]), "a cat"),
    (Item(text="word " * 100), "word " * 99 + "word"),
]
"""With the text of their turn."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tiny.wemm(tmp_path_factory.mktemp("checkpoints") / "wemm")
    standins._append(folder, EMBEDDING)
    return folder


def opened(folder: Path, *settings: str) -> Any:
    return load_model("wemm_2b", f"checkpoint={folder}", "dim=null", "dtype=float32", "device=cpu", *settings)


@pytest.fixture(scope="module")
def by_hand(folder: Path) -> ByHand:
    """Frames of 200x330 are 3.1 by 5.2 times 64. Frame i is at i seconds, and two of them have the time between."""
    hand = ByHand(folder, "qwen3_5")
    hand.template, hand.times = "<|im_start|>user\n{1}{2}<|im_end|>\n", ["0.5", "2.5"]
    hand.steps = [(192, 320), (192, 320)]
    hand.processor = Qwen2VLImageProcessorPil.from_pretrained(folder, min_pixels=64 * 1024, max_pixels=8192 * 1024)
    return hand


def test_token_ids_and_vectors_equal_the_stock_model(folder: Path, by_hand: ByHand):
    model = opened(folder)
    together = model.embed([item for item, _ in ITEMS], "query", tokens_per_batch=100_000)
    for (item, text), vector in zip(ITEMS, together, strict=True):
        inputs = by_hand.inputs(Item(text=text, images=item.images, frames=item.frames), "")
        assert model.plan(item, Side.QUERY).input_ids.tolist() == inputs["input_ids"][0].tolist()
        with torch.inference_mode():
            state = by_hand.model(**inputs).last_hidden_state[0, -1]
        unit = torch.nn.functional.normalize(state, dim=-1).numpy()
        assert np.abs(vector - unit).max() < 1e-5


def test_every_prompt_ends_in_the_one_token_that_is_pooled(folder: Path, tmp_path: Path):
    model = opened(folder)
    token = model.tokenizer.convert_tokens_to_ids(EMBEDDING)
    for item, _ in ITEMS:
        ids = model.plan(item, Side.CANDIDATE).input_ids.tolist()
        assert (ids[-1], ids.count(token)) == (token, 1)
    assert model.notes() == []
    (note,) = opened(tiny.wemm(tmp_path / "plain")).notes()
    assert "whose state is the vector, and not in '<embedding>'" in note
    with pytest.raises(ModelError, match="prompts end in <embedding> twice"):
        opened(folder, "prompt.template='<|im_start|>user\n{media}{text}<|im_end|><embedding>'")


def test_texts_are_cut_to_the_length_with_their_ending_and_items_with_pictures_never(folder: Path):
    model = opened(folder, "max_length=50")
    long = "word " * 100
    whole, cut = (one.plan(Item(text=long), Side.QUERY).input_ids.tolist() for one in (opened(folder), model))
    assert cut == [*whole[:49], whole[-1]]
    pictured = Item(text=long, images=[STILL])
    assert model.plan(pictured, Side.QUERY).length == opened(folder).plan(pictured, Side.QUERY).length > 200
    told = [model.cuts(model.rendered(item, Side.QUERY)) for item in (Item(text=long), pictured)]
    assert told == [True, False]


def test_a_picture_beyond_200_to_1_is_refused_as_qwen_vl_utils_does(folder: Path):
    with pytest.raises(DataError, match="2010x10, beyond 200 to 1"):
        opened(folder).embed([Item(images=[picture(5, (2010, 10))])], "query")
