"""Qwen2-VL as an embedder, against what RzenEmbed's reference computed in float32 on the same checkpoint."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rzen_eval import Item, load_model
from rzen_eval.config.compose import load
from rzen_eval.core import Side
from rzen_eval.errors import DataError
from rzen_eval.models.declaration.local import Budget
from rzen_eval.models.families.qwen2_vl import Qwen2VL
from rzen_eval.models.pictures import patches, resize
from tests import tiny
from tests.conftest import FIXTURES, SAME_PIXELS

RZEN = FIXTURES / "rzen"
CASES: list[dict[str, Any]] = json.loads((RZEN / "items.json").read_text())
VECTORS = np.load(RZEN / "vectors.npz")
CUT = {"t09", "m04"}
"""Longer than 2,000 tokens: the reference loses its pooling token there, so it defines no right answer."""
CLOSE = 1e-5 if SAME_PIXELS else 1e-3
WHOLE = [row for row, case in enumerate(CASES) if case["id"] not in CUT]


@pytest.fixture(scope="module")
def model() -> Qwen2VL:
    return load_model("rzenembed_v2_7b", f"checkpoint={FIXTURES / 'tiny_qwen2vl'}", "dtype=float32", "device=cpu")


def item(case: dict[str, Any]) -> Item:
    """An input of the reference, which joins instruction and text with nothing between."""
    media = [RZEN / name for name in case["images"] or ()]
    kind = "frames" if case["kind"] == "video" else "images"
    return Item(text=(case["instruction"] or "") + (case["text"] or ""), **{kind: media})


@pytest.mark.parametrize("case", [CASES[row] for row in WHOLE], ids=lambda case: case["id"])
def test_token_ids_and_grids_equal_the_reference(model: Qwen2VL, case: dict[str, Any]):
    visuals = model.pictures(item(case)).measure()
    planned = model.plan(item(case), Side.QUERY, visuals)
    grids = [[1, visual.height // 14, visual.width // 14] for visual in visuals]
    assert planned.input_ids.tolist() == case["input_ids"]
    assert (grids or None) == case["image_grid_thw"]


def test_vectors_equal_the_reference(model: Qwen2VL):
    vectors = model.embed([item(CASES[row]) for row in WHOLE], "query")
    assert np.abs(vectors - VECTORS["sequential"][WHOLE]).max() < CLOSE
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-6)


def test_grid_positions_give_the_other_vectors_and_only_where_there_are_pictures(checkpoint: Path):
    model = load_model("rzenembed_v2_7b", f"checkpoint={checkpoint}", "positions=mrope", "dtype=float32", "device=cpu")
    vectors = model.embed([item(CASES[row]) for row in WHOLE], "query")
    assert np.abs(vectors - VECTORS["mrope"][WHOLE]).max() < CLOSE
    apart = np.abs(vectors - VECTORS["sequential"][WHOLE]).max(axis=1)
    assert [bool(gap > 0.01) for gap in apart] == [bool(CASES[row]["images"]) for row in WHOLE]


@pytest.mark.parametrize("case", [case for case in CASES if case["pixels"]], ids=lambda case: case["id"])
def test_pixels_equal_the_reference(model: Qwen2VL, case: dict[str, Any]):
    cells = tiny.patches(model, model.pictures(item(case)).load())
    expected = case["pixels"]
    assert list(cells.shape) == expected["shape"]
    probe = cells[expected["probe_rows"]][:, expected["probe_cols"]]
    assert probe == pytest.approx(np.array(expected["probe"]), abs=1e-5)
    assert float(cells.mean()) == pytest.approx(expected["mean"], abs=1e-5)


def test_patches_equal_the_stock_image_processor(model: Qwen2VL):
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    image = Image.open(RZEN / "images/i15_640x480.jpg").convert("RGB")
    budget = Budget(min_tokens=256, max_tokens=1280)
    loaded = resize.Pictures(resize.Sizing(budget, budget), (image,)).load()
    stock = Qwen2VLImageProcessorPil(min_pixels=256 * 28 * 28, max_pixels=1280 * 28 * 28)(image, return_tensors="np")
    assert [list(patches.grid(loaded[0], model._config.vision_config))] == stock["image_grid_thw"].tolist()
    assert np.abs(tiny.patches(model, loaded) - stock["pixel_values"]).max() < 1e-6


@pytest.mark.parametrize("name", sorted(CUT))
def test_a_text_that_is_too_long_is_cut_and_the_pooling_token_kept(model: Qwen2VL, name: str):
    case = next(case for case in CASES if case["id"] == name)
    ids = model.plan(item(case), Side.QUERY).input_ids.tolist()
    tail = [879, 198, 878, 64, 332, 369, 198, 877]
    assert len(ids) == 2000
    assert ids[-8:] == tail
    assert ids[:-8] == case["input_ids"][: 2000 - 8]


def test_pictures_that_do_not_fit_are_refused_and_never_cut(model: Qwen2VL):
    frames = [RZEN / "images/v01_00.jpg"] * 12
    with pytest.raises(DataError, match=r"pictures take \d+ of the 2000 tokens"):
        model.plan(Item(frames=frames), Side.CANDIDATE)


def test_batch_size_order_and_company_change_no_vector(model: Qwen2VL):
    items = [item(CASES[row]) for row in WHOLE]
    together = model.embed(items, "query", tokens_per_batch=4096)
    alone = model.embed(items, "query", tokens_per_batch=1)
    backwards = model.embed(items[::-1], "query", tokens_per_batch=2048)[::-1]
    assert np.abs(together - alone).max() < 1e-5
    assert np.abs(together - backwards).max() < 1e-5


def test_a_picture_keeps_its_own_budget_in_the_company_of_a_video(model: Qwen2VL):
    picture = RZEN / "images/v01_00.jpg"
    still, clip = model.plan(Item(images=[picture]), Side.QUERY), model.plan(Item(frames=[picture]), Side.QUERY)
    assert 256 <= len(still.visual) <= 1280
    assert 160 <= len(clip.visual) <= 180


def test_special_tokens_in_a_text_are_read_as_such_and_take_no_picture(model: Qwen2VL):
    planned = model.plan(Item(text="a <|image_pad|> b", images=[RZEN / "images/i05_1x1.png"]), Side.QUERY)
    assert planned.input_ids.tolist().count(889) == len(planned.visual) + 1


def test_a_picture_of_a_single_token_has_its_place(checkpoint: Path):
    model = load_model(
        "rzenembed_v2_7b", f"checkpoint={checkpoint}", "image={min_tokens: 1, max_tokens: 1}", "first_resize=null"
    )
    planned = model.plan(Item(images=[Image.new("RGB", (28, 28))]), Side.QUERY)
    assert planned.input_ids[planned.visual].tolist() == [889]


def test_one_space_joins_instruction_and_text_unless_there_is_white_space(model: Qwen2VL):
    def prompt(instruction: str | None, text: str | None) -> str:
        return model.plan(Item(text=text, instruction=instruction), Side.QUERY).prompt.split("user\n")[1]

    end = "<|im_end|>\n<|im_start|>assistant\n<|endoftext|>"
    assert prompt("Find:", "a cat") == f"Find: a cat{end}"
    assert prompt("Find:\n", "a cat") == f"Find:\na cat{end}"
    assert prompt("Find: ", "") == f"Find: {end}"
    assert prompt(None, "a cat") == f"a cat{end}"
    assert prompt("Read.", None) == f"Read.{end}"


def test_no_items_are_no_vectors(model: Qwen2VL):
    assert model.embed([], "query").shape == (0, 64)


def test_attention_eager_gives_the_vectors_of_sdpa(checkpoint: Path, model: Qwen2VL):
    eager = load_model("rzenembed_v2_7b", f"checkpoint={checkpoint}", "attention=eager", "dtype=float32", "device=cpu")
    items = [item(CASES[row]) for row in WHOLE[:10]]
    assert np.abs(eager.embed(items, "query") - model.embed(items, "query")).max() < 1e-5


def test_bfloat16_stays_close_to_float32(checkpoint: Path):
    model = load_model("rzenembed_v2_7b", f"checkpoint={checkpoint}", "dtype=bfloat16", "device=cpu")
    vectors = model.embed([item(CASES[row]) for row in WHOLE], "query")
    assert (vectors * VECTORS["sequential"][WHOLE]).sum(axis=1).min() > 0.999
    assert model.provenance()["dtype"] == "bfloat16"


def test_what_the_device_offers_is_chosen_where_nothing_else_is_asked_for(model: Qwen2VL, checkpoint: Path):
    assert load_model("rzenembed_v2_7b", f"checkpoint={checkpoint}", "device=cpu").dtype is torch.float32
    assert model.attention == "sdpa"


@pytest.mark.parametrize(
    ("size", "budget", "expected"),
    [
        ((448, 448), (4, 16384), (448, 448)),
        ((1, 1), (4, 16384), (56, 56)),
        ((640, 480), (256, 1280), (644, 476)),
        ((100, 50), (256, 1280), (644, 336)),
        ((3000, 20), (4, 16384), (2996, 28)),
        ((30000, 20), (4, 16384), (5600, 28)),
    ],
)
def test_sizes_are_multiples_of_28_within_the_budget_and_200_to_1_at_most(
    size: tuple[int, int], budget: tuple[int, int], expected: tuple[int, int]
):
    low, high = budget
    sizing = resize.Sizing(*[Budget(min_tokens=low, max_tokens=high)] * 2)
    assert sizing.steps(size) == [expected]


def test_only_the_first_of_two_resizes_is_cut_to_200_to_1():
    """5600x28 is 200 tokens, 256 at least: sides grow by 1.131 and are rounded up, to 227 and 2 tokens.

    Of 16800x84, 1800 tokens, sides shrink by 1.186 and are rounded down: 505 tokens by 2, beyond 200 to 1.
    """
    spec = load(["model=rzenembed_v2_7b", "task=visdoc/vidore_arxivqa"]).model
    sizing = resize.Sizing.of(spec)
    assert sizing.steps((30000, 20)) == [(5600, 28), (227 * 28, 2 * 28)]
    assert sizing.steps((16800, 84)) == [(16800, 84), (505 * 28, 2 * 28)]
