"""ColPali and ColQwen2 as embedders, against the stock models fed by hand, one item at a time."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from rzen_eval import Item, evaluate, load_model
from rzen_eval.config.compose import load
from rzen_eval.core import MultiVectors, Side
from rzen_eval.models.families.colpali import ColPali
from rzen_eval.models.families.colqwen import ColQwen2
from rzen_eval.models.prompt import render
from tests import tiny
from tests.toys import four_pages, toy_task

PADS = "<pad>" * 10
ENDS = "<|endoftext|>" * 10


def picture(seed: int, size: tuple[int, int]) -> Image.Image:
    shades = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(shades)


PAGE, OTHER = picture(0, (90, 150)), picture(1, (130, 70))
FRAMES = [picture(seed, (80, 60)) for seed in range(2, 5)]
TEXTS = [Item(text="a red circle on a white page", instruction="Find:"), Item(text="sales")]
ITEMS = [*TEXTS, Item(images=[PAGE], instruction="Read."), Item(text="dropped", images=[OTHER]), Item(frames=FRAMES)]


def opened(name: str, folder: Path, *overrides: str) -> Any:
    return load_model(name, f"checkpoint={folder}", "dtype=float32", "device=cpu", *overrides)


def apart(found: MultiVectors, expected: list[np.ndarray[Any, Any]]) -> float:
    assert found.lengths.tolist() == [len(rows) for rows in expected]
    return float(np.abs(found.rows - np.concatenate(expected)).max())


@pytest.fixture(scope="module")
def pali_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.colpali(tmp_path_factory.mktemp("checkpoints") / "colpali")


@pytest.fixture(scope="module")
def pali(pali_folder: Path) -> ColPali:
    model: ColPali = opened("colpali_v1_3", pali_folder)
    return model


@pytest.fixture(scope="module")
def stock_pali(pali_folder: Path) -> Any:
    from transformers import ColPaliForRetrieval

    return ColPaliForRetrieval.from_pretrained(pali_folder, dtype=torch.float32).eval()


def pali_vectors(model: Any, folder: Path) -> list[np.ndarray[Any, Any]]:
    from transformers import AutoTokenizer
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    processor = SiglipImageProcessorPil(size={"height": 56, "width": 56})
    made = []
    for item in ITEMS:
        shown = [*item.images, *item.frames[:1]]
        if shown:
            text, inputs = "<image>" * 16 + "<bos>Describe the image.\n", dict(processor(shown, return_tensors="pt"))
        else:
            text, inputs = f"<bos>Query: {item.text}{PADS}\n", {}
        ids = tokenizer(text, return_tensors="pt", add_special_tokens=False)["input_ids"]
        with torch.inference_mode():
            inputs |= {"attention_mask": torch.ones_like(ids), "token_type_ids": torch.zeros_like(ids)}
            made.append(model(input_ids=ids, **inputs).embeddings[0].numpy())
    return made


def test_colpali_vectors_of_a_mixed_batch_equal_the_stock_model(pali: ColPali, stock_pali: Any, pali_folder: Path):
    expected = pali_vectors(stock_pali, pali_folder)
    together = pali.embed(ITEMS, "query", tokens_per_batch=100_000)
    assert isinstance(together, MultiVectors)
    assert apart(together, expected) < 1e-5
    assert apart(pali.embed(ITEMS, "query", tokens_per_batch=1), expected) < 1e-5
    assert np.linalg.norm(together.rows, axis=1) == pytest.approx(1, abs=1e-5)


def test_a_padded_batch_of_colpali_gives_the_vectors_of_each_item_alone(pali: ColPali):
    planned = [pali.plan(item, Side.QUERY) for item in TEXTS]
    together, alone = pali.forward(planned, [[], []]), [pali.forward([plan], [[]])[0] for plan in planned]
    assert [len(rows) for rows in together] == [plan.length for plan in planned]
    assert max(float(np.abs(ours - theirs).max()) for ours, theirs in zip(together, alone, strict=True)) < 1e-5


def test_provenance_says_that_an_item_has_many_vectors(pali: ColPali):
    assert pali.provenance()["late_interaction"] is True


def test_all_tokens_of_colpali_see_each_other(pali: ColPali):
    first, second = (pali.embed([Item(text=text)], "query").rows for text in ("a cab", "a cat"))
    assert np.abs(first[0] - second[0]).max() > 1e-3


def test_an_image_token_in_a_text_takes_no_picture(pali: ColPali):
    items = [Item(text="the token <image> itself"), Item(images=[PAGE])]
    together = pali.embed(items, "query", tokens_per_batch=100_000)
    assert apart(together, [pali.embed([item], "query").rows for item in items]) < 1e-5


def engine_name(name: str) -> str:
    """Of a weight, as the authors of ColPali save it."""
    for ours, theirs in (
        ("vlm.language_model.", "model.language_model.model."),
        ("vlm.vision_tower.", "model.vision_tower.vision_model."),
        ("vlm.multi_modal_projector.", "model.multi_modal_projector."),
        ("embedding_proj_layer.", "custom_text_proj."),
    ):
        name = name.replace(ours, theirs)
    return name


def test_an_adapter_over_the_authors_own_base_gives_the_vectors_of_the_merged_model(
    pali_folder: Path, stock_pali: Any, tmp_path: Path
):
    base, folder = tmp_path / "base", tmp_path / "adapter"
    shutil.copytree(pali_folder, base)
    weights = {engine_name(name): weight.clone() for name, weight in stock_pali.state_dict().items()}
    weights["model.language_model.lm_head.weight"] = torch.zeros(3, 3)
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    (base / "config.json").write_text(json.dumps(stock_pali.config.vlm_config.to_dict()))
    folder.mkdir()
    generator = torch.Generator().manual_seed(1)
    adapter = {}
    merged: Any = type(stock_pali).from_pretrained(pali_folder, dtype=torch.float32).eval()
    with torch.no_grad():
        for name in ("vlm.language_model.layers.1.mlp.down_proj", "embedding_proj_layer"):
            weight = merged.get_submodule(name).weight
            down, up = (
                torch.randn(size, generator=generator) / 4 for size in ((2, weight.shape[1]), (weight.shape[0], 2))
            )
            for part, value in (("lora_A", down), ("lora_B", up)):
                adapter[f"base_model.model.{engine_name(f'{name}.')}{part}.weight"] = value
            weight += 4 / 2 * up @ down
    save_file(adapter, folder / "adapter_model.safetensors")
    says = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "base_model_name_or_path": str(base)}
    says["target_modules"] = "(.*(language_model).*(down_proj|q_proj).*$|.*(custom_text_proj).*$)"
    (folder / "adapter_config.json").write_text(json.dumps(says))
    found = opened("colpali_v1_3", folder, "dim=16").embed(ITEMS, "query")
    assert apart(found, pali_vectors(merged, pali_folder)) < 1e-5
    assert apart(found, pali_vectors(stock_pali, pali_folder)) > 1e-2


@pytest.fixture(scope="module")
def qwen_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.colqwen2(tmp_path_factory.mktemp("checkpoints") / "colqwen2")


@pytest.fixture(scope="module")
def qwen(qwen_folder: Path) -> ColQwen2:
    model: ColQwen2 = opened("colqwen2", qwen_folder)
    return model


def qwen_vectors(folder: Path, *, by_grid: bool) -> list[np.ndarray[Any, Any]]:
    """By row and column: Qwen2-VL's own forward, then the layer; else the stock ColQwen2."""
    from transformers import AutoTokenizer, ColQwen2Config, ColQwen2ForRetrieval, Qwen2VLModel
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    tokenizer: Any = AutoTokenizer.from_pretrained(tiny.QWEN)
    processor = Qwen2VLImageProcessorPil(min_pixels=4 * 784, max_pixels=768 * 784)
    beneath: Any = Qwen2VLModel.from_pretrained(tiny.QWEN, dtype=torch.float32)
    stock: Any = ColQwen2ForRetrieval(ColQwen2Config(vlm_config=beneath.config.to_dict())).eval()
    stock.vlm = beneath.eval()
    weights = load_file(folder / "model.safetensors")
    stock.embedding_proj_layer.load_state_dict({key: weights[f"custom_text_proj.{key}"] for key in ("weight", "bias")})
    made = []
    for item in ITEMS:
        inputs: dict[str, Any] = {}
        shown = [*item.images, *item.frames[1:2]]
        text = f"Query: {item.text}{ENDS}"
        if shown:
            inputs = dict(processor(shown, return_tensors="pt"))
            tokens = "<|image_pad|>" * int(inputs["image_grid_thw"].prod() // 4)
            text = f"<|im_start|>user\n<|vision_start|>{tokens}<|vision_end|>Describe the image.<|im_end|><|endoftext|>"
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        mask = torch.ones_like(ids)
        with torch.inference_mode():
            if by_grid:
                kinds = (ids == tiny.IMAGE).long()
                hidden = beneath(
                    input_ids=ids, attention_mask=mask, mm_token_type_ids=kinds, **inputs
                ).last_hidden_state
                vectors = torch.nn.functional.normalize(stock.embedding_proj_layer(hidden), dim=-1)
            else:
                if shown:
                    inputs["pixel_values"] = inputs["pixel_values"][None]
                vectors = stock(input_ids=ids, attention_mask=mask, **inputs).embeddings
        made.append(vectors[0].numpy())
    return made


def test_colqwen2_vectors_of_a_mixed_batch_equal_the_stock_parts(qwen: ColQwen2, qwen_folder: Path):
    expected = qwen_vectors(qwen_folder, by_grid=True)
    assert apart(qwen.embed(ITEMS, "query", tokens_per_batch=100_000), expected) < 1e-5
    assert apart(qwen.embed(ITEMS, "query", tokens_per_batch=1), expected) < 1e-5


def test_with_sequential_positions_they_equal_the_stock_class_which_are_others(qwen_folder: Path):
    found = opened("colqwen2", qwen_folder, "positions=sequential").embed(ITEMS, "query")
    assert apart(found, qwen_vectors(qwen_folder, by_grid=False)) < 1e-5
    assert apart(found, qwen_vectors(qwen_folder, by_grid=True)) > 1e-3


def test_a_colqwen2_saved_by_transformers_gives_the_same_vectors(qwen: ColQwen2, tmp_path: Path):
    from transformers import ColQwen2ForRetrieval

    stock: Any = ColQwen2ForRetrieval(qwen.config)
    stock.load_state_dict(qwen._model.state_dict())
    stock.save_pretrained(tmp_path)
    assert "embedding_proj_layer.weight" in load_file(tmp_path / "model.safetensors")
    for file in tiny.QWEN.glob("*token*"):
        shutil.copy(file, tmp_path)
    found, expected = opened("colqwen2", tmp_path).embed(ITEMS, "query"), qwen.embed(ITEMS, "query")
    assert np.abs(found.rows - expected.rows).max() < 1e-6


def test_a_task_is_scored_by_maxsim(qwen: ColQwen2, tmp_path: Path):
    four_pages(tmp_path)
    result = evaluate(toy_task(tmp_path, tmp_path), qwen)
    assert 0 <= result.score <= 1
    assert result.n_queries == 4
    assert result.provenance["model"]["dim"] == 128


V = "<|vision_start|><|image_pad|><|vision_end|>"
PAGED = f"<|im_start|>user\n{V}Describe the image.<|im_end|><|endoftext|>"


@pytest.mark.parametrize(
    ("name", "query", "page"),
    [
        ("colpali_v1_3", f"<bos>Query: sales of 2019{PADS}\n", "<image><bos>Describe the image.\n"),
        (
            "colpali_v1_3_mmeb",
            f"<bos>Query: Find a document image that matches the given query: sales of 2019{PADS}\n",
            "<image><bos><bos>Describe the image.\n",
        ),
        ("colqwen2", f"Query: sales of 2019{ENDS}", PAGED),
        ("colqwen2_5", f"Query: sales of 2019{ENDS}", PAGED),
        ("colnomic_embed_multimodal_7b", f"Query: sales of 2019{ENDS}", PAGED),
        ("colqwen3_5", f"sales of 2019{ENDS}", PAGED),
        ("tomoro_colqwen3_4b", f"sales of 2019{ENDS}", PAGED),
        (
            "ops_colqwen3_4b",
            f"Query: sales of 2019{ENDS}",
            f"<|im_start|>user\n{V}Describe the image.<|im_end|><|im_start|>assistant\n<|endoftext|>",
        ),
        (
            "nemotron_colembed_vl_4b_v2",
            "<|im_start|>user\nQuery: query: sales of 2019<|im_end|>\n<|im_start|>assistant\n",
            f"<|im_start|>user\n{V}passage: <|im_end|>\n<|im_start|>assistant\n",
        ),
    ],
)
def test_prompts(name: str, query: str, page: str):
    prompt = load(["task=visdoc/vidore_arxivqa", f"model={name}"]).model.prompt
    asked = Item(text="sales of 2019", instruction="Find a document image that matches the given query:")
    shown = Item(images=[PAGE], instruction="Understand the content of the provided document image.")
    assert render(prompt, asked, Side.QUERY) == query
    assert render(prompt, shown, Side.CANDIDATE) == page
    words = {"tomoro_colqwen3_4b": ("image.", "image. words"), "nemotron_colembed_vl_4b_v2": (": ", ":  words\n")}
    beside = page.replace(*words.get(name, ("", "")))
    assert render(prompt, Item(text=" words\n", images=[PAGE]), Side.QUERY) == beside


def test_the_published_size_of_colpali_is_that_of_the_class():
    from transformers import ColPaliConfig, ColPaliForRetrieval

    config = ColPaliConfig()
    config.vlm_config.text_config.vocab_size = 257216
    config.vlm_config.vision_config.image_size = 448
    config.vlm_config.vision_config.intermediate_size = 4304
    with torch.device("meta"):
        model = ColPaliForRetrieval(config)
    assert round(sum(weight.numel() for weight in model.parameters()) / 1e7) == 292
