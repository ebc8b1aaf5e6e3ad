"""A checkpoint is what it was named: a folder by its path, a repository by owner and name, never one for the other."""

import shutil
from pathlib import Path

import pytest

from rzen_eval import load_model
from rzen_eval.errors import ModelError

COMMIT = "a" * 40


@pytest.fixture
def here(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a folder that is called as a repository is."""
    shutil.copytree(checkpoint, tmp_path / "work" / "some" / "model")
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def opened(name: str, *overrides: str):
    return load_model("rzenembed_v2_7b", f"checkpoint={name}", "dim=null", "device=cpu", "dtype=float32", *overrides)


@pytest.mark.usefixtures("here")
def test_a_pinned_repository_is_not_the_folder_of_its_name():
    with pytest.raises(ModelError, match=rf"the hub does not serve some/model at {COMMIT}"):
        opened("some/model", f"revision={COMMIT}")


@pytest.mark.usefixtures("here")
def test_a_name_that_may_be_either_is_refused():
    with pytest.raises(ModelError) as caught:
        opened("some/model", "revision=null")
    assert "some/model is a folder here and may be a hub repository; give model.checkpoint=./some/model" in str(
        caught.value
    )


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("path", ["./some/model", "some/model/", "../work/some/model"])
def test_a_folder_is_taken_where_it_is_given_as_a_path(path: str):
    assert opened(path).provenance()["weights"].startswith("sha256:")


@pytest.mark.usefixtures("here")
def test_a_folder_of_one_name_needs_no_mark():
    shutil.move("some/model", "tuned")
    assert opened("tuned").provenance()["revision"] is None


def test_a_base_that_may_be_either_is_refused(here: Path):
    adapter = here / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text('{"peft_type": "LORA", "base_model_name_or_path": "some/model"}')
    (adapter / "adapter_model.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match=r"some/model is a folder here .* give model\.base=\./some/model"):
        opened(str(adapter))
