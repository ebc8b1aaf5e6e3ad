"""Modules of transformers that are in memory already, such as one that is being trained."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rzen_eval.errors import ModelError
from rzen_eval.models import class_of, device
from rzen_eval.models.checkpoint import image_settings
from rzen_eval.models.checkpoint.chat_template import ChatTemplate
from rzen_eval.models.checkpoint.files import IN_MEMORY, Checkpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rzen_eval.models.declaration.local import ModelSpec
    from rzen_eval.models.families.local_model import LocalModel


@dataclass(frozen=True, slots=True)
class Held:
    """What a checkpoint would hold."""

    network: Any
    """The module of the family's own class, without a head."""
    tokenizer: Any
    """A copy, which neither cuts nor pads."""
    pictures: Mapping[str, Any]
    """Settings of the image processor; empty where there is none."""
    chat: ChatTemplate | None = None
    """Its chat template, if it has one."""
    shared: bool = True
    """Whether the module is someone else's, who goes on with it."""

    def into(self, model: LocalModel) -> None:
        """Give a model what it would take from its checkpoint."""
        model.checkpoint = Checkpoint(Path(IN_MEMORY), IN_MEMORY, local=True)
        model.config = self.network.config
        model.device, model.dtype = self.network.device, self.network.dtype
        model.attention = device.attention(model.spec, model.device, model.dtype)
        vars(model).update(_model=self.network, tokenizer=self.tokenizer)

    def image_settings(
        self, mean: image_settings.Channels, std: image_settings.Channels, expected: Mapping[str, Any]
    ) -> image_settings.ImageSettings:
        """Of the processor's pictures; arguments as for `image_settings.read`."""
        return image_settings.of(Path("the image processor"), self.pictures, mean, std, expected)


def model_of(module: Any, processor: Any, spec: ModelSpec) -> LocalModel:
    """A model over a module that is in memory: no copy is made of it, and its weights, dtype and device stay its own.

    Args:
        module: one of transformers, whatever it is wrapped in: a language-model head, peft's adapters, DDP.
        processor: its processor, with `tokenizer` and `image_processor`; or a tokenizer alone, then pictures are
            prepared as the family's stock has it.
        spec: how it is used: prompt, budgets, positions, length.

    Raises:
        ModelError: there is no module of the declared family in it, or the tokenizer is none of the fast ones.
    """
    kind = class_of(spec.family)
    own = spec.model_copy(
        update={
            "name": f"{spec.name}-in-memory",
            "checkpoint": IN_MEMORY,
            "revision": None,
            "base": None,
            "reproduces": (),
        }
    )
    tokenizer, chat = _tokenizer(processor, kind, spec), ChatTemplate.held(processor)
    held = Held(_network(module, kind, spec), tokenizer, _pictures(processor), chat)
    opened: LocalModel = kind(own, Path(IN_MEMORY), held)
    return opened


def _network(module: Any, kind: Any, spec: ModelSpec) -> Any:
    import torch
    import transformers

    wanted = getattr(transformers, kind.architecture)
    if not isinstance(module, torch.nn.Module):
        raise ModelError(f"model_from takes a torch module, found {type(module).__name__}; see its documentation")
    found = next((part for part in module.modules() if isinstance(part, wanted)), None)
    if found is None:
        raise ModelError(
            f"{spec.name} is declared as {spec.family}, and {type(module).__name__} holds no {kind.architecture};"
            " give the declaration of a model of its own family, or an object with embed(items, side)"
        )
    return found


def _tokenizer(processor: Any, kind: Any, spec: ModelSpec) -> Any:
    found = getattr(processor, "tokenizer", processor)
    if not hasattr(found, "backend_tokenizer"):
        raise ModelError(
            f"{spec.name}: expected a processor with a fast tokenizer, found {type(processor).__name__}; AutoTokenizer"
            " loads one"
        )
    copied = copy.deepcopy(found)
    copied.backend_tokenizer.no_truncation()
    copied.backend_tokenizer.no_padding()
    copied.add_tokens(list(kind.marks), special_tokens=True)
    return copied


def _pictures(processor: Any) -> Mapping[str, Any]:
    found = getattr(processor, "image_processor", None)
    return {} if found is None else dict(found.to_dict())
