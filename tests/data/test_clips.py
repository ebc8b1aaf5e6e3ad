"""Clips as one video: two frames to a temporal patch, sizes from the first, one token in the string."""

import numpy as np
import pytest
from PIL import Image

from rzen_eval import Item, load_model
from rzen_eval.config import compose
from rzen_eval.core import Side
from rzen_eval.errors import ConfigError, DataError
from rzen_eval.models.families.qwen2_vl import Qwen2VL
from rzen_eval.models.interface import Planned
from rzen_eval.models.pictures.resize import Visual
from tests.conftest import FIXTURES

PAD, VIDEO = 889, 890
"""Token ids of the image and the video token in the tiny checkpoint."""


@pytest.fixture(scope="module")
def model() -> Qwen2VL:
    return load_model(
        "vlm2vec_v2_2b", f"checkpoint={FIXTURES / 'tiny_qwen2vl'}", "dim=null", "dtype=float32", "device=cpu"
    )


def plan(model: Qwen2VL, item: Item) -> Planned:
    return model.plan(item, Side.QUERY, model.pictures(item).measure())


def frames(n: int, size: tuple[int, int] = (84, 56)) -> list[Image.Image]:
    return [Image.new("RGB", size, (20 * shade, 90, 200 - 20 * shade)) for shade in range(n)]


@pytest.mark.parametrize(("n", "n_tokens"), [(1, 6), (2, 6), (3, 12), (8, 24)])
def test_every_two_frames_share_their_tokens(model: Qwen2VL, n: int, n_tokens: int):
    planned = plan(model, Item(text="look", frames=frames(n)))
    assert planned.prompt == "<|video_pad|> look"
    assert planned.input_ids.tolist().count(VIDEO) == len(planned.visual) == n_tokens


def test_an_odd_last_frame_counts_twice(model: Qwen2VL):
    three = frames(3)
    vectors = model.embed([Item(frames=three), Item(frames=[*three, three[2]]), Item(frames=frames(4))], "query")
    assert np.abs(vectors[0] - vectors[1]).max() < 1e-6
    assert np.abs(vectors[0] - vectors[2]).max() > 1e-3


def test_frames_take_the_size_that_suits_the_first(model: Qwen2VL):
    mixed = [*frames(1, (84, 56)), *frames(1, (200, 300))]
    pictures = model.pictures(Item(frames=mixed))
    assert pictures.measure() == [Visual(84, 56, frames=2)]
    assert [pixels.shape for pixels in pictures.load()] == [(2, 56, 84, 3)]


def test_a_clip_and_an_image_may_stand_side_by_side(model: Qwen2VL):
    item = Item(text="look", images=frames(1, (56, 56)), frames=frames(4))
    planned = plan(model, item)
    ids = planned.input_ids.tolist()
    assert planned.prompt == "<|image_pad|> <|video_pad|> look"
    assert (ids.count(PAD), ids.count(VIDEO)) == (4, 12)
    alone = model.embed([item], "query")
    together = model.embed([item, Item(text="a"), Item(frames=frames(2))], "query")
    assert np.abs(alone[0] - together[0]).max() < 1e-5


@pytest.mark.parametrize(("size", "made"), [((20, 300), (56, 56)), ((300, 27), (56, 56)), ((28, 112), (28, 112))])
def test_an_image_with_a_side_under_28_pixels_becomes_a_square_of_56(
    model: Qwen2VL, size: tuple[int, int], made: tuple[int, int]
):
    assert model.pictures(Item(images=frames(1, size))).measure() == [Visual(*made)]


def test_a_small_frame_becomes_a_square_as_in_the_official_image_processor(model: Qwen2VL):
    assert model.pictures(Item(frames=frames(1, (20, 300)))).measure() == [Visual(308, 308, frames=1)]


def test_a_media_token_without_media_stays_one_token(model: Qwen2VL):
    planned = plan(model, Item(text="a cat", verbatim="<|image_pad|>\nFind: a cat\n"))
    assert planned.input_ids.tolist().count(PAD) == 1
    assert len(planned.visual) == 0


def test_media_that_the_string_has_no_place_for_are_refused(model: Qwen2VL):
    with pytest.raises(DataError, match="1 of its 1 images have no place in the prompt 'a cat'"):
        plan(model, Item(images=frames(1), verbatim="a cat"))


def test_an_empty_text_is_embedded(model: Qwen2VL):
    assert np.linalg.norm(model.embed([Item(text="", verbatim="")], "candidate")[0]) == pytest.approx(1)


def test_a_model_without_a_string_for_a_clip_takes_it_as_images():
    model = load_model(
        "rzenembed_v2_7b", f"checkpoint={FIXTURES / 'tiny_qwen2vl'}", "dim=null", "dtype=float32", "device=cpu"
    )
    planned = plan(model, Item(text="look", frames=frames(2), verbatim="<|video_pad|> look"))
    assert planned.prompt.count("<|image_pad|>") == 2
    assert "<|video_pad|>" not in planned.prompt


def test_a_declaration_says_how_a_clip_is_spelt_if_and_only_if_it_is_one_video():
    with pytest.raises(ConfigError, match=r"video: video and prompt\.video: None do not go together"):
        compose.load(["model=rzenembed_v2_7b", "model.video=video"])
