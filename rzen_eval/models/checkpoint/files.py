"""Finding the files of a checkpoint."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rzen_eval.errors import ModelError
from rzen_eval.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rzen_eval.models.declaration.local import Checkpointed, ModelSpec

PATTERNS = ("*.json", "*.safetensors", "*.txt", "*.jinja")
PICKLES = ("pytorch_model.bin", "pytorch_model-*.bin")
COMMIT = re.compile(r"[0-9a-f]{40}")
TOKENIZERS = ("tokenizer.json", "vocab.json", "tokenizer.model")
ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Files of a model on disk."""

    folder: Path
    """Holds configuration and weights."""
    identity: str
    """Commit of the hub repository, or the hash of the files' contents; of an adapter and its base, both."""
    local: bool
    """Whether it was given as a folder, which has no revision."""
    adapter: Path | None = None
    """Holds an adapter to merge into those weights; None where they are the whole model."""

    @property
    def processing(self) -> Path:
        """Holds the tokenizer: the adapter's folder where it has a tokenizer, else the base's."""
        return self.adapter if self.adapter and _has_tokenizer(self.adapter) else self.folder


def find(spec: ModelSpec, cache_dir: Path) -> Checkpoint:
    """The files of a checkpoint: a folder, a hub repository or the bundled model; with an adapter, its base too.

    Raises:
        ModelError: the folder, its weights or its tokenizer are missing, or the hub cannot serve it.
    """
    check_trust(spec)
    folder, identity = _fetch(spec, spec.checkpoint, spec.revision, cache_dir)
    local = identity.startswith("sha256:")
    if not (folder / ADAPTER_CONFIG).is_file():
        if spec.base:
            raise ModelError(f"{spec.name}: model.base is given, but {folder} has no {ADAPTER_CONFIG} to merge into it")
        _complete(spec, folder)
        return Checkpoint(folder, identity, local)
    whole = sorted(file.name for file in folder.glob("*.safetensors") if file.name != ADAPTER_WEIGHTS)
    if whole or not (folder / ADAPTER_WEIGHTS).is_file():
        found = f"holds an adapter and other weights ({whole[0]})" if whole else f"has no {ADAPTER_WEIGHTS}"
        raise ModelError(
            f"{spec.name}: {folder} {found}; expected {ADAPTER_CONFIG} and {ADAPTER_WEIGHTS}, or no adapter"
        )
    try:
        says = json.loads((folder / ADAPTER_CONFIG).read_text())
    except ValueError as error:
        raise ModelError(f"{spec.name}: {folder / ADAPTER_CONFIG} is damaged ({error}); get it again") from error
    name = spec.base or says.get("base_model_name_or_path")
    if not name:
        raise ModelError(f"{spec.name}: the adapter in {folder} does not name its base model; give model.base=")
    base, base_identity = _fetch(spec, name, None if spec.base else says.get("revision"), cache_dir, key="base")
    _complete(spec, base)
    return Checkpoint(base, f"{identity} over {base_identity}", local, folder)


def find_whole(spec: Checkpointed, cache_dir: Path) -> tuple[Path, str]:
    """The folder of a checkpoint with parts in folders of their own, and what identifies its content.

    Raises:
        ModelError: it is not there, or has no weights that may be taken.
    """
    check_trust(spec)
    folder, identity = _fetch(spec, spec.checkpoint, spec.revision, cache_dir, parts=True)
    if not spec.pickled_weights and not any(folder.rglob("*.safetensors")):
        pickles = [file.name for pattern in PICKLES for file in sorted(folder.rglob(pattern))]
        hint = f", found {pickles[0]}; a pickle is taken with model.pickled_weights=true" if pickles else ""
        raise ModelError(f"{spec.name}: {folder} has no weights; expected *.safetensors{hint}")
    return folder, identity


def installed(library: str) -> str | None:
    """The version of a library; None: it is not there."""
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def check_trust(spec: Checkpointed) -> None:
    """Refuse to run code of a repository that may be another tomorrow.

    Raises:
        ModelError: `trust_remote_code` is on and the revision is not a commit.
    """
    local = spec.checkpoint == "bundled" or Path(spec.checkpoint).expanduser().is_dir()
    if spec.trust_remote_code and not local and not COMMIT.fullmatch(spec.revision or ""):
        raise ModelError(
            f"{spec.name}: model.trust_remote_code=true runs Python code of {spec.checkpoint}, so expected a commit of"
            f" 40 digits as model.revision, found {spec.revision!r}; read the code at that commit and give it"
        )


def patterns(spec: Checkpointed) -> tuple[str, ...]:
    """Files of a checkpoint that are fetched and count towards its identity."""
    return PATTERNS + PICKLES * spec.pickled_weights + ("*.py",) * spec.trust_remote_code


def _fetch(
    spec: Checkpointed,
    name: str,
    revision: str | None,
    cache_dir: Path,
    *,
    key: str = "checkpoint",
    parts: bool = False,
) -> tuple[Path, str]:
    """A folder with a model's files, and what identifies their content."""
    if name == "bundled":
        from rzen_eval.models import mini

        folder = mini.FOLDER
    elif name == "unpublished":
        raise ModelError(f"{spec.name}: no repository of its weights is known; give model.{key}=FOLDER")
    elif (local := Path(name).expanduser()).is_dir():
        folder = local
    elif name.startswith((".", "/", "~")) or name.count("/") != 1:
        raise ModelError(
            f"{spec.name}: no folder at {name}; model.{key}= takes a folder or a hub repository written owner/name"
        )
    else:
        folder = _download(spec, name, revision, key)
        return folder, folder.name
    found = folder.rglob if parts else folder.glob
    files = sorted(file for pattern in patterns(spec) for file in found(pattern))
    return folder, content_hash(files, cache_dir / "digests.json")


def content_hash(files: Iterable[Path], notes: Path) -> str:
    """SHA-256 over names and contents of files.

    Args:
        files: which.
        notes: keeps the digests of files by place, size and time, so that gigabytes of weights are read once.
    """
    try:
        known: dict[str, str] = dict(json.loads(notes.read_text()))
    except (OSError, ValueError):
        known = {}
    before, digest = len(known), hashlib.sha256()
    for file in files:
        stat = file.stat()
        place = f"{file.resolve()} {stat.st_size} {stat.st_mtime_ns}"
        if place not in known:
            with file.open("rb") as stream:
                known[place] = hashlib.file_digest(stream, "sha256").hexdigest()
        digest.update(f"{file.name}\0{known[place]}\n".encode())
    if len(known) > before:
        # Where the cache cannot be written the files are read again next time.
        with contextlib.suppress(OSError):
            write_whole(notes, json.dumps(known, indent=1).encode())
    return f"sha256:{digest.hexdigest()}"


def image_settings(folder: Path) -> dict[str, Any]:
    """What a checkpoint says of how pictures are prepared, under the names of transformers; empty: nothing."""
    for name, inner in (("preprocessor_config.json", None), ("processor_config.json", "image_processor")):
        if (folder / name).is_file():
            said = json.loads((folder / name).read_text())
            if found := said if inner is None else said.get(inner):
                return dict(found)
    return {}


def _complete(spec: ModelSpec, folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise ModelError(f"{spec.name}: {folder} has no config.json; expected a checkpoint in transformers' layout")
    if (folder / ADAPTER_CONFIG).exists():
        raise ModelError(f"{spec.name}: {folder} holds an adapter where a whole model is expected")
    pickles = [file.name for pattern in PICKLES for file in sorted(folder.glob(pattern))]
    if not any(folder.glob("*.safetensors")) and not (pickles and spec.pickled_weights):
        hint = f", found {pickles[0]}; a pickle is taken with model.pickled_weights=true" if pickles else ""
        raise ModelError(f"{spec.name}: {folder} has no weights; expected *.safetensors{hint}")
    if not _has_tokenizer(folder):
        raise ModelError(f"{spec.name}: {folder} has no tokenizer; expected one of {', '.join(TOKENIZERS)}")


def _has_tokenizer(folder: Path) -> bool:
    return any((folder / name).is_file() for name in TOKENIZERS)


def _download(spec: Checkpointed, name: str, revision: str | None, key: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    where = f"{name} at {revision or 'its newest revision'}"
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(patterns(spec))))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"{spec.name}: the hub does not serve {where} ({reason});"
            f" check the connection, or download it elsewhere and give model.{key}=FOLDER"
        ) from error
