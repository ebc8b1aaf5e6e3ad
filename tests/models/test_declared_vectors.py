"""Declared Qwen2-VL models, against stock transformers step by step on a small random checkpoint."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModel, AutoTokenizer
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil, smart_resize

from rzen_eval import Item, load_model
from rzen_eval.config.compose import load
from rzen_eval.core import Vectors
from rzen_eval.models.families.qwen2_vl import Qwen2VL
from tests import tiny
from tests.conftest import FIXTURES

TINY = FIXTURES / "tiny_qwen2vl"
PICTURE = Image.open(FIXTURES / "rzen/images/i15_640x480.jpg").convert("RGB").resize((200, 150))
FRAMES = [Image.open(FIXTURES / f"rzen/images/v01_0{i}.jpg").convert("RGB").resize((120, 90)) for i in range(4)]
TOLD = "Find an image:"
MIXED = [
    Item(text="a kitten", instruction=TOLD),
    Item(images=[PICTURE], instruction=TOLD),
    Item(text="a kitten", images=[PICTURE], instruction=TOLD),
    Item(text="a boat on a river", frames=FRAMES, instruction=TOLD),
]
"""Text, an image, both, and a video with a text: one batch."""
SYSTEM = "<|im_start|>system\n{}<|im_end|>\n<|im_start|>user\n"
V = "<|vision_start|><|image_pad|><|vision_end|>"
LIMITS = {"image": "{min_tokens: 4, max_tokens: 40}", "frame": "{min_tokens: 4, max_tokens: 12}"}


def declared(name: str, *overrides: str, folder: Path = TINY) -> Qwen2VL:
    """A declared model on a small checkpoint, with budgets that suit it."""
    return load_model(
        name, f"checkpoint={folder}", "dim=null", "dtype=float32", "device=cpu", *overrides,
        *(f"{key}={value}" for key, value in LIMITS.items()),
    )  # fmt: skip


def resized(image: Image.Image, low: int, high: int) -> Image.Image:
    height, width = smart_resize(image.height, image.width, 28, low * 784, high * 784)
    return image.resize((width, height), Image.Resampling.BICUBIC)


class Stock:
    """transformers alone: image processor, tokenizer, model."""

    def __init__(self, folder: Path = TINY) -> None:
        self.model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")

    def inputs(self, prompts: list[str], pictures: list[list[Image.Image]], high: int = 40) -> dict[str, Any]:
        """A batch, padded on the left."""
        flat = [picture for some in pictures for picture in some]
        read = Qwen2VLImageProcessorPil(min_pixels=4 * 784, max_pixels=high * 784)(flat, return_tensors="pt")
        lengths = iter((read["image_grid_thw"].prod(dim=1) // 4).tolist())
        expanded = []
        for prompt in prompts:
            parts = prompt.split("<|image_pad|>")
            expanded.append(parts[0] + "".join("<|image_pad|>" * next(lengths) + part for part in parts[1:]))
        tokens = self.tokenizer(expanded, padding=True, return_tensors="pt", add_special_tokens=False)
        kinds = (tokens["input_ids"] == self.model.config.image_token_id).int()
        return {**tokens, **read, "mm_token_type_ids": kinds}

    def sequential(self, inputs: dict[str, Any]) -> torch.Tensor:
        """Final states where the language model is fed embeddings and no positions, as GME's code does."""
        with torch.inference_mode():
            embeds = self.model.language_model.embed_tokens(inputs["input_ids"])
            seen = self.model.visual(inputs["pixel_values"], grid_thw=inputs["image_grid_thw"]).pooler_output
            embeds[inputs["input_ids"] == self.model.config.image_token_id] = seen
            places = inputs["attention_mask"].cumsum(dim=1).clamp(min=1) - 1
            return self.model.language_model(
                inputs_embeds=embeds,
                attention_mask=inputs["attention_mask"],
                position_ids=places.expand(3, *places.shape),
            ).last_hidden_state

    def grid(self, inputs: dict[str, Any]) -> torch.Tensor:
        """Final states of the model as a whole, which finds the positions itself."""
        with torch.inference_mode():
            return self.model(**inputs).last_hidden_state


@pytest.fixture(scope="module")
def stock() -> Stock:
    return Stock()


def unit(states: torch.Tensor) -> Vectors:
    vectors: Vectors = (states / states.norm(dim=-1, keepdim=True)).numpy()
    return vectors


def fetched(pictures: list[list[Image.Image]]) -> list[list[Image.Image]]:
    """After the first of the two resizes of GME's code."""
    return [[resized(picture, 4, 16384) for picture in some] for some in pictures]


def close(model: Qwen2VL, expected: Vectors, items: list[Item] | None = None) -> None:
    ours = model.embed(items or MIXED, "query")
    assert np.abs(ours - expected).max() < 1e-5
    assert np.linalg.norm(ours, axis=1) == pytest.approx(1, abs=1e-6)


def test_gme_of_the_benchmark_sees_the_middle_frame_as_a_still_image(stock: Stock):
    head, tail = SYSTEM.format("You are a helpful assistant."), "<|im_end|>\n<|im_start|>assistant\n<|endoftext|>"
    bodies = [f"{TOLD} a kitten", f"{V}{TOLD}", f"{V}{TOLD} a kitten", f"{V}{TOLD} a boat on a river"]
    pictures = fetched([[], [PICTURE], [PICTURE], [FRAMES[2]]])
    states = stock.sequential(stock.inputs([head + body + tail for body in bodies], pictures))
    close(declared("gme_2b_mmeb"), unit(states[:, -1]))


def test_gme_of_its_authors_has_the_instruction_as_the_system_turn(stock: Stock):
    tail = "<|im_end|>\n<|im_start|>assistant\n<|endoftext|>"
    for name, told in (("gme_2b", TOLD), ("gme_2b_mteb", f"{TOLD}.")):
        prompts = [SYSTEM.format(told) + body + tail for body in ("a kitten", V, f"{V}a kitten")]
        states = stock.sequential(stock.inputs(prompts, fetched([[], [PICTURE], [PICTURE]])))
        close(declared(name), unit(states[:, -1]), MIXED[:3])


def test_ops_mm_reads_qwen2_vls_own_positions_with_padding_on_the_left(stock: Stock):
    tail = "<|im_end|>\n<|im_start|>assistant\n<|endoftext|>"
    prompts = [SYSTEM.format(TOLD) + body + tail for body in ("a kitten", V, f"{V}a kitten")]
    inputs = stock.inputs(prompts, fetched([[], [PICTURE], [PICTURE]]))
    assert inputs["attention_mask"][0, 0] == 0
    small = "first_resize={min_tokens: 4, max_tokens: 16384}"
    close(declared("ops_mm_v1_2b", small), unit(stock.grid(inputs)[:, -1]), MIXED[:3])
    assert np.abs(unit(stock.sequential(inputs)[1:, -1]) - unit(stock.grid(inputs)[1:, -1])).max() > 0.01


def test_lamra_is_the_state_before_the_token_emb(stock: Stock):
    stock = Stock()
    assert stock.tokenizer.add_tokens(["<emb>"]) == 1
    stock.model.resize_token_embeddings(len(stock.tokenizer))
    head = SYSTEM.format("You are a helpful assistant.")
    tail = "<|im_end|>\n<|im_start|>assistant\n<emb>.<|im_end|>\n"
    bodies = [
        f"{TOLD} a kitten\nSummarize above sentence in one word: ",
        f"{V}{TOLD}\nSummarize above image and sentence in one word: ",
        f"{V}{TOLD} a kitten\nSummarize above image and sentence in one word: ",
        f"{V}\nSummarize above image in one word: ",
    ]
    items = [*MIXED[:3], Item(images=[PICTURE])]
    inputs = stock.inputs([head + body + tail for body in bodies], [[], [PICTURE], [PICTURE], [PICTURE]])
    answer = (inputs["input_ids"] == stock.tokenizer.convert_tokens_to_ids("<emb>")).int().argmax(dim=1)
    states = stock.sequential(inputs)[torch.arange(4), answer - 1]
    close(declared("lamra_ret"), unit(states), items)


@pytest.mark.parametrize("name", ["lamra_ret_mmeb", "lamra_ret_qwen2_5vl_7b_mmeb"])
def test_lamra_of_the_benchmark_is_the_last_token_of_a_second_answer(name: str, tmp_path: Path):
    folder = TINY if name == "lamra_ret_mmeb" else tiny.qwen(tmp_path / "qwen2_5_vl", "qwen2_5_vl")
    stock = Stock(folder)
    head = SYSTEM.format("You are a helpful assistant.")
    tail = "<|im_end|>\n<|im_start|>assistant\n<emb>.<|im_end|>\n<|im_start|>assistant\n"
    bodies = [f"{TOLD} a kitten\n", f"{V}{TOLD}", f"{V}{TOLD} a kitten", f"{V}{TOLD} a boat on a river"]
    pictures = fetched([[], [PICTURE], [PICTURE], [FRAMES[2]]])
    states = stock.sequential(stock.inputs([head + body + tail for body in bodies], pictures))
    close(declared(name, folder=folder), unit(states[:, -1]))


@pytest.mark.parametrize("name", ["vlm2vec_v1_2b", "b3_qwen2_2b"])
def test_vlm2vec_v1_makes_a_square_of_every_picture_first_and_b3_does_not(stock: Stock, name: str):
    items = [
        Item(images=[PICTURE], verbatim="<|image_pad|>\nRepresent the given image.\n"),
        Item(text="tench", verbatim="tench", kind="label"),
    ]
    label = "Represent the class label: tench" if name == "b3_qwen2_2b" else "tench"
    first = PICTURE.resize((100, 100), Image.Resampling.BICUBIC) if name == "vlm2vec_v1_2b" else PICTURE
    states = stock.sequential(stock.inputs([str(items[0].verbatim), label], [[first], []]))
    close(declared(name, *["square=100"] * (name == "vlm2vec_v1_2b")), unit(states[:, -1]), items)


def test_what_follows_the_text_stays_whole_where_the_text_is_cut():
    model = declared("rzenembed_v2_7b_paper", "max_length=120")
    ids = model.plan(Item(text="long " * 200), "query").input_ids.tolist()
    kept = model.tokenizer.decode(ids)
    assert len(ids) == 120
    assert kept.endswith("\nRepresent the given text in one word.<|im_end|>\n<|im_start|>assistant\n<|endoftext|>")


def test_the_largest_video_that_a_preset_allows_fits_its_length(checkpoint: Path):
    model = load_model("gme_2b", f"checkpoint={checkpoint}", "dim=null", "device=cpu")
    frames = [Image.new("RGB", size) for size in ((1000, 800), (200, 150), (1920, 1080), (90, 900))]
    for frame in frames:
        assert model.plan(Item(frames=[frame] * 8, text="a boat"), "query").length <= 1800
    assert model.plan(Item(frames=frames[:1]), "query").length == model.plan(Item(images=frames[:1]), "query").length


SETTINGS = {
    "rzenembed_v1_2b": ("sequential", 2000, "images", (256, 1280), 1536, None),
    "gme_2b": ("sequential", 1800, "images", (256, 1280), 1536, None),
    "gme_7b_mmeb": ("sequential", 1800, "middle", (4, 1280), 3584, None),
    "ops_mm_v1_7b": ("mrope", None, "images", (256, 1280), 3584, None),
    "lamra_ret": ("sequential", None, "video", (4, 300), 3584, None),
    "lamra_ret_qwen2_5vl_7b": ("mrope", None, "video", (4, 300), 3584, None),
    "lamra_ret_mmeb": ("sequential", None, "middle", (256, 1280), 3584, None),
    "lamra_ret_qwen2_5vl_7b_mmeb": ("sequential", None, "middle", (4, 16384), 3584, None),
    "vlm2vec_v1_7b": ("sequential", None, "video", (4, 1280), 3584, 1344),
    "b3_qwen2_2b": ("sequential", None, "video", (4, 1280), 1536, None),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings(name: str):
    spec = load([f"model={name}", "task=visdoc/vidore_arxivqa"]).model
    image, _ = spec.budgets
    budget = image.min_tokens, image.max_tokens
    assert (spec.positions, spec.max_length, spec.video, budget, spec.dim, spec.square) == SETTINGS[name]
    assert spec.architecture is not None
    assert spec.architecture.text["hidden_size"] == spec.dim
