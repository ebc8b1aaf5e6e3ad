"""Checkpoints: finding them, and making sure that every weight of them is used."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rzen_eval.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rzen_eval.models.spec import ModelSpec

PATTERNS = ("*.json", "*.safetensors", "*.txt", "*.jinja")
TOKENIZERS = ("tokenizer.json", "vocab.json", "tokenizer.model")
UNUSED = frozenset({"lm_head.weight"})
"""Keys of a generative checkpoint that an embedding never needs: the language-model head is not computed."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Files of a model on disk."""

    folder: Path
    identity: str
    """Commit of the hub repository, or the hash of the files' contents."""


def find(spec: ModelSpec, cache_dir: Path) -> Checkpoint:
    """The files of a checkpoint: a folder, a hub repository or the bundled model.

    Raises:
        ModelError: the folder, its weights or its tokenizer are missing, or the hub cannot serve it.
    """
    if spec.checkpoint == "bundled":
        from rzen_eval.models import mini

        folder = mini.folder(cache_dir)
    elif (local := Path(spec.checkpoint).expanduser()).is_dir():
        folder = local
    elif spec.checkpoint.startswith((".", "/", "~")) or spec.checkpoint.count("/") != 1:
        raise ModelError(
            f"{spec.name}: no folder at {spec.checkpoint}; model.checkpoint= takes a folder or a hub repository"
            " written owner/name"
        )
    else:
        return _download(spec)
    _complete(spec, folder)
    return Checkpoint(folder, content_hash(sorted(p for p in folder.iterdir() if p.is_file())))


def content_hash(files: Iterable[Path]) -> str:
    """SHA-256 over names and contents of files."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            digest.update(f"{file.name}\0{hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
    return f"sha256:{digest.hexdigest()}"


def audit(spec: ModelSpec, folder: Path, info: Mapping[str, Any], n_loaded: int) -> None:
    """Refuse a model some of whose weights were not loaded, or that has weights from nowhere.

    An adapter that silently stays unused, or a layer left at its random start, costs tens of points and
    prints no error; this is where it is caught.

    Args:
        spec: the declaration, for the message.
        folder: the checkpoint.
        info: loading info of `from_pretrained`.
        n_loaded: number of distinct parameters and buffers of the model that are saved in a checkpoint.

    Raises:
        ModelError: a key is missing, unexpected, of another shape, or was ignored.
    """
    problems = {
        "missing": sorted(info.get("missing_keys", ())),
        "unexpected": sorted(set(info.get("unexpected_keys", ())) - UNUSED),
        "of another shape": sorted(str(key) for key in info.get("mismatched_keys", ())),
    }
    for kind, keys in problems.items():
        if keys:
            some = ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")
            raise ModelError(
                f"{spec.name}: {len(keys)} weights {kind} in {folder} ({some});"
                f" the checkpoint is not a complete {spec.family} model"
            )
    n_stored = len(stored_keys(folder) - UNUSED)
    if n_stored != n_loaded:
        raise ModelError(
            f"{spec.name}: {folder} stores {n_stored} weights but {n_loaded} were loaded;"
            " some keys were ignored, so the model would not be the one that was published"
        )


def stored_keys(folder: Path) -> set[str]:
    """Names of all tensors in the safetensors files of a folder."""
    from safetensors import SafetensorError, safe_open

    keys: set[str] = set()
    for file in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(file, framework="numpy") as tensors:
                keys.update(tensors.keys())
        except (SafetensorError, OSError) as error:
            raise ModelError(f"{file} is damaged ({error}); download it again") from error
    return keys


def _complete(spec: ModelSpec, folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise ModelError(f"{spec.name}: {folder} has no config.json; expected a checkpoint in transformers' layout")
    if (folder / "adapter_config.json").exists():
        raise ModelError(
            f"{spec.name}: {folder} holds an adapter, which {spec.family} would load without;"
            " merge it into its base model first and give that folder"
        )
    if not any(folder.glob("*.safetensors")):
        raise ModelError(f"{spec.name}: {folder} has no weights; expected *.safetensors")
    if not any((folder / name).is_file() for name in TOKENIZERS):
        raise ModelError(f"{spec.name}: {folder} has no tokenizer; expected one of {', '.join(TOKENIZERS)}")


def _download(spec: ModelSpec) -> Checkpoint:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    where = f"{spec.checkpoint} at {spec.revision or 'its newest revision'}"
    try:
        folder = Path(snapshot_download(spec.checkpoint, revision=spec.revision, allow_patterns=list(PATTERNS)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"{spec.name}: the hub does not serve {where} ({reason});"
            " check the connection, or download it elsewhere and give model.checkpoint=FOLDER"
        ) from error
    _complete(spec, folder)
    return Checkpoint(folder, folder.name)
