"""Making sure that a checkpoint is what it is declared to be, and that every weight of it is used."""

from __future__ import annotations

import re
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from rzen_eval.errors import ModelError, reason, some
from rzen_eval.models.checkpoint.json_file import read_object

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    import torch

    from rzen_eval.models.declaration.local import ModelSpec

UNUSED = re.compile(r"(.*\.)?lm_head\.weight|.*rotary.*\.inv_freq")
"""Weights of a generative checkpoint that an embedding never needs: the language-model head, which is not computed, and
frequencies that follow from the configuration."""


def read_config(spec: ModelSpec, folder: Path, name: str, expected: str | None = None) -> Any:
    """The configuration of a checkpoint, an object of the class of transformers that has this name.

    Args:
        spec: the declaration.
        folder: of the checkpoint.
        name: of the class.
        expected: what its config.json says that it is; None: the family.

    Raises:
        ModelError: there is none, it is damaged, or it is of another family than declared.
    """
    import transformers

    content = read_object(folder / "config.json")
    kind = content.get("model_type")
    if kind != (expected or spec.family):
        beside = f"; expected {expected}" if expected else ""
        raise ModelError(
            f"{spec.name}: declared as {spec.family}, but {folder}/config.json says model_type {kind!r}{beside}"
        )
    try:
        return getattr(transformers, name).from_dict(content)
    except Exception as error:  # code of others, given whatever the file says
        raise unloadable(spec, folder, error) from error


def unloadable(spec: ModelSpec, folder: Path, error: Exception) -> ModelError:
    """What to say where a folder cannot be loaded."""
    return ModelError(f"{spec.name}: {folder} cannot be loaded as {spec.family} ({reason(error)})")


def check_depth(spec: ModelSpec, folder: Path, config: Any, stored: AbstractSet[str]) -> None:
    """Refuse a configuration of more layers than there are weights, before anything is made of it.

    Args:
        spec: the declaration, for the message.
        folder: the checkpoint.
        config: as transformers has it.
        stored: names of its weights.

    Raises:
        ModelError: there are more.
    """
    parts = [config.get_text_config(), getattr(config, "vision_config", None)]
    deepest = max(getattr(part, name, 0) for part in parts for name in ("num_hidden_layers", "depth"))
    if deepest > len(stored):
        raise ModelError(
            f"{spec.name}: {folder}/config.json says {deepest} layers, and there are {len(stored)} weights in all;"
            " they are not of one model"
        )


def check_loaded(
    spec: ModelSpec,
    folder: Path,
    info: Mapping[str, Any],
    n_loaded: int,
    stored: AbstractSet[str],
    *,
    unused: re.Pattern[str] = UNUSED,
) -> None:
    """Refuse a model some of whose weights were not loaded, or that has weights from nowhere.

    An adapter that silently stays unused, or a layer left at its random start, costs tens of points and
    prints no error; this is where it is caught.

    Args:
        spec: the declaration, for the message.
        folder: the checkpoint.
        info: loading info of `from_pretrained`.
        n_loaded: number of distinct parameters and buffers of the model that are saved in a checkpoint.
        stored: names of the weights in its files.
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
    n_stored = sum(not unused.fullmatch(key) for key in stored)
    if n_stored != n_loaded:
        raise ModelError(
            f"{spec.name}: {folder} stores {n_stored} weights but {n_loaded} were loaded;"
            " some keys were ignored, so the model would not be the one that was published"
        )


def check_rotary(spec: ModelSpec, folder: Path, text: Any, usual: Sequence[int] | None) -> None:
    """Refuse rotary positions that the model cannot compute, or would compute otherwise without a word.

    Args:
        spec: the declaration.
        folder: of the checkpoint.
        text: the configuration of its language model.
        usual: how many frequencies go to time, row and column where the configuration does not say; None: the model
            has positions of one axis.

    Raises:
        ModelError: the base is no positive number, or the parts do not add up to half of a head.
    """
    told: Any = getattr(text, "rope_parameters", None) or getattr(text, "rope_scaling", None) or {}
    base = told.get("rope_theta", getattr(text, "rope_theta", 1.0)) if isinstance(told, dict) else 1.0
    if isinstance(base, bool) or not isinstance(base, int | float) or not 0 < base < float("inf"):
        raise ModelError(
            f"{spec.name}: {folder / 'config.json'}: rope_theta: expected a positive number, found {base!r:.60}; get it"
            " again"
        )
    sizes = text.hidden_size, text.num_attention_heads
    if usual is None or not all(isinstance(size, int) and size > 0 for size in sizes):
        return  # what is no size is named when the model is made
    head = getattr(text, "head_dim", None) or sizes[0] // sizes[1]
    share = told.get("partial_rotary_factor") or getattr(text, "partial_rotary_factor", None) or 1.0
    half, parts = int(head * share) // 2, told.get("mrope_section", list(usual))
    whole = isinstance(parts, list | tuple) and all(isinstance(part, int) and part >= 0 for part in parts)
    if not whole or len(parts) != 3 or sum(parts) != half:
        found = f"{parts!r:.60}" if "mrope_section" in told else f"none, and the usual {list(usual)} do not fit"
        raise ModelError(
            f"{spec.name}: {folder / 'config.json'}: mrope_section of rope_scaling: expected three whole numbers that"
            f" add up to {half}, half of the {int(head * share)} numbers of a head that turn, found {found}; get it"
            " again"
        )


def check_finite(name: str, folder: Path, loaded: torch.nn.Module) -> None:
    """Refuse weights that no item may come across in a small run, and that spoil the vectors of those that do.

    Args:
        name: the model's.
        folder: of its checkpoint.
        loaded: as it computes, on its device and in its precision.

    Raises:
        ModelError: a value is NaN or infinite.
    """
    odd = [weight for weight, values in loaded.named_parameters() if not values.isfinite().all()]
    if odd:
        raise ModelError(
            f"{name}: weights in {folder} are not finite: {some(odd)}; get the checkpoint again, or take a dtype="
            " that holds their values"
        )


def stored_keys(files: Sequence[Path]) -> set[str]:
    """Names of all tensors in files of weights.

    Raises:
        ModelError: a file is damaged, or two hold a weight of the same name.
    """
    keys: set[str] = set()
    for file in files:
        here = _keys(file)
        if twice := sorted(keys & here):
            raise ModelError(f"{file.parent} holds {some(twice, 3)} twice, the second in {file.name}; get it again")
        keys |= here
    return keys


def stored_rows(file: Path, name: str, rows: Sequence[int]) -> torch.Tensor | None:
    """Rows of a weight as a file has them, shape (rows, columns), the others unread where that can be.

    Returns:
        The rows; None where the file does not have the weight.
    """
    import torch
    from safetensors import safe_open

    if file.suffix != ".safetensors":
        weight = torch.load(file, map_location="cpu", weights_only=True).get(name)
        return None if weight is None else weight[list(rows)]
    with safe_open(file, framework="pt") as tensors:
        if name not in set(tensors.keys()):
            return None
        stored = tensors.get_slice(name)
        return torch.stack([stored[row] for row in rows])


def stored_dtype(files: Sequence[Path]) -> torch.dtype:
    """The precision that weights are stored in: that of 16 bits that all of them have, or else float32."""
    import torch
    from safetensors import safe_open

    halves = {"BF16": torch.bfloat16, "F16": torch.float16}
    found: set[torch.dtype] = set()
    for file in files:
        if file.suffix == ".safetensors":
            with safe_open(file, framework="numpy") as tensors:
                names = set(tensors.keys())
                found |= {halves.get(tensors.get_slice(name).get_dtype(), torch.float32) for name in names}
        else:
            weights = torch.load(file, map_location="meta", weights_only=True)
            found |= {weight.dtype for weight in weights.values()}
    return found.pop() if len(found) == 1 and found <= set(halves.values()) else torch.float32


def _keys(file: Path) -> set[str]:
    import torch
    from safetensors import safe_open

    try:
        if file.suffix == ".safetensors":
            with safe_open(file, framework="numpy") as tensors:
                return set(tensors.keys())
        return set(torch.load(file, map_location="meta", weights_only=True))
    except UnpicklingError as error:
        raise ModelError(
            f"{file} holds something else than weights, or is damaged, and is not read ({reason(error, 100)}); get the"
            " model as safetensors"
        ) from error
    except Exception as error:  # of libraries that read whatever is there
        raise ModelError(f"{file} is damaged ({reason(error)}); get it again") from error
