"""What a checkpoint holds, as it was found, against what its declaration says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.core import Item, Side
from rzen_eval.errors import some
from rzen_eval.models.checkpoint.audit import stored_keys
from rzen_eval.models.checkpoint.chat_template import ChatTemplate
from rzen_eval.models.checkpoint.files import READ, adapter_config
from rzen_eval.models.checkpoint.image_settings import FILES
from rzen_eval.models.checkpoint.weight_files import adapter_file, weight_files
from rzen_eval.models.declaration.prompt import ENDING
from rzen_eval.models.families.loading import check_tokens
from rzen_eval.models.families.qwen2_vl import Qwen2VL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rzen_eval.models.families.local_model import LocalModel

LAYER = re.compile(r"\.\d+\.")
SHOWN = 3
"""Tokens at the end of a prompt, and names, that are printed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one check."""

    check: str
    found: str
    passed: bool | None = None
    """None: nothing to pass, or nothing that applies to this model."""


def of_files(model: LocalModel) -> Iterator[Finding]:
    """Files, weights and pins of a checkpoint that is run here.

    Raises:
        ModelError: weights are not as their index says.
    """
    spec, checkpoint = model.spec, model.checkpoint
    weights = weight_files(spec, checkpoint.folder)
    yield Finding("files", _files(checkpoint.folder, weights))
    names = stored_keys(weights)
    parts = sorted({".".join(LAYER.split(name)[0].split(".")[:2]) for name in names})
    yield Finding("names", f"{len(names)} weights, of {some(parts, 2 * SHOWN)}")
    if checkpoint.adapter:
        says = adapter_config(checkpoint.adapter)
        file = adapter_file(spec, checkpoint.adapter)
        base = "the weights that it lies beside" if spec.adapter else spec.base or says.base_model_name_or_path
        task = f"of {spec.adapter_task}, " if spec.adapter_task else ""
        yield Finding("adapter", f"{says.peft_type} in {_files(checkpoint.adapter, [file])}; {task}over {base}")
    for line in checkpoint.unpinned:
        yield Finding("no pin", line.partition(": ")[2])


def _files(folder: Path, weights: Sequence[Path]) -> str:
    """What is read of a folder, the weights first, with their size."""
    others = {file.name for pattern in READ for file in folder.glob(pattern)} - {file.name for file in weights}
    size = sum(file.stat().st_size for file in weights) / 1e9
    return (
        f"{some([file.name for file in weights], SHOWN)} of {size:.3g} GB; beside: {', '.join(sorted(others)) or '-'}"
    )


def of_tokens(model: LocalModel) -> Iterator[Finding]:
    """What a prompt ends in, and what else the tokenizer makes of the template.

    Raises:
        ModelError: the tokenizer makes another model of the checkpoint.
    """
    ids = model.plan(Item(text="a red circle"), Side.QUERY).input_ids.tolist()[-SHOWN:]
    shown = " ".join(map(repr, model.tokenizer.convert_ids_to_tokens(ids)))
    pooled, odd = model.spec.prompt.pooled, check_tokens(model)
    declared = f"; declared to end in {pooled!r}" if pooled else ""
    yield Finding("tokens at the end", shown + declared, None if pooled is None else not odd)
    if ENDING in model.spec.prompt.template:
        chat = ChatTemplate.of(model.checkpoint.processing)
        space = f"{'takes' if model.spec.prompt.turn_trimmed else 'leaves'} white space around a turn"
        own = f", of {Path(chat.where).name}, which has the declared turns and {space}" if chat else ""
        yield Finding("end of prompts", f"{model.spec.prompt.ending!r}{own}", passed=True)
    for line in odd:
        yield Finding("tokenizer", line.partition(": ")[2])


def of_pictures(model: LocalModel) -> Finding:
    """What the checkpoint says of pictures, and which sizes hold."""
    said = model.image_settings
    folders = [folder for folder in (model.checkpoint.adapter, model.checkpoint.folder) if folder]
    file = next((name for folder in folders for name, _ in FILES if (folder / name).is_file()), None)
    mean, deviation = (", ".join(f"{one:.3g}" for one in channels) for channels in (said.mean, said.std))
    sentence = f"{file or 'no file'}: mean {mean}, deviation {deviation}, {said.resample.name.lower()}"
    if said.least and said.most:
        sentence += f", {said.least:,} to {said.most:,} pixels"
    if not isinstance(model, Qwen2VL):
        return Finding("pictures", f"{sentence}; the family knows its own sizes")
    budget, area = model.spec.budgets[0], model.token_side**2
    held = (budget.min_tokens * area, budget.max_tokens * area)
    if held == (said.least, said.most):
        return Finding("pictures", f"{sentence}, which hold")
    return Finding("pictures", f"{sentence}; the declaration's hold: {held[0]:,} to {held[1]:,} pixels")
