"""Picture settings of a checkpoint, against the image processor of transformers that reads the same file."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from rzen_eval import Item, load_model
from rzen_eval.errors import ModelError
from rzen_eval.models.families.qwen2_vl import Qwen2VL
from tests import tiny
from tests.conftest import FIXTURES, SAME_PIXELS

TINY = FIXTURES / "tiny_qwen2vl"
PICTURE = Image.open(FIXTURES / "rzen/images/i15_640x480.jpg").convert("RGB")
STORED: dict[str, Any] = json.loads((TINY / "preprocessor_config.json").read_text())


def saying(folder: Path, stored: dict[str, Any] | None, nested: dict[str, Any] | None = None) -> Path:
    """The small checkpoint with other settings, in the one file, in the other, or in both."""
    shutil.copytree(TINY, folder)
    (folder / "preprocessor_config.json").unlink()
    if stored is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(STORED | stored))
    if nested is not None:
        (folder / "processor_config.json").write_text(json.dumps({"image_processor": STORED | nested}))
    return folder


def opened(folder: Path, *settings: str) -> Qwen2VL:
    model: Any = load_model(
        "custom", "family=qwen2_vl", f"checkpoint={folder}", "dtype=float32", "device=cpu", *settings
    )
    return model


def patches(model: Qwen2VL) -> np.ndarray[Any, Any]:
    return tiny.patches(model, model.pictures(Item(images=[PICTURE])).load())


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"image_mean": [0.1, 0.2, 0.3], "image_std": [0.9, 0.8, 0.7]},
        {"do_normalize": False},
        {"rescale_factor": 1 / 127.5},
        {"do_rescale": False},
        {"resample": 2},
        {"resample": 0},
        {"min_pixels": 64 * 784, "max_pixels": 100 * 784},
        {"min_pixels": None, "max_pixels": None, "size": {"shortest_edge": 4 * 784, "longest_edge": 50 * 784}},
    ],
    ids=["stock", "mean", "no-normalize", "rescale", "no-rescale", "bilinear", "nearest", "pixels", "size"],
)
def test_pixels_are_those_of_the_image_processor_that_reads_the_same_file(tmp_path: Path, stored: dict[str, Any]):
    folder = saying(tmp_path / "model", stored)
    stock = Qwen2VLImageProcessorPil.from_pretrained(folder)([PICTURE], return_tensors="np")
    ours = patches(opened(folder))
    expected = stock["pixel_values"]
    assert ours.shape == expected.shape
    assert np.abs(ours - expected).max() < (1e-4 if SAME_PIXELS else 0.1) * max(1, np.abs(expected).max())


def test_of_two_files_the_nested_one_holds_as_in_transformers(tmp_path: Path):
    folder = saying(tmp_path / "model", {"image_mean": [0.1] * 3}, {"image_mean": [0.9] * 3})
    assert opened(folder).image_settings.mean == (0.9, 0.9, 0.9)
    (folder / "processor_config.json").write_text(json.dumps({"processor_class": "Qwen2VLProcessor"}))
    assert opened(folder).image_settings.mean == (0.1, 0.1, 0.1)


def test_a_checkpoint_that_says_nothing_has_the_settings_of_its_class(tmp_path: Path):
    model = opened(saying(tmp_path / "model", None))
    assert model.image_settings.mean == Qwen2VL.mean
    assert model.spec.budgets[0].max_tokens == 1280


def test_what_is_declared_holds_over_the_sizes_of_the_checkpoint(tmp_path: Path):
    folder = saying(tmp_path / "model", {"max_pixels": 100 * 784})
    assert opened(folder).provenance()["image"]["max_tokens"] == 100
    assert opened(folder, "image={min_tokens: 4, max_tokens: 30}").provenance()["image"]["max_tokens"] == 30


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ({"do_resize": False}, "says do_resize: false"),
        ({"patch_size": 16}, "says patch_size: 16, the model's config.json 14; they are not of one model"),
        ({"max_pixels": 1000}, "3136 to 1000 pixels, no whole tokens of 784; give model.image="),
        ({"image_mean": [0.5]}, "preprocessor_config.json is damaged (image_mean"),
        ({"resample": 9}, "preprocessor_config.json is damaged (resample"),
    ],
)
def test_what_cannot_be_obeyed_is_refused_in_a_line(tmp_path: Path, stored: dict[str, Any], said: str):
    folder = saying(tmp_path / "model", stored)
    with pytest.raises(ModelError) as caught:
        opened(folder)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("family", "make"), [("colpali", tiny.colpali), ("llava_onevision", tiny.llava)])
def test_squares_and_tiles_of_another_size_than_the_models_are_refused(tmp_path: Path, family: str, make: Any):
    folder = make(tmp_path / "model")
    said = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps(said | {"size": {"height": 112, "width": 112}}))
    name = {"colpali": "colpali_v1_3", "llava_onevision": "cafe_0_5b"}[family]
    with pytest.raises(ModelError, match="says height: 112"):
        load_model(name, f"checkpoint={folder}", "dim=null", "device=cpu")
