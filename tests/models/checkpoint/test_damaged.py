"""Whatever is wrong with a file of a checkpoint is one line that names it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from rzen_eval import Item, load_model
from rzen_eval.errors import ModelError
from rzen_eval.models.checkpoint import image_settings
from rzen_eval.models.checkpoint.files import adapter_config
from rzen_eval.models.checkpoint.json_file import read_object
from tests.conftest import FIXTURES

ITEMS = [Item(text="a red circle")]


@pytest.fixture
def copy(checkpoint: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "checkpoint"
    shutil.copytree(checkpoint, folder)
    return folder


def embed(folder: Path) -> Any:
    model = load_model("rzenembed_v2_7b", f"checkpoint={folder}", "dim=null", "device=cpu", "dtype=float32")
    return model.embed(ITEMS, "query")


def refused(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        embed(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_weight_that_is_not_finite_is_named_though_no_item_reads_it(copy: Path):
    weights = load_file(copy / "model.safetensors")
    name = next(name for name in weights if "embed_tokens" in name)
    weights[name][-1, 0] = float("nan")
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    assert f"weights in {copy} are not finite: " in refused(copy)


NO_OBJECTS = [b"", b"{torn", b"[]", b"5", b"null", b"<html>", '{"a": "\xe9"}'.encode("latin-1"), b"[" * 100_000]


@pytest.mark.parametrize("content", NO_OBJECTS, ids=[str(content[:12]) for content in NO_OBJECTS])
@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
def test_a_file_that_is_no_object_is_named(copy: Path, name: str, content: bytes):
    (copy / name).write_bytes(content)
    assert f"{name} is damaged (" in refused(copy)


def test_a_byte_order_mark_is_read_over(copy: Path, checkpoint: Path):
    file = copy / "preprocessor_config.json"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert (embed(copy) == embed(checkpoint)).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"image_mean": "x"}, {"image_mean": [0.5, 0.5]}, {"image_mean": [float("nan"), 0, 0]},
        {"image_std": [0, 1, 1]}, {"image_std": [-1, 1, 1]}, {"image_std": 0.5}, {"image_std": [True, 1, {}]},
    ],
)  # fmt: skip
def test_picture_settings_that_cannot_be_are_named(copy: Path, wrong: dict[str, Any]):
    (copy / "preprocessor_config.json").write_text(json.dumps(wrong))
    assert f"preprocessor_config.json is damaged ({next(iter(wrong))}" in refused(copy)


@pytest.mark.parametrize(
    "sizes", [{"hidden_size": "big"}, {"hidden_size": -5}, {"rope_scaling": 5}, {"num_attention_heads": 0}]
)
def test_sizes_that_cannot_be_are_one_line(copy: Path, sizes: dict[str, Any]):
    config = json.loads((copy / "config.json").read_text())
    text = config.get("text_config")
    config |= {"text_config": text | sizes} if text else sizes
    (copy / "config.json").write_text(json.dumps(config))
    assert "cannot be loaded as qwen2_vl (" in refused(copy)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rope_scaling": None}, "found none, and the usual [16, 24, 24] do not fit"),
        ({"rope_scaling": {"type": "mrope"}}, "found none, and the usual [16, 24, 24] do not fit"),
        ({"rope_scaling": {"type": "mrope", "mrope_section": [2, 3]}}, "add up to 8, half of the 16 .* found [2, 3]"),
        ({"rope_scaling": {"type": "mrope", "mrope_section": [1, 3, 3]}}, "found [1, 3, 3]"),
        ({"rope_scaling": {"type": "mrope", "mrope_section": [-2, 5, 5]}}, "found [-2, 5, 5]"),
        ({"rope_scaling": {"type": "mrope", "mrope_section": "x"}}, "found 'x'"),
        ({"rope_theta": 0}, "rope_theta: expected a positive number, found 0"),
        ({"rope_theta": "x"}, "rope_theta: expected a positive number, found 'x'"),
    ],
)
def test_rotary_positions_that_cannot_be_are_named(copy: Path, change: dict[str, Any], said: str):
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | change))
    start, _, end = said.partition(".*")
    assert start in (found := refused(copy))
    assert end in found
    assert "config.json: " in found


def test_frequencies_that_add_up_to_another_number_are_refused_where_the_stock_model_takes_them(tmp_path: Path):
    folder = tmp_path / "qwen3"
    shutil.copytree(FIXTURES / "golden/tiny_qwen3vl", folder)
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["rope_scaling"]["mrope_section"] = [3, 3, 3]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"add up to 8, half of the 16 .* found \[3, 3, 3\]"):
        load_model("qwen3_vl_embedding_2b", f"checkpoint={folder}", "dim=null", "device=cpu", "dtype=float32")


def test_more_layers_than_weights_are_refused_before_they_are_made(copy: Path):
    config = json.loads((copy / "config.json").read_text())
    (config.get("text_config") or config)["num_hidden_layers"] = 10**4
    (copy / "config.json").write_text(json.dumps(config))
    assert "says 10000 layers, and there are " in refused(copy)


@pytest.mark.parametrize("content", ["{}", '{"model": 5}', "[]"])
def test_a_tokenizer_that_is_none_is_one_line(copy: Path, content: str):
    (copy / "tokenizer.json").write_text(content)
    assert "cannot be loaded as qwen2_vl (" in refused(copy)


@pytest.mark.parametrize(
    "content",
    ["[]", "{torn", "{}", '{"peft_type": 5}', '{"peft_type": "LORA", "base_model_name_or_path": 5}',
     '{"peft_type": "LORA", "base_model_name_or_path": "a/b", "revision": ["main"]}'],
)  # fmt: skip
def test_a_damaged_configuration_of_an_adapter_is_named(tmp_path: Path, content: str):
    (tmp_path / "adapter_config.json").write_text(content)
    (tmp_path / "adapter_model.safetensors").write_bytes(b"")
    assert "adapter_config.json is damaged (" in refused(tmp_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["image_mean", "image_std", "size", "resample", "image_processor", "peft_type", "base_model_name_or_path"]
)


@settings(max_examples=200, deadline=None)
@given(JSON | st.dictionaries(KEYS, JSON, max_size=4))
def test_whatever_json_a_file_holds_a_reader_reads_it_or_names_it(tmp_path_factory: pytest.TempPathFactory, content):
    folder = tmp_path_factory.mktemp("any")
    for name in ("preprocessor_config.json", "adapter_config.json"):
        (folder / name).write_text(json.dumps(content))
    half = (0.5, 0.5, 0.5)
    readers = [lambda place: image_settings.read([place], half, half), adapter_config]
    for read in (*readers, lambda place: read_object(place / "adapter_config.json")):
        try:
            read(folder)
        except ModelError as error:
            assert str(folder) in str(error)  # noqa: PT017 - most content is refused
