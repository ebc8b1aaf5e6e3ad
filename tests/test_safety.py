"""No code of a checkpoint runs, and no pickle is opened, unless the user said so for this model."""

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from rzen_eval import Item, load_model
from rzen_eval.config.compose import load
from rzen_eval.errors import ModelError
from rzen_eval.models.checkpoint import files
from rzen_eval.models.declaration.local import ModelSpec

ITEMS = [Item(text="a red circle")]


def declared(*overrides: str) -> ModelSpec:
    spec = load(["model=rzenembed_v2_7b", *overrides]).model
    assert isinstance(spec, ModelSpec)
    return spec


def opened(folder: Path, *overrides: str) -> Any:
    return load_model("rzenembed_v2_7b", f"checkpoint={folder}", "dim=null", "device=cpu", "dtype=float32", *overrides)


@pytest.fixture
def pickled(checkpoint: Path, tmp_path: Path) -> Path:
    """The small checkpoint with its weights in a pickle."""
    folder = tmp_path / "pickled"
    shutil.copytree(checkpoint, folder)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return folder


def test_code_of_a_repository_is_trusted_at_a_commit_alone(tmp_path: Path):
    def check(*overrides: str) -> None:
        spec = declared(*overrides)
        files.check_trust(spec, spec.checkpoint, spec.revision)

    for revision in ("null", "main", "ea95c33"):
        with pytest.raises(ModelError, match=r"runs Python code of qihoo360/RzenEmbed, so expected a commit"):
            check("model.trust_remote_code=true", f"model.revision={revision}")
    check("model.trust_remote_code=true")
    check("model.revision=main")
    check("model.trust_remote_code=true", "model.revision=null", f"model.checkpoint={tmp_path}")


def test_code_of_an_adapters_base_is_trusted_at_a_commit_alone(tmp_path: Path):
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA", "base_model_name_or_path": "some/base"}')
    (tmp_path / "adapter_model.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match=r"runs Python code of some/base, so .* model\.base, which has none"):
        opened(tmp_path, "trust_remote_code=true")


def test_code_of_another_repository_is_never_run(checkpoint: Path, tmp_path: Path):
    folder = tmp_path / "borrowing"
    shutil.copytree(checkpoint, folder)
    own = {"auto_map": {"AutoTokenizer": ["other/repo--tokens.Tokens", None]}}
    (folder / "tokenizer_config.json").write_text(json.dumps(own))
    with pytest.raises(ModelError, match=r"tokenizer_config.json names code of another repository \(other/repo\)"):
        opened(folder, "trust_remote_code=true")


def test_all_code_of_a_folder_counts_towards_its_identity(checkpoint: Path, tmp_path: Path):
    folder = tmp_path / "with_code"
    shutil.copytree(checkpoint, folder)
    (folder / "parts").mkdir()
    code = folder / "parts" / "tokens.py"
    identities = []
    for text in ("a = 1\n", "a = 2\n"):
        code.write_text(text)
        found = files.find(declared("model.trust_remote_code=true", f"model.checkpoint={folder}"), tmp_path / "cache")
        identities.append(found.identity)
    assert identities[0] != identities[1]


def test_code_beside_the_weights_is_not_run(checkpoint: Path, tmp_path: Path):
    folder = tmp_path / "with_code"
    shutil.copytree(checkpoint, folder)
    (folder / "tokenization_own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass OwnTokenizer: pass\n")
    config = folder / "tokenizer_config.json"
    own = {"AutoTokenizer": ["tokenization_own.OwnTokenizer", "tokenization_own.OwnTokenizer"]}
    config.write_text(json.dumps(json.loads(config.read_text()) | {"auto_map": own}))
    assert (opened(folder).embed(ITEMS, "query") == opened(checkpoint).embed(ITEMS, "query")).all()
    assert not (tmp_path / "ran").exists()


def test_a_pickle_is_opened_only_where_it_was_allowed(pickled: Path, checkpoint: Path):
    with pytest.raises(ModelError, match=r"found pytorch_model\.bin; a pickle is taken with model\.pickled_w"):
        opened(pickled)
    allowed = opened(pickled, "pickled_weights=true")
    assert np.abs(allowed.embed(ITEMS, "query") - opened(checkpoint).embed(ITEMS, "query")).max() < 1e-6
    assert allowed.provenance()["weights"] != opened(checkpoint).provenance()["weights"]


class Bomb:
    def __init__(self, file: str) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self.file, "w")


def test_even_then_a_pickle_that_would_run_code_is_refused(pickled: Path, tmp_path: Path):
    (pickled / "pytorch_model.bin").write_bytes(
        pickle.dumps({"model.norm.weight": Bomb(str(tmp_path / "ran"))}, protocol=2)
    )
    with pytest.raises(ModelError, match=r"pytorch_model\.bin holds something else than weights"):
        opened(pickled, "pickled_weights=true")
    assert not (tmp_path / "ran").exists()


def test_what_a_result_says_of_a_model_has_licence_and_revision(checkpoint: Path):
    said = opened(checkpoint).provenance()
    assert said["license"] == "apache-2.0 by mteb's list, its code MIT"
    assert said["revision"] is None, "a folder is known by its contents, whatever commit was declared"
    assert said["weights"].startswith("sha256:")
    assert said["trust_remote_code"] is False
