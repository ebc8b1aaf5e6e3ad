"""Qwen2.5-VL, Qwen3-VL and Qwen3.5 as embedders, against the stock models fed by hand, one item at a time."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rzen_eval import Item, load_model
from rzen_eval.config.compose import load
from rzen_eval.core import Side
from rzen_eval.errors import ConfigError, DataError, ModelError
from rzen_eval.models.families.qwen2_vl import Qwen2VL
from rzen_eval.models.pictures import resize
from rzen_eval.models.prompt import render, shown
from tests import tiny

FAMILIES = ["qwen2_5_vl", "qwen3_vl", "qwen3_5"]
CLIP = "<|vision_start|><|video_pad|><|vision_end|>"
PLAIN_CLIP = f"prompt.video='{CLIP}'"
SYSTEM = "<|im_start|>system\n{}<|im_end|>\n<|im_start|>user\n"
TAIL = "<|im_end|>\n<|im_start|>assistant\n"
PICTURE = "<|vision_start|><|image_pad|><|vision_end|>"


def picture(seed: int, size: tuple[int, int]) -> Image.Image:
    shades = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(shades)


STILL, SECOND = picture(0, (90, 150)), picture(1, (130, 70))
FRAMES = [picture(seed, (200, 330)) for seed in range(2, 5)]
ITEMS = [
    Item(text="a red circle on a white page"),
    Item(images=[STILL]),
    Item(text="What is shown?", images=[SECOND], instruction=" Represent the given image with the question: "),
    Item(frames=FRAMES),
    Item(text="a clip of a cat", frames=FRAMES[:2], instruction="Find a video that matches"),
    Item(text="two of them", images=[STILL, SECOND]),
]


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(family: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.qwen(tmp_path_factory.mktemp("checkpoints") / family, family)


def opened(folder: Path, family: str, *overrides: str) -> Qwen2VL:
    """With frames as Pillow resizes them, which is how they are resized by hand here."""
    own = [PLAIN_CLIP] if family == "qwen2_5_vl" else []
    settings = [f"family={family}", f"checkpoint={folder}", "dtype=float32", "device=cpu", "clips_in_float=false"]
    model: Any = load_model("qwen3_vl_embedding_2b", *settings, *own, *overrides)
    return model


@pytest.fixture(scope="module")
def model(folder: Path, family: str) -> Qwen2VL:
    return opened(folder, family)


class ByHand:
    """The stock model with everything that feeds it written out."""

    def __init__(self, folder: Path, family: str) -> None:
        import transformers
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

        name = {"qwen2_5_vl": "Qwen2_5_VLModel", "qwen3_vl": "Qwen3VLModel", "qwen3_5": "Qwen3_5Model"}[family]
        self.model = getattr(transformers, name).from_pretrained(folder, dtype=torch.float32).eval()
        self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder)
        self.template, self.times = SYSTEM + "{}{}" + TAIL, ["0.2", "1.2"]
        self.timed = family != "qwen2_5_vl"
        self.patch = 16 if self.timed else 14
        self.steps = [(192, 320), (288, 480) if self.timed else (252, 420)]
        area = (2 * self.patch) ** 2
        self.processor = Qwen2VLImageProcessorPil.from_pretrained(folder, min_pixels=4 * area, max_pixels=1800 * area)

    def inputs(self, item: Item, system: str) -> Mapping[str, Any]:
        inputs: dict[str, Any] = {}
        media = ""
        if item.images:
            seen = self.processor(images=list(item.images), return_tensors="pt")
            inputs |= {"pixel_values": seen["pixel_values"], "image_grid_thw": seen["image_grid_thw"]}
            for grid in seen["image_grid_thw"]:
                media += f"<|vision_start|>{'<|image_pad|>' * int(grid.prod() // 4)}<|vision_end|>"
        if item.frames:
            cells, grid = self.clip(item.frames)
            inputs |= {"pixel_values_videos": cells, "video_grid_thw": torch.tensor([grid])}
            tokens = "<|video_pad|>" * (grid[1] * grid[2] // 4)
            if self.timed:
                times = zip(self.times, range(grid[0]), strict=False)
                media += "".join(f"<{time} seconds><|vision_start|>{tokens}<|vision_end|>" for time, _ in times)
            else:
                media += f"<|vision_start|>{tokens * grid[0]}<|vision_end|>"
        ids = self.tokenizer(self.template.format(system, media, item.text or ""), return_tensors="pt")["input_ids"]
        kinds = (ids == tiny.IMAGE).long() + 2 * (ids == tiny.VIDEO).long()
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "mm_token_type_ids": kinds, **inputs}

    def clip(self, frames: Sequence[Any]) -> tuple[torch.Tensor, list[int]]:
        """Patches of frames of 200x330, the odd last one twice.

        First to multiples of 64: 200x330 is 3.1 x 5.2 of them, so 192x320. These are 60 tokens of 32 pixels and 6.9 x
        11.4, so 77, of 28, below 128: sides grow by 1.46 = sqrt(128 * 32^2 / 61440) and 1.28,
        and are rounded up: 280.4x467.4 to 288x480, 245.4x409 to 252x420.
        """
        arrays = []
        for frame in frames:
            resized = frame.resize(self.steps[0], Image.Resampling.BICUBIC).resize(
                self.steps[1], Image.Resampling.BICUBIC
            )
            values = np.asarray(resized).astype(np.float64) / 255
            arrays.append((values - np.array(self.processor.image_mean)) / np.array(self.processor.image_std))
        arrays += [arrays[-1]] * (len(arrays) % 2)
        p, cells = self.patch, []
        rows, columns = self.steps[-1][1] // p, self.steps[-1][0] // p
        for pair in range(0, len(arrays), 2):
            for block_row in range(0, rows, 2):
                for block_column in range(0, columns, 2):
                    for row in (block_row, block_row + 1):
                        for column in (block_column, block_column + 1):
                            where = (slice(row * p, row * p + p), slice(column * p, column * p + p))
                            both = [array[where] for array in arrays[pair : pair + 2]]
                            cells.append(np.stack(both).transpose(3, 0, 1, 2).ravel())
        return torch.tensor(np.array(cells), dtype=torch.float32), [len(arrays) // 2, rows, columns]

    def state(self, item: Item, system: str) -> torch.Tensor:
        with torch.inference_mode():
            return self.model(**self.inputs(item, system)).last_hidden_state[0, -1]


SYSTEMS = {
    " Represent the given image with the question: ": "Represent the given image with the question:",
    "Find a video that matches": "Find a video that matches.",
}


@pytest.fixture(scope="module")
def by_hand(folder: Path, family: str) -> ByHand:
    return ByHand(folder, family)


@pytest.fixture(scope="module")
def states(by_hand: ByHand) -> torch.Tensor:
    return torch.stack(
        [by_hand.state(item, SYSTEMS.get(item.instruction or "", "Represent the user's input.")) for item in ITEMS]
    )


def test_token_ids_equal_those_of_the_stock_tokenizer(model: Qwen2VL, by_hand: ByHand):
    for item in ITEMS:
        system = SYSTEMS.get(item.instruction or "", "Represent the user's input.")
        expected = by_hand.inputs(item, system)["input_ids"][0].tolist()
        assert model.plan(item, Side.QUERY).input_ids.tolist() == expected


def test_vectors_of_a_mixed_batch_equal_the_stock_model_item_by_item(model: Qwen2VL, states: torch.Tensor):
    expected = torch.nn.functional.normalize(states, dim=-1).numpy()
    together = model.embed(ITEMS, "query", tokens_per_batch=100_000)
    assert np.abs(together - expected).max() < 1e-5
    assert np.abs(model.embed(ITEMS, "query", tokens_per_batch=1) - expected).max() < 1e-5


def test_the_state_is_pooled_after_the_final_norm(model: Qwen2VL, states: torch.Tensor):
    before: list[torch.Tensor] = []
    hook = model._model.language_model.norm.register_forward_hook(lambda _module, given, _made: before.append(given[0]))
    vector = model.embed(ITEMS[:1], "query")[0]
    hook.remove()
    bare = torch.nn.functional.normalize(before[0][0, -1], dim=-1).numpy()
    assert float(vector @ torch.nn.functional.normalize(states[0], dim=-1).numpy()) == pytest.approx(1, abs=1e-5)
    assert float(vector @ bare) < 0.999


def test_positions_are_by_time_row_and_column_and_count_for_pictures_alone(folder: Path, family: str, model: Qwen2VL):
    flat = opened(folder, family, "positions=sequential").embed(ITEMS, "query")
    apart = np.abs(flat - model.embed(ITEMS, "query")).max(axis=1)
    assert [bool(gap > 1e-3) for gap in apart] == [bool(item.images or item.frames) for item in ITEMS]


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_of_the_stock_model_on_either_side_gives_the_same_vectors(
    model: Qwen2VL, by_hand: ByHand, states: torch.Tensor, side: str
):
    """As the authors of models pad; a layer that keeps a state must not take padding for text."""
    inputs = [by_hand.inputs(item, "Represent the user's input.") for item in (ITEMS[0], Item(text="a clip " * 90))]
    longest = max(one["input_ids"].shape[1] for one in inputs)
    before = [longest - one["input_ids"].shape[1] if side == "left" else 0 for one in inputs]
    shape, batch = (len(inputs), longest), {}
    for name in ("input_ids", "attention_mask", "mm_token_type_ids"):
        batch[name] = torch.zeros(shape, dtype=torch.long)
        for row, (start, one) in enumerate(zip(before, inputs, strict=True)):
            batch[name][row, start : start + one[name].shape[1]] = one[name][0]
    with torch.inference_mode():
        made = by_hand.model(**batch).last_hidden_state
    last = made[0, before[0] + inputs[0]["input_ids"].shape[1] - 1]
    unit, alone = (torch.nn.functional.normalize(state, dim=-1).numpy() for state in (last, states[0]))
    assert np.abs(unit - alone).max() < 1e-5
    ours = model.embed([ITEMS[0], Item(text="a clip " * 90)], "query")[0]
    assert np.abs(ours - alone).max() < 1e-5


def test_a_long_text_is_cut_and_the_end_of_the_template_kept(folder: Path, family: str, model: Qwen2VL):
    short = opened(folder, family, "max_length=40")
    item = Item(text="a red circle " * 20)
    ids, whole = short.plan(item, Side.QUERY).input_ids.tolist(), model.plan(item, Side.QUERY).input_ids.tolist()
    tail = model.encoded(TAIL)
    assert len(ids) == 40
    assert ids == whole[: 40 - len(tail)] + tail == whole[: 40 - len(tail)] + whole[-len(tail) :]


def test_a_checkpoint_of_the_other_family_is_refused(folder: Path, family: str):
    other = next(name for name in FAMILIES if name != family)
    with pytest.raises(ModelError, match=f"declared as {other}, but .* says model_type '{family}'"):
        opened(folder, other)


def test_two_frames_of_a_clip_stand_behind_the_middle_of_their_times():
    prompt = load(["task=visdoc/vidore_arxivqa", "model=qwen3_vl_embedding_2b"]).model.prompt
    media = f"<0.2 seconds>{CLIP}<1.2 seconds>{CLIP}<2.2 seconds>{CLIP}"
    rendered = render(prompt, Item(frames=FRAMES[:1] * 5), Side.CANDIDATE)
    assert rendered == SYSTEM.format("Represent the user's input.") + media + TAIL


@pytest.mark.parametrize(("frames", "tokens"), [(8, (36, 20)), (63, (20, 11)), (64, (20, 11))])
def test_many_frames_are_smaller_each(frames: int, tokens: tuple[int, int]):
    """1920x1080 is 30 x 16.9 times 64, first made 1920x1088; an image is not, and 1800 tokens hold 56 x 31 of it.

    Up to 20 frames take 768 tokens each: 2040 / 768 shrinks sides by 1.630, to 36.8 x 20.9. 64 frames take
    2 x 7680 / 64 = 240 each, and so do 63 of which the last counts twice: 2.915, to 20.6 x 11.7.
    """
    spec = load(["task=visdoc/vidore_arxivqa", "model=qwen3_vl_embedding_2b"]).model
    sizing = resize.Sizing.of(spec, side=32)
    assert sizing.steps((1920, 1080), frames=frames) == [(1920, 1088), (tokens[0] * 32, tokens[1] * 32)]
    assert sizing.steps((1920, 1080)) == [(56 * 32, 31 * 32)]


@pytest.mark.parametrize(
    ("item", "side", "expected"),
    [
        (
            Item(text="What is it?", images=[STILL], instruction="Represent the image with the following question:"),
            Side.QUERY,
            SYSTEM.format("Represent the image with the following question:") + PICTURE + "What is it?" + TAIL,
        ),
        (Item(text="a cat"), Side.CANDIDATE, SYSTEM.format("Represent the user's input.") + "a cat" + TAIL),
        (
            Item(text="a dog ", instruction="Find a video that contains the following visual content: "),
            Side.QUERY,
            SYSTEM.format("Find a video that contains the following visual content.") + "a dog " + TAIL,
        ),
        (
            Item(text="sales of 2019", instruction="Find a document image that matches the given query:"),
            Side.QUERY,
            SYSTEM.format("Find a document image that matches the given query.") + "sales of 2019" + TAIL,
        ),
        (
            Item(images=[STILL], instruction="Understand the content of the provided document image."),
            Side.CANDIDATE,
            SYSTEM.format("Represent the user's input.") + PICTURE + TAIL,
        ),
        (Item(instruction="Why?"), Side.QUERY, SYSTEM.format("Why?") + "NULL" + TAIL),
        (Item(text="", instruction="Why?"), Side.QUERY, SYSTEM.format("Why?") + TAIL),
        (Item(text="a", instruction="Cost in $"), Side.QUERY, SYSTEM.format("Cost in $.") + "a" + TAIL),
        (
            Item(text="a", images=[STILL], frames=FRAMES[:1]),
            Side.QUERY,
            SYSTEM.format("Represent the user's input.") + f"<0.2 seconds>{CLIP}{PICTURE}a{TAIL}",
        ),
    ],
    ids=["image-query", "class", "video-query", "visdoc-query", "page", "nothing", "empty", "currency", "both"],
)
@pytest.mark.parametrize("name", ["qwen3_vl_embedding_2b", "qwen3_vl_embedding_8b"])
def test_prompts(name: str, item: Item, side: Side, expected: str):
    prompt = load(["task=visdoc/vidore_arxivqa", f"model={name}"]).model.prompt
    assert render(prompt, item, side) == expected


def test_settings_that_do_not_go_together_are_refused():
    def refused(*overrides: str) -> str:
        with pytest.raises(ConfigError) as caught:
            load(["task=visdoc/vidore_arxivqa", "model=qwen3_vl_embedding_2b", *overrides])
        return str(caught.value)

    assert "first_resize_of without first_resize" in refused("model.first_resize=null")
    assert "clip_tokens with video: middle" in refused("model.video=middle", "model.prompt.video=null")
    assert "beyond_ratio: clamp and prompt.unread" in refused("model.beyond_ratio=clamp")


def test_a_picture_beyond_200_to_1_is_not_read_and_its_item_says_nothing(folder: Path, family: str, model: Qwen2VL):
    """What the authors' code makes of the error: one turn with the word NULL, and no picture."""
    thin = Item(images=[picture(5, (2010, 10))], text="words", instruction="Look:")
    alone, words = model.embed([thin], "query"), "<|im_start|>user\nNULL<|im_end|>\n<|im_start|>assistant\n"
    planned = model.plan(thin, Side.QUERY)
    assert planned.prompt == words
    assert planned.input_ids.tolist() == model.encoded(words)
    assert np.abs(model.embed([*ITEMS, thin], "query")[-1] - alone[0]).max() < 1e-5
    with pytest.raises(DataError, match="2010x10, beyond 200 to 1"):
        opened(folder, family, "beyond_ratio=error", "prompt.unread=null").embed([thin], "query")


def test_of_more_frames_than_are_read_those_spread_evenly_are_taken(model: Qwen2VL):
    """As numpy's linspace cuts off: 0 to 99 in 64 steps of 99/63."""
    spec = model.spec
    taken = shown(spec, Item(frames=[str(number) for number in range(100)])).frames
    assert len(taken) == 64
    assert list(taken[:5]) == ["0", "1", "3", "4", "6"]
    assert taken[-1] == "99"


@pytest.mark.parametrize(
    ("sizes", "vision", "millions"),
    [
        (
            {"hidden_size": 2048, "num_hidden_layers": 28, "num_attention_heads": 16, "intermediate_size": 6144},
            {"depth": 24, "hidden_size": 1024, "intermediate_size": 4096, "deepstack_visual_indexes": [5, 11, 17]},
            2128,
        ),
        (
            {"hidden_size": 4096, "num_hidden_layers": 36, "num_attention_heads": 32, "intermediate_size": 12288},
            {"depth": 27, "hidden_size": 1152, "intermediate_size": 4304, "deepstack_visual_indexes": [8, 16, 24]},
            8145,
        ),
    ],
    ids=["2b", "8b"],
)
def test_the_published_sizes_are_those_of_the_class(sizes: dict[str, Any], vision: dict[str, Any], millions: int):
    from transformers import Qwen3VLConfig, Qwen3VLModel

    text = {"vocab_size": 151936, "num_key_value_heads": 8, "head_dim": 128, "tie_word_embeddings": True, **sizes}
    config = Qwen3VLConfig(text_config=text, vision_config={**vision, "out_hidden_size": sizes["hidden_size"]})
    with torch.device("meta"):
        model = Qwen3VLModel(config)
    assert round(sum(weight.numel() for weight in model.parameters()) / 1e6) == millions
