"""Checkpoints as Sentence-Transformers loads them, whatever they compute, with what transformers says of it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rzen_eval.errors import ModelError, failure, some
from rzen_eval.models.checkpoint import files

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import torch

    from rzen_eval.models.declaration.local import Checkpointed


def loaded_as(
    kind: str, spec: Checkpointed, folder: Path, dtype: torch.dtype, device: torch.device
) -> tuple[Any, Sequence[Report]]:
    """A checkpoint as one of the library's classes, and a report of each model of transformers in it.

    Args:
        kind: name of the class.
        spec: the declaration.
        folder: where the checkpoint lies.
        dtype: of its weights.
        device: where it computes.

    Raises:
        ModelError: the library is not there or has no such class, or the checkpoint cannot be loaded.
    """
    try:
        import sentence_transformers

        made = getattr(sentence_transformers, kind)
    except (ImportError, AttributeError) as error:
        raise ModelError(f"{spec.name}: {error}; pip install 'rzen-eval[sentence-transformers]'") from error
    settings: dict[str, Any] = {"dtype": dtype}
    if not spec.pickled_weights:
        settings["use_safetensors"] = True
    with _loading_reports() as reports:
        try:
            model = made(
                str(folder),
                device=str(device),
                trust_remote_code=spec.trust_remote_code,
                local_files_only=True,
                model_kwargs=settings,
            )
        except Exception as error:  # the checkpoint's code may fail in any way
            left_out = "pytorch_model.bin" in str(error) and not spec.pickled_weights
            taken = f"; weights in pickles are fetched and taken with {spec.setting}.pickled_weights=true"
            hint = taken if left_out else ""
            raise ModelError(f"{spec.name}: {folder} cannot be loaded ({failure(error)}){hint}") from error
    return model, reports


def described(spec: Checkpointed, identity: str, dtype: torch.dtype, device: torch.device) -> dict[str, Any]:
    """Everything about a model that can change what it computes; asking needs no weights in memory.

    Args:
        spec: the declaration.
        identity: of its weights.
        dtype: of its weights.
        device: where it computes.
    """
    exclude = {"batch_size", "reproduces", "device", "dtype"}
    return spec.model_dump(mode="json", exclude=exclude) | {
        "revision": None if files.is_local(identity) else spec.revision,
        "weights": identity,
        "dtype": str(dtype).removeprefix("torch."),
        "device": device.type,
        "sentence_transformers": files.installed("sentence-transformers"),
    }


@dataclass(frozen=True, slots=True)
class Report:
    """What transformers says of the loading of a model."""

    model: str
    info: Mapping[str, Any]


def unsound(reports: Sequence[Report], kinds: Sequence[str], allowed: re.Pattern[str], folder: Path) -> str | None:
    """What is wrong with the weights that were loaded, in a few words; None: nothing.

    Args:
        reports: of all models of transformers in a checkpoint.
        kinds: of fault, as transformers names them: `missing`, `mismatched`, `unexpected`.
        allowed: names of weights of which nothing is said.
        folder: of the checkpoint.
    """
    for report in reports:
        for kind in kinds:
            found = sorted(str(key) for key in report.info.get(f"{kind}_keys", ()))
            if keys := [key for key in found if not allowed.fullmatch(key)]:
                return f"{len(keys)} weights {kind} in {folder} for {report.model} ({some(keys, 3)})"
    return None


@contextmanager
def _loading_reports() -> Iterator[list[Report]]:
    """Reports of all models of transformers that are loaded meanwhile, whoever loads them."""
    from transformers import PreTrainedModel

    reports: list[Report] = []
    stock = PreTrainedModel.__dict__["from_pretrained"]

    def loaded(cls: Any, /, *given: Any, output_loading_info: bool = False, **more: Any) -> Any:
        model, info = stock.__func__(cls, *given, output_loading_info=True, **more)
        reports.append(Report(type(model).__name__, info))
        return (model, info) if output_loading_info else model

    PreTrainedModel.from_pretrained = classmethod(loaded)  # type: ignore[assignment, method-assign]
    try:
        yield reports
    finally:
        PreTrainedModel.from_pretrained = stock  # type: ignore[method-assign]
