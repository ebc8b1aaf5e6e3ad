"""What is known of a model without loading or downloading it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rzen_eval.errors import ModelError
from rzen_eval.models.checkpoint.chat_template import ChatTemplate
from rzen_eval.models.checkpoint.files import ADAPTER_CONFIG, TOKENIZERS, adapter_config, local_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rzen_eval.models.declaration.local import ModelSpec


@dataclass(frozen=True, slots=True)
class Known:
    """What was found of a model on this machine."""

    config: Any
    """Of the class of transformers for the family."""
    where: str
    """What it was read from, for the reader."""
    tokenizer: Any | None
    """A `tokenizers.Tokenizer`; None where there is none on this machine."""
    spec: ModelSpec
    """The declaration, with what its checkpoint says of prompts, or else a usual end of these."""
    weights: bool = False
    """Whether its weights are on this machine."""


@contextmanager
def offline() -> Iterator[None]:
    """Nothing is asked of the hub meanwhile: what is not cached is not there."""
    import datasets
    from huggingface_hub import constants

    places: list[Any] = [constants, datasets.config]
    before = [place.HF_HUB_OFFLINE for place in places]
    try:
        for place in places:
            place.HF_HUB_OFFLINE = True
        yield
    finally:
        for place, value in zip(places, before, strict=True):
            place.HF_HUB_OFFLINE = value


def known(spec: ModelSpec) -> Known:
    """A model's configuration and tokenizer, from its checkpoint where that is there, else from its declaration.

    Args:
        spec: the declaration.

    Raises:
        ModelError: the checkpoint is a folder that is not there or not of this family, or neither a checkpoint
            nor declared sizes are there.
    """
    from rzen_eval.estimate.flops import declared_config
    from rzen_eval.models import class_of
    from rzen_eval.models.families.endings import reckoned

    reader = class_of(spec.family)
    folder = _folder(spec, spec.checkpoint, spec.revision)
    base = _base(spec, folder) if folder and (folder / ADAPTER_CONFIG).is_file() else folder
    places = (place for place in (folder, base) if place)
    tokenizer = next((found for place in places if (found := _tokenizer(spec, place, reader.marks))), None)
    if base and (base / "config.json").is_file():
        there = any(base.glob("*.safetensors")) or (spec.pickled_weights and any(base.glob("*.bin")))
        return Known(
            reader.read_config(spec, base), "its checkpoint's config.json", tokenizer, _completed(spec, folder), there
        )
    if spec.architecture is None:
        raise ModelError(
            f"{spec.name}: {spec.checkpoint} is not on this machine and the declaration has no architecture;"
            " give model.checkpoint=FOLDER, or declare its sizes as conf/model/rzenembed_v2_7b.yaml does"
        )
    return Known(declared_config(spec), "its declaration", tokenizer, reckoned(spec))


def _folder(spec: ModelSpec, name: str, revision: str | None) -> Path | None:
    """The files of a checkpoint on this machine; None for a hub repository that is not cached."""
    if name == "unpublished":
        return None
    if local := local_folder(spec, name, revision):
        return local
    from huggingface_hub import try_to_load_from_cache

    for file in ("config.json", ADAPTER_CONFIG):
        found = try_to_load_from_cache(name, file, revision=revision)
        if isinstance(found, str):
            return Path(found).parent
    return None


def _base(spec: ModelSpec, adapter: Path) -> Path | None:
    """The model that an adapter is merged into."""
    says = adapter_config(adapter)
    name = spec.base or says.base_model_name_or_path
    revision = spec.base_revision or (None if spec.base else says.revision)
    return _folder(spec, name, revision) if name else None


def _completed(spec: ModelSpec, folder: Path | None) -> ModelSpec:
    """A declaration with what a folder says of prompts; a chat template may not be there, where a run fetches it."""
    from rzen_eval.models import class_of
    from rzen_eval.models.families.endings import reckoned

    chat = ChatTemplate.of(folder) if folder and spec.prompt.left_open else None
    completed: ModelSpec = class_of(spec.family).completed(reckoned(spec) if chat is None else spec, folder, chat)
    return completed


def _tokenizer(spec: ModelSpec, folder: Path, marks: Sequence[str]) -> Any | None:
    """The tokenizer of a folder with tokens of media, if it has one; a damaged one is for the run to refuse."""
    if not any((folder / name).is_file() for name in TOKENIZERS):
        return None
    from rzen_eval.models.families import loading

    try:
        return loading.tokenizer(spec, folder, marks).backend_tokenizer
    except ModelError:
        return None
