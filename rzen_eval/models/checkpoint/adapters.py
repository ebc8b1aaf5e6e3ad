"""Adapters (LoRA, DoRA), merged into the weights of their base model."""

from __future__ import annotations

import re
import warnings
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from rzen_eval.errors import ModelError, reason, some
from rzen_eval.models.checkpoint.audit import UNUSED
from rzen_eval.models.checkpoint.files import adapter_config
from rzen_eval.models.checkpoint.weight_files import adapter_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import torch
    from torch import Tensor

    from rzen_eval.models.declaration.local import ModelSpec

PREFIX = "base_model.model."
"""What peft puts before the names of the model that it wraps."""
RENAMED = (
    (r"^model\.(language_model|visual)\.", r"\1."),
    (r"^model\.", "language_model."),
    (r"^visual\.", "visual."),
)
"""Names of a generative Qwen2-VL, saved by any version of transformers, as the model without its head has them."""
PARAMETER = re.compile(r"\.(lora_(A|B|embedding_A|embedding_B|magnitude_vector))(\.weight|\.bias)?$")
OF_A_TASK = re.compile(r"(.+\.lora_[AB])\.(?:default\.)?(.+)\.(weight|bias)")
"""A weight of an adapter with weights for several tasks: what it is of, the task, and which of the two."""


def merge(
    spec: ModelSpec,
    model: Any,
    folder: Path,
    dtype: torch.dtype,
    renamed: Sequence[tuple[str, str]] = RENAMED,
    *,
    unused: re.Pattern[str] = UNUSED,
) -> Any:
    """Add an adapter to a model's weights, for good.

    Args:
        spec: the declaration, for messages.
        model: the base model without its head, in the precision of its own weights.
        folder: holds the adapter, made for the model with its head.
        dtype: of the merged weights.
        renamed: patterns of names that it was made for, the first that fits, and what they are in `model`.
        unused: names of weights that an embedding does without, so that the adapter's parts for these are left out.

    Returns:
        The model, its own modules in place again.

    Raises:
        ModelError: peft is not installed, or a weight of the adapter has no place in the model.
    """
    try:
        from peft import PeftConfig, PeftModel, set_peft_model_state_dict
    except ImportError as error:
        raise ModelError(
            f"{spec.name}: {folder} holds an adapter, which needs peft; pip install 'rzen-eval[adapters]'"
        ) from error
    own = _stored(spec, folder)
    own = {name: weight for name, weight in own.items() if not unused.fullmatch(PARAMETER.sub(".weight", name))}
    stored = {_renamed(name, renamed): weight for name, weight in own.items()}
    saved = {name for name in stored if not PARAMETER.search(name)}
    targets = {_renamed(name, renamed): name for key in own if (name := PARAMETER.sub("", key)) != key}
    modules = dict(model.named_modules())
    lost = [name for name in targets if name not in modules]
    lost += [name for name in saved if name.rpartition(".")[0] not in modules]
    if lost or not targets:
        found = f"{len(lost)} weights that {spec.family} has no place for ({some(sorted(lost), 3)})"
        raise ModelError(f"{spec.name}: the adapter in {folder} has {found if lost else 'no LoRA weights'}")
    try:
        config: Any = PeftConfig.from_pretrained(str(folder))
        # The modules are those that the file has weights for: its own pattern was written for other names.
        config.target_modules = sorted(targets)
        config.modules_to_save = sorted({name.rpartition(".")[0] for name in saved}) or None
        config.exclude_modules = config.layers_to_transform = config.layers_pattern = config.task_type = None
        for pattern in ("rank_pattern", "alpha_pattern"):
            setattr(config, pattern, _by_module(getattr(config, pattern, None) or {}, targets))
        config.inference_mode = True
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers for a name that is going away
            wrapped = PeftModel(model, config)
        outcome: Any = set_peft_model_state_dict(wrapped, {PREFIX + name: weight for name, weight in stored.items()})
        missing = [key for key in outcome.missing_keys if "lora_" in key or "modules_to_save" in key]
        merged = None if missing or outcome.unexpected_keys else _merged(wrapped, dtype)
    except Exception as error:  # code of others, given whatever the adapter's configuration says
        raise ModelError(f"{spec.name}: the adapter in {folder} cannot be merged ({reason(error)})") from error
    if merged is None:
        problem = f"missing {some(missing, 3)}" if missing else f"unused {some(outcome.unexpected_keys, 3)}"
        raise ModelError(f"{spec.name}: the adapter in {folder} does not fit its base model: {problem}")
    return merged


def _by_module(pattern: Mapping[str, int], targets: Mapping[str, str]) -> dict[str, int]:
    """What an adapter's pattern says of each module, by peft's own rule and by the names that it was written for.

    Args:
        pattern: ranks or scales, by a pattern of names.
        targets: of each module of the model that the adapter changes the name that the adapter has for it.
    """
    from peft.utils.other import get_pattern_key

    found = {module: get_pattern_key(list(pattern), name) for module, name in targets.items()}
    return {f"^{re.escape(module)}": pattern[key] for module, key in found.items() if key in pattern}


def _merged(wrapped: Any, dtype: torch.dtype) -> Any:
    """The model of an adapter with its weights added, one module after the other.

    Each is added in full precision, since the sum of a weight and a small change keeps little of the change in 16
    bits, and only that one is in memory so.
    """
    import torch
    from peft.tuners.tuners_utils import BaseTunerLayer

    for module in wrapped.modules():
        if isinstance(module, BaseTunerLayer):
            layer: Any = module
            layer.to(torch.float32)
            layer.merge()
            for weight in layer.get_base_layer().parameters():
                weight.data = weight.data.to(dtype)
    return wrapped.unload()


def _stored(spec: ModelSpec, folder: Path) -> dict[str, Tensor]:
    """The adapter's weights under the names of the model that it was made for, of the declared task."""
    import torch
    from safetensors.torch import load_file

    kind = adapter_config(folder).peft_type
    if kind != "LORA":
        raise ModelError(f"{spec.name}: {folder} holds an adapter of type {kind!r}; only LORA (with DoRA) is merged")
    file = adapter_file(spec, folder)
    try:
        safe = file.suffix == ".safetensors"
        weights = load_file(file) if safe else torch.load(file, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise ModelError(
            f"{file} holds something else than weights, or is damaged, and is not read ({reason(error, 100)}); get the"
            " adapter as safetensors"
        ) from error
    except Exception as error:  # of libraries that read whatever is there
        raise ModelError(f"{file} is damaged ({reason(error)}); get it again") from error
    named = {name.removeprefix(PREFIX): weight for name, weight in weights.items()}
    return named if spec.adapter_task is None else _of_task(spec, file, named)


def _of_task(spec: ModelSpec, file: Path, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Of weights for several tasks those of the declared one, without its name; every weight is of one of them."""
    found = {name: OF_A_TASK.fullmatch(name) for name in weights}
    if strange := sorted(name for name, parts in found.items() if parts is None):
        raise ModelError(f"{spec.name}: {file} holds {some(strange, 3)}, which are of no task; get the adapter again")
    of: dict[str, dict[str, Tensor]] = {}
    for name, parts in found.items():
        if parts is not None:
            of.setdefault(parts[2], {})[f"{parts[1]}.{parts[3]}"] = weights[name]
    if spec.adapter_task not in of:
        raise ModelError(
            f"{spec.name}: {file} has weights for {some(sorted(of), 5) or 'no task'}; expected one for"
            f" {spec.setting}.adapter_task={spec.adapter_task}"
        )
    mine = of[spec.adapter_task]
    if uneven := sorted(task for task, others in of.items() if others.keys() != mine.keys()):
        raise ModelError(f"{spec.name}: {file} changes other weights for {uneven[0]} than for {spec.adapter_task}")
    return mine


def _renamed(name: str, renamed: Sequence[tuple[str, str]]) -> str:
    for pattern, replacement in renamed:
        if re.match(pattern, name):
            return re.sub(pattern, replacement, name)
    return name
