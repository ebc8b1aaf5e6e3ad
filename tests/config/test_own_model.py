"""A checkpoint of one's own: its name, its family, its precision."""

from pathlib import Path

import pytest

from rzen_eval.config import compose
from tests.config.given import refused


@pytest.mark.parametrize(
    ("written", "meant"),
    [("bf16", "bfloat16"), ("fp16", "float16"), ("half", "float16"), ("fp32", "float32"), ("torch.float32", "float32")],
)
@pytest.mark.parametrize("model", ["mini", "sentence_transformers model.name=a model.checkpoint=a"])
def test_usual_short_names_of_precisions_are_taken(model: str, written: str, meant: str):
    words = f"model={model} model.dtype={written}".split()
    assert compose.load(words, need_tasks=False).model.dtype == meant


def test_the_family_of_a_checkpoint_is_what_its_folder_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "base").mkdir()
    (tmp_path / "base/config.json").write_text('{"model_type": "qwen2_5_vl"}')
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter/adapter_config.json").write_text(f'{{"base_model_name_or_path": "{tmp_path / "base"}"}}')
    for folder in ("base", "adapter"):
        words = ["model=custom", f"model.checkpoint={tmp_path / folder}"]
        assert compose.load(words, need_tasks=False).model.family == "qwen2_5_vl"
        assert f"model.family=qwen2_5_vl, as {tmp_path / 'base/config.json'} says" in capsys.readouterr().err
    assert compose.load([*words, "model.family=qwen2_vl"], need_tasks=False).model.family == "qwen2_vl"
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    ("checkpoint", "name"),
    [
        ("someone/Their-Model_2B", "Their-Model_2B"),
        ("/models/my model/", "my-model"),
        ("/models/run7/checkpoint-500", "run7-checkpoint-500"),
        ("/models/run7/last", "run7-last"),
        ("..here", "here"),
    ],
)
def test_a_model_of_ones_own_is_called_as_its_checkpoint(checkpoint: str, name: str):
    words = ["model=custom", f"model.checkpoint='{checkpoint}'", "model.family=qwen2_vl"]
    assert compose.load(words, need_tasks=False).model.name == name
    assert compose.load([*words, "model.name=mine"], need_tasks=False).model.name == "mine"
    assert compose.load([words[1], "model=sentence_transformers"], need_tasks=False).model.name == name


def test_a_name_that_no_file_could_have_is_refused():
    assert "model.name: expected a name of at most 150 bytes, found 400" in refused(f"model.name={'x' * 400}")


@pytest.mark.parametrize("content", ['{"model_type": "bert"}', "[]", "{"])
def test_a_family_that_nothing_names_is_asked_for_with_the_names_that_there_are(tmp_path: Path, content: str):
    (tmp_path / "config.json").write_text(content)
    message = refused("model=custom", f"model.checkpoint={tmp_path}")
    assert "model.family is missing; give model.family=VALUE, one of " in message
    assert "qwen2_vl" in message


def test_a_checkpoint_that_is_not_there_is_not_asked_for_its_family(tmp_path: Path):
    message = refused("model=custom", f"model.checkpoint={tmp_path}/gone")
    assert message.startswith(f"no folder at {tmp_path}/gone; model.checkpoint= takes a folder or a hub repository")
    assert f"{tmp_path} holds no config.json" in refused("model=custom", f"model.checkpoint={tmp_path}")
