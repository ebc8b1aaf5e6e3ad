"""Finding the files of a checkpoint."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.errors import ModelError, reason
from rzen_eval.models.checkpoint.content import content_hash
from rzen_eval.models.checkpoint.json_file import Part, checked, read_object
from rzen_eval.models.checkpoint.weight_files import ADAPTER, PATTERNS, adapter_file, weight_files
from rzen_eval.offline import spare_retries

if TYPE_CHECKING:
    from rzen_eval.models.declaration.local import Checkpointed, ModelSpec

READ = ("*.json", "*.safetensors", "*.txt", "*.jinja", "*.model", "*.tiktoken")
"""Files of a checkpoint beside pickles and code, tokenizers of every kind included."""
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
ELSEWHERE = re.compile(r'"([\w.-]+/[\w.-]+)--[\w.]+"')
"""How a checkpoint names code of another repository."""
LARGE = 2**20
"""Bytes that no file which names code has; tokenizers have more."""
COMMIT = re.compile(r"[0-9a-f]{40}")
TOKENIZERS = ("tokenizer.json", "vocab.json", "tokenizer.model")
ADAPTER_CONFIG = "adapter_config.json"


class AdapterConfig(Part):
    """What is read of an adapter's own configuration."""

    peft_type: str
    base_model_name_or_path: str | None = None
    revision: str | None = None
    """Commit of the base model."""


IN_MEMORY = "in memory"
"""What stands in provenance in the place of a checkpoint, and of what identifies its weights, where there is none."""


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
    unpinned: tuple[str, ...] = ()
    """A line for each repository that was taken at whatever its newest commit was."""

    @property
    def processing(self) -> Path:
        """Holds the tokenizer: the adapter's folder where it has a tokenizer, else the base's."""
        return self.adapter if self.adapter and _has_tokenizer(self.adapter) else self.folder


def find(spec: ModelSpec, cache_dir: Path) -> Checkpoint:
    """The files of a checkpoint: a folder, a hub repository or the bundled model; with an adapter, its base too.

    Raises:
        ModelError: the folder, its weights or its tokenizer are missing, or the hub cannot serve it.
    """
    check_trust(spec, spec.checkpoint, spec.revision)
    folder, identity = _fetch(spec, spec.checkpoint, spec.revision, cache_dir)
    local, unpinned = is_local(identity), unpinned_at(spec, spec.checkpoint, spec.revision, identity)
    if spec.adapter:
        within = _adapter_within(spec, folder)
        _complete(spec, folder, within)
        return Checkpoint(folder, identity, local, within, unpinned)
    if not (folder / ADAPTER_CONFIG).is_file():
        if spec.base:
            raise ModelError(
                f"{spec.name}: {spec.setting}.base is given, but {folder} has no {ADAPTER_CONFIG} to merge into it"
            )
        _complete(spec, folder)
        return Checkpoint(folder, identity, local, unpinned=unpinned)
    adapter_file(spec, folder)
    says = adapter_config(folder)
    name, revision = spec.base or says.base_model_name_or_path, spec.base_revision
    revision = says.revision if revision is None and not spec.base else revision
    if not name:
        raise ModelError(
            f"{spec.name}: the adapter in {folder} does not name its base model; give {spec.setting}.base="
        )
    check_trust(spec, name, revision, "base")
    base, base_identity = _fetch(spec, name, revision, cache_dir, key="base")
    _complete(spec, base)
    unpinned += unpinned_at(spec, name, revision, base_identity, key="base")
    return Checkpoint(base, f"{identity} over {base_identity}", local, folder, unpinned)


def _adapter_within(spec: ModelSpec, folder: Path) -> Path:
    """The folder of the adapter that a whole model has within."""
    within = folder / str(spec.adapter)
    if not (within / ADAPTER_CONFIG).is_file():
        raise ModelError(
            f"{spec.name}: {folder} has no {spec.adapter}/{ADAPTER_CONFIG}, of the adapter that is merged into its"
            f" weights; get it again, or give {spec.setting}.adapter=null for a model that needs none"
        )
    adapter_file(spec, within)
    return within


def find_whole(spec: Checkpointed, cache_dir: Path) -> tuple[Path, str]:
    """The folder of a checkpoint with parts in folders of their own, and what identifies its content.

    Raises:
        ModelError: it is not there, or has no weights that may be taken.
    """
    check_trust(spec, spec.checkpoint, spec.revision)
    folder, identity = _fetch(spec, spec.checkpoint, spec.revision, cache_dir, parts=True)
    places = {file.parent for pattern in PATTERNS.values() for file in folder.rglob(pattern)}
    for place in sorted(places) or [folder]:
        weight_files(spec, place)
    return folder, identity


def is_local(identity: str) -> bool:
    """Whether what identifies weights is of a folder, which has no commit."""
    return identity.startswith("sha256:")


def unpinned_at(
    spec: Checkpointed, name: str, revision: str | None, identity: str, key: str = "checkpoint"
) -> tuple[str, ...]:
    """A line if a repository was asked for by no commit, so that it may be another tomorrow.

    Args:
        spec: the declaration.
        name: of the repository, or a folder.
        revision: that was asked for.
        identity: of what was found.
        key: the setting that gives the repository.
    """
    if is_local(identity) or COMMIT.fullmatch(revision or ""):
        return ()
    pin = "revision" if key == "checkpoint" else f"{key}_revision"
    newest = f"at {revision!r}" if revision else "at its newest commit"
    again = f"{spec.setting}.{pin}={identity} gives the same weights again"
    return (f"{spec.name}: {name} has no pin and was taken {newest}, {identity}; {again}",)


def installed(library: str) -> str | None:
    """The version of a library; None: it is not there."""
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def check_trust(spec: Checkpointed, name: str, revision: str | None, key: str = "checkpoint") -> None:
    """Refuse to run code of a repository that may be another tomorrow.

    Args:
        spec: the declaration.
        name: the checkpoint, or the base of an adapter.
        revision: of that.
        key: the setting that gives it.

    Raises:
        ModelError: `trust_remote_code` is on and the revision is not a commit.
    """
    local = name in ("bundled", "unpublished") or not REPOSITORY.fullmatch(name)
    if spec.trust_remote_code and not local and not COMMIT.fullmatch(revision or ""):
        given = f"{spec.setting}.{key}"
        wanted = f"as {spec.setting}.revision" if key == "checkpoint" else f"for {given}, which has none: give a folder"
        raise ModelError(
            f"{spec.name}: {spec.setting}.trust_remote_code=true runs Python code of {name}, so expected a commit of"
            f" 40 digits {wanted}, found {revision!r}; read the code at that commit and give it"
        )


def _check_code(spec: Checkpointed, folder: Path) -> None:
    """Refuse files that name code of another repository, which nobody has read at any commit."""
    for file in sorted(folder.rglob("*.json")) if spec.trust_remote_code else ():
        if other := ELSEWHERE.search(file.read_text(errors="replace") if file.stat().st_size < LARGE else ""):
            raise ModelError(
                f"{spec.name}: {file} names code of another repository ({other[1]}), which"
                f" {spec.setting}.trust_remote_code=true would run; put that code beside the weights"
            )


def patterns(spec: Checkpointed) -> tuple[str, ...]:
    """Files of a checkpoint that are fetched and count towards its identity."""
    pickles = (PATTERNS["pickle"], f"*/{PATTERNS['pickle']}", ADAPTER["pickle"]) * spec.pickled_weights
    return READ + pickles + ("*.py",) * spec.trust_remote_code


def local_folder(spec: Checkpointed, name: str, revision: str | None, key: str = "checkpoint") -> Path | None:
    """The folder that a checkpoint is given as; None: it is a hub repository, whatever lies in the working directory.

    Raises:
        ModelError: there is no such folder, or it cannot be told from a repository.
    """
    if name == "bundled":
        from rzen_eval.models import mini

        return mini.FOLDER
    if name == "unpublished":
        raise ModelError(f"{spec.name}: no repository of its weights is known; give {spec.setting}.{key}=FOLDER")
    folder = Path(name).expanduser()
    if not REPOSITORY.fullmatch(name):
        if not folder.is_dir():
            raise ModelError(
                f"{spec.name}: no folder at {name}; {spec.setting}.{key}= takes a folder or a hub repository written"
                " owner/name"
            )
        return folder
    if revision is None and folder.is_dir():
        raise ModelError(
            f"{spec.name}: {name} is a folder here and may be a hub repository; give {spec.setting}.{key}=./{name}"
            f" for the folder, or {spec.setting}.revision=COMMIT for the repository"
        )
    return None


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
    folder = local_folder(spec, name, revision, key)
    if folder is None:
        folder = _download(spec, name, revision, key)
        _check_code(spec, folder)
        return folder, folder.name
    _check_code(spec, folder)
    files: set[Path] = set()
    for pattern in patterns(spec):
        # Code may import what lies in folders of its own.
        files.update((folder.rglob if parts or pattern == "*.py" else folder.glob)(pattern))
        if within := getattr(spec, "adapter", None):
            files.update((folder / within).glob(pattern))
    return folder, content_hash(sorted(files), folder, cache_dir / "digests.json")


def adapter_config(folder: Path) -> AdapterConfig:
    """What an adapter's own configuration says.

    Raises:
        ModelError: it is damaged.
    """
    file = folder / ADAPTER_CONFIG
    return checked(file, AdapterConfig, read_object(file))


def _complete(spec: ModelSpec, folder: Path, within: Path | None = None) -> None:
    """Refuse a folder that is not a whole model; `within` is the one adapter that it may hold."""
    if not (folder / "config.json").is_file():
        raise ModelError(f"{spec.name}: {folder} has no config.json; expected a checkpoint in transformers' layout")
    if (folder / ADAPTER_CONFIG).exists():
        raise ModelError(f"{spec.name}: {folder} holds an adapter where a whole model is expected")
    weight_files(spec, folder)
    if below := sorted({file.parent for file in folder.rglob(ADAPTER_CONFIG)} - {within}):
        raise ModelError(
            f"{spec.name}: {folder} holds a whole model, and in {below[0].name}/ an adapter that would not be merged;"
            f" give {spec.setting}.checkpoint= and {spec.setting}.base= the folders of the two, or a folder of the"
            " whole model alone"
        )
    if not _has_tokenizer(folder):
        raise ModelError(f"{spec.name}: {folder} has no tokenizer; expected one of {', '.join(TOKENIZERS)}")


def _has_tokenizer(folder: Path) -> bool:
    return any((folder / name).is_file() for name in TOKENIZERS)


def _download(spec: Checkpointed, name: str, revision: str | None, key: str) -> Path:
    spare_retries()
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    where = f"{name} at {revision or 'its newest revision'}"
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(patterns(spec))))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        raise ModelError(
            f"{spec.name}: the hub does not serve {where} ({reason(error)});"
            f" check the connection, or download it elsewhere and give model.{key}=FOLDER"
        ) from error
