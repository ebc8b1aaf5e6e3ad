"""`experiment=qwen3_vl_embedding_2b_mmeb_v3` asks that model as MMEB-V3's own evaluator does.

What is expected is what its `Qwen3_VL_Embedding_process_fn` made of the same items (Stars1233/VLM2Vec at 44f991d).
"""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rzen_eval.config.compose import load
from rzen_eval.core import Item, Side
from rzen_eval.models import open_model
from rzen_eval.models.prompt import render
from tests.conftest import FIXTURES

TURN = (
    "<|im_start|>system\nRepresent the user's input.<|im_end|>\n<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
)
PICTURE = "<|vision_start|><|image_pad|><|vision_end|>"
STILL = Image.new("RGB", (300, 200))


@pytest.fixture(scope="module")
def chosen() -> Any:
    place = FIXTURES / "golden/tiny_qwen3vl"
    words = [f"model.checkpoint={place}", "model.dtype=float32", "model.device=cpu", "model.dim=null"]
    return load(["experiment=qwen3_vl_embedding_2b_mmeb_v3", *words])


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (Item(text="a  b\n\nc ", instruction="Find it"), "Find it a b c"),
        (Item(text=""), " "),
        (Item(text=" \n"), " "),
        (Item(text="see <|image_1|> this<|image_pad|>"), "see this"),
        (Item(text="title: x\nprice: 3", images=[STILL]), f"{PICTURE}title: x price: 3"),
        (Item(images=[STILL]), f"{PICTURE} "),
    ],
)
def test_strings_are_those_of_the_benchmarks_evaluator(item: Item, expected: str, chosen: Any):
    assert render(chosen.model.prompt, item, Side.QUERY) == TURN.format(expected)


def test_pictures_go_through_two_sizes_and_a_text_that_is_too_long_loses_its_ending(chosen: Any, tmp_path: Path):
    model: Any = open_model(chosen.model, tmp_path)
    # 300x200 is 10.7 by 7.1 of 28 pixels, which make 308x196, and these 9.6 by 6.1 of 32.
    assert model.plan(Item(images=[STILL]), Side.CANDIDATE).visuals[0].n_tokens == 10 * 6
    long = model.plan(Item(text="word " * 9000), Side.CANDIDATE).input_ids
    assert (long.shape, long.dtype.kind, len(set(long[-20:].tolist())) < 5) == ((8192,), "i", True)


def test_it_is_of_the_93_tasks_and_their_own_published_row(chosen: Any):
    assert len(chosen.tasks) == 93
    assert (chosen.reference.model, chosen.reference.data_version) == ("Qwen3-VL-Embedding-2B", "mmeb-v3")
    other = load(["experiment=qwen3_vl_embedding_8b_mmeb_v3"]).model
    assert other.prompt == chosen.model.prompt
    assert (other.first_resize, other.image) == (chosen.model.first_resize, chosen.model.image)
