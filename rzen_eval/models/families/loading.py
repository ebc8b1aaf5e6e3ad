"""Weights and tokenizer of a checkpoint that is run here, loaded whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rzen_eval.core import Item, Side
from rzen_eval.errors import ModelError
from rzen_eval.models.checkpoint import adapters, audit
from rzen_eval.models.checkpoint.weight_files import weight_files
from rzen_eval.models.families import attention, patch_embedding
from rzen_eval.models.prompt import render

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
    import transformers

    check_tokens(model)
    _quiet()
    folder, adapter = model.checkpoint.folder, model.checkpoint.adapter
    weights = weight_files(model.spec, folder)
    stored = audit.stored_keys(weights)
    audit.check_depth(model.spec, folder, model.config, stored)
    audit.check_rotary(model.spec, folder, model.text_config, model.sections)
    try:
        loaded: Any = getattr(transformers, model.architecture).from_pretrained(
            folder,
            config=model.config,
            dtype=audit.stored_dtype(weights) if adapter else model.dtype,
            attn_implementation="sdpa",  # a name of ours would ask for a package of flash attention
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
        made = adapters.merge(model.spec, made, adapter, model.dtype, model.adapted, unused=model.unused)
        for weight in made.parameters():  # buffers such as rotary frequencies stay as they are
            weight.data = weight.data.to(model.dtype)
    attention.use(made, model.attention, packed=model.packed)
    patch_embedding.as_product(made)
    made = made.eval().to(model.device)
    audit.check_finite(model.spec.name, folder, made)
    return made


def _quiet() -> None:
    """No bars of transformers, and none of its warnings, such as that it has no class for what a checkpoint says."""
    from transformers.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def check_library(spec: ModelSpec, architecture: str) -> None:
    """Refuse a transformers that is older than an architecture.

    Raises:
        ModelError: it has no such class.
    """
    import transformers

    if architecture not in dir(transformers):
        raise ModelError(
            f"{spec.name}: {spec.family} needs a transformers with {architecture}, which {transformers.__version__} has"
            " not; pip install --upgrade transformers"
        )


def check_tokens(model: LocalModel) -> list[str]:
    """Refuse a tokenizer with which another state would be pooled than that of the published model.

    Returns:
        What is odd about that of a folder of the user's own, which may be meant.

    Raises:
        ModelError: the pooled token is there twice, or a repository's tokenizer is not the one that is declared.
    """
    spec, known = model.spec, model.tokenizer
    ids = known.convert_ids_to_tokens(model.encoded(render(spec.prompt, Item(text="a"), Side.QUERY)))
    wanted, found = spec.prompt.pooled, []
    if wanted is not None and ids[-2:] == [wanted] * 2:
        raise ModelError(
            f"{spec.name}: prompts end in {wanted} twice, once by the template and once by the tokenizer in"
            f" {model.checkpoint.processing}; take it off one of them"
        )
    if wanted is not None and ids[-1] != wanted:
        found.append(f"prompts end in {ids[-1]!r}, whose state is the vector, and not in {wanted!r}")
    known_words = set(spec.prompt.spelled) & set(known.get_vocab())
    found += [f"{word!r} is a token, which is to be read in pieces" for word in sorted(known_words)]
    said = [f"{spec.name}: with the tokenizer in {model.checkpoint.processing} {what}" for what in found]
    if said and not model.checkpoint.local:
        raise ModelError(f"{said[0]}; the repository is not what it was")
    return said


def tokenizer(spec: ModelSpec, folder: Path, marks: Sequence[str]) -> Any:
    """The tokenizer of a folder, with tokens of media that it may be without.

    Raises:
        ModelError: it is damaged.
    """
    from transformers import AutoTokenizer

    _quiet()
    try:
        loaded = AutoTokenizer.from_pretrained(folder, trust_remote_code=spec.trust_remote_code)
        # Saved after training, a tokenizer may bring a truncation that would cut the pooling token unasked.
        loaded.backend_tokenizer.no_truncation()
        loaded.backend_tokenizer.no_padding()
        loaded.add_tokens(list(marks), special_tokens=True)
    except Exception as error:  # of libraries that read whatever is there, and of code that was trusted
        raise audit.unloadable(spec, folder, error) from error
    return loaded
