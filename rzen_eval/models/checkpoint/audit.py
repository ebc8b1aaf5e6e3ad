"""Making sure that a checkpoint is what it is declared to be, and that every weight of it is used."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from rzen_eval.errors import ModelError, reason, some
from rzen_eval.models.checkpoint.files import PICKLES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rzen_eval.models.declaration.local import ModelSpec

UNUSED = re.compile(r"lm_head\.weight")
"""Weights of a generative checkpoint that an embedding never needs: the language-model head is not computed."""


def read_config(spec: ModelSpec, folder: Path, name: str) -> Any:
    """The configuration of a checkpoint, an object of the class of transformers that has this name.

    Raises:
        ModelError: there is none, it is damaged, or it is of another family than declared.
    """
    import transformers

    try:
        kind = json.loads((folder / "config.json").read_text()).get("model_type")
        config = getattr(transformers, name).from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise unloadable(spec, folder, error) from error
    if kind != spec.family:
        raise ModelError(f"{spec.name}: declared as {spec.family}, but {folder}/config.json says model_type {kind!r}")
    return config


def unloadable(spec: ModelSpec, folder: Path, error: Exception) -> ModelError:
    """What to say where a folder cannot be loaded."""
    return ModelError(f"{spec.name}: {folder} cannot be loaded as {spec.family} ({reason(error)})")


def check_loaded(
    spec: ModelSpec, folder: Path, info: Mapping[str, Any], n_loaded: int, unused: re.Pattern[str] = UNUSED
) -> None:
    """Refuse a model some of whose weights were not loaded, or that has weights from nowhere.

    An adapter that silently stays unused, or a layer left at its random start, costs tens of points and
    prints no error; this is where it is caught.

    Args:
        spec: the declaration, for the message.
        folder: the checkpoint.
        info: loading info of `from_pretrained`.
        n_loaded: number of distinct parameters and buffers of the model that are saved in a checkpoint.
        unused: names of weights that an embedding does without.

    Raises:
        ModelError: a key is missing, unexpected, of another shape, or was ignored.
    """
    problems = {
        "missing": sorted(info.get("missing_keys", ())),
        "unexpected": sorted(key for key in info.get("unexpected_keys", ()) if not unused.fullmatch(key)),
        "of another shape": sorted(str(key) for key in info.get("mismatched_keys", ())),
    }
    for kind, keys in problems.items():
        if keys:
            raise ModelError(
                f"{spec.name}: {len(keys)} weights {kind} in {folder} ({some(keys, 3)});"
                f" the checkpoint is not a complete {spec.family} model"
            )
    n_stored = sum(not unused.fullmatch(key) for key in stored_keys(folder))
    if n_stored != n_loaded:
        raise ModelError(
            f"{spec.name}: {folder} stores {n_stored} weights but {n_loaded} were loaded;"
            " some keys were ignored, so the model would not be the one that was published"
        )


def stored_keys(folder: Path) -> set[str]:
    """Names of all tensors in the safetensors files of a folder."""
    from safetensors import SafetensorError, safe_open

    keys: set[str] = set()
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        return _pickled_keys(folder)
    for file in files:
        try:
            with safe_open(file, framework="numpy") as tensors:
                keys.update(tensors.keys())
        except (SafetensorError, OSError) as error:
            raise ModelError(f"{file} is damaged ({error}); download it again") from error
    return keys


def _pickled_keys(folder: Path) -> set[str]:
    import torch

    found: set[str] = set()
    for file in (file for pattern in PICKLES for file in sorted(folder.glob(pattern))):
        found.update(torch.load(file, map_location="meta", weights_only=True))
    return found
