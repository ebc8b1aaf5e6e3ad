"""LLaVA-OneVision as an embedder, against the stock model and image processor fed by hand, one item at a time."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from rzen_eval import Item, load_model
from rzen_eval.config.compose import load
from rzen_eval.core import Side
from rzen_eval.errors import ConfigError, ModelError
from rzen_eval.models.families.llava_onevision import LlavaOnevision
from rzen_eval.models.pictures.tiles import TiledPictures, Tiling
from rzen_eval.models.prompt import render
from tests import tiny

HEAD = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
TAIL = "<|im_end|>\n<|im_start|>assistant\n<|im_end|>"
STOCK = Tiling(384, 27, tuple((384 * w, 384 * h) for h in range(1, 7) for w in range(1, 7)), 9, 127)


def picture(seed: int, size: tuple[int, int]) -> Image.Image:
    shades = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(shades)


SMALL, WIDE, LARGE = picture(0, (60, 50)), picture(1, (200, 90)), picture(2, (333, 401))
FRAMES = [picture(seed, (120, 80)) for seed in range(3, 6)]
ITEMS = [
    Item(text="a red circle on a white page"),
    Item(images=[SMALL]),
    Item(text="What is shown?", images=[WIDE], instruction="Represent the given image with the question:"),
    Item(images=[LARGE], text="a page"),
    Item(frames=FRAMES),
    Item(text="a clip of a cat", frames=FRAMES[:2], instruction="Find a video that matches:"),
    Item(text="both of them", images=[WIDE, SMALL]),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.llava(tmp_path_factory.mktemp("checkpoints") / "llava")


def opened(folder: Path, *overrides: str) -> LlavaOnevision:
    model: Any = load_model("cafe_0_5b", f"checkpoint={folder}", "dtype=float32", "device=cpu", *overrides)
    return model


@pytest.fixture(scope="module")
def model(folder: Path) -> LlavaOnevision:
    return opened(folder)


class ByHand:
    """The stock model with everything that feeds it written out."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoTokenizer, LlavaOnevisionModel
        from transformers.models.llava_onevision.image_processing_pil_llava_onevision import (
            LlavaOnevisionImageProcessorPil,
        )

        self.model: Any = LlavaOnevisionModel.from_pretrained(folder, dtype=torch.float32).eval()
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self.processor = LlavaOnevisionImageProcessorPil(
            size={"height": 70, "width": 70},
            image_grid_pinpoints=self.model.config.image_grid_pinpoints,
            image_mean=[0.5] * 3,
            image_std=[0.5] * 3,
        )

    def ids_and_state(self, item: Item) -> tuple[list[int], torch.Tensor]:
        inputs: dict[str, Any] = {}
        media = ""
        if item.images:
            inputs = dict(self.processor(images=[list(item.images)], return_tensors="pt"))
            for part in self.model.get_image_features(**inputs).pooler_output:
                media += "<image>" * len(part) + "\n"
        if item.frames:
            squeezed = [frame.resize((70, 70), Image.Resampling.BICUBIC) for frame in item.frames]
            values = np.stack([np.asarray(frame) for frame in squeezed]).astype(np.float32) / 127.5 - 1
            inputs["pixel_values_videos"] = torch.from_numpy(values).permute(0, 3, 1, 2)[None]
            media += "<video>" * (9 * len(item.frames) + 1) + "\n"
        text = " ".join(part for part in (item.instruction, item.text) if part)
        ids = self.tokenizer(HEAD + media + text + TAIL, return_tensors="pt")["input_ids"]
        with torch.inference_mode():
            found = self.model(input_ids=ids, attention_mask=torch.ones_like(ids), **inputs)
        return ids[0].tolist(), found.last_hidden_state[0, -1]


@pytest.fixture(scope="module")
def by_hand(folder: Path) -> list[tuple[list[int], torch.Tensor]]:
    stock = ByHand(folder)
    return [stock.ids_and_state(item) for item in ITEMS]


@pytest.fixture(scope="module")
def expected(by_hand: list[tuple[list[int], torch.Tensor]]) -> Any:
    return torch.nn.functional.normalize(torch.stack([state for _, state in by_hand]), dim=-1).numpy()


def test_token_ids_equal_the_stock_ones(model: LlavaOnevision, by_hand: list[tuple[list[int], torch.Tensor]]):
    assert [model.plan(item, Side.QUERY).input_ids.tolist() for item in ITEMS] == [ids for ids, _ in by_hand]


def test_vectors_of_a_mixed_batch_equal_the_stock_model_item_by_item(model: LlavaOnevision, expected: Any):
    together = model.embed(ITEMS, "query", tokens_per_batch=100_000)
    assert np.abs(together - expected).max() < 1e-5
    assert np.abs(model.embed(ITEMS, "query", tokens_per_batch=1) - expected).max() < 1e-5


def test_the_state_of_the_last_token_is_pooled_after_the_final_norm(model: LlavaOnevision, expected: Any):
    before: list[torch.Tensor] = []
    hook = model._model.language_model.norm.register_forward_hook(lambda _module, given, _made: before.append(given[0]))
    vector = model.embed(ITEMS[:1], "query")[0]
    hook.remove()
    assert float(vector @ expected[0]) == pytest.approx(1, abs=1e-5)
    assert float(vector @ torch.nn.functional.normalize(before[0][0, -1], dim=-1).numpy()) < 0.999


def test_features_are_those_before_the_last_norm_of_the_vision_tower(model: LlavaOnevision):
    before, features = [], []
    tower, projector = model._model.vision_tower, model._model.multi_modal_projector
    hooks = [
        tower.post_layernorm.register_forward_hook(lambda _module, given, _made: before.append(given[0])),
        projector.register_forward_hook(lambda _module, given, _made: features.append(given[0])),
    ]
    model.embed(ITEMS[1:2], "query")
    for hook in hooks:
        hook.remove()
    assert torch.equal(before[0], features[0])


def test_a_long_text_is_cut_and_the_end_of_the_template_kept(folder: Path, model: LlavaOnevision):
    item = Item(text="a red circle " * 20)
    short = opened(folder, "max_length=60").plan(item, Side.QUERY).input_ids.tolist()
    whole = model.plan(item, Side.QUERY).input_ids.tolist()
    tail = model.encoded(TAIL)
    assert short == whole[: 60 - len(tail)] + tail


def original_name(name: str) -> str:
    """Of a weight, as LLaVA-NeXT saves it."""
    for ours, theirs in (
        ("language_model.model.", ""),
        ("vision_tower.", "vision_tower.vision_tower.vision_model."),
        ("multi_modal_projector.linear_1", "mm_projector.0"),
        ("multi_modal_projector.linear_2", "mm_projector.2"),
    ):
        name = name.replace(ours, theirs)
    return f"model.{name}"


def test_a_checkpoint_in_the_layout_of_llava_next_gives_the_same_vectors(folder: Path, tmp_path: Path, expected: Any):
    weights = {original_name(name): weight for name, weight in load_file(folder / "model.safetensors").items()}
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"].clone()
    for head in ("img_emb_head", "text_emb_head"):
        weights |= {f"{head}.weight": torch.ones(64, 64), f"{head}.bias": torch.ones(64)}
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    said = json.loads((folder / "config.json").read_text())
    text = {key: value for key, value in tiny.TEXT.items() if key != "head_dim"} | {"rope_theta": 500.0}
    says = {
        "model_type": "llava", "mm_vision_tower": "google/siglip", "mm_hidden_size": 32,
        "image_grid_pinpoints": said["image_grid_pinpoints"], "image_aspect_ratio": "anyres_max_4",
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(text | says))
    for file in tiny.QWEN.glob("*token*"):
        shutil.copy(file, tmp_path)
    with pytest.raises(ModelError, match="384 weights missing"):
        opened(tmp_path)
    vision = json.dumps(text | says | {"vision_config": said["vision_config"]})
    (tmp_path / "config.json").write_text(vision)
    assert np.abs(opened(tmp_path).embed(ITEMS, "query") - expected).max() < 1e-5


def test_a_weight_that_the_class_has_no_place_for_is_refused(folder: Path, tmp_path: Path):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    weights = load_file(folder / "model.safetensors")
    weights["vision_resampler.weight"] = torch.ones(2)
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"1 weights unexpected in .* \(vision_resampler\.weight\)"):
        opened(tmp_path)


def test_without_a_folder_the_message_says_that_no_repository_is_known():
    with pytest.raises(ModelError, match=r"cafe_7b: no repository of its weights is known; give model\.checkpoint="):
        load_model("cafe_7b")


def test_sheets_and_tokens_equal_the_stock_processor_on_pictures_of_every_shape():
    from transformers.image_processing_utils import select_best_resolution
    from transformers.models.llava_onevision.processing_llava_onevision import LlavaOnevisionProcessor

    pinpoints = [[height, width] for width, height in STOCK.sheets]
    stock: Any = SimpleNamespace(
        num_image_tokens=27**2,
        vision_aspect_ratio="anyres_max_9",
        image_processor=SimpleNamespace(image_grid_pinpoints=pinpoints),
        _get_unpadded_features=lambda *sizes: LlavaOnevisionProcessor._get_unpadded_features(stock, *sizes),
    )
    draw = np.random.default_rng(0)
    bound = TiledPictures(STOCK, (SMALL,)).most_tokens
    for width, height in np.exp(draw.uniform(np.log(20), np.log(4000), (300, 2))).astype(int).tolist():
        assert STOCK.sheet((width, height))[::-1] == select_best_resolution((height, width), pinpoints)
        expected = LlavaOnevisionProcessor._get_number_of_features(stock, height, width, 384, 384)
        assert STOCK.still((width, height), alone=True).n_tokens == expected <= bound


def test_what_pictures_take_worked_out_by_hand():
    """1280x720 is laid out on 1536x768, four tiles by two of 27 by 27 tokens: 108 x 54, of which the picture covers 96.

    With the whole and a token a row that is 729 + 96 x 54 + 54. 3000x3000 fills 6 x 6 tiles, 162 x 162 tokens: four
    times those of nine tiles, so every second is left: 729 + 81 x 81 + 81.
    """
    assert STOCK.sheet((1280, 720)) == (1536, 768)
    assert STOCK.still((1280, 720), alone=True).n_tokens == 5967
    assert STOCK.still((3000, 3000), alone=True).n_tokens == 7371
    assert STOCK.still((1280, 720), alone=False).n_tokens == 730
    assert STOCK.clip((1280, 720), 8).n_tokens == 8 * 196 + 1


@pytest.mark.parametrize(
    ("item", "side", "expected"),
    [
        (
            Item(text="Who?", images=[SMALL], instruction="Represent the given image with the following question:"),
            Side.QUERY,
            "<image>\nRepresent the given image with the following question: Who?",
        ),
        (Item(text="a cat"), Side.CANDIDATE, "a cat"),
        (
            Item(text="A dog.", instruction="Find me an everyday image that matches the given caption:"),
            Side.QUERY,
            "Find me an everyday image that matches the given caption: A dog.",
        ),
        (
            Item(images=[SMALL], instruction="Understand the content of the provided document image."),
            Side.CANDIDATE,
            "<image>\nUnderstand the content of the provided document image.",
        ),
        (
            Item(frames=FRAMES, instruction="Understand the content of the provided video."),
            Side.CANDIDATE,
            "<video>\nUnderstand the content of the provided video.",
        ),
    ],
    ids=["image-query", "class", "caption", "page", "video"],
)
@pytest.mark.parametrize("name", ["cafe_0_5b", "cafe_7b"])
def test_prompts(name: str, item: Item, side: Side, expected: str):
    spec = load(["task=visdoc/vidore_arxivqa", f"model={name}"]).model
    assert render(spec.prompt, item, side) == HEAD + expected + TAIL


def test_settings_of_other_families_are_refused():
    others = ["+model.image={min_tokens: 4, max_tokens: 8}", "+model.small_side=56", "+model.positions=mrope"]
    with pytest.raises(ConfigError, match="llava_onevision does not use image, small_side, positions"):
        load(["task=visdoc/vidore_arxivqa", "model=cafe_7b", *others])


@pytest.mark.parametrize(
    ("name", "sizes", "millions"),
    [("cafe_0_5b", (896, 4864, 24, 14, 2, 151936), 894), ("cafe_7b", (3584, 18944, 28, 28, 4, 152064), 8030)],
)
def test_the_published_sizes_are_those_of_the_class(name: str, sizes: tuple[int, ...], millions: int):
    from transformers import LlavaOnevisionConfig, LlavaOnevisionForConditionalGeneration

    width, inner, layers, heads, groups, words = sizes
    tied = name == "cafe_0_5b"
    text = {
        "model_type": "qwen2", "hidden_size": width, "intermediate_size": inner, "num_hidden_layers": layers,
        "num_attention_heads": heads, "num_key_value_heads": groups, "vocab_size": words, "tie_word_embeddings": tied,
    }  # fmt: skip
    config = LlavaOnevisionConfig(text_config=text, tie_word_embeddings=tied)
    with torch.device("meta"):
        model = LlavaOnevisionForConditionalGeneration(config)
    declared = load(["task=visdoc/vidore_arxivqa", f"model={name}"]).model
    assert round(sum(weight.numel() for weight in model.parameters()) / 1e6) == millions
    assert declared.parameters_b == millions / 1000
    assert declared.dim == width
