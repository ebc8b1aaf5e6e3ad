"""Small checkpoints in the place of published ones: under their repository ids and revisions, on a hub on loopback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

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
ADAPTERS = {
    "vlm2vec_v2_2b": "Qwen/Qwen2-VL-2B-Instruct",
    "b3_qwen2_2b": "Qwen/Qwen2-VL-2B-Instruct",
    "b3_qwen2_7b": "Qwen/Qwen2-VL-7B-Instruct",
}
"""Models that are published as an adapter, and the base that it names."""


def qwen2_vl(folder: Path) -> None:
    """The small Qwen2-VL of the tests."""
    shutil.copytree(FIXTURES / "tiny_qwen2vl", folder)


MAKERS: Mapping[str, Callable[[Path], object]] = {
    "qwen2_vl": qwen2_vl,
    "qwen2_5_vl": partial(tiny.qwen, family="qwen2_5_vl"),
    "qwen3_vl": partial(tiny.qwen, family="qwen3_vl"),
    "llava_onevision": tiny.llava,
    "colpali": tiny.colpali,
    "colqwen2": tiny.colqwen2,
}
"""What makes a checkpoint of a family."""


def declared() -> dict[str, ModelSpec | ApiSpec]:
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
    (root / spec.checkpoint).parent.mkdir(parents=True, exist_ok=True)
    if name not in ADAPTERS:
        MAKERS[spec.family](place)
    else:
        base = root / ADAPTERS[name]
        if not base.exists():
            base.parent.mkdir(parents=True, exist_ok=True)
            MAKERS[spec.family](base)
        _adapter(base, place, ADAPTERS[name])
    # The hub knows a repository by its folder, whatever revisions it has beside.
    (root / spec.checkpoint).mkdir(exist_ok=True)
    return smaller


def _adapter(base: Path, place: Path, base_name: str) -> None:
    import peft
    import torch
    from transformers import Qwen2VLForConditionalGeneration

    whole = Qwen2VLForConditionalGeneration.from_pretrained(base, dtype=torch.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        wrapped = peft.get_peft_model(whole, peft.LoraConfig(r=8, target_modules=["q_proj", "v_proj"]))
    wrapped.save_pretrained(place)
    says = json.loads((place / "adapter_config.json").read_text()) | {"base_model_name_or_path": base_name}
    (place / "adapter_config.json").write_text(json.dumps(says))


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
