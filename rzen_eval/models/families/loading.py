"""Weights and tokenizer of a checkpoint that is run here, loaded whole or not at all."""

from __future__ import annotations

from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from rzen_eval.models.checkpoint import adapters, audit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rzen_eval.models.families.local_model import LocalModel

DAMAGED = (OSError, ValueError, KeyError)
"""What transformers raises of a tokenizer that it cannot read."""


def weights(model: LocalModel) -> Any:
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
    try:
        loaded: Any = getattr(transformers, model.architecture).from_pretrained(
            folder,
            dtype=torch.float32 if adapter else model.dtype,
            attn_implementation=model.attention,
            output_loading_info=True,
            use_safetensors=True if any(folder.glob("*.safetensors")) else None,
            ignore_mismatched_sizes=True,  # the audit refuses them, and says which
            **model.loading_options(),
        )
    except (OSError, ValueError, ImportError, RuntimeError, SafetensorError, UnpicklingError) as error:
        raise audit.unloadable(model.spec, folder, error) from error
    network, info = loaded
    audit.check_loaded(model.spec, folder, info, len(network.state_dict()), model.unused)
    if adapter:
        # Merged in full precision: the sum of a weight and a small change keeps little of the change in 16 bits.
        network = adapters.merge(model.spec, network, adapter, model.adapted)
        for weight in network.parameters():  # buffers such as rotary frequencies stay as they are
            weight.data = weight.data.to(model.dtype)
    return network.eval().to(model.device)


def tokenizer(folder: Path, marks: Sequence[str], *, trust_remote_code: bool = False) -> Any:
    """The tokenizer of a folder, with tokens of media that it may be without.

    Raises:
        OSError, ValueError, KeyError: it is damaged; see `DAMAGED`.
    """
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust_remote_code)
    # Saved after training, a tokenizer may bring a truncation that would cut the pooling token unasked.
    loaded.backend_tokenizer.no_truncation()
    loaded.backend_tokenizer.no_padding()
    loaded.add_tokens(list(marks), special_tokens=True)
    return loaded
