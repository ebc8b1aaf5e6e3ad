"""Only weights that are named, in the folder that is named, are loaded."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from rzen_eval import Item, load_model, load_reranker
from rzen_eval.config import compose
from rzen_eval.errors import ModelError
from rzen_eval.models.checkpoint.weight_files import weight_files

INDEX = "model.safetensors.index.json"
ITEMS = [Item(text="a red circle")]


@pytest.fixture
def sharded(checkpoint: Path, tmp_path: Path) -> Path:
    """The small checkpoint in two shards."""
    folder = tmp_path / "sharded"
    shutil.copytree(checkpoint, folder)
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    weight_map = {name: f"model-0000{1 + place % 2}-of-00002.safetensors" for place, name in enumerate(names)}
    for file in set(weight_map.values()):
        save_file({name: tensors[name] for name in names if weight_map[name] == file}, folder / file, {"format": "pt"})
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return folder


def remap(folder: Path, file: str) -> None:
    index = json.loads((folder / INDEX).read_text())
    (folder / INDEX).write_text(json.dumps(index | {"weight_map": dict.fromkeys(index["weight_map"], file)}))


def embed(folder: Path, *overrides: str) -> np.ndarray:
    model = load_model("rzenembed_v2_7b", f"checkpoint={folder}", "dim=null", "device=cpu", "dtype=float32", *overrides)
    return np.asarray(model.embed(ITEMS, "query"))


def refused(folder: Path, *overrides: str) -> str:
    with pytest.raises(ModelError) as caught:
        embed(folder, *overrides)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_shards_are_the_same_model_as_one_file(sharded: Path, checkpoint: Path):
    assert (embed(sharded) == embed(checkpoint)).all()


def test_an_older_single_file_beside_shards_is_refused(sharded: Path, checkpoint: Path):
    older = load_file(checkpoint / "model.safetensors")
    save_file({name: torch.zeros_like(weight) for name, weight in older.items()}, sharded / "model.safetensors")
    assert f"holds model.safetensors and the shards of {INDEX}, and only one of them is read" in refused(sharded)


def test_a_shard_that_no_index_names_is_refused(sharded: Path, checkpoint: Path):
    shutil.copy(checkpoint / "model.safetensors", sharded / "model-00003-of-00003.safetensors")
    assert "holds model-00003-of-00003.safetensors beside model.safetensors.index.json, which does" in refused(sharded)
    (sharded / INDEX).unlink()
    assert "and no model.safetensors.index.json that names them" in refused(sharded)


def test_another_file_beside_the_single_one_is_refused(checkpoint: Path, tmp_path: Path):
    folder = tmp_path / "two"
    shutil.copytree(checkpoint, folder)
    shutil.copy(folder / "model.safetensors", folder / "model-00001-of-00001.safetensors")
    assert "holds model-00001-of-00001.safetensors beside model.safetensors, which does not" in refused(folder)


def test_a_shard_that_is_missing_is_named(sharded: Path):
    (sharded / "model-00002-of-00002.safetensors").unlink()
    assert f"lacks model-00002-of-00002.safetensors, which {INDEX} names; get it again" in refused(sharded)


def test_an_index_that_names_a_pickle_loads_none(sharded: Path):
    torch.save({}, sharded / "weights.bin")
    remap(sharded, "weights.bin")
    assert "names 'weights.bin' as a file of weights; expected *.safetensors beside it" in refused(sharded)
    assert "names 'weights.bin'" in refused(sharded, "pickled_weights=true")


@pytest.mark.parametrize("file", ["../outside.safetensors", "/etc/passwd", "sub/model.safetensors", ".."])
def test_an_index_that_names_a_file_elsewhere_reads_none(sharded: Path, checkpoint: Path, file: str):
    shutil.copy(checkpoint / "model.safetensors", sharded.parent / "outside.safetensors")
    (sharded / "sub").mkdir()
    shutil.copy(checkpoint / "model.safetensors", sharded / "sub")
    remap(sharded, file)
    assert f"names {file!r} as a file of weights" in refused(sharded)


@pytest.mark.parametrize("content", ["{torn", "[]", "{}", '{"weight_map": {}}', '{"weight_map": {"a": 5}}', "\xff"])
def test_a_damaged_index_is_named(sharded: Path, content: str):
    (sharded / INDEX).write_bytes(content.encode("latin-1"))
    assert f"{INDEX} is damaged (" in refused(sharded)


def test_a_weight_that_two_shards_hold_is_refused(sharded: Path):
    first, second = (sharded / f"model-0000{n}-of-00002.safetensors" for n in (1, 2))
    tensors, name = load_file(second), min(load_file(first))
    save_file(tensors | {name: load_file(first)[name]}, second, {"format": "pt"})
    assert f"holds {name} twice, the second in model-00002-of-00002.safetensors" in refused(sharded)


def test_the_setting_that_takes_pickles_is_that_of_the_models_own_door(tmp_path: Path):
    (tmp_path / "pytorch_model.bin").touch()
    (tmp_path / "config.json").write_text("{}")
    assert "a pickle is taken with model.pickled_weights=true" in refused(tmp_path)
    with pytest.raises(ModelError, match=r"a pickle is taken with reranker\.pickled_weights=true"):
        load_reranker("cross_encoder", f"checkpoint={tmp_path}", "device=cpu")


def test_pickles_are_named_by_the_same_rules(tmp_path: Path):
    words = ["checkpoint=a/b", "family=qwen2_vl", "pickled_weights=true"]
    spec = compose.load(["model=custom", *(f"model.{word}" for word in words)], need_tasks=False).model
    (tmp_path / "pytorch_model.bin").touch()
    assert [file.name for file in weight_files(spec, tmp_path)] == ["pytorch_model.bin"]
    (tmp_path / "pytorch_model-00001-of-00002.bin").touch()
    with pytest.raises(ModelError, match=r"holds pytorch_model-00001-of-00002\.bin beside pytorch_model\.bin"):
        weight_files(spec, tmp_path)
    index = {"weight_map": {"a": "pytorch_model-00001-of-00002.bin", "b": "evil.bin"}}
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match=r"names 'evil\.bin' as a file of weights"):
        weight_files(spec, tmp_path)
