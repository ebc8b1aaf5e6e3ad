"""Weights and tokenizer of a checkpoint that is run here, loaded whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rzen_eval.models.checkpoint import adapters, audit
from rzen_eval.models.checkpoint.weight_files import weight_files
from rzen_eval.models.families import attention

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rzen_eval.models.declaration.local import ModelSpec
    from rzen_eval.models.families.local_model import LocalModel


def network(model: LocalModel) -> Any:
    """The model of transformers with every weight of its checkpoint, an adapter merged, on its device.

    Raises:
        ModelError: weights are missing, unexpected or unused, or cannot be read.
    """
    import torch
    import transformers
    from transformers.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    folder, adapter = model.checkpoint.folder, model.checkpoint.adapter
    weights = weight_files(model.spec.name, folder, pickled=model.spec.pickled_weights)
    stored = audit.stored_keys(weights)
    audit.check_depth(model.spec, folder, model.config, stored)
    try:
        loaded: Any = getattr(transformers, model.architecture).from_pretrained(
            folder,
            config=model.config,
            dtype=torch.float32 if adapter else model.dtype,
            # A name of ours would ask for a package of flash attention.
            attn_implementation="eager" if model.attention == "eager" else "sdpa",
            output_loading_info=True,
            use_safetensors=weights[0].suffix == ".safetensors",
            ignore_mismatched_sizes=True,  # the audit refuses them, and says which
            **model.loading_options(),
        )
    except Exception as error:  # of libraries that read whatever is there
        raise audit.unloadable(model.spec, folder, error) from error
    made, info = loaded
    audit.check_loaded(model.spec, folder, info, len(made.state_dict()), stored, unused=model.unused)
    if adapter:
        # Merged in full precision: the sum of a weight and a small change keeps little of the change in 16 bits.
        made = adapters.merge(model.spec, made, adapter, model.adapted)
        for weight in made.parameters():  # buffers such as rotary frequencies stay as they are
            weight.data = weight.data.to(model.dtype)
    if model.packed:
        attention.use(made, model.attention)
    return made.eval().to(model.device)


def tokenizer(spec: ModelSpec, folder: Path, marks: Sequence[str]) -> Any:
    """The tokenizer of a folder, with tokens of media that it may be without.

    Raises:
        ModelError: it is damaged.
    """
    from transformers import AutoTokenizer

    try:
        loaded = AutoTokenizer.from_pretrained(folder, trust_remote_code=spec.trust_remote_code)
        # Saved after training, a tokenizer may bring a truncation that would cut the pooling token unasked.
        loaded.backend_tokenizer.no_truncation()
        loaded.backend_tokenizer.no_padding()
        loaded.add_tokens(list(marks), special_tokens=True)
    except Exception as error:  # of libraries that read whatever is there, and of code that was trusted
        raise audit.unloadable(spec, folder, error) from error
    return loaded
