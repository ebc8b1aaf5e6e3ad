"""Small checkpoints in the place of published ones: under their repository ids and revisions, on a hub on loopback."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from rzen_eval.benchmark.places import choices
from rzen_eval.config.compose import load
from rzen_eval.errors import ConfigError
from rzen_eval.models import class_of
from rzen_eval.models.declaration.external import ApiSpec
from rzen_eval.models.declaration.local import ModelSpec
from tests import tiny
from tests.conftest import FIXTURES
from tests.loopback import Hub

ONE_OF_EACH = (
    "image/imagenet_1k", "image/ok_vqa", "image/webqa", "image/refcoco_matching",
    "video/k700", "video/nextqa", "video/msr_vtt", "video/qvhighlight",
    "visdoc/vidore_arxivqa", "visdoc/vidore_biomedical_lectures_v2", "visdoc/visrag_chartqa", "visdoc/mmlongbench_doc",
)  # fmt: skip
"""A task of each of the twelve groups."""
SMALL = ["model.image={min_tokens: 4, max_tokens: 32}", "model.frame={min_tokens: 4, max_tokens: 8}"]
"""Budgets of pictures that make a run short."""


@dataclass(frozen=True)
class Shape:
    """How a repository lies on the hub, where it is not one file of weights with what its family needs beside."""

    base: str | None = None
    """The repository is an adapter, and this the base that it names."""
    pickle: bool = False
    """The adapter is `adapter_model.bin`, its magnitudes named without their last part."""
    old_names: bool = False
    """Its weights have the names of transformers before 4.52."""
    dora: bool = False
    shards: int = 1
    """Files that share the weights."""
    appended: str | None = None
    """A token that its tokenizer puts behind every prompt."""
    beside: tuple[str, ...] = ()
    """Files of other libraries that lie beside."""
    maker: Callable[[Path], object] | None = None
    """What makes it, where not as others of its family."""


OF_SENTENCE_TRANSFORMERS = ("modules.json", "1_Pooling/config.json", "config_sentence_transformers.json")
SHAPES: Mapping[str, Shape] = {
    "vlm2vec_v1_2b": Shape("Qwen/Qwen2-VL-2B-Instruct", pickle=True, old_names=True, dora=True),
    "vlm2vec_v1_7b": Shape("Qwen/Qwen2-VL-7B-Instruct", pickle=True, old_names=True, dora=True),
    "vlm2vec_v2_2b": Shape("Qwen/Qwen2-VL-2B-Instruct", pickle=True, old_names=True, dora=True),
    "b3_qwen2_2b": Shape("Qwen/Qwen2-VL-2B-Instruct", pickle=True, old_names=True, dora=True),
    "b3_qwen2_7b": Shape("Qwen/Qwen2-VL-7B-Instruct", pickle=True, old_names=True, dora=True),
    "gme_7b": Shape(shards=4),
    "ops_mm_v1_7b": Shape(shards=4),
    "rzenembed_v2_7b": Shape(shards=4),
    "lamra_ret": Shape(shards=4),
    "lamra_ret_qwen2_5vl_7b": Shape(shards=4),
    "qwen3_vl_embedding_2b": Shape(appended="<|endoftext|>", beside=OF_SENTENCE_TRANSFORMERS),
    "qwen3_vl_embedding_8b": Shape(appended="<|endoftext|>", beside=OF_SENTENCE_TRANSFORMERS, shards=4),
    "wemm_2b": Shape(appended="<embedding>", beside=("modules.json", "config_sentence_transformers.json")),
    "wemm_4b": Shape(appended="<embedding>"),
    "wemm_9b": Shape(appended="<embedding>", shards=4),
    "uembed_2b": Shape(maker=tiny.uembed),
    "uembed_4b": Shape(maker=tiny.uembed),
    "uembed_9b": Shape(maker=tiny.uembed, shards=4),
    "ovis_vl_2b": Shape(maker=tiny.uembed),
    "ovis_vl_9b": Shape(maker=tiny.uembed, shards=4),
    "colqwen2": Shape("vidore/colqwen2-base", old_names=True, beside=("modules.json", "1_Dense/config.json")),
    "colqwen2_5": Shape("vidore/colqwen2.5-base", old_names=True),
    "colnomic_embed_multimodal_3b": Shape("vidore/colqwen2.5-base", old_names=True),
    "colnomic_embed_multimodal_7b": Shape("nomic-ai/colqwen2.5-7B-base", old_names=True),
    "vultron_retriever_prime_8b": Shape(shards=4),
    "tomoro_colqwen3_8b": Shape(shards=4),
    "ops_colqwen3_4b": Shape(shards=2, maker=partial(tiny.colqwen, maker="ops")),
    "e5_omni_7b": Shape(shards=4),
    "nemotron_colembed_vl_8b_v2": Shape(shards=4),
    "colpali_v1_3": Shape("vidore/colpaligemma-3b-pt-448-base", beside=("modules.json", "1_Dense/config.json")),
}
"""Of declared models, as public code, logs and reports have it."""


def qwen2_vl(folder: Path) -> None:
    """The small Qwen2-VL of the tests."""
    shutil.copytree(FIXTURES / "tiny_qwen2vl", folder)


def colpali(folder: Path) -> None:
    """The small ColPali with names and configuration of its authors' code, and as many dimensions as theirs."""
    import torch
    from safetensors.torch import load_file, save_file

    tiny.colpali(folder)
    weights = {name.replace("vlm.", "model."): one for name, one in load_file(folder / "model.safetensors").items()}
    generator = torch.Generator().manual_seed(0)
    for part in ("weight", "bias"):
        shape = (128, *weights.pop(f"embedding_proj_layer.{part}").shape[1:])
        weights[f"custom_text_proj.{part}"] = torch.randn(shape, generator=generator) / 8
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text())["vlm_config"]))


MAKERS: Mapping[str, Callable[[Path], object]] = {
    "qwen2_vl": qwen2_vl,
    "qwen2_5_vl": partial(tiny.qwen, family="qwen2_5_vl"),
    "qwen3_vl": partial(tiny.qwen, family="qwen3_vl"),
    "qwen3_5": tiny.wemm,
    "llava_onevision": tiny.llava,
    "colpali": colpali,
    "colqwen2": tiny.colqwen2,
    "colqwen2_5": partial(tiny.colqwen, maker="colqwen2_5"),
    "colqwen3": partial(tiny.colqwen, maker="tomoro"),
    "colqwen3_5": partial(tiny.colqwen, maker="colqwen3_5"),
    "jina_embeddings_v4": tiny.jina,
    "jina_embeddings_v4_multivector": tiny.jina,
    "nemotron_colembed": tiny.nemotron,
    "qwen2_5_omni": partial(tiny.omni, kind="qwen2_5_omni_thinker"),
    "nv_omni_embed": partial(tiny.omni, kind="nvomniembed"),
}
"""What makes a checkpoint of a family."""


@cache
def declared() -> Mapping[str, ModelSpec | ApiSpec]:
    """Declarations that a stand-in can be made for, by name."""
    found: dict[str, ModelSpec | ApiSpec] = {}
    for name in choices("model"):
        try:
            spec = load([f"model={name}", "task=visdoc/vidore_arxivqa"]).model
        except ConfigError:
            continue  # not complete without settings of the user's own
        if isinstance(spec, ApiSpec) or (isinstance(spec, ModelSpec) and spec.checkpoint != "bundled"):
            found[name] = spec
    return found


def local() -> dict[str, ModelSpec]:
    """Those of them that this package computes itself."""
    return {name: spec for name, spec in declared().items() if isinstance(spec, ModelSpec)}


def put(root: Path, name: str, spec: ModelSpec | ApiSpec, api: str) -> list[str]:
    """Make a model's repository under the hub's root, at its revision; of an unpublished one a folder beside it.

    Args:
        root: of the hub.
        name: of the declaration.
        spec: the declaration.
        api: address of a server that stands for every API.

    Returns:
        Settings that lead there, which are none for a repository.
    """
    if isinstance(spec, ApiSpec):
        return [f"model.endpoint={api}", "model.confirmed=true"]
    smaller = SMALL if class_of(spec.family).budgeted else []
    smaller = [*smaller, *["model.square=112"] * (spec.square is not None)]
    if spec.checkpoint == "unpublished":
        place = root / "unpublished" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        MAKERS[spec.family](place)
        return [*smaller, f"model.checkpoint={place}"]
    place = root / (f"{spec.checkpoint}@{spec.revision}" if spec.revision else spec.checkpoint)
    if place.exists():
        return smaller
    shape = SHAPES.get(name, Shape())
    whole = root / (f"{shape.base}@{spec.base_revision}" if spec.base_revision else shape.base) if shape.base else place
    if not whole.exists():
        whole.parent.mkdir(parents=True, exist_ok=True)
        (shape.maker or MAKERS[spec.family])(whole)
    if shape.base:
        _adapter(whole, place, shape)
    if shape.shards > 1:
        _split(place, shape.shards)
    if shape.appended:
        _append(place, shape.appended)
    for file in shape.beside:
        (place / file).parent.mkdir(exist_ok=True)
        (place / file).write_text("{}")
    # The hub knows a repository by its folder, whatever revisions it has beside.
    for repository in (spec.checkpoint, *([shape.base] if shape.base else [])):
        (root / repository).mkdir(parents=True, exist_ok=True)
    return smaller


def _adapter(base: Path, place: Path, shape: Shape) -> None:
    """An adapter over query and value projections of the language model, and what a late interaction projects by."""
    import torch
    from safetensors.torch import load_file, save_file

    generator = torch.Generator().manual_seed(2)
    stored = load_file(base / "model.safetensors")
    found: dict[str, Any] = {}
    for name, weight in sorted(stored.items()):
        module, _, kind = name.rpartition(".")
        if kind != "weight" or not re.search(r"(?<!visual)\.layers\..*(q|v)_proj$|custom_text_proj$", module):
            continue
        if "vision" in module:
            continue
        key = f"base_model.model.{module}"
        found[f"{key}.lora_A.weight"] = torch.randn(4, weight.shape[1], generator=generator) / 20
        found[f"{key}.lora_B.weight"] = torch.randn(weight.shape[0], 4, generator=generator) / 20
        if shape.dora:
            magnitude = weight.norm(dim=1) * (torch.rand(len(weight), generator=generator) + 0.5)
            found[f"{key}.lora_magnitude_vector" + ".weight" * (not shape.pickle)] = magnitude
    place.mkdir(parents=True)
    if shape.pickle:
        torch.save(found, place / "adapter_model.bin")
    else:
        save_file(found, place / "adapter_model.safetensors")
    config = {
        "peft_type": "LORA", "base_model_name_or_path": shape.base, "r": 4, "lora_alpha": 16, "use_dora": shape.dora,
        "revision": None, "target_modules": ".*", "task_type": "FEATURE_EXTRACTION",
    }  # fmt: skip
    (place / "adapter_config.json").write_text(json.dumps(config))
    for file in base.glob("*token*"):
        shutil.copy(file, place)


def _split(folder: Path, shards: int) -> None:
    """The weights in as many files, with their index."""
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(weights)
    index = {}
    for number in range(shards):
        file, mine = f"model-{number + 1:05}-of-{shards:05}.safetensors", names[number::shards]
        save_file({name: weights[name] for name in mine}, folder / file, metadata={"format": "pt"})
        index |= dict.fromkeys(mine, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))


def _append(folder: Path, token: str) -> None:
    """Let the tokenizer put a token behind every prompt, as Qwen's embedding models have it."""
    file = folder / "tokenizer.json"
    said = json.loads(file.read_text())
    number = next(one["id"] for one in said["added_tokens"] if one["content"] == token)
    pieces = [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": token, "type_id": 0}}]
    said["post_processor"] = {
        "type": "TemplateProcessing",
        "single": pieces,
        "pair": [*pieces, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {token: {"id": token, "ids": [number], "tokens": [token]}},
    }
    file.write_text(json.dumps(said))


def words(name: str, folder: Path, tasks: Sequence[str] = ONE_OF_EACH) -> list[str]:
    """What the command line is given to score a declared model on the first query of tasks of the sample.

    Args:
        name: of the declaration.
        folder: where results go, `results/`.
        tasks: which.
    """
    return [
        f"task=[{','.join(tasks)}]",
        f"model={name}",
        "model.dim=null",
        "limit=1",
        f"results_dir={folder / 'results'}",
        "runtime.progress=lines",
    ]


def score(
    name: str, hub: Hub, folder: Path, tasks: Sequence[str], settings: Sequence[str]
) -> subprocess.CompletedProcess[str]:
    """Score a declared model in a process of its own."""
    command = [sys.executable, "-m", "rzen_eval", *words(name, folder, tasks), *settings]
    variables = os.environ | hub.environment(folder / "home")
    return subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
